"""The mailing by lot in three arms: who is mailed, that it is a lot, and that the planted effect is the one to be seen."""

import numpy as np
import pandas as pd
import pytest

from opskit.sample import randomized, truth
from opskit.sample.derived import targeting as planted
from opskit.sample.experiments import three_drives
from opskit.sample.world import World

from .conftest import Shop

ARMS = list(three_drives.SHARES)


def test_everybody_is_mailed_once_in_the_morning_of_a_first_day(any_shop: Shop) -> None:
    people = any_shop.assignments[any_shop.assignments["experiment"] == "three_drives"]
    assert len(people) > 1000
    assert not people["customer_id"].duplicated().any()
    assert set(people["variant"]) == set(ARMS)
    assert (people["assigned_at"].dt.day == 1).all()
    assert (people["assigned_at"].dt.hour == 10).all()
    first = any_shop.paid.groupby("customer_id")["ordered_at"].min()
    assert (people["assigned_at"] > people["customer_id"].map(first)).all()


def test_shares_are_as_planned_and_arms_alike_before(any_shop: Shop) -> None:
    people = any_shop.assignments[any_shop.assignments["experiment"] == "three_drives"]
    before = any_shop.paid.merge(people, on="customer_id")
    basket = before[before["ordered_at"] < before["assigned_at"]].groupby("customer_id")["revenue"].mean()
    logs = np.log(people["customer_id"].map(basket))
    for arm, share in three_drives.SHARES.items():
        mine = people["variant"] == arm
        assert abs(mine.mean() - share) < 4 * np.sqrt(share * (1 - share) / len(people))
        error = logs.std() * np.sqrt(1 / mine.sum() + 1 / (~mine).sum())
        assert abs(logs[mine].mean() - logs[~mine].mean()) < 4 * error


def test_arms_drawn_given_the_outcome_are_a_lot_with_the_planted_odds() -> None:
    """At every level of the hidden rate: arms of the planned sizes, and orders as likely in each as planted."""
    rng, n = np.random.default_rng(0), 200_000
    likely, shares = rng.beta(1, 4, n) * 0.8, np.array([0.4, 0.35, 0.25])
    odds = np.column_stack([np.ones(n), np.full(n, 3.0), rng.choice([0.3, 2.0], n)])
    chances = randomized.chances(likely, shares, odds)
    assert chances @ shares == pytest.approx(likely, abs=1e-9)
    ratio = chances / (1 - chances)
    assert ratio[:, 1:] / ratio[:, :1] == pytest.approx(odds[:, 1:])
    came = rng.random(n) < likely
    given = randomized.given(randomized.Prospects(likely, came), chances, shares)
    assert given.sum(axis=1) == pytest.approx(1)
    arm = (rng.random(n)[:, None] > np.cumsum(given[:, :-1], axis=1)).sum(axis=1)
    for part in (likely < 0.05, (likely >= 0.05) & (likely < 0.2), likely >= 0.2):
        for one, share in enumerate(shares):
            rows = part & (arm == one)
            assert rows.sum() / part.sum() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(part.sum()))
            assert came[rows].mean() == pytest.approx(chances[rows, one].mean(), abs=4 * 0.5 / np.sqrt(rows.sum()))


def test_whoever_has_left_for_good_is_drawn_as_planned() -> None:
    found = randomized.Prospects(np.zeros(3), np.zeros(3, dtype=bool))
    shares = np.array([0.5, 0.3, 0.2])
    chances = randomized.chances(found.likely, shares, np.full((3, 3), 2.0))
    assert (chances == 0).all()
    assert randomized.given(found, chances, shares) == pytest.approx(np.tile(shares, (3, 1)))


def test_what_is_planted_moves_the_truth_and_only_that() -> None:
    names = [f"three_drives.welfare_{size}" for size in ("small", "large")]
    world = World({**truth.values(), **dict.fromkeys(names, 1.0)}, 6000, 24, 3)
    usual = World(truth.values(), 6000, 24, 3)
    none, some = (planted.figures(one, [one.chunk(0)]) for one in (world, usual))
    assert none["targeting.welfare"].value == pytest.approx(0, abs=1e-12)
    assert none["targeting.welfare.oracle_qini"].value == pytest.approx(0, abs=1e-12)
    assert some["targeting.welfare.large"].value > 0.1 > -0.05 > some["targeting.welfare.small"].value
    gains = [some[f"targeting.welfare.oracle_gain_{share}"].value for share in range(10, 101, 10)]
    assert np.diff(gains, 2).max() < 1e-9  # ranked by true effects, each tenth adds less than the one before
    assert gains[-1] == pytest.approx(some["targeting.welfare"].value)
    for name in ("orders", "customers"):
        for column, values in world.chunk(0).table(name).items():
            if isinstance(values, np.ndarray):
                assert pd.Series(values).equals(pd.Series(usual.chunk(0).table(name)[column])), column


def test_a_young_or_tiny_shop_has_no_truth_of_it() -> None:
    for customers, months in ((5, 1), (50, 2)):
        world = World(truth.values(), customers, months, 2)
        chunk = world.chunk(0)
        assert len(three_drives.mailing(chunk).at) < planted.FEWEST
        assert planted.figures(world, [chunk]) == {}
