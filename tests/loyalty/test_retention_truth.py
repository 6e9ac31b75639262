"""Retention finds what the sample shop plants: once on the committed shop, and 400 times for the intervals' coverage."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit import sample
from opskit.loyalty import retention

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = {name: figure for name, figure in opskit.open("shop").truth["derived"].items() if "value" in figure}


def estimates(orders: pd.DataFrame) -> pd.DataFrame:
    """estimate, low and high of every planted repeat probability, by its name in truth.json."""
    by_order = retention.repeat_probability(orders, as_of=LAST_DAY, min_customers=1).by_order.set_index("order_number")
    curves = retention.curves(orders, as_of=LAST_DAY, days=(30, 90, 180))
    rolling = curves[curves["kind"] == "rolling"].set_index("day")
    rows = {f"second_order_within.{day}_days": rolling.loc[day, ["retained", "low", "high"]] for day in (30, 90, 180)}
    rows |= {
        f"next_order_within_90_days.after_{number}": by_order.loc[number, ["probability", "low", "high"]]
        for number in (2, 3, 4)
    }
    table = pd.DataFrame({name: row.to_numpy() for name, row in rows.items()}, index=["estimate", "low", "high"])
    return table.T.astype(float)


def paid(orders: pd.DataFrame) -> pd.DataFrame:
    return orders[~orders["status"].isin(["unpaid", "closed"])]


def test_the_committed_shop_tells_its_truth() -> None:
    found = estimates(opskit.open("shop", engine="pandas").orders)
    for name, row in found.iterrows():
        truth = TRUTH[name]
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - truth["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= truth["max_interval_width"], name


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    covered = pd.Series(0, index=estimates(opskit.open("shop", engine="pandas").orders).index)
    truth = pd.Series({name: TRUTH[name]["value"] for name in covered.index})
    for seed in range(400):
        folder = sample.write(tmp_path / str(seed), customers=1000, seed=1000 + seed, tables=("orders",))
        found = estimates(paid(pd.read_parquet(folder / "orders.parquet")))
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()
