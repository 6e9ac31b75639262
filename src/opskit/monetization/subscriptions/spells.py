"""Spells of contracts: read, freed of overlaps and short gaps, and told which contract they belong to."""

import datetime as dt
from typing import Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check

OPEN = 1_000_000_000  # end of what is still running, as a day and as a place in the calendar
_CONTRACT = ("customer_id", "contract")
_MONTHS = {
    **dict.fromkeys(("month", "monthly", "m", "月", "月付", "按月"), 1),
    **dict.fromkeys(("quarter", "quarterly", "q", "季", "季付", "季度", "按季"), 3),
    **dict.fromkeys(("year", "yearly", "annual", "annually", "y", "年", "年付", "年度", "按年"), 12),
}
PERIOD_NAMES = {1: "month", 3: "quarter", 12: "year"}


def spells(
    subscriptions: Any, *, as_of: dt.date, gap_days: int = 7, default_billing_period: str = "month"
) -> nw.LazyFrame[Any]:
    """Spells up to a day, cleaned of overlaps and short gaps, each with the contract that it belongs to.

    Where spells of one contract overlap, the later one replaces the earlier from its first day; a gap of up to gap_days
    is closed. A longer one ends the contract.

    Args:
        subscriptions: Any engine's frame with customer_id, plan, started_at and price; contract_id, ended_at (last
            day; empty: running) and billing_period where there are any.
        as_of: Last day to count, inclusive.
        gap_days: As in `contracts.durations`.
        default_billing_period: Taken where billing_period is missing: month, quarter or year.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id, contract and run (together one contract), plan, price, months
        (of a billing period), start_day and until_day (days since 1970-01-01, the second not included; `OPEN` while
        running), start_place and until_place (32 * months since year 0 + day of the month), first (1 for the first
        spell of a contract), joins (1 where another spell follows at once), moves (1 where that one has another billing
        period), moved (1 where the one before had).

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first spell, a column is missing or
            holds no dates, a billing period is unknown, or there are no rows.

    Assumes a row's ended_at is the last day paid for or the first day not paid for: a day more or less changes nothing.
    Without contract_id a customer's consecutive spells of one plan are one contract.
    """
    check(gap_days, "gap_days", ge=0, le=27)
    check(default_billing_period, "default_billing_period", among=PERIOD_NAMES.values())
    sound = typed(subscriptions, as_of, default_billing_period).filter(nw.col("until_day") > nw.col("start_day"))
    follows = nw.col("next_start") <= nw.col("until_day") + gap_days
    other = nw.col("next_months") != nw.col("months")
    cut = (
        with_next(sound)
        .with_columns(flag(follows).alias("joins"), flag(follows & other).alias("moves"))
        .with_columns(
            *(
                nw.when(nw.col("joins") == 1).then(nw.col(f"next_{end}")).otherwise(nw.col(f"until_{unit}")).alias(name)
                for end, unit, name in (("start", "day", "until_day"), ("place", "place", "until_place"))
            )
        )
        .filter(nw.col("until_day") > nw.col("start_day"))
        .with_columns((nw.col("joins") - nw.col("moves")).alias("continues"))
    )
    order = ("start_day", "until_day")
    earlier = {name: nw.col(name).shift(1).over(*_CONTRACT, order_by=order) for name in ("continues", "moves")}
    begun = cut.with_columns(
        (1 - earlier["continues"].fill_null(0)).cast(nw.Int64).alias("first"),
        earlier["moves"].fill_null(0).cast(nw.Int64).alias("moved"),
    )
    return begun.with_columns(nw.col("first").cum_sum().over(*_CONTRACT, order_by=order).alias("run")).drop(
        "next_start", "next_place", "next_months", "continues"
    )


