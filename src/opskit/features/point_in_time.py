"""Features of customers as of a day, and the outcome after it, each from one scan of its table."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw

from opskit import frames
from opskit.customers import until
from opskit.errors import OpskitError, check

MOST_EVENTS = 12  # names of events that get columns of their own, the most frequent first


def point_in_time(
    orders: Any, *, as_of: dt.date, events: Any = None, windows_days: Sequence[int] = (30, 90, 180)
) -> Any:
    """What orders and events up to a day say about each customer who had ordered by then.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue, one row per order.
        as_of: Last day that may be looked at, inclusive.
        events: The same engine's frame with customer_id, event and occurred_at; without it, orders only.
        windows_days: Lengths of the windows that end on as_of.

    Returns:
        The same kind of frame as went in, one row per customer: customer_id; orders, revenue, mean_order_value,
        tenure_days (since the first order), days_since_last_order, mean_gap_days (between orders), overdue
        (days_since_last_order over mean_gap_days); per window w: orders_{w}d, revenue_{w}d and orders_change_{w}d
        (against the window before it); with events: days_since_last_event and, per window, events_{w}d and
        {event}_{w}d for the most frequent events. Counts are 0 where nothing happened; times and ratios that do not
        exist are missing.

    Raises:
        OpskitError: as_of is not a date or before the first order, a column is missing, a window is no whole number of
            days above 0, or there are no windows.

    Assumes the tables say when things became known: a status or a total that was overwritten later is not a fact of
    as_of, so such columns are not used.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-31", "2024-03-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days, "revenue": [10.0, 20, 5]})
    >>> known = point_in_time(orders, as_of=dt.date(2024, 2, 10), windows_days=(30,))
    >>> known[["customer_id", "orders", "revenue_30d", "days_since_last_order", "overdue"]].round(2)
      customer_id  orders  revenue_30d  days_since_last_order  overdue
    0           A       2         20.0                     10     0.33
    """
    windows = _windows(windows_days)
    end = frames.day_number(as_of)
    rows = _of_orders(orders, as_of)
    names: list[str] = []
    if events is not None:
        logged = frames.lazy(events, "customer_id", "event", "occurred_at", table="events").select(
            "customer_id", nw.col("event").alias("kind"), frames.epoch_day("occurred_at").alias("day")
        )
        logged = logged.filter(nw.col("day") <= end)
        names = _names(logged)
        rows = nw.concat([rows, _like_orders(logged, rows)], how="vertical")
    parts = rows.with_columns(*_parts(windows, names, end))  # Narwhals 2.29 forgets conditions inside agg on pandas
    summed = [name for name in parts.collect_schema().names() if name.endswith("d") and name[-2].isdigit()]
    customers = parts.group_by("customer_id").agg(
        nw.col("order").sum().alias("orders"),
        nw.col("revenue").sum(),
        *(nw.col(name).sum() for name in summed),
        nw.col("_day_of_order").min().alias("_first"),
        nw.col("_day_of_order").max().alias("_last"),
        nw.col("_day_of_event").max().alias("_last_event"),
    )
    return frames.like(_derived(customers.filter(nw.col("orders") > 0), windows, end, bool(names)), orders)


def outcome(orders: Any, *, after: dt.date, horizon_days: int, as_of: dt.date) -> Any:
    """What customers bought in the days after a day.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        after: The day features were taken; the outcome begins the day after it.
        horizon_days: Length of the outcome window.
        as_of: Last day in the data; the window must be over by then.

    Returns:
        The same kind of frame as went in: customer_id, orders_after, revenue_after; only customers with an order.

    Raises:
        OpskitError: The window ends after as_of, or a column is missing.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-31"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A"], "ordered_at": days, "revenue": [10.0, 20]})
    >>> outcome(orders, after=dt.date(2024, 1, 15), horizon_days=30, as_of=dt.date(2024, 2, 14))
      customer_id  orders_after  revenue_after
    0           A             1           20.0
    """
    check(horizon_days, "horizon_days", ge=1)
    first, last = frames.day_number(after, "after"), frames.day_number(as_of)
    if first + horizon_days > last:
        raise OpskitError(
            f"after == {after}, must be {horizon_days} days or more before as_of, {as_of}: the outcome is not over yet. "
            "Use an earlier day or a shorter horizon_days."
        )
    day = frames.epoch_day("ordered_at")
    seen = frames.lazy(orders, "customer_id", "ordered_at", "revenue").with_columns(day.alias("_day"))
    inside = (nw.col("_day") > first) & (nw.col("_day") <= first + horizon_days)
    bought = (
        seen.filter(inside)
        .group_by("customer_id")
        .agg(nw.len().alias("orders_after"), nw.col("revenue").sum().alias("revenue_after"))
    )
    return frames.like(bought.with_columns(nw.col("orders_after").cast(nw.Int64)), orders)


def _windows(windows_days: Sequence[int]) -> list[int]:
    if not windows_days:
        raise OpskitError("windows_days is empty, must name at least one length in days, such as (30, 90).")
    for days in windows_days:
        check(days, "windows_days", ge=1)
        if int(days) != days:
            raise OpskitError(f"windows_days == {days!r}, must be a whole number of days.")
    return sorted({int(days) for days in windows_days})


def _of_orders(orders: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    rows, _ = until(orders, "revenue", as_of=as_of)
    return rows.select(
        "customer_id",
        nw.lit("order").alias("kind"),
        frames.epoch_day("ordered_at").alias("day"),
        nw.col("revenue").cast(nw.Float64),
        nw.lit(1).cast(nw.Int64).alias("order"),
    )


def _like_orders(logged: nw.LazyFrame[Any], rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    schema = rows.collect_schema()
    return logged.select(
        nw.col("customer_id").cast(schema["customer_id"]),
        nw.col("kind").cast(schema["kind"]),
        nw.col("day").cast(schema["day"]),
        nw.lit(0.0).cast(nw.Float64).alias("revenue"),
        nw.lit(0).cast(nw.Int64).alias("order"),
    )


def _names(logged: nw.LazyFrame[Any]) -> list[str]:
    counts = frames.collect(logged.group_by("kind").agg(nw.len().alias("n")))
    return sorted(counts.sort_values(["n", "kind"], ascending=[False, True])["kind"].head(MOST_EVENTS))


def _parts(windows: list[int], names: list[str], end: int) -> Sequence[nw.Expr]:
    """What each row adds to the columns of its customer, 0 where it does not count."""
    day, order, of_order = nw.col("day"), nw.col("order"), nw.col("order") == 1
    zero, one = nw.lit(0).cast(nw.Int64), nw.lit(1).cast(nw.Int64)
    parts: list[nw.Expr] = [
        nw.when(of_order).then(day).alias("_day_of_order"),
        nw.when(~of_order).then(day).alias("_day_of_event"),
    ]
    for days in windows:
        inside, before = day > end - days, (day > end - 2 * days) & (day <= end - days)
        parts += [
            nw.when(inside).then(order).otherwise(zero).alias(f"orders_{days}d"),
            nw.when(inside).then(nw.col("revenue")).otherwise(nw.lit(0.0)).alias(f"revenue_{days}d"),
            nw.when(before).then(order).otherwise(zero).alias(f"_before_{days}d"),
        ]
        if names:
            parts.append(nw.when(inside & ~of_order).then(one).otherwise(zero).alias(f"events_{days}d"))
        for name in names:
            hit = inside & ~of_order & (nw.col("kind") == name)
            parts.append(nw.when(hit).then(one).otherwise(zero).alias(f"{name}_{days}d"))
    return parts


def _derived(customers: nw.LazyFrame[Any], windows: list[int], end: int, events: bool) -> nw.LazyFrame[Any]:
    since, gaps = end - nw.col("_last"), nw.col("orders") - 1
    gap = nw.when(nw.col("_last") > nw.col("_first")).then((nw.col("_last") - nw.col("_first")) / gaps)
    columns = [
        (nw.col("revenue") / nw.col("orders")).alias("mean_order_value"),
        (end - nw.col("_first")).cast(nw.Int64).alias("tenure_days"),
        since.cast(nw.Int64).alias("days_since_last_order"),
        gap.alias("mean_gap_days"),
        (since / gap).alias("overdue"),
        *((nw.col(f"orders_{days}d") - nw.col(f"_before_{days}d")).alias(f"orders_change_{days}d") for days in windows),
    ]
    if events:
        columns.append((end - nw.col("_last_event")).alias("days_since_last_event"))
    whole = customers.with_columns(*columns)
    return whole.select([name for name in whole.collect_schema().names() if not name.startswith("_")])
