"""Messages that wake customers who have long been silent, and those held out of each wave at random.

The orders are fixed before anybody is written to, so the arms are drawn given the orders, by Bayes' rule: what is known
of a customer on the day of a wave (the purchase rate, and whether the customer has left for good) says how likely an
order within the window is. A contact multiplies that probability by 1 + uplift, and the arm is drawn from its probability
given what came. Rate, state, arm and orders then have the joint distribution of an experiment in which the arm was drawn
first, with the same probability for everybody.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
        silent, natural_mean, came_back = _silent(chunk, float(at))
        asked = refused[silent] > at
        customer, likely, came = silent[asked], natural_mean[asked], came_back[asked]
        contacted_share, uplift = 1 - truth["win_back.holdout_share"], truth["win_back.uplift"]
        woken = np.minimum((1 + uplift) * likely / (1 + contacted_share * uplift), 1.0)
        natural = (likely - contacted_share * woken) / (1 - contacted_share)
        contacted = rng.random(len(customer)) < _given(came, contacted_share, woken, likely)
        responds = rng.random(len(customer)) < np.where(came, RESPONDS_BUYING, RESPONDS)
        opts_out = (rng.random(len(customer)) < truth["win_back.opt_out"]) & contacted
        refused[customer[opts_out]] = at
        found.append(
            Sent(
                customer,
                np.full(len(customer), at),
                ~contacted,
                came,
                natural,
                woken,
                responds & contacted,
                opts_out,
            )
        )
    if not found:
        return Sent(*(np.zeros(0, dtype=kind) for kind in ("int64", "f8", "?", "?", "f8", "f8", "?", "?")))
    return Sent(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _given(came: NDArray[np.bool_], share: float, woken: Floats, likely: Floats) -> Floats:
    """Probability of having been contacted, given whether an order came."""
    with np.errstate(divide="ignore", invalid="ignore"):
        given = np.where(came, share * woken / likely, share * (1 - woken) / (1 - likely))
    return np.where(np.isfinite(given), given, share)


def _silent(chunk: Chunk, at: float) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_]]:
    """Customers silent as long as the rule asks, how likely each orders within the window, and whether each did."""
    bought, clock = chunk.purchases, chunk.world.clock
    scale = 1e6  # longer than any shop, so the orders of all customers lie apart on one line
    line = bought.customer * scale + bought.at
    everybody = np.arange(chunk.size)
    latest = np.searchsorted(line, everybody * scale + at, side="right") - 1
    there = (latest >= 0) & (bought.customer[np.maximum(latest, 0)] == everybody) if len(line) else latest >= 0
    customer, latest = everybody[there], latest[there]
    silence = at - bought.at[latest]
    chosen = (silence >= SILENT_DAYS) & (silence <= GIVEN_UP_DAYS)
    customer, latest = customer[chosen], latest[chosen]
    following = np.minimum(latest + 1, len(line) - 1)
    again = (following > latest) & (bought.customer[following] == customer)
    came = again & (bought.at[following] <= at + WINDOW_DAYS)
    gone = bought.left[customer] & ~again
    passed = clock.even(at + WINDOW_DAYS) - clock.even(at)
    return customer, np.where(gone, 0.0, -np.expm1(-bought.rate[customer] * passed)), came
