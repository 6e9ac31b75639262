"""What goes along with joining, leaving and coming back: each level of each attribute against everybody else."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import TooLittleDataError, check
from opskit.loyalty.win_back.dormancy import TIERS, dormancy

if TYPE_CHECKING:
    import pandas as pd

FLOWS = ("joining", "leaving", "coming back")
_NUMBERS = {
    "orders so far": ("order_days", (1, 2, 4), ("1", "2", "3 or 4", "5 or more")),
    "typical gap": (
        "typical_gap_days",
        (30, 60, 120),
        ("up to 30 days", "31 to 60 days", "61 to 120 days", "above 120 days"),
    ),
    "value of an order": (
        "relative_value",
        (0.5, 1, 2),
        ("up to half the mean", "half to one mean", "one to two means", "above two means"),
    ),
    "days silent": ("days_since_last_order", (30, 90, 180), ("up to 30", "31 to 90", "91 to 180", "above 180")),
    "days since sign-up": ("days_known", (30, 90, 180), ("up to 30", "31 to 90", "91 to 180", "above 180")),
}


class Flow(NamedTuple):
    """Customers who could have flowed, and how many did."""

    factors: "pd.DataFrame"  # factor, level, customers, share, others, difference, low, high, clear
    customers: int
    flowed: int
    comparisons: int


def flow(
    orders: Any,
    kind: str,
    *,
    as_of: dt.date,
    window_days: int = 90,
    accounts: Any = None,
    contacts: Any = None,
    attributes: Sequence[str] | None = None,
    max_levels: int = 8,
    min_customers: int = 30,
    confidence: float = 0.95,
) -> Flow:
    """Shares that join, leave or come back by level of each attribute, against all other customers.

    Everything is known at the beginning of a window that ends on as_of. Joining: accounts without an order then, that
    order since. Leaving: the awake, that do not order. Coming back: the dozing to asleep, that do.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        kind: "joining", "leaving" or "coming back".
        as_of: Last day to count, inclusive.
        window_days: Length of the window.
        accounts: The same engine's frame of customers, with attributes; joining needs it, with signed_up_at.
        contacts: The same engine's frame with customer_id and sent_at; adds "written to", in the 30 days before.
        attributes: Columns of accounts to use; by default texts with at most max_levels values, but account_id
            and owner, which the business writes beside those who buy.
        max_levels: Of an attribute chosen by default.
        min_customers: Levels with fewer customers are left out.
        confidence: That all intervals of the flow hold their difference together, between 0 and 1.

    Returns:
        ``factors``: factor, level, customers, share (that flowed), others (share of all other customers), difference,
        low, high, clear (the interval leaves out 0); the clearest first. ``customers``, ``flowed``, ``comparisons``.

    Raises:
        TooLittleDataError: Nobody could have flowed.
        OpskitError: An option is out of range, a column or a table that is needed is missing.

    Assumes attributes say what they said at the beginning: leave out those that are overwritten. Association, not
    cause: changing the level of a customer need not change what the customer does.

    Source: interval of a difference from two Wilson intervals, Newcombe (1998), method 10; for m comparisons each at
    1 - (1 - confidence) / m (Bonferroni), so that they hold together.
    """
    check(kind, "kind", among=FLOWS)
    check(window_days, "window_days", ge=1)
    check(max_levels, "max_levels", ge=2)
    check(min_customers, "min_customers", ge=1)
    cut = as_of - dt.timedelta(days=window_days)
    base, names = _joining(orders, accounts, cut) if kind == FLOWS[0] else _buyers(orders, kind, cut)
    base = _outcome(base, orders, cut, as_of, "none" if kind == FLOWS[1] else "some")
    if contacts is not None:
        base, names = _written_to(base, contacts, cut), [*names, "written to"]
    if accounts is not None:
        base, found = _attributes(base, accounts, attributes, max_levels)
        names = [*names, *found]
    return _tested(base, names, min_customers, confidence, f"{kind} in the {window_days} days up to {as_of}")


def _buyers(orders: Any, kind: str, cut: dt.date) -> tuple[nw.LazyFrame[Any], list[str]]:
    lf, _ = customers.until(orders, "revenue", as_of=cut)
    awake = nw.col("tier") == TIERS[0]
    tiers = frames.lazy(dormancy(orders, as_of=cut), table="tiers").filter(awake if kind == FLOWS[1] else ~awake)
    paid = nw.col("revenue").cast(nw.Float64)
    mean = float(frames.collect(lf.select(paid.mean().alias("mean")))["mean"].iloc[0])
    spent = lf.group_by("customer_id").agg(nw.col("revenue").mean())
    rows = tiers.join(spent, on="customer_id").with_columns((paid / (mean or 1.0)).alias("relative_value"))
    names = ["orders so far", "typical gap", "value of an order", "days silent"]
    if kind == FLOWS[2]:
        return rows.select("customer_id", "tier", *(_class(name) for name in names)), [*names, "tier"]
    return rows.select("customer_id", *(_class(name) for name in names)), names


def _joining(orders: Any, accounts: Any, cut: dt.date) -> tuple[nw.LazyFrame[Any], list[str]]:
    lf = frames.lazy(accounts, "customer_id", "signed_up_at", table="customers")
    ordered = customers.until(orders, as_of=cut)[0].group_by("customer_id").agg(nw.len().alias("orders_before"))
    waiting = lf.filter(customers.on_or_before(lf, cut, "signed_up_at")).join(ordered, on="customer_id", how="left")
    known = frames.day_number(cut) - frames.epoch_day("signed_up_at")
    rows = waiting.filter(nw.col("orders_before").is_null()).with_columns(known.alias("days_known"))
    return rows.select("customer_id", _class("days since sign-up")), ["days since sign-up"]


def _class(name: str) -> nw.Expr:
    column, limits, levels = _NUMBERS[name]
    found = nw.lit(levels[-1])
    for limit, level in zip(reversed(limits), reversed(levels[:-1]), strict=True):
        found = nw.when(nw.col(column) <= limit).then(nw.lit(level)).otherwise(found)
    return found.alias(name)


def _outcome(base: nw.LazyFrame[Any], orders: Any, cut: dt.date, as_of: dt.date, counts: str) -> nw.LazyFrame[Any]:
    lf, _ = customers.until(orders, as_of=as_of)
    since = lf.filter(~customers.on_or_before(lf, cut)).group_by("customer_id").agg(nw.len().alias("_since"))
    some = nw.col("_since").fill_null(0) > 0
    flowed = (some if counts == "some" else ~some).cast(nw.Int64)
    return base.join(since, on="customer_id", how="left").with_columns(flowed.alias("_flowed")).drop("_since")


def _written_to(base: nw.LazyFrame[Any], contacts: Any, cut: dt.date) -> nw.LazyFrame[Any]:
    lf = frames.lazy(contacts, "customer_id", "sent_at", table="contacts")
    since = cut - dt.timedelta(days=30)
    recent = lf.filter(customers.on_or_before(lf, cut, "sent_at") & ~customers.on_or_before(lf, since, "sent_at"))
    if "holdout" in recent.collect_schema().names():
        recent = recent.filter(~nw.col("holdout").fill_null(value=False))
    who = recent.group_by("customer_id").agg(nw.len().alias("_messages"))
    level = nw.when(nw.col("_messages").is_null()).then(nw.lit("no")).otherwise(nw.lit("yes")).alias("written to")
    return base.join(who, on="customer_id", how="left").with_columns(level).drop("_messages")


def _attributes(
    base: nw.LazyFrame[Any], accounts: Any, attributes: Sequence[str] | None, max_levels: int
) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Attributes of the customers, as text."""
    names = [] if attributes is None else list(attributes)
    lf = frames.lazy(accounts, "customer_id", *names, table="customers")
    if attributes is None:
        schema = lf.collect_schema()
        known = ("customer_id", *customers.ASSIGNED)
        texts = [name for name, kind in schema.items() if name not in known and kind == nw.String]
        if texts:
            levels = frames.collect(lf.select(*(nw.col(name).n_unique() for name in texts))).iloc[0]
            names = [name for name in texts if 2 <= levels[name] <= max_levels]
    texts = [nw.col(name).cast(nw.String).fill_null("unknown").alias(name) for name in names]
    return base.join(lf.select("customer_id", *texts), on="customer_id", how="left"), names


