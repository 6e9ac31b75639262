"""Audiences by set of channels, messages as they happened, and the test of their frequency."""

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case

from opskit.acquisition import reach

ROWS = "contacts"
TABLES = {
    "contacts": "customer_id, sent_at, medium, campaign, responded, opted_out",
    "touchpoints": "customer_id, channel, touched_at",
}
AS_OF = dt.date(2025, 12, 31)
_SETS = """with coded as (select channel, row_number() over (order by count(distinct customer_id) desc, channel) - 1 as place
    from touchpoints group by channel)
    select mask, count(*) as customers from (select customer_id, bit_or(1 << place) as mask
    from touchpoints join coded using (channel) group by customer_id) group by mask"""
_HAPPENED = """select least(messages, 8) as got, hash(customer_id) % 100 as part, sum(messages) as messages,
    sum(responded) as responded, sum(opted_out) as opted_out, count(*) as customers from (
    select customer_id, date_diff('day', sent_at::date, date '2025-12-31') // 28 as block, count(*) as messages,
    sum(responded::int) as responded, max(opted_out::int) as opted_out from contacts where medium = 'wechat' group by all)
    group by all"""
_ENTRY = """select customer_id, min(campaign) as arm, min(sent_at::date) as entry, max(campaign) as other from contacts
    where medium = 'wechat' and campaign in ('frequency_1', 'frequency_4') group by customer_id"""
_HANDLED = f"""select case when arm <> other then 'in several arms' when entry + 27 <= date '2025-12-31' then 'used'
    else 'not over' end as what, count(*) as customers from ({_ENTRY}) group by all"""
_TRIAL = f"""with entry as (select * from ({_ENTRY}) where arm = other and entry + 27 <= date '2025-12-31')
    select arm, messages, responded, settled_messages, settled_responded, opted_out, count(*) as customers,
    sum(before) as before, sum(before * before) as before_squared, sum(answered) as answered,
    sum(answered * answered) as answered_squared, sum(epoch(entry)) as entry, sum(epoch(entry) ** 2) as entry_squared from (
    select customer_id, arm, entry, count(*) filter (since between 0 and 27) as messages,
    sum(responded::int) filter (since between 0 and 27) as responded,
    count(*) filter (since between 7 and 27) as settled_messages,
    coalesce(sum(responded::int) filter (since between 7 and 27), 0) as settled_responded,
    max(opted_out::int) filter (since between 0 and 27) as opted_out,
    count(*) filter (since between -60 and -1) as before,
    coalesce(sum(responded::int) filter (since between -60 and -1), 0) as answered
    from (select c.*, arm, entry, sent_at::date - entry as since from contacts c
    join entry using (customer_id) where medium = 'wechat') group by customer_id, arm, entry) group by all"""


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    touchpoints, contacts = con.table("touchpoints"), con.table("contacts")
    happened = partial(reach.observed, contacts, as_of=AS_OF, medium="wechat")
    arms = ["frequency_1", "frequency_4"]
    return {
        "sets of channels": Case(
            partial(reach.audiences, touchpoints, as_of=AS_OF), lambda: con.sql(_SETS).df(), _same_sets
        ),
        "messages as they happened": Case(happened, lambda: con.sql(_HAPPENED).df(), _same_messages),
        "test of frequency": Case(
            partial(reach.trial, contacts, as_of=AS_OF, medium="wechat", arms=arms),
            lambda: (con.sql(_TRIAL).df(), con.sql(_HANDLED).df()),
            _same_trial,
        ),
    }


def _same_sets(ours: reach.Audiences, by_hand: pd.DataFrame) -> None:
    theirs = by_hand.set_index("mask")["customers"].sort_index()
    found = ours.sets.set_index("mask")["customers"]
    pd.testing.assert_series_equal(found, theirs, check_dtype=False, check_index_type=False)


def _same_messages(ours: pd.DataFrame, by_hand: pd.DataFrame) -> None:
    columns = ["messages", "responded", "opted_out", "customers"]
    found, theirs = (table.groupby("got")[columns].sum() for table in (ours, by_hand))
    np.testing.assert_array_equal(found.to_numpy(), theirs.to_numpy())


def _same_trial(ours: reach.Trial, by_hand: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    cells, handled = by_hand
    keys = ["arm", "messages", "responded", "settled_messages", "settled_responded", "opted_out"]
    found, theirs = (table.groupby(keys)["customers"].sum() for table in (ours.people, cells))
    pd.testing.assert_series_equal(found, theirs, check_dtype=False, check_index_type=False)
    before = ours.before[ours.before["known_before"] == "messages_before"].set_index("arm")
    sums = cells.groupby("arm")[["before", "customers"]].sum()
    np.testing.assert_allclose(before["mean"], (sums["before"] / sums["customers"])[before.index], rtol=1e-9)
    counted = ours.counts.set_index("what")["customers"]
    assert counted[counted > 0].to_dict() == handled.set_index("what")["customers"].to_dict()
