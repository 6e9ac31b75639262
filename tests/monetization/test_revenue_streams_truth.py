"""Revenue streams find what the sample shop plants: on the committed shop, and 400 times for the intervals' coverage."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit import sample
from opskit.monetization import revenue_streams as rs

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = opskit.open("shop").truth["derived"]
RATES = {
    "take_rate.last_12_months": "take_rate",
    "paying_rate.product_sales.last_12_months": "paying_rate",
}


def estimates(orders: pd.DataFrame, bookings: pd.DataFrame) -> pd.DataFrame:
    """estimate, low and high of every planted rate; the paying rate needs orders only."""
    fees = rs.recent(rs.monthly_totals(bookings=bookings[bookings["gross_amount"].notna()], as_of=LAST_DAY))
    sales = rs.recent(rs.monthly_totals(orders, as_of=LAST_DAY))
    rows = {name: rs.figure(fees if metric == "take_rate" else sales, metric) for name, metric in RATES.items()}
    return pd.DataFrame({name: row.iloc[0][["estimate", "low", "high"]] for name, row in rows.items()}).T.astype(float)


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop", engine="pandas")
    for name, row in estimates(ds.orders, ds.bookings).iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - TRUTH[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= TRUTH[name]["max_interval_width"], name


def test_the_price_of_advertising_is_found_and_known_well() -> None:
    ds = opskit.open("shop", engine="pandas")
    row = rs.figure(rs.recent(rs.monthly_totals(bookings=ds.bookings, as_of=LAST_DAY)), "ecpm").iloc[0]
    standard_error = (row["high"] - row["low"]) / (2 * 1.96)
    assert abs(row["estimate"] - TRUTH["ecpm.last_12_months"]["value"]) <= 4 * standard_error
    assert standard_error <= 0.012 * row["estimate"]  # 12% noise a day and a moving price, over 365 days


def test_rate_and_mix_pull_apart_as_planted() -> None:
    ds = opskit.open("shop", engine="pandas")
    totals = rs.monthly_totals(bookings=ds.bookings, as_of=LAST_DAY)
    total = rs.take_rates(totals, months=3, against="year_before").iloc[-1]
    assert total["rate_effect_low"] > 0
    assert total["mix_effect_high"] < 0


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    covered = pd.Series(0, index=list(RATES))
    truth = pd.Series({name: TRUTH[name]["value"] for name in RATES})
    for seed in range(400):
        folder = sample.write(tmp_path / "shop", customers=1000, seed=1000 + seed, tables=("orders", "bookings"))
        orders, bookings = (pd.read_parquet(folder / f"{name}.parquet") for name in ("orders", "bookings"))
        found = estimates(orders[~orders["status"].isin(["unpaid", "closed"])], bookings)
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()
