"""Dormancy tiers of every customer, and who joins. The rhythm is fitted once, to some thousands of histories."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.loyalty import win_back

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue", "customers": "customer_id, signed_up_at, channel"}
AS_OF = dt.date(2025, 12, 31)
RHYTHM = win_back.PurchaseRhythm()
RHYTHM.r_, RHYTHM.alpha_, RHYTHM.stops_first_, RHYTHM.stops_later_ = 0.9, 55.0, 0.3, 0.1
_TIERS = """with known as (select count(*) - 1 as x, max(day) - min(day) as t, date '2025-12-31' - max(day) as s from (
    select customer_id, ordered_at::date as day from orders where ordered_at < timestamp '2026-01-01' group by all) group by customer_id),
alive as (select *, 1 / (1 + stopped / kept) as p_alive from (
    select *, case when x = 0 then 0.3 else 0.1 end as stopped,
    (case when x = 0 then 0.7 else 0.9 end) * pow((55.0 + t) / (55.0 + t + s), 0.9 + x) as kept from known)),
told as (select *, p_alive * (1 - pow((55.0 + t + s) / (55.0 + t + s + 30), 0.9 + x)) as p_return,
    (1 - stopped) * (1 - pow((55.0 + t) / (55.0 + t + 30), 0.9 + x)) as fresh,
    (55.0 + t) * (pow(2.0, 1 / (0.9 + x)) - 1) as gap from alive)
select case when p_return / fresh >= 0.6 then 'awake' when p_return / fresh >= 0.4 then 'dozing'
    when p_return / fresh >= 0.2 then 'half-asleep' else 'asleep' end as tier, count(*) as customers, avg(s) as days_silent,
    avg(gap) as typical_gap_days, avg(p_alive) as p_alive, avg(p_return) as p_return from told group by all"""
_JOINING = """with waiting as (select customer_id, channel, date '2025-10-02' - min(signed_up_at::date) as known from customers
    where signed_up_at < timestamp '2025-10-03' and customer_id not in (
    select customer_id from orders where ordered_at < timestamp '2025-10-03') group by all),
since as (select distinct customer_id from orders where ordered_at >= timestamp '2025-10-03' and ordered_at < timestamp '2026-01-01')
select case when known <= 30 then 'up to 30' when known <= 90 then '31 to 90' when known <= 180 then '91 to 180' else 'above 180' end
    as age, coalesce(channel, 'unknown') as channel, count(*) as n, count(since.customer_id) as k
    from waiting left join since using (customer_id) group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders, accounts = con.table("orders"), con.table("customers")

    def tiers() -> pd.DataFrame:
        return win_back.tier_counts(win_back.dormancy(orders, as_of=AS_OF, rhythm=RHYTHM))

    joining = partial(win_back.flow, orders, "joining", as_of=AS_OF, accounts=accounts, attributes=["channel"])
    return {
        "tiers": Case(tiers, lambda: con.sql(_TIERS).df(), lambda a, b: same_sums(a, b, by=["tier"])),
        "joining": Case(joining, lambda: con.sql(_JOINING).df(), _same_joining),
    }


def _same_joining(ours: win_back.Flow, by_hand: pd.DataFrame) -> None:
    assert (ours.customers, ours.flowed) == (by_hand["n"].sum(), by_hand["k"].sum())
    both = {"channel": "channel", "days since sign-up": "age"}
    for factor, column in both.items():
        found = ours.factors[ours.factors["factor"] == factor].set_index("level")
        theirs = by_hand.groupby(column)[["n", "k"]].sum().loc[found.index]
        assert found["customers"].tolist() == theirs["n"].tolist()
        pd.testing.assert_series_equal(found["share"], theirs["k"] / theirs["n"], rtol=1e-9, check_names=False)
