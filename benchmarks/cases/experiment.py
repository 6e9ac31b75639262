"""What customers of both arms did in the window after their assignment and in the days before."""

import datetime as dt
from collections.abc import Mapping
from functools import cache

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.incentives import experiment
from opskit.incentives.experiment.measures import pairs, product

ROWS = "orders"
TABLES = {
    "orders": "customer_id, ordered_at, revenue, margin, refund",
    "assignments": "experiment, customer_id, variant, assigned_at",
}
AS_OF = dt.date(2025, 12, 31)
NAME = "surprise_gift"
_SUMS = {
    "revenue": "revenue - refund",
    "gross": "revenue",
    "refund": "refund",
    "margin": "margin * (case when revenue > 0 then 1 - refund / revenue else 1 end)",
}
_AFTER = "ordered_at >= assigned_at and ordered_at::date - assigned_at::date < 60"
_BEFORE = "ordered_at < assigned_at and ordered_at::date - assigned_at::date >= -180"
_PARTS = ", ".join(
    f"count(*) filter ({when}) as orders{ending}, (count(*) filter ({when}) > 0)::int as buyers{ending}, "
    + ", ".join(f"coalesce(sum({of}) filter ({when}), 0) as {name}{ending}" for name, of in _SUMS.items())
    for ending, when in (("", _AFTER), ("_before", _BEFORE))
)
COLUMNS = ("buyers", "orders", "revenue", "gross", "buyers_before", "orders_before", "revenue_before", "margin")
COLUMNS += ("margin_before", "refund", "refunded")
_ALL = [*(f"sum({name}) as {name}" for name in COLUMNS)]
_ALL += [f'sum({left} * {right}) as "{product(left, right)}"' for left, right in pairs(COLUMNS)]
_SQL = f"""select variant, day - date '1970-01-01' as day, count(*) as customers, {", ".join(_ALL)} from (
    select *, (refund > 0)::int as refunded from (
    select variant, assigned_at::date as day, {_PARTS} from (select customer_id, min(variant) as variant, min(assigned_at) as assigned_at
    from assignments where experiment = '{NAME}' and assigned_at < timestamp '2026-01-01' group by customer_id
    having min(variant) = max(variant)) a left join (select customer_id, ordered_at, revenue, coalesce(refund, 0) as refund,
    coalesce(margin, 0) as margin from orders where ordered_at < timestamp '2026-01-01') o on o.customer_id = a.customer_id
    where assigned_at::date + 59 <= date '2025-12-31' group by a.customer_id, variant, assigned_at)) group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    assignments = con.table("assignments")

    @cache
    def chosen() -> experiment.Design:
        """A page looks for the design once, before it counts."""
        arrived = experiment.arrivals(assignments, as_of=AS_OF)
        return experiment.design(arrived, as_of=AS_OF, experiment=NAME)

    def ours() -> experiment.Outcomes:
        return experiment.outcomes(assignments, con.table("orders"), chosen(), as_of=AS_OF)

    return {"outcomes": Case(ours, lambda: con.sql(_SQL).df(), _same)}


def _same(ours: experiment.Outcomes, by_hand: pd.DataFrame) -> None:
    same_sums(ours.days, by_hand, by=["variant", "day"])
