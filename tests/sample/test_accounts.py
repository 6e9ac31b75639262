"""Accounts of the sample shop: who belongs together, who looks after them, and what orders cost to serve."""

import numpy as np
import pandas as pd
import pytest

from opskit.sample import accounts
from opskit.sample.truth import values
from opskit.sample.world import World

from .conftest import Shop

PLANTED = values()


def test_an_account_has_several_customers_and_some_have_an_owner(any_shop: Shop) -> None:
    people = any_shop.customers
    sizes = people.groupby("account_id").size()
    assert sizes.min() >= 2
    expected = PLANTED["accounts.per_thousand"] * len(people) / 1000
    assert abs(len(sizes) - expected) < 4 * np.sqrt(expected)
    further = PLANTED["accounts.members"]
    assert abs((sizes - 2).mean() - further) < 4 * np.sqrt(further * (1 + further) / len(sizes))
    assert people.loc[people["account_id"].isna(), "owner"].isna().all()
    assert set(people["owner"].dropna()) <= set(accounts.OWNERS)
    assert 0.1 < people.groupby("account_id")["owner"].nunique().eq(0).mean() < 0.8


def test_who_bought_more_belongs_more_readily(any_shop: Shop) -> None:
    spent = any_shop.paid.groupby("customer_id")["revenue"].sum()
    people = any_shop.customers.set_index("customer_id")
    mine = people.join(spent)["revenue"].fillna(0.0)
    assert mine[people["account_id"].notna()].mean() > 1.5 * mine[people["account_id"].isna()].mean()


def test_costs_to_serve_are_those_planted(any_shop: Shop) -> None:
    orders = any_shop.orders
    sold = orders["status"].isin(["completed", "shipped"])
    assert orders.loc[~sold, "cost_to_serve"].eq(0).all()
    account = any_shop.customers.set_index("customer_id")["account_id"]
    plain = orders[sold & orders["customer_id"].map(account).isna()]
    design = np.column_stack([np.ones(len(plain)), plain["revenue"]])
    weight = 1 / (design @ [PLANTED["cost_to_serve.per_order"], PLANTED["cost_to_serve.share"]])
    left, right = design * weight[:, None], plain["cost_to_serve"].to_numpy() * weight
    found = np.linalg.lstsq(left, right, rcond=None)[0]
    error = np.sqrt(np.diag(np.linalg.inv(left.T @ left)) / accounts.EVENNESS)
    planted = np.array([PLANTED["cost_to_serve.per_order"], PLANTED["cost_to_serve.share"]])
    assert (np.abs(found - planted) <= 4 * error).all(), (found, planted, error)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_minority_of_the_larger_accounts_is_dear_and_the_seed_says_which(seed: int) -> None:
    chunk = World(PLANTED, 4000, 24, seed).chunk(0)
    orders = chunk.table("orders")
    held = orders["accounts"]
    dear, every = np.unique(held.account[held.dear]), held.account.max() + 1
    larger = int(np.ceil(accounts.LARGER * every))
    assert len(dear) == max(round(PLANTED["accounts.dear_share"] * larger), 1)
    spent = np.bincount(
        orders["place"][orders["paid"]], weights=orders["revenue"][orders["paid"]], minlength=chunk.size
    )
    by_account = np.bincount(held.account[held.account >= 0], weights=spent[held.account >= 0])
    assert set(dear) <= set(np.argsort(-by_account)[:larger])


def test_the_seed_chooses_who_is_dear() -> None:
    chosen = {
        tuple(np.flatnonzero(World(PLANTED, 1000, 24, seed).chunk(0).table("orders")["accounts"].dear))
        for seed in (7, 8)
    }
    assert len(chosen) == 2


def test_none_is_dear_where_none_is_planted_and_none_belongs() -> None:
    truth = {**PLANTED, "accounts.dear_share": 0.0}
    assert not World(truth, 1000, 24, 7).chunk(0).table("orders")["accounts"].dear.any()
    chunk = World({**PLANTED, "accounts.per_thousand": 0.0}, 500, 24, 7).chunk(0)
    assert pd.isna(chunk.table("customers")["account_id"]).all()
    assert pd.isna(chunk.table("customers")["owner"]).all()
