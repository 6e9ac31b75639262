"""What must hold in every sample shop, whatever the seed."""

import pandas as pd
import pytest

from opskit import contract
from opskit.sample.world import LAST_DAY, builders

from .conftest import Shop

AHEAD = {("points", "expires_at"), ("incentive_plan", "until")}
"""Dates that are known before they come."""
MOMENTS = [
    (name, column)
    for name, module in builders().items()
    for column in module.COLUMNS
    if column in contract.table(name).columns and contract.table(name).columns[column].kind == "time"
    if (name, column) not in AHEAD
]
OF_CUSTOMERS = [name for name, module in builders().items() if "customer_id" in module.COLUMNS]


@pytest.mark.parametrize("name", sorted(builders()))
def test_tables_are_those_of_the_contract(name: str, any_shop: Shop) -> None:
    declared = contract.table(name)
    frame = getattr(any_shop, name)
    assert set(declared.required) <= set(frame.columns)
    for column, rule in declared.columns.items():
        if column in frame and rule.values:
            assert set(frame[column].dropna()) <= set(rule.values)
        if column in frame and rule.min is not None:
            assert (frame[column].dropna() >= rule.min).all()
    if set(declared.key) <= set(frame.columns) and declared.key:
        assert not frame.duplicated(list(declared.key)).any()


@pytest.mark.parametrize(("table", "column"), MOMENTS)
def test_nothing_lies_outside_the_period(table: str, column: str, any_shop: Shop) -> None:
    moments = pd.to_datetime(getattr(any_shop, table)[column]).dropna()
    opening = any_shop.spend["date"].min()
    assert (moments >= pd.Timestamp(opening)).all()
    assert (moments < pd.Timestamp(LAST_DAY) + pd.Timedelta(days=1)).all()


@pytest.mark.parametrize("table", OF_CUSTOMERS)
def test_every_row_belongs_to_an_account(table: str, any_shop: Shop) -> None:
    assert getattr(any_shop, table)["customer_id"].dropna().isin(any_shop.customers["customer_id"]).all()


def test_no_order_before_sign_up(any_shop: Shop) -> None:
    signed_up = any_shop.customers.set_index("customer_id")["signed_up_at"]
    assert (any_shop.orders["ordered_at"] >= any_shop.orders["customer_id"].map(signed_up)).all()


def test_is_customer_means_a_paid_order(any_shop: Shop) -> None:
    paying = any_shop.customers["customer_id"].isin(any_shop.paid["customer_id"])
    assert (any_shop.customers["is_customer"] == paying).all()
    assert 0.2 < (~paying).mean() < 0.8


def test_refunds_follow_the_order_and_never_exceed_it(any_shop: Shop) -> None:
    orders = any_shop.orders
    refunded = orders["refund"] > 0
    assert (orders["refunded_at"].notna() == refunded).all()
    assert (orders["refund"] <= orders["revenue"]).all()
    assert (orders.loc[refunded, "refunded_at"] >= orders.loc[refunded, "ordered_at"]).all()
    assert orders.loc[refunded, "status"].isin(["completed", "shipped"]).all()


def test_each_paid_order_has_its_steps_in_order(any_shop: Shop) -> None:
    of_orders = any_shop.events.dropna(subset="object_id")
    steps = of_orders.pivot(index="object_id", columns="event", values="occurred_at")
    assert steps.index.isin(any_shop.orders["order_id"]).all()
    bought = steps["buy"].reindex(any_shop.orders["order_id"]).to_numpy()
    assert (bought == any_shop.orders["ordered_at"].to_numpy()).all()
    assert set(steps.index[steps["pay"].notna()]) == set(any_shop.paid["order_id"])
    for before, after in (("buy", "pay"), ("pay", "receive"), ("receive", "confirm"), ("confirm", "review")):
        both = steps.dropna(subset=[before, after])
        assert len(both) > 50
        assert (both[before] <= both[after]).all()
    completed = any_shop.orders.set_index("order_id")["status"].eq("completed")
    assert set(completed.index[completed]) == set(steps.index[steps["confirm"].notna()])


def test_everybody_signs_up_once_and_at_the_time_stated(any_shop: Shop) -> None:
    events = any_shop.events[any_shop.events["event"] == "sign_up"].set_index("customer_id")["occurred_at"]
    stated = any_shop.customers.set_index("customer_id")["signed_up_at"]
    pd.testing.assert_series_equal(events, stated, check_names=False)


