"""What waking the silent is worth: the probability of coming back without and with a contact, and the cost of the difference.

Read from the probabilities that the generator knows, over the rows of the programme whose window is over.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.tables.contacts import SMS_COST, refusals
from opskit.sample.win_back import WINDOW_DAYS, programme
from opskit.sample.world import Chunk, World

TABLES = ("orders", "contacts")
FEWEST = 100  # rows of the reference shop below which nothing is worked out


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares that come back, their difference, and what one more comeback costs."""
    natural, woken, customer = _rows(world, chunks)
    if len(natural) < FEWEST or not woken.mean() > natural.mean():
        return {}
    extra = woken - natural
    lift, error = float(extra.mean()), _error(extra, customer)
    spread = _spread(world, natural, woken)
    about = f"mean over {len(extra):,} rows of the programme in the reference shop, of the probabilities known there"
    compared = "contacted against held out, within waves"
    held_out = natural.mean() / world.truth["win_back.holdout_share"]
    return {
        "win_back.held_out_share": Figure(
            float(natural.mean()),
            "probability",
            about,
            "share that ordered within 30 days among those held out",
            _error(natural, customer),
            float(np.sqrt(held_out / len(extra) * REFERENCE_CUSTOMERS)),
        ),
        "win_back.extra_comebacks_per_contact": Figure(lift, "customers", about, compared, error, spread),
        "win_back.cost_per_extra_comeback": Figure(
            SMS_COST / lift,
            "CNY",
            "cost of a message over extra comebacks per contact",
            compared,
            error * SMS_COST / lift**2,  # no spread: the interval of an inverse is lopsided
        ),
    }


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the planted uplift: error of a ratio of two shares."""
    natural, woken, _ = _rows(world, chunks)
    if len(natural) < FEWEST:
        return {}
    held_out = world.truth["win_back.holdout_share"]
    arms = ((natural.mean(), held_out), (woken.mean(), 1 - held_out))
    variance = sum((1 - share) / (share * part * len(natural)) for share, part in arms)
    return {"win_back.uplift": float((1 + world.truth["win_back.uplift"]) * np.sqrt(variance * REFERENCE_CUSTOMERS))}


def _rows(world: World, chunks: Sequence[Chunk]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Probabilities without and with a contact, and the customer, of each row whose window is over."""
    parts = [(chunk, programme(chunk, refusals(chunk))) for chunk in chunks]
    over = [sent.at + WINDOW_DAYS <= world.days for _, sent in parts]
    natural = np.concatenate([sent.natural[kept] for (_, sent), kept in zip(parts, over, strict=True)])
    woken = np.concatenate([sent.woken[kept] for (_, sent), kept in zip(parts, over, strict=True)])
    customer = [sent.customer[kept] + chunk.start for (chunk, sent), kept in zip(parts, over, strict=True)]
    return natural, woken, np.concatenate(customer)


def _error(value: Floats, customer: NDArray[np.int64]) -> float:
    """Standard error of a mean, with the rows of a customer kept together."""
    apart = np.bincount(customer, weights=value - value.mean())
    return float(np.sqrt(np.sum(apart**2)) / len(value))


def _spread(world: World, natural: Floats, woken: Floats) -> float:
    held_out = world.truth["win_back.holdout_share"]
    arms = ((natural.mean(), held_out), (woken.mean(), 1 - held_out))
    variance = sum(share * (1 - share) / (part * len(natural)) for share, part in arms)
    return float(np.sqrt(variance * REFERENCE_CUSTOMERS))
