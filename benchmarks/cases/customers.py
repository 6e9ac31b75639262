"""The summary of every customer, growth accounting and rhythm."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd
from benchmarks.case import Case

from opskit import customers

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
AS_OF = dt.date(2025, 12, 31)
_PERIODS = "select distinct customer_id, year(ordered_at) * 12 + month(ordered_at) as m from orders"
_DAYS = "select customer_id, ordered_at::date as day, count(*) as n, sum(revenue) as revenue from orders group by all"
_SUMMARY = f"""select count(*), sum(n), sum(frequency), sum(recency), sum(T), sum(late), sum(revenue) from (
    select sum(n) as n, count(*) - 1 as frequency, max(day) - min(day) as recency, date '{AS_OF}' - min(day) as T,
    date '{AS_OF}' - max(day) as late, sum(revenue) as revenue from ({_DAYS}) group by customer_id)"""
_GROWTH = f"""select m, count(*), count(*) filter (before is null), count(*) filter (before = m - 1) from (
    select m, lag(m) over (partition by customer_id order by m) as before from ({_PERIODS})) group by m order by m"""
_RHYTHM = f"""select k, part, coalesce(gap, waiting), gap is not null, count(*) from (select lead(day) over w - day as gap,
    date '{AS_OF}' - day as waiting, row_number() over w as k, hash(customer_id) % 100 as part from ({_DAYS})
    window w as (partition by customer_id order by day)) group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def summary() -> pd.DataFrame:
        columns = (
            "count(*), sum(orders), sum(frequency), sum(recency), sum(T), sum(days_since_last_order), sum(revenue)"
        )
        return customers.summary(orders, as_of=AS_OF).aggregate(columns).df()

    def summary_by_pandas() -> pd.DataFrame:
        table = orders.df()
        table["day"] = table["ordered_at"].dt.normalize()
        by = table.groupby("customer_id")
        found = by.agg(orders=("day", "size"), days=("day", "nunique"), first=("day", "min"), last=("day", "max"))
        end = pd.Timestamp(AS_OF)
        return found.assign(
            frequency=found["days"] - 1,
            recency=(found["last"] - found["first"]).dt.days,
            T=(end - found["first"]).dt.days,
            late=(end - found["last"]).dt.days,
            revenue=by["revenue"].sum(),
        )

    return {
        "summary": Case(summary, lambda: con.sql(_SUMMARY).fetchall(), _same_summary, summary_by_pandas),
        "growth accounting": Case(
            lambda: customers.growth_accounting(orders, as_of=AS_OF), lambda: con.sql(_GROWTH).fetchall(), _same_growth
        ),
        "rhythm": Case(
            lambda: customers.rhythm(orders, as_of=AS_OF), lambda: con.sql(_RHYTHM).fetchall(), _same_rhythm
        ),
    }


def _same_summary(ours: pd.DataFrame, rows: list[tuple[Any, ...]], people: pd.DataFrame | None = None) -> None:
    assert [int(x) for x in ours.iloc[0, :6]] == [int(x) for x in rows[0][:6]]
    assert abs(ours.iloc[0, 6] / float(rows[0][6]) - 1) < 1e-9
    if people is not None:
        sums = people[["orders", "frequency", "recency", "T", "late"]].sum()
        assert [len(people), *sums] == [int(x) for x in rows[0][:6]]


def _same_growth(ours: pd.DataFrame, rows: list[tuple[Any, ...]]) -> None:
    assert ours[["active", "new", "retained"]].to_numpy().tolist() == [list(row[1:]) for row in rows]


def _same_rhythm(ours: customers.Rhythm, rows: list[tuple[Any, ...]]) -> None:
    assert ours.interval["n"].iloc[0] == sum(row[-1] for row in rows)
