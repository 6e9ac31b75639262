"""The points programme: what becomes of points in the end, what is still open, who farms, what the nightly job forgets.

The lots' fates are worked out here from the postings by a way of their own: on one line of points for all accounts, each
with a stretch of its own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.tables.points import EARN, REDEEM, REVERSE, VALID_DAYS
from opskit.sample.world import Chunk, World

TABLES = ("points", "orders")
HORIZON = VALID_DAYS + 1
_GROUPS = 100
_APART = 1e7  # points between accounts on the line
_REDEEMED, _EXPIRED, _REVERSED, _OPEN = range(4)


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Ultimate redemption, breakage, outstanding points and points per revenue of the reference shop."""
    if world.days <= HORIZON:
        return {}
    counts = sum(_by_age(world, chunk) for chunk in chunks)
    if not isinstance(counts, np.ndarray) or not counts[..., _REDEEMED].sum() or not counts[..., _EXPIRED].sum():
        return {}
    urr, spread = _ultimate(counts)
    error = spread / np.sqrt(REFERENCE_CUSTOMERS)
    where = f"points of {REFERENCE_CUSTOMERS:,} simulated accounts, followed by age to their end after {HORIZON} days at most"
    open_now = counts[..., _OPEN].sum(axis=1)
    earned = counts.sum(axis=(1, 2))
    share, share_error = _ratio(open_now, earned)
    found = {
        "points.ultimate_redemption_rate": Figure(
            urr, "share of points not taken back", where, "redeemed in the end over kept", float(error), float(spread)
        ),
        "points.breakage": Figure(
            1 - urr,
            "share of points not taken back",
            where,
            "1 - ultimate redemption rate",
            float(error),
            float(spread),
        ),
        "points.outstanding_share": Figure(
            share,
            "share of points earned",
            f"points of {REFERENCE_CUSTOMERS:,} simulated accounts still there on the last day",
            "outstanding over earned",
            share_error,
            float(share_error * np.sqrt(REFERENCE_CUSTOMERS)),
        ),
    }
    per_revenue, error = _points_per_revenue(chunks)
    found["points.earned_per_revenue"] = Figure(
        per_revenue,
        "points per CNY",
        f"points earned over revenue of {REFERENCE_CUSTOMERS:,} simulated accounts, farmed points included",
        "points earned over revenue",
        error,
        float(error * np.sqrt(REFERENCE_CUSTOMERS)),
    )
    return found


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """How well the share of farming accounts and of missed expiries could be known."""
    farming = world.truth["points.farming_share"]
    lapsed = sum(int((chunk.table("points")["kind_number"] == 0).sum()) for chunk in chunks)
    missed = world.truth["points.missed_expiry_share"]
    # Lapsed points come in lots of very different size, so that a share of points is known worse than a share of lots.
    return {
        "points.farming_share": share_spread(farming, REFERENCE_CUSTOMERS),
        **({"points.missed_expiry_share": 2 * share_spread(missed, lapsed)} if lapsed else {}),
    }


def _by_age(world: World, chunk: Chunk) -> "NDArray[np.float64]":
    """Points by group of accounts, age and end."""
    table = chunk.table("points")
    lot = table["kind_number"] == EARN
    use = (table["kind_number"] == REDEEM) | (table["kind_number"] == REVERSE)
    place, day, points = table["place"], table["second"] // 86_400, table["points"].astype(float)
    lots, uses = (_line(place[rows], points[rows], chunk.size) for rows in (lot, use))
    gone = (day[lot] + 1 + VALID_DAYS) < world.days
    # Uses before the moment a lot lapses, or all so far: their end on the line of used points.
    moment = np.where(gone, (day[lot] + 1 + VALID_DAYS) * 86_400, world.days * 86_400)
    key = place[use] * 10**9 + table["second"][use]
    before = np.searchsorted(key, place[lot] * 10**9 + moment)
    used = np.append(0.0, uses[1])[before]
    used = np.maximum(used, place[lot] * _APART)
    missing = np.minimum.accumulate(used - lots[1] - place[lot] * _APART * 2) + place[lot] * _APART * 2
    end = lots[1] + np.minimum(missing, 0.0)
    first = np.flatnonzero(np.diff(place[lot], prepend=-1))
    start = np.append(0.0, end[:-1])
    start[first] = place[lot][first] * _APART
    counts = np.zeros((_GROUPS, HORIZON + 1, 4))
    group = place % _GROUPS
    rest, age = points[lot] - (end - start), np.where(gone, VALID_DAYS + 1, world.days - 1 - day[lot])
    age = np.minimum(age, HORIZON)
    np.add.at(counts, (group[lot], age, np.where(gone, _EXPIRED, _OPEN)), rest)
    bounds = np.unique(np.concatenate([end, uses[1], start, uses[0]]))
    middle, length = (bounds[1:] + bounds[:-1]) / 2, np.diff(bounds)
    which, by = np.searchsorted(end, middle), np.searchsorted(uses[1], middle)
    inside = (which < len(end)) & (by < len(uses[1]))
    which, by, middle, length = which[inside], by[inside], middle[inside], length[inside]
    inside = (middle > start[which]) & (middle > uses[0][by])
    which, by, length = which[inside], by[inside], length[inside]
    age = np.clip(day[use][by] - day[lot][which], 0, HORIZON)
    end_of = np.where(table["kind_number"][use][by] == REDEEM, _REDEEMED, _REVERSED)
    np.add.at(counts, (group[lot][which], age, end_of), length)
    return counts


def _line(place: NDArray[np.int64], points: Floats, accounts: int) -> tuple[Floats, Floats]:
    """Start and end of each posting on a line on which every account has a stretch of its own."""
    total = np.cumsum(points)
    before = np.zeros(accounts)
    np.add.at(before, place, points)
    before = np.cumsum(before) - before
    end = total - before[place] + place * _APART
    return end - points, end


def _ultimate(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Redeemed in the end over points kept, and its spread, by leaving out one group of accounts at a time."""
    whole = counts.sum(axis=0)
    left = [_redeemed(whole - one) for one in counts]
    error = np.sqrt(np.var(left) * (len(counts) - 1))
    return _redeemed(whole), float(error * np.sqrt(REFERENCE_CUSTOMERS))


def _redeemed(counts: NDArray[np.float64]) -> float:
    at_risk = counts.sum(axis=1)[::-1].cumsum()[::-1]
    hazards = counts[:, :_OPEN] / np.maximum(at_risk, 1e-9)[:, None]
    still = np.append(1.0, np.cumprod(1 - hazards.sum(axis=1))[:-1])
    redeemed, _, reversed_ = (still[:, None] * hazards).sum(axis=0)
    return float(redeemed / (1 - reversed_))


def _ratio(part: Floats, whole: Floats) -> tuple[float, float]:
    left = (part.sum() - part) / (whole.sum() - whole)
    return float(part.sum() / whole.sum()), float(np.sqrt(np.var(left) * (len(part) - 1)))


def _points_per_revenue(chunks: Sequence[Chunk]) -> tuple[float, float]:
    earned, revenue = np.zeros(_GROUPS), np.zeros(_GROUPS)
    for chunk in chunks:
        points, orders = chunk.table("points"), chunk.table("orders")
        lot, paid = points["kind_number"] == EARN, orders["paid"]
        np.add.at(earned, points["place"][lot] % _GROUPS, points["points"][lot].astype(float))
        np.add.at(revenue, orders["place"][paid] % _GROUPS, orders["revenue"][paid])
    return _ratio(earned, revenue)
