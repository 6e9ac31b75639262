"""Marketing touches of accounts, before sign-up and before orders, and of those who never order."""

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS, MEDIA
from opskit.sample.seasons import Floats, later
from opskit.sample.world import Chunk, Column, World, without

ROW = "marketing touch"
COLUMNS = {
    "customer_id": Column("string", "who was touched"),
    "channel": Column("category", "through which channel"),
    "media": Column("category", "owned, paid or earned"),
    "campaign": Column("category", "campaign of a paid touch"),
    "touched_at": Column("timestamp", "when"),
    "converted": Column("bool", "true on the last touch within 30 days before a paid order; the path splits there"),
    "value": Column("money", "revenue of that order; empty on other touches"),
}
LOOKBACK_DAYS = 30
TOUCHING = tuple(MEDIA)
PLACE = {channel: place for place, channel in enumerate(TOUCHING)}
#              organic_search, referral, short_video, search_ads, influencer
LATER_TOUCH = np.array([0.42, 0.04, 0.24, 0.20, 0.10])


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's touches by customer and time."""
    rng, world = chunk.rng("touchpoints"), chunk.world
    blocks = [_before_signup(rng, chunk), _considering(rng, chunk), _owned(rng, chunk)]
    blocks += [_before_orders(rng, chunk), _retargeting(rng, chunk)]
    customer, channel, at = (np.concatenate(column) for column in zip(*blocks, strict=True))
    seen = np.flatnonzero(at < world.days)
    second = np.floor(at * 86_400)
    order = seen[np.lexsort((channel[seen], second[seen], customer[seen]))]
    customer, channel, at = customer[order], channel[order], at[order]
    value = _conversions(chunk, customer, second[order])
    media = np.array([MEDIA[name] for name in TOUCHING], dtype=object)[channel]
    return {
        "customer_id": chunk.customer_ids[customer],
        "channel": np.array(TOUCHING, dtype=object)[channel],
        "media": media,
        "campaign": without(_campaigns(world)[at.astype(np.int64)], media != "paid"),
        "touched_at": world.moment(at),
        "converted": ~np.isnan(value),
        "value": value,
        "place": customer,  # from here on not written
        "at": at,
    }


Block = tuple[NDArray[np.int64], NDArray[np.int64], Floats]


def _before_signup(rng: np.random.Generator, chunk: Chunk) -> Block:
    """The touch that brought the account."""
    at = np.maximum(later(chunk.signed_up, -rng.exponential(0.8, chunk.size)), 0.0)
    return np.arange(chunk.size), chunk.channel.astype(np.int64), at


def _considering(rng: np.random.Generator, chunk: Chunk) -> Block:
    """Some touches in the first weeks, whether or not an order follows."""
    who = np.repeat(np.arange(chunk.size), rng.poisson(0.7, chunk.size))
    at = later(chunk.signed_up[who], rng.exponential(9.0, len(who)))
    return who, _any_channel(rng, len(who)), at


def _owned(rng: np.random.Generator, chunk: Chunk) -> Block:
    """WeChat messages read while the customer is interested."""
    since, until = chunk.signed_up, np.maximum(chunk.purchases.interested_until, chunk.signed_up)
    who = np.repeat(np.arange(chunk.size), rng.poisson(0.02 * (until - since)))
    at = later(since[who], rng.random(len(who)) * (until - since)[who])
    return who, np.full(len(who), PLACE["wechat"]), at


def _before_orders(rng: np.random.Generator, chunk: Chunk) -> Block:
    """A search or a film seen shortly before some of the orders."""
    bought = chunk.purchases
    which = np.flatnonzero(rng.random(len(bought.at)) < 0.35)
    at = later(bought.at[which], -rng.exponential(1.5, len(which)))
    who = bought.customer[which]
    return who, _any_channel(rng, len(which)), np.maximum(at, chunk.signed_up[who])


def _retargeting(rng: np.random.Generator, chunk: Chunk) -> Block:
    """Shown to those about to order anyway, and to few others: it changes nothing and collects the last click."""
    bought = chunk.purchases
    which = np.flatnonzero(rng.random(len(bought.at)) < chunk.world.truth["retargeting.share"])
    who = bought.customer[which]
    ahead = np.minimum(
        rng.exponential(0.15, len(which)), rng.random(len(which)) * (bought.at[which] - chunk.signed_up[who])
    )
    others = np.repeat(np.arange(chunk.size), rng.poisson(0.12, chunk.size))
    idle = later(chunk.signed_up[others], rng.exponential(12.0, len(others)))
    customer = np.concatenate([who, others])
    return customer, np.full(len(customer), PLACE["retargeting"]), np.concatenate([bought.at[which] - ahead, idle])


def _any_channel(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    return rng.choice(len(CHANNELS), size=n, p=LATER_TOUCH)


def _conversions(chunk: Chunk, customer: NDArray[np.int64], second: Floats) -> Floats:
    """Revenue of the paid order that each touch is the last one before; missing on the others."""
    orders = chunk.table("orders")
    paid = np.flatnonzero(orders["paid"])
    buyer, bought = orders["place"][paid], np.floor(orders["at"][paid] * 86_400)
    # One number line for customers and times, so that one search finds the last touch before each order.
    width = 2.0 * 86_400 * chunk.world.days
    last = np.searchsorted(customer * width + second, buyer * width + bought, side="right") - 1
    same = (last >= 0) & (customer[last] == buyer) & (second[last] >= bought - LOOKBACK_DAYS * 86_400)
    # Of orders that share their last touch the earliest takes it: the path ended there.
    hit, first = np.unique(last[same], return_index=True)
    value = np.full(len(second), np.nan)
    value[hit] = orders["revenue"][paid][same][first]
    return value


def _campaigns(world: World) -> NDArray[np.object_]:
    """Name of the paid campaign on each day."""
    names = np.full(world.days, "always_on", dtype=object)
    for day in range(world.days):
        on = world.first_day + timedelta(days=day)
        if (on.month, on.day) >= (6, 1) and (on.month, on.day) <= (6, 20):
            names[day] = f"mid_year_{on.year}"
        elif (on.month, on.day) >= (10, 21) and (on.month, on.day) <= (11, 12):
            names[day] = f"double_eleven_{on.year}"
    return names
