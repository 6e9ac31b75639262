"""What each channel costs and returns: CAC, margin over spend, payback, the trend of cost, from the reference shop.

How well a shop of SHOP accounts could know them is seen by cutting the reference accounts into that many shops, each
with its part of the spend, and leaving out four weeks of each at a time: weeks differ in spend as in luck.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("customers", "orders", "spend")
FIRST_ORDER_DAYS, MARGIN_DAYS = 30, 90
SHOP = 4000
PARTS = REFERENCE_CUSTOMERS // SHOP
BLOCK_DAYS = 28
FEWEST = 100  # reference customers below which a figure is not worked out
PAID = ("short_video", "search_ads", "influencer", "referral")


class Daily(NamedTuple):
    """One channel by part of the shop and day of sign-up."""

    spend: Floats  # part x day
    signups: Floats
    won: Floats  # first order within FIRST_ORDER_DAYS
    earned: Floats  # margin up to MARGIN_DAYS
    by_age: Floats  # margin by day of sign-up x age, all parts together


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures by channel, as far as the shop lasts long enough for them."""
    found: dict[str, Figure] = {}
    for channel, daily in _channels(world, chunks).items():
        ripe = world.days - 1 - np.arange(world.days)  # age of each day's sign-ups on the last day
        first, old = ripe >= FIRST_ORDER_DAYS, ripe >= MARGIN_DAYS
        if daily.won[:, first].sum() < FEWEST or not old.any():
            continue
        found |= _ratios(channel, daily, first, old)
        if channel in PAID:
            found[f"payback_day.{channel}"] = _payback(daily, ripe)
            found[f"cost_growth.{channel}"] = _growth(world, channel, daily)
    return found


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the planted cost per sign-up; a reward paid for each sign-up leaves nothing to chance."""
    return {
        f"cost_per_signup.{channel}": _spread(daily.spend, daily.signups)
        for channel, daily in _channels(world, chunks).items()
        if channel in PAID and channel != "referral" and daily.signups.sum() >= FEWEST
    }


def _channels(world: World, chunks: Sequence[Chunk]) -> dict[str, Daily]:
    account = np.concatenate([chunk.start + np.arange(chunk.size) for chunk in chunks])
    joined = np.concatenate([chunk.signed_up for chunk in chunks]).astype(np.int64)
    source = np.concatenate([chunk.channel for chunk in chunks])
    columns = [_paid_orders(chunk) for chunk in chunks]
    buyer, day, margin = (np.concatenate(column) for column in zip(*columns, strict=True))
    first = np.full(len(account), np.inf)
    np.minimum.at(first, buyer, day)
    won = first - joined <= FIRST_ORDER_DAYS
    age = (day - joined[buyer]).astype(np.int64)
    money = _spend(chunks[0], world.days)
    shape, found = (PARTS, world.days), dict[str, Daily]()
    for place, channel in enumerate(CHANNELS):
        mine, theirs = source == place, source[buyer] == place
        soon = theirs & (age <= MARGIN_DAYS)
        by_age = np.zeros((world.days, world.days))
        np.add.at(by_age, (joined[buyer[theirs]], age[theirs]), margin[theirs])
        spend = money.get(channel, np.zeros(world.days)) / PARTS
        cells = account % PARTS * world.days + joined
        counts = (np.bincount(cells[rows], minlength=PARTS * world.days).reshape(shape) for rows in (mine, mine & won))
        earned = np.bincount(cells[buyer[soon]], weights=margin[soon], minlength=PARTS * world.days).reshape(shape)
        signups, customers = (count.astype(np.float64) for count in counts)
        found[channel] = Daily(np.tile(spend, (PARTS, 1)), signups, customers, earned, by_age)
    return found


def _paid_orders(chunk: Chunk) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Account, day and contribution after refund of every paid order."""
    orders = chunk.table("orders")
    paid = orders["paid"]
    kept = 1 - orders["refund"][paid] / orders["revenue"][paid]
    return orders["place"][paid] + chunk.start, orders["at"][paid].astype(np.int64), orders["margin"][paid] * kept


def _spend(chunk: Chunk, days: int) -> dict[str, Floats]:
    """Money of each channel by day; the first chunk has it all."""
    table = chunk.table("spend")
    return {
        str(name): table["spend"][table["channel"] == name].astype(np.float64)[:days]
        for name in np.unique(table["channel"].astype(str))
    }


