"""What the shop earns from others: laws of the bookings, and what is planted in them."""

import json

import numpy as np
import pandas as pd
import pytest

from .conftest import Shop

DAY = pd.Timedelta(days=1)


def of(shop: Shop, stream: str) -> pd.DataFrame:
    return shop.bookings[shop.bookings["stream"] == stream]


def planted(shop: Shop) -> dict[str, float]:
    written = json.loads((shop.folder / "truth.json").read_text(encoding="utf-8"))["planted"]
    return {name: entry["value"] for name, entry in written.items()}


def test_advertising_is_booked_once_a_day_and_names_nobody(any_shop: Shop) -> None:
    ads = of(any_shop, "advertising")
    assert ads["booked_at"].dt.normalize().is_unique
    assert len(ads) == any_shop.spend["date"].nunique()
    assert ads[["customer_id", "order_id", "gross_amount"]].isna().all(axis=None)
    assert (ads["impressions"] >= 0).all()


def test_commission_hangs_on_a_paid_order_of_the_same_customer(any_shop: Shop) -> None:
    fees = of(any_shop, "marketplace_commission").merge(any_shop.paid, on="order_id", suffixes=("", "_order"))
    assert len(fees) == len(of(any_shop, "marketplace_commission")) > 100
    assert not fees["order_id"].duplicated().any()
    assert (fees["customer_id"] == fees["customer_id_order"]).all()
    assert (fees["booked_at"] == fees["ordered_at"]).all()


@pytest.mark.parametrize("stream", ["marketplace_commission", "brand_store_commission"])
def test_a_fee_is_a_part_of_what_was_paid(stream: str, any_shop: Shop) -> None:
    fees = of(any_shop, stream)
    assert (fees["side"] == "back").all()
    assert fees["amount"].between(0, fees["gross_amount"]).all()
    signed_up = any_shop.customers.set_index("customer_id")["signed_up_at"]
    assert (fees["booked_at"] >= fees["customer_id"].map(signed_up)).all()


def rate(fees: pd.DataFrame) -> tuple[float, float]:
    """Take rate and its standard error: goods are independent of each other."""
    value = fees["amount"].sum() / fees["gross_amount"].sum()
    off = fees["amount"] - value * fees["gross_amount"]
    return value, float(off.std() * np.sqrt(len(fees)) / fees["gross_amount"].sum())


def test_take_rates_are_found_again(any_shop: Shop) -> None:
    truth, market = planted(any_shop), of(any_shop, "marketplace_commission")
    raised = market["booked_at"] >= "2025-07-01"
    for fees, name in (
        (market[~raised], "marketplace.take_rate_before"),
        (market[raised], "marketplace.take_rate_after"),
        (of(any_shop, "brand_store_commission"), "brand_store.take_rate"),
    ):
        value, error = rate(fees)
        assert abs(value - truth[name]) <= 4 * error, name
        assert error <= 0.05 * truth[name], name


def test_the_attach_share_is_found_again(any_shop: Shop) -> None:
    value = len(of(any_shop, "marketplace_commission")) / len(any_shop.paid)
    error = np.sqrt(value * (1 - value) / len(any_shop.paid))
    assert abs(value - planted(any_shop)["marketplace.attach_share"]) <= 4 * error


def test_price_trend_and_season_of_advertising_are_found_again(any_shop: Shop) -> None:
    """Log-linear trend of the daily eCPM with a term for the last quarter, weighted alike: noise is the same every day."""
    ads, truth = of(any_shop, "advertising").query("impressions > 50"), planted(any_shop)
    months = (ads["booked_at"] - ads["booked_at"].max()) / DAY / 30.44
    season = ads["booked_at"].dt.month >= 10
    design = np.column_stack([np.ones(len(ads)), months, season])
    log_price = np.log(1000 * ads["amount"] / ads["impressions"]).to_numpy(dtype=float)
    found, *_ = np.linalg.lstsq(design, log_price, rcond=None)
    noise = (log_price - design @ found).var() * len(ads) / (len(ads) - 3)
    errors = np.sqrt(noise * np.diag(np.linalg.inv(design.T @ design)))
    half = noise / 2  # the mean of a log-normal lies above its median
    expected = [
        np.log(truth["advertising.ecpm"]) - half,
        np.log1p(truth["advertising.ecpm_trend"]),
        np.log(truth["advertising.ecpm_season"]),
    ]
    assert (np.abs(found - expected) <= 4 * errors).all()


def test_amount_of_advertising_rises_while_its_price_falls(shop: Shop) -> None:
    year = of(shop, "advertising").groupby(lambda row: shop.bookings["booked_at"].dt.year[row])
    amount, shown = year["amount"].sum(), year["impressions"].sum()
    assert amount.is_monotonic_increasing
    assert (amount / shown).is_monotonic_decreasing


def test_brand_stores_open_late_and_hang_on_no_order(any_shop: Shop) -> None:
    fees = of(any_shop, "brand_store_commission")
    assert fees["order_id"].isna().all()
    first, last = any_shop.spend["date"].min(), any_shop.spend["date"].max()
    assert (fees["booked_at"] >= pd.Timestamp(first) + 0.35 * (pd.Timestamp(last) - pd.Timestamp(first)) - DAY).all()
