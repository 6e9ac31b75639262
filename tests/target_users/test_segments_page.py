"""The segments' chapter says what the stored notebook says, and the page runs on what people have."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from exports import orders_in_chinese
from stored import Stored

from opskit.target_users import segments

STORED = Stored("target_users/segments")

ran = partial(running.ran, "target_users/segments")


def test_the_rules_of_the_chapter_are_those_of_the_code() -> None:
    guide = segments.guide().drop_duplicates("segment")
    told = dict(re.findall(r"^\| ([a-z ]+) \| (\S+) \| (?:high|middle|low)", STORED.chapter, flags=re.MULTILINE))
    assert told == {row["segment"].replace("_", " "): row["chinese"] for row in guide.to_dict("records")}
    for row in guide.to_dict("records"):
        assert f"| {row['action']} |" in STORED.chapter
        assert f"| {row['segment'].replace('_', ' ')} | {row['chinese']} | {row['recency']} |" in STORED.chapter


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    champions, revenue = value["Customers who are champions"][0], value["Revenue of the champions"][0]
    assert f"The champions are {champions} of customers and bring {revenue} of revenue" in words
    stayed = float(value["Champions who were champions a period ago, of those then"][0].rstrip("%"))
    assert 1 - stayed / 100 == pytest.approx(1 / 3, abs=0.04)  # a third have gone quieter
    best, last = (
        value[name][0] for name in ("Champions who come back within the horizon", "Hibernating customers who do")
    )
    assert f"Of the champions {best} came back, of the hibernating {last}." in words
    lead = value["Recency tells more than frequency by (area under the curve)"]
    assert f"by {lead[0]} of the area under the curve" in words
    assert float(lead[1]) > 0
    assert f"does not hold ({value['Revenue of the top 20% of customers'][0]})" in words
    sure = round(float(value["Probability that a customer belongs to their group by taste"][0].rstrip("%")))
    assert f"with a probability of {sure}% on average" in words
    assert f"there are {value['Groups by taste'][0]} groups, each named" in words
    assert value["Groups by behaviour"][0] == "1"


def test_what_the_text_says_of_the_test_on_later_time_is_true() -> None:
    table = STORED.shown("segments.outlook")[0]
    rate = {row[0]: [float(one) for one in row[4:7]] for row in map(str.split, table.splitlines()[2:])}
    assert f"({rate['loyal'][0]:.0%} against {rate['new'][0]:.0%}, intervals overlapping)" in STORED.words
    assert rate["loyal"][2] > rate["new"][1]
    verdicts = STORED.shown("segments.outlook")[2]
    assert "not enough data" in verdicts.split("frequency tells more than money")[-1]  # "is open"
    claims = STORED.shown("segments.claims")[2]
    assert re.findall(r"does not hold|holds", claims) == ["does not hold", "holds", "does not hold"]
    assert "nor the second (56% of accounts" in STORED.words
    assert "0.5645" in claims


@pytest.mark.parametrize(("customers", "status"), [(8, "skipped"), pytest.param(400, "ok", marks=pytest.mark.slow)])
def test_orders_alone_give_segments_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    outcome = ran(orders_in_chinese(tmp_path / "orders.csv", customers))
    assert outcome.status == status, outcome.reason
    if status == "skipped":
        assert "customers have ordered, must be at least 20" in outcome.reason
        return
    said = str(outcome.notebook.cells)
    assert "orders has no column 'category': tastes cannot be told." in said
    assert "There is no table customers" in said
    assert "nan" not in str([line for cell in outcome.notebook.cells for line in _decision(cell)])


def _decision(cell: dict) -> list[str]:
    return [str(one) for one in cell.get("outputs", [])] if "decision" in cell["metadata"].get("tags", []) else []


@pytest.mark.slow
def test_customers_without_orders_is_one_sentence(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["A"], "signed_up_at": ["2025-01-01"]}).to_csv(tmp_path / "customers.csv", index=False)
    outcome = ran(tmp_path, as_of="2025-12-31")
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"groups": 3, "bins": 3, "days": 60}, {"recency_limits_days": [30, 90], "taste": "origin"}]
)
def test_every_option_reaches_the_page(given: dict[str, object]) -> None:
    outcome = ran("shop", **given)
    assert outcome.status == "ok", outcome.reason
    said = str(outcome.notebook.cells)
    if "groups" in given:
        assert "Cut into 3 groups as asked" in said
        assert "within 60 days" in said
    else:
        assert "groups by origin" in said
