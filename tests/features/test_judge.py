"""Judgements agree with scikit-learn where it has them, with a hand where it is small, and their intervals cover."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, precision_score, recall_score, roc_auc_score

from opskit import OpskitError, features

pairs = st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=6, max_size=60).filter(
    lambda rows: 2 <= sum(did for _, did in rows) <= len(rows) - 2
)


def drawn(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are true, and outcomes drawn with them."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(2, 2, n)
    return probability, rng.random(n) < probability


@given(pairs)
@settings(deadline=None, max_examples=30)
def test_estimates_are_those_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score, truth = np.array([one for one, _ in rows]) / 10, np.array([did for _, did in rows])
    found = features.accuracy(score, truth).set_index("measure")["estimate"]
    assert found["roc_auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, score))
    assert found["brier_score"] == pytest.approx(brier_score_loss(truth, score))


@given(pairs, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
@settings(deadline=None, max_examples=30)
def test_error_and_omission_are_one_less_precision_and_recall(rows: list[tuple[int, bool]], threshold: float) -> None:
    score, truth = np.array([one for one, _ in rows]) / 10, np.array([did for _, did in rows])
    row = features.error_and_omission(score, truth, thresholds=[threshold]).iloc[0]
    named = score >= threshold
    assert row["rightly"] + row["wrongly"] == row["named"] == named.sum()
    assert row["rightly"] + row["missed"] == truth.sum()
    assert row["omission_rate"] == pytest.approx(1 - recall_score(truth, named))
    if named.any():
        assert row["error_rate"] == pytest.approx(1 - precision_score(truth, named))
    else:
        assert np.isnan(row[["error_rate", "error_low", "error_high"]].to_numpy(dtype=float)).all()


def test_delong_by_hand() -> None:
    """Two who did it (3, 1) and two who did not (2, 0): placements 1 and 1/2 above, 1/2 and 1 below."""
    row = features.accuracy([3, 1, 2, 0], [True, True, False, False]).iloc[0]
    variance = 0.125 / 2 + 0.125 / 2
    assert row["estimate"] == 0.75
    assert row["low"] == pytest.approx(max(0.75 - 1.959964 * variance**0.5, 0))
    assert row["high"] == 1  # cut


def test_a_table_of_gains_by_hand() -> None:
    score, truth = [5, 4, 4, 2, 1], [True, True, False, True, False]
    found = features.gains(score, truth, shares=(0.2, 0.4, 0.6, 1.0))
    # The two with score 4 hold one who did it: taking one of them finds half of one.
    np.testing.assert_allclose(found["captured"], [1 / 3, 1.5 / 3, 2 / 3, 1])
    np.testing.assert_allclose(found["lift"], [5 / 3, 1.25, 10 / 9, 1])
    assert found["customers"].tolist() == [1, 2, 3, 5]


@given(pairs)
@settings(deadline=None, max_examples=15)
def test_laws_of_gains(rows: list[tuple[int, bool]]) -> None:
    score, truth = np.array([one for one, _ in rows]), np.array([did for _, did in rows])
    found = features.gains(score, truth)
    assert found["captured"].is_monotonic_increasing
    assert found["captured"].iloc[-1] == 1
    assert (found["low"] <= found["captured"]).all()
    assert (found["captured"] <= found["high"]).all()
    worst = features.gains(-score, truth)["captured"]
    best = features.gains(truth, truth)["captured"]
    assert (worst <= best + 1e-12).all()


def test_calibration_by_hand() -> None:
    found = features.calibration([0.1] * 10 + [0.6] * 10, [True] + [False] * 9 + [True] * 6 + [False] * 4, groups=4)
    assert found["customers"].tolist() == [10, 10]
    np.testing.assert_allclose(found["predicted"], found["observed"])


def test_one_probability_for_all_is_one_group() -> None:
    found = features.calibration([0.5] * 4, [True, False, True, False])
    assert found[["group", "customers", "observed"]].to_numpy().tolist() == [[1, 4, 0.5]]


def test_a_difference_is_that_of_the_areas_and_has_a_sign() -> None:
    score, truth = drawn(1)
    noisy = score + np.random.default_rng(2).normal(0, 0.3, len(score))
    better = features.auc_difference(score, noisy, truth).iloc[0]
    worse = features.auc_difference(noisy, score, truth).iloc[0]
    assert better["estimate"] == pytest.approx(roc_auc_score(truth, score) - roc_auc_score(truth, noisy))
    assert better[["estimate", "low", "high"]].tolist() == pytest.approx(
        [-worse[k] for k in ("estimate", "high", "low")]
    )
    assert features.auc_difference(score, score * 2, truth)[["low", "high"]].iloc[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (lambda: features.accuracy([1], [True, False]), "score has 1 rows and outcome 2"),
        (lambda: features.calibration([0.1, 0.2], [True, True]), "the same for all 2 customers"),
        (lambda: features.gains([1, 2], [True, False], shares=(0,)), "shares == 0, must be > 0"),
        (lambda: features.calibration([1, 2], [True, False], groups=1), "groups == 1, must be >= 2"),
        (lambda: features.calibration_error([1, 2], [True, False], confidence=1), "confidence == 1, must be"),
    ],
)
def test_what_cannot_be_judged_is_refused(judge: Callable[[], pd.DataFrame], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        judge()


@pytest.mark.slow
def test_intervals_cover_400_samples() -> None:
    """Populations of a million give the truth; 364 to 393 of 400 is the middle 99.9% of that binomial count."""
    big, did = drawn(0, 1_000_000)
    truth = {
        "roc_auc": roc_auc_score(did, big),
        "average_precision": average_precision_score(did, big),
        "brier_score": brier_score_loss(did, big),
        "calibration_error": 0.0,
        "captured": features.gains(big[:200_000], did[:200_000], shares=(0.2,))["captured"].iloc[0],
        "difference": roc_auc_score(did, big) - roc_auc_score(did, np.abs(big - 0.2)),
    }
    covered = dict.fromkeys(truth, 0)
    for seed in range(1, 401):
        score, outcome = drawn(seed)
        found = features.accuracy(score, outcome, seed=seed).set_index("measure")[["low", "high"]].T.to_dict("list")
        found["calibration_error"] = features.calibration_error(score, outcome)[["low", "high"]].iloc[0].tolist()
        found["captured"] = features.gains(score, outcome, shares=(0.2,), seed=seed)[["low", "high"]].iloc[0].tolist()
        other = features.auc_difference(score, np.abs(score - 0.2), outcome)
        found["difference"] = other[["low", "high"]].iloc[0].tolist()
        for name, (low, high) in found.items():
            covered[name] += low <= truth[name] <= high
    assert all(364 <= count <= 393 for count in covered.values()), covered
