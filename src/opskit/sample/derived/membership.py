"""What the paid membership changes in the first six whole months after the month of joining.

The effect itself is read from the hidden part of the orders: what members paid more than they would have paid. How well
it can be known follows from a power calculation for a comparison with equally many alike customers, who join later at
the rate at which customers do.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import Figure
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("memberships", "orders")
WINDOW_MONTHS = 6
DAYS_A_MONTH = 365.25 / 12


class Window(NamedTuple):
    """Members old enough: what each did within the window; and what others put into orders as later members."""

    spend: Floats
    orders: Floats
    extra: Floats  # paid because of the membership
    days: Floats  # of membership
    history: NDArray[np.int64]  # class of orders and of the mean order value by the time of joining
    customers: int  # accounts behind it
    late_share: float  # of the spend of customers who could have joined and did not, placed as members later


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Effects per member-month, empty for a shop too short to see them."""
    window = _window(world, chunks)
    if len(window.spend) < 100:
        return {}
    months = window.days.sum() / DAYS_A_MONTH
    effect = window.extra.sum() / months
    error = float(np.std(window.extra - effect * window.days / DAYS_A_MONTH) * np.sqrt(len(window.extra)) / months)
    about = f"{len(window.spend):,} simulated members, first {WINDOW_MONTHS} whole months after the month of joining"
    matched = "members against matched customers who could have joined and did not"
    base = (window.spend.sum() - window.extra.sum()) / months
    return {
        "membership.spend_per_member_month": Figure(
            float(effect), "CNY per member-month", about, matched, error, _spread(window, window.spend)
        ),
        "membership.spend_relative": Figure(
            world.truth["membership.basket_uplift"],
            "share of spend",
            "baskets are larger by the planted share and orders are not more frequent",
            matched,
            spread=_spread(window, window.spend) / base,
        ),
        "membership.extra_orders_per_member_month": Figure(
            0.0, "orders per member-month", "joining adds no order", matched, spread=_spread(window, window.orders)
        ),
    }


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the planted uplift: residuals of spend about the mean order value, over what would have been spent."""
    window = _window(world, chunks)
    if len(window.spend) < 100:
        return {}
    base = (window.spend.sum() - window.extra.sum()) / (window.days.sum() / DAYS_A_MONTH)
    residual = window.spend - window.spend.sum() / window.orders.sum() * window.orders
    return {"membership.basket_uplift": _spread(window, residual) / base}


def _spread(window: Window, outcome: Floats) -> float:
    """Standard error per member-month of a difference to equally many others, times the root of the accounts.

    What the history by the time of joining explains is the same on both sides and adds no error.
    What others do as members later tells nothing about being without, so the difference rests on the rest.
    """
    size = np.bincount(window.history)
    mean = np.bincount(window.history, weights=outcome) / np.maximum(size, 1)
    left = np.mean((outcome - mean[window.history]) ** 2)
    per_member = np.sqrt(2 * left / len(outcome)) / (window.days.mean() / DAYS_A_MONTH)
    return float(per_member / (1 - window.late_share) * np.sqrt(window.customers))


def _window(world: World, chunks: Sequence[Chunk]) -> Window:
    edges = _edges(world)
    parts = [_of_chunk(world, chunk, edges) for chunk in chunks]
    spend, orders, extra, days, so_far, value = (np.concatenate([part[i] for part in parts]) for i in range(6))
    inside, whole = (sum(float(part[i]) for part in parts) for i in (6, 7))
    tenths = np.searchsorted(np.quantile(value, np.arange(1, 10) / 10), value) if len(value) else value
    history = (10 * np.minimum(so_far, 6) + tenths).astype(np.int64)
    customers = sum(chunk.size for chunk in chunks)
    return Window(spend, orders, extra, days, history, customers, inside / whole if whole else 0.0)


def _edges(world: World) -> Floats:
    """Day on which each month begins, and the end of the last."""
    first = np.datetime64(world.first_day, "M")
    begins = (first + np.arange(world.months + 1)).astype("datetime64[D]")
    return (begins - begins[0]).astype(float)


def _of_chunk(
    world: World, chunk: Chunk, edges: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, float, float]:
    """Of each member old enough spend, orders, extra, days, orders and mean order value so far; of others two sums."""
    orders = chunk.table("orders")
    paid = orders["paid"]
    who, revenue, uplift = orders["place"][paid], orders["revenue"][paid], orders["uplift"][paid]
    month = np.searchsorted(edges, orders["at"][paid], side="right") - 1
    extra = revenue - revenue / (1 + uplift)
    spells = orders["memberships"]
    joined = np.full(chunk.size, world.months, dtype=np.int64)
    np.minimum.at(joined, spells.customer, np.searchsorted(edges, spells.start, side="right") - 1)
    old = joined + WINDOW_MONTHS < world.months
    opens = edges[np.minimum(joined + 1, world.months)]
    closes = edges[np.minimum(joined + 1 + WINDOW_MONTHS, world.months)]
    within = (month > joined[who]) & (month <= joined[who] + WINDOW_MONTHS)
    before, one = month <= joined[who], np.ones(len(who))
    sums = ((within, revenue), (within, one), (within, extra), (before, one), (before, revenue - extra))
    spend, count, more, so_far, earlier = (
        np.bincount(who[rows], weights=values[rows], minlength=chunk.size) for rows, values in sums
    )
    held = np.minimum(spells.end, closes[spells.customer]) - np.maximum(spells.start, opens[spells.customer])
    days = np.bincount(spells.customer, weights=np.maximum(held, 0), minlength=chunk.size)
    inside = whole = 0.0
    for at in np.unique(joined[old]):  # customers who ordered in a month of joining and had not joined by its end
        outside = (np.bincount(who[month == at], minlength=chunk.size) > 0) & (joined > at)
        later = outside[who] & (month > at) & (month <= at + WINDOW_MONTHS)
        inside += float(revenue[later & (uplift > 0)].sum())
        whole += float(revenue[later].sum())
    value = earlier / np.maximum(so_far, 1)
    return spend[old], count[old], more[old], days[old], so_far[old], value[old], inside, whole
