"""The ordered funnel: how many go from step to step within the window, and where most are lost."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, check
from opskit.loyalty.journey.steps import check_steps

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Walk:
    """Everybody who began the journey, and when each of them arrived at each step.

    Attributes:
        arrivals: A Narwhals lazy frame, a row per customer and step reached: customer_id, step (place in steps, from
            0), started_at, before_at (arrival at the step before), at, mature (the window is over).
        steps: Names of the steps.
        window_days: Days after the first step within which every other one must come.
        as_of: Last day that counts.
    """

    arrivals: nw.LazyFrame[Any]
    steps: tuple[str, ...]
    window_days: int
    as_of: dt.date


def walk(actions: Any, *, steps: Sequence[str], as_of: dt.date, window_days: int = 30) -> Walk:
    """Follow every customer from the first step on, once, for all readings of the journey.

    The rules, exactly:

    - **Start.** A customer starts with the first action of the first step ever; coming back later is no new start.
    - **Order.** A step counts at its first action at or after the arrival at the step before. Actions in between, and
      actions of later steps that came too early, count for nothing.
    - **Ties.** Two steps at the same moment count as in order.
    - **Window.** A step must come at most window_days * 24 hours after the start, that moment included.
    - **Too young.** A customer whose window ends after as_of is not mature, and is left out by every share.

    Args:
        actions: Any engine's frame with customer_id, event and occurred_at; rows without a customer count for nothing.
        steps: Names of events in the order of the journey.
        as_of: Last day to count, inclusive.
        window_days: Length of the conversion window.

    Returns:
        The walk: `funnel`, `segments`, `waiting` and `worth` read it.

    Raises:
        OpskitError: A step is named twice or there are fewer than two, an option is out of range, a column is missing,
            or nobody took the first step.

    Assumes the actions reach back to the first ones: where they do not, old customers seem to start.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"])
    >>> actions = pd.DataFrame(
    ...     {"customer_id": ["A", "A", "B"], "event": ["visit", "buy", "visit"], "occurred_at": days}
    ... )
    >>> funnel(walk(actions, steps=("visit", "buy"), as_of=dt.date(2024, 3, 1)))[["step", "n", "reached", "rate"]]
        step  n  reached  rate
    0  visit  2        2   NaN
    1    buy  2        1   0.5
    """
    names = tuple(steps)
    check_steps(names)
    check(window_days, "window_days", ge=1)
    last_start = frames.day_number(as_of) - window_days
    known = _known(actions, names, as_of)
    everybody = frames.settled(_firsts(known, names))
    if not frames.collect(everybody.select(nw.len().alias("n")))["n"].iloc[0]:
        raise OpskitError(
            f"nobody took the first step, {names[0]!r}, on or before {as_of}. Name the steps, or use a later as_of."
        )
    for place, name in enumerate(names[1:], start=1):
        everybody = _arrived(everybody, known.filter(nw.col("event") == name), place, window_days)
    arrivals = nw.concat([_at_step(everybody, place) for place in range(len(names))]).with_columns(
        (frames.epoch_day("started_at") <= last_start).alias("mature")
    )
    return Walk(arrivals, names, window_days, as_of)


def _known(actions: Any, steps: tuple[str, ...], as_of: dt.date) -> nw.LazyFrame[Any]:
    lf = frames.lazy(actions, "customer_id", "event", "occurred_at", table="events")
    seen = lf.filter(
        customers.on_or_before(lf, as_of, "occurred_at"), nw.col("event").is_in(steps), ~nw.col("customer_id").is_null()
    ).select("customer_id", "event", "occurred_at")
    if lf.collect_schema()["occurred_at"] == nw.Date:
        return seen.with_columns(nw.col("occurred_at").cast(nw.Datetime("us")))
    return seen


def _firsts(known: nw.LazyFrame[Any], steps: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """Everybody at the first step, with the first action ever of each later one: for most the arrival, in one scan."""
    moment, event = nw.col("occurred_at"), nw.col("event")
    firsts = [nw.when(event == name).then(moment).alias(_first(place)) for place, name in enumerate(steps)]
    return (
        known.with_columns(*firsts)
        .group_by("customer_id")
        .agg(nw.col(*map(_first, range(len(steps)))).min())
        .filter(~nw.col(_first(0)).is_null())
        .rename({_first(0): _at(0)})
    )


def _first(place: int) -> str:
    return f"first_{place}"


def _at(place: int) -> str:
    return f"at_{place}"


def _arrived(everybody: nw.LazyFrame[Any], taken: nw.LazyFrame[Any], place: int, window_days: int) -> nw.LazyFrame[Any]:
    """Everybody with the arrival at a step, missing where it was not taken in order and in time.

    Only who took the step too early for the first time needs another look at the actions.
    """
    moment, first, before = nw.col("occurred_at"), nw.col(_first(place)), nw.col(_at(place - 1))
    end = nw.col(_at(0)) + dt.timedelta(days=window_days)
    in_order = nw.when(first >= before, first <= end).then(first)
    early = everybody.filter(first < before).select("customer_id", before.alias("before_at"), end.alias("end"))
    if not frames.collect(early.select(nw.len().alias("n")))["n"].iloc[0]:
        return everybody.with_columns(in_order.alias(_at(place)))
    later = (
        early.join(taken.select("customer_id", "occurred_at"), on="customer_id")
        .filter(moment >= nw.col("before_at"), moment <= nw.col("end"))
        .group_by("customer_id")
        .agg(moment.min().alias("later"))
    )
    found = everybody.join(later, on="customer_id", how="left")
    return frames.settled(found.with_columns(nw.coalesce(in_order, nw.col("later")).alias(_at(place))).drop("later"))


def _at_step(everybody: nw.LazyFrame[Any], place: int) -> nw.LazyFrame[Any]:
    """Those who reached a step, as rows of the arrivals."""
    return everybody.filter(~nw.col(_at(place)).is_null()).select(
        "customer_id",
        nw.col(_at(0)).alias("started_at"),
        nw.col(_at(max(place - 1, 0))).alias("before_at"),
        nw.col(_at(place)).alias("at"),
        nw.lit(place).cast(nw.Int64).alias("step"),
    )


def funnel(walked: Walk, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Customers at each step, those lost before it, and the share that went on.

    Args:
        walked: What `walk` gives.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per step: step; n (customers at the step before; at the first step those who started); reached; lost (n -
        reached); rate (reached / n), low, high; share (reached / started), share_low, share_high; immature (customers
        who have reached it but whose window is not over: left out of everything else). The first step has no rate.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes customers are independent of each other. Rates are missing where nobody could go on.

    Source: Wilson (1927) for the intervals.
    """
    import pandas as pd

    counted = frames.collect(walked.arrivals.group_by("step", "mature").agg(nw.len().alias("n")))
    sizes = counted.pivot(index="step", columns="mature", values="n")
    sizes = sizes.reindex(index=range(len(walked.steps)), columns=[True, False]).fillna(0).astype("int64")
    reached = sizes[True].to_numpy()
    n = sizes[True].shift(1, fill_value=int(reached[0])).to_numpy()
    table = pd.DataFrame({"step": walked.steps, "n": n, "reached": reached, "lost": n - reached})
    later = table["n"].where(table.index > 0).astype(float)
    low, high = stats.wilson(reached, later, confidence=confidence)
    table = table.assign(rate=reached / later.where(later > 0), low=low, high=high)
    started = pd.Series(float(reached[0]), index=table.index)
    low, high = stats.wilson(reached, started, confidence=confidence)
    share = table["reached"] / started.where(started > 0)
    return table.assign(share=share, share_low=low, share_high=high, immature=sizes[False].to_numpy())
