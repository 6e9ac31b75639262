"""Every account from its sign-up on: when it first ordered, and what it was worth in the windows that follow."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pandas as pd
from benchmarks.case import Case, same_sums

from opskit.target_users import first_users

ROWS = "orders"
TABLES = {
    "orders": "customer_id, ordered_at, revenue, margin, refund",
    "customers": "customer_id, signed_up_at",
}
AS_OF = dt.date(2025, 12, 31)
SETTING = first_users.Setting("prospects", 180, "as given")
_WORTH = ", ".join(
    f"coalesce(sum(value) filter (age < {days + SETTING.window_days}), 0) as worth_{days}"
    for days in (0, 7, 30, 60, 90)
)
_SQL = f"""select customer_id, any_value(began) as began, date '{AS_OF}' - any_value(began) as age_days, min(age) as first_days,
    min(ordered_at) as first_at, coalesce(min(age) < {SETTING.window_days}, false)::int as ordered, {_WORTH} from (
    select c.*, ordered_at, ordered_at::date - began as age, coalesce(margin, 0) *
    (case when revenue > 0 then 1 - coalesce(refund, 0) / revenue else 1 end) as value from (select customer_id,
    min(signed_up_at)::date as began from customers where signed_up_at < timestamp '2026-01-01' group by customer_id) c
    left join orders o on o.customer_id = c.customer_id and ordered_at < timestamp '2026-01-01')
    group by customer_id order by began, customer_id"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    tables = (con.table("orders"), con.table("customers"))

    def by_hand() -> pd.DataFrame:
        """The best fifth is told from the earlier 70% of those whose window is over."""
        table = con.sql(_SQL).df()
        over = table["age_days"] >= SETTING.window_days - 1
        earlier = over & (over.cumsum() - 1 < round(0.7 * over.sum()))
        buyers = table[earlier & (table["ordered"] == 1) & (table["worth_0"] > 0)]
        best = (table["ordered"] == 1) & (table["worth_0"] >= buyers["worth_0"].quantile(0.8)) & over
        return table.assign(over=over.astype(int), earlier=earlier.astype(int), best=best.astype(int))

    ours = partial(first_users.beginnings, *tables, SETTING, first_users.Rule(), as_of=AS_OF)
    return {"beginnings": Case(ours, by_hand, _same)}


def _same(ours: pd.DataFrame, by_hand: pd.DataFrame) -> None:
    assert (ours["customer_id"].to_numpy() == by_hand["customer_id"].to_numpy()).all()
    found = ours.assign(
        earlier=(ours["part"] == "earlier").astype(int),
        over=ours["over"].astype(int),
        ordered=ours["ordered"].astype(int),
        best=ours["best"].fillna(value=False).astype(int),
    )
    same_sums(found, by_hand.drop(columns=["customer_id", "began", "first_at"]), by=["age_days"])
    assert (found["first_at"].isna() == by_hand["first_at"].isna()).all()
    assert (found["first_at"].dropna() == by_hand["first_at"].dropna()).all()
