"""What counts as too small and too large a market, measured by the business itself where nobody says."""

import datetime as dt
from typing import Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import check

YEAR_DAYS = 365
TIMES_OWN = 1000


class Thresholds(NamedTuple):
    """Bounds on the size of a market, per year."""

    too_small: float
    too_large: float
    words: str


def thresholds(orders: Any = None, *, as_of: dt.date, too_small: float = 0.0, too_large: float = 0.0) -> Thresholds:
    """The bounds given, or bounds that follow from the revenue of the last 365 days.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; refund is taken off where it is there. None: unknown.
        as_of: Last day to count, inclusive.
        too_small: The part that can be won should be at least this a year; 0: the business's own net revenue of the
            last 365 days (a smaller market could not carry a second one of its kind).
        too_large: The whole market should be at most this a year; 0: a thousand times too_small, a convention for
            markets in which the largest sellers fight.

    Returns:
        Both bounds and a sentence that says where they come from; 0 and infinity where there is nothing to go by.

    Raises:
        OpskitError: A bound is negative, or a column is missing.

    >>> thresholds(as_of=dt.date(2025, 12, 31), too_small=1e6)[:2]
    (1000000.0, 1000000000.0)
    """
    check(too_small, "too_small", ge=0)
    check(too_large, "too_large", ge=0)
    small, told = float(too_small), "as given"
    if not small and orders is not None:
        lf, _ = customers.until(orders, "revenue", as_of=as_of)
        recent = lf.filter(frames.epoch_day("ordered_at") > frames.day_number(as_of) - YEAR_DAYS)
        refund = "refund" in lf.collect_schema().names()
        net = nw.col("revenue") - nw.col("refund").fill_null(0) if refund else nw.col("revenue")
        sums = frames.collect(recent.select(net.sum().alias("net")))["net"]
        small, told = max(float(sums.fillna(0).iloc[0]), 0.0), "the business's own net revenue of the last 365 days"
    if not small:
        words = "Nothing says what market is too small: give too_small."
        return Thresholds(0.0, float(too_large) or float("inf"), words)
    large, told_large = (
        (float(too_large), "as given") if too_large else (TIMES_OWN * small, f"{TIMES_OWN:,} times that")
    )
    return Thresholds(
        small, large, f"Too small: less than {small:,.0f} ({told}). Too large: more than {large:,.0f} ({told_large})."
    )
