"""Rules of thumb about how uneven customers are, tested on the data."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.customers import Concentration, on_or_before

if TYPE_CHECKING:
    import pandas as pd


def claims(spread: Concentration, paying: "dict[str, float] | None" = None) -> "pd.DataFrame":
    """The Pareto rule, and that most users never pay.

    Args:
        spread: From `customers.concentration`, the top 20% among its top shares.
        paying: From `paying`; None where nobody without an order is known.

    Returns:
        claim, estimate, low, high, n, verdict (``holds``, ``does not hold``, ``not enough data``).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    top = spread.measures[spread.measures["measure"] == "top 20%"]
    for row in top.to_dict("records"):
        bounds = {name: row[name] for name in ("estimate", "low", "high", "n")}
        told = stats.verdict(row["low"], row["high"], at_least=0.75, at_most=0.85)
        rows.append({"claim": "20% of customers bring 80% of revenue (75% to 85%)", **bounds, "verdict": told})
        told = stats.verdict(row["low"], row["high"], at_least=0.5)
        rows.append({"claim": "20% of customers bring more than half of revenue", **bounds, "verdict": told})
    if paying is not None:
        told = stats.verdict(paying["low"], paying["high"], at_most=0.5)
        rows.append({"claim": "Most users never pay: at most half have ever ordered", **paying, "verdict": told})
    return pd.DataFrame(rows, columns=["claim", "estimate", "low", "high", "n", "verdict"])


def paying(orders: Any, customers: Any, *, as_of: dt.date, confidence: float = 0.95) -> "dict[str, float] | None":
    """Share of all accounts that have ever ordered.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        customers: Any engine's frame with customer_id, and signed_up_at where it is known; or None.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate, low, high, n (accounts); None without the table, or where it lists only customers who ordered.

    Assumes accounts are independent. Young accounts have had little time to order: the share is that of today.
    """
    if customers is None:
        return None
    accounts = frames.lazy(customers, "customer_id", table="customers")
    if "signed_up_at" in accounts.collect_schema().names():
        accounts = accounts.filter(on_or_before(accounts, as_of, "signed_up_at") | nw.col("signed_up_at").is_null())
    bought = frames.lazy(orders, "customer_id", "ordered_at")
    kind, own = accounts.collect_schema()["customer_id"], bought.collect_schema()["customer_id"]
    key = nw.col("customer_id") if kind == own else nw.col("customer_id").cast(kind)
    bought = (
        bought.filter(on_or_before(bought, as_of)).select(key).group_by("customer_id").agg(nw.len().alias("orders"))
    )
    each = accounts.group_by("customer_id").agg(nw.len().alias("rows")).join(bought, on="customer_id", how="left")
    did = (~nw.col("orders").is_null()).cast(nw.Int64).sum().alias("did")
    row = frames.collect(each.select(nw.len().alias("n"), did)).iloc[0]
    n, payers = int(row["n"]), int(row["did"])
    if n == 0 or n == payers:
        return None
    low, high = (float(bound) for bound in stats.wilson(payers, n, confidence=confidence))
    return {"estimate": payers / n, "low": low, "high": high, "n": n}
