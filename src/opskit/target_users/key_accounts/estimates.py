"""Intervals of figures over accounts: each account is one observation, and stands in its own influence on the figure."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, Any]


FEWEST_EQUAL = (
    30  # a sum that rests on fewer equal accounts gets no interval: simulated ones missed the truth too often
)


def equal_accounts(amounts: "Vector") -> float:
    """How many accounts of equal size a sum rests on: the inverse of the Herfindahl-Hirschman index; nan for a sum of 0.

    >>> equal_accounts([5, 3, 2])
    2.6315789473684212
    """
    import numpy as np

    values = np.asarray(amounts, dtype=float)
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / squares if squares > 0 else float("nan")


def without_bounds(estimate: dict[str, float]) -> dict[str, float]:
    """The estimate with its interval taken away."""
    return estimate | {"low": float("nan"), "high": float("nan")}


def ratio(top: "Vector", bottom: "Vector", *, confidence: float = 0.95) -> dict[str, float]:
    """Sum over sum with its interval, Student's t with as many degrees of freedom as there are accounts, less one.

    Args:
        top: One number per account.
        bottom: Another one.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate, low, high, n; the bounds are nan for fewer than two accounts, all where the bottom adds up to 0 or less.

    Source: linearization of a ratio, which is the infinitesimal jackknife; Cochran (1977), "Sampling techniques".
    """
    import numpy as np
    from scipy.special import stdtrit

    n, whole = len(bottom), float(np.sum(bottom))
    if not whole > 0:
        return {"estimate": float("nan"), "low": float("nan"), "high": float("nan"), "n": n}
    estimate = float(np.sum(top)) / whole
    if n < 2:
        return {"estimate": estimate, "low": float("nan"), "high": float("nan"), "n": n}
    error = float(np.sqrt(n / (n - 1) * np.sum((top - estimate * bottom) ** 2))) / whole
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half, "n": n}


def held_by_top(amounts: "Vector", k: int, *, confidence: float = 0.95) -> dict[str, float]:
    """Share of the sum that the k largest accounts hold; above 1 where the others lose on balance.

    Args:
        amounts: One number per account, negative ones included.
        k: How many of the largest, at least 1.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate, low, high, n. The interval says how it would come out in another business of the same kind and size; there
        is none where the top rests on fewer than 30 equal accounts.

    Source: influence function of a Lorenz ordinate, Cowell & Flachaire (2007), "Income distribution and inequality
    measurement".
    """
    import numpy as np

    limit = np.partition(amounts, -k)[-k]
    # What the top holds above its limit, and the limit for each of k: the influence of an account on the sum of the top.
    influence = np.maximum(amounts - limit, 0) + limit * k / len(amounts)
    held = ratio(influence, amounts, confidence=confidence)
    return held if equal_accounts(np.sort(amounts)[-k:]) >= FEWEST_EQUAL else without_bounds(held)
