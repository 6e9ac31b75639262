"""Each customer's orders up to a day, one row per customer."""

import datetime as dt
from typing import Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError


def until(orders: Any, *columns: str, as_of: dt.date) -> tuple[nw.LazyFrame[Any], int]:
    """Orders on or before a day, and the day of the first one.

    One look at the first and last time comes before any other work: it costs little, and an empty result is explained.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        *columns: Further columns that must be there.
        as_of: Last day to count.

    Returns:
        The lazy frame, and the first order's day as days since 1970-01-01.

    Raises:
        OpskitError: as_of is not a date, a column is missing, or no order is that early.
    """
    last_day = frames.day_number(as_of)
    lf = frames.lazy(orders, "customer_id", "ordered_at", *columns)
    first = frames.collect(lf.select(nw.col("ordered_at").min().alias("first"), nw.len().alias("orders"))).iloc[0]
    if not first["orders"]:
        raise OpskitError("orders has no rows; at least one order is needed. Check the file and what was excluded.")
    first_day = first["first"] if type(first["first"]) is dt.date else first["first"].date()
    if frames.day_number(first_day) > last_day:
        raise OpskitError(f"as_of == {as_of}, must be on or after the first order, {first_day}. Use a later as_of.")
    return lf.filter(on_or_before(lf, as_of)), frames.day_number(first_day)


def on_or_before(lf: nw.LazyFrame[Any], day: dt.date, column: str = "ordered_at") -> nw.Expr:
    """Whether a date or timestamp column lies on a day or before it."""
    bound = dt.date.fromordinal(day.toordinal() + 1)
    if lf.collect_schema()[column] != nw.Date:
        bound = dt.datetime(bound.year, bound.month, bound.day)
    return nw.col(column) < bound


def order_days(lf: nw.LazyFrame[Any], value: str) -> nw.LazyFrame[Any]:
    """Every customer's days with an order: orders of one customer on one day are one occasion.

    Args:
        lf: Orders as `until` gives them.
        value: Column to sum over the day.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id; day (its beginning, a date or time as ordered_at is); orders
        (rows); the value's sum, under its own name.
    """
    days = lf.with_columns(frames.start_of(lf, "ordered_at").alias("day"))
    return days.group_by("customer_id", "day").agg(nw.len().alias("orders"), nw.col(value).sum())


def summary(orders: Any, *, as_of: dt.date) -> Any:
    """One row per customer: how much, how often, how long ago.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue, one row per order.
        as_of: Last day to count, inclusive.

    Returns:
        The same kind of frame as went in: customer_id; orders (rows); order_days (distinct days with an order);
        revenue; first_day, last_day; days_since_last_order (as_of - last_day: the RFM sense of recency); and in the
        sense of BTYD models frequency (order days after the first), recency (days from the first to the last order day)
        and T (days from the first to as_of).

    Raises:
        OpskitError: as_of is not a date or before the first order, a column is missing, or there are no rows.

    Assumes orders of one customer on one day are one occasion; `orders` counts them all the same.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", for frequency, recency and T.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-31", "2024-01-31"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "A"], "ordered_at": days, "revenue": [10.0, 20, 5]})
    >>> summary(orders, as_of=dt.date(2024, 2, 10))[["orders", "order_days", "frequency", "recency", "T"]]
       orders  order_days  frequency  recency   T
    0       3           2          1       30  40
    """
    lf, _ = until(orders, "revenue", as_of=as_of)
    customers = (
        order_days(lf, "revenue")
        .group_by("customer_id")
        .agg(
            nw.col("orders").sum(),
            nw.len().alias("order_days"),
            nw.col("revenue").sum(),
            nw.col("day").min().alias("first_day"),
            nw.col("day").max().alias("last_day"),
        )
    )
    first, last, end = frames.epoch_day("first_day"), frames.epoch_day("last_day"), frames.day_number(as_of)
    result = customers.with_columns(
        nw.col("orders", "order_days").cast(nw.Int64),  # engines count in different kinds of number
        (end - last).alias("days_since_last_order"),
        (nw.col("order_days").cast(nw.Int64) - 1).alias("frequency"),
        (last - first).alias("recency"),
        (end - first).alias("T"),
    )
    return frames.like(result, orders)
