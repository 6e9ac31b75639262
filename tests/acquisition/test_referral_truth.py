"""Referral finds what follows from the sample shop's truth: once on the committed shop, and 400 times for coverage."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.acquisition import referral
from opskit.sample.truth import values
from opskit.sample.world import World

LAST_DAY = dt.date(2025, 12, 31)
DERIVED = opskit.open("shop").truth["derived"]
TRUTH = {
    name: spec for name, spec in DERIVED.items() if name.startswith("referral.") or name == "recorded_share.referral"
}
K = [f"referral.k_within.{days}_days" for days in referral.DAYS]
# In these shops the number of invited follows from the media plan, and only who invited them is chance; the interval
# takes the number of each sender's as chance, too, so that it covers more often than it says.
PLANNED = "referral.signups_per_invitation"
MONEY = ["referral.value", "referral.value_difference"]  # heavy spenders: larger shops are needed


def estimates(found: referral.Links, events: object = None) -> pd.DataFrame:
    invited = referral.per_invitation(events, found, as_of=LAST_DAY)
    parts = (
        referral.k_factor(found),
        referral.cycle_time(found),
        referral.compare(found),
        referral.referred_share(found),
    )
    return referral.recovery(*parts, invited, truth={"derived": DERIVED}).set_index("name")


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop")
    found = estimates(referral.links(ds.orders, ds.customers, as_of=ds.as_of), ds.events)
    assert set(found.index) == set(TRUTH)
    assert len(found) == 11
    for name, row in found.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - TRUTH[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= TRUTH[name]["max_interval_width"], name
        assert row["inside"] == (row["low"] <= row["truth"] <= row["high"])


def test_the_delays_seen_miss_the_truth_and_the_cycle_does_not() -> None:
    ds = opskit.open("shop")
    days = referral.cycle_time(referral.links(ds.orders, ds.customers, as_of=ds.as_of)).days.set_index("measure")
    truth = TRUTH["referral.half_cycle_days"]["value"]
    assert days.loc[referral.NAIVE_WITHIN, "estimate"] < days.loc["half", "low"] < truth < days.loc["half", "high"]


def small_shop(seed: int, customers: int) -> list[pl.DataFrame]:
    """Orders and customers straight from the generator."""
    chunk = World(values(), customers, 24, seed).chunk(0)
    wanted = {
        "orders": ["customer_id", "ordered_at", "revenue", "margin", "refund", "paid"],
        "customers": ["customer_id", "signed_up_at", "referrer_id"],
    }
    tables = (pd.DataFrame({c: chunk.table(name)[c] for c in wanted[name]}) for name in wanted)
    orders, people = map(pl.from_pandas, tables)
    return [orders.filter("paid"), people]


@pytest.mark.slow
def test_intervals_cover_what_customers_bring() -> None:
    """A 95% interval covers 364 to 393 times of 400, the middle 99.9% of that binomial count."""
    names = [*K, "recorded_share.referral", "referral.half_cycle_days"]
    covered = pd.Series(0, index=names)
    for seed in range(400):
        found = referral.links(*small_shop(9000 + seed, 1000), as_of=LAST_DAY)
        k = referral.k_factor(found).query("among == 'everybody'").rename(columns={"k": "estimate"})
        half = referral.cycle_time(found).days.query("measure == 'half'")
        shares = referral.referred_share(found).iloc[:1]
        table = pd.concat([k, shares, half])[["low", "high"]].set_axis(names, axis=0)
        truth = pd.Series({name: TRUTH[name]["value"] for name in names})
        covered += (table["low"] <= truth) & (truth <= table["high"])
    assert covered.between(364, 393).all(), covered.to_dict()


@pytest.mark.slow
@pytest.mark.parametrize(("customers", "money"), [(1000, False), (2500, True)], ids=["orders", "money"])
def test_intervals_cover_what_the_referred_do(customers: int, money: bool) -> None:
    names = MONEY if money else ["referral.ordered_difference", "referral.orders_difference"]
    covered = pd.Series(0, index=names)
    for seed in range(400):
        compared = referral.compare(referral.links(*small_shop(9000 + seed, customers), as_of=LAST_DAY))
        by = compared.set_index("measure")
        rows = [by.loc["value", ["referred_low", "referred_high"]], by.loc["value", ["adjusted_low", "adjusted_high"]]]
        if not money:
            rows = [by.loc[name, ["adjusted_low", "adjusted_high"]] for name in ("ordered at all", "orders")]
        for name, (low, high) in zip(names, rows, strict=True):
            covered[name] += low <= TRUTH[name]["value"] <= high
    assert covered.between(364, 393).all(), covered.to_dict()


def invitations(shop: World) -> pl.DataFrame:
    table = shop.chunk(0).table("events")
    columns = ("customer_id", "event", "occurred_at")
    return pl.from_pandas(pd.DataFrame({name: table[name] for name in columns})).filter(event="invite")


@pytest.mark.slow
def test_the_ratio_of_invitations_covers_at_least_as_often_as_it_says() -> None:
    covered, value = 0, TRUTH[PLANNED]["value"]
    for seed in range(200):
        found = referral.links(*small_shop(9000 + seed, 1000), as_of=LAST_DAY)
        sent = invitations(World(values(), 1000, 24, 9000 + seed))
        low, high = referral.per_invitation(sent, found, as_of=LAST_DAY).iloc[0][["low", "high"]]
        covered += low <= value <= high
    assert covered >= 182  # the lower end of the middle 99.9% for 200 shops


@pytest.mark.slow
def test_intervals_cover_where_each_customer_brings_by_chance() -> None:
    """400 worlds of 1,000 customers who bring each for themselves, unevenly: nothing is planned, so 364 to 393 hold."""
    rng = np.random.default_rng(8)
    ds = opskit.open("shop")
    empty = referral.links(ds.orders, ds.customers, as_of=ds.as_of)
    covered = pd.Series(0, index=["k", "ratio"])
    for _ in range(400):
        brought = rng.poisson(0.1 * rng.gamma(0.5, 2, 1000))  # a mean of 0.1, a few who bring many
        vain = rng.poisson(0.1, 1000)
        who = np.repeat(np.arange(1000), brought)
        invited = pd.DataFrame({"inviter_id": who, "day": 20_100})
        rate = referral.brought_per(invited, 1000)
        covered["k"] += rate["low"] <= 0.1 <= rate["high"]
        sent = np.repeat(np.arange(1000), brought + vain)
        events = pd.DataFrame({"customer_id": sent, "event": "invite", "occurred_at": pd.Timestamp("2025-01-01")})
        ratio = referral.per_invitation(events, empty._replace(invited=invited), as_of=LAST_DAY).iloc[0]
        covered["ratio"] += ratio["low"] <= 0.5 <= ratio["high"]
    assert covered.between(364, 393).all(), covered.to_dict()
