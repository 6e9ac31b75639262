"""The playbook page says what the stored notebook says, and the page runs on what users bring."""

from functools import partial
from pathlib import Path

import exports
import pandas as pd
import pytest
import running
from stored import Stored

import opskit
from opskit.loyalty import win_back

STORED = Stored("loyalty/win_back")

ran = partial(running.ran, "loyalty/win_back")


def test_what_the_text_says_of_the_figures_is_true(cdnow: pd.DataFrame) -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    assert 0.3 < float(value["Customers awake"][0].rstrip("%")) / 100 < 0.4  # a third
    assert 0.18 < float(value["Customers asleep"][0].rstrip("%")) / 100 < 0.23  # a fifth
    assert 0.028 < float(value["Asleep who came back within 30 days"][0].rstrip("%")) / 100 < 0.04  # one in thirty
    added = value["Comebacks added by 100 contacts"]
    assert 2 < float(added[0].split()[0]) < 3
    assert float(added[1].split()[0]) > 0
    truth = opskit.open("shop").truth
    assert truth["planted"]["win_back.uplift"]["value"] == 0.5
    assert round(100 * truth["derived"]["win_back.extra_comebacks_per_contact"]["value"], 1) == 3.1
    claimed, real = (
        float(value[f"Cost of a {name}"][0].split()[0])
        for name in ("resurrected one, as reports claim", "comeback added")
    )
    assert f"{claimed} CNY" in STORED.words
    assert 4.5 < real / claimed < 5.5
    found = win_back.came_back(cdnow, as_of=pd.Timestamp("1998-06-30").date()).set_index("tier")
    for tier, text in (
        ("awake", "91 of 462 awake"),
        ("dozing", "14 of 160 dozing"),
        ("half-asleep", "13 of 170 half-asleep"),
    ):
        row = found.loc[tier]
        assert text.startswith(f"{row['came_back']:.0f} of {row['customers']:.0f}")
        assert text in STORED.words
        assert f"{row['customers'] * row['expected']:.1f}" in STORED.words


def test_the_decision_says_what_the_page_says() -> None:
    (decided,) = STORED.shown("decision", "text/markdown")
    for said in (
        "**The tiers can be trusted**: in the last window 9.94% came back, 9.75%",
        "**Contacts wake**",
        "about the same",
    ):
        assert said in decided


@pytest.mark.parametrize(("customers", "status"), [(6, "skipped"), (300, "ok")])
def test_a_foreign_export_gives_figures_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    outcome = ran(exports.orders_in_chinese(tmp_path / "orders.csv", customers))
    assert outcome.status == status, outcome.reason
    assert bool(outcome.headline) == (status == "ok")
    if status == "skipped":
        assert outcome.reason.endswith(".")
        assert "\n" not in outcome.reason
        return
    names = [row["name"] for row in outcome.headline]
    assert not [name for name in names if "added" in name or "net value" in name]  # no hold-out: not known
    text = str(outcome.notebook)
    assert "What a contact adds is not known" in text
    assert "stderr" not in text


def test_a_missing_table_gives_one_sentence(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["a"], "signed_up_at": ["2025-01-01"]}).to_csv(tmp_path / "customers.csv", index=False)
    outcome = ran(tmp_path)
    assert outcome.status == "skipped"
    assert "has no table" in outcome.reason
