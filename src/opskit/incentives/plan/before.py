"""What customers whom a row would have claimed earlier did next, without the plan: the base that it hopes to raise."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError
from opskit.incentives.experiment.measures import pairs, product
from opskit.incentives.plan import rules
from opskit.incentives.plan.claims import claimed, rule_of, wanted
from opskit.incentives.plan.known import known

if TYPE_CHECKING:
    import pandas as pd

COUNTED = ("buyers", "orders", "revenue", "margin")
NOT_KNOWN_THEN = ("segment", "is_customer", "days_since_updated_at", *customers.ASSIGNED)
"""What tells how customers stand today: a rule that names it would choose by the outcome if asked of an earlier day."""


def before(
    plan: "pd.DataFrame",
    orders: Any,
    *,
    as_of: dt.date,
    rows: Sequence[int],
    interval_days: float = 30.0,
    people: Any = None,
    memberships: Any = None,
) -> "pd.DataFrame":
    """Outcomes, in the kpi_days up to a day, of those who met the rules at the beginning of these days.

    Args:
        plan: From `given_plan`.
        orders: Any engine's frame with customer_id, ordered_at and revenue; optional margin and refund.
        as_of: Last day to count, inclusive.
        rows: Places of the rows that claim customers.
        interval_days: As in `audience`.
        people: As in `audience`.
        memberships: As in `audience`.

    Returns:
        By place of the row: customers, the sums of buyers (with an order), orders, revenue (after refunds) and margin
        (contribution), and of every product of two. Rows that go by how customers stand today, and those whose days reach
        back before the first order, are missing.

    Raises:
        OpskitError: As `audience`.

    Assumes what was done for such customers in these days goes on: the base holds the effect of earlier campaigns.
    """
    import pandas as pd

    columns = ["customers", *COUNTED, *(product(*pair) for pair in pairs(COUNTED))]
    asked = [row for row in rows if not set(rules.parse(rule_of(plan.iloc[row])).names) & set(NOT_KNOWN_THEN)]
    _, first = customers.until(orders, "revenue", as_of=as_of)
    found: list[pd.DataFrame] = []
    for days in sorted({int(plan["kpi_days"].iloc[row]) for row in asked}):
        day = as_of - dt.timedelta(days=days)
        if frames.day_number(day) < first:
            continue
        given: dict[str, Any] = {
            "wanted": wanted(plan),
            "interval_days": interval_days,
            "people": people,
            "memberships": memberships,
        }
        # Every row claims, so that a customer of another row is not counted here; only those of so many days are kept.
        segments = pd.DataFrame({"customer_id": ["-"], "segment": ["-"]}) if _by_segment(plan, people) else None
        lf = claimed(known(orders, as_of=day, segments=segments, **given), plan, rows=rows)
        mine = [row for row in asked if int(plan["kpi_days"].iloc[row]) == days]
        found.append(_summed(lf.filter(nw.col("place").is_in(mine)), orders, day, as_of))
    table = pd.concat(found) if found else pd.DataFrame(columns=["place", *columns])
    return table.set_index("place")[columns].astype(float)


def _by_segment(plan: "pd.DataFrame", people: Any) -> bool:
    """Whether a rule names a segment that no column of customers holds: on the earlier day nobody has one."""
    names = [] if people is None else frames.lazy(people, table="customers").collect_schema().names()
    return "segment" not in names and "segment" in wanted(plan)


def _summed(lf: nw.LazyFrame[Any], orders: Any, day: dt.date, as_of: dt.date) -> "pd.DataFrame":
    bought, _ = customers.until(orders, "revenue", as_of=as_of)
    names = bought.collect_schema().names()
    margin, _ = customers.contribution(bought)
    refund = nw.col("refund").cast(nw.Float64).fill_null(0.0) if "refund" in names else nw.lit(0.0)
    inside = bought.filter(~customers.on_or_before(bought, day), ~nw.col("customer_id").is_null()).select(
        nw.col("customer_id").cast(nw.String),
        (nw.col("revenue").cast(nw.Float64).fill_null(0.0) - refund).alias("_revenue"),
        margin.fill_null(0.0).alias("_margin"),
    )
    each = inside.group_by("customer_id").agg(
        nw.len().alias("_orders"), nw.col("_revenue").sum(), nw.col("_margin").sum()
    )
    rows = lf.select("customer_id", "place").join(each, on="customer_id", how="left")
    rows = rows.select(
        "place",
        *(nw.col(f"_{name}").cast(nw.Float64).fill_null(0.0).alias(name) for name in COUNTED[1:]),
    )
    rows = rows.with_columns(nw.when(nw.col("orders") > 0).then(1.0).otherwise(0.0).alias("buyers"))
    products = [(nw.col(a) * nw.col(b)).alias(product(a, b)) for a, b in pairs(COUNTED)]
    sums = [nw.col(name).sum() for name in (*COUNTED, *(product(*pair) for pair in pairs(COUNTED)))]
    return frames.collect(
        rows.with_columns(*products).group_by("place").agg(nw.len().alias("customers"), *sums)
    ).sort_values("place")


def message_costs(contacts: Any, *, as_of: dt.date) -> dict[str, float]:
    """Mean cost of a message by medium (as compared), of those sent up to the day; empty where none is known."""
    from opskit.incentives.plan.reached import medium_key

    if contacts is None:
        return {}
    lf = frames.lazy(contacts, "customer_id", "sent_at", "medium", table="contacts")
    names = lf.collect_schema().names()
    if "cost" not in names:
        return {}
    lf = lf.filter(customers.on_or_before(lf, as_of, "sent_at"), ~nw.col("cost").is_null())
    lf = lf.filter(~nw.col("holdout").fill_null(value=False)) if "holdout" in names else lf
    rows = lf.select("medium", nw.col("cost").cast(nw.Float64))
    table = frames.collect(rows.group_by("medium").agg(nw.col("cost").sum(), nw.len().alias("messages")))
    sums = table.groupby(table["medium"].astype(str).map(medium_key))[["cost", "messages"]].sum()
    return {str(medium): row["cost"] / row["messages"] for medium, row in sums.iterrows()}


def media_used(contacts: Any, *, as_of: dt.date) -> "pd.Series[Any]":
    """Messages sent by medium up to the day, the most used first; empty without contacts."""
    import pandas as pd

    if contacts is None:
        return pd.Series(dtype="int64")
    lf = frames.lazy(contacts, "customer_id", "sent_at", "medium", table="contacts")
    lf = lf.filter(customers.on_or_before(lf, as_of, "sent_at"), ~nw.col("medium").is_null())
    table = frames.collect(lf.group_by("medium").agg(nw.len().alias("messages")))
    if table.empty:
        raise OpskitError(f"contacts has no message up to {as_of}. Leave the table out, or give a later as_of.")
    return table.sort_values(["messages", "medium"], ascending=[False, True]).set_index("medium")["messages"]
