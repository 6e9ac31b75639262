"""Joint test that nothing happens before the membership begins."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opskit import stats

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def estimate_with_leads(
    sums: "pd.DataFrame",
    statistic: "Callable[[pd.DataFrame], np.ndarray[Any, Any]]",
    *,
    keys: Sequence[str],
    leads: Sequence[int],
    confidence: float,
) -> "tuple[pd.DataFrame, float]":
    """Jackknife a series of estimates and test whether those before the membership are all 0.

    The jackknife gives variances only; those of sums of two estimates give the covariances, (V(a + b) - V(a) - V(b)) / 2.

    Args:
        sums: As `stats.jackknife` wants them.
        statistic: Gives the estimates from the totals.
        keys: As `stats.jackknife` wants them.
        leads: Places of the leads among the estimates; a missing one is not tested.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        estimate, low, high by place; and the probability of leads at least so far from 0 if all were 0 (missing where it
        cannot be worked out), from Hotelling's T-squared with as many degrees of freedom as the jackknife has.
    """
    import numpy as np
    import pandas as pd
    from scipy import special
    from scipy import stats as distributions

    pairs = [(a, b) for place, a in enumerate(leads) for b in leads[:place]]
    first, second = [list(side) for side in zip(*pairs, strict=True)] if pairs else ([], [])

    def extended(total: "pd.DataFrame") -> "pd.Series[Any]":
        values = statistic(total)
        return pd.Series(np.concatenate([values, values[first] + values[second]]))

    table = stats.jackknife(sums, extended, keys=keys, confidence=confidence)
    plain = table.iloc[: len(table) - len(pairs)].reset_index(drop=True)
    groups = int(sums["group"].nunique())
    if groups < 2:
        return plain, float("nan")
    half = (table["high"] - table["low"]).to_numpy() / 2
    variance = (half / special.stdtrit(groups - 1, (1 + confidence) / 2)) ** 2
    covariance = np.diag(variance[: len(plain)])
    for (a, b), of_sum in zip(pairs, variance[len(plain) :], strict=True):
        covariance[a, b] = covariance[b, a] = (of_sum - variance[a] - variance[b]) / 2
    tested = [place for place in leads if np.isfinite(plain["estimate"][place]) and variance[place] > 0]
    free = groups - len(tested)
    if not tested or free < 1:
        return plain, float("nan")
    away = plain["estimate"].to_numpy()[tested]
    distance = away @ np.linalg.pinv(covariance[np.ix_(tested, tested)]) @ away
    p = distributions.f.sf(distance * free / (len(tested) * (groups - 1)), len(tested), free)
    return plain, float(p)
