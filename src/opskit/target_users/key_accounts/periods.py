"""The days at which the list is drawn up, and the length of time that it looks back on."""

import datetime as dt
from typing import Any, NamedTuple

from opskit import customers, frames
from opskit.errors import check

WEEK = 7


class Span(NamedTuple):
    """Days whose orders count, with what was known of them on the last one."""

    after: dt.date | None  # the last day before it; None: from the first order on
    until: dt.date  # its last day
    weeks: int | None = None  # 0 or 1: every other week only


class Periods(NamedTuple):
    """Windows of equal length that end on the days of review."""

    window_days: int
    review_days: int
    reviews: tuple[dt.date, ...]  # the latest first
    spans: dict[str, Span]  # life; window_0, window_1 ... by review; before; came, went; even, odd
    note: str


def periods(
    orders: Any, *, as_of: dt.date, window_days: int = 365, review_days: int = 90, most_reviews: int = 5
) -> Periods:
    """The windows that orders can fill: of the asked length, or half of the time they cover.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        window_days: How far back an account is judged.
        review_days: Days between two reviews of the list.
        most_reviews: Look at so many reviews, as far as their windows are covered by orders.

    Returns:
        Periods. ``spans`` by name: life (all up to as_of); window_0 (up to as_of), window_1 (up to the review before) and
        so on; before (the window that ends where window_0 begins); came and went (the days that window_0 holds and
        window_1 does not, and the reverse); even and odd (every other week of window_0).

    Raises:
        OpskitError: An option is out of range, as_of is before the first order, or there are no rows.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": "A", "ordered_at": pd.to_datetime(["2024-01-01", "2024-12-31"])})
    >>> found = periods(orders, as_of=dt.date(2024, 12, 31), review_days=60)
    >>> found.window_days, [str(day) for day in found.reviews]
    (183, ['2024-12-31', '2024-11-01', '2024-09-02', '2024-07-04'])
    """
    check(window_days, "window_days", ge=2 * WEEK)
    check(review_days, "review_days", ge=1)
    check(most_reviews, "most_reviews", ge=1)
    _, first_day = customers.until(orders, as_of=as_of)
    covered = frames.day_number(as_of) - first_day + 1
    window = max(1, min(window_days, covered // 2))
    step = min(review_days, window)
    reviews = tuple(as_of - dt.timedelta(at * step) for at in range(min(most_reviews, 1 + (covered - window) // step)))
    start = as_of - dt.timedelta(window)
    spans = {"life": Span(None, as_of)}
    spans |= {f"window_{at}": Span(day - dt.timedelta(window), day) for at, day in enumerate(reviews)}
    spans["before"] = Span(start - dt.timedelta(window), start)
    gone = start - dt.timedelta(step)
    spans |= {"came": Span(as_of - dt.timedelta(step), as_of), "went": Span(gone, start)}
    spans |= {"even": Span(start, as_of, 0), "odd": Span(start, as_of, 1)}
    note = f"Accounts are judged on the {window} days up to {as_of}; the list is reviewed every {step} days."
    if window < window_days:
        note += f" Orders cover {covered} days, half of which is a window."
    return Periods(window, step, reviews, spans, note)
