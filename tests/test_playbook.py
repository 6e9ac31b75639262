"""What playbook pages say is what the stored notebooks and the package say."""

import importlib
import re
from pathlib import Path

import pytest
from stored import PAGES, ROOT, Stored

from opskit import contract, customers, features, stats

PARTS = ("When to reach", "The idea", "What you need", "Steps", "How to read", "Decision table", "When it lies")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_the_headline_of_the_notebook(page: str) -> None:
    stored = Stored(page)
    rows, lines = stored.headline, stored.chapter.splitlines()
    assert len(rows) > 5
    start = lines.index("| " + " | ".join(rows[0]) + " |")
    assert lines[start + 2 : start + 1 + len(rows)] == ["| " + " | ".join(row) + " |" for row in rows[1:]]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_every_part(page: str) -> None:
    heads = re.findall(r"^## (.*)$", Stored(page).chapter, flags=re.MULTILINE)
    for part, head in zip([*PARTS, "Rules of thumb", "Run it", "Sources"], heads, strict=True):
        assert head.startswith(part)


@pytest.mark.parametrize("page", PAGES)
def test_every_function_named_in_the_steps_exists(page: str) -> None:
    module = importlib.import_module("opskit." + page.replace("/", "."))
    words = {word for name, table in contract.tables().items() for word in (name, *table.columns)}
    named = re.findall(r"`(?:opskit\.[a-z_.]*\.)?([A-Za-z_]+)(?:\([^`]*\))?`", Stored(page).section("Steps"))
    assert len(named) > 5
    rooms = (module, customers, features, stats)
    assert [one for one in named if one not in words and not any(hasattr(room, one) for room in rooms)] == []


@pytest.mark.parametrize(
    ("page", "figure"),
    [
        ("overview", "Revenue share of the best 20%"),
        ("data_health", "Customer files up to date"),
        ("data_health", "Customer files with an order"),
    ],
)
def test_figures_repeated_in_the_text_are_those_of_the_table(page: str, figure: str) -> None:
    (value,) = [row[1] for row in Stored(page).headline if row[0] == figure]
    assert value in Stored(page).section("Rules of thumb")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    overview, health = Stored("overview").headline, Stored("data_health").headline
    value = {row[0]: row[1] for row in overview + health}
    assert 0.7 < 1 - float(value["Active within one natural interval"].rstrip("%")) / 100 < 0.8  # three in four
    assert 0.2 < 1 - float(value["Customer files complete"].rstrip("%")) / 100 < 0.28  # about one file in four
    used, read = (int(health[1][i].removesuffix(" rows").replace(",", "")) for i in (1, 4))
    assert read - used == 593
    assert "the 593 rows left out" in Stored("data_health").chapter
    low, high = overview[-1][2:4]
    assert float(high.rstrip("%")) < 80  # "interval and all below 80%"
    assert float(low.rstrip("%")) > 0


@pytest.mark.parametrize("path", sorted((ROOT / "playbook").rglob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []
