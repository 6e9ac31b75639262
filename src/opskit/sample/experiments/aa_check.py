"""Two arms treated alike, to see whether lot, log and reading are sound; still recruiting on the last day."""

from typing import Any

import numpy as np

from opskit.sample import randomized
from opskit.sample.world import Chunk, World

BEGINS = 126.0  # days before the end of the shop
AFTER_DAYS = 1.0  # an order that brings a customer in is no outcome
SHARE = 0.5


def variants(world: World) -> list[dict[str, Any]]:
    """The same twice."""
    shared = {"planned_share": SHARE, "metric": "orders per customer in 60 days"}
    shared |= {"started_at": max(0.0, world.days - BEGINS), "ended_at": world.days - 1.0}
    return [{"variant": "control", **shared}, {"variant": "same_again", **shared}]


def assign(chunk: Chunk) -> dict[str, Any]:
    """By lot, a day after the first order since the start."""
    days = chunk.world.days
    customer, ordered = randomized.first_order(chunk, max(0.0, days - BEGINS) - AFTER_DAYS, days - AFTER_DAYS)
    other = chunk.rng("aa_check").random(len(ordered)) < SHARE
    return {"customer": customer, "variant": np.where(other, "same_again", "control"), "at": ordered + AFTER_DAYS}
