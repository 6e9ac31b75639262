"""RFM scores against hand-written DuckDB SQL on synthetic orders; what each finds is compared before times.

python -m benchmarks.segments --orders 1000000
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from benchmarks.clock import peak_gigabytes, seconds

from opskit.target_users import segments

AS_OF = dt.date(2025, 12, 30)
SUMMARY = """select customer_id, date '2025-12-30' - max(ordered_at)::date as days, count(distinct ordered_at::date) as purchases,
    round(sum(revenue), 4) as revenue from orders where ordered_at < timestamp '2025-12-31' group by customer_id"""
# As people write it; ntile gives equal customers different scores.
NAIVE = f"""select customer_id, ntile(5) over (order by days desc) as r, ntile(5) over (order by purchases) as f,
    ntile(5) over (order by revenue) as m from ({SUMMARY})"""


def written(folder: str, orders: int) -> str:
    """Orders of customers, half of whom buy once, as a Parquet file."""
    path = (Path(folder) / "orders.parquet").as_posix()
    duckdb.sql(f"""copy (select 'C' || lpad((hash(i) % {orders // 6 or 1})::varchar, 9, '0') as customer_id,
        timestamp '2024-01-01' + interval (hash(i + 7) % 1049760) minute as ordered_at,
        round((5 + hash(i * 3 + 1) % 20000 / 100.0), 2) as revenue from range({orders}) t(i)) to '{path}'""")
    return path


def by_limits(limits: Any) -> str:
    """SQL that scores every customer by the limits found, as a sum of steps."""
    steps = {"recency": ("days", "<="), "frequency": ("purchases", ">"), "money": ("revenue", ">")}
    columns: list[str] = []
    for name, (column, sign) in steps.items():
        part = limits[limits["measure"] == name]["highest"]
        borders = part.iloc[1:] if name == "recency" else part.iloc[:-1]
        columns.append(" + ".join(["1", *(f"({column} {sign} {border})::int" for border in borders)]))
    r, f, m = columns
    return f"select {r} as r, {f} as f, {m} as m, count(*) as n from ({SUMMARY}) group by all order by all"


def main() -> None:
    """Compare, then time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, options.orders)
        connection = duckdb.connect()
        connection.execute("set memory_limit = '2GB'")
        connection.execute(f"create view orders as from read_parquet('{path}')")
        relation = connection.table("orders")

        def ours() -> Any:
            found = segments.scores(relation, as_of=AS_OF)
            scores = "recency_score, frequency_score, money_score"
            return found.limits, found.customers.aggregate(f"{scores}, count(*) as n", scores).order(scores).fetchall()

        limits, counted = ours()
        assert counted == connection.sql(by_limits(limits)).fetchall()
        wall, cpu = seconds(ours, options.repeats)
        naive_wall, naive = seconds(
            lambda: connection.sql(f"select r, f, m, count(*) from ({NAIVE}) group by all").fetchall(), options.repeats
        )
        print(
            f"{options.orders:,} orders, {sum(row[-1] for row in counted):,} customers: {len(counted)} cells agree with SQL"
        )
        print(f"segments.scores        {wall:6.2f} s wall {cpu:6.2f} s cpu")
        print(f"SQL with ntile         {naive_wall:6.2f} s wall {naive:6.2f} s cpu   ratio {cpu / naive:.2f}")
        print(f"peak {peak_gigabytes():.2f} GB")


if __name__ == "__main__":
    main()
