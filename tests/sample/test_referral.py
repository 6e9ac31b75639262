"""What referral brings in the sample shop: the closed forms are what many shops show on average."""

import json

import numpy as np
import pytest

from opskit.sample import truth
from opskit.sample.derived import referral
from opskit.sample.derived.figure import Figure
from opskit.sample.world import World

from .conftest import COMMITTED

TRUTH = json.loads((COMMITTED / "truth.json").read_text(encoding="utf-8"))["derived"]


def figures(months: int = 24, **changed: float) -> dict[str, Figure]:
    """Worked out from a small shop: closed forms do not know its size."""
    world = World({**truth.values(), **changed}, 2000, months, 1)
    return referral.figures(world, [world.chunk(0)])


def brought(shop: World, days: int) -> tuple[float, float]:
    """K of one shop, one account after the other, and its sign-ups per account by the end of a year of age."""
    day, inviter = shop.signups.at.astype(int), shop.signups.referrer
    old = {who for who in range(len(day)) if day[who] < shop.days - days}
    pairs = [(who, day[i] - day[who]) for i, who in enumerate(inviter) if who >= 0]
    return sum(who in old and delay <= days for who, delay in pairs) / len(old), len(pairs) / len(day)


def test_k_is_what_many_shops_show_on_average() -> None:
    shops = [World(truth.values(), 500, 24, 40 + seed) for seed in range(60)]
    for days in referral.WINDOWS:
        found = np.array([brought(shop, days)[0] for shop in shops])
        value = TRUTH[f"referral.k_within.{days}_days"]["value"]
        assert abs(found.mean() - value) <= 4 * found.std() / np.sqrt(len(shops))


def test_talent_to_invite_moves_the_spread_and_not_the_figure() -> None:
    """Whoever invites, the invited of a day find inviters as old as the accounts are: K follows from the plan alone."""
    names = [name for name in TRUTH if name.startswith("referral.k_within")]
    values = [TRUTH[name]["value"] for name in names]
    assert len(names) == len(referral.WINDOWS)
    assert values == sorted(values)
    assert all(TRUTH[name]["standard_error"] == 0 for name in names)
    doubled = figures(**{"signup_share.referral": 0.24})
    for name in names:
        assert 1.5 < doubled[name].value / TRUTH[name]["value"] < 2  # the share of all sign-ups less than doubles


@pytest.mark.parametrize("months", [1, 3])
def test_a_short_shop_has_only_what_it_can_show(months: int) -> None:
    found = figures(months)
    assert f"referral.k_within.{referral.WINDOWS[0]}_days" in found
    assert "referral.half_cycle_days" not in found
    assert "referral.value" not in found


def test_without_referral_there_is_no_truth_about_it() -> None:
    assert figures(**{"signup_share.referral": 0.0}) == {}
