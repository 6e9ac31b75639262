"""The shifted beta-geometric model: published figures, laws, limits, and data that leave it open."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from opskit import stats
from opskit.errors import OpskitError
from opskit.monetization import subscriptions
from opskit.monetization.subscriptions import ShiftedBetaGeometric

# Fader & Hardie (2007), "How to project customer retention", table 1: survivors per 1,000, of which the first seven
# renewals are fitted; the projections for renewals 8 to 12 and the estimates are those of the paper.
COHORTS = {
    "high-end": ([869, 743, 653, 593, 551, 517, 491], (0.668, 3.806), -1611.16, [460.4, 435.8, 414.2, 395.1, 378.0]),
    "regular": ([631, 468, 382, 326, 289, 262, 241], (0.704, 1.182), -1680.27, [220.1, 204.4, 191.2, 179.9, 170.0]),
}
LATER = {"high-end": [468, 445, 427, 409, 394], "regular": [223, 207, 194, 183, 173]}
shapes = st.floats(0.2, 20)


def of(survivors: list[int]) -> ShiftedBetaGeometric:
    return ShiftedBetaGeometric().fit_survivors([1000, *survivors])


def durations(ended: list[int], running: dict[int, int], plan: str = "basic") -> pd.DataFrame:
    rows = [(plan, time, True, n) for time, n in enumerate(ended, start=1)]
    rows += [(plan, time, False, n) for time, n in running.items()]
    frame = pd.DataFrame(rows, columns=["plan", "time", "event", "n"])
    return frame.assign(
        months=1, running=frame["n"].where(~frame["event"], 0), price=frame["n"].where(~frame["event"], 0) * 10.0
    )


def with_shape(alpha: float, beta: float) -> ShiftedBetaGeometric:
    """A model fitted to exact expectations of the shape, in a cohort so large that it is found again."""
    survival = np.cumprod((beta + np.arange(60)) / (alpha + beta + np.arange(60)))
    return ShiftedBetaGeometric().fit_survivors([1e7, *(1e7 * survival)])


@pytest.mark.parametrize("name", COHORTS)
def test_published_cohorts(name: str) -> None:
    survivors, estimates, log_likelihood, projected = COHORTS[name]
    model = of(survivors)
    assert model.params_["estimate"].head(2).round(3).tolist() == list(estimates)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=0.005)
    assert (1000 * model.survival(range(8, 13))["survival"]).round(1).tolist() == projected


# Fader & Hardie (2010), "Customer-base valuation in a contractual setting", discount rate 10% a period.
@pytest.mark.parametrize(
    ("shape", "published"),
    [((3.80, 15.20), [3.31, 3.45, 3.59, 3.72, 3.84]), ((0.067, 0.267), [7.67, 9.46, 9.85, 10.06, 10.19])],
)
def test_published_residual_lifetimes(shape: tuple[float, float], published: list[float]) -> None:
    model = with_shape(*shape)
    assert (model.alpha_, model.beta_) == pytest.approx(shape, rel=1e-4)
    found = model.expected_residual_lifetime(tenure_periods=range(1, 6), discount_per_period=0.1)
    np.testing.assert_allclose(found["periods"], published, atol=0.01)


def test_covariance_is_the_inverse_of_the_numerical_curvature() -> None:
    survivors = np.array([1000, *COHORTS["high-end"][0]])
    model, i = of(COHORTS["high-end"][0]), np.arange(7)

    def log_likelihood(alpha: float, beta: float) -> float:
        ends, total = -np.diff(survivors), alpha + beta
        return float(ends @ np.log(alpha / (total + i)) + survivors[1:] @ np.log((beta + i) / (total + i)))

    assert log_likelihood(model.alpha_, model.beta_) == pytest.approx(model.log_likelihood_)
    at, h = np.array([model.alpha_, model.beta_]), 1e-4
    curvature = np.array(
        [
            [
                (
                    log_likelihood(*(at + h * (e + f)))
                    - log_likelihood(*(at + h * (e - f)))
                    - log_likelihood(*(at - h * (e - f)))
                    + log_likelihood(*(at - h * (e + f)))
                )
                / (4 * h * h)
                for f in np.eye(2)
            ]
            for e in np.eye(2)
        ]
    )
    np.testing.assert_allclose(model.covariance_, np.linalg.inv(-curvature), rtol=1e-3)


@settings(max_examples=25, deadline=None)
@given(shapes, shapes)
def test_survival_falls_from_one_and_is_the_product_of_retention(alpha: float, beta: float) -> None:
    model = ShiftedBetaGeometric()._fit(*_expected(alpha, beta, 12), 1000)
    survival = model.survival(range(25))
    assert survival["survival"].iloc[0] == pytest.approx(1)
    assert (np.diff(survival["survival"]) < 0).all()
    rates = model.retention_rate(range(1, 25))["retention_rate"]
    np.testing.assert_allclose(np.cumprod(rates), survival["survival"].iloc[1:], rtol=1e-9)
    assert (np.diff(rates) > 0).all()
    for table, name in ((survival, "survival"), (model.retention_rate(range(1, 25)), "retention_rate")):
        assert (table["low"] <= table[name]).all()
        assert (table[name] <= table["high"]).all()


def _expected(
    alpha: float, beta: float, periods: int
) -> tuple[
    np.ndarray,
    np.ndarray,
]:
    rate = (beta + np.arange(periods)) / (alpha + beta + np.arange(periods))
    there = 1000 * np.concatenate([[1], np.cumprod(rate)])
    return -np.diff(there), there[1:]


@settings(max_examples=25, deadline=None)
@given(shapes, shapes, st.floats(0.005, 0.5), st.integers(1, 30))
def test_residual_lifetime_is_the_sum_of_its_terms(alpha: float, beta: float, discount: float, tenure: int) -> None:
    model = ShiftedBetaGeometric()._fit(*_expected(alpha, beta, 12), 1000)
    t = np.arange(4000)
    survival = np.cumprod((model.beta_ + t) / (model.alpha_ + model.beta_ + t))
    before = 1.0 if tenure == 1 else survival[tenure - 2]
    summed = survival[tenure - 1 :] / before @ np.exp(-np.log1p(discount) * t[: len(t) - tenure + 1])
    found = model.expected_residual_lifetime(tenure_periods=tenure, discount_per_period=discount)["periods"].iloc[0]
    assert found == pytest.approx(summed, rel=1e-6)
    new = model.expected_lifetime(discount_per_period=discount)["periods"].iloc[0]
    first = model.expected_residual_lifetime(tenure_periods=1, discount_per_period=discount)["periods"].iloc[0]
    assert new == pytest.approx(1 + first / (1 + discount), rel=1e-9)


def test_limits_of_the_residual_lifetime() -> None:
    alike = ShiftedBetaGeometric()._fit(*_expected(40.0, 160.0, 40), 1000)  # nearly one churn of 0.2 for all
    constant = 0.8 / (1 - 0.8 / 1.1)
    found = alike.expected_residual_lifetime(tenure_periods=1, discount_per_period=0.1)["periods"].iloc[0]
    assert found == pytest.approx(constant, rel=0.02)
    apart = with_shape(0.8, 2.0)
    assert math.isinf(apart.expected_lifetime(discount_per_period=0)["periods"].iloc[0])  # E[1 / p] of Beta(<1, .)
    moderate = with_shape(3.0, 4.0)
    assert moderate.expected_lifetime(discount_per_period=0)["periods"].iloc[0] == pytest.approx(6 / 2, rel=1e-3)
    old = apart.expected_residual_lifetime(tenure_periods=[1, 500], discount_per_period=0.1)["periods"]
    assert old.iloc[0] < old.iloc[1] < 11  # never more than paying for ever, 1.1 / 0.1
    heavy = apart.expected_lifetime(discount_per_period=1e6)["periods"].iloc[0]
    assert heavy == pytest.approx(1, abs=1e-5)  # only the first payment counts


def test_weights_are_repeated_rows() -> None:
    weighted = durations([40, 12, 5], {1: 8, 2: 9, 3: 30})
    repeated = weighted.loc[weighted.index.repeat(weighted["n"])].assign(n=1)
    pd.testing.assert_frame_equal(
        ShiftedBetaGeometric().fit(weighted).params_,
        ShiftedBetaGeometric().fit(repeated.sample(frac=1, random_state=1)).params_,
    )
    survivors = ShiftedBetaGeometric().fit_survivors([100, 60, 48, 43])
    counted = ShiftedBetaGeometric().fit(durations([40, 12, 5], {3: 43}))
    pd.testing.assert_frame_equal(survivors.params_, counted.params_)


def test_contracts_before_their_first_renewal_say_nothing() -> None:
    some = durations([40, 12, 5], {3: 43})
    more = pd.concat([some, durations([], {0: 500})])
    one, other = ShiftedBetaGeometric().fit(some), ShiftedBetaGeometric().fit(more)
    pd.testing.assert_frame_equal(one.params_, other.params_)
    assert (one.n_, other.n_) == (100, 600)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (durations([], {0: 10}), "no contract has come to its first renewal"),
        (durations([], {1: 5, 4: 20}), "nobody has left yet"),
        (durations([30], {0: 5}), "nobody has renewed"),
        (durations([30], {1: 5}), "no contract has come to its second renewal"),
        (durations([100, 90, 81, 73], {4: 656}), "one churn for all, 10% at every renewal"),
        (durations([10, 30, 60], {3: 100}), "one churn for all"),
        (durations([30], {9: 50}), "whoever leaves does so at the first renewal"),
    ],
)
def test_data_that_leave_it_open_are_told(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        ShiftedBetaGeometric().fit(frame)


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(OpskitError, match="never increase"):
        ShiftedBetaGeometric().fit_survivors([100, 110])
    with pytest.raises(OpskitError, match="lacks 'event'"):
        ShiftedBetaGeometric().fit(pd.DataFrame({"time": [1], "n": [1]}))
    with pytest.raises(OpskitError, match="not fitted"):
        ShiftedBetaGeometric().survival([1])
    with pytest.raises(OpskitError, match="tenure_periods == 0, must be whole numbers >= 1"):
        of([900, 850]).expected_residual_lifetime(tenure_periods=0, discount_per_period=0.1)
    with pytest.raises(OpskitError, match="confidence == 1"):
        ShiftedBetaGeometric(confidence=1)


def test_kaplan_meier_is_that_of_statsmodels() -> None:
    frame = durations([40, 12, 5], {0: 7, 1: 8, 2: 9, 3: 30})
    table = subscriptions.renewal_table(frame, subscriptions.fit_groups(frame))
    each = frame.loc[frame.index.repeat(frame["n"])]
    peer = SurvfuncRight(each["time"], each["event"].astype(int))
    np.testing.assert_allclose(table["survival"], peer.surv_prob)
    np.testing.assert_allclose(table["survival"], table["renewal_rate"].cumprod())
    own = stats.survival(frame).set_index("time").loc[table["period"]]
    np.testing.assert_allclose(table["survival_low"], own["low"])


def test_holdout_of_the_published_cohorts() -> None:
    """Fitted on seven renewals as in the paper, the model's error on the next five is small and constant churn's is not."""
    for name, (survivors, *_) in COHORTS.items():
        there = [1000, *survivors, *LATER[name]]
        frame = durations((-np.diff(there)).tolist(), {12: there[-1]})
        found = subscriptions.holdout(frame, holdout_periods=5)
        (total,) = [row for _, row in found.total.iterrows()]
        assert total["split"] == 7
        assert total["ended"] == there[7] - there[12]
        assert abs(total["error"]) < 0.25
        assert total["inside"]
        assert total["constant_error"] > 0.7
        assert found.by_period["period"].tolist() == [8, 9, 10, 11, 12]
        model = of(survivors)
        rate = model.retention_rate(range(8, 13))["retention_rate"].to_numpy()
        np.testing.assert_allclose(found.by_period["expected"], np.array(there[7:12]) * (1 - rate))


def test_value_by_hand() -> None:
    frame = durations([40, 12, 5], {0: 10, 3: 33})
    fits = subscriptions.fit_groups(frame)
    found = subscriptions.lifetime_value(frame, fits, annual_discount_rate=0.1, margin_share=0.5)
    discount = 1.1 ** (1 / 12) - 1
    model = fits.models["basic"]
    (new,) = [row for _, row in found.of_new.iterrows()]
    assert new["value"] == pytest.approx(5 * model.expected_lifetime(discount_per_period=discount)["periods"].iloc[0])
    assert new["renewals_seen"] == 40 + 24 + 15 + 99
    assert new["naive_value"] == pytest.approx(5 * 178 / 57)
    assert found.by_tenure["tenure_periods"].tolist() == [1, 4]  # after no renewal the first period is running
    residual = model.expected_residual_lifetime(tenure_periods=[1, 4], discount_per_period=discount)["periods"]
    np.testing.assert_allclose(found.by_tenure["value"], 5 * residual)
    assert found.running["value"].iloc[0] == pytest.approx((5 * residual * [10, 33]).sum())


def test_a_plan_without_a_model_has_a_floor_or_nothing() -> None:
    young = durations([4], {1: 16, 0: 30}, "year")
    nobody_left = durations([], {2: 40}, "gift")
    frame = pd.concat([durations([40, 12, 5], {3: 43}), young, nobody_left], ignore_index=True)
    fits = subscriptions.fit_groups(frame, min_contracts=10)
    assert set(fits.without["plan"]) == {"year", "gift"}
    value = subscriptions.lifetime_value(frame, fits, annual_discount_rate=0.1, margin_share=1.0).of_new.set_index(
        "plan"
    )
    assert value["basis"].to_dict() == {"basic": "model", "year": "at least", "gift": "unknown"}
    discount = 1.1 ** (1 / 12) - 1
    assert value.loc["year", "periods"] == pytest.approx(1 / (1 - 0.8 / (1 + discount)))
    assert value.loc["gift", ["value", "low", "high"]].isna().all()
    assert subscriptions.compare_values(value.reset_index()).empty


def test_a_floor_is_below_the_model() -> None:
    """The average renewal of the first renewals, taken for ever, undervalues contracts that differ."""
    for alpha, beta in ((0.8, 2.0), (0.5, 2.2), (2.0, 6.0)):
        floor = 1 / (1 - beta / (alpha + beta) / 1.1)
        assert floor < with_shape(alpha, beta).expected_lifetime(discount_per_period=0.1)["periods"].iloc[0]


def test_claims_follow_the_figures() -> None:
    frame = durations([400, 120, 50, 20], {4: 410})
    fits = subscriptions.fit_groups(frame)
    value = subscriptions.lifetime_value(frame, fits, annual_discount_rate=0.1, margin_share=1.0).of_new
    kept = pd.DataFrame({"measure": ["net_retention"], "estimate": [1.1], "low": [1.05], "high": [1.2], "n": [50]})
    found = subscriptions.claims(subscriptions.renewal_table(frame, fits), value, kept)
    assert found["verdict"].tolist() == ["holds", "does not hold", "holds"]
    unknown = kept.assign(estimate=np.nan, low=np.nan, high=np.nan, n=0)
    young = durations([4], {1: 16})
    fits = subscriptions.fit_groups(young)
    value = subscriptions.lifetime_value(young, fits, annual_discount_rate=0.1, margin_share=1.0).of_new
    found = subscriptions.claims(subscriptions.renewal_table(young, fits), value, unknown)
    assert found["verdict"].tolist() == ["not enough data"] * 3
