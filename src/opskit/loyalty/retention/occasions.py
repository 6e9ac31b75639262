"""Actions other than orders, such as visits, in the shape that the functions of retention read."""

from typing import Any

import narwhals as nw

from opskit import frames
from opskit.errors import check

ANY = "any"  # every action counts
_USUAL = "visit"


def occasions(events: Any, *, event: str = _USUAL) -> Any:
    """The actions that count as being active, as an orders table without money.

    Whatever reads customer_id and ordered_at then answers for visits what it answers for orders: `cohorts`, `curves`,
    `stickiness`, `hazard`, `customers.rhythm`, `customers.growth_accounting`.

    Args:
        events: Any engine's frame with customer_id, event and occurred_at.
        event: The action that counts, or ``"any"``: all of them.

    Returns:
        The same kind of frame as went in: customer_id, ordered_at (when the action occurred).

    Raises:
        OpskitError: A column is missing, or the event does not occur.

    Assumes the action is the customer's own: with ``"any"`` a parcel that arrives or a message that is opened by a
    machine counts as well, where the table holds such.

    >>> import pandas as pd
    >>> times = pd.to_datetime(["2024-01-01", "2024-01-02"])
    >>> events = pd.DataFrame({"customer_id": ["A", "A"], "event": ["visit", "pay"], "occurred_at": times})
    >>> occasions(events)
      customer_id ordered_at
    0           A 2024-01-01
    """
    lf = frames.lazy(events, "customer_id", "event", "occurred_at", table="events")
    if event != ANY:
        check(event, "event", among=[*_names(lf), ANY])
        lf = lf.filter(nw.col("event") == event)
    return frames.like(lf.select("customer_id", nw.col("occurred_at").alias("ordered_at")), events)


def usual_event(events: Any) -> str:
    """The action that counts as being active where nobody chose one.

    Args:
        events: Any engine's frame with customer_id, event and occurred_at.

    Returns:
        ``"visit"`` where it occurs, else ``"any"``; empty where there are no events.

    Raises:
        OpskitError: A column is missing.
    """
    names = _names(frames.lazy(events, "customer_id", "event", "occurred_at", table="events"))
    return _USUAL if _USUAL in names else ANY if names else ""


def _names(lf: nw.LazyFrame[Any]) -> list[str]:
    """Names of the actions that occur."""
    counted = frames.collect(lf.group_by("event").agg(nw.len().alias("events")))
    return sorted(str(name) for name in counted["event"].dropna())
