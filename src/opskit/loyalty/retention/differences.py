"""Log-rank tests on counted durations, corrected for how many are made."""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


_ROUNDING = 1e-9
"""Eigenvalues smaller than this part of the largest are zeros that were rounded: the excesses of all groups sum to 0."""


class LogRank(NamedTuple):
    """One log-rank test."""

    chi_square: float
    degrees: int
    p: float


def log_rank(durations: "pd.DataFrame") -> LogRank:
    """Whether groups end at different rates.

    Args:
        durations: ``value`` (the group), ``time``, ``event`` (true when it ended) and ``n`` (how many).

    Returns:
        chi_square, degrees of freedom and p; p is missing where nothing can be compared.

    Assumes durations are independent. Curves that cross may differ without the test seeing it.

    Source: Mantel (1966), "Evaluation of survival data and two new rank order statistics arising in its consideration".

    >>> import pandas as pd
    >>> durations = pd.DataFrame({"value": ["a", "a", "b", "b"], "time": [1, 2, 3, 4], "event": True, "n": 10})
    >>> round(log_rank(durations).chi_square, 2)
    39.39
    """
    return _test(*_counts(durations))


def _counts(durations: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """How many ended at each time, and how many were there until then, a column per group."""
    ended = durations["n"].where(durations["event"].astype(bool), 0)
    summed = (
        durations.assign(ended=ended).groupby(["time", "value"], observed=True, as_index=False)[["n", "ended"]].sum()
    )
    there, ended = (summed.pivot(index="time", columns="value", values=name).fillna(0) for name in ("n", "ended"))
    return ended, there[::-1].cumsum()[::-1]


def _test(ended: "pd.DataFrame", at_risk: "pd.DataFrame") -> LogRank:
    """The test of the groups that are columns."""
    import numpy as np
    from scipy.stats import chi2

    known = at_risk.to_numpy(dtype=float).sum(axis=1) > 0
    if not known.any():
        return LogRank(np.nan, 0, np.nan)
    d, there = (table.to_numpy(dtype=float)[known] for table in (ended, at_risk))
    total, happened = there.sum(axis=1), d.sum(axis=1)
    share = there / total[:, None]
    excess = (d - happened[:, None] * share).sum(axis=0)
    spread = np.divide(happened * (total - happened), total - 1, out=np.zeros_like(total), where=total > 1)
    variance = np.diag(spread @ share) - share.T @ (spread[:, None] * share)
    degrees = int(np.linalg.matrix_rank(variance, hermitian=True, rtol=_ROUNDING))
    if degrees == 0:
        return LogRank(np.nan, 0, np.nan)
    chi_square = float(excess @ np.linalg.pinv(variance, hermitian=True, rtol=_ROUNDING) @ excess)
    return LogRank(chi_square, degrees, float(chi2.sf(chi_square, degrees)))


def between_values(durations: "Mapping[str, pd.DataFrame]", *, confidence: float) -> "pd.DataFrame":
    """One test per attribute over its values, Holm over the attributes."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for attribute, cells in durations.items():
        sizes = {"values": cells["value"].nunique(), "n": int(cells["n"].sum())}
        rows.append({"attribute": attribute, **sizes, **log_rank(cells)._asdict()})
    columns = ["attribute", "values", "n", *LogRank._fields]
    return holm(pd.DataFrame(rows, columns=columns), confidence=confidence)


def between_pairs(
    durations: "Mapping[str, pd.DataFrame]", tests: "pd.DataFrame", groups: "pd.DataFrame", *, confidence: float
) -> "pd.DataFrame":
    """Every two values of the attributes that differ, Holm over the pairs of an attribute."""
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for attribute in tests.loc[tests["differs"], "attribute"]:
        cells = durations[attribute]
        sizes, counts = cells.groupby("value", observed=True)["n"].sum(), _counts(cells)
        known = groups[groups["attribute"] == attribute].set_index("value").to_dict("index")
        rows: list[dict[str, Any]] = []
        for one, other in combinations(cells["value"].unique(), 2):
            pair = [one, other]
            tested = {"n": int(sizes[pair].sum()), "p": _test(*(table[pair] for table in counts)).p}
            names = {"attribute": attribute, "value": one, "other": other}
            rows.append(names | _apart(known[one], known[other]) | tested)
        parts.append(holm(pd.DataFrame(rows), confidence=confidence))
    columns = ["attribute", "value", "other", "difference", "low", "high", "n", "p", "p_adjusted", "differs"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _apart(one: "Mapping[str, Any]", other: "Mapping[str, Any]") -> dict[str, float]:
    """Difference of two survivals, its interval from those of the two."""
    import numpy as np

    below = np.hypot(one["survival"] - one["low"], other["high"] - other["survival"])
    above = np.hypot(one["high"] - one["survival"], other["survival"] - other["low"])
    difference = one["survival"] - other["survival"]
    return {"difference": difference, "low": difference - below, "high": difference + above}


def holm(tests: "pd.DataFrame", *, confidence: float) -> "pd.DataFrame":
    """p_adjusted and differs beside each p; a missing p takes no part."""
    from statsmodels.stats.multitest import multipletests

    known = tests["p"].notna().to_numpy(dtype=bool)
    adjusted = tests["p"].to_numpy(dtype=float, copy=True)
    if known.sum() > 1:  # one alone needs no correction, and the library is slow to begin
        adjusted[known] = multipletests(adjusted[known], method="holm")[1]
    return tests.assign(p_adjusted=adjusted, differs=adjusted <= 1 - confidence)
