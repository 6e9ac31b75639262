"""Repeat purchase: the probability of one more order, by how many there were and by how long ago the first was."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check
from opskit.loyalty.retention.cohorts import count_if

if TYPE_CHECKING:
    import pandas as pd

_LOYAL_AT = 5  # the order number after which the rule of thumb sees no further rise
_DECISIVE_WINDOWS = 2  # the rule of thumb's first two months


class Repeat(NamedTuple):
    """Repeat probability by order number, and what it says about the rule of five."""

    by_order: "pd.DataFrame"  # order_number, customers, returned, horizon_days, probability, low, high
    claims: "pd.DataFrame"  # claim, estimate, low, high, n, at_least, at_most, verdict


class Hazard(NamedTuple):
    """Second orders by age, and what they say about the first two months."""

    by_age: "pd.DataFrame"  # age, first_day, last_day, at_risk, returned, hazard, low, high, critical
    claims: "pd.DataFrame"  # claim, estimate, low, high, n, at_least, at_most, verdict


def repeat_probability(
    orders: Any,
    *,
    as_of: dt.date,
    horizon_days: int = 90,
    max_order_number: int = 10,
    min_customers: int = 50,
    margin: float = 0.02,
    confidence: float = 0.95,
) -> Repeat:
    """Probability that the k-th order day is followed by another within the horizon, for each k.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        horizon_days: Days within which the next order must come. Only order days at least that long before as_of count,
            so that each has the whole horizon.
        max_order_number: Last k to give.
        min_customers: The table ends before the first k with fewer customers than this.
        margin: The rule of five holds when later orders are followed by another at most this much (a share) more often
            than the fifth.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_order``: order_number k, customers (with a k-th order day old enough), returned (within the
        horizon), horizon_days,
        probability, low, high. ``claims``: the rule "five purchases make a customer loyal", read as: the probability
        after the 6th to the last order number in the table, less that after the 5th, is at most the margin; estimate,
        low, high, n (order days after the 5th), at_least, at_most, verdict.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion. A rising curve does not say that an order makes the next likelier: those
    who buy often are over-represented among the later order numbers from the start.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-05", "2024-01-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> repeat_probability(orders, as_of=dt.date(2024, 12, 31), min_customers=1).by_order[["customers", "probability"]]
       customers  probability
    0          2          0.5
    1          1          0.0
    """
    import pandas as pd

    check(horizon_days, "horizon_days", ge=1)
    check(max_order_number, "max_order_number", ge=1)
    check(min_customers, "min_customers", ge=1)
    check(margin, "margin", ge=0, lt=1)
    cells = frames.collect(_followed(orders, as_of, horizon_days, max_order_number))
    table = cells.groupby("order_number", as_index=False)[["customers", "returned"]].sum()
    table = table[(table["customers"] >= min_customers).cummin()].reset_index(drop=True)
    low, high = stats.wilson(table["returned"], table["customers"], confidence=confidence)
    share = table["returned"] / table["customers"]
    table = table.assign(horizon_days=horizon_days, probability=share, low=low, high=high)
    later = cells[cells["order_number"].isin(table["order_number"])]
    return Repeat(table, pd.DataFrame([_five(later, margin, confidence)]))


def _followed(orders: Any, as_of: dt.date, horizon_days: int, max_order_number: int) -> nw.LazyFrame[Any]:
    """Order days with the whole horizon behind them, by customer group and order number."""
    last_start = frames.day_number(as_of) - horizon_days
    return (
        stats.assign_groups(customers.gaps(orders, as_of=as_of), ids=customers.until(orders, as_of=as_of)[0])
        .filter((nw.col("day") <= last_start) & (nw.col("order_number") <= max_order_number))
        .with_columns(count_if(nw.col("returned") & (nw.col("days") <= horizon_days)).alias("in_time"))
        .group_by("order_number", "group")
        .agg(nw.len().alias("customers"), nw.col("in_time").sum().alias("returned"))
    )


def _five(cells: "pd.DataFrame", margin: float, confidence: float) -> dict[str, Any]:
    """Whether the probability stops rising after the fifth order; a customer's orders stay together."""
    import numpy as np

    after = cells["order_number"] > _LOYAL_AT

    def rise(totals: "pd.DataFrame") -> float:
        later = totals[totals.index > _LOYAL_AT].sum()
        return later["returned"] / later["customers"] - totals["returned"][_LOYAL_AT] / totals["customers"][_LOYAL_AT]

    estimate = low = high = np.nan
    if after.any():
        estimate, low, high = stats.jackknife(cells, rise, keys=["order_number"], confidence=confidence).iloc[0]
    return claim(
        "after five orders the probability of another stops rising",
        (estimate, low, high),
        n=int(cells.loc[after, "customers"].sum()),
        at_most=margin,
    )


