"""Whom each channel touched in the last days, and how much of the sum of the audiences is somebody counted before."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.tables.touchpoints import TOUCHING
from opskit.sample.world import Chunk, World

TABLES = ("touchpoints",)
WINDOW_DAYS = 90


def figures(_world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares of all accounts that each channel touched, and the part of their sum that is counted again."""
    touched = np.concatenate([_touched(chunk) for chunk in chunks])
    n = len(touched)
    where = f"touches of the last {WINDOW_DAYS} days; accounts of the reference shop"
    found: dict[str, Figure] = {}
    for place, channel in enumerate(TOUCHING):
        share = float(touched[:, place].mean())
        error = float(np.sqrt(share * (1 - share) / n))
        spread = share_spread(share, REFERENCE_CUSTOMERS)
        found[f"reach.share.{channel}"] = Figure(
            share, "share of accounts", where, "audience over all accounts", error, spread
        )
    channels, met = touched.sum(axis=1), touched.any(axis=1)
    if not met.any():
        return {}
    ratio = float(met.sum() / channels.sum())
    error = float(np.sqrt(((met - ratio * channels) ** 2).sum())) / float(channels.sum())
    found["reach.counted_again"] = Figure(
        1 - ratio,
        "share of the sum of audiences",
        where,
        "1 - customers reached / audiences added up",
        error,
        error * REFERENCE_CUSTOMERS**0.5,
    )
    return found


def _touched(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether each account (row) was touched through each channel (column)."""
    touches = chunk.table("touchpoints")
    late = touches["at"] >= chunk.world.days - WINDOW_DAYS
    found = np.zeros((chunk.size, len(TOUCHING)), dtype=bool)
    for place, channel in enumerate(TOUCHING):
        found[touches["place"][late & (touches["channel"] == channel)], place] = True
    return found
