"""The journey: how many go on at each step of the first weeks, and how many leads become customers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.surveys.journey import INVITED, LATE_AFTER_DAYS
from opskit.sample.tables.events import STEP
from opskit.sample.tables.leads import CHANNELS, LEADS_PER_ACCOUNT, STAGES
from opskit.sample.world import Chunk, World

TABLES = ("events", "leads", "surveys")
STEPS = ("visit", "sign_up", "log_in", "browse", "add_to_cart", "buy", "pay", "receive", "confirm", "review")
WINDOW_DAYS = 30
LEAD_WINDOW_DAYS = 120  # far beyond the days that leads take, so that nearly all who go on have gone on


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares going on from step to step, and from lead to customer."""
    return {**_steps(chunks), **_customers(world)}


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the leads' stage shares, and of satisfaction among those who answer."""
    truth, found = world.truth, dict[str, float]()
    for channel, part in CHANNELS.items():
        per_account = LEADS_PER_ACCOUNT * part * _old_enough(world)
        for stage in STAGES[1:]:
            name = f"lead.to_{stage}.{channel}"
            found[name] = _spread(truth[name], per_account)
            per_account *= truth[name]
    orders = [chunk.table("orders") for chunk in chunks]
    buyers = sum(len(np.unique(one["place"][one["paid"]])) for one in orders) / REFERENCE_CUSTOMERS
    took = np.concatenate([(one["delivered"] - one["at"])[one["paid"]] for one in orders])
    late = float(np.mean(took > LATE_AFTER_DAYS)) if len(took) else 0.0
    answers = buyers * INVITED * truth["satisfaction.response"]
    for name, part in (("browse", 1), ("pay", 1), ("receive", 1 - late), ("receive_late", late), ("confirm", 1)):
        found[f"satisfaction.{name}"] = _spread(truth[f"satisfaction.{name}"], answers * part)
    for name in ("promoters", "detractors"):
        found[f"satisfaction.{name}"] = _spread(truth[f"satisfaction.{name}"], answers)
    return found


def _steps(chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Read from the events of the reference shop, each account from its first visit on."""
    counts = np.sum([_reached(chunk) for chunk in chunks], axis=0)
    found: dict[str, Figure] = {}
    for place, step in enumerate(STEPS[1:], start=1):
        before, there = int(counts[place - 1]), int(counts[place])
        if before >= 100:
            share = there / before
            found[f"journey.{step}_within_{WINDOW_DAYS}_days"] = Figure(
                share,
                "share of those who reached the step before",
                f"accounts of {REFERENCE_CUSTOMERS:,} simulated ones whose window is over: first {step} at or after the "
                f"step before, at most {WINDOW_DAYS} days after the first visit",
                "rate of the ordered funnel with its default steps",
                float(np.sqrt(share * (1 - share) / before)),
                # Next to 1 an interval is as wide as the n makes it, whatever the share.
                share_spread(share, before) if share < 0.995 else None,
            )
    return found


def _reached(chunk: Chunk) -> NDArray[np.int64]:
    """Accounts of the chunk that reach each step in order within the window, among those whose window is over."""
    events = chunk.table("events")
    place, step, second = events["place"], events["step"], np.floor(events["at"] * 86_400)
    start = _earliest(chunk.size, place, second, step == STEP[STEPS[0]])
    old = np.floor(start / 86_400) + WINDOW_DAYS <= chunk.world.days - 1
    last, counts = start, [int(old.sum())]
    for name in STEPS[1:]:
        in_time = (second >= last[place]) & (second <= start[place] + WINDOW_DAYS * 86_400)
        last = _earliest(chunk.size, place, second, (step == STEP[name]) & in_time)
        counts.append(int((old & np.isfinite(last)).sum()))
    return np.array(counts)


def _earliest(size: int, place: NDArray[np.int64], second: Floats, which: NDArray[np.bool_]) -> Floats:
    first = np.full(size, np.inf)
    np.minimum.at(first, place[which], second[which])
    return first


def _customers(world: World) -> dict[str, Figure]:
    """Products of the planted shares."""
    truth, found = world.truth, dict[str, Figure]()
    share = {
        channel: float(np.prod([truth[f"lead.to_{stage}.{channel}"] for stage in STAGES[1:]])) for channel in CHANNELS
    }
    share["all"] = sum(part * share[channel] for channel, part in CHANNELS.items())
    for channel, value in share.items():
        per_account = LEADS_PER_ACCOUNT * CHANNELS.get(channel, 1.0) * _old_enough(world)
        found[f"lead.becomes_customer.{channel}"] = Figure(
            value,
            "share of leads",
            "product of the shares from stage to stage" + (", weighted by channel" if channel == "all" else ""),
            f"customers over leads, among leads {LEAD_WINDOW_DAYS} days old",
            spread=_spread(value, per_account),
        )
    return found


def _old_enough(world: World) -> float:
    return max(0.0, 1 - LEAD_WINDOW_DAYS / world.days)


def _spread(share: float, rows_per_account: float) -> float:
    return float(np.sqrt(share * (1 - share) / rows_per_account)) if rows_per_account > 0 else float("nan")
