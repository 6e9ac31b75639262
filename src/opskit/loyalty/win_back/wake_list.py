"""Whom to wake: customers in order of what a contact is expected to earn, some held out, the suppressed left alone."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import check
from opskit.loyalty.win_back.dormancy import TIERS

if TYPE_CHECKING:
    import pandas as pd

ASLEEP = TIERS[1:]


class Worth(NamedTuple):
    """What an order of each customer is expected to contribute."""

    per_customer: nw.LazyFrame[Any]  # customer_id, order_value
    mean: float  # of all orders
    own_share: float  # weight of a customer's own orders when there is one of them
    note: str  # what contribution rests on


def order_worth(orders: Any, *, as_of: dt.date, margin_share: float = 0.0) -> Worth:
    """What the next order of each customer is expected to contribute: the customer's own mean, drawn to everybody's.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund where they are there.
        as_of: Last day to count, inclusive.
        margin_share: Contribution as a share of revenue; 0: as `customers.contribution` takes it.

    Returns:
        Per customer the weighted mean n / (n + k) * own + k / (n + k) * everybody's, where k is the variance of one
        customer's orders over the variance between customers.

    Raises:
        OpskitError: margin_share is out of range, as_of is not a date or before the first order, or there are no rows.

    Source: credibility, Bühlmann & Straub (1970): the best linear estimate, whatever the distributions.
    """
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    each, note = customers.contribution(lf, margin_share)
    rows = lf.select("customer_id", each.alias("value"), nw.col("revenue").cast(nw.Float64).alias("paid"))
    rows = rows.with_columns((nw.col("value") ** 2).alias("square"))
    known = rows.group_by("customer_id").agg(nw.len().alias("orders"), nw.col("value", "square", "paid").sum())
    n = nw.col("orders").cast(nw.Float64)
    total = known.with_columns(
        (nw.col("square") - nw.col("value") ** 2 / n).alias("within"),
        (nw.col("value") ** 2 / n).alias("means"),
    ).select(
        nw.len().alias("customers"),
        n.sum().alias("orders"),
        (n * n).sum().alias("orders_squared"),
        nw.col("value", "within", "means", "paid").sum(),
    )
    sums = frames.collect(total).iloc[0]
    mean, k = _credibility(sums)
    worth = (nw.col("value") + k * mean) / (n + k) if k < float("inf") else nw.lit(mean)
    per_customer = known.select("customer_id", worth.alias("order_value"))
    share = float(sums["value"] / sums["paid"]) if sums["paid"] else float("nan")
    return Worth(per_customer, mean, 1 / (1 + k), note.format(share=share))


def _credibility(sums: "pd.Series[Any]") -> tuple[float, float]:
    """Mean of all orders, and how many orders everybody's mean counts for beside a customer's own."""
    n, people = float(sums["orders"]), float(sums["customers"])
    mean = float(sums["value"]) / n
    if n <= people:  # nobody has two orders: customers cannot be told apart
        return mean, float("inf")
    within = max(float(sums["within"]) / (n - people), 0.0)
    between_squares = float(sums["means"]) - n * mean**2
    balance = n - float(sums["orders_squared"]) / n
    between = (between_squares - (people - 1) * within) / balance if balance > 0 else 0.0
    return mean, within / between if between > 0 else float("inf")


class WakeList(NamedTuple):
    """The list, and how many were left off it for which reason."""

    listed: "pd.DataFrame"  # rank, customer_id, group, tier, … as `wake_list` says
    left_out: "pd.DataFrame"  # reason, customers


def wake_list(
    tiers: Any,
    worth: Worth,
    *,
    as_of: dt.date,
    contact_cost: float,
    measured: "pd.DataFrame | None" = None,
    suppressions: Any = None,
    contacts: Any = None,
    medium: str = "",
    quiet_days: int = 0,
    wake: Sequence[str] = ASLEEP,
    holdout_share: float = 0.2,
    seed: int = 7,
) -> WakeList:
    """Customers worth waking, the largest expected value first, with some of each tier held out at random.

    Args:
        tiers: From `dormancy`.
        worth: From `order_worth`.
        as_of: Day of the list.
        contact_cost: Of one contact with its incentive, in the currency of revenue.
        measured: From `lift`: what a contact adds. A tier's lift is spread over its customers in proportion to
            p_return, as if a contact multiplied it. Without it, or with nobody held out, the value of a contact is unknown: everybody to be woken is
            listed, by what they bring if they come back on their own.
        suppressions: Frame with customer_id; medium, since and until where they are there: these are left alone.
        contacts: Frame with customer_id, sent_at and holdout, for quiet_days.
        medium: Only suppressions of this medium, or of all, count; "": every suppression does.
        quiet_days: Leave alone who was written to in so many days up to as_of.
        wake: Tiers to wake.
        holdout_share: Of every tier on the list, not to be contacted, so that the lift is known next time.
        seed: Of the draw.

    Returns:
        ``listed``: rank, customer_id, group ("contact" or "hold out"), tier, days_since_last_order, typical_gap_days,
        p_return, order_value (expected contribution of an order), added (probability that a contact adds),
        expected_value (added * order_value - contact_cost), low, high (by the interval of the lift alone), break_even
        (added at which a contact just pays). A pandas table, for it is written to a file. ``left_out``: reason,
        customers.

    Raises:
        OpskitError: An option is out of range, or a column is missing.
    """
    import pandas as pd

    measured = None if measured is None or measured["lift"].isna().all() else measured
    check(contact_cost, "contact_cost", ge=0)
    check(quiet_days, "quiet_days", ge=0)
    check(holdout_share, "holdout_share", ge=0, lt=1)
    for tier in wake:
        check(tier, "wake", among=TIERS)
    rows = frames.lazy(tiers, "customer_id", "tier", "p_return", table="tiers").filter(nw.col("tier").is_in(list(wake)))
    rows = rows.join(worth.per_customer, on="customer_id", how="left")
    rows = _flagged(rows, "suppressed", _suppressed(suppressions, as_of, medium))
    rows = _flagged(rows, "written to lately", _lately(contacts, as_of, quiet_days))
    table = frames.collect(rows).sort_values("customer_id").reset_index(drop=True)
    table = _valued(table, contact_cost, measured)
    reasons = {name: table[name].astype(bool) for name in ("suppressed", "written to lately")}
    if measured is not None:
        reasons["what a contact adds was never measured in the tier"] = table["added"].isna()
        reasons["a contact is not expected to pay"] = ~(table["expected_value"] > 0)
    kept, left_out = pd.Series(True, index=table.index), list[tuple[str, int]]()
    for reason, applies in reasons.items():
        left_out.append((reason, int((kept & applies).sum())))
        kept &= ~applies
    listed = _ranked(table[kept], holdout_share, seed)
    return WakeList(listed, pd.DataFrame(left_out, columns=["reason", "customers"]))


def _flagged(rows: nw.LazyFrame[Any], name: str, who: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any]:
    if who is None:
        return rows.with_columns(nw.lit(0).alias(name))
    flags = who.group_by("customer_id").agg(nw.len().alias("_rows"))
    joined = rows.join(flags, on="customer_id", how="left")
    return joined.with_columns((nw.col("_rows").fill_null(0) > 0).cast(nw.Int64).alias(name)).drop("_rows")


def _suppressed(suppressions: Any, as_of: dt.date, medium: str) -> nw.LazyFrame[Any] | None:
    if suppressions is None:
        return None
    lf = customers.suppressed(suppressions, as_of=as_of)
    return lf.filter(nw.col("medium").is_in(["", medium.strip().lower()])) if medium else lf


def _lately(contacts: Any, as_of: dt.date, quiet_days: int) -> nw.LazyFrame[Any] | None:
    if contacts is None or not quiet_days:
        return None
    lf = frames.lazy(contacts, "customer_id", "sent_at", table="contacts")
    if "holdout" in lf.collect_schema().names():
        lf = lf.filter(~nw.col("holdout").fill_null(value=False))
    since = as_of - dt.timedelta(days=quiet_days)
    return lf.filter(customers.on_or_before(lf, as_of, "sent_at") & ~customers.on_or_before(lf, since, "sent_at"))


def _valued(table: "pd.DataFrame", contact_cost: float, measured: "pd.DataFrame | None") -> "pd.DataFrame":
    """What a contact adds to each customer and what that is worth."""
    import numpy as np

    table = table.assign(break_even=contact_cost / table["order_value"].where(table["order_value"] > 0))
    for name in ("added", "expected_value", "low", "high"):
        table[name] = np.nan
    if measured is None:
        return table
    factors = relative_lift(measured).reindex(table["tier"])
    worth = (table["p_return"] * table["order_value"]).to_numpy()
    table["added"] = np.minimum(factors["lift"].to_numpy() * table["p_return"], 1 - table["p_return"])
    table["expected_value"] = table["added"] * table["order_value"] - contact_cost
    ends = np.sort([factors[name].to_numpy() * worth - contact_cost for name in ("low", "high")], axis=0)
    table["low"], table["high"] = ends
    return table


def relative_lift(measured: "pd.DataFrame") -> "pd.DataFrame":
    """Each tier's lift and bounds as multiples of the p_return of those it was measured on.

    Args:
        measured: From `lift`.

    Returns:
        lift, low, high; indexed by tier.
    """
    by_tier = measured.set_index("tier")
    return by_tier[["lift", "low", "high"]].div(by_tier["p_return"], axis=0)


def _ranked(table: "pd.DataFrame", holdout_share: float, seed: int) -> "pd.DataFrame":
    import numpy as np

    rng = np.random.default_rng(seed)
    aside = np.zeros(len(table), dtype=bool)
    for tier in TIERS:
        members = np.flatnonzero(table["tier"] == tier)
        aside[rng.permutation(members)[: round(holdout_share * len(members))]] = True
    natural = table["p_return"] * table["order_value"]
    order = table.assign(group=np.where(aside, "hold out", "contact"), natural=natural)
    by = ["expected_value", "natural", "customer_id"]
    order = order.sort_values(by, ascending=[False, False, True]).reset_index(drop=True)
    order["rank"] = np.arange(1, len(order) + 1)
    first = ["rank", "customer_id", "group", "tier", "days_since_last_order", "typical_gap_days", "p_return"]
    return order[[*first, "order_value", "added", "expected_value", "low", "high", "break_even"]]


def expected_total(listed: "pd.DataFrame", measured: "pd.DataFrame", *, contact_cost: float) -> "pd.DataFrame":
    """What contacting the list is expected to earn within the window.

    Args:
        listed: From `wake_list`; its group "contact" counts.
        measured: From `lift`, as given to `wake_list`.
        contact_cost: As given to `wake_list`.

    Returns:
        One row: estimate, low, high (in the currency), n (customers contacted), comebacks (added), spent.

    Assumes lifts of different tiers err independently. Tiers chosen because their lift came out high promise too much:
    the hold-out of the next round tells.
    """
    import numpy as np
    import pandas as pd

    sent = listed[listed["group"] == "contact"]
    spent = contact_cost * len(sent)
    earned = (sent["p_return"] * sent["order_value"]).groupby(sent["tier"]).sum()
    factors = relative_lift(measured).reindex(earned.index)
    estimate = float((sent["added"] * sent["order_value"]).sum(skipna=False)) - spent
    below, above = (
        float(np.sqrt((((factors[name] - factors["lift"]) * earned) ** 2).sum(skipna=False)))
        for name in ("low", "high")
    )
    row = {"estimate": estimate, "low": estimate - below, "high": estimate + above, "n": len(sent)}
    return pd.DataFrame([{**row, "comebacks": float(sent["added"].sum(skipna=False)), "spent": spent}])


def detectable(listed: "pd.DataFrame", *, confidence: float = 0.95, power: float = 0.8) -> "pd.DataFrame":
    """The smallest lift that the list's hold-out can show in one round.

    Args:
        listed: From `wake_list`.
        confidence: Of the comparison, between 0 and 1.
        power: Chance of seeing the lift if it is there, between 0 and 1.

    Returns:
        One row: contacted, held_out, p_return (mean), detectable (in probability; missing with an empty group).

    Source: two proportions with normal approximation, Fleiss (1981), "Statistical methods for rates and proportions".
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    check(power, "power", gt=0, lt=1)
    contacted, held_out = (int((listed["group"] == name).sum()) for name in ("contact", "hold out"))
    share = float(listed["p_return"].mean()) if len(listed) else np.nan
    seen = np.nan
    if contacted and held_out:
        seen = (ndtri((1 + confidence) / 2) + ndtri(power)) * np.sqrt(
            share * (1 - share) * (1 / contacted + 1 / held_out)
        )
    return pd.DataFrame([{"contacted": contacted, "held_out": held_out, "p_return": share, "detectable": seen}])
