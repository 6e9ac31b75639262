"""Who came by whom: customers joined to the customers who brought them, with what each has bought."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import MissingTableError, OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DAYS = (30, 60, 90, 180)
_COUNTED = ("day", "group", "first", "spent", "orders", "value")
_INVITER = {"customer_id": "inviter_id", "signed_up_at": "inviter_at", **{name: f"inviter_{name}" for name in _COUNTED}}
_INVITED = ("customer_id", "key", "referrer_key", "signed_up_at", "day", "orders", "value")
_ROUNDING = 1e-6  # engines add up money in different orders: what should be a whole amount may lie a hair below it


class Links(NamedTuple):
    """What the page needs of customers, the invitations between them, and their orders, counted."""

    joined: "pd.DataFrame"  # group, day, referred, customers, bought_N for each of days
    invited: "pd.DataFrame"  # one row per customer with a known referrer: see `links`
    values: "pd.DataFrame"  # group, month, referred, customers, bought, orders, value
    spending: "pd.DataFrame"  # bought, spent, customers
    generations: "pd.DataFrame"  # generation, customers, share
    handled: "pd.DataFrame"  # problem, customers, handling
    as_of: int  # days since 1970-01-01
    days: tuple[int, ...]
    value_days: int
    notes: tuple[str, ...]


def links(
    orders: Any,
    accounts: Any,
    *,
    as_of: dt.date,
    days: Sequence[int] = DAYS,
    value_days: int = 180,
    margin_share: float = 0.0,
) -> Links:
    """Join every customer to the one who brought them, and count what the page's figures are made of.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund where they are there.
        accounts: The customers table, same engine: customer_id, referrer_id, signed_up_at.
        as_of: Last day to count, inclusive.
        days: Windows after a customer's own sign-up in which others may sign up through them.
        value_days: Orders up to this age, in days since sign-up, make a customer's value.
        margin_share: As in `customers.contribution`.

    Returns:
        ``joined``: customers by day of sign-up (days since 1970-01-01) and whether they came by referral, with those
        who had ordered within each of the windows; group is for the jackknife. ``invited``: one row per customer whose
        referrer is in the table: customer_id, inviter_id, day, delay (days from the inviter's sign-up to this one; nan
        where a day is missing), orders, value (up to as_of), below (customers in the generations under this one), and
        of the inviter inviter_day, inviter_group, inviter_first (age at the first order), inviter_spent (in the first
        value_days), inviter_orders, inviter_value. ``values``: customers old enough, by month of sign-up.
        ``spending``: the same by whole units of currency spent. ``handled`` and ``notes``: what was taken out, and why.

    Raises:
        OpskitError: A column is missing, an option is out of range, the tables are of two engines, or as_of is no date
            or before the first order.
        MissingTableError: customers lacks referrer_id or signed_up_at.
        TooLittleDataError: Nobody has signed up by a known day, or nobody was referred.

    Assumes who names a referrer came through that one, also where the referrer is not in the table: such a customer
    counts as referred, and for nobody's K.
    """
    for window in (*days, value_days):
        check(window, "days", ge=1)
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    value, basis = customers.contribution(lf, margin_share)
    people, key = _people(accounts, as_of)
    if people.implementation != lf.implementation:
        raise OpskitError(
            f"customers are a {people.implementation.value} frame and orders a {lf.implementation.value} one; both must "
            "be of one kind."
        )
    # One row per customer, counted four ways: what leads to it is paid once.
    everybody = frames.settled(_with_orders(people, lf, value, value_days)).with_columns(key.alias("key"))
    invited = everybody.filter(~nw.col("referrer_key").is_null()).select(*_INVITED)
    named = frames.collect(_with_inviter(invited, everybody, *_INVITER))
    counted = _counts(everybody, lf)
    if not counted["dated"] or named.empty:
        why = "has a day of sign-up" if not counted["dated"] else "names a referrer"
        raise TooLittleDataError(f"no customer {why} by {as_of}. The page follows who brought whom: fill customers.")
    graph, invitations, refused = _graph(named)
    known = _referred(everybody, refused).filter(~nw.col("day").is_null())
    last = frames.day_number(as_of)
    return Links(
        frames.collect(_joined(known, tuple(days))).sort_values(["group", "day", "referred"], ignore_index=True),
        invitations,
        _sorted(_values(known, everybody, last - value_days)),
        _sorted(_spending(known, last - value_days, value_days)),
        _generations(graph, counted["people"]),
        graph.handled,
        last,
        tuple(days),
        value_days,
        (basis.replace(", {share:.1%} of revenue", ""), *_notes(counted, graph)),
    )


def _people(accounts: Any, as_of: dt.date) -> tuple[nw.LazyFrame[Any], nw.Expr]:
    """Everybody with an account by the day, once; and the id as the kind that referrers are joined by."""
    lf = frames.lazy(accounts, "customer_id", table="customers")
    try:
        frames.require_columns(lf.collect_schema().names(), ("referrer_id", "signed_up_at"), table="customers")
    except OpskitError as lacking:  # a customers table without them is sound, only not for this page
        raise MissingTableError(
            f"{lacking} The page needs to know who brought each customer, and when they came."
        ) from None
    lf = lf.filter(nw.col("signed_up_at").is_null() | customers.on_or_before(lf, as_of, "signed_up_at"))
    schema = lf.collect_schema()
    own, named = schema["customer_id"], schema["referrer_id"]
    key, referrer = nw.col("customer_id"), nw.col("referrer_id")
    if own != named:  # numbers with gaps become floats in pandas
        kind = nw.Float64 if own.is_numeric() and named.is_numeric() else nw.String
        key, referrer = key.cast(kind), referrer.cast(kind)
    rows = lf.select("customer_id", "signed_up_at", referrer.alias("referrer_key"))
    # To group costs twice as much as to find that every customer is named once.
    counts = frames.collect(lf.select(nw.col("customer_id").n_unique().alias("ids"), nw.len().alias("rows"))).iloc[0]
    if counts["ids"] < counts["rows"]:
        once = rows.group_by("customer_id").agg(nw.col("signed_up_at", "referrer_key").min(), nw.len().alias("rows"))
    else:
        once = rows.with_columns(nw.lit(1).alias("rows"))
    # pandas makes no whole number of a missing time: any time stands in for it, and its day is taken out again.
    any_time = dt.date(1970, 1, 1) if schema["signed_up_at"] == nw.Date else dt.datetime(1970, 1, 1)
    known = ~nw.col("signed_up_at").is_null()
    filled = once.with_columns(nw.col("signed_up_at").fill_null(any_time).alias("_at"))
    people = filled.with_columns(
        nw.when(known).then(frames.epoch_day("_at")).alias("day"),
        nw.when(known).then(frames.month_index("_at")).alias("month"),
    )
    return people.drop("_at"), key


def _with_orders(
    people: nw.LazyFrame[Any], orders: nw.LazyFrame[Any], value: nw.Expr, value_days: int
) -> nw.LazyFrame[Any]:
    """What each has ordered: in all, in the first days, and at which age first."""
    age = frames.epoch_day("ordered_at") - nw.col("day")
    within = (age >= 0) & (age <= value_days)
    none = nw.lit(0.0)
    days = orders.with_columns(value.alias("_value")).join(people.select("customer_id", "day"), on="customer_id")
    bought = (
        days.select(
            "customer_id",
            age.alias("age"),
            nw.col("_value").alias("value"),
            nw.when(within).then(nw.col("_value")).otherwise(none).alias("spent"),
            nw.when(within).then(nw.lit(1)).otherwise(nw.lit(0)).alias("early_orders"),
            nw.when(age < 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias("orders_before"),
        )
        .group_by("customer_id")
        .agg(
            nw.col("age").min().alias("first"),
            nw.len().alias("orders"),
            nw.col("value", "spent", "early_orders", "orders_before").sum(),
        )
    )
    sums = nw.col("value", "spent").fill_null(0.0)
    counts = nw.col("orders", "early_orders", "orders_before").fill_null(0).cast(nw.Int64)
    return stats.assign_groups(people).join(bought, on="customer_id", how="left").with_columns(sums, counts)


def _with_inviter(people: nw.LazyFrame[Any], everybody: nw.LazyFrame[Any], *columns: str) -> nw.LazyFrame[Any]:
    """The people with columns of whoever brought them, as inviter_..., beside their own."""
    names = [nw.col("key").alias("referrer_key"), *(nw.col(name).alias(_INVITER[name]) for name in columns)]
    return people.join(everybody.select(*names), on="referrer_key", how="left")


def _counts(everybody: nw.LazyFrame[Any], orders: nw.LazyFrame[Any]) -> dict[str, int]:
    found = frames.collect(
        everybody.select(
            nw.len().alias("people"),
            nw.col("rows").cast(nw.Int64).sum(),
            (~nw.col("day").is_null()).cast(nw.Int64).sum().alias("dated"),
            nw.col("orders", "orders_before").sum(),
        )
    ).fillna(0)  # an empty table sums to nothing
    placed = int(frames.collect(orders.select(nw.len().alias("n")))["n"].iloc[0])
    return {str(name): int(found[name].iloc[0]) for name in found} | {"placed": placed}


def _graph(named: "pd.DataFrame") -> "tuple[customers.Referrals, pd.DataFrame, pd.DataFrame]":
    """The graph of invitations, those that can have happened, and the customers whose referrer cannot be."""
    import numpy as np
    import pandas as pd

    named = named.sort_values("key", ignore_index=True)
    there = named["inviter_id"].notna()
    # Ids are looked up as numbers: to number every text once takes a third of the time of looking texts up.
    number = pd.factorize(pd.concat([named["key"], named["referrer_key"]], ignore_index=True))[0]
    invited = named[["signed_up_at"]].assign(key=number[: len(named)], referrer=number[len(named) :])
    above = named.loc[there, ["inviter_at"]].set_axis(["signed_up_at"], axis=1).assign(key=invited["referrer"][there])
    nodes = pd.concat([invited, above], ignore_index=True)
    nodes = nodes.drop_duplicates("key", ignore_index=True)  # whoever was invited too stands first, with a referrer
    when = nodes["signed_up_at"].astype("datetime64[us]")
    seconds = when.astype("int64").astype(float).where(when.notna())
    graph = customers.referrals(nodes["key"], nodes["referrer"], seconds)
    accepted = graph.parent[: len(named)] >= 0
    below = customers.downstream(graph, np.ones(len(nodes)))[: len(named)]
    delay = (named["day"] - named["inviter_day"]).astype(float)
    columns = ["customer_id", "inviter_id", "day", "delay", "orders", "value", "below"]
    columns += [f"inviter_{name}" for name in _COUNTED]
    invited = named.assign(delay=delay, below=below)[columns][accepted].reset_index(drop=True)
    return graph, invited, named.loc[there & ~accepted, ["key"]]


def _referred(everybody: nw.LazyFrame[Any], refused: "pd.DataFrame") -> nw.LazyFrame[Any]:
    """Everybody, with whether they came by referral."""
    names = ~nw.col("referrer_key").is_null()
    if refused.empty:
        return everybody.with_columns(names.alias("referred"))
    listed = frames.beside(everybody, refused.assign(refused=True))
    both = everybody.join(listed, on="key", how="left")
    return both.with_columns((names & nw.col("refused").is_null()).alias("referred"))


def _joined(known: nw.LazyFrame[Any], days: tuple[int, ...]) -> nw.LazyFrame[Any]:
    flags = [_one_if(nw.col("first") <= window).alias(f"bought_{window}") for window in days]
    names = [f"bought_{window}" for window in days]
    rows = known.select("group", nw.col("day").cast(nw.Int64), "referred", *flags)
    return rows.group_by("group", "day", "referred").agg(nw.len().alias("customers"), nw.col(*names).sum())


def _values(known: nw.LazyFrame[Any], everybody: nw.LazyFrame[Any], last_day: int) -> nw.LazyFrame[Any]:
    """Customers old enough; those brought by one inviter stay together."""
    family = nw.when(nw.col("referred") & ~nw.col("inviter_group").is_null()).then(nw.col("inviter_group"))
    old = _with_inviter(known.filter(nw.col("day") <= last_day), everybody, "group")
    rows = old.select(
        family.otherwise(nw.col("group")).cast(nw.Int64).alias("group"),
        nw.col("month").cast(nw.Int64),
        "referred",
        _one_if(nw.col("early_orders") > 0).alias("bought"),
        nw.col("early_orders").alias("orders"),
        nw.col("spent").alias("value"),
    )
    sums = nw.col("bought", "orders", "value").sum()
    return rows.group_by("group", "month", "referred").agg(nw.len().alias("customers"), sums)


def _spending(known: nw.LazyFrame[Any], last_day: int, value_days: int) -> nw.LazyFrame[Any]:
    rows = known.filter(nw.col("day") <= last_day).select(
        _one_if(nw.col("first") <= value_days).alias("bought"),
        (nw.col("spent") + _ROUNDING).floor().cast(nw.Int64).alias("spent"),
    )
    return rows.group_by("bought", "spent").agg(nw.len().alias("customers"))


def whole(amounts: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    """Whole units of currency, as ``spending`` counts them."""
    import numpy as np

    return np.floor(amounts.to_numpy(dtype=float) + _ROUNDING)


def _one_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _sorted(lf: nw.LazyFrame[Any]) -> "pd.DataFrame":
    table = frames.collect(lf)
    return table.sort_values(list(table.columns), ignore_index=True)


def _generations(graph: customers.Referrals, people: int) -> "pd.DataFrame":
    """Customers by the invitations between them and whoever came by themselves."""
    import pandas as pd

    sizes = [len(members) for members in graph.generations]
    table = pd.DataFrame({"generation": range(len(sizes) + 1), "customers": [people - sum(sizes), *sizes]})
    return table.assign(share=table["customers"] / people)


def _notes(counted: dict[str, int], graph: customers.Referrals) -> list[str]:
    """What was left out, in words."""
    found = {
        "{:,} customers have no day of sign-up: they count in the generations and in no other figure.": counted[
            "people"
        ]
        - counted["dated"],
        "{:,} rows of customers repeat a customer_id: each customer counts once, with the earliest day.": counted[
            "rows"
        ]
        - counted["people"],
        "{:,} orders are of nobody in customers: left out.": counted["placed"] - counted["orders"],
        "{:,} orders came before the customer's sign-up: left out of the value of the first days.": counted[
            "orders_before"
        ],
    }
    notes = [text.format(n) for text, n in found.items() if n]
    taken = graph.handled.set_index("problem")["customers"]
    if unknown := int(taken["referrer unknown"]):
        notes.append(f"{unknown:,} customers name a referrer who is not in customers: referred, and in nobody's K.")
    if others := int(taken.sum()) - unknown:
        notes.append(f"{others:,} customers name a referrer who cannot have invited them: counted as not referred.")
    return notes
