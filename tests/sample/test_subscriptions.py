"""Subscriptions of the sample shop: what holds for any seed, and what is planted is found again."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opskit import sample
from opskit.sample import subscribing, truth
from opskit.sample.world import LAST_DAY

from .conftest import Shop

FIRST_DAY = dt.date(2024, 1, 1)
DAYS = 731


def lives(n: int, plan: int = 0, seed: int = 3) -> np.ndarray:
    return subscribing.periods(np.random.default_rng(seed), np.full(n, plan), truth.values())


def test_due_dates_are_calendar_months() -> None:
    start = np.array([0, 30, 59])  # 1 January, 31 January, 29 February 2024
    day = np.datetime64(FIRST_DAY) + subscribing.due(FIRST_DAY, start, 1)
    assert day.astype(str).tolist() == ["2024-02-01", "2024-02-29", "2024-03-29"]
    day = np.datetime64(FIRST_DAY) + subscribing.due(FIRST_DAY, start, 12)
    assert day.astype(str).tolist() == ["2025-01-01", "2025-01-31", "2025-02-28"]


@pytest.mark.parametrize("plan", range(3))
def test_contracts_last_as_the_model_says(plan: int) -> None:
    """Survival is B(alpha, beta + t) / B(alpha, beta), drawn and in closed form."""
    alpha, beta = (truth.values()[f"subscription.{one}.{subscribing.PLAN_NAMES[plan]}"] for one in ("alpha", "beta"))
    drawn, n = lives(40_000, plan), 40_000
    expected = 1.0
    for t in range(1, 13):
        expected *= (beta + t - 1) / (alpha + beta + t - 1)
        assert abs((drawn > t).mean() - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)


def test_rows_of_a_contract_follow_each_other(any_shop: Shop) -> None:
    rows = any_shop.subscriptions
    same = rows["contract_id"].eq(rows["contract_id"].shift())
    day_before = pd.to_datetime(rows["ended_at"]).shift() + pd.Timedelta(days=1)
    assert (pd.to_datetime(rows["started_at"])[same] == day_before[same]).all()
    changed = rows["plan"].ne(rows["plan"].shift()) | rows["price"].ne(rows["price"].shift())
    assert changed[same].all()
    assert rows.groupby("contract_id")["customer_id"].nunique().eq(1).all()
    assert (
        pd.to_datetime(rows["ended_at"]).dropna() >= pd.to_datetime(rows["started_at"])[rows["ended_at"].notna()]
    ).all()


def test_a_customer_has_one_contract_at_a_time_and_bought_before(any_shop: Shop) -> None:
    rows = any_shop.subscriptions
    began = pd.to_datetime(rows.groupby("contract_id")["started_at"].min())
    ended = pd.to_datetime(rows["ended_at"]).fillna(pd.Timestamp(LAST_DAY)).groupby(rows["contract_id"]).max()
    customer = rows.groupby("contract_id")["customer_id"].first()
    again = customer.eq(customer.shift())
    pause = (began - ended.shift())[again].dt.days
    assert again.sum() > 20
    assert pause.min() > 20
    first_order = any_shop.paid.groupby("customer_id")["ordered_at"].min()
    assert (began > customer.map(first_order)).all()


def test_every_billing_date_has_its_booking(any_shop: Shop) -> None:
    """Payments, worked out from the contracts alone, are those of the stream."""
    rows = any_shop.subscriptions
    paid = any_shop.bookings[any_shop.bookings["stream"] == "subscription"]
    end = pd.to_datetime(rows["ended_at"]).fillna(pd.Timestamp(LAST_DAY))
    months = rows["billing_period"].map({"month": 1, "year": 12})
    anchor = pd.to_datetime(rows.groupby("contract_id")["started_at"].transform("min"))
    expected = []
    for number in range(40):
        day = pd.Series([a + pd.DateOffset(months=int(m * number)) for a, m in zip(anchor, months, strict=True)])
        due = (day >= pd.to_datetime(rows["started_at"])) & (day <= end)
        expected.append(pd.DataFrame({"customer_id": rows["customer_id"], "day": day, "amount": rows["price"]})[due])
    expected = pd.concat(expected).sort_values(["customer_id", "day"]).reset_index(drop=True)
    found = paid.assign(day=paid["booked_at"].dt.floor("D"))[["customer_id", "day", "amount"]]
    found = found.sort_values(["customer_id", "day"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, found, check_dtype=False)
    assert set(paid["side"]) == {"front"}


def test_subscribing_changes_nothing_else(tmp_path: Path) -> None:
    off = tmp_path / "off.json"
    off.write_text('{"subscription.join_share": 0}', encoding="utf-8")
    options = {"customers": 500, "months": 12, "tables": ("orders", "customers", "memberships", "subscriptions")}
    with_it, without = sample.write(tmp_path / "a", **options), sample.write(tmp_path / "b", truth=off, **options)
    for table in ("orders", "customers", "memberships"):
        assert (with_it / f"{table}.parquet").read_bytes() == (without / f"{table}.parquet").read_bytes()
    assert len(pd.read_parquet(with_it / "subscriptions.parquet")) > 10
    assert pd.read_parquet(without / "subscriptions.parquet").empty


def test_planted_shares_are_found_again() -> None:
    planted = truth.values()
    rng, n = np.random.default_rng(5), 20_000
    customer, at = np.arange(n), rng.uniform(0, 300, n)
    signed = subscribing.contracts(rng, customer, at, FIRST_DAY, DAYS, planted)
    first = np.diff(signed.customer, prepend=-1) != 0
    assert_share(first.sum(), n, planted["subscription.join_share"])
    end = subscribing.due(FIRST_DAY, signed.start, np.minimum(signed.periods, 500) * subscribing.MONTHS[signed.plan])
    old = end < DAYS - 400  # any pause would be over
    next_same = np.append(signed.customer[1:] == signed.customer[:-1], False)
    assert_share(next_same[old].sum(), old.sum(), planted["subscription.reactivation_share"])
    paid = subscribing.payments(rng, signed, FIRST_DAY, DAYS, planted)
    renewal = np.diff(paid.contract, prepend=-1) == 0
    before = np.roll(paid.plan, 1)
    for plan, name in ((0, "upgrade"), (1, "downgrade")):
        at_renewal = renewal & (before == plan)
        moved = (at_renewal & (paid.plan != plan)).sum()
        assert_share(moved, at_renewal.sum(), planted[f"subscription.{name}_share"])
    list_price = subscribing.PRICE[paid.plan]
    late = paid.day >= int(subscribing.PRICE_RISES_AFTER * DAYS)
    assert (paid.price[~late] == list_price[~late]).all()
    np.testing.assert_allclose(paid.price[late] / list_price[late], 1 + planted["subscription.price_rise"], atol=0.003)


def assert_share(part: int, n: int, planted: float) -> None:
    assert n > 500
    assert abs(part / n - planted) <= 4 * np.sqrt(planted * (1 - planted) / n)
