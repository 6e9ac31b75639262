"""What is known of every customer on a day: orders, silence, stage, tier and the attributes that a plan asks for."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, check, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

FIRST_KNOWN = ("orders", "revenue", "value", "days_since_last", "days_since_first", "stage", "tier")
"""Words that every rule may use; every column of customers comes on top."""
STAGES = ("prospect", "active", "late", "silent")
SILENT_AFTER = 3  # natural intervals: whoever orders at random with that rhythm is so late once in eight times
_VALUE_DAYS = 365
_SINCE = "days_since_"


def known(
    orders: Any,
    *,
    as_of: dt.date,
    wanted: Iterable[str] = (),
    interval_days: float = 30.0,
    people: Any = None,
    memberships: Any = None,
    segments: "pd.DataFrame | None" = None,
) -> nw.LazyFrame[Any]:
    """One row per customer, of everybody who stands in orders or among the customers.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; optional margin and refund.
        as_of: Last day to count, inclusive.
        wanted: Names used by rules, and columns that hold addresses; those that are none of FIRST_KNOWN are looked for among
            the columns of people. ``days_since_x`` counts days from the time in column x.
        interval_days: Natural interval between purchases.
        people: The same engine's frame with customer_id and attributes: the table customers; those without an order are
            prospects.
        memberships: The same engine's frame with customer_id, level, started_at and ended_at.
        segments: customer_id and segment, as another page or tool has listed them; pandas, joined as the column segment.

    Returns:
        A Narwhals lazy frame: customer_id (text); orders; revenue; value (contribution of the last 365 days);
        days_since_last, days_since_first (missing without an order); stage (prospect: no order; active: silent for at most
        one natural interval; late: at most three; silent); tier (level held on the day, "" for none; without memberships, the
        column tier of people); the attributes.

    Raises:
        OpskitError: A column is missing, as_of is before the first order, or there are no orders.

    Assumes attributes are as they stand now, whatever the day.
    """
    check(interval_days, "interval_days", gt=0)
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    computed: set[str] = set(FIRST_KNOWN) | ({"segment"} if segments is not None else set())
    if memberships is None:  # then the customers' own tier counts, where they have one
        wanted, computed = [*wanted, "tier"], computed - {"tier"}
    attributes = _attributes(people, wanted, computed)
    table = _bought(lf, as_of)
    if people is not None:
        table = _with_prospects(table, _registered(people, attributes, as_of))
    day = frames.day_number(as_of)
    table = table.with_columns(
        (day - nw.col("last")).alias("days_since_last"), (day - nw.col("first")).alias("days_since_first")
    ).drop("last", "first")
    silence = nw.col("days_since_last").cast(nw.Float64)
    stage = (
        nw.when(nw.col("orders") == 0)
        .then(nw.lit(STAGES[0]))
        .when(silence <= interval_days)
        .then(nw.lit(STAGES[1]))
        .when(silence <= SILENT_AFTER * interval_days)
        .then(nw.lit(STAGES[2]))
        .otherwise(nw.lit(STAGES[3]))
    )
    table = _with_tier(table.with_columns(stage.alias("stage")), memberships, as_of)
    return table if segments is None else _with_segment(table, segments)


def _attributes(people: Any, wanted: Iterable[str], computed: set[str]) -> dict[str, tuple[str, nw.dtypes.DType]]:
    """Column of people, and its type, behind every further name wanted."""
    if people is None:
        return {}
    schema = frames.lazy(people, "customer_id", table="customers").collect_schema()
    found: dict[str, tuple[str, nw.dtypes.DType]] = {}
    for name in dict.fromkeys(wanted):
        column = name.removeprefix(_SINCE)
        if name in computed or name == "customer_id":
            continue
        if name in schema:
            found[name] = (name, nw.String() if schema[name].is_temporal() else schema[name])
        elif name != column and column in schema and schema[column].is_temporal():
            found[name] = (column, nw.Int64())
    return found


def _bought(lf: nw.LazyFrame[Any], as_of: dt.date) -> nw.LazyFrame[Any]:
    each, _ = customers.contribution(lf)
    lately = ~customers.on_or_before(lf, as_of - dt.timedelta(days=_VALUE_DAYS))
    rows = lf.filter(~nw.col("customer_id").is_null()).select(
        nw.col("customer_id").cast(nw.String),
        nw.col("revenue").cast(nw.Float64).fill_null(0.0),
        nw.when(lately).then(each.fill_null(0.0)).otherwise(0.0).alias("value"),
        frames.epoch_day("ordered_at").alias("day"),
    )
    sums = (nw.col("revenue").sum(), nw.col("value").sum(), nw.col("day").max().alias("last"))
    table = rows.group_by("customer_id").agg(nw.len().alias("orders"), *sums, nw.col("day").min().alias("first"))
    return table.with_columns(nw.col("orders").cast(nw.Int64))


def _registered(people: Any, attributes: dict[str, tuple[str, nw.dtypes.DType]], as_of: dt.date) -> nw.LazyFrame[Any]:
    """Accounts opened by the day with their attributes, each once."""
    lf = frames.lazy(people, "customer_id", table="customers").filter(~nw.col("customer_id").is_null())
    if "signed_up_at" in lf.collect_schema():
        lf = lf.filter(nw.col("signed_up_at").is_null() | customers.on_or_before(lf, as_of, "signed_up_at"))
    day = frames.day_number(as_of)
    columns = [
        (day - frames.epoch_day(column)).alias(name) if name != column else nw.col(column).cast(kind)
        for name, (column, kind) in attributes.items()
    ]
    rows = lf.select(nw.col("customer_id").cast(nw.String), *columns)
    return rows.group_by("customer_id").agg(nw.len().alias("_rows"), *(nw.col(name).max() for name in attributes))


def _with_prospects(bought: nw.LazyFrame[Any], registered: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Those who bought and those registered, each once."""
    registered = registered.rename({"customer_id": "_id"}).drop("_rows")
    table = bought.join(registered, left_on="customer_id", right_on="_id", how="full")
    return table.with_columns(
        nw.coalesce("customer_id", "_id").alias("customer_id"),
        nw.col("orders").fill_null(0).cast(nw.Int64),
        nw.col("revenue", "value").fill_null(0.0),
    ).drop("_id")


