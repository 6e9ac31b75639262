"""The first month: are customers that buy again in it the ones that stay?"""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import check
from opskit.loyalty.retention.cohorts import count_if, order_ages
from opskit.loyalty.retention.repeat import claim

if TYPE_CHECKING:
    import pandas as pd

_WITHOUT, _WITH = 0.1901, 0.5285  # the rule of thumb's retention of customers without and with a purchase in the month


class FirstMonth(NamedTuple):
    """Later retention by order days in the first month, and what it says about the rule of thumb."""

    by_orders: "pd.DataFrame"  # further_order_days, customers, active, retained, low, high
    claims: "pd.DataFrame"  # claim, estimate, low, high, n, at_least, at_most, verdict


def first_month(
    orders: Any,
    *,
    as_of: dt.date,
    month_days: int = 30,
    follow_up_days: int = 180,
    max_order_days: int = 3,
    tolerance: float = 0.05,
    confidence: float = 0.95,
) -> FirstMonth:
    """Retention after the first month, by how many further order days the customer had in it.

    The clock of retention starts when the month is over: orders of the month never count as retention, or buyers of the
    month would be retained by definition.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        month_days: The month: days 1 to month_days - 1 after the first order day.
        follow_up_days: Retained means at least one order on days month_days to month_days + follow_up_days - 1. Only
            customers of that age at as_of count, so that everybody is followed equally long.
        max_order_days: So many further order days or more make the last row.
        tolerance: How far (a share) from the rule's figures a retention may lie for the rule to hold.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_orders``: further_order_days (``"0"``, ``"1"`` ... ``"3+"``), customers, active (retained ones), retained,
        low, high. ``claims``: the rule "without a purchase in the month 19.01% stay, with one 52.85%": retention
        without any, with at least one, and their difference (which must be above 0); estimate, low, high, n, at_least,
        at_most, verdict.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion. The difference is one between kinds of customer: it does not say that
    making somebody buy in the first month makes them stay.

    Source: interval of the difference from the two Wilson intervals, Newcombe (1998), "Interval estimation for the
        difference
    between independent proportions", method 10.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-02-20", "2024-01-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "A", "B"], "ordered_at": days})
    >>> first_month(orders, as_of=dt.date(2024, 12, 31)).by_orders[["further_order_days", "customers", "retained"]]
      further_order_days  customers  retained
    0                  0          1       0.0
    1                  1          1       1.0
    2                  2          0       NaN
    3                 3+          0       NaN
    """
    import numpy as np
    import pandas as pd

    check(month_days, "month_days", ge=2)
    check(follow_up_days, "follow_up_days", ge=1)
    check(max_order_days, "max_order_days", ge=1)
    check(tolerance, "tolerance", gt=0, lt=1)
    age, end = nw.col("age"), month_days + follow_up_days
    counted = frames.collect(
        order_ages(orders, as_of=as_of)
        .filter(nw.col("T") >= end - 1)
        .with_columns(
            count_if((age >= 1) & (age < month_days)).alias("further"),
            count_if((age >= month_days) & (age < end)).alias("active"),
        )
        .group_by("customer_id")
        .agg(nw.col("further").sum(), nw.col("active").max())
        .group_by("further")
        .agg(nw.len().alias("customers"), nw.col("active").sum())
    )
    kind = counted["further"].clip(upper=max_order_days)
    table = counted.groupby(kind)[["customers", "active"]].sum().reindex(range(max_order_days + 1), fill_value=0)
    claims = _claims(table.iloc[0], table.iloc[1:].sum(), tolerance, confidence)
    low, high = stats.wilson(table["active"], table["customers"], confidence=confidence)
    names = np.array([*map(str, range(max_order_days)), f"{max_order_days}+"])
    table.insert(0, "further_order_days", names)
    share = table["active"] / table["customers"].where(table["customers"] > 0)
    return FirstMonth(table.assign(retained=share, low=low, high=high).reset_index(drop=True), pd.DataFrame(claims))


def _claims(
    without: "pd.Series[Any]", buyers: "pd.Series[Any]", tolerance: float, confidence: float
) -> list[dict[str, Any]]:
    import numpy as np

    n = np.array([without["customers"], buyers["customers"]])
    active = np.array([without["active"], buyers["active"]])
    low, high = stats.wilson(active, n, confidence=confidence)
    share = active / np.where(n > 0, n, np.nan)
    apart = share[1] - share[0]
    below = np.hypot(share[1] - low[1], high[0] - share[0])
    above = np.hypot(high[1] - share[1], share[0] - low[0])
    rows = [
        claim(
            f"{name} a further order in the first month, {figure:.2%} stay",
            (share[i], low[i], high[i]),
            n=int(n[i]),
            at_least=figure - tolerance,
            at_most=figure + tolerance,
        )
        for i, (name, figure) in enumerate((("without", _WITHOUT), ("with", _WITH)))
    ]
    more = claim(
        "buyers of the first month stay more often", (apart, apart - below, apart + above), n=int(n.sum()), at_least=0
    )
    return [*rows, more]
