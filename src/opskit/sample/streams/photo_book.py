"""The printed photo book of the child's first year, bought one by one: at the list price, or at that of the price test."""

from typing import Any

import numpy as np

from opskit.sample import photo_book
from opskit.sample.seasons import Floats, within_day
from opskit.sample.world import Chunk

SIDE = "front"


def build(chunk: Chunk) -> dict[str, Any]:
    """A booking per book."""
    tested = photo_book.tested(chunk)
    assigned = np.full(chunk.size, np.inf)
    assigned[tested.customer] = tested.at
    listed, sold = _at_list_price(chunk), _in_the_test(chunk, tested)
    shown_another = (listed[1] >= assigned[listed[0]]) & (listed[1] < assigned[listed[0]] + photo_book.BUYING_DAYS)
    customer, at, amount = (np.concatenate([a[~shown_another], b]) for a, b in zip(listed, sold, strict=True))
    there = at < chunk.world.days
    order = np.lexsort((at[there], customer[there]))
    return {"at": at[there][order], "amount": amount[there][order], "customer": customer[there][order]}


def _in_the_test(chunk: Chunk, tested: photo_book.Tested) -> tuple[Any, Floats, Floats]:
    """Purchases in the days after the assignment; some are keener than others, and all answer to price alike."""
    rng, truth = chunk.rng("photo_book_test_sales"), chunk.world.truth
    price = np.array([photo_book.TEST_PRICES[variant] for variant in tested.variant], dtype=float)
    keen = 4 * rng.beta(1, 3, len(price))  # 1 on average, and small enough that no chance exceeds 1
    chance = (
        truth["photo_book.test_share"] * keen * (price / photo_book.CURRENT_PRICE) ** truth["photo_book.elasticity"]
    )
    buys = rng.random(len(price)) < chance
    wait = (photo_book.BUYING_DAYS - 1) * rng.random(len(price)) ** 2
    return tested.customer[buys], (tested.at + wait)[buys], price[buys]


def _at_list_price(chunk: Chunk) -> tuple[Any, Floats, Floats]:
    """Purchases at the price of the customer's city in that quarter."""
    rng, world, market = chunk.rng("photo_book_list_sales"), chunk.world, photo_book.market(chunk.world)
    place = {city: number for number, city in enumerate(photo_book.PLACES)}
    city = np.array([place[name] for name in chunk.table("customers")["city"]], dtype=np.int64)
    ends = np.append(market.begins[1:], world.days)
    first = np.maximum(chunk.signed_up[:, None], market.begins)
    last = np.minimum(chunk.signed_up[:, None] + photo_book.INTEREST_DAYS, ends)
    pull = market.demand * (market.price / photo_book.CURRENT_PRICE) ** world.truth["photo_book.elasticity"]
    a_day = world.truth["photo_book.list_rate"] / 91.0
    books = rng.poisson(a_day * pull[city] * np.maximum(last - first, 0))
    customer, quarter = np.nonzero(books)
    times = books[customer, quarter]
    customer, quarter = np.repeat(customer, times), np.repeat(quarter, times)
    begin, end = first[customer, quarter], last[customer, quarter]
    # Within a day only from noon on, or a book bought on the day of sign-up would come before the account.
    at = begin + rng.random(len(begin)) * (end - begin)
    later = within_day(at)
    at = np.where((later >= begin) & (later < end), later, at)
    return customer, at, market.price[city[customer], quarter]
