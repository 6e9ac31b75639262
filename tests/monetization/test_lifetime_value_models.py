"""Models of lifetime value: laws, hand-sized tables, and the figures of the literature."""

import datetime as dt
import importlib.util
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

import opskit
from opskit.errors import OpskitError
from opskit.monetization import lifetime_value as ltv
from opskit.monetization.lifetime_value import bg_nbd_likelihood, gamma_gamma, histories
from opskit.monetization.lifetime_value.purchase_counts import moments

CALIBRATION, END = dt.date(1997, 9, 30), dt.date(1998, 6, 30)  # 39 and 78 weeks of CDNOW


def published(name: str) -> pd.DataFrame:
    """A summary that comes with the lifetimes package, whose data module does not import."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    table = pd.read_csv(Path(spec.origin).parent / "datasets" / name)
    columns = {"ID": "customer_id", "x": "frequency", "t_x": "recency", "zbar": "mean_value"}
    return table.rename(columns=columns)


@pytest.fixture(scope="module")
def rounded() -> pd.DataFrame:
    return published("cdnow_customers_summary.csv")


@pytest.fixture(scope="module")
def weekly(cdnow: pd.DataFrame) -> pd.DataFrame:
    return ltv.summary(cdnow, as_of=END, calibrate_until=CALIBRATION, time_unit="week")


@pytest.fixture(scope="module")
def buying(weekly: pd.DataFrame) -> ltv.BGNBD:
    return ltv.BGNBD(time_unit="week").fit(weekly)


@pytest.fixture(scope="module")
def spending(weekly: pd.DataFrame) -> ltv.GammaGamma:
    return ltv.GammaGamma().fit(weekly)


def history(frequency: Any, recency: Any, T: Any, **further: Any) -> pd.DataFrame:
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": T, **further})


def simulated(seed: int, customers: int = 3000, *, r=0.6, alpha=40.0, a=0.9, b=2.5, longest=365) -> pd.DataFrame:
    """Histories of BG/NBD customers who came on any day of the period, drawn purchase by purchase."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    observed = rng.integers(1, longest, customers).astype(float)
    frequency, last, alive, now = (
        np.zeros(customers),
        np.zeros(customers),
        np.full(customers, True),
        np.zeros(customers),
    )
    while alive.any():
        now = now + rng.exponential(size=customers) / np.maximum(rate, 1e-12)
        alive &= now <= observed
        frequency, last = frequency + alive, np.where(alive, now, last)
        alive &= rng.random(customers) > leaves
    return history(frequency, last, observed, customer_id=np.arange(customers))


def with_values(table: pd.DataFrame, seed: int, *, p=4.0, q=3.5, gamma=60.0) -> pd.DataFrame:
    """Mean values of Gamma-Gamma beside these histories."""
    rng, x = np.random.default_rng(1000 + seed), table["frequency"].to_numpy()
    nu = rng.gamma(q, 1 / gamma, len(x))
    mean = rng.gamma(np.maximum(p * x, 1e-300)) / np.maximum(x, 1) / nu
    return table.assign(mean_value=np.where(x > 0, mean, np.nan))


def figures(model: ltv.BGNBD | ltv.GammaGamma) -> pd.Series:
    return model.params_.set_index("parameter")["estimate"]


# --- summary ---

HAND = pd.DataFrame(
    [("A", 1, 10.0), ("A", 11, 20), ("A", 11, 5), ("A", 31, 35), ("A", 41, 7), ("B", 21, 50), ("C", 36, 9)],
    columns=["customer_id", "day", "revenue"],
).assign(ordered_at=lambda t: pd.Timestamp("2024-01-01 09:30") + pd.to_timedelta(t["day"] - 1, unit="D"))


def plain(frame: Any) -> pd.DataFrame:
    table = nw.from_native(frame)
    native = table.collect("pyarrow") if isinstance(table, nw.LazyFrame) else table
    pandas = native.to_pandas()
    return pandas.sort_values(pandas.columns[0], ignore_index=True)


def test_summary_by_hand(engine) -> None:
    orders = engine(HAND)
    table = ltv.summary(orders, as_of=dt.date(2024, 2, 14))
    assert type(table) is type(orders)
    table = plain(table)
    assert table["customer_id"].tolist() == ["A", "B", "C"]
    assert table["frequency"].tolist() == [3, 0, 0]
    assert table["recency"].tolist() == [40, 0, 0]
    assert table["T"].tolist() == [44, 24, 9]
    assert table["mean_value"].iloc[0] == pytest.approx((25 + 35 + 7) / 3)  # the first day's 10 is left out
    assert table["mean_value"].isna().tolist() == [False, True, True]
    assert table["unit_days"].eq(1).all()
    assert pd.to_datetime(table["first_day"]).dt.normalize().iloc[1] == pd.Timestamp("2024-01-21")


