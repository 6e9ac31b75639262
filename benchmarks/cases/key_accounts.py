"""Orders, revenue and profit of every account in every span that the list of key accounts looks at."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case

from opskit.target_users import key_accounts
from opskit.target_users.key_accounts.periods import Span

ROWS = "orders"
TABLES = {
    "orders": "customer_id, ordered_at, revenue, margin, refund, refunded_at, cost_to_serve",
    "customers": "customer_id, account_id",
}
AS_OF = dt.date(2025, 12, 31)


def _known(day: dt.date, number: int) -> str:
    """Profit of an order as it was known on a day, on which later refunds are not."""
    refund = f"(case when refunded_at is null or refunded_at < date '{day}' + 1 then refund else 0 end)"
    return f"margin * (case when revenue > 0 then 1 - {refund} / revenue else 1 end) as known_{number}"


def _by_span(name: str, span: Span, known: str) -> str:
    inside = f"filter (day <= date '{span.until}'"
    inside += f" and day > date '{span.after}'" if span.after else ""
    inside += f" and epoch_day // 7 % 2 = {span.weeks})" if span.weeks is not None else ")"
    sums = {"revenue": "revenue", "contribution": known, "cost_to_serve": "served", "profit": f"{known} - served"}
    sums["squares"] = f"({known} - served) * ({known} - served)"
    parts = [f"coalesce(sum({of}) {inside}, 0) as {kind}_{name}" for kind, of in sums.items()]
    return ", ".join([f"count(*) {inside} as orders_{name}", *parts])


def _sql(spans: Mapping[str, Span]) -> str:
    days = list(dict.fromkeys(span.until for span in spans.values()))
    sums = (_by_span(name, span, f"known_{days.index(span.until)}") for name, span in spans.items())
    return f"""select coalesce(account_id, customer_id) as account, count(distinct customer_id) as customers,
    min(epoch_day) as first_day, max(epoch_day) as last_day, {", ".join(sums)}
    from (select *, {", ".join(map(_known, days, range(len(days))))} from (
        select customer_id, ordered_at::date as day, ordered_at::date - date '1970-01-01' as epoch_day, revenue,
        coalesce(margin, 0) as margin, coalesce(refund, 0) as refund, refunded_at, coalesce(cost_to_serve, 0) as served
        from orders where ordered_at < timestamp '2026-01-01'))
    left join (select customer_id, min(account_id) as account_id from customers where account_id is not null group by 1)
    using (customer_id) group by all order by account"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    orders = con.table("orders")

    def ours() -> key_accounts.Ledger:
        periods = key_accounts.periods(orders, as_of=AS_OF)
        return key_accounts.ledger(orders, periods, customers=con.table("customers"))

    def by_hand() -> pd.DataFrame:
        return con.sql(_sql(key_accounts.periods(orders, as_of=AS_OF).spans)).df()

    return {"ledger": Case(ours, by_hand, _same)}


def _same(ours: key_accounts.Ledger, by_hand: pd.DataFrame) -> None:
    assert (ours.table["account"].to_numpy() == by_hand["account"].to_numpy()).all()
    for name in by_hand.columns.drop("account"):
        np.testing.assert_allclose(ours.table[name], by_hand[name].astype(float), rtol=1e-9, atol=1e-6, err_msg=name)
