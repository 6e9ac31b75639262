"""What orders contribute after variable cost and refunds, and the attribute by which customers are grouped."""

import datetime as dt
from typing import Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError

EVERYBODY = "all"  # the group that holds all customers


class Margin(NamedTuple):
    """Contribution per unit of revenue, and where it comes from."""

    share: float
    basis: str
    known: bool  # False where revenue stands in for it


def margin(orders: Any, *, as_of: dt.date, margin_share: float = 0.0) -> Margin:
    """Contribution margin per unit of revenue, after refunds.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin (contribution of the order before
            refund) and refund are used where they are there.
        as_of: Last day to count, inclusive.
        margin_share: Contribution as a share of revenue after refunds; 0 takes the margin column, and revenue itself
            where there is none.

    Returns:
        ``share`` (contribution after refunds / revenue), ``basis`` (a sentence that says what it rests on) and ``known``
        (False where revenue stands in for contribution).

    Raises:
        OpskitError: The share is not between 0 and 1, or revenue adds up to nothing.

    Assumes a refunded part of an order takes the same part of its margin with it.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["A"], "ordered_at": pd.Timestamp("2024-01-01"), "revenue": [200.0]})
    >>> margin(orders.assign(margin=50.0, refund=20.0), as_of=dt.date(2024, 1, 1)).share
    0.225
    """
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    value, source = customers.contribution(lf, margin_share)
    sums = frames.collect(lf.select(value.sum().alias("value"), nw.col("revenue").cast(nw.Float64).sum())).iloc[0]
    if not sums["revenue"] > 0:
        raise OpskitError(
            f"revenue adds up to {sums['revenue']:g}, must be > 0. Check the revenue column and its signs."
        )
    share = float(sums["value"] / sums["revenue"])
    known = bool(margin_share) or "margin" in lf.collect_schema().names()
    return Margin(share, source.format(share=share), known)


def with_key(lf: nw.LazyFrame[Any], attributes: Any | None, by: str) -> nw.LazyFrame[Any]:
    """The frame with the customer's attribute as the text `key`; "all" without one, "(unknown)" where it is empty."""
    if not by:
        return lf.with_columns(nw.lit(EVERYBODY).alias("key"))
    known = frames.lazy(attributes, "customer_id", by, table="customers")
    known = known.select("customer_id", nw.col(by).cast(nw.String).alias("key"))
    return lf.join(known, on="customer_id", how="left").with_columns(nw.col("key").fill_null("(unknown)"))
