"""Growth accounting: which periods customers ordered in, and who is new, retained, resurrected or lost in each."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.customers.history import until
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BITS = 52  # a float64 adds distinct powers of two exactly up to here


class Activity(NamedTuple):
    """Which periods customers ordered in; one row of `active` per distinct pattern."""

    starts: "pd.DatetimeIndex"  # first day of each period
    complete: "np.ndarray[Any, Any]"  # whether as_of has reached each period's last day
    active: "np.ndarray[Any, Any]"  # patterns x periods, true where there was an order
    customers: "np.ndarray[Any, Any]"  # how many customers have the pattern


def activity(orders: Any, *, as_of: dt.date, period: str = "month") -> Activity:
    """Which calendar periods customers ordered in, as distinct patterns and how many customers have each.

    A customer's periods become the bits of a number, so an engine only adds and groups: no window over orders.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        period: ``"month"`` (calendar) or ``"week"`` (from Monday).

    Returns:
        The periods from that of the first order to that of as_of, and the patterns over them.

    Raises:
        OpskitError: The period is another one, as_of is not a date or before the first order, or there are no rows.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-03-31", "2024-03-31"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> history = activity(orders, as_of=dt.date(2024, 3, 31))
    >>> sorted(history.active.astype(int).tolist())
    [[0, 0, 1], [1, 0, 1]]
    """
    import numpy as np
    import pandas as pd

    check(period, "period", among=("month", "week"))
    lf, first_day = until(orders, as_of=as_of)
    starts = _starts(first_day, frames.day_number(as_of), period)
    places = np.arange(len(starts) - 1)
    words = [f"word_{word}" for word in range(places[-1] // _BITS + 1)]
    table = frames.collect(_patterns(lf, _place(starts[0], period), words))
    numbers = table[words].to_numpy().astype(np.int64)
    active = (numbers[:, places // _BITS] >> (places % _BITS)) & 1 == 1
    complete = starts[1:] <= np.datetime64(as_of, "D") + np.timedelta64(1, "D")
    return Activity(pd.DatetimeIndex(starts[:-1]), complete, active, table["customers"].to_numpy())


def _starts(first_day: int, last_day: int, period: str) -> "np.ndarray[Any, Any]":
    """First days of the periods from that of the first day to the one after that of the last."""
    import numpy as np

    ends = np.array([first_day, last_day]).astype("datetime64[D]")
    if period == "month":
        first, last = ends.astype("datetime64[M]").astype(int)
        return np.arange(first, last + 2).astype("datetime64[M]").astype("datetime64[D]")
    first, last = (ends.astype(int) + 3) // 7  # 1970-01-01 was a Thursday
    return (np.arange(first, last + 2) * 7 - 3).astype("datetime64[D]")


def _place(start: "np.datetime64", period: str) -> nw.Expr:
    """How many periods after the first one an order falls."""
    if period == "month":
        return frames.month_index("ordered_at") - (int(start.astype("datetime64[M]").astype(int)) + 1970 * 12)
    return (frames.epoch_day("ordered_at") - int(start.astype(int))) // 7


def _patterns(lf: nw.LazyFrame[Any], place: nw.Expr, words: list[str]) -> nw.LazyFrame[Any]:
    """Customers by the bits of their periods, in as many words as the periods need."""
    word, bit = nw.col("place") // _BITS, nw.lit(2.0) ** (nw.col("place") % _BITS)
    bits = [nw.when(word == at).then(bit).otherwise(nw.lit(0.0)).alias(name) for at, name in enumerate(words)]
    return (
        lf.select("customer_id", place.alias("place"))
        .group_by("customer_id", "place")
        .agg(nw.len().alias("orders"))
        .with_columns(*bits)
        .group_by("customer_id")
        .agg(nw.col(*words).sum())
        .group_by(*words)
        .agg(nw.len().alias("customers"))
    )


def growth_accounting(
    orders: Any, *, as_of: dt.date, period: str = "month", confidence: float = 0.95
) -> "pd.DataFrame":
    """Where each period's active customers came from, and how many of the last period's did not come back.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        period: ``"month"`` (calendar) or ``"week"`` (from Monday).
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row per period: its first day (named month or week); complete (as_of has reached its last day); active
        customers = new (first order ever) + retained (active in the period before too) + resurrected (active before,
        not in the period before); churned (active in the period before, not in this one); quick_ratio = (new +
        resurrected) / churned with quick_ratio_low, quick_ratio_high and quick_ratio_n (customers in its three counts).
        In a period that is not complete, churned and the quick ratio are missing and the other counts are those so far.

    Raises:
        OpskitError: The period is another one, as_of is not a date or before the first order, or there are no rows.

    Assumes the data reach back to the first customers: where they do not, the first periods' "new" hold old customers.
    Churned here means not seen in this period; many come back, as resurrected shows.

    Source: growth accounting as in Tribe Capital's "A quantitative approach to product-market fit"; the interval is
    Wilson's for gained / (gained + churned), turned into a ratio.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-03-31", "2024-03-31"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> columns = ["active", "new", "retained", "resurrected", "churned"]
    >>> growth_accounting(orders, as_of=dt.date(2024, 3, 31))[columns].values.tolist()
    [[1, 1, 0, 0, 0], [0, 0, 0, 0, 1], [2, 1, 0, 1, 0]]
    """
    import numpy as np
    import pandas as pd

    history = activity(orders, as_of=as_of, period=period)
    seen = np.logical_or.accumulate(history.active, axis=1)
    before = np.pad(history.active, ((0, 0), (1, 0)))[:, :-1]
    known = np.pad(seen, ((0, 0), (1, 0)))[:, :-1]

    def count(cells: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        return history.customers @ cells

    counts = {
        "active": count(history.active),
        "new": count(history.active & ~known),
        "retained": count(history.active & before),
        "resurrected": count(history.active & known & ~before),
    }
    lost = pd.array(count(before & ~history.active), dtype="Int64")
    lost[~history.complete] = pd.NA
    table = pd.DataFrame({period: history.starts, "complete": history.complete, **counts, "churned": lost})
    return table.assign(**_quick_ratio(table, confidence))


def _quick_ratio(table: "pd.DataFrame", confidence: float) -> dict[str, Any]:
    churned = table["churned"].astype(float)
    gained = (table["new"] + table["resurrected"]).astype(float)
    known = churned > 0
    low, high = stats.wilson(gained.where(known), (gained + churned).where(known), confidence=confidence)
    return {
        "quick_ratio": (gained / churned).where(known),
        "quick_ratio_low": low / (1 - low),
        "quick_ratio_high": high / (1 - high),
        "quick_ratio_n": table["new"] + table["resurrected"] + table["churned"],
    }
