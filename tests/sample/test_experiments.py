"""What the shop tries out by lot: the arms, the planted effect, the test of nothing, and the log that lost rows."""

import json

import numpy as np
import pandas as pd
import pytest

from opskit.sample import randomized, truth
from opskit.sample.derived import experiment as planted
from opskit.sample.experiments import experiments, surprise_gift
from opskit.sample.world import World

from .conftest import Shop

NAMES = ("aa_check", "surprise_gift", "wish_list_page")
WINDOW = pd.Timedelta(days=60)


def drawn_into(shop: Shop, name: str) -> pd.DataFrame:
    return shop.assignments[shop.assignments["experiment"] == name].reset_index(drop=True)


def outcome(shop: Shop, name: str) -> pd.DataFrame:
    """Customers whose window is over, with the orders in it."""
    people = drawn_into(shop, name)
    people = people[people["assigned_at"] + WINDOW <= pd.Timestamp("2026-01-01")]
    sold = people.merge(shop.paid[["customer_id", "ordered_at"]], on="customer_id")
    inside = (sold["ordered_at"] >= sold["assigned_at"]) & (sold["ordered_at"] < sold["assigned_at"] + WINDOW)
    return people.assign(orders=people["customer_id"].map(sold[inside].groupby("customer_id").size()).fillna(0))


@pytest.mark.parametrize("name", NAMES)
def test_everybody_is_drawn_once_while_the_test_recruits(any_shop: Shop, name: str) -> None:
    people = drawn_into(any_shop, name)
    plan = any_shop.experiments[any_shop.experiments["experiment"] == name]
    assert len(people) > 500
    assert not people["customer_id"].duplicated().any()
    assert set(people["variant"]) == set(plan["variant"])
    assert people["assigned_at"].between(plan["started_at"].min(), plan["ended_at"].max() + pd.Timedelta(days=1)).all()
    signed_up = any_shop.customers.set_index("customer_id")["signed_up_at"]
    assert (people["assigned_at"] > people["customer_id"].map(signed_up)).all()


def test_arms_are_as_planned_but_for_the_one_that_lost_rows(any_shop: Shop) -> None:
    away = {}
    for name in NAMES:
        treated = drawn_into(any_shop, name)["variant"] != "control"
        away[name] = (treated.mean() - 0.5) / (0.5 / np.sqrt(len(treated)))
    assert max(abs(away["aa_check"]), abs(away["surprise_gift"])) < 4
    assert away["wish_list_page"] < -3.5


def test_the_gift_brings_orders_and_nothing_else_does(any_shop: Shop) -> None:
    known = json.loads((any_shop.folder / "truth.json").read_text(encoding="utf-8"))["derived"]
    for name in ("surprise_gift", "aa_check"):
        people = outcome(any_shop, name)
        control, treated = (
            people.loc[people["variant"] == "control", "orders"],
            people.loc[people["variant"] != "control", "orders"],
        )
        error = np.sqrt(control.var() / len(control) + treated.var() / len(treated))
        assert abs(treated.mean() - control.mean() - known[f"experiment.{name}.orders"]["value"]) < 4 * error, name


def test_the_lot_of_the_gift_knows_nothing_of_the_past(any_shop: Shop) -> None:
    people = drawn_into(any_shop, "surprise_gift")
    sold = people.merge(any_shop.paid[["customer_id", "ordered_at"]], on="customer_id")
    before = sold[sold["ordered_at"] < sold["assigned_at"]].groupby("customer_id").size()
    counts = people["customer_id"].map(before)
    assert counts.notna().all()  # every parcel belongs to an order
    control, gift = (counts[people["variant"] == arm] for arm in ("control", "gift"))
    assert abs(gift.mean() - control.mean()) < 4 * np.sqrt(control.var() / len(control) + gift.var() / len(gift))


def test_a_lot_drawn_given_the_outcome_is_a_lot_with_the_planted_effect() -> None:
    """Rates, arms drawn first and outcomes after them, against outcomes first and arms given them."""
    rng, n, share, uplift = np.random.default_rng(0), 150_000, 0.3, 0.4
    likely = rng.beta(1, 4, n) * 0.6
    came = rng.random(n) < likely
    arms = randomized.arms(randomized.Prospects(likely, came), share=share, uplift=uplift)
    treated = rng.random(n) < arms.given
    assert arms.treated == pytest.approx((1 + uplift) * arms.natural)
    assert treated.mean() == pytest.approx(share, abs=4 * np.sqrt(share * 0.7 / n))
    for arm, chance in ((treated, arms.treated), (~treated, arms.natural)):
        for part in (likely < 0.05, (likely >= 0.05) & (likely < 0.15), likely >= 0.15):  # at every level of the rate
            rows = arm & part
            assert came[rows].mean() == pytest.approx(chance[rows].mean(), abs=4 * 0.5 / np.sqrt(rows.sum()))
            assert rows.sum() / part.sum() == pytest.approx(arm.mean(), abs=4 * 0.5 / np.sqrt(part.sum()))


def test_what_is_planted_moves_the_truth_and_only_that() -> None:
    found = []
    for uplift in (0.0, 0.5):
        world = World({**truth.values(), "surprise_gift.uplift": uplift}, 6000, 24, 3)
        found.append(planted.figures(world, [world.chunk(0)]))
    for name, unit in planted.UNITS.items():
        none, some = (figures[f"experiment.surprise_gift.{name}"] for figures in found)
        assert abs(none.value) <= 4 * none.standard_error + 1e-12
        assert some.value > 4 * some.standard_error, (name, unit)
    assert found[0]["experiment.aa_check.orders"].value == found[1]["experiment.aa_check.orders"].value == 0
    assert found[0]["experiment.wish_list_page.share"] == found[1]["experiment.wish_list_page.share"]


def test_a_young_or_tiny_shop_has_tests_and_no_truth_of_them() -> None:
    for customers, months in ((5, 1), (50, 2), (300, 3)):
        world = World(truth.values(), customers, months, 2)
        chunk = world.chunk(0)
        for module in experiments().values():
            drawn = module.assign(chunk)
            assert len(drawn["customer"]) == len(drawn["variant"]) == len(drawn["at"])
            assert (drawn["at"] < world.days).all()
    assert planted.figures(world, [chunk]) == {} or len(surprise_gift.parcels(chunk).at) >= planted.FEWEST
