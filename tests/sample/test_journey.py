"""Leads and the survey of the journey in the sample shop: what holds for any seed, and what is planted is found again."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opskit import sample
from opskit.sample import truth
from opskit.sample.tables.leads import CHANNELS, STAGES

from .conftest import Shop

PLANTED = truth.values()


def test_a_lead_passes_the_stages_in_order_and_closes_once(any_shop: Shop) -> None:
    leads = any_shop.leads
    assert not leads.duplicated(["lead_id", "stage"]).any()
    wide = leads.pivot(index="lead_id", columns="stage", values="entered_at")
    assert wide["lead"].notna().all()
    for before, after in pairwise(STAGES):
        both = wide[after].notna()
        assert (wide.loc[both, before] <= wide.loc[both, after]).all()
        assert wide.loc[both, before].notna().all()
    assert not (wide["lost"].notna() & wide["customer"].notna()).any()
    assert (wide["lost"] >= wide["lead"])[wide["lost"].notna()].all()
    assert leads.groupby("lead_id")[["channel", "value"]].nunique().eq(1).all(axis=None)


@pytest.mark.parametrize("place", range(3))
def test_planted_stage_shares_are_found_again(place: int, any_shop: Shop) -> None:
    """By hand, among leads old enough that nearly all have gone on who will."""
    wide = any_shop.leads.pivot(index="lead_id", columns="stage", values="entered_at")
    channel = any_shop.leads.groupby("lead_id")["channel"].first()
    old = wide["lead"] < pd.Timestamp("2025-12-31") - pd.Timedelta(days=150)
    before, after = STAGES[place], STAGES[place + 1]
    for name in CHANNELS:
        there = old & wide[before].notna() & (channel == name)
        n, share = there.sum(), PLANTED[f"lead.to_{after}.{name}"]
        assert n > 10
        assert abs(wide.loc[there, after].notna().mean() - share) <= 4 * np.sqrt(share * (1 - share) / n), name


def test_buyers_are_asked_once_after_their_first_parcel(any_shop: Shop) -> None:
    asked = any_shop.surveys[any_shop.surveys["survey"] == "journey"]
    assert asked.groupby("customer_id").size().eq(5).all()
    assert asked["customer_id"].isin(any_shop.paid["customer_id"]).all()
    answered = asked.dropna(subset="answer")
    assert answered["answered_at"].notna().all()
    received = any_shop.events[any_shop.events["event"] == "receive"].groupby("customer_id")["occurred_at"].min()
    assert (answered["answered_at"] > answered["customer_id"].map(received)).all()
    value = answered["answer"].astype(int)
    assert value[answered["question"] == "csat"].between(1, 5).all()
    assert value[answered["question"] == "nps"].between(0, 10).all()


def test_planted_satisfaction_is_found_again(any_shop: Shop) -> None:
    asked = any_shop.surveys[any_shop.surveys["survey"] == "journey"].dropna(subset="answer")
    stars = asked["answer"].astype(int)
    for touchpoint in ("browse", "pay", "confirm"):
        mine = stars[asked["touchpoint"] == touchpoint]
        assert_share((mine >= 4).sum(), len(mine), PLANTED[f"satisfaction.{touchpoint}"])
    overall = stars[asked["touchpoint"] == "overall"]
    assert_share((overall >= 9).sum(), len(overall), PLANTED["satisfaction.promoters"])
    assert_share((overall <= 6).sum(), len(overall), PLANTED["satisfaction.detractors"])
    first = any_shop.paid.sort_values("ordered_at").groupby("customer_id")["order_id"].first()
    steps = any_shop.events.dropna(subset="object_id").pivot(index="object_id", columns="event", values="occurred_at")
    took = asked["customer_id"].map(first).map(steps["receive"] - steps["buy"]) / pd.Timedelta(days=1)
    for name, where in (("receive_late", took > 10), ("receive", took <= 10)):
        mine = stars[where & (asked["touchpoint"] == "receive")]
        assert_share((mine >= 4).sum(), len(mine), PLANTED[f"satisfaction.{name}"])


def test_leads_and_answers_change_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"lead.to_mql.website": 0.1, "satisfaction.receive_late": 0.9}', encoding="utf-8")
    options = {"customers": 500, "months": 12, "tables": ("orders", "events", "leads", "surveys")}
    one, two = sample.write(tmp_path / "a", **options), sample.write(tmp_path / "b", truth=other, **options)
    for table in ("orders", "events"):
        assert (one / f"{table}.parquet").read_bytes() == (two / f"{table}.parquet").read_bytes()
    for table in ("leads", "surveys"):
        assert (one / f"{table}.parquet").read_bytes() != (two / f"{table}.parquet").read_bytes()


def assert_share(part: int, n: int, planted: float) -> None:
    assert n > 30
    assert abs(part / n - planted) <= 4 * np.sqrt(planted * (1 - planted) / n)
