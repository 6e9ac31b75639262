"""What the chapter says of the figures is true, and the page runs on a user's own orders and design."""

import json
import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from exports import orders_in_chinese
from running import prose, shown
from stored import Stored
from typer.testing import CliRunner

import opskit
from opskit.cli import app
from opskit.incentives import level_system

PAGE = "incentives/level_system"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)
value = STORED.value


def test_what_the_text_says_of_the_figures_is_true() -> None:
    assert 22 < 100 - value("Members at star")[0] < 30  # "about one member in four"
    assert 60 < 100 / value("Members at diamond")[0] < 80  # "one in seventy"
    assert 23 < value("Reach silver within 90 days")[0] < 28  # "a quarter"
    assert round(value("Fall a month, of members above the lowest level")[0]) == 6  # "six in a hundred"
    assert round(value("Benefit cost, of margin")[0]) == 7  # "about 7% of margin"
    told = " ".join(STORED.shown("decision", "text/markdown"))
    other, one, points, span = re.findall(
        r"cost ([\d.]+%) instead of ([\d.]+%): ([\d.]+) points more \(([\d.to ]+)\)", told
    )[0]
    assert f"{other} of margin instead of {one}" in STORED.words
    assert f"costs {points} points of margin more ({span})" in STORED.words
    assert "**9 of 9 principles**" in told
    assert "cannot be told yet: order days in the first 180 days" in told


def test_the_verdicts_of_the_chapter_are_those_of_the_notebook() -> None:
    verdicts = re.findall(r"does not hold|not enough data|holds", STORED.shown("level_system.suitability(")[0])
    assert verdicts == ["holds", "not enough data", "holds", "holds"]
    assert "the second rule on frequency cannot be told, and the others hold" in STORED.words


@pytest.fixture(scope="module")
def orders_only(tmp_path_factory: pytest.TempPathFactory):
    return ran(data=orders_in_chinese(tmp_path_factory.mktemp("plain") / "订单.csv", 150))


def test_orders_in_chinese_are_enough(orders_only: object) -> None:
    assert orders_only.status == "ok", orders_only.reason
    text = shown(orders_only)
    assert "the usual one, its thresholds set for target shares" in text
    assert "opskit template level_design" in text
    assert "No table memberships" in text
    assert "Value is revenue, not margin" in text
    names = {row["name"]: row for row in orders_only.headline}
    assert "Benefit cost, of margin" not in names
    assert names["Benefit cost, of revenue"]["value"] > 0
    assert names["Members at diamond"]["value"] <= 0.021
    assert "**Wait with levels.**" in prose(orders_only), "150 customers are no base"
    assert not re.search(r"\bnan\b|\binf\b", prose(orders_only))


@pytest.mark.slow
def test_cdnow_has_orders_and_so_a_design() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    assert figures["Members at member"]["n"] == 2357
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


def test_a_missing_table_gives_one_sentence(tmp_path: Path) -> None:
    at = pd.Timestamp("2025-01-01")
    pd.DataFrame({"customer_id": ["A"], "event": ["visit"], "occurred_at": [at]}).to_csv(
        tmp_path / "events.csv", index=False
    )
    outcome = ran(data=tmp_path)
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason


