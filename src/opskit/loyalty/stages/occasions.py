"""What happens to customers, brought to one row per customer and month: orders, answers, advocacy, sign-ups."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import narwhals as nw

from opskit import customers, frames
from opskit.loyalty.journey.satisfaction import answered, numbers
from opskit.loyalty.stages.rules import Rules

LEVELS, _MONTHS = 8, 2**15  # a state is packed as (day * _MONTHS + until) * LEVELS + level: the largest is the latest
STATES = ("order_state", "answer_state", "speaks_until")
_NEVER = 10**6


def orders_by_month(orders: Any, as_of: dt.date, last_day: dt.date, rules: Rules) -> nw.LazyFrame[Any]:
    """A row per customer and month with an order: the last order's state and the month's revenue."""
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    days = (
        lf.filter(customers.on_or_before(lf, last_day))
        .select(
            "customer_id",
            nw.col("revenue").cast(nw.Float64),
            frames.epoch_day("ordered_at").alias("day"),
            frames.month_index("ordered_at").alias("month"),
        )
        .group_by("customer_id", "day")
        .agg(nw.col("month").min(), nw.col("revenue").sum())
        .with_columns(nw.lit(1).alias("one"))
        .with_columns(
            nw.col("one").cum_sum().over("customer_id", order_by="day").cast(nw.Int64).alias("number"),
            nw.col("day").min().over("customer_id").alias("first"),
        )
    )
    number = nw.col("number")
    gaps = nw.when(number > 1).then(number - 1).otherwise(nw.lit(1))
    reach = (nw.col("day") - nw.col("first")) * round(100 * rules.patience) // (100 * gaps)
    depth = nw.lit(0)
    ladder = (
        rules.habit_order_days,
        rules.satisfaction_order_days,
        rules.affection_order_days,
        rules.loyalty_order_days,
    )
    for level, least in enumerate(ladder, start=1):
        depth = nw.when(number >= least).then(nw.lit(level)).otherwise(depth)
    placed = _with_month(
        days.with_columns(reach.alias("reach"))
        .with_columns(nw.col("reach").clip(rules.shortest_days, rules.longest_days))
        .with_columns((nw.col("day") + nw.col("reach") + 1).alias("silent_from"), depth.cast(nw.Int64).alias("level")),
        "silent_from",
    )
    until = nw.when(nw.col("level") > 0).then(nw.col("silent_month")).otherwise(nw.lit(0))
    states = placed.with_columns(_packed(nw.col("day"), until).alias("state"))
    return frames.settled(
        states.group_by("customer_id", "month")
        .agg(nw.col("state").max(), nw.col("revenue").sum())
        .with_columns(nw.col("month").alias("entry"))
        .select(*_row(order_state=nw.col("state"), revenue=nw.col("revenue"), entry=nw.col("entry")))
    )


def answers(surveys: Any, last_day: dt.date, rules: Rules) -> nw.LazyFrame[Any]:
    """A row per customer and month with an answer: 1 not satisfied, 2 satisfied, 3 would recommend."""
    lf = answered(surveys, last_day).filter(nw.col("question") == rules.question)
    texts = frames.collect(lf.group_by("answer").agg(nw.len().alias("n")))["answer"]
    value = nw.lit(float("nan"))
    readable: list[str] = []
    for text, number in zip(texts, numbers(rules.question, texts), strict=True):
        if number == number:
            readable.append(text)
            value = nw.when(nw.col("answer") == text).then(nw.lit(float(number))).otherwise(value)
    mean = nw.col("value")
    level = nw.when(mean >= rules.promoter_from).then(nw.lit(3)).otherwise(
        nw.when(mean >= rules.satisfied_from).then(nw.lit(2)).otherwise(nw.lit(1))
    )  # fmt: skip
    days = (
        lf.filter(nw.col("answer").is_in(readable))
        .select(
            "customer_id",
            value.alias("value"),
            frames.epoch_day("answered_at").alias("day"),
            frames.month_index("answered_at").alias("month"),
        )
        .group_by("customer_id", "day")
        .agg(nw.col("month").min(), nw.col("value").mean())
        .with_columns(level.cast(nw.Int64).alias("level"))
    )
    state = _packed(nw.col("day"), nw.col("month") + rules.answer_months)
    months = days.with_columns(state.alias("state")).group_by("customer_id", "month").agg(nw.col("state").max())
    return frames.settled(months.select(*_row(answer_state=nw.col("state"))))


def advocacy(events: Any, last_day: dt.date, rules: Rules) -> nw.LazyFrame[Any]:
    """A row per customer and month with an event of advocacy."""
    lf = frames.lazy(events, "customer_id", "event", "occurred_at", table="events")
    said = lf.filter(
        nw.col("event").is_in(rules.advocacy),
        customers.on_or_before(lf, last_day, "occurred_at"),
        ~nw.col("customer_id").is_null(),
    ).select("customer_id", frames.month_index("occurred_at").alias("month"))
    months = said.group_by("customer_id", "month").agg(nw.len().alias("times"))
    return frames.settled(months.select(*_row(speaks_until=nw.col("month") + rules.advocacy_months)))


def signed_up(accounts: Any, last_day: dt.date) -> nw.LazyFrame[Any]:
    """A row per customer: the month of sign-up."""
    lf = frames.lazy(accounts, "customer_id", "signed_up_at", table="customers")
    known = lf.filter(customers.on_or_before(lf, last_day, "signed_up_at"))
    months = known.select("customer_id", frames.month_index("signed_up_at").alias("month"))
    first = months.group_by("customer_id").agg(nw.col("month").min()).with_columns(nw.col("month").alias("entry"))
    return first.select(*_row(entry=nw.col("entry")))


def _row(**given: nw.Expr) -> list[nw.Expr]:
    """The columns of every part, so that they can be put below each other."""
    empty: Mapping[str, nw.Expr] = {
        **dict.fromkeys(STATES, nw.lit(0)),
        "revenue": nw.lit(0.0),
        "entry": nw.lit(_NEVER),
    }
    kinds = {"revenue": nw.Float64}
    columns = [
        (given.get(name, empty[name])).cast(kinds.get(name, nw.Int64)).alias(name)
        for name in (*STATES, "revenue", "entry")
    ]
    return [nw.col("customer_id"), nw.col("month"), *columns]


def ends(rows: nw.LazyFrame[Any], state: str) -> nw.LazyFrame[Any]:
    """The months in which what the rows began has ended, unless something newer came."""
    until = nw.col(state) if state == "speaks_until" else nw.col("when") % _MONTHS
    timed = rows.with_columns((nw.col(state) // LEVELS).alias("when"))
    return timed.select("customer_id", until.alias("month")).filter(nw.col("month") > 0).select(*_row())


def _packed(day: nw.Expr, until: nw.Expr) -> nw.Expr:
    return (day * _MONTHS + until) * LEVELS + nw.col("level")


def _with_month(rows: nw.LazyFrame[Any], day: str) -> nw.LazyFrame[Any]:
    """Add silent_month, the month index of a day since 1970-01-01: the Gregorian calendar in years that begin in March.

    Step by step, since an engine writes an expression out once for every place in which it is used.
    """
    cycle, year, of_year = nw.col("of_cycle"), nw.col("of_year"), nw.col("day_of_year")
    return (
        rows.with_columns((nw.col(day) + 719_468).alias("shifted"))
        .with_columns((nw.col("shifted") % 146_097).alias("of_cycle"), (nw.col("shifted") // 146_097).alias("cycles"))
        .with_columns((cycle - cycle // 1460 + cycle // 36_524 - cycle // 146_096).alias("without_leap_days"))
        .with_columns((nw.col("without_leap_days") // 365).alias("of_year"))
        .with_columns((cycle - (365 * year + year // 4 - year // 100)).alias("day_of_year"))
        .with_columns((12 * (year + 400 * nw.col("cycles")) + (5 * of_year + 2) // 153 + 2).alias("silent_month"))
    )


def in_force(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add depth (of the habit) and told (by the latest answer), 0 where they no longer count."""
    kinds = STATES[:2]
    return (
        rows.with_columns(*((nw.col(name) // LEVELS).alias(f"{name}_when") for name in kinds))
        .with_columns(*((nw.col(f"{name}_when") % _MONTHS).alias(f"{name}_until") for name in kinds))
        .with_columns(
            *(
                nw.when(nw.col("month") < nw.col(f"{state}_until"))
                .then(nw.col(state) % LEVELS)
                .otherwise(nw.lit(0))
                .cast(nw.Int64)
                .alias(name)
                for state, name in zip(kinds, ("depth", "told"), strict=True)
            )
        )
    )
