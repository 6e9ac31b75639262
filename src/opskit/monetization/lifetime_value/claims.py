"""What is said of retained customers, tested: they carry the future, cost less to keep, and buy more readily."""

import datetime as dt
from typing import TYPE_CHECKING, Any, TypedDict

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import pandas as pd

_NAN = float("nan")


class _Range(TypedDict):
    """Where a claim holds."""

    at_least: float
    at_most: float


_EXISTING: _Range = {"at_least": 0.6, "at_most": 0.7}
_PROSPECTS: _Range = {"at_least": 0.05, "at_most": 0.2}
_DEARER: _Range = {"at_least": 5.0, "at_most": 25.0}


def claims(
    orders: Any,
    accounts: Any | None = None,
    spend: Any | None = None,
    *,
    as_of: dt.date,
    existing_until: dt.date,
    selling_days: int = 30,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The rules of thumb about retained customers, each with its estimate and verdict.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        accounts: Customers and prospects: customer_id and signed_up_at. Without it what new ones buy cannot be told.
        spend: date, spend and purpose ("acquire" or "retain"). Without it the cost of keeping cannot be told.
        as_of: Last day to count, inclusive.
        existing_until: Customers with an order by this day are the existing ones; the days after it up to as_of are the
            future that they are held against.
        selling_days: How long, up to as_of, existing customers and prospects are watched for a purchase.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        claim, source, estimate, low, high, n, at_least, at_most, verdict, needs (what would let the data tell; empty
        where they do). Estimates are shares, and times for the cost ratio; one row per claim.

    Raises:
        OpskitError: existing_until is not before as_of or before the first order, a column is missing, or there are no
            rows.

    Assumes the figures describe who bought, not what an offer would change. The cost ratio divides all spend of a
    purpose by all customers won or kept; it holds no margin given away in discounts.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-03-01", "2024-03-05"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days, "revenue": [1.0, 3, 1]})
    >>> found = claims(orders, as_of=dt.date(2024, 3, 9), existing_until=dt.date(2024, 2, 1))
    >>> found[["estimate", "n"]].iloc[0].tolist()
    [0.75, 2.0]
    """
    import pandas as pd

    if frames.day_number(existing_until, "existing_until") >= frames.day_number(as_of):
        raise OpskitError(f"existing_until == {existing_until}, must be before as_of, {as_of}. Use an earlier day.")
    customers.until(orders, as_of=existing_until)  # refuses a day before the first order
    rows = [
        *_future(orders, as_of, existing_until, confidence),
        *_selling(orders, accounts, as_of, selling_days, confidence),
        _keeping(orders, spend, as_of, existing_until, confidence),
    ]
    return pd.DataFrame(rows)


def _future(orders: Any, as_of: dt.date, existing_until: dt.date, confidence: float) -> list[dict[str, Any]]:
    source = "whole-journey acquisition articles, after Gartner"
    every = "existing customers bring at least 80% of the next period's revenue"
    few = "20% of the existing customers who still buy bring at least 80% of what they all bring"
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    later = frames.epoch_day("ordered_at") > frames.day_number(existing_until)
    revenue, none = nw.col("revenue").cast(nw.Float64), nw.lit(0.0)
    first_day = frames.epoch_day("ordered_at").min().over("customer_id")
    marked = lf.with_columns(first_day.alias("first_day"))
    existing = nw.col("first_day") <= frames.day_number(existing_until)
    future = (
        stats.assign_groups(marked.filter(later), ids=lf)
        .with_columns(nw.when(existing).then(revenue).otherwise(none).alias("existing"), revenue.alias("revenue"))
        .with_columns((~existing).cast(nw.Int64).alias("new"))
        .group_by("group", "customer_id")
        .agg(nw.col("existing", "revenue").sum(), nw.col("new").max())
    )
    cells = future.group_by("group").agg(nw.col("existing", "revenue", "new").sum(), nw.len().alias("n"))
    sums = frames.collect(cells)
    if not sums["revenue"].sum() > 0:
        missing = "revenue after the day on which customers count as existing"
        return [_claim(name, source, needs=missing, at_least=0.8) for name in (every, few)]
    if sums["new"].sum():
        found = stats.jackknife(
            sums, lambda total: (total["existing"] / total["revenue"]).iloc[0], confidence=confidence
        ).iloc[0]
        rows = [_claim(every, source, found.to_numpy(), n=int(sums["n"].sum()), at_least=0.8, bounds=(0, 1))]
    else:
        rows = [
            _claim(every, source, needs="customers who came in the period; these data hold old ones only", at_least=0.8)
        ]
    if not sums["existing"].sum() > 0:
        return [*rows, _claim(few, source, needs="existing customers who buy again", at_least=0.8)]
    kept = marked.filter(later & existing).select("customer_id", "ordered_at", "revenue").to_native()
    measures = customers.concentration(kept, as_of=as_of, top_shares=(0.2,), confidence=confidence).measures.iloc[0]
    top = measures[["estimate", "low", "high"]].to_numpy(dtype=float)
    return [*rows, _claim(few, source, top, n=int(measures["n"]), at_least=0.8)]


def _selling(
    orders: Any, accounts: Any | None, as_of: dt.date, selling_days: int, confidence: float
) -> list[dict[str, Any]]:
    """Buyers among those who were there when the watch began: customers, and prospects without an order."""
    source = "whole-journey acquisition articles, after Marketing Metrics"
    old = f"60% to 70% of existing customers buy within {selling_days} days"
    new = f"5% to 20% of prospects make their first order within {selling_days} days"
    start = frames.day_number(as_of) - selling_days  # last day before the watch
    lf, _ = customers.until(orders, as_of=as_of)
    per_customer = _first_and_last(lf)
    bought = (nw.col("last_day") > start).cast(nw.Int64)
    counts = frames.collect(
        per_customer.filter(nw.col("first_day") <= start).select(nw.len().alias("n"), bought.sum().alias("bought"))
    ).fillna(0)
    rows = [_share(old, source, counts.iloc[0], confidence, _EXISTING, "customers from before the watch")]
    table = None if accounts is None else frames.lazy(accounts, "customer_id", table="customers")
    if table is None or "signed_up_at" not in table.collect_schema().names():
        return [
            *rows,
            _claim(new, source, needs="table customers with signed_up_at, prospects included", **_PROSPECTS),
        ]
    prospects = (
        table.filter(frames.epoch_day("signed_up_at") <= start)
        .select("customer_id")
        .join(per_customer.select("customer_id", "first_day"), on="customer_id", how="left")
        .filter(nw.col("first_day").is_null() | (nw.col("first_day") > start))
    )
    won = (~nw.col("first_day").is_null()).cast(nw.Int64).sum().alias("bought")
    counts = frames.collect(prospects.select(nw.len().alias("n"), won)).fillna(0)
    return [*rows, _share(new, source, counts.iloc[0], confidence, _PROSPECTS, "prospects: accounts without an order")]


def _keeping(
    orders: Any, spend: Any | None, as_of: dt.date, existing_until: dt.date, confidence: float
) -> dict[str, Any]:
    """Spend per customer won over spend per customer kept, in the days held out."""
    name, source = "winning a customer costs 5 to 25 times as much as keeping one", "the same, after Gallo (2014)"
    needs = "table spend with purpose acquire and retain"
    start = frames.day_number(existing_until)
    lf = None if spend is None else frames.lazy(spend, "date", "spend", table="spend")
    if lf is None or "purpose" not in lf.collect_schema().names():
        return _claim(name, source, needs=needs, **_DEARER)
    day = frames.epoch_day("date")
    lf = lf.filter((day > start) & (day <= frames.day_number(as_of)))
    lf = lf.select("purpose", nw.col("spend").cast(nw.Float64))
    money = frames.collect(lf.group_by("purpose").agg(nw.col("spend").sum())).set_index("purpose")
    costs = money["spend"].to_dict()
    bought, _ = customers.until(orders, as_of=as_of)
    new = (nw.col("first_day") > start).cast(nw.Int64)
    cells = frames.collect(
        stats.assign_groups(_first_and_last(bought).filter(nw.col("last_day") > start), ids=bought)
        .with_columns(new.alias("won"), (1 - new).alias("kept"))
        .group_by("group")
        .agg(nw.col("won", "kept").sum())
    )
    won, kept = int(cells["won"].sum()), int(cells["kept"].sum())
    if not (costs.get("acquire", 0) > 0 and costs.get("retain", 0) > 0 and won and kept):
        return _claim(name, source, needs=f"{needs}, and customers won and kept in these days", **_DEARER)
    ratio = costs["acquire"] / costs["retain"]
    found = stats.jackknife(
        cells, lambda total: ratio * (total["kept"] / total["won"]).iloc[0], confidence=confidence
    ).iloc[0]
    return _claim(name, source, found.to_numpy(), n=won + kept, **_DEARER)


def _first_and_last(lf: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    day = frames.epoch_day("ordered_at")
    days = lf.select("customer_id", day.alias("first_day"), day.alias("last_day"))
    return days.group_by("customer_id").agg(nw.col("first_day").min(), nw.col("last_day").max())


def _share(
    name: str, source: str, counts: "pd.Series[Any]", confidence: float, claimed: _Range, needs: str
) -> dict[str, Any]:
    n, bought = int(counts["n"]), int(counts["bought"])
    if not n:
        return _claim(name, source, needs=needs, **claimed)
    low, high = stats.wilson([bought], [n], confidence=confidence)
    return _claim(name, source, (bought / n, low[0], high[0]), n=n, **claimed)


def _claim(
    name: str,
    source: str,
    figures: Any = (_NAN, _NAN, _NAN),
    *,
    n: int = 0,
    at_least: float,
    at_most: float = 1.0,
    bounds: tuple[float, float] | None = None,
    needs: str = "",
) -> dict[str, Any]:
    estimate, low, high = (float(figure) for figure in figures)
    if bounds:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    row = {"claim": name, "source": source, "estimate": estimate, "low": low, "high": high, "n": n}
    verdict = stats.verdict(low, high, at_least=at_least, at_most=at_most)
    return {**row, "at_least": at_least, "at_most": at_most, "verdict": verdict, "needs": needs}
