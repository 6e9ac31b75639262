"""The panel of stages against hand-written DuckDB SQL on synthetic events; counts are compared before times.

python -m benchmarks.stages --events 10000000
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

from opskit.loyalty import stages

AS_OF = dt.date(2025, 12, 31)
KINDS = ("buy", "visit", "review", "answer")
SHARES = (0.4, 0.3, 0.1, 0.2)
BATCH = 1_000_000


def write(folder: Path, events: int) -> None:
    """Orders, other events and answers of events / 10 customers over two years: so many rows together."""
    rng = np.random.default_rng(1)
    kinds = {
        "orders": [("customer_id", pa.string()), ("ordered_at", pa.timestamp("us")), ("revenue", pa.float64())],
        "events": [("customer_id", pa.string()), ("event", pa.string()), ("occurred_at", pa.timestamp("us"))],
        "surveys": [
            ("respondent_id", pa.string()), ("customer_id", pa.string()), ("question", pa.string()),
            ("answer", pa.string()), ("answered_at", pa.timestamp("us")),
        ],
    }  # fmt: skip
    schemas = {name: pa.schema(columns) for name, columns in kinds.items()}
    files = {name: pq.ParquetWriter(folder / f"{name}.parquet", schema) for name, schema in schemas.items()}
    for first in range(0, events, BATCH):
        n = min(BATCH, events - first)
        who = (events // 10 * rng.random(n) ** 1.5).astype(np.int64)
        ids = np.char.add("C", np.char.zfill(who.astype(str), 8))
        at = np.datetime64("2024-01-01", "us") + rng.integers(0, 731 * 86_400, n).astype("timedelta64[s]")
        kind = np.array(KINDS)[rng.choice(len(KINDS), size=n, p=SHARES)]
        score, revenue = rng.integers(0, 11, n).astype(str), rng.gamma(2, 50, n).round(2)
        bought, said = kind == "buy", kind == "answer"
        rows = {
            "orders": (ids[bought], at[bought], revenue[bought]),
            "events": (ids[~bought & ~said], kind[~bought & ~said], at[~bought & ~said]),
            "surveys": (ids[said], ids[said], np.full(int(said.sum()), "nps"), score[said], at[said]),
        }
        for name, columns in rows.items():
            files[name].write_table(pa.table(list(columns), schema=schemas[name]))
    for file in files.values():
        file.close()


SQL = """with days as (select customer_id, ordered_at::date as day, sum(revenue) as revenue from orders group by all),
numbered as (select *, row_number() over w as k, first_value(day) over w as first from days
    window w as (partition by customer_id order by day)),
bought as (select customer_id, date_trunc('month', day) as m, max(day) as day, sum(revenue) as revenue,
    max(day + cast(least(greatest(case when k > 1 then floor(2 * (day - first) / (k - 1)) else 0 end, 30), 180) as int))
        filter (k >= 2) as until_any,
    arg_max(case when k >= 2 then day + cast(least(greatest(floor(2 * (day - first) / (k - 1)), 30), 180) as int) end, k)
        as until from numbered group by all),
told_days as (select customer_id, answered_at::date as day, avg(cast(answer as double)) as score from surveys group by all),
told as (select customer_id, date_trunc('month', day) as m, arg_max(score, day) as score from told_days group by all),
said as (select distinct customer_id, date_trunc('month', occurred_at) as m from events where event = 'review'),
points as (
    select customer_id, m, m as bought_m, until, null::date as told_m, null::double as score, null::date as said_m, revenue from bought
    union all select customer_id, date_trunc('month', until + 1), null, null, null, null, null, 0 from bought where until is not null
    union all select customer_id, m, null, null, m, score, null, 0 from told
    union all select customer_id, m + interval 12 month, null, null, null, null, null, 0 from told
    union all select customer_id, m, null, null, null, null, m, 0 from said
    union all select customer_id, m + interval 12 month, null, null, null, null, null, 0 from said),
months as (select customer_id, m::date as m, max(bought_m) as bought_m, max(until) as until, max(told_m) as told_m,
    max(score) as score, max(said_m) as said_m, sum(revenue) as revenue from points group by all),
carried as (select customer_id, m, revenue, min(bought_m) over (partition by customer_id) as entry,
    last_value(case when bought_m is not null then coalesce(until, date '1900-01-01') end ignore nulls) over w as until,
    last_value(told_m ignore nulls) over w as told_m, last_value(score ignore nulls) over w as score,
    last_value(said_m ignore nulls) over w as said_m from months window w as (partition by customer_id order by m)),
staged as (select *, case when until is null or last_day(m) > until then 0
    when told_m is null or m >= told_m + interval 12 month or score < 7 then 1 when score < 9 then 2
    when said_m is null or m >= said_m + interval 12 month then 3 else 4 end as stage
    from carried where m >= entry and m <= date '2025-12-01'),
compared as (select *, coalesce(lag(stage) over w, -1) as before from staged window w as (partition by customer_id order by m)),
peaks as (select *, coalesce(max(before) over (partition by customer_id order by m), -1) as peak from compared)
select m, before, stage, greatest(peak, -1) as peak, hash(customer_id) % 100 as grp, count(*) as customers, sum(revenue) as revenue
from peaks group by all"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-limit", default="1GB", help="of DuckDB, for both; beyond it both spill to disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.events)
        con = duckdb.connect(config={"memory_limit": options.memory_limit, "temp_directory": f"{folder}/spill"})
        for name in ("orders", "events", "surveys"):
            con.sql(f"create view {name} as from '{folder}/{name}.parquet'")

        def ours() -> stages.Panel:
            tables = {name: con.table(name) for name in ("surveys", "events")}
            return stages.panel(con.table("orders"), as_of=AS_OF, **tables)

        def theirs() -> Any:
            return con.sql(SQL).df()

        found, wanted = ours().moves, theirs()
        moved = found[found["before"] != found["stage"]].groupby(["before", "stage"])["customers"].sum()
        by_hand = wanted[wanted["before"] != wanted["stage"]].groupby(["before", "stage"])["customers"].sum()
        assert moved.to_dict() == by_hand.to_dict(), "the moves differ"
        assert abs(found["revenue"].sum() / wanted["revenue"].sum() - 1) < 1e-9, "the revenue differs"
        memory = peak_gigabytes()
        wall, cpu = seconds(ours, options.repeats)
        sql_wall, sql_cpu = seconds(theirs, options.repeats)
        print(
            f"opskit {cpu:.2f} s, SQL {sql_cpu:.2f} s, {cpu / sql_cpu:.2f}x processor time; wall {wall:.2f} / {sql_wall:.2f}"
        )
        print(f"{options.events:,} events, {len(found):,} kinds of moves; peak memory {memory:.2f} GB")


if __name__ == "__main__":
    main()
