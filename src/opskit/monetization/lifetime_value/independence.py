"""Whether those who buy often also spend more an order: the Gamma-Gamma model takes it that they do not."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

_SUMS = ("f", "v", "ff", "vv", "fv")


class Independence(NamedTuple):
    """Spend by frequency, and the correlation of the two."""

    by_frequency: "pd.DataFrame"  # frequency, customers, mean_value, low, high
    correlation: "pd.DataFrame"  # estimate, low, high, n, at_least, at_most, verdict


def independence(
    summary: Any, *, max_frequency: int = 7, tolerance: float = 0.1, confidence: float = 0.95
) -> Independence:
    """Mean value per repeat day by how often customers repeat, and the correlation of the two.

    Args:
        summary: Of `summary`: customer_id, frequency, mean_value.
        max_frequency: So many repeat days or more make the last class.
        tolerance: The assumption holds when the whole interval of the correlation lies within plus or minus this.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_frequency``: frequency (``"1"`` ... ``"7+"``), customers, mean_value (average over the class), low, high.
        ``correlation``: estimate (Pearson's, among customers with a repeat day), low, high, n, at_least, at_most,
        verdict; missing with fewer than three such customers or where all are alike.

    Raises:
        OpskitError: An option is out of range, or a column is missing.
        TooLittleDataError: Nobody has a repeat day.

    Assumes customers are independent of each other. The plain mean is compared, not its log: averages over few orders
    spread more, which shifts the mean of logs even where frequency and spend have nothing to do with each other.

    Source: Fader, Hardie & Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", section 4.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"customer_id": range(4), "frequency": [0, 1, 1, 2], "mean_value": [None, 10.0, 30, 20]})
    >>> independence(table).by_frequency[["frequency", "customers", "mean_value"]].head(2).values.tolist()
    [['1', 2, 20.0], ['2', 1, 20.0]]
    """
    import numpy as np
    import pandas as pd

    check(max_frequency, "max_frequency", ge=1)
    check(tolerance, "tolerance", gt=0, lt=1)
    check(confidence, "confidence", gt=0, lt=1)
    cells = frames.collect(_cells(summary, max_frequency))
    if cells.empty:
        raise TooLittleDataError(
            "nobody has a repeat order, so spend cannot be compared by frequency. Use more orders."
        )
    table = cells.groupby("class")[["n", "v", "vv"]].sum().reindex(range(1, max_frequency + 1), fill_value=0.0)
    mean, half = _mean_interval(table, confidence)
    names = [*map(str, range(1, max_frequency)), f"{max_frequency}+"]
    by_frequency = pd.DataFrame({"frequency": names, "customers": table["n"].astype(int), "mean_value": mean})
    by_frequency = by_frequency.assign(low=mean - half, high=mean + half).reset_index(drop=True)
    sums = cells.drop(columns="class").groupby("group", as_index=False).sum()
    n = int(sums["n"].sum())
    found = [np.nan] * 3
    if n > 2 and np.isfinite(_correlation(sums.drop(columns="group").sum().to_frame().T)):
        row = stats.jackknife(sums, _correlation, confidence=confidence).iloc[0]
        found = [row["estimate"], *row[["low", "high"]].clip(-1, 1)]
    verdict = stats.verdict(found[1], found[2], at_least=-tolerance, at_most=tolerance)
    row = {**dict(zip(("estimate", "low", "high"), found, strict=True)), "n": n}
    return Independence(
        by_frequency, pd.DataFrame([{**row, "at_least": -tolerance, "at_most": tolerance, "verdict": verdict}])
    )


def _cells(summary: Any, max_frequency: int) -> nw.LazyFrame[Any]:
    """Sums over customers with a repeat day, by customer group and class of frequency."""
    lf = frames.lazy(summary, "customer_id", "frequency", "mean_value", table="summary")
    f, v = nw.col("f"), nw.col("v")
    top = nw.when(f > max_frequency).then(nw.lit(float(max_frequency))).otherwise(f)
    values = lf.select(
        "customer_id", nw.col("frequency").cast(nw.Float64).alias("f"), nw.col("mean_value").cast(nw.Float64).alias("v")
    )
    return (
        stats.assign_groups(values, ids=lf)
        .filter(f > 0)
        .with_columns(top.alias("class"), (f * f).alias("ff"), (v * v).alias("vv"), (f * v).alias("fv"))
        .group_by("group", "class")
        .agg(nw.len().alias("n"), nw.col(*_SUMS).sum())
    )


def _mean_interval(sums: "pd.DataFrame", confidence: float) -> "tuple[pd.Series[Any], pd.Series[Any]]":
    """Mean of a class and half its t interval; missing where there is nobody, or one alone."""
    import numpy as np
    from scipy.special import stdtrit

    n = sums["n"].where(sums["n"] > 0)
    mean = sums["v"] / n
    free = (n - 1).where(n > 1)
    variance = ((sums["vv"] - n * mean**2) / free).clip(lower=0)
    return mean, stdtrit(free, (1 + confidence) / 2) * np.sqrt(variance / n)


def _correlation(total: "pd.DataFrame") -> float:
    import numpy as np

    n, f, v, ff, vv, fv = (float(total[name].iloc[0]) for name in ("n", *_SUMS))
    spread = (n * ff - f * f) * (n * vv - v * v)
    # Rounding leaves a trace of a spread where all customers are alike.
    return (n * fv - f * v) / np.sqrt(spread) if spread > 1e-9 * (n * n * ff * vv) else np.nan
