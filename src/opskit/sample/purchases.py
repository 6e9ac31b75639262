"""When customers buy: a BG/NBD process on the season's clock."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.seasons import Clock, Floats


class Purchases(NamedTuple):
    """Paid orders, sorted by customer and time.

    Attributes:
        customer: Place of the customer in the chunk.
        at: Calendar time of the order.
        rate: Purchases per day while alive, one per customer; 0 for those who never buy.
        interested_until: Calendar time until which a customer still visits, one per customer.
        left: Whether a customer has left for good at the last order, one per customer.
    """

    customer: NDArray[np.int64]
    at: Floats
    rate: Floats
    interested_until: Floats
    left: NDArray[np.bool_]


def simulate(
    rng: np.random.Generator,
    signed_up: Floats,
    channel: NDArray[np.int8],
    channel_mix: Floats,
    clock: Clock,
    truth: Mapping[str, float],
) -> Purchases:
    """Paid orders of customers who signed up at these times through these channels.

    channel_mix has a row per customer: what each channel is expected to bring on the day of sign-up.
    """
    size = len(signed_up)
    buyer_share = np.array([truth[f"buyer_share.{name}"] for name in CHANNELS])
    buys = rng.random(size) < buyer_share[channel]
    rate = np.where(buys, _rates(rng, channel, channel_mix * buyer_share, truth), 0.0)
    leaves = rng.beta(truth["dropout.a"], truth["dropout.b"], size)
    at_once = rng.random(size) < truth["first_order.same_day_share"]
    wait = np.where(at_once, 0.03, truth["first_order.delay_days"]) * rng.exponential(size=size)
    left_after = rng.exponential(20.0, size)

    even = clock.even(signed_up) + wait
    alive = np.flatnonzero(buys & (even < clock.end))
    interested = np.where(buys, clock.end, clock.even(signed_up) + left_after)
    left = np.zeros(size, dtype=bool)
    customers, times = [alive], [even[alive]]
    while len(alive):
        even[alive] += rng.exponential(size=len(alive)) / rate[alive]
        alive = alive[even[alive] < clock.end]
        customers.append(alive)
        times.append(even[alive])
        gone = rng.random(len(alive)) < leaves[alive]
        interested[alive[gone]] = even[alive[gone]] + left_after[alive[gone]]
        left[alive[gone]] = True
        alive = alive[~gone]
    customer = np.concatenate(customers)
    # Rounding on the way to the season's clock and back may not put an order before its sign-up.
    at = np.maximum(clock.calendar(np.concatenate(times)), signed_up[customer])
    order = np.lexsort((at, customer))
    until = clock.calendar(np.minimum(interested, clock.end))
    return Purchases(customer[order], at[order], rate, until, left)


def _rates(
    rng: np.random.Generator, channel: NDArray[np.int8], buyer_mix: Floats, truth: Mapping[str, float]
) -> Floats:
    """Rates that differ by channel and yet are Gamma(r, alpha) over all buyers of a day.

    A normal score, shifted by channel, is turned into its rank in the day's mixture of channels and the rank into a
    rate. So a single BG/NBD fit finds the planted r and alpha while channels still bring different customers.
    """
    from scipy import special

    shift = np.array([truth[f"rate_shift.{name}"] for name in CHANNELS])
    score = rng.standard_normal(len(channel)) + shift[channel]
    rank = np.sum(buyer_mix * special.ndtr(score[:, None] - shift), axis=1) / np.sum(buyer_mix, axis=1)
    return np.maximum(special.gammaincinv(truth["purchase.r"], rank), 1e-9) / truth["purchase.alpha"]
