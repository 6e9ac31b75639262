"""Who brought whom, and what both are worth."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case

from opskit.acquisition import referral

ROWS = "customers"
TABLES = {
    "customers": "customer_id, signed_up_at, referrer_id",
    "orders": "customer_id, ordered_at, revenue",
}
AS_OF = dt.date(2025, 12, 31)
# One statement for each table that the page reads, all from one temporary table of customers.
_SQL = """create or replace temp table people as
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
_COUNTS = (
    "select * from people where inviter_id is not null",
    """select grp, day, referrer_id is not null as referred, count(*) as customers, count(*) filter (first <= 30) as b30,
    count(*) filter (first <= 60) as b60, count(*) filter (first <= 90) as b90, count(*) filter (first <= 180) as b180
    from people group by all""",
    """select coalesce(inviter_grp, grp) as grp, date_trunc('month', day) as month, referrer_id is not null as referred,
    count(*) as customers, count(*) filter (early > 0) as bought, sum(early) as orders, sum(spent) as value
    from people where day <= date '2025-12-31' - 180 group by all""",
    """select first <= 180 as bought, floor(spent) as spent, count(*) as customers
    from people where day <= date '2025-12-31' - 180 group by all""",
    """with recursive tree as (select customer_id, 0 as generation from people where inviter_id is null union all
    select p.customer_id, generation + 1 from people p join tree on p.inviter_id = tree.customer_id)
    select generation, count(*) as customers from tree group by all order by all""",
    """with recursive under as (select inviter_id as above, customer_id from people where inviter_id is not null union all
    select p.inviter_id, u.customer_id from under u join people p on p.customer_id = u.above where p.inviter_id is not null)
    select above as customer_id, count(*) as below from under group by all""",
)


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def by_hand() -> list[pd.DataFrame]:
        con.execute(_SQL)
        return [con.sql(text).df() for text in _COUNTS]

    return {
        "links": Case(partial(referral.links, con.table("orders"), con.table("customers"), as_of=AS_OF), by_hand, _same)
    }


def _same(ours: referral.Links, by_hand: list[pd.DataFrame]) -> None:
    invited, joined, values, spending, generations, below = by_hand
    delay = (invited["day"] - invited["inviter_day"]).dt.days
    assert np.array_equal(np.sort(ours.invited["delay"]), np.sort(delay)), "the delays differ"
    assert ours.joined["bought_90"].sum() == joined["b90"].sum(), "the buyers differ"
    assert abs(ours.values["value"].sum() / values["value"].sum() - 1) < 1e-9, "the value differs"
    assert ours.spending["customers"].sum() == spending["customers"].sum(), "the customers differ"
    assert ours.generations[["generation", "customers"]].to_numpy().tolist() == generations.to_numpy().tolist()
    counted = ours.invited["customer_id"].map(below.set_index("customer_id")["below"]).fillna(0)
    assert (counted == ours.invited["below"]).all(), "the customers below differ"
