"""Prospects without a paid order: how much they need such a shop, whether they could pay, whether they decided against it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.surveys.needs_ranking import sent
from opskit.sample.world import Chunk

INVITED = 0.45  # of the prospects that are there
DAYS_BEFORE_END = 60.0
QUESTIONS = ("need", "ability_to_pay", "decided_against")
TIERS = ("nearly", "refusing", "unexplored")


def build(chunk: Chunk) -> dict[str, Any]:
    """Three rows per invited prospect, without answers for those who did not respond; hidden, each row's tier."""
    rng, world = chunk.rng("non_customers_survey"), chunk.world
    at = sent(world, DAYS_BEFORE_END)
    orders = chunk.table("orders")
    bought = np.zeros(chunk.size, dtype=bool)
    bought[orders["place"][orders["paid"] & (orders["at"] < at)]] = True
    invited = np.flatnonzero((rng.random(chunk.size) < INVITED) & (chunk.signed_up < at) & ~bought)
    n, rows = len(invited), len(QUESTIONS)
    nearly, refusing = (world.truth[f"non_customers.{name}"] for name in TIERS[:2])
    tier = (rng.random(n)[:, None] > np.cumsum([nearly, refusing])).sum(axis=1)
    answers = _answers(rng, tier)
    responds = rng.random(n) < world.truth["non_customers.survey_response"]
    answers[~responds] = None
    after = at + np.minimum(rng.exponential(2.0, n), world.days - at - 0.01)
    return {
        "customer": np.repeat(invited, rows),
        "question": np.tile(np.array(QUESTIONS, dtype=object), n),
        "item": np.full(n * rows, None, dtype=object),
        "answer": answers.ravel(),
        "at": np.repeat(np.where(responds, after, np.nan), rows),
        "tier": np.repeat(np.array(TIERS, dtype=object)[tier], rows),
    }


def _answers(rng: np.random.Generator, tier: NDArray[np.int64]) -> NDArray[Any]:
    """Need and ability to pay from 1 to 5, and yes or no; half of the refusing cannot pay, half have said no."""
    n = len(tier)
    said_no = (tier == 1) & (rng.random(n) < 0.5)
    felt = np.where(said_no, rng.integers(3, 6, n), rng.integers(4, 6, n))
    need = np.where(tier == 2, rng.integers(1, 4, n), felt)
    poor = (tier == 1) & ~said_no
    pay = np.where(tier == 0, rng.integers(4, 6, n), np.where(poor, rng.integers(1, 4, n), rng.integers(1, 6, n)))
    against = np.where(said_no, "yes", "no")
    return np.column_stack([need.astype(str), pay.astype(str), against]).astype(object)
