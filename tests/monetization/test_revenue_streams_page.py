"""The playbook page says what the stored notebook says."""

import json
import re
from pathlib import Path

import pytest

from opskit.monetization import revenue_streams

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "playbook/monetization/revenue_streams.md").read_text(encoding="utf-8")
CELLS = json.loads((ROOT / "notebooks/monetization/revenue_streams.ipynb").read_text(encoding="utf-8"))["cells"]


def text(tag: str, kind: str = "text/plain") -> str:
    (cell,) = [cell for cell in CELLS if tag in cell["metadata"].get("tags", [])]
    return "".join(next(output["data"][kind] for output in cell["outputs"] if "data" in output))


def rows() -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in text("headline").splitlines()]


def test_every_figure_of_the_headline_stands_in_the_page() -> None:
    assert len(rows()) == 13
    lines = PAGE.splitlines()
    start = lines.index("| " + " | ".join(rows()[0]) + " |")
    assert lines[start + 2 : start + 14] == ["| " + " | ".join(row) + " |" for row in rows()[1:]]


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: float(re.sub(r"[^\d.-]", "", row[1])) for row in rows()[1:]}
    assert value["Change of the take rate by rate"] > 0 > value["Change of the take rate by mix"]
    assert abs(value["Change of the take rate by mix"]) > value["Change of the take rate by rate"]
    year = value["Front-end revenue, last 12 months"] + value["Back-end revenue, last 12 months"]
    assert 1.9 < value["Revenue of the next 12 months"] / year < 2.3  # "doubles"
    decision = text("decision", "text/markdown")
    (more,) = re.findall(r"multiplies to ([\d.]+%) more revenue", decision)
    assert f"multiplies to {more} more revenue" in " ".join(PAGE.split())
    assert "had what came **inside** its interval" in decision
    assert "earlier held what came" in PAGE


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(?:opskit\.monetization\.revenue_streams\.)?(\w+)[`(]", PAGE)))
)
def test_every_function_named_exists(name: str) -> None:
    if name in {"orders", "bookings", "events", "customer_id", "gross_amount", "impressions"}:
        return
    assert hasattr(revenue_streams, name)
