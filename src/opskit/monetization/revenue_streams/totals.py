"""One pass over orders, bookings and events into sums by month, stream and customer group."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

ORDERS = "product sales"
ALL = "all streams"
EVENTS_ACTIVE = "customers with any event, order or booking in the month"
KNOWN_ACTIVE = "customers with an order or booking so far"
NOBODY = "nobody: no row names a customer"
SUMS = ("amount", "charges", "gross", "fee", "priced", "impressions", "shown")
# A month whose rows begin in its first week is taken as whole: a small shop has days without a sale.
_FIRST_DAYS = 7
_EVENT = -1
_FAR = 10**9  # later than any day


class Totals(NamedTuple):
    """Sums by month, stream and group, and who counts as active in them."""

    sums: "pd.DataFrame"  # month, complete, side, stream, group, active, payers and the columns of SUMS
    active: str  # in words: what a paying rate is a share of


class _Stream(NamedTuple):
    side: str
    name: str


def monthly_totals(
    orders: Any = None,
    bookings: Any = None,
    events: Any = None,
    *,
    as_of: dt.date,
    max_streams: int = 6,
    groups: int = 100,
) -> Totals:
    """Sums per calendar month, stream and customer group, orders being the stream "product sales".

    Args:
        orders: Any engine's frame with customer_id, ordered_at, revenue; refund is taken off where it is there.
        bookings: The same kind of frame with booked_at, stream, side, amount; customer_id, gross_amount and
            impressions are used where they are there.
        events: The same kind of frame with customer_id, occurred_at: says who was active in a month.
        as_of: Last day to count, inclusive.
        max_streams: Streams of bookings to keep apart; the smaller ones become "other front" and "other back".
        groups: Groups of customers for `stats.jackknife`; a row of nobody goes to a group by its day.

    Returns:
        ``sums``: month (first day), complete (false for a month that as_of cuts short, and for the first when the rows
        begin after its first week), side (front, back, all), stream (a name, or "all streams" of the side), group,
        active (customers, the same for every stream), payers (customers with a positive amount), charges (positive
        amounts), amount (revenue after refunds and corrections), gross (what fees were taken from), fee (amount where
        gross is known), impressions, shown (amount where impressions are known). ``active``: who counts as active:
        customers with any event, order or booking in the month where there are events, else all that have had an order
        or a booking up to its end.

    Raises:
        OpskitError: There are neither orders nor bookings, no row up to as_of, a side that is neither front nor back,
            or a stream of bookings named like that of the orders.

    Assumes bookings repeat nothing that orders hold.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-31", "2024-02-29"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "B", "A"], "ordered_at": days, "revenue": [10.0, 20, 5]})
    >>> sums = monthly_totals(orders, as_of=dt.date(2024, 2, 29)).sums
    >>> total = sums[sums["side"] == "all"].groupby("month")[["active", "payers", "amount"]].sum()
    >>> total.to_numpy().tolist()
    [[2.0, 2.0, 30.0], [2.0, 1.0, 5.0]]
    """
    check(max_streams, "max_streams", ge=1)
    if orders is None and bookings is None:
        raise OpskitError("orders and bookings are both None; revenue needs at least one of the two tables.")
    last_day = frames.day_number(as_of)
    streams = [_Stream("front", ORDERS)] if orders is not None else []
    parts = [_posted_orders(orders)] if orders is not None else []
    if bookings is not None:
        lf = frames.lazy(bookings, "booked_at", "stream", "side", "amount", table="bookings")
        codes, kept = _streams(lf, last_day, max_streams)
        parts.append(_posted_bookings(lf, codes, offset=len(streams)))
        streams += kept
    parts += [_posted_events(events)] if events is not None else []
    entries = _entries(streams)
    of_customers, of_nobody = _sums(_together(parts).filter(nw.col("day") <= last_day), len(streams), entries, groups)
    first = min((int(part["first"].min()) for part in (of_customers, of_nobody) if len(part)), default=_FAR)
    if first == _FAR:
        raise OpskitError(f"as_of == {as_of}, must be on or after the first order or booking. Use a later as_of.")
    active = (EVENTS_ACTIVE if events is not None else KNOWN_ACTIVE) if len(of_customers) else NOBODY
    first_day = dt.date(1970, 1, 1) + dt.timedelta(days=first)
    grid = _grid(of_customers, of_nobody, first_day, as_of)
    return Totals(_long(grid, entries, active, first_day, as_of), active)


def _posted_orders(orders: Any) -> nw.LazyFrame[Any]:
    lf = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    revenue = nw.col("revenue").cast(nw.Float64).fill_null(0.0)
    net = revenue
    if "refund" in lf.collect_schema().names():
        net = revenue - nw.col("refund").cast(nw.Float64).fill_null(0.0)
    return _posted(lf, "ordered_at", nw.lit(0), amount=net, charges=_flag(revenue > 0))


def _posted_bookings(lf: nw.LazyFrame[Any], codes: dict[tuple[str, str], int], *, offset: int) -> nw.LazyFrame[Any]:
    have = lf.collect_schema().names()
    amount = nw.col("amount").cast(nw.Float64).fill_null(0.0)
    code = nw.lit(0)
    for (stream, side), place in codes.items():
        here = (nw.col("stream") == stream) & (nw.col("side") == side)
        code = nw.when(here).then(nw.lit(place + offset)).otherwise(code)
    columns = {"amount": amount, "charges": _flag(amount > 0)}
    for source, column, part in (("gross_amount", "gross", "fee"), ("impressions", "impressions", "shown")):
        if source in have:
            known = nw.col(source).cast(nw.Float64)
            columns[column] = known.fill_null(0.0)
            columns[part] = nw.when(known.is_null()).then(nw.lit(0.0)).otherwise(amount)
            if column == "gross":
                columns["priced"] = _flag(~known.is_null() & (amount > 0))
    return _posted(lf, "booked_at", code, **columns)


def _posted_events(events: Any) -> nw.LazyFrame[Any]:
    lf = frames.lazy(events, "customer_id", "occurred_at", table="events")
    return _posted(lf, "occurred_at", nw.lit(_EVENT))


def _posted(lf: nw.LazyFrame[Any], clock: str, code: nw.Expr, **columns: nw.Expr) -> nw.LazyFrame[Any]:
    """The columns that orders, bookings and events share."""
    names = lf.collect_schema().names()
    customer = nw.col("customer_id") if "customer_id" in names else nw.lit(None, dtype=nw.String).alias("customer_id")
    zero = nw.lit(0.0)
    return lf.with_columns(day=frames.epoch_day(clock), month=frames.month_index(clock)).select(
        customer,
        nw.col("day").cast(nw.Int64),
        nw.col("month").cast(nw.Int64),
        code=code.cast(nw.Int64),
        **{name: columns.get(name, zero).cast(nw.Float64) for name in SUMS},
    )


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))


def _together(parts: list[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """One ledger; ids that differ in type are compared as text."""
    kinds = {part.collect_schema()["customer_id"] for part in parts}
    if len(kinds) > 1:
        parts = [part.with_columns(nw.col("customer_id").cast(nw.String)) for part in parts]
    if len({part.implementation for part in parts}) > 1:
        raise OpskitError("orders, bookings and events are frames of different kinds; pass all as the same kind.")
    return nw.concat(parts)


def _streams(lf: nw.LazyFrame[Any], last_day: int, most: int) -> tuple[dict[tuple[str, str], int], list[_Stream]]:
    """Place of every stream in the table, and the streams kept, largest first; small ones share a place."""
    day = lf.with_columns(_day=frames.epoch_day("booked_at"), _size=nw.col("amount").cast(nw.Float64).abs())
    table = frames.collect(day.filter(nw.col("_day") <= last_day).group_by("stream", "side").agg(nw.col("_size").sum()))
    wrong = sorted({str(side) for side in table["side"]} - {"front", "back"})
    if wrong:
        raise OpskitError(f"bookings has side {wrong[0]!r}, must be 'front' or 'back'. Map it in the file.")
    if (table["stream"] == ORDERS).any():
        raise OpskitError(f"bookings has the stream {ORDERS!r}, which is what orders are; bookings never repeat them.")
    table = table.sort_values(["_size", "stream", "side"], ascending=[False, True, True], ignore_index=True)
    twice = set(table.loc[table["stream"].duplicated(), "stream"])
    keep = len(table) if len(table) <= most else most - 1
    streams: list[_Stream] = []
    places: dict[tuple[str, str], int] = {}
    for place, (stream, side) in enumerate(zip(table["stream"], table["side"], strict=True)):
        name = f"{stream} ({side})" if stream in twice else str(stream)
        entry = _Stream(side, name if place < keep else f"other {side}")
        if entry not in streams:
            streams.append(entry)
        places[stream, side] = streams.index(entry)
    return places, streams


def _entries(streams: list[_Stream]) -> dict[_Stream, list[int]]:
    """What gets rows of its own, and the streams it is made of: each stream, each side, and everything."""
    entries = {stream: [place] for place, stream in enumerate(streams)}
    for side in ("front", "back"):
        places = [place for place, stream in enumerate(streams) if stream.side == side]
        entries |= {_Stream(side, ALL): places} if places else {}
    return entries | {_Stream("all", ALL): list(range(len(streams)))}


def _sums(
    ledger: nw.LazyFrame[Any], streams: int, entries: dict[_Stream, list[int]], groups: int
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """By month and group, a column per sum and stream (``amount_0`` ...): rows of customers, and rows of nobody."""
    anonymous = nw.col("customer_id").is_null()
    named, posted = ledger.filter(~anonymous), ledger.filter(nw.col("code") >= 0)
    people = frames.collect(_people(named, streams, entries, groups))
    # Only payers need a look at the single customer; adding up everything by customer first takes twice as long.
    sums = _by_stream(stats.assign_groups(posted.filter(~anonymous), groups=groups, ids=named), streams)
    of_nobody = _by_stream(stats.assign_groups(posted.filter(anonymous), key="day", groups=groups), streams)
    of_customers = people.merge(sums.drop(columns="first"), on=["month", "group"], how="left")
    return of_customers.fillna(0.0), of_nobody


def _people(
    named: nw.LazyFrame[Any], streams: int, entries: dict[_Stream, list[int]], groups: int
) -> nw.LazyFrame[Any]:
    """By month and group: customers seen, customers new, payers of each entry, and the first day that was paid for."""
    code = nw.col("code")
    paid = {f"paid_{place}": _flag((code == place) & (nw.col("charges") > 0)) for place in range(streams)}
    payers = {
        f"payers_{number}": _flag(nw.sum_horizontal(*(f"paid_{place}" for place in places)) > 0)
        for number, places in enumerate(entries.values())
    }
    by_customer = (
        named.with_columns(**paid, first=nw.when(code >= 0).then(nw.col("day")).otherwise(nw.lit(_FAR)))
        .group_by("customer_id", "month")
        .agg(nw.col(*paid).max(), nw.col("first").min())
        .with_columns(seen=nw.lit(1.0), new=_flag(nw.col("month") == nw.col("month").min().over("customer_id")))
    )
    return (
        stats.assign_groups(by_customer, groups=groups, ids=named)
        .with_columns(**payers)
        .group_by("month", "group")
        .agg(nw.col("seen", "new", *payers).sum(), nw.col("first").min())
    )


def _by_stream(grouped: nw.LazyFrame[Any], streams: int) -> "pd.DataFrame":
    """The sums by month and group, a column each for every stream, and the first day."""
    long = frames.collect(
        grouped.group_by("month", "group", "code").agg(nw.col(*SUMS).sum(), nw.col("day").min().alias("first"))
    )
    wide = long.pivot(index=["month", "group"], columns="code", values=list(SUMS))
    wide.columns = [f"{name}_{place}" for name, place in wide.columns]
    names = [f"{name}_{place}" for place in range(streams) for name in SUMS]
    wide = wide.reindex(columns=names).fillna(0.0)
    return wide.assign(first=long.groupby(["month", "group"])["first"].min()).reset_index()


def _grid(
    of_customers: "pd.DataFrame", of_nobody: "pd.DataFrame", first_day: dt.date, as_of: dt.date
) -> "pd.DataFrame":
    """Every month and group, zeros included; money of nobody lies evenly on all groups, so that it has no interval."""
    import pandas as pd

    months = range(first_day.year * 12 + first_day.month - 1, as_of.year * 12 + as_of.month)
    groups = sorted({*of_customers["group"], *of_nobody["group"]})
    index = pd.MultiIndex.from_product([months, groups], names=["month", "group"])
    full = [
        part.drop(columns="first").set_index(["month", "group"]).reindex(index, fill_value=0.0)
        for part in (of_customers, of_nobody)
    ]
    customers, nobody = full
    even = [column for column in map(str, nobody.columns) if column.startswith(("amount_", "charges_"))]
    spread = nobody[even].groupby("month").transform("mean")
    return customers.add(nobody.assign(**{column: spread[column] for column in even}), fill_value=0.0)


def _long(
    grid: "pd.DataFrame", entries: dict[_Stream, list[int]], active: str, first_day: dt.date, as_of: dt.date
) -> "pd.DataFrame":
    import pandas as pd

    month = grid.index.get_level_values("month")
    start = pd.DatetimeIndex((month.to_numpy() - 1970 * 12).astype("datetime64[M]"))
    after = as_of + dt.timedelta(days=1)
    first = first_day.year * 12 + first_day.month - 1 + (first_day.day > _FIRST_DAYS)
    complete = (month >= first) & (month <= after.year * 12 + after.month - 2)
    present = grid["new"].groupby("group").cumsum() if active == KNOWN_ACTIVE else grid["seen"]
    parts: list[pd.DataFrame] = []
    for number, (entry, places) in enumerate(entries.items()):
        sums = {name: grid[[f"{name}_{place}" for place in places]].sum(axis=1) for name in SUMS}
        about = {"month": start, "complete": complete, "side": entry.side, "stream": entry.name}
        about |= {"group": grid.index.get_level_values("group")}
        counts = {"active": present, "payers": grid[f"payers_{number}"]}
        parts.append(pd.DataFrame({**about, **{k: v.to_numpy() for k, v in (counts | sums).items()}}))
    return pd.concat(parts, ignore_index=True)
