"""What is planted can be found again: every estimate within 4 of its standard errors, from orders as anybody sees them."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opskit import sample
from opskit.sample import acquisition_plan, derived, seasons, truth, world

from .conftest import Shop

DAY = pd.Timedelta(days=1)
END = pd.Timestamp(world.LAST_DAY) + DAY


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Five times the committed shop, another seed: a bias that hides in the small one shows."""
    tables = ("customers", "orders", "touchpoints", "spend")
    return Shop(sample.write(tmp_path_factory.mktemp("large"), customers=20_000, seed=11, tables=tables))


@pytest.fixture(params=["shop", "large"])
def seen(request: pytest.FixtureRequest) -> Shop:
    return request.getfixturevalue(request.param)


def stated(shop: Shop) -> dict[str, dict[str, float]]:
    written = json.loads((shop.folder / "truth.json").read_text(encoding="utf-8"))
    return {**written["planted"], **written["derived"]}


def share(hits: pd.Series) -> tuple[float, float]:
    """A share and its standard error."""
    p = float(hits.mean())
    return p, float(np.sqrt(p * (1 - p) / len(hits)))


def histories(shop: Shop) -> pd.DataFrame:
    """Paid orders with their number and the days to the next one."""
    paid = shop.paid.sort_values(["customer_id", "ordered_at"])
    by_customer = paid.groupby("customer_id")["ordered_at"]
    return paid.assign(number=by_customer.cumcount() + 1, gap=(by_customer.shift(-1) - paid["ordered_at"]) / DAY)


def old(frame: pd.DataFrame, days: float, clock: str = "ordered_at") -> pd.DataFrame:
    return frame[frame[clock] <= END - days * DAY]


def second_order(shop: Shop, days: int, channel: str = "") -> tuple[float, float]:
    firsts = old(histories(shop).query("number == 1"), days)
    if channel:
        brought_by = shop.customers.set_index("customer_id")["channel"]
        firsts = firsts[firsts["customer_id"].map(brought_by) == channel]
    return share(firsts["gap"] <= days)


def next_order(shop: Shop, number: int) -> tuple[float, float]:
    return share(old(histories(shop).query("number == @number"), 90)["gap"] <= 90)


def natural_interval(shop: Shop) -> tuple[float, float]:
    """Median gap; customers differ, so its error comes from leaving out a tenth of them at a time."""
    gaps = histories(shop).dropna(subset="gap")
    part = gaps["customer_id"].str[1:].astype(int) % 10
    left = [gaps.loc[part != p, "gap"].median() for p in range(10)]
    return gaps["gap"].median(), float(np.sqrt(0.9 * np.sum((np.array(left) - np.mean(left)) ** 2)))


def orders_per_account(shop: Shop) -> tuple[float, float]:
    count = shop.paid.groupby("customer_id").size().reindex(shop.customers["customer_id"], fill_value=0)
    return count.mean(), count.std() / np.sqrt(len(count))


def refund_delay(shop: Shop) -> tuple[float, float]:
    refunded = old(shop.paid, 60).query("refund > 0")
    days = (refunded["refunded_at"] - refunded["ordered_at"]) / DAY
    return days.mean(), days.std() / np.sqrt(len(days))


def buyers(shop: Shop, channel: str) -> tuple[float, float]:
    return share(old(shop.customers, 200, "signed_up_at").query("channel == @channel")["is_customer"])


def cost(shop: Shop, channel: str) -> tuple[float, float]:
    signups = (shop.customers["channel"] == channel).sum()
    each = shop.spend.query("channel == @channel")["spend"].sum() / signups
    return each, each / np.sqrt(signups)


