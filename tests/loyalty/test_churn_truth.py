"""Churn finds what follows from the sample shop's truth: once on the committed shop, and 400 times for the coverage."""

from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit import frames, sample
from opskit.loyalty import churn

DERIVED = opskit.open("shop").truth["derived"]
TRUTH = {name.removeprefix("churn_150_days."): spec for name, spec in DERIVED.items() if name.startswith("churn_150")}


@pytest.fixture(scope="module")
def compared() -> churn.Comparison:
    ds = opskit.open("shop")
    when = churn.periods(ds.orders, as_of=ds.as_of)
    assert when.horizon_days == 150
    people = frames.collect(frames.lazy(ds.customers, "customer_id", table="customers"))
    return churn.compare(churn.panel(ds.orders, when, events=ds.events, customers=people))


def test_the_committed_shop_tells_its_truth(compared: churn.Comparison) -> None:
    found = churn.left_shares(compared.tested).set_index("group")
    assert set(found.index) == {name for name in TRUTH if not name.endswith("_auc")}
    for name, row in found.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["left"] - TRUTH[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= TRUTH[name]["max_interval_width"], name


def test_no_model_beats_the_oracle_and_visits_tell_more_than_the_best_use_of_orders(
    compared: churn.Comparison,
) -> None:
    areas = compared.accuracy.query("measure == 'roc_auc'").set_index("model")
    assert (areas["high"] < TRUTH["oracle_auc"]["value"]).all()
    best = areas.loc[compared.chosen]
    # Not far below what is possible: all but 0.25 of the oracle's, and not below all that orders alone can tell.
    assert best["low"] > TRUTH["oracle_auc"]["value"] - 0.25
    assert best["low"] > TRUTH["orders_only_auc"]["value"] - 0.02
    assert best["high"] - best["low"] < 0.1


def test_from_orders_alone_the_model_is_within_chance_of_what_they_can_tell() -> None:
    ds = opskit.open("shop")
    when = churn.periods(ds.orders, as_of=ds.as_of)
    compared = churn.compare(churn.panel(ds.orders, when))
    best = compared.accuracy.query("measure == 'roc_auc' and model == @compared.chosen").iloc[0]
    standard_error = (best["high"] - best["low"]) / (2 * 1.96)
    assert abs(best["estimate"] - TRUTH["orders_only_auc"]["value"]) <= 4 * standard_error


@pytest.mark.slow
def test_intervals_cover_the_truth(tmp_path: Path) -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    names = [name for name in TRUTH if not name.endswith("_auc")]
    covered = pd.Series(0, index=names)
    truth = pd.Series({name: TRUTH[name]["value"] for name in names})
    cut, start = pd.Timestamp("2025-08-04"), pd.Timestamp("2025-03-07")
    for seed in range(400):
        folder = sample.write(tmp_path / str(seed), customers=1000, seed=3000 + seed, tables=("orders", "customers"))
        orders = pd.read_parquet(folder / "orders.parquet").query("status not in ['unpaid', 'closed']")
        channel = pd.read_parquet(folder / "customers.parquet").set_index("customer_id")["channel"]
        before = orders[orders["ordered_at"] < cut]
        count = before.groupby("customer_id").size()
        active = before.loc[before["ordered_at"] >= start, "customer_id"].unique()
        after = orders.loc[orders["ordered_at"] >= cut, "customer_id"]
        rows = pd.DataFrame(
            {"orders": count[active], "channel": channel[active], "left": ~pd.Index(active).isin(after)}
        )
        found = churn.left_shares(rows).set_index("group").reindex(names)
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()