def _tested(base: nw.LazyFrame[Any], names: list[str], min_customers: int, confidence: float, what: str) -> Flow:
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    # Customers alike in everything are counted together, so that one query serves all factors.
    cells = frames.collect(base.group_by(*names).agg(nw.len().alias("n"), nw.col("_flowed").sum().alias("k")))
    total, flowed = int(cells["n"].sum()), int(cells["k"].sum())
    if not total:
        raise TooLittleDataError(f"0 customers could be {what}. Use more data, or a shorter window.")
    parts = [
        cells.groupby(cells[name].fillna("unknown"))[["n", "k"]]
        .sum()
        .rename_axis("level")
        .reset_index()
        .assign(factor=name)
        for name in names
    ]
    rows = pd.concat(parts, ignore_index=True)
    # Of two levels one is the other's mirror image: the smaller is shown.
    mirror = (rows.groupby("factor")["level"].transform("size") == 2) & (
        rows.sort_values(["n", "level"]).duplicated("factor").reindex(rows.index)
    )
    rows = rows[~mirror]
    rows = rows[(rows["n"] >= min_customers) & (total - rows["n"] >= min_customers)].reset_index(drop=True)
    each = 1 - (1 - confidence) / max(len(rows), 1)
    rest_n, rest_k = total - rows["n"], flowed - rows["k"]
    low1, high1 = stats.wilson(rows["k"], rows["n"], confidence=each)
    low0, high0 = stats.wilson(rest_k, rest_n, confidence=each)
    share, others = rows["k"] / rows["n"], rest_k / rest_n
    apart = share - others
    low, high = apart - np.hypot(share - low1, high0 - others), apart + np.hypot(high1 - share, others - low0)
    table = pd.DataFrame({"factor": rows["factor"], "level": rows["level"], "customers": rows["n"], "share": share})
    table = table.assign(others=others, difference=apart, low=low, high=high, clear=(low > 0) | (high < 0))
    reach = np.maximum(np.maximum(low, -high), 0)
    order = pd.DataFrame({"reach": -reach, "size": -apart.abs(), "factor": table["factor"], "level": table["level"]})
    return Flow(
        table.loc[order.sort_values(["reach", "size", "factor", "level"]).index].reset_index(drop=True),
        total,
        flowed,
        len(rows),
    )
