"""What the buying models need to know of a customer: frequency, recency, T and the mean value of a repeat day."""

import datetime as dt
from typing import Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, check

UNIT_DAYS = {"day": 1, "week": 7}


def summary(
    orders: Any,
    *,
    as_of: dt.date,
    calibrate_until: dt.date | None = None,
    value: str = "revenue",
    time_unit: str = "day",
) -> Any:
    """One row per customer in the sense of BTYD models, with what came afterwards if part of the period is held out.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and the value, one row per order.
        as_of: Last day to count, inclusive.
        calibrate_until: Last day of the calibration period, inclusive; the days after it up to as_of are held out. By
            default nothing is.
        value: Column to average: revenue, margin or any other amount of money.
        time_unit: Unit of recency, T and holdout: "day" or "week" (7 days).

    Returns:
        The same kind of frame as went in, of customers who had come by the end of calibration: customer_id; first_day;
        frequency (order days after the first); recency (time from the first to the last order day); T (time from the
        first day to the end of calibration); mean_value (per order day after the first, missing where there is none);
        unit_days (days per time unit, by which the models know the unit). With calibrate_until also holdout_frequency
        (order days held out), holdout_value (their sum) and holdout (length of the time held out).

    Raises:
        OpskitError: A date is not one, calibrate_until is not before as_of, no order is that early, a column is
            missing, or the time unit is unknown.

    Assumes orders of one customer on one day are one occasion. The first day's value is left out of the mean, because
    spending is predicted for repeat orders.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), for frequency,
        recency and T; Fader & Hardie (2013), "The Gamma-Gamma model of monetary value", for the mean.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-15", "2024-01-29", "2024-02-10"])
    >>> orders = pd.DataFrame({"customer_id": "A", "ordered_at": days, "revenue": [10.0, 20, 30, 5]})
    >>> ends = {"calibrate_until": dt.date(2024, 2, 5), "as_of": dt.date(2024, 2, 12)}
    >>> table = summary(orders, **ends, time_unit="week")
    >>> table[["frequency", "recency", "T", "mean_value", "holdout_frequency", "holdout"]]
       frequency  recency    T  mean_value  holdout_frequency  holdout
    0          2      4.0  5.0        25.0                  1      1.0
    """
    check(time_unit, "time_unit", among=UNIT_DAYS)
    unit, end = UNIT_DAYS[time_unit], calibrate_until or as_of
    held_out = frames.day_number(as_of) - frames.day_number(end, "calibrate_until")
    if calibrate_until is not None and held_out <= 0:
        raise OpskitError(f"calibrate_until == {calibrate_until}, must be before as_of, {as_of}. Use an earlier day.")
    lf, first_day = customers.until(orders, value, as_of=as_of)
    if frames.day_number(end) < first_day:
        raise OpskitError(f"calibrate_until == {end}, must not be before the first order. Use a later day.")
    days = customers.order_days(lf, value)
    counted = _per_customer(days, customers.on_or_before(days, end, "day"), value).filter(nw.col("frequency") >= 0)
    first, last = frames.epoch_day("first_day"), frames.epoch_day("last_day")
    result = counted.select(
        "customer_id",
        "first_day",
        "frequency",
        ((last - first) / unit).cast(nw.Float64).alias("recency"),
        ((frames.day_number(end) - first) / unit).cast(nw.Float64).alias("T"),
        nw.when(nw.col("frequency") > 0)
        .then(nw.col("repeat_value") / nw.col("frequency"))
        .otherwise(nw.lit(None))
        .cast(nw.Float64)
        .alias("mean_value"),
        nw.lit(unit).cast(nw.Int64).alias("unit_days"),
        *(_held_out(held_out / unit) if calibrate_until is not None else ()),
    )
    return frames.like(result, orders)


def _per_customer(days: nw.LazyFrame[Any], calibration: nw.Expr, value: str) -> nw.LazyFrame[Any]:
    """First and last calibration day, repeat days with their value, and what came later."""
    if days.implementation.is_duckdb():
        return nw.from_native(_per_customer_in_duckdb(days, calibration, value))
    amount, none = nw.col(value).cast(nw.Float64), nw.lit(0.0)
    return (
        days.with_columns(nw.col("day").min().over("customer_id").alias("first_day"))
        .with_columns(calibration.alias("known"), (nw.col("day") > nw.col("first_day")).alias("again"))
        .with_columns(
            nw.when("known").then(nw.lit(1)).otherwise(nw.lit(0)).alias("known_days"),
            nw.when("known").then(nw.col("day")).otherwise(nw.col("first_day")).alias("known_day"),
            nw.when(nw.col("known") & nw.col("again")).then(amount).otherwise(none).alias("repeat_value"),
            nw.when("known").then(none).otherwise(amount).alias("holdout_value"),
        )
        .group_by("customer_id")
        .agg(
            nw.len().alias("all_days"),
            nw.col("known_days", "repeat_value", "holdout_value").sum(),
            nw.col("first_day").min(),
            nw.col("known_day").max().alias("last_day"),
        )
        .with_columns(
            (nw.col("known_days").cast(nw.Int64) - 1).alias("frequency"),
            (nw.col("all_days").cast(nw.Int64) - nw.col("known_days").cast(nw.Int64)).alias("holdout_frequency"),
        )
    )


def _per_customer_in_duckdb(days: nw.LazyFrame[Any], calibration: nw.Expr, value: str) -> Any:
    """The same, where the engine can find the value of the first day without a window: a third less time."""
    named = days.select(
        "customer_id", "day", nw.col(value).cast(nw.Float64).alias("amount"), calibration.alias("known")
    )
    return named.to_native().aggregate(
        """customer_id, min(day) AS first_day, coalesce(max(day) FILTER (known), min(day)) AS last_day,
        count(*) FILTER (known) - 1 AS frequency, count(*) FILTER (NOT known) AS holdout_frequency,
        coalesce(sum(amount) FILTER (known), 0) - arg_min(amount, day) AS repeat_value,
        coalesce(sum(amount) FILTER (NOT known), 0) AS holdout_value""",
        "customer_id",
    )


def _held_out(length: float) -> tuple[nw.Expr, ...]:
    return nw.col("holdout_frequency"), nw.col("holdout_value"), nw.lit(length).alias("holdout")
