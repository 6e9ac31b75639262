"""Features of every customer as of a day, and the outcome after it, from orders."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit import features

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
AS_OF = dt.date(2025, 6, 30)
WINDOWS = (30, 90, 180)


def _by_window(days: int) -> str:
    inside, before = (
        f"day > date '{AS_OF}' - {days}",
        f"day between date '{AS_OF}' - {2 * days - 1} and date '{AS_OF}' - {days}",
    )
    return f"""count(*) filter ({inside}) as orders_{days}d, sum(revenue) filter ({inside}) as revenue_{days}d,
    count(*) filter ({inside}) - count(*) filter ({before}) as orders_change_{days}d"""


_FEATURES = f"""select *, revenue / orders as mean_order_value, days_since_last_order / mean_gap_days as overdue from (
    select customer_id, count(*) as orders, sum(revenue) as revenue, date '{AS_OF}' - min(day) as tenure_days,
    date '{AS_OF}' - max(day) as days_since_last_order,
    case when max(day) > min(day) then (max(day) - min(day)) / (count(*) - 1) end as mean_gap_days,
    {", ".join(map(_by_window, WINDOWS))} from (select customer_id, revenue, ordered_at::date as day from orders
    where ordered_at < date '{AS_OF}' + 1) group by customer_id)"""
_OUTCOME = f"""select customer_id, count(*) as orders_after, sum(revenue) as revenue_after from orders
    where ordered_at >= date '{AS_OF}' + 1 and ordered_at < date '{AS_OF}' + 181 group by customer_id"""


def summed(table: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Customers and the sum of every column, worked out in the engine."""
    sums = (f"sum({name}) as {name}" for name in table.columns if name != "customer_id")
    return table.aggregate(", ".join(["count(*) as customers", *sums])).df()


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def known() -> pd.DataFrame:
        return summed(features.point_in_time(orders, as_of=AS_OF, windows_days=WINDOWS))

    def after() -> pd.DataFrame:
        return summed(features.outcome(orders, after=AS_OF, horizon_days=180, as_of=dt.date(2025, 12, 31)))

    return {
        "point in time": Case(known, lambda: summed(con.sql(_FEATURES)), same_sums),
        "outcome": Case(after, lambda: summed(con.sql(_OUTCOME)), same_sums),
    }
