"""Segments: the taste of each customer, a favourite kind of product that no table shows, and how well orders give it away.

How often and for how much customers buy differs by degrees (purchase.r, value.q), so there are no groups to be found in
that. What they buy differs by kind: each customer has one favourite group of product, drawn by its weight in the
assortment; so many of the orders are of it, and the others of any group.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.tables.orders import ASSORTMENT, LOYAL_TO_FAVOURITE
from opskit.sample.world import Chunk, World

TABLES = ("orders",)
LEAST_ORDERS = 2  # fewer say next to nothing about a favourite
FEWEST = 1000  # customers with so many orders below which the figures are not worked out
KINDS = tuple(line[0] for line in ASSORTMENT)
WEIGHTS = np.array([line[1] for line in ASSORTMENT])
MIX = (1 - LOYAL_TO_FAVOURITE) * WEIGHTS + LOYAL_TO_FAVOURITE * np.eye(len(KINDS))  # favourite x kind of an order


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Number and size of the groups of taste, the share of the favourite in their orders, and what a classifier can reach."""
    del world
    parts = [counted(chunk) for chunk in chunks]
    number, favourite = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(number) < FEWEST:
        return {}
    member = posterior(number)
    where = "closed form of the weights of the assortment"
    rule = f"customers with {LEAST_ORDERS} or more paid orders; a favourite for each, no table shows it"
    shares, own = _spreads(number, member)
    found = {"segments.tastes": Figure(len(KINDS), "groups", rule, "segments.Tastes: k_")}
    for at, kind in enumerate(KINDS):
        name = f"segments.taste_share.{kind}"
        text = f"segments.Tastes: share of the group {kind}"
        found[name] = Figure(float(WEIGHTS[at]), "share of customers", where, text, spread=float(shares[at]))
    for at, kind in enumerate(KINDS):
        name = f"segments.taste_own.{kind}"
        text = f"segments.Tastes: share of {kind} in the orders of the group {kind}"
        found[name] = Figure(float(MIX[at, at]), "share of orders", where, text, spread=float(own[at]))
    sure = member.max(axis=1)
    where = f"{REFERENCE_CUSTOMERS:,} simulated accounts, a classifier that knows weights and shares; {rule}"
    error = float(sure.std() / np.sqrt(len(sure)))
    text = "segments.Tastes: certainty; it comes out a little high, for the mixes are fitted to the same orders"
    found["segments.taste_certainty"] = Figure(float(sure.mean()), "probability", where, text, error)
    rand = adjusted_rand(favourite, member.argmax(axis=1))
    text = "not seen directly: the favourite is hidden"
    found["segments.taste_adjusted_rand"] = Figure(
        rand, "adjusted Rand index", where, text, _rand_error(favourite, member)
    )
    return found


def counted(chunk: Chunk) -> tuple[Floats, NDArray[np.int64]]:
    """Paid orders by kind, and the favourite, of the chunk's customers with enough orders."""
    orders = chunk.table("orders")
    place, kind = orders["place"][orders["paid"]], orders["kind"][orders["paid"]]
    cells = np.bincount(place * len(KINDS) + kind, minlength=chunk.size * len(KINDS))
    number = cells.reshape(chunk.size, len(KINDS)).astype(float)
    enough = number.sum(axis=1) >= LEAST_ORDERS
    return number[enough], orders["favourite"][enough]


def posterior(number: Floats) -> Floats:
    """Probability of each favourite, given a customer's orders by kind and all that is planted."""
    fit = np.log(WEIGHTS) + number @ np.log(MIX).T
    weight = np.exp(fit - fit.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def adjusted_rand(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Agreement of two ways to split the same customers, 0 by chance and 1 when they are the same."""
    table = np.bincount(one * len(KINDS) + other, minlength=len(KINDS) ** 2).reshape(len(KINDS), -1).astype(float)

    def pairs(n: Floats) -> float:
        return float((n * (n - 1) / 2).sum())

    both, first, second = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = first * second / pairs(table.sum(keepdims=True))
    return (both - chance) / ((first + second) / 2 - chance)


def _rand_error(favourite: NDArray[np.int64], member: Floats, groups: int = 50) -> float:
    found = [adjusted_rand(favourite[at::groups], member[at::groups].argmax(axis=1)) for at in range(groups)]
    return float(np.std(found) / np.sqrt(groups))


def _spreads(number: Floats, member: Floats) -> tuple[Floats, Floats]:
    """Of the shares of the groups and of the favourite's share in each: information in the orders at the planted values."""
    n = number.sum(axis=1, keepdims=True)
    scores = [member - WEIGHTS] + [member[:, [at]] * (number - n * MIX[at]) for at in range(len(KINDS))]
    score = np.hstack(scores)
    known = np.linalg.pinv(score.T @ score / REFERENCE_CUSTOMERS)
    k = len(KINDS)
    share = np.diag(WEIGHTS) - np.outer(WEIGHTS, WEIGHTS)
    shares = np.sqrt(np.diag(share @ known[:k, :k] @ share))
    own = np.empty(k)
    for at in range(k):
        block = slice(k * (at + 1), k * (at + 2))
        slope = MIX[at, at] * (np.eye(k)[at] - MIX[at])
        own[at] = np.sqrt(slope @ known[block, block] @ slope)
    return shares, own