def hazard(
    orders: Any, *, as_of: dt.date, window_days: int = 30, max_windows: int = 12, confidence: float = 0.95
) -> Hazard:
    """Probability of the second order in each window of age, among those who have not made it before.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        window_days: Length of a window: the k-th holds days [k * window_days, (k + 1) * window_days) after the first
            order.
        max_windows: Number of windows to give.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_age``: age k, first_day, last_day (after the first order), at_risk (customers still without a second order
        whose window is over at as_of), returned (who made it in the window), hazard (returned / at_risk), low, high,
        critical (the whole interval lies above the hazard of all windows together). ``claims``: the rule "the first two
        months decide", read as: of the second orders within all windows, at least half come within the first two; among
        customers that have all windows behind them.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion, so that day 0 holds no second order. A falling hazard need not mean that
    a customer cools: the keen ones leave the group at risk first.

    Source: life table of the first gap, counted only in windows that are over, so that no correction for censoring is
        needed.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-05", "2024-01-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> hazard(orders, as_of=dt.date(2024, 3, 31), max_windows=3).by_age[["at_risk", "returned", "hazard"]]
       at_risk  returned  hazard
    0        2         0     0.0
    1        2         1     0.5
    2        1         0     0.0
    """
    import numpy as np
    import pandas as pd

    check(window_days, "window_days", ge=1)
    check(max_windows, "max_windows", ge=1)
    over = (frames.day_number(as_of) - nw.col("day") + 1) // window_days
    first = customers.gaps(orders, as_of=as_of).filter(nw.col("order_number") == 1)
    counted = first.select((nw.col("days") // window_days).alias("window"), "returned", over.alias("over"))
    cells = frames.collect(counted.group_by("window", "returned", "over").agg(nw.len().alias("n")))
    n, returns, window = cells["n"], cells["returned"].astype(bool), cells["window"]
    ages = np.arange(max_windows)
    waiting = [int(n[(cells["over"] > age) & ~(returns & (window < age))].sum()) for age in ages]
    came = [int(n[(cells["over"] > age) & returns & (window == age)].sum()) for age in ages]
    table = pd.DataFrame({"age": ages, "first_day": ages * window_days, "last_day": (ages + 1) * window_days - 1})
    table = table.assign(at_risk=waiting, returned=came)
    low, high = stats.wilson(table["returned"], table["at_risk"], confidence=confidence)
    share = table["returned"] / table["at_risk"].where(table["at_risk"] > 0)
    average = table["returned"].sum() / max(table["at_risk"].sum(), 1)
    table = table.assign(hazard=share, low=low, high=high, critical=low > average)
    decided = returns & (cells["over"] >= max_windows) & (window < max_windows)
    early = int(n[decided & (window < _DECISIVE_WINDOWS)].sum())
    return Hazard(table, pd.DataFrame([_two_months(early, int(n[decided].sum()), window_days, confidence)]))


def _two_months(early: int, all_returns: int, window_days: int, confidence: float) -> dict[str, Any]:
    import numpy as np

    low, high = stats.wilson([early], [all_returns], confidence=confidence)
    share = early / all_returns if all_returns else np.nan
    name = f"at least half of the second orders come within {_DECISIVE_WINDOWS * window_days} days"
    return claim(name, (share, low[0], high[0]), n=all_returns, at_least=0.5)


def claim(
    name: str, figures: tuple[float, float, float], *, n: int, at_least: float = -1.0, at_most: float = 1.0
) -> dict[str, Any]:
    """A rule of thumb as a row: the estimate, the range in which it holds, and the verdict."""
    estimate, low, high = figures
    verdict = stats.verdict(low, high, at_least=at_least, at_most=at_most)
    figure = {"claim": name, "estimate": estimate, "low": low, "high": high, "n": n}
    return {**figure, "at_least": at_least, "at_most": at_most, "verdict": verdict}