Estimate = Callable[[Shop], tuple[float, float]]
ESTIMATES: dict[str, Estimate] = {
    "unpaid_share": lambda shop: share(shop.orders["status"] == "unpaid"),
    "closed_share": lambda shop: share(shop.orders["status"] == "closed"),
    "refund.rate": lambda shop: share(old(shop.paid, 60)["refund"] > 0),
    "refund.full_share": lambda shop: share(old(shop.paid, 60).query("refund > 0").eval("refund == revenue")),
    "refund.delay_days": refund_delay,
    "missing.phone": lambda shop: share(shop.customers["phone"].isna()),
    "missing.child_born_on": lambda shop: share(shop.customers["child_born_on"].isna()),
    "natural_interval_days": natural_interval,
    "paid_orders_per_account": orders_per_account,
    **{f"second_order_within.{d}_days": lambda shop, d=d: second_order(shop, d) for d in (30, 90, 180)},
    **{f"next_order_within_90_days.after_{k}": lambda shop, k=k: next_order(shop, k) for k in range(2, 7)},
    **{
        f"second_order_within.90_days.{c}": lambda shop, c=c: second_order(shop, 90, c)
        for c in acquisition_plan.CHANNELS
    },
    **{
        f"recorded_share.{c}": lambda shop, c=c: share(shop.customers["channel"] == c)
        for c in acquisition_plan.CHANNELS
    },
    **{f"buyer_share.{c}": lambda shop, c=c: buyers(shop, c) for c in acquisition_plan.CHANNELS},
    **{f"cost_per_signup.{c}": lambda shop, c=c: cost(shop, c) for c in (*acquisition_plan.PAID, "referral")},
    **{
        f"region_share.{r}": lambda shop, r=r: share(shop.customers["region"] == r)
        for r in ("North", "East", "South", "Central", "West")
    },
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_planted_and_derived_figures_are_found_again(name: str, seen: Shop) -> None:
    entry = stated(seen)[name]
    value, error = ESTIMATES[name](seen)
    allowed = 4 * np.hypot(error, entry.get("standard_error", 0.0))
    assert abs(value - entry["value"]) <= allowed + 1e-3 * entry["value"], (value, entry["value"], error)
    widest = entry["max_interval_width"]
    assert widest is None or 2 * 1.96 * error <= widest


def test_each_derived_share_and_interval_states_how_wide_an_interval_may_be(shop: Shop) -> None:
    named = [name for name in stated(shop) if name.startswith(("second_order", "next_order", "natural", "recorded"))]
    assert len(named) >= 19
    assert all(0 < stated(shop)[name]["max_interval_width"] < 15 for name in named)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """As large, without what the membership does to order values."""
    folder = tmp_path_factory.mktemp("plain")
    no_effect = folder / "no_effect.json"
    no_effect.write_text('{"membership.basket_uplift": 0}', encoding="utf-8")
    return Shop(sample.write(folder / "shop", customers=20_000, seed=11, truth=no_effect, tables=("orders",)))


def test_order_values_have_the_mean_of_gamma_gamma(plain: Shop) -> None:
    planted = truth.values()
    mean = planted["value.p"] * planted["value.gamma"] / (planted["value.q"] - 1)
    per_customer = plain.paid.groupby("customer_id")["revenue"].mean()
    assert abs(per_customer.mean() - mean) <= 4 * per_customer.std() / np.sqrt(len(per_customer))


def test_without_membership_revenue_does_not_depend_on_how_often_one_buys(plain: Shop) -> None:
    customer = plain.paid.groupby("customer_id")["revenue"].agg(["size", "mean"])
    correlation = customer.corr(method="spearman").loc["size", "mean"]
    assert abs(correlation) <= 4 / np.sqrt(len(customer))


def test_retargeting_wins_last_clicks_that_it_did_not_cause(seen: Shop) -> None:
    converted = seen.touchpoints[seen.touchpoints["converted"]]
    assert (converted["channel"] == "retargeting").mean() > 0.35
    assert stated(seen)["incremental_signups.retargeting"]["value"] == 0


def test_retargeting_changes_no_order(tmp_path: Path) -> None:
    """The counterfactual itself: a shop without retargeting sells exactly the same."""
    off = tmp_path / "off.json"
    off.write_text('{"retargeting.share": 0}', encoding="utf-8")
    options = {"customers": 500, "months": 12}
    with_it, without = sample.write(tmp_path / "a", **options), sample.write(tmp_path / "b", truth=off, **options)
    for table in ("orders", "customers", "events"):
        assert (with_it / f"{table}.parquet").read_bytes() == (without / f"{table}.parquet").read_bytes()


def test_the_hazard_of_a_second_order_declines(large: Shop) -> None:
    first = old(histories(large).query("number == 1"), 240)
    hazard = [
        ((first["gap"] > a) & (first["gap"] <= a + 60)).sum() / ((first["gap"] > a) | first["gap"].isna()).sum()
        for a in (0, 60, 120, 180)
    ]
    assert all(earlier > 1.1 * later for earlier, later in pairwise(hazard))


def test_closed_form_and_simulation_agree() -> None:
    shop = world.World(truth.values(), derived.REFERENCE_CUSTOMERS, 24, 5)
    parts = [shop.chunk(index).purchases for index in range(shop.chunks)]
    hits, n = 0, 0
    for part in parts:
        first = np.flatnonzero(np.diff(part.customer, prepend=-1))
        first = first[part.at[first] <= shop.days - 90]
        after = np.minimum(first + 1, len(part.at) - 1)
        again = (part.customer[after] == part.customer[first]) & (after > first)
        hits += int((again & (part.at[after] - part.at[first] <= 90)).sum())
        n += len(first)
    expected = derived.figures(shop.truth, 24, ("orders",))["second_order_within.90_days"].value
    assert abs(hits / n - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_bg_nbd_finds_rates_and_dropout() -> None:
    """On the season's clock the purchases are BG/NBD exactly; lifetimes' fit must find all four parameters."""
    lifetimes = pytest.importorskip("lifetimes")
    shop = world.World(truth.values(), 10_000, 24, 3)
    bought = shop.chunk(0).purchases
    even = shop.clock.even(bought.at)
    frame = (
        pd.DataFrame({"customer": bought.customer, "even": even})
        .groupby("customer")["even"]
        .agg(["min", "max", "size"])
    )
    fit = lifetimes.BetaGeoFitter().fit(frame["size"] - 1, frame["max"] - frame["min"], shop.clock.end - frame["min"])
    for name, planted in (("r", "purchase.r"), ("alpha", "purchase.alpha"), ("a", "dropout.a"), ("b", "dropout.b")):
        error = fit.standard_errors_[name]
        assert abs(fit.params_[name] - shop.truth[planted]) <= 4 * error, name
        assert error < 0.3 * shop.truth[planted], name


def test_busy_days() -> None:
    """Double Eleven and mid-year stand out as planted, the New Year dip moves, and the average day is a normal one."""
    shop = world.World(truth.values(), 1, 24, 0)
    busy = pd.Series(shop.busy, index=pd.date_range(shop.first_day, periods=shop.days))
    normal = busy["2024-09-02":"2024-09-29"].groupby(lambda day: day.day_of_week).mean()
    assert busy.mean() == pytest.approx(1)
    for day, times in (
        ("2024-11-11", 4),
        ("2025-11-11", 4),
        ("2024-06-18", 3),
        ("2024-02-10", 0.45),
        ("2025-01-29", 0.45),
    ):
        assert busy[day] / normal[pd.Timestamp(day).day_of_week] == pytest.approx(times, rel=0.01)
    assert busy["2025-02-10"] / normal[0] == pytest.approx(1, rel=0.01)


def test_double_eleven_shows_in_the_orders(large: Shop) -> None:
    daily = large.paid.groupby(large.paid["ordered_at"].dt.floor("D")).size()
    around = daily["2025-09-15":"2025-10-15"].mean()
    assert daily["2025-11-11"] > 3 * around


def test_the_clock_and_its_inverse() -> None:
    clock = world.World(truth.values(), 1, 24, 0).clock
    even = np.linspace(0, clock.end - 1e-6, 1000)
    np.testing.assert_allclose(clock.even(clock.calendar(even)), even, atol=1e-8)
    assert (np.diff(clock.calendar(even)) > 0).all()
    np.testing.assert_allclose(seasons.evenly(seasons.within_day(even)), even, atol=1e-9)


def test_more_spend_brings_less_and_less() -> None:
    planted = truth.values()
    for channel in acquisition_plan.PAID:
        at = [acquisition_plan.response(np.full(60, x), channel, planted)[-1] for x in (0.0, 0.5, 1.0, 2.0, 4.0)]
        assert at[0] == 0
        assert at[2] == pytest.approx(1)
        per_spend = np.diff(at) / np.diff([0.0, 0.5, 1.0, 2.0, 4.0])
        assert (np.diff(per_spend) < 0).all()
        assert (per_spend > 0).all()


def test_search_ads_take_sign_ups_from_organic_search() -> None:
    organic = acquisition_plan.CHANNELS.index("organic_search")
    busy = np.ones(300)
    shares = [
        acquisition_plan.plan(busy, {**truth.values(), "incremental_share.search_ads": share}).signups[:, organic].sum()
        for share in (0.0, 0.55, 1.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_sign_ups_grow_as_stated(large: Shop) -> None:
    monthly = large.customers.groupby(large.customers["signed_up_at"].dt.to_period("M")).size()
    months = np.arange(len(monthly))
    slope, variance = np.polyfit(months, np.log(monthly), 1), 1 / monthly.to_numpy()
    centred = months - months.mean()
    error = np.sqrt(np.sum(centred**2 * variance)) / np.sum(centred**2)
    assert abs(np.expm1(slope[0]) - stated(large)["signup_growth"]["value"]) <= 4 * error


def test_membership_makes_baskets_larger_and_changes_nothing_else(tmp_path: Path) -> None:
    """The counterfactual itself: the same shop without the effect has the same orders, members' later ones cheaper."""
    off = tmp_path / "off.json"
    off.write_text('{"membership.basket_uplift": 0}', encoding="utf-8")
    options = {"customers": 2000, "months": 18, "tables": ("orders", "memberships")}
    with_it = Shop(sample.write(tmp_path / "a", **options))
    without = Shop(sample.write(tmp_path / "b", truth=off, **options))
    pd.testing.assert_frame_equal(with_it.memberships, without.memberships)
    assert (with_it.orders["order_id"] == without.orders["order_id"]).all()
    assert (with_it.orders["ordered_at"] == without.orders["ordered_at"]).all()
    terms = with_it.memberships.groupby("customer_id")["started_at"].min()
    later = with_it.orders["ordered_at"] > with_it.orders["customer_id"].map(terms)
    ratio = with_it.orders["revenue"] / without.orders["revenue"]
    assert (ratio[~later] == 1).all()
    uplift = truth.values()["membership.basket_uplift"]
    dearer = (ratio[later] - (1 + uplift)).abs() < 0.005
    assert dearer.mean() > 0.9  # the others come after a term that was not renewed
    assert dearer.sum() > 50