def test_summary_with_a_hold_out_by_hand(engine) -> None:
    table = plain(
        ltv.summary(engine(HAND), as_of=dt.date(2024, 2, 14), calibrate_until=dt.date(2024, 1, 31), time_unit="week")
    )
    assert table["customer_id"].tolist() == ["A", "B"]  # C had not come yet
    assert table["frequency"].tolist() == [2, 0]
    np.testing.assert_allclose(table["recency"], [30 / 7, 0], rtol=1e-14)
    np.testing.assert_allclose(table["T"], [30 / 7, 10 / 7], rtol=1e-14)
    assert table["mean_value"].iloc[0] == pytest.approx(30)
    assert table["holdout_frequency"].tolist() == [1, 0]
    assert table["holdout_value"].tolist() == [7, 0]
    assert table["holdout"].tolist() == [2, 2]


def test_summary_of_another_value_leaves_revenue_alone(engine) -> None:
    orders = engine(HAND.rename(columns={"revenue": "margin"}))
    assert plain(ltv.summary(orders, as_of=dt.date(2024, 2, 14), value="margin"))["mean_value"].notna().sum() == 1


def test_summary_agrees_with_that_of_the_customers(cdnow: pd.DataFrame, engine) -> None:
    """The same frequency, recency and T as the summary behind other pages, on real orders and every engine."""
    orders = engine(cdnow)
    ours = plain(ltv.summary(orders, as_of=END))
    theirs = plain(opskit.customers.summary(orders, as_of=END))
    for column in ("frequency", "recency", "T"):
        assert (ours[column] == theirs[column]).all(), column


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibrate_until": dt.date(2024, 2, 14)}, "must be before as_of"),
        ({"calibrate_until": dt.date(2023, 12, 31)}, "must not be before the first order"),
        ({"calibrate_until": "2024-01-01"}, "must be a date"),
        ({"time_unit": "month"}, "time_unit == 'month', must be one of 'day', 'week'"),
        ({"value": "profit"}, "orders lacks 'profit'"),
    ],
)
def test_summary_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        ltv.summary(HAND, as_of=dt.date(2024, 2, 14), **options)


# --- the literature: Fader, Hardie & Lee (2005), Marketing Science 24(2), and their note on Excel ---


def test_estimates_of_cdnow_from_the_published_summary(rounded: pd.DataFrame) -> None:
    model = ltv.BGNBD(time_unit="week").fit(rounded)
    np.testing.assert_allclose(figures(model), [0.243, 4.414, 0.793, 2.426], atol=5e-4)
    assert model.log_likelihood_ == pytest.approx(-9582.4256, abs=1e-3)
    assert model.n_ == 2357


def test_estimates_of_cdnow_from_its_orders(buying: ltv.BGNBD, weekly: pd.DataFrame) -> None:
    np.testing.assert_allclose(figures(buying), [0.243, 4.414, 0.793, 2.426], atol=5e-4)
    assert buying.log_likelihood_ == pytest.approx(-9582.4292, abs=1e-3)
    assert weekly["T"].max() == pytest.approx(38.86, abs=0.005)


def test_a_new_customer_of_cdnow(rounded: pd.DataFrame) -> None:
    model = ltv.BGNBD(time_unit="week").fit(rounded)
    assert model.expected_purchases_new(52 * 7)["expected_purchases"].iloc[0] == pytest.approx(1.4440, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "expected", "alive", "weeks"),
    [
        (26, 30.857, 31, 25.757, 0.96885, 52),
        (10, 20, 39, 0.34746, 0.0381, 52),
        (15, 20, 39, 0.042834, 0.00319, 52),
        (20, 20, 39, 0.0041590, 0.000235, 52),
        (25, 20, 39, 0.00035837, 0.0000163, 52),
        (2, 30.43, 38.86, 1.226, None, 39),
    ],
)
def test_forecasts_of_cdnow(rounded, x, t_x, T, expected, alive, weeks) -> None:
    """The four at t_x = 20 fall to a hypergeometric function with large parameters if one is careless."""
    model, customer = ltv.BGNBD(time_unit="week").fit(rounded), history([x], [t_x], [T])
    found = model.expected_purchases(customer, horizon_days=weeks * 7)["expected_purchases"].iloc[0]
    assert found == pytest.approx(expected, rel=5e-4)
    if alive:
        assert model.probability_alive(customer)["probability_alive"].iloc[0] == pytest.approx(alive, rel=5e-3)


def test_hold_out_of_cdnow(buying: ltv.BGNBD, weekly: pd.DataFrame) -> None:
    """4,161 repeats expected by week 78, 4,339 made; in weeks 40 to 78 alone 1,653 expected, 1,882 made."""
    cumulative = buying.expected_cumulative(weekly, days=[CALIBRATION, END])
    assert cumulative["expected_purchases"].iloc[1] == pytest.approx(4161, abs=1)
    assert weekly["frequency"].sum() + weekly["holdout_frequency"].sum() == 4339
    assert cumulative["customers"].tolist() == [2357, 2357]
    ahead = buying.expected_purchases(weekly, horizon_days=39 * 7)["expected_purchases"].sum()
    assert ahead == pytest.approx(1653, abs=2)
    assert weekly["holdout_frequency"].sum() == 1882


