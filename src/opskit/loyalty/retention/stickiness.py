"""Stickiness: of the customers active in a long stretch, how many were active in its last natural interval."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BITS = 52  # a float64 adds distinct powers of two exactly up to here


class Stickiness(NamedTuple):
    """Stickiness over time, and what two kinds of customer with this rhythm would give."""

    by_day: "pd.DataFrame"  # end, kind, interval_days, window_days, customers, active, stickiness, low, high
    exact: float  # of customers who come exactly once every interval
    random: float  # of customers who come at random, half of the time within an interval


def stickiness(
    orders: Any, *, as_of: dt.date, interval_days: int, intervals: int = 4, points: int = 12, confidence: float = 0.95
) -> Stickiness:
    """Share of the customers active in a window of several natural intervals that were active in the last of them.

    Daily over monthly actives, freed from the day and the month: with an interval of 1 day and 30 intervals it is that
    ratio. A ratio says little by itself, so two customers to hold it against come along.

    Args:
        orders: Any engine's frame with customer_id and ordered_at, such as orders or what `occasions` gives.
        as_of: Last day to count, inclusive; the last window ends here.
        interval_days: The natural interval, such as `customers.rhythm` finds, in whole days.
        intervals: Length of the window, in natural intervals.
        points: Number of windows, each ending one interval before the next.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_day``, two rows per window: end (its last day); kind (``"established"``: customers first seen before the
        window, so that each had all of it; ``"everybody"``: the usual ratio, which rises when many new customers
        come); interval_days; window_days; customers (active in the window); active (in its last interval); stickiness
        (active / customers), low, high. A window that begins before the data do is missing. ``exact``: what customers
        would give who come once every interval; ``random``: who come at random times, the next one within an interval
        half of the time.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes the data reach back to the first customers: where they do not, the first windows find too few established.
    Windows overlap, so neighbouring values share customers: one that stands out alone is more likely chance.

    Source: the ratio of daily to monthly active users, for any interval; Poisson process for ``random``.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-10", "2024-01-01", "2024-03-08"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B", "B"], "ordered_at": days})
    >>> found = stickiness(orders, as_of=dt.date(2024, 3, 10), interval_days=10, points=1)
    >>> found.by_day[["kind", "customers", "active", "stickiness"]]
              kind  customers  active  stickiness
    0  established          2       1         0.5
    1    everybody          2       1         0.5
    >>> found.exact, round(found.random, 3)
    (1.0, 0.533)
    """
    import numpy as np
    import pandas as pd

    check(interval_days, "interval_days", ge=1)
    check(intervals, "intervals", ge=2)
    check(points, "points", ge=1, le=_BITS - 1 - intervals)
    lf, first_day = customers.until(orders, as_of=as_of)
    active, n = _patterns(lf, frames.day_number(as_of), interval_days, intervals + points)
    places = np.arange(points)[::-1]  # the earliest window first; place 0 ends at as_of
    ends = pd.Timestamp(as_of) - pd.to_timedelta(places * interval_days, unit="D")
    mature = frames.day_number(as_of) - (places + intervals) * interval_days + 1 >= first_day
    parts: list[pd.DataFrame] = []
    for kind in ("established", "everybody"):
        counted = [_count(active, n, place, intervals, kind) for place in places]
        table = pd.DataFrame(counted, columns=["customers", "active"], dtype="Int64")
        table[~mature] = pd.NA
        parts.append(table.assign(place=places, end=ends, kind=kind))
    table = pd.concat(parts).sort_values(["place", "kind"], ascending=[False, True], ignore_index=True)
    share = (table["active"] / table["customers"]).astype(float)
    low, high = stats.wilson(table["active"].astype(float), table["customers"].astype(float), confidence=confidence)
    table = table.assign(interval_days=interval_days, window_days=interval_days * intervals)
    table = table.assign(stickiness=share, low=low, high=high)
    columns = ["end", "kind", "interval_days", "window_days", "customers", "active", "stickiness", "low", "high"]
    return Stickiness(table[columns], 1.0, 0.5 / (1 - 0.5**intervals))


def _patterns(
    lf: nw.LazyFrame[Any], last_day: int, interval_days: int, oldest: int
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Which intervals back from the last day customers were active in, and how many customers have each pattern.

    The place `oldest` stands for all intervals from there on.
    """
    import numpy as np

    back = (last_day - frames.epoch_day("ordered_at")) // interval_days
    table = frames.collect(
        lf.select("customer_id", back.alias("back"))
        .with_columns(nw.when(nw.col("back") < oldest).then(nw.col("back")).otherwise(nw.lit(oldest)).alias("back"))
        .group_by("customer_id", "back")
        .agg(nw.len().alias("orders"))
        .with_columns((nw.lit(2.0) ** nw.col("back")).alias("pattern"))
        .group_by("customer_id")
        .agg(nw.col("pattern").sum())
        .group_by("pattern")
        .agg(nw.len().alias("customers"))
    )
    patterns = table["pattern"].to_numpy().astype(np.int64)
    return (patterns[:, None] >> np.arange(oldest + 1)) & 1 == 1, table["customers"].to_numpy()


def _count(
    active: "np.ndarray[Any, Any]", n: "np.ndarray[Any, Any]", place: int, intervals: int, kind: str
) -> tuple[int, int]:
    """Customers active in the window that ends so many intervals back, and in its last interval."""
    inside = active[:, place : place + intervals].any(axis=1)
    if kind == "established":
        inside &= active[:, place + intervals :].any(axis=1)
    return int(n[inside].sum()), int(n[inside & active[:, place]].sum())
