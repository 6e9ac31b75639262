"""Advertising shown beside the shop's own goods: a booking a day, nobody's in particular.

Traffic grows with the accounts and with the season, the price per impression falls month after month and rises for the
last quarter of every year: amount and price move in opposite directions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

SIDE = "back"
BUSY_MONTHS = (10, 11, 12)
DAYS_PER_MONTH = 30.44
TRAFFIC_SHAPE = 25.0  # traffic of a day is Gamma around what is expected
PRICE_NOISE = 0.12  # standard deviation of the log price of a day


def build(chunk: Chunk) -> dict[str, Any]:
    """All days, with the first chunk."""
    world = chunk.world
    days = np.arange(world.days if chunk.index == 0 else 0)
    rng = chunk.rng("advertising")
    traffic = rng.gamma(TRAFFIC_SHAPE, 1 / TRAFFIC_SHAPE, len(days))
    impressions = rng.poisson(expected_impressions(world)[days] * traffic)
    noise = rng.lognormal(-(PRICE_NOISE**2) / 2, PRICE_NOISE, len(days))
    amount = np.round(impressions / 1000 * price(world)[days] * noise, 2)
    return {"at": days.astype(float), "amount": amount, "impressions": impressions}


def expected_impressions(world: World) -> Floats:
    """Of each day: in proportion to the accounts expected to be open, and to how busy the day is."""
    accounts = np.cumsum(world.plan.signups.sum(axis=1)) * world.customers
    return world.truth["advertising.impressions"] * accounts * world.busy


def price(world: World) -> Floats:
    """Expected price of 1,000 impressions on each day."""
    months_ago = (world.days - 1 - np.arange(world.days)) / DAYS_PER_MONTH
    level = world.truth["advertising.ecpm"] * (1 + world.truth["advertising.ecpm_trend"]) ** -months_ago
    return level * np.where(in_season(world), world.truth["advertising.ecpm_season"], 1.0)


def in_season(world: World) -> NDArray[np.bool_]:
    """Whether each day lies in the months when advertisers pay more."""
    month = (np.datetime64(world.first_day, "D") + np.arange(world.days)).astype("datetime64[M]").astype(int) % 12 + 1
    return np.isin(month, BUSY_MONTHS)
