"""What the shop's tests by lot would show without chance: effects of the gift, none of the test of nothing, lost rows.

The effect on a share is read from the probabilities that the generator knows. For orders and revenue every reference
customer stands in both arms, weighted by how likely each arm was given what came.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.experiments import aa_check, surprise_gift, wish_list_page
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("assignments", "experiments", "orders")
FEWEST = 100  # customers of the reference shop below which nothing is worked out
UNITS = {"buyers": "share of customers", "orders": "orders per customer", "revenue": "CNY per customer"}


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Differences per customer within the window, gift less control and same again less control; and the lost share."""
    found = {**_gift(chunks), **_nothing(world, chunks), **_lost(world, chunks)}
    return {f"experiment.{name}": figure for name, figure in found.items()}


def spreads(_world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the planted uplift: error of a ratio of two shares."""
    parts = [surprise_gift.parcels(chunk).arms for chunk in chunks]
    natural, treated = (np.concatenate([getattr(arms, name) for arms in parts]) for name in ("natural", "treated"))
    if len(natural) < FEWEST:
        return {}
    share = surprise_gift.SHARE
    sizes = ((natural.mean(), 1 - share), (treated.mean(), share))
    variance = sum((1 - chance) / (chance * part * len(natural)) for chance, part in sizes)
    return {"surprise_gift.uplift": float(treated.mean() / natural.mean() * np.sqrt(variance * REFERENCE_CUSTOMERS))}


def _gift(chunks: Sequence[Chunk]) -> dict[str, Figure]:
    packed = [surprise_gift.parcels(chunk) for chunk in chunks]
    natural, treated, given = (
        np.concatenate([getattr(part.arms, name) for part in packed]) for name in ("natural", "treated", "given")
    )
    if len(natural) < FEWEST:
        return {}
    share, extra = surprise_gift.SHARE, treated - natural
    about = f"{len(natural):,} customers of the reference shop, of the chances known there"
    found: dict[str, Figure] = {}
    outcomes = [np.concatenate(column) for column in zip(*(_outcomes(*pair) for pair in _pairs(chunks)), strict=True)]
    for (name, unit), outcome in zip(UNITS.items(), outcomes, strict=True):
        weighted = outcome * (given / share - (1 - given) / (1 - share))
        of_each = extra if name == "buyers" else weighted
        variance = sum(
            (np.average(outcome**2, weights=arm) - np.average(outcome, weights=arm) ** 2) / part
            for arm, part in ((given, share), (1 - given, 1 - share))
        )
        found[f"surprise_gift.{name}"] = Figure(
            float(of_each.mean()),
            unit,
            about,
            f"{name} per customer within {surprise_gift.WINDOW_DAYS:.0f} days, gift less control",
            float(of_each.std() / np.sqrt(len(natural))),
            float(np.sqrt(variance / len(natural) * REFERENCE_CUSTOMERS)),
        )
    return found


def _pairs(chunks: Sequence[Chunk]) -> list[tuple[Chunk, surprise_gift.Packed]]:
    return [(chunk, surprise_gift.parcels(chunk)) for chunk in chunks]


def _outcomes(chunk: Chunk, packed: surprise_gift.Packed) -> tuple[Floats, Floats, Floats]:
    """Per customer of the test: whether there was a paid order within the window, how many, and revenue after refunds."""
    orders = chunk.table("orders")
    begun = np.full(chunk.size, np.nan)
    begun[packed.customer] = packed.at
    since = np.floor(orders["at"]) - np.floor(begun[orders["place"]])
    # Days are counted whole, as those who read the tables do.
    inside = orders["paid"] & (orders["at"] >= begun[orders["place"]]) & (since < surprise_gift.WINDOW_DAYS)
    place = orders["place"][inside]
    counts = np.bincount(place, minlength=chunk.size)[packed.customer].astype(float)
    money = np.bincount(place, (orders["revenue"] - orders["refund"])[inside], minlength=chunk.size)[packed.customer]
    return (counts > 0).astype(float), counts, money


def _nothing(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    days, share = surprise_gift.WINDOW_DAYS, aa_check.SHARE
    parts: list[NDArray[np.float64]] = []
    for chunk in chunks:
        drawn = aa_check.assign(chunk)
        over = drawn["at"] + days <= world.days
        bought = chunk.purchases
        begun = np.full(chunk.size, np.nan)
        begun[drawn["customer"][over]] = drawn["at"][over]
        inside = (bought.at >= begun[bought.customer]) & (bought.at < begun[bought.customer] + days)
        parts.append(np.bincount(bought.customer[inside], minlength=chunk.size)[drawn["customer"][over]].astype(float))
    counts = np.concatenate(parts)
    if len(counts) < FEWEST:
        return {}
    spread = np.sqrt(counts.var() / (share * (1 - share) * len(counts)) * REFERENCE_CUSTOMERS)
    how = "both arms are treated alike"
    return {"aa_check.orders": Figure(0.0, UNITS["orders"], how, "same again less control", spread=float(spread))}


def _lost(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    planned, lost = wish_list_page.SHARE, world.truth["wish_list_page.lost_share"]
    rows = [wish_list_page.assign(chunk)["variant"] for chunk in chunks]
    everybody = np.concatenate(rows)
    if len(everybody) < FEWEST:
        return {}
    new = float((everybody == "new_page").mean())
    spread = np.sqrt(new * (1 - new) / len(everybody) * REFERENCE_CUSTOMERS)
    where = f"what is logged of {planned:.0%} planned, {lost:.0%} of those who did not buy being lost"
    error = float(spread / np.sqrt(REFERENCE_CUSTOMERS))
    return {
        "wish_list_page.share": Figure(new, "share of assignments", where, "new_page over all", error, float(spread))
    }
