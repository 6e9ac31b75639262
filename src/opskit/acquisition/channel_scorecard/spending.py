"""Spend by channel and day, laid beside the days on which its sign-ups are expected."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

ACQUIRE = "acquire"
_SPARSE_DAYS = 5  # rows further apart than this stand for the days up to the next one


class Spending(NamedTuple):
    """Spend by channel and by the day of the sign-ups it is set against."""

    daily: "pd.DataFrame"  # channel, day (days since 1970-01-01), acquire, every
    first_day: int  # of the sign-ups that have a cost; beyond last_day where there are none
    last_day: int
    notes: tuple[str, ...]


NO_SPENDING = 1, 0  # a period that holds no day


def spending(spend: Any, *, as_of: dt.date, spend_lag_days: int = 0) -> Spending:
    """Acquisition spend and all spend by channel and day, moved by the lag.

    Args:
        spend: Any engine's frame with date, channel and spend; of purpose, where it is there, "retain" is repeat spend
            and everything else acquisition.
        as_of: Last day to count, inclusive.
        spend_lag_days: Spend of a day is set against sign-ups so many days later.

    Returns:
        ``daily``: channel, day, acquire and every (money); ``first_day`` and ``last_day`` of the sign-ups that have a
        cost; ``notes`` for the reader. Rows that stand days apart (weekly or monthly totals) are spread evenly over the
        days up to the next one.

    Raises:
        OpskitError: A column is missing, the lag is negative or leaves nothing, or as_of is no date or before the
            first row.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"date": [pd.Timestamp("2024-01-01")], "channel": ["ads"], "spend": [9.0]})
    >>> spending(table, as_of=dt.date(2024, 1, 31)).daily[["channel", "acquire"]].values.tolist()
    [['ads', 9.0]]
    """
    import pandas as pd

    check(spend_lag_days, "spend_lag_days", ge=0)
    lf = frames.lazy(spend, "date", "channel", "spend", table="spend")
    known = "purpose" in lf.collect_schema().names()
    purpose = nw.col("purpose").cast(nw.String).fill_null(ACQUIRE) if known else nw.lit(ACQUIRE)
    amount = nw.col("spend").cast(nw.Float64)
    rows = (
        lf.filter(~nw.col("date").is_null())
        .select(
            nw.col("channel").cast(nw.String).fill_null("(unknown)").alias("channel"),
            frames.epoch_day("date").alias("day"),
            amount.alias("every"),
            nw.when(purpose != "retain").then(amount).otherwise(nw.lit(0.0)).alias("acquire"),
        )
        .group_by("channel", "day")
        .agg(nw.col("acquire", "every").sum())
    )
    daily = frames.collect(rows)
    daily = daily[daily["day"] <= frames.day_number(as_of)].astype({"day": "int64"})
    if daily.empty:
        raise OpskitError(f"spend has no rows up to {as_of}. Use a later as_of.")
    daily, last, notes = _spread(daily.sort_values(["channel", "day"], ignore_index=True))
    if not known:
        notes.append(
            "spend has no column purpose: all of it counts as acquisition, so repeat spend makes CAC too high."
        )
    first = int(daily["day"].min()) + spend_lag_days
    last = min(last + spend_lag_days, frames.day_number(as_of))
    if first > last:
        raise OpskitError(f"spend_lag_days == {spend_lag_days}, must leave sign-ups to set spend against. Use fewer.")
    daily["day"] += spend_lag_days
    if last < frames.day_number(as_of):
        ends = pd.Timestamp(last, unit="D").date()
        notes.append(f"spend ends early: sign-ups after {ends} have no cost and stay out of CAC.")
    return Spending(daily[daily["day"] <= last].reset_index(drop=True), first, last, tuple(notes))


def _spread(daily: "pd.DataFrame") -> "tuple[pd.DataFrame, int, list[str]]":
    """Totals of weeks or months as days; the table, the last day it covers, and what to tell the reader."""
    import numpy as np

    days = np.unique(daily["day"])
    gaps = np.diff(days)
    if len(gaps) == 0 or np.median(gaps) < _SPARSE_DAYS:
        return daily, int(days[-1]), []
    length = np.append(gaps, int(np.median(gaps)))[np.searchsorted(days, daily["day"])]
    spread = daily.loc[daily.index.repeat(length)].reset_index(drop=True)
    place = np.arange(len(spread)) - np.repeat(np.cumsum(length) - length, length)
    each = np.repeat(length, length)
    spread = spread.assign(day=spread["day"] + place, acquire=spread["acquire"] / each, every=spread["every"] / each)
    note = f"spend has rows every {int(np.median(gaps))} days: each is spread evenly over the days up to the next one."
    return spread, int(days[-1] + np.median(gaps)) - 1, [note]
