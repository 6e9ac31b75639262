"""Repeat buying: probabilities of a next order, the rhythm, orders per account."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("orders",)
GROUPS = 50  # the reference accounts are split into groups to see how far a median varies


class History(NamedTuple):
    """Paid orders of the reference shop: account, time, place in the account's history, days to the next order."""

    customer: NDArray[np.int64]
    at: Floats
    number: NDArray[np.int64]
    gap: Floats


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures read from the paid orders of the reference shop."""
    history = _history(chunks)
    return {**_second_order(world, history), **_next_order(world, history), **_rhythm(history)}


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of shares of orders."""
    truth = world.truth
    paid = _rhythm(_history(chunks))["paid_orders_per_account"].value
    placed = paid / (1 - truth["unpaid_share"] - truth["closed_share"])
    orders = {"unpaid_share": placed, "closed_share": placed, "refund.rate": paid * 0.8}
    return {name: float(np.sqrt(truth[name] * (1 - truth[name]) / n)) for name, n in orders.items()}


def _history(parts: Sequence[Chunk]) -> History:
    customer = np.concatenate([part.purchases.customer + part.start for part in parts])
    at = np.concatenate([part.purchases.at for part in parts])
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    number = np.arange(len(at)) - np.repeat(first, np.diff(np.append(first, len(at)))) + 1
    gap = np.full(len(at), np.inf)
    again = np.flatnonzero(np.diff(customer) == 0)
    gap[again] = at[again + 1] - at[again]
    return History(customer, at, number, gap)


def _second_order(world: World, history: History) -> dict[str, Figure]:
    """Closed form of BG/NBD, whose buyers never leave before their second order."""
    r, alpha = world.truth["purchase.r"], world.truth["purchase.alpha"]
    found: dict[str, Figure] = {}
    for days in (30, 90, 180):
        first = history.at[(history.number == 1) & (history.at <= world.days - days)]
        if len(first):
            passed = world.clock.even(first + days) - world.clock.even(first)
            value = float(np.mean(1 - (alpha / (alpha + passed)) ** r))
            found[f"second_order_within.{days}_days"] = Figure(
                value,
                "probability",
                f"1 - (alpha / (alpha + t))^r with t = {days} days on the season's clock, mean over first orders that old",
                "share of first orders followed by another paid order within the days, of those observed that long",
                spread=share_spread(value, len(first)),
            )
    return found


def _next_order(world: World, history: History, days: int = 90) -> dict[str, Figure]:
    """By order number and, for the second order, by channel: shares in the reference shop."""
    old = history.at <= world.days - days
    channel = world.signups.channel[history.customer]
    groups = {f"after_{k}": old & (history.number == k) for k in range(2, 7)}
    groups |= {name: old & (history.number == 1) & (channel == place) for place, name in enumerate(CHANNELS)}
    found: dict[str, Figure] = {}
    for name, rows in groups.items():
        if rows.sum() >= 100:
            value = float(np.mean(history.gap[rows] <= days))
            after = name.startswith("after_")
            key = f"next_order_within_{days}_days.{name}" if after else f"second_order_within.{days}_days.{name}"
            found[key] = Figure(
                value,
                "probability",
                f"share in {REFERENCE_CUSTOMERS:,} simulated accounts",
                f"share of these orders followed by another within {days} days, of those observed that long",
                float(np.sqrt(value * (1 - value) / rows.sum())),
                share_spread(value, int(rows.sum())),
            )
    return found


def _rhythm(history: History) -> dict[str, Figure]:
    done = np.isfinite(history.gap)
    group = history.customer % GROUPS
    medians = np.array(
        [np.median(history.gap[done & (group == g)]) for g in range(GROUPS) if (done & (group == g)).any()]
    )
    error = float(np.std(medians, ddof=1) / np.sqrt(GROUPS)) if len(medians) == GROUPS else float("nan")
    return {
        "natural_interval_days": Figure(
            float(np.median(history.gap[done])) if done.any() else float("nan"),
            "days",
            f"median gap between consecutive paid orders of {REFERENCE_CUSTOMERS:,} simulated accounts, both in the period",
            "median gap between consecutive paid orders of one customer",
            error,
            error * np.sqrt(REFERENCE_CUSTOMERS),
        ),
        "paid_orders_per_account": Figure(
            len(history.at) / REFERENCE_CUSTOMERS,
            "orders",
            f"mean of {REFERENCE_CUSTOMERS:,} simulated accounts, prospects included",
            "paid orders over rows of customers",
            float(np.std(np.bincount(history.customer, minlength=REFERENCE_CUSTOMERS)) / np.sqrt(REFERENCE_CUSTOMERS)),
            float(np.std(np.bincount(history.customer, minlength=REFERENCE_CUSTOMERS))),
        ),
    }
