"""Subscriptions: renewals and lifetimes that follow from the shifted beta-geometric model of each plan."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample import subscribing
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("subscriptions",)
ANNUAL_DISCOUNT_RATE = 0.10
LEAST_AT_RISK = 30  # contracts with a second renewal to pass, below which alpha and beta cannot be told apart
FOUND_BY = "shifted beta-geometric fit of contracts that began with this plan"


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Closed forms of every plan; the reference shop only says how well an estimate could know them."""
    found: dict[str, Figure] = {}
    for place, plan in enumerate(subscribing.PLAN_NAMES):
        shape, covariance = _shape(world, place), _covariance(world, chunks, place)
        discount = (1 + ANNUAL_DISCOUNT_RATE) ** (subscribing.MONTHS[place] / 12) - 1
        kinds: dict[str, tuple[Callable[[Floats], float], str, str]] = {
            "first_renewal": (
                lambda x: x[1] / x.sum(),
                "probability",
                "beta / (alpha + beta): renewing the first time",
            ),
            "seventh_renewal": (
                lambda x: (x[1] + 6) / (x.sum() + 6),
                "probability",
                "(beta + 6) / (alpha + beta + 6): renewing the seventh time, of those still there",
            ),
            "lifetime": (
                lambda x, discount=discount: _lifetime(x, discount),
                "billing periods",
                f"expected payments of a new contract, the first included, discounted by {ANNUAL_DISCOUNT_RATE:.0%} a year",
            ),
        }
        for kind, (value, unit, where) in kinds.items():
            spread = _spread(value, shape, covariance)
            found[f"subscription.{kind}.{plan}"] = Figure(value(shape), unit, where, FOUND_BY, spread=spread)
    return found


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of alpha and beta, where contracts are old enough to tell them apart."""
    found: dict[str, float] = {}
    for place, plan in enumerate(subscribing.PLAN_NAMES):
        covariance = _covariance(world, chunks, place)
        if covariance is not None:
            for at, letter in enumerate(("alpha", "beta")):
                found[f"subscription.{letter}.{plan}"] = float(np.sqrt(covariance[at, at] * REFERENCE_CUSTOMERS))
    return found


def _shape(world: World, place: int) -> Floats:
    plan = subscribing.PLAN_NAMES[place]
    return np.array([world.truth[f"subscription.{letter}.{plan}"] for letter in ("alpha", "beta")])


def _lifetime(shape: Floats, discount: float) -> float:
    from scipy.special import hyp2f1

    return float(hyp2f1(1, shape[1], shape.sum(), 1 / (1 + discount)))


def _spread(value: Callable[[Floats], float], shape: Floats, covariance: NDArray[Any] | None) -> float | None:
    """Delta method."""
    if covariance is None:
        return None
    step = 1e-5 * shape
    slope = np.array([(value(shape + e) - value(shape - e)) / (2 * e.sum()) for e in np.diag(step)])
    return float(np.sqrt(slope @ covariance @ slope * REFERENCE_CUSTOMERS))


def _covariance(world: World, chunks: Sequence[Chunk], place: int) -> NDArray[Any] | None:
    """Inverse of the information about (alpha, beta) in the reference shop's contracts, at the truth."""
    renewed, at_risk = (np.zeros(world.months + 1) for _ in range(2))
    months = int(subscribing.MONTHS[place])
    for chunk in chunks:
        signed = chunk.table("subscriptions")["contracts"]
        mine = signed.plan == place
        for period in range(1, world.months // months + 1):
            decided = subscribing.due(world.first_day, signed.start[mine], period * months) < world.days
            there = decided & (signed.periods[mine] >= period)
            at_risk[period - 1] += there.sum()
            renewed[period - 1] += (there & (signed.periods[mine] > period)).sum()
    if at_risk[1] < LEAST_AT_RISK:
        return None
    (alpha, beta), i = _shape(world, place), np.arange(len(renewed))
    shared = (at_risk / (alpha + beta + i) ** 2).sum()
    ended = (at_risk - renewed).sum()
    information = [[ended / alpha**2 - shared, -shared], [-shared, (renewed / (beta + i) ** 2).sum() - shared]]
    covariance = np.linalg.inv(np.array(information))
    return covariance if (np.linalg.eigvalsh(covariance) > 0).all() else None  # too few renewals to tell
