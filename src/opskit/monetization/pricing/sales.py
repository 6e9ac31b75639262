"""Sales as `price_panel` reads them, from the tables of the contract."""

from typing import Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError


def booked_stream(bookings: Any, stream: str) -> Any:
    """The bookings of one revenue stream, as the kind of frame that went in.

    Args:
        bookings: Any engine's frame with booked_at, stream, amount and customer_id.
        stream: Name of the stream.

    Raises:
        OpskitError: There is no such stream.

    >>> import pandas as pd
    >>> bookings = pd.DataFrame({"stream": ["ads", "book"], "booked_at": 0, "amount": 1, "customer_id": 1})
    >>> booked_stream(bookings, "book")["stream"].tolist()
    ['book']
    """
    lf = frames.lazy(bookings, "booked_at", "stream", "amount", "customer_id", table="bookings")
    there = frames.collect(lf.group_by("stream").agg(nw.len().alias("n")).sort("stream"))["stream"].tolist()
    if stream not in there:
        raise OpskitError(f"stream == {stream!r}, must be one of {', '.join(map(repr, there))} (streams of bookings).")
    return frames.like(lf.filter(nw.col("stream") == stream), bookings)


def booked_sales(
    bookings: Any,
    customers: Any,
    *,
    stream: str,
    unit: str,
    assignments: Any = None,
    experiment: str = "",
    window_days: int = 14,
) -> Any:
    """A row per booking of the stream, with an attribute of the customer as the unit.

    Args:
        bookings: Any engine's frame with booked_at, stream, amount and customer_id; an amount is the price of one piece.
        customers: Any engine's frame, of the same kind, with customer_id and the attribute.
        stream: Name of the stream.
        unit: The attribute: city, region, branch.
        assignments: Customers in a price test (customer_id, experiment, assigned_at), whose purchases during the test are
            left out: they paid a price drawn by lot. None: there was no test.
        experiment: Leave out only those of this experiment; empty: of any.
        window_days: Length of the test for a customer.

    Returns:
        The unit, sold_at, price, quantity (always 1), as the kind of frame that went in.

    Raises:
        OpskitError: There is no such stream or attribute.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-03-01")
    >>> bookings = pd.DataFrame({"stream": "book", "booked_at": day, "amount": [9.0, 8.0], "customer_id": [1, 2]})
    >>> booked_sales(bookings, pd.DataFrame({"customer_id": [1, 2], "city": "A"}), stream="book", unit="city").shape
    (2, 4)
    """
    booked = frames.lazy(booked_stream(bookings, stream), table="bookings")
    of_customers = frames.lazy(customers, "customer_id", unit, table="customers").select("customer_id", unit)
    day = frames.epoch_day("booked_at").alias("_day")
    sold = booked.select("customer_id", nw.col("booked_at").alias("sold_at"), nw.col("amount").alias("price"), day)
    if assignments is not None:
        tested = frames.lazy(assignments, "customer_id", "experiment", "assigned_at", table="assignments")
        mine = tested if not experiment else tested.filter(nw.col("experiment").cast(nw.String) == experiment)
        first = mine.group_by("customer_id").agg(nw.col("assigned_at").min())
        ends = (frames.epoch_day("assigned_at") + window_days).alias("_ends")
        outside = (nw.col("sold_at") < nw.col("assigned_at")) | (nw.col("_day") >= nw.col("_ends"))
        sold = sold.join(first.with_columns(ends), on="customer_id", how="left")
        sold = sold.filter(nw.col("assigned_at").is_null() | outside)
    found = sold.join(of_customers, on="customer_id").select(unit, "sold_at", "price", nw.lit(1).alias("quantity"))
    return frames.like(found, bookings)


def line_sales(order_lines: Any, orders: Any, *, unit: str = "product_id") -> Any:
    """A row per order line, with the time of its order.

    Args:
        order_lines: Any engine's frame with order_id, quantity, unit_price and the unit.
        orders: Any engine's frame, of the same kind, with order_id and ordered_at.
        unit: Column of `order_lines`: product_id, or category.

    Returns:
        The unit, sold_at, price, quantity, as the kind of frame that went in.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"order_id": [1], "product_id": ["A"], "quantity": [2], "unit_price": [9.5]})
    >>> line_sales(lines, pd.DataFrame({"order_id": [1], "ordered_at": [pd.Timestamp("2025-03-01")]}))["price"].item()
    9.5
    """
    lines = frames.lazy(order_lines, "order_id", unit, "quantity", "unit_price", table="order_lines")
    when = frames.lazy(orders, "order_id", "ordered_at").select("order_id", nw.col("ordered_at").alias("sold_at"))
    sold = lines.join(when, on="order_id").select(unit, "sold_at", nw.col("unit_price").alias("price"), "quantity")
    return frames.like(sold, order_lines)
