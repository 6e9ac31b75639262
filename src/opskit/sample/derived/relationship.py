"""The quarterly survey: what those who answer say, and what all who were asked would have said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.surveys import relationship
from opskit.sample.surveys.relationship import LISTED, TOUCHPOINTS
from opskit.sample.world import Chunk, World

TABLES = ("surveys",)


def figures(_world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """NPS of the last quarter, and by how much that of the answers rises a quarter."""
    asked = _asked(chunks)
    last = asked["quarter"] == 0
    if last.sum() < 100:
        return {}
    said = asked["said"].astype(bool)
    about = f"{{}} in the last quarter, {REFERENCE_CUSTOMERS:,} simulated accounts"
    found = {
        "relationship.nps_of_those_who_answer": _mean(
            asked["would_say"][last & said], about.format("those who answer"), "NPS of the last quarter"
        ),
        "relationship.nps_of_all": _mean(
            asked["would_say"][last], about.format("all who were asked"), "not to be known from the answers"
        )._replace(spread=None),
    }
    if len(np.unique(asked["quarter"])) > 2:
        found["relationship.nps_per_quarter"] = _slope(asked, said)
    return found


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the slopes of the logistic regression: from its information at the planted values."""
    asked = _asked(chunks)
    said = asked["said"].astype(bool)
    if said.sum() < 100 or asked["would_say"][said].min() == asked["would_say"][said].max():
        return {}
    stars = asked["stars"][said].astype(float)
    promoter = asked["would_say"][said] == 1
    weight = np.array([world.truth[f"relationship.weight.{name}"] for name in TOUCHPOINTS])
    pull = stars @ weight
    design = np.column_stack([np.ones(len(stars)), stars])
    # The intercept that fits how many promoters there are among those who answer.
    level = brentq(lambda level: expit(level + pull).mean() - promoter.mean(), -50, 50)
    chance = expit(level + pull)
    information = (design.T * (chance * (1 - chance))) @ design
    errors = np.sqrt(np.diag(np.linalg.inv(information)))[1:] * np.sqrt(REFERENCE_CUSTOMERS)
    return {f"relationship.weight.{name}": float(error) for name, error in zip(TOUCHPOINTS, errors, strict=True)}


def _asked(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """A row per buyer and quarter asked."""
    parts = [relationship.build(chunk)["asked"] for chunk in chunks]
    names = ("customer", "quarter", "would_say", "said", "stars")
    found = {name: np.concatenate([part[name] for part in parts]) for name in names}
    starts = np.repeat([chunk.start for chunk in chunks], [len(part["customer"]) for part in parts])
    return {**found, "customer": found["customer"].astype(np.int64) + starts}


def _mean(kind: Any, where: str, estimate: str) -> Figure:
    """Promoters' share less detractors'."""
    error = float(np.std(kind) / np.sqrt(len(kind)))
    return Figure(float(np.mean(kind)), "points / 100", where, estimate, error, error * np.sqrt(REFERENCE_CUSTOMERS))


def _slope(asked: dict[str, Any], said: Any) -> Figure:
    """Least squares over answers, with all answers of a buyer kept together."""
    quarter, kind = asked["quarter"][said].astype(float), asked["would_say"][said].astype(float)
    away = quarter - quarter.mean()
    value = float(np.sum(away * kind) / np.sum(away**2))
    residual = away * (kind - kind.mean() - value * away)
    error = float(np.sqrt(np.sum(np.bincount(asked["customer"][said], weights=residual) ** 2)) / np.sum(away**2))
    return Figure(
        value,
        "points / 100 a quarter",
        f"least-squares line through the answers of all quarters, {LISTED:.0%} of the buyers being asked",
        "trend of the NPS",
        error,
        error * np.sqrt(REFERENCE_CUSTOMERS),
    )
