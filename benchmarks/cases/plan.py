"""Every customer into a row of the incentive plan, with suppressions, opt-outs, addresses, caps and the lot."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb
from benchmarks.case import Case

from opskit.incentives import plan
from opskit.sample.tables.incentive_plan import ROWS as SHEET

if TYPE_CHECKING:
    import pandas as pd

ROWS = "customers"
TABLES = {
    "customers": "customer_id, signed_up_at, phone",
    "orders": "customer_id, ordered_at, revenue, margin, refund",
    "contacts": "customer_id, sent_at, medium, holdout, opted_out",
    "suppressions": "customer_id, medium, since",
    "memberships": "customer_id, level, started_at, ended_at",
}
AS_OF = dt.date(2025, 12, 31)
_END = "timestamp '2026-01-01'"
_BY_HAND = f"""
with bought as (
    select customer_id, count(*) as orders, date '2025-12-31' - max(ordered_at)::date as silent,
        sum(case when ordered_at >= timestamp '2025-01-01' then coalesce(margin, 0) *
            case when revenue > 0 then 1 - coalesce(refund, 0) / revenue else 1 end else 0 end) as value
    from orders where ordered_at < {_END} group by customer_id),
held as (
    select customer_id, arg_max(level, started_at) as tier from memberships
    where started_at < {_END} and (ended_at is null or ended_at >= {_END}) group by customer_id),
refused as (
    select customer_id, bool_or(medium is null or medium = 'sms') as sms, bool_or(medium is null or medium = 'wechat') as wechat
    from suppressions where since is null or since < {_END} group by customer_id),
written as (
    select customer_id, bool_or(opted_out and medium = 'sms') as sms_out, bool_or(opted_out and medium = 'wechat') as wechat_out,
        count(*) filter (medium = 'sms' and not holdout and sent_at >= timestamp '2025-12-02') as sms,
        count(*) filter (medium = 'wechat' and not holdout and sent_at >= timestamp '2025-12-02') as wechat
    from contacts where sent_at < {_END} group by customer_id),
placed as (
    select coalesce(c.customer_id, b.customer_id) as customer_id, phone, coalesce(value, 0) as value, coalesce(tier, '') as tier,
        case when tier = 'plus' and silent <= 120 then 0 when silent >= 60 and orders >= 4 then 1
            when silent between 60 and 300 then 2 when orders = 1 and silent < 60 then 3 when orders >= 2 and silent < 60 then 4
            when orders is null and date '2025-12-31' - signed_up_at::date <= 90 then 5 else -1 end as place
    from (from customers where signed_up_at < {_END}) c full join bought b using (customer_id) left join held using (customer_id))
select customer_id, place, value, tier, case
    when place < 0 then ''
    when case when place in (1, 2) then refused.sms else refused.wechat end then 'suppressed'
    when case when place in (1, 2) then sms_out else wechat_out end then 'opted out'
    when place in (1, 2) and coalesce(trim(phone), '') = '' then 'no address'
    when place in (1, 2) and coalesce(written.sms, 0) + 1 > 2 then 'over the cap'
    when place not in (1, 2) and coalesce(written.wechat, 0) + if(place = 5, 1, 2) > 4 then 'over the cap'
    when hash(customer_id || '7') / 18446744073709551616.0 < [0.2, 0.35, 0.35, 0.3, 0.2, 0.5][place + 1] then 'held out'
    else 'to be sent' end as status
from placed left join refused using (customer_id) left join written using (customer_id)"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    import pandas as pd

    sheet = plan.given_plan(pd.DataFrame([row._asdict() for row in SHEET]))
    others = {"people": "customers", **{name: name for name in ("contacts", "suppressions", "memberships")}}

    def ours() -> "pd.DataFrame":
        tables: dict[str, Any] = {name: con.table(table) for name, table in others.items()}
        return plan.audience(sheet, con.table("orders"), as_of=AS_OF, interval_days=54, **tables).people

    def by_hand() -> "pd.DataFrame":
        return con.sql(_BY_HAND).df()

    def same(ours: "pd.DataFrame", by_hand: "pd.DataFrame") -> None:
        theirs = by_hand.sort_values("customer_id", ignore_index=True)
        lot = [plan.SENT, plan.HELD_OUT]
        for name in ("customer_id", "place", "tier"):
            assert ours[name].tolist() == theirs[name].tolist(), name
        mine, other = (table["status"].where(~table["status"].isin(lot), "by lot") for table in (ours, theirs))
        assert mine.tolist() == other.tolist()
        assert ((ours["value"] - theirs["value"]).abs() <= 1e-9 * theirs["value"].abs().clip(lower=1)).all()
        aside = [table["status"].eq(plan.HELD_OUT).mean() for table in (ours, theirs)]
        assert abs(aside[0] - aside[1]) < 4 / len(ours) ** 0.5  # the two draw by different hashes

    return {"plan audience": Case(ours, by_hand, same)}
