"""Features of how each customer buys, documented, worked out in the engine, brought to one robust scale."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers import gaps, on_or_before, summary
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

# Feature: what it is, and whether it is a logarithm, so that differences are ratios.
FEATURES = {
    "recency": ("days since the last order (log of days + 1)", True),
    "purchases": ("days with an order (log)", True),
    "purchase_value": ("revenue per purchase (log)", True),
    "usual_gap": ("mean days between purchases (log)", True),
    "gap_variation": ("standard deviation of these gaps over their mean: 0 as a clock, 1 as by chance", False),
    "discount_share": ("discount over what was asked before it", False),
    "refund_share": ("refunds over revenue", False),
}
SAMPLE = 20_000  # customers that clusters are looked for among; all others are assigned by what is found
_WIDEST = 3.0  # robust standard deviations beyond which a value counts as no further off


class Scale(NamedTuple):
    """Where each feature's middle is and how far customers are from it, and which features do not tell them apart."""

    centre: "pd.Series[Any]"
    spread: "pd.Series[Any]"
    left_out: tuple[str, ...]


def behaviour(orders: Any, *, as_of: dt.date, least_purchases: int = 3) -> Any:
    """How each customer buys who has bought often enough to have a way of buying.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; discount and refund where they are there.
        as_of: Last day to count, inclusive.
        least_purchases: Fewer days with an order than this, and a customer is left out: one purchase has no rhythm.

    Returns:
        The same kind of frame as went in: customer_id and the features of FEATURES that the columns allow. Tenure is
        not among them: it follows from gap, purchases and recency.

    Raises:
        OpskitError: least_purchases < 3, as_of is not a date or before the first order, a column is missing, or there
            are no rows.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21"])
    >>> orders = pd.DataFrame({"customer_id": "A", "ordered_at": days, "revenue": [10.0, 10, 10]})
    >>> behaviour(orders, as_of=dt.date(2024, 1, 31)).round(3).iloc[0].tolist()
    ['A', 2.398, 1.099, 2.303, 2.303, 0.0]
    """
    check(least_purchases, "least_purchases", ge=3)
    per = frames.lazy(summary(orders, as_of=as_of)).filter(nw.col("order_days") >= least_purchases)
    days = nw.col("days").cast(nw.Float64)
    closed = gaps(orders, as_of=as_of).filter(nw.col("returned"))
    rhythm = closed.with_columns(days.alias("gap"), (days * days).alias("squared"))
    rhythm = rhythm.group_by("customer_id").agg(nw.col("gap").mean(), nw.col("squared").mean(), nw.len().alias("gaps"))
    joined = per.join(rhythm, on="customer_id", how="inner")
    gap_count = nw.col("gaps").cast(nw.Float64)
    variance = (nw.col("squared") - nw.col("gap") * nw.col("gap")) * gap_count / (gap_count - 1)
    spread = nw.when(variance > 0).then(variance).otherwise(nw.lit(0.0)).sqrt()
    value = nw.col("revenue").cast(nw.Float64) / nw.col("order_days")
    found = joined.select(
        "customer_id",
        (nw.col("days_since_last_order").cast(nw.Float64) + 1).log().alias("recency"),
        nw.col("order_days").cast(nw.Float64).log().alias("purchases"),
        nw.when(value > 0.01).then(value).otherwise(nw.lit(0.01)).log().alias("purchase_value"),
        nw.col("gap").log().alias("usual_gap"),
        (spread / nw.col("gap")).alias("gap_variation"),
    )
    shares = _shares(orders, as_of)
    return frames.like(found if shares is None else found.join(shares, on="customer_id", how="inner"), orders)


def _shares(orders: Any, as_of: dt.date) -> nw.LazyFrame[Any] | None:
    """Discount and refund over revenue, where the columns are there."""
    lf = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    there = [name for name in ("discount", "refund") if name in lf.collect_schema().names()]
    if not there:
        return None
    amounts = [nw.col(name).cast(nw.Float64).fill_null(0.0).alias(name) for name in (*there, "revenue")]
    sums = lf.filter(on_or_before(lf, as_of)).select("customer_id", *amounts).group_by("customer_id")
    total = sums.agg(*(nw.col(name).sum() for name in (*there, "revenue")))
    asked = {"discount": nw.col("revenue") + nw.col("discount"), "refund": nw.col("revenue")}
    parts = [
        nw.when(asked[name] > 0).then(nw.col(name) / asked[name]).otherwise(nw.lit(0.0)).alias(f"{name}_share")
        for name in there
    ]
    return total.select("customer_id", *parts)


def scale_of(features: "pd.DataFrame") -> Scale:
    """Median and interquartile range (as standard deviation) of each feature.

    Args:
        features: Columns of `behaviour` for the customers to scale by.

    Returns:
        The scale; a feature that is the same for half of the customers has no range and is left out.
    """
    numbers = features[[name for name in FEATURES if name in features]]
    spread = (numbers.quantile(0.75) - numbers.quantile(0.25)) / 1.349
    kept = spread[spread > 1e-9].index
    left_out = tuple(str(name) for name in numbers if name not in kept)
    return Scale(numbers[kept].median(), spread[kept], left_out)


def scaled(scale: Scale) -> list[nw.Expr]:
    """Each feature on the scale, as expressions: 0 is the middle, and three robust deviations are the most."""
    expressions: list[nw.Expr] = []
    for name in scale.centre.index:
        far = (nw.col(name) - float(scale.centre[name])) / float(scale.spread[name])
        expressions.append(far.clip(-_WIDEST, _WIDEST).alias(name))
    return expressions