def test_the_template_is_written_found_and_used(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["template", "level_design", "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    path = tmp_path / level_system.FILE_NAME
    assert path.read_text(encoding="utf-8") == level_system.template()
    orders_in_chinese(tmp_path / "订单.csv", 20)
    ds = opskit.open(tmp_path)
    assert ds.beside(level_system.FILE_NAME) == path
    assert ds.beside("nothing.toml") is None
    choice = level_system.chosen("", ds.beside(level_system.FILE_NAME), ds.orders, as_of=ds.as_of)
    assert choice.told == "design: level_design.toml beside the data"
    again = CliRunner().invoke(app, ["template", "orders", "level_design", "--out", str(tmp_path / "new")])
    assert again.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [
        "dictionary.csv",
        "level_design.toml",
        "orders.csv",
    ]
    refused = CliRunner().invoke(app, ["template", "level_design", "--out", str(tmp_path)])
    assert refused.exit_code != 0


def test_levels_that_are_there_are_shown_without_causes() -> None:
    day = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-01-01", "2025-02-01"])
    spells = pd.DataFrame(
        {"customer_id": ["A", "A", "B", "C"], "level": ["silver", "gold", "silver", "silver"], "started_at": day}
    ).assign(ended_at=pd.to_datetime(["2025-02-28", None, None, "2025-04-01"]))
    table = level_system.observed(spells, as_of=pd.Timestamp("2025-05-01").date()).set_index("level")
    assert table["members"].to_dict() == {"silver": 1, "gold": 1}
    assert table.loc["silver", ["customers", "spells", "ended"]].tolist() == [3, 3, 2]
    assert "nothing here says that a level made anybody buy" in level_system.told(table)


def test_the_sliders_hold_the_thresholds_and_draw_from_the_histogram() -> None:
    values = pd.DataFrame({"value": [0, 50, 150, 400, 2000], "n": [5, 4, 3, 2, 1]})
    design = level_system.read(level_system.template()).at((100, 300, 1000))
    sliders = level_system.threshold_sliders(values, design)
    assert [slider.value for slider in sliders] == [100, 300, 1000]
    sliders[0].value = max(option for option in sliders[0].options if option <= 500)
    moved = design.at(level_system.apart([slider.value for slider in sliders]))
    assert moved.thresholds == (0, 300, sliders[0].value, 1000)
    assert 400 < sliders[0].value <= 500
    assert level_system.at_thresholds(values, moved)["n"].tolist() == [12, 2, 0, 1]


def few(path: Path, rows: list[tuple[str, str, float]]) -> Path:
    pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"]).to_csv(path, index=False)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 3])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    rows = [(f"C{c}", f"2025-0{m}-1{c}", 100.0) for c in range(customers) for m in (1, 2, 3, 4)]
    outcome = ran(data=few(tmp_path / "orders.csv", rows))
    assert outcome.status == "ok", outcome.reason
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
def test_a_few_days_are_too_little(tmp_path: Path) -> None:
    outcome = ran(data=few(tmp_path / "orders.csv", [("A", "2025-01-03", 5.0), ("B", "2025-01-09", 5.0)]))
    assert outcome.status == "skipped"
    assert "no month with an action that counts is over" in outcome.reason


@pytest.mark.slow
def test_all_alike_and_all_free(tmp_path: Path) -> None:
    same = [(f"C{c}", f"2025-0{m}-10", 100.0) for c in range(60) for m in range(1, 7)]
    assert ran(data=few(tmp_path / "orders.csv", same)).status == "ok"
    free = [(name, day, 0.0) for name, day, _ in same]
    outcome = ran(data=few(tmp_path / "orders.csv", free))
    assert outcome.status == "ok", outcome.reason
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"where": "region=North", "as_of": "2025-06-15", "confidence": 0.8},
        {"as_of": "2024-05-15", "months": 6},
    ],
)
def test_it_runs_on_a_part_of_the_shop(given: dict[str, object]) -> None:
    outcome = ran(**given)
    assert outcome.status == "ok", outcome.reason
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
def test_a_second_design_of_ones_own(tmp_path: Path) -> None:
    shop = opskit.open("shop").beside(level_system.FILE_NAME)
    assert shop is not None
    bolder = shop.read_text(encoding="utf-8").replace("at = 500", "at = 250")
    (tmp_path / "bolder.toml").write_text(bolder, encoding="utf-8")
    outcome = ran(other_design=str(tmp_path / "bolder.toml"))
    assert outcome.status == "ok", outcome.reason
    assert "**Bolder** would cost" in prose(outcome)
    assert json.dumps(outcome.headline)
