"""What the chapter says of the figures is true, and the page runs on a user's own orders and worksheet."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from exports import orders_in_chinese
from running import prose, shown
from stored import Stored

import opskit
from opskit.errors import OpskitError
from opskit.incentives import plan

PAGE = "incentives/plan"
STORED = Stored(PAGE)
NOTHING = re.compile(r"\bnan\b|\binf\b")

ran = partial(running.ran, PAGE)
value = STORED.value


def test_what_the_text_says_of_the_figures_is_true() -> None:
    naive = [int(row.split()[-1]) for row in STORED.shown("naive |=")[0].splitlines()[1:]]
    assert f"rules fit {naive[0]:,} times, but only {naive[1]:,} customers" in STORED.words
    assert naive[1] == value("Customers in a row of the plan")[0]
    assert naive[2] == value("Customers that get a message")[0]
    assert f"{naive[2]:,} get a message. One row alone" in STORED.words
    assert value("Hold-outs that can show what is hoped for")[0] == 1
    told = " ".join(STORED.shown("decision", "text/markdown"))
    assert "Change **asleep, frequent, activate**" in told
    assert "welfare stands for 4 of 6 means" in told
    assert "four of six means are welfare" in STORED.words
    flags = STORED.shown("flags.set_index")[0]
    assert len(re.findall(r"hold-out too small", flags)) == 5  # "one row alone"
    assert len(re.findall(r"does not pay|no scene", flags)) == 2  # "one would lose money, one has no scene"


def test_no_row_would_see_at_a_tenth_what_it_hopes_for() -> None:
    table = STORED.shown("plan.holdouts(")[-1]
    rows = re.findall(r"^(.*, (?:activate|trade|retain)) +([\d.]+) +([\d.]+)", table, flags=re.MULTILINE)
    assert len(rows) == 6
    assert all(float(hoped) < float(tenth) for _, hoped, tenth in rows)


def test_what_the_text_says_of_the_generator_is_true() -> None:
    known = opskit.open("shop").truth["derived"]
    frequent, others = (known[f"plan.gone.{name}"]["value"] for name in ("asleep_frequent", "asleep"))
    assert f"{frequent:.0%} of these customers have left for good" in STORED.words
    assert f"with fewer orders {others:.0%} have" in STORED.words


@pytest.fixture(scope="module")
def orders_only(tmp_path_factory: pytest.TempPathFactory):
    return ran(data=orders_in_chinese(tmp_path_factory.mktemp("plain") / "订单.csv", 250))


def test_orders_in_chinese_are_enough_for_a_start(orders_only) -> None:
    assert orders_only.status == "ok", orders_only.reason
    assert "No worksheet incentive_plan: this plan is made from the data" in shown(orders_only)
    assert "is only a start: `opskit template incentive_plan`" in prose(orders_only)
    figures = {row["name"]: row["value"] for row in orders_only.headline}
    everybody = next(row["n"] for row in orders_only.headline if row["name"] == "Customers in a row of the plan")
    assert figures["Customers in a row of the plan"] == everybody > 200
    assert figures["Customers held out"] > 20
    assert figures["Customers kept back"] == 0
    assert not NOTHING.search(prose(orders_only))


@pytest.mark.slow
def test_cdnow_gets_a_start_too() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "ok", outcome.reason
    assert "is only a start" in prose(outcome)
    assert not NOTHING.search(prose(outcome))


def test_a_chinese_worksheet_goes_through_excel_and_comes_back_as_lists(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    from opskit.contract.template import write_template

    write_template(["incentive_plan"], tmp_path / "激励计划.xlsx")
    book = load_workbook(tmp_path / "激励计划.xlsx")
    sheet = book["incentive_plan"]
    names = {cell.value: cell for cell in sheet[1]}
    chinese = {
        "segment": "分群",
        "goal": "目标",
        "means": "激励手段",
        "medium": "触达渠道",
        "drive": "驱动",
        "holdout": "对照组比例",
    }
    for name, header in chinese.items():
        names[name].value = header
    place = {cell.value: cell.column for cell in sheet[1]}
    rows = (
        {
            "分群": "沉睡客户",
            "目标": "唤醒",
            "激励手段": "满减券",
            "触达渠道": "短信",
            "驱动": "福利",
            "who": "days_since_last ≥ 60 且 orders ≥ 1",
        },
        {
            "分群": "活跃客户",
            "目标": "留存",
            "激励手段": "+5元券",
            "触达渠道": "企微",
            "驱动": "功能",
            "who": "days_since_last < 60",
        },
    )
    for at, row in enumerate(rows, start=2):
        full = row | {
            "对照组比例": "30%",
            "kpi": "下单率",
            "scene": "结算页",
            "experiment": "测试",
            "hoped_effect": "50%",
            "unit_cost": 5,
        }
        for name, cell in full.items():
            sheet.cell(at, place[name]).value = cell
    del book["dictionary"]
    book.save(tmp_path / "激励计划.xlsx")
    orders_in_chinese(tmp_path / "订单.csv", 120)
    outcome = ran(
        data=tmp_path, list_to=str(tmp_path / "out" / "名单.csv"), brief_to=str(tmp_path / "out" / "brief.html")
    )
    assert outcome.status == "ok", outcome.reason
    sent = pd.read_csv(tmp_path / "out" / "名单.csv", dtype=str)
    aside = pd.read_csv(tmp_path / "out" / "名单_held_out.csv", dtype=str)
    figures = {row["name"]: row["value"] for row in outcome.headline}
    assert (len(sent), len(aside)) == (figures["Customers that get a message"], figures["Customers held out"])
    assert not set(sent["customer_id"]) & set(aside["customer_id"])
    assert set(sent["segment"]) == {"沉睡客户", "活跃客户"}
    assert set(sent["tag: goal"]) == {"activate", "retain"}
    assert "'+5元券" in set(sent["action"]), "no cell runs as a formula"
    assert set(aside["held_out"]) == {"True"}
    brief = (tmp_path / "out" / "brief.html").read_text(encoding="utf-8")
    assert "满减券" in brief
    assert "<script" not in brief
    assert "made from the data" not in shown(outcome)


@pytest.mark.slow
def test_a_list_of_segments_comes_from_a_file(tmp_path: Path) -> None:
    there = set(pd.read_csv(orders_in_chinese(tmp_path / "订单.csv", 120), encoding="gb18030")["买家会员名"])
    sheet = pd.DataFrame(
        {"segment": ["A"], "goal": ["retain"], "means": ["card"], "medium": ["mail"], "kpi": ["orders"]}
    )
    sheet.to_csv(tmp_path / "incentive_plan.csv", index=False)
    listed = pd.DataFrame({"customer_id": [f"会员{at}" for at in range(40)], "segment": ["A"] * 25 + ["B"] * 15})
    (tmp_path / "lists").mkdir()
    listed.to_csv(tmp_path / "lists" / "segments.csv", index=False)
    outcome = ran(data=tmp_path, segment_list=str(tmp_path / "lists" / "segments.csv"))
    assert outcome.status == "ok", outcome.reason
    assert {row["name"]: row["value"] for row in outcome.headline}["Customers in a row of the plan"] == len(
        there & set(listed["customer_id"][:25])
    )
    others = len(there & set(listed["customer_id"][25:]))
    assert f"{others} of {others} B customers" in shown(outcome)


def test_a_broken_worksheet_is_one_sentence(tmp_path: Path) -> None:
    orders_in_chinese(tmp_path / "订单.csv", 30)
    sheet = pd.DataFrame({"segment": ["A"], "goal": ["trade"], "means": ["x"], "medium": ["sms"], "who": ["ordrs > 1"]})
    sheet.to_csv(tmp_path / "incentive_plan.csv", index=False)
    ds = opskit.open(tmp_path)
    with pytest.raises(OpskitError) as error:
        plan.audience(plan.given_plan(ds.incentive_plan), ds.orders, as_of=ds.as_of)
    assert "who of 'A, trade': rule == 'ordrs > 1' names 'ordrs'" in str(error.value)
    assert "Did you mean 'orders'?" in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 2, 8])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    outcome = ran(data=orders_in_chinese(tmp_path / "订单.csv", customers))
    assert outcome.status == "ok", outcome.reason
    assert not NOTHING.search(prose(outcome))


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"where": "region=North"}, {"as_of": "2024-03-15", "confidence": 0.8}, {"as_of": "2024-01-02"}]
)
def test_it_runs_on_a_part_of_the_shop(given: dict[str, object]) -> None:
    outcome = ran(**given)
    assert outcome.status == "ok", outcome.reason
    assert not NOTHING.search(prose(outcome))


@pytest.mark.slow
def test_without_orders_one_sentence_says_so(tmp_path: Path) -> None:
    events = {"customer_id": ["a"], "event": ["visit"], "occurred_at": ["2025-01-01"]}
    pd.DataFrame(events).to_csv(tmp_path / "events.csv", index=False)
    outcome = ran(data=tmp_path)
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason
