"""Who brought whom against hand-written DuckDB SQL on synthetic customers; counts are compared before times.

python -m benchmarks.referral --customers 1000000
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

from opskit.acquisition import referral

AS_OF = dt.date(2025, 12, 31)


def write(folder: Path, customers: int) -> None:
    """Customers over two years, a sixth of them brought by an earlier one, and two orders for each."""
    rng = np.random.default_rng(1)
    day = np.sort(rng.integers(0, 731, customers))
    at = np.datetime64("2024-01-01", "us") + (day * 86_400 + rng.integers(0, 86_400, customers)).astype(
        "timedelta64[s]"
    )
    ids = np.char.add("C", np.char.zfill(np.arange(customers).astype(str), 8))
    inviter = (np.arange(customers) * rng.random(customers) ** 1.5).astype(np.int64)
    referrer = np.where(rng.random(customers) < 1 / 6, ids[inviter], None)
    people = {"customer_id": ids, "signed_up_at": at, "referrer_id": pa.array(referrer, pa.string())}
    pq.write_table(pa.table(people), folder / "customers.parquet")
    who = rng.integers(0, customers, 2 * customers)
    ordered = at[who] + (rng.exponential(120, len(who)) * 86_400).astype("timedelta64[s]")
    revenue = rng.gamma(2, 50, len(who)).round(2)
    pq.write_table(
        pa.table({"customer_id": ids[who], "ordered_at": ordered, "revenue": revenue}), folder / "orders.parquet"
    )


# One statement for each table that the page reads, all from one temporary table of customers.
SQL = """create or replace temp table people as
with c as (select customer_id, signed_up_at::date as day, signed_up_at, referrer_id, hash(customer_id) % 100 as grp
    from customers where signed_up_at < timestamp '2026-01-01'),
o as (select o.customer_id, min(o.ordered_at::date - c.day) as first, count(*) as orders, sum(o.revenue) as value,
    sum(o.revenue) filter (o.ordered_at::date - c.day between 0 and 180) as spent,
    count(*) filter (o.ordered_at::date - c.day between 0 and 180) as early
    from orders o join c using (customer_id) where o.ordered_at < timestamp '2026-01-01' group by all),
p as (select c.*, o.first, coalesce(o.orders, 0) as orders, coalesce(o.value, 0) as value, coalesce(o.spent, 0) as spent,
    coalesce(o.early, 0) as early from c left join o using (customer_id))
select p.*, i.customer_id as inviter_id, i.signed_up_at as inviter_at, i.day as inviter_day, i.grp as inviter_grp,
    i.first as inviter_first, i.spent as inviter_spent, i.orders as inviter_orders, i.value as inviter_value
from p left join p i on p.referrer_id = i.customer_id and i.signed_up_at <= p.signed_up_at and i.customer_id <> p.customer_id"""
COUNTS = (
    "select * from people where inviter_id is not null",
    """select grp, day, referrer_id is not null as referred, count(*) as customers, count(*) filter (first <= 30) as b30,
    count(*) filter (first <= 60) as b60, count(*) filter (first <= 90) as b90, count(*) filter (first <= 180) as b180
    from people group by all""",
    """select coalesce(inviter_grp, grp) as grp, date_trunc('month', day) as month, referrer_id is not null as referred,
    count(*) as customers, count(*) filter (early > 0) as bought, sum(early) as orders, sum(spent) as value
    from people where day <= date '2025-12-31' - 180 group by all""",
    """select first <= 180 as bought, floor(spent) as spent, count(*) as customers
    from people where day <= date '2025-12-31' - 180 group by all""",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.customers)
        con = duckdb.connect()
        for name in ("orders", "customers"):
            con.sql(f"create view {name} as from '{folder}/{name}.parquet'")

        def ours() -> referral.Links:
            return referral.links(con.table("orders"), con.table("customers"), as_of=AS_OF)

        def theirs() -> list[Any]:
            con.execute(SQL)
            return [con.sql(text).df() for text in COUNTS]

        found, (invited, joined, values, spending) = ours(), theirs()
        delay = (invited["day"] - invited["inviter_day"]).dt.days
        assert np.array_equal(np.sort(found.invited["delay"]), np.sort(delay)), "the delays differ"
        assert found.joined["bought_90"].sum() == joined["b90"].sum(), "the buyers differ"
        assert abs(found.values["value"].sum() / values["value"].sum() - 1) < 1e-9, "the value differs"
        assert found.spending["customers"].sum() == spending["customers"].sum(), "the customers differ"
        memory = peak_gigabytes()
        wall, cpu = seconds(ours, options.repeats)
        sql_wall, sql_cpu = seconds(theirs, options.repeats)
        ratio = f"{cpu / sql_cpu:.2f}x processor time; wall {wall:.2f} / {sql_wall:.2f}"
        print(f"opskit {cpu:.2f} s, SQL {sql_cpu:.2f} s, {ratio}")
        print(f"{options.customers:,} customers, {len(invited):,} brought; peak memory {memory:.2f} GB")


if __name__ == "__main__":
    main()
