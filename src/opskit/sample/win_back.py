"""Messages that wake customers who have long been silent, and those held out of each wave at random.

The orders are fixed before anybody is written to, so the arms are drawn given the orders: see opskit.sample.randomized.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import randomized
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk

FIRST_AFTER_DAYS = 120  # after the opening, when there is somebody to wake
EVERY_DAYS = 30  # no window reaches into the next wave
HOUR = 10 / 24
WINDOW_DAYS = 30
SILENT_DAYS = 60  # the shop's own rule, the same for everybody: no paid order for so long
GIVEN_UP_DAYS = 300  # and no longer than this
RESPONDS, RESPONDS_BUYING = 0.02, 0.45  # share of messages answered, without and with an order in the window


class Sent(NamedTuple):
    """One row per customer and wave, held out or not.

    Attributes:
        customer: Place of the customer in the chunk.
        at: Calendar time.
        held_out: Whether nothing was sent, on purpose.
        came_back: Whether there was a paid order within the window.
        natural: Probability of that when held out, known to nobody in the shop.
        woken: The same when contacted.
        responded: Whether a message was answered.
        opted_out: Whether the customer wants no more of them.
    """

    customer: NDArray[np.int64]
    at: Floats
    held_out: NDArray[np.bool_]
    came_back: NDArray[np.bool_]
    natural: Floats
    woken: Floats
    responded: NDArray[np.bool_]
    opted_out: NDArray[np.bool_]


def programme(chunk: Chunk, refused_from: Floats) -> Sent:
    """All waves of a chunk.

    Args:
        chunk: The customers.
        refused_from: Calendar time from which a customer may not be written to for other reasons, infinite for most.
    """
    rng, truth = chunk.rng("win_back"), chunk.world.truth
    refused = refused_from.copy()
    found: list[Sent] = []
    for at in np.arange(FIRST_AFTER_DAYS, chunk.world.days, EVERY_DAYS) + HOUR:
        silent = _silent(chunk, float(at))
        customer = silent[refused[silent] > at]
        prospect = randomized.prospects(chunk, customer, np.full(len(customer), at), WINDOW_DAYS)
        came = prospect.came
        arms = randomized.arms(prospect, share=1 - truth["win_back.holdout_share"], uplift=truth["win_back.uplift"])
        contacted = rng.random(len(customer)) < arms.given
        responds = rng.random(len(customer)) < np.where(came, RESPONDS_BUYING, RESPONDS)
        opts_out = (rng.random(len(customer)) < truth["win_back.opt_out"]) & contacted
        refused[customer[opts_out]] = at
        found.append(
            Sent(
                customer,
                np.full(len(customer), at),
                ~contacted,
                came,
                arms.natural,
                arms.treated,
                responds & contacted,
                opts_out,
            )
        )
    if not found:
        return Sent(*(np.zeros(0, dtype=kind) for kind in ("int64", "f8", "?", "?", "f8", "f8", "?", "?")))
    return Sent(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _silent(chunk: Chunk, at: float) -> NDArray[np.int64]:
    """Customers silent as long as the rule asks."""
    bought = chunk.purchases
    scale = 1e6  # longer than any shop, so the orders of all customers lie apart on one line
    line = bought.customer * scale + bought.at
    everybody = np.arange(chunk.size)
    latest = np.searchsorted(line, everybody * scale + at, side="right") - 1
    there = (latest >= 0) & (bought.customer[np.maximum(latest, 0)] == everybody) if len(line) else latest >= 0
    customer, latest = everybody[there], latest[there]
    silence = at - bought.at[latest]
    return customer[(silence >= SILENT_DAYS) & (silence <= GIVEN_UP_DAYS)]
