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

PAGE = "acquisition/referral"
STORED = Stored(PAGE)

ran = partial(running.ran, PAGE)
value = STORED.value


def test_what_the_text_says_of_the_figures_is_true() -> None:
    assert 100 / 6.5 < value("Came by referral, last 365 days")[0] < 100 / 5  # one in six, about
    assert value("Came by referral, last 365 days")[1] > value("Came by referral, all")[2]  # it rises
    assert value("Came by referral, last 365 days")[2] < 50
    more = value("What one customer becomes, at K within 180 days")[0]
    assert f"A hundred customers won otherwise end as {100 * more:.0f}." in STORED.words
    half, seen = value("Half of those brought have come by day")[0], value("The same, read from the delays seen")[0]
    assert f"comes after day {half:.0f}, not day {seen:.0f}" in STORED.words
    assert value("Value in 180 days, referred")[0] / value("Value in 180 days, others")[0] == pytest.approx(2, abs=0.1)
    assert value("Difference in value, same month of sign-up")[1] > 0
    assert value("May come anyway before the reward is lost")[1] > 50  # "even if most had come anyway"
    name, *cells = STORED.headline[-1]
    assert name.startswith("Brought by the 40")  # "the last row has no interval"
    assert cells[1:3] == ["–", "–"]


def test_the_verdicts_of_the_chapter_are_those_of_the_notebook() -> None:
    shown = STORED.shown("referral.claims(")[0]
    verdicts = re.findall(r"does not hold|not enough data|holds", shown)
    assert verdicts == ["does not hold", "does not hold", "holds", "not enough data"]
    assert "the first two do not hold, the third holds, and the fourth cannot be told" in STORED.words
    notebook = " ".join("".join(cell["source"]) for cell in STORED.cells).replace("\n", " ")
    assert "in 338, where 380" in notebook
    assert "in 338; 380" in STORED.words


def export(folder: Path, *, customers: int = 400, referrers: bool = True) -> Path:
    """A user's export with Chinese headers: customers with who brought them and when they came, and orders."""
    rng = np.random.default_rng(4)
    folder.mkdir(exist_ok=True)
    joined = np.sort(rng.integers(0, 330, customers))
    start = pd.Timestamp("2025-01-01")
    accounts = pd.DataFrame({"会员编号": [f"会员{i}" for i in range(customers)]})
    accounts["注册时间"] = (start + pd.to_timedelta(joined, unit="D")).strftime("%Y-%m-%d")
    if referrers:
        named = [f"会员{rng.integers(0, i)}" if i and rng.random() < 0.3 else "" for i in range(customers)]
        accounts["推荐人"] = named
    accounts.to_csv(folder / "客户.csv", index=False, encoding="gb18030")
    who = rng.integers(0, customers, 3 * customers)
    at = start + pd.to_timedelta(joined[who] + rng.exponential(30, len(who)), unit="D")
    bought = pd.DataFrame({"订单编号": range(len(who)), "买家会员名": accounts["会员编号"].to_numpy()[who]})
    bought = bought.assign(订单付款时间=at.strftime("%Y-%m-%d %H:%M"), 实收金额=rng.gamma(3, 30, len(who)).round(2))
    bought[at < "2026-01-01"].to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    return folder


def test_it_runs_on_a_users_own_tables_and_says_what_is_missing(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data")), margin_share=0.3)
    assert outcome.status == "ok", outcome.reason
    text = shown(outcome)
    assert "No events 'invite': invitations cannot be counted." in text
    assert "What a referral costs is not known" in text
    names = {row["name"] for row in outcome.headline}
    assert "K, brought per customer within 180 days" in names
    assert "Sign-ups per invitation" not in names
    assert "May come anyway before the reward is lost" not in names
    assert not re.search(r"\bnan\b|\binf\b", prose(outcome))


def test_without_referrers_one_sentence_says_so(tmp_path: Path) -> None:
    outcome = ran(data=str(export(tmp_path / "data", referrers=False)))
    assert outcome.status == "skipped"
    assert "customers lacks 'referrer_id'" in outcome.reason
    assert "[tables.customers.columns]" in outcome.reason


def test_cdnow_has_no_customers_table() -> None:
    outcome = ran(data="cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table customers" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize("customers", [1, 2, 12])
def test_few_customers_give_figures_or_a_sentence(tmp_path: Path, customers: int) -> None:
    outcome = ran(data=str(export(tmp_path / "data", customers=customers)), reward_per_signup=10.0)
    assert outcome.status in {"ok", "skipped"}, outcome.reason
    if outcome.status == "ok":
        assert not re.search(r"\bnan\b|\binf\b", prose(outcome))
    else:
        assert "names a referrer" in outcome.reason


@pytest.mark.slow
def test_a_region_loses_the_referrers_beyond_its_border() -> None:
    outcome = ran(where="region=North")
    assert outcome.status == "ok", outcome.reason
    text = shown(outcome)
    assert re.search(r"\d+ customers name a referrer who is not in customers", text)
    assert "cannot be filtered by region=North" in text
