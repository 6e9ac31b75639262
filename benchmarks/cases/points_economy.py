"""What became of every point earned: first earned, first used, and never after it has lapsed."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.incentives import points_economy

ROWS = "points"
TABLES = {"points": "customer_id, posted_at, points, kind, expires_at"}
AS_OF = dt.date(2025, 12, 31)
# Lots lapse in the order in which they were earned, so that the end of what they took is a running minimum; which use took
# from which lot is where their stretches of the line of used points meet.
_SQL = """with form as (select customer_id, hash(customer_id) % 100 as part, posted_at as at_, kind, kind = 'earn' as lot, expires_at,
    case kind when 'earn' then 1 when 'reverse' then 2 else 3 end as rank, abs(points)::double as amount,
    case when kind = 'earn' then least(expires_at::timestamp, timestamp '2026-01-01') else posted_at end as until,
    from points where posted_at < timestamp '2026-01-01' and kind in ('earn', 'reverse', 'redeem')),
lined as (select *, sum(case when lot then amount else 0 end) over w as A, row_number() over w as place,
    sum(case when lot then 0 else amount end) over (partition by customer_id order by until, case when lot then 0 else rank end,
        expires_at, amount rows unbounded preceding) as U
    from form window w as (partition by customer_id order by at_, rank, expires_at, amount rows unbounded preceding)),
reached as (select *, A + least(0, min(case when lot then U - A end) over (partition by customer_id order by place)) as d from lined),
told as materialized (select *, coalesce(lag(d) over (partition by customer_id order by place), 0) as d_before from reached),
moves as (
    select l.part, l.at_::date as earned, u.at_::date as left_on, u.kind as way,
        least(u.U, l.d) - greatest(u.U - u.amount, l.d_before) as points
        from told l join told u on l.customer_id = u.customer_id and u.U > l.d_before and u.U - u.amount < l.d
        where l.lot and not u.lot
    union all select part, at_::date, until::date - (until >= timestamp '2026-01-01')::int,
        case when until < timestamp '2026-01-01' then 'expire' else 'outstanding' end, amount - (d - d_before) from told where lot
    union all select part, null, null, 'overdrawn', least(U - last_d, amount) from (
        select *, max(d) over (partition by customer_id) as last_d from told) where not lot and U > last_d)
select part, earned, left_on, way, sum(points) as points from moves where points > 1e-6 group by all"""
_WAYS = {"redeemed": "redeem", "expired": "expire", "reversed": "reverse"}


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    ours = partial(points_economy.ledger, con.table("points"), as_of=AS_OF)
    return {"ledger": Case(ours, lambda: con.sql(_SQL).df(), _same)}


def _same(ours: points_economy.Ledger, by_hand: pd.DataFrame) -> None:
    moves = ours.moves.replace({"way": _WAYS})
    same_sums(moves[["way", "points"]], by_hand[["way", "points"]], by=["way"])
    days = {
        f"{name}_day": (by_hand[column] - pd.Timestamp(0)).dt.days
        for name, column in (("earned", "earned"), ("left", "left_on"))
    }
    ends, theirs = ["way", "earned_day", "left_day"], by_hand.assign(**days)
    same_sums(moves, theirs[[*ends, "points"]], by=ends)  # rows without a day earned, overdrawn, are left aside here
