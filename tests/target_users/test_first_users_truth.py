"""What is planted in the sample shop is found again; leaks are refused with any seed; intervals keep their promise."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stored import Stored

from opskit.sample import truth
from opskit.sample.surveys import sign_up
from opskit.sample.world import LAST_DAY, World
from opskit.target_users import first_users
from opskit.target_users.first_users.profile import _crossed

SHOP = Path(__file__).parents[2] / "data" / "shop"
PLANTED = truth.values()
HONEST = {"workaround", "hours_a_month", "urgency", "intention", "channel", "region", "child_born_on"}


def test_the_committed_shop_shows_what_was_planted() -> None:
    told = json.loads((SHOP / "truth.json").read_text(encoding="utf-8"))
    known = told["planted"] | told["derived"]
    (table,) = [text for text in Stored("target_users/first_users").shown("first_users.recovery(") if "oracle" in text]
    rows = [line.split()[1:5] for line in table.splitlines() if "first_users." in line]
    assert len(rows) == 9
    for name, *numbers in rows:
        estimate, low, high = map(float, numbers)
        spec = known[name]
        error = np.hypot((high - low) / 2 / 1.96, spec.get("standard_error", 0.0))
        assert abs(estimate - spec["value"]) <= 4 * error, name
        assert high - low <= spec["max_interval_width"], name
    assert known["first_users.index.surely"]["value"] == pytest.approx(1, abs=0.06)
    assert known["first_users.index.personal_shopper"]["value"] > 1.7
    assert 0.6 < known["first_users.oracle_auc"]["value"] < 0.85


def tables_of(seed: int, customers: int) -> tuple[World, dict[str, pd.DataFrame]]:
    world = World(PLANTED, customers, 24, seed)
    chunk = world.chunk(0)
    orders, people, form = chunk.table("orders"), chunk.table("customers"), sign_up.build(chunk)
    columns = ("customer_id", "ordered_at", "revenue", "margin", "refund")
    names = ("customer_id", "signed_up_at", "channel", "region", "child_born_on", "is_customer", "updated_at", "phone")
    answers = {"question": form["question"], "answer": form["answer"], "answered_at": world.moment(form["at"])}
    surveys = pd.DataFrame({"customer_id": chunk.customer_ids[form["customer"]], "survey": "sign_up", **answers})
    return world, {
        "orders": pd.DataFrame({name: orders[name][orders["paid"]] for name in columns}),
        "customers": pd.DataFrame({name: people[name] for name in names}),
        "surveys": surveys.dropna(subset="answer"),
    }


def screened(given: dict[str, pd.DataFrame], surveys: pd.DataFrame) -> first_users.Panel:
    who = first_users.Setting("prospects", 180, "")
    begun = first_users.beginnings(given["orders"], given["customers"], who, first_users.rule(), as_of=LAST_DAY)
    said = first_users.answers(surveys, begun)
    return first_users.panel(begun, customers=given["customers"], said=said, as_of=LAST_DAY)


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_leaks_are_refused_and_clean_columns_are_not(half: int) -> None:
    kinds: set[tuple[str, ...]] = set()
    for seed in range(100 + 12 * half, 112 + 12 * half):
        world, given = tables_of(seed, 1200)
        leaks = sign_up.leaks(world)
        kinds.add(leaks)
        found = screened(given, given["surveys"])
        assert set(found.columns) == HONEST, seed
        refused = found.screening[~found.screening["used"]].set_index("column")["why"]
        assert set(leaks) <= set(refused.index)
        assert refused.str.len().gt(10).all()
        clean = screened(given, given["surveys"][~given["surveys"]["question"].isin(leaks)])
        assert set(clean.columns) == HONEST, seed
    assert len(kinds) == 3


@pytest.mark.slow
def test_traits_come_first_in_shops_of_other_seeds() -> None:
    """What people pay already, in money and in time, comes first in any shop; what they announce never shows."""
    for seed in range(40, 46):
        _, given = tables_of(seed, 4000)
        honest = given["surveys"][~given["surveys"]["question"].isin(sign_up.LEAKS)]
        found = screened(given, honest)
        judged = first_users.judge(found)
        top = first_users.traits(first_users.profile(found, judged), most=4)
        assert set(top["column"].head(2)) == {"workaround", "hours_a_month"}, seed
        assert "intention" not in set(top["column"])
        area = judged.accuracy.set_index("judge")
        assert abs(area.loc["cross-fitted", "roc_auc"] - 0.695) < 0.07


@pytest.mark.slow
def test_the_interval_of_an_index_covers_the_truth() -> None:
    rng, held = np.random.default_rng(5), 0
    for _ in range(400):
        best = rng.random(1500) < 0.11
        trait = rng.random(1500) < np.where(best, 0.32, 0.14)
        bands = pd.DataFrame({"pays": np.where(trait, "yes", "no")})
        row = _crossed(bands, best, "best", 0.95).set_index("value").loc["yes"]
        held += row["low"] <= 0.32 / (0.11 * 0.32 + 0.89 * 0.14) <= row["high"]
    assert 364 <= held <= 393, held


@pytest.mark.slow
def test_the_exact_interval_of_the_top_holds_with_fifteen_of_the_best() -> None:
    """Clopper and Pearson's interval covers at least as often as promised; of 150 accounts every tenth is one of the best."""
    from scipy.special import expit, logit

    rng, held, width = np.random.default_rng(6), 0, []
    score = rng.normal(size=400_000)
    chance = expit(logit(0.07) + score)
    cut = np.quantile(score, 0.8)
    expected = chance[score >= cut].sum() / chance.sum()
    for _ in range(400):
        place = rng.integers(len(score), size=150)
        best = rng.random(150) < chance[place]
        row = first_users.gains(score[place], best).set_index("share").loc[0.2]
        held += row["low"] <= expected <= row["high"]
        width.append(row["high"] - row["low"])
    assert held >= 364, held
    assert np.mean(width) < 0.6
