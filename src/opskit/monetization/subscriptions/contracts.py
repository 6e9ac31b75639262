"""Contracts: how many billing periods each lasted, and what was made of the rows they were read from."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError
from opskit.monetization.subscriptions.spells import OPEN, PERIOD_NAMES, flag, spells, typed, with_next

if TYPE_CHECKING:
    import pandas as pd

_RUN = ("customer_id", "contract", "run")
_PARTS_OF_A_DAY = 16
_PARTS_OF_A_MONTH = 487  # of 30.4375 days


def account(
    subscriptions: Any, *, as_of: dt.date, gap_days: int = 7, default_billing_period: str = "month"
) -> "pd.DataFrame":
    """What was found in the rows, and what was made of it: nothing is mended silently.

    Args:
        subscriptions: As in `spells.spells`.
        as_of: Last day to count, inclusive.
        gap_days: As in `durations`.
        default_billing_period: As in `durations`.

    Returns:
        found, rows, treatment; one row per kind of finding.

    Raises:
        OpskitError: As `spells.spells` does.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"customer_id": [1], "plan": ["basic"], "started_at": [pd.Timestamp("2024-01-01")]})
    >>> account(rows.assign(price=9.0), as_of=dt.date(2024, 6, 30)).iloc[:2, :2].values.tolist()
    [['spells up to as_of', 1], ['running at as_of', 1]]
    """
    import pandas as pd

    have = frames.lazy(subscriptions, table="subscriptions").collect_schema()
    options: dict[str, Any] = {"gap_days": gap_days, "default_billing_period": default_billing_period}
    checked = spells(subscriptions, as_of=as_of, **options)  # refuses what cannot be used
    contracts = checked.select(nw.col("first").sum(), nw.col("moves").sum())
    every = typed(subscriptions, as_of, default_billing_period).with_columns(
        flag(nw.col("until_day") <= nw.col("start_day")).alias("backwards")
    )
    follows = with_next(every.with_columns(nw.col("until_day").alias("end")))
    gap = nw.col("next_start") - nw.col("end")
    raw = frames.lazy(subscriptions, table="subscriptions")
    counts = frames.collect(
        follows.select(
            nw.len().alias("spells"),
            flag(nw.col("end") == OPEN).sum().alias("running"),
            nw.col("backwards").sum().alias("backwards"),
            flag((gap < 0) & (nw.col("backwards") == 0)).sum().alias("overlapping"),
            flag((gap > 0) & (gap <= gap_days)).sum().alias("late"),
        )
    ).iloc[0]
    made = frames.collect(contracts).iloc[0]
    missing = {
        name: int(frames.collect(raw.select(flag(nw.col(name).is_null()).sum().alias("n")))["n"].iloc[0])
        if name in have
        else int(counts["spells"])
        for name in ("contract_id", "billing_period")
    }
    found = [
        ("spells up to as_of", counts["spells"], f"joined to {int(made['first'])} contracts"),
        ("running at as_of", counts["running"], "followed until as_of, their end unknown"),
        ("end before they start", counts["backwards"], "left out: correct the dates at the source"),
        ("overlap the next of the contract", counts["overlapping"], "replaced by it from its first day"),
        ("are followed within gap_days", counts["late"], "the gap is closed: no end and no return"),
        ("change the billing period", made["moves"], "count as renewed, then no longer followed"),
        ("without contract_id", missing["contract_id"], "consecutive spells of one plan are one contract"),
        ("without billing_period", missing["billing_period"], f"taken as paid by the {default_billing_period}"),
    ]
    return pd.DataFrame(found, columns=["found", "rows", "treatment"]).astype({"rows": "int64"})


def durations(
    subscriptions: Any,
    *,
    as_of: dt.date,
    gap_days: int = 7,
    default_billing_period: str = "month",
    customers: Any = None,
    by: Sequence[str] = (),
) -> "pd.DataFrame":
    """How many billing periods contracts lasted, counted; those that may still go on are censored.

    An end counts once its renewal was due on or before as_of. Before that day the contracts that will renew cannot
    be seen either, and counting only the ends would make churn look larger than it is.

    Args:
        subscriptions: As in `spells.spells`.
        as_of: Last day to count, inclusive.
        gap_days: A pause of up to so many days does not end a contract, and an end up to so many days after a billing
            date belongs to it; a payment that came late is no loss.
        default_billing_period: Taken where billing_period is missing: month, quarter or year.
        customers: Any frame with customer_id and the columns of `by`.
        by: Attributes of customers to keep apart.

    Returns:
        plan (at the start, with the billing period where a plan has several), months (of a billing period), the columns
        of `by`, time (renewals passed or, with event, the billing period after which it ended), event, n contracts,
        running (of them, not known to end), price (sum of what the running ones pay per billing period).

    Raises:
        OpskitError: As `spells.spells` does, or `by` is given without customers.

    Assumes billing on the same day of every month. A change of plan or price does not end a contract; a change of the
    billing period counts as a renewal, after which the contract is no longer followed.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-10", "2024-03-10", "2024-02-20"])
    >>> ends = pd.to_datetime(["2024-03-09", None, "2024-05-19"])
    >>> rows = pd.DataFrame({"customer_id": [1, 1, 2], "contract_id": [1, 1, 2], "plan": ["a", "b", "a"]})
    >>> rows = rows.assign(started_at=days, ended_at=ends, price=[9.0, 19, 9])
    >>> durations(rows, as_of=dt.date(2024, 6, 30))[["plan", "time", "event", "n"]].values.tolist()
    [['a', 3, True, 1], ['a', 5, False, 1]]
    """
    if by and customers is None:
        raise OpskitError(f"by == {list(by)!r} needs customers: a frame with customer_id and these columns.")
    found = spells(subscriptions, as_of=as_of, gap_days=gap_days, default_billing_period=default_billing_period)
    pays = nw.when(nw.col("until_day") == OPEN).then(nw.col("price")).otherwise(nw.lit(0.0))
    whole = (
        found.with_columns(pays.alias("pays"))
        .with_columns(nw.col("until_day", "until_place", "moves", "pays").max().over(*_RUN))
        .filter((nw.col("first") == 1) & (nw.col("moved") == 0))
    )
    if by:
        attributes = frames.lazy(customers, "customer_id", *by, table="customers")
        whole = whole.join(attributes.select("customer_id", *by), on="customer_id", how="left")
    keys = ["plan", "months", *by]
    counted = frames.collect(
        _timed(whole, as_of, gap_days)
        .group_by(*keys, "time", "event")
        .agg(nw.len().alias("n"), nw.col("running").sum(), nw.col("pays").sum().alias("price"))
    )
    counted["event"] = counted["event"].astype(bool)
    several = counted.groupby("plan")["months"].transform("nunique") > 1
    names = counted["plan"].astype(str) + " (" + counted["months"].map(PERIOD_NAMES) + ")"
    counted["plan"] = counted["plan"].astype(str).where(~several, names)
    return counted.sort_values([*keys, "time", "event"], ignore_index=True)


def _timed(whole: nw.LazyFrame[Any], as_of: dt.date, gap_days: int) -> nw.LazyFrame[Any]:
    """Each contract's time and event, in integers that every engine divides alike."""
    # On the last day of a month every contract's billing date of that month has come.
    last_of_month = (as_of + dt.timedelta(days=1)).day == 1
    day, month = 31 if last_of_month else as_of.day, as_of.year * 12 + as_of.month - 1
    start_month, start_of_month = nw.col("start_place") // 32, nw.col("start_place") % 32
    elapsed = month - start_month - flag(start_of_month > day)
    length = (
        (nw.col("until_place") // 32 - start_month) * _PARTS_OF_A_MONTH
        + (nw.col("until_place") % 32 - start_of_month) * _PARTS_OF_A_DAY
        - gap_days * _PARTS_OF_A_DAY
    )
    period = nw.col("months") * _PARTS_OF_A_MONTH
    ended = nw.col("until_day") < OPEN
    measured = whole.with_columns(
        (elapsed // nw.col("months")).cast(nw.Int64).alias("elapsed"),
        nw.when(ended).then((length + period - 1) // period).otherwise(nw.lit(OPEN)).cast(nw.Int64).alias("lasted"),
    ).with_columns(nw.when(nw.col("lasted") < 1).then(nw.lit(1)).otherwise(nw.col("lasted")).alias("lasted"))
    seen = nw.col("lasted") <= nw.col("elapsed")
    return measured.with_columns(
        nw.when(seen).then(nw.col("lasted")).otherwise(nw.col("elapsed")).cast(nw.Int64).alias("time"),
        flag(seen & (nw.col("moves") == 0)).alias("event"),
        flag(~ended).alias("running"),
    )
