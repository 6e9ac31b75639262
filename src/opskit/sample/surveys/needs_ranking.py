"""What accounts need: each need rated by itself, and then all of them put in order.

Rated one by one nearly everything is important, and a low price seems the most important of all. Put in order it is not:
the order follows the planted weights, one choice after the other.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from opskit.sample.seasons import Floats, within_day
from opskit.sample.world import Chunk, World

NEEDS = (
    "genuine goods",
    "safe ingredients",
    "fast delivery",
    "low price",
    "expert advice",
    "easy returns",
    "gift wrapping",
)
INVITED = 0.14  # of the accounts that are there
DAYS_BEFORE_END = 120.0
FIRST_THREE = 3  # needs that those put in order who give up early
RATED = (0.02, 0.07, 0.19, 0.53)  # answer at most 1, 2, 3, 4
RATED_HIGHER = {"low price": 0.35, "genuine goods": 0.05, "gift wrapping": -0.15}  # normal scores


def key(name: str) -> str:
    """A need as part of a name in the truth."""
    return name.replace(" ", "_")


def weights(world: World) -> Floats:
    """Planted worths as shares."""
    planted = np.array([world.truth[f"needs.weight.{key(need)}"] for need in NEEDS])
    return planted / planted.sum()


def sent(world: World, days_before_end: float = DAYS_BEFORE_END) -> float:
    """When a survey goes out: so many days before the end, in a short shop in its middle."""
    return float(within_day(np.floor([world.days - min(days_before_end, world.days / 2)]) + 0.4)[0])


def build(chunk: Chunk) -> dict[str, Any]:
    """Two rows per invited account and need, without answers for those who did not respond."""
    rng, world = chunk.rng("needs_ranking_survey"), chunk.world
    at = sent(world)
    invited = np.flatnonzero((rng.random(chunk.size) < INVITED) & (chunk.signed_up < at))
    n = len(invited)
    answers = np.hstack([_ratings(rng, n), _ranks(rng, world, n)])
    responds = rng.random(n) < world.truth["needs.survey_response"]
    answers[~responds] = None
    after = at + np.minimum(rng.exponential(2.0, n), world.days - at - 0.01)
    rows = 2 * len(NEEDS)
    return {
        "customer": np.repeat(invited, rows),
        "question": np.tile(np.repeat(np.array(["importance", "rank"], dtype=object), len(NEEDS)), n),
        "item": np.tile(np.array(NEEDS * 2, dtype=object), n),
        "answer": answers.ravel(),
        "at": np.repeat(np.where(responds, after, np.nan), rows),
    }


def _ratings(rng: np.random.Generator, n: int) -> NDArray[Any]:
    """One to five; who is generous is so with every need."""
    score = np.sqrt(0.5) * rng.normal(size=(n, 1)) + np.sqrt(0.5) * rng.normal(size=(n, len(NEEDS)))
    score += np.array([RATED_HIGHER.get(need, 0.0) for need in NEEDS])
    return (1 + (score[..., None] > ndtri(RATED)).sum(axis=-1)).astype(str).astype(object)


def _ranks(rng: np.random.Generator, world: World, n: int) -> NDArray[Any]:
    """Ranks as by choosing again and again from those left; some stop after three."""
    utility = np.log(weights(world)) + rng.gumbel(size=(n, len(NEEDS)))
    rank = (-utility).argsort(axis=1).argsort(axis=1) + 1
    ranks = rank.astype(str).astype(object)
    early = rng.random(n) < world.truth["needs.stop_after_three"]
    ranks[early[:, None] & (rank > FIRST_THREE)] = None
    return ranks
