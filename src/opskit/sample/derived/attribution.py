"""Attribution: conversions that a channel causes, and those it is the last touch of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample import lift_testing
from opskit.sample.acquisition_plan import CHANNELS, PAID
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.tables.touchpoints import TOUCHING
from opskit.sample.world import Chunk, World

TABLES = ("touchpoints", "lift_tests")
UNIT = "share of conversions"


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares of the conversions of all paths: touches of one customer up to a paid order within 30 days of the last."""
    converted = [chunk.table("touchpoints")["converted"] for chunk in chunks]
    who = [chunk.table("touchpoints")["place"][there] for chunk, there in zip(chunks, converted, strict=True)]
    last = [chunk.table("touchpoints")["channel"][there] for chunk, there in zip(chunks, converted, strict=True)]
    won_by = [chunk.channel[place] for chunk, place in zip(chunks, who, strict=True)]
    found: dict[str, Figure] = {}
    for channel in TOUCHING:
        of_channel = [part == channel for part in last]
        share, error, spread = _share(of_channel, who, chunks)
        found[f"last_touch_share.{channel}"] = Figure(
            share, UNIT, "conversions it is the last touch of", "rule last of attribution", error, spread
        )
    for channel in PAID:
        share, error, _ = _share([part == CHANNELS.index(channel) for part in won_by], who, chunks)
        factor = world.truth[f"incremental_share.{channel}"]
        where = "all orders of customers it won, times the share of them that would not have come without it"
        found[f"incremental_conversions.{channel}"] = Figure(
            factor * share, UNIT, where, "lift test; no rule of attribution", factor * error
        )
    for channel, where in (
        ("retargeting", "it touches people about to order anyway"),
        ("wechat", "its messages are read by those who are interested, and change nothing"),
    ):
        found[f"incremental_conversions.{channel}"] = Figure(0.0, UNIT, where, "hold-out test; no rule of attribution")
    return found | {
        f"tested_conversions.{test.channel}": _tested(world, test, chunks) for test in lift_testing.within(world)
    }


def _tested(world: World, test: lift_testing.LiftTest, chunks: Sequence[Chunk]) -> Figure:
    """What a lift test looks for: orders in its days of customers won in its days."""
    seen, share = lift_testing.reach(world, test, chunks), lift_testing.incremental_share(world, test.channel)
    total = max(seen.conversions, 1)
    return Figure(
        share * seen.reached / total,
        "share of conversions in the days of its lift test",
        "orders that come in these days because of the channel's touches in these days",
        "lift test, over the conversions in its days",
        share * float(np.sqrt(seen.squares)) / total,
        seen.standard_error(share) / total * REFERENCE_CUSTOMERS**0.5,
    )


def _share(
    chosen: list[NDArray[np.bool_]], who: list[NDArray[Any]], chunks: Sequence[Chunk]
) -> tuple[float, float, float]:
    """Share of conversions that are chosen, its standard error, and its spread: customers are drawn, not conversions."""
    all_of = np.concatenate([np.bincount(w, minlength=c.size) for w, c in zip(who, chunks, strict=True)])
    own = np.concatenate(
        [np.bincount(w[there], minlength=c.size) for w, there, c in zip(who, chosen, chunks, strict=True)]
    )
    total = max(int(all_of.sum()), 1)
    share = float(own.sum()) / total
    error = float(np.sqrt(((own - share * all_of) ** 2).sum())) / total
    return share, error, error * REFERENCE_CUSTOMERS**0.5
