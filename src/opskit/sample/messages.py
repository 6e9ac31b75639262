"""WeChat messages that wake nobody: newsletters, sent more to the active, and a test of how many a week are too many.

They change no order. Who is active gets more of them, orders more and answers more, so whoever compares customers with
many and few messages finds an effect of messages on orders that is not there, and no fatigue where there is some. In
the frequency campaigns customers are assigned at random.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk

WEEKDAYS, HOUR = (1, 4), 19 / 24  # Tuesday and Friday evening
ACTIVE_DAYS = 60
UNINTERESTED_ANSWERS = 0.15  # times as often
TEST_BEGINS, TEST_WEEKS = 70, 4  # days before the last one
TEST_SHARE = 0.08  # of the accounts opened by then
A_WEEK = (1, 2, 4)
MEMORY_DAYS = 7


class Messages(NamedTuple):
    """One row per message: place of the customer in the chunk, time, arm of the test (0: newsletter), what came of it."""

    customer: NDArray[np.int64]
    at: Floats
    a_week: NDArray[np.int64]
    responded: NDArray[np.bool_]
    opted_out: NDArray[np.bool_]


def messages(chunk: Chunk, refused_from: Floats) -> Messages:
    """All WeChat messages of a chunk, none after the time from which a customer may not be written to."""
    rng = chunk.rng("messages")
    arm = _arms(rng, chunk)
    refused, days = refused_from.copy(), chunk.world.days
    recent = np.full((chunk.size, 2 * max(A_WEEK)), -np.inf)  # times of the latest messages, oldest overwritten
    found: list[tuple[NDArray[np.int64], Floats, NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]] = []
    for at, gets in _moments(chunk, arm):
        who = np.flatnonzero((rng.random(chunk.size) < gets) & (refused > at) & (chunk.signed_up < at))
        before = np.sum(recent[who] > at - MEMORY_DAYS + 1e-9, axis=1)
        responded, opted_out = _reaction(rng, chunk, who, at, before)
        refused[who[opted_out]] = at
        recent[who, np.argmin(recent[who], axis=1)] = at
        tested = np.where((arm[who] > 0) & (at >= days - TEST_BEGINS), arm[who], 0)
        found.append((who, np.full(len(who), at), tested, responded, opted_out))
    columns = (
        zip(*found, strict=True) if found else ([np.zeros(0, dtype=kind)] for kind in ("i8", "f8", "i8", "?", "?"))
    )
    return Messages(*(np.concatenate(list(column)) for column in columns))


def _arms(rng: np.random.Generator, chunk: Chunk) -> NDArray[np.int64]:
    """Messages a week of each customer during the test; 0 for those who are not in it, nor is anybody in a young shop."""
    begins = chunk.world.days - TEST_BEGINS
    drawn = (rng.random(chunk.size) < TEST_SHARE) & (chunk.signed_up < begins) & (begins > 0)
    return np.where(drawn, rng.choice(A_WEEK, size=chunk.size), 0)


def _moments(chunk: Chunk, arm: NDArray[np.int64]) -> list[tuple[float, Floats]]:
    """When messages go out, and each customer's probability of getting one."""
    days, truth = chunk.world.days, chunk.world.truth
    begins, ends = days - TEST_BEGINS, days - TEST_BEGINS + 7 * TEST_WEEKS
    weekday = chunk.world.first_day.weekday()
    moments = [day + HOUR for day in range(days) if (day + weekday) % 7 in WEEKDAYS]
    found: list[tuple[float, Floats]] = []
    for at in moments:
        reach = np.where(active(chunk, at), truth["newsletter.active_reach"], truth["newsletter.silent_reach"])
        found.append((at, np.where((arm > 0) & (begins <= at) & (at < ends), 0.0, reach)))
    for week in range(TEST_WEEKS if begins > 0 else 0):
        for a_week in A_WEEK:
            for place in range(a_week):
                at = begins + 7 * week + np.floor(7 * place / a_week) + 12 / 24
                found.append((float(at), (arm == a_week).astype(float)))
    return sorted(found, key=lambda moment: moment[0])


def active(chunk: Chunk, at: float) -> NDArray[np.bool_]:
    """Whether each account signed up or paid an order in the days before."""
    bought = chunk.purchases
    ordered = bought.customer[(bought.at < at) & (bought.at >= at - ACTIVE_DAYS)]
    lately = (chunk.signed_up < at) & (chunk.signed_up >= at - ACTIVE_DAYS)
    lately[ordered] = True
    return lately


def _reaction(
    rng: np.random.Generator, chunk: Chunk, who: NDArray[np.int64], at: float, before: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who answers and who unsubscribes, by messages in the days before; nobody unsubscribes who answers."""
    truth = chunk.world.truth
    interested = np.where(chunk.purchases.interested_until[who] > at, 1.0, UNINTERESTED_ANSWERS)
    answers = truth["message.response"] * truth["message.response_kept"] ** before * interested
    leaves = truth["message.opt_out"] * truth["message.opt_out_growth"] ** before
    responded = rng.random(len(who)) < answers
    return responded, (rng.random(len(who)) < leaves) & ~responded
