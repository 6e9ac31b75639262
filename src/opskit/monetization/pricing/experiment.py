"""A price test: customers are shown prices by lot, and what they do is counted."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check, did_you_mean
from opskit.monetization.pricing import arms
from opskit.monetization.pricing.curves import earnings

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("current", "control", "现价", "原价", "对照", "对照组")


class PriceTest(NamedTuple):
    """What each price brought, and what follows."""

    arms: (
        "pd.DataFrame"  # variant, price, is_current, customers, buyers, conversion, revenue, profit (_low, _high each)
    )
    against_current: "pd.DataFrame"  # variant, price, measure, difference, low, high, p_value, n
    lot: "pd.DataFrame"  # variant, planned_share, assigned, p_value
    elasticity: "pd.DataFrame"  # estimate, low, high, n, prices
    optimum: "pd.DataFrame"  # goal, price, low, high, n, flat_low, flat_high, at_edge
    curve: "pd.DataFrame"  # price, demand, revenue, profit per customer, each with _low and _high
    customers: "pd.DataFrame"  # status, customers
    experiment: str
    current_price: float
    unit_cost: float


def price_test(
    experiments: Any,
    assignments: Any,
    purchases: Any,
    *,
    as_of: dt.date,
    experiment: str = "",
    window_days: int = 14,
    clock: str = "booked_at",
    amount: str = "amount",
    current_price: float | None = None,
    unit_cost: float | None = None,
    confidence: float = 0.95,
) -> PriceTest:
    """Conversion, revenue and profit by price shown, the elasticity, and the price that would earn most.

    Args:
        experiments: Any engine's frame with experiment, variant and price; optional planned_share, unit_cost.
        assignments: Any engine's frame with experiment, customer_id, variant and assigned_at.
        purchases: Any engine's frame of what was sold at these prices: customer_id, a time and an amount, a row per piece.
        as_of: Last day to count, inclusive. Only customers whose window is over by then enter.
        experiment: Name of the experiment; empty: the only one with several prices.
        window_days: A purchase counts on the day of the assignment, after it, and on the window_days - 1 days that follow.
        clock: Column of `purchases` that says when.
        amount: Column of `purchases` that says how much was paid.
        current_price: The variant with the price nearest to it is what the others are compared with; None: the variant
            called current or control (现价, 对照), else the cheapest.
        unit_cost: Cost of one piece; None: that of `experiments`, else 0.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``arms``: per variant its price, is_current, customers, buyers, conversion (buyers / customers), revenue and profit
        per customer assigned, each with low and high. ``against_current``: variant, price, measure (revenue, profit),
        difference per customer, low, high, p_value, all three corrected for the number of variants (Šidák), n. ``lot``:
        variant, planned_share, assigned, p_value (sample-ratio test against the current price's variant, corrected).
        ``elasticity``: percent of pieces per percent of price, estimate, low, high, n (customers), prices (distinct
        ones). ``optimum``: as in `gabor_granger`, within the prices tested. ``curve``: price, demand (pieces), revenue and
        profit per customer. ``customers``: status (used, window not over, in several variants), customers.

    Raises:
        OpskitError: No experiment has several prices, several have, nobody's window is over, or fewer than two prices
            sold anything.

    Assumes the lot was fair, customers do not learn each other's price, and, for elasticity, curve and optimum, one
    elasticity at all tested prices. A window counts what was bought soon: a purchase only moved forward looks like one won.

    Source: Poisson pseudo-maximum likelihood with robust errors, Santos Silva and Tenreyro (2006), "The log of gravity";
        comparison of means and sample ratio by tea-tasting; the best price is unit_cost * e / (1 + e) for e < -1.

    >>> import pandas as pd
    >>> day, n = pd.Timestamp("2025-03-01"), 40
    >>> design = pd.DataFrame({"experiment": "p", "variant": ["control", "dear"], "price": [10.0, 20.0]})
    >>> people = pd.DataFrame({"customer_id": range(2 * n), "variant": ["control", "dear"] * n})
    >>> buyers = [i for i in range(2 * n) if i < (40 if i % 2 == 0 else 20)]
    >>> sold = pd.DataFrame({"customer_id": buyers, "booked_at": day, "amount": [10.0 + 10 * (i % 2) for i in buyers]})
    >>> found = price_test(design, people.assign(experiment="p", assigned_at=day), sold, as_of=dt.date(2025, 4, 1))
    >>> found.arms[["price", "conversion", "revenue"]].values.tolist(), found.elasticity["estimate"].round(3).item()
    ([[10.0, 0.5, 5.0], [20.0, 0.25, 5.0]], -1.0)
    """
    check(window_days, "window_days", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    design, name = _design(experiments, experiment)
    current = _current(design, current_price)
    given = design["unit_cost"].dropna()
    cost = unit_cost if unit_cost is not None else float(given.mean()) if len(given) else 0.0
    check(cost, "unit_cost", ge=0)
    day = frames.day_number(as_of)
    people = _people(assignments, name)
    sums = frames.collect(_sums(people, purchases, (clock, amount), day, window_days))
    sums = sums[sums["variant"].isin(design["variant"])].sort_values("variant", ignore_index=True)
    status = sums["status"].map({0: "used", 1: "window not over", 2: "in several variants"})
    customers = sums["n"].groupby(status).sum().rename_axis("status").reset_index(name="customers")
    used = design.merge(sums[sums["status"] == 0].drop(columns="status"), on="variant", how="left").fillna({"n": 0})
    if not (used["n"] > 0).sum() >= 2:
        raise OpskitError(
            f"{name}: fewer than two variants have customers whose {window_days} days are over on {as_of}. Wait, give a later "
            "as_of, or give fewer window_days."
        )
    used = used[used["n"] > 0].sort_values("price", ignore_index=True)
    slope = arms.slope(used, confidence=confidence)
    return PriceTest(
        arms.described(used, unit_cost=cost, current=current, confidence=confidence),
        arms.against(used, unit_cost=cost, current=current, confidence=confidence),
        arms.lot(design, sums[sums["status"] < 2], current=current),
        slope.elasticity,
        arms.optimum(slope, unit_cost=cost),
        earnings(slope.curve, cost),
        customers,
        name,
        float(design.loc[design["variant"] == current, "price"].iloc[0]),
        cost,
    )


def _design(experiments: Any, experiment: str) -> "tuple[pd.DataFrame, str]":
    """Variants of the price test, a row each: variant, price, planned_share, unit_cost."""
    import numpy as np

    lf = frames.lazy(experiments, "experiment", "variant", "price", table="experiments")
    table = frames.collect(lf).dropna(subset="price").sort_values(["experiment", "price"])
    for column in ("planned_share", "unit_cost"):
        table[column] = table[column].astype(float) if column in table else np.nan
    names = [str(name) for name, part in table.groupby("experiment") if part["price"].nunique() > 1]
    if experiment and experiment not in names:
        hint = did_you_mean(experiment, names)
        raise OpskitError(f"experiment == {experiment!r} has no two prices in table experiments.{hint}")
    if len(names) != 1 and not experiment:
        told = (
            f"several experiments have prices: {', '.join(names)}. Name one."
            if names
            else "no experiment has two prices."
        )
        raise OpskitError(told)
    design = table[table["experiment"].astype(str) == (experiment or names[0])]
    columns = ["variant", "price", "planned_share", "unit_cost"]
    if (design["price"] <= 0).any():
        raise OpskitError("a price of 0 is no price on a logarithmic scale: leave the free variant out of experiments.")
    return design[columns].astype({"variant": str}).reset_index(drop=True), experiment or names[0]


def _current(design: "pd.DataFrame", current_price: float | None) -> str:
    """The variant that the others are compared with."""
    if current_price is not None:
        check(current_price, "current_price", gt=0)
        return str(design["variant"][(design["price"] - current_price).abs().idxmin()])
    named = design["variant"][design["variant"].str.lower().isin(CONTROLS)]
    return str((named if len(named) else design["variant"]).iloc[0])


def _people(assignments: Any, experiment: str) -> nw.LazyFrame[Any]:
    """Who is in the experiment: customer_id, first and last variant by name, first assignment."""
    lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
    mine = lf.filter(nw.col("experiment").cast(nw.String) == experiment)
    variant = nw.col("variant").cast(nw.String)
    return (
        mine.with_columns(variant)
        .group_by("customer_id")
        .agg(nw.col("variant").min(), nw.col("variant").max().alias("other"), nw.col("assigned_at").min())
        .with_columns(frames.epoch_day("assigned_at").alias("begun"))
    )


def _sums(
    people: nw.LazyFrame[Any], purchases: Any, columns: tuple[str, str], day: int, window_days: int
) -> nw.LazyFrame[Any]:
    """Customers, pieces, money and their squares by variant and status (0 used, 1 window not over, 2 several variants)."""
    clock, amount = columns
    # Days are counted before the join, for a customer without a purchase has none.
    sold = frames.lazy(purchases, "customer_id", clock, amount, table="purchases").select(
        "customer_id", clock, amount, frames.epoch_day(clock).alias("bought")
    )
    begun, bought = nw.col("begun"), nw.col("bought")
    inside = (nw.col(clock) >= nw.col("assigned_at")) & (bought < begun + window_days) & (bought <= day)
    crossed = nw.when(nw.col("variant") != nw.col("other")).then(2)
    per_customer = (
        people.join(sold, on="customer_id", how="left")
        .with_columns(
            nw.when(inside).then(1).otherwise(0).alias("pieces"),
            nw.when(inside).then(nw.col(amount).cast(nw.Float64)).otherwise(0.0).alias("money"),
            crossed.otherwise(nw.when(begun + window_days - 1 > day).then(1).otherwise(0)).alias("status"),
        )
        .group_by("customer_id", "variant", "status")
        .agg(nw.col("pieces").sum(), nw.col("money").sum())
    )
    pieces, money = nw.col("pieces"), nw.col("money")
    return (
        per_customer.with_columns(
            nw.when(pieces > 0).then(1).otherwise(0).alias("buyers"),
            (pieces * pieces).alias("pieces_pieces"),
            (money * money).alias("money_money"),
            (pieces * money).alias("pieces_money"),
        )
        .group_by("variant", "status")
        .agg(
            nw.len().alias("n"),
            *(nw.col(c).sum() for c in ("buyers", "pieces", "money", "pieces_pieces", "money_money", "pieces_money")),
        )
    )
