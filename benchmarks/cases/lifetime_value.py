"""Histories of customers for the buying models, with a period held out."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case, same_sums
from benchmarks.cases.features import summed

from opskit.monetization import lifetime_value
from opskit.monetization.lifetime_value import histories

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue"}
AS_OF, UNTIL = dt.date(2025, 12, 31), dt.date(2025, 6, 30)
_DAYS = """select customer_id, ordered_at::date as day, sum(revenue) as value from orders
    where ordered_at < timestamp '2026-01-01' group by all"""
_SUMMARY = f"""select customer_id, count(*) filter (known) - 1 as frequency, max(day) filter (known) - min(day) as recency,
    date '{UNTIL}' - min(day) as T, case when count(*) filter (known) > 1 then (sum(value) filter (known) - arg_min(value, day))
    / (count(*) filter (known) - 1) end as mean_value, count(*) filter (not known) as holdout_frequency,
    coalesce(sum(value) filter (not known), 0) as holdout_value from (select *, day <= date '{UNTIL}' as known from ({_DAYS}))
    group by customer_id having bool_or(known)"""
_HISTORIES = f"""select frequency, recency, T, count(*) as n from (select count(*) - 1 as frequency, max(day) - min(day) as recency,
    date '{AS_OF}' - min(day) as T from ({_DAYS}) group by customer_id) group by all order by frequency, T, recency"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def summary() -> pd.DataFrame:
        found = lifetime_value.summary(orders, as_of=AS_OF, calibrate_until=UNTIL)
        return summed(found.project("* exclude (first_day, unit_days, holdout)"))

    def counted() -> histories.Histories:
        return histories.distinct(lifetime_value.summary(orders, as_of=AS_OF), 1)

    return {
        "summary with a hold-out": Case(summary, lambda: summed(con.sql(_SUMMARY)), same_sums),
        "distinct histories": Case(counted, lambda: con.sql(_HISTORIES).df(), _same_histories),
    }


def _same_histories(ours: histories.Histories, by_hand: pd.DataFrame) -> None:
    for name in by_hand:
        np.testing.assert_array_equal(getattr(ours, name), by_hand[name])
