"""The chapter says what the stored notebook says, and the page runs on what a user may have."""

import re
from pathlib import Path

import exports
import pytest
from running import ran
from stored import Stored

import opskit

STORED = Stored("loyalty/stages")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    derived = opskit.open("shop").truth["derived"]
    fall = float(value["Fall from habit to none in a month"][0].rstrip("%")) / 100
    assert 1 / 7 < fall < 1 / 5  # "about one in five or six"
    low, high = (
        float(value["1% moved from habit to satisfaction, a year"][place].split()[0].replace(",", ""))
        for place in (1, 2)
    )
    assert low < 0 < high  # "nothing that can be told from chance"
    assert float(value["1% moved from none to habit, a year"][1].split()[0].replace(",", "")) > 0
    assert 0.4 < float(value["In the habit, with an answer that counts"][0].rstrip("%")) / 100 < 0.6  # "about half"
    for name in ("nps_of_those_who_answer", "nps_of_all"):
        assert f"{100 * derived[f'relationship.{name}']['value']:.0f} among" in " ".join(STORED.chapter.split())
    decided = STORED.shown("decision", "text/markdown")[0]
    for said in ("**fell silent**", "from none to **habit**", "**product** first", "**rises**"):
        assert said in decided


def test_orders_alone_are_enough_and_the_page_says_what_is_missing(tmp_path: Path) -> None:
    outcome = ran("loyalty/stages", exports.orders_in_chinese(tmp_path / "orders.csv", 80))
    assert outcome.status == "ok", outcome.reason
    assert {row["name"] for row in outcome.headline} >= {"Customers at loyalty", "Next month's revenue at habit"}
    assert not any("NPS" in row["name"] for row in outcome.headline)
    assert re.search(r"No survey answers: satisfaction and affection here only count order days", str(outcome.notebook))


@pytest.mark.slow
def test_too_little_data_make_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "customer_id,ordered_at,revenue\nA,2025-01-03,10\nB,2025-01-05,12\n", encoding="utf-8"
    )
    outcome = ran("loyalty/stages", tmp_path / "orders.csv")
    assert outcome.status == "skipped"
    assert outcome.reason.endswith(".")
    assert "\n" not in outcome.reason
