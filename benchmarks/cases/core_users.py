"""What every customer has spent and brought, and who has fallen silent by the own rhythm."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit import customers
from opskit.loyalty import core_users

ROWS = "orders"
TABLES = {"orders": "customer_id, ordered_at, revenue", "customers": "customer_id, signed_up_at, referrer_id"}
AS_OF = dt.date(2025, 12, 31)
_PEOPLE = """select customer_id, signed_up_at, referrer_id, coalesce(value, 0) as value from (select customer_id,
    min(signed_up_at) as signed_up_at, min(referrer_id) as referrer_id from customers where signed_up_at < timestamp '2026-01-01'
    group by customer_id) full join (select customer_id, sum(revenue) as value from orders where ordered_at < timestamp '2026-01-01'
    group by customer_id) using (customer_id) order by customer_id"""
_DAYS = "select customer_id, ordered_at::date as day from orders where ordered_at < timestamp '2026-01-01' group by all"
_GAPS = f"""select least(coalesce(next, date '2025-12-31') - day, 365) as time, next is not null and next - day <= 365 as event,
    count(*) as n from (select day, lead(day) over (partition by customer_id order by day) as next from ({_DAYS})) group by all"""
_SILENCE = f"""select *, date '2025-12-31' - last as days_since_last_order from (select customer_id, max(day) as last,
    count(*) - 1 as gaps, max(day) - min(day) as span from ({_DAYS}) group by customer_id) order by customer_id"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def people() -> pd.DataFrame:
        """The tree is walked by the same function: it is numpy in both."""
        table = con.sql(_PEOPLE).df()
        when = table["signed_up_at"].astype("int64").astype(float).where(table["signed_up_at"].notna())
        graph = customers.referrals(table["customer_id"], table["referrer_id"], when)
        one, spent = np.ones(len(table)), table["value"].to_numpy()
        downstream = partial(customers.downstream, graph)
        return table[["value"]].assign(
            direct=downstream(one, discount=0.0),
            downstream=downstream(one),
            brought=downstream(spent),
            influence=downstream(one, discount=0.5),
        )

    def silent() -> pd.DataFrame:
        gaps = con.sql(_GAPS).df().pivot_table(index="time", columns="event", values="n", aggfunc="sum", fill_value=0)
        at_risk = gaps.sum(axis=1)[::-1].cumsum()[::-1]
        returned = 1 - (1 - gaps[True] / at_risk).cumprod()[at_risk >= 30]
        natural = returned.index[returned >= returned.iloc[-1] / 2].min()
        table = con.sql(_SILENCE).df()
        own = table["gaps"] >= 2
        table["gap_days"] = np.where(own, table["span"] / table["gaps"].where(own), natural)
        times = table["days_since_last_order"] / table["gap_days"]
        return table.assign(times=times, state=np.where(times > 3, "silent", np.where(times > 1, "late", "on time")))

    components = partial(core_users.components, orders, as_of=AS_OF, customers=con.table("customers"))
    return {
        "components": Case(components, people, _same_people),
        "silence": Case(partial(customers.silence, orders, as_of=AS_OF), silent, _same_silence),
    }


def _same_people(ours: core_users.Components, by_hand: pd.DataFrame) -> None:
    for name in by_hand:
        np.testing.assert_allclose(ours.table[name], by_hand[name], rtol=1e-9, atol=1e-6, err_msg=name)


def _same_silence(ours: pd.DataFrame, by_hand: pd.DataFrame) -> None:
    columns = ["state", "days_since_last_order", "gap_days", "times"]
    same_sums(ours[columns].assign(n=1), by_hand[columns].assign(n=1), by=["state"])
