"""How well predictions came true: order, calibration, gains, and the two kinds of mistake at a threshold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

REPLICATES = 400  # of the bootstrap


def accuracy(
    probability: "ArrayLike", outcome: "ArrayLike", *, confidence: float = 0.95, seed: int = 7
) -> "pd.DataFrame":
    """How well probabilities put those who did it before those who did not, and how far off they were.

    Args:
        probability: Predicted for each customer; between 0 and 1 for the Brier score to mean anything.
        outcome: True or False for each, in the same order.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the bootstrap behind the interval of the average precision.

    Returns:
        measure, estimate, low, high, n: roc_auc (of one who did it and one who did not, how often the first has the
        higher probability; 0.5 is chance), average_precision (area under precision over recall; the share of those who
        did it is chance) and brier_score (mean squared distance of probability and outcome; 0 is perfect).

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or the confidence is not between 0 and 1.

    Assumes one row per customer, none of whom the model was fitted to.

    Source: roc_auc's interval by DeLong, DeLong & Clarke-Pearson (1988), "Comparing the areas under two or more
    correlated receiver operating characteristic curves".

    >>> accuracy([0.9, 0.8, 0.3, 0.1], [True, False, True, False]).round(3)[["measure", "estimate"]]
                 measure  estimate
    0            roc_auc     0.750
    1  average_precision     0.833
    2        brier_score     0.288
    """
    import numpy as np
    import pandas as pd

    score, truth = _pair(probability, outcome)
    yes, no = placements(score, truth)
    block = _blocks(score)
    spread = np.std([_average_precision(block, truth, weight) for weight in _resampled(len(score), seed)], ddof=1)
    squares = (score - truth) ** 2
    rows = [
        ("roc_auc", float(yes.mean()), _standard_error(yes, no)),
        ("average_precision", _average_precision(block, truth, np.ones(len(score))), float(spread)),
        ("brier_score", float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(len(squares)))),
    ]
    half = _quantile(confidence)
    bounded = [(name, value, max(value - half * se, 0.0), min(value + half * se, 1.0)) for name, value, se in rows]
    return pd.DataFrame(bounded, columns=["measure", "estimate", "low", "high"]).assign(n=len(score))


def auc_difference(
    score: "ArrayLike", other: "ArrayLike", outcome: "ArrayLike", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """By how much one score orders the same customers better than another.

    Args:
        score: One number per customer, higher for those more likely to do it.
        other: The score to compare with.
        outcome: True or False for each customer.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: estimate (area under the curve of score less that of other), low, high, n.

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or the confidence is not between 0 and 1.

    Source: DeLong et al. (1988), as in `accuracy`; both scores meet the same customers, so chance largely cancels.

    >>> auc_difference([4, 3, 2, 1], [1, 2, 3, 4], [True, True, False, False])["estimate"].tolist()
    [1.0]
    """
    import pandas as pd

    first, second = (placements(*_pair(one, outcome)) for one in (score, other))
    yes, no = first[0] - second[0], first[1] - second[1]
    estimate, half = float(yes.mean()), _quantile(confidence) * _standard_error(yes, no)
    row = {"estimate": estimate, "low": max(estimate - half, -1.0), "high": min(estimate + half, 1.0)}
    return pd.DataFrame([{**row, "n": len(yes) + len(no)}])


def calibration(
    probability: "ArrayLike", outcome: "ArrayLike", *, groups: int = 10, confidence: float = 0.95
) -> "pd.DataFrame":
    """Whether as many did it as predicted, in groups of equal size by probability.

    Args:
        probability: Predicted for each customer, between 0 and 1.
        outcome: True or False for each.
        groups: How many groups to form; equal probabilities stay together, so there may be fewer.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        group (1 has the lowest probabilities), customers, predicted (mean probability), observed (share that did it),
        low, high (of observed).

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or an option is out of range.

    >>> calibration([0.1, 0.2, 0.8, 0.9], [False, False, True, True], groups=2)[["predicted", "observed"]]
       predicted  observed
    0       0.15       0.0
    1       0.85       1.0
    """
    import pandas as pd

    check(groups, "groups", ge=2)
    score, truth = _pair(probability, outcome)
    group = pd.qcut(score, groups, labels=False, duplicates="drop") if len(set(score)) > 1 else [0] * len(score)
    table = pd.DataFrame({"predicted": score, "truth": truth}).groupby(group).agg(
        customers=("truth", "size"), predicted=("predicted", "mean"), observed=("truth", "mean"), did=("truth", "sum")
    )  # fmt: skip
    low, high = stats.wilson(table.pop("did"), table["customers"], confidence=confidence)
    table = table.assign(low=low, high=high).reset_index(drop=True)
    table.insert(0, "group", table.index + 1)
    return table


def calibration_error(probability: "ArrayLike", outcome: "ArrayLike", *, confidence: float = 0.95) -> "pd.DataFrame":
    """By how much more (or less) of the customers did it than predicted, all together.

    Args:
        probability: Predicted for each customer, between 0 and 1.
        outcome: True or False for each.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: estimate (share that did it less the mean probability), low, high, n.

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or the confidence is not between 0 and 1.

    >>> calibration_error([0.5, 0.5, 0.5, 0.5], [True, True, True, False])["estimate"].tolist()
    [0.25]
    """
    import numpy as np
    import pandas as pd

    score, truth = _pair(probability, outcome)
    gap = truth - score
    estimate, half = float(gap.mean()), _quantile(confidence) * float(gap.std(ddof=1) / np.sqrt(len(gap)))
    row = {"estimate": estimate, "low": max(estimate - half, -1.0), "high": min(estimate + half, 1.0)}
    return pd.DataFrame([{**row, "n": len(gap)}])


def gains(
    score: "ArrayLike",
    outcome: "ArrayLike",
    *,
    shares: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """Of all who did it, the share found among the customers with the highest scores.

    Args:
        score: One number per customer, higher for those more likely to do it.
        outcome: True or False for each.
        shares: Of the customers, taken from the top, between 0 and 1.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the bootstrap over customers.

    Returns:
        share, customers, captured (share of those who did it), low, high, lift (captured / share: how many times more
        than by chance), lift_low, lift_high. Customers with equal scores are taken as one block, evenly.

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or an option is out of range.

    >>> gains([4, 3, 2, 1], [True, True, False, False], shares=(0.5, 1.0))[["share", "captured", "lift"]]
       share  captured  lift
    0    0.5       1.0   2.0
    1    1.0       1.0   1.0
    """
    import numpy as np
    import pandas as pd

    for share in shares:
        check(share, "shares", gt=0, le=1)
    number, truth = _pair(score, outcome)
    block = _blocks(number)
    estimate = _captured(block, truth, np.ones(len(truth)), shares)
    drawn = np.array([_captured(block, truth, weight, shares) for weight in _resampled(len(truth), seed)])
    half = _quantile(confidence) * drawn.std(axis=0, ddof=1)
    low, high = np.clip(estimate - half, 0, 1), np.clip(estimate + half, 0, 1)
    share = np.asarray(shares, dtype=float)
    table = {"share": share, "customers": np.round(share * len(truth)).astype(int), "captured": estimate}
    return pd.DataFrame(
        {
            **table,
            "low": low,
            "high": high,
            "lift": estimate / share,
            "lift_low": low / share,
            "lift_high": high / share,
        }
    )


def error_and_omission(
    score: "ArrayLike", outcome: "ArrayLike", *, thresholds: Sequence[float], confidence: float = 0.95
) -> "pd.DataFrame":
    """The two kinds of mistake at each threshold: the wrongly named and the missed.

    Args:
        score: One number per customer, higher for those more likely to do it.
        outcome: True or False for each.
        thresholds: Customers with a score of at least this are named.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        threshold, named (customers), rightly, wrongly, missed (who did it and were not named), error_rate (wrongly /
        named, which is 1 - precision) with error_low, error_high, omission_rate (missed / all who did it, which is
        1 - recall) with omission_low, omission_high. The error rate is missing where nobody is named.

    Raises:
        OpskitError: Lengths differ, an outcome does not occur, or the confidence is not between 0 and 1.

    >>> found = error_and_omission([0.9, 0.8, 0.3, 0.1], [True, False, True, False], thresholds=(0.5,))
    >>> found[["named", "wrongly", "missed", "error_rate", "omission_rate"]]
       named  wrongly  missed  error_rate  omission_rate
    0      2        1       1         0.5            0.5
    """
    import numpy as np
    import pandas as pd

    number, truth = _pair(score, outcome)
    at = np.asarray(thresholds, dtype=float)
    # From the top down, whoever comes before the first score below the threshold is named.
    top = np.argsort(-number, kind="stable")
    named = np.searchsorted(-number[top], -at, side="right")
    rightly = np.concatenate([[0], np.cumsum(truth[top])])[named].astype(int)
    wrongly, missed = named - rightly, int(truth.sum()) - rightly
    table = pd.DataFrame({"threshold": at, "named": named, "rightly": rightly, "wrongly": wrongly, "missed": missed})
    for name, mistakes, n in (("error", wrongly, named), ("omission", missed, np.full(len(at), truth.sum()))):
        low, high = stats.wilson(mistakes, n, confidence=confidence)
        table[f"{name}_rate"] = mistakes / np.where(n > 0, n, np.nan)
        table[f"{name}_low"], table[f"{name}_high"] = low, high
    return table


def placements(score: "NDArray[Any]", truth: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any]]":
    """For each who did it the share of the others with a lower score, and for each other the share with a higher one.

    The mean of either is the area under the curve; how they vary is its error.
    """
    from scipy.stats import rankdata

    did = truth.astype(bool)
    everybody, first, second = rankdata(score), rankdata(score[did]), rankdata(score[~did])
    yes, no = (everybody[did] - first) / len(second), 1 - (everybody[~did] - second) / len(first)
    return yes, no


def _standard_error(yes: "NDArray[Any]", no: "NDArray[Any]") -> float:
    import numpy as np

    if min(len(yes), len(no)) < 2:
        return float("nan")
    return float(np.sqrt(yes.var(ddof=1) / len(yes) + no.var(ddof=1) / len(no)))


def _pair(score: "ArrayLike", outcome: "ArrayLike") -> "tuple[NDArray[Any], NDArray[Any]]":
    import numpy as np

    number, truth = np.asarray(score, dtype=float), np.asarray(outcome, dtype=bool)
    if len(number) != len(truth):
        raise OpskitError(f"score has {len(number)} rows and outcome {len(truth)}; they must be the same customers.")
    if not 0 < truth.sum() < len(truth):
        raise OpskitError(f"outcome is the same for all {len(truth)} customers, must have both kinds to judge by.")
    return number, truth.astype(float)


def _average_precision(block: "NDArray[Any]", truth: "NDArray[Any]", weight: "NDArray[Any]") -> float:
    """Precision at each score, weighted by who is found there."""
    import numpy as np

    found = np.bincount(block, weights=weight * truth)
    named = np.cumsum(np.bincount(block, weights=weight))
    return float(np.sum(found * np.cumsum(found) / np.maximum(named, 1)) / max(found.sum(), 1))


def _blocks(score: "NDArray[Any]") -> "NDArray[np.int64]":
    """Customers with equal scores share a number, 0 for the highest score."""
    import numpy as np

    return np.unique(-score, return_inverse=True)[1]


def _captured(
    block: "NDArray[Any]", truth: "NDArray[Any]", weight: "NDArray[Any]", shares: Sequence[float]
) -> "NDArray[Any]":
    import numpy as np

    everybody = np.concatenate([[0.0], np.cumsum(np.bincount(block, weights=weight))])
    found = np.concatenate([[0.0], np.cumsum(np.bincount(block, weights=weight * truth))])
    return np.interp(shares, everybody / everybody[-1], found / max(found[-1], 1))


def _resampled(size: int, seed: int) -> "Iterator[NDArray[np.float64]]":
    """How often each customer comes in each bootstrap sample."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for _ in range(REPLICATES):
        yield np.bincount(rng.integers(size, size=size), minlength=size).astype(float)


def _quantile(confidence: float) -> float:
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    return float(ndtri((1 + confidence) / 2))