def with_next(lf: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Each spell with the start and billing period of the next one of its contract; OPEN where there is none."""
    order = ("start_day", "until_day", "price")
    named = (("start_day", "next_start", OPEN * 2), ("start_place", "next_place", OPEN), ("months", "next_months", 0))
    return lf.with_columns(
        nw.col(name).shift(-1).over(*_CONTRACT, order_by=order).fill_null(missing).cast(nw.Int64).alias(alias)
        for name, alias, missing in named
    )


def typed(subscriptions: Any, as_of: dt.date, default_billing_period: str) -> nw.LazyFrame[Any]:
    """The columns of `spells` before any is cut, for every row known at as_of."""
    last_day = frames.day_number(as_of)
    lf = frames.lazy(subscriptions, "customer_id", "plan", "started_at", "price", table="subscriptions")
    have = lf.collect_schema()
    _refuse(lf, as_of)
    contract = nw.col("plan").cast(nw.String)
    if "contract_id" in have:
        contract = nw.coalesce(nw.col("contract_id").cast(nw.String), contract)
    ends = ~nw.col("ended_at").is_null() if "ended_at" in have else nw.col("started_at").is_null()
    last = nw.coalesce("ended_at", "started_at") if "ended_at" in have else nw.col("started_at")
    months = nw.lit({name: months for months, name in PERIOD_NAMES.items()}[default_billing_period])
    if "billing_period" in have:
        months = _months(nw.col("billing_period").cast(nw.String).str.to_lowercase(), months)
    known = lf.select(
        "customer_id",
        contract.alias("contract"),
        "plan",
        nw.col("price").cast(nw.Float64),
        "started_at",
        (last + dt.timedelta(days=1)).alias("unpaid_at"),
        ends.alias("ends"),
        months.cast(nw.Int64).alias("months"),
    )
    dated = known.select(
        *("customer_id", "contract", "plan", "price", "months", "ends"),
        *(
            kind.cast(nw.Int64).alias(name)
            for column, name in (("started_at", "start"), ("unpaid_at", "until"))
            for kind, name in ((frames.epoch_day(column), f"{name}_day"), (_place(column), f"{name}_place"))
        ),
    ).filter(nw.col("start_day") <= last_day)
    running = ~nw.col("ends") | (nw.col("until_day") > last_day + 1)
    return dated.with_columns(
        nw.when(running).then(nw.lit(OPEN)).otherwise(nw.col(name)).cast(nw.Int64).alias(name)
        for name in ("until_day", "until_place")
    ).drop("ends")


def _refuse(lf: nw.LazyFrame[Any], as_of: dt.date) -> None:
    """One look before any other work: that there are rows, that dates are dates and billing periods known ones."""
    have = lf.collect_schema()
    for column in ("started_at", "ended_at"):
        if column in have and not have[column].is_temporal():
            raise OpskitError(
                f"subscriptions.{column} holds {have[column]}, must hold dates. Convert it to a date type."
            )
    first = frames.collect(lf.select(nw.col("started_at").min().alias("first"), nw.len().alias("rows"))).iloc[0]
    if not first["rows"]:
        raise OpskitError("subscriptions has no rows; at least one contract is needed.")
    first_day = first["first"] if type(first["first"]) is dt.date else first["first"].date()
    if first_day > as_of:
        raise OpskitError(f"as_of == {as_of}, must be on or after the first spell, {first_day}. Use a later as_of.")
    if "billing_period" in have:
        names = frames.collect(lf.group_by("billing_period").agg(nw.len().alias("rows")))["billing_period"].dropna()
        for name in sorted(map(str, names)):
            check(name.lower(), "billing_period", among=_MONTHS)


def _months(name: nw.Expr, otherwise: nw.Expr) -> nw.Expr:
    for months in PERIOD_NAMES:
        spelled = [spelling for spelling, length in _MONTHS.items() if length == months]
        otherwise = nw.when(name.is_in(spelled)).then(nw.lit(months)).otherwise(otherwise)
    return otherwise


def _place(column: str) -> nw.Expr:
    return frames.month_index(column) * 32 + nw.col(column).dt.day().cast(nw.Int64)


def flag(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, 0 elsewhere: to be added up or maximized on any engine."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
