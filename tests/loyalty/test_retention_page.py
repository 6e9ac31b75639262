"""The playbook page says what the stored notebook says."""

import json
import re
from pathlib import Path

import pytest

from opskit import customers
from opskit.loyalty import retention

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "playbook/loyalty/retention.md").read_text(encoding="utf-8")
CELLS = json.loads((ROOT / "notebooks/loyalty/retention.ipynb").read_text(encoding="utf-8"))["cells"]


def tagged(tag: str) -> dict:
    (cell,) = [cell for cell in CELLS if tag in cell["metadata"].get("tags", [])]
    return cell


def test_every_figure_of_the_headline_stands_in_the_page() -> None:
    lines = "".join(tagged("headline")["outputs"][0]["data"]["text/plain"]).splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert len(rows) == 8
    assert ["| " + " | ".join(row) + " |" for row in rows] == [
        line
        for line in PAGE.splitlines()
        if line.startswith("|") and line[2:].split(" |")[0] in {row[0] for row in rows}
    ]


def test_the_verdicts_of_the_page_are_those_of_the_notebook() -> None:
    (table,) = [cell for cell in CELLS if "retention.first_month(" in "".join(cell["source"])]
    text = "".join(table["outputs"][-1]["data"]["text/plain"])
    verdicts = re.findall(r"(does not hold|holds|not enough data)\s*$", text, flags=re.MULTILINE)
    assert verdicts == ["does not hold", "not enough data", "does not hold", "does not hold", "holds"]
    assert (
        "the first does not hold, the second cannot be told, both figures of the third do not hold, and the fourth does"
        in (" ".join(PAGE.split()))
    )


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(?:opskit\.[a-z_.]*\.)?(plot_\w+|\w+)`", PAGE))))
def test_every_function_named_exists(name: str) -> None:
    if name in {"orders", "customer_id", "ordered_at", "revenue", "window", "rolling", "unbounded", "claims"}:
        return
    assert hasattr(retention, name) or hasattr(customers, name)
