"""Where each month's active customers come from, contacted or not, and what one of each kind costs."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("new", "retained", "resurrected")
_NEVER = -1_000_000  # day of a contact that never was


class Actives(NamedTuple):
    """Active customers by month, kind and source, and the same by customer group for intervals."""

    table: "pd.DataFrame"  # month, complete, kind, source, customers
    sums: "pd.DataFrame"  # month, kind, contacted, group, customers; complete months only


def actives(
    orders: Any, *, as_of: dt.date, contacts: Any = None, accounts: Any = None, window_days: int = 30
) -> Actives:
    """Active customers of each calendar month: new, retained or resurrected, and by what they came.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        contacts: The same engine's frame with customer_id and sent_at; rows with holdout do not count.
        accounts: The same engine's frame with customer_id and channel: the source of new customers.
        window_days: A customer is contacted with a message in so many days up to the month's first order.

    Returns:
        ``table``: month (first day), complete, kind (as in `customers.growth_accounting`), source (the channel of new
        customers, "contacted" or "not contacted" of the others; "any" where the table is missing), customers.

    Raises:
        OpskitError: A column is missing, an option is out of range, as_of is not a date or before the first order, or
            there are no rows.

    Assumes nothing about causes: who orders after a message might have ordered anyway. `lift` tells how many.
    """
    import pandas as pd

    check(window_days, "window_days", ge=1)
    months = _months(_stream(orders, contacts, as_of), window_days)
    source = "any" if accounts is None else "unknown"
    if accounts is not None:
        channel = frames.lazy(accounts, "customer_id", "channel", table="customers").select("customer_id", "channel")
        months = months.join(channel.group_by("customer_id").agg(nw.col("channel").max()), on="customer_id", how="left")
    else:
        months = months.with_columns(nw.lit(source).alias("channel"))
    by = ["month", "kind", "contacted", "channel", "group"]
    grouped = stats.assign_groups(months, ids=customers.until(orders, as_of=as_of)[0])
    counted = frames.collect(grouped.group_by(*by).agg(nw.len().alias("customers")))
    counted["channel"] = counted["channel"].fillna("unknown").astype(str)
    after = as_of + dt.timedelta(days=1)
    named = {0: "not contacted", 1: "contacted"} if contacts is not None else {0: "any"}
    where_from = counted["contacted"].map(named).where(counted["kind"] != "new", counted["channel"])
    counted["complete"] = counted["month"] < after.year * 12 + after.month - 1
    first = pd.to_datetime([f"{place // 12:04d}-{place % 12 + 1:02d}-01" for place in counted["month"]])
    counted = counted.assign(month=first, source=where_from)
    table = counted.groupby(["month", "complete", "kind", "source"])["customers"].sum().reset_index()
    over = counted[counted["complete"]]
    sums = over.groupby(["month", "kind", "contacted", "group"])["customers"].sum().reset_index()
    return Actives(table, sums)


def _stream(orders: Any, contacts: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Orders with the day of the last contact before each."""
    lf, _ = customers.until(orders, as_of=as_of)
    day = frames.epoch_day("ordered_at")
    rows = lf.select(
        "customer_id",
        nw.col("ordered_at").cast(nw.Datetime("us")).alias("at"),
        nw.lit(1).alias("is_order"),
        day.alias("day"),
        frames.month_index("ordered_at").alias("month"),
        (day * 0 + _NEVER).alias("contact_day"),
    )
    if contacts is None:
        return rows
    sent = frames.lazy(contacts, "customer_id", "sent_at", table="contacts")
    if "holdout" in sent.collect_schema().names():
        sent = sent.filter(~nw.col("holdout").fill_null(value=False))
    day = frames.epoch_day("sent_at")
    messages = sent.filter(customers.on_or_before(sent, as_of, "sent_at")).select(
        "customer_id",
        nw.col("sent_at").cast(nw.Datetime("us")).alias("at"),
        nw.lit(0).alias("is_order"),
        day.alias("day"),
        frames.month_index("sent_at").alias("month"),
        day.alias("contact_day"),
    )
    both = nw.concat([rows, messages], how="vertical")
    last = nw.col("contact_day").cum_max().over("customer_id", order_by=["at", "is_order"])
    return both.with_columns(last.alias("contact_day")).filter(nw.col("is_order") == 1)


def _months(rows: nw.LazyFrame[Any], window_days: int) -> nw.LazyFrame[Any]:
    """One row per customer and month with an order: its kind, and whether a contact came shortly before."""
    active = rows.group_by("customer_id", "month").agg(nw.col("day").min(), nw.col("contact_day").min())
    before = nw.col("month").shift(1).over("customer_id", order_by="month")
    recent = nw.col("day") - nw.col("contact_day") <= window_days
    known = active.with_columns(before.alias("before"), recent.cast(nw.Int64).alias("contacted"))
    kind = nw.when(nw.col("month") - nw.col("before") == 1).then(nw.lit(KINDS[1])).otherwise(nw.lit(KINDS[2]))
    kind = nw.when(nw.col("before").is_null()).then(nw.lit(KINDS[0])).otherwise(kind)
    return known.with_columns(kind.alias("kind")).select("customer_id", "month", "kind", "contacted")


