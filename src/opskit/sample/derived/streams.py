"""Revenue streams over the last twelve months: price of advertising, shares kept of what others sell, paying rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.streams import advertising, brand_store_commission, marketplace_commission
from opskit.sample.world import Chunk, World

TABLES = ("bookings", "orders")
MONTHS = 12


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures of the last twelve months, or of all where there are fewer."""
    starts = _month_starts(world)[-MONTHS - 1 :]
    return {
        "ecpm.last_12_months": _ecpm(world, int(starts[0])),
        "take_rate.last_12_months": _take_rate(chunks, float(starts[0])),
        "paying_rate.product_sales.last_12_months": _paying_rate(chunks, starts),
    }


def _ecpm(world: World, first: int) -> Figure:
    impressions, price = (daily(world)[first:] for daily in (advertising.expected_impressions, advertising.price))
    return Figure(
        float(np.sum(impressions * price) / np.sum(impressions)),
        "CNY per 1,000 impressions",
        "expected impressions of each day times its expected price",
        "amount of advertising over its impressions, in thousands",
    )


def _take_rate(chunks: Sequence[Chunk], first: float) -> Figure:
    """All streams with a gross amount together."""
    kept, gross = [], []
    for chunk in chunks:
        sold = [module.build(chunk) for module in (marketplace_commission, brand_store_commission)]
        customer, at, amount, price = (
            np.concatenate([part[column] for part in sold]) for column in ("customer", "at", "amount", "gross_amount")
        )
        late = at >= first
        kept.append(np.bincount(customer[late], amount[late], chunk.size))
        gross.append(np.bincount(customer[late], price[late], chunk.size))
    estimate = "amount over gross_amount of the bookings that have one"
    return _ratio(np.concatenate(kept), np.concatenate(gross), "share of gross amount", estimate)


def _paying_rate(chunks: Sequence[Chunk], starts: NDArray[np.int64]) -> Figure:
    paying, known = [], []
    for chunk in chunks:
        customer, at = chunk.purchases.customer, chunk.purchases.at
        month = np.searchsorted(starts, at, side="right") - 1  # -1: before the twelve months
        pairs = np.unique(np.column_stack([customer, month])[month >= 0], axis=0)
        paying.append(np.bincount(pairs[:, 0], minlength=chunk.size))
        first = np.full(chunk.size, len(starts) - 1)
        np.minimum.at(first, customer, np.maximum(month, 0))
        known.append(len(starts) - 1 - first)
    estimate = "months with a paid order over months since the first one, its own included, all customers together"
    return _ratio(np.concatenate(paying), np.concatenate(known), "share of customers known so far, per month", estimate)


def _ratio(top: NDArray[Any], below: NDArray[Any], unit: str, estimate: str) -> Figure:
    """The ratio of two sums over the reference accounts, and how far chance moves it."""
    value = top.sum() / below.sum()
    spread = float(np.std(top - value * below) / np.mean(below))
    where = f"in {REFERENCE_CUSTOMERS:,} simulated accounts"
    return Figure(float(value), unit, where, estimate, spread / REFERENCE_CUSTOMERS**0.5, spread)


def _month_starts(world: World) -> NDArray[np.int64]:
    """First calendar day of each month, and the end of the last one."""
    opening = np.datetime64(world.first_day, "D")
    months = np.datetime64(world.first_day, "M") + np.arange(world.months + 1)
    return (months.astype("datetime64[D]") - opening).astype(np.int64)
