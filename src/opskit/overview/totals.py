"""One scan of the orders into sums by period and customer group, from which every figure of the overview is made."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from opskit.customers import until
from opskit.errors import OpskitError, check
from opskit.frames import collect, month_index
from opskit.stats import assign_groups

if TYPE_CHECKING:
    import pandas as pd

Against = Literal["previous", "year_before"]
_BEFORE, _AFTER = 1, 3
# A month whose orders begin in its first week is taken as whole: a small shop has days without an order.
_FIRST_DAYS = 7
# Months of orders that must lie before a period for its new buyers to be told from old ones.
_LOOK_BACK = 3


def monthly_totals(orders: Any, *, as_of: dt.date, from_start: bool = False, groups: int = 100) -> "pd.DataFrame":
    """Sums per calendar month and customer group, in one scan.

    Args:
        orders: One row per order: customer_id, ordered_at, revenue; refund and margin are used where they are there.
        as_of: Last day counted.
        from_start: Whether the orders reach back to the very first customer, so that new ones are known from day one.
        groups: Customer groups for the jackknife intervals.

    Returns:
        month (its first day), new_known (false in the first three months unless from_start: who bought before the data
        begin still looks new there), complete (false for a month that as_of cuts short, and for the first one when the orders
        begin after its first week), group, buyers, new_buyers (first order ever in that month), orders, new_orders,
        gross_revenue, net_revenue, new_net_revenue (of new buyers), and with the columns there refund, refunded_orders,
        margin and margin_revenue (gross revenue of the orders whose margin is known).

    Raises:
        OpskitError: A column is missing, or there is no order up to as_of.

    Assumes that who has not ordered in the three months of data before, or in more where there are more, is new.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "b", "a"],
    ...         "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-09", "2025-02-03"]),
    ...         "revenue": [10.0, 20.0, 30.0],
    ...     }
    ... )
    >>> totals = monthly_totals(orders, as_of=dt.date(2025, 2, 14))
    >>> totals.groupby("month")[["buyers", "new_buyers", "net_revenue"]].sum().values.tolist()
    [[2.0, 2.0, 30.0], [1.0, 0.0, 30.0]]
    >>> totals.groupby("month")["complete"].first().tolist()
    [True, False]
    """
    sums, first_day = _sums(orders, month_index("ordered_at"), as_of=as_of, groups=groups)
    first, last = _first_complete(first_day), _last_complete(as_of)
    sums.insert(0, "month", sums["period"].map(_month_start))
    sums.insert(1, "complete", sums["period"].between(first, last))
    sums.insert(2, "new_known", from_start | (sums["period"] >= first + _LOOK_BACK))
    return sums.drop(columns="period")


def period_totals(
    orders: Any,
    *,
    as_of: dt.date,
    months: int = 12,
    against: Against = "previous",
    from_start: bool = False,
    groups: int = 100,
) -> "pd.DataFrame":
    """Sums for the last complete months and for the months they are compared with, in one scan.

    Args:
        orders: As for ``monthly_totals``.
        as_of: Last day counted; a month that it cuts short belongs to no period.
        months: Length of both periods in calendar months; 0 takes everything up to as_of, with nothing to compare.
        against: ``previous`` compares with the months just before, ``year_before`` with the same months a year earlier.
        from_start: As for ``monthly_totals``.
        groups: Customer groups for the jackknife intervals.

    Returns:
        period (before, after), start and end (first and last day), new_known (as for ``monthly_totals``), group, and the sums of ``monthly_totals``; new
        buyers have their first order ever inside the period. The period before has no rows where the orders do not
        reach back to its start.

    Raises:
        OpskitError: A column is missing, the orders do not cover the period, or the periods would overlap.
    """
    import pandas as pd

    check(months, "months", ge=0)
    check(against, "against", among=("previous", "year_before"))
    lag = months if against == "previous" else 12
    if months > lag:
        raise OpskitError(f"months == {months}, must be <= 12 with against='year_before', or the periods overlap.")
    last = _last_complete(as_of)
    after, before = last - months + 1, last - lag - months + 1
    code = _period_code(before, after, last, months) if months else nw.lit(_AFTER)
    sums, first_day = _sums(orders, code, as_of=as_of, groups=groups)
    first = _first_complete(first_day)
    if months and first > after:
        raise OpskitError(
            f"months == {months}, must be <= {max(last - first + 1, 0)}: that many complete months lie between "
            f"the first order and as_of {as_of}."
        )
    spans = {_AFTER: (pd.Timestamp(first_day), pd.Timestamp(as_of))}
    if months:
        spans[_AFTER] = _month_start(after), _month_start(last + 1) - dt.timedelta(days=1)
    if months and first <= before:
        spans[_BEFORE] = _month_start(before), _month_start(before + months) - dt.timedelta(days=1)
    sums = sums[sums["period"].isin(spans)].reset_index(drop=True)
    sums.insert(1, "start", sums["period"].map({code: start for code, (start, _) in spans.items()}))
    sums.insert(2, "end", sums["period"].map({code: end for code, (_, end) in spans.items()}))
    known_from = {_BEFORE: before, _AFTER: after if months else first}
    sums.insert(3, "new_known", from_start | (sums["period"].map(known_from) >= first + _LOOK_BACK))
    sums["period"] = sums["period"].map({_BEFORE: "before", _AFTER: "after"})
    return sums


def complete_months(totals: "pd.DataFrame") -> int:
    """How many complete calendar months ``monthly_totals`` covers, months without an order in between included."""
    months = totals.loc[totals["complete"], "month"]
    if months.empty:
        return 0
    return (months.max().year - months.min().year) * 12 + months.max().month - months.min().month + 1


def longest_comparison(totals: "pd.DataFrame") -> tuple[int, Against]:
    """The most telling comparison that the history allows: whole years first, then the same season, then neighbours.

    The first two ask for three months more, by which new and returning buyers can be told apart in the earlier period.

    Args:
        totals: Of ``monthly_totals``.

    Returns:
        months and against for ``period_totals``; months is 0 with fewer than two complete months.
    """
    history = complete_months(totals)
    choices: tuple[tuple[int, int, Against], ...] = (
        (24 + _LOOK_BACK, 12, "previous"),
        (15 + _LOOK_BACK, 3, "year_before"),
        (13, 1, "year_before"),
        (6, 3, "previous"),
        (2, 1, "previous"),
        (0, 0, "previous"),
    )
    return next((months, against) for needed, months, against in choices if history >= needed)


def _sums(orders: Any, period: nw.Expr, *, as_of: dt.date, groups: int) -> "tuple[pd.DataFrame, dt.date]":
    """Sums by period and customer group, and the day of the first order."""
    frame, first_day = until(orders, "revenue", as_of=as_of)
    amounts = _amounts(frame.collect_schema().names())
    per_customer = (
        frame.select("customer_id", period.cast(nw.Int64).alias("period"), **amounts)
        .group_by("customer_id", "period")
        .agg(nw.len().alias("orders"), nw.col(*amounts).sum())
    )
    flagged = per_customer.with_columns(
        new=(nw.col("period") == nw.col("period").min().over("customer_id")).cast(nw.Int64)
    )
    sums = collect(
        assign_groups(flagged, groups=groups, ids=frame)
        .with_columns(
            new_orders=nw.col("orders") * nw.col("new"), new_net_revenue=nw.col("net_revenue") * nw.col("new")
        )
        .group_by("period", "group")
        .agg(
            nw.len().alias("buyers"),
            nw.col("new").sum().alias("new_buyers"),
            nw.col("orders", "new_orders", *amounts, "new_net_revenue").sum(),
        )
    )
    return sums.sort_values(["period", "group"], ignore_index=True), dt.date(1970, 1, 1) + dt.timedelta(days=first_day)


def _period_code(before: int, after: int, last: int, months: int) -> nw.Expr:
    """Codes that rise with time, so that a customer's smallest code tells where the first order lies."""
    month = month_index("ordered_at")
    code = nw.when(month > last).then(nw.lit(4)).when(month >= after).then(nw.lit(_AFTER))
    code = code.when(month >= before + months).then(nw.lit(2)).when(month >= before).then(nw.lit(_BEFORE))
    return code.otherwise(nw.lit(0))


def _amounts(columns: list[str]) -> dict[str, nw.Expr]:
    revenue = nw.col("revenue").cast(nw.Float64)
    amounts = {"gross_revenue": revenue, "net_revenue": revenue}
    if "refund" in columns:
        refund = nw.col("refund").cast(nw.Float64).fill_null(0.0)
        refunded = nw.when(refund > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
        amounts |= {"refund": refund, "net_revenue": revenue - refund, "refunded_orders": refunded}
    if "margin" in columns:
        margin = nw.col("margin").cast(nw.Float64)
        known = nw.when(margin.is_null()).then(nw.lit(0.0)).otherwise(revenue)
        amounts |= {"margin": margin.fill_null(0.0), "margin_revenue": known}
    return amounts


def _first_complete(first_day: dt.date) -> int:
    return first_day.year * 12 + first_day.month - 1 + (first_day.day > _FIRST_DAYS)


def _last_complete(as_of: dt.date) -> int:
    after = as_of + dt.timedelta(days=1)
    return after.year * 12 + after.month - 2


def _month_start(index: int) -> "pd.Timestamp":
    import pandas as pd

    return pd.Timestamp(year=index // 12, month=index % 12 + 1, day=1)
