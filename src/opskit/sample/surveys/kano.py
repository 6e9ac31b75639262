"""Six features by Kano's two questions: how it is with each, and how without."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.surveys.needs_ranking import key, sent
from opskit.sample.world import Chunk, World

FEATURES = (
    "anti-fake code",
    "next-day delivery",
    "advice by age",
    "free returns",
    "night support",
    "handwritten card",
)
INVITED = 0.11  # of the accounts that are there
DAYS_BEFORE_END = 90.0
WORDS = ("like", "expect", "neutral", "live with", "dislike")
REST_WITH = (0.40, 0.45, 0.12, 0.03)  # of those who do not like it: expect to dislike
REST_WITHOUT = (0.05, 0.15, 0.50, 0.30)  # of those who do not dislike its absence: like to live with


def odds(world: World, feature: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability of each of the words, with the feature and without it; the two answers are independent."""
    like, dislike = (world.truth[f"kano.{word}.{key(feature)}"] for word in ("like", "dislike"))
    return np.array([like, *(1 - like) * np.array(REST_WITH)]), np.array(
        [*(1 - dislike) * np.array(REST_WITHOUT), dislike]
    )


def build(chunk: Chunk) -> dict[str, Any]:
    """Two rows per invited account and feature, without answers for those who did not respond."""
    rng, world = chunk.rng("kano_survey"), chunk.world
    at = sent(world, DAYS_BEFORE_END)
    invited = np.flatnonzero((rng.random(chunk.size) < INVITED) & (chunk.signed_up < at))
    n, rows = len(invited), 2 * len(FEATURES)
    answers = np.empty((n, rows), dtype=object)
    for place, feature in enumerate(FEATURES):
        for side, share in enumerate(odds(world, feature)):
            answers[:, 2 * place + side] = np.array(WORDS, dtype=object)[rng.choice(len(WORDS), size=n, p=share)]
    responds = rng.random(n) < world.truth["kano.survey_response"]
    answers[~responds] = None
    after = at + np.minimum(rng.exponential(2.0, n), world.days - at - 0.01)
    return {
        "customer": np.repeat(invited, rows),
        "question": np.tile(np.array(["functional", "dysfunctional"] * len(FEATURES), dtype=object), n),
        "item": np.tile(np.repeat(np.array(FEATURES, dtype=object), 2), n),
        "answer": answers.ravel(),
        "at": np.repeat(np.where(responds, after, np.nan), rows),
    }
