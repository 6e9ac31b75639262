"""Every customer's stage from month to month, from orders, answers and events."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import pandas as pd
from benchmarks.case import Case

from opskit.loyalty import stages

ROWS = "events"
TABLES = {
    "events": "customer_id, event, occurred_at",
    "orders": "customer_id, ordered_at, revenue",
    "surveys": "respondent_id, customer_id, question, answer, answered_at",
}
AS_OF = dt.date(2025, 12, 31)
_SQL = """with days as (select customer_id, ordered_at::date as day, sum(revenue) as revenue from orders group by all),
numbered as (select *, row_number() over w as k, first_value(day) over w as first from days
    window w as (partition by customer_id order by day)),
bought as (select customer_id, date_trunc('month', day) as m, max(day) as day, sum(revenue) as revenue,
    max(day + cast(least(greatest(case when k > 1 then floor(2 * (day - first) / (k - 1)) else 0 end, 30), 180) as int))
        filter (k >= 2) as until_any,
    arg_max(case when k >= 2 then day + cast(least(greatest(floor(2 * (day - first) / (k - 1)), 30), 180) as int) end, k)
        as until from numbered group by all),
told_days as (select customer_id, answered_at::date as day, avg(cast(answer as double)) as score from surveys
    where question = 'nps' and answer is not null group by all),
told as (select customer_id, date_trunc('month', day) as m, arg_max(score, day) as score from told_days group by all),
said as (select distinct customer_id, date_trunc('month', occurred_at) as m from events where event in ('review', 'invite', 'post')),
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


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def ours() -> stages.Panel:
        tables = {name: con.table(name) for name in ("surveys", "events")}
        return stages.panel(con.table("orders"), as_of=AS_OF, **tables)

    return {"panel": Case(ours, lambda: con.sql(_SQL).df(), _same)}


def _same(ours: stages.Panel, by_hand: pd.DataFrame) -> None:
    found = ours.moves
    moved = found[found["before"] != found["stage"]].groupby(["before", "stage"])["customers"].sum()
    theirs = by_hand[by_hand["before"] != by_hand["stage"]].groupby(["before", "stage"])["customers"].sum()
    assert moved.to_dict() == theirs.to_dict(), "the moves differ"
    assert abs(found["revenue"].sum() / by_hand["revenue"].sum() - 1) < 1e-9, "the revenue differs"
