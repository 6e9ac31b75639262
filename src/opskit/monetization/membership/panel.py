"""Orders and membership spells as one table of customers' active months, which every comparison of the page reads."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, TooLittleDataError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

MEASURES = ("orders", "spend", "margin", "priced", "log_spend")
NEVER = -1  # join_month of a customer without a spell
_FOR_EVER = 10_000_000  # days since 1970: the end of a spell that is still running


class Panel(NamedTuple):
    """What the comparisons read: customers by active month, and the members' time.

    Attributes:
        months: A row per customer and calendar month with an order: customer_id, group (for the jackknife), month
            (calendar months since year 0), first_month, join_month (NEVER for those without a spell), orders, spend, margin
            (missing where orders have none), priced (orders above 0) and log_spend (sum of the natural logs of what each of
            them brought), and the part of each placed as a member: orders_in, spend_in and so on.
        spells: A row per stretch of membership without a break: customer_id, start_day, end_day (days since 1970-01-01),
            join_month (of the customer's first one).
        first_month: First month with an order.
        last_month: Last whole month.
        has_margin: Whether orders carry a margin.
    """

    months: "pa.Table"
    spells: "pa.Table"
    first_month: int
    last_month: int
    has_margin: bool


def panel(orders: Any, memberships: Any, *, as_of: dt.date, level: str = "") -> Panel:
    """Bring orders and membership spells together, month by month; only months with an order become rows.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue, and margin where known.
        memberships: The same engine's frame with customer_id, level and started_at, and ended_at where spells end.
        as_of: Last day to count, inclusive; a month that is not over then is left out.
        level: Only spells of this level make a member; empty: of any level.

    Returns:
        The months and the spells, both as Arrow tables.

    Raises:
        OpskitError: There are no orders, or no such level.
        TooLittleDataError: There is no whole month, or there are no members, or nobody else.

    Assumes an order on the first day of a membership was placed outside it (one often joins at the till), and one on its
    last day inside. Spells that touch or overlap are one.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-05", "2024-02-05", "2024-01-07"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days, "revenue": [10.0, 12, 9]})
    >>> plus = pd.DataFrame({"customer_id": ["A"], "level": ["plus"], "started_at": days[:1]})
    >>> panel(orders, plus, as_of=dt.date(2024, 2, 29)).months.to_pandas()[["customer_id", "orders", "orders_in"]]
      customer_id  orders  orders_in
    0           A       1          0
    1           A       1          1
    2           B       1          0
    """
    import numpy as np

    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    tomorrow = dt.date.fromordinal(as_of.toordinal() + 1)
    last = tomorrow.year * 12 + tomorrow.month - 2
    spells = _stretches(_chosen(memberships, as_of, level))
    joined = spells.group_by("customer_id").agg(nw.col("join_month").min())
    has_margin = "margin" in lf.collect_schema().names()
    months = _months(lf, spells, joined, last, has_margin=has_margin)
    table: pa.Table = _in_order(months.collect("pyarrow").to_native(), "customer_id", "month")
    if not len(table):
        raise TooLittleDataError(f"as_of == {as_of}: no month with orders is over by then. Use a later as_of.")
    found: pa.Table = _in_order(spells.drop("join_month").join(joined, on="customer_id").collect("pyarrow").to_native())
    _refuse_one_sided(table, found, as_of)
    return Panel(table, found, int(np.min(table["month"].to_numpy())), last, has_margin)


def _in_order(table: "pa.Table", *keys: str) -> "pa.Table":
    """Sorted, so that sums of floats do not depend on the order in which an engine returns rows."""
    return table.sort_by([(key, "ascending") for key in keys or table.column_names])


def _chosen(memberships: Any, as_of: dt.date, level: str) -> nw.LazyFrame[Any]:
    """Spells of the level begun by the day: customer_id, start_day, end_day, join_month (of this spell)."""
    lf = frames.lazy(memberships, "customer_id", "level", "started_at", table="memberships")
    levels = [str(name) for name in frames.collect(lf.group_by("level").agg(nw.len().alias("n")))["level"].dropna()]
    if level and level not in levels:
        raise OpskitError(
            f"level == {level!r}, must be one of {', '.join(map(repr, sorted(levels)))}, or empty for any."
            f"{did_you_mean(level, levels)}"
        )
    begun = lf.filter(~nw.col("started_at").is_null(), ~nw.col("customer_id").is_null())
    begun = begun.filter(nw.col("level") == level) if level else begun
    ends = "ended_at" in lf.collect_schema().names() and lf.collect_schema()["ended_at"].is_temporal()
    # A missing time has no year on pandas, so it is set aside before its day is worked out.
    ended = nw.coalesce(
        *(nw.col(name).cast(nw.Datetime("us")) for name in (["ended_at"] if ends else []) + ["started_at"])
    )
    runs = nw.col("ended_at").is_null() if ends else nw.lit(value=True)
    return (
        begun.with_columns(ended.alias("ended"), runs.alias("runs"))
        .select(
            "customer_id",
            frames.epoch_day("started_at").alias("start_day"),
            nw.when(nw.col("runs")).then(nw.lit(_FOR_EVER)).otherwise(frames.epoch_day("ended")).alias("end_day"),
            frames.month_index("started_at").alias("join_month"),
        )
        .with_columns(nw.col("end_day").cast(nw.Int64))
        .filter(nw.col("start_day") <= frames.day_number(as_of), nw.col("end_day") >= nw.col("start_day"))
    )


def _stretches(spells: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Spells that touch or overlap as one."""
    once = spells.group_by("customer_id", "start_day").agg(nw.col("end_day").max(), nw.col("join_month").min())
    reached = nw.col("end_day").cum_max().over("customer_id", order_by="start_day")
    before = once.with_columns(reached.alias("reached")).with_columns(
        nw.col("reached").shift(1).over("customer_id", order_by="start_day").alias("before")
    )
    breaks = (nw.col("start_day") > nw.col("before") + 1).fill_null(value=True).cast(nw.Int64)
    return (
        before.with_columns(breaks.alias("breaks"))
        .with_columns(nw.col("breaks").cum_sum().over("customer_id", order_by="start_day").alias("stretch"))
        .group_by("customer_id", "stretch")
        .agg(nw.col("start_day").min(), nw.col("end_day").max(), nw.col("join_month").min())
        .drop("stretch")
    )


def _months(
    lf: nw.LazyFrame[Any], spells: nw.LazyFrame[Any], joined: nw.LazyFrame[Any], last: int, *, has_margin: bool
) -> nw.LazyFrame[Any]:
    margin = nw.col("margin").cast(nw.Float64) if has_margin else nw.lit(None, dtype=nw.Float64)
    priced = nw.col("revenue") > 0
    dated = lf.select(
        "customer_id",
        frames.month_index("ordered_at").alias("month"),
        frames.epoch_day("ordered_at").alias("day"),
        nw.lit(1).cast(nw.Int64).alias("orders"),
        nw.col("revenue").cast(nw.Float64).alias("spend"),
        margin.alias("margin"),
        priced.cast(nw.Int64).alias("priced"),
        nw.when(priced).then(nw.col("revenue").cast(nw.Float64)).otherwise(nw.lit(1.0)).log().alias("log_spend"),
    ).filter(nw.col("month") <= last)
    keys = ("customer_id", "month")
    every = dated.group_by(*keys).agg(*(nw.col(name).sum() for name in MEASURES))
    inside = (
        dated.join(spells.drop("join_month"), on="customer_id")
        .filter(nw.col("day") > nw.col("start_day"), nw.col("day") <= nw.col("end_day"))
        .group_by(*keys)
        .agg(*(nw.col(name).sum().alias(f"{name}_in") for name in MEASURES))
    )
    both = every.join(inside, on=list(keys), how="left").join(joined, on="customer_id", how="left")
    first = nw.col("month").min().over("customer_id").alias("first_month")
    inside_month = [nw.col(f"{name}_in").fill_null(0) for name in ("spend", "margin", "log_spend")]
    counts = [
        nw.col("join_month").fill_null(NEVER).cast(nw.Int64),
        *(nw.col(name).fill_null(0).cast(nw.Int64) for name in ("orders", "orders_in", "priced", "priced_in")),
    ]
    whole = both.with_columns(first, *inside_month, *counts)
    return stats.assign_groups(whole, ids=lf.select("customer_id")).select(
        *("customer_id", "group", "month", "first_month", "join_month"), *MEASURES, *(f"{name}_in" for name in MEASURES)
    )


def _refuse_one_sided(months: "pa.Table", spells: "pa.Table", as_of: dt.date) -> None:
    """A membership that nobody has, or everybody, cannot be compared with anything."""
    if not len(spells):
        raise TooLittleDataError(
            f"memberships has no spell begun by {as_of}: there are no members to compare with others."
        )
    outside = int((months["join_month"].to_numpy() == NEVER).sum())
    if not outside:
        raise TooLittleDataError(
            "Every customer with an order is a member: nobody is left to compare members with. "
            "What such a membership brings, only a group left out of it on purpose can tell."
        )
    if outside == len(months):
        raise TooLittleDataError(
            "No member has an order: customer_id of memberships and of orders may not be the same ids."
        )
