"""Postings of the points programme: earned with orders and by behaviour, redeemed, lapsed after a year, taken back."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.farming import farming
from opskit.sample.seasons import Floats
from opskit.sample.tables.events import STEP
from opskit.sample.world import Chunk, Column, customer_ids, without

ROW = "posting of the points programme"
SETTINGS = ("point_value = 0.01                 # of one point, when it is redeemed",)  # further lines for opskit.toml
COLUMNS = {
    "customer_id": Column("string", "whose points"),
    "posted_at": Column("timestamp", "when"),
    "points": Column("int16", "points, always above 0: kind says which way"),
    "kind": Column("category", "earn, redeem, expire (posted by a nightly job) or reverse (after a refund)"),
    "behaviour": Column(
        "category", "what earned them: order, check_in, review or invite; empty for what was not earned"
    ),
    "order_id": Column("string", "the order they were earned with, or that was refunded or reviewed"),
    "object_id": Column("string", "the account that was invited, or the item that was reviewed without an order"),
    "expires_at": Column("date", "what is left of them lapses when this day begins; empty for what was not earned"),
}
KINDS = ("expire", "earn", "reverse", "redeem")  # in the order of one second
EXPIRE, EARN, REVERSE, REDEEM = range(4)
VALID_DAYS = 365
AT_MOST, STEP_POINTS = 500, 100  # per order; points are redeemed in whole hundreds
BY_BEHAVIOUR = {"check_in": 5.0, "review": 20.0, "invite": 50.0}
CHECKING_IN, CHECK_INS_PER_DAY = 0.08, 0.03  # share of accounts that check in, and how often at most of them


class Posting(NamedTuple):
    """Columns of postings before they are sorted; `order` is a place in the table of orders, -1 for none."""

    customer: NDArray[Any]
    at: NDArray[Any]
    kind: NDArray[Any]
    points: NDArray[Any]
    behaviour: NDArray[Any]
    order: NDArray[Any]
    item: NDArray[Any]


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's postings by customer and time, with place, second, kind by number and the way each account farms."""
    rng, world = chunk.rng("points"), chunk.world
    made = farming(chunk)
    none = np.full(len(made.customer), -1)
    farmed = Posting(made.customer, made.at, np.full(len(none), EARN), made.points, made.behaviour, none, made.item)
    blocks = [_ordered(chunk), _reversed(chunk), _checked_in(rng, chunk), _by_event(chunk), _invited(chunk), farmed]
    whole = _settled(rng, chunk, Posting(*(np.concatenate(cells) for cells in zip(*blocks, strict=True))))
    order_ids = np.append(chunk.table("orders")["order_id"], "")
    earned = whole.kind == EARN
    expires = np.where(earned, np.floor(whole.at) + 1 + VALID_DAYS, np.nan)
    return {
        "customer_id": chunk.customer_ids[whole.customer],
        "posted_at": world.moment(whole.at),
        "points": whole.points.astype(np.int16),
        "kind": np.array(KINDS, dtype=object)[whole.kind],
        "behaviour": without(whole.behaviour, whole.behaviour == ""),
        "order_id": without(order_ids[whole.order], whole.order < 0),
        "object_id": without(whole.item, whole.item == ""),
        "expires_at": world.moment(expires),
        "place": whole.customer,
        "second": np.floor(whole.at * 86_400).astype(np.int64),
        "kind_number": whole.kind,
        "farming": made.way,
    }


def _posting(
    customer: Any, at: Any, kind: int, points: Any, behaviour: str = "", order: Any = None, item: Any = None
) -> Posting:
    n = len(customer)
    return Posting(
        np.asarray(customer, dtype=np.int64),
        np.asarray(at, dtype=float),
        np.full(n, kind),
        np.broadcast_to(np.asarray(points, dtype=float), n),
        np.full(n, behaviour, dtype=object),
        np.full(n, -1) if order is None else order,
        np.full(n, "", dtype=object) if item is None else item,
    )


def _order_points(chunk: Chunk) -> Floats:
    return np.minimum(np.floor(chunk.table("orders")["revenue"]), AT_MOST)


def _credited(chunk: Chunk) -> Floats:
    """Calendar time at which an order's points are posted: by a job, at nine on the next morning."""
    return np.floor(chunk.table("orders")["at"]) + 1 + 9 / 24


def _ordered(chunk: Chunk) -> Posting:
    orders, at = chunk.table("orders"), _credited(chunk)
    paid = np.flatnonzero(orders["paid"] & (_order_points(chunk) > 0) & (at < chunk.world.days))
    return _posting(orders["place"][paid], at[paid], EARN, _order_points(chunk)[paid], "order", paid)


def _reversed(chunk: Chunk) -> Posting:
    """Points go back with the part of the money that does, once they are there."""
    orders = chunk.table("orders")
    with np.errstate(divide="ignore", invalid="ignore"):
        back = np.floor(_order_points(chunk) * np.nan_to_num(orders["refund"] / orders["revenue"]))
    refunded = (orders["refunded_at"] - np.datetime64(chunk.world.first_day, "us")) / np.timedelta64(1, "s") / 86_400
    # A hundredth of a second later: divided and multiplied again, a whole second may come out a little too small.
    at = np.maximum(refunded + 1e-7, _credited(chunk) + 1 / 1440)
    seen = np.flatnonzero(orders["paid"] & (back > 0) & (at < chunk.world.days))
    return _posting(orders["place"][seen], at[seen], REVERSE, back[seen], "", seen)


