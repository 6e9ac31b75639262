"""What each customer of an experiment did in the window after the assignment and in the days before it."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import TooLittleDataError, check
from opskit.incentives.experiment.design import Design, first_assignments
from opskit.incentives.experiment.measures import BEFORE, COVARIATE, aggregates, pairs, product

if TYPE_CHECKING:
    import pandas as pd
    from tea_tasting.aggr import Aggregates

FEWEST = 2
"""Customers an arm needs for a variance."""
STATUSES = ("used", "window not over", "in several variants")
_USUAL = ("buyers", "orders", "revenue", "gross")


@dataclass(frozen=True)
class Outcomes:
    """Sums of customers by arm and day of assignment.

    Attributes:
        design: The experiment and its arms.
        days: variant, day (of the assignment), customers, every column, and every product of two: customers whose window
            is over.
        columns: What is summed; those that end in _before were counted before the assignment.
        counts: variant, status (used, window not over, in several variants), customers.
        as_of: Last day counted.
        window_days: Days, from the day of the assignment on, in which the outcome is counted.
        before_days: Days before the assignment that the covariate looks at.
        value_is: What margin rests on, in words.
    """

    design: Design
    days: "pd.DataFrame"
    columns: tuple[str, ...]
    counts: "pd.DataFrame"
    as_of: dt.date
    window_days: int
    before_days: int
    value_is: str

    def arm(self, variant: str, *, until: int | None = None) -> "Aggregates | None":
        """Means, variances and covariances of an arm, of customers whose window was over by a day; None for too few."""
        mine = self.days[self.days["variant"] == variant]
        if until is not None:
            mine = mine[mine["day"] + self.window_days - 1 <= until]
        if mine["customers"].sum() < FEWEST:
            return None
        return aggregates(mine.drop(columns=["variant", "day"]).sum(), self.columns)

    def assigned(self, variant: str) -> int:
        """Customers of an arm, those whose window is not over included, those in several left out."""
        mine = (self.counts["variant"] == variant) & (self.counts["status"] != STATUSES[2])
        return int(self.counts.loc[mine, "customers"].sum())

    def used(self, variant: str) -> int:
        """Customers of an arm whose window is over."""
        return int(self.days.loc[self.days["variant"] == variant, "customers"].sum())


def outcomes(
    assignments: Any,
    orders: Any,
    chosen: Design,
    *,
    as_of: dt.date,
    contacts: Any | None = None,
    window_days: int = 60,
    before_days: int = 180,
    covariate: str = "",
) -> Outcomes:
    """What customers of both arms did, customers without an order included as 0.

    Args:
        assignments: Any engine's frame with experiment, customer_id, variant, assigned_at.
        orders: The same engine's frame with customer_id, ordered_at, revenue; optional refund and margin.
        chosen: From `design`.
        as_of: Last day to count, inclusive. Only customers whose window is over by then enter.
        contacts: The same engine's frame with customer_id, sent_at, opted_out; None: nothing tells who opted out.
        window_days: An order counts from the moment of the assignment to the end of the window_days-th day, the day of the
            assignment being the first.
        before_days: Orders of so many days before the moment of the assignment make the covariate.
        covariate: Column of assignments with a number known before it; empty: none.

    Returns:
        Outcomes.

    Raises:
        OpskitError: A column is missing or an option is out of range.
        TooLittleDataError: An arm has fewer than two customers whose window is over.

    Assumes refunds known by as_of are all; those still to come are the same in both arms.
    """
    check(window_days, "window_days", ge=1)
    check(before_days, "before_days", ge=1)
    more = (covariate,) if covariate else ()
    needed = ("experiment", "customer_id", "variant", "assigned_at", *more)
    lf = frames.lazy(assignments, *needed, table="assignments")
    lf = lf.filter(nw.col("experiment").cast(nw.String) == chosen.experiment)
    numbers = [nw.col(column).cast(nw.Float64).alias(COVARIATE) for column in more]
    lf = lf.select("experiment", "customer_id", "variant", "assigned_at", *numbers)
    people = first_assignments(lf, as_of, *(nw.col(COVARIATE).mean() for _ in more))
    bought, value_is = orders_until(orders, as_of)
    joined = in_window(people.join(bought, on="customer_id", how="left"), window_days, before_days, bool(more))
    columns = [
        *_USUAL,
        *(f"{column}{BEFORE}" for column in ("buyers", "orders", "revenue")),
        *(COVARIATE for _ in more),
    ]
    columns += ["margin", f"margin{BEFORE}"]
    columns += ["refund", "refunded"] if "refund" in frames.lazy(orders).collect_schema().names() else []
    if contacts is not None:
        joined = _opted_out(joined, contacts, as_of, window_days)
        columns.append("opted_out")
    day = frames.day_number(as_of)
    return _summed(joined, chosen, columns, as_of, day, window_days, before_days, value_is)


def orders_until(orders: Any, as_of: dt.date) -> tuple[nw.LazyFrame[Any], str]:
    """Orders up to as_of with revenue after refunds, contribution, and whether there was a refund."""
    lf = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    lf = lf.filter(customers.on_or_before(lf, as_of))
    names = lf.collect_schema().names()
    margin, value_is = customers.contribution(lf)
    revenue = nw.col("revenue").cast(nw.Float64).fill_null(0.0)
    refund = nw.col("refund").cast(nw.Float64).fill_null(0.0) if "refund" in names else 0.0 * revenue
    rows = lf.select(
        "customer_id",
        nw.col("ordered_at"),
        frames.epoch_day("ordered_at").alias("bought"),
        (revenue - refund).alias("_revenue"),
        revenue.alias("_gross"),
        refund.alias("_refund"),
        margin.fill_null(0.0).alias("_margin"),
    )
    return rows, value_is


def in_window(joined: nw.LazyFrame[Any], window_days: int, before_days: int, more: bool) -> nw.LazyFrame[Any]:
    """A row per customer: what was bought in the window, and in the days before."""
    since = nw.col("bought") - nw.col("day")
    after = (nw.col("ordered_at") >= nw.col("assigned_at")) & (since < window_days)
    earlier = (nw.col("ordered_at") < nw.col("assigned_at")) & (since >= -before_days)
    keys = ["customer_id", "variant", "other", "assigned_at", "day", *([COVARIATE] if more else [])]
    sums: list[nw.Expr] = []
    for ending, when in (("", after), (BEFORE, earlier)):
        sums.append(nw.when(when).then(1).otherwise(0).cast(nw.Float64).alias(f"orders{ending}"))
        sums += [
            nw.when(when).then(nw.col(f"_{column}")).otherwise(0.0).alias(f"{column}{ending}")
            for column in ("revenue", "gross", "refund", "margin")
        ]
    names = [
        f"{column}{ending}" for ending in ("", BEFORE) for column in ("orders", "revenue", "gross", "refund", "margin")
    ]
    per_customer = joined.with_columns(*sums).group_by(*keys).agg(*(nw.col(name).sum() for name in names))
    flags = {"buyers": "orders", f"buyers{BEFORE}": f"orders{BEFORE}", "refunded": "refund"}
    return per_customer.with_columns(
        *(nw.when(nw.col(of) > 0).then(1.0).otherwise(0.0).alias(flag) for flag, of in flags.items())
    )


def _opted_out(people: nw.LazyFrame[Any], contacts: Any, as_of: dt.date, window_days: int) -> nw.LazyFrame[Any]:
    """The same with whether the customer opted out for the first time in the window."""
    lf = frames.lazy(contacts, "customer_id", "sent_at", "opted_out", table="contacts")
    out = lf.filter(customers.on_or_before(lf, as_of, "sent_at"), nw.col("opted_out"))
    first = out.group_by("customer_id").agg(nw.col("sent_at").min().alias("_out_at"))
    first = first.with_columns(frames.epoch_day("_out_at").alias("_out"))
    inside = (nw.col("_out_at") >= nw.col("assigned_at")) & (nw.col("_out") < nw.col("day") + window_days)
    joined = people.join(first, on="customer_id", how="left")
    return joined.with_columns(nw.when(inside).then(1.0).otherwise(0.0).alias("opted_out"))


def _summed(
    people: nw.LazyFrame[Any],
    chosen: Design,
    columns: list[str],
    as_of: dt.date,
    day: int,
    window_days: int,
    before_days: int,
    value_is: str,
) -> Outcomes:
    arms = [chosen.control, chosen.treatment]
    status = (
        nw.when(nw.col("variant") != nw.col("other"))
        .then(nw.lit(2))
        .otherwise(nw.when(nw.col("day") + window_days - 1 > day).then(nw.lit(1)).otherwise(nw.lit(0)))
    )
    products = [(nw.col(left) * nw.col(right)).alias(product(left, right)) for left, right in pairs(columns)]
    table = frames.collect(
        people.with_columns(status.alias("status"), *products)
        .group_by("variant", "status", "day")
        .agg(
            nw.len().alias("customers"), *(nw.col(c).sum() for c in [*columns, *(product(*p) for p in pairs(columns))])
        )
    )
    table = table[table["variant"].isin(arms)].sort_values(["variant", "status", "day"], ignore_index=True)
    counts = table.groupby(["variant", "status"])["customers"].sum().reset_index()
    counts["status"] = counts["status"].map(dict(enumerate(STATUSES)))
    days = table[table["status"] == 0].drop(columns="status").reset_index(drop=True)
    found = Outcomes(chosen, days, tuple(columns), counts, as_of, window_days, before_days, _share_told(value_is, days))
    short = [arm for arm in arms if found.used(arm) < FEWEST]
    if short:
        raise TooLittleDataError(
            f"{chosen.experiment}: fewer than {FEWEST} customers of {' and '.join(short)} have their {window_days} days "
            f"behind them on {as_of}. Wait, give a later as_of, or give fewer window_days."
        )
    return found


def _share_told(text: str, days: "pd.DataFrame") -> str:
    revenue = float(days["revenue"].sum())
    return text.format(share=float(days["margin"].sum()) / revenue if revenue > 0 else float("nan"))
