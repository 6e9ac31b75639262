"""The models find what the sample shop plants, and their intervals cover as often as they say."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit.errors import OpskitError
from opskit.monetization import lifetime_value as ltv
from opskit.sample import truth
from opskit.sample.derived import repeat_buying
from opskit.sample.world import World

LAST_DAY = dt.date(2025, 12, 31)
COVERED = (364, 393)  # of 400: the middle 99.9% of a binomial count at 95%


@pytest.fixture(scope="module")
def planted() -> dict[str, dict[str, Any]]:
    return dict(opskit.open("shop").truth["planted"])


def check_found(model: ltv.BGNBD | ltv.GammaGamma, names: tuple[str, ...], planted: dict[str, dict[str, Any]]) -> None:
    for name, row in zip(names, model.params_.itertuples(), strict=True):
        assert abs(row.estimate - planted[name]["value"]) <= 4 * row.standard_error, name
        assert row.high - row.low <= planted[name]["max_interval_width"], name


def test_rates_and_dropout_of_the_committed_shop(planted) -> None:
    """On plain calendar days, though the shop's purchases run on the season's clock."""
    summary = ltv.summary(opskit.open("shop").orders, as_of=LAST_DAY)
    check_found(ltv.BGNBD().fit(summary), repeat_buying.BUYING, planted)


def up_to_joining(orders: pd.DataFrame, memberships: pd.DataFrame) -> pd.DataFrame:
    joined = orders["customer_id"].map(memberships.groupby("customer_id")["started_at"].min())
    return orders[~(orders["ordered_at"] > joined)]


def test_values_of_the_committed_shop_before_membership_makes_baskets_larger(planted) -> None:
    shop = opskit.open("shop", engine="pandas")
    before = ltv.summary(up_to_joining(shop.orders, shop.memberships), as_of=LAST_DAY)
    check_found(ltv.GammaGamma().fit(before), repeat_buying.SPENDING, planted)


def test_membership_makes_customers_seem_more_different_than_planted() -> None:
    """What the truth warns of: with the larger baskets in, q comes out low, in every large shop."""
    shop = World(truth.values(), 10_000, 24, 4)
    everything, before = (ltv.GammaGamma().fit(summary_of_values(shop, before=flag)) for flag in (False, True))
    low, good = (model.params_.set_index("parameter").loc["q"] for model in (everything, before))
    assert low["high"] < 4.0
    assert abs(good["estimate"] - 4.0) <= 4 * good["standard_error"]


def test_every_parameter_states_how_wide_its_interval_may_be(planted) -> None:
    for name in (*repeat_buying.BUYING, *repeat_buying.SPENDING):
        assert 0 < planted[name]["max_interval_width"] < 2 * planted[name]["value"], name


def test_a_shop_too_new_for_repeat_buying_states_no_width() -> None:
    shop = World(truth.values() | {"purchase.alpha": 2000.0, "purchase.r": 0.05}, 200, 1, 3)
    widths = repeat_buying.spreads(shop, [shop.chunk(0)])
    assert all(width > 0 for width in widths.values())
    assert repeat_buying.figures(shop, []) == {}


def summary_of_values(shop: World, *, before: bool) -> pd.DataFrame:
    """Summary of the paid orders of a shop's first customers, up to joining the membership or all."""
    table = shop.chunk(0).table("orders")
    paid, terms = table["paid"], table["memberships"]
    joined = pd.Series(terms.start, index=terms.customer).groupby(level=0).min()
    known = ~(table["at"] > joined.reindex(table["place"]).to_numpy()) | (not before)
    columns = {"customer_id": table["place"], "ordered_at": table["ordered_at"], "revenue": table["revenue"]}
    return ltv.summary(pd.DataFrame(columns)[paid & known], as_of=LAST_DAY)


def test_the_truth_says_which_orders_find_each_parameter(planted) -> None:
    assert "up to joining the membership" in planted["value.q"]["estimate"]
    assert "order days" in planted["purchase.r"]["estimate"]


# --- calibration ---

EVEN = truth.values() | {"season.double_eleven": 1.0, "season.mid_year": 1.0, "season.new_year": 1.0}
NO_UPLIFT = EVEN | {"membership.basket_uplift": 0.0}


def covers(table: pd.DataFrame, values: Any) -> np.ndarray:
    return ((table["low"] <= values) & (values <= table["high"])).to_numpy()


def fitted(model: Any, summary: pd.DataFrame) -> Any:
    """The fit, or None where it says that it cannot tell."""
    try:
        return model.fit(summary)
    except OpskitError:
        return None


@pytest.mark.slow
def test_intervals_of_rates_and_dropout_cover_the_truth() -> None:
    """400 shops of about 850 buyers, read from their order days; a fit that gives up counts as a miss."""
    covered = np.zeros(4)
    values = np.array([EVEN[name] for name in repeat_buying.BUYING])
    for seed in range(400):
        shop = World(EVEN, 1500, 24, 1000 + seed)
        bought = shop.chunk(0).purchases
        orders = pd.DataFrame({"customer_id": bought.customer, "ordered_at": shop.moment(bought.at), "revenue": 1.0})
        model = fitted(ltv.BGNBD(), ltv.summary(orders, as_of=LAST_DAY))
        covered += covers(model.params_, values) if model else 0
    assert ((covered >= COVERED[0]) & (covered <= COVERED[1])).all(), dict(
        zip(repeat_buying.BUYING, covered, strict=True)
    )


@pytest.mark.slow
def test_intervals_of_values_and_of_what_will_come_cover_the_truth() -> None:
    """400 shops without season and uplift, the last 184 days held out: totals of all customers, and p, q, gamma."""
    covered = dict.fromkeys((*repeat_buying.SPENDING, "purchases", "value"), 0)
    values = np.array([NO_UPLIFT[name] for name in repeat_buying.SPENDING])
    for seed in range(400):
        table = World(NO_UPLIFT, 3000, 24, 3000 + seed).chunk(0).table("orders")
        columns = {"customer_id": table["place"], "ordered_at": table["ordered_at"], "revenue": table["revenue"]}
        orders = pd.DataFrame(columns)[table["paid"]]
        summary = ltv.summary(orders, as_of=LAST_DAY, calibrate_until=dt.date(2025, 6, 30))
        purchases, spend = fitted(ltv.BGNBD(), summary), fitted(ltv.GammaGamma(), summary)
        hits = covers(spend.params_, values) if spend else np.zeros(3)
        if purchases and spend:
            models = {"purchases": purchases, "spend": spend}
            options = {"horizon_days": 184, "annual_discount_rate": 0.0, "margin": 1.0}
            total = (
                ltv.lifetime_value(summary, **models, **options).total.set_index("measure").loc[["purchases", "value"]]
            )
            hits = np.append(hits, covers(total, summary[["holdout_frequency", "holdout_value"]].sum().to_numpy()))
        else:
            hits = np.append(hits, [0, 0])
        for name, hit in zip(covered, hits, strict=True):
            covered[name] += int(hit)
    assert all(COVERED[0] <= count <= COVERED[1] for count in covered.values()), covered
