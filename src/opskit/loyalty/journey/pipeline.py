"""The pipeline of leads: how long they stay at each stage, which open ones have grown old."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, check
from opskit.loyalty.journey.steps import STAGES, check_steps
from opskit.loyalty.journey.waiting import lasting, second

if TYPE_CHECKING:
    import pandas as pd

LOST = "lost"
_DAY = 86_400
_NEVER = dt.datetime(2099, 1, 1)  # a day number that any engine can hold, where a missing one would need care on each
NEVER = frames.day_number(_NEVER.date())


class Pipeline(NamedTuple):
    """Leads by the stage they entered."""

    stages: "pd.DataFrame"  # stage, entered, moved_on, lost, open, q25, median, low, high, q75, q90, overdue
    ageing: "pd.DataFrame"  # stage, age_from_days, age_to_days, leads, value, overdue


def spells(leads: Any, *, as_of: dt.date, stages: Sequence[str] = STAGES, lost: str = LOST) -> nw.LazyFrame[Any]:
    """Every lead's stays, one row per stage entered, seen as of a day.

    A stay ends when the lead enters any later stage, or is lost. A stage that is skipped, or entered after a later one,
    is no stay; of several entries into one stage the first counts.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at.
        as_of: Last day to count, inclusive.
        stages: The stages in order; entering the last one is the conversion.
        lost: The stage that closes a lead without conversion.

    Returns:
        A Narwhals lazy frame: lead_id; stage (place in stages, from 0); entered, left (to the next stage, or lost) and won
        (the conversion) as days since 1970-01-01, NEVER where it has not happened by as_of; moved_on; minutes (of the
        stay, up to the end of as_of where it is open); channel and value where the leads have them.

    Raises:
        OpskitError: as_of is not a date, a column is missing, a stage is named twice, or no lead is in a stage by as_of.
    """
    names = tuple(stages)
    check_steps((*names, lost))
    frames.day_number(as_of)
    lf = frames.lazy(leads, "lead_id", "stage", "entered_at", table="leads")
    known = lf.filter(
        customers.on_or_before(lf, as_of, "entered_at"),
        nw.col("stage").is_in([*names, lost]),
        ~nw.col("lead_id").is_null(),
    )
    if lf.collect_schema()["entered_at"] == nw.Date:
        known = known.with_columns(nw.col("entered_at").cast(nw.Datetime("us")))
    extra = [name for name in ("channel", "value") if name in lf.collect_schema().names()]
    at = {f"at_{place}": name for place, name in enumerate((*names, lost))}
    firsts = [nw.when(nw.col("stage") == name).then(nw.col("entered_at")).alias(column) for column, name in at.items()]
    each = (
        known.with_columns(*firsts)
        .group_by("lead_id")
        .agg(nw.col(*at).min(), *(nw.col(name).max() for name in extra))
        .with_columns(nw.col(*at).fill_null(nw.lit(_NEVER)))
    )
    end = (frames.day_number(as_of) + 1) * _DAY
    return nw.concat([_stay(each, place, len(names), extra, end) for place in range(len(names))])


def _stay(each: nw.LazyFrame[Any], place: int, stages: int, extra: list[str], end: int) -> nw.LazyFrame[Any]:
    """Stays at one stage."""
    here, won, lost = (nw.col(f"at_{at}") for at in (place, stages - 1, stages))
    never = nw.lit(_NEVER)
    later = [f"at_{at}" for at in range(place + 1, stages)]
    moved = nw.min_horizontal(*later, never) if later else never  # Spark takes the least of two at least
    staying = each.with_columns(moved.alias("moved")).filter(here < never, nw.col("moved") >= here)
    # A lead that was lost and is taken up again was not lost from here.
    staying = staying.with_columns(nw.when(lost >= here).then(lost).otherwise(never).alias("no"))
    staying = staying.with_columns(nw.min_horizontal("moved", "no").alias("gone"))
    left = nw.when(nw.col("gone") < never).then(second("gone")).otherwise(nw.lit(end))
    return staying.select(
        "lead_id",
        nw.lit(place).cast(nw.Int64).alias("stage"),
        frames.epoch_day(f"at_{place}").alias("entered"),
        frames.epoch_day("gone").alias("left"),
        ((nw.col("moved") < never) & (nw.col("moved") <= nw.col("no"))).alias("moved_on"),
        nw.when(won >= here).then(frames.epoch_day(f"at_{stages - 1}")).otherwise(nw.lit(NEVER)).alias("won"),
        ((left - second(f"at_{place}")) // 60).alias("minutes"),
        *extra,
    )


def pipeline(
    leads: Any, *, as_of: dt.date, stages: Sequence[str] = STAGES, lost: str = LOST, confidence: float = 0.95
) -> Pipeline:
    """Time at each stage, and the open leads by stage and age.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at; value where it is known.
        as_of: Last day to count, inclusive.
        stages: The stages in order; entering the last one is the conversion.
        lost: The stage that closes a lead without conversion.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``stages``, a row per stage but the last: stage; entered, moved_on, lost, open (leads); q25, median, low, high (of
        the median), q75, q90: days after which that part of those who move on has moved on; overdue (open leads that
        have been there longer than 9 in 10 of those who moved on). ``ageing``: stage, age_from_days, age_to_days, leads,
        value (summed, missing without the column), overdue (leads).

    Raises:
        OpskitError: An option is out of range, a column is missing, or no lead has entered a stage by as_of.

    Assumes a stay counts from the first entry. Days are those of leads that moved on: leads that are lost have none.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    counted = _counted(spells(leads, as_of=as_of, stages=stages, lost=lost), as_of)
    parts: list[pd.DataFrame] = []
    for place, name in enumerate(tuple(stages)[:-1]):
        mine = counted[counted["stage"] == place]
        moved = mine[mine["moved_on"]].rename(columns={"minutes": "time"}).assign(event=True)
        _, days = lasting(moved, confidence) if len(moved) else (None, {})
        waiting = mine[mine["open"]]
        late = waiting["n"].where(waiting["minutes"] > days.get("q90", float("nan")) * 1440, 0)
        sizes = {"entered": mine["n"].sum(), "moved_on": moved["n"].sum(), "open": waiting["n"].sum()}
        sizes = {key: int(value) for key, value in sizes.items()}
        rows.append({"stage": name, **sizes, "lost": sizes["entered"] - sizes["moved_on"] - sizes["open"], **days})
        rows[-1]["overdue"] = int(late.sum())
        parts.append(_ages(waiting, late).assign(stage=name))
    columns = ["stage", "entered", "moved_on", "lost", "open", "q25", "median", "low", "high", "q75", "q90", "overdue"]
    ageing = pd.concat(parts, ignore_index=True)
    return Pipeline(
        pd.DataFrame(rows).reindex(columns=columns),
        ageing[["stage", "age_from_days", "age_to_days", "leads", "value", "overdue"]],
    )


