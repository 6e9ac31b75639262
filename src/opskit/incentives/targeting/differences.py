"""Means of two arms compared, for one set of customers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_NAMES: tuple[str, ...] = ("control", "treated", "difference", "low", "high", "p_value")
NOTHING: dict[str, float] = dict.fromkeys(_NAMES, float("nan"))


def amount(row: "Mapping[Any, Any] | pd.Series[Any]", outcome: str, *, of: str = "difference") -> str:
    """An effect with its interval, in words.

    >>> amount({"difference": 0.216, "low": 0.121, "high": 0.311}, "buyers")
    '+21.6 points (12.1 to 31.1)'
    """
    scale, unit = (100, " points") if outcome == "buyers" else (1, "")
    value, low, high = (round(scale * float(row[end]), 1 if unit else 4) for end in (of, "low", "high"))
    return f"{value:+.4g}{unit} ({low:.4g} to {high:.4g})".replace("-", "−")


def difference(
    treated: "np.ndarray[Any, Any]", control: "np.ndarray[Any, Any]", *, confidence: float = 0.95
) -> dict[str, float]:
    """Mean of the treated less mean of the control, with interval.

    Args:
        treated: Outcome of each customer treated.
        control: Outcome of each of the others.
        confidence: Coverage of the interval.

    Returns:
        control, treated, difference, low, high, p_value; missing with fewer than two customers, bounds and p-value too where
        nobody differs from anybody.

    Source: Welch's t-test.

    >>> import numpy as np
    >>> round(difference(np.array([1, 1, 0, 1]), np.array([0, 1, 0, 0]))["p_value"], 3)
    0.207
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    if min(len(treated), len(control)) < 2:
        return NOTHING.copy()
    parts = [values.var(ddof=1) / len(values) for values in (treated, control)]
    found = {"control": float(control.mean()), "treated": float(treated.mean())}
    gap, variance = found["treated"] - found["control"], float(sum(parts))
    if variance <= 0:
        return NOTHING | found | {"difference": gap}
    below = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (treated, control), strict=True))
    df, error = variance**2 / below, float(np.sqrt(variance))
    half = float(stdtrit(df, (1 + confidence) / 2)) * error
    p_value = float(2 * stdtr(df, -abs(gap) / error))
    return found | {"difference": gap, "low": gap - half, "high": gap + half, "p_value": p_value}
