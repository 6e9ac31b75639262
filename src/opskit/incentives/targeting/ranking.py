"""How well a ranking finds those who are moved: Qini and uplift curves, their areas, and intervals against random."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import OpskitError, check
from opskit.incentives.targeting.bases import BASES
from opskit.incentives.targeting.learners import LEARNERS, Scores, scores
from opskit.incentives.targeting.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

    Floats = np.ndarray[Any, np.dtype[np.float64]]

REPLICATES = 400  # of the bootstrap
SHARES = tuple(round(0.05 * step, 2) for step in range(21))
MEASURES = ("qini", "qini_coefficient", "auuc_coefficient")


class Curve(NamedTuple):
    """Customers taken from the highest score on: how many, and what treating them brings by two ways of counting.

    Attributes:
        customers: Taken so far, 0 first; customers of equal score are taken together.
        qini: Outcomes of the treated less those of the control, the control brought to the size of the treated.
        uplift: Difference of the two means, times the customers taken.
    """

    customers: "Floats"
    qini: "Floats"
    uplift: "Floats"


def curve(
    score: "ArrayLike", outcome: "ArrayLike", treated: "ArrayLike", *, weight: "ArrayLike | None" = None
) -> Curve:
    """The curve that a score draws.

    Args:
        score: One number per customer, higher for those to be treated first.
        outcome: What each did.
        treated: Whether each was treated, by lot.
        weight: How often each customer counts; None: once.

    Raises:
        OpskitError: Lengths differ.

    Source: Radcliffe (2007), "Using control groups to target on predicted lift"; Rzepakowski & Jaroszewicz (2012),
        "Decision trees for uplift modeling with single and multiple treatments".

    >>> curve([4, 3, 2, 1], [1, 0, 0, 1], [True, False, True, False]).qini.tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    import numpy as np

    number, y, t = (np.asarray(values, dtype=float) for values in (score, outcome, treated))
    if not len(number) == len(y) == len(t):
        raise OpskitError(
            f"score has {len(number)} rows, outcome {len(y)}, treated {len(t)}; they must be the same customers."
        )
    block = np.unique(-number, return_inverse=True)[1]
    return _curve(block, y, t, np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float))


def _curve(block: "np.ndarray[Any, Any]", y: "Floats", t: "Floats", weight: "Floats") -> Curve:
    import numpy as np

    treated, control, of_treated, of_control = (
        np.concatenate([[0.0], np.cumsum(np.bincount(block, weights=values))])
        for values in (weight * t, weight * (1 - t), weight * t * y, weight * (1 - t) * y)
    )
    zero, some_t, some_c = np.zeros_like(treated), treated > 0, control > 0
    ratio = np.divide(treated, control, out=zero.copy(), where=some_c)
    means = [np.divide(of_treated, treated, out=zero.copy(), where=some_t)]
    means.append(np.divide(of_control, control, out=zero.copy(), where=some_c))
    everybody = treated + control
    return Curve(everybody, of_treated - of_control * ratio, (means[0] - means[1]) * everybody)


def _area(customers: "Floats", values: "Floats") -> float:
    """Between the curve and the straight line to its end."""
    import numpy as np

    return float(np.trapezoid(values, customers) - customers[-1] * values[-1] / 2)


