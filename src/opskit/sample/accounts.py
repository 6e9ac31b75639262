"""Group buyers, kindergartens and resellers: which customers belong to one account, who looks after it, what it costs to serve.

The accounts are drawn given the orders, which stay as they are: whoever bought more belongs to one more readily. Among
the larger accounts a few are dear to serve (deliveries in parts, returns, calls): their revenue is on top, and they lose
money. Which ones these are is left to the seed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats

OWNERS = ("王敏", "李强", "陈洁", "赵磊")
LARGER = 0.25  # the share of accounts, by revenue, among which the dear ones are
OWNED_LARGER, OWNED_OTHERS = 0.9, 0.3  # shares of accounts with a colleague in charge
TWO_OWNERS = 0.06  # share of those where a second colleague is written down for some of the members
TYPICAL_SPENT = 300.0  # of somebody with no order, when it comes to who belongs
EVENNESS = 6.0  # shape of the gamma that costs vary by from order to order


class Accounts(NamedTuple):
    """The chunk's accounts, by customer: place of the account (-1 for none), its owner (-1 for none), dear to serve."""

    account: NDArray[np.int64]
    owner: NDArray[np.int64]
    dear: NDArray[np.bool_]


def draw(
    rng: np.random.Generator, truth: Mapping[str, float], size: int, customer: NDArray[np.int64], revenue: Floats
) -> Accounts:
    """Accounts of so many customers, whose paid orders are given."""
    spent = np.bincount(customer, weights=revenue, minlength=size)
    members = _members(rng, size, truth["accounts.per_thousand"], truth["accounts.members"])
    # Whoever bought more comes earlier in a race of exponentials, and so belongs more readily.
    pace = (spent + TYPICAL_SPENT) ** truth["accounts.pull"]
    first = np.argsort(rng.exponential(size=size) / pace)[: members.sum()]
    account = np.full(size, -1)
    account[rng.permutation(first)] = np.repeat(np.arange(len(members)), members)
    held = np.bincount(account[account >= 0], weights=spent[account >= 0], minlength=len(members))
    larger = np.argsort(-held, kind="stable")[: int(np.ceil(LARGER * len(members)))]
    is_larger = np.isin(np.arange(len(members)), larger)
    share = truth["accounts.dear_share"]
    dear = rng.permutation(larger)[: max(round(share * len(larger)), share > 0)]
    return Accounts(account, _owners(rng, account, is_larger), np.isin(account, dear))


def _members(rng: np.random.Generator, size: int, per_thousand: float, further: float) -> NDArray[np.int64]:
    """Customers in each account: two, and a number that differs much."""
    number = int(rng.poisson(per_thousand * size / 1000))
    members = 2 + rng.poisson(further * rng.gamma(1.0, 1.0, number))
    return members[np.cumsum(members) <= size]


def _owners(rng: np.random.Generator, account: NDArray[np.int64], larger: NDArray[np.bool_]) -> NDArray[np.int64]:
    n = len(larger)
    owner = rng.integers(len(OWNERS), size=n)
    owned = rng.random(n) < np.where(larger, OWNED_LARGER, OWNED_OTHERS)
    two = rng.random(n) < TWO_OWNERS
    second = rng.random(len(account)) < 0.5
    inside = account >= 0
    mine = np.where(second & two[account], (owner[account] + 1) % len(OWNERS), owner[account]) if n else account
    return np.where(inside & (owned[account] if n else inside), mine, -1)


def cost_to_serve(
    rng: np.random.Generator,
    truth: Mapping[str, float],
    accounts: Accounts,
    customer: NDArray[np.int64],
    revenue: Floats,
    paid: NDArray[np.bool_],
) -> Floats:
    """What serving each order cost: handling, support, delivery in parts; nothing for orders that were not paid."""
    share = np.where(accounts.dear[customer], truth["accounts.dear_cost"], truth["cost_to_serve.share"])
    varies = rng.gamma(EVENNESS, 1 / EVENNESS, len(customer))
    return np.where(paid, np.round((truth["cost_to_serve.per_order"] + share * revenue) * varies, 2), 0.0)
