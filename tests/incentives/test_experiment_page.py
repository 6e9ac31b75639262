"""What the chapter says of the figures is true, and the page runs on a user's own tables and says what is missing."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from running import prose, shown
from stored import Stored

PAGE = "incentives/experiment"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0].removeprefix("surprise_gift: "): row[1:] for row in STORED.headline}
    words = STORED.words
    orders = [cell.removesuffix(" orders") for cell in value["orders per customer, difference"][:3]]
    assert "place {} more orders in 60 days ({} to {})".format(*orders) in words
    assert value["worth per customer after its cost"][1] == "5 CNY"
    assert "5 CNY remain per customer" in words
    (planned,) = [text for text in STORED.shown("lab.plan(") if "weeks_until_decision" in text]
    assert re.search(r"with covariate\s+0\.2\s+3077 (.|\n)*\n0\s+77\.04 ", planned)
    assert "needs 3,077 customers, 77 weeks in this shop" in words
    (rules,) = [text for text in STORED.shown("lab.verdict(") if "guardrail" in text]
    assert re.search(r"planned sizes\s+yes(.|\n)*p = 0\.93", rules)
    assert "p = 0.00015 corrected" in rules
    assert "(p = 0.93)" in words
    assert "p = 0.00015 after correction for five metrics" in words


def test_what_the_text_says_of_the_other_tests_is_true() -> None:
    (register,) = [text for text in STORED.shown("lab.register(") if "may_be_read" in text]
    assert re.search(r"wish_list_page\s+new_page\s+1309\s+0\.08573 .*0\.02223", register)
    assert re.search(r"5\.452e-05\s+False", register)
    assert round(1 / 5.452e-05, -3) == 18_000
    assert "0.086 more orders, p = 0.022" in STORED.words
    (alarms,) = [text for text in STORED.shown("lab.false_alarms(") if "peeking" in text]
    assert re.search(r"23\s+2025-12-20\s+0\.2433\s.*0\.0493", alarms)
    assert "Who reads 23 times raises a false alarm in 24% of tests of nothing, by the bound in 5%." in STORED.words
    (fade,) = [text for text in STORED.shown("lab.fading(") if "weeks" in text and "estimate" in text]
    assert re.search(r"0\.02521 -0\.0008", fade)  # "the second cannot be told"
    (effects,) = [text for text in STORED.shown("lab.effects(") if "noise_removed" in text]
    assert re.search(r"0\s+0\.08209", effects)  # "8% for orders"


def export(folder: Path, *, customers: int = 300, lost: float = 0.0) -> Path:
    """A user's export with Chinese headers: who was put into which group when, and orders; nothing else."""
    rng = np.random.default_rng(8)
    folder.mkdir(exist_ok=True)
    start = pd.Timestamp("2025-03-01")
    new, begun = rng.random(customers) < 0.5, rng.integers(0, 60, customers)
    rows = []
    for who in range(customers):
        earlier = -np.cumsum(rng.exponential(90, 3))
        days = np.concatenate([earlier, np.cumsum(rng.exponential(45 if new[who] else 90, 12))])
        rows += [(f"会员{who}", start + pd.Timedelta(days=float(begun[who] + day)), rng.gamma(4, 30)) for day in days]
    bought = pd.DataFrame(rows, columns=["客户编号", "at", "实付金额"]).query("at < '2025-09-01'")
    bought = bought.assign(订单编号=range(len(bought)), 付款时间=bought.pop("at").dt.strftime("%Y/%m/%d %H:%M"))
    bought.round({"实付金额": 2}).to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    when = (start + pd.to_timedelta(begun, unit="D")).strftime("%Y-%m-%d")
    people = {
        "客户编号": [f"会员{i}" for i in range(customers)],
        "实验": "惊喜赠品",
        "分组": np.where(new, "赠品", "对照组"),
    }
    table = pd.DataFrame({**people, "分组时间": when})[~new | (rng.random(customers) >= lost)]
    table.to_csv(folder / "实验分组.csv", index=False, encoding="gb18030")
    return folder


def test_a_users_tables_in_chinese_are_enough(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data")))
    assert outcome.status == "ok", outcome.reason
    text = shown(outcome)
    assert "惊喜赠品: 赠品 against 对照组" in text
    assert "equal shares, for none are given" in text
    assert "**Ship 赠品**" in prose(outcome)
    names = {row["name"] for row in outcome.headline if row["value"] is not None}
    assert {"惊喜赠品: orders per customer, difference", "惊喜赠品: worth per customer after its cost"} <= names
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


def test_cdnow_has_no_experiment() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table assignments" in outcome.reason


@pytest.mark.slow
def test_unplanned_sizes_give_no_result() -> None:
    outcome = ran(experiment="wish_list_page")
    assert outcome.status == "ok", outcome.reason
    names = [row["name"] for row in outcome.headline]
    assert [name for name in names if name.startswith("wish_list_page")] == ["wish_list_page: share in new_page"]
    assert "no result of wish_list_page is read" in prose(outcome)
    assert "No result is read: find the fault." in shown(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 4, 12])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    outcome = ran(data=str(export(tmp_path / "data", customers=customers)))
    assert outcome.status in {"ok", "skipped"}, outcome.reason
    if outcome.status == "ok":
        assert not re.search(r"\bnan\b|\binf\b|\*\*Ship", prose(outcome))
    else:
        assert re.search("days are over|days behind them|no test can be planned", outcome.reason)


@pytest.mark.slow
def test_other_parameters() -> None:
    for given in (
        {"where": "region=North", "window_days": 30, "confidence": 0.9, "covariate": "none", "metrics": "revenue"},
        {"as_of": "2025-09-20", "guardrails": "order_value 10%"},
        {"experiment": "photo_book_price: p79", "metrics": "buyers"},
        {"experiment": "aa_check", "power": 0.9, "smallest_effect": 0.5},
    ):
        outcome = ran(**given)
        assert outcome.status == "ok", outcome.reason
        assert not re.search(r"\bnan\b|\binf\b", prose(outcome))
    early = ran(as_of="2025-05-20")
    assert early.status == "skipped"
    assert "60 days are over on 2025-05-20" in early.reason
