"""Tests of channels: half of those a channel would have reached are left out by lot, and conversions are compared."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import numpy as np

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.world import Chunk, World


class LiftTest(NamedTuple):
    """A channel, and the days in which it was kept from half of its audience."""

    channel: str
    first_day: date
    last_day: date


# Channels that win customers are tested long, or the orders that they bring have no time to come.
TESTS = (
    LiftTest("short_video", date(2024, 9, 1), date(2025, 2, 28)),
    LiftTest("search_ads", date(2025, 3, 1), date(2025, 8, 31)),
    LiftTest("retargeting", date(2025, 9, 1), date(2025, 11, 9)),
)


class Reach(NamedTuple):
    """Conversions in the days of a test, had the channel been left to run.

    Attributes:
        conversions: All of them.
        reached: Those of customers whom the channel won in these days; of retargeting, those it touched last.
        squares: Sum over customers of their squared number of reached conversions: orders of one customer come together.
    """

    conversions: float
    reached: float
    squares: float

    def standard_error(self, incremental_share: float) -> float:
        """Of the conversions the channel causes: twice what the treated half has more than the half left out."""
        return float(np.sqrt(2 * self.squares * (2 - incremental_share)))

    def left_to_chance(self, incremental_share: float) -> float:
        """Standard deviation of the estimate around what the channel truly causes among just these customers."""
        return float(np.sqrt(self.squares * (4 - 2 * incremental_share - incremental_share**2)))


def within(world: World) -> tuple[LiftTest, ...]:
    """Tests whose days all lie in the shop's period."""
    return tuple(test for test in TESTS if test.first_day >= world.first_day)


def incremental_share(world: World, channel: str) -> float:
    """Share of the conversions it reached that a channel causes; retargeting meets people who were about to order."""
    return world.truth.get(f"incremental_share.{channel}", 0.0)


def reach(world: World, test: LiftTest, chunks: Iterable[Chunk]) -> Reach:
    """What the test would have seen in these accounts."""
    begin = (test.first_day - world.first_day).days
    end = (test.last_day - world.first_day).days + 1
    conversions = reached = squares = 0
    for chunk in chunks:
        touches = chunk.table("touchpoints")
        there = touches["converted"] & (touches["at"] >= begin) & (touches["at"] < end)
        who, via = touches["place"][there], touches["channel"][there]
        conversions += len(who)
        if test.channel in CHANNELS:
            own = (chunk.channel[who] == CHANNELS.index(test.channel)) & (chunk.signed_up[who] >= begin)
        else:
            own = via == test.channel
        by_customer = np.bincount(who[own], minlength=1)
        reached += int(by_customer.sum())
        squares += int((by_customer**2).sum())
    return Reach(conversions, reached, squares)