def test_gamma_gamma_of_cdnow(weekly: pd.DataFrame, spending: ltv.GammaGamma) -> None:
    """Fader, Hardie & Lee (2005), Journal of Marketing Research 42(4): 946 repeaters, mean spend $35.08."""
    model = ltv.GammaGamma().fit(published("cdnow_customers_summary_with_transactions.csv"))
    for fitted in (model, spending):
        np.testing.assert_allclose(figures(fitted), [6.25, 3.74, 15.44], atol=0.01)
        assert fitted.log_likelihood_ == pytest.approx(-4055.92, abs=0.01)
        assert fitted.n_ == 946
    assert weekly["mean_value"].mean() == pytest.approx(35.08, abs=0.005)


# --- peers ---


def base(table: pd.DataFrame, *, values: bool = False) -> Any:
    """The same summary as clvkit wants it."""
    from clvkit import CustomerBase

    data = table.rename(columns={"mean_value": "monetary_value"}).fillna({"monetary_value": 0.0} if values else {})
    end = pd.Timestamp("2025-12-31")
    return CustomerBase(data, time_unit="D", observation_period_end=end, has_monetary=values, on_negative="raise")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_no_peer_finds_a_likelier_bg_nbd(seed: int, rounded: pd.DataFrame) -> None:
    import clvkit
    from lifetimes import BetaGeoFitter

    planted = {"r": 0.3 * seed, "alpha": 15.0 * seed, "a": 0.4 + 0.2 * seed, "b": 4.0 - 0.5 * seed}
    table = simulated(seed, **planted) if seed else rounded
    ours, n = ltv.BGNBD().fit(table), len(table)
    theirs = [
        BetaGeoFitter().fit(table["frequency"], table["recency"], table["T"]).params_,
        clvkit.BGNBD().fit(base(table)).params_,
    ]
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(table, 1))
    for found in theirs:
        found = found[["r", "alpha", "a", "b"]].to_numpy()
        np.testing.assert_allclose(figures(ours), found, rtol=1e-3)
        assert ours.log_likelihood_ / n >= likelihood(np.log(found))[0] - 1e-6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_no_peer_finds_a_likelier_gamma_gamma(seed: int) -> None:
    import clvkit
    from lifetimes import GammaGammaFitter

    if seed:
        table = with_values(simulated(seed), seed, p=1.5 * seed, q=2.0 + seed, gamma=40.0)
    else:
        table = published("cdnow_customers_summary_with_transactions.csv")
    again = table[table["frequency"] > 0]
    ours, n = ltv.GammaGamma().fit(table), len(again)
    theirs = [
        GammaGammaFitter().fit(again["frequency"], again["mean_value"]).params_[["p", "q", "v"]].to_numpy(),
        clvkit.GammaGamma().fit(base(table, values=True)).params_.to_numpy(),
    ]
    likelihood = gamma_gamma.LogLikelihood(again.assign(n=1.0))
    for found in theirs:
        np.testing.assert_allclose(figures(ours), found, rtol=1e-3)
        assert ours.log_likelihood_ / n >= likelihood(np.log(found))[0] - 1e-6


# --- numbers against brute force ---


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0, 30), (1, 3, 30), (7, 29, 30), (12, 5, 40)])
def test_bg_nbd_likelihood_equals_the_integral_over_rates_and_dropout(x: int, t_x: float, T: float) -> None:
    r, alpha, a, b = 0.7, 9.0, 1.3, 2.2
    rate, leave = stats.gamma(r, scale=1 / alpha), stats.beta(a, b)

    def mean(function: Any, distribution: Any) -> float:
        quantiles = integrate.quad(lambda u: function(distribution.ppf(u)), 0, 1, limit=500, epsabs=0, epsrel=1e-10)
        return quantiles[0]

    stays = mean(lambda p: (1 - p) ** x, leave) * mean(lambda m: m**x * np.exp(-m * T), rate)
    leaves = mean(lambda p: p * (1 - p) ** (x - 1), leave) * mean(lambda m: m**x * np.exp(-m * t_x), rate) if x else 0.0
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(history([x], [t_x], [T]), 1))
    assert likelihood(np.log([r, alpha, a, b]))[0] == pytest.approx(np.log(stays + leaves), rel=1e-7)


def test_gamma_gamma_likelihood_equals_the_integral_over_means() -> None:
    p, q, gamma, x, mean_value = 3.0, 2.5, 20.0, 3, 14.0
    total = stats.gamma(p * x).logpdf

    def density(u: float) -> float:
        nu = stats.gamma(q, scale=1 / gamma).ppf(u)
        return np.exp(total(nu * x * mean_value)) * nu * x  # of the mean of x purchases

    likelihood = gamma_gamma.LogLikelihood(pd.DataFrame({"frequency": [x], "mean_value": mean_value, "n": 1.0}))
    brute = integrate.quad(density, 0, 1, limit=500, epsrel=1e-10)[0]
    assert likelihood(np.log([p, q, gamma]))[0] == pytest.approx(np.log(brute), rel=1e-8)


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4))
@settings(max_examples=10, deadline=None)
def test_gradients_are_those_of_the_likelihood(logs: list[float]) -> None:
    table = with_values(simulated(3, 200), 3)
    for likelihood, at in (
        (bg_nbd_likelihood.LogLikelihood(histories.distinct(table, 1)), np.array(logs)),
        (gamma_gamma.LogLikelihood(table[table["frequency"] > 0].assign(n=1.0)), np.array(logs[:3])),
    ):
        steps = 1e-5 * np.eye(len(at))
        slopes = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
        np.testing.assert_allclose(likelihood(at)[1], slopes, rtol=1e-5, atol=1e-7)


