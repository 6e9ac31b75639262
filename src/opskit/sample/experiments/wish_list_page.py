"""A new page of wish lists that does nothing, in a log that lost some of those who saw it and did not buy.

The new page was slow: whoever left before it had loaded was never logged. So the arms are not of the planned size, and
those who are left in the arm of the new page look like better customers.
"""

from typing import Any

import numpy as np

from opskit.sample import randomized
from opskit.sample.seasons import within_day
from opskit.sample.world import Chunk, World

BEGINS, RECRUITING_DAYS = 140.0, 42.0  # days before the end of the shop, and for how long
WINDOW_DAYS = 60.0
SHARE = 0.5


def variants(world: World) -> list[dict[str, Any]]:
    """The old page and the new one."""
    start = max(0.0, world.days - BEGINS)
    shared = {"planned_share": SHARE, "metric": "orders per customer in 60 days", "started_at": start}
    shared |= {"ended_at": min(start + RECRUITING_DAYS, world.days - 1.0)}
    return [{"variant": "control", **shared}, {"variant": "new_page", **shared}]


def assign(chunk: Chunk) -> dict[str, Any]:
    """By lot among the accounts that still visit, less those that were lost."""
    rng, world, bought = chunk.rng("wish_list_page"), chunk.world, chunk.purchases
    start = max(0.0, world.days - BEGINS)
    at = start + within_day(rng.random(chunk.size) * RECRUITING_DAYS)
    new, lost = rng.random((2, chunk.size)) < [[SHARE], [world.truth["wish_list_page.lost_share"]]]
    visits = np.flatnonzero((chunk.signed_up < at) & (bought.interested_until > at) & (at < world.days))
    came = randomized.prospects(chunk, visits, at[visits], WINDOW_DAYS).came
    kept = visits[~(new[visits] & lost[visits] & ~came)]
    return {"customer": kept, "variant": np.where(new[kept], "new_page", "control"), "at": at[kept]}
