"""The plan finds what is planted in the sample shop: once on the committed shop, and 400 times for coverage."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.incentives import plan
from opskit.sample.derived import plan as planted
from opskit.sample.tables import customers as customer_table
from opskit.sample.tables import incentive_plan
from opskit.sample.tables import memberships as membership_table
from opskit.sample.tables import orders as order_table
from opskit.sample.truth import values
from opskit.sample.world import World

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = opskit.open("shop").truth
KNOWN = {name: spec for name, spec in TRUTH["derived"].items() if name.startswith("plan.")}


@pytest.fixture(scope="module")
def committed() -> tuple[plan.Audience, pd.DataFrame]:
    ds = opskit.open("shop")
    sheet = plan.given_plan(ds.incentive_plan)
    tables = {"as_of": ds.as_of, "people": ds.customers, "memberships": ds.memberships}
    found = plan.audience(sheet, ds.orders, contacts=ds.contacts, suppressions=ds.suppressions, **tables)
    return found, plan.expected(found, plan.before(sheet, ds.orders, rows=found.rows, **tables))


def test_the_committed_shop_tells_its_truth(committed: tuple[plan.Audience, pd.DataFrame]) -> None:
    found, figures = committed
    table = plan.recovery(found, figures, TRUTH).set_index("name")
    assert set(table.index) == {name for name in KNOWN if name.startswith("plan.base.")}
    for name, row in table.iterrows():
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - KNOWN[name]["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= KNOWN[name]["max_interval_width"], name


def test_hold_outs_are_as_large_as_planned(committed: tuple[plan.Audience, pd.DataFrame]) -> None:
    found, figures = committed
    for share, row in zip(found.plan["holdout"], figures.to_dict("records"), strict=True):
        error = np.sqrt(share * (1 - share) / row["reachable"])
        assert abs(row["held_out"] / row["reachable"] - share) <= 4 * error, row["row"]


def shop(seed: int, customers: int) -> tuple[dict[str, pl.DataFrame], list[int]]:
    """Paid orders, accounts and memberships straight from the generator, and each account's row by the generator's own rules."""
    chunk = World(values(), customers, 24, seed).chunk(0)
    tables = {}
    for name, module in (("orders", order_table), ("customers", customer_table), ("memberships", membership_table)):
        drawn = chunk.table(name)
        keep = np.flatnonzero(drawn["paid"]) if name == "orders" else slice(None)
        tables[name] = pl.from_pandas(pd.DataFrame({column: drawn[column][keep] for column in module.COLUMNS}))
    return tables, planted.segment(chunk, chunk.world.days).tolist()


def sheet() -> pd.DataFrame:
    return plan.given_plan(pd.DataFrame([row._asdict() for row in incentive_plan.ROWS]))


def test_the_generator_and_the_plan_agree() -> None:
    """Two ways to read the rules, one spelled out over arrays in the generator, one parsed and run by an engine."""
    tables, expected = shop(5, 1500)
    given = {"as_of": LAST_DAY, "people": tables["customers"], "memberships": tables["memberships"]}
    found = plan.audience(sheet(), tables["orders"], **given)
    assert found.people["place"].tolist() == expected
    assert min(np.bincount([place for place in expected if place >= 0], minlength=6)) > 20


def covered(seeds: range, name: str, segment: str) -> int:
    truth, hits = KNOWN[name]["value"], 0
    rows = sheet()
    at = rows.index[rows["segment"] == segment].tolist()
    for seed in seeds:
        tables, _ = shop(seed, 1000)
        given = {"people": tables["customers"], "memberships": tables["memberships"]}
        found = plan.before(rows, tables["orders"], as_of=LAST_DAY, rows=range(len(rows)), **given).loc[at[0]]
        low, high = plan.interval("buyers", found)[1:]
        hits += low <= truth <= high
    return hits


@pytest.mark.slow
def test_the_interval_of_the_base_covers_as_often_as_it_says() -> None:
    hits = covered(range(100, 500), "plan.base.asleep", "asleep")
    assert 364 <= hits <= 393, hits
