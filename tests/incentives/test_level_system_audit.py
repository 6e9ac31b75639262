"""Nine principles: a clean design keeps them all, and a defect breaks exactly the one it was put in for."""

import dataclasses
from typing import Any

import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.incentives import level_system as ls
from opskit.sample.farming import WAYS
from opskit.sample.tables import orders, points
from opskit.sample.truth import values
from opskit.sample.world import World

SHOP = opskit.open("shop")
TABLES = {name: pl.from_arrow(getattr(SHOP, name).to_arrow_table()) for name in ("orders", "events", "points")}
CLEAN = ls.read(SHOP.beside(ls.FILE_NAME))


@pytest.fixture(scope="module")
def grown() -> ls.Growth:
    return ls.growth(CLEAN, **TABLES, as_of=SHOP.as_of)


def verdicts(design: ls.Design, grown: ls.Growth) -> dict[str, str]:
    table = ls.audit(ls.replay(design, grown, months=3))
    return dict(zip(table["principle"], table["verdict"], strict=True))


def benefits(name: str, **changes: Any) -> ls.Design:
    return CLEAN.changed(
        benefits=tuple(dataclasses.replace(one, **changes) if one.name == name else one for one in CLEAN.benefits)
    )


def first_step_worth_nothing() -> ls.Design:
    first = [one.name for one in CLEAN.benefits if one.level == "silver"]
    kept = tuple(
        dataclasses.replace(one, worth=0.01, revenue_share=0.0) if one.name in first else one for one in CLEAN.benefits
    )
    return CLEAN.changed(benefits=kept)


def nothing_new_at_gold() -> ls.Design:
    moved = {"gold": "diamond"}
    return CLEAN.changed(
        benefits=tuple(dataclasses.replace(one, level=moved.get(one.level, one.level)) for one in CLEAN.benefits)
    )


def no_top() -> ls.Design:
    levels = CLEAN.levels[:2]
    kept = tuple(one for one in CLEAN.benefits if one.level == "silver")
    return CLEAN.changed(levels=levels, benefits=kept)


def uncapped() -> ls.Design:
    return CLEAN.changed(
        earn=tuple(dataclasses.replace(r, daily_cap=0) if r.behaviour == "check_in" else r for r in CLEAN.earn)
    )


DEFECTS = {
    "input and output balanced": benefits("free express parcel", cost=90.0),
    "experience and currency apart": benefits("birthday gift", takes_value=100.0),
    "users classified": CLEAN.at((500, 1500, 30_000)),
    "extensible": no_top(),
    "perceivable": nothing_new_at_gold(),
    "worth wanting": first_step_worth_nothing(),
}


def test_the_clean_design_keeps_every_principle(grown: ls.Growth) -> None:
    assert set(verdicts(CLEAN, grown).values()) == {"kept"}


@pytest.mark.parametrize("principle", DEFECTS)
def test_one_defect_breaks_one_principle(principle: str, grown: ls.Growth) -> None:
    found = verdicts(DEFECTS[principle], grown)
    assert [name for name, verdict in found.items() if verdict != "kept"] == [principle]
    assert found[principle] == "broken"


def test_a_first_step_out_of_reach_breaks_low_entry_alone(grown: ls.Growth) -> None:
    found = verdicts(CLEAN.at((900, 1500, 3500)), grown)
    assert {name for name, verdict in found.items() if verdict != "kept"} == {"low entry"}


def test_uncapped_check_ins_break_the_prevention_of_cheating_alone() -> None:
    found = verdicts(uncapped(), ls.growth(uncapped(), **TABLES, as_of=SHOP.as_of))
    assert {name for name, verdict in found.items() if verdict != "kept"} == {"cheating prevented"}


def test_a_design_that_earns_by_side_business_breaks_the_core_alone() -> None:
    """Orders are no longer named the core: all else stays as it is."""
    other = dataclasses.replace(CLEAN.earn[0], core=False)
    side = CLEAN.changed(earn=(other, *CLEAN.earn[1:]))
    found = verdicts(side, ls.growth(side, **TABLES, as_of=SHOP.as_of))
    assert {name for name, verdict in found.items() if verdict != "kept"} == {"shows the core business"}


def test_what_cannot_be_computed_is_left_to_the_reader(grown: ls.Growth) -> None:
    free = CLEAN.changed(
        benefits=tuple(
            dataclasses.replace(one, cost=0.0, worth=None, revenue_share=0.0, drive="content") for one in CLEAN.benefits
        )
    )
    found = verdicts(free, grown)
    assert found["worth wanting"] == found["input and output balanced"] == "judge yourself"
    table = ls.audit(ls.replay(CLEAN, grown, months=3))
    assert table["judge"].str.contains("?", regex=False).all()
    assert len(table) == 9


def test_caps_take_what_farming_accounts_made() -> None:
    """Planted scripts check in again and again within an hour; one a day is all that counts."""
    chunk = World({**values(), "points.farming_share": 0.05}, 2000, 24, 3).chunk(0)
    drawn, bought = chunk.table("points"), chunk.table("orders")
    ledger = pd.DataFrame({name: drawn[name] for name in points.COLUMNS})
    paid = pd.DataFrame({name: bought[name] for name in orders.COLUMNS})[bought["paid"]]
    burst = set(chunk.customer_ids[drawn["farming"] == WAYS.index("burst")])
    assert burst
    earned = []
    for design in (uncapped(), CLEAN):
        grown = ls.growth(design, paid, points=ledger, as_of=SHOP.as_of).days.to_native().df()
        mine = grown[grown["customer_id"].isin(burst) & (grown["growth"] < 200)]
        earned.append((mine["growth"].sum(), grown.loc[~grown["customer_id"].isin(burst), "growth"].sum()))
    (wild, others), (tame, others_capped) = earned
    assert tame < 0.25 * wild
    assert others_capped > 0.99 * others