def _with_tier(table: nw.LazyFrame[Any], memberships: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    if memberships is None:
        own = nw.col("tier").cast(nw.String).fill_null("") if "tier" in table.collect_schema() else nw.lit("")
        return table.with_columns(own.alias("tier"))
    lf = frames.lazy(memberships, "customer_id", "level", "started_at", table="memberships")
    lf = lf.filter(customers.on_or_before(lf, as_of, "started_at"))
    if "ended_at" in lf.collect_schema().names():
        lf = lf.filter(nw.col("ended_at").is_null() | ~customers.on_or_before(lf, as_of, "ended_at"))
    lf = lf.select(nw.col("customer_id").cast(nw.String), nw.col("level").cast(nw.String), "started_at")
    newest = lf.with_columns(nw.col("started_at").max().over("customer_id").alias("newest"))
    held = newest.filter(nw.col("started_at") == nw.col("newest"))
    tiers = held.group_by("customer_id").agg(nw.col("level").max().alias("tier"))
    return table.join(tiers, on="customer_id", how="left").with_columns(nw.col("tier").fill_null(""))


def _with_segment(table: nw.LazyFrame[Any], segments: "pd.DataFrame") -> nw.LazyFrame[Any]:
    for name in ("customer_id", "segment"):
        if name not in segments:
            have = ", ".join(map(repr, segments.columns))
            raise OpskitError(f"segments lacks {name!r}; it has {have}.{did_you_mean(name, segments.columns)}")
    listed = segments[["customer_id", "segment"]].dropna().astype(str)
    twice = listed[listed.duplicated("customer_id")]
    if len(twice):
        raise OpskitError(f"segments lists {len(twice)} customers more than once: keep one segment for each.")
    return table.join(frames.beside(table, listed), on="customer_id", how="left")
