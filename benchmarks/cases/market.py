"""New customers by month, from sign-ups or from first orders."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case

from opskit.target_users import market

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at", "customers": "customer_id, signed_up_at"}
AS_OF = dt.date(2025, 12, 31)


def _by_month(table: str, time: str) -> str:
    return f"""select date_trunc('month', first) as month, count(*) as adopters from (select min({time}) as first from {table}
    where {time} < timestamp '2026-01-01' group by customer_id) group by all order by month"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    sign_ups = partial(market.adoptions, customers=con.table("customers"), as_of=AS_OF)
    first_orders = partial(market.adoptions, orders=con.table("orders"), as_of=AS_OF)
    return {
        "sign-ups": Case(sign_ups, lambda: con.sql(_by_month("customers", "signed_up_at")).df(), _same),
        "first orders": Case(first_orders, lambda: con.sql(_by_month("orders", "ordered_at")).df(), _same),
    }


def _same(ours: market.Adoptions, by_hand: pd.DataFrame) -> None:
    found = ours.by_month.query("adopters > 0")
    assert (found["month"].to_numpy() == by_hand["month"].to_numpy()).all()
    assert found["adopters"].tolist() == by_hand["adopters"].tolist()
    assert len(found)
