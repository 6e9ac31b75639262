"""Needs finds what is planted: once on the committed shop, and 400 times for the coverage of its intervals."""

from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.sample.surveys import kano, needs_ranking, non_customers
from opskit.sample.truth import values
from opskit.sample.world import World
from opskit.target_users import needs

EVERY = {
    name: spec
    for part in ("planted", "derived")
    for name, spec in opskit.open("shop").truth[part].items()
    if name.startswith(("needs.worth.", "kano.better", "kano.worse", "kano.functional", "kano.dysfunctional"))
    or name in {f"non_customers.{tier}" for tier in non_customers.TIERS}
}
CALIBRATED = range(364, 394)  # the middle 99.9% of how often of 400 a 95% interval covers
NO_TEST = pd.DataFrame()
HALVES = (np.random.default_rng(1).permutation(2000) % 2).astype(str)


@pytest.fixture(scope="module")
def found() -> needs.Findings:
    ds = opskit.open("shop")
    worth = needs.worths(needs.rankings(ds.surveys))
    rest = (needs.ratings(ds.surveys), NO_TEST, needs.kano(ds.surveys), needs.non_customers(ds.surveys))
    return needs.Findings(worth, *rest, needs.scenarios(ds.scenarios), 0.95)


def test_the_committed_shop_tells_its_truth(found: needs.Findings) -> None:
    table = needs.recovery(found, opskit.open("shop").truth).set_index("name")
    assert set(table.index) == set(EVERY)
    assert len(table) == 34
    for name, row in table.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - EVERY[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= EVERY[name]["max_interval_width"], name


def test_planted_classes_are_counted(found: needs.Findings) -> None:
    classes = found.kano.classes.set_index("feature")
    assert classes.loc[classes["clear"], "class"].to_dict() == {
        "advice by age": "attractive",
        "anti-fake code": "must-be",
        "handwritten card": "indifferent",
        "next-day delivery": "performance",
    }


def test_ratings_are_flat_and_lead_astray(found: needs.Findings) -> None:
    """The planted decoy: a low price is rated highest, and comes fourth once people must choose."""
    ratings, worth = found.ratings, found.worths.table
    assert ratings["mean"].max() - ratings["mean"].min() < 0.6
    assert ratings["need"].iloc[0] == "low price"
    assert worth["worth"].max() / worth["worth"].min() > 5
    assert worth["need"].iloc[0] == "genuine goods"
    assert any("Do **not** go by ratings" in line for line in needs.decisions(found))


def answers(world: World, module: ModuleType) -> pl.DataFrame:
    built = module.build(world.chunk(0))
    columns = {name: built[name] for name in ("question", "item", "answer")}
    table = pd.DataFrame({"respondent_id": built["customer"], "survey": "one", **columns})
    return pl.from_pandas(table.assign(half=HALVES[table["respondent_id"]]))


def covered(truth: pd.Series, low: pd.Series, high: pd.Series) -> pd.Series:
    return (low.loc[truth.index] <= truth) & (truth <= high.loc[truth.index])


@pytest.mark.slow
def test_intervals_of_worths_cover_and_places_hold_together() -> None:
    truth = pd.Series({name: EVERY[f"needs.worth.{needs_ranking.key(name)}"]["value"] for name in needs_ranking.NEEDS})
    place = truth.rank(ascending=False)
    inside, model = (pd.Series(0, index=truth.index) for _ in range(2))
    together = alarms = 0
    for seed in range(400):
        survey = answers(World(values(), 2000, 24, 7000 + seed), needs_ranking)
        choices = needs.rankings(survey, segment="half")
        found = needs.worths(choices).table.set_index("need")
        inside += covered(truth, found["low"], found["high"])
        fisher = needs.worths(choices, robust=False).table.set_index("need")
        model += covered(truth, fisher["low"], fisher["high"])
        together += int(covered(place, found["place_low"], found["place_high"]).all())
        alarms += int((needs.by_segment(choices)[1]["p"] <= 0.05).any())
    assert inside.isin(CALIBRATED).all(), inside.to_dict()
    assert model.isin(CALIBRATED).all(), model.to_dict()
    assert together >= 364, together
    assert 8 <= alarms <= 36, alarms  # a test at 5% of segments drawn by lot


@pytest.mark.slow
def test_intervals_of_features_cover() -> None:
    words = {"classes": ("better", "worse"), "scale": ("functional", "dysfunctional")}
    names = {
        (word, name): EVERY[f"kano.{word}.{needs_ranking.key(name)}"]["value"]
        for pair in words.values()
        for word in pair
        for name in kano.FEATURES
    }
    inside = pd.Series(0, index=pd.MultiIndex.from_tuples(names))
    for seed in range(400):
        found = needs.kano(answers(World(values(), 2000, 24, 7000 + seed), kano))
        for part, pair in words.items():
            table = getattr(found, part).set_index("feature")
            for word in pair:
                truth = pd.Series({name: names[word, name] for name in kano.FEATURES})
                hits = covered(truth, table[f"{word}_low"], table[f"{word}_high"])
                inside[word] += hits.astype(int)
    assert inside.isin(CALIBRATED).all(), inside.to_dict()


@pytest.mark.slow
def test_intervals_of_the_kinds_of_non_customers_cover() -> None:
    tiers = dict(zip(("nearly customers", "refusing", "never explored"), non_customers.TIERS, strict=True))
    truth = pd.Series({tier: EVERY[f"non_customers.{name}"]["value"] for tier, name in tiers.items()})
    inside = pd.Series(0, index=truth.index)
    for seed in range(400):
        survey = answers(World(values(), 1000, 24, 7000 + seed), non_customers)
        found = needs.non_customers(survey.drop("item")).tiers.set_index("tier")
        inside += covered(truth, found["low"], found["high"])
    assert inside.isin(CALIBRATED).all(), inside.to_dict()
