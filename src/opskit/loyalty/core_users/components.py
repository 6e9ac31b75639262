"""What each customer is to the business: money spent, contributions made, customers brought."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers import Referrals, contribution, downstream, on_or_before, referrals, until
from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

COMPONENTS = ("value", "contribution", "influence")
_FEWEST = 20  # customers below which no share of them is a group


class Components(NamedTuple):
    """One row per customer known, and which of the three components the tables allow."""

    table: "pd.DataFrame"  # customer_id, known_since, value, contribution, direct, downstream, brought, influence
    measured: tuple[str, ...]  # of COMPONENTS, those that the tables hold and that somebody has
    reasons: dict[str, str]  # of the others: why not
    referrals: Referrals | None = None  # by place in the table
    influence_in: str = "customers"  # or value: what influence adds up
    discount: float = 0.5  # of influence, for each further generation


def components(
    orders: Any,
    *,
    as_of: dt.date,
    since: dt.date | None = None,
    customers: Any = None,
    events: Any = None,
    value: str = "revenue",
    contributions: Sequence[str] = ("review", "post"),
    influence_in: str = "customers",
    discount: float = 0.5,
) -> Components:
    """What every customer known by a day has spent, contributed and brought.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and the value.
        as_of: Last day to count, inclusive.
        since: Count only what happened after this day: orders, contributions, and the orders of customers who signed up
            after it (none where sign-ups carry no date). Customers known by as_of are listed either way.
        customers: Any engine's frame with customer_id; referrer_id makes influence measurable.
        events: Any engine's frame with customer_id, event and occurred_at; makes contribution measurable.
        value: What a customer is worth: the revenue of the orders, or their margin less that of what was refunded.
        contributions: Events that count as one contribution each.
        influence_in: Whether those brought count as customers, or by their value, where one big spender among them
            makes an influencer of whoever invited that one.
        discount: What each further generation of invited customers counts, relative to the one before it.

    Returns:
        ``table``: customer_id; known_since (day of sign-up, else of the first order or contribution, as days since
        1970-01-01); value (sum, at least 0: a customer who costs more than they bring stands at 0); contribution
        (events); direct (customers invited in person); downstream (customers in all generations below); brought (their
        value, each once); influence (their number, or their value, each further generation discounted). A component that cannot be
        measured is nan. ``measured`` and ``reasons``: which can, and why the others cannot.

    Raises:
        OpskitError: A column is missing, discount is not between 0 and 1, or as_of is before the first order.
        TooLittleDataError: Fewer than 20 customers are known, or none of them has any value.

    Assumes a customer stands in `customers` once. Influence is credit given, not an effect: those invited might have
    come by themselves, and what they spend is counted for everybody above them. Refunds count as they stand in the
    table, whenever they came.

    >>> import pandas as pd
    >>> people = pd.DataFrame({"customer_id": range(20), "referrer_id": [None] + [0] * 3 + [None] * 16})
    >>> orders = pd.DataFrame({"customer_id": [0, 1, 2], "ordered_at": pd.Timestamp("2024-01-01"), "revenue": 10.0})
    >>> found = components(orders, as_of=dt.date(2024, 1, 1), customers=people)
    >>> found.measured, found.table.loc[0, ["direct", "brought"]].tolist()
    (('value', 'influence'), [3.0, 20.0])
    """
    check(discount, "discount", ge=0, le=1)
    check(influence_in, "influence_in", among=("value", "customers"))
    check(value, "value", among=("revenue", "margin"))
    after = None if since is None else frames.day_number(since, "since")
    bought = _bought(orders, value, as_of, after)
    table, reasons = bought, {}
    done = _contributed(orders, events, contributions, as_of, after)
    table = _together(table, done) if done is not None else table.assign(contribution=float("nan"))
    people = _people(orders, customers, as_of)
    table = _together(table, people) if people is not None else table
    table = table.sort_values("customer_id", ignore_index=True)
    table["value"] = table["value"].fillna(0.0).clip(lower=0)
    if len(table) < _FEWEST:
        raise TooLittleDataError(f"{len(table)} customers are known by {as_of}, must be at least {_FEWEST}.")
    if since is None and not table["value"].sum() > 0:
        raise TooLittleDataError(f"No customer has any {value} by {as_of}: there is no core to find.")
    if events is None:
        reasons["contribution"] = "there is no table events"
    elif not table["contribution"].sum() > 0:
        reasons["contribution"] = f"no event is called {' or '.join(contributions)}"
    table, graph = _with_influence(table, influence_in, discount, after)
    if graph is None:
        reasons["influence"] = "there is no column referrer_id in a table customers"
    elif not table["influence"].sum() > 0:
        reasons["influence"] = "nobody has brought a customer" + (
            " who spent anything" if influence_in == "value" else ""
        )
    known = _known_since(table)
    columns = ["customer_id", "known_since", *COMPONENTS[:2], "direct", "downstream", "brought", "influence"]
    measured = tuple(name for name in COMPONENTS if name not in reasons)
    return Components(table.assign(known_since=known)[columns], measured, reasons, graph, influence_in, discount)


def _bought(orders: Any, value: str, as_of: dt.date, after: int | None) -> "pd.DataFrame":
    lf, _ = until(orders, "revenue", value, as_of=as_of)
    amount = nw.col("revenue").cast(nw.Float64) if value == "revenue" else contribution(lf)[0]
    day = frames.epoch_day("ordered_at")
    counted = amount if after is None else nw.when(day > after).then(amount).otherwise(nw.lit(0.0))
    rows = lf.select("customer_id", day.alias("first_order"), counted.alias("value"))
    return frames.collect(rows.group_by("customer_id").agg(nw.col("first_order").min(), nw.col("value").sum()))


def _contributed(
    orders: Any, events: Any, names: Sequence[str], as_of: dt.date, after: int | None
) -> "pd.DataFrame | None":
    if not names:
        raise OpskitError("contributions is empty, must name at least one event, such as 'review'.")
    if events is None:
        return None
    lf = frames.lazy(events, "customer_id", "event", "occurred_at", table="events")
    lf = lf.filter(on_or_before(lf, as_of, "occurred_at"), nw.col("event").is_in(list(names)))
    day, one, none = frames.epoch_day("occurred_at"), nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
    counted = one if after is None else nw.when(day > after).then(one).otherwise(none)
    rows = lf.select(_id_like(orders, lf), day.alias("first_event"), counted.alias("contribution"))
    return frames.collect(rows.group_by("customer_id").agg(nw.col("first_event").min(), nw.col("contribution").sum()))


def _people(orders: Any, customers: Any, as_of: dt.date) -> "pd.DataFrame | None":
    """Everybody with an account by the day; of a customer listed twice, the first referrer by name."""
    if customers is None:
        return None
    lf = frames.lazy(customers, "customer_id", table="customers")
    have = lf.collect_schema().names()
    wanted = [_id_like(orders, lf)]
    if "signed_up_at" in have:
        lf = lf.filter(nw.col("signed_up_at").is_null() | on_or_before(lf, as_of, "signed_up_at"))
        wanted.append(frames.epoch_day("signed_up_at").alias("signed_up"))
        wanted.append(nw.col("signed_up_at"))
    if "referrer_id" in have:
        wanted.append(_id_like(orders, lf, "referrer_id"))
    rows = lf.select(*wanted)
    rest = [name for name in ("signed_up", "signed_up_at", "referrer_id") if name in rows.collect_schema().names()]
    return frames.collect(
        rows.group_by("customer_id").agg(nw.len().alias("rows"), *(nw.col(name).min() for name in rest))
    )


def _id_like(orders: Any, lf: nw.LazyFrame[Any], column: str = "customer_id") -> nw.Expr:
    """The id in the kind that orders has it in; numbers among each other need no cast, and pandas could not do one."""
    kind, own = frames.lazy(orders, "customer_id").collect_schema()["customer_id"], lf.collect_schema()[column]
    return nw.col(column) if own == kind or (own.is_numeric() and kind.is_numeric()) else nw.col(column).cast(kind)


def _together(left: "pd.DataFrame", right: "pd.DataFrame") -> "pd.DataFrame":
    both = left.merge(right, on="customer_id", how="outer")
    if "contribution" in both:
        both["contribution"] = both["contribution"].fillna(0.0).astype(float)
    return both


def _known_since(table: "pd.DataFrame") -> "pd.Series[Any]":
    days = [table[name] for name in ("signed_up", "first_order", "first_event") if name in table]
    known = days[0].astype(float)
    for day in days[1:]:
        known = known.fillna(day)
    return known


def _with_influence(
    table: "pd.DataFrame", influence_in: str, discount: float, after: int | None
) -> "tuple[pd.DataFrame, Referrals | None]":
    """The table with what stands below each customer; of a period, only what those who came in it have spent in it."""
    import numpy as np

    if "referrer_id" not in table:
        missing = dict.fromkeys(("direct", "downstream", "brought", "influence"), np.nan)
        return table.assign(**missing), None
    when = table["signed_up_at"].astype("datetime64[us]").astype("int64") if "signed_up_at" in table else None
    if when is not None:
        when = when.astype(float).where(table["signed_up_at"].notna())
    graph = referrals(table["customer_id"], table["referrer_id"], when)
    came = np.ones(len(table))
    if after is not None:
        came = (table["signed_up"] > after).to_numpy(dtype=float) if "signed_up" in table else came * 0
    spent = table["value"].to_numpy() * came
    counted = {
        "direct": downstream(graph, came, discount=0.0),
        "downstream": downstream(graph, came),
        "brought": downstream(graph, spent),
        "influence": downstream(graph, spent if influence_in == "value" else came, discount=discount),
    }
    return table.assign(**counted), graph
