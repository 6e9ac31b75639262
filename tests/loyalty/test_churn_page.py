"""The playbook page says what the stored notebook says."""

from pathlib import Path

import exports
import pytest
from running import ran
from stored import Stored

import opskit

STORED = Stored("loyalty/churn")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    derived = opskit.open("shop").truth["derived"]
    assert 0.55 < float(value["Active customers who left within 150 days"][0].rstrip("%")) / 100 < 0.65  # three in five
    assert f"at {value['Success share at which contacts just pay'][0]} it would just pay" in STORED.chapter
    for name in ("oracle", "orders_only"):
        assert f"{derived[f'churn_150_days.{name}_auc']['value']:.3f}" in STORED.chapter
    low = float(value["More left than predicted"][2].split()[0])
    assert low < 0  # fewer left, interval and all
    decided = STORED.shown("decision", "text/markdown")[0]
    for said in ("Rank by **logistic regression**", "**Fewer left than predicted**", "it pays"):
        assert said in decided


def test_the_leak_of_the_page_is_that_of_the_notebook() -> None:
    table = STORED.shown("panel.screening")[-1]
    left_out = [line.split()[1] for line in table.splitlines()[1:] if " False " in line]
    assert left_out == ["updated_at", "is_customer"]
    assert "`updated_at` is named as a leak" in STORED.chapter


@pytest.mark.parametrize(("customers", "status"), [(10, "skipped"), pytest.param(600, "ok", marks=pytest.mark.slow)])
def test_a_foreign_export_gives_figures_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    outcome = ran("loyalty/churn", exports.orders_in_chinese(tmp_path / "orders.csv", customers))
    assert outcome.status == status, outcome.reason
    assert bool(outcome.headline) == (status == "ok")
    assert status == "ok" or (outcome.reason.endswith(".") and "\n" not in outcome.reason)