CASES = [  # shape, odds, a, b
    (0.25, 11.8, 0.79, 2.43),
    (25.24, 52 / 43.4, 0.79, 27.4),  # the customer at whom careless formulas fail
    (0.55, 4.9, 1.0, 3.5),  # the closed form divides by a - 1
    (3.0, 0.3, 1 + 1e-9, 2.0),
    (8.0, 1e-7, 0.5, 1.5),
    (2.0, 60.0, 0.05, 8.0),
    (900.0, 0.6, 1.2, 905.0),  # 900 purchases: the first term of the sum is 1e-184 of the largest
    (5000.0, 0.9, 3.0, 5100.0),
]


@pytest.mark.parametrize(("shape", "odds", "a", "b"), CASES)
def test_expected_purchases_equal_the_integral_over_dropout(shape: float, odds: float, a: float, b: float) -> None:
    def integrand(p: float) -> float:
        return -np.expm1(-shape * np.log1p(p * odds)) / p * np.exp(stats.beta.logpdf(p, a, b))

    middle = a / (a + b)
    points = [middle * k for k in (1e-4, 0.01, 0.1, 0.5, 1, 2, 5) if middle * k < 1]
    brute = sum(
        integrate.quad(integrand, low, high, limit=400, epsabs=0, epsrel=1e-10)[0]
        for low, high in zip([0.0, *points], [*points, 1.0], strict=True)
    )
    found = moments(np.array([shape]), np.array([odds]), a, np.array([b])).mean[0]
    assert found == pytest.approx(brute, rel=1e-7)


@pytest.mark.parametrize(("shape", "odds", "a", "b"), CASES)
def test_both_moments_equal_the_sum_over_single_purchases(shape: float, odds: float, a: float, b: float) -> None:
    """P(Y >= j) is the probability of j purchases with no dropout among the first j - 1."""
    j = np.arange(1, 40_000)
    reached = stats.nbinom.sf(j - 1, shape, 1 / (1 + odds))
    stayed = np.exp(special.betaln(a, b + j - 1) - special.betaln(a, b))
    found = moments(np.array([shape]), np.array([odds]), a, np.array([b]))
    assert found.mean[0] == pytest.approx(np.sum(reached * stayed), rel=1e-8)
    assert found.square[0] == pytest.approx(np.sum((2 * j - 1) * reached * stayed), rel=1e-8)


def test_cases_counted_together_do_not_disturb_each_other() -> None:
    shape, odds, _, b = (np.array(column) for column in zip(*CASES, strict=True))
    together = moments(shape, odds, 1.1, b)
    for k in range(len(CASES)):
        alone = moments(shape[k : k + 1], odds[k : k + 1], 1.1, b[k : k + 1])
        assert together.mean[k] == pytest.approx(alone.mean[0], rel=1e-10)
        assert together.square[k] == pytest.approx(alone.square[0], rel=1e-10)


@pytest.mark.parametrize(("shape", "b"), [(0.55, 3.5), (8.0, 1.5), (900.0, 905.0), (5000.0, 5100.0)])
def test_customers_of_one_frequency_do_not_disturb_each_other(shape: float, b: float) -> None:
    """They share a power series; the first, alone, is summed with the terms it needs itself."""
    odds = np.array([0.0, 1e-7, 1e-3, 0.2, 0.26, 0.9, 4.9, 60.0])
    rng = np.random.default_rng(3)
    order = rng.permutation(len(odds))
    every = np.ones(len(odds))
    together = moments(shape * every, odds[order], 1.1, b * every)
    for place, k in enumerate(order):
        alone = moments(np.array([shape]), odds[k : k + 1], 1.1, np.array([b]))
        assert together.mean[place] == pytest.approx(alone.mean[0], rel=1e-12)
        assert together.square[place] == pytest.approx(alone.square[0], rel=1e-12)
    assert together.mean[order == 0] == 0


def test_a_long_horizon_by_simulation() -> None:
    rng = np.random.default_rng(5)
    n, shape, odds, a, b = 200_000, 1.4, 3.0, 0.8, 3.1
    made, stays = np.zeros(n), np.full(n, True)
    would, leaves = rng.poisson(rng.gamma(shape, odds, n)), rng.beta(a, b, n)
    for j in range(int(would.max())):
        made += stays & (would > j)
        stays &= rng.random(n) > leaves
    found = moments(np.array([shape]), np.array([odds]), a, np.array([b]))
    assert abs(made.mean() - found.mean[0]) <= 4 * made.std() / np.sqrt(n)
    assert abs((made**2).mean() - found.square[0]) <= 4 * (made**2).std() / np.sqrt(n)


