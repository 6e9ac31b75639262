"""The playbook page says what the stored notebook says."""

import json
import re
from pathlib import Path

import pytest

from opskit.loyalty import journey

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "playbook/loyalty/journey.md").read_text(encoding="utf-8")
CELLS = json.loads((ROOT / "notebooks/loyalty/journey.ipynb").read_text(encoding="utf-8"))["cells"]


def shown(tag: str) -> str:
    (cell,) = [cell for cell in CELLS if tag in cell["metadata"].get("tags", [])]
    return "".join(cell["outputs"][0]["data"]["text/plain"])


def rows() -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in shown("headline").splitlines()]


def test_the_headline_stands_in_the_page() -> None:
    lines = PAGE.splitlines()
    start = lines.index("| " + " | ".join(rows()[0]) + " |")
    assert len(rows()) == 12
    assert lines[start + 2 : start + 1 + len(rows())] == ["| " + " | ".join(row) + " |" for row in rows()[1:]]


def output(call: str) -> str:
    """What the cell that calls the function shows."""
    (cell,) = [cell for cell in CELLS if f"= journey.{call}(" in "".join(cell["source"]) and cell.get("outputs")]
    return "\n".join("".join(one["data"].get("text/plain", "")) for one in cell["outputs"] if "data" in one)


def test_figures_repeated_in_the_text_are_those_of_the_notebook() -> None:
    (naive,) = [
        "".join(cell["outputs"][0]["data"]["text/plain"]) for cell in CELLS if "naive" in "".join(cell["source"])[:400]
        and cell["cell_type"] == "code"
    ]  # fmt: skip
    assert re.search(r"buy\s+2258 0\.5645", naive)
    assert "over everybody who ever came, is 56%" in " ".join(PAGE.split())
    receive = re.search(r"receive\s+2013\s+1852 (0\.99\d+)", output("waiting"))
    assert receive
    assert "99% of the parcels arrive" in PAGE
    assert "93.3% receive their parcel" in PAGE
    assert re.search(r"receive\s+1915\s+1787\s+128 0\.9332", output("plot_funnel"))


def test_the_verdicts_of_the_page_are_those_of_the_notebook() -> None:
    """Waiting and the product go along; most lost is not most revenue; segments differ; few open leads convert."""
    verdict = re.findall(
        r"(browse|confirm|pay|receive).*?(holds|does not hold|not enough data)\s*$", output("next_orders"), re.M
    )
    assert ("confirm", "holds") in verdict
    assert output("by_wait").rstrip().endswith("holds")
    figures = {row[0]: row for row in rows()}
    (most,) = [name for name in figures if "where most are lost" in name]
    (dear,) = [name for name in figures if name.startswith("Lost before")]
    assert "review" in most
    assert "browse" in dear
    assert "Ask what **short_video** customers expected" in shown("decision")
    conversions, late = figures["Conversions of open leads in the next 90 days"], figures["Open leads overdue"]
    assert int(conversions[3].split()[0]) < 0.1 * int(late[4])
    assert (
        "first holds for waiting and for the product, the second and the fourth do not, and neither does the third"
        in PAGE
    )


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(?:opskit\.loyalty\.journey\.)?([a-z_]+)(?:\([^`]*\))?`", PAGE)))
)
def test_every_function_named_exists(name: str) -> None:
    words = {"events", "customer_id", "event", "occurred_at", "orders", "customers", "surveys", "csat", "nps", "leads"}
    if name in words | {"lead_id", "stage", "entered_at", "channel", "value"}:
        return
    assert hasattr(journey, name)
