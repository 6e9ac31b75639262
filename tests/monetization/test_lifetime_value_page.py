"""The playbook page says what the stored notebook says, and the page runs on a shop, on CDNOW and on a user's own file."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from running import shown
from stored import ROOT, Stored

import opskit
from opskit.monetization import lifetime_value as ltv

STORED = Stored("monetization/lifetime_value")

ran = partial(running.ran, "monetization/lifetime_value")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {name: float(re.sub(r"[^\d.-]", "", row[0])) for name, *row in STORED.headline[1:]}
    own = "Total missed on the hold-out by each customer's own rate"
    assert 45 < value[own] < 60  # "half as much again as came"
    bounds = {row[0]: row[2:4] for row in STORED.headline}["Total missed on the hold-out by the model"]
    low, high = (float(end.rstrip("%")) for end in bounds)
    assert low < 0 < high  # "no more than chance"
    ranked = [value[f"Revenue of the hold-out from the best 20% by {name}"] for name in ("model", "past spend")]
    assert abs(ranked[0] - ranked[1]) < 3  # "no better"
    assert value["Value over acquisition cost, worst: influencer"] > 2
    assert value["Month of payback, influencer"] > value["Month of payback, all"] == 1
    naive = float(STORED.shown("naive = frames")[0].split()[-1].replace(",", ""))
    assert 1.4 < naive / value["Value still to come, next 365 days"] < 1.6  # "half as much again"


def test_the_claims_of_the_page_are_those_of_the_notebook() -> None:
    lines = STORED.shown("ltv.claims(")[0]
    verdicts = re.findall(r"(does not hold|holds|not enough data)\s*$", lines, flags=re.MULTILINE)
    assert verdicts == ["does not hold"] * 5
    estimates = [float(x) for x in re.findall(r"^\d\s+(\d\.\d+)", lines.split("estimate")[1], flags=re.MULTILINE)]
    text = STORED.words
    for word, estimate in zip(("47%", "58%", "9.9%", "2.3%"), estimates, strict=False):
        assert word in text.split("On the sample shop none of them holds")[1]
        assert float(word.rstrip("%")) == pytest.approx(100 * estimate, abs=0.5 if word in {"47%", "58%"} else 0.05)
    assert "costs 0.78 times as much" in text
    assert estimates[4] == pytest.approx(0.78, abs=0.005)


def test_the_picture_shows_what_the_model_of_the_shop_says() -> None:
    ds = opskit.open("shop")
    model = ltv.BGNBD().fit(ltv.summary(ds.orders, as_of=ds.as_of))
    drawn = pd.DataFrame({"frequency": [6, 1, 6], "recency": [200.0, 200, 350], "T": 365.0})
    found = model.probability_alive(drawn)["probability_alive"]
    picture = (ROOT / "playbook/monetization/lifetime_value.svg").read_text(encoding="utf-8")
    assert re.findall(r">(\d+%)<", picture) == [f"{share:.0%}" for share in found]
    assert "still there with 27%, a rare one with 63%" in STORED.chapter


@pytest.mark.slow
def test_on_cdnow_it_reports_the_published_shortfall() -> None:
    outcome = ran(data="cdnow", holdout_share=0.5)
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    missed = figures["Total missed on the hold-out by the model"]
    assert missed["value"] == pytest.approx(-12.1, abs=0.1)
    assert missed["high"] < 0
    text = shown(outcome)
    assert "Calibration until 1997-09-30, held out 273 days." in text
    assert "come out **too low**" in text
    assert "No table spend" in text
    assert "No table customers" in text


@pytest.mark.slow
def test_it_runs_on_a_minimal_export_with_chinese_headers(cdnow: pd.DataFrame, tmp_path: Path) -> None:
    names = {"customer_id": "买家会员名", "ordered_at": "订单付款时间", "revenue": "实收金额"}
    cdnow[list(names)].rename(columns=names).to_csv(tmp_path / "订单.csv", index=False, encoding="gb18030")
    outcome = ran(data=str(tmp_path / "订单.csv"), list_to=str(tmp_path / "名单.csv"), margin_share=0.3)
    assert outcome.status == "ok", outcome.reason
    ranked = pd.read_csv(tmp_path / "名单.csv", encoding="utf-8-sig")
    assert len(ranked) == 2357
    assert ranked["lifetime_value"].is_monotonic_decreasing
    figures = {row["name"]: row for row in outcome.headline}
    assert ranked["lifetime_value"].sum() == pytest.approx(
        figures["Value still to come, next 365 days"]["value"], rel=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([(c, 30 * k, 15.0) for c in range(60) for k in range(8)], "Use the page monetization/subscriptions."),
        ([(c, 2 * c, 15.0 + c) for c in range(60)], "nobody has a repeat order"),
        ([(1, 5 * k, 15.0 + k) for k in range(60)], "BG/NBD finds no settled parameters for 1 customers"),
        ([(c, d, 0.0) for c in range(60) for d in (c, 60 + c * 2)], "revenue adds up to 0"),
    ],
    ids=["contracts", "one-time buyers", "one customer", "no revenue"],
)
def test_where_it_cannot_answer_it_says_why(orders: list[tuple[int, int, float]], words: str, tmp_path: Path) -> None:
    table = pd.DataFrame(orders, columns=["customer_id", "day", "revenue"])
    table["ordered_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(table.pop("day"), unit="D")
    table.to_csv(tmp_path / "orders.csv", index=False)
    outcome = ran(data=str(tmp_path / "orders.csv"))
    assert outcome.status == ("failed" if "adds up" in words else "skipped")
    assert words in outcome.reason
