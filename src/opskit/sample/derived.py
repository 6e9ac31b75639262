"""What follows from the planted parameters: closed forms where they exist, else one large fixed simulation.

The simulation is a shop of REFERENCE_CUSTOMERS accounts drawn with REFERENCE_SEED, never with the seed of the shop
being written, so that a new seed does not change the truth. Its own error is written beside each figure.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS, PAID
from opskit.sample.seasons import Floats
from opskit.sample.world import World

REFERENCE_CUSTOMERS = 100_000
REFERENCE_SEED = 20_251_231
GROUPS = 50  # the reference accounts are split into groups to see how far a median varies
SLACK = 1.5  # an interval may be this much wider than the textbook one before it counts as no answer


class Figure(NamedTuple):
    """One figure that the planted parameters imply.

    Attributes:
        value: The figure.
        unit: Its unit.
        where: How it follows.
        estimate: What should find it again.
        standard_error: Error of the figure itself, 0 for a closed form.
        spread: Standard error of an estimate times the root of the number of accounts; None where not worked out.
    """

    value: float
    unit: str
    where: str
    estimate: str
    standard_error: float = 0.0
    spread: float | None = None


class History(NamedTuple):
    """Paid orders of the reference shop: account, time, place in the account's history, days to the next order."""

    customer: NDArray[np.int64]
    at: Floats
    number: NDArray[np.int64]
    gap: Floats


def widest(spread: float | None, customers: int) -> float | None:
    """Widest 95% interval that still answers, in a shop with so many accounts."""
    if spread is None or spread != spread:
        return None
    return float(f"{SLACK * 2 * 1.96 * spread / customers**0.5:.4g}")


def figures(truth: Mapping[str, float], months: int) -> dict[str, Figure]:
    """Derived figures of a shop of this many months; its size and seed play no part."""
    return dict(_figures(tuple(sorted(truth.items())), months))


def spreads(truth: Mapping[str, float], months: int) -> dict[str, float]:
    """Of planted shares: as Figure.spread."""
    found = figures(truth, months)
    paid = found["paid_orders_per_account"].value
    placed = paid / (1 - truth["unpaid_share"] - truth["closed_share"])
    orders = {"unpaid_share": placed, "closed_share": placed, "refund.rate": paid * 0.8}
    return {name: float(np.sqrt(truth[name] * (1 - truth[name]) / n)) for name, n in orders.items()}


@lru_cache(maxsize=32)
def _figures(truth: tuple[tuple[str, float], ...], months: int) -> dict[str, Figure]:
    world = World(dict(truth), REFERENCE_CUSTOMERS, months, REFERENCE_SEED)
    history = _history(world)
    return {
        **_second_order(world, history),
        **_next_order(world, history),
        **_rhythm(history),
        **_acquisition(world),
        "signup_growth": _growth(world),
    }


def _history(world: World) -> History:
    parts = [world.chunk(index) for index in range(world.chunks)]
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
                spread=_spread(value, len(first)),
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
                _spread(value, int(rows.sum())),
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


def _acquisition(world: World) -> dict[str, Figure]:
    share = world.plan.signups.sum(axis=0)
    brought = "sign-ups that would not exist without the channel's spend"
    found = {
        f"recorded_share.{channel}": Figure(
            float(part),
            "share of sign-ups",
            "expected over the period",
            "share of customers by channel",
            spread=float(np.sqrt(part * (1 - part))),
        )
        for channel, part in zip(CHANNELS, share, strict=True)
    }
    for channel in PAID:
        value = float(share[CHANNELS.index(channel)]) * world.truth[f"incremental_share.{channel}"]
        found[f"incremental_signups.{channel}"] = Figure(
            value, "share of all sign-ups", brought, "lift test, or total sign-ups on spend"
        )
    found["incremental_signups.retargeting"] = Figure(
        0.0, "share of all sign-ups", "it touches people about to order anyway", "holdout test"
    )
    return found


def _growth(world: World) -> Figure:
    """Log-linear growth of expected sign-ups, calendar month by calendar month."""
    first = np.datetime64(world.first_day, "D")
    month = (first + np.arange(world.days)).astype("datetime64[M]").astype(np.int64)
    monthly = np.bincount(month - month[0], weights=world.plan.signups.sum(axis=1))
    slope = np.polyfit(np.arange(world.months), np.log(monthly), 1)[0] if world.months > 1 else np.nan
    return Figure(
        float(np.expm1(slope)),
        "share per month",
        "all channels together: log-linear trend of expected sign-ups per calendar month, season included",
        "log-linear trend of sign-ups per calendar month",
    )


def _spread(share: float, reference_rows: int) -> float:
    return float(np.sqrt(share * (1 - share) / (reference_rows / REFERENCE_CUSTOMERS)))