# --- laws ---

MODEL = ltv.BGNBD().fit(simulated(1))


customers_of_any_kind = st.lists(
    st.tuples(st.integers(0, 400), st.floats(0.5, 5000), st.floats(0, 1)), min_size=1, max_size=30
)


def histories_of(drawn: list[tuple[int, float, float]]) -> pd.DataFrame:
    x, T, part = (np.array(column) for column in zip(*drawn, strict=True))
    return history(x, np.where(x > 0, T * part, 0.0), T, customer_id=np.arange(len(x)))


@given(customers_of_any_kind)
@settings(max_examples=10, deadline=None)
def test_probability_alive_is_one_until_the_first_repeat_and_falls_with_silence(drawn) -> None:
    table = histories_of(drawn)
    now, later, latest = (
        MODEL.probability_alive(table.assign(T=table["T"] * factor))["probability_alive"] for factor in (1, 1.1, 2)
    )
    assert now.between(0, 1).all()
    assert (now[table["frequency"] == 0] == 1).all()
    sure = (table["frequency"] == 0) | (now < 1e-300) | (now > 1 - 1e-9)
    assert (sure | ((now > later) & (later > latest))).all()


@given(customers_of_any_kind, st.floats(1, 700))
@settings(max_examples=10, deadline=None)
def test_a_longer_horizon_brings_no_fewer_purchases(drawn, days: float) -> None:
    table = histories_of(drawn)
    none, some, more = (
        MODEL.expected_purchases(table, horizon_days=h)["expected_purchases"] for h in (0, days, days * 1.5)
    )
    assert (none == 0).all()
    assert (some <= more).all()
    assert (some >= 0).all()


@given(st.lists(st.floats(0, 3000), min_size=2, max_size=30))
@settings(max_examples=10, deadline=None)
def test_a_new_customer_buys_no_less_in_a_longer_time(days: list[float]) -> None:
    new = MODEL.expected_purchases_new(sorted(days))
    assert new["expected_purchases"].is_monotonic_increasing
    assert (new["low"] <= new["expected_purchases"]).all()
    assert (new["expected_purchases"] <= new["high"]).all()


def test_another_time_unit_changes_alpha_and_nothing_else(cdnow: pd.DataFrame, buying: ltv.BGNBD, weekly) -> None:
    daily = ltv.summary(cdnow, as_of=CALIBRATION)
    model = ltv.BGNBD().fit(daily)
    np.testing.assert_allclose(figures(model) / figures(buying), [1, 7, 1, 1], rtol=1e-6)
    assert model.params_["unit"].tolist() == ["shape", "days", "shape", "shape"]
    by_day = model.expected_purchases(daily, horizon_days=100)["expected_purchases"]
    by_week = buying.expected_purchases(weekly, horizon_days=100)["expected_purchases"]
    assert by_day.sum() == pytest.approx(by_week.sum(), rel=1e-6)


@pytest.mark.parametrize("times", [2, 5])
def test_repeated_rows_are_a_row_of_that_weight(times: int) -> None:
    table = with_values(simulated(2, 400), 2)
    repeated, weighted = pd.concat([table] * times), table.assign(n=times)
    for make in (ltv.BGNBD, ltv.GammaGamma):
        one, other = make().fit(repeated), make().fit(weighted)
        pd.testing.assert_frame_equal(one.params_, other.params_, rtol=1e-6)
        assert one.n_ == other.n_


def test_nothing_depends_on_the_order_of_rows(weekly: pd.DataFrame, buying: ltv.BGNBD) -> None:
    shuffled = weekly.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(ltv.BGNBD(time_unit="week").fit(shuffled).params_, buying.params_, rtol=1e-8)
    mixed = buying.expected_purchases(shuffled, horizon_days=90).set_index("customer_id")
    straight = buying.expected_purchases(weekly, horizon_days=90).set_index("customer_id")
    pd.testing.assert_frame_equal(mixed.loc[straight.index], straight, rtol=1e-9)


def test_a_start_from_part_of_the_customers_leads_to_the_same_maximum(
    monkeypatch: pytest.MonkeyPatch, weekly, buying
) -> None:
    monkeypatch.setattr("opskit.monetization.lifetime_value.bg_nbd._ROUGH", 300)
    pd.testing.assert_frame_equal(ltv.BGNBD(time_unit="week").fit(weekly).params_, buying.params_, rtol=1e-7)


def test_money_in_another_currency_changes_gamma_and_nothing_else(weekly, spending) -> None:
    other = ltv.GammaGamma().fit(weekly.assign(mean_value=weekly["mean_value"] * 7.2))
    np.testing.assert_allclose(figures(other) / figures(spending), [1, 1, 7.2], rtol=1e-6)


