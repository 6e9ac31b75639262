"""What the chapter says of the figures is true, and the page runs on a shop, on a user's own tables and on parts of them."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from running import prose, shown
from stored import Stored

PAGE = "acquisition/channel_scorecard"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)
value = STORED.value


def test_what_the_text_says_of_the_figures_is_true() -> None:
    assert (
        f"{value('CAC, all channels')[0]:.0f} or {value('CAC, channels with spend')[0]:.0f} a customer" in STORED.words
    )
    assert STORED.headline[4][0] == "CAC, lowest: referral"
    assert value("CAC, highest: influencer")[1] > value("CAC, channels with spend")[2]  # dearest by far
    _, low, high = value("Margin by day 90 over spend, lowest: influencer")
    assert low < 1 < high  # "cannot be told"
    assert value("Back within 90 days, lowest: short_video")[2] < value("Back within 90 days, highest: referral")[1]
    _, low, high = value("Cost per sign-up, change a month, channels with spend")
    assert low < 0 < high  # "cannot be told"


def test_the_verdicts_of_the_text_are_those_of_the_notebook() -> None:
    trend = STORED.shown("scores.cost_trend")[0]  # its columns may be broken into blocks: channels first, verdicts last
    channels = dict(re.findall(r"^(\d)\s+(\w+)\b", trend, flags=re.MULTILINE)[:4])
    verdicts = dict(re.findall(r"^(\d)\s.*?(rises|falls|no clear change)\s*$", trend, flags=re.MULTILINE))
    assert {channels[place]: verdicts[place] for place in channels} == {
        "influencer": "no clear change",
        "referral": "no clear change",
        "search_ads": "rises",
        "short_video": "rises",
    }
    decided = STORED.shown("decision", "text/markdown")[0]
    assert "Sign-ups get dearer every month, **search_ads**" in decided
    dear = decided.split("Do not scale on the average")[1].splitlines()[0]
    assert "influencer" in dear
    assert "short_video" in dear
    assert "search_ads" not in dear
    assert "referral" not in dear


def export(folder: Path, *, customers: int = 300, spend: bool = True) -> Path:
    """A user's export with Chinese headers: customers with a channel, orders, and spend by month without a purpose."""
    rng = np.random.default_rng(4)
    folder.mkdir(exist_ok=True)
    joined = rng.integers(0, 300, customers)
    start = pd.Timestamp("2025-01-01")
    accounts = pd.DataFrame(
        {"会员编号": [f"会员{i}" for i in range(customers)], "来源渠道": rng.choice(["抖音", "朋友"], customers)}
    )
    accounts["注册时间"] = (start + pd.to_timedelta(joined, unit="D")).strftime("%Y-%m-%d")
    accounts.to_csv(folder / "客户.csv", index=False, encoding="gb18030")
    who = rng.integers(0, customers, 3 * customers)
    at = start + pd.to_timedelta(joined[who] + rng.exponential(30, len(who)), unit="D")
    orders = pd.DataFrame({"订单编号": range(len(who)), "买家会员名": accounts["会员编号"].to_numpy()[who]})
    orders = orders.assign(订单付款时间=at.strftime("%Y-%m-%d %H:%M"), 实收金额=rng.gamma(3, 30, len(who)).round(2))
    orders[at < "2026-01-01"].to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    if spend:
        months = pd.date_range("2025-01-01", periods=11, freq="MS").strftime("%Y-%m-%d")
        pd.DataFrame({"日期": months, "渠道": "抖音", "花费": 900}).to_csv(
            folder / "投放.csv", index=False, encoding="gb18030"
        )
    return folder


def test_it_runs_on_a_users_own_tables_and_says_what_is_missing(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data")), margin_share=0.3)
    assert outcome.status == "ok", outcome.reason
    text = shown(outcome)
    assert "spend has rows every 31 days" in text or "spend has rows every 30 days" in text
    assert "spend has no column purpose" in text
    assert "Touches by owned, paid and earned media need the table touchpoints" in text
    assert "no spend booked" in text  # 朋友
    assert {"CAC, all channels", "CAC, channels with spend"} <= {row["name"] for row in outcome.headline}
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 10, 300])
def test_without_spend_there_is_everything_but_cost(tmp_path: Path, customers: int) -> None:
    outcome = ran(data=str(export(tmp_path / "data", customers=customers, spend=False)), media="抖音=paid, 朋友=earned")
    assert outcome.status in ({"ok"} if customers == 300 else {"ok", "skipped"}), outcome.reason
    if outcome.status == "ok":
        assert "Everything but cost is here" in shown(outcome)
        assert not any("CAC" in row["name"] for row in outcome.headline)
        assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


@pytest.mark.slow
def test_a_region_takes_cost_away_and_leaves_the_rest() -> None:
    outcome = ran(where="region=North")
    assert outcome.status == "ok", outcome.reason
    text = shown(outcome)
    assert "table spend of shop cannot be filtered by region=North" in text
    assert not any("CAC" in row["name"] for row in outcome.headline)
    assert any(row["name"].startswith("Back within 90 days") for row in outcome.headline)


def test_cdnow_has_no_channels() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table customers" in outcome.reason
