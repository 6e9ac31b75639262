"""Arms drawn given what came of them, so that a treatment by lot can have an effect on orders that are fixed.

What the generator knows of a customer at a moment (the purchase rate, and whether the customer has left for good) says
how likely an order within a window is. A treatment multiplies that probability by 1 + uplift, and the arm is drawn from
its probability given what came. Rate, state, arm and orders then have the joint distribution of an experiment in which
the arm was drawn first, with the same probability for everybody.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk


class Prospects(NamedTuple):
    """What is known, and what came, of customers each at a moment of their own.

    Attributes:
        likely: Probability of an order within the window, over both arms; known to nobody in the shop.
        came: Whether there was a paid order within the window.
    """

    likely: Floats
    came: NDArray[np.bool_]


class Arms(NamedTuple):
    """Probabilities of an order within the window, and of having been treated given whether it came."""

    natural: Floats
    treated: Floats
    given: Floats


def first_order(chunk: Chunk, start: float, end: float) -> tuple[NDArray[np.int64], Floats]:
    """Customers with a paid order from start to before end, and the time of the first one."""
    bought = chunk.purchases
    inside = np.flatnonzero((bought.at >= start) & (bought.at < end))
    customer, first = np.unique(bought.customer[inside], return_index=True)
    return customer, bought.at[inside[first]]


def prospects(chunk: Chunk, customer: NDArray[np.int64], at: Floats, window_days: float) -> Prospects:
    """Probability and fact of an order within the window after a moment, for customers who have ordered before it."""
    bought, clock = chunk.purchases, chunk.world.clock
    scale = 1e6  # longer than any shop, so the orders of all customers lie apart on one line
    line = bought.customer * scale + bought.at
    following = np.searchsorted(line, customer * scale + at, side="right")
    there = np.minimum(following, len(line) - 1)
    again = (following < len(line)) & (bought.customer[there] == customer)
    came = again & (bought.at[there] <= at + window_days)
    gone = bought.left[customer] & ~again
    passed = clock.even(at + window_days) - clock.even(at)
    return Prospects(np.where(gone, 0.0, -np.expm1(-bought.rate[customer] * passed)), came)


def arms(found: Prospects, *, share: float, uplift: float) -> Arms:
    """Chances of both arms where a share is treated, and how likely each customer was in the treated one."""
    treated = np.minimum((1 + uplift) * found.likely / (1 + share * uplift), 1.0)
    natural = (found.likely - share * treated) / (1 - share)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = np.where(found.came, share * treated / found.likely, share * (1 - treated) / (1 - found.likely))
    return Arms(natural, treated, np.where(np.isfinite(given), given, share))


def chances(likely: Floats, shares: Floats, odds: Floats) -> Floats:
    """Probability of an order in each of several arms.

    Args:
        likely: Probability over all arms.
        shares: Of the arms, together 1.
        odds: Odds ratio of each arm against one and the same, a row per customer and a column per arm.

    Returns:
        A row per customer and a column per arm; weighted with the shares they give back `likely`.
    """
    low, high = np.full(len(likely), -60.0), np.full(len(likely), 60.0)
    log_odds = np.log(odds)
    for _ in range(60):  # halving: the logit of the arm of odds 1 is between the two
        middle = (low + high) / 2
        above = (1 / (1 + np.exp(-(middle[:, None] + log_odds)))) @ shares > likely
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    each = 1 / (1 + np.exp(-(((low + high) / 2)[:, None] + log_odds)))
    return np.where((likely > 0)[:, None], each, 0.0)


def given(found: Prospects, each: Floats, shares: Floats) -> Floats:
    """Probability of each arm given what came, where each arm has these chances of an order.

    A customer who came although no chance of it is known is as likely in each arm as planned.
    """
    weight = shares * np.where(found.came[:, None], each, 1 - each)
    total = weight.sum(axis=1, keepdims=True)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), shares)
