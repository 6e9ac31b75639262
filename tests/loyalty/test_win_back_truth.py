"""Win-back finds what is planted in the sample shop: once on the committed shop, and 400 times for the coverage."""

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit.loyalty import win_back
from opskit.sample import truth as planted
from opskit.sample.derived.win_back import figures
from opskit.sample.win_back import WINDOW_DAYS, programme
from opskit.sample.world import World

TRUTH = {name: spec for kind in ("planted", "derived") for name, spec in opskit.open("shop").truth[kind].items()}
NAMES = ("win_back.uplift", "win_back.extra_comebacks_per_contact", "win_back.cost_per_extra_comeback")


def found_by(waves: win_back.Waves) -> pd.DataFrame:
    values = {name: TRUTH[name]["value"] for name in NAMES}
    return win_back.against_truth(win_back.lift(waves), win_back.repayment(waves), values).set_index("figure")


@pytest.fixture(scope="module")
def waves() -> win_back.Waves:
    ds = opskit.open("shop")
    return win_back.waves(ds.orders, ds.contacts, as_of=ds.as_of)


def test_the_committed_shop_tells_its_truth(waves: win_back.Waves) -> None:
    found = found_by(waves)
    # A ratio and a cost have lopsided intervals: their errors are those of the logarithm.
    for name, shift in (("win_back.uplift", 1), ("win_back.cost_per_extra_comeback", 0)):
        logs = np.log(found.loc[name, ["estimate", "low", "high", "truth"]].to_numpy(dtype=float) + shift)
        assert abs(logs[0] - logs[3]) <= 4 * (logs[2] - logs[1]) / (2 * 1.96), name
    lift = found.loc["win_back.extra_comebacks_per_contact"]
    assert abs(lift["estimate"] - lift["truth"]) <= 4 * (lift["high"] - lift["low"]) / (2 * 1.96)
    assert lift["low"] > 0
    for name in (name for name in NAMES if TRUTH[name]["max_interval_width"]):
        assert found.loc[name, "high"] - found.loc[name, "low"] <= TRUTH[name]["max_interval_width"], name


def test_the_hold_out_was_random(waves: win_back.Waves) -> None:
    balance = win_back.balance(waves, confidence=0.9999)
    assert ((balance["low"] < 0) & (balance["high"] > 0)).all()


def test_counting_every_comeback_after_a_message_is_far_off() -> None:
    """The naive figure divides by all who came back after a message; the hold-out leaves a fraction of them."""
    ds = opskit.open("shop")
    active = win_back.actives(ds.orders, as_of=ds.as_of, contacts=ds.contacts)
    costs = win_back.monthly_costs(ds.spend, ds.contacts, as_of=ds.as_of)
    claimed = win_back.cost_per_customer(active, costs)["estimate"].iloc[-1]
    assert claimed < TRUTH["win_back.cost_per_extra_comeback"]["value"] / 2


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    names, values = NAMES[:2], planted.values()
    covered = pd.Series(0, index=names)
    for seed in range(400):
        world = World(values, 1000, 24, 5000 + seed)
        sent = programme(world.chunk(0), np.full(1000, np.inf))
        kept = sent.at + WINDOW_DAYS <= world.days
        wave = np.unique(sent.at[kept], return_inverse=True)[1]
        columns = {"wave": wave, "tier": 0, "held_out": sent.held_out[kept] * 1, "group": sent.customer[kept] % 100}
        rows = pd.DataFrame({**columns, "rows": 1.0, "came": sent.came_back[kept] * 1.0})
        sums = rows.groupby(["wave", "tier", "held_out", "group"], as_index=False).sum()
        whole = win_back.lift(complete(sums)).iloc[0]
        lift = TRUTH["win_back.extra_comebacks_per_contact"]["value"]
        uplift = 1 + TRUTH["win_back.uplift"]["value"]
        covered += [whole["ratio_low"] <= uplift <= whole["ratio_high"], whole["low"] <= lift <= whole["high"]]
    assert covered.between(364, 393).all(), covered.to_dict()


def complete(sums: pd.DataFrame) -> win_back.Waves:
    """With a row for every wave, tier and arm, as `waves` gives them."""
    arms = [range(sums["wave"].max() + 1), range(4), (0, 1), [0]]
    grid = pd.MultiIndex.from_product(arms, names=["wave", "tier", "held_out", "group"]).to_frame(index=False)
    whole = pd.concat([sums, grid.assign(rows=0.0, came=0.0)]).groupby(list(grid), as_index=False).sum()
    return win_back.Waves(whole.assign(p_return=0.0), pd.DataFrame())


def test_the_derived_truth_is_empty_where_nobody_is_silent() -> None:
    world = World(planted.values(), 200, 2, 1)
    assert figures(world, [world.chunk(0)]) == {}
