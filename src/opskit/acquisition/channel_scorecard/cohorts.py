"""Accounts by channel and week of sign-up, with what they ordered at which age: one scan of each table."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.acquisition.channel_scorecard.spending import NO_SPENDING, spending
from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

NO_ORDER = -1  # the age in the rows of accounts that never ordered
UNKNOWN = "(unknown)"
_MONDAY = 3  # 1970-01-01 was a Thursday


class Cohorts(NamedTuple):
    """What the accounts of each channel and week did, and what was spent on them."""

    cells: "pd.DataFrame"  # channel, week, month, costed, age, accounts, first_orders, orders, margin, old_N, back_N
    daily: "pd.DataFrame"  # channel, day, acquire, every; empty without spend
    as_of: int  # days since 1970-01-01
    return_days: tuple[int, ...]
    has_spend: bool
    has_signup: bool
    has_values: bool
    notes: tuple[str, ...]


def cohorts(
    orders: Any,
    accounts: Any,
    spend: Any | None = None,
    values: Any | None = None,
    *,
    as_of: dt.date,
    spend_lag_days: int = 0,
    return_days: Sequence[int] = (30, 60, 90),
    margin_share: float = 0.0,
) -> Cohorts:
    """Count what the accounts of each channel and week of sign-up did, by age.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund where they are there.
        accounts: The customers table, same engine: customer_id, channel; signed_up_at where it is there. Without it an
            account begins with its first order, and accounts without orders are not counted.
        spend: As in `spending`; None: everything but cost.
        values: customer_id and lifetime_value (contribution still expected after as_of), same engine or pandas; None: no
            forecast.
        as_of: Last day to count, inclusive.
        spend_lag_days: As in `spending`.
        return_days: N of "came back within N days of the first order".
        margin_share: As in `customers.contribution`.

    Returns:
        ``cells``: one row per channel, week and month of sign-up, costed (spend covers the day) and age in days (-1: no
        order): accounts (each once, at its first order), first_orders, orders, margin, to_come; old_N (first orders N
        days old or older), back_N (of these, with another order day within N days). ``daily``: of `spending`.
        ``notes``: what was assumed or left out.

    Raises:
        OpskitError: A column is missing, an option is out of range, or as_of is no date or before the first order.
        TooLittleDataError: No account has a channel.

    Assumes a customer's channel is the one that brought the account. An order before the sign-up moves the sign-up to
    it: the account was won by then. Orders of one day are one occasion.
    """
    for days in return_days:
        check(days, "return_days", ge=1)
    first, last, notes, daily = *NO_SPENDING, (), _no_spend()
    if spend is not None:
        daily, first, last, notes = spending(spend, as_of=as_of, spend_lag_days=spend_lag_days)
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    value, basis = customers.contribution(lf, margin_share)
    roster = frames.lazy(accounts, "customer_id", "channel", table="customers")
    has_signup = "signed_up_at" in roster.collect_schema().names()
    joined = _joined(_order_days(lf, value), roster, has_signup)
    if values is not None:
        joined = _with_values(joined, values)
    cells = frames.collect(_cells(joined, frames.day_number(as_of), (first, last), tuple(return_days)))
    whole = [column for column in cells if column not in {"channel", "margin", "to_come"}]
    cells = cells.astype(dict.fromkeys(whole, "int64")).sort_values(["channel", "week", "month", "age"])
    if cells.empty or (cells["channel"] == UNKNOWN).all():
        raise TooLittleDataError(
            "no account with a channel has signed up or ordered by then. The page compares channels: fill channel of customers."
        )
    notes = (
        basis.replace(", {share:.1%} of revenue", ""),
        *notes,
        *_left_out(orders, roster, cells, as_of, has_signup),
    )
    notes += _strangers(cells, daily)
    kinds = (spend is not None, has_signup, values is not None)
    return Cohorts(
        cells.reset_index(drop=True), daily, frames.day_number(as_of), tuple(return_days), *kinds, tuple(notes)
    )


def _no_spend() -> "pd.DataFrame":
    import pandas as pd

    empty = pd.DataFrame({"channel": pd.Series(dtype=str), "day": pd.Series(dtype="int64")})
    return empty.assign(acquire=0.0, every=0.0)


def _order_days(lf: nw.LazyFrame[Any], value: nw.Expr) -> nw.LazyFrame[Any]:
    """Order days of every customer, with the first one and the one that follows."""
    day = nw.col("day")
    return (
        lf.select(
            "customer_id",
            frames.epoch_day("ordered_at").alias("day"),
            frames.month_index("ordered_at").alias("order_month"),
            value.alias("margin"),
        )
        .group_by("customer_id", "day", "order_month")
        .agg(nw.len().alias("orders"), nw.col("margin").sum())
        .with_columns(
            day.min().over("customer_id").alias("first_day"),
            nw.col("order_month").min().over("customer_id").alias("first_month"),
            day.shift(-1).over("customer_id", order_by="day").alias("next_day"),
        )
    )


def _joined(days: nw.LazyFrame[Any], roster: nw.LazyFrame[Any], has_signup: bool) -> nw.LazyFrame[Any]:
    """A row per account and order day, one for an account without orders, with the day and month it joined."""
    channel = nw.col("channel").cast(nw.String).fill_null(UNKNOWN).alias("channel")
    if not has_signup:
        dates = (nw.col("first_day").alias("joined_day"), nw.col("first_month").alias("joined_month"))
        return roster.select("customer_id", channel).join(days, on="customer_id").with_columns(*dates)
    known = roster.filter(~nw.col("signed_up_at").is_null()).select(
        "customer_id",
        channel,
        frames.epoch_day("signed_up_at").alias("signed_day"),
        frames.month_index("signed_up_at").alias("signed_month"),
    )
    before = nw.col("first_day") < nw.col("signed_day")
    return known.join(days, on="customer_id", how="left").with_columns(
        nw.when(before).then(nw.col("first_day")).otherwise(nw.col("signed_day")).alias("joined_day"),
        nw.when(before).then(nw.col("first_month")).otherwise(nw.col("signed_month")).alias("joined_month"),
    )


def _with_values(joined: nw.LazyFrame[Any], values: Any) -> nw.LazyFrame[Any]:
    worth = frames.lazy(values, "customer_id", "lifetime_value", table="values")
    if worth.implementation != joined.implementation:
        worth = frames.beside(joined, frames.collect(worth))
    worth = worth.select("customer_id", nw.col("lifetime_value").cast(nw.Float64).alias("to_come"))
    return joined.join(worth, on="customer_id", how="left").with_columns(nw.col("to_come").fill_null(0.0))


def _cells(
    joined: nw.LazyFrame[Any], as_of: int, costed: tuple[int, int], return_days: tuple[int, ...]
) -> nw.LazyFrame[Any]:
    day, first, at = nw.col("day"), nw.col("first_day"), nw.col("joined_day").cast(nw.Int64)
    is_first = day == first
    old = {days: is_first & (first + days <= as_of) for days in return_days}
    names = joined.collect_schema().names()
    to_come = nw.col("to_come") if "to_come" in names else nw.lit(0.0)
    counted = joined.filter(nw.col("joined_day") <= as_of).select(
        "channel",
        ((at + _MONDAY) // 7).alias("week"),
        nw.col("joined_month").cast(nw.Int64).alias("month"),
        _count_if((at >= costed[0]) & (at <= costed[1])).alias("costed"),
        (day - nw.col("joined_day")).fill_null(NO_ORDER).cast(nw.Int64).alias("age"),
        _count_if(day.is_null() | is_first).alias("accounts"),
        _count_if(is_first).alias("first_orders"),
        nw.col("orders").fill_null(0).cast(nw.Int64).alias("orders"),
        nw.col("margin").fill_null(0.0).alias("margin"),
        nw.when(day.is_null() | is_first).then(to_come).otherwise(nw.lit(0.0)).alias("to_come"),
        *(_count_if(old[days]).alias(f"old_{days}") for days in return_days),
        *(_count_if(old[days] & (nw.col("next_day") - first <= days)).alias(f"back_{days}") for days in return_days),
    )
    sums = ["accounts", "first_orders", "orders", "margin", "to_come"]
    sums += [f"{name}_{days}" for name in ("old", "back") for days in return_days]
    return counted.group_by("channel", "week", "month", "costed", "age").agg(nw.col(*sums).sum())


def _count_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _left_out(
    orders: Any, roster: nw.LazyFrame[Any], cells: "pd.DataFrame", as_of: dt.date, has_signup: bool
) -> list[str]:
    """Accounts and orders that no channel and day could be given to, in words."""
    lf = frames.lazy(orders, "ordered_at")
    there = frames.collect(lf.filter(customers.on_or_before(lf, as_of)).select(nw.len().alias("orders")))
    notes: list[str] = []
    if missing := int(there["orders"].iloc[0]) - int(cells["orders"].sum()):
        notes.append(f"{missing:,} orders are of nobody in customers, or of an account without a date: left out.")
    if not has_signup:
        notes.append(
            "customers has no column signed_up_at: an account begins with its first order, so the first-order rate "
            "cannot be told and a sign-up means a new customer."
        )
        return notes
    undated = frames.collect(roster.select(nw.col("signed_up_at").is_null().cast(nw.Int64).sum().alias("n")))
    if count := int(undated["n"].iloc[0]):
        notes.append(f"{count:,} accounts have no date of sign-up: left out.")
    return notes


def _strangers(cells: "pd.DataFrame", daily: "pd.DataFrame") -> tuple[str, ...]:
    """Channels that only one of the two tables names: a spelling, or spend that wins nobody."""
    paid = set(daily.loc[daily["acquire"] > 0, "channel"])
    lost = sorted(paid - set(cells["channel"]))
    if not lost:
        return ()
    return (f"No account came by {', '.join(lost)}, on which acquisition spend is booked: is it spelled alike?",)


def relabelled(found: Cohorts, labels: "dict[str, str]") -> Cohorts:
    """The same cohorts with channels gathered under other names, such as owned, paid and earned.

    Raises:
        OpskitError: There is no label.
    """
    if not labels:
        raise OpskitError("labels == {}, must name a group for at least one channel.")
    cells, daily = (
        table.assign(channel=[labels.get(channel, UNKNOWN) for channel in table["channel"]])
        for table in (found.cells, found.daily)
    )
    return found._replace(cells=cells, daily=daily)
