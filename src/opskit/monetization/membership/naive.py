"""The easy comparison: members against all others."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.monetization.membership.panel import NEVER, Panel

if TYPE_CHECKING:
    import pandas as pd


def naive_gap(panel: Panel, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Members against all other customers, as a dashboard shows them.

    Args:
        panel: From `panel`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        A row for spend and for orders per customer-month (months from the first order on) and for the order value:
        measure, members, others, estimate (members - others), low, high, n (customers with an order).

    Assumes nothing, and so says nothing about causes: who joins differs from who does not before any joining.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> from opskit.monetization.membership import panel
    >>> days = pd.to_datetime(["2024-01-05", "2024-02-05", "2024-01-07"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days, "revenue": [10.0, 12, 9]})
    >>> plus = pd.DataFrame({"customer_id": ["A"], "level": ["plus"], "started_at": days[:1]})
    >>> naive_gap(panel(orders, plus, as_of=dt.date(2024, 2, 29)))[["members", "others", "estimate"]]
       members  others  estimate
    0     11.0     4.5       6.5
    1      1.0     0.5       0.5
    2     11.0     9.0       2.0
    """
    import numpy as np

    sums = customers_and_orders(panel)
    sums["months"] = sums["customers"] * (panel.last_month - sums["first_month"] + 1)
    sums["member"] = sums["join_month"] != NEVER
    sums = sums.groupby(["member", "group"], as_index=False)[["customers", "months", "orders", "spend"]].sum()

    def sides(total: "pd.DataFrame") -> "pd.DataFrame":
        rate = total[["spend", "orders"]].div(total["months"].where(total["months"] > 0), axis=0)
        return rate.assign(value=total["spend"] / total["orders"].where(total["orders"] > 0))

    def gap(total: "pd.DataFrame") -> Any:
        both = sides(total).to_numpy()
        return both[1] - both[0]

    found = stats.jackknife(sums, gap, keys=["member"], confidence=confidence)
    total = sides(sums.groupby("member")[["months", "orders", "spend"]].sum()).to_numpy()
    measures = ["spend per customer-month", "orders per customer-month", "order value"]
    found.insert(0, "measure", np.array(measures))
    found.insert(1, "members", total[1])
    found.insert(2, "others", total[0])
    return found.assign(n=int(sums["customers"].sum()))


def customers_and_orders(panel: Panel) -> "pd.DataFrame":
    """Orders and spend by month, of every month of joining, month of the first order and group.

    Returns:
        join_month (NEVER for those outside at the end of the last whole month), first_month, group, month, customers
        (in the row of their first month, 0 in the others), orders, spend.
    """
    lf = frames.lazy(panel.months)
    joined = nw.when(nw.col("join_month") <= panel.last_month).then("join_month").otherwise(nw.lit(NEVER))
    new = (nw.col("month") == nw.col("first_month")).cast(nw.Int64)
    keys = ["join_month", "first_month", "group", "month"]
    return frames.collect(
        lf.with_columns(joined.alias("join_month"), new.alias("customers"))
        .group_by(*keys)
        .agg(nw.col("customers", "orders", "spend").sum())
    ).sort_values(keys, ignore_index=True)
