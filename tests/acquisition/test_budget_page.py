"""What the chapter says of the figures is true, the shop tells its truth, and the page runs on a user's own tables."""

import datetime as dt
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import running
from stored import Stored

import opskit
from opskit.acquisition import budget
from opskit.reports import execution

PAGE = "acquisition/budget"
STORED = Stored(PAGE)
SPECIAL = "06-18, 11-11, 2024-02-10, 2025-01-29"
PAID = ("influencer", "search_ads", "short_video")

ran = partial(running.ran, PAGE)
value = STORED.value


@pytest.fixture(scope="module")
def shop() -> tuple[budget.Series, budget.Curves, budget.Incremental, pd.DataFrame]:
    ds = opskit.open("shop")
    tables = budget.tables(ds)
    found = budget.series(ds.spend, tables.orders, tables.accounts, as_of=ds.as_of)
    curves = budget.curves(found)
    tests = budget.finished(tables.lift_tests, as_of=ds.as_of)
    credited = budget.credited(tests, tables.orders, tables.accounts, as_of=ds.as_of)
    extra = budget.incremental(found, curves, credited, special_days=SPECIAL)
    return found, curves, extra, budget.beside_truth(curves, extra, ds.truth)


def test_the_shop_tells_its_truth(shop: tuple[Any, ...]) -> None:
    """|estimate - truth| <= 4 standard errors, and an interval that says something."""
    found, curves, extra, truth = shop
    assert set(curves.channels) == set(PAID)
    assert len(truth) == 9
    planted, derived = (opskit.open("shop").truth[part] for part in ("planted", "derived"))
    for _, row in truth.iterrows():
        figure, channel = row["figure"].split(", ")
        spec = {
            "carry-over": planted[f"carry_over.{channel}"],
            "elasticity at average spend": derived[f"elasticity.{channel}"],
            "share that is extra": planted[f"incremental_share.{channel}"],
        }[figure]
        assert row["truth"] == pytest.approx(spec["value"], rel=1e-5)  # truth.json keeps six digits
        assert row["high"] - row["low"] <= spec["max_interval_width"], row["figure"]
        error = (row["high"] - row["low"]) / (2 * 1.96)
        if row["figure"] == "carry-over, search_ads":
            error *= 2  # cut off at 0, which is the truth
        assert abs(row["estimate"] - row["truth"]) <= 4 * error, row["figure"]
    derived = opskit.open("shop").truth["derived"]
    table = extra.table.set_index("channel")
    for name in PAID:
        share = table.loc[name, ["extra", "extra_low", "extra_high"]].to_numpy(float) / found.total.sum()
        assert abs(share[0] - derived[f"incremental_signups.{name}"]["value"]) <= 4 * (share[2] - share[1]) / (2 * 1.96)
        assert share[2] - share[1] < 0.15


def test_lift_tests_sharpen_what_the_total_says(shop: tuple[Any, ...]) -> None:
    table = shop[2].table.set_index("channel")
    width = {key: table[f"{key}_high"] - table[f"{key}_low"] for key in ("by_total", "share")}
    assert (
        width["share"][["search_ads", "short_video"]] < 0.75 * width["by_total"][["search_ads", "short_video"]]
    ).all()
    assert table["by_tests"].isna().to_dict() == {"influencer": True, "search_ads": False, "short_video": False}


def test_what_the_text_says_of_the_figures_is_true(shop: tuple[Any, ...]) -> None:
    _, curves, extra, _ = shop
    costs = budget.costs(curves, extra).set_index("channel")
    times = costs["extra_marginal"] / costs["extra_average"]
    assert costs["average"].idxmin() == costs["extra_average"].idxmin() == "short_video"
    assert 2.5 < times["short_video"] < 2.8  # "dearer than two and a half average ones"
    assert times["influencer"] < 1.25  # "costs little more"
    assert list(costs["extra_average"].sort_values().index) != list(costs["extra_marginal"].sort_values().index)
    chance = budget.allocate(curves, extra).chance
    assert 0.6 < chance < 0.73  # "in about a third ... would lose"
    table = curves.table.set_index("channel")
    assert (table["elasticity_high"] < 0.999).sum() == (table["carry_over_low"] > 0).sum() == 2
    assert (extra.table["share_low"] > 0.5).tolist() == [name == "short_video" for name in extra.table["channel"]]
    _, low, high = value("Extra sign-ups in 30 days by the best split of the same total")
    assert low < 0 < high
    (decided,) = STORED.shown("decision", "text/markdown")
    assert decided.startswith("- **Do not move the money; test first.**")
    assert "Leave **referral** out" in decided


