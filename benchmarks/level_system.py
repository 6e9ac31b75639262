"""The replay of a level design against hand-written DuckDB SQL: 10^6 customers over 24 months; counts are compared first.

python -m benchmarks.level_system --customers 1000000 --each 8
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.clock import peak_gigabytes, seconds

from opskit.incentives import level_system

AS_OF = dt.date(2025, 12, 31)
BATCH = 1_000_000
THRESHOLDS = (300, 1000, 2500)


def write(path: Path, customers: int, each: int) -> None:
    """Orders of customers who come at some time in two years and buy at a pace of their own."""
    rng = np.random.default_rng(1)
    names = ("customer_id", "ordered_at", "revenue", "refund", "margin")
    kinds = (pa.int64(), pa.timestamp("us"), *[pa.float64()] * 3)
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    since = rng.integers(0, 700, customers)
    with pq.ParquetWriter(path, schema) as file:
        for _ in range(0, customers * each, BATCH):
            who = (customers * rng.random(BATCH) ** 1.5).astype(np.int64)
            day = since[who] + rng.integers(0, 731, BATCH) % (731 - since[who])
            at = np.datetime64("2024-01-01", "us") + (day * 86_400 + rng.integers(0, 86_400, BATCH)).astype(
                "timedelta64[s]"
            )
            revenue = rng.gamma(2, 50, BATCH).round(2)
            refund = np.where(rng.random(BATCH) < 0.05, revenue, 0.0)
            file.write_table(pa.table([who, at, revenue, refund, revenue * 0.3], schema=schema))


def sql(orders: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What one would write by hand: one matrix of customers by month, kept, and read three times."""
    months = range(24288, 24312)
    group = "customer_id % 100"
    values = ",".join(
        f"sum(growth) filter (month between {m - 11} and {m}) v{m}, sum(revenue) filter (month = {m}) r{m}"
        for m in months
    )
    level = "+".join(f"(coalesce(v{{m}}, 0) >= {t})::int" for t in THRESHOLDS)
    levels = ",".join(f"case when first <= {m} then {level.format(m=m)} else -1 end l{m}" for m in months)
    db = duckdb.connect()
    db.execute(f"""create temp table days as select customer_id, ordered_at::date as day,
        any_value(year(ordered_at) * 12 + month(ordered_at) - 1) as month,
        sum(floor(greatest(revenue - refund, 0) + 1e-6)::bigint) as growth, sum(revenue - refund) as revenue,
        sum(margin * case when revenue > 0 then 1 - refund / revenue else 1 end) as money
        from read_parquet('{orders}') where ordered_at < timestamp '2026-01-01' group by all""")
    db.execute(f"""create temp table matrix as select *, {levels}, -1 as l24287 from (
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
    db.execute(f"""create temp table reached as select {group} as g, min(day) as day, {first} from (select *, sum(growth)
        over (partition by customer_id order by day) as total from days) group by customer_id""")
    times = db.sql(f"""select level, time, event, sum(n)::bigint from (select level, g, time, event, count(*) as n from ({reach})
        group by all) group by all order by all""").fetchall()
    return moved, money, times


def main() -> None:
    """Print wall and processor seconds, their ratio and the memory."""
    options = argparse.ArgumentParser()
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--each", type=int, default=8)
    options.add_argument("--repeats", type=int, default=1)
    options.add_argument("--only", choices=("ours", "sql"), default=None, help="to tell whose memory it is")
    given = options.parse_args()
    design = level_system.read(level_system.template()).at(THRESHOLDS)

    def ours(path: Path) -> level_system.Replay:
        grown = level_system.growth(design, duckdb.read_parquet(str(path)), as_of=AS_OF)
        return level_system.replay(design, grown)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        write(path, given.customers, given.each)
        found: dict[str, Any] = {}
        runs = {"ours": lambda: found.update(ours=ours(path)), "sql": lambda: found.update(sql=sql(str(path)))}
        for name, run in runs.items():
            if given.only in (None, name):
                wall, cpu = seconds(run, given.repeats)
                print(f"{name}: {wall:.1f} s, {cpu:.1f} CPU s, {peak_gigabytes():.1f} GB at most so far")
        if given.only is None:
            moves = found["ours"].moves.groupby(["month", "before", "level"])["n"].sum().reset_index()
            assert moves.to_numpy().tolist() == [list(row) for row in found["sql"][0]]
            times = found["ours"].reached.groupby(["level", "time", "event"])["n"].sum().reset_index()
            assert times.to_numpy().tolist() == [list(row) for row in found["sql"][2]]
            print("same counts")


if __name__ == "__main__":
    main()
