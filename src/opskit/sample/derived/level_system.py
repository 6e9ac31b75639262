"""What the shop's level design would have done: members at each level, the first step, falls, what the benefits cost.

Worked out here in a way of its own: a matrix of accounts by month in numpy.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.incentives.level_system import Design, Earn, read
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.level_design import text
from opskit.sample.seasons import Floats
from opskit.sample.tables.events import STEP
from opskit.sample.tables.points import EARN
from opskit.sample.world import Chunk, World

TABLES = ("orders", "events", "points")
YEAR = 12
_GROUPS = 100
_SUMS = ("cost", "money", "fell", "above")


class _Actions(NamedTuple):
    """Actions that count, by account: whole day, and growth value earned; in no order."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    growth: Floats


class _Part(NamedTuple):
    """What a chunk says: members by level at the end, first steps in time and those old enough, sums by group."""

    at: NDArray[np.int64]
    reached: int
    mature: int
    sums: Floats


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares at each level, first step, falls and the cost of benefits in the reference shop, from two years on."""
    if world.months < 2 * YEAR:
        return {}
    design = read(text())
    parts = [_of_chunk(world, chunk, design) for chunk in chunks]
    at, sums = sum(part.at for part in parts), sum(part.sums for part in parts)
    if not isinstance(at, np.ndarray) or not isinstance(sums, np.ndarray):
        return {}
    members, mature = int(at.sum()), sum(part.mature for part in parts)
    about = f"the shop's level design replayed on {REFERENCE_CUSTOMERS:,} simulated accounts"
    found = {
        f"levels.at_{name}": _share(
            int(at[place]), members, "share of members", about, "members at the level over members"
        )
        for place, name in enumerate(design.names)
    }
    found["levels.first_step_in_time"] = _share(
        sum(part.reached for part in parts),
        mature,
        "share of members old enough",
        about,
        "first steps in time over members old enough",
    )
    for name, unit, a, b in (
        ("cost_of_margin", "share of margin", 0, 1),
        ("falls_per_month", "share of member-months above the lowest level", 2, 3),
    ):
        if sums[b].sum():
            found[f"levels.{name}"] = _ratio(sums[a], sums[b], unit, about)
    return found


def _share(part: int, whole: int, unit: str, about: str, estimate: str) -> Figure:
    share = part / whole if whole else float("nan")
    spread = share_spread(share, whole) if whole else float("nan")
    return Figure(share, unit, about, estimate, spread / np.sqrt(REFERENCE_CUSTOMERS), spread)


def _ratio(part: Floats, whole: Floats, unit: str, about: str) -> Figure:
    left = (part.sum() - part) / (whole.sum() - whole)
    error = float(np.sqrt(np.var(left) * (len(part) - 1)))
    spread = error * np.sqrt(REFERENCE_CUSTOMERS)
    return Figure(
        float(part.sum() / whole.sum()), unit, about, "sums of the last year, one over the other", error, float(spread)
    )


def _of_chunk(world: World, chunk: Chunk, design: Design) -> _Part:
    edges = _edges(world)
    actions = _gathered([_actions(chunk, rule) for rule in design.earn])
    month = np.searchsorted(edges, actions.day, side="right") - 1
    shape = (chunk.size, world.months)
    value = np.bincount(
        actions.customer * world.months + month, weights=actions.growth, minlength=chunk.size * world.months
    )
    total = np.cumsum(value.reshape(shape), axis=1)
    window = design.window_months
    held = total - np.pad(total, ((0, 0), (window, 0)))[:, : world.months]
    first = np.full(chunk.size, world.months, dtype=np.int64)
    np.minimum.at(first, actions.customer, month)
    level = np.searchsorted(np.array(design.thresholds[1:]), held + 0.5)
    level[np.arange(world.months) < first[:, None]] = -1
    before, now = level[:, -YEAR - 1 : -1], level[:, -YEAR:]
    at = np.bincount(level[:, -1] + 1, minlength=len(design.names) + 1)[1:]
    reached, mature = _first_step(world, chunk, actions, design)
    revenue, money = _money(world, chunk, edges)
    sums = np.zeros((len(_SUMS), _GROUPS))
    each = (
        _cost(before, revenue, design),
        money,
        ((before > 0) & (now < before)).sum(axis=1),
        (before > 0).sum(axis=1),
    )
    for row, values in zip(sums, each, strict=True):
        row += np.bincount(np.arange(chunk.size) % _GROUPS, weights=values, minlength=_GROUPS)
    return _Part(at, reached, mature, sums)


def _edges(world: World) -> Floats:
    """Day on which each month begins, and the end of the last."""
    begins = (np.datetime64(world.first_day, "M") + np.arange(world.months + 1)).astype("datetime64[D]")
    return (begins - begins[0]).astype(float)


def _actions(chunk: Chunk, rule: Earn) -> _Actions:
    """What one rule of the design earns; behaviours but orders count once a day, as the shop's design caps them."""
    if rule.source == "orders":
        orders = chunk.table("orders")
        paid = orders["paid"]
        kept = np.maximum(orders["revenue"][paid] - orders["refund"][paid], 0.0)
        return _Actions(
            orders["place"][paid],
            orders["at"][paid].astype(np.int64),
            np.floor(rule.each + rule.per_revenue * kept + 1e-6),
        )
    if rule.source == "events":
        table = chunk.table("events")
        rows = table["step"] == STEP[rule.behaviour]
        day = table["at"][rows].astype(np.int64)
    else:
        table = chunk.table("points")
        rows = (table["kind_number"] == EARN) & (table["behaviour"] == rule.behaviour)
        day = table["second"][rows] // 86_400
    once = np.unique(table["place"][rows].astype(np.int64) * 10_000 + day)
    return _Actions(once // 10_000, once % 10_000, np.full(len(once), float(rule.each)))


def _gathered(parts: Sequence[_Actions]) -> _Actions:
    columns: list[Any] = [np.concatenate(cells) for cells in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return _Actions(*(column[order] for column in columns))


def _first_step(world: World, chunk: Chunk, actions: _Actions, design: Design) -> tuple[int, int]:
    """Accounts that reached the first step in time, of those whose first action is that long ago."""
    total = np.cumsum(actions.growth)
    first = np.flatnonzero(np.diff(actions.customer, prepend=-1))
    sizes = np.diff(first, append=len(total))
    total -= np.repeat(total[first] - actions.growth[first], sizes)
    since = actions.day - np.repeat(actions.day[first], sizes)
    days = design.goals.first_step_days
    old = world.days - 1 - actions.day[first] >= days
    done = np.bincount(actions.customer[(total >= design.thresholds[1]) & (since <= days)], minlength=chunk.size) > 0
    return int((done[actions.customer[first]] & old).sum()), int(old.sum())


def _money(world: World, chunk: Chunk, edges: Floats) -> tuple[Floats, Floats]:
    """Revenue after refunds by account and month, and margin after refunds by account, of the last year."""
    orders = chunk.table("orders")
    month = np.searchsorted(edges, orders["at"], side="right") - 1 - (world.months - YEAR)
    rows = orders["paid"] & (month >= 0)
    place, revenue, refund = orders["place"][rows], orders["revenue"][rows], orders["refund"][rows]
    kept = np.bincount(place * YEAR + month[rows], weights=revenue - refund, minlength=chunk.size * YEAR)
    part = np.where(revenue > 0, 1 - refund / np.maximum(revenue, 1e-9), 1.0)
    money = np.bincount(place, weights=orders["margin"][rows] * part, minlength=chunk.size)
    return kept.reshape(chunk.size, YEAR), money


def _cost(before: NDArray[np.int64], revenue: Floats, design: Design) -> Floats:
    """What the benefits of the last year cost by account, each month's by the level held when it begins."""
    cost = np.zeros(len(before))
    for benefit in design.benefits:
        has = before >= design.names.index(benefit.level)
        cost += (has * (benefit.cost * benefit.uses_per_month + benefit.revenue_share * revenue)).sum(axis=1)
    return cost
