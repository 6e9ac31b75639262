"""What customers do: sign-up, visits without an order, the steps of each order, invitations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import later
from opskit.sample.world import Chunk, Column, without

ROW = "customer action"
COLUMNS = {
    "customer_id": Column("string", "who acted"),
    "event": Column(
        "category", "visit, sign_up, log_in, browse, add_to_cart, buy, pay, receive, confirm, invite, review or post"
    ),
    "occurred_at": Column("timestamp", "when"),
    "session_id": Column("string", "the visit it was part of; empty for what happens outside one"),
    "object_id": Column("string", "the order (buy, pay, receive, confirm, review)"),
}
NAMES = (
    "visit",
    "sign_up",
    "log_in",
    "browse",
    "add_to_cart",
    "buy",
    "pay",
    "receive",
    "confirm",
    "invite",
    "review",
    "post",
)
STEP = {name: place for place, name in enumerate(NAMES)}
IN_VAIN, IN_VAIN_DAYS = 0.15, 40.0  # invitations per account that nobody takes, and how long after sign-up on average


class _Log:
    """Events gathered in blocks: customer, step, time, session (-1: none), order (-1: none)."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Any, Any, Any, Any, Any]] = []

    def add(self, event: str, customer: Any, at: Any, session: Any = -1, order: Any = -1) -> None:
        whole = np.ones(len(customer), dtype=np.int64)
        self.blocks.append((customer, STEP[event] * whole, at, session * whole, order * whole))

    def sorted(self, end: float) -> tuple[NDArray[np.int64], ...]:
        customer, step, at, session, order = (np.concatenate(column) for column in zip(*self.blocks, strict=True))
        second = np.floor(at * 86_400)
        seen = np.flatnonzero(at < end)
        place = seen[np.lexsort((step[seen], second[seen], customer[seen]))]
        return customer[place], step[place], at[place], session[place], order[place]


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's events by customer and time, with what derived figures need: place of the customer, step and time.

    Buying never waits for the last second of the period.
    """
    rng, world, log = chunk.rng("events"), chunk.world, _Log()
    sessions = _signing_up(rng, chunk, log)
    sessions = _looking_around(rng, chunk, log, sessions)
    _ordering(rng, chunk, log, sessions)
    _inviting(rng, chunk, log)
    customer, step, at, session, order = log.sorted(float(world.days))
    ids = chunk.table("orders")["order_id"]
    return {
        "customer_id": chunk.customer_ids[customer],
        "event": np.array(NAMES, dtype=object)[step],
        "occurred_at": world.moment(at),
        "session_id": _session_ids(chunk, customer, session),
        "object_id": without(np.append(ids, "")[order], order < 0),
        "place": customer,
        "step": step,
        "at": at,
    }


def _signing_up(rng: np.random.Generator, chunk: Chunk, log: _Log) -> int:
    """First visit, a look around, sign-up, log-in; session k belongs to customer k."""
    everyone, at = np.arange(chunk.size), chunk.signed_up
    start = np.maximum(at - rng.exponential(0.004, chunk.size), 0.0)
    log.add("visit", everyone, start, everyone)
    looks = rng.random(chunk.size) < 0.6
    log.add("browse", everyone[looks], ((start + at) / 2)[looks], everyone[looks])
    log.add("sign_up", everyone, at, everyone)
    log.add("log_in", everyone, at + rng.uniform(5, 60, chunk.size) / 86_400, everyone)
    return chunk.size


def _looking_around(rng: np.random.Generator, chunk: Chunk, log: _Log, sessions: int) -> int:
    """Visits that end without an order, for as long as the customer is interested."""
    clock, bought = chunk.world.clock, chunk.purchases
    since, until = clock.even(chunk.signed_up), clock.even(bought.interested_until)
    per_day = np.where(bought.rate > 0, 0.012 + np.minimum(1.2 * bought.rate, 0.3), 0.05)
    visits = rng.poisson(per_day * np.maximum(until - since, 0))
    customer = np.repeat(np.arange(chunk.size), visits)
    at = clock.calendar(since[customer] + rng.random(len(customer)) * (until - since)[customer])
    session = sessions + np.arange(len(customer))
    log.add("visit", customer, at, session)
    for event, share, seconds in (("log_in", 0.8, 30), ("browse", 0.85, 90), ("add_to_cart", 0.3, 240)):
        on = rng.random(len(customer)) < share
        customer, at, session = (
            customer[on],
            at[on] + rng.uniform(0.5, 1.5, int(on.sum())) * seconds / 86_400,
            session[on],
        )
        log.add(event, customer, at, session)
    return sessions + int(visits.sum())


def _ordering(rng: np.random.Generator, chunk: Chunk, log: _Log, sessions: int) -> None:
    """From the visit to the review of each order; unpaid and closed orders end at buy."""
    orders = chunk.table("orders")
    customer, at, paid = orders["place"], orders["at"], orders["paid"]
    place = np.arange(len(at))
    session = sessions + place
    start = np.maximum(at - rng.uniform(3, 45, len(at)) / 1440, chunk.signed_up[customer])
    for event, reached in (("visit", 0.0), ("log_in", 0.05), ("browse", 0.2), ("add_to_cart", 0.8)):
        log.add(event, customer, start + reached * (at - start), session)
    more = np.repeat(place, rng.poisson(0.9, len(at)))
    reached = 0.2 + 0.6 * rng.random(len(more))
    log.add("browse", customer[more], start[more] + reached * (at - start)[more], session[more])
    log.add("buy", customer, at, session, place)
    last_second = chunk.world.days - 1 / 86_400
    paid_at = np.minimum(at + rng.gamma(1.5, 60, len(at)) / 86_400, np.maximum(at, last_second))
    for event, when, share in (
        ("pay", paid_at, 1.0),
        ("receive", orders["delivered"], 1.0),
        ("confirm", orders["confirmed"], 1.0),
        ("review", later(orders["confirmed"], rng.exponential(1.5, len(at))), 0.22),
        ("post", later(orders["confirmed"], rng.exponential(4.0, len(at))), 0.04),
    ):
        on = paid & (rng.random(len(at)) < share)
        within = session[on] if event == "pay" else -1
        log.add(event, customer[on], when[on], within, place[on] if event != "post" else -1)


def _inviting(rng: np.random.Generator, chunk: Chunk, log: _Log) -> None:
    """An invitation before each invited sign-up, and some that nobody took."""
    signups = chunk.world.signups
    invited = np.flatnonzero((signups.referrer >= chunk.start) & (signups.referrer < chunk.start + chunk.size))
    inviter = signups.referrer[invited].astype(np.int64) - chunk.start
    ahead = rng.exponential(2.0, len(invited))
    log.add("invite", inviter, np.maximum(later(signups.at[invited], -ahead), chunk.signed_up[inviter]))
    in_vain = np.repeat(np.arange(chunk.size), rng.poisson(IN_VAIN, chunk.size))
    log.add("invite", in_vain, later(chunk.signed_up[in_vain], rng.exponential(IN_VAIN_DAYS, len(in_vain))))


def _session_ids(chunk: Chunk, customer: NDArray[np.int64], session: NDArray[np.int64]) -> NDArray[np.object_]:
    """Session numbers as text: customer, then place among the customer's sessions by time."""
    inside = np.flatnonzero(session >= 0)
    _, first, which = np.unique(session[inside], return_index=True, return_inverse=True)
    by_time = np.argsort(first, kind="stable")
    owner = customer[inside][first[by_time]]
    start = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    number = np.arange(len(owner)) - np.repeat(start, np.diff(np.r_[start, len(owner)]))
    names = np.empty(len(owner), dtype=object)
    names[by_time] = [f"S{chunk.start + c + 1:07d}-{k + 1}" for c, k in zip(owner, number, strict=True)]
    ids = np.full(len(session), None, dtype=object)
    ids[inside] = names[which]
    return ids
