"""Revenue by month and stream, with payers and active customers, from orders and bookings."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.monetization import revenue_streams

ROWS = "orders"
TABLES = {
    "orders": "customer_id, ordered_at, revenue, refund",
    "bookings": "booked_at, stream, side, amount, customer_id, gross_amount, impressions",
}
AS_OF = dt.date(2025, 12, 31)
_MAIN = "select stream from bookings where booked_at < timestamp '2026-01-01' group by stream order by sum(abs(amount)) desc limit 5"
_SQL = f"""with main as ({_MAIN}),
posted as (
    select customer_id, ordered_at as moment, 'front' as side, 'product sales' as stream, revenue - coalesce(refund, 0) as amount,
        (revenue > 0)::int as charges, 0 as gross, 0 as fee, 0 as priced, 0 as impressions, 0 as shown from orders
    union all select customer_id, booked_at, side, case when n <= 6 or stream in (select stream from main) then stream else 'other ' || side end,
        amount, (amount > 0)::int, coalesce(gross_amount, 0), case when gross_amount is null then 0 else amount end,
        (gross_amount is not null and amount > 0)::int, coalesce(impressions, 0), case when impressions is null then 0 else amount end
        from bookings, (select count(distinct stream) as n from bookings where booked_at < timestamp '2026-01-01')),
summed as (select customer_id, date_trunc('month', moment) as month, side, stream, sum(amount) as amount, sum(charges) as charges,
    sum(gross) as gross, sum(fee) as fee, sum(priced) as priced, sum(impressions) as impressions, sum(shown) as shown
    from posted where moment < timestamp '2026-01-01' group by all)"""
_STREAMS = """select month, side, stream, hash(customer_id) % 100 as part, count(distinct customer_id) filter (charges > 0) as payers,
    sum(amount) as amount, sum(charges) as charges, sum(gross) as gross, sum(fee) as fee, sum(priced) as priced,
    sum(impressions) as impressions, sum(shown) as shown from summed group by all"""
_SIDES = """select month, coalesce(side, 'all') as side, part, count(*) as payers from (
    select distinct month, side, customer_id, hash(customer_id) % 100 as part from summed where charges > 0 and customer_id is not null
    union all select distinct month, null, customer_id, hash(customer_id) % 100 from summed where charges > 0 and customer_id is not null)
    group by all"""
_ACTIVE = """select month, part, count(*) as new from (select min(month) as month, hash(customer_id) % 100 as part from summed
    where customer_id is not null group by customer_id) group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def by_hand() -> list[pd.DataFrame]:
        con.execute(f"create or replace temp table summed as {_SQL} select * from summed")
        return [con.sql(text).df() for text in (_STREAMS, _SIDES, _ACTIVE)]

    ours = partial(revenue_streams.monthly_totals, con.table("orders"), con.table("bookings"), as_of=AS_OF)
    return {"monthly totals": Case(ours, by_hand, _same)}


def _same(ours: revenue_streams.Totals, by_hand: list[pd.DataFrame]) -> None:
    streams, sides, new = (table.drop(columns="part") for table in by_hand)
    whole = ours.sums["stream"] == "all streams"
    streams["payers"] = streams["payers"].where(streams["payers"] > 0, 0)
    apart = ours.sums[~whole]
    for column in ("amount", "charges", "gross", "fee", "priced", "impressions", "shown", "payers"):
        found = apart.groupby(["side", "stream", "month"])[column].sum()
        theirs = streams.groupby(["side", "stream", "month"])[column].sum().astype(float)
        same_sums(
            found.reset_index().query(f"{column} != 0"),
            theirs.reset_index().query(f"{column} != 0"),
            by=["side", "stream", "month"],
        )
    same_sums(ours.sums[whole].query("payers > 0"), sides, by=["side", "month"])
    active = ours.sums[whole & (ours.sums["side"] == "all")].groupby("month")["active"].sum()
    assert active.tolist() == new.groupby("month")["new"].sum().cumsum().tolist()
