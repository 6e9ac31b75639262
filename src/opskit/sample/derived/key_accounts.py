"""Key accounts: how profit is spread over accounts, who loses money, and what the best of one year bring in the next.

In a large shop the members of an account joined at about the same time, for accounts are drawn among a chunk of customers
in order of sign-up. So the customers are shuffled into shops of one chunk each, and the accounts are drawn again.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import accounts
from opskit.sample.derived.figure import Figure
from opskit.sample.seasons import Floats
from opskit.sample.world import CHUNK, Chunk, World

TABLES = ("orders", "customers")
DRAWS = 3  # of the accounts, among the same customers
TOP, YEAR, WEEK = 0.05, 365, 7
FEWEST = 500  # accounts with an order, below which the figures are not worked out


class Held(NamedTuple):
    """What each account with an order brought: money so far, and profit of parts of the time."""

    revenue: Floats
    profit: Floats
    before: Floats  # the year before the last one
    after: Floats  # the last year
    even: Floats  # of it, every other week
    odd: Floats
    bought: NDArray[np.bool_]  # with an order in the last year
    known: NDArray[np.bool_]  # with one in the year before


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares of the top and of those who lose, what is lost again, and what is left of a good year and of a good half."""
    if world.days < 2 * YEAR:
        return {}
    rng, paid = world.rng("key_accounts"), _paid(chunks)
    shops = [shop for _ in range(DRAWS) for shop in _shuffled(rng, world, paid)]
    if min(len(shop.profit) for shop in shops) < FEWEST:
        return {}
    every = Held(*(np.concatenate(column) for column in zip(*shops, strict=True)))
    names = {
        "top_10_percent.profit": ("share of profit", "key_accounts.whale_curve: top 10%", *_top(every.profit, 0.1)),
        "top_20_percent.profit": ("share of profit", "key_accounts.whale_curve: top 20%", *_top(every.profit, 0.2)),
        "top_10_percent.revenue": ("share of revenue", "customers.concentration by account", *_top(every.revenue, 0.1)),
        "losing_share": ("share of accounts", "key_accounts.whale_curve: losing accounts", *_losing(every.profit)),
        "lost_again": (
            "share of profits",
            "key_accounts.whale_curve: lost again; too few lose much",
            *_lost(every.profit),
        ),
        "kept": ("times the profit before", "key_accounts.kept: best 5% by profit", *_kept(every)),
        "luck_kept": ("times the share there", "key_accounts.luck: both together", *_luck(every)),
    }
    where = f"{world.customers:,} simulated customers in shops of {CHUNK:,}; profit after cost to serve"
    draws, root = float(np.sqrt(DRAWS)), float(np.sqrt(world.customers * DRAWS))
    return {
        # The draws share their customers: as a whole they are worth no more than one of them for sure.
        f"key_accounts.{name}": Figure(value, unit, where, text, error * draws, error * root if error > 0 else None)
        for name, (unit, text, value, error) in names.items()
    }


class Paid(NamedTuple):
    """Paid orders of the whole shop."""

    customer: NDArray[np.int64]
    at: Floats
    revenue: Floats
    kept: Floats  # contribution after refunds


def _paid(chunks: Sequence[Chunk]) -> Paid:
    parts: list[Paid] = []
    for chunk in chunks:
        orders = chunk.table("orders")
        paid, revenue = orders["paid"], orders["revenue"][orders["paid"]]
        kept = orders["margin"][paid] * (1 - orders["refund"][paid] / revenue)
        parts.append(Paid(orders["place"][paid] + chunk.start, orders["at"][paid], revenue, kept))
    return Paid(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _shuffled(rng: np.random.Generator, world: World, paid: Paid) -> list[Held]:
    """The customers in any order, in shops of one chunk each."""
    place = rng.permutation(world.customers)[paid.customer]
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(CHUNK, world.customers, CHUNK))
    return [_held(rng, world, place[rows] % CHUNK, paid, rows) for rows in np.split(order, ends)]


def _held(
    rng: np.random.Generator, world: World, customer: NDArray[np.int64], paid: Paid, rows: NDArray[np.int64]
) -> Held:
    """What the accounts of one shop brought, a customer without an account standing for themselves."""
    revenue, day = paid.revenue[rows], paid.at[rows].astype(np.int64)
    drawn = accounts.draw(rng, world.truth, CHUNK, customer, revenue)
    cost = accounts.cost_to_serve(rng, world.truth, drawn, customer, revenue, np.ones(len(rows), dtype=bool))
    key = np.where(drawn.account >= 0, CHUNK + drawn.account, np.arange(CHUNK))[customer]
    profit = paid.kept[rows] - cost
    late = day >= world.days - YEAR
    early = (day >= world.days - 2 * YEAR) & ~late
    odd = (day + (world.first_day - date(1970, 1, 1)).days) // WEEK % 2 == 1
    have, place = np.unique(key, return_inverse=True)

    def summed(amounts: Floats) -> Floats:
        return np.bincount(place, weights=amounts, minlength=len(have))

    return Held(
        summed(revenue),
        summed(profit),
        summed(profit * early),
        summed(profit * late),
        summed(profit * (late & ~odd)),
        summed(profit * (late & odd)),
        summed(late.astype(np.float64)) > 0,
        summed(early.astype(np.float64)) > 0,
    )


def _ratio(top: Floats, bottom: Floats) -> tuple[float, float]:
    """Sum over sum, and its standard error with accounts as independent."""
    value = float(top.sum() / bottom.sum())
    return value, float(np.sqrt(((top - value * bottom) ** 2).sum()) / bottom.sum())


def _top(amounts: Floats, share: float) -> tuple[float, float]:
    limit = np.sort(amounts)[-round(len(amounts) * share)]
    return _ratio(np.maximum(amounts - limit, 0) + limit * share, amounts)


def _losing(profit: Floats) -> tuple[float, float]:
    share = float((profit < 0).mean())
    return share, float(np.sqrt(share * (1 - share) / len(profit)))


def _lost(profit: Floats) -> tuple[float, float]:
    return _ratio(np.maximum(-profit, 0), np.maximum(profit, 0))


def _best(profit: Floats, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    order = np.argsort(np.where(among, -profit, np.inf), kind="stable")
    return order[: round(TOP * int(among.sum()))]


def _kept(every: Held) -> tuple[float, float]:
    chosen = _best(every.before, every.known)
    return _ratio(every.after[chosen], every.before[chosen])


def _luck(every: Held) -> tuple[float, float]:
    even, odd = every.even / every.even.sum(), every.odd / every.odd.sum()
    top, bottom = np.zeros(len(even)), np.zeros(len(even))
    for on, other in ((even, odd), (odd, even)):
        chosen = _best(on, every.bought)
        top[chosen] += other[chosen]
        bottom[chosen] += on[chosen]
    return _ratio(top, bottom)