# --- a user's own data ---


def texts(outcome: execution.Outcome) -> str:
    return " ".join(json.dumps(cell.get("outputs", []), ensure_ascii=False) for cell in outcome.notebook.cells)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chinese headers; spend and customers with a date of sign-up and no channel; a year."""
    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", "2024-12-29")
    money = 500 * np.repeat(rng.choice([0.3, 0.8, 1.2, 1.7], len(days) // 7 + 1), 7)[: len(days)]
    came = rng.poisson(30 + 40 * budget.saturation(budget.adstock(money / money.mean(), 0.3), 0.5))
    spend = pd.DataFrame({"日期": days.strftime("%Y-%m-%d"), "渠道": "短视频", "花费": money})
    spend.to_csv(folder / "spend.csv", index=False)
    joined = days.repeat(came).strftime("%Y-%m-%d %H:%M:%S")
    ids = [f"u{number}" for number in range(len(joined))]
    pd.DataFrame({"客户ID": ids, "注册时间": joined}).to_csv(folder / "customers.csv", index=False)
    return folder


def test_spend_and_dates_of_sign_up_are_enough(export: Path) -> None:
    outcome = ran(data=str(export), as_of="2024-12-29", special_days="")
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    assert figures["Channels whose response is identified"]["value"] == 1
    assert "Cost of the next credited sign-up, 短视频" in figures
    assert "only their total can tell" in texts(outcome)
    assert "fewer than two channels" in texts(outcome)


@pytest.mark.slow
def test_spend_and_orders_are_enough(export: Path, tmp_path: Path) -> None:
    pd.read_csv(export / "spend.csv").to_csv(tmp_path / "spend.csv", index=False)
    accounts = pd.read_csv(export / "customers.csv")
    orders = pd.DataFrame({"买家": accounts["客户ID"], "订单付款时间": accounts["注册时间"], "实收金额": 10.0})
    orders.to_csv(tmp_path / "orders.csv", index=False)
    outcome = ran(data=str(tmp_path), special_days="")
    assert outcome.status == "ok", outcome.reason
    assert outcome.headline[1]["name"] == "First orders in the period"


def test_cdnow_has_no_spend() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table spend" in outcome.reason


@pytest.mark.slow
def test_a_missing_table_and_too_short_a_series_are_one_sentence(export: Path, tmp_path: Path) -> None:
    outcome = ran(data=str(export), as_of="2024-04-30")
    assert outcome.status == "skipped"
    assert "121 days; a response curve needs 182 at least" in outcome.reason
    pd.read_csv(export / "spend.csv").to_csv(tmp_path / "spend.csv", index=False)
    outcome = ran(data=str(tmp_path), as_of="2024-12-29")
    assert outcome.status == "skipped", outcome.reason
    assert "tells neither when customers signed up nor when they ordered" in outcome.reason


def test_a_reward_for_a_sign_up_is_no_response_of_first_orders() -> None:
    ds = opskit.open("shop")
    found = budget.series(ds.spend, ds.orders, ds.customers, as_of=ds.as_of, outcome=budget.FIRST_ORDERS)
    assert found.paid_per_outcome == ("referral",)
    assert "referral" not in budget.curves(found).channels


def test_an_earlier_day_sees_an_earlier_shop() -> None:
    ds = opskit.open("shop", as_of="2025-06-30")
    tables = budget.tables(ds)
    found = budget.series(ds.spend, tables.orders, tables.accounts, as_of=ds.as_of)
    assert found.day[-1].item() == dt.date(2025, 6, 30)
    assert set(budget.finished(tables.lift_tests, as_of=ds.as_of)["channel"]) == {"short_video"}
