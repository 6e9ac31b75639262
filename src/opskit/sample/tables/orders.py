"""Paid orders, and orders that were placed and not paid or closed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample import accounts, membership
from opskit.sample.seasons import Floats, later
from opskit.sample.world import Chunk, Column

ROW = "order"
DECLARED = ('exclude = { status = ["unpaid", "closed"] }',)  # further lines for opskit.toml
COLUMNS = {
    "order_id": Column("string", "number of the order"),
    "customer_id": Column("string", "who bought"),
    "ordered_at": Column("timestamp", "when the order was placed"),
    "status": Column(
        "category", "completed, shipped (on its way), unpaid or closed (cancelled); the last two are no sales"
    ),
    "revenue": Column(
        "money", "paid after discount, tax included, before refund; for unpaid and closed orders: asked for"
    ),
    "discount": Column("money", "reduction already taken off"),
    "margin": Column("money", "contribution after goods, duty, freight and packing, before refund"),
    "refund": Column("money", "paid back, 0 for most"),
    "refunded_at": Column("timestamp", "when it was paid back"),
    "cost_to_serve": Column("money", "handling, support and delivery of the order, not in margin; 0 when not paid"),
    "items": Column("int16", "pieces"),
    "category": Column(
        "category", "main product group; each customer has one favourite, which most of the orders are of"
    ),
    "product": Column("category", "main product, in Chinese"),
    "origin": Column("category", "country the parcel comes from"),
    "platform": Column("category", "where it was ordered"),
}

#       category     weight  margin  country      products
ASSORTMENT = (
    ("formula", 0.30, 0.16, "Australia", ("婴儿配方奶粉 1段", "婴儿配方奶粉 2段", "有机奶粉 3段")),
    ("diapers", 0.24, 0.19, "Japan", ("纸尿裤 M", "纸尿裤 L", "拉拉裤 XL")),
    ("feeding", 0.13, 0.33, "Germany", ("玻璃奶瓶", "吸奶器", "辅食机")),
    ("skincare", 0.12, 0.41, "France", ("婴儿面霜", "护臀膏", "孕妇护肤套装")),
    ("clothing", 0.11, 0.44, "Korea", ("连体衣", "睡袋", "婴儿袜")),
    ("toys", 0.10, 0.38, "Germany", ("牙胶", "积木", "布书")),
)
PLATFORMS = ("mini_program", "app", "web")
PARCEL_COST = 14.0
LOYAL_TO_FAVOURITE = 0.6  # of a customer's orders; the others are of any group, the favourite included


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's orders by customer and time, with what other tables need: place of the customer and times in days."""
    rng, world = chunk.rng("orders"), chunk.world
    customer, at, status = _placed(rng, chunk)
    n = len(at)
    value = _values(rng, chunk, customer)
    paid = status == "paid"
    terms = membership.spells(chunk, customer[paid], at[paid], value[paid])
    uplift = world.truth["membership.basket_uplift"] * membership.is_member(terms, customer, at)
    revenue = np.round(value * (1 + uplift), 2)
    kind, favourite = _kinds(rng, chunk, customer)
    busy = world.busy[np.minimum(at.astype(np.int64), world.days - 1)]
    off = np.clip(0.04 + 0.06 * (busy - 1), 0, 0.22) + rng.beta(1.2, 14, n)
    off = np.where(rng.random(n) < 0.25, 0.0, off)
    unit_margin = np.array([line[2] for line in ASSORTMENT])[kind] + rng.normal(0, 0.03, n) - 0.25 * off
    refund, refunded = _refunds(rng, chunk, at, revenue, paid)
    held = accounts.draw(chunk.rng("accounts"), world.truth, chunk.size, customer[paid], revenue[paid])
    delivered = later(at, 3 + rng.gamma(3.0, 1.4, n))
    confirmed = later(delivered, rng.exponential(3.0, n))
    end = float(world.days)
    status = np.where(status == "paid", np.where(confirmed < end, "completed", "shipped"), status).astype(object)
    product = rng.integers(3, size=n)
    return {
        "order_id": _order_ids(chunk, customer),
        "customer_id": chunk.customer_ids[customer],
        "ordered_at": world.moment(at),
        "status": status,
        "revenue": revenue,
        "discount": np.round(revenue * off / (1 - off), 2),
        "margin": np.round(revenue * unit_margin - PARCEL_COST, 2),
        "refund": refund,
        "refunded_at": world.moment(refunded),
        "cost_to_serve": accounts.cost_to_serve(chunk.rng("cost_to_serve"), world.truth, held, customer, revenue, paid),
        "items": 1 + rng.poisson(revenue / 260),
        "category": np.array([line[0] for line in ASSORTMENT], dtype=object)[kind],
        "product": np.array([line[4] for line in ASSORTMENT], dtype=object)[kind, product],
        "origin": np.array([line[3] for line in ASSORTMENT], dtype=object)[kind],
        "platform": np.array(PLATFORMS, dtype=object)[rng.choice(3, size=n, p=[0.55, 0.33, 0.12])],
        "place": customer,
        "at": at,
        "paid": paid,
        "uplift": uplift,
        "kind": kind,
        "favourite": favourite,
        "memberships": terms,
        "accounts": held,
        "delivered": delivered,
        "confirmed": confirmed,
    }


