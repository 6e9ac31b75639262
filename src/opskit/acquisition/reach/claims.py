"""The page's rules of thumb, each with its estimate, interval and verdict."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.reach.trial import WEEK, Trial

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["claim", "estimate", "low", "high", "n", "verdict"]


def claims(
    together: "pd.DataFrame",
    found: Trial,
    *,
    believed: bool = False,
    limit_per_week: float = 2,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The rules of thumb, tested.

    Args:
        together: From `together`.
        found: From `trial`.
        believed: Whether its arms are believed to be drawn by lot; only then is anything said of messages.
        limit_per_week: Messages a week beyond which people are said to leave.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        claim, estimate (share counted again, also beyond chance; difference of the shares that opted out; difference of
        answers per customer and week), low, high, n, verdict (`stats.verdict`; an interval that touches 0 from above
        is not enough data).

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10;
    Welch's interval for the difference of means.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = [
        ("the sum is less than its parts: counted again", *row_of(together, "counted_again")),
        ("audiences overlap more than by chance", *row_of(together, "beyond_chance")),
    ]
    if found.there and believed:
        rows.append(
            (f"more than {limit_per_week:g} messages a week lose people", *_leaving(found, limit_per_week, confidence))
        )
        rows.append(("the highest frequency brings more answers", *_helping(found, confidence)))
    table = pd.DataFrame(rows, columns=_COLUMNS[:-1])
    least = 1e-12  # the claims are of more than nothing
    table["verdict"] = [
        stats.verdict(low, high, at_least=least) if estimate == estimate else "not enough data"
        for estimate, low, high in zip(table["estimate"], table["low"], table["high"], strict=True)
    ]
    return table


def row_of(together: "pd.DataFrame", measure: str) -> tuple[float, float, float, int]:
    """Estimate, low, high and n of one measure.

    Args:
        together: From `together`.
        measure: Its name.
    """
    place = together["measure"].tolist().index(measure)
    estimate, low, high, n = together[["estimate", "low", "high", "n"]].to_numpy(dtype=float)[place].tolist()
    return estimate, low, high, int(n)


def _leaving(found: Trial, limit: float, confidence: float) -> tuple[float, float, float, int]:
    """Share that opted out in arms above the limit, less that in the others."""
    import numpy as np
    from statsmodels.stats.proportion import confint_proportions_2indep

    rate = found.people["arm"].map(found.arms.set_index("arm")["messages_per_week"])
    counts = (
        found.people.assign(above=rate > limit, left=found.people["opted_out"] * found.people["customers"])
        .groupby("above")[["left", "customers"]]
        .sum()
    )
    n = int(counts["customers"].sum())
    if len(counts) < 2 or not found.opt_outs_known:
        return np.nan, np.nan, np.nan, n
    (left0, n0), (left1, n1) = counts.sort_index().to_numpy().tolist()
    low, high = confint_proportions_2indep(left1, n1, left0, n0, method="newcomb", alpha=1 - confidence)
    return left1 / n1 - left0 / n0, float(low), float(high), n


def _helping(found: Trial, confidence: float) -> tuple[float, float, float, int]:
    """Answers per customer and week of the arm with most messages, less those of the step below."""
    import numpy as np
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    rates = found.arms["messages_per_week"].to_numpy(dtype=float)
    steps = np.unique(rates)[-2:]
    samples: list[Any] = []
    for step in steps[::-1]:
        arms = found.arms.loc[rates == step, "arm"]
        part = found.people[found.people["arm"].isin(arms)]
        values = part["responded"].to_numpy(dtype=float) * WEEK / found.days
        samples.append(DescrStatsW(np.repeat(values, part["customers"])))
    n = int(sum(sample.nobs for sample in samples))
    if min(sample.nobs for sample in samples) < 2 or all(sample.var == 0 for sample in samples):
        return np.nan, np.nan, np.nan, n
    low, high = CompareMeans(*samples).tconfint_diff(alpha=1 - confidence, usevar="unequal")
    return float(samples[0].mean - samples[1].mean), float(low), float(high), n
