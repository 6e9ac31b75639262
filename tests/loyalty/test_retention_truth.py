"""Retention finds what the sample shop plants: once on the committed shop, and 400 times for the intervals' coverage."""

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import opskit
from opskit import sample
from opskit.dataset import Dataset
from opskit.loyalty import retention

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = {name: figure for name, figure in opskit.open("shop").truth["derived"].items() if "value" in figure}
NEVER_SILENT = "never_silent_180_days_by_day_365."


def estimates(orders: Any) -> pd.DataFrame:
    """estimate, low and high of every planted figure that orders alone tell, by its name in truth.json."""
    by_order = retention.repeat_probability(orders, as_of=LAST_DAY, min_customers=1).by_order.set_index("order_number")
    curves = retention.curves(orders, as_of=LAST_DAY, days=(30, 90, 180))
    rolling = curves[curves["kind"] == "rolling"].set_index("day")
    rows = {f"second_order_within.{day}_days": rolling.loc[day, ["retained", "low", "high"]] for day in (30, 90, 180)}
    rows |= {
        f"next_order_within_90_days.after_{number}": by_order.loc[number, ["probability", "low", "high"]]
        for number in (2, 3, 4)
    }
    sticky = retention.stickiness(orders, as_of=LAST_DAY, interval_days=60, points=1).by_day.iloc[0]
    rows["stickiness.60_of_240_days"] = sticky[["stickiness", "low", "high"]]
    everybody = retention.staying(orders, as_of=LAST_DAY, silence_days=180).groups.iloc[0]
    rows[NEVER_SILENT + "all"] = everybody[["survival", "low", "high"]]
    table = pd.DataFrame({name: row.to_numpy() for name, row in rows.items()}, index=["estimate", "low", "high"])
    return table.T.astype(float)


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return opskit.open("shop")


@pytest.fixture(scope="module")
def stays(shop: Dataset) -> retention.Staying:
    by = ["channel", "region"]
    return retention.staying(shop.orders, shop.customers, by=by, as_of=LAST_DAY, silence_days=180)


def paid(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "orders.parquet").filter(~pl.col("status").is_in(["unpaid", "closed"]))


def test_the_committed_shop_tells_its_truth(shop: Dataset, stays: retention.Staying) -> None:
    channels = stays.groups[stays.groups["attribute"] == "channel"].set_index("value")[["survival", "low", "high"]]
    channels = channels.rename(index=lambda name: NEVER_SILENT + name, columns={"survival": "estimate"})
    found = pd.concat([estimates(shop.orders), channels])
    assert len(found) == 13
    for name, row in found.iterrows():
        truth = TRUTH[name]
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - truth["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= truth["max_interval_width"], name


def test_the_channels_differ_as_planted_and_the_regions_do_not(stays: retention.Staying) -> None:
    assert stays.tests.set_index("attribute")["differs"].to_dict() == {"channel": True, "region": False}
    names = stays.groups.loc[stays.groups["attribute"] == "channel", "value"]
    truth = {name: TRUTH[NEVER_SILENT + name]["value"] for name in names}
    told = stays.pairs[stays.pairs["differs"]]
    assert len(told) > 2
    assert all((truth[a] - truth[b]) * d > 0 for a, b, d in told[["value", "other", "difference"]].to_numpy())


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    covered = pd.Series(0, index=estimates(opskit.open("shop").orders).index)
    truth = pd.Series({name: TRUTH[name]["value"] for name in covered.index})
    for seed in range(400):
        folder = sample.write(tmp_path / str(seed), customers=1000, seed=1000 + seed, tables=("orders",))
        found = estimates(paid(folder))
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()
