"""Needs: worths as shares, what features do, and the three kinds of non-customers, with how well surveys can know them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.surveys import kano, needs_ranking, non_customers
from opskit.sample.world import Chunk, World

TABLES = ("surveys",)
_RANKINGS = 20_000
_WITH, _WITHOUT = np.array([4.0, 2, 0, -1, -2]), np.array([-2.0, -1, 0, 2, 4])  # DuMouchel's scores


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Worths, better and worse, mean scores, and the third kind of non-customers."""
    return {**_worths(world), **_features(world), **_unexplored(world, chunks)}


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """How well the two planted kinds of non-customers could be known."""
    answered = _placed(world, chunks)
    shares = {name: world.truth[f"non_customers.{name}"] for name in non_customers.TIERS[:2]}
    return {f"non_customers.{name}": float(np.sqrt(share * (1 - share) / answered)) for name, share in shares.items()}


def _asked(world: World, days_before_end: float, invited: float, response: str) -> float:
    """Respondents per account of the shop."""
    there = float((world.signups.at < needs_ranking.sent(world, days_before_end)).mean())
    return max(there * invited * world.truth[response], 1e-9)


def _worths(world: World) -> dict[str, Figure]:
    worth = needs_ranking.weights(world)
    per_account = _asked(world, needs_ranking.DAYS_BEFORE_END, needs_ranking.INVITED, "needs.survey_response")
    covariance = np.linalg.pinv(_information(world, worth), rcond=1e-9, hermitian=True)
    slope = np.diag(worth) - np.outer(worth, worth)
    error = np.sqrt(np.diag(slope @ covariance @ slope) / per_account)
    return {
        f"needs.worth.{needs_ranking.key(need)}": Figure(
            float(share),
            "share of worth",
            "planted weight over the sum of the weights",
            "worths of the ranks in survey needs_ranking",
            0.0,
            float(spread),
        )
        for need, share, spread in zip(needs_ranking.NEEDS, worth, error, strict=True)
    }


def _information(world: World, worth: Floats) -> Floats:
    """Fisher information about the logarithms of the worths in one respondent's ranking, over simulated ones."""
    rng = world.rng("needs_information")
    order = (-(np.log(worth) + rng.gumbel(size=(_RANKINGS, len(worth))))).argsort(axis=1)
    early = rng.random(_RANKINGS) < world.truth["needs.stop_after_three"]
    total = np.zeros((len(worth), len(worth)))
    left = np.ones(order.shape, dtype=bool)
    for stage in range(len(worth) - 1):
        choosing = ~early if stage >= needs_ranking.FIRST_THREE else np.ones(_RANKINGS, dtype=bool)
        share = np.where(left, worth, 0)[choosing]
        share /= share.sum(axis=1, keepdims=True)
        total += np.diag(share.sum(axis=0)) - share.T @ share
        left[np.arange(_RANKINGS), order[:, stage]] = False
    return total / _RANKINGS


def _features(world: World) -> dict[str, Figure]:
    per_account = _asked(world, kano.DAYS_BEFORE_END, kano.INVITED, "kano.survey_response")
    found: dict[str, Figure] = {}
    for feature in kano.FEATURES:
        name = needs_ranking.key(feature)
        having, lacking = kano.odds(world, feature)
        meant = _meant(np.outer(having, lacking))
        for word, part in (("better", "AO"), ("worse", "MO")):
            share, base = sum(meant[letter] for letter in part), sum(meant[letter] for letter in "AOMI")
            ratio = share / base
            found[f"kano.{word}.{name}"] = Figure(
                ratio if word == "better" else -ratio,
                "share of answers",
                "from the planted answers by Kano's table",
                f"{word} of the feature, by needs.kano",
                0.0,
                float(np.sqrt(ratio * (1 - ratio) / (base * per_account))),
            )
        for word, odds, score in (("functional", having, _WITH), ("dysfunctional", lacking, _WITHOUT)):
            mean = float(odds @ score)
            found[f"kano.{word}.{name}"] = Figure(
                mean,
                "points from -2 to 4",
                "mean score of the planted answers",
                f"{word} score of the feature, by needs.kano",
                0.0,
                float(np.sqrt((odds @ score**2 - mean**2) / per_account)),
            )
    return found


def _meant(both: NDArray[np.float64]) -> dict[str, float]:
    """Odds of attractive, performance, must-be and indifferent answers; rows: with the feature, columns: without."""
    return {
        "A": float(both[0, 1:4].sum()),
        "O": float(both[0, 4]),
        "M": float(both[1:4, 4].sum()),
        "I": float(both[1:4, 1:4].sum()),
    }


def _placed(world: World, chunks: Sequence[Chunk]) -> float:
    invited = sum(len(np.unique(non_customers.build(chunk)["customer"])) for chunk in chunks)
    return max(invited * world.truth["non_customers.survey_response"] / REFERENCE_CUSTOMERS, 1e-9)


def _unexplored(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    share = 1 - sum(world.truth[f"non_customers.{name}"] for name in non_customers.TIERS[:2])
    spread = float(np.sqrt(share * (1 - share) / _placed(world, chunks)))
    what = "what the other two kinds leave"
    return {"non_customers.unexplored": Figure(share, "share of prospects", what, "needs.non_customers", 0.0, spread)}
