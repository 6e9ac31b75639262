"""A mailing on the first day of each month, by lot: a coupon, stories, a reminder, or none; who is moved by what?

A coupon off a large basket (welfare) moves those whose baskets are large and puts the others off; stories and guides
(content) move those whose baskets are small; a reminder to refill (function) moves everybody a little.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import randomized
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

BEGINS, RECRUITING_DAYS = 610.0, 549.0  # days before the end of the shop, and for how long
WINDOW_DAYS = 60.0
HOUR = 10 / 24  # of the day, when the mailing goes out
SHARES = {"control": 0.34, "content": 0.16, "function": 0.16, "welfare": 0.34}
STEEPNESS = 4.0  # how fast the effect turns from that of small baskets to that of large ones, per e-fold of the basket


class Mailed(NamedTuple):
    """Customers at their first mailing.

    Attributes:
        customer: Place in the chunk.
        at: Calendar time.
        basket: Mean value of the paid orders before it.
        chances: Probability of an order within the window, a column per arm.
        given: Probability of each arm given what came.
    """

    customer: NDArray[np.int64]
    at: Floats
    basket: Floats
    chances: Floats
    given: Floats


def variants(world: World) -> list[dict[str, Any]]:
    """No mailing, and one of each drive."""
    start, end = period(world)
    shared = {"metric": "orders per customer in 60 days", "started_at": start, "ended_at": end}
    cost = {arm: world.truth.get(f"three_drives.{arm}_cost", 0.0) for arm in SHARES}
    return [{"variant": arm, "planned_share": SHARES[arm], "unit_cost": cost[arm], **shared} for arm in SHARES]


def assign(chunk: Chunk) -> dict[str, Any]:
    """Who got which mailing first, and when."""
    mailed = mailing(chunk)
    drawn = chunk.rng("three_drives_lot").random(len(mailed.at))
    arm = (drawn[:, None] > np.cumsum(mailed.given[:, :-1], axis=1)).sum(axis=1)
    return {"customer": mailed.customer, "variant": np.array(list(SHARES), dtype=object)[arm], "at": mailed.at}


def period(world: World) -> tuple[float, float]:
    """First and last moment of the recruiting."""
    start = max(0.0, world.days - BEGINS)
    return start, min(start + RECRUITING_DAYS, world.days - 1.0)


def mailing(chunk: Chunk) -> Mailed:
    """Everybody with an order while the test recruits, on the first day of the month after it."""
    world, truth = chunk.world, chunk.world.truth
    start, end = period(world)
    customer, ordered = randomized.first_order(chunk, start, end)
    at = _next_month(world, ordered) + HOUR
    going = at < world.days
    customer, at = customer[going], at[going]
    basket = _basket(chunk, customer, at)
    found = randomized.prospects(chunk, customer, at, WINDOW_DAYS)
    large = 1 / (1 + (truth["three_drives.split"] / basket) ** STEEPNESS)
    odds = [
        truth[f"three_drives.{arm}_small"] ** (1 - large) * truth[f"three_drives.{arm}_large"] ** large
        for arm in list(SHARES)[1:]
    ]
    shares = np.array(list(SHARES.values()))
    chances = randomized.chances(found.likely, shares, np.column_stack([np.ones(len(at)), *odds]))
    return Mailed(customer, at, basket, chances, randomized.given(found, chances, shares))


def _next_month(world: World, days: Floats) -> Floats:
    """Day on which the month after these days begins."""
    opened = np.datetime64(world.first_day, "D")
    months = (opened + np.floor(days).astype("timedelta64[D]")).astype("datetime64[M]") + np.timedelta64(1, "M")
    return (months.astype("datetime64[D]") - opened) / np.timedelta64(1, "D")


def _basket(chunk: Chunk, customer: NDArray[np.int64], at: Floats) -> Floats:
    orders = chunk.table("orders")
    until = np.full(chunk.size, -np.inf)
    until[customer] = at
    before = orders["paid"] & (orders["at"] < until[orders["place"]])
    place = orders["place"][before]
    counts = np.bincount(place, minlength=chunk.size)
    return (np.bincount(place, orders["revenue"][before], minlength=chunk.size) / np.maximum(counts, 1))[customer]
