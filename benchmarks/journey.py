"""The ordered funnel against hand-written DuckDB SQL on synthetic events; counts are compared before times.

python -m benchmarks.journey --events 10000000
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

from opskit.loyalty import journey

STEPS = ("visit", "sign_up", "log_in", "browse", "add_to_cart", "buy", "pay")
SHARES = (0.36, 0.04, 0.16, 0.24, 0.1, 0.06, 0.04)
AS_OF = dt.date(2025, 12, 30)
WINDOW_DAYS = 30
BATCH = 1_000_000


def write(path: Path, events: int) -> None:
    """Random events of events / 10 customers over two years, in batches."""
    rng = np.random.default_rng(1)
    kind = pa.schema([("customer_id", pa.string()), ("event", pa.string()), ("occurred_at", pa.timestamp("us"))])
    start = np.datetime64("2024-01-01", "us")
    with pq.ParquetWriter(path, kind) as file:
        for first in range(0, events, BATCH):
            n = min(BATCH, events - first)
            customer = (events // 10 * rng.random(n) ** 1.5).astype(np.int64)
            event = rng.choice(len(STEPS), size=n, p=SHARES)
            at = start + rng.integers(0, 730 * 86_400, n).astype("timedelta64[s]")
            names = np.char.add("C", np.char.zfill(customer.astype(str), 8))
            file.write_table(pa.table([names, np.array(STEPS)[event], at], schema=kind))


def sql() -> str:
    """A step is a join to the survivors of the one before, the way one would write it by hand."""
    known = (
        "select customer_id, occurred_at as t from events where event = '{}' and occurred_at < timestamp '2025-12-31'"
    )
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        write(path, options.events)
        con = duckdb.connect()
        con.sql(f"create view events as from '{path}'")

        def ours() -> Any:
            walked = journey.walk(con.table("events"), steps=STEPS, as_of=AS_OF, window_days=WINDOW_DAYS)
            return journey.funnel(walked)

        def theirs() -> Any:
            return con.sql(sql()).fetchall()

        table = ours()
        assert [(row[1], row[2]) for row in theirs()] == list(zip(table["reached"], table["immature"], strict=True)), (
            "the counts differ"
        )
        wall, cpu = seconds(ours, options.repeats)
        sql_wall, sql_cpu = seconds(theirs, options.repeats)
        memory = peak_gigabytes()
        print(
            f"opskit {cpu:.2f} s, SQL {sql_cpu:.2f} s, {cpu / sql_cpu:.2f}x processor time; wall {wall:.2f} / {sql_wall:.2f}"
        )
        print(f"{options.events:,} events, {int(table['n'].iloc[0]):,} who started; peak memory {memory:.2f} GB")


if __name__ == "__main__":
    main()
