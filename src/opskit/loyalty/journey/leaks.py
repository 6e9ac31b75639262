"""What a step is worth: the leak that costs most, and what one point more would bring."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import check
from opskit.loyalty.journey.funnel import Walk

if TYPE_CHECKING:
    import pandas as pd

_PER = 1000  # gains are stated for so many customers who start


def leaks(
    walked: Walk, orders: Any, *, extra_points: float = 1.0, before_order: bool = True, confidence: float = 0.95
) -> "pd.DataFrame":
    """What is lost at each step, in customers and in revenue, and what a better rate would bring.

    Whoever goes on at a step and whoever is lost there are compared by what they order *from the step before on*, to the
    end of their window. That difference, times the customers lost, is the value of the leak; times the customers of so
    many points more, the gain.

    Args:
        walked: What `walk` gives.
        orders: Any frame of the same engine with customer_id, ordered_at and revenue.
        extra_points: Percentage points by which the rate of the step rises; at most those that are missing to 100%.
        before_order: Whether an order placed at the very moment of the step before counts; False where the steps are
            orders themselves.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per step after the first: step, n (at the step before), lost, points (by which the rate rises); orders_each,
        orders_low, orders_high and revenue_each, revenue_low, revenue_high: orders and revenue that a customer who goes
        on has beyond one who is lost; lost_revenue, lost_revenue_low, lost_revenue_high: revenue_each times lost;
        gain_orders, gain_revenue with _low and _high: of the points, for every 1,000 customers who start. Missing where
        fewer than two go on or fewer than two are lost.

    Raises:
        OpskitError: An option is out of range, a column is missing, or there are no orders.

    Assumes that customers who were lost and are gained behave like those who go on today. They are likely to be less
    keen, so read a gain as the most there is to win. Only mature customers count; the number who reach the step is taken
    as known.

    Source: Welch's interval of a difference of means, normal quantiles.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(extra_points, "extra_points", gt=0, le=100)
    check(confidence, "confidence", gt=0, lt=1)
    sums = frames.collect(_sums(walked, orders, before_order)).set_index(["step", "gone_on"])
    places = range(1, len(walked.steps))
    on, lost = (
        sums.reindex(pd.MultiIndex.from_product([places, [kind]])).fillna(0.0).reset_index(drop=True) for kind in (1, 0)
    )
    n = on["n"] + lost["n"]
    points = np.minimum(extra_points, 100 * lost["n"] / n.where(n > 0))
    counts = {"n": n.astype("int64"), "lost": lost["n"].astype("int64"), "points": points}
    table = pd.DataFrame({"step": walked.steps[1:], **counts})
    started = float(n.iloc[0])
    for name in ("orders", "revenue"):
        each, half = _apart(on, lost, name)
        half *= float(ndtri((1 + confidence) / 2))
        factors = {"gain": points / 100 * n / started * _PER if started else points * np.nan}
        table = table.assign(**{f"{name}_each": each, f"{name}_low": each - half, f"{name}_high": each + half})
        if name == "revenue":
            factors["lost"] = lost["n"]
        for kind, factor in factors.items():
            for end, value in (("", each), ("_low", each - half), ("_high", each + half)):
                table[f"{kind}_{name}{end}"] = value * factor
    return table


def _apart(on: "pd.DataFrame", lost: "pd.DataFrame", name: str) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Difference of two means and its standard error, from sums and sums of squares."""
    means: list[pd.Series[float]] = []
    squares: list[pd.Series[float]] = []
    for part in (on, lost):
        n = part["n"].where(part["n"] > 1)
        mean = part[name] / n
        means.append(mean)
        squares.append((part[f"{name}_squared"] - n * mean**2).clip(lower=0) / (n - 1) / n)
    return means[0] - means[1], (squares[0] + squares[1]) ** 0.5


def _sums(walked: Walk, orders: Any, before_order: bool) -> nw.LazyFrame[Any]:
    """Customers, orders and revenue by step and by whether they went on."""
    arrivals = walked.arrivals.filter(nw.col("mature"))
    at_step = arrivals.filter(nw.col("step") < len(walked.steps) - 1).select(
        "customer_id", (nw.col("step") + 1).alias("step"), "started_at", "at"
    )
    gone = arrivals.select("customer_id", "step", nw.lit(1).alias("gone_on"))
    known, _ = customers.until(orders, "revenue", as_of=walked.as_of)
    paid = known.select("customer_id", "ordered_at", nw.col("revenue").cast(nw.Float64), nw.lit(1.0).alias("orders"))
    moment, end = nw.col("ordered_at"), nw.col("started_at") + dt.timedelta(days=walked.window_days)
    later = (moment >= nw.col("at")) if before_order else (moment > nw.col("at"))
    bought = (
        at_step.join(paid, on="customer_id")
        .filter(later, moment <= end)
        .group_by("customer_id", "step")
        .agg(nw.col("orders", "revenue").sum())
    )
    each = (
        at_step.select("customer_id", "step")
        .join(gone, on=["customer_id", "step"], how="left")
        .join(bought, on=["customer_id", "step"], how="left")
        .with_columns(nw.col("gone_on").fill_null(0), nw.col("orders", "revenue").fill_null(0.0))
    )
    squares = [(nw.col(name) * nw.col(name)).alias(f"{name}_squared") for name in ("orders", "revenue")]
    summed = nw.col("orders", "revenue", "orders_squared", "revenue_squared").sum()
    return each.with_columns(*squares).group_by("step", "gone_on").agg(nw.len().alias("n"), summed)
