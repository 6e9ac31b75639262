"""Scores of recency, frequency and money that keep equal customers together, and the segment that follows from them."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers import summary
from opskit.errors import OpskitError, check
from opskit.target_users.segments import rules

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

MEASURES = {"recency": "days_since_last_order", "frequency": "purchases", "money": "revenue"}
_DECIMALS = 4  # engines add floats in different orders: equal sums must stay equal


class Rfm(NamedTuple):
    """Every customer's scores and segment, and where one score ends and the next begins."""

    customers: Any  # as the orders came: customer_id, days_since_last_order, purchases, revenue, scores, segment
    limits: "pd.DataFrame"  # measure, score, lowest, highest, customers, share
    notes: tuple[str, ...]  # what had to give way to ties


def scores(
    orders: Any,
    *,
    as_of: dt.date,
    bins: int = 5,
    recency_limits_days: Sequence[float] = (),
    limits: "pd.DataFrame | None" = None,
) -> Rfm:
    """Score every customer by how lately, how often and for how much they bought, and name the segment.

    Scores split customers into groups as equal as ties allow: customers with the same value always get the same score,
    each bin takes its share of those not yet placed, and where too few values differ there are fewer bins, never an
    empty one.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        bins: Scores to form for each measure, at most.
        recency_limits_days: Score recency by these days since the last order instead, ascending (multiples of the natural
            interval of `customers.rhythm`, for instance): the best score holds up to the first of them. Such scores
            may be empty.
        limits: ``limits`` of another day, to score by the same ones: then segments can grow and shrink. What lies
            beyond them gets the nearest score.

    Returns:
        ``customers``, the same kind of frame as went in: customer_id; days_since_last_order; purchases (days with an
        order); revenue; recency_score (highest: bought lately), frequency_score, money_score (1 is least); segment.
        ``limits``: measure, score, lowest and highest value (days, purchases, revenue), customers, share.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, a column is missing, or
            there are no rows.

    Assumes orders of one day are one purchase. Recency is days since the last order here, not the recency of BTYD models.

    Source: Hughes (1994), "Strategic Database Marketing", for scores by quantile; the treatment of ties is ours.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03", "2024-01-04"])
    >>> orders = pd.DataFrame({"customer_id": list("ABCDD"), "ordered_at": days, "revenue": [9.0, 9, 9, 9, 9]})
    >>> scores(orders, as_of=dt.date(2024, 1, 4)).limits[["measure", "score", "lowest", "highest", "customers"]]
         measure  score  lowest  highest  customers
    0    recency      1     3.0      3.0          1
    1    recency      2     2.0      2.0          1
    2    recency      3     1.0      1.0          1
    3    recency      4     0.0      0.0          1
    4  frequency      1     1.0      1.0          3
    5  frequency      2     2.0      2.0          1
    6      money      1     9.0      9.0          3
    7      money      2    18.0     18.0          1
    """
    check(bins, "bins", ge=2, le=10)
    per = frames.lazy(summary(orders, as_of=as_of)).select(
        "customer_id",
        "days_since_last_order",
        nw.col("order_days").alias("purchases"),
        nw.col("revenue").cast(nw.Float64).fill_null(0.0).round(_DECIMALS).alias("revenue"),
    )
    table = frames.collect(per)
    kept = frames.beside(per, table)  # what follows reads the few customers again, not all their orders
    limits = _limits(table, bins, recency_limits_days) if limits is None else limits
    counted = limits.groupby("measure")["score"].max()
    highest = {name: int(counted[name]) for name in MEASURES}
    scored = kept.with_columns(*(_score(limits, name).alias(f"{name}_score") for name in MEASURES))
    named = scored.join(
        frames.beside(kept, rules.cells(highest)), on=[f"{name}_score" for name in MEASURES], how="inner"
    )
    return Rfm(frames.like(named, orders), limits, _notes(limits, table, bins, len(recency_limits_days) > 0))


def _limits(table: "pd.DataFrame", bins: int, recency_limits_days: Sequence[float]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for name, column in MEASURES.items():
        values = table[column].to_numpy(dtype=float)
        if name == "recency" and len(recency_limits_days):
            part = _given(values, recency_limits_days)
        else:
            part = _equal(values, bins)
        if name == "recency":
            part["score"] = len(part) + 1 - part["score"]
        part["share"] = part["customers"] / len(values)
        parts.append(part.sort_values("score").assign(measure=name))
    columns = ["measure", "score", "lowest", "highest", "customers", "share"]
    return pd.concat(parts, ignore_index=True)[columns].astype({"score": np.int64})


def _equal(values: "Vector", bins: int) -> "pd.DataFrame":
    """Bins as equal as ties allow, from the smallest values up."""
    import numpy as np
    import pandas as pd

    distinct, counts = np.unique(values, return_counts=True)
    reached, ends, done = np.cumsum(counts), list[int](), 0
    for still in range(bins, 0, -1):
        wanted = done + (len(values) - done) / still
        end = int(np.searchsorted(reached, wanted))
        # The border falls on the near side of a tie, unless nothing would be left below it.
        if end > 0 and reached[end - 1] > done and wanted - reached[end - 1] < reached[end] - wanted:
            end -= 1
        ends.append(end)
        done = int(reached[end])
        if done == len(values):
            break
    starts = [0, *(end + 1 for end in ends[:-1])]
    sizes = np.diff(reached[ends], prepend=0)
    bounds = {"lowest": distinct[starts], "highest": distinct[ends], "customers": sizes}
    return pd.DataFrame({"score": np.arange(1, len(ends) + 1), **bounds})


def _given(days: "Vector", limits_days: Sequence[float]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    borders = np.asarray(limits_days, dtype=float)
    if len(borders) > 9 or not (np.isfinite(borders).all() and (borders >= 0).all() and (np.diff(borders) > 0).all()):
        raise OpskitError(f"recency_limits_days == {list(limits_days)!r}, must be up to nine ascending numbers >= 0.")
    place = np.searchsorted(borders, days)
    sizes = np.bincount(place, minlength=len(borders) + 1)
    bounds = {"lowest": np.r_[0.0, np.floor(borders) + 1], "highest": np.r_[borders, np.inf], "customers": sizes}
    return pd.DataFrame({"score": np.arange(1, len(borders) + 2), **bounds})


def _score(limits: "pd.DataFrame", name: str) -> nw.Expr:
    """The score as a sum of steps over the borders, in the engine."""
    part = limits[limits["measure"] == name]
    value, score = nw.col(MEASURES[name]), nw.lit(1).cast(nw.Int64)
    if name == "recency":
        for border in part["highest"].iloc[1:]:  # all but the longest silence
            score = score + (value <= float(border)).cast(nw.Int64)
        return score
    for border in part["highest"].iloc[:-1]:
        score = score + (value > float(border)).cast(nw.Int64)
    return score


def _notes(limits: "pd.DataFrame", table: "pd.DataFrame", bins: int, given: bool) -> tuple[str, ...]:
    said: list[str] = []
    once = float((table["purchases"] == 1).mean())
    if once > 1 / bins:
        said.append(f"{once:.1%} of customers bought once: they share one score of frequency, the others the rest.")
    for name in MEASURES:
        count = int((limits["measure"] == name).sum())
        if count < bins and not (given and name == "recency"):
            said.append(f"{name} has {count} of {bins} scores: equal values stay together, and no score is empty.")
    return tuple(said)
