"""Dormancy tiers: how much of a customer's pull is left, and how many of each tier really came back."""

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, check
from opskit.loyalty.win_back.rhythm import PurchaseRhythm

if TYPE_CHECKING:
    import pandas as pd

TIERS = ("awake", "dozing", "half-asleep", "asleep")
LIMITS = (0.6, 0.4, 0.2)
KNOWN = ("frequency", "recency", "days_since_last_order")


def dormancy(
    orders: Any,
    *,
    as_of: dt.date,
    window_days: int = 30,
    limits: Sequence[float] = LIMITS,
    p_alive: Any = None,
    rhythm: PurchaseRhythm | None = None,
) -> Any:
    """Each customer's tier, by the silence so far against the customer's own rhythm.

    `pull_left` is the probability of ordering within the window now, over what it was right after the last order. Both
    are of the same customer, so a weekly buyer is asleep after two months and a yearly one is not.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        window_days: Days within which a customer may come back.
        limits: Least pull left of the awake, the dozing and the half-asleep; the others are asleep.
        p_alive: Frame with customer_id and p_alive, from another model such as BG/NBD: then it takes the place of
            pull_left, and of the rhythm's own p_alive. Every customer must be in it.
        rhythm: Fitted before, by default fitted to these orders.

    Returns:
        The same kind of frame as went in, one row per customer: customer_id; order_days; frequency, recency and
        days_since_last_order (as in `customers.summary`); typical_gap_days; p_alive; p_return (within the window, if
        nothing is done differently); pull_left; tier.

    Raises:
        TooLittleDataError: Too few customers have come back for a rhythm to be known.
        OpskitError: An option is out of range, a customer has no p_alive, as_of is not a date or before the first order,
            a column is missing, or there are no rows.

    Assumes what `PurchaseRhythm` assumes. The limits are a convention: look at `came_back` and choose others.
    """
    check(window_days, "window_days", ge=1)
    check_limits(limits)
    rhythm = rhythm or PurchaseRhythm().fit(orders, as_of=as_of)
    known = frames.lazy(customers.summary(orders, as_of=as_of), table="summary").with_columns(rhythm.alive())
    if p_alive is not None:
        known = _handed_in(known, p_alive)
    columns = ("customer_id", "order_days", *KNOWN, "typical_gap_days", "p_alive", "p_return", "pull_left", "tier")
    tiers = judged(known, rhythm, window_days, limits, given=p_alive is not None)
    return frames.like(tiers.select(*columns), orders)


def judged(
    known: nw.LazyFrame[Any],
    rhythm: PurchaseRhythm,
    window_days: int,
    limits: Sequence[float] = LIMITS,
    *,
    given: bool = False,
) -> nw.LazyFrame[Any]:
    """Rows with frequency, recency, days_since_last_order and p_alive, and what follows from them.

    Args:
        known: The rows.
        rhythm: Fitted.
        window_days: Days within which a customer may come back.
        limits: As in `dormancy`.
        given: Whether p_alive comes from elsewhere and decides the tier alone.
    """
    p_return = nw.col("p_alive") * rhythm.returns(window_days)
    left = nw.col("p_alive") if given else p_return / rhythm.returns(window_days, fresh=True)
    awake, dozing, half = (nw.col("pull_left") >= limit for limit in limits)
    tier = nw.when(half).then(nw.lit(TIERS[2])).otherwise(nw.lit(TIERS[3]))
    tier = nw.when(dozing).then(nw.lit(TIERS[1])).otherwise(tier)
    return known.with_columns(p_return.alias("p_return"), left.alias("pull_left"), rhythm.typical_gap()).with_columns(
        nw.when(awake).then(nw.lit(TIERS[0])).otherwise(tier).alias("tier")
    )


def check_limits(limits: Sequence[float]) -> None:
    """Refuse limits that are not three shares, each below the one before."""
    if len(limits) != len(TIERS) - 1 or any(a <= b for a, b in pairwise((1.0001, *limits, 0.0))):
        raise OpskitError(
            f"limits == {tuple(limits)!r}, must be three shares between 0 and 1, each below the one before."
        )


