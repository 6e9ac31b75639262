"""Leads from stage to stage, by channel."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.loyalty.journey.funnel import funnel, walk
from opskit.loyalty.journey.segments import segments
from opskit.loyalty.journey.steps import STAGES, lead_actions

if TYPE_CHECKING:
    import pandas as pd

ALL = "(all)"


def conversion(
    leads: Any, *, as_of: dt.date, window_days: int = 120, stages: Sequence[str] = STAGES, confidence: float = 0.95
) -> "pd.DataFrame":
    """The share of leads that go on at each stage, and from the first stage to the last, by channel.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at; channel where it is known.
        as_of: Last day to count, inclusive.
        window_days: Days after the first stage within which the others must be entered; younger leads are left out.
        stages: The stages in order.
        confidence: Coverage of the intervals.

    Returns:
        A row per channel and stage, ``(all)`` first: channel; stage (``lead to customer`` for the whole way); n, reached,
        rate, low, high; and against all other channels, as in `segments`: difference, difference_low, difference_high,
        p_adjusted (Holm, over the stages of all channels; the whole way apart), differs.

    Raises:
        OpskitError: An option is out of range, a column is missing, or no lead entered the first stage by as_of.

    Assumes a lead keeps its channel, and passes the stages in order: who skips one is lost to it, and counts on the whole
    way all the same.
    """
    import pandas as pd

    names, actions = tuple(stages), lead_actions(leads)
    ways = [(names, names[1:]), ((names[0], names[-1]), (f"{names[0]} to {names[-1]}",))]
    channels = _channels(actions)
    parts: list[pd.DataFrame] = []
    for steps, called in ways:
        walked = walk(actions, steps=steps, as_of=as_of, window_days=window_days)
        whole = funnel(walked, confidence=confidence).iloc[1:].assign(segment=ALL)
        parts.append(whole.assign(step=list(called)))
        if channels is not None:
            apart = segments(walked, channels, by="channel", confidence=confidence)
            parts.append(apart.assign(step=apart["step"].map(dict(zip(steps[1:], called, strict=True)))))
    table = pd.concat(parts, ignore_index=True).rename(columns={"segment": "channel", "step": "stage"})
    table["differs"] = table["differs"].fillna(False).astype(bool) if "differs" in table else False
    columns = ["channel", "stage", "n", "reached", "rate", "low", "high"]
    columns += ["difference", "difference_low", "difference_high", "p_adjusted", "differs"]
    order = {name: place for place, name in enumerate(dict.fromkeys([ALL, *table["channel"]]))}
    table = table.sort_values("channel", key=lambda column: column.map(order), kind="stable")
    return table.reindex(columns=columns).reset_index(drop=True)


def _channels(actions: Any) -> Any:
    """One channel per lead, None where the leads have none."""
    lf = frames.lazy(actions, "customer_id", table="leads")
    if "channel" not in lf.collect_schema().names():
        return None
    return frames.like(lf.group_by("customer_id").agg(nw.col("channel").max()), actions)
