"""How large the segments are, what they bring, and how customers moved between them."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.errors import TooLittleDataError, check
from opskit.target_users.segments import rules
from opskit.target_users.segments.rfm import Rfm, scores

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20  # customers below which no share of them is a segment


def sizes(scored: Rfm, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Customers and revenue of each segment, and what to do.

    Args:
        scored: From `scores`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per segment, empty ones included: segment, chinese, n (customers), share (of customers), low, high;
        revenue, revenue_share, revenue_low, revenue_high (of the share); each (revenue per customer), each_low, each_high;
        purchases, days_since_last_order (means); action.

    Raises:
        TooLittleDataError: Fewer than 20 customers.

    Assumes customers are independent of each other: who came is chance, too. Where one customer makes up much of a segment's
    revenue, its interval is too narrow.
    """
    import pandas as pd

    lf = stats.assign_groups(frames.lazy(scored.customers))
    sums = frames.collect(
        lf.group_by("segment", "group").agg(
            nw.len().alias("n"), *(nw.col(name).sum() for name in ("revenue", "purchases", "days_since_last_order"))
        )
    ).sort_values(["segment", "group"], ignore_index=True)
    if (people := int(sums["n"].sum())) < FEWEST:
        raise TooLittleDataError(
            f"{people} customers have ordered, must be at least {FEWEST}: no share of them is a segment."
        )
    total = sums.drop(columns="group").groupby("segment").sum().reindex(rules.NAMES, fill_value=0)
    share = stats.jackknife(sums, _revenue_share, keys=["segment"], confidence=confidence).reindex(rules.NAMES)
    each = stats.jackknife(sums, _each, keys=["segment"], confidence=confidence).reindex(rules.NAMES)
    low, high = stats.wilson(total["n"], total["n"].sum(), confidence=confidence)
    some = total["n"].where(total["n"] > 0)
    table = pd.DataFrame(
        {
            "chinese": [rules.SEGMENTS[name].chinese for name in rules.NAMES],
            "n": total["n"],
            "share": total["n"] / total["n"].sum(),
            "low": low,
            "high": high,
            "revenue": total["revenue"],
            "revenue_share": share["estimate"].where(total["n"] > 0, 0.0),
            "revenue_low": share["low"].clip(0, 1),
            "revenue_high": share["high"].clip(0, 1),
            "each": each["estimate"],
            "each_low": each["low"].clip(lower=0),
            "each_high": each["high"],
            "purchases": total["purchases"] / some,
            "days_since_last_order": total["days_since_last_order"] / some,
            "action": [rules.SEGMENTS[name].action for name in rules.NAMES],
        },
        index=pd.Index(rules.NAMES, name="segment"),
    )
    return table.reset_index()


def _revenue_share(total: "pd.DataFrame") -> "pd.Series[Any]":
    return total["revenue"] / (whole if (whole := total["revenue"].sum()) > 0 else float("nan"))


def _each(total: "pd.DataFrame") -> "pd.Series[Any]":
    return total["revenue"] / total["n"].where(total["n"] > 0)


def movement(
    orders: Any, *, as_of: dt.date, days: int = 90, later: Rfm | None = None, confidence: float = 0.95
) -> "pd.DataFrame":
    """Where the customers of each segment stood some days ago, and where those of then stand now.

    Both days are scored by the limits of the later one, or no segment could grow: quantiles would only pass places on.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: The later day, inclusive.
        days: How far back the earlier day lies.
        later: From `scores` on the later day; worked out with its defaults where it is not given.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        before (segment on the earlier day, or ``not yet a customer``), now (segment), customers, n (of all before),
        share (of n), low, high: every combination; share is nan where nobody was in the segment before.

    Raises:
        TooLittleDataError: No order is as early as the earlier day.
        OpskitError: As `scores`.

    Assumes nothing about causes. Purchases and revenue only add up, so that frequency and money never fall: what moves
    customers down is silence alone.
    """
    import pandas as pd

    check(days, "days", ge=1)
    now = later if later is not None else scores(orders, as_of=as_of)
    then = as_of - dt.timedelta(days=days)
    _refuse_too_early(orders, then)
    before = scores(orders, as_of=then, limits=now.limits)
    was = frames.lazy(before.customers).select("customer_id", nw.col("segment").alias("before"))
    both = frames.lazy(now.customers).select("customer_id", nw.col("segment").alias("now"))
    both = both.join(was, on="customer_id", how="left").with_columns(nw.col("before").fill_null(rules.NOT_YET))
    counted = frames.collect(both.group_by("before", "now").agg(nw.len().alias("customers")))
    every = pd.MultiIndex.from_product([[*rules.NAMES, rules.NOT_YET], rules.NAMES], names=["before", "now"])
    table = counted.set_index(["before", "now"]).reindex(every, fill_value=0).reset_index()
    n = table.groupby("before")["customers"].transform("sum")
    low, high = stats.wilson(table["customers"], n, confidence=confidence)
    return table.assign(n=n, share=table["customers"] / n.where(n > 0), low=low, high=high)


def _refuse_too_early(orders: Any, day: dt.date) -> None:
    lf = frames.lazy(orders, "customer_id", "ordered_at")
    first = frames.collect(lf.select(nw.col("ordered_at").min().alias("first"), nw.len().alias("n")))["first"].iloc[0]
    first_day = first if type(first) is dt.date else first.date()
    if first_day > day:
        raise TooLittleDataError(f"The first order is of {first_day}; there is nobody to compare with on {day}.")


def change(moved: "pd.DataFrame") -> "pd.DataFrame":
    """How much each segment grew, and by whom.

    Args:
        moved: From `movement`.

    Returns:
        segment, before (customers then), now, stayed, left (for another segment), came (from another), new (not yet a
        customer then), change (now - before).
    """
    import pandas as pd

    known = moved[moved["before"] != rules.NOT_YET]
    stayed = known[known["before"] == known["now"]].set_index("now")["customers"].reindex(rules.NAMES)
    before = known.groupby("before")["customers"].sum().reindex(rules.NAMES)
    now = moved.groupby("now")["customers"].sum().reindex(rules.NAMES)
    new = moved[moved["before"] == rules.NOT_YET].set_index("now")["customers"].reindex(rules.NAMES)
    columns = {"before": before, "now": now, "stayed": stayed, "left": before - stayed, "came": now - stayed - new}
    table = pd.DataFrame(columns | {"new": new, "change": now - before})
    return table.rename_axis("segment").reset_index()
