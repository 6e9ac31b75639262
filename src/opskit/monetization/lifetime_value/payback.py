"""When customers have paid back what they cost: contribution by age, against the cost of winning them."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check
from opskit.monetization.lifetime_value.contribution import EVERYBODY, with_key

if TYPE_CHECKING:
    import pandas as pd

MONTH_DAYS = 30  # an age in months counts windows of so many days


class Payback(NamedTuple):
    """Contribution per customer by age, and the age at which it covers the cost of winning the customer."""

    curve: "pd.DataFrame"  # group, months, customers, contribution, low, high, cac
    months: "pd.DataFrame"  # group, n, cac, months, low, high, observed_months


def payback(
    orders: Any,
    attributes: Any | None = None,
    *,
    as_of: dt.date,
    by: str = "",
    economics: "pd.DataFrame | None" = None,
    margin_share: float = 0.0,
    max_months: int = 24,
    min_customers: int = 30,
    confidence: float = 0.95,
) -> Payback:
    """Cumulative contribution per customer by age in months of 30 days, for all and by group.

    A month of age counts for the customers who have lived through the whole of it, whether they ordered or not; the
    curve adds up the months' averages, so that every customer counts for as long as observed.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund where they are there.
        attributes: Table with customer_id and the column `by`; needed with `by`.
        as_of: Last day to count, inclusive.
        by: Column of `attributes` whose values are the groups; empty: all customers only.
        economics: Of `unit_economics`, for the cost; None: curves without payback.
        margin_share: As in `margin`.
        max_months: Last age to give.
        min_customers: Ages reached by fewer customers are left out: they are not observable yet.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``curve``: group, months (age), customers (that old), contribution (per customer, cumulative), low, high, cac.
        ``months``: group, n (customers of one month or older), cac, months (the first age at which the contribution
        covers the cac; missing where it does not within the observed ages), low, high (first age at which the upper
        and the lower bound cover it), observed_months. One row per group, "all" first.

    Raises:
        OpskitError: An option is out of range, a column is missing, as_of is not a date or before the first order, or
            there are no rows.

    Assumes newer customers will earn at a given age what older ones earned at it. The cost is taken as known.

    Source: mean cumulative function, Nelson (1988), "Graphical analysis of system repair data"; the interval leaves out
    groups of customers (`stats.jackknife`); that of the month reads the curve's band at the cost, as Woodruff (1952).

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-05"] * 30)
    >>> orders = pd.DataFrame(
    ...     {"customer_id": [i // 2 for i in range(60)], "ordered_at": days, "revenue": [5.0, 7] * 30}
    ... )
    >>> payback(orders, as_of=dt.date(2024, 3, 5)).curve[["months", "customers", "contribution"]].values.tolist()
    [[1.0, 30.0, 5.0], [2.0, 30.0, 12.0]]
    """
    import pandas as pd

    check(max_months, "max_months", ge=1)
    check(min_customers, "min_customers", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    cells = _cells(orders, attributes, as_of, by, margin_share, max_months)
    cells = pd.concat([cells.assign(key=EVERYBODY), cells]) if by else cells
    cac = {} if economics is None else economics.set_index("group")["cac"].to_dict()
    curves: list[pd.DataFrame] = []
    for key in [EVERYBODY, *sorted(set(cells["key"]) - {EVERYBODY})]:
        part = cells[cells["key"] == key].drop(columns="key").groupby(["months", "group"], as_index=False).sum()
        size = part.groupby("months")["customers"].sum()
        part = part[part["months"].isin(size.index[(size >= min_customers).cummin()])]
        if part.empty:
            continue
        table = stats.jackknife(part, _cumulated, keys=["months"], confidence=confidence)
        table = table.rename(columns={"estimate": "contribution"}).reset_index().assign(group=key)
        curves.append(table.assign(customers=size.loc[table["months"]].to_numpy(), cac=cac.get(key, float("nan"))))
    columns = ["group", "months", "customers", "contribution", "low", "high", "cac"]
    curve = pd.concat(curves)[columns].reset_index(drop=True) if curves else pd.DataFrame(columns=columns)
    return Payback(curve, _months(curve))


def _cumulated(totals: "pd.DataFrame") -> "pd.Series[Any]":
    return (totals["contribution"] / totals["customers"]).cumsum()


def _cells(
    orders: Any, attributes: Any | None, as_of: dt.date, by: str, margin_share: float, max_months: int
) -> "pd.DataFrame":
    """Contribution in each month of age and customers who have lived through it, by key and customer group."""
    import numpy as np
    import pandas as pd

    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    value, _ = customers.contribution(lf, margin_share)
    days = (
        lf.select("customer_id", frames.epoch_day("ordered_at").alias("day"), value.alias("value"))
        .group_by("customer_id", "day")
        .agg(nw.col("value").sum())
        .with_columns(nw.col("day").min().over("customer_id").alias("first_day"))
    )
    whole = (frames.day_number(as_of) + 1 - nw.col("first_day")) // MONTH_DAYS
    month = (nw.col("day") - nw.col("first_day")) // MONTH_DAYS + 1
    days = days.with_columns(whole.alias("whole"), month.alias("months"))
    ids = customers.until(orders, as_of=as_of)[0]
    keyed = with_key(stats.assign_groups(days, ids=ids), attributes, by)
    counted = frames.collect(
        keyed.with_columns((nw.col("day") == nw.col("first_day")).cast(nw.Int64).alias("customers"))
        .group_by("key", "group", "whole", "months")
        .agg(nw.col("value").sum(), nw.col("customers").sum())
    )
    counted["whole"] = counted["whole"].clip(upper=max_months)
    earned = counted[counted["months"] <= counted["whole"]].rename(columns={"value": "contribution"})
    earned = earned.groupby(["key", "group", "months"])["contribution"].sum()
    size = counted.groupby(["key", "group", "whole"])["customers"].sum().unstack(fill_value=0)
    size = size.reindex(columns=range(max_months + 1), fill_value=0)
    alive = size.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1].drop(columns=0).rename_axis("months", axis=1).stack()
    table = pd.DataFrame({"customers": alive, "contribution": earned.reindex(alive.index, fill_value=0.0)})
    return table[table["customers"] > 0].astype({"customers": np.int64}).reset_index()


def _months(curve: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for key, part in curve.groupby("group", sort=False):
        cost = part["cac"].iloc[0]
        reached = {
            name: part["months"][part[column] >= cost].min()
            for name, column in (("months", "contribution"), ("low", "high"), ("high", "low"))
        }
        row = {"group": key, "n": int(part["customers"].iloc[0]), "cac": cost}
        rows.append(row | reached | {"observed_months": int(part["months"].max())})
    return pd.DataFrame(rows, columns=["group", "n", "cac", "months", "low", "high", "observed_months"])
