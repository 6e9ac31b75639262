"""How unevenly revenue is spread over customers."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers.history import until
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

_LORENZ_POINTS = 200


class Concentration(NamedTuple):
    """How unevenly revenue is spread: key figures, ABC classes and the Lorenz curve."""

    measures: "pd.DataFrame"  # measure, estimate, low, high, n
    classes: "pd.DataFrame"  # class, customers, revenue, share_of_customers, share_of_revenue
    lorenz: "pd.DataFrame"  # share_of_customers (poorest first), share_of_revenue


def concentration(
    orders: Any,
    *,
    as_of: dt.date,
    top_shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2),
    class_limits: tuple[float, float] = (0.8, 0.95),
    confidence: float = 0.95,
) -> Concentration:
    """Share of revenue that the best customers bring, Gini coefficient, ABC classes and Lorenz curve.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        top_shares: Shares of customers whose share of revenue to give; each means the round(n * share) best ones.
        class_limits: Cumulated shares of revenue where class A and class B end; the customer that crosses a limit still
            belongs to the class.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``measures``: measure (``"top 10%"`` ..., ``"gini"``), estimate (share of revenue; Gini from 0, all equal, to
        1), low, high, n customers. ``classes``: class, customers, revenue, share_of_customers, share_of_revenue.
        ``lorenz``: at most 200 points of share_of_customers (smallest first) and share_of_revenue.

    Raises:
        OpskitError: A share is not between 0 and 1, revenue adds up to nothing, as_of is not a date or before the first
            order, a column is missing, or there are no rows.

    Assumes customers are a sample of those the business attracts: the interval says how other customers of the same
    kind would come out. Where a handful of customers dominates, it is too narrow.

    Source: variance from influence functions, Davidson (2009), "Reliable inference for the Gini index"; for top shares,
    Cowell & Flachaire (2007), "Income distribution and inequality measurement".

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": list("ABCDE"), "ordered_at": pd.Timestamp("2024-01-01")})
    >>> orders["revenue"] = [1.0, 1, 1, 1, 6]
    >>> concentration(orders, as_of=dt.date(2024, 1, 1), top_shares=[0.2]).measures[["measure", "estimate", "n"]]
       measure  estimate  n
    0  top 20%       0.6  5
    1     gini       0.4  5
    """
    lf, _ = until(orders, "revenue", as_of=as_of)
    # One number per customer is all that is brought in: ranks and cumulated sums of it are numpy's own ground.
    per_customer = lf.group_by("customer_id").agg(nw.col("revenue").sum()).select("revenue")
    revenue = frames.collect(per_customer)["revenue"].to_numpy()
    return concentration_of(revenue, top_shares=top_shares, class_limits=class_limits, confidence=confidence)


def concentration_of(
    amounts: Any,
    *,
    name: str = "revenue",
    top_shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2),
    class_limits: tuple[float, float] = (0.8, 0.95),
    confidence: float = 0.95,
) -> Concentration:
    """As `concentration`, of any amount that customers have, such as reviews written or customers invited.

    Args:
        amounts: One number per customer, those who have nothing included.
        name: What the amount is, for an error.
        top_shares: As in `concentration`.
        class_limits: As in `concentration`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        As `concentration`; the amount stands in the columns called revenue.

    Raises:
        OpskitError: A share is not between 0 and 1, or the amounts add up to nothing.

    >>> concentration_of([0, 0, 0, 0, 6.0], top_shares=[0.2]).measures["estimate"].tolist()
    [1.0, 0.8]
    """
    import numpy as np

    for share in (*top_shares, *class_limits):
        check(share, "share", gt=0, lt=1)
    check(confidence, "confidence", gt=0, lt=1)
    ascending = np.sort(np.asarray(amounts, dtype=float))
    if not ascending.sum() > 0:
        raise OpskitError(f"{name} adds up to {ascending.sum():g}, must be > 0. Check the {name} column and its signs.")
    return Concentration(
        _measures(ascending, top_shares, confidence), _classes(ascending, class_limits), _lorenz(ascending)
    )


def _measures(revenue: "Vector", top_shares: Sequence[float], confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    figures = [(f"top {100 * share:g}%", *_top(revenue, share)) for share in top_shares]
    names, estimates, influences = zip(*figures, ("gini", *_gini(revenue)), strict=True)
    n = len(revenue)
    estimate = np.array(estimates)
    error = np.std(influences, axis=1) / np.sqrt(n) if n > 1 else np.nan
    half = ndtri((1 + confidence) / 2) * error
    bounds = {"low": np.clip(estimate - half, 0, 1), "high": np.clip(estimate + half, 0, 1)}
    return pd.DataFrame({"measure": names, "estimate": estimate, **bounds, "n": n})


def _top(revenue: "Vector", share: float) -> "tuple[float, Vector]":
    """Share of revenue of the top customers (revenue ascending), and each customer's influence on it."""
    import numpy as np

    k = round(len(revenue) * share)
    if k == 0:
        return np.nan, np.full(len(revenue), np.nan)
    held = revenue[-k:].sum() / revenue.sum()
    return held, (np.maximum(revenue - revenue[-k], 0) - held * revenue) / revenue.mean()


def _gini(revenue: "Vector") -> "tuple[float, Vector]":
    """Gini coefficient (revenue ascending), and each customer's influence on it."""
    import numpy as np

    n, total = len(revenue), revenue.sum()
    rank = (np.arange(n) + 0.5) / n
    gini = 2 * (rank * revenue).sum() / total - 1
    above = (total - np.cumsum(revenue) + revenue / 2) / n
    return gini, (2 * (rank * revenue + above) - (gini + 1) * revenue) / revenue.mean()


def _classes(revenue: "Vector", limits: tuple[float, float]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    cumulated = np.cumsum(revenue[::-1])
    total = cumulated[-1]
    ends = np.minimum(np.searchsorted(cumulated, np.array(limits) * total * (1 - 1e-12)) + 1, len(revenue))
    ends = np.array([*ends, len(revenue)])
    customers = np.diff(ends, prepend=0)
    held = np.diff(np.concatenate([[0.0], cumulated])[ends], prepend=0.0)
    shares = {"share_of_customers": customers / len(revenue), "share_of_revenue": held / total}
    return pd.DataFrame({"class": list("ABC"), "customers": customers, "revenue": held, **shares})


def _lorenz(revenue: "Vector") -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    n = len(revenue)
    at = np.unique(np.linspace(0, n, min(n + 1, _LORENZ_POINTS)).round().astype(int))
    cumulated = np.concatenate([[0.0], np.cumsum(revenue)])[at]
    return pd.DataFrame({"share_of_customers": at / n, "share_of_revenue": cumulated / revenue.sum()})
