"""Contract or free choice: whether customers pay at billing dates, which another kind of model must describe."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

BILLING_DAYS = {"week": 7.0, "fortnight": 14.0, "month": 30.44, "quarter": 91.3, "half-year": 182.6, "year": 365.25}
_LEAST_PAYMENTS = 3  # two gaps: fewer show no rhythm
_LEAST_SHARE = 0.75  # of a customer's gaps, so that a missed or doubled payment does not hide a contract


def contractual(
    orders: Any,
    *,
    as_of: dt.date,
    tolerance: float = 0.2,
    amount_tolerance: float = 0.05,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Share of customers who pay like subscribers, for each usual billing period.

    A customer pays like a subscriber when at least three quarters of the steps from one order day to the next are one
    billing period long and bring nearly the same amount as the day before. Customers with three order days or more
    count. Buying at will, as BG/NBD assumes, has gaps of every length: at most 15% of them fall within 20% of any one
    period, and fewer still repeat the amount.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        tolerance: How far (a share) a gap may be from the billing period.
        amount_tolerance: How far (a share) the day's revenue may be from that of the order day before.
        confidence: Coverage of the Wilson interval, between 0 and 1.

    Returns:
        period, days, customers (like subscribers), n (customers with three order days or more), share, low, high,
        contractual (the whole interval lies above one half); one row per period.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes one contract a customer. Usage-based bills repeat the interval but not the amount, and are not found.

    >>> import pandas as pd
    >>> days = [pd.Timestamp("2024-01-05") + pd.Timedelta(days=30 * k) for k in range(4)] * 9
    >>> orders = pd.DataFrame({"customer_id": [i // 4 for i in range(36)], "ordered_at": days, "revenue": 15.0})
    >>> contractual(orders, as_of=dt.date(2024, 6, 1)).query("contractual")[["period", "customers", "n", "share"]]
      period  customers  n  share
    2  month          9  9    1.0
    """
    import pandas as pd

    check(tolerance, "tolerance", gt=0, lt=0.33)
    check(amount_tolerance, "amount_tolerance", ge=0, lt=1)
    counted = frames.collect(_subscriber_like(orders, as_of, tolerance, amount_tolerance)).iloc[0].fillna(0)
    table = pd.DataFrame({"period": list(BILLING_DAYS), "days": list(BILLING_DAYS.values())})
    table["customers"] = [int(counted[period]) for period in BILLING_DAYS]
    table["n"] = int(counted["n"])
    low, high = stats.wilson(table["customers"], table["n"], confidence=confidence)
    share = table["customers"] / table["n"].where(table["n"] > 0)
    return table.assign(share=share, low=low, high=high, contractual=low > 0.5)


def refuse_contractual(table: "pd.DataFrame") -> None:
    """Stop where most customers pay like subscribers.

    Args:
        table: Of `contractual`.

    Raises:
        TooLittleDataError: Saying why, and where to go instead: of buying at will there is too little to forecast.
    """
    if table["contractual"].any():
        top = table.nlargest(1, "share").iloc[0]
        raise TooLittleDataError(
            f"{top['customers']} of {top['n']} customers ({top['share']:.0%}) pay the same amount every "
            f"{top['period']}: this is a contract, and its end can be seen. A model of buying at will would take "
            "every billing date for a fresh decision and every customer between two dates for lost. "
            "Use the page monetization/subscriptions."
        )


def _subscriber_like(orders: Any, as_of: dt.date, tolerance: float, amount_tolerance: float) -> nw.LazyFrame[Any]:
    """One row: customers who pay like subscribers by period, and customers with enough order days (n)."""
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    gap, change = nw.col("day") - nw.col("day_before"), (nw.col("revenue") - nw.col("revenue_before")).abs()
    same = change <= amount_tolerance * nw.col("revenue_before").abs()
    fits = [
        (same & ((gap - days).abs() <= tolerance * days)).cast(nw.Int64).alias(period)
        for period, days in BILLING_DAYS.items()
    ]
    periods = list(BILLING_DAYS)
    steps = (
        lf.select("customer_id", frames.epoch_day("ordered_at").alias("day"), nw.col("revenue").cast(nw.Float64))
        .group_by("customer_id", "day")
        .agg(nw.col("revenue").sum())
        .with_columns(
            nw.col("day").shift(1).over("customer_id", order_by="day").alias("day_before"),
            nw.col("revenue").shift(1).over("customer_id", order_by="day").alias("revenue_before"),
        )
        .filter(~nw.col("day_before").is_null())
        .select("customer_id", *fits)
    )
    per_customer = (
        steps.group_by("customer_id")
        .agg(nw.len().alias("gaps"), nw.col(*periods).sum())
        .filter(nw.col("gaps") >= _LEAST_PAYMENTS - 1)
    )
    mostly = [
        (nw.col(period) >= _LEAST_SHARE * nw.col("gaps")).cast(nw.Int64).sum().alias(period) for period in periods
    ]
    return per_customer.select(nw.len().alias("n"), *mostly)
