"""The printed photo book of the child's first year: what it costs where and when, and who is shown which price.

Demand answers to price with one constant elasticity, in the price test and outside it. Outside it the price is no
accident: dearer where the book is wanted more, cheaper in the seasons when everybody buys.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats, within_day
from opskit.sample.tables.customers import CITIES
from opskit.sample.world import Chunk, World

CURRENT_PRICE = 129.0
TEST_PRICES: Mapping[str, float] = {"p79": 79.0, "p99": 99.0, "current": CURRENT_PRICE, "p169": 169.0}
TEST_SHARE = 0.8  # of the accounts there at the time
RECRUITING_DAYS, BUYING_DAYS = 28.0, 14.0
INTEREST_DAYS = 365.0  # an account thinks of the book in its first year
PLACES = [city for cities in CITIES.values() for city in cities]
PEAKS = {2: (0.15, 0.12), 4: (0.35, 0.20)}  # quarter of the year: log demand up, log price down
DEMAND_SHOCK = 0.1  # log demand of a city in one quarter, unrelated to its price


class Market(NamedTuple):
    """List prices and demand by city (rows) and calendar quarter (columns), and where the quarters begin."""

    price: Floats
    demand: Floats
    begins: Floats


def market(world: World) -> Market:
    """The same for every chunk; the draws differ with the seed, the rules do not."""
    rng = world.rng("photo_book_market")
    month = np.array([(d := world.first_day + timedelta(days=i)).year * 12 + d.month - 1 for i in range(world.days)])
    quarters, begins = np.unique(month // 3, return_index=True)
    up, down = np.array([PEAKS.get(int(q) % 4 + 1, (0.0, 0.0)) for q in quarters]).T
    rank = np.concatenate([np.arange(len(cities)) for cities in CITIES.values()])
    wanted = 0.4 * (rank.mean() - rank) / rank.std() + 0.25 * rng.normal(size=len(PLACES))
    noise = world.truth["photo_book.price_noise"] * rng.normal(size=(len(PLACES), len(quarters)))
    log_price = world.truth["photo_book.price_follows_demand"] * wanted[:, None] - down + noise
    shock = DEMAND_SHOCK * rng.normal(size=noise.shape)
    price = np.maximum(1.0, np.round(CURRENT_PRICE * np.exp(log_price)))
    return Market(price, np.exp(wanted[:, None] + up + shock), begins.astype(float))


class Tested(NamedTuple):
    """Accounts in the price test: place in the chunk, variant and moment of assignment."""

    customer: NDArray[np.int64]
    variant: NDArray[np.object_]
    at: Floats


def first_test_day(world: World) -> float:
    """First day of the price test, whole in days."""
    return float(int(world.days - min(150.0, 0.4 * world.days)) - world.rng("photo_book_test").integers(6))


def tested(chunk: Chunk) -> Tested:
    """Assignments to the price test, by lot among the accounts that are there."""
    rng, world = chunk.rng("photo_book_assignments"), chunk.world
    start = max(0.0, first_test_day(world))
    at = start + within_day(rng.random(chunk.size) * RECRUITING_DAYS)
    arm = rng.integers(len(TEST_PRICES), size=chunk.size)
    in_it = np.flatnonzero((rng.random(chunk.size) < TEST_SHARE) & (chunk.signed_up < at) & (at < world.days))
    return Tested(in_it, np.array(list(TEST_PRICES), dtype=object)[arm[in_it]], at[in_it])