def monthly_costs(spend: Any = None, contacts: Any = None, *, as_of: dt.date) -> "pd.DataFrame":
    """Money spent per month to win customers, to keep them, and on contacts.

    Args:
        spend: Any engine's frame with date, spend and purpose ("acquire" or "retain").
        contacts: Any engine's frame with sent_at and cost.
        as_of: Last day to count, inclusive.

    Returns:
        month (first day), acquire, retain, contacts (in the currency); a column is there when its table and columns are.
    """
    import pandas as pd

    parts: list[pd.DataFrame] = []
    if spend is not None and "purpose" in frames.lazy(spend, table="spend").collect_schema().names():
        lf = frames.lazy(spend, "date", "spend", "purpose", table="spend")
        rows = lf.filter(customers.on_or_before(lf, as_of, "date")).select(
            frames.month_index("date").alias("month"), "purpose", nw.col("spend").cast(nw.Float64)
        )
        sums = frames.collect(rows.group_by("month", "purpose").agg(nw.col("spend").sum()))
        parts.append(sums.pivot(index="month", columns="purpose", values="spend").fillna(0.0))
    if contacts is not None and "cost" in frames.lazy(contacts, table="contacts").collect_schema().names():
        lf = frames.lazy(contacts, "sent_at", "cost", table="contacts")
        rows = lf.filter(customers.on_or_before(lf, as_of, "sent_at")).select(
            frames.month_index("sent_at").alias("month"), nw.col("cost").cast(nw.Float64).alias("contacts")
        )
        parts.append(frames.collect(rows.group_by("month").agg(nw.col("contacts").sum())).set_index("month"))
    table = (
        pd.concat(parts, axis=1).fillna(0.0).sort_index() if parts else pd.DataFrame(index=pd.Index([], name="month"))
    )
    names = [name for name in ("acquire", "retain", "contacts") if name in table]
    table = table[names].reset_index()
    first = pd.to_datetime([f"{int(place) // 12:04d}-{int(place) % 12 + 1:02d}-01" for place in table["month"]])
    return table.assign(month=first)


def cost_per_customer(
    found: Actives, costs: "pd.DataFrame", repaid: "pd.DataFrame | None" = None, *, confidence: float = 0.95
) -> "pd.DataFrame":
    """What a new customer costs, and a resurrected one counted in three ways.

    Args:
        found: From `actives`.
        costs: From `monthly_costs`.
        repaid: From `repayment`, where there is a hold-out.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per way that the tables allow: customer, counted (how), estimate, low, high (in the currency), n
        customers (contacts in the last row). New: what was spent to acquire, over new customers. Resurrected: what was
        spent to retain and on contacts, over all of them; contacts alone, over those contacted before, as a campaign
        report claims; and the cost of a comeback added by a contact, which the hold-out measures.

    Assumes whole months, from the first to the last that both tables cover. The first three give each customer to what was spent, whatever
    would have come anyway; only the last does not. Money spent is taken as given, who came as random.
    """
    import pandas as pd

    sums = found.sums[found.sums["month"].between(costs["month"].min(), costs["month"].max())]
    spent = costs[costs["month"].between(sums["month"].min(), sums["month"].max())].drop(columns="month").sum()
    kept = spent.get("retain", 0.0) + spent.get("contacts", 0.0)
    woken = sums["kind"] == KINDS[2]
    ways = [
        (
            "new",
            "spent to acquire, over all new",
            "acquire" in spent,
            spent.get("acquire", 0.0),
            sums["kind"] == KINDS[0],
        ),
        ("resurrected", "spent to retain and on contacts, over all resurrected", "retain" in spent, kept, woken),
        (
            "resurrected",
            "contacts, over all resurrected after one",
            "contacts" in spent,
            spent.get("contacts", 0.0),
            woken & (sums["contacted"] == 1),
        ),
    ]
    rows = [(name, how, *_per_customer(sums[who], cost, confidence)) for name, how, there, cost, who in ways if there]
    if repaid is not None:
        columns = ["estimate", "low", "high", "n"]
        estimate, low, high, n = repaid.loc[repaid["measure"] == "cost_per_comeback", columns].to_numpy()[0]
        rows.append(("resurrected", "contacts, over comebacks added (hold-out)", estimate, low, high, int(n)))
    return pd.DataFrame(rows, columns=["customer", "counted", "estimate", "low", "high", "n"])


def _per_customer(sums: "pd.DataFrame", cost: float, confidence: float) -> tuple[float, float, float, int]:
    import numpy as np

    if not len(sums):
        return np.nan, np.nan, np.nan, 0
    by_group = sums.groupby("group")["customers"].sum().reset_index()
    n = int(by_group["customers"].sum())
    table = stats.jackknife(by_group, lambda total: float(cost / total["customers"].iloc[0]), confidence=confidence)
    estimate, low, high = table.iloc[0]
    return float(estimate), float(low), float(high), n
