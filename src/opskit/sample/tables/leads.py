"""Companies that ask for newborn gift boxes for their staff: from a name to a customer, a row per stage entered."""

from typing import Any

import numpy as np

from opskit.sample.seasons import Floats, within_day
from opskit.sample.world import Chunk, Column, World

ROW = "company entering a stage"
COLUMNS = {
    "lead_id": Column("string", "the company"),
    "stage": Column("category", "lead, mql (fits and asked), sql (wants an offer), customer, or lost (said no)"),
    "entered_at": Column("timestamp", "when it entered the stage"),
    "channel": Column("category", "where the company came from"),
    "value": Column("money", "expected yearly revenue"),
}
STAGES = ("lead", "mql", "sql", "customer")
CHANNELS = {"website": 0.40, "trade_fair": 0.25, "partner": 0.20, "outbound": 0.15}
LEADS_PER_ACCOUNT = 0.4
STAGE_DAYS = (6.0, 12.0, 20.0)  # mean days until the next stage, of those who go on
NO_AFTER_DAYS = 18.0
SAYS_NO = 0.8  # of those who do not go on; the others go quiet and stay open


def build(chunk: Chunk) -> dict[str, Any]:
    """All leads of the shop, with the first chunk; by lead and time."""
    rng, world = chunk.rng("leads"), chunk.world
    n = round(LEADS_PER_ACCOUNT * world.customers) if chunk.index == 0 else 0
    at = within_day(np.sort(rng.random(n)) * world.days)
    channel = rng.choice(len(CHANNELS), size=n, p=list(CHANNELS.values()))
    times = _stages(rng, world, at, channel)  # a row per lead, a column per stage and the last one for lost
    lead, stage = np.nonzero(times < world.days)
    order = np.lexsort((stage, times[lead, stage], lead))
    lead, stage = lead[order], stage[order]
    value = np.round(np.exp(rng.normal(9.6, 0.7, n)), -2)
    return {
        "lead_id": np.array([f"L{number + 1:06d}" for number in range(n)], dtype=object)[lead],
        "stage": np.array([*STAGES, "lost"], dtype=object)[stage],
        "entered_at": world.moment(times[lead, stage]),
        "channel": np.array(list(CHANNELS), dtype=object)[channel[lead]],
        "value": value[lead],
    }


def _stages(rng: np.random.Generator, world: World, at: Floats, channel: Any) -> Floats:
    """When each lead enters each stage and when it says no; infinite where it never does."""
    times = np.full((len(at), len(STAGES) + 1), np.inf)
    times[:, 0] = at
    for place, name in enumerate(STAGES[1:]):
        share = np.array([world.truth[f"lead.to_{name}.{source}"] for source in CHANNELS])
        goes_on = rng.random(len(at)) < share[channel]
        wait = rng.gamma(2.0, STAGE_DAYS[place] / 2, len(at))
        no = (rng.random(len(at)) < SAYS_NO) & ~goes_on
        after = rng.gamma(2.0, NO_AFTER_DAYS / 2, len(at))
        here = times[:, place]  # infinite for those who never came this far, and so is all that follows
        times[:, place + 1] = np.where(goes_on, here + wait, np.inf)
        times[:, -1] = np.where(no & np.isfinite(here), here + after, times[:, -1])
    return times
