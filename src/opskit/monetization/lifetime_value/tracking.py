"""Repeat purchases week by week, as counted and as expected, through calibration and hold-out."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError
from opskit.monetization.lifetime_value.summary import summary

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.lifetime_value.bg_nbd import BGNBD


def tracking(
    orders: Any, purchases: "BGNBD", *, as_of: dt.date, calibrate_until: dt.date, confidence: float = 0.95
) -> "pd.DataFrame":
    """Repeat order days of the calibration customers by week, and what the model says of a group that came like this.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        purchases: Fitted on the calibration period.
        as_of: Last day to count, inclusive.
        calibrate_until: Last day of the calibration period; customers who came later are left out.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per whole week since the first order: week (from 1), first_day, held_out (the week ends after
        calibration); actual repeat order days, low, high, expected; and cumulative since the first order:
        cumulative_actual, cumulative_low, cumulative_high, cumulative_expected; n customers.

    Raises:
        OpskitError: calibrate_until is not before as_of, there is no whole week, or there are no rows.

    Assumes customers are independent of each other; intervals of what was counted leave out groups of customers. The
    expectation uses nothing but the days on which customers came.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", figures 3 and 4.
    """
    import pandas as pd

    _, start = customers.until(orders, as_of=calibrate_until)
    weeks = (frames.day_number(as_of) - start + 1) // 7
    if weeks < 1:
        raise OpskitError(f"orders span less than a week up to {as_of}. Use a later as_of.")
    known = summary(orders, as_of=as_of, calibrate_until=calibrate_until, time_unit=purchases.time_unit)
    starts = pd.to_datetime(start, unit="D") + pd.to_timedelta([7 * week for week in range(weeks)], unit="D")
    ends = [day.date() for day in starts + pd.Timedelta(days=6)]
    expected = purchases.expected_cumulative(known, days=ends)
    cells = _counted(orders, as_of, calibrate_until, start, weeks)
    found = stats.jackknife(cells, _weekly_and_cumulative, keys=["week"], confidence=confidence)
    table = pd.DataFrame({"week": range(1, weeks + 1), "first_day": starts})
    table["held_out"] = [end > calibrate_until for end in ends]
    for name, prefix in (("weekly", ""), ("cumulative", "cumulative_")):
        part = found.loc[name]
        bounds = {f"{prefix}{bound}": part[bound].clip(lower=0).to_numpy() for bound in ("low", "high")}
        table = table.assign(**{f"{prefix}actual": part["estimate"].round().astype(int).to_numpy()}, **bounds)
        table[f"{prefix}expected"] = expected["expected_purchases"].to_numpy()
    table["expected"] = table["cumulative_expected"].diff().fillna(table["cumulative_expected"])
    return table.assign(n=int(expected["customers"].max()))


def _counted(orders: Any, as_of: dt.date, calibrate_until: dt.date, start: int, weeks: int) -> "pd.DataFrame":
    """Repeat order days of calibration customers by group and week, every week there."""
    import pandas as pd

    ids = customers.until(orders, as_of=as_of)[0]
    first = nw.col("day").min().over("customer_id").alias("first_day")
    again = (
        stats.assign_groups(customers.gaps(orders, as_of=as_of).with_columns(first), ids=ids)
        .filter(nw.col("first_day") <= frames.day_number(calibrate_until))
        .select("group", ((nw.col("day") - start) // 7).alias("week"), (nw.col("order_number") > 1).alias("again"))
        .with_columns(nw.col("again").cast(nw.Int64))
        .group_by("group", "week")
        .agg(nw.col("again").sum().alias("actual"))
    )
    cells = frames.collect(again)
    groups = sorted(cells["group"].unique())
    every = pd.MultiIndex.from_product([groups, range(weeks)], names=["group", "week"])
    return cells.set_index(["group", "week"]).reindex(every, fill_value=0).reset_index()


def _weekly_and_cumulative(totals: "pd.DataFrame") -> "pd.Series[Any]":
    import pandas as pd

    weekly = totals["actual"].sort_index()
    return pd.concat({"weekly": weekly, "cumulative": weekly.cumsum()})
