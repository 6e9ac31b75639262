"""What each channel costs each day: the media plan, rewards for invitations, retargeting, messages."""

from typing import Any

import numpy as np

from opskit.sample.acquisition_plan import CHANNELS, PAID
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, Column, World

ROW = "channel and day"
COLUMNS = {
    "date": Column("date", "day"),
    "channel": Column("category", "channel"),
    "purpose": Column("category", "acquire or retain"),
    "spend": Column("money", "money spent"),
    "impressions": Column("int64", "times shown"),
    "clicks": Column("int64", "clicks"),
}
#                cost of a click, clicks per impression
CLICK = {
    "short_video": (1.1, 0.012),
    "search_ads": (2.4, 0.045),
    "influencer": (1.9, 0.020),
    "retargeting": (0.9, 0.015),
    "referral": (3.0, 0.080),
    "wechat": (0.08, 0.060),
}
ACQUIRE = ("short_video", "search_ads", "influencer", "referral")
RETARGETING_COST_PER_SIGNUP, WECHAT_COST_PER_SIGNUP = 9.0, 1.5


def build(chunk: Chunk) -> dict[str, Any]:
    """All days of all channels, with the first chunk; by day and channel."""
    world = chunk.world
    channels = tuple(sorted(CLICK))
    days = np.repeat(np.arange(world.days if chunk.index == 0 else 0), len(channels))
    money = np.round(np.column_stack([_daily(world, channel) for channel in channels]), 2).ravel()[: len(days)]
    which = np.tile(np.arange(len(channels)), world.days)[: len(days)]
    cost, rate = (np.array([CLICK[channel][i] for channel in channels])[which] for i in (0, 1))
    rng = chunk.rng("spend")
    clicks = rng.poisson(money / cost)
    return {
        "date": world.moment(days.astype(float)),
        "channel": np.array(channels, dtype=object)[which],
        "purpose": np.where(np.isin(channels, ACQUIRE), "acquire", "retain").astype(object)[which],
        "spend": money,
        "impressions": clicks + rng.poisson(money / cost * (1 / rate - 1)),
        "clicks": clicks,
    }


def _daily(world: World, channel: str) -> Floats:
    """Money of the channel on each day, in proportion to the size of the shop."""
    signups = world.plan.signups * world.customers
    if channel in PAID:
        total = float(signups[:, CHANNELS.index(channel)].sum()) * world.truth[f"cost_per_signup.{channel}"]
        return world.plan.spend[channel] * total / world.days
    if channel == "referral":
        return _per_day(world, channel) * world.truth["cost_per_signup.referral"]
    per_signup = RETARGETING_COST_PER_SIGNUP if channel == "retargeting" else WECHAT_COST_PER_SIGNUP
    # Grows with the number of customers there are to address, and with the season.
    addressed = np.cumsum(signups.sum(axis=1)) * world.busy
    return addressed * float(per_signup * world.customers / addressed.sum())


def _per_day(world: World, channel: str) -> Floats:
    """Sign-ups that really came through the channel each day."""
    there = world.signups.channel == CHANNELS.index(channel)
    return np.bincount(world.signups.at[there].astype(np.int64), minlength=world.days).astype(np.float64)
