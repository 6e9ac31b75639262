"""Market size over ranges, the worksheet it comes from, and the test for a change."""

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opskit
from opskit import contract
from opskit.errors import OpskitError, TooLittleDataError
from opskit.target_users import market

SHEET = pd.DataFrame(
    [
        ("A", "people", 80.0, 100.0, 140.0, "total", "people", "census"),
        ("A", "price", 4.0, 5.0, 8.0, "total", "CNY", ""),
        ("A", "online", 0.2, 0.3, 0.5, "serviceable", "share", ""),
        ("A", "ours", 0.01, 0.02, 0.05, "obtainable", "share", "guess"),
        ("B", "people", 10.0, 10.0, 10.0, "total", "people", ""),
    ],
    columns=["market", "factor", "low", "likely", "high", "layer", "unit", "source"],
)

# --- the worksheet ---


def test_a_worksheet_goes_through_excel_and_comes_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "market.xlsx"
    contract.write_template(["market_ranges"], path)
    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book["market_ranges"][1]] == list(contract.table("market_ranges").columns)
    for row in SHEET.itertuples(index=False):
        book["market_ranges"].append([value if value != "" else None for value in row])
    book.save(path)
    ds = opskit.open(path, as_of="2025-12-31")
    assert ds.tables == ("market_ranges",)
    assert ds.check().empty
    pd.testing.assert_frame_equal(market.factors(ds.market_ranges), market.factors(SHEET))


def test_a_worksheet_in_chinese_with_percents_is_read(tmp_path: Path) -> None:
    text = '市场,因素,最低,最可能,最高,层级,单位,来源\n奶粉,家庭数,"8,000",10000,１２０００,total,户,年鉴\n奶粉,线上占比,20%,３０％,0.5,serviceable,占比,\n'
    (tmp_path / "市场规模.csv").write_bytes(text.encode("gb18030"))
    ds = opskit.open(tmp_path, as_of="2025-12-31", engine="pandas")
    assert market.factors(ds.market_ranges)[["low", "likely", "high"]].values.tolist() == [
        [8000, 10000, 12000],
        [0.2, 0.3, 0.5],
    ]


def test_one_unreadable_row_makes_the_worksheet_unreadable(tmp_path: Path) -> None:
    (tmp_path / "market_ranges.csv").write_text(
        "market,factor,low,likely,high\nA,people,1,2,3\nA,share,0.1,about 0.2,0.3\n"
    )
    ds = opskit.open(tmp_path, as_of="2025-12-31")
    with pytest.raises(
        OpskitError, match=r"worksheet whose rows are read together, and 1 cannot be: likely unreadable \(about 0.2\)"
    ):
        _ = ds.market_ranges
    assert ds.check()["rule"].tolist() == ["cannot be read"]


def test_no_filter_and_no_day_touches_a_worksheet() -> None:
    orders = pd.DataFrame(
        {"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01", "2025-03-01"]), "revenue": 1.0}
    )
    frames = {"orders": orders.assign(market=["A", "C"]), "market_ranges": SHEET, "spend": None}
    frames["spend"] = pd.DataFrame({"date": [pd.Timestamp("2025-01-01")], "channel": ["x"], "spend": [1.0]})
    ds = opskit.open(frames, as_of="2025-01-15", where="market=A")
    assert ds.tables == ("orders", "market_ranges"), "spend cannot be filtered and is absent; a worksheet stays"
    assert ds.used("market_ranges")["rows_used"].tolist() == [len(SHEET)]


def test_the_contract_checks_the_order_of_the_three_numbers() -> None:
    wrong = contract.violations({"market_ranges": SHEET.assign(likely=[100.0, 9, 0.3, 0.02, 10])})
    assert wrong[["column", "rule", "rows"]].values.tolist() == [["high", "below likely", 1]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"likely": 200.0}, "low 80, likely 200, high 140; low <= likely <= high must hold"),
        ({"low": -1.0}, "low == -1.0, must be >= 0"),
        ({"high": float("nan")}, "high == nan, must be a number"),
        ({"layer": "whole"}, "layer == 'whole', must be one of 'total', 'serviceable', 'obtainable'"),
        ({"unit": "%"}, "reaches 140, but its unit is '%', so it must be <= 1"),
        ({"layer": "serviceable"}, "is a part, so it must be <= 1"),
        ({"factor": "price"}, "has 'price' of 'A' twice"),
    ],
)
def test_a_worksheet_that_cannot_be_meant_so_is_refused(changed: dict[str, object], message: str) -> None:
    sheet = SHEET.astype(object)
    for column, value in changed.items():
        sheet.loc[0, column] = value
    with pytest.raises(OpskitError) as refused:
        market.factors(sheet.astype(SHEET.dtypes))
    assert message in str(refused.value)


