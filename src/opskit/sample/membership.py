"""Who joins the paid membership, and when: at a paid order, the sooner the more and the dearer one has bought so far.

Joining depends on nothing but what anybody can see in the orders up to that moment. It adds no order; baskets are
larger while the membership runs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk

OPENS_AFTER = 0.17  # share of the shop's period without a membership
TERM_DAYS = 365.0


class Spells(NamedTuple):
    """Paid terms by customer and time.

    Attributes:
        customer: Place of the customer in the chunk.
        start: Calendar time of the first moment.
        end: Calendar time of the end, which may lie after the last day.
        renewed: True for a term that follows another.
    """

    customer: NDArray[np.int64]
    start: Floats
    end: Floats
    renewed: NDArray[np.bool_]


def spells(chunk: Chunk, customer: NDArray[np.int64], at: Floats, value: Floats) -> Spells:
    """Terms of the chunk's customers, whose paid orders are given by customer and time with their undisturbed values."""
    rng, world, truth = chunk.rng("memberships"), chunk.world, chunk.world.truth
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    sizes = np.diff(first, append=len(customer))
    number = np.arange(len(customer)) - np.repeat(first, sizes) + 1
    total = np.cumsum(value)
    so_far = (total - np.repeat(total[first] - value[first], sizes)) / number
    typical = truth["value.p"] * truth["value.gamma"] / (truth["value.q"] - 1)
    log_odds = (
        np.log(truth["membership.join_share"] / (1 - truth["membership.join_share"]))
        + truth["membership.selection_orders"] * np.minimum(number - 1, 5)
        + truth["membership.selection_value"] * np.log(np.maximum(so_far, 1e-9) / typical)
    )
    accepts = rng.random(len(customer)) < 1 / (1 + np.exp(-log_odds))
    joining = np.flatnonzero(accepts & (at >= OPENS_AFTER * world.days))
    who, place = np.unique(customer[joining], return_index=True)
    start = at[joining[place]]
    found = [Spells(who, start, start + TERM_DAYS, np.zeros(len(who), dtype=bool))]
    while len(who):
        again = (rng.random(len(who)) < truth["membership.renewal"]) & (start + TERM_DAYS < world.days)
        who, start = who[again], start[again] + TERM_DAYS
        found.append(Spells(who, start, start + TERM_DAYS, np.ones(len(who), dtype=bool)))
    customers = np.concatenate([part.customer for part in found])
    starts = np.concatenate([part.start for part in found])
    renewed = np.concatenate([part.renewed for part in found])
    order = np.lexsort((starts, customers))
    return Spells(customers[order], starts[order], starts[order] + TERM_DAYS, renewed[order])


def is_member(spells: Spells, customer: NDArray[np.int64], at: Floats) -> NDArray[np.bool_]:
    """Whether each moment lies in a term of its customer, the moment of joining left out."""
    if not len(spells.customer):
        return np.zeros(len(customer), dtype=bool)
    scale = 1e6  # longer than any shop, so the terms of all customers lie apart on one line
    line, ends = spells.customer * scale + spells.start, spells.customer * scale + spells.end
    before = np.searchsorted(line, customer * scale + at, side="left") - 1
    return (before >= 0) & (customer * scale + at < ends[np.maximum(before, 0)])
