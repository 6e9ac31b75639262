"""What was planted in the shop's experiments is found again: in the committed shop, and as often as intervals promise."""

import datetime as dt
import json
from functools import cache

import polars as pl
import pytest
from stored import ROOT

import opskit
from opskit.incentives import experiment as lab
from opskit.sample import derived, truth
from opskit.sample.derived import experiment as planted
from opskit.sample.experiments import experiments
from opskit.sample.world import LAST_DAY, World

TRUTH = json.loads((ROOT / "data" / "shop" / "truth.json").read_text(encoding="utf-8"))
AS_OF = LAST_DAY
SHOPS, CUSTOMERS = 400, 1500


@pytest.fixture(scope="module")
def shop():
    return opskit.open("shop")


def read(assignments, orders, name: str, *, as_of: dt.date = AS_OF, window_days: int = 60) -> lab.Outcomes:
    arrived = lab.arrivals(assignments, as_of=as_of)
    chosen = lab.design(arrived, as_of=as_of, experiment=name, window_days=window_days)
    return lab.outcomes(assignments, orders, chosen, as_of=as_of, window_days=window_days)


def test_the_planted_effects_are_found_in_the_shop(shop) -> None:
    known = {**TRUTH["planted"], **TRUTH["derived"]}
    seen = []
    for name in ("surprise_gift", "aa_check", "wish_list_page"):
        found = read(shop.assignments, shop.orders, name)
        sizes = lab.sample_ratio(lab.arrivals(shop.assignments, as_of=AS_OF), found.design)
        for _, row in lab.recovery(TRUTH, found, sizes).iterrows():
            width = row["high"] - row["low"]
            assert abs(row["estimate"] - row["truth"]) <= 4 * width / (2 * 1.96), row["name"]
            assert width <= known[row["name"]]["max_interval_width"], row["name"]
            seen.append(row["name"])
    assert len(seen) == 6


def test_the_three_experiments_of_the_shop_teach_what_they_are_meant_to(shop) -> None:
    table = lab.register(shop.assignments, shop.orders, shop.experiments, as_of=AS_OF).set_index("experiment")
    assert list(table.index) == ["surprise_gift", "wish_list_page", "aa_check"]
    assert table["may_be_read"].tolist() == [True, False, True]
    assert table.loc["wish_list_page", "low"] > 0  # seems to win, though it does nothing
    assert table.loc["aa_check", "low"] < 0 < table.loc["aa_check", "high"]
    assert table.loc["surprise_gift", "low"] > 0


@cache
def small_shop(seed: int):
    """Assignments and paid orders of one small shop, as frames."""
    world = World(truth.values(), CUSTOMERS, 24, seed)
    chunk = world.chunk(0)
    parts = []
    for name in ("surprise_gift", "aa_check"):
        drawn = experiments()[name].assign(chunk)
        columns = {"customer_id": drawn["customer"], "variant": list(drawn["variant"])}
        parts.append(
            pl.DataFrame({**columns, "assigned_at": world.moment(drawn["at"])}).with_columns(experiment=pl.lit(name))
        )
    orders = chunk.table("orders")
    columns = {"customer_id": orders["place"], "ordered_at": orders["ordered_at"]}
    columns |= {"revenue": orders["revenue"], "refund": orders["refund"]}
    return pl.concat(parts), pl.DataFrame(columns).filter(pl.Series(orders["paid"]))


@pytest.fixture(scope="module")
def reference() -> dict[str, float]:
    figures = derived.figures(truth.values(), 24, planted.TABLES)
    return {name: figure.value for name, figure in figures.items() if name.startswith("experiment.")}


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say(reference: dict[str, float]) -> None:
    covered = dict.fromkeys(("buyers", "orders", "revenue"), 0)
    for seed in range(SHOPS):
        found = read(*small_shop(seed), "surprise_gift")
        for _, row in lab.effects(found, list(covered)).iterrows():
            covered[row["metric"]] += (
                row["low"] <= reference[f"experiment.surprise_gift.{row['metric']}"] <= row["high"]
            )
    assert all(364 <= count <= 393 for count in covered.values()), covered


@pytest.mark.slow
def test_a_test_of_nothing_is_rejected_as_often_as_it_should_be() -> None:
    rejected = 0
    for seed in range(500):
        found = read(*small_shop(seed), "aa_check", window_days=30)
        rejected += lab.effects(found, ["orders"])["p_value"].iloc[0] < 0.05
    assert 11 <= rejected <= 42, rejected
