import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from opskit import frames, stats
from opskit.errors import OpskitError

SIMULATIONS = 400
COVERED = range(
    364, 394
)  # the middle 99.5% of a binomial(400, .95), a little wider below: intervals may be approximate


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_equals_statsmodels(n: int, share: float, confidence: float) -> None:
    successes = round(n * share)
    low, high = stats.wilson([successes], [n], confidence=confidence)
    expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    assert (low[0], high[0]) == pytest.approx(expected, abs=1e-12)


def test_wilson_of_nobody_is_missing() -> None:
    assert np.isnan(stats.wilson([0, np.nan], [0, np.nan])).all()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.2, 0.3, "holds"), (0.4, 0.5, "does not hold"), (0.0, 0.05, "does not hold"), (0.2, 0.4, "not enough data"),
     (np.nan, np.nan, "not enough data")],
)  # fmt: skip
def test_verdict(low: float, high: float, expected: str) -> None:
    assert stats.verdict(low, high, at_least=0.1, at_most=0.35) == expected


IDS = {
    "numbers": [*range(-5, 4995)],
    "long numbers": [10**17 + 97 * i for i in range(5000)],
    "constant suffix": [f"{i:06d}00" for i in range(5000)],
    "e-mails": [f"{'abcdefghij'[i % 10]}{i}@example.com" for i in range(5000)],
    "Chinese": [f"买家{i}号" for i in range(5000)],
}


def groups_of(frame: object) -> pd.DataFrame:
    return frames.collect(stats.assign_groups(frames.lazy(frame, "customer_id")).select("customer_id", "group"))


@pytest.mark.parametrize("kind", IDS)
def test_groups_are_the_same_on_every_engine_and_look_random(engine, kind: str) -> None:
    ids = pd.DataFrame({"customer_id": IDS[kind]})
    got = groups_of(engine(pd.concat([ids, ids.iloc[::3]])))
    expected = groups_of(ids)
    assert got.groupby("customer_id")["group"].nunique().max() == 1
    pd.testing.assert_series_equal(
        got.drop_duplicates().set_index("customer_id")["group"].sort_index(),
        expected.set_index("customer_id")["group"].sort_index(),
    )
    sizes = expected["group"].value_counts().reindex(range(100), fill_value=0)
    assert 50 < ((sizes - 50) ** 2 / 50).sum() < 165  # chi-square with 99 degrees: neither lumpy nor even


def test_consecutive_newcomers_fall_into_groups_by_chance() -> None:
    group = groups_of(pd.DataFrame({"customer_id": range(100_000)}))["group"].to_numpy().reshape(100, 1000)
    spread = [((np.bincount(month, minlength=100) - 10) ** 2 / 10).sum() for month in group]
    assert np.mean(spread) == pytest.approx(99, abs=5)


def sums_of(orders: pd.DataFrame) -> pd.DataFrame:
    grouped = stats.assign_groups(frames.lazy(orders, "customer_id"))
    return frames.collect(grouped.group_by("group", "period").agg(nw.col("revenue").sum(), nw.len().alias("orders")))


def shop(rng: np.random.Generator, customers: int = 1500) -> pd.DataFrame:
    """Newcomers by chance; each has its own rate and basket, so that orders of one customer resemble each other."""
    n = rng.poisson(customers)
    rate, basket = rng.gamma(1.0, 2.0, n), np.exp(rng.normal(3, 0.5, n))
    parts = []
    for period in (0, 1):
        customer = np.repeat(np.arange(n), rng.poisson(rate))
        revenue = basket[customer] * rng.gamma(4.0, 0.25, len(customer))
        parts.append(pd.DataFrame({"customer_id": customer, "period": period, "revenue": revenue}))
    return pd.concat(parts)


STATISTICS = {
    "total": (lambda t: t["revenue"].iloc[0], 1500 * 2 * np.exp(3 + 0.125)),
    "per order": (lambda t: t["revenue"].sum() / t["orders"].sum(), np.exp(3 + 0.125)),
    "change": (lambda t: t["revenue"].iloc[1] / t["revenue"].iloc[0] - 1, 0.0),
}