def areas(
    score: "ArrayLike", outcome: "ArrayLike", treated: "ArrayLike", *, weight: "ArrayLike | None" = None
) -> dict[str, float]:
    """Areas between the curves and treating at random.

    Args:
        score: As in `curve`.
        outcome: As in `curve`; the coefficients need 0 and 1 only.
        treated: As in `curve`.
        weight: As in `curve`.

    Returns:
        qini: the area under the Qini curve of one customer treated, customers counted as shares: extra outcomes per customer
        above random, on average over all shares; qini_coefficient and auuc_coefficient: the areas over those that the best
        ordering of these very customers would have. Missing where they do not exist.

    Assumes nothing of scores but their order.

    Source: the coefficients are `qini_auc_score` and `uplift_auc_score` of scikit-uplift.

    >>> {name: round(value, 3) for name, value in areas([4, 3, 2, 1], [1, 0, 0, 1], [1, 0, 1, 0]).items()}
    {'qini': 0.375, 'qini_coefficient': 1.0, 'auuc_coefficient': 1.0}
    """
    import numpy as np

    number, y, t = (np.asarray(values, dtype=float) for values in (score, outcome, treated))
    blocks = [np.unique(-one, return_inverse=True)[1] for one in (number, *_perfect(y, t))]
    return _areas(blocks, y, t, np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float))


def _perfect(y: "Floats", t: "Floats") -> "tuple[Floats, Floats]":
    """Scores that would have been best for either curve, had the outcome been known."""
    lost = ((y == 0) & (t == 1)).sum()
    tie = y if ((y == 1) & (t == 0)).sum() > lost else t
    return y * t - y * (1 - t), 2.0 * (y == t) + tie


def _areas(blocks: "Sequence[np.ndarray[Any, Any]]", y: "Floats", t: "Floats", weight: "Floats") -> dict[str, float]:
    nan, treated, everybody = float("nan"), float((weight * t).sum()), float(weight.sum())
    if not 0 < treated < everybody:
        return dict.fromkeys(MEASURES, nan)
    actual = _curve(blocks[0], y, t, weight)
    qini, auuc = _area(actual.customers, actual.qini), _area(actual.customers, actual.uplift)
    found = {"qini": qini / (everybody * treated), "qini_coefficient": nan, "auuc_coefficient": nan}
    if set(y.tolist()) <= {0.0, 1.0}:
        best = [_curve(block, y, t, weight) for block in blocks[1:]]
        most = _area(best[0].customers, best[0].qini), _area(best[1].customers, best[1].uplift)
        found["qini_coefficient"] = qini / most[0] if abs(most[0]) > 1e-12 else nan
        found["auuc_coefficient"] = auuc / most[1] if abs(most[1]) > 1e-12 else nan
    return found