def test_a_part_needs_a_whole() -> None:
    with pytest.raises(OpskitError, match="no factor of 'A' in layer 'total'"):
        market.factors(SHEET.iloc[2:4])


def test_any_engine_gives_the_same_sizes(engine) -> None:
    few = {"simulations": 200}
    pd.testing.assert_frame_equal(market.simulate(engine(SHEET), **few).sizes, market.simulate(SHEET, **few).sizes)


# --- sizes ---


def test_parts_are_smaller_than_wholes_and_certain_factors_are_certain() -> None:
    found = market.simulate(SHEET)
    draws = found.draws["A"]
    assert (draws["obtainable"] < draws["serviceable"]).all()
    assert (draws["serviceable"] < draws["total"]).all()
    (certain,) = found.sizes[found.sizes["market"] == "B"][["likely_product", "median", "low", "high"]].values.tolist()
    assert certain == [10] * 4


@pytest.mark.parametrize(
    ("distribution", "mean", "variance"),
    [
        # beta-PERT: mean (low + 4 likely + high) / 6, variance (mean - low)(high - mean) / 7 (Vose 2008)
        ("pert", 620 / 6, (620 / 6 - 80) * (140 - 620 / 6) / 7),
        # triangular: mean of the three, variance (a2 + b2 + c2 - ab - ac - bc) / 18
        ("triangular", 320 / 3, (80**2 + 100**2 + 140**2 - 80 * 100 - 80 * 140 - 100 * 140) / 18),
    ],
)
def test_a_factor_is_drawn_from_the_distribution_that_is_named(distribution: str, mean: float, variance: float) -> None:
    drawn = market.simulate(SHEET.iloc[:1], distribution=distribution, simulations=200_000).draws["A", "total"]
    assert drawn.mean() == pytest.approx(mean, abs=4 * (variance / 200_000) ** 0.5)
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert drawn.between(80, 140).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=5))
def test_the_doubt_is_divided_exactly(factors: list[tuple[float, float, float]]) -> None:
    rows = [("M", f"f{at}", low, low + up, low + up + more) for at, (low, up, more) in enumerate(factors)]
    found = market.simulate(
        pd.DataFrame(rows, columns=["market", "factor", "low", "likely", "high"]), simulations=500, correlation=0.2
    )
    size = found.sizes.iloc[0]
    assert size["low"] <= size["median"] <= size["high"]
    doubt = found.tornado["variance_share"].sum()
    assert doubt == pytest.approx(1) or (size["high"] - size["low"]) <= 1e-9 * size["high"]
    assert found.tornado["swing"].is_monotonic_decreasing


def test_the_doubt_of_a_log_size_is_shared_by_its_variances() -> None:
    """Two factors whose logs have variances v and 4 v, nearly: 20% and 80%."""
    sheet = pd.DataFrame(
        {"market": "M", "factor": ["calm", "wild"], "low": [99, 98], "likely": 100, "high": [101, 102]}
    )
    share = market.simulate(sheet).tornado.set_index("factor")["variance_share"]
    assert share["wild"] == pytest.approx(0.8, abs=0.01)


def test_a_new_factor_leaves_the_draws_of_the_others_alone() -> None:
    with_price, alone = (market.simulate(SHEET.iloc[:rows]) for rows in (2, 1))
    columns = ["factor", "factor_low", "factor_high"]
    kept = with_price.tornado.loc[with_price.tornado["factor"] == "people", columns]
    assert kept.values.tolist() == alone.tornado[columns].values.tolist()


