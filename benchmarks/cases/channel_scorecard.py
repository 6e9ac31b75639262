"""Accounts by channel and week of sign-up, with what they ordered at which age."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.acquisition import channel_scorecard

ROWS = "orders"
TABLES = {
    "orders": "customer_id, ordered_at, revenue, margin, refund",
    "customers": "customer_id, channel, signed_up_at",
}
AS_OF = dt.date(2025, 12, 31)
_OLD = ", ".join(
    f"count(*) filter (is_first and first + {n} <= date '{AS_OF}') as old_{n}, "
    f"count(*) filter (is_first and first + {n} <= date '{AS_OF}' and next - first <= {n}) as back_{n}"
    for n in (30, 60, 90)
)
_SQL = f"""with days as (select customer_id, ordered_at::date as day, count(*) as orders, sum(coalesce(margin, 0) *
    (case when revenue > 0 then 1 - coalesce(refund, 0) / revenue else 1 end)) as margin from orders
    where ordered_at < date '{AS_OF}' + 1 group by all),
followed as (select *, min(day) over (partition by customer_id) as first, lead(day) over (partition by customer_id order by day) as next
    from days),
joined as (select coalesce(channel, '(unknown)') as channel, least(signed_up_at::date, first) as joined, day, orders, margin, first, next,
    coalesce(day = first, false) as is_first from customers left join followed using (customer_id) where signed_up_at is not null)
select channel, (joined - date '1970-01-01' + 3) // 7 as week, year(joined) * 12 + month(joined) - 1 as month,
    coalesce(day - joined, -1) as age, count(*) filter (day is null or is_first) as accounts, count(*) filter (is_first) as first_orders,
    coalesce(sum(orders), 0) as orders, coalesce(sum(margin), 0) as margin, {_OLD} from joined where joined <= date '{AS_OF}' group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    ours = partial(channel_scorecard.cohorts, con.table("orders"), con.table("customers"), as_of=AS_OF)
    return {"cohorts": Case(ours, lambda: con.sql(_SQL).df(), _same)}


def _same(ours: channel_scorecard.Cohorts, by_hand: pd.DataFrame) -> None:
    same_sums(ours.cells, by_hand, by=["channel", "week", "month", "age"])
