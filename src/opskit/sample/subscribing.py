"""Who subscribes and when, how long each contract lasts, what is paid at each billing date.

Subscribing depends on nothing but there being a paid order and adds none. How long a contract lasts depends on nothing
but its plan at the start and the contract's own probability of ending at a renewal, so that the shifted
beta-geometric model holds exactly in billing periods.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats

Ints = NDArray[np.int64]
#                months of a billing period, list price, share of new subscribers
PLANS = {
    "diaper_box": (1, 129.0, 0.52),
    "care_box": (1, 219.0, 0.36),
    "year_box": (12, 1290.0, 0.12),
}
PLAN_NAMES = tuple(PLANS)
MONTHS = np.array([plan[0] for plan in PLANS.values()])
PRICE = np.array([plan[1] for plan in PLANS.values()])
SHARE = np.array([plan[2] for plan in PLANS.values()])
PRICE_RISES_AFTER = 0.6  # share of the shop's period
STARTS_WITHIN_DAYS = 9.0  # mean time from the order to the first day
PAUSE_DAYS = 70.0  # mean
LONGEST = 5000  # billing periods; longer than any shop


class Contracts(NamedTuple):
    """Contracts by customer and time: place of the customer, first day, plan at the start, billing periods until it ends."""

    customer: Ints
    start: Ints
    plan: Ints
    periods: Ints


class Payments(NamedTuple):
    """What falls due up to the last day: place of the contract, which payment (0 for the first), day, plan and price."""

    contract: Ints
    number: Ints
    day: Ints
    plan: Ints
    price: Floats


def contracts(
    rng: np.random.Generator, customer: Ints, at: Floats, first_day: date, days: int, truth: Mapping[str, float]
) -> Contracts:
    """Contracts of customers whose paid orders are given by customer and time, the next ones after a pause included."""
    joining = np.flatnonzero(rng.random(len(customer)) < truth["subscription.join_share"])
    who, place = np.unique(customer[joining], return_index=True)
    start = np.floor(at[joining[place]] + 1 + rng.exponential(STARTS_WITHIN_DAYS, len(who))).astype(np.int64)
    plan = rng.choice(len(PLANS), size=len(who), p=SHARE)
    found: list[Contracts] = []
    while len(who):
        there = start < days
        who, start, plan = who[there], start[there], plan[there]
        lasting = periods(rng, plan, truth)
        found.append(Contracts(who, start, plan, lasting))
        end = due(first_day, start, np.minimum(lasting * MONTHS[plan], LONGEST))
        again = (rng.random(len(who)) < truth["subscription.reactivation_share"]) & (end < days)
        pause = np.floor(20 + rng.gamma(2.0, (PAUSE_DAYS - 20) / 2, len(who))).astype(np.int64)
        who, start, plan = who[again], (end + pause)[again], plan[again]
    if not found:
        return Contracts(*(np.zeros(0, dtype=np.int64) for _ in Contracts._fields))
    together = Contracts(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.lexsort((together.start, together.customer))
    return Contracts(*(part[order] for part in together))


def periods(rng: np.random.Generator, plan: Ints, truth: Mapping[str, float]) -> Ints:
    """Billing periods until each contract ends: geometric, with a probability of its own."""
    alpha, beta = (np.array([truth[f"subscription.{shape}.{name}"] for name in PLANS]) for shape in ("alpha", "beta"))
    ends = np.maximum(rng.beta(alpha[plan], beta[plan]), 1e-6)
    return np.minimum(rng.geometric(ends), LONGEST)


def payments(
    rng: np.random.Generator, signed: Contracts, first_day: date, days: int, truth: Mapping[str, float]
) -> Payments:
    """Every payment up to the last day, with the plan and the price it is for, by contract and time."""
    plan = signed.plan.copy()
    rises = int(PRICE_RISES_AFTER * days)
    move = np.array([truth["subscription.upgrade_share"], truth["subscription.downgrade_share"], 0.0])
    found: list[tuple[Ints, ...]] = []
    number, live = 0, np.arange(len(plan))
    while len(live):
        day = due(first_day, signed.start[live], number * MONTHS[signed.plan[live]])
        there = (day < days) & (signed.periods[live] > number)
        live, day = live[there], day[there]
        if number:
            moving = live[rng.random(len(live)) < move[plan[live]]]
            plan[moving] = 1 - plan[moving]  # between the two monthly plans
        found.append((live, np.full(len(live), number), day, plan[live]))
        number += 1
    if not found:
        found.append(tuple(np.zeros(0, dtype=np.int64) for _ in range(4)))
    contract, which, day, paid_for = (np.concatenate(parts) for parts in zip(*found, strict=True))
    price = np.round(PRICE[paid_for] * np.where(day >= rises, 1 + truth["subscription.price_rise"], 1.0), 0)
    order = np.lexsort((which, contract))
    return Payments(contract[order], which[order], day[order], paid_for[order], price[order])


def due(first_day: date, start: Ints, months: Any) -> Ints:
    """Day so many calendar months after the start, on the same day of the month or the last one before it."""
    began = np.datetime64(first_day, "D") + start.astype("timedelta64[D]")
    month = began.astype("datetime64[M]")
    day_of_month = (began - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.asarray(months).astype("timedelta64[M]")
    next_month = target + np.timedelta64(1, "M")
    length = (next_month.astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
    day = target.astype("datetime64[D]") + np.minimum(day_of_month, length - 1).astype("timedelta64[D]")
    return (day - np.datetime64(first_day, "D")).astype(np.int64)