def _checked_in(rng: np.random.Generator, chunk: Chunk) -> Posting:
    """Some accounts check in now and then while they are interested, by day, at most once a day."""
    until = np.minimum(chunk.purchases.interested_until, chunk.world.days)
    since = np.ceil(chunk.signed_up)
    keen = (rng.random(chunk.size) < CHECKING_IN) * rng.gamma(2.0, CHECK_INS_PER_DAY / 2, chunk.size)
    count = rng.poisson(keen * np.maximum(until - since, 0))
    customer = np.repeat(np.arange(chunk.size), count)
    day = np.floor(since[customer] + rng.random(len(customer)) * (until - since)[customer])
    _, once = np.unique(customer * 10_000 + day.astype(np.int64), return_index=True)
    customer, day = customer[once], day[once]
    at = day + np.clip(rng.normal(14.5, 4.5, len(day)), 0.1, 23.9) / 24
    seen = at < chunk.world.days
    return _posting(customer[seen], at[seen], EARN, BY_BEHAVIOUR["check_in"], "check_in")


def _by_event(chunk: Chunk) -> Posting:
    """Reviews that are in the events; each is of an order."""
    events, orders = chunk.table("events"), chunk.table("orders")
    seen = np.flatnonzero(events["step"] == STEP["review"])
    place = np.searchsorted(orders["order_id"].astype(str), events["object_id"][seen].astype(str))
    return _posting(events["place"][seen], events["at"][seen], EARN, BY_BEHAVIOUR["review"], "review", place)


def _invited(chunk: Chunk) -> Posting:
    """The inviter is rewarded when the invited account signs up."""
    signups = chunk.world.signups
    came = np.flatnonzero((signups.referrer >= chunk.start) & (signups.referrer < chunk.start + chunk.size))
    inviter = signups.referrer[came].astype(np.int64) - chunk.start
    return _posting(
        inviter, signups.at[came], EARN, BY_BEHAVIOUR["invite"], "invite", item=customer_ids(came).astype(object)
    )


def _settled(rng: np.random.Generator, chunk: Chunk, earned: Posting) -> Posting:
    """With redemptions and expiry: everybody's next happening is taken in turn, all accounts at once."""
    truth, days = chunk.world.truth, float(chunk.world.days)
    redeems = rng.random(chunk.size) < truth["points.redeemer_share"]
    since = chunk.signed_up
    count = rng.poisson(redeems * truth["points.redemptions_per_year"] * (days - since) / 365)
    customer = np.repeat(np.arange(chunk.size), count)
    chances = _posting(customer, since[customer] + rng.random(len(customer)) * (days - since)[customer], REDEEM, 0.0)
    lots = np.flatnonzero(earned.kind == EARN)
    lapse = np.floor(earned.at[lots]) + 1 + VALID_DAYS
    soon = lots[lapse < days]
    lapses = _posting(earned.customer[soon], np.floor(earned.at[soon]) + 1 + VALID_DAYS, EXPIRE, 0.0)
    rows = Posting(*(np.concatenate(cells) for cells in zip(earned, chances, lapses, strict=True)))
    lot = np.concatenate([np.full(len(earned.at) + len(chances.at), -1), soon])
    second = np.floor(rows.at * 86_400)
    # Lots of one second lapse in the order in which they were earned.
    order = np.lexsort((rows.points, lot, rows.kind, second, rows.customer))
    rows, lot = Posting(*(cells[order] for cells in rows)), lot[order]
    origin = np.empty(len(order), dtype=np.int64)
    origin[order] = np.arange(len(order))
    amount = _amounts(rows, np.where(lot >= 0, origin[lot], -1))
    missed = (rows.kind == EXPIRE) & (rng.random(len(amount)) < truth["points.missed_expiry_share"])
    shown = (amount > 0) & ~missed
    return Posting(*(cells[shown] for cells in rows._replace(points=amount)))


def _amounts(rows: Posting, lot: NDArray[np.int64]) -> Floats:
    """Points of every posting: what lapses is what is left of the lot, what is redeemed the whole hundreds there are."""
    earns = np.where(rows.kind == EARN, rows.points, 0.0)
    first = np.flatnonzero(np.diff(rows.customer, prepend=-1))
    number = np.arange(len(earns)) - np.repeat(first, np.diff(first, append=len(earns)))
    total = np.cumsum(earns)
    total -= np.repeat((total - earns)[first], np.diff(first, append=len(earns))) if len(first) else 0
    who = np.repeat(np.arange(len(first)), np.diff(first, append=len(earns)))
    gone, amount = np.zeros(len(first)), rows.points.copy()
    by_round = np.argsort(number, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(number))]).astype(int)
    for start, stop in pairwise(bounds):
        now = by_round[start:stop]
        before, kind = gone[who[now]], rows.kind[now]
        lapses = np.maximum(total[lot[now]] - before, 0.0)
        redeems = np.maximum((total[now] - before) // STEP_POINTS, 0.0) * STEP_POINTS
        amount[now] = np.where(kind == EXPIRE, lapses, np.where(kind == REDEEM, redeems, amount[now]))
        gone[who[now]] = before + np.where(kind == EARN, 0.0, amount[now])
    return amount
