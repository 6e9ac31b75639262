"""Customer and retention functions against hand-written DuckDB SQL on synthetic orders; results are compared before times.

python -m benchmarks.retention --orders 1000000
python -m benchmarks.retention --events 10000000     cohorts of visits alone, with the peak memory
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from benchmarks.clock import peak_gigabytes, seconds

from opskit import customers
from opskit.loyalty import retention

AS_OF = dt.date(2025, 12, 30)
KNOWN = "select customer_id, ordered_at, revenue from orders where ordered_at < timestamp '2025-12-31'"
PERIODS = f"select distinct customer_id, year(ordered_at) * 12 + month(ordered_at) as m from ({KNOWN})"
DAYS = (
    f"select customer_id, ordered_at::date as day, count(*) as n, sum(revenue) as revenue from ({KNOWN}) group by all"
)
FIRSTS = f"select customer_id, day, min(day) over (partition by customer_id) as first from ({DAYS})"
SQL = {
    "summary": f"""select count(*), sum(n), sum(frequency), sum(recency), sum(T), sum(late) from (
        select sum(n) as n, count(*) - 1 as frequency, max(day) - min(day) as recency, date '2025-12-30' - min(day) as T,
        date '2025-12-30' - max(day) as late, sum(revenue) as revenue from ({DAYS}) group by customer_id)""",
    "growth": f"""select m, count(*), count(*) filter (before is null), count(*) filter (before = m - 1)
        from (select m, lag(m) over (partition by customer_id order by m) as before from ({PERIODS})) group by m order by m""",
    "cohorts by month": f"""select first, m - first as age, count(*) from (
        select m, min(m) over (partition by customer_id) as first from ({PERIODS})) group by all order by all""",
    "cohorts by window": f"""select c, age, count(*) from (select distinct customer_id,
        year(first) * 12 + month(first) as c, (day - first) // 30 as age from ({FIRSTS})) group by all order by all""",
    "curves": f"""select count(*) filter (T >= 30), count(*) filter (T >= 30 and came) from (select customer_id,
        max(date '2025-12-30' - first) as T, bool_or(day - first between 1 and 30) as came,
        bool_or(day - first between 30 and 59) as w1, bool_or(day - first between 60 and 89) as w2,
        bool_or(day - first between 90 and 119) as w3, bool_or(day - first between 180 and 209) as w4,
        bool_or(day - first between 360 and 389) as w5, max(day - first) as last from ({FIRSTS}) group by customer_id)""",
    "hazard": f"""select gap // 30, count(*) from (select lead(day) over w - day as gap, row_number() over w as k
        from ({DAYS}) window w as (partition by customer_id order by day)) where k = 1 and gap is not null group by 1 order by 1""",
    "rhythm": f"""select k, coalesce(gap, waiting), gap is not null, count(*) from (select lead(day) over w - day as gap,
        date '2025-12-30' - day as waiting, row_number() over w as k from ({DAYS})
        window w as (partition by customer_id order by day)) group by all""",
}

VISITS = """select customer_id, year(occurred_at) * 12 + month(occurred_at) as m from events
    where event = 'visit' and occurred_at < timestamp '2025-12-31' group by all"""
VISIT_COHORTS = f"""select first, m - first as age, count(*) from (
    select m, min(m) over (partition by customer_id) as first from ({VISITS})) group by all order by all"""


def ours(orders: Any) -> dict[str, Callable[[], Any]]:
    def summary() -> pd.DataFrame:
        relation = customers.summary(orders, as_of=AS_OF)
        columns = (
            "count(*), sum(orders), sum(frequency), sum(recency), sum(T), sum(days_since_last_order), sum(revenue)"
        )
        return relation.aggregate(columns).df()

    return {
        "summary": summary,
        "growth": lambda: customers.growth_accounting(orders, as_of=AS_OF),
        "cohorts by month": lambda: retention.cohorts(orders, as_of=AS_OF),
        "cohorts by window": lambda: retention.cohorts(orders, as_of=AS_OF, age="window"),
        "curves": lambda: retention.curves(orders, as_of=AS_OF),
        "hazard": lambda: retention.hazard(orders, as_of=AS_OF),
        "rhythm": lambda: customers.rhythm(orders, as_of=AS_OF),
    }


