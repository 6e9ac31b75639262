"""The matched comparison finds what the sample shop plants, the naive one does not; and 400 times for the intervals' coverage."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit import sample
from opskit.monetization import membership

LAST_DAY = dt.date(2025, 12, 31)
STATED = opskit.open("shop").truth
TRUTH = {**STATED["planted"], **STATED["derived"]}
NAMES = {
    "spend": "membership.spend_per_member_month",
    "spend, relative": "membership.spend_relative",
    "orders": "membership.extra_orders_per_member_month",
    "order value, relative": "membership.basket_uplift",
    "typical order, relative": "membership.basket_uplift",
}
# In money the truth is that of all members, of whom the dearest have no likes to be matched with: their factor is the same.
CALIBRATED = ("spend, relative", "orders", "order value, relative", "typical order, relative")


def estimates(orders: object, memberships: object) -> pd.DataFrame:
    panel = membership.panel(orders, memberships, as_of=LAST_DAY)
    return membership.effects(membership.match(panel, lead_months=0)).set_index("effect").loc[list(NAMES)]


def test_the_committed_shop_tells_its_truth_to_the_matched_comparison_only() -> None:
    ds = opskit.open("shop")
    for effect, row in estimates(ds.orders, ds.memberships).iterrows():
        truth, width = TRUTH[NAMES[effect]], row["high"] - row["low"]
        assert abs(row["estimate"] - truth["value"]) <= 4 * width / (2 * 1.98), effect
        assert row["low"] <= truth["value"] <= row["high"], effect
        assert width <= truth["max_interval_width"], effect
    panel = membership.panel(ds.orders, ds.memberships, as_of=ds.as_of)
    gap = membership.naive_gap(panel).iloc[0]
    assert gap["low"] > 2 * TRUTH["membership.spend_per_member_month"]["value"]
    assert membership.aligned(panel).lead_p < 0.01
    assert membership.event_study(membership.match(panel)).lead_p > 0.05


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    import polars as pl

    covered = pd.Series(0, index=list(CALIBRATED))
    truth = pd.Series({name: TRUTH[NAMES[name]]["value"] for name in covered.index})
    for seed in range(400):
        folder = sample.write(tmp_path / str(seed), customers=4000, seed=5000 + seed, tables=("orders", "memberships"))
        orders = pl.read_parquet(folder / "orders.parquet").filter(~pl.col("status").is_in(["unpaid", "closed"]))
        found = estimates(orders, pl.read_parquet(folder / "memberships.parquet")).loc[covered.index]
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()
