"""The journey finds what the sample shop plants: once on the committed shop, and 400 times for the intervals' coverage."""

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opskit
from opskit import sample
from opskit.loyalty import journey
from opskit.sample.surveys.journey import LATE_AFTER_DAYS

LAST_DAY = dt.date(2025, 12, 31)
SHOP = opskit.open("shop")
TRUTH = {name: spec for part in ("planted", "derived") for name, spec in SHOP.truth[part].items()}
SURVEYS = journey.about_steps(SHOP.surveys, journey.STEPS)
STEPS = ("browse", "add_to_cart", "buy", "receive", "confirm", "review")


def of_steps(events: Any) -> pd.DataFrame:
    walked = journey.walk(events, steps=journey.STEPS, as_of=LAST_DAY, window_days=30)
    table = journey.funnel(walked).set_index("step")[["rate", "low", "high"]]
    return table.loc[list(STEPS)].rename(index="journey.{}_within_30_days".format)


def of_leads(leads: Any) -> pd.DataFrame:
    table = journey.conversion(leads, as_of=LAST_DAY)
    names = {"lead to customer": "lead.becomes_customer.{}"}
    table.index = pd.Index(
        [
            names.get(stage, f"lead.to_{stage}.{{}}").format(channel.strip("()"))
            for stage, channel in zip(table["stage"], table["channel"], strict=True)
        ]
    )
    return table[["rate", "low", "high"]]


def of_answers() -> pd.DataFrame:
    asked = journey.satisfaction(SURVEYS, as_of=LAST_DAY)
    csat = asked[asked["question"] == "csat"].set_index("touchpoint")[["score", "low", "high"]].drop(index="receive")
    walked = journey.walk(SHOP.events, steps=journey.STEPS, as_of=LAST_DAY, window_days=90)
    row = journey.by_wait(SURVEYS, walked, slow_days=LATE_AFTER_DAYS).iloc[0]
    for name, kind in (("receive", "quick"), ("receive_late", "slow")):
        csat.loc[name] = [row[f"{kind}_rate"], row[f"{kind}_low"], row[f"{kind}_high"]]
    return csat.rename(index="satisfaction.{}".format).rename(columns={"score": "rate"})


def check(found: pd.DataFrame) -> None:
    known = found[found.index.isin(list(TRUTH))]
    assert len(known) > 4
    for name, row in known.iterrows():
        truth = TRUTH[str(name)]
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["rate"] - truth["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= truth["max_interval_width"], name


def test_the_committed_shop_tells_its_steps() -> None:
    check(of_steps(SHOP.events))


def test_the_committed_shop_tells_its_leads() -> None:
    found = of_leads(SHOP.leads)
    assert {name for name in TRUTH if name.startswith("lead.")} <= set(found.index)
    check(found)


def test_the_committed_shop_tells_its_satisfaction() -> None:
    check(of_answers())
    nps = journey.satisfaction(SURVEYS, as_of=LAST_DAY).set_index("question").loc["nps"]
    planted = TRUTH["satisfaction.promoters"]["value"] - TRUTH["satisfaction.detractors"]["value"]
    assert abs(nps["score"] - planted) <= 4 * (nps["high"] - nps["low"]) / (2 * 1.96)


def test_satisfaction_goes_along_with_orders_and_moves_none() -> None:
    """Planted: those who buy often like the product more. So the association is there, with the product and only there."""
    table = journey.next_orders(SURVEYS, SHOP.orders, as_of=LAST_DAY).set_index("touchpoint")
    assert table["verdict"].to_dict() == {
        "browse": "not enough data",
        "confirm": "holds",
        "pay": "not enough data",
        "receive": "not enough data",
    }


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    names = ["lead.to_mql.website", "lead.to_sql.trade_fair", "lead.becomes_customer.all", "journey.buy_within_30_days"]
    covered, truth = pd.Series(0, index=names), pd.Series({name: TRUTH[name]["value"] for name in names})
    for seed in range(400):
        folder = sample.write(tmp_path / str(seed), customers=1000, seed=3000 + seed, tables=("events", "leads"))
        found = pd.concat(
            [of_steps(pd.read_parquet(folder / "events.parquet")), of_leads(pd.read_parquet(folder / "leads.parquet"))]
        )
        covered += (found.loc[names, "low"] <= truth) & (truth <= found.loc[names, "high"])
    assert covered.between(364, 393).all(), covered.to_dict()


@pytest.mark.slow
def test_forecasts_hold_what_comes(tmp_path: Path) -> None:
    """Two earlier days of 100 shops: a 95% interval, wide by whole numbers, holds at least 176 of 200 times."""
    held = looks = 0
    came = expected = 0.0
    for seed in range(100):
        folder = sample.write(tmp_path / str(seed), customers=4000, seed=5000 + seed, tables=("leads",))
        table = journey.holdout(pd.read_parquet(folder / "leads.parquet"), as_of=LAST_DAY, looks=2)
        held, looks = held + int(table["inside"].sum()), looks + len(table)
        came, expected = came + table["actual"].sum(), expected + table["expected"].sum()
    assert looks == 200
    assert held >= 176
    assert abs(came / expected - 1) < 0.08
