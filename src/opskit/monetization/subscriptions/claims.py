"""Rules of thumb about subscriptions, tested on one's own data."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

_ABOUT_RIGHT = (0.8, 1.25)  # a value within a fifth of another, either way


def claims(
    renewals: "pd.DataFrame", of_new: "pd.DataFrame", kept: "pd.DataFrame", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Three rules of thumb with their verdicts.

    Args:
        renewals: Of `renewals.renewal_table`.
        of_new: Of `value.lifetime_value`.
        kept: Of `recurring_revenue.revenue_retention`.
        confidence: Coverage of the first rule's interval; the others bring their own.

    Returns:
        claim, estimate, low, high, n, at_least, at_most (the range in which it holds), verdict:
        later renewals succeed more often than the first (difference of shares, all plans together); price over churn is
        what a contract is worth (naive over model value of the largest plan with a model, right within a fifth); those
        who are there make revenue grow (net revenue retention of at least 1).

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes nothing about why renewal rises: sorting alone makes it rise.

    Source: for the difference of two shares, Newcombe (1998), "Interval estimation for the difference between
    independent proportions".
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    net = kept[kept["measure"] == "net_retention"].iloc[0]
    revenue = (net["estimate"], net["low"], net["high"])
    return pd.DataFrame(
        [
            _claim("later renewals succeed more often than the first", *_later(renewals, confidence), at_least=0.0),
            _claim("price over churn is what a contract is worth", *_naive(of_new), *_ABOUT_RIGHT),
            _claim("those who are there make revenue grow", revenue, int(net["n"]), at_least=1.0),
        ]
    )


def _claim(
    name: str,
    figures: tuple[float, float, float],
    n: int,
    at_least: float = float("-inf"),
    at_most: float = float("inf"),
) -> dict[str, Any]:
    estimate, low, high = figures
    verdict = stats.verdict(low, high, at_least=at_least, at_most=at_most)
    figure = {"claim": name, "estimate": estimate, "low": low, "high": high, "n": n}
    return {**figure, "at_least": at_least, "at_most": at_most, "verdict": verdict}


def _later(renewals: "pd.DataFrame", confidence: float) -> tuple[tuple[float, float, float], int]:
    """Share renewing at the second to last renewal less that at the first."""
    import numpy as np

    first = renewals["period"] == 1
    renewed, due = ([renewals.loc[rows, name].sum() for rows in (first, ~first)] for name in ("renewed", "at_risk"))
    low, high = stats.wilson(renewed, due, confidence=confidence)
    share = [one / n if n else np.nan for one, n in zip(renewed, due, strict=True)]
    difference = share[1] - share[0]
    below = np.hypot(share[1] - low[1], high[0] - share[0])
    above = np.hypot(high[1] - share[1], share[0] - low[0])
    return (difference, difference - below, difference + above), int(due[1])


def _naive(of_new: "pd.DataFrame") -> tuple[tuple[float, float, float], int]:
    known = of_new[of_new["basis"] == "model"]
    if known.empty:
        return (float("nan"), float("nan"), float("nan")), 0
    row = known.iloc[0]
    ratio = tuple(float(row["naive_value"] / row[bound]) for bound in ("value", "high", "low"))
    return (ratio[0], ratio[1], ratio[2]), int(row["contracts"])
