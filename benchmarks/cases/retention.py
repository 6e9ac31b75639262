"""Cohorts, curves and the hazard of coming back."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd
from benchmarks.case import Case

from opskit.loyalty import retention

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
AS_OF = dt.date(2025, 12, 31)
_PERIODS = "select distinct customer_id, year(ordered_at) * 12 + month(ordered_at) as m from orders"
_FIRSTS = """select customer_id, day, min(day) over (partition by customer_id) as first from (
    select customer_id, ordered_at::date as day from orders group by all)"""
_BY_MONTH = f"""select first, m - first as age, count(*) from (
    select m, min(m) over (partition by customer_id) as first from ({_PERIODS})) group by all order by all"""
_BY_WINDOW = f"""select c, age, count(*) from (select distinct customer_id, year(first) * 12 + month(first) as c,
    (day - first) // 30 as age from ({_FIRSTS})) group by all order by all"""
_CURVES = f"""select count(*) filter (T >= 30), count(*) filter (T >= 30 and came) from (select customer_id,
    max(date '{AS_OF}' - first) as T, bool_or(day - first between 1 and 30) as came,
    bool_or(day - first between 30 and 59) as w1, bool_or(day - first between 60 and 89) as w2,
    bool_or(day - first between 90 and 119) as w3, bool_or(day - first between 180 and 209) as w4,
    bool_or(day - first between 360 and 389) as w5, max(day - first) as last from ({_FIRSTS}) group by customer_id)"""
_HAZARD = f"""select gap // 30, count(*) from (select lead(day) over w - day as gap, row_number() over w as k from (
    {_FIRSTS}) window w as (partition by customer_id order by day)) where k = 1 and gap is not null group by 1 order by 1"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def by_pandas() -> pd.DataFrame:
        table = orders.df()
        table["month"] = table["ordered_at"].dt.to_period("M")
        table["cohort"] = table.groupby("customer_id")["month"].transform("min")
        return table.groupby(["cohort", "month"])["customer_id"].nunique().reset_index()

    def case(ours: Any, query: str, same: Any, people: Any = None) -> Case:
        return Case(ours, lambda: con.sql(query).fetchall(), same, people)

    return {
        "cohorts by month": case(lambda: retention.cohorts(orders, as_of=AS_OF), _BY_MONTH, same_cells, by_pandas),
        "cohorts by window": case(lambda: retention.cohorts(orders, as_of=AS_OF, age="window"), _BY_WINDOW, same_cells),
        "curves": case(lambda: retention.curves(orders, as_of=AS_OF), _CURVES, _same_curves),
        "hazard": case(lambda: retention.hazard(orders, as_of=AS_OF), _HAZARD, _same_hazard),
    }


def same_cells(ours: pd.DataFrame, rows: list[tuple[Any, ...]], people: pd.DataFrame | None = None) -> None:
    known = ours.dropna(subset="active")
    cells = {(date.year * 12 + date.month, age): n for date, age, n in known[["cohort", "age", "active"]].to_numpy()}
    theirs = {(int(first), int(age)): n for first, age, n in rows}
    assert all(theirs.get(key, 0) == n for key, n in cells.items())
    assert sum(cells.values()) > 0
    if people is not None:
        assert people["customer_id"].sum() == sum(theirs.values())


def _same_curves(ours: pd.DataFrame, rows: list[tuple[Any, ...]]) -> None:
    row = ours[(ours["kind"] == "rolling") & (ours["day"] == 30)].iloc[0]
    assert (row["customers"], row["active"]) == rows[0]


def _same_hazard(ours: retention.Hazard, rows: list[tuple[Any, ...]]) -> None:
    assert (ours.by_age["returned"].to_numpy() <= [n for _, n in rows[:12]]).all()
    assert ours.by_age["returned"].sum() > 0
