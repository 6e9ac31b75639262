"""The contract's checks of orders and customers."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import pandas as pd
from benchmarks.case import Case

from opskit import contract

ROWS = "orders"
TABLES = {
    "orders": "order_id, customer_id, ordered_at, revenue, margin, discount, refund, refunded_at, cost_to_serve",
    "customers": "customer_id, signed_up_at, channel, referrer_id",
}
AS_OF = dt.date(2025, 12, 28)
_ORDERS = f"""select count(*) filter (customer_id is null) as "customer_id missing", count(*) filter (ordered_at is null) as "ordered_at missing",
    count(*) filter (revenue is null) as "revenue missing", count(*) filter (revenue < 0) as "revenue below 0",
    count(*) filter (revenue = 0) as "revenue is zero", count(*) filter (discount < 0) as "discount below 0",
    count(*) filter (refund < 0) as "refund below 0", count(*) filter (refund > revenue * 1.000001) as "refund more than revenue",
    count(*) filter (refunded_at < ordered_at) as "refunded_at before ordered_at",
    count(*) filter (cost_to_serve < 0) as "cost_to_serve below 0", count(*) filter (ordered_at >= date '{AS_OF}' + 1) as "ordered_at after {AS_OF}"
    from orders"""
_CUSTOMERS = f"""select count(*) filter (customer_id is null) as "customer_id missing",
    count(*) filter (signed_up_at >= date '{AS_OF}' + 1) as "signed_up_at after {AS_OF}" from customers"""
_REPEATED = (
    "select sum(n) - count(*) as extra from (select count(*) as n from {table} where {key} is not null group by {key})"
)
_ACROSS = """select count(*) filter (c.customer_id is null) as "customer_id not in customers",
    count(*) filter (ordered_at < signed_up_at) as "ordered_at before signed_up_at" from orders o left join (
    select customer_id, min(signed_up_at) as signed_up_at from customers group by customer_id) c using (customer_id)
    where o.customer_id is not null"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def by_hand() -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for table, query in (("orders", _ORDERS), ("customers", _CUSTOMERS), ("orders", _ACROSS)):
            found |= {(table, str(rule)): int(n) for rule, n in con.sql(query).df().iloc[0].items()}
        for table, key in (("orders", "order_id"), ("customers", "customer_id")):
            found[table, f"{key} repeated"] = int(con.sql(_REPEATED.format(table=table, key=key)).df()["extra"].iloc[0])
        return {rule: n for rule, n in found.items() if n}

    def ours() -> pd.DataFrame:
        return contract.violations({name: con.table(name) for name in TABLES}, as_of=AS_OF)

    return {"checks": Case(ours, by_hand, _same)}


def _same(ours: pd.DataFrame, by_hand: dict[tuple[str, str], int]) -> None:
    found = {(row.table, f"{row.column} {row.rule}"): int(row.rows) for row in ours.itertuples()}
    assert found == by_hand
    assert found, "nothing is wrong: nothing was compared"
