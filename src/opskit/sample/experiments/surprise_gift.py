"""A small toy in the parcel that nobody announced: does it bring customers back sooner?"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import randomized
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

BEGINS, RECRUITING_DAYS = 231.0, 161.0  # days before the end of the shop, and for how long
PACKED_AFTER_DAYS = 1.0  # the parcel is packed, with or without the gift, a day after the order
WINDOW_DAYS = 60.0
SHARE = 0.5


class Packed(NamedTuple):
    """Customers whose first parcel of the test is packed.

    Attributes:
        customer: Place in the chunk.
        at: Calendar time.
        arms: Chances with and without the gift.
    """

    customer: NDArray[np.int64]
    at: Floats
    arms: randomized.Arms


def variants(world: World) -> list[dict[str, Any]]:
    """With and without the gift."""
    start, end = period(world)
    shared = {"planned_share": SHARE, "metric": "orders per customer in 60 days", "started_at": start, "ended_at": end}
    cost = world.truth["surprise_gift.unit_cost"]
    return [{"variant": "control", "unit_cost": 0.0, **shared}, {"variant": "gift", "unit_cost": cost, **shared}]


def assign(chunk: Chunk) -> dict[str, Any]:
    """Whose parcel got a gift, and when it was packed."""
    packed = parcels(chunk)
    gift = chunk.rng("surprise_gift_lot").random(len(packed.at)) < packed.arms.given
    return {"customer": packed.customer, "variant": np.where(gift, "gift", "control"), "at": packed.at}


def period(world: World) -> tuple[float, float]:
    """First and last moment of the recruiting."""
    start = max(0.0, world.days - BEGINS)
    return start, min(start + RECRUITING_DAYS, world.days - 1.0)


def parcels(chunk: Chunk) -> Packed:
    """Everybody with an order while the test recruits."""
    start, end = period(chunk.world)
    customer, ordered = randomized.first_order(chunk, start - PACKED_AFTER_DAYS, end - PACKED_AFTER_DAYS)
    at = ordered + PACKED_AFTER_DAYS
    found = randomized.prospects(chunk, customer, at, WINDOW_DAYS)
    return Packed(customer, at, randomized.arms(found, share=SHARE, uplift=chunk.world.truth["surprise_gift.uplift"]))