def test_optimism_about_all_factors_and_wider_limits_widen_the_size() -> None:
    table = market.alternatives(SHEET, "A").set_index("reading")
    width = table["high"] - table["low"]
    assert (width.drop("as the page reads them") > width["as the page reads them"]).all()
    assert width["limits twice as far"] > width["limits half as far again"]


def test_odds_of_the_right_size() -> None:
    found = market.simulate(SHEET)
    odds = market.fits(found, too_small=3, too_large=600).set_index("market")
    draws = found.draws["A"]
    by_hand = ((draws["obtainable"] >= 3) & (draws["total"] <= 600)).mean()
    assert odds.loc["A", "fits"] == by_hand
    assert odds.loc["B", ["too_small", "too_large", "fits"]].tolist() == [0, 0, 1]
    assert market.fits(found, too_small=11, too_large=float("inf")).set_index("market").loc["B", "fits"] == 0
    with pytest.raises(OpskitError, match="too_large == 3, must be > 5"):
        market.fits(found, too_small=5, too_large=3)


def test_thresholds_come_from_the_business_where_nobody_gives_them() -> None:
    days = pd.to_datetime(["2024-12-31", "2025-01-01", "2025-12-31"])
    orders = pd.DataFrame(
        {"customer_id": ["a"] * 3, "ordered_at": days, "revenue": [1.0, 20, 30], "refund": [0.0, 5, 0]}
    )
    when = {"as_of": pd.Timestamp("2025-12-31").date()}
    assert market.thresholds(orders, **when)[:2] == (45, 45_000)
    assert market.thresholds(orders, **when, too_small=7, too_large=9)[:2] == (7, 9)
    assert market.thresholds(**when)[:2] == (0, float("inf"))


# --- a change ---


def series(level: float, growth: float, months: int, *, at: int = 0, jump: float = 0, seed: int = 0) -> np.ndarray:
    month = np.arange(months)
    return np.random.default_rng(seed).poisson(level * np.exp(growth * month) * np.where(month >= at, 1 + jump, 1))


@pytest.mark.parametrize("at", [6, 12, 18])
@pytest.mark.parametrize("jump", [-0.5, 0.8])
def test_a_large_change_is_found_in_its_month(at: int, jump: float) -> None:
    row = market.change(series(200, 0.02, 24, at=at, jump=jump)).found.iloc[0]
    assert row["place"] == at
    assert row["p"] < 0.02
    assert row["level_low"] < jump < row["level_high"]


def test_no_change_is_found_in_steady_growth() -> None:
    found = [market.change(series(200, 0.02, 24, seed=seed), simulations=200).found["p"].iloc[0] for seed in range(30)]
    assert np.mean(np.array(found) <= 0.05) <= 0.1
    assert np.mean(found) > 0.3


def test_the_largest_statistic_is_tested_not_the_only_one() -> None:
    """At a month known beforehand F(2, 20) passes 3.49 in 5% of series; searched for, the bar is much higher."""
    found = market.change(series(200, 0.02, 24))
    assert found.by_place["critical"].iloc[0] > 5
    assert found.found["F"].iloc[0] == found.by_place["F"].max()


def test_three_years_have_a_season() -> None:
    season = np.tile([1, 1, 1, 1, 1, 1.8, 1, 1, 1, 1, 2.5, 1], 3)
    counts = np.random.default_rng(1).poisson(100 * season)
    found = market.change(counts)
    assert found.found["seasonal"].iloc[0]
    assert found.found["p"].iloc[0] > 0.05
    assert found.course["without"].iloc[10] > 2 * found.course["without"].iloc[9]


def test_growth_is_that_of_the_series() -> None:
    row = market.growth(series(300, np.log(1.05), 30)).iloc[0]
    assert row["low"] < 0.05 < row["high"]
    assert row["high"] - row["low"] < 0.01
    assert market.growth([1] * 11).iloc[0][["estimate", "low", "high"]].isna().all()


def test_too_short_or_too_empty_a_series_is_told() -> None:
    for counts in ([5] * 11, [0] * 20):
        with pytest.raises(TooLittleDataError, match="12 whole months"):
            market.change(counts)
    row = market.change([7] * 20).found.iloc[0]
    assert row["p"] > 0.5
    assert row["level_change"] == pytest.approx(0, abs=1e-6)
