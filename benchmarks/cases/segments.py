"""RFM scores of every customer."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
from benchmarks.case import Case

from opskit.target_users import segments

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
AS_OF = dt.date(2025, 12, 31)
_SUMMARY = """select customer_id, date '2025-12-31' - max(ordered_at)::date as days, count(distinct ordered_at::date) as purchases,
    round(sum(revenue), 4) as revenue from orders group by customer_id"""
# As people write it; ntile gives equal customers different scores.
_NAIVE = f"""select customer_id, ntile(5) over (order by days desc) as r, ntile(5) over (order by purchases) as f,
    ntile(5) over (order by revenue) as m from ({_SUMMARY})"""


def _by_limits(limits: Any) -> str:
    """SQL that scores every customer by the limits found, as a sum of steps."""
    steps = {"recency": ("days", "<="), "frequency": ("purchases", ">"), "money": ("revenue", ">")}
    columns: list[str] = []
    for name, (column, sign) in steps.items():
        part = limits[limits["measure"] == name]["highest"]
        borders = part.iloc[1:] if name == "recency" else part.iloc[:-1]
        columns.append(" + ".join(["1", *(f"({column} {sign} {border})::int" for border in borders)]))
    r, f, m = columns
    return f"select {r} as r, {f} as f, {m} as m, count(*) as n from ({_SUMMARY}) group by all order by all"


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def ours() -> Any:
        found = segments.scores(con.table("orders"), as_of=AS_OF)
        scores = "recency_score, frequency_score, money_score"
        return found.limits, found.customers.aggregate(f"{scores}, count(*) as n", scores).order(scores).fetchall()

    def by_hand() -> list[tuple[Any, ...]]:
        return con.sql(f"select r, f, m, count(*) from ({_NAIVE}) group by all").fetchall()

    def same(ours: Any, by_hand: list[tuple[Any, ...]]) -> None:
        limits, counted = ours
        assert counted == con.sql(_by_limits(limits)).fetchall()
        assert sum(row[-1] for row in counted) == sum(row[-1] for row in by_hand)

    return {"RFM scores": Case(ours, by_hand, same)}
