"""Acquisition: what each channel is credited with, what it causes, and how sign-ups grow."""

from collections.abc import Sequence

import numpy as np

from opskit.sample.acquisition_plan import CHANNELS, PAID
from opskit.sample.derived.figure import Figure
from opskit.sample.world import Chunk, World

TABLES = ("customers",)


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures of the media plan; nothing is simulated."""
    del chunks
    return {**_channels(world), "signup_growth": _growth(world)}


def _channels(world: World) -> dict[str, Figure]:
    share = world.plan.signups.sum(axis=0)
    brought = "sign-ups that would not exist without the channel's spend"
    found = {
        f"recorded_share.{channel}": Figure(
            float(part),
            "share of sign-ups",
            "expected over the period",
            "share of customers by channel",
            spread=float(np.sqrt(part * (1 - part))),
        )
        for channel, part in zip(CHANNELS, share, strict=True)
    }
    for channel in PAID:
        value = float(share[CHANNELS.index(channel)]) * world.truth[f"incremental_share.{channel}"]
        found[f"incremental_signups.{channel}"] = Figure(
            value, "share of all sign-ups", brought, "lift test, or total sign-ups on spend"
        )
    found["incremental_signups.retargeting"] = Figure(
        0.0, "share of all sign-ups", "it touches people about to order anyway", "holdout test"
    )
    return found


def _growth(world: World) -> Figure:
    """Log-linear growth of expected sign-ups, calendar month by calendar month."""
    first = np.datetime64(world.first_day, "D")
    month = (first + np.arange(world.days)).astype("datetime64[M]").astype(np.int64)
    monthly = np.bincount(month - month[0], weights=world.plan.signups.sum(axis=1))
    slope = np.polyfit(np.arange(world.months), np.log(monthly), 1)[0] if world.months > 1 else np.nan
    return Figure(
        float(np.expm1(slope)),
        "share per month",
        "all channels together: log-linear trend of expected sign-ups per calendar month, season included",
        "log-linear trend of sign-ups per calendar month",
    )
