"""Markets: their true sizes, how fast sign-ups grow, and what accounts are worth by when they came.

Sign-ups follow the media plan, which grows by a steady share: they are no Bass curve, and no market is being used up.
"""

from collections.abc import Sequence

import numpy as np

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.tables.market_ranges import FACTORS, MARKETS
from opskit.sample.world import Chunk, World

TABLES = ("orders", "customers", "market_ranges")
LAYERS = ("total", "serviceable", "obtainable")
CLASSES = {"innovator": 0.025, "early adopter": 0.16, "early majority": 0.5, "late majority": 0.84, "laggard": 1.0}
DAYS = 90
FEWEST = 100  # accounts of a class that are old enough, below which its figure is not worked out


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """True sizes, growth of sign-ups, and value of the adopter classes."""
    return {**_sizes(world), **_growth(world), **_class_values(world, chunks)}


def _sizes(world: World) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for market in MARKETS:
        size = 1.0
        for layer in LAYERS:
            size *= np.prod(
                [world.truth[f"market.{market}.{name}"] for name, spec in FACTORS.items() if spec.layer == layer]
            )
            where = "product of the true factors up to this layer"
            found[f"market.{market}.{layer}"] = Figure(
                float(size), "CNY a year", where, "market.simulate on market_ranges"
            )
    return found


def _growth(world: World) -> dict[str, Figure]:
    """Poisson regression of expected sign-ups on months, by Newton's steps."""
    per_day = world.plan.signups.sum(axis=1)
    opening = np.datetime64(world.first_day, "M")
    month = (np.datetime64(world.first_day, "D") + np.arange(world.days)).astype("datetime64[M]") - opening
    expected = np.bincount(month.astype(int), weights=per_day)
    if len(expected) < 12:
        return {}
    time = np.arange(len(expected)) - (len(expected) - 1) / 2
    level, slope = np.log(expected.mean()), 0.0
    for _ in range(50):
        mean = np.exp(level + slope * time)
        information = np.array([[mean.sum(), mean @ time], [mean @ time, mean @ time**2]])
        step = np.linalg.solve(information, [(expected - mean).sum(), (expected - mean) @ time])
        level, slope = level + step[0], slope + step[1]
    mean = expected / expected.sum()
    spread = float((1 + slope) / np.sqrt(mean @ time**2 - (mean @ time) ** 2))
    where = "steady growth fitted to the sign-ups that plan and season lead one to expect"
    return {
        "market.sign_up_growth": Figure(float(np.expm1(slope)), "share per month", where, "market.growth", 0.0, spread)
    }


def _class_values(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    days = np.concatenate([np.floor(chunk.signed_up) for chunk in chunks])
    spent = np.concatenate([_early_revenue(chunk) for chunk in chunks])
    place = np.searchsorted(days, days, side="left") / len(days)  # of the first account of the same day
    adopter_class = np.searchsorted(list(CLASSES.values())[:-1], place, side="right")
    old = days + DAYS <= world.days
    found: dict[str, Figure] = {}
    for number, name in enumerate(CLASSES):
        own = spent[old & (adopter_class == number)]
        if len(own) >= FEWEST:
            spread = float(own.std() / np.sqrt(len(own) / REFERENCE_CUSTOMERS))
            found[f"market.value_in_{DAYS}_days.{name.replace(' ', '_')}"] = Figure(
                float(own.mean()),
                "CNY per account",
                f"{len(own):,} simulated accounts of the class that are {DAYS} days old",
                "market.class_value on the sign-ups so far",
                spread / REFERENCE_CUSTOMERS**0.5,
                spread,
            )
    return found


def _early_revenue(chunk: Chunk) -> Floats:
    """Net revenue of each account in its first days."""
    orders = chunk.table("orders")
    age = np.floor(orders["at"]) - np.floor(chunk.signed_up)[orders["place"]]
    early = orders["paid"] & (age >= 0) & (age < DAYS)
    net = orders["revenue"] - np.nan_to_num(orders["refund"])
    return np.bincount(orders["place"][early], weights=net[early], minlength=chunk.size)
