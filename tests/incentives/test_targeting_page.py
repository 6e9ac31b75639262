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

PAGE = "incentives/targeting"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    assert value["welfare: mean effect"][0] == "2.2 points"
    assert "moves 2.2 points more customers to order, and that could be chance" in words
    assert value["welfare: mean effect"][1].startswith("-")
    assert value["welfare: Qini"][0] == "3.5 points"
    assert "The Qini, 3.5 points" in words
    assert value["welfare: best share against nobody, per customer"][:3] == ["8 CNY", "2 CNY", "13 CNY"]
    assert "earns 8 CNY per customer listed (2 to 13), 7.1 more than treating everybody" in words
    assert value["welfare: best share against everybody, per customer"][0] == "7.1 CNY"
    (curve,) = [text for text in STORED.shown("targeting.qini_curve(") if "above_random" in text]
    assert re.search(r"0\.7\s+906\s+0\.0834", curve)
    assert "70% bring 8.3 more orders per hundred customers listed" in words
    (naive,) = STORED.shown("targeting.by_likelihood(")
    low, high = map(float, re.search(r"qini\s+-0\.0118\s+(\S+)\s+(\S+)", naive).groups())
    assert low < 0 < high
    assert "the Qini is −1.2 points, and its interval holds 0" in words
    (recovered,) = [text for text in STORED.shown("targeting.recovery(") if "truth" in text]
    assert "0.05223" in recovered
    assert 0.6 < 3.53 / 5.223 < 0.72  # "two thirds"
    (groups,) = STORED.shown("targeting.groups(")[:1]
    assert re.search(r"0\.12\d+\s+0\.35\d+", groups)
    assert "at least 12% of the customers are persuaded and at most 35%" in words


def test_the_decision_of_the_stored_page() -> None:
    (told,) = STORED.shown("decision", "text/markdown")
    assert "**Treat the top 70% with welfare**" in told
    assert "**content** moves customers with mean_order_value to 243: +21.6 points" in told
    assert "**function**: no difference shown" in told
    assert "+21.6 points), whom the coupon puts off" in STORED.words


def export(folder: Path, *, customers: int = 700, chosen: bool = False) -> Path:
    """A user's export with Chinese headers: who was put into which group when, and orders; nothing else."""
    rng = np.random.default_rng(8)
    folder.mkdir(exist_ok=True)
    large = rng.random(customers) < 0.5
    new = rng.random(customers) < (np.where(large, 0.75, 0.25) if chosen else 0.5)
    bought = rng.random(customers) < 0.4 + 0.3 * new * np.where(large, 1, -1)
    begun = rng.integers(0, 30, customers)
    rows = []
    for who in range(customers):
        rows.append((who, begun[who] - rng.uniform(1, 60), rng.gamma(20, 20 if large[who] else 5)))
        if bought[who]:
            rows.append((who, begun[who] + rng.uniform(1, 58), rng.gamma(20, 20 if large[who] else 5)))
    table = pd.DataFrame(rows, columns=["who", "day", "实付金额"])
    when = pd.Timestamp("2025-03-01") + pd.to_timedelta(table["day"], unit="D")
    table = table.assign(订单编号=range(len(table)), 客户编号="会员" + table["who"].astype(str))
    table["付款时间"] = when.dt.strftime("%Y/%m/%d %H:%M")
    table = table.drop(columns=["who", "day"]).round({"实付金额": 2})
    table.to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    start = pd.Timestamp("2025-03-01") + pd.to_timedelta(begun, unit="D")
    people = {"客户编号": [f"会员{i}" for i in range(customers)], "实验": "满减券"}
    people |= {"分组": np.where(new, "发券", "对照组"), "分组时间": start.strftime("%Y-%m-%d")}
    pd.DataFrame(people).to_csv(folder / "实验分组.csv", index=False, encoding="gb18030")
    return folder


def test_a_users_tables_in_chinese_are_enough(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data")), model="T linear", segments_by="mean_order_value")
    assert outcome.status == "ok", outcome.reason
    text, told = shown(outcome), prose(outcome)
    assert "满减券: 发券 against 对照组" in text
    assert "equal (no planned_share is given) sizes" in text
    assert "**发券 does not move everybody alike**" in told
    assert "**Treat the top" in told
    assert {"发券: Qini", "发券: effect on sleeping dogs"} <= {row["name"] for row in outcome.headline}
    assert not re.search(r"\bnan\b|\binf\b", told)


def test_cdnow_has_no_experiment() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table assignments" in outcome.reason


@pytest.mark.slow
def test_a_list_that_somebody_chose_gives_no_claim(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data", chosen=True)))
    assert outcome.status == "ok", outcome.reason
    assert "**No claim about 满减券**" in prose(outcome)
    assert [row["name"] for row in outcome.headline] == ["发券: share of the customers"]
    lost = ran(experiment="wish_list_page")
    assert "**No claim about wish_list_page**" in prose(lost)
    assert not re.search(r"\bnan\b|\binf\b", prose(lost))


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 12, 70, 150])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    outcome = ran(data=str(export(tmp_path / "data", customers=customers)))
    assert outcome.status in {"ok", "skipped"}, outcome.reason
    if outcome.status == "ok":
        assert not re.search(r"\bnan\b|\binf\b", prose(outcome))
    else:
        assert re.search("30 customers each|have the outcome", outcome.reason)


@pytest.mark.slow
def test_other_parameters() -> None:
    for given in (
        {"where": "region=North", "window_days": 30, "confidence": 0.9, "model": "T linear"},
        {"as_of": "2025-05-20", "money": "worth 80, cost 2, budget 100", "segments_by": "orders_before"},
        {"experiment": "three_drives: content", "outcome": "orders", "traits": ""},
        {"experiment": "surprise_gift", "outcome": "margin", "model": "DR linear", "segments_by": ""},
        {"experiment": "aa_check", "money": "cost 1000"},
    ):
        outcome = ran(**given)
        assert outcome.status == "ok", (given, outcome.reason)
        assert not re.search(r"\bnan\b|\binf\b", prose(outcome)), given
    early = ran(as_of="2024-06-20")
    assert early.status == "skipped"
    assert "60 days are over on 2024-06-20" in early.reason
    assert "must be one of" in ran(model="S linear").reason
