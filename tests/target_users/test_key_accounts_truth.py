"""What is planted about accounts is found again: on the committed shop, and in 400 simulated ones."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit import customers, sample
from opskit.sample.truth import values
from opskit.sample.world import LAST_DAY, World
from opskit.target_users import key_accounts as ka

TRUTH = opskit.open("shop").truth["derived"]
RULES = ka.Rules()
ORDERS = ["customer_id", "ordered_at", "revenue", "margin", "refund", "refunded_at", "cost_to_serve"]


def tables(seed: int, people: int) -> tuple[pl.DataFrame, pl.DataFrame, set[str]]:
    """Paid orders and customers straight from the generator, and the accounts that are dear to serve."""
    chunk = World(values(), people, 24, seed).chunk(0)
    orders, clients = chunk.table("orders"), chunk.table("customers")
    paid = {name: orders[name][orders["paid"]] for name in ORDERS}
    both = {name: clients[name] for name in ("customer_id", "account_id")}
    dear = set(clients["account_id"][orders["accounts"].dear])
    return pl.from_pandas(pd.DataFrame(paid)), pl.from_pandas(pd.DataFrame(both)), dear


def estimates(orders: object, people: object, *, as_of: object = LAST_DAY) -> pd.DataFrame:
    found = ka.ledger(orders, ka.periods(orders, as_of=as_of, most_reviews=1), customers=people)
    spread = customers.concentration(ka.by_account(orders, people), as_of=as_of)
    return ka.recovery(found, ka.whale_curve(found), spread, ka.kept(found, RULES), ka.luck(found)).set_index("name")


@pytest.fixture(scope="module")
def committed() -> tuple[Any, ka.Ledger]:
    ds = opskit.open("shop")
    when = ka.periods(ds.orders, as_of=ds.as_of)
    return ds, ka.ledger(ds.orders, when, customers=ds.customers, contacts=ds.contacts)


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop")
    table = estimates(ds.orders, ds.customers, as_of=ds.as_of)
    assert len(table) == 6
    for name, row in table.iterrows():
        told = TRUTH[str(name)]
        error = np.hypot((row["high"] - row["low"]) / 2 / 1.96, told["standard_error"])
        assert abs(row["estimate"] - told["value"]) <= 4 * error, (name, row.to_dict())
        assert row["high"] - row["low"] <= told["max_interval_width"], name


def test_the_default_rules_find_as_many_as_one_can_know(committed) -> None:
    _, found = committed
    assert 5 <= len(ka.key_accounts(ka.reviewed(found), RULES)) <= 25


def test_large_accounts_that_lose_money_are_found_and_no_other_is(committed) -> None:
    _, found = committed
    dear = tables(7, 4000)[2]
    ranked = ka.ranking(found, top=25)
    assert len(dear) == 3
    assert set(ranked.loc[ranked["loses"], "account"]) == dear
    assert ranked["served"].gt(0.3).sum() == 3
    assert not set(ka.key_accounts(ka.reviewed(found), RULES)["account"]) & dear


def test_owners_of_the_committed_shop_are_those_written_down(committed) -> None:
    ds, found = committed
    owners = ka.owners(found, ds.customers).set_index("account")["owner"]
    people = ds.customers.df()
    written = people[people["owner"].notna()].groupby("account_id")["owner"].nunique()
    bought = written[written.index.isin(owners.index)]
    assert (owners[bought.index[bought > 1]] == "several").all()
    assert (owners != "nobody").sum() == len(bought)


@pytest.mark.slow
def test_dear_accounts_are_found_whatever_the_seed() -> None:
    for seed in range(20):
        orders, people, dear = tables(100 + seed, 4000)
        found = ka.ledger(orders, ka.periods(orders, as_of=LAST_DAY, most_reviews=1), customers=people)
        ranked = ka.ranking(found, top=20)
        large = set(ranked["account"]) & dear
        assert set(ranked.loc[ranked["served"] > 0.3, "account"]) == large
        assert set(ranked.loc[ranked["loses"], "account"]) <= dear
        assert len(set(ranked.loc[ranked["loses"], "account"])) >= 0.5 * len(large)


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """A 95% interval covers 364 to 393 times of 400, the middle 99.9% of that binomial count."""
    names = [name for name in TRUTH if name.startswith("key_accounts.") and not name.endswith("lost_again")]
    covered = pd.Series(0, index=names)
    for seed in range(400):
        orders, people, _ = tables(1000 + seed, 4000)
        table = estimates(orders, people).reindex(names)
        truth = pd.Series({name: TRUTH[name]["value"] for name in names})
        covered += (table["low"] <= truth) & (truth <= table["high"])
    assert covered.between(364, 393).all(), covered.to_dict()


@pytest.mark.slow
def test_what_a_few_decide_would_not_be_covered() -> None:
    """Why the index is counted and not estimated: in 100 shops about a fifth of its intervals would miss."""
    found = []
    for seed in range(100):
        orders, people, _ = tables(1000 + seed, 4000)
        owned = ka.by_account(orders, people)
        revenue = owned.group_by("customer_id").agg(pl.col("revenue").sum())["revenue"].to_numpy()
        mean, square = revenue.mean(), (revenue**2).mean()
        times = square / mean**2  # the index, times the number of accounts
        influence = revenue**2 / mean**2 - 2 * times * revenue / mean + times
        found.append((times, 1.96 * np.std(influence) / np.sqrt(len(revenue))))
        assert 1 / ka.equal_accounts(revenue) == pytest.approx(times / len(revenue))
    index, half = np.array(found).T
    assert (
        np.abs(index - index.mean()) <= half
    ).mean() < 0.9  # what such shops come to on average stands for the truth


@pytest.mark.slow
def test_a_shop_without_two_years_has_no_such_truth(tmp_path) -> None:
    sample.write(tmp_path, customers=300, months=12, tables=("orders", "customers"))
    ds = opskit.open(tmp_path)
    assert not [name for name in ds.truth["derived"] if name.startswith("key_accounts.")]
