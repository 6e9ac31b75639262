"""Cohort table and retention curves: who ordered again, at which age, among those old enough to tell."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd


def cohorts(
    orders: Any, *, as_of: dt.date, age: str = "month", window_days: int = 30, confidence: float = 0.95
) -> "pd.DataFrame":
    """Share of each month's new customers that order again, by age.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        age: ``"month"``: calendar months after the month of the first order. ``"window"``: the k-th window of
            window_days after each customer's own first order, days [k * window_days, (k + 1) * window_days).
        window_days: Length of a window; only with windows.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row per cohort (first day of the month of the first order) and age from 0: customers in the cohort; active
        (with an order at that age); retained (active / customers), low, high. A cell that is not over for every
        customer of the cohort is missing, never 0.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes the data reach back to the first customers: where they do not, the first cohorts hold old customers.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-29", "2024-01-31"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> cohorts(orders, as_of=dt.date(2024, 2, 29))[["age", "customers", "active", "retained"]]
       age  customers  active  retained
    0    0          2       2       1.0
    1    1          2       1       0.5
    """
    check(age, "age", among=("month", "window"))
    check(window_days, "window_days", ge=1)
    table = _by_month(orders, as_of) if age == "month" else _by_window(orders, as_of, window_days)
    table["active"] = table["active"].astype("Int64").where(table.pop("mature"))
    active = table["active"].astype(float)
    low, high = stats.wilson(active, table["customers"].where(active.notna()), confidence=confidence)
    return table.assign(retained=active / table["customers"], low=low, high=high)


def _by_month(orders: Any, as_of: dt.date) -> "pd.DataFrame":
    import pandas as pd

    history = customers.activity(orders, as_of=as_of)
    first = history.active.argmax(axis=1)
    parts: list[pd.DataFrame] = []
    for cohort in sorted(set(first.tolist())):
        member = first == cohort
        active = history.customers[member] @ history.active[member][:, cohort:]
        size = int(history.customers[member].sum())
        ages = {"age": range(len(active)), "customers": size, "active": active, "mature": history.complete[cohort:]}
        parts.append(pd.DataFrame({"cohort": history.starts[cohort], **ages}))
    return pd.concat(parts, ignore_index=True)


def _by_window(orders: Any, as_of: dt.date, window_days: int) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    counted = frames.collect(
        order_ages(orders, as_of=as_of)
        .select(
            "customer_id", frames.month_index("first_at").alias("month"), (nw.col("age") // window_days).alias("age")
        )
        .group_by("customer_id", "month", "age")
        .agg(nw.len().alias("orders"))
        .group_by("month", "age")
        .agg(nw.len().alias("active"))
    )
    active = counted.pivot(index="month", columns="age", values="active").fillna(0)
    start = (active.index.to_numpy() - 1970 * 12).astype("datetime64[M]")
    last_day = (start + np.timedelta64(1, "M")).astype("datetime64[D]").astype(int) - 1
    windows = (frames.day_number(as_of) - last_day.min() + 1) // window_days  # that are over for the oldest cohort
    ages = np.arange(max(windows, 1))
    grid = active.reindex(columns=ages, fill_value=0)
    mature = last_day[:, None] + (ages + 1) * window_days - 1 <= frames.day_number(as_of)
    rows, columns = np.indices(grid.shape)
    return pd.DataFrame(
        {
            "cohort": pd.DatetimeIndex(start)[rows.ravel()],
            "age": ages[columns.ravel()],
            "customers": active[0].to_numpy(dtype=int)[rows.ravel()],
            "active": grid.to_numpy(dtype=int).ravel(),
            "mature": mature.ravel(),
        }
    )


def curves(
    orders: Any,
    *,
    as_of: dt.date,
    days: Sequence[int] = (30, 60, 90, 180, 360),
    window_days: int = 30,
    follow_up_days: int = 540,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Three readings of retention N days after the first order, each among customers observed long enough for it.

    - ``window``: at least one order on days N to N + window_days - 1, among customers whose age at as_of has reached
    the
      window's last day. The strictest: alive in that stretch.
    - ``rolling``: at least one order on days 1 to N, among customers of age N or more. It only rises: came back at all.
    - ``unbounded``: at least one order on day N or later, up to day follow_up_days, among customers of that age, so
    that
      everybody is followed equally long. It only falls: not lost yet.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        days: The ages N, in days after the first order day (day 0).
        window_days: Length of the window.
        follow_up_days: Last day that counts for ``unbounded``; later N have no row.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        kind, day (N), customers (old enough), active, retained (active / customers), low, high; retained is missing
        where nobody is old enough.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion. Later N rest on older customers: a curve may bend because they differ.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-05", "2024-01-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> table = curves(orders, as_of=dt.date(2024, 12, 31), days=[30, 60], follow_up_days=90)
    >>> table[["kind", "day", "customers", "active"]].values.tolist()[:4]
    [['window', 30, 2, 1], ['window', 60, 2, 0], ['rolling', 30, 2, 0], ['rolling', 60, 2, 1]]
    """
    import pandas as pd

    for day in (*days, window_days, follow_up_days):
        check(day, "days", ge=1)
    age, T = nw.col("age"), nw.col("T")
    kinds = {("window", day): ((age >= day) & (age < day + window_days), day + window_days - 1) for day in days}
    kinds |= {("rolling", day): ((age >= 1) & (age <= day), day) for day in days}
    followed = [day for day in days if day <= follow_up_days]
    kinds |= {("unbounded", day): ((age >= day) & (age <= follow_up_days), follow_up_days) for day in followed}
    names = [f"{kind}_{day}" for kind, day in kinds]
    flags = [
        count_if(within & (needed <= T)).alias(name)
        for name, (within, needed) in zip(names, kinds.values(), strict=True)
    ]
    old_enough = [
        count_if(needed <= T).alias(f"n_{name}") for name, (_, needed) in zip(names, kinds.values(), strict=True)
    ]
    counted = frames.collect(
        order_ages(orders, as_of=as_of)
        .with_columns(*flags)
        .group_by("customer_id")
        .agg(nw.col("T").max(), nw.col(*names).max())
        .with_columns(*old_enough)
        .select(nw.col(*names, *(f"n_{name}" for name in names)).sum())
    ).iloc[0]
    table = pd.DataFrame(list(kinds), columns=["kind", "day"])
    table["customers"] = [int(counted[f"n_{name}"]) for name in names]
    table["active"] = [int(counted[name]) for name in names]
    low, high = stats.wilson(table["active"], table["customers"], confidence=confidence)
    share = table["active"] / table["customers"].where(table["customers"] > 0)
    return table.assign(retained=share, low=low, high=high)


def order_ages(orders: Any, *, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Every customer's order days as ages: days since the first one, T being the age at as_of.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id, first_at (time of the first order day), age, T.
    """
    lf, _ = customers.until(orders, as_of=as_of)
    first_day = frames.epoch_day("first_at")
    return (
        lf.select("customer_id", frames.start_of(lf, "ordered_at").alias("day"))
        .group_by("customer_id", "day")
        .agg(nw.len().alias("orders"))
        .with_columns(nw.col("day").min().over("customer_id").alias("first_at"))
        .select(
            "customer_id",
            "first_at",
            (frames.epoch_day("day") - first_day).alias("age"),
            (frames.day_number(as_of) - first_day).alias("T"),
        )
    )


def count_if(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, 0 elsewhere: to be added up or maximized on any engine."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))