def _handed_in(known: nw.LazyFrame[Any], p_alive: Any) -> nw.LazyFrame[Any]:
    handed = frames.lazy(p_alive, "customer_id", "p_alive", table="p_alive").select("customer_id", "p_alive")
    if handed.implementation != known.implementation:
        handed = frames.beside(known, frames.collect(handed))
    joined = known.drop("p_alive").join(handed, on="customer_id", how="left")
    value = nw.col("p_alive")
    odd = (value.is_null() | ~value.is_between(0, 1)).cast(nw.Int64).sum().alias("odd")
    wrong = int(frames.collect(joined.select(odd))["odd"].fillna(0).iloc[0])
    if wrong:
        raise OpskitError(f"p_alive is missing or not between 0 and 1 for {wrong} customers; every customer needs one.")
    return joined


def tier_counts(tiers: Any, *, confidence: float = 0.95) -> "pd.DataFrame":
    """How many customers are in each tier, how long they have been silent and how likely they come back.

    Args:
        tiers: From `dormancy`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        tier, customers, share, low, high (of the customers), days_silent (mean), typical_gap_days (mean), p_alive
        (mean), p_return (mean); missing where a tier is empty.
    """
    import pandas as pd

    lf = frames.lazy(tiers, "tier", "p_return", table="tiers")
    means = {
        "days_silent": "days_since_last_order",
        **{name: name for name in ("typical_gap_days", "p_alive", "p_return")},
    }
    counted = frames.collect(
        lf.group_by("tier").agg(nw.len().alias("customers"), *(nw.col(of).mean().alias(to) for to, of in means.items()))
    )
    table = counted.set_index("tier").reindex(pd.Index(TIERS, name="tier"))
    table["customers"] = table["customers"].fillna(0).astype("int64")
    n = table["customers"].sum()
    low, high = stats.wilson(table["customers"], n, confidence=confidence)
    share = table["customers"] / n
    table = table.assign(share=share, low=low, high=high).reset_index()
    return table[["tier", "customers", "share", "low", "high", *means]]


def came_back(
    orders: Any,
    *,
    as_of: dt.date,
    window_days: int = 30,
    limits: Sequence[float] = LIMITS,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Hold-out check: tiers as of a window ago, from what was known then, and who of each came back since.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive; the tiers are those of window_days before.
        window_days: Days within which a customer may come back.
        limits: As in `dormancy`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        tier (and ``"all"``), customers, expected (mean p_return then), came_back (customers with an order since),
        observed (share), low, high, ratio (observed over expected).

    Raises:
        TooLittleDataError: Too few customers had come back by then for a rhythm to be known.
        OpskitError: An option is out of range, as_of is not a date, or no order lies before the window.
    """
    import pandas as pd

    check(window_days, "window_days", ge=1)
    cut = as_of - dt.timedelta(days=window_days)
    lf, _ = customers.until(orders, as_of=as_of)
    before = dormancy(orders, as_of=cut, window_days=window_days, limits=limits)
    since = lf.filter(~customers.on_or_before(lf, cut)).group_by("customer_id").agg(nw.len().alias("orders_since"))
    joined = frames.lazy(before, table="tiers").join(since, on="customer_id", how="left")
    came = nw.col("orders_since").fill_null(0) > 0
    counted = frames.collect(
        joined.with_columns(came.cast(nw.Int64).alias("came_back"))
        .group_by("tier")
        .agg(nw.len().alias("customers"), nw.col("p_return").sum().alias("expected"), nw.col("came_back").sum())
    )
    table = counted.set_index("tier").reindex(pd.Index(TIERS, name="tier"), fill_value=0)
    table.loc["all"] = table.sum()
    n = table["customers"].where(table["customers"] > 0)
    low, high = stats.wilson(table["came_back"], n, confidence=confidence)
    observed, expected = table["came_back"] / n, table["expected"] / n
    table = table.astype({"customers": "int64", "came_back": "int64"}).assign(
        expected=expected, observed=observed, low=low, high=high, ratio=observed / expected
    )
    return table.reset_index()[["tier", "customers", "expected", "came_back", "observed", "low", "high", "ratio"]]
