"""Referral: what customers bring within so many days, how long it takes, what those who were invited are worth.

Every invited account picks its inviter among those there before it by their talent, which has nothing to do with when
they came. So of the invited of a day the share whose inviter came within so many days is, on average, the share of
accounts that did, whatever the talents are and however few have most of it: a closed form of the media plan. How well
a shop could know it does hang on talent, and is seen in small shops of their own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.tables.events import IN_VAIN, IN_VAIN_DAYS
from opskit.sample.world import Chunk, World

TABLES = ("customers", "orders", "events")
WINDOWS = (30, 60, 90, 180)
VALUE_DAYS, CYCLE_DAYS = 180, 365
SHOP, SHOPS = 4000, 16
FEWEST = 100  # reference accounts of a kind, below which a figure is not worked out
MEASURES = {"ordered": "ordered at all", "orders": "orders", "value": "value"}  # as referral.compare calls them
REFERRAL = CHANNELS.index("referral")


class Plan(NamedTuple):
    """What follows from the media plan, by age of the inviter in days."""

    pairs: Floats  # expected invited per account, by day of the inviter's sign-up (rows) and age (columns)
    joined: Floats  # share of accounts by day of sign-up


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """K, the cycle, sign-ups per invitation, and what the referred do in their first days, as far as the shop lasts."""
    plan = _plan(world)
    if world.signups.referrer.max() < 0:
        return {}
    shops = [World(world.truth, SHOP, world.months, world.seed + 1 + shop) for shop in range(SHOPS)]
    found = {f"referral.k_within.{days}_days": _k(plan, shops, days) for days in WINDOWS if days < world.days}
    if world.days > CYCLE_DAYS:
        found["referral.half_cycle_days"] = _half_cycle(plan, shops)
    found["referral.signups_per_invitation"] = _per_invitation(world, plan, shops)
    return found | _differences(world, chunks)


def _plan(world: World) -> Plan:
    joined, invited = world.plan.signups.sum(axis=1), world.plan.signups[:, REFERRAL]
    before = np.cumsum(joined) - joined / 2  # accounts there at noon
    days = world.days
    pairs = np.zeros((days, days))
    for age in range(days):
        # Of those who sign up on the inviter's own day half come before the inviter.
        part = 0.5 if age == 0 else 1.0
        pairs[: days - age, age] = part * joined[: days - age] * (invited / before)[age:]
    return Plan(pairs, joined)


def _k(plan: Plan, shops: Sequence[World], days: int) -> Figure:
    old = slice(0, len(plan.joined) - days)
    value = float(plan.pairs[old, : days + 1].sum() / plan.joined[old].sum())
    errors = [_k_error(shop, days) for shop in shops]
    return Figure(
        value,
        "customers per customer",
        "closed form of the media plan: every invited account picks one of those there before it",
        f"referral.k_factor: everybody, {days} days",
        spread=float(np.sqrt(np.mean(np.square(errors)) * SHOP)),
    )


def _k_error(shop: World, days: int) -> float:
    """Standard error of K with inviters as independent."""
    day, referrer = shop.signups.at.astype(np.int64), shop.signups.referrer
    invited = np.flatnonzero(referrer >= 0)
    inviter = referrer[invited]
    old = day < shop.days - days
    counted = (day[invited] - day[inviter] <= days) & old[inviter]
    brought = np.bincount(inviter[counted], minlength=len(day))[old]
    return float(brought.std() / np.sqrt(old.sum()))


def _half_cycle(plan: Plan, shops: Sequence[World]) -> Figure:
    at_risk = np.cumsum(plan.joined)[::-1]  # who reached an age: all but those who joined in the last days
    curve = np.cumsum(plan.pairs.sum(axis=0) / at_risk)
    value = _half(curve)
    found = [_half(_curve(shop)) for shop in shops]
    return Figure(
        value,
        "days",
        "closed form of the media plan, as K",
        f"referral.cycle_time: half of those brought within {CYCLE_DAYS} days have come",
        spread=float(np.sqrt(np.mean(np.square(np.array(found) - value)) * SHOP)),
    )


def _curve(shop: World) -> Floats:
    """Accounts brought per account by each age, in one shop."""
    day, referrer = shop.signups.at.astype(np.int64), shop.signups.referrer
    invited = np.flatnonzero(referrer >= 0)
    brought = np.bincount(day[invited] - day[referrer[invited]], minlength=shop.days)
    at_risk = np.cumsum(np.bincount(day, minlength=shop.days))[::-1]
    return np.cumsum(brought / np.maximum(at_risk, 1))


def _half(curve: Floats) -> float:
    return float(np.argmax(curve[: CYCLE_DAYS + 1] >= curve[CYCLE_DAYS] / 2))


def _per_invitation(world: World, plan: Plan, shops: Sequence[World]) -> Figure:
    left = world.days - np.arange(world.days) - 0.5
    in_vain = IN_VAIN * float((plan.joined * -np.expm1(-left / IN_VAIN_DAYS)).sum())
    taken = float(world.plan.signups[:, REFERRAL].sum())
    ratio = taken / (taken + in_vain)
    squares: list[float] = []
    for shop in shops:
        referrer = shop.signups.referrer
        brought = np.bincount(referrer[referrer >= 0], minlength=SHOP).astype(np.float64)
        # (1 - ratio) * brought - ratio * in vain, the latter a Poisson number that has nothing to do with the former.
        residual = (((1 - ratio) * brought - ratio * in_vain) ** 2).mean() + ratio**2 * in_vain
        squares.append(residual / (taken + in_vain) ** 2)
    return Figure(
        ratio,
        "sign-ups per invitation",
        f"one invitation before each invited sign-up, and {IN_VAIN:g} per account that nobody takes, some still to come",
        "referral.per_invitation: sign-ups per invitation",
        spread=float(np.sqrt(np.mean(squares))),
    )


def _differences(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Between referred and other accounts of one month of sign-up, in their first days."""
    joined = np.concatenate([chunk.signed_up for chunk in chunks]).astype(np.int64)
    referred = np.concatenate([chunk.channel for chunk in chunks]) == REFERRAL
    old = joined < world.days - VALUE_DAYS
    if min((old & referred).sum(), (old & ~referred).sum()) < FEWEST:
        return {}
    orders, value = (np.concatenate(parts) for parts in zip(*(_early(chunk) for chunk in chunks), strict=True))
    month = (np.datetime64(world.first_day, "D") + joined).astype("datetime64[M]").astype(np.int64)
    amounts = {"ordered": (orders > 0).astype(np.float64), "orders": orders, "value": value}
    units = {"ordered": "share of accounts", "orders": "orders per account", "value": "CNY per account"}
    where = f"{REFERENCE_CUSTOMERS:,} simulated accounts, prospects included, first {VALUE_DAYS} days"
    found = {
        f"referral.{name}_difference": Figure(
            *_adjusted(amount[old], referred[old], month[old] - month.min(), units[name], where, name)
        )
        for name, amount in amounts.items()
    }
    mine = value[old & referred]
    error = float(mine.std() / np.sqrt(len(mine)))
    text = "referral.compare: value, referred"
    found["referral.value"] = Figure(
        float(mine.mean()), units["value"], where, text, error, error * REFERENCE_CUSTOMERS**0.5
    )
    return found