def test_expected_value_lies_between_the_own_mean_and_everybodys(weekly, spending) -> None:
    found = spending.expected_value(weekly)["expected_value"]
    everybody = spending.population_mean_["estimate"].iloc[0]
    assert everybody == pytest.approx(35.17, abs=0.01)
    own = weekly["mean_value"].fillna(everybody)
    assert ((found - np.minimum(own, everybody) > -1e-9) & (found - np.maximum(own, everybody) < 1e-9)).all()
    np.testing.assert_allclose(found[weekly["frequency"] == 0], everybody)
    # equation 5 of Fader & Hardie (2013), by hand for a customer with two repeat purchases of 22.345 on average
    p, q, gamma = figures(spending)
    assert found.iloc[0] == pytest.approx(p * (gamma + 2 * 22.345) / (2 * p + q - 1))


def test_arguments_stay_as_they_were(weekly: pd.DataFrame, buying, spending) -> None:
    before = weekly.copy()
    value_of(weekly, buying, spending)
    pd.testing.assert_frame_equal(weekly, before)


# --- forecasts on every engine ---


def value_of(table: Any, buying: ltv.BGNBD, spending: ltv.GammaGamma, **changed: Any) -> ltv.LifetimeValue:
    options = {"horizon_days": 100, "annual_discount_rate": 0.12, "margin": 0.4, **changed}
    return ltv.lifetime_value(table, purchases=buying, spend=spending, **options)


def test_fits_and_forecasts_are_the_same_on_every_engine(cdnow, engine, weekly, buying, spending) -> None:
    options = {"as_of": END, "calibrate_until": CALIBRATION, "time_unit": "week"}
    table = ltv.summary(engine(cdnow), **options)
    pd.testing.assert_frame_equal(ltv.BGNBD(time_unit="week").fit(table).params_, buying.params_, rtol=1e-7)
    pd.testing.assert_frame_equal(ltv.GammaGamma().fit(table).params_, spending.params_, rtol=1e-7)
    found, expected = value_of(table, buying, spending), value_of(weekly, buying, spending)
    assert type(found.customers) is type(table)
    expected_customers = plain(expected.customers)
    pd.testing.assert_frame_equal(plain(found.customers), expected_customers, check_dtype=False, rtol=1e-9)
    pd.testing.assert_frame_equal(found.total, expected.total, rtol=1e-7)
    for forecast, column in (
        (buying.probability_alive(table), "probability_alive"),
        (buying.expected_purchases(table, horizon_days=100), "expected_purchases"),
        (spending.expected_value(table), "expected_value"),
    ):
        assert type(forecast) is type(table)
        np.testing.assert_allclose(plain(forecast)[column], expected_customers[column], rtol=1e-9)
    tracked = buying.expected_cumulative(table, days=[CALIBRATION, END])
    pd.testing.assert_frame_equal(tracked, buying.expected_cumulative(weekly, days=[CALIBRATION, END]), rtol=1e-9)


def test_forecasts_on_another_connection_of_duckdb(cdnow: pd.DataFrame, buying: ltv.BGNBD, spending) -> None:
    import duckdb

    with duckdb.connect() as connection:
        orders = connection.from_df(cdnow)
        table = ltv.summary(orders, as_of=CALIBRATION, time_unit="week")
        found = value_of(table, buying, spending)
        assert len(plain(found.customers)) == 2357
        assert connection.sql("select count(*) from duckdb_views() where not internal").fetchall() == [(0,)]


def test_lifetime_value_is_discounted_period_by_period(weekly, buying, spending) -> None:
    """100 days are periods of 30, 30, 30 and 10 days, each discounted from its middle."""
    found = value_of(weekly, buying, spending).customers.set_index("customer_id")
    ends = [0, 30, 60, 90, 100]
    upto = [
        buying.expected_purchases(weekly, horizon_days=day).set_index("customer_id")["expected_purchases"]
        for day in ends
    ]
    worth = sum((upto[k + 1] - upto[k]) * 1.12 ** (-(ends[k] + ends[k + 1]) / 2 / 365) for k in range(len(ends) - 1))
    spend = spending.expected_value(weekly).set_index("customer_id")["expected_value"]
    np.testing.assert_allclose(found["lifetime_value"], (0.4 * spend * worth)[found.index], rtol=1e-9)


def test_totals_add_up_the_customers(weekly, buying, spending) -> None:
    found = value_of(weekly, buying, spending)
    total = found.total.set_index("measure")
    customers = found.customers
    assert total.loc["purchases", "estimate"] == pytest.approx(customers["expected_purchases"].sum())
    assert total.loc["lifetime_value", "estimate"] == pytest.approx(customers["lifetime_value"].sum())
    undiscounted = value_of(weekly, buying, spending, annual_discount_rate=0).total.set_index("measure")
    both = undiscounted.loc[["value", "lifetime_value"], ["estimate", "low", "high"]].to_numpy()
    np.testing.assert_allclose(both[0], both[1])
    assert total.loc["value", "estimate"] == pytest.approx(both[0, 0])
    assert (total["low"] < total["estimate"]).all()
    assert (total["estimate"] < total["high"]).all()
    assert total["n"].eq(2357).all()
    assert total["note"].eq("").all()


