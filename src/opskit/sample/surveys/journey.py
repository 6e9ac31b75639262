"""How satisfied buyers are with each step of their first order, and whether they would recommend the shop."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, ndtri

from opskit.sample.seasons import Floats, later
from opskit.sample.world import Chunk

INVITED = 0.7  # of the buyers whose first order has arrived
ASKED_AFTER_DAYS, ANSWERED_AFTER_DAYS = 4.0, 1.5
LATE_AFTER_DAYS = 10.0
TOUCHPOINTS = ("browse", "pay", "receive", "confirm")


def build(chunk: Chunk) -> dict[str, Any]:
    """Five rows per invited buyer, without answers for those who did not respond."""
    rng, world = chunk.rng("journey_survey"), chunk.world
    customer, took, delivered = _first_orders(chunk)
    asked = later(delivered, np.full(len(customer), ASKED_AFTER_DAYS))
    invited = (rng.random(len(customer)) < INVITED) & (asked < world.days)
    customer, took, asked = customer[invited], took[invited], asked[invited]
    n, rows = len(customer), len(TOUCHPOINTS) + 1
    answers = np.column_stack([*_stars(chunk, rng, customer, took), _recommends(chunk, rng, n)]).astype(object)
    at = later(asked, rng.exponential(ANSWERED_AFTER_DAYS, n))
    silent = (rng.random(n) >= world.truth["satisfaction.response"]) | (at >= world.days)
    answers[silent] = None
    return {
        "customer": np.repeat(customer, rows),
        "question": np.tile(np.array([*["csat"] * len(TOUCHPOINTS), "nps"], dtype=object), n),
        "item": np.full(n * rows, None, dtype=object),
        "touchpoint": np.tile(np.array([*TOUCHPOINTS, "overall"], dtype=object), n),
        "answer": answers.ravel(),
        "at": np.repeat(np.where(silent, np.nan, at), rows),
    }


def _first_orders(chunk: Chunk) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Buyers, the days their first paid order was on its way, and when it arrived."""
    orders = chunk.table("orders")
    paid = np.flatnonzero(orders["paid"])
    customer, first = np.unique(orders["place"][paid], return_index=True)
    delivered = orders["delivered"][paid][first]
    return customer, delivered - orders["at"][paid][first], delivered


def _stars(chunk: Chunk, rng: np.random.Generator, customer: NDArray[np.int64], took: Floats) -> list[NDArray[Any]]:
    """One to five stars for each touchpoint; four and five are satisfied."""
    truth, n = chunk.world.truth, len(customer)
    # The normal score of a buyer's purchase rate: buyers' rates are Gamma(r, alpha).
    rank = gammainc(truth["purchase.r"], chunk.purchases.rate[customer] * truth["purchase.alpha"])
    keen = ndtri(np.clip(rank, 1e-9, 1 - 1e-9))
    tie = truth["satisfaction.tie_to_rate"]
    stars: list[NDArray[Any]] = []
    for touchpoint in TOUCHPOINTS:
        share = np.full(n, truth[f"satisfaction.{touchpoint}"])
        mood = rng.normal(size=n)
        if touchpoint == "receive":
            share[took > LATE_AFTER_DAYS] = truth["satisfaction.receive_late"]
        if touchpoint == "confirm":
            mood = tie * keen + np.sqrt(1 - tie**2) * mood
        satisfied = mood > ndtri(1 - share)
        high, low = rng.choice([4, 5], size=n, p=[0.4, 0.6]), rng.choice([1, 2, 3], size=n, p=[0.2, 0.3, 0.5])
        stars.append(np.where(satisfied, high, low).astype(str))
    return stars


def _recommends(chunk: Chunk, rng: np.random.Generator, n: int) -> NDArray[Any]:
    """Zero to ten: promoters 9 and 10, passives 7 and 8, detractors below."""
    promoters, detractors = (chunk.world.truth[f"satisfaction.{name}"] for name in ("promoters", "detractors"))
    kind = rng.choice(3, size=n, p=[detractors, 1 - promoters - detractors, promoters])
    answers = np.stack([rng.integers(0, 7, n), rng.integers(7, 9, n), rng.integers(9, 11, n)])
    return answers[kind, np.arange(n)].astype(str)
