"""Touches in order, cut into paths: one path ends with each conversion, what comes after the last one is a null path."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

# Touches of one moment: a conversion closes them, then channels by name, then the smaller value. What still ties is
# alike in every respect, so that the result depends on no engine's order of rows.
ORDER = ("touched_at", "converted", "channel", "value")


def touches(touchpoints: Any, *, as_of: dt.date, since: dt.date | None = None) -> nw.LazyFrame[Any]:
    """Every touch with what the rules need to know of it.

    Args:
        touchpoints: Any engine's frame with customer_id, channel, touched_at, converted (true on the last touch before
            a conversion); value (of the conversion) where known.
        as_of: Last day to count, inclusive.
        since: First day to count; None: from the beginning.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id, channel (text), touched_at, converted (0 or 1), value (0 where
        there is none).

    Raises:
        OpskitError: A column is missing, or a day is no date.
    """
    frames.day_number(as_of)
    lf = frames.lazy(touchpoints, "customer_id", "channel", "touched_at", "converted", table="touchpoints")
    there = customers.on_or_before(lf, as_of, "touched_at")
    if since is not None:
        frames.day_number(since, "since")
        there &= ~customers.on_or_before(lf, since - dt.timedelta(days=1), "touched_at")
    value = nw.col("value").cast(nw.Float64).fill_null(0.0) if "value" in lf.collect_schema().names() else nw.lit(0.0)
    converted = nw.col("converted").cast(nw.Boolean)
    return lf.filter(there).select(
        "customer_id",
        nw.col("channel").cast(nw.String),
        "touched_at",
        nw.when(converted).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64).alias("converted"),
        nw.when(converted).then(value).otherwise(nw.lit(0.0)).alias("value"),
    )


def in_paths(lf: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The touches with ``path`` (conversions of the customer before the touch) and ``converting`` (whether it ends in one)."""
    before = nw.col("converted").cum_sum().over("customer_id", order_by=ORDER) - nw.col("converted")
    # The customer's conversions in all: whoever has fewer of them behind the touch has one before them.
    return lf.with_columns(
        before.cast(nw.Int64).alias("path"), nw.col("converted").sum().over("customer_id").alias("_conversions")
    ).with_columns((nw.col("path") < nw.col("_conversions")).alias("converting"))


def by_channel(lf: nw.LazyFrame[Any]) -> "pd.DataFrame":
    """Touches, conversions and value by channel, sorted by name; the look that comes before any other work.

    Raises:
        OpskitError: There are no touches, or some name no channel.
        TooLittleDataError: Nothing converted, so there is nothing to credit.
    """
    counted = frames.collect(
        lf.group_by("channel").agg(nw.len().alias("touches"), nw.col("converted").sum(), nw.col("value").sum())
    )
    if counted.empty:
        raise OpskitError(
            "touchpoints has no rows in the period; at least one touch is needed. Check as_of and the file."
        )
    nameless = int(counted.loc[counted["channel"].isna() | (counted["channel"] == ""), "touches"].sum())
    if nameless:
        raise OpskitError(
            f"touchpoints has {nameless} rows without a channel; every touch needs one. Name it, 'direct' for instance."
        )
    if not counted["converted"].sum():
        raise TooLittleDataError(
            f"None of the {counted['touches'].sum()} touches has converted == true, so there is nothing to credit. "
            "Mark the last touch before each conversion, or add orders."
        )
    return counted.sort_values("channel", ignore_index=True)


def with_conversions(touchpoints: Any, orders: Any | None = None, *, as_of: dt.date, lookback_days: float = 30) -> Any:
    """The touchpoints as they are, or, where they do not say what converted, with the last touch before each order marked.

    Of orders that share their last touch the earliest takes it: the path ended there.

    Args:
        touchpoints: Any engine's frame with customer_id, channel and touched_at.
        orders: A frame of the same engine with customer_id, ordered_at and revenue; needed where converted is missing.
        as_of: Last day to count, inclusive.
        lookback_days: A touch longer ago than this did not lead to the order.

    Returns:
        The frame that came in where it has converted; else the same kind of frame with customer_id, channel,
        touched_at, converted, value (revenue of the order, 0 on other touches).

    Raises:
        OpskitError: Neither converted nor orders are there, a column is missing, or lookback_days is not positive.

    Assumes the clocks of both tables agree. A touch of the order's own second counts as before it; where times are
    whole days, so does every touch of the day.

    >>> import pandas as pd
    >>> at = pd.to_datetime(["2025-01-01", "2025-01-03", "2025-01-05"])
    >>> touched = pd.DataFrame({"customer_id": 1, "channel": ["ads", "search", "ads"], "touched_at": at})
    >>> bought = pd.DataFrame({"customer_id": [1], "ordered_at": pd.to_datetime(["2025-01-04"]), "revenue": [50.0]})
    >>> with_conversions(touched, bought, as_of=dt.date(2025, 1, 31))[["channel", "converted", "value"]]
      channel  converted  value
    0     ads      False    0.0
    1  search       True   50.0
    2     ads      False    0.0
    """
    check(lookback_days, "lookback_days", gt=0)
    touched = frames.lazy(touchpoints, "customer_id", "channel", "touched_at", table="touchpoints")
    if "converted" in touched.collect_schema().names():
        return touchpoints
    if orders is None:
        raise OpskitError(
            "touchpoints lacks 'converted', and there are no orders to tell it from. Mark the last touch before each "
            "conversion, or add orders."
        )
    bought = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    bought = bought.filter(customers.on_or_before(bought, as_of))
    touched = touched.filter(customers.on_or_before(touched, as_of, "touched_at"))
    both = nw.concat(
        [
            _timeline(touched, nw.col("channel").cast(nw.String), "touched_at", nw.lit(0.0), order=0),
            _timeline(bought, nw.lit(""), "ordered_at", nw.col("revenue").cast(nw.Float64), order=1),
        ]
    )
    following = {
        f"next_{column}": nw.col(column).shift(-1).over("customer_id", order_by=("at", "order", "channel", "paid"))
        for column in ("order", "at", "paid")
    }
    soon = nw.col("next_at") <= nw.col("at").dt.offset_by(f"{round(lookback_days * 86_400)}s")
    converted = nw.when((nw.col("next_order") == 1) & soon)
    result = (
        both.with_columns(**following)
        .filter(nw.col("order") == 0)
        .select(
            "customer_id",
            "channel",
            nw.col("at").alias("touched_at"),
            converted.then(nw.lit(value=True)).otherwise(nw.lit(value=False)).alias("converted"),
            converted.then(nw.col("next_paid")).otherwise(nw.lit(0.0)).alias("value"),
        )
    )
    return frames.like(result, touchpoints)


def _timeline(lf: nw.LazyFrame[Any], channel: nw.Expr, at: str, paid: nw.Expr, *, order: int) -> nw.LazyFrame[Any]:
    """Touches and orders as rows of one kind."""
    time = nw.col(at).cast(nw.Datetime("us")).alias("at")
    return lf.select("customer_id", channel.alias("channel"), time, paid.alias("paid"), nw.lit(order).alias("order"))