def covered(simulations: int) -> dict[str, int]:
    hits = dict.fromkeys(STATISTICS, 0)
    for seed in range(simulations):
        sums = sums_of(shop(np.random.default_rng(seed)))
        for name, (statistic, truth) in STATISTICS.items():
            row = stats.jackknife(sums, statistic, keys=["period"]).iloc[0]
            hits[name] += int(row["low"] <= truth <= row["high"])
    return hits


def test_jackknife_covers_the_truth_quickly() -> None:
    assert all(hits >= 12 for hits in covered(15).values())


@pytest.mark.slow
def test_jackknife_covers_the_truth() -> None:
    assert {name: hits for name, hits in covered(SIMULATIONS).items() if hits not in COVERED} == {}


def test_jackknife_of_a_mean_is_the_textbook_interval() -> None:
    rng = np.random.default_rng(1)
    value = rng.normal(10, 2, 40)
    sums = pd.DataFrame({"group": range(40), "value": value, "n": 1})
    row = stats.jackknife(sums, lambda t: (t["value"] / t["n"]).iloc[0]).iloc[0]
    half = 2.0226909 * value.std(ddof=1) / np.sqrt(40)  # t quantile, 39 degrees
    assert (row["low"], row["high"]) == pytest.approx((value.mean() - half, value.mean() + half), rel=1e-6)


def test_jackknife_with_one_group_has_no_interval() -> None:
    row = stats.jackknife(pd.DataFrame({"group": [3], "value": [5.0]}), lambda t: t["value"].iloc[0]).iloc[0]
    assert row["estimate"] == 5
    assert np.isnan([row["low"], row["high"]]).all()


def test_jackknife_asks_for_groups() -> None:
    with pytest.raises(OpskitError, match="assign_groups"):
        stats.jackknife(pd.DataFrame({"value": [5.0]}), lambda t: 1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(1, 5)), min_size=2, max_size=40))
def test_survival_equals_statsmodels(rows: list[tuple[int, bool, int]]) -> None:
    durations = pd.DataFrame(rows, columns=["time", "event", "n"])
    table = stats.survival(durations).set_index("time")
    spread = durations.loc[durations.index.repeat(durations["n"])]
    theirs = SurvfuncRight(spread["time"], spread["event"].astype(int))
    ours = table.loc[theirs.surv_times]
    np.testing.assert_allclose(ours["survival"], theirs.surv_prob, atol=1e-12)
    np.testing.assert_array_equal(ours["at_risk"], theirs.n_risk)


def test_survival_interval_is_the_log_log_one_of_greenwood() -> None:
    rng = np.random.default_rng(3)
    durations = pd.DataFrame({"time": rng.integers(1, 60, 200), "event": rng.random(200) < 0.6, "n": 1})
    theirs = SurvfuncRight(durations["time"], durations["event"].astype(int))
    table = stats.survival(durations).set_index("time").loc[theirs.surv_times]
    share, error = theirs.surv_prob, theirs.surv_prob_se
    inner = 1.959963985 * error / (share * np.log(share))
    inside = share > 0
    expected = share[inside] ** np.exp(-inner[inside]), share[inside] ** np.exp(inner[inside])
    np.testing.assert_allclose(table["low"][inside], expected[0], rtol=1e-7)
    np.testing.assert_allclose(table["high"][inside], expected[1], rtol=1e-7)


def test_survival_before_the_first_and_after_the_last_event() -> None:
    table = stats.survival(pd.DataFrame({"time": [1, 2], "event": [False, True], "n": [3, 4]}))
    assert table[["survival", "low", "high"]].iloc[0].tolist() == [1, 1, 1]
    assert np.isnan(table[["low", "high"]].iloc[1].to_numpy(dtype=float)).all()


def test_survival_names_a_missing_column() -> None:
    with pytest.raises(OpskitError, match="durations lacks 'event'"):
        stats.survival(pd.DataFrame({"time": [1], "n": [1]}))
