"""The chapter on first users says what the stored notebook says, and the page runs on what people have."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from exports import orders_in_chinese
from running import prose, ran, shown
from stored import Stored

PAGE = "target_users/first_users"
STORED = Stored(PAGE)


def names(outcome) -> set[str]:
    return {row["name"] for row in outcome.headline if row["value"] is not None}


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value, words = {row[0]: row[1:] for row in STORED.headline}, STORED.words
    naive, fair = value["Area a first try would claim"][0], value["Area under the curve on accounts not seen"][0]
    assert f"would claim an area of {naive}" in words
    assert (
        f"without the {value['Columns that know too much'][0].split()[0]} columns that know too much, it is {fair}"
        in words
    )
    assert f"the top tenth holds {value['Lift of the top tenth'][0]} its share" in words
    hours, shopper = (
        value[f"Among the best, {name}"][0] for name in ("hours a month: above 6", "workaround: personal shopper")
    )
    assert f"are {float(hours.split()[0]):.1f} times as likely as everybody" in words
    assert f"and {float(shopper.split()[0]):.1f} times as likely to pay a personal shopper" in words
    assert f"{value['Order after 30 days without one'][0]} of the accounts without an order after 30 days" in words
    low, high = (float(one.split()[0]) for one in value["More of the best than predicted"][1:3])
    assert low < 0 < high  # "came true as predicted, within chance"
    assert "None of these reasons holds here." in "".join(cell_text("cautions("))


def cell_text(word: str) -> list[str]:
    (cell,) = [cell for cell in STORED.cells if cell.get("outputs") and word in "".join(cell["source"])]
    return ["".join(output["text"]) for output in cell["outputs"] if "text" in output]


def test_what_the_text_says_of_intention_and_the_oracle_is_true() -> None:
    (truth,) = [text for text in STORED.shown("first_users.recovery(") if "oracle_auc" in text]
    rows = {line.split()[1]: line.split()[2:] for line in truth.splitlines() if "first_users." in line}
    low, high = map(float, rows["first_users.index.surely"][1:3])
    assert low < 1 < high  # "no more frequent among the best than among everybody"
    assert f"area of {float(rows['first_users.oracle_auc'][4]):.3g}" in STORED.words
    assert f"lift of {float(rows['first_users.oracle_lift'][4]):.1f}" in STORED.words


def few(folder: Path, *, customers: bool = True) -> Path:
    """A young business as it exports: 160 people, some thirty buyers, a dozen of them good; a form and two traps."""
    rng, people = np.random.default_rng(11), 160
    began = np.sort(rng.uniform(0, 200, people))
    pays = rng.random(people) < 0.3
    buys = rng.random(people) < np.where(pays, 0.6, 0.15)
    day = pd.Timestamp("2025-01-01 10:00")
    rows = [
        (f"用户{n}", (day + pd.Timedelta(days=began[n] + at)).strftime("%Y/%m/%d %H:%M"), f"¥{worth:.2f}")
        for n in np.flatnonzero(buys)
        for at, worth in zip(rng.uniform(0, 25, 3), rng.gamma(3, 40 if pays[n] else 20, 3), strict=True)
    ]
    orders = pd.DataFrame(rows, columns=["买家会员名", "订单付款时间", "实收金额"])
    orders.to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    table = pd.DataFrame(
        {
            "客户编号": [f"用户{n}" for n in range(people)],
            "注册时间": [(day + pd.Timedelta(days=at)).strftime("%Y/%m/%d %H:%M") for at in began],
            "手机号": [f"140{n:08d}" for n in range(people)],
            "现在找代购": np.where(pays, "是", "否"),
            "城市": rng.choice(["上海", "北京", "成都"], people),
            "赠品": np.where(buys, "围嘴", None),
        }
    )
    if customers:
        table.to_csv(folder / "客户.csv", index=False, encoding="gb18030")
    return folder


def test_a_chinese_export_with_few_of_the_best(tmp_path: Path) -> None:
    outcome = ran(PAGE, few(tmp_path), as_of="2025-08-31", window_days=30, best_share=0.5)
    assert outcome.status == "ok", outcome.reason
    said, told = shown(outcome), prose(outcome)
    assert "scored are prospects" in said
    assert "赠品" in said.split("which")[1].split("strength")[0]  # refused
    assert "personal data" in said
    assert "of the best to learn from" in said  # the caution
    assert "现在找代购" in told
    assert "140000" not in said
    assert "nan" not in told
    assert {"Lift of the top tenth", "Accounts to approach first"} <= names(outcome)


def test_orders_without_prospects_are_scored_by_first_weeks() -> None:
    outcome = ran(PAGE, "cdnow")
    assert outcome.status == "ok", outcome.reason
    said = shown(outcome)
    assert "scored are customers (there is no table customers" in said
    assert "Customers have all ordered: nobody is waiting." in said
    area = {row["name"]: row for row in outcome.headline}["Area under the curve on accounts not seen"]
    assert area["low"] > 0.6


@pytest.mark.slow
def test_orders_in_chinese_alone(tmp_path: Path) -> None:
    outcome = ran(PAGE, orders_in_chinese(tmp_path / "订单.csv", 400))
    assert outcome.status == "ok", outcome.reason
    assert "scored are customers" in shown(outcome)
    assert "nan" not in prose(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 8])
def test_hardly_anybody_is_one_sentence(tmp_path: Path, customers: int) -> None:
    outcome = ran(PAGE, orders_in_chinese(tmp_path / "orders.csv", customers))
    assert outcome.status == "skipped", outcome.reason
    assert "at least 10 must be" in outcome.reason


@pytest.mark.slow
def test_without_orders_it_is_one_sentence(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["A"], "signed_up_at": ["2025-01-01"]}).to_csv(tmp_path / "customers.csv", index=False)
    outcome = ran(PAGE, tmp_path, as_of="2025-12-31")
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"whom": "customers", "watch_days": 14}, "scored are customers"),
        ({"best_is": "region=East"}, "region = East"),
        (
            {"best_share": 0.1, "window_days": 90, "approach_share": 0.02},
            "the best 10% of buyers",
        ),
        ({"trusted": ["owner"]}, "trusted, though known of"),
        ({"where": "region=North", "as_of": "2025-06-30", "confidence": 0.9}, "as of 2025-06-30"),
    ],
)
def test_every_option_reaches_the_page(given: dict[str, object], words: str) -> None:
    outcome = ran(PAGE, "shop", **given)
    assert outcome.status == "ok", outcome.reason
    assert words in shown(outcome)
    assert "nan" not in prose(outcome)
