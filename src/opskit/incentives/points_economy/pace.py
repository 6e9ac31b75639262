"""The pace of the programme: what is earned, used and left by month, and how many points a unit of revenue makes."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check
from opskit.incentives.points_economy.ledger import Ledger
from opskit.incentives.points_economy.postings import EARN, postings

if TYPE_CHECKING:
    import pandas as pd


class Pace(NamedTuple):
    """Points earned per unit of revenue.

    Attributes:
        months: month, complete, earned (points), revenue, per_revenue (points earned per unit of revenue), low, high.
        periods: period (``last 12 months``, ``12 months before``, ``change``, ``all whole months``), months, earned, revenue,
            per_revenue, low, high; the change is the ratio of the two less 1, missing where the months before are not all
            there.
    """

    months: "pd.DataFrame"
    periods: "pd.DataFrame"


def by_month(found: Ledger) -> "pd.DataFrame":
    """Points earned, redeemed, expired and taken back in each month, and what is left at its end.

    Args:
        found: From `ledger`.

    Returns:
        month (first day), complete, earned, redeemed, expired, reversed, outstanding (at the end of the month), in
        points. Months without a posting have zeros. Points used before they were earned count when both have happened.
    """
    import pandas as pd

    moves = found.moves[found.moves["earned_day"].notna()]
    last = pd.Timestamp(found.as_of)
    if moves.empty:
        return pd.DataFrame(columns=["month", "complete", "earned", "redeemed", "expired", "reversed", "outstanding"])
    earned = moves.groupby(_months(moves["earned_day"]))["points"].sum()
    gone = moves[moves["way"] != "outstanding"]
    # A lot that pays for an earlier overdraft is gone the day it is earned.
    left = gone[["earned_day", "left_day"]].max(axis=1)
    used = gone.groupby([_months(left), gone["way"]])["points"].sum().unstack(fill_value=0)
    months = pd.period_range(earned.index.min(), pd.Period(last, "M"), freq="M")
    table = used.reindex(index=months, columns=["redeemed", "expired", "reversed"], fill_value=0.0).fillna(0.0)
    table.insert(0, "earned", earned.reindex(months, fill_value=0.0))
    table["outstanding"] = (table["earned"] - table[["redeemed", "expired", "reversed"]].sum(axis=1)).cumsum()
    table.insert(0, "complete", [month.end_time.normalize() <= last for month in months])
    table.columns.name = None
    return table.rename_axis("month").reset_index().assign(month=months.start_time)


def _months(days: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.to_datetime(days, unit="D").dt.to_period("M")


def per_revenue(points: Any, orders: Any, *, as_of: dt.date, confidence: float = 0.95) -> Pace:
    """Points earned per unit of revenue, by month and by year: whether the currency of the programme loses its hold.

    Args:
        points: Any engine's frame with customer_id, posted_at, points and kind.
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Months and periods.

    Raises:
        OpskitError: A column is missing, or an option is out of range.

    Assumes customers are independent of each other; points count when they are posted, orders when they are placed.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    sums = _sums(points, orders, as_of)
    whole = pd.Period(pd.Timestamp(as_of), "M")
    months = sums["month"].unique()
    told = stats.jackknife(
        sums,
        lambda total: total["earned"] / total["revenue"].where(total["revenue"] > 0),
        keys=["month"],
        confidence=confidence,
    )
    total = sums.groupby("month")[["earned", "revenue"]].sum()
    table = total.join(told.rename(columns={"estimate": "per_revenue"})).reset_index()
    table["month"] = (table["month"].to_numpy() - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]")
    over = pd.Timestamp(as_of) == whole.end_time.normalize()
    table.insert(1, "complete", (table["month"] < whole.start_time) | over)
    table = table.assign(low=table["low"].clip(lower=0)).replace([np.inf, -np.inf], np.nan)
    last = whole.year * 12 + whole.month - 1 - (0 if over else 1)
    period = np.where(sums["month"] > last, -1, (last - sums["month"]) // 12)
    enough = months.min() <= last - 23 if len(months) else False
    return Pace(table, _periods(sums.assign(period=period), bool(enough), confidence))


def _sums(points: Any, orders: Any, as_of: dt.date) -> "pd.DataFrame":
    """Points earned and revenue by month and group of customers."""
    given = postings(points, as_of=as_of, expiry="posted")
    bought, _ = customers.until(orders, "revenue", as_of=as_of)
    earned = given.rows.filter(nw.col("rank") == EARN).select(
        "customer_id", frames.month_index("at").alias("month"), nw.col("earned"), nw.lit(0.0).alias("revenue")
    )
    paid = bought.select(
        "customer_id",
        frames.month_index("ordered_at").alias("month"),
        nw.lit(0.0).alias("earned"),
        nw.col("revenue").cast(nw.Float64),
    )
    by_customer = (
        nw.concat([earned, paid]).group_by("customer_id", "month").agg(nw.col("earned").sum(), nw.col("revenue").sum())
    )
    grouped = stats.assign_groups(by_customer)
    sums = frames.collect(grouped.group_by("group", "month").agg(nw.col("earned").sum(), nw.col("revenue").sum()))
    return sums.sort_values(["month", "group"], ignore_index=True)


def _periods(sums: "pd.DataFrame", enough: bool, confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    names = {0: "last 12 months", 1: "12 months before"}
    for number, name in names.items():
        part = sums[sums["period"] == number]
        rows.append((name, *_ratio(part if number == 0 or enough else part.iloc[:0], confidence)))
    change = (np.nan, np.nan, np.nan)
    both = sums[sums["period"].isin([0, 1])]
    if enough and rows[0][4] == rows[0][4] and rows[1][4] == rows[1][4] and rows[1][4] > 0 and rows[0][4] > 0:
        told = stats.jackknife(
            both[["group", "period", "earned", "revenue"]], _log_ratio, keys=["period"], confidence=confidence
        ).iloc[0]
        change = tuple(float(np.expm1(told[name])) for name in ("estimate", "low", "high"))
    rows.append(("change", both["month"].nunique(), both["earned"].sum(), both["revenue"].sum(), *change))
    part = sums[sums["period"] >= 0] if (sums["period"] >= 0).any() else sums
    rows.append(("all whole months", *_ratio(part, confidence)))
    columns = ["period", "months", "earned", "revenue", "per_revenue", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _ratio(part: "pd.DataFrame", confidence: float) -> tuple[float, ...]:
    """Months, points, revenue and points per revenue with its bounds."""
    total = part[["earned", "revenue"]].sum()
    known = (float(part["month"].nunique()), total["earned"], total["revenue"])
    if not total["revenue"] > 0:
        return *known, float("nan"), float("nan"), float("nan")
    told = stats.jackknife(
        part[["group", "earned", "revenue"]],
        lambda sums: (sums["earned"] / sums["revenue"]).iloc[0],
        confidence=confidence,
    ).iloc[0]
    return *known, told["estimate"], max(told["low"], 0.0), told["high"]


def _log_ratio(total: "pd.DataFrame") -> float:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(total["earned"].to_numpy() / total["revenue"].to_numpy())
    return float(level[0] - level[1])