def _early(chunk: Chunk) -> tuple[Floats, Floats]:
    """Paid orders of each account in its first days, and their contribution after refunds."""
    orders = chunk.table("orders")
    soon = orders["paid"] & (
        orders["at"].astype(np.int64) - chunk.signed_up.astype(np.int64)[orders["place"]] <= VALUE_DAYS
    )
    kept = 1 - orders["refund"][soon] / orders["revenue"][soon]
    place = orders["place"][soon]
    value = np.bincount(place, weights=orders["margin"][soon] * kept, minlength=chunk.size)
    return np.bincount(place, minlength=chunk.size).astype(np.float64), value


def _adjusted(
    amount: Floats, referred: NDArray[np.bool_], month: NDArray[np.int64], unit: str, where: str, name: str
) -> tuple[float, str, str, str, float, float]:
    """Difference between accounts of one month, months weighed as in a regression on them."""
    count, total = np.bincount(month), np.bincount(month, weights=referred)
    weight = referred - (total / np.maximum(count, 1))[month]  # least squares with a level for each month
    value = float((weight * amount).sum() / (weight * referred).sum())
    level = np.bincount(month, weights=amount - value * referred) / np.maximum(count, 1)
    residual = amount - value * referred - level[month]
    error = float(np.sqrt(((weight * residual) ** 2).sum()) / (weight * referred).sum())
    return value, unit, where, f"referral.compare: {MEASURES[name]}, adjusted", error, error * REFERENCE_CUSTOMERS**0.5