def _ratios(channel: str, daily: Daily, first: NDArray[np.bool_], old: NDArray[np.bool_]) -> dict[str, Figure]:
    simulated = f"{REFERENCE_CUSTOMERS:,} simulated accounts"
    within, by_day = f"{FIRST_ORDER_DAYS} days", f"day {MARGIN_DAYS}"
    rate = daily.won[:, first], daily.signups[:, first]
    margin = daily.earned[:, old], daily.won[:, old]
    found = {
        f"first_order_within.{FIRST_ORDER_DAYS}_days.{channel}": (
            *rate,
            "share of sign-ups",
            f"share of {simulated}, those {within} old, who order within {within}",
        ),
        f"margin_by_day_{MARGIN_DAYS}.{channel}": (
            *margin,
            "CNY per new customer",
            f"margin after refunds of {simulated} by {by_day} after sign-up, over those who order within {within}",
        ),
    }
    if channel in PAID:
        found |= {
            f"cac.{channel}": (
                daily.spend[:, first],
                daily.won[:, first],
                "CNY per new customer",
                f"acquisition spend over those of {simulated} who order within {within}",
            ),
            f"margin_over_spend_by_day_{MARGIN_DAYS}.{channel}": (
                daily.earned[:, old],
                daily.spend[:, old],
                "times",
                f"margin after refunds of {simulated} by {by_day} after sign-up, over the spend of their days of sign-up",
            ),
        }
    return {
        name: Figure(
            float(over.sum() / under.sum()) if under.sum() > 0 else float("nan"),
            unit,
            where,
            "the same ratio in the shop's own weeks that are old enough",
            _error(over.sum(axis=1), under.sum(axis=1)),
            _spread(over, under),
        )
        for name, (over, under, unit, where) in found.items()
    }


def _error(over: Floats, under: Floats) -> float:
    """Of the ratio, from the parts of the reference shop; missing where one of them has nothing to divide by."""
    known = bool((under > 0).all())
    return float(np.std(over / under, ddof=1) / np.sqrt(PARTS)) if known else float("nan")


def _spread(over: Floats, under: Floats) -> float:
    """Standard error of over / under that nine in ten shops of SHOP accounts stay below, times the root of SHOP.

    Four weeks are left out at a time. A few customers with very large orders make some shops know much less than others.
    """
    edges = np.arange(0, over.shape[1], BLOCK_DAYS)
    blocks = len(edges)
    if blocks < 2:
        return float("nan")
    parts = np.add.reduceat(over, edges, axis=1), np.add.reduceat(under, edges, axis=1)
    top, bottom = (part.sum(axis=1, keepdims=True) - part for part in parts)
    known = bottom > 0
    left_out = np.where(known, top / np.where(known, bottom, 1), np.nan)
    variance = np.nanvar(left_out, axis=1) * (blocks - 1)
    return float(np.sqrt(np.nanquantile(variance, 0.9) * SHOP))


def _payback(daily: Daily, ripe: NDArray[np.int64]) -> Figure:
    """First age at which margin over spend, age by age among the days of sign-up that have reached it, adds up to 1."""
    ages = np.arange(daily.by_age.shape[1])
    spend = daily.spend.sum(axis=0)
    reached = ripe[:, None] >= ages
    base = (reached * spend[:, None]).sum(axis=0)
    earned = np.where(reached, daily.by_age, 0.0).sum(axis=0)
    known = base > 0.05 * spend.sum()  # the oldest ages rest on a few days of sign-up
    curve = np.cumsum(earned[known] / base[known])
    back = np.flatnonzero(curve >= 1)
    return Figure(
        float(back[0]) if len(back) else float("nan"),
        "days since sign-up",
        f"first day on which cumulative margin of {REFERENCE_CUSTOMERS:,} simulated accounts covers the spend on them",
        "day on which margin over spend reaches 1",
    )


def _growth(world: World, channel: str, daily: Daily) -> Figure:
    """Even growth of cost per sign-up, of expected sign-ups; referral pays a fixed reward, so its cost never changes."""
    spend = daily.spend.sum(axis=0)
    expected = world.plan.signups[:, CHANNELS.index(channel)]
    month: Floats = (np.arange(world.days, dtype=np.float64) - (world.days - 1) / 2) / (365.25 / 12)
    if channel == "referral":
        return Figure(0.0, "share per month", "the reward for an invitation is fixed", "trend of spend per sign-up")
    low, high = -1.0, 1.0
    for _ in range(60):  # halving: the centre in time of deflated spend falls as the growth rises
        middle = (low + high) / 2
        weight = spend * np.exp(-middle * month)
        if (weight @ month) / weight.sum() > (expected @ month) / expected.sum():
            low = middle
        else:
            high = middle
    return Figure(
        float(np.expm1(low)),
        "share per month",
        "growth at which spend, deflated by it, is centred in time where the expected sign-ups are",
        "trend of spend per sign-up: Poisson regression of sign-ups on time with spend as exposure",
        spread=_growth_spread(daily, month, low),
    )


def _growth_spread(daily: Daily, month: Floats, growth: float) -> float:
    """Standard error of the growth times the root of SHOP, from the scores of blocks of four weeks."""
    edges = np.arange(0, len(month), BLOCK_DAYS)
    weight = daily.spend * np.exp(-growth * month)
    fitted = weight * (daily.signups.sum(axis=1) / weight.sum(axis=1))[:, None]
    centre = (fitted * month).sum(axis=1, keepdims=True) / fitted.sum(axis=1, keepdims=True)
    score = np.add.reduceat((daily.signups - fitted) * (month - centre), edges, axis=1)
    information = (fitted * (month - centre) ** 2).sum(axis=1)
    return float(np.sqrt(np.mean((score**2).sum(axis=1) / information**2) * SHOP))
