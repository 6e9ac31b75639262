"""Large tables of events: the ordered funnel, and retention of visitors."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd
from benchmarks.case import Case
from benchmarks.cases.retention import same_cells

from opskit.loyalty import journey, retention

ROWS = "events"
TABLES = {"events": "customer_id, event, occurred_at"}
AS_OF = dt.date(2025, 12, 31)
STEPS = ("visit", "sign_up", "log_in", "browse", "add_to_cart", "buy", "pay")
WINDOW_DAYS = 30
_COHORTS = """select first, m - first as age, count(*) from (select m, min(m) over (partition by customer_id) as first from (
    select customer_id, year(occurred_at) * 12 + month(occurred_at) as m from events where event = 'visit' group by all))
    group by all order by all"""


def _funnel() -> str:
    """A step is a join to the survivors of the one before, the way one would write it by hand."""
    known = "select customer_id, occurred_at as t from events where event = '{}'"
    parts = [f"s0 as (select customer_id, min(t) as t0, min(t) as tp from ({known.format(STEPS[0])}) group by 1)"]
    for place, step in enumerate(STEPS[1:], start=1):
        parts.append(
            f"s{place} as materialized (select s.customer_id, min(s.t0) as t0, min(e.t) as tp from s{place - 1} s "
            f"join ({known.format(step)}) e on e.customer_id = s.customer_id "
            f"where e.t >= s.tp and e.t <= s.t0 + interval {WINDOW_DAYS} day group by 1)"
        )
    mature = f"t0::date + {WINDOW_DAYS} <= date '{AS_OF}'"
    counts = [
        f"select {place} as step, count(*) filter ({mature}), count(*) filter (not {mature}) from s{place}"
        for place in range(len(STEPS))
    ]
    return f"with {', '.join(parts)} {' union all '.join(counts)} order by step"


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    events = con.table("events")

    def funnel() -> pd.DataFrame:
        return journey.funnel(journey.walk(events, steps=STEPS, as_of=AS_OF, window_days=WINDOW_DAYS))

    def funnel_by_pandas() -> list[int]:
        table = events.df()
        firsts = table[table["event"] == STEPS[0]].groupby("customer_id")["occurred_at"].min()
        reached = firsts.rename("start").reset_index().assign(last=firsts.to_numpy())
        counts = [len(reached)]
        for step in STEPS[1:]:
            joined = reached.merge(table[table["event"] == step], on="customer_id")
            late = joined["start"] + pd.Timedelta(days=WINDOW_DAYS)
            joined = joined[(joined["occurred_at"] >= joined["last"]) & (joined["occurred_at"] <= late)]
            by = joined.groupby("customer_id")
            reached = by.agg(start=("start", "first"), last=("occurred_at", "min")).reset_index()
            counts.append(len(reached))
        return counts

    def cohorts() -> pd.DataFrame:
        return retention.cohorts(retention.occasions(events, event="visit"), as_of=AS_OF)

    return {
        "journey: ordered funnel": Case(funnel, lambda: con.sql(_funnel()).fetchall(), _same_funnel, funnel_by_pandas),
        "retention: cohorts of visits": Case(cohorts, lambda: con.sql(_COHORTS).fetchall(), same_cells),
    }


def _same_funnel(ours: pd.DataFrame, rows: list[tuple[Any, ...]], people: list[int] | None = None) -> None:
    assert list(zip(ours["reached"], ours["immature"], strict=True)) == [(row[1], row[2]) for row in rows]
    if people is not None:
        assert people == [row[1] + row[2] for row in rows]