def _counted(stays: nw.LazyFrame[Any], as_of: dt.date) -> "pd.DataFrame":
    """Stays by stage, end and minutes; the last stage is no stay."""
    value = nw.col("value").sum() if "value" in stays.collect_schema().names() else nw.len().alias("value")
    counted = frames.collect(
        stays.with_columns((nw.col("left") == NEVER).alias("open"))
        .group_by("stage", "moved_on", "open", "minutes")
        .agg(nw.len().alias("n"), value)
    )
    if not len(counted):
        raise OpskitError(f"leads hold none of the stages on or before {as_of}. Name the stages, or use a later as_of.")
    if "value" not in stays.collect_schema().names():
        counted["value"] = float("nan")
    return counted


_BINS = (0, 7, 14, 30, 60, 90, 180)


def _ages(waiting: "pd.DataFrame", late: "pd.Series[Any]") -> "pd.DataFrame":
    """Open leads by days at the stage."""
    import numpy as np
    import pandas as pd

    place = np.digitize(waiting["minutes"] / 1440, _BINS[1:], right=True)
    sums = waiting.assign(overdue=late).groupby(place)[["n", "value", "overdue"]].sum(min_count=1)
    sums = sums.reindex(range(len(_BINS))).astype(float)
    table = pd.DataFrame({"age_from_days": _BINS, "age_to_days": [*map(float, _BINS[1:]), np.nan]})
    table["leads"] = sums["n"].fillna(0).astype("int64").to_numpy()
    return table.assign(value=sums["value"].to_numpy(), overdue=sums["overdue"].fillna(0).astype("int64").to_numpy())


def overdue(
    leads: Any, *, as_of: dt.date, stages: Sequence[str] = STAGES, lost: str = LOST, quantile: float = 0.9
) -> Any:
    """The open leads that have been at their stage longer than most of those who moved on: whom to call or to close.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at.
        as_of: Last day to count, inclusive.
        stages: The stages in order.
        lost: The stage that closes a lead without conversion.
        quantile: The part of those who moved on that was quicker.

    Returns:
        The same kind of frame, a row per lead: lead_id, stage, days (at the stage), limit_days; channel and value where
        the leads have them.

    Raises:
        OpskitError: An option is out of range, a column is missing, or no lead has entered a stage by as_of.
    """
    check(quantile, "quantile", gt=0, lt=1)
    stays = spells(leads, as_of=as_of, stages=stages, lost=lost)
    counted = _counted(stays, as_of)
    extra = [name for name in ("channel", "value") if name in stays.collect_schema().names()]
    names, limit, name = tuple(stages), nw.lit(float("inf")), nw.lit("")
    for place in range(len(names) - 1):
        moved = counted[(counted["stage"] == place) & counted["moved_on"]].sort_values("minutes")
        if len(moved):
            within = moved["n"].cumsum() >= quantile * moved["n"].sum()
            here = nw.col("stage") == place
            limit = nw.when(here).then(nw.lit(float(moved.loc[within, "minutes"].iloc[0]))).otherwise(limit)
            name = nw.when(here).then(nw.lit(names[place])).otherwise(name)
    late = stays.filter(nw.col("left") == NEVER, nw.col("stage") < len(names) - 1).with_columns(
        limit.alias("limit"), name.alias("name")
    )
    days = nw.col("minutes") / 1440
    chosen = late.filter(nw.col("minutes") > nw.col("limit")).select(
        "lead_id",
        nw.col("name").alias("stage"),
        days.alias("days"),
        (nw.col("limit") / 1440).alias("limit_days"),
        *extra,
    )
    return frames.like(chosen, leads)
