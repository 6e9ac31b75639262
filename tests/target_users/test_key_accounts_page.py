"""The chapter of the key accounts says what the stored notebook says, and the page runs on what people have."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from stored import Stored

from opskit.target_users import key_accounts as ka

STORED = Stored("target_users/key_accounts")

ran = partial(running.ran, "target_users/key_accounts")


def export(folder: Path, customers: int, *, costs: bool = True) -> Path:
    """A distributor's export in GB18030: clients with their companies, and orders with gross profit and service cost."""
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(customers), rng.poisson(rng.gamma(0.7, 12, customers)) + 1)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 730, len(who)), unit="D")
    paid = np.round(rng.gamma(3, 400, len(who)), 2)
    orders = pd.DataFrame({"客户编号": [f"会员{n:03d}" for n in who], "下单时间": when.strftime("%Y/%m/%d %H:%M")})
    orders["实收金额"] = paid
    if costs:
        orders["毛利"] = np.round(0.3 * paid, 2)
        orders["服务成本"] = np.round(np.where(who % 9 == 0, 0.45, 0.03) * paid, 2)
    folder.mkdir(exist_ok=True)
    orders.to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    if costs:
        people = pd.DataFrame({"客户编号": [f"会员{n:03d}" for n in range(customers)]})
        people["企业ID"] = [f"企业{n // 4:02d}" if n % 4 < 2 else "" for n in range(customers)]
        people["客户经理"] = [("张三" if n % 8 < 4 else "") for n in range(customers)]
        people.to_csv(folder / "客户.csv", index=False, encoding="gb18030")
    return folder


def test_the_rules_of_the_chapter_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| (min_[a-z_]+) \| ([-.\d]+) \|", STORED.chapter, flags=re.MULTILINE))
    assert {name: float(value) for name, value in told.items()} == ka.Rules()._asdict()
    parameters = "".join(
        next(cell for cell in STORED.cells if "parameters" in cell["metadata"].get("tags", []))["source"]
    )
    assert {
        name: float(value) for name, value in re.findall(r"(min_\w+): \w+ = ([-.\d]+)", parameters)
    } == ka.Rules()._asdict()


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    n, low, high = (int(text.removesuffix(" accounts")) for text in value["Key accounts"][:3])
    looked = int(value["Key accounts"][3].replace(",", ""))
    assert f"The {n} key accounts are {n / looked:.1%} of those who ordered" in words
    assert f"{n} meet the rules, with an interval of {low} to {high}" in words
    held = float(value["Profit that stands with them"][0].rstrip("%"))
    assert f"hold {held:.0f}% of the year's profit" in words
    large = value["Of the 20 accounts largest by revenue, those that lose money"]
    assert f"By revenue {round(0.2 * float(large[0].rstrip('%')))} of the 20 largest lose money" in words
    best = value["Profit of the best accounts of one window that is left in the next"][0]
    assert f"brought {best} of it again" in words
    weeks = value["The same between weeks of one window, where only luck differs"]
    assert f"only {weeks[0]} of their share" in words
    assert float(weeks[2].rstrip("%")) < 100  # "the third does"
    assert f"does not hold ({value['Profit that the best 20% of accounts earn'][0]})" in words.replace(") (", " (")
    came, left = (int(value[name][0].removesuffix(" accounts")) for name in list(value)[-2:])
    assert (came, left) == (4, 2)  # "Four came onto the list and two left it", "none of these six moves"


def test_what_the_text_says_of_the_tables_is_true() -> None:
    ranked = STORED.shown("key_accounts.ranking")[0]
    (row,) = [line.split() for line in ranked.splitlines() if line.startswith("A0000015")]
    assert row[3] == "5"  # fifth by revenue
    assert row[5] == "2043"  # last of all by profit
    assert round(float(row[6]), 2) == 0.41
    lost = STORED.shown("key_accounts.dependency")[0]
    (five,) = [line.split() for line in lost.splitlines() if line.startswith("5 ")]
    assert f"{float(five[3]):.1%}" == "10.7%"
    assert round(float(five[4])) == 195
    first, second = STORED.shown("key_accounts.moves")[2].split("turned_back")  # the last column stands by itself
    rows = {
        part: dict(re.findall(r"^(one line|two reviews) .*?([\d.]+) *$", part, flags=re.MULTILINE))
        for part in (first, second)
    }
    assert {way: round(float(value), 1) for way, value in rows[first].items()} == {"one line": 7.8, "two reviews": 5.2}
    assert rows[second] == {"one line": "5", "two reviews": "1"}
    assert "True" not in STORED.shown("key_accounts.moves")[1]  # none is more than chance
    kinds = STORED.shown("plot_kept")[0]
    rates = re.findall(r"^best 5% by profit: \D+\d+ +\S+ +\S+ +([\d.]+)", kinds, flags=re.MULTILINE)
    assert [f"{float(rate):.0%}" for rate in rates] == ["142%", "28%"]


def test_a_distributors_export_runs_with_accounts_owners_and_costs(tmp_path: Path) -> None:
    outcome = ran(export(tmp_path / "数据", 90), review_days=120, min_share=0.02)
    assert outcome.status == "ok", outcome.reason
    said = running.shown(outcome)
    assert "The cost to serve of every order is taken off" in said
    assert "企业00" in said
    assert "张三" in said
    assert "Renegotiate with" in running.prose(outcome)
    assert "nan" not in running.prose(outcome)


@pytest.mark.slow
@pytest.mark.parametrize(("customers", "status"), [(12, "skipped"), (90, "ok")])
def test_orders_alone_give_a_list_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    outcome = ran(export(tmp_path / "orders", customers, costs=False))
    assert outcome.status == status, outcome.reason
    if status == "skipped":
        assert "12 accounts have ordered" in outcome.reason
        return
    assert "Revenue stands in for profit" in running.shown(outcome)
    assert "Find out first **what the accounts cost**" in running.prose(outcome)


@pytest.mark.slow
def test_the_music_shop_has_customers_as_accounts_and_says_that_revenue_is_no_profit() -> None:
    outcome = ran("cdnow")
    assert outcome.status == "ok", outcome.reason
    said = running.shown(outcome)
    assert "Revenue stands in for profit" in said
    assert re.search(r"top 10%\s+0\.5081", said)
    assert re.search(r"top 20%\s+0\.674", said)
    figures = {row["name"]: row["value"] for row in outcome.headline}
    assert figures["Accounts that lose money"] == 0
    assert "not known" in said


@pytest.mark.slow
def test_customers_without_orders_is_one_sentence(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["A"], "signed_up_at": ["2025-01-01"]}).to_csv(tmp_path / "customers.csv", index=False)
    outcome = ran(tmp_path, as_of="2025-12-31")
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_share": 0.5}, "No account meets the rules"),
        ({"min_share": 0.0005, "min_orders": 2}, "Raise min_share"),
        ({"min_share": 0.0, "min_profit": 3500.0}, "Only **3 accounts** meet the rules"),
        ({"margin_share": 0.1, "min_growth": 0.5, "min_tenure_days": 30, "review_days": 30}, "key accounts"),
    ],
)
def test_every_option_reaches_the_page(given: dict[str, object], said: str) -> None:
    outcome = ran("shop", **given)
    assert outcome.status == "ok", outcome.reason
    assert said in running.prose(outcome)
    if "margin_share" in given:
        shown = running.shown(outcome)
        assert "the given 10.0% of revenue" in shown
        assert "reviewed every 30 days" in shown
