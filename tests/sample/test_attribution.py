"""Lift tests of the sample shop: laws in every shop, and what they tell of the planted incremental shares."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from opskit.sample import derived, lift_testing, truth
from opskit.sample.tables import lift_tests
from opskit.sample.world import World

from .conftest import COMMITTED, Shop

TRUTH = json.loads((COMMITTED / "truth.json").read_text(encoding="utf-8"))["derived"]


def lift_tests_with(**changed: float) -> pd.DataFrame:
    """The lift tests of a shop of 4,000 accounts, some planted values changed."""
    chunk = World({**truth.values(), **changed}, 4000, 24, 7).chunk(0)
    return pd.DataFrame({name: chunk.table("lift_tests")[name] for name in lift_tests.COLUMNS}).set_index("channel")


def conversions(shop: Shop, row: pd.Series) -> pd.DataFrame:
    """Converted touches in the days of a test, with the account they belong to."""
    touches = shop.touchpoints.merge(shop.customers[["customer_id", "channel", "signed_up_at"]], on="customer_id")
    day = touches["touched_at"].dt.normalize()
    return touches[touches["converted"] & day.between(row["started_at"], row["ended_at"])]


def test_a_test_lies_in_the_period_and_reports_its_error(any_shop: Shop) -> None:
    tests = any_shop.lift_tests
    assert len(tests) >= 2
    assert not tests["channel"].duplicated().any()
    assert (tests["started_at"] < tests["ended_at"]).all()
    assert (tests["standard_error"] > 0).all()
    assert tests["channel"].isin(any_shop.spend["channel"]).all()
    for row in tests.itertuples():
        spend = any_shop.spend[any_shop.spend["channel"] == row.channel]
        within = spend["date"].between(row.started_at.date(), row.ended_at.date())
        assert row.spend == pytest.approx(spend.loc[within, "spend"].sum())


def test_what_a_test_reports_is_what_is_planted(any_shop: Shop) -> None:
    """Counted from the written tables: conversions of customers won in the days of the test, times the planted share."""
    for _, row in any_shop.lift_tests.iterrows():
        found = conversions(any_shop, row)
        own = found["channel_y"] == row["channel"]
        if row["channel"] == "retargeting":
            own = found["channel_x"] == row["channel"]
        else:
            own &= found["signed_up_at"] >= row["started_at"]
        share = truth.values().get(f"incremental_share.{row['channel']}", 0.0)
        per_customer = found[own].groupby("customer_id").size()
        assert row["standard_error"] == pytest.approx((2 * (per_customer**2).sum() * (2 - share)) ** 0.5, abs=0.06)
        assert abs(row["incremental"] - share * own.sum()) < 4 * row["standard_error"]


def test_retargeting_looks_best_on_the_last_touch_and_causes_nothing(shop: Shop) -> None:
    last = shop.touchpoints[shop.touchpoints["converted"]]["channel"].value_counts(normalize=True)
    assert last.idxmax() == "retargeting"
    row = shop.lift_tests.set_index("channel").loc["retargeting"]
    credited = (conversions(shop, row)["channel_x"] == "retargeting").sum()
    assert row["incremental"] + 4 * row["standard_error"] < credited
    assert TRUTH["incremental_conversions.retargeting"]["value"] == 0


def test_a_larger_planted_share_gives_a_larger_result() -> None:
    results = [
        lift_tests_with(**{"incremental_share.short_video": share}).loc["short_video"] for share in (0.0, 0.5, 1.0)
    ]
    incremental = [row["incremental"] for row in results]
    assert incremental[2] - incremental[0] > 3 * results[2]["standard_error"]
    # Half of the audience left out buys less, so a stronger channel is measured more closely.
    assert results[0]["standard_error"] > results[1]["standard_error"] > results[2]["standard_error"]


def test_the_derived_shares_follow_from_the_tables(shop: Shop) -> None:
    """The committed shop is one draw of the reference shop: within 4 of its own standard errors."""
    touches = shop.touchpoints.merge(shop.customers[["customer_id", "channel"]], on="customer_id")
    found = touches[touches["converted"]]
    total = found.groupby("customer_id").size()
    for channel in ("short_video", "search_ads", "influencer"):
        factor = truth.values()[f"incremental_share.{channel}"]
        own = found[found["channel_y"] == channel].groupby("customer_id").size().reindex(total.index, fill_value=0)
        share = own.sum() / total.sum()
        error = np.sqrt(((own - share * total) ** 2).sum()) / total.sum()
        assert abs(factor * share - TRUTH[f"incremental_conversions.{channel}"]["value"]) < 4 * factor * error
        assert TRUTH[f"last_touch_share.{channel}"]["max_interval_width"] > 0


def test_a_young_shop_has_no_tests() -> None:
    world = World(truth.values(), 300, 1, 7)
    assert lift_testing.within(world) == ()
    assert len(world.chunk(0).table("lift_tests")["channel"]) == 0
    figures = derived.figures(truth.values(), 2, ("touchpoints", "lift_tests"))
    assert not [name for name in figures if name.startswith("tested_conversions")]


def test_days_of_the_tests_do_not_overlap() -> None:
    ends = [dt.date.min, *(test.last_day for test in lift_testing.TESTS)]
    assert all(test.first_day > end for test, end in zip(lift_testing.TESTS, ends[:-1], strict=True))
