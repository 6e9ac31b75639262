"""What playbook pages say is what the stored notebooks and the package say."""

import json
import re
from pathlib import Path

import pytest

from opskit import customers, data_health, overview

ROOT = Path(__file__).parents[1]
PAGES = {"overview": overview, "data_health": data_health}


def text(name: str) -> str:
    return (ROOT / "playbook" / f"{name}.md").read_text(encoding="utf-8")


def headline(name: str) -> list[list[str]]:
    """Rows of the stored headline, cell by cell, its head first."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    (shown,) = [
        "".join(output["data"]["text/plain"])
        for cell in cells
        if "headline" in cell["metadata"].get("tags", [])
        for output in cell["outputs"]
        if "text/html" in output.get("data", {})
    ]
    return [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_shows_the_headline_of_the_notebook(name: str) -> None:
    rows = headline(name)
    assert len(rows) > 5
    page = text(name).splitlines()
    start = page.index("| " + " | ".join(rows[0]) + " |")
    assert page[start + 2 : start + 1 + len(rows)] == ["| " + " | ".join(row) + " |" for row in rows[1:]]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("overview", "Revenue share of the best 20%"),
        ("data_health", "Customer files up to date"),
        ("data_health", "Customer files with an order"),
    ],
)
def test_figures_repeated_in_the_text_are_those_of_the_table(name: str, figure: str) -> None:
    (value,) = [row[1] for row in headline(name) if row[0] == figure]
    claims = text(name).split("## Rules of thumb")[1].split("## Run it")[0]
    assert value in claims


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1] for name in PAGES for row in headline(name)}
    assert 0.7 < 1 - float(value["Active within one natural interval"].rstrip("%")) / 100 < 0.8  # three in four
    assert 0.2 < 1 - float(value["Customer files complete"].rstrip("%")) / 100 < 0.28  # about one file in four
    used, read = (int(headline("data_health")[1][i].removesuffix(" rows").replace(",", "")) for i in (1, 4))
    assert read - used == 593
    assert "the 593 rows left out" in text("data_health")
    low, high = headline("overview")[-1][2:4]
    assert float(high.rstrip("%")) < 80  # "interval and all below 80%"
    assert float(low.rstrip("%")) > 0


@pytest.mark.parametrize("name", PAGES)
def test_every_function_named_exists(name: str) -> None:
    steps = text(name).split("## Steps")[1].split("## How to read")[0]
    named = re.findall(r"`(?:opskit\.\w+\.)?([a-z_]+)`", steps)
    assert len(named) > 5
    assert [one for one in named if not hasattr(PAGES[name], one) and not hasattr(customers, one)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "playbook").rglob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_every_part(name: str) -> None:
    parts = ["When to reach", "The idea", "What you need", "Steps", "How to read", "Decision table", "When it lies"]
    heads = re.findall(r"^## (.*)$", text(name), flags=re.MULTILINE)
    for part, head in zip([*parts, "Rules of thumb", "Run it", "Sources"], heads, strict=True):
        assert head.startswith(part)
