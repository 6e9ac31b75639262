"""The five stages of loyalty: who stands where, how they move from month to month, and what each stage buys.

The rules are those that the page takes for the sample shop, worked out here on whole grids of customers and months.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.surveys import journey, relationship
from opskit.sample.tables.events import STEP
from opskit.sample.world import Chunk, World

TABLES = ("customers", "events", "orders", "surveys")
STAGES = ("none", "habit", "satisfaction", "affection", "loyalty")
MONTHS = 12  # the last so many moves
PATIENCE, SHORTEST_DAYS, LONGEST_DAYS, VALID_MONTHS = 2, 30, 150, 12
SATISFIED, PROMOTER = 7, 9
FEWEST = 2000  # moves in the reference shop below which a probability is not worked out
_DAYS = 10_000  # more than a shop lasts: customer * _DAYS + day sorts by customer and day


class Grid(NamedTuple):
    """A row per account, a column per month: the stage at its end (-1 before sign-up), and the revenue in it."""

    stage: NDArray[np.int64]
    revenue: Floats


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares, moves and revenue by stage; nothing for a shop too short to see a year of moves."""
    if world.months <= MONTHS:
        return {}
    parts = [grid(world, chunk) for chunk in chunks]
    whole = Grid(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return {**_shares(whole), **_moves(whole), **_revenue(whole), **_first_habit(whole)}


def grid(world: World, chunk: Chunk) -> Grid:
    """Stages of the chunk's accounts."""
    first = np.datetime64(world.first_day, "M")
    edges = (first + np.arange(world.months + 1)).astype("datetime64[D]")
    edges = (edges - edges[0]).astype(np.int64)
    ends, month_of = edges[1:] - 1, np.repeat(np.arange(world.months), np.diff(edges))
    orders, events = chunk.table("orders"), chunk.table("events")
    paid = orders["paid"]
    who, day = orders["place"][paid], np.floor(orders["at"][paid]).astype(np.int64)
    habit = _habit(chunk.size, np.unique(who * _DAYS + day), ends)
    speaks = np.isin(events["step"], [STEP[name] for name in ("invite", "review", "post")])
    said = np.unique(events["place"][speaks] * _DAYS + np.floor(events["at"][speaks]).astype(np.int64))
    key, score = _answers(chunk)
    (last_said, said_then), (last_told, told_then) = (_latest(chunk.size, keys, ends) for keys in (said, key))
    month = np.arange(world.months)
    speaking = said_then & (month - month_of[said[last_said] % _DAYS if len(said) else last_said] < VALID_MONTHS)
    valid = told_then & (month - month_of[key[last_told] % _DAYS if len(key) else last_told] < VALID_MONTHS)
    told = np.where(valid, score[last_told] if len(key) else 0.0, -1)
    stage = np.where(habit, 1 + (told >= SATISFIED) + (told >= PROMOTER) + ((told >= PROMOTER) & speaking), 0)
    stage[month < month_of[chunk.signed_up.astype(np.int64)][:, None]] = -1
    cell = who * world.months + month_of[day]
    revenue = np.bincount(cell, weights=orders["revenue"][paid], minlength=chunk.size * world.months)
    return Grid(stage.astype(np.int64), revenue.reshape(chunk.size, world.months))


def _latest(size: int, keys: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each account and month's end the place of the latest of the sorted keys, and whether there is one."""
    rows = np.arange(size)[:, None] * _DAYS
    place = np.searchsorted(keys, rows + ends, side="right") - 1
    there = place >= np.searchsorted(keys, rows)
    return np.maximum(place, 0), there


def _habit(size: int, keys: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Two order days or more, the last at most twice the mean gap ago."""
    last, there = _latest(size, keys, ends)
    start = np.searchsorted(keys, np.arange(size) * _DAYS)[:, None]
    gaps = np.where(there, last - start, 0)
    passed = keys[last] - keys[np.minimum(start, len(keys) - 1)]
    reach = np.clip(PATIENCE * passed // np.maximum(gaps, 1), SHORTEST_DAYS, LONGEST_DAYS)
    return there & (gaps >= 1) & (ends - keys[last] % _DAYS <= reach)


def _answers(chunk: Chunk) -> tuple[NDArray[np.int64], Floats]:
    """Account and day of each answer to the nps question, and the mean of that day's answers."""
    parts = [survey.build(chunk) for survey in (journey, relationship)]
    question, answer, customer, at = (
        np.concatenate([part[name] for part in parts]) for name in ("question", "answer", "customer", "at")
    )
    given = (question == "nps") & ~np.isnan(at.astype(float))
    keys = customer[given].astype(np.int64) * _DAYS + np.floor(at[given].astype(float)).astype(np.int64)
    unique, place = np.unique(keys, return_inverse=True)
    sums = np.bincount(place, weights=answer[given].astype(float), minlength=len(unique))
    return unique, sums / np.maximum(np.bincount(place, minlength=len(unique)), 1)


def _shares(whole: Grid) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for place, name in enumerate(STAGES):
        share = float(np.mean(whole.stage[:, -1] == place))
        found[f"stages.share.{name}"] = Figure(
            share,
            "share of accounts",
            f"at the stage on the last day, in {REFERENCE_CUSTOMERS:,} simulated accounts",
            "share of customers at the stage at the end of the last month",
            float(np.sqrt(share * (1 - share) / len(whole.stage))),
            share_spread(share, len(whole.stage)),
        )
    return found


def _moves(whole: Grid) -> dict[str, Figure]:
    before, after = whole.stage[:, -MONTHS - 1 : -1], whole.stage[:, -MONTHS:]
    found: dict[str, Figure] = {}
    for start, name in enumerate(STAGES):
        there = before == start
        for end, other in enumerate(STAGES):
            moved = there & (after == end)
            if moved.sum() >= FEWEST:
                found[f"stages.from_{name}_to.{other}"] = _ratio(
                    moved.sum(axis=1),
                    there.sum(axis=1),
                    "probability a month",
                    f"customer-months of the last {MONTHS} months at {name} that end the next month at {other}",
                )
    return found


def _revenue(whole: Grid) -> dict[str, Figure]:
    before, revenue = whole.stage[:, -MONTHS - 1 : -1], whole.revenue[:, -MONTHS:]
    return {
        f"stages.next_month_revenue.{name}": _ratio(
            np.where(before == place, revenue, 0).sum(axis=1),
            (before == place).sum(axis=1),
            "CNY a month",
            f"revenue in the month after a month's end at {name}, last {MONTHS} months",
        )
        for place, name in enumerate(STAGES)
    }


def _first_habit(whole: Grid) -> dict[str, Figure]:
    """Share with a habit by so many months after sign-up: product limit over accounts of every age."""
    entry, size = (whole.stage >= 0).argmax(axis=1), whole.stage.shape[1]
    habit = whole.stage >= 1
    reached = np.where(habit.any(axis=1), habit.argmax(axis=1) - entry, size)
    followed = size - 1 - entry
    found: dict[str, Figure] = {}
    for months in (6, 12):
        staying, variance = 1.0, 0.0
        for age in range(months + 1):
            at_risk = int(((reached >= age) & (followed >= age)).sum())
            came = int((reached == age).sum())
            staying *= 1 - came / at_risk
            variance += came / (at_risk * (at_risk - came))
        error = staying * float(np.sqrt(variance))
        found[f"stages.habit_within.{months}_months"] = Figure(
            1 - staying,
            "share of accounts",
            f"Kaplan-Meier of {REFERENCE_CUSTOMERS:,} simulated accounts from the month of sign-up",
            f"share with a habit at some month's end by {months} months after sign-up",
            error,
            error * np.sqrt(len(whole.stage)),
        )
    return found


def _ratio(part: NDArray[Any], base: NDArray[Any], unit: str, where: str) -> Figure:
    """A ratio of sums over accounts, whose months hang together."""
    value = float(part.sum() / base.sum())
    error = float(np.sqrt(np.sum((part - value * base) ** 2)) / base.sum())
    about = f"{where}, in {REFERENCE_CUSTOMERS:,} simulated accounts"
    return Figure(value, unit, about, "the same in the shop", error, error * np.sqrt(len(base)))
