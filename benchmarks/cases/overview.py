"""Sums by month and group of customers, and how unevenly revenue is spread."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit import customers, overview

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue, refund, margin"}
AS_OF = dt.date(2025, 12, 31)
_MONTHS = """with months as (select customer_id, date_trunc('month', ordered_at) as month, count(*) as orders,
    sum(revenue) as gross_revenue, sum(revenue - coalesce(refund, 0)) as net_revenue, sum(refund) as refund,
    count(*) filter (refund > 0) as refunded_orders, sum(margin) as margin,
    sum(revenue) filter (margin is not null) as margin_revenue from orders where ordered_at < timestamp '2026-01-01' group by all),
told as (select *, month = min(month) over (partition by customer_id) as new from months)
select month, hash(customer_id) % 100 as part, count(*) as buyers, count(*) filter (new) as new_buyers, sum(orders) as orders,
    sum(orders) filter (new) as new_orders, sum(gross_revenue) as gross_revenue, sum(net_revenue) as net_revenue,
    sum(net_revenue) filter (new) as new_net_revenue, sum(refund) as refund, sum(refunded_orders) as refunded_orders,
    sum(margin) as margin, sum(margin_revenue) as margin_revenue from told group by all"""
_SPREAD = """with spent as (select sum(revenue) as revenue from orders where ordered_at < timestamp '2026-01-01' group by customer_id),
ranked as (select revenue, row_number() over (order by revenue desc) as k, count(*) over () as n, sum(revenue) over () as total,
    sum(revenue) over (order by revenue desc rows unbounded preceding) as so_far from spent)
select sum(revenue) filter (k <= round(n * 0.01)) / any_value(total) as top_1, sum(revenue) filter (k <= round(n * 0.05)) /
    any_value(total) as top_5, sum(revenue) filter (k <= round(n * 0.1)) / any_value(total) as top_10,
    sum(revenue) filter (k <= round(n * 0.2)) / any_value(total) as top_20,
    sum((n + 1 - 2 * k) * revenue) / any_value(n * total) as gini,
    count(*) filter (so_far - revenue < 0.8 * total) as class_a, count(*) filter (so_far - revenue >= 0.95 * total) as class_c
from ranked"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")
    return {
        "monthly totals": Case(
            partial(overview.monthly_totals, orders, as_of=AS_OF),
            lambda: con.sql(_MONTHS).df(),
            lambda ours, by_hand: same_sums(ours, by_hand.drop(columns="part"), by=["month"]),
        ),
        "concentration": Case(
            partial(customers.concentration, orders, as_of=AS_OF), lambda: con.sql(_SPREAD).df(), _same_spread
        ),
    }


def _same_spread(ours: customers.Concentration, by_hand: pd.DataFrame) -> None:
    theirs, classes = by_hand.iloc[0], ours.classes.set_index("class")["customers"]
    np.testing.assert_allclose(ours.measures["estimate"], theirs.iloc[:5].astype(float), rtol=1e-9)
    assert (classes["A"], classes["C"]) == (theirs["class_a"], theirs["class_c"])
