"""Interval of what each customer brings on average, where few bring any and some bring many."""

from typing import TYPE_CHECKING

from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd


def brought_per(invited: "pd.DataFrame", exposure: float, *, confidence: float = 0.95) -> dict[str, float]:
    """Customers brought, over the customers (or months) that could bring them.

    Args:
        invited: The rows of `links`' ``invited`` to count.
        exposure: What to divide by.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        brought, inviters, rate (brought / exposure), low, high; rate and bounds are nan without exposure.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes inviters come independently of each other and bring whole clusters: a compound Poisson sum, whose clusters
    are as large as those seen. A normal interval would lie half below zero where two of a hundred bring anybody.

    Source: Fay & Feuer (1997), "Confidence intervals for directly standardized rates: a method based on the gamma
    distribution"; the weight of the next event is the mean one, as in Tiwari, Clegg & Zou (2006).

    >>> import pandas as pd
    >>> found = brought_per(pd.DataFrame({"inviter_id": ["A", "A", "B"]}), 100)
    >>> {name: round(float(number), 4) for name, number in found.items()}
    {'brought': 3.0, 'inviters': 2.0, 'rate': 0.03, 'low': 0.0031, 'high': 0.1106}
    """
    import numpy as np
    from scipy.special import gammaincinv

    check(confidence, "confidence", gt=0, lt=1)
    sizes = np.unique(invited["inviter_id"].astype(str), return_counts=True)[1].astype(float)
    found = {"brought": int(sizes.sum()), "inviters": len(sizes)}
    if not exposure > 0:
        return found | dict.fromkeys(("rate", "low", "high"), float("nan"))
    rate, next_one = sizes.sum() / exposure, (sizes.mean() if len(sizes) else 1.0) / exposure
    variance = max((sizes**2).sum() - sizes.sum() ** 2 / exposure, 0.0) / exposure**2
    tail, up, spread = (1 - confidence) / 2, rate + next_one, variance + next_one**2
    # Where everybody brings equally many the variance is nothing, and so is the distance to the lower bound.
    low = variance / rate * gammaincinv(rate**2 / variance, tail) if variance > 0 else rate
    high = spread / up * gammaincinv(up**2 / spread, 1 - tail)
    return found | {"rate": float(rate), "low": float(low), "high": float(high)}
