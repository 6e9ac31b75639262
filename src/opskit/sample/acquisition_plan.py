"""Who brings how many sign-ups on which day: the media plan and its saturating, carried-over response."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from opskit.sample.seasons import Floats

CHANNELS = ("organic_search", "referral", "short_video", "search_ads", "influencer")
PAID = ("short_video", "search_ads", "influencer")
MEDIA = {
    "organic_search": "earned",
    "referral": "earned",
    "short_video": "paid",
    "search_ads": "paid",
    "influencer": "paid",
    "retargeting": "paid",
    "wechat": "owned",
}
_PLAN_SEED = 2024  # the media plan belongs to the shop, not to the draw: every seed sees the same one


@dataclass(frozen=True)
class Plan:
    """Expected sign-ups per day and channel, and what each paid channel spends on the day.

    Attributes:
        signups: Expected share of all sign-ups, one row per day, one column per channel of CHANNELS; sums to 1.
        spend: Relative spend of each paid channel per day, 1 on average.
    """

    signups: Floats
    spend: Mapping[str, Floats]


def plan(busy: Floats, truth: Mapping[str, float]) -> Plan:
    """The plan of a period whose days are this busy."""
    days = len(busy)
    growth = (1 + truth["monthly_growth"]) ** (np.arange(days) / 30.44)
    trend = growth / growth.mean()
    season = np.sqrt(busy)
    spend = {channel: _daily_spend(channel, trend * season) for channel in PAID}
    brought = {channel: truth[f"signup_share.{channel}"] * response(spend[channel], channel, truth) for channel in PAID}
    taken = sum(((1 - truth[f"incremental_share.{channel}"]) * brought[channel] for channel in PAID), np.zeros(days))
    unpaid = truth["signup_share.organic_search"] * trend * season
    brought["organic_search"] = np.maximum(unpaid - taken, 0.0)
    brought["referral"] = truth["signup_share.referral"] * trend * season * np.linspace(0.4, 1.6, days)
    signups = np.column_stack([brought[channel] for channel in CHANNELS])
    return Plan(signups / signups.sum(), spend)


def response(spend: Floats, channel: str, truth: Mapping[str, float]) -> Floats:
    """Sign-ups of the channel per day, 1 at its average spend kept up for ever."""
    carried = carry_over(spend, truth[f"carry_over.{channel}"])
    half = truth[f"half_saturation.{channel}"]
    return (1 + half) * carried / (carried + half)


def carry_over(spend: Floats, kept: float) -> Floats:
    """Spend still at work on each day, scaled so that constant spend stays what it is."""
    working = np.empty_like(spend)
    level = spend[0]
    for day, spent in enumerate(spend):
        level = kept * level + (1 - kept) * spent
        working[day] = level
    return working


def _daily_spend(channel: str, expected: Floats) -> Floats:
    """Weekly budget decisions and daily noise around the expected course; influencers come in campaigns."""
    rng = np.random.default_rng([_PLAN_SEED, *channel.encode()])
    weeks = len(expected) // 7 + 1
    weekly = rng.choice([0.35, 0.8, 1.2, 1.7], size=weeks)
    if channel == "influencer":
        weekly = rng.choice([0.1, 2.2], size=weeks, p=[0.6, 0.4])
    daily = expected * np.repeat(weekly, 7)[: len(expected)] * rng.lognormal(0, 0.1, size=len(expected))
    return daily / daily.mean()
