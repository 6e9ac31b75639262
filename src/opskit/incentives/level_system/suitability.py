"""Does the product suit levels at all: bought often enough, by enough people, neither never again nor anyway."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

LONGEST_INTERVAL_DAYS, LEAST_ORDER_DAYS = 90, 2.0
LEAST_BUYERS, LEAST_REPEATERS, MOST_REPEATERS = 1000, 0.2, 0.9
_YEAR_DAYS = 365


def suitability(orders: Any, *, as_of: dt.date, within_days: int = 180, confidence: float = 0.95) -> "pd.DataFrame":
    """Hold the orders against what is said of products that suit levels.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        within_days: Customers are followed so long from their first order; younger ones are left out.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        question (frequent, enough, often, needed), figure, estimate, low, high, n, rule (in words), verdict (``holds``,
        ``does not hold``, ``not enough data``). A number of buyers is counted, not estimated: it has no interval.

    Raises:
        OpskitError: An option is out of range, a column is missing, or there are no rows.

    Assumes the rules, which are rules of thumb: none of them has a source with figures. `verdict` sums them up.
    """
    import pandas as pd

    check(within_days, "within_days", ge=1)
    interval = customers.rhythm(orders, as_of=as_of, confidence=confidence).interval.iloc[0]
    cells = _cells(orders, as_of, within_days)
    old = cells[cells["mature"]]
    sums = old.assign(days=old["days"] * old["n"]).groupby("group", as_index=False)[["n", "days"]].sum()
    followed, again = int(old["n"].sum()), int(old.loc[old["days"] > 1, "n"].sum())
    nan = float("nan")
    mean = stats.jackknife(sums, _mean, confidence=confidence).iloc[0].tolist() if followed else [nan] * 3
    low, high = stats.wilson([again], [followed], confidence=confidence)
    buyers = int(cells.loc[cells["active"], "n"].sum())
    again_share = again / followed if followed else nan
    figures = [
        ("often", "natural interval between orders, days", *interval[["estimate", "low", "high"]], int(interval["n"])),
        ("frequent", f"order days in the first {within_days} days", *mean, followed),
        ("enough", "buyers in the last year", float(buyers), nan, nan, buyers),
        ("needed", f"order again within {within_days} days", again_share, float(low[0]), float(high[0]), followed),
    ]
    table = pd.DataFrame(figures, columns=["question", "figure", "estimate", "low", "high", "n"])
    rules = _rules()
    table["rule"] = [rules[question][0] for question in table["question"]]
    counted = table["low"].isna() & (table["question"] == "enough")
    bounds = zip(
        table["low"].where(~counted, table["estimate"]), table["high"].where(~counted, table["estimate"]), strict=True
    )
    table["verdict"] = [
        stats.verdict(low, high, **rules[question][1])
        for question, (low, high) in zip(table["question"], bounds, strict=True)
    ]
    return table


def verdict(table: "pd.DataFrame") -> str:
    """What the questions of `suitability` add up to, in a sentence.

    >>> import pandas as pd
    >>> verdict(pd.DataFrame({"figure": ["buyers in the last year"], "verdict": ["does not hold"]}))
    'It does not suit levels yet: buyers in the last year.'
    """
    against = table.loc[table["verdict"] == "does not hold", "figure"].tolist()
    unknown = table.loc[table["verdict"] == "not enough data", "figure"].tolist()
    if against:
        return f"It does not suit levels yet: {'; '.join(against)}."
    if unknown:
        return f"Whether it suits levels cannot be told yet: {'; '.join(unknown)}."
    return "It suits levels by every rule."


def _rules() -> dict[str, tuple[str, dict[str, float]]]:
    """Each question's rule in words, and its limits."""
    return {
        "often": (
            f"at most {LONGEST_INTERVAL_DAYS}: between orders nobody forgets the level",
            {"at_most": LONGEST_INTERVAL_DAYS},
        ),
        "frequent": (f"at least {LEAST_ORDER_DAYS:g}: there is something to collect", {"at_least": LEAST_ORDER_DAYS}),
        "enough": (f"at least {LEAST_BUYERS:,}: levels come when there is a base", {"at_least": LEAST_BUYERS}),
        "needed": (
            f"{LEAST_REPEATERS:.0%} to {MOST_REPEATERS:.0%}: more come anyway, fewer have no need of it",
            {"at_least": LEAST_REPEATERS, "at_most": MOST_REPEATERS},
        ),
    }


def _mean(total: "pd.DataFrame") -> float:
    return float(total["days"].iloc[0] / total["n"].iloc[0])


def _cells(orders: Any, as_of: dt.date, within_days: int) -> "pd.DataFrame":
    """Customers by group, order days in the window, whether they are old enough and whether they bought in the last year."""
    lf, _ = customers.until(orders, as_of=as_of)
    end = frames.day_number(as_of)
    days = (
        lf.select("customer_id", frames.epoch_day("ordered_at").alias("day"))
        .group_by("customer_id", "day")
        .agg(nw.len().alias("orders"))
        .with_columns(nw.col("day").min().over("customer_id").alias("first"))
    )
    inside = (nw.col("day") - nw.col("first") < within_days).cast(nw.Int64)
    by_customer = (
        days.with_columns(inside.alias("days"))
        .group_by("customer_id")
        .agg(nw.col("days").sum(), nw.col("first").min(), nw.col("day").max().alias("last"))
    )
    return frames.collect(
        stats.assign_groups(by_customer, ids=lf.select("customer_id"))
        .select(
            "group",
            nw.col("days").cast(nw.Int64),
            (end - nw.col("first") >= within_days).alias("mature"),
            (end - nw.col("last") < _YEAR_DAYS).alias("active"),
        )
        .group_by("group", "days", "mature", "active")
        .agg(nw.len().alias("n"))
    ).sort_values(["group", "days", "mature", "active"], ignore_index=True)
