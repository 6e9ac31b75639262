"""Purchases in stores that large brands run on the platform: a lower share of the price, and ever more of them.

They hang on no order of the shop. As the brands pay less than other sellers, their growth lowers the share that the
shop keeps of all that others sell, while the raised rate of the marketplace lifts it.
"""

from typing import Any

import numpy as np

from opskit.sample.seasons import Floats, within_day
from opskit.sample.streams.marketplace_commission import commission, prices
from opskit.sample.world import Chunk, World

SIDE = "back"
OPENS_AFTER = 0.35  # share of the shop's period without such stores
DAYS_PER_MONTH = 30.44


def build(chunk: Chunk) -> dict[str, Any]:
    """A booking per purchase: a Poisson process while a customer is interested, thinned to the expected course."""
    world, rng = chunk.world, chunk.rng("brand_store_commission")
    since = chunk.signed_up
    most = world.truth["brand_store.purchases"] / DAYS_PER_MONTH
    until = chunk.purchases.interested_until
    count = rng.poisson(most * np.maximum(until - since, 0.0))
    customer = np.repeat(np.arange(chunk.size), count)
    at = since[customer] + rng.random(len(customer)) * (until - since)[customer]
    kept = rng.random(len(customer)) < share_of_last_day(world, at)
    kept &= chunk.purchases.rate[customer] > 0
    customer, at = customer[kept], np.maximum(within_day(at[kept]), since[customer[kept]])
    gross = prices(rng, len(at))
    amount = commission(rng, gross, world.truth["brand_store.take_rate"])
    return {"at": at, "amount": amount, "customer": customer, "gross_amount": gross}


def share_of_last_day(world: World, at: Floats) -> Floats:
    """How far purchases have grown at a time: 0 until the first stores open, 1 on the last day."""
    opening = OPENS_AFTER * world.days
    return np.clip((at - opening) / (world.days - opening), 0.0, 1.0)
