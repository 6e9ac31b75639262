"""What is planted in the sample shop's contracts is found again: once in the committed shop, and 400 times."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit.monetization import subscriptions
from opskit.sample import subscribing, truth

LAST_DAY = dt.date(2025, 12, 31)
MONTHLY = ("diaper_box", "care_box")


def stated() -> dict[str, dict]:
    found = opskit.open("shop").truth
    return found["planted"] | found["derived"]


@pytest.fixture(scope="module")
def fits() -> subscriptions.Fits:
    ds = opskit.open("shop", engine="polars")
    return subscriptions.fit_groups(subscriptions.durations(ds.subscriptions, as_of=LAST_DAY))


@pytest.mark.parametrize("plan", MONTHLY)
def test_the_committed_shop_tells_its_truth(plan: str, fits: subscriptions.Fits) -> None:
    model, known = fits.models[plan], stated()
    found = model.params_.set_index("parameter")[["estimate", "low", "high", "standard_error"]]
    rates = model.retention_rate([1, 7]).rename(columns={"retention_rate": "estimate"})
    life = model.expected_lifetime(discount_per_period=1.1 ** (1 / 12) - 1).rename(columns={"periods": "estimate"})
    derived = pd.concat([rates, life])[["estimate", "low", "high"]].set_axis(
        ["first_renewal", "seventh_renewal", "lifetime"]
    )
    rows = pd.concat([found.loc[["alpha", "beta"]], derived])
    rows["standard_error"] = rows["standard_error"].fillna((rows["high"] - rows["low"]) / (2 * 1.96))
    for name, row in rows.iterrows():
        entry = known[f"subscription.{name}.{plan}"]
        assert abs(row["estimate"] - entry["value"]) <= 4 * row["standard_error"], name
        # the limit is for 1.96 standard errors either way; intervals of alpha and beta are skewed on purpose
        assert 2 * 1.96 * row["standard_error"] <= entry["max_interval_width"], name


def test_the_yearly_plan_is_too_young_and_its_first_renewal_is_found(fits: subscriptions.Fits) -> None:
    assert fits.without["plan"].tolist() == ["year_box"]
    ds = opskit.open("shop", engine="polars")
    durations = subscriptions.durations(ds.subscriptions, as_of=LAST_DAY)
    (row,) = [row for _, row in subscriptions.renewal_table(durations, fits).iterrows() if row["plan"] == "year_box"]
    assert row["low"] < stated()["subscription.first_renewal.year_box"]["value"] < row["high"]
    value = subscriptions.lifetime_value(durations, fits, annual_discount_rate=0.1, margin_share=1.0).of_new
    assert value.set_index("plan")["basis"].to_dict() == {
        "diaper_box": "model",
        "care_box": "model",
        "year_box": "at least",
    }


def test_the_value_of_a_contract_is_found_and_price_over_churn_misses_it(fits: subscriptions.Fits) -> None:
    ds = opskit.open("shop", engine="polars")
    durations = subscriptions.durations(ds.subscriptions, as_of=LAST_DAY)
    value = subscriptions.lifetime_value(durations, fits, annual_discount_rate=0.1, margin_share=1.0).of_new
    for _, row in value[value["basis"] == "model"].iterrows():
        true = stated()[f"subscription.lifetime.{row['plan']}"]["value"] * row["price"]
        assert row["low"] <= true <= row["high"]
        assert row["naive_value"] < 0.75 * true


def test_hidden_renewals_are_foretold_and_constant_churn_is_far_off() -> None:
    ds = opskit.open("shop", engine="polars")
    total = subscriptions.holdout(subscriptions.durations(ds.subscriptions, as_of=LAST_DAY)).total
    assert total["plan"].tolist() == list(MONTHLY)
    assert total["inside"].all()
    assert (total["error"].abs() < 0.3).all()
    assert (total["constant_error"] > 1).all()


def simulated(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Contracts of the generator begun over two years, ever more of them, read through the rows they leave."""
    first_day, days = dt.date(2024, 1, 1), 731
    start = np.sort(np.floor(days * np.sqrt(rng.random(n))).astype(np.int64))
    plan = np.zeros(n, dtype=np.int64)
    signed = subscribing.Contracts(np.arange(n), start, plan, subscribing.periods(rng, plan, truth.values()))
    end = subscribing.due(first_day, signed.start, np.minimum(signed.periods, subscribing.LONGEST)) - 1
    day = np.datetime64(first_day, "us")
    return pd.DataFrame(
        {
            "customer_id": signed.customer,
            "plan": "diaper_box",
            "started_at": day + signed.start.astype("timedelta64[D]"),
            "ended_at": np.where(end < days - 1, day + end.astype("timedelta64[D]"), np.datetime64("NaT", "us")),
            "price": 129.0,
        }
    )


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """400 shops of 250 contracts: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    import polars as pl

    planted = truth.values()
    alpha, beta = (planted[f"subscription.{letter}.diaper_box"] for letter in ("alpha", "beta"))
    known = {
        "alpha": alpha,
        "beta": beta,
        "first_churn": alpha / (alpha + beta),
        "polarization": 1 / (alpha + beta + 1),
    }
    discount = 1.1 ** (1 / 12) - 1
    lifetime = stated()["subscription.lifetime.diaper_box"]["value"]
    covered = dict.fromkeys([*known, "retention_rate", "lifetime"], 0)
    for seed in range(400):
        rows = simulated(np.random.default_rng([31, seed]), 250)
        durations = subscriptions.durations(pl.from_pandas(rows), as_of=LAST_DAY)
        model = subscriptions.ShiftedBetaGeometric(draws=1000, seed=seed).fit(durations)
        for name, low, high in model.params_[["parameter", "low", "high"]].itertuples(index=False):
            covered[name] += low <= known[name] <= high
        at = model.retention_rate(6).iloc[0]
        covered["retention_rate"] += at["low"] <= (beta + 5) / (alpha + beta + 5) <= at["high"]
        life = model.expected_lifetime(discount_per_period=discount).iloc[0]
        covered["lifetime"] += life["low"] <= lifetime <= life["high"]
    assert all(364 <= count <= 393 for count in covered.values()), covered