def test_chance_of_the_total_equals_a_simulation(spending: ltv.GammaGamma) -> None:
    """Parameters known exactly: what is left of the interval is the chance of purchases and of their values."""
    table = with_values(simulated(4, 400), 4, p=4, q=5, gamma=60)
    buying, spend = ltv.BGNBD().fit(table), ltv.GammaGamma().fit(table)
    for model in (buying, spend):
        model.maximum_ = model.maximum_._replace(covariance=model.maximum_.covariance * 0)
    total = value_of(table, buying, spend, horizon_days=200, margin=1, annual_discount_rate=0).total
    log_error = np.log(total["high"] / total["low"]) / (2 * 1.959964)
    (r, alpha, a, b), (p, q, gamma) = figures(buying), figures(spend)
    rng = np.random.default_rng(8)
    x, alive = table["frequency"].to_numpy(), buying.probability_alive(table)["probability_alive"].to_numpy()
    known = gamma + x * table["mean_value"].fillna(0).to_numpy()
    totals = []
    for _ in range(800):
        would = rng.poisson(rng.gamma(r + x, 200 / (alpha + table["T"])))
        leaves, stays, made = rng.beta(a, b + x), rng.random(len(x)) < alive, np.zeros(len(x))
        for j in range(int(would.max(initial=0))):
            made += stays & (would > j)
            stays &= rng.random(len(x)) > leaves
        nu = rng.gamma(p * x + q, 1 / known)
        totals.append((made.sum(), (rng.gamma(np.maximum(p * made, 1e-300)) / nu).sum()))
    drawn = np.array(totals)
    np.testing.assert_allclose(drawn.mean(axis=0), total["estimate"].iloc[:2], rtol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0) / drawn.mean(axis=0), log_error.iloc[:2], rtol=0.1)


def test_the_summary_without_a_customer_id_names_its_histories() -> None:
    found = MODEL.probability_alive(history([1, 0], [5.0, 0], [30.0, 9]))
    assert found.columns.tolist() == ["frequency", "recency", "T", "probability_alive"]


@pytest.mark.parametrize("model", ["buying", "spending"])
def test_draws_have_the_spread_of_the_estimates(model: str, request: pytest.FixtureRequest) -> None:
    fitted = request.getfixturevalue(model)
    drawn = fitted.draws(20_000, rng=np.random.default_rng(3))
    assert drawn.columns.tolist() == fitted.params_["parameter"].tolist()
    np.testing.assert_allclose(np.log(drawn).mean(), np.log(fitted.params_["estimate"]), atol=0.02)
    np.testing.assert_allclose(np.log(drawn).cov(), fitted.covariance_, rtol=0.1, atol=1e-3)
    assert drawn.equals(fitted.draws(20_000, rng=np.random.default_rng(3)))


def test_intervals_widen_with_confidence_and_shrink_with_customers(weekly: pd.DataFrame) -> None:
    narrow, wide = (ltv.BGNBD(time_unit="week", confidence=c).fit(weekly).params_ for c in (0.8, 0.99))
    assert (narrow["high"] < wide["high"]).all()
    assert (narrow["low"] > wide["low"]).all()
    more = ltv.BGNBD(time_unit="week", confidence=0.8).fit(weekly.assign(n=4)).params_
    np.testing.assert_allclose(more["standard_error"], narrow["standard_error"] / 2, rtol=1e-5)


def test_covariance_is_the_inverse_of_the_curvature(weekly: pd.DataFrame, buying: ltv.BGNBD) -> None:
    """Second differences of the log-likelihood itself, without its gradient."""
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(weekly, 7))
    logs, h = buying.log_parameters(), 1e-3

    def value(i: int, j: int, s: int, t: int) -> float:
        return likelihood(logs + s * h * np.eye(4)[i] + t * h * np.eye(4)[j])[0]

    curvature = [
        [
            (value(i, j, 1, 1) - value(i, j, 1, -1) - value(i, j, -1, 1) + value(i, j, -1, -1)) / (4 * h * h)
            for j in range(4)
        ]
        for i in range(4)
    ]
    np.testing.assert_allclose(buying.covariance_, np.linalg.inv(-2357 * np.array(curvature)), rtol=2e-3)


# --- what cannot be answered is said ---

