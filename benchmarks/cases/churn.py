"""Active customers at five cut-offs with what was known of them then, and who left."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.loyalty import churn

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
HORIZON = 120
TODAY = dt.date(2025, 12, 31)
_DAYS = tuple(TODAY - dt.timedelta(days=days) for days in (0, 120, 240, 300, 360))
PERIODS = churn.Periods(HORIZON, 40.0, 0.1, _DAYS[2:], _DAYS[1], TODAY, "as given")


def _at(day: dt.date) -> str:
    """What was known of the active on a day, and what they bought after it."""
    windows = ", ".join(
        f"""count(*) filter (day > date '{day}' - {w}) as orders_{n}, sum(revenue) filter (day > date '{day}' - {w}) as revenue_{n},
        count(*) filter (day > date '{day}' - {w}) - count(*) filter (day between date '{day}' - {2 * w - 1} and date '{day}' - {w})
        as orders_change_{w}d"""
        for w, n in ((30, "30d"), (90, "90d"), (HORIZON, "horizon"))
    )
    return f"""select *, revenue / orders as mean_order_value, days_since_last_order / mean_gap_days as overdue, revenue_after is null as "left"
    from (select customer_id, count(*) as orders, sum(revenue) as revenue, date '{day}' - min(day) as tenure_days,
    date '{day}' - max(day) as days_since_last_order,
    case when max(day) > min(day) then (max(day) - min(day)) / (count(*) - 1) end as mean_gap_days, {windows} from (
    select customer_id, revenue, ordered_at::date as day from orders where ordered_at < date '{day}' + 1) group by customer_id
    having max(day) > date '{day}' - {HORIZON}) left join (select customer_id, sum(revenue) as revenue_after from orders
    where ordered_at >= date '{day}' + 1 and ordered_at < date '{day}' + {HORIZON + 1} group by customer_id) using (customer_id)"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    def by_hand() -> pd.DataFrame:
        return pd.concat([con.sql(_at(day)).df().assign(cut_off=day) for day in _DAYS], ignore_index=True)

    return {"panel": Case(partial(churn.panel, con.table("orders"), PERIODS), by_hand, _same)}


def _same(ours: churn.Panel, by_hand: pd.DataFrame) -> None:
    found = ours.rows[ours.rows["cut_off"] < TODAY]
    theirs = by_hand[by_hand["cut_off"] < TODAY].drop(columns="customer_id")
    same_sums(
        found.assign(left=found["left"].astype(int)), theirs.assign(left=theirs["left"].astype(int)), by=["cut_off"]
    )
    unknown = ["left", "revenue_after", "cut_off", "customer_id"]
    same_sums(ours.rows, by_hand.drop(columns=unknown))