def check_equal(
    name: str, table: pd.DataFrame | customers.Rhythm | retention.Hazard, rows: list[tuple[Any, ...]]
) -> None:
    """Refuse to time what does not agree with SQL."""
    if name == "summary":
        assert [int(x) for x in table.iloc[0, :6]] == [int(x) for x in rows[0]], name
    elif name == "growth":
        assert table[["active", "new", "retained"]].to_numpy().tolist() == [list(row[1:]) for row in rows], name
    elif name.startswith("cohorts"):
        known = table.dropna(subset="active")
        cells = {
            (date.year * 12 + date.month, age): n for date, age, n in known[["cohort", "age", "active"]].to_numpy()
        }
        theirs = {(int(first), int(age)): n for first, age, n in rows}
        assert all(theirs.get(key, 0) == n for key, n in cells.items()), name
    elif name == "curves":
        row = table[(table["kind"] == "rolling") & (table["day"] == 30)].iloc[0]
        assert (row["customers"], row["active"]) == rows[0], name
    elif name == "hazard":
        assert (table.by_age["returned"].to_numpy() <= [n for _, n in rows[:12]]).all(), name
    else:
        assert table.interval["n"].iloc[0] == sum(row[-1] for row in rows), name


def compare(name: str, run: Callable[[], Any], con: duckdb.DuckDBPyConnection, query: str, repeats: int) -> None:
    """Check that both say the same, then print their times."""
    check_equal(name, run(), con.sql(query).fetchall())
    wall, cpu = seconds(run, repeats)
    sql_wall, sql_cpu = seconds(lambda: con.sql(query).fetchall(), repeats)
    print(f"{name:18} {cpu:9.2f} {sql_cpu:9.2f} {cpu / sql_cpu:6.2f}x   ({wall:.2f} / {sql_wall:.2f})", flush=True)


def compare_orders(con: duckdb.DuckDBPyConnection, path: Path, rows: int, repeats: int) -> None:
    """Every function of orders."""
    con.sql(
        f"""copy (select 'C' || lpad(floor({rows // 10} * pow(random(), 1.5))::bigint::varchar, 8, '0')
        as customer_id, timestamp '2024-01-01' + to_seconds((random() * 730 * 86400)::bigint) as ordered_at,
        round(exp(3 + random() * 2), 2) as revenue from range({rows})) to '{path}'"""
    )
    con.sql(f"create view orders as from '{path}'")
    for name, run in ours(con.table("orders")).items():
        compare(name, run, con, SQL[name], repeats)


def compare_events(con: duckdb.DuckDBPyConnection, path: Path, rows: int, repeats: int) -> None:
    """Cohorts of visits, half of the events."""
    con.sql(
        f"""copy (select 'C' || lpad(floor({rows // 25} * pow(random(), 1.5))::bigint::varchar, 8, '0') as customer_id,
        case when random() < 0.5 then 'visit' else ['browse', 'add_to_cart', 'pay'][1 + floor(random() * 3)::int] end
        as event, timestamp '2024-01-01' + to_seconds((random() * 730 * 86400)::bigint) as occurred_at
        from range({rows})) to '{path}'"""
    )
    con.sql(f"create view events as from '{path}'")
    events = con.table("events")

    def cohorts() -> pd.DataFrame:
        return retention.cohorts(retention.occasions(events, event="visit"), as_of=AS_OF)

    compare("cohorts of visits", cohorts, con, VISIT_COHORTS, repeats)
    print(f"peak memory, making the data included: {peak_gigabytes():.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        con = duckdb.connect()
        con.sql("select setseed(0.5)")
        print(f"{'':18} {'opskit s':>9} {'SQL s':>9} {'ratio':>7}   (processor time; wall in brackets)")
        if options.events:
            compare_events(con, Path(folder) / "events.parquet", options.events, options.repeats)
        else:
            compare_orders(con, Path(folder) / "orders.parquet", options.orders, options.repeats)


if __name__ == "__main__":
    main()