GOOD = simulated(6, 500)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (history([], [], []), "summary has no rows"),
        (GOOD.drop(columns="T"), "summary lacks 'T'"),
        (GOOD.assign(frequency=0, recency=0.0), "none of the 500 customers bought on a second day"),
        (history([2], [10.0], [30.0]), "no settled parameters for 1 customers"),
        (history([3] * 50, [20.0] * 50, [30.0] * 50), "no settled parameters for 50 customers"),
        (GOOD.assign(T=GOOD["recency"] / 2), "recency above T"),
        (GOOD.assign(T=-5.0, recency=-6.0), "a negative frequency, recency or T"),
        (GOOD.assign(recency=np.where(GOOD["frequency"] == 0, GOOD["T"] / 2, GOOD["recency"])), "with frequency 0"),
        (GOOD.assign(T=np.nan), "500 customers with a missing frequency"),
        (GOOD.assign(frequency=GOOD["frequency"] + 0.5), "not a whole number"),
        (GOOD.assign(T=np.inf), "an infinite T"),
        (GOOD.assign(n=0), "n is not above 0"),
        (GOOD.assign(unit_days=7), "summary is in units of 7 days, the model in units of 1"),
        (pd.concat([GOOD.assign(unit_days=1), GOOD.assign(unit_days=7)]), "Give summary and model the same time_unit"),
    ],
)
def test_bg_nbd_refuses(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        ltv.BGNBD().fit(table)


def test_forecasts_refuse_what_the_fit_refuses(weekly: pd.DataFrame, spending: ltv.GammaGamma) -> None:
    for ask in (MODEL.probability_alive, lambda table: MODEL.expected_purchases(table, horizon_days=30)):
        with pytest.raises(OpskitError, match="units of 7 days"):
            ask(weekly)
        with pytest.raises(OpskitError, match="recency above T"):
            ask(history([2], [40.0], [30.0]))
    with pytest.raises(OpskitError, match="units of 7 days"):
        value_of(weekly, MODEL, spending)


@pytest.mark.parametrize("dropout", [{"a": 1e-6, "b": 5.0}, {"a": 400.0, "b": 1600.0}])
def test_dropout_that_runs_away_is_said(dropout: dict[str, float]) -> None:
    """Without dropout, and with the same dropout for all, the likelihood rises for ever."""
    told = []
    for seed in range(6):
        try:
            ltv.BGNBD().fit(simulated(seed, 1500, **dropout))
        except OpskitError as error:
            told.append(str(error))
    assert len(told) >= 2  # by chance a sample may look as if customers differed
    what = "no dropout shows" if dropout["a"] < 1 else "do not differ in how readily they leave"
    assert any(what in message for message in told), told
    assert all("Use more customers or a longer period" in message for message in told)


def test_customers_who_buy_alike_are_said_to() -> None:
    with pytest.raises(OpskitError, match="do not differ in how often they buy"):
        ltv.BGNBD().fit(simulated(3, 1500, r=3000.0, alpha=60_000.0))


@pytest.mark.parametrize(
    ("frequency", "mean_value", "message"),
    [
        ([0, 0], [np.nan, np.nan], "no customer has a repeat purchase"),
        ([2, 1], [5.0, 0.0], "1 repeat customers have a mean_value of zero or less"),
        ([2, 1], [5.0, -3.0], r"the least is -3\)"),
        ([2, 1], [5.0, np.nan], "1 customers with a repeat purchase have no finite mean_value"),
        ([2, 1], [5.0, np.inf], "no finite mean_value"),
        ([2, 0], [5.0, np.nan], "1 customers have a repeat purchase with a value above zero"),
        ([1, 2, 3] * 30, [19.0] * 90, "no settled parameters for 90 repeat customers"),
    ],
)
def test_gamma_gamma_refuses(frequency: list[int], mean_value: list[float], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        ltv.GammaGamma().fit(pd.DataFrame({"frequency": frequency, "mean_value": mean_value}))


def test_values_of_zero_or_less_are_left_out_only_when_asked_and_counted(weekly: pd.DataFrame, spending) -> None:
    odd = pd.concat([weekly, weekly[weekly["frequency"] > 0].head(3).assign(mean_value=[0.0, -4, -9])])
    model = ltv.GammaGamma().fit(odd, leave_out_nonpositive=True)
    assert (model.left_out_, model.n_, spending.left_out_) == (3, 946, 0)
    pd.testing.assert_frame_equal(model.params_, spending.params_)


def test_a_mean_without_bound_and_a_total_without_interval_are_said() -> None:
    heavy = with_values(simulated(5, 4000), 5, p=3.0, q=0.8, gamma=20.0)
    with pytest.raises(OpskitError, match="must be > 1 for a mean value to exist"):
        ltv.GammaGamma().fit(heavy)
    table = with_values(simulated(5, 4000), 5, p=3.0, q=1.5, gamma=20.0)
    total = value_of(table, ltv.BGNBD().fit(table), ltv.GammaGamma().fit(table)).total.set_index("measure")
    assert total.loc["purchases", "low"] > 0
    assert total.loc["value", ["low", "high"]].isna().all()
    assert total.loc["value", "note"].startswith("no interval: q == 1.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon_days": 0}, "horizon_days == 0, must be > 0"),
        ({"annual_discount_rate": -0.1}, "annual_discount_rate"),
        ({"margin": 30}, "margin == 30, must be > 0 and <= 1|must be <= 1"),
    ],
)
def test_lifetime_value_refuses(weekly, buying, spending, options: dict[str, float], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        value_of(weekly, buying, spending, **options)


def test_models_must_be_fitted_first(weekly: pd.DataFrame, buying: ltv.BGNBD) -> None:
    with pytest.raises(OpskitError, match=r"this BGNBD is not fitted yet. Call fit\(summary\) first"):
        ltv.BGNBD().expected_purchases_new(30)
    with pytest.raises(OpskitError, match="this GammaGamma is not fitted yet"):
        value_of(weekly, buying, ltv.GammaGamma())
    for options in ({"time_unit": "month"}, {"confidence": 1.5}):
        with pytest.raises(OpskitError):
            ltv.BGNBD(**options)