def ranking(scores: Scores, *, confidence: float = 0.95, seed: int = 7) -> "pd.DataFrame":
    """How much better than random the ranking is.

    Args:
        scores: From `scores`.
        confidence: Coverage of the intervals.
        seed: Of the bootstrap over customers.

    Returns:
        measure (as in `areas`), estimate, low, high, n; 0 is random. Missing where nothing is read.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes each customer was scored by models learnt from others, so the ranking is taken as given.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    rows, z = scores.rows, float(ndtri((1 + confidence) / 2))
    table = pd.DataFrame({"measure": MEASURES, "estimate": np.nan, "low": np.nan, "high": np.nan, "n": len(rows)})
    if rows.empty:
        return table
    place, y, t = (rows[name].to_numpy(float) for name in ("place", "outcome", "treated"))
    blocks = [np.unique(-one, return_inverse=True)[1] for one in (place, *_perfect(y, t))]
    estimate = _areas(blocks, y, t, np.ones(len(y)))
    drawn = pd.DataFrame([_areas(blocks, y, t, weight) for weight in _resampled(len(y), seed)])
    values = np.array([estimate[name] for name in MEASURES])
    half = z * drawn[list(MEASURES)].std(ddof=1).to_numpy()
    return table.assign(estimate=values, low=values - half, high=values + half)


def compared(
    trial: Trial,
    arm: str = "",
    *,
    outcome: str = "buyers",
    learner: str = "X",
    base: str = "boosting",
    folds: int = 5,
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """The Qini of every learner on one base, and of one learner on every base, all on the same customers and parts.

    Args:
        trial: From `trial`.
        arm: As in `learners.scores`.
        outcome: As in `learners.scores`.
        learner: The one shown on every base.
        base: The one that every learner is shown on.
        folds: As in `learners.scores`.
        confidence: Coverage of the intervals.
        seed: Of parts, models and bootstrap.

    Returns:
        learner, base, estimate, low, high, n. The best of several flatters itself: choose before looking.
    """
    import pandas as pd

    options: dict[str, Any] = {"outcome": outcome, "folds": folds, "seed": seed}
    parts = [
        ranking(scores(trial, arm, learner=one, base=on, **options), confidence=confidence, seed=seed)
        .head(1)
        .assign(learner=one, base=on)
        for one in LEARNERS
        for on in BASES
        if one == learner or on == base
    ]
    return pd.concat(parts, ignore_index=True)[["learner", "base", "estimate", "low", "high", "n"]]


def qini_curve(
    scores: Scores, *, shares: Sequence[float] = SHARES, confidence: float = 0.95, seed: int = 7
) -> "pd.DataFrame":
    """What treating the customers ranked highest brings, share by share.

    Args:
        scores: From `scores`.
        shares: Of customers treated.
        confidence: Coverage of each point's interval.
        seed: Of the bootstrap over customers.

    Returns:
        share, customers, gained (extra outcomes per customer of the whole list), random (the same share by lot), above_random,
        low, high (of above_random), gained_low, gained_high.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    columns = ["share", "customers", "gained", "random", "above_random", "low", "high", "gained_low", "gained_high"]
    rows, z = scores.rows, float(ndtri((1 + confidence) / 2))
    if rows.empty:
        return pd.DataFrame(columns=columns, dtype=float)
    place, y, t = (rows[name].to_numpy(float) for name in ("place", "outcome", "treated"))
    block, at = np.unique(-place, return_inverse=True)[1], np.asarray(shares, dtype=float)

    gained = _gained(block, y, t, np.ones(len(y)), at)
    drawn = np.array([_gained(block, y, t, weight, at) for weight in _resampled(len(y), seed)])
    half = z * (drawn[:, :-1] - at * drawn[:, -1:]).std(axis=0, ddof=1)
    band = z * drawn[:, :-1].std(axis=0, ddof=1)
    whole, gained = gained[-1], gained[:-1]
    above = gained - at * whole
    found = (at, np.round(at * len(y)).astype(int), gained, at * whole, above, above - half, above + half)
    return pd.DataFrame(dict(zip(columns, (*found, gained - band, gained + band), strict=True)))


def beats_random(ranked: "pd.DataFrame") -> str:
    """Whether the first measure of a ranking is above that of a random one: a claim, and so harder than its interval.

    Each fold is scored by the others and scores them. Where nothing works, what chance did in one fold agrees with what it
    did in another in both directions, and the mean over the folds varies by twice the variance that resampling customers
    at given scores shows. So the interval is taken root of two times as wide; without that, 8 of 100 trials of nothing
    were called a success instead of 2 or 3.

    Args:
        ranked: From `ranking`.

    Returns:
        The verdict: ``holds``, ``does not hold`` (worse than random) or ``not enough data``.
    """
    row = ranked.iloc[0]
    estimate = float(row["estimate"])
    low, high = (estimate + (float(row[end]) - estimate) * 2**0.5 for end in ("low", "high"))
    return stats.verdict(low, high, at_least=1e-12)


def _gained(block: "np.ndarray[Any, Any]", y: "Floats", t: "Floats", weight: "Floats", at: "Floats") -> "Floats":
    """The Qini curve of one customer treated at these shares, and at its end."""
    import numpy as np

    found = _curve(block, y, t, weight)
    share, value = found.customers / found.customers[-1], found.qini / max(float((weight * t).sum()), 1.0)
    return np.append(np.interp(at, share, value), value[-1])


def _resampled(size: int, seed: int) -> "Iterator[Floats]":
    """How often each customer comes in each bootstrap sample."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for _ in range(REPLICATES):
        yield np.bincount(rng.integers(size, size=size), minlength=size).astype(float)