def _order_ids(chunk: Chunk, customer: NDArray[np.int64]) -> NDArray[np.object_]:
    """Number of the customer, then place among the customer's orders."""
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    number = np.arange(len(customer)) - np.repeat(first, np.diff(first, append=len(customer)))
    pairs = zip(customer + chunk.start + 1, number + 1, strict=True)
    return np.array([f"O{who:07d}{place:03d}" for who, place in pairs], dtype=object)


def _placed(rng: np.random.Generator, chunk: Chunk) -> tuple[NDArray[np.int64], Floats, NDArray[np.str_]]:
    """Customer, time and state of every order: failed attempts come before the order that was paid in the end."""
    bought, truth = chunk.purchases, chunk.world.truth
    paid_share = 1 - truth["unpaid_share"] - truth["closed_share"]
    customer, at, status = [bought.customer], [bought.at], [np.full(len(bought.at), "paid", dtype="U6")]
    for state in ("unpaid", "closed"):
        attempts = rng.poisson(truth[f"{state}_share"] / paid_share, len(bought.at))
        tried = np.repeat(np.arange(len(bought.at)), attempts)
        since_signup = bought.at[tried] - chunk.signed_up[bought.customer[tried]]
        earlier = np.minimum(rng.exponential(0.6, len(tried)), rng.random(len(tried)) * since_signup)
        customer.append(bought.customer[tried])
        at.append(bought.at[tried] - earlier)
        status.append(np.full(len(tried), state, dtype="U6"))
    customers, times = np.concatenate(customer), np.concatenate(at)
    order = np.lexsort((times, customers))
    return customers[order], times[order], np.concatenate(status)[order]


def _values(rng: np.random.Generator, chunk: Chunk, customer: NDArray[np.int64]) -> Floats:
    truth = chunk.world.truth
    nu = rng.gamma(truth["value.q"], 1 / truth["value.gamma"], chunk.size)
    return rng.gamma(truth["value.p"], size=len(customer)) / nu[customer]


def _kinds(
    rng: np.random.Generator, chunk: Chunk, customer: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Product group of each order, and each customer's favourite, of which LOYAL_TO_FAVOURITE of the orders are."""
    weight = np.array([line[1] for line in ASSORTMENT])
    favourite = rng.choice(len(weight), size=chunk.size, p=weight)
    other = rng.choice(len(weight), size=len(customer), p=weight)
    return np.where(rng.random(len(customer)) < LOYAL_TO_FAVOURITE, favourite[customer], other), favourite


def _refunds(
    rng: np.random.Generator, chunk: Chunk, at: Floats, revenue: Floats, paid: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Amount and time of refunds, those after the last day not yet known."""
    truth, n = chunk.world.truth, len(at)
    when = np.maximum(later(at, rng.gamma(2.0, truth["refund.delay_days"] / 2, n)), at)
    part = np.where(rng.random(n) < truth["refund.full_share"], 1.0, rng.uniform(0.1, 0.7, n))
    happens = (rng.random(n) < truth["refund.rate"]) & paid & (when < chunk.world.days)
    return np.where(happens, np.round(revenue * part, 2), 0.0), np.where(happens, when, np.nan)
