"""Staying: who has never been silent for long by a day, by channel, and how sticky established customers are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit import stats
from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.world import Chunk, World

TABLES = ("customers", "orders")
SILENCE_DAYS, HORIZON_DAYS = 180, 365
INTERVAL_DAYS, INTERVALS = 60, 4
FEWEST = 100  # reference customers below which a share is not worked out


class Days(NamedTuple):
    """Distinct order days of the reference shop: customer, day, and days to the next one or to the last day."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    gap: NDArray[np.int64]


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures counted in the reference shop."""
    days = _days(world, chunks)
    return {**_never_silent(world, days), **_stickiness(world, days)}


def _days(world: World, chunks: Sequence[Chunk]) -> Days:
    width = world.days + 1
    place = [(chunk.purchases.customer + chunk.start) * width + chunk.purchases.at.astype(np.int64) for chunk in chunks]
    customer, day = np.divmod(np.unique(np.concatenate(place)), width)
    following = np.append(day[1:], 0)
    last = np.append(customer[1:] != customer[:-1], True)
    return Days(customer, day, np.where(last, world.days - 1, following) - day)


def _never_silent(world: World, days: Days) -> dict[str, Figure]:
    """Kaplan-Meier over the reference customers of a channel: later and earlier ones count as they do in a shop."""
    customer, start = np.unique(days.customer, return_index=True)
    if world.days <= HORIZON_DAYS or not len(customer):
        return {}
    silent = np.where(days.gap > SILENCE_DAYS, days.day, world.days)
    fell = np.minimum.reduceat(silent, start)
    lost, first = fell < world.days, days.day[start]
    time = np.where(lost, fell + SILENCE_DAYS + 1, world.days - 1) - first
    channel = world.signups.channel[customer]
    groups = {"all": np.ones(len(customer), dtype=bool)}
    groups |= {name: channel == place for place, name in enumerate(CHANNELS)}
    found: dict[str, Figure] = {}
    for name, rows in groups.items():
        if (time[rows] >= HORIZON_DAYS).sum() >= FEWEST:
            found[f"never_silent_{SILENCE_DAYS}_days_by_day_{HORIZON_DAYS}.{name}"] = _survival(time[rows], lost[rows])
    return found


def _survival(time: NDArray[np.int64], lost: NDArray[np.bool_]) -> Figure:
    import pandas as pd

    curve = stats.survival(pd.DataFrame({"time": time, "event": lost, "n": 1}))
    value, low, high = curve.loc[curve["time"] <= HORIZON_DAYS, ["survival", "low", "high"]].iloc[-1]
    error = float((high - low) / (2 * 1.96))
    return Figure(
        float(value),
        "share of buyers",
        f"Kaplan-Meier estimate in {REFERENCE_CUSTOMERS:,} simulated accounts",
        f"share of buyers who by {HORIZON_DAYS} days after their first order have never been without one for more than "
        f"{SILENCE_DAYS} days",
        error,
        error * float(np.sqrt(REFERENCE_CUSTOMERS)),
    )


def _stickiness(world: World, days: Days) -> dict[str, Figure]:
    """At the last day, of customers who had ordered before the window began."""
    back = (world.days - 1 - days.day) // INTERVAL_DAYS
    before, inside, latest = (
        np.bincount(days.customer[rows], minlength=REFERENCE_CUSTOMERS) > 0
        for rows in (back >= INTERVALS, back < INTERVALS, back == 0)
    )
    n = int((before & inside).sum())
    if n < FEWEST:
        return {}
    share = float((before & latest).sum() / n)
    window = INTERVAL_DAYS * INTERVALS
    return {
        f"stickiness.{INTERVAL_DAYS}_of_{window}_days": Figure(
            share,
            "share of buyers",
            f"share in {REFERENCE_CUSTOMERS:,} simulated accounts",
            f"of customers from before the last {window} days who ordered in them, the share who did in the last "
            f"{INTERVAL_DAYS}",
            float(np.sqrt(share * (1 - share) / n)),
            share_spread(share, n),
        )
    }
