"""Every page run with other parameters, its headline read back and held to what must be true of any data."""

import json
import math
from pathlib import Path

import pytest
from running import ran

from opskit.reports.pages import Page, pages

PAGES = list(pages().values())
pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def stored(page: Page):
    for cell in json.loads(Path(page.path).read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if "application/json" in output.get("data", {}):
                return {row["name"]: row for row in output["data"]["application/json"]["headline"]}
    raise AssertionError(f"{page.name} stores no headline")


def check_invariants(figures):
    assert figures
    assert len({row["name"] for row in figures}) == len(figures)
    for row in figures:
        value, low, high = row["value"], row["low"], row["high"]
        assert isinstance(row["n"], int), row
        assert row["n"] > 0 or value is None, row
        assert (low is None) == (high is None), row
        for number in (value, low, high):
            assert number is None or math.isfinite(number), row
        if low is not None:
            assert value is not None, row
            assert low <= value <= high, row
        if row["unit"] == "share":
            assert all(0 <= number <= 1 for number in (value, low, high) if number is not None), row


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"data": "cdnow"}, marks=pytest.mark.slow),  # README's first command runs it too
        pytest.param({"data": "cdnow", "as_of": "1997-09-30", "confidence": 0.8}, marks=pytest.mark.slow),
        pytest.param({"as_of": "2025-06-30", "seed": 11}, marks=pytest.mark.slow),
        pytest.param({"where": "region=North"}, marks=pytest.mark.slow),
    ],
    ids=lambda given: "-".join(map(str, given.values())),
)
def test_the_page_holds_for_other_data(page, given):
    outcome = ran(page, **given)
    if outcome.status == "skipped":
        assert set(page.tables) - {"orders"}, f"only needs orders, yet skipped: {outcome.reason}"
        return
    assert outcome.status == "ok", outcome.reason
    check_invariants(outcome.headline)
    if "as_of" in given:
        assert outcome.facts["as_of"] == given["as_of"]


@pytest.mark.slow
def test_less_confidence_is_a_narrower_interval_around_the_same_value(page):
    outcome, before = ran(page, confidence=0.8), stored(page)
    assert outcome.status == "ok", outcome.reason
    check_invariants(outcome.headline)
    assert {row["name"] for row in outcome.headline} == set(before)
    for row in outcome.headline:
        old = before[row["name"]]
        assert (
            row["value"] == pytest.approx(old["value"], rel=1e-6) if row["value"] is not None else old["value"] is None
        )
        if row["low"] is not None and old["high"] > old["low"]:
            assert old["low"] <= row["low"], row
            assert row["high"] <= old["high"], row
            assert row["high"] - row["low"] < old["high"] - old["low"], row


def test_an_as_of_before_the_first_row_is_told_and_not_reported(page):
    outcome = ran(page, as_of="1990-01-01")
    errors = [o.ename for cell in outcome.notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert errors in (["OpskitError"], ["MissingTableError"]), outcome.reason
