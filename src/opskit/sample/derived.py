"""What follows from the planted parameters: closed forms where they exist, else one large fixed simulation."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from opskit.sample.acquisition_plan import CHANNELS, PAID
from opskit.sample.world import World

REFERENCE_CUSTOMERS = 100_000
REFERENCE_SEED = 20_251_231  # never the shop's own seed: a new seed must not change the truth


class Derived(NamedTuple):
    """One figure that the planted parameters imply."""

    value: float
    unit: str
    where: str
    estimate: str


def figures(truth: Mapping[str, float], months: int) -> dict[str, Derived]:
    """Derived figures of a shop of this many months; the size and the seed of the shop play no part."""
    return dict(_figures(tuple(sorted(truth.items())), months))


@lru_cache(maxsize=32)
def _figures(truth: tuple[tuple[str, float], ...], months: int) -> dict[str, Derived]:
    world = World(dict(truth), REFERENCE_CUSTOMERS, months, REFERENCE_SEED)
    return {**_buying(world), **_acquisition(world)}


def _buying(world: World) -> dict[str, Derived]:
    customer, at = _reference_orders(world)
    first = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]])
    gap = np.diff(at)[customer[1:] == customer[:-1]]
    r, alpha = world.truth["purchase.r"], world.truth["purchase.alpha"]
    found: dict[str, Derived] = {}
    for days in (30, 90, 180):
        day = at[first][at[first] <= world.days - days]
        if len(day) == 0:
            continue
        passed = world.clock.even(day + days) - world.clock.even(day)
        found[f"second_order_within.{days}_days"] = Derived(
            float(np.mean(1 - (alpha / (alpha + passed)) ** r)),
            "probability",
            f"1 - (alpha / (alpha + t))^r, t = {days} days on the season's clock, averaged over first orders old enough",
            "share of buyers with another paid order within the days, customers observed that long",
        )
    found["natural_interval_days"] = Derived(
        float(np.median(gap)) if len(gap) else float("nan"),
        "days",
        f"median gap between consecutive paid orders of {REFERENCE_CUSTOMERS:,} simulated accounts, gaps completed in the period",
        "median gap between consecutive paid orders of one customer",
    )
    return found


def _reference_orders(world: World) -> tuple[Any, Any]:
    """Customer and time of every paid order of the reference shop."""
    parts = [world.chunk(index) for index in range(world.chunks)]
    return (
        np.concatenate([part.purchases.customer + part.start for part in parts]),
        np.concatenate([part.purchases.at for part in parts]),
    )


def _acquisition(world: World) -> dict[str, Derived]:
    found: dict[str, Derived] = {}
    share = world.plan.signups.sum(axis=0)
    for place, channel in enumerate(CHANNELS):
        incremental = world.truth.get(f"incremental_share.{channel}", 1.0)
        found[f"recorded_share.{channel}"] = Derived(
            float(share[place]), "share of sign-ups", "expected share over the period", "share of customers by channel"
        )
        if channel in PAID:
            found[f"incremental_signups.{channel}"] = Derived(
                float(share[place] * incremental),
                "share of all sign-ups",
                "sign-ups that would not exist without the channel's spend",
                "lift test, or total sign-ups on spend",
            )
    found["incremental_signups.retargeting"] = Derived(
        0.0, "share of all sign-ups", "retargeting touches people about to order anyway", "holdout test"
    )
    return found
