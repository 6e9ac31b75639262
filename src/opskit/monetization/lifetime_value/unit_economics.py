"""What customers are worth against what they cost to win, for all and by group."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, check
from opskit.monetization.lifetime_value.contribution import EVERYBODY, with_key

if TYPE_CHECKING:
    import pandas as pd

_NAN = float("nan")


def unit_economics(
    orders: Any,
    values: Any,
    spend: Any | None = None,
    attributes: Any | None = None,
    *,
    as_of: dt.date,
    by: str = "",
    margin_share: float = 0.0,
    min_customers: int = 30,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Value per customer, so far and to come, and acquisition spend per new customer; for all and by group.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund where they are there.
        values: `lifetime_value(...).customers`, of the same engine.
        spend: date and spend; with purpose only its rows "acquire" count, else all. None: no cost.
        attributes: Table with customer_id and the column `by`; needed with `by`.
        as_of: Last day to count, inclusive.
        by: Column of `attributes` whose values are the groups, and of `spend` for their cost; empty: all customers only.
        margin_share: As in `margin`.
        min_customers: Groups with fewer customers are marked small.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        group ("all" first), customers, small; to_date (contribution so far per customer), to_come (lifetime value still
        expected per customer), ltv (their sum) with ltv_low, ltv_high; spend, new_customers (first order in the days
        that spend covers), cac (spend per new customer) with cac_low, cac_high; ltv_to_cac with ltv_to_cac_low,
        ltv_to_cac_high. What rests on spend is missing where there is none.

    Raises:
        OpskitError: A column is missing, as_of is not a date or before the first order, or there are no rows.

    Assumes the group's spend brought the group's customers, all of them: where a channel takes credit for customers who
    would have come anyway, its real cost is higher. Customers of all ages are averaged, so a channel of recent date has
    less to show so far. Spend and the models' parameters are taken as known; intervals leave out groups of customers.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 2], "ordered_at": pd.Timestamp("2024-01-02"), "revenue": [9.0, 11]})
    >>> values = pd.DataFrame({"customer_id": [1, 2], "lifetime_value": [4.0, 6.0]})
    >>> spend = pd.DataFrame({"date": [pd.Timestamp("2024-01-01")], "spend": [10.0]})
    >>> table = unit_economics(orders, values, spend, as_of=dt.date(2024, 1, 31))
    >>> table[["to_date", "to_come", "cac", "ltv_to_cac"]].values.tolist()
    [[10.0, 5.0, 5.0, 3.0]]
    """
    import pandas as pd

    check(min_customers, "min_customers", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    costs, since = ({}, 0) if spend is None else _acquisition_spend(spend, by, as_of)
    cells = frames.collect(_cells(orders, values, attributes, as_of, by, margin_share, since))
    cells = pd.concat([cells.assign(key=EVERYBODY), cells]) if by else cells
    rows: list[dict[str, Any]] = []
    for key in [EVERYBODY, *sorted(set(cells["key"]) - {EVERYBODY})]:
        part = cells[cells["key"] == key].drop(columns="key").groupby("group", as_index=False).sum()
        rows.append({"group": key, **_row(part, costs.get(key, _NAN), min_customers, confidence)})
    return pd.DataFrame(rows)


def _row(cells: "pd.DataFrame", cost: float, min_customers: int, confidence: float) -> dict[str, Any]:
    import pandas as pd

    total = cells.sum()
    n, new = int(total["customers"]), int(total["new"])
    cost = cost if cost > 0 and new else _NAN

    def measures(totals: "pd.DataFrame") -> "pd.Series[Any]":
        one = totals.iloc[0]
        ltv = (one["to_date"] + one["to_come"]) / one["customers"] if one["customers"] else _NAN
        cac = cost / one["new"] if one["new"] else _NAN
        return pd.Series({"ltv": ltv, "cac": cac, "ltv_to_cac": ltv / cac})

    found = stats.jackknife(cells, measures, confidence=confidence)
    row: dict[str, Any] = {"customers": n, "small": n < min_customers}
    row |= {"to_date": total["to_date"] / n, "to_come": total["to_come"] / n}
    for name, figures in found.iterrows():
        row |= {str(name): figures["estimate"], f"{name}_low": figures["low"], f"{name}_high": figures["high"]}
        if name == "ltv":
            row |= {"spend": cost, "new_customers": new}
    return row


def _cells(
    orders: Any, values: Any, attributes: Any | None, as_of: dt.date, by: str, margin_share: float, since: int
) -> nw.LazyFrame[Any]:
    """Customers, new ones, value so far and to come, by key and customer group."""
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    value, _ = customers.contribution(lf, margin_share)
    to_come = frames.lazy(values, "customer_id", "lifetime_value", table="values")
    per_customer = (
        lf.select("customer_id", frames.epoch_day("ordered_at").alias("first_day"), value.alias("to_date"))
        .group_by("customer_id")
        .agg(nw.col("first_day").min(), nw.col("to_date").sum())
        .join(to_come.select("customer_id", nw.col("lifetime_value").alias("to_come")), on="customer_id", how="left")
        .with_columns(nw.col("to_come").fill_null(0.0), (nw.col("first_day") >= since).cast(nw.Int64).alias("new"))
    )
    return (
        stats.assign_groups(with_key(per_customer, attributes, by), ids=lf)
        .group_by("key", "group")
        .agg(nw.len().alias("customers"), nw.col("new", "to_date", "to_come").sum())
    )


def _acquisition_spend(spend: Any, by: str, as_of: dt.date) -> tuple[dict[str, float], int]:
    """Spend on acquisition up to a day, in all and by group, and the first day that the table covers."""
    lf = frames.lazy(spend, "date", "spend", table="spend")
    columns = lf.collect_schema().names()
    lf = lf.filter(frames.epoch_day("date") <= frames.day_number(as_of))
    first = frames.collect(lf.select(frames.epoch_day("date").min().alias("day"), nw.len().alias("rows"))).iloc[0]
    if not first["rows"]:
        raise OpskitError(f"spend has no rows up to {as_of}. Use a later as_of.")
    lf = lf.filter(nw.col("purpose") == "acquire") if "purpose" in columns else lf
    key = nw.col(by).cast(nw.String) if by in columns else nw.lit(EVERYBODY)
    lf = lf.select(key.alias("key"), nw.col("spend").cast(nw.Float64))
    table = frames.collect(lf.group_by("key").agg(nw.col("spend").sum())).set_index("key")["spend"]
    costs = {str(group): float(cost) for group, cost in table.items()}
    return costs | {EVERYBODY: float(table.sum())}, int(first["day"])
