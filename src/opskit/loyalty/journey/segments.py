"""The funnel for each value of a customer attribute, and which differences are more than chance."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, check
from opskit.loyalty.journey.funnel import Walk

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def segments(
    walked: Walk, attributes: Any, *, by: str, max_segments: int = 8, confidence: float = 0.95
) -> "pd.DataFrame":
    """The share going on at each step for each segment, held against everybody else.

    Args:
        walked: What `walk` gives.
        attributes: Any frame of the same engine with customer_id and the attribute, one row per customer.
        by: The attribute, such as channel or region; customers without it make the segment ``(none)``.
        max_segments: The largest so many stay apart; the others make the segment ``(other)``.
        confidence: Coverage of the intervals, and 1 - confidence is the chance that any difference is called one
            although there is none.

    Returns:
        A row per segment and step, the largest segment first: segment, step, n (at the step before), reached, rate, low,
        high, rest (rate of everybody else), difference (rate - rest), difference_low, difference_high, p (Fisher's exact
        test against everybody else), p_adjusted (Holm, over all segments and steps), differs. The first step, where
        nobody can be lost, has no row.

    Raises:
        OpskitError: An option is out of range, or the attribute is missing.

    Assumes customers are independent and belong to one segment. A segment that goes on more often may hold other
    people: the difference says where to look, not what moving customers between segments would do.

    Source: Newcombe (1998), method 10, for the difference; Holm (1979), "A simple sequentially rejective multiple test
    procedure".
    """
    import pandas as pd

    check(max_segments, "max_segments", ge=2)
    check(confidence, "confidence", gt=0, lt=1)
    sizes = _sizes(walked, attributes, by, max_segments)
    parts: list[pd.DataFrame] = []
    for segment in sizes.columns.get_level_values(0).unique():
        n = sizes[segment].to_numpy(dtype=float)
        parts.append(_against_rest(n, sizes.sum(axis=1).to_numpy(dtype=float) - n, confidence))
    names = list(sizes.columns)
    table = pd.concat(parts, keys=names, names=["segment", "place"]).reset_index()
    table.insert(1, "step", table.pop("place").map(dict(enumerate(walked.steps[1:]))))
    return _adjusted(table, 1 - confidence)


def _sizes(walked: Walk, attributes: Any, by: str, max_segments: int) -> "pd.DataFrame":
    """Mature customers that reached each step (rows), by segment (columns), the largest first."""
    import pandas as pd

    known = frames.lazy(attributes, "customer_id", by, table="customers")
    if known.implementation != walked.arrivals.implementation:
        raise OpskitError(
            f"attributes are a {known.implementation.value} frame and the actions a "
            f"{walked.arrivals.implementation.value} one; both must be of one kind."
        )
    counted = frames.collect(
        walked.arrivals.filter(nw.col("mature"))
        .select("customer_id", "step")
        .join(known.select("customer_id", nw.col(by).cast(nw.String).alias("segment")), on="customer_id", how="left")
        .group_by("step", "segment")
        .agg(nw.len().alias("n"))
    )
    if counted.empty:  # nobody is mature yet
        return pd.DataFrame({"(none)": 0}, index=range(len(walked.steps)))
    counted["segment"] = counted["segment"].astype(object).where(counted["segment"].notna(), "(none)")
    sizes = counted.pivot(index="step", columns="segment", values="n").reindex(range(len(walked.steps))).fillna(0)
    ranked = sorted(sizes.columns, key=lambda name: (-sizes[name].iloc[0], str(name)))
    kept = ranked if len(ranked) <= max_segments else ranked[: max_segments - 1]
    result = sizes[kept].copy()
    if len(kept) < len(ranked):
        result["(other)"] = sizes[ranked[len(kept) :]].sum(axis=1)
    return result.astype("int64")


def _against_rest(reached: "np.ndarray[Any, Any]", rest: "np.ndarray[Any, Any]", confidence: float) -> "pd.DataFrame":
    """Rates of one segment and of everybody else, step by step."""
    import numpy as np
    import pandas as pd
    from scipy.stats import fisher_exact

    (n, k), (m, j) = (reached[:-1], reached[1:]), (rest[:-1], rest[1:])
    rate, other = k / np.where(n > 0, n, np.nan), j / np.where(m > 0, m, np.nan)
    low, high = stats.wilson(k, n, confidence=confidence)
    cells = np.stack([k, n - k, j, m - j], axis=1).astype(int)
    p: list[Any] = [fisher_exact(cell.reshape(2, 2))[1] for cell in cells]
    return pd.DataFrame(
        {
            "n": n.astype("int64"),
            "reached": k.astype("int64"),
            "rate": rate,
            "low": low,
            "high": high,
            "rest": other,
            **apart(k, n, j, m, confidence),
            "p": np.where((n > 0) & (m > 0), p, np.nan),
        }
    )


def apart(k: Any, n: Any, j: Any, m: Any, confidence: float) -> "dict[str, np.ndarray[Any, Any]]":
    """Difference of the shares k / n and j / m with its interval, from the two Wilson intervals."""
    import numpy as np

    k, n, j, m = (np.asarray(counts, dtype=float) for counts in (k, n, j, m))
    rate, other = k / np.where(n > 0, n, np.nan), j / np.where(m > 0, m, np.nan)
    low, high = stats.wilson(k, n, confidence=confidence)
    other_low, other_high = stats.wilson(j, m, confidence=confidence)
    difference = rate - other
    return {
        "difference": difference,
        "difference_low": difference - np.hypot(rate - low, other_high - other),
        "difference_high": difference + np.hypot(high - rate, other - other_low),
    }


def _adjusted(table: "pd.DataFrame", alpha: float) -> "pd.DataFrame":
    """Holm over the comparisons that could have come out either way: a step that all take, or nobody, compares nothing."""
    import numpy as np
    from statsmodels.stats.multitest import multipletests

    open_ended = table["p"].notna() & ~(table["rate"].eq(table["rest"]) & table["rate"].isin([0, 1]))
    adjusted = np.full(len(table), np.nan)
    differs = np.zeros(len(table), dtype=bool)
    if open_ended.any():
        differs[open_ended], adjusted[open_ended], _, _ = multipletests(
            table.loc[open_ended, "p"].to_numpy(dtype=float), alpha=alpha, method="holm"
        )
    return table.assign(p_adjusted=adjusted, differs=differs)
