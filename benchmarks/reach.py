"""Audiences by set of channels, and messages as they happened, against hand-written DuckDB SQL; results are compared before times.

python -m benchmarks.reach --rows 1000000
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from benchmarks.clock import peak_gigabytes, seconds

from opskit.acquisition import reach

AS_OF = dt.date(2025, 12, 31)
SETS = """with coded as (select channel, row_number() over (order by count(distinct customer_id) desc, channel) - 1 as place
    from touchpoints group by channel)
    select mask, count(*) as customers from (select customer_id, bit_or(1 << place) as mask
    from touchpoints join coded using (channel) group by customer_id) group by mask"""
HAPPENED = """select least(messages, 8) as got, hash(customer_id) % 100 as part, sum(messages) as messages,
    sum(responded) as responded, sum(opted_out) as opted_out, count(*) as customers from (
    select customer_id, date_diff('day', sent_at::date, date '2025-12-31') // 28 as block, count(*) as messages,
    sum(responded::int) as responded, max(opted_out::int) as opted_out from contacts where medium = 'sms' group by all)
    group by all"""
TRIAL = """with entry as (select customer_id, min(campaign) as arm, min(sent_at::date) as entry from contacts
    where medium = 'sms' and campaign in ('one', 'four') group by customer_id having min(campaign) = max(campaign)
    and min(sent_at::date) + 27 <= date '2025-12-31')
    select arm, messages, responded, opted_out, count(*) as customers from (
    select customer_id, arm, count(*) filter (since between 0 and 27) as messages,
    sum(responded::int) filter (since between 0 and 27) as responded,
    max(opted_out::int) filter (since between 0 and 27) as opted_out,
    count(*) filter (since between -60 and -1) as before from (select c.*, arm, sent_at::date - entry as since from contacts c
    join entry using (customer_id) where medium = 'sms') group by customer_id, arm) group by all"""


def tables(con: duckdb.DuckDBPyConnection, folder: Path, rows: int) -> None:
    """Touches over 12 channels, and messages of which a tenth belongs to a test."""
    con.sql("select setseed(0.5)")
    con.sql(
        f"""copy (select floor({rows // 6} * pow(random(), 1.3))::bigint as customer_id,
        'channel_' || lpad(floor(12 * pow(random(), 1.5))::int::varchar, 2, '0') as channel,
        timestamp '2024-01-01' + to_seconds((random() * 730 * 86400)::bigint) as touched_at from range({rows}))
        to '{folder}/touchpoints.parquet'"""
    )
    con.sql(
        f"""copy (select customer_id, sent_at, medium, responded, opted_out,
        case when customer_id % 10 = 0 then if(customer_id % 20 = 0, 'one', 'four') else 'news' end as campaign
        from (select floor({rows // 8} * pow(random(), 1.3))::bigint as customer_id,
        if(random() < 0.8, 'sms', 'e-mail') as medium, random() < 0.1 as responded, random() < 0.005 as opted_out,
        timestamp '2024-01-01' + to_seconds((random() * 730 * 86400)::bigint) as sent_at from range({rows})))
        to '{folder}/contacts.parquet'"""
    )
    for name in ("touchpoints", "contacts"):
        con.sql(f"create view {name} as from '{folder}/{name}.parquet'")


def same_sets(con: duckdb.DuckDBPyConnection) -> None:
    ours = reach.audiences(con.table("touchpoints"), as_of=AS_OF).sets.set_index("mask")["customers"]
    theirs = con.sql(SETS).df().set_index("mask")["customers"]
    pd.testing.assert_series_equal(ours, theirs.sort_index(), check_dtype=False, check_index_type=False)


def same_messages(con: duckdb.DuckDBPyConnection) -> None:
    columns = ["messages", "responded", "opted_out", "customers"]
    ours = reach.observed(con.table("contacts"), as_of=AS_OF, medium="sms").groupby("got")[columns].sum()
    theirs = con.sql(HAPPENED).df().groupby("got")[columns].sum()
    np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())


def same_trial(con: duckdb.DuckDBPyConnection) -> None:
    keys = ["arm", "messages", "responded", "opted_out"]
    found = reach.trial(con.table("contacts"), as_of=AS_OF, medium="sms", arms=["one", "four"])
    ours = found.people.groupby(keys)["customers"].sum()
    theirs = con.sql(TRIAL).df().groupby(keys)["customers"].sum()
    pd.testing.assert_series_equal(ours, theirs, check_dtype=False, check_index_type=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        con: Any = duckdb.connect()
        tables(con, Path(folder), options.rows)
        pieces = {
            "sets of channels": (same_sets, lambda: reach.audiences(con.table("touchpoints"), as_of=AS_OF), SETS),
            "as it happened": (
                same_messages,
                lambda: reach.observed(con.table("contacts"), as_of=AS_OF, medium="sms"),
                HAPPENED,
            ),
            "test of frequency": (
                same_trial,
                lambda: reach.trial(con.table("contacts"), as_of=AS_OF, medium="sms", arms=["one", "four"]),
                TRIAL,
            ),
        }
        print(f"{options.rows:,} rows; processor seconds, wall in brackets")
        print(f"{'':20} {'opskit':>8} {'SQL':>8} {'ratio':>7}")
        for name, (compare, ours, query) in pieces.items():
            compare(con)
            wall, cpu = seconds(ours, options.repeats)
            sql_wall, sql_cpu = seconds(lambda query=query: con.sql(query).df(), options.repeats)
            print(
                f"{name:20} {cpu:8.2f} {sql_cpu:8.2f} {cpu / sql_cpu:6.2f}x   ({wall:.2f} / {sql_wall:.2f})", flush=True
            )
        print(f"Peak memory {peak_gigabytes():.2f} GB")


if __name__ == "__main__":
    main()
