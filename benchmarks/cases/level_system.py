"""The replay of a level design: each customer's level from month to month, and the days at which levels are reached."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
from benchmarks.case import Case

from opskit.incentives import level_system

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue, refund, margin"}
AS_OF = dt.date(2025, 12, 31)
THRESHOLDS = (300, 1000, 2500)


def _by_hand(
    db: duckdb.DuckDBPyConnection,
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What one would write by hand: one matrix of customers by month, kept, and read three times."""
    months = range(24288, 24312)
    group = "hash(customer_id) % 100"
    values = ",".join(
        f"sum(growth) filter (month between {m - 11} and {m}) v{m}, sum(revenue) filter (month = {m}) r{m}"
        for m in months
    )
    level = "+".join(f"(coalesce(v{{m}}, 0) >= {t})::int" for t in THRESHOLDS)
    levels = ",".join(f"case when first <= {m} then {level.format(m=m)} else -1 end l{m}" for m in months)
    db.execute("""create or replace temp table days as select customer_id, ordered_at::date as day,
        any_value(year(ordered_at) * 12 + month(ordered_at) - 1) as month,
        sum(floor(greatest(revenue - refund, 0) + 1e-6)::bigint) as growth, sum(revenue - refund) as revenue,
        sum(margin * case when revenue > 0 then 1 - refund / revenue else 1 end) as money
        from orders where ordered_at < timestamp '2026-01-01' group by all""")
    db.execute(f"""create or replace temp table matrix as select *, {levels}, -1 as l24287 from (
        select customer_id, {group} as g, min(month) as first, {values}, sum(growth) as growth,
        sum(money) filter (month >= 24300) as money from days group by customer_id)""")
    moves = " union all ".join(
        f"select {m} as month, l{m - 1} as before, l{m} as level, g, count(*) as n from matrix where l{m} >= 0 group by all"
        for m in months
    )
    moved = db.sql(f"select month, before, level, sum(n)::bigint from ({moves}) group by all order by all").fetchall()
    spent = ",".join(
        f"sum(r{m}) filter (l{m - 1} {'<= 0' if p == 0 else f'= {p}'})"
        for m in months[12:]
        for p in range(len(THRESHOLDS) + 1)
    )
    money = db.sql(f"select g, count(*), sum(growth), sum(money), {spent} from matrix group by g order by g").fetchall()
    reach = " union all ".join(
        f"select {p} as level, g, least(coalesce(a{p}, date '2999-01-01') - day, date '2025-12-31' - day, 330) as time, "
        f"coalesce(a{p} - day <= least(date '2025-12-31' - day, 330), false) as event from reached"
        for p in range(1, len(THRESHOLDS) + 1)
    )
    first = ",".join(f"min(day) filter (total >= {t}) a{p}" for p, t in enumerate(THRESHOLDS, 1))
    db.execute(f"""create or replace temp table reached as select {group} as g, min(day) as day, {first} from (select *, sum(growth)
        over (partition by customer_id order by day) as total from days) group by customer_id""")
    times = db.sql(f"""select level, time, event, sum(n)::bigint from (select level, g, time, event, count(*) as n from ({reach})
        group by all) group by all order by all""").fetchall()
    return moved, money, times


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def ours() -> level_system.Replay:
        design = level_system.read(level_system.template()).at(THRESHOLDS)
        return level_system.replay(design, level_system.growth(design, con.table("orders"), as_of=AS_OF))

    return {"replay": Case(ours, lambda: _by_hand(con), _same)}


def _same(ours: level_system.Replay, by_hand: tuple[list[tuple[Any, ...]], ...]) -> None:
    moves = ours.moves.groupby(["month", "before", "level"])["n"].sum().reset_index()
    assert moves.to_numpy().tolist() == [list(row) for row in by_hand[0]]
    times = ours.reached.groupby(["level", "time", "event"])["n"].sum().reset_index()
    assert times.to_numpy().tolist() == [list(row) for row in by_hand[2]]
    assert len(moves)
    assert len(times)
