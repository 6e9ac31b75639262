"""Everybody with an account, buyers and prospects."""

from typing import Any

import numpy as np

from opskit.sample.accounts import OWNERS, Accounts
from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, Column, customer_ids, without

ROW = "account: a customer, or a prospect who never bought"
COLUMNS = {
    "customer_id": Column("string", "number of the account, in order of sign-up"),
    "is_customer": Column("bool", "true once there is a paid order"),
    "signed_up_at": Column("timestamp", "when the account was opened"),
    "channel": Column("category", "channel that brought the account (first touch)"),
    "referrer_id": Column("string", "customer who sent the invitation; only with channel referral"),
    "region": Column("category", "sales region"),
    "city": Column("category", "city, in Chinese"),
    "nickname": Column("category", "display name, in Chinese (personal data)"),
    "phone": Column("string", "mobile number, not assigned to anybody (personal data); sometimes empty"),
    "child_born_on": Column("date", "birthday of the (expected) child; sometimes empty"),
    "account_id": Column("string", "group buyer, kindergarten or reseller that the customer belongs to; mostly empty"),
    "owner": Column("category", "colleague in charge of the account, in Chinese; mostly empty"),
    "updated_at": Column("timestamp", "last change of the account's data"),
}

CITIES = {
    "North": ("北京", "天津", "济南", "青岛", "沈阳", "大连"),
    "East": ("上海", "杭州", "南京", "苏州", "宁波", "无锡"),
    "South": ("广州", "深圳", "厦门", "福州", "东莞", "佛山"),
    "Central": ("武汉", "长沙", "郑州", "合肥", "南昌"),
    "West": ("成都", "重庆", "西安", "昆明", "贵阳"),
}
CHILD = (
    "豆豆",
    "小满",
    "糖糖",
    "团子",
    "安安",
    "果果",
    "米粒",
    "朵朵",
    "乐乐",
    "柚子",
    "石头",
    "小鱼",
    "元宝",
    "可可",
    "芽芽",
)
PARENT = ("妈妈", "妈", "爸爸", "麻麻", "姥姥", "奶奶", "家")


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's accounts."""
    rng, world, size = chunk.rng("customers"), chunk.world, chunk.size
    share = np.array([world.truth[f"region_share.{region}"] for region in CITIES])
    region = np.array(list(CITIES), dtype=object)[rng.choice(len(CITIES), size=size, p=share / share.sum())]
    # Larger cities come first and weigh more.
    city_draw = rng.random(size) ** 1.6
    city = np.array([CITIES[name][int(u * len(CITIES[name]))] for name, u in zip(region, city_draw, strict=True)])
    child, parent = rng.integers(len(CHILD), size=size), rng.choice(len(PARENT), size=size, p=_falling(len(PARENT)))
    phone = np.array([f"140{number:08d}" for number in rng.integers(10**8, size=size)], dtype=object)
    no_phone = rng.random(size) < world.truth["missing.phone"]
    # Most join in pregnancy or in the child's first year.
    born = np.floor(chunk.signed_up + 120 - rng.gamma(2.0, 130.0, size))
    born[rng.random(size) < world.truth["missing.child_born_on"]] = np.nan
    referrer = world.signups.referrer[chunk.start : chunk.start + size]
    held: Accounts = chunk.table("orders")["accounts"]
    return {
        "customer_id": chunk.customer_ids,
        "is_customer": np.bincount(chunk.purchases.customer, minlength=size) > 0,
        "signed_up_at": world.moment(chunk.signed_up),
        "channel": np.array(CHANNELS, dtype=object)[chunk.channel],
        "referrer_id": without(customer_ids(referrer), referrer < 0),
        "region": region,
        "city": city,
        "nickname": np.array([CHILD[c] + PARENT[p] for c, p in zip(child, parent, strict=True)], dtype=object),
        "phone": without(phone, no_phone),
        "child_born_on": world.moment(born),
        "account_id": without(
            np.array([f"A{chunk.start + number + 1:07d}" for number in held.account], dtype=object), held.account < 0
        ),
        "owner": without(np.array(OWNERS, dtype=object)[held.owner], held.owner < 0),
        "updated_at": world.moment(_last_change(rng, chunk)),
    }


def _last_change(rng: np.random.Generator, chunk: Chunk) -> Floats:
    """Half never touch their data again; the others while they are interested."""
    interested = np.maximum(chunk.purchases.interested_until, chunk.signed_up)
    later = chunk.signed_up + rng.random(chunk.size) * (interested - chunk.signed_up)
    return np.where(rng.random(chunk.size) < 0.5, chunk.signed_up, later)


def _falling(n: int) -> Floats:
    weight = 1 / np.arange(1.0, n + 1)
    return weight / weight.sum()
