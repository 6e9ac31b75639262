"""Goods of other sellers bought in the same basket: the shop keeps a share of the price, raised once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import LAST_DAY, Chunk, World

SIDE = "back"
RAISED_MONTHS_BEFORE_END = 6
MEAN_PRICE, PRICE_SPREAD = 240.0, 0.6  # mean, and standard deviation of the log
RATE_SHAPE = 30.0  # the rate differs between goods: Beta around the planted one


def build(chunk: Chunk) -> dict[str, Any]:
    """A booking per paid order with such goods, at the time of the order."""
    orders, world = chunk.table("orders"), chunk.world
    rng = chunk.rng("marketplace_commission")
    with_goods = orders["paid"] & (rng.random(len(orders["at"])) < world.truth["marketplace.attach_share"])
    at = orders["at"][with_goods]
    rate = np.where(
        at < raised_at(world), world.truth["marketplace.take_rate_before"], world.truth["marketplace.take_rate_after"]
    )
    gross = prices(rng, len(at))
    return {
        "at": at,
        "amount": commission(rng, gross, rate),
        "customer": orders["place"][with_goods],
        "order_id": orders["order_id"][with_goods],
        "gross_amount": gross,
    }


def raised_at(world: World) -> float:
    """Calendar day from which the higher rate holds: the first of a month; before the first day in a short shop."""
    month = np.datetime64(LAST_DAY, "M") - np.timedelta64(RAISED_MONTHS_BEFORE_END - 1, "M")
    return float((month.astype("datetime64[D]") - np.datetime64(world.first_day, "D")).astype(np.int64))


def prices(rng: np.random.Generator, size: int) -> Floats:
    """Prices asked by other sellers."""
    return np.round(MEAN_PRICE * rng.lognormal(-(PRICE_SPREAD**2) / 2, PRICE_SPREAD, size), 2)


def commission(rng: np.random.Generator, gross: Floats, rate: float | NDArray[np.float64]) -> Floats:
    """What the shop keeps of each price."""
    return np.round(gross * rng.beta(RATE_SHAPE * rate, RATE_SHAPE * (1 - np.asarray(rate)), len(gross)), 2)
