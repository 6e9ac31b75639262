"""The chapter on markets says what the stored notebook says, and the page runs on what people have."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from exports import orders_in_chinese
from stored import Stored

STORED = Stored("target_users/market")
SHEET = "市场,因素,最低,最可能,最高,层级\n奶粉,家庭数,8000,10000,12000,total\n奶粉,年消费,600,900,1500,total\n奶粉,可争取占比,1%,2%,5%,obtainable\n"

ran = partial(running.ran, "target_users/market")


def names(outcome) -> set[str]:
    return {row["name"] for row in outcome.headline if row["value"] is not None}


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    assert f"of the right size with odds of {value['infant_nutrition: odds of the right size'][0]}" in words
    for market in ("early_toys", "maternity_care"):
        assert float(value[f"{market}: odds of the right size"][0].rstrip("%")) < 10  # "odds of nine in ten"
    assert f"Newcomers grow by {value['Growth of the newcomers a month'][0]} a month" in words
    assert f"{value['Odds of as large a change by chance'][0]} of series without a change" in words
    assert value["All who ever come"][0] == "–"
    doubt = float(re.search(r"winnable_share .* (0\.\d+)", STORED.shown("told[")[0])[1])
    assert f"{100 * doubt:.1f}% is in one factor" in words
    likeliest = pd.Timestamp(re.search(r"\d{4}-\d\d-\d\d", STORED.shown("market.change(")[0])[0])
    assert f"The likeliest change, in {likeliest:%B %Y}," in words


def test_what_the_text_says_of_the_curve_is_true() -> None:
    (curve,) = [text for text in STORED.shown("market.Bass()") if "adopted" in text and "estimate" in text]
    low, high = re.search(r" m\s+\S+\s+(\S+)\s+(\S+)", curve).groups()
    assert f"anywhere between the {low} who are there and {high}" in STORED.words.replace("441,700,", "441,700")
    (errors,) = STORED.shown("market.forecast_check(")
    error = {
        name: float(re.search(rf"{name}\s+(\S+)", errors)[1])
        for name in ("growth goes on", "Bass curve", "months go on")
    }
    for told, name in (
        ("off by {}", "growth goes on"),
        ("the curve by {}", "Bass curve"),
        ("three months by {}", "months go on"),
    ):
        assert told.format(f"{100 * error[name]:.3g}%") in STORED.words


def test_the_verdicts_of_the_chapter_are_those_of_the_notebook() -> None:
    (truth,) = [text for text in STORED.shown("market.recovery(") if "truth" in text]
    sizes = re.findall(r"^[0-8] .*(True|False)", truth.split("inside")[1], flags=re.MULTILINE)
    assert sizes == ["True"] * 9
    assert "the intervals hold all nine" in STORED.words
    (decision,) = STORED.shown("decision", "text/markdown")
    assert "show none beyond their steady course" in decision
    assert "early and late ones bring about the same" in decision


def test_the_recorders_of_the_chapter() -> None:
    from opskit.target_users import market

    counts = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
    density, shares, weighted = (
        market.Bass(estimator=name).fit(counts) for name in ("density", "intervals", "weighted")
    )
    row = weighted.summary().set_index("figure").loc["m"]
    for model, told in ((density, "p = .00659, q = .638 and m = {}"), (shares, "p = .00879, q = .642 and m = {}")):
        p, q = re.search(r"p = (\S+), q = (\S+) ", told).groups()
        assert (model.p_, model.q_) == pytest.approx((float(p), float(q)), abs=6e-4 * model.q_)
        assert told.format(f"{round(model.m_, -1):,.0f}") in STORED.words
    assert (
        f"m = {round(weighted.m_, -1):,.0f} ({round(row['low'], -1):,.0f} to {round(row['high'], -1):,.0f})"
        in STORED.words
    )
    assert (round(weighted.p_, 5), round(weighted.q_, 3)) == (0.00808, 0.65)


def test_orders_in_chinese_and_a_worksheet_are_enough(tmp_path: Path) -> None:
    orders_in_chinese(tmp_path / "订单.csv", 300)
    (tmp_path / "市场规模.csv").write_bytes(SHEET.encode("gb18030"))
    outcome = ran(data=str(tmp_path))
    assert outcome.status == "ok", outcome.reason
    assert {"奶粉: obtainable a year", "奶粉: odds of the right size", "Customers so far"} <= names(outcome)


@pytest.mark.slow
def test_orders_alone_leave_the_size_out_and_say_so(tmp_path: Path) -> None:
    outcome = ran(data=str(orders_in_chinese(tmp_path / "orders.csv", 300)))
    assert outcome.status == "ok", outcome.reason
    assert not [name for name in names(outcome) if "right size" in name]
    assert "opskit template market_ranges --out market.xlsx" in str(outcome.notebook.cells[-2])


@pytest.mark.slow
def test_a_worksheet_alone_needs_a_day_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "市场规模.csv").write_text(SHEET, encoding="utf-8")
    outcome = ran(data=str(tmp_path), as_of="2025-12-31", too_small=100_000.0)
    assert outcome.status == "ok", outcome.reason
    assert names(outcome) == {"奶粉: obtainable a year", "奶粉: odds of the right size"}
    without = ran(data=str(tmp_path))
    assert without.status == "skipped"
    assert 'as_of = "2025-12-31"' in without.reason


@pytest.mark.slow
def test_a_fixed_set_of_customers_is_told() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "ok", outcome.reason
    assert "Nobody is new after March 1997" in str(outcome.notebook.cells)
    assert names(outcome) == {"Customers so far", *(n for n in names(outcome) if n.startswith("Value in the first"))}


@pytest.mark.slow
def test_a_broken_worksheet_is_one_sentence(tmp_path: Path) -> None:
    orders_in_chinese(tmp_path / "订单.csv", 30)
    (tmp_path / "市场规模.csv").write_text(SHEET.replace("1%,2%,5%", "1%,5%,2%"), encoding="utf-8")
    outcome = ran(data=str(tmp_path))
    assert outcome.status == "failed"
    assert "low 0.01, likely 0.05, high 0.02; low <= likely <= high must hold" in outcome.reason


@pytest.mark.slow
def test_one_customer_gives_sentences_not_numbers(tmp_path: Path) -> None:
    outcome = ran(data=str(orders_in_chinese(tmp_path / "orders.csv", 1)))
    assert outcome.status == "ok", outcome.reason
    assert "a curve of adoption" in str(outcome.notebook.cells)
