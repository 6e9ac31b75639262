"""The replay finds what the shop's own design would have done: on the committed shop, and 400 times for coverage."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.incentives import level_system as ls
from opskit.sample import level_design
from opskit.sample.derived import level_system as derived
from opskit.sample.tables import events, orders, points
from opskit.sample.truth import values
from opskit.sample.world import World

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = opskit.open("shop").truth
KNOWN = {**TRUTH["planted"], **TRUTH["derived"]}
DESIGN = ls.read(level_design.text())


def drawn(world: World, names: dict[str, object]) -> dict[str, pl.DataFrame]:
    chunk = world.chunk(0)
    tables = {}
    for name, module in names.items():
        columns = chunk.table(name)
        tables[name] = pl.from_pandas(pd.DataFrame({column: columns[column] for column in module.COLUMNS}))  # type: ignore[attr-defined]
    tables["orders"] = tables["orders"].filter(~pl.col("status").is_in(["unpaid", "closed"]))
    return tables


def replayed(tables: dict[str, pl.DataFrame], months: int = 13) -> ls.Replay:
    return ls.replay(DESIGN, ls.growth(DESIGN, **tables, as_of=LAST_DAY), months=months)


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop")
    grown = ls.growth(ls.read(ds.beside(ls.FILE_NAME)), ds.orders, ds.events, ds.points, as_of=ds.as_of)
    table = ls.recovery(ls.replay(DESIGN, grown, months=13), truth=ds.truth).set_index("name")
    assert set(table.index) == {name for name in TRUTH["derived"] if name.startswith("levels.")}
    for name, row in table.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - KNOWN[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= KNOWN[name]["max_interval_width"], name


def test_the_generator_and_the_replay_agree() -> None:
    """Two ways to reckon, a matrix in numpy there and one query here: the same figures of the same shop."""
    world = World(values(), 1500, 24, 5)
    found = derived.figures(world, [world.chunk(0)])
    table = ls.recovery(replayed(drawn(world, {"orders": orders, "events": events, "points": points})), truth={})
    for name, estimate in table.set_index("name")["estimate"].items():
        assert estimate == pytest.approx(found[str(name)].value, rel=1e-9), name


def test_a_shop_of_one_year_has_no_truth_about_levels() -> None:
    world = World(values(), 50, 12, 5)
    assert derived.figures(world, [world.chunk(0)]) == {}


def test_the_truth_does_not_apply_to_another_design() -> None:
    ds = opskit.open("shop")
    usual = ls.chosen("", None, ds.orders, as_of=ds.as_of)
    assert not usual.beside
    assert ls.chosen("", ds.beside(ls.FILE_NAME), ds.orders, as_of=ds.as_of).beside


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_intervals_cover(half: int) -> None:
    """Over both halves a 95% interval covers 364 to 393 times of 400; of 200 the middle 99.9% is 179 to 198."""
    table = covered(range(20_000 + 200 * half, 20_200 + 200 * half))
    assert table.between(179, 198).all(), table.to_dict()


def covered(seeds: range) -> "pd.Series":
    """How often each interval holds the truth, over shops of 1,000 accounts."""
    rows = []
    for seed in seeds:
        world = World(values(), 1000, 24, seed)
        found = replayed(drawn(world, {"orders": orders, "events": events, "points": points}))
        table = ls.recovery(found, truth=TRUTH).set_index("name")
        rows.append(table["inside"].astype(bool))
    return pd.DataFrame(rows).sum()


def test_figures_are_whole() -> None:
    shares = [KNOWN[f"levels.at_{name}"]["value"] for name in DESIGN.names]
    assert np.isclose(sum(shares), 1)
