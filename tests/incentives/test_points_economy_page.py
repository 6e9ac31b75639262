"""What the chapter says of the figures is true, and the page runs on a user's own ledger and says what is missing."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from running import prose, shown
from stored import Stored

PAGE = "incentives/points_economy"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)
value = STORED.value


def test_what_the_text_says_of_the_figures_is_true() -> None:
    assert value("Ultimate redemption rate")[0] > 50  # "more than half"
    assert f"the totals say {value('Redeemed so far over earned so far')[0]:.0f}%" in STORED.words
    assert f"would cost {value('Outstanding, at full value')[0]:,.0f} if all" in STORED.words
    expected, closing = value("Outstanding, expected to be redeemed")[0], value("Liability for points, closing")[0]
    assert f"about {round(expected, -1):,.0f} is to be expected" in STORED.words
    assert expected < closing < 1.1 * expected  # "a little higher"
    assert value("Cost of a year's points, of revenue")[2] < 0.5  # "less than half a percent"
    low, high = value("Change of it against the 12 months before")[1:]
    assert low < 0 < high  # "keep their pace"
    told = " ".join(STORED.shown("decision", "text/markdown"))
    forgot, suspects = re.findall(r"for (\d+) customers it posted|look at (\d+) accounts", told)
    assert (
        f"forgot to let points of {forgot[0]} customers lapse. {suspects[1]} accounts are worth a look" in STORED.words
    )


def test_the_verdicts_of_the_chapter_are_those_of_the_notebook() -> None:
    verdicts = re.findall(r"does not hold|not enough data|holds", STORED.shown("points_economy.claims(")[0])
    assert verdicts == ["not enough data", "holds", "not enough data"]
    assert "the first and the third cannot be told, and the second holds" in STORED.words


def ledger_in_chinese(path: Path, *, customers: int = 60, signed: bool = False, dates: bool = False) -> Path:
    """A user's export of a points ledger: four columns, Chinese headers and words, GB18030."""
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(customers):
        balance, day = 0, int(rng.integers(0, 200))
        while day < 365:
            kind = str(
                rng.choice(["获得", "获得", "获得", "消耗", "过期", "退回"], p=[0.3, 0.3, 0.2, 0.12, 0.05, 0.03])
            )
            points = int(rng.integers(1, 20)) * 10
            points = points if kind == "获得" else min(points, balance)
            balance += points if kind == "获得" else -points
            if points:
                rows.append((f"客户{customer:03d}", day + rng.uniform(8, 22) / 24, points, kind))
            day += int(rng.exponential(20)) + 1
    table = pd.DataFrame(rows, columns=["客户编号", "时间", "积分", "类型"])
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(table["时间"], unit="D")
    table["时间"] = when.dt.strftime("%Y/%m/%d" if dates else "%Y/%m/%d %H:%M")
    if signed:
        table["积分"] = table["积分"].where(table["类型"] == "获得", -table["积分"])
    table.to_csv(path, index=False, encoding="gb18030")
    return path


@pytest.fixture(scope="module")
def ledger_only(tmp_path_factory: pytest.TempPathFactory):
    return ran(data=ledger_in_chinese(tmp_path_factory.mktemp("plain") / "积分流水.csv"))


def test_a_points_ledger_in_chinese_is_enough(ledger_only: object) -> None:
    assert ledger_only.status == "ok", ledger_only.reason
    text = shown(ledger_only)
    assert "expiry: as posted" in text
    assert "What a point buys is not known" in text
    assert "No orders: cost and inflation are not known." in text
    names = {row["name"] for row in ledger_only.headline}
    assert "Points outstanding" in names
    assert "Ultimate redemption rate" not in names, "nothing says when points lapse"
    assert not names & {"Liability for points, closing", "Cost of a year's points, of revenue"}
    assert "Do not book breakage yet" in prose(ledger_only)
    assert not re.search(r"\bnan\b|\binf\b", prose(ledger_only))


def test_signed_uses_give_the_same_figures(tmp_path: Path, ledger_only: object) -> None:
    from opskit import open as open_dataset
    from opskit.incentives import points_economy

    ds = open_dataset(ledger_in_chinese(tmp_path / "积分.csv", signed=True))
    found = points_economy.ledger(ds.points, as_of=ds.as_of)
    headline = {row["name"]: row["value"] for row in ledger_only.headline}
    assert headline["Points outstanding"] == float(f"{found.totals['outstanding']:.3g}")
    assert headline["Points earned"] == float(f"{found.totals['earned']:.3g}")
    assert found.totals[["redeemed", "expired", "reversed"]].gt(0).all()
    assert found.handled["postings"].sum() == 0


def test_cdnow_has_no_points() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table points (one row per ledger posting)" in outcome.reason


def test_a_worksheet_of_rules_goes_through_excel_and_comes_back(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    import opskit
    from opskit.contract.template import write_template
    from opskit.incentives import points_economy

    write_template(["point_rules"], tmp_path / "point_rules.xlsx")
    book = load_workbook(tmp_path / "point_rules.xlsx")
    sheet = book["point_rules"]
    for row in (
        ("签到", "每日上限", 2, None, "客户"),
        ("评价", "重复不计", None, 30, "对象"),
        ("邀请", "仅首次", None, None, None),
    ):
        sheet.append(row)
    del book["dictionary"]
    book.save(tmp_path / "point_rules.xlsx")
    ledger_in_chinese(tmp_path / "积分.csv", customers=5)
    ds = opskit.open(tmp_path)
    assert "point_rules" in ds.tables
    rules = points_economy.given_rules(ds.point_rules)
    assert rules["rule"].tolist() == ["ignore_repeats", "first_only", "daily_cap"]
    assert rules[["behaviour", "at_most", "per"]].iloc[2].tolist() == ["签到", 2.0, "customer"]
    assert rules[["minutes", "per"]].iloc[0].tolist() == [30.0, "object"]


def test_the_value_of_a_point_stands_in_opskit_toml(tmp_path: Path) -> None:
    import opskit
    from opskit.errors import OpskitError

    ledger_in_chinese(tmp_path / "points.csv", customers=5)
    text = '[tables.points]\nsource = "points.csv"\n'
    (tmp_path / "opskit.toml").write_text(f"point_value = 0.05\n{text}", encoding="utf-8")
    assert opskit.open(tmp_path).point_value == 0.05
    (tmp_path / "opskit.toml").write_text(f"point_value = -1\n{text}", encoding="utf-8")
    with pytest.raises(OpskitError, match="point_value == -1"):
        opskit.open(tmp_path)
    (tmp_path / "opskit.toml").write_text(text, encoding="utf-8")
    assert opskit.open(tmp_path).point_value == 0


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 2, 8])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    path = ledger_in_chinese(tmp_path / "积分.csv", customers=customers, signed=True, dates=True)
    outcome = ran(data=path, point_value=0.01, validity_days=90)
    assert outcome.status == "ok", outcome.reason
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"where": "region=North"}, {"as_of": "2024-05-15", "confidence": 0.8, "expiry": "posted"}]
)
def test_it_runs_on_a_part_of_the_shop(given: dict[str, object]) -> None:
    outcome = ran(**given)
    assert outcome.status == "ok", outcome.reason
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))