def test_a_session_belongs_to_one_customer_begins_with_a_visit_and_is_short(any_shop: Shop) -> None:
    session = any_shop.events.dropna(subset="session_id").groupby("session_id")
    assert (session["customer_id"].nunique() == 1).all()
    assert (session["event"].first() == "visit").all()
    assert (session["occurred_at"].max() - session["occurred_at"].min() < pd.Timedelta(hours=3)).all()


def test_an_invited_account_names_an_earlier_one_that_invited(any_shop: Shop) -> None:
    accounts = any_shop.customers
    invited = accounts[accounts["referrer_id"].notna()]
    assert (accounts["referrer_id"].notna() == (accounts["channel"] == "referral")).all()
    signed_up = accounts.set_index("customer_id")["signed_up_at"]
    assert (invited["referrer_id"].map(signed_up) <= invited["signed_up_at"]).all()
    first_invite = any_shop.events[any_shop.events["event"] == "invite"].groupby("customer_id")["occurred_at"].min()
    assert (invited["referrer_id"].map(first_invite) <= invited["signed_up_at"]).all()


def test_a_converted_touch_is_the_last_before_a_paid_order(any_shop: Shop) -> None:
    touches = (
        any_shop.touchpoints.reset_index(names="touch")
        .rename(columns={"touched_at": "at"})
        .sort_values("at", kind="stable")
    )
    orders = any_shop.paid.rename(columns={"ordered_at": "at"}).sort_values("at", kind="stable")
    last = pd.merge_asof(orders, touches, on="at", by="customer_id", tolerance=pd.Timedelta(days=30))
    expected = last.dropna(subset="touch").drop_duplicates("touch")
    converted = any_shop.touchpoints[any_shop.touchpoints["converted"]]
    assert set(expected["touch"].astype(int)) == set(converted.index)
    value = expected.set_index(expected["touch"].astype(int))["revenue"].sort_index()
    assert (value == converted["value"]).all()
    assert any_shop.touchpoints.loc[~any_shop.touchpoints["converted"], "value"].isna().all()


def test_every_channel_and_day_has_spend_once(any_shop: Shop) -> None:
    spend = any_shop.spend
    assert spend.groupby("channel").size().nunique() == 1
    assert (spend["clicks"] <= spend["impressions"]).all()
    touched = any_shop.touchpoints[any_shop.touchpoints["media"] == "paid"].groupby("channel").size()
    assert (touched < spend.groupby("channel")["clicks"].sum()[touched.index]).all()


def test_rows_are_sorted(any_shop: Shop) -> None:
    for table, clock in (("orders", "ordered_at"), ("touchpoints", "touched_at")):
        frame = getattr(any_shop, table)
        pd.testing.assert_frame_equal(frame, frame.sort_values(["customer_id", clock], kind="stable"))
    assert any_shop.events["customer_id"].is_monotonic_increasing
    assert any_shop.customers["signed_up_at"].is_monotonic_increasing


def test_some_people_join_on_the_last_day(two_chunks: Shop) -> None:
    assert two_chunks.customers["signed_up_at"].max() >= pd.Timestamp(LAST_DAY)


def test_a_membership_begins_at_a_paid_order_or_where_the_last_one_ended(any_shop: Shop) -> None:
    terms = any_shop.memberships
    joined = terms[terms["reason"] == "joined"]
    assert not joined["customer_id"].duplicated().any()
    at_an_order = joined.merge(
        any_shop.paid, left_on=["customer_id", "started_at"], right_on=["customer_id", "ordered_at"]
    )
    assert len(at_an_order) == len(joined) > 100
    before = terms.groupby("customer_id")["ended_at"].shift()
    assert (before == terms["started_at"])[terms["reason"] == "renewed"].all()


def test_every_term_of_the_membership_is_paid_once(any_shop: Shop) -> None:
    fees = any_shop.bookings[any_shop.bookings["stream"] == "plus_fee"]
    pairs = [
        sorted(zip(frame["customer_id"], frame[clock], strict=True))
        for frame, clock in ((fees, "booked_at"), (any_shop.memberships, "started_at"))
    ]
    assert pairs[0] == pairs[1]
