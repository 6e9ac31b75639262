"""The points economy finds what is planted in the sample shop: once on the committed shop, and 400 times for coverage."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.incentives import points_economy as pe
from opskit.sample.tables import points as planted
from opskit.sample.truth import values
from opskit.sample.world import World

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = opskit.open("shop").truth
KNOWN = {**TRUTH["planted"], **TRUTH["derived"]}


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop")
    points, orders = (pl.from_arrow(table.to_arrow_table()) for table in (ds.points, ds.orders))
    found = pe.ledger(points, as_of=ds.as_of)
    broken, listed = pe.breakage(found), pe.suspects(points, as_of=ds.as_of)
    periods = pe.per_revenue(points, orders, as_of=ds.as_of).periods
    table = pe.recovery(found, broken, listed, periods, accounts=len(ds.customers), truth=ds.truth).set_index("name")
    assert set(table.index) >= {name for name in TRUTH["derived"] if name.startswith("points.")}
    for name, row in table.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - KNOWN[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= KNOWN[name]["max_interval_width"], name
    naive = broken.measures["estimate"].iloc[-1]
    assert naive < broken.measures["low"].iloc[0], "the totals miss what is still to come"
    checked = pe.expiry_check(points, as_of=ds.as_of).set_index("case")
    missed = -checked["difference"].sum() / checked["computed"].sum()
    spec = KNOWN["points.missed_expiry_share"]
    assert checked.loc["too much posted", "customers"] == 0
    assert abs(missed - spec["value"]) <= 4 * spec["max_interval_width"] / (1.5 * 2 * 1.96)


def shop(seed: int, customers: int, **truth: float) -> tuple[pl.DataFrame, set[str]]:
    """Postings straight from the generator, and the farming accounts that have any."""
    named = {f"points.{name}": value for name, value in truth.items()}
    chunk = World({**values(), **named}, customers, 24, seed).chunk(0)
    drawn = chunk.table("points")
    table = pd.DataFrame({name: drawn[name] for name in planted.COLUMNS})
    farms = set(chunk.customer_ids[drawn["farming"] >= 0]) & set(table["customer_id"])
    return pl.from_pandas(table), farms


def test_the_generator_and_the_ledger_agree() -> None:
    """Two ways to reckon, one by rounds in the generator, one by windows here: what lapses is the same for everybody."""
    points, _ = shop(5, 800, missed_expiry_share=0.0)
    checked = pe.expiry_check(points, as_of=LAST_DAY).set_index("case")
    assert checked.loc["agree", "customers"] > 100
    assert checked["customers"].iloc[1:].tolist() == [0, 0]


def found_and_named(seeds: range, subtlety: float) -> tuple[float, float]:
    """Recall and precision of the list of suspects over some shops."""
    hits = named = there = 0
    for seed in seeds:
        points, farms = shop(seed, 4000, farming_subtlety=subtlety)
        listed = set(pe.suspects(points, as_of=LAST_DAY).accounts["customer_id"])
        hits, named, there = hits + len(listed & farms), named + len(listed), there + len(farms)
    return hits / there, hits / named


def innocent(seeds: range) -> int:
    """Suspects in shops where nobody farms."""
    clean = (shop(seed, 4000, farming_share=0.0)[0] for seed in seeds)
    return sum(len(pe.suspects(points, as_of=LAST_DAY).accounts) for points in clean)


def test_farming_is_found_and_honest_accounts_are_not() -> None:
    recall, precision = found_and_named(range(2), 0.5)
    assert recall >= 0.95
    assert precision >= 0.95
    assert innocent(range(1)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("subtlety", "least"), [(0.0, 0.95), (0.5, 0.95), (1.0, 0.8)])
def test_farming_at_three_difficulties(subtlety: float, least: float) -> None:
    """Over ten shops: nearly everybody at the first two, and about nine in ten of the quietest; nobody innocent."""
    recall, precision = found_and_named(range(100, 110), subtlety)
    assert recall >= least, recall
    assert precision >= 0.95, precision


@pytest.mark.slow
def test_clean_shops_have_nearly_no_suspects() -> None:
    assert innocent(range(100, 110)) <= 3


@pytest.mark.slow
def test_intervals_of_the_ultimate_redemption_rate_cover() -> None:
    """A 95% interval covers 364 to 393 times of 400, the middle 99.9% of that binomial count."""
    value, covered = KNOWN["points.ultimate_redemption_rate"]["value"], 0
    for seed in range(400):
        points, _ = shop(20_000 + seed, 1000)
        row = pe.breakage(pe.ledger(points, as_of=LAST_DAY)).measures.iloc[0]
        covered += row["low"] <= value <= row["high"]
    assert 364 <= covered <= 393, covered


def test_what_a_shop_without_redeemers_shows() -> None:
    points, _ = shop(3, 400, redeemer_share=0.0)
    broken = pe.breakage(pe.ledger(points, as_of=LAST_DAY))
    assert broken.measures["estimate"].iloc[0] == 0
    assert np.isnan(broken.measures[["low", "high"]].iloc[0]).all(), "no bound can be told where nothing was redeemed"
