"""Core users: how unevenly money, contributions and invitations are spread, and whether they fall on the same people.

Nothing is planted for this page alone: customers review and post some share of their orders, and the talent to invite
is drawn from a Pareto distribution that has nothing to do with buying. So who spends much contributes much, and who
invites spends like anybody else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.tables.events import STEP
from opskit.sample.world import Chunk, World

TABLES = ("orders", "customers", "events")
TOPS = {"value": 0.1, "contribution": 0.1, "influence": 0.01}  # shares of accounts; less than a tenth invite at all
DISCOUNT = 0.5  # what each further generation of invited accounts counts
FEWEST = 100  # accounts that have any, below which a figure is not worked out


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares of the top, of those who contribute and of those invited, and rank correlations."""
    held = {
        "value": np.concatenate([_revenue(chunk) for chunk in chunks]),
        "contribution": np.concatenate([_contributions(chunk) for chunk in chunks]),
        "influence": _influence(world.signups.referrer),
    }
    if any((amounts > 0).sum() < FEWEST for amounts in held.values()):
        return {}
    found = {f"core_users.top_{100 * TOPS[name]:g}_percent.{name}": _top(held[name], name) for name in held}
    found["core_users.contributing_share"] = _contributing(held["contribution"] > 0)
    found["core_users.invited_value_share"] = _invited(held["value"], world.signups.referrer >= 0)
    for first, second in (("contribution", "value"), ("influence", "value"), ("contribution", "influence")):
        found[f"core_users.correlation.{first}_{second}"] = _correlation(held[first], held[second], first, second)
    return found


def _revenue(chunk: Chunk) -> Floats:
    orders = chunk.table("orders")
    paid = orders["paid"]
    return np.bincount(orders["place"][paid], weights=orders["revenue"][paid], minlength=chunk.size)


def _contributions(chunk: Chunk) -> Floats:
    events = chunk.table("events")
    counted = np.isin(events["step"], [STEP["review"], STEP["post"]])
    return np.bincount(events["place"][counted], minlength=chunk.size).astype(float)


def _influence(referrer: NDArray[np.int32]) -> Floats:
    """Accounts below each, every further generation counting half; whoever invites was there before the invited."""
    below = np.zeros(len(referrer))
    for place in np.flatnonzero(referrer >= 0)[::-1]:
        below[referrer[place]] += 1 + DISCOUNT * below[place]
    return below


def _top(amounts: Floats, name: str) -> Figure:
    ascending = np.sort(amounts)
    k = round(len(ascending) * TOPS[name])
    share = float(ascending[-k:].sum() / ascending.sum())
    # Each account's influence on the share: Cowell & Flachaire (2007).
    weight = (np.maximum(ascending - ascending[-k], 0) - share * ascending) / ascending.mean()
    where = f"{REFERENCE_CUSTOMERS:,} simulated accounts, the {100 * TOPS[name]:g}% with most of it"
    if name == "influence":
        where += "; few people invite very many, so that samples scatter more than their intervals say"
    return _figure(
        share,
        f"share of all {name}",
        where,
        f"core_users.spread: top {100 * TOPS[name]:g}% by {name}",
        float(weight.std()),
    )


def _contributing(has: NDArray[Any]) -> Figure:
    share = float(has.mean())
    where = f"{REFERENCE_CUSTOMERS:,} simulated accounts, prospects included"
    text = "share of accounts with a review or a post"
    return _figure(share, "share of accounts", where, text, share_spread(share, len(has)))


def _invited(value: Floats, invited: NDArray[np.bool_]) -> Figure:
    share = float(value[invited].sum() / value.sum())
    spread = float(np.std((invited - share) * value) / value.mean())
    where = f"revenue of invited accounts of {REFERENCE_CUSTOMERS:,} simulated ones"
    return _figure(share, "share of revenue", where, "revenue of customers with a referrer over all", spread)


def _correlation(first: Floats, second: Floats, *names: str) -> Figure:
    one, other = ((rank - rank.mean()) / rank.std() for rank in (_ranks(first), _ranks(second)))
    rho = float((one * other).mean())
    where = f"{REFERENCE_CUSTOMERS:,} simulated accounts, prospects included; older accounts have more of both"
    text = f"rank correlation of {' and '.join(names)} over all accounts"
    return _figure(rho, "Spearman's rho", where, text, float(np.sqrt(1 + rho**2 / 2) * (1 - rho**2)))


def _ranks(amounts: Floats) -> Floats:
    """Ranks, those tied at their mean."""
    _, which, count = np.unique(amounts, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[which]


def _figure(value: float, unit: str, where: str, estimate: str, spread: float) -> Figure:
    return Figure(value, unit, where, estimate, spread / float(np.sqrt(REFERENCE_CUSTOMERS)), spread)
