"""Features of how each customer buys, documented, worked out in the engine, brought to one robust scale."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers import gaps, on_or_before, summary
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

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
_RANGE = 1.349  # interquartile range of the normal distribution, in standard deviations
_SAME = 1e-9
_POWERS = (-2.0, 4.0)  # beyond these, one customer far out decides
_WIDEST = 3.0  # robust standard deviations beyond which a value counts as no further off


class Scale(NamedTuple):
    """How each feature is brought to one scale and a symmetric shape, and which features do not tell customers apart."""

    steps: "pd.DataFrame"  # by feature: centre and spread, the power that makes it symmetric, centre and spread of that
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
    >>> behaviour(orders, as_of=dt.date(2024, 1, 31)).drop(columns="customer_id").round(3).to_numpy().tolist()
    [[2.398, 1.099, 2.303, 2.303, 0.0]]
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
    """Median and interquartile range (as standard deviation) of each feature, before and after it is made symmetric.

    A long tail would be cut off as a group of its own; a Yeo-Johnson power takes the tail away, but no gap.

    Args:
        features: Columns of `behaviour` for the customers to scale by.

    Returns:
        The scale; a feature that is the same for half of the customers has no range and is left out.

    Source: Yeo & Johnson (2000), "A new family of power transformations to improve normality or symmetry".
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import yeojohnson, yeojohnson_normmax

    rows: dict[str, dict[str, float]] = {}
    names = [name for name in FEATURES if name in features]
    for name in names:
        values = features[name].to_numpy(dtype=float)
        centre, spread = _middle(values)
        if spread <= _SAME:
            continue
        plain = (values - centre) / spread
        power = float(np.clip(yeojohnson_normmax(plain), *_POWERS))
        middle, width = _middle(np.asarray(yeojohnson(plain, power)))
        rows[name] = {"centre": centre, "spread": spread, "power": power, "middle": middle, "width": width}
    return Scale(pd.DataFrame.from_dict(rows, orient="index"), tuple(name for name in names if name not in rows))


def _middle(values: "Vector") -> tuple[float, float]:
    import numpy as np

    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(high - low) / _RANGE


def scaled(scale: Scale) -> list[nw.Expr]:
    """Each feature on the scale, as expressions: 0 is the middle, and three robust deviations are the most."""
    expressions: list[nw.Expr] = []
    for name, step in scale.steps.to_dict("index").items():
        plain = (nw.col(str(name)) - step["centre"]) / step["spread"]
        far = (_symmetric(plain, step["power"]) - step["middle"]) / step["width"]
        expressions.append(far.clip(-_WIDEST, _WIDEST).alias(str(name)))
    return expressions


def _symmetric(plain: nw.Expr, power: float) -> nw.Expr:
    """Yeo-Johnson: a power of what lies above the middle, and another of what lies below it."""

    def bent(distance: nw.Expr, by: float) -> nw.Expr:
        grown = nw.when(distance > 0).then(distance).otherwise(nw.lit(0.0)) + 1.0
        return grown.log() if abs(by) < _SAME else (grown**by - 1.0) / by

    return bent(plain, power) - bent(-plain, 2.0 - power)
