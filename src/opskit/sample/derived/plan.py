"""What the incentive plan works against: who of its segments orders anyway, and who of the asleep has left for good.

Counted over the reference shop, independently of opskit.incentives.plan: the rules of the worksheet are spelled out here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import membership
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.tables import incentive_plan as sheet
from opskit.sample.world import Chunk, World

TABLES = ("orders", "customers", "memberships")
FEWEST = 500  # customers of a segment in the reference shop below which nothing is worked out
SLUGS = {row.segment: row.segment.replace(", ", "_").replace(" ", "_") for row in sheet.ROWS}


class Seen(NamedTuple):
    """Customers of a chunk as the shop sees them at the end of a day, one entry each."""

    there: NDArray[np.bool_]
    orders: NDArray[np.int64]
    silent_days: NDArray[np.float64]
    signed_up_days: NDArray[np.float64]
    member: NDArray[np.bool_]


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares that order within kpi_days though nothing is done, and of the asleep that have left."""
    found: dict[str, Figure] = {}
    for at, row in enumerate(sheet.ROWS):
        end = world.days - int(row.kpi_days)
        if row.kpi != "buyers" or end <= 0:
            continue
        came = np.concatenate([_ordered(chunk, end)[segment(chunk, end) == at] for chunk in chunks])
        if len(came) >= FEWEST:
            found[f"plan.base.{SLUGS[row.segment]}"] = _share(
                came, f"ordering within {row.kpi_days:g} days", "incentives.plan.expected: base"
            )
    for row in sheet.ROWS[1:3]:
        at = sheet.ROWS.index(row)
        left = np.concatenate([chunk.purchases.left[segment(chunk, world.days) == at] for chunk in chunks])
        if len(left) >= FEWEST:
            told = "who have left for good, on the last day"
            found[f"plan.gone.{SLUGS[row.segment]}"] = _share(left, told, "not seen directly: nobody says good-bye")
    return found


def segment(chunk: Chunk, end: int) -> NDArray[np.int64]:
    """Place of the first row of the plan that fits each customer at the end of a day, -1 for none and for those not yet there."""
    seen = _seen(chunk, end)
    fits = (
        seen.member & (seen.silent_days <= sheet.PLUS_SILENT),
        (seen.silent_days >= sheet.ASLEEP_FROM) & (seen.orders >= sheet.ASLEEP_ORDERS),
        (seen.silent_days >= sheet.ASLEEP_FROM) & (seen.silent_days <= sheet.ASLEEP_TO),
        (seen.orders == 1) & (seen.silent_days < sheet.RECENT),
        (seen.orders >= 2) & (seen.silent_days < sheet.RECENT),
        (seen.orders == 0) & (seen.signed_up_days <= sheet.FRESH),
    )
    return np.where(seen.there, np.select(fits, range(len(fits)), default=-1), -1)


def _seen(chunk: Chunk, end: int) -> Seen:
    bought, terms = chunk.purchases, chunk.table("orders")["memberships"]
    known = bought.at < end
    orders = np.bincount(bought.customer[known], minlength=chunk.size)
    last = np.full(chunk.size, -np.inf)
    np.maximum.at(last, bought.customer[known], np.floor(bought.at[known]))
    silent = np.where(orders > 0, end - 1 - last, np.nan)
    # On the day a term ends it is over, as the table of memberships is read.
    member = membership.is_member(terms, np.arange(chunk.size), np.full(chunk.size, float(end)))
    return Seen(chunk.signed_up < end, orders, silent, end - 1 - np.floor(chunk.signed_up), member)


def _ordered(chunk: Chunk, end: int) -> NDArray[np.bool_]:
    """Whether each customer has an order after the end of that day."""
    bought = chunk.purchases
    return np.bincount(bought.customer[bought.at >= end], minlength=chunk.size) > 0


def _share(hits: NDArray[np.bool_], told: str, estimate: str) -> Figure:
    share = float(hits.mean())
    return Figure(
        share,
        "share of customers",
        f"share {told} of {len(hits):,} customers of the segment among {REFERENCE_CUSTOMERS:,} accounts",
        estimate,
        float(np.sqrt(share * (1 - share) / len(hits))),
        share_spread(share, len(hits)),
    )
