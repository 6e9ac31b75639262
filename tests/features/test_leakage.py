"""A planted leak is named first, whatever its kind and place; honest columns raise no alarm."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit import OpskitError, features, frames, sample

CUT = dt.date(2025, 9, 30)
PLANS = ["child_born_on"]  # the due date of those who join in pregnancy
Rng = np.random.Generator


def dated(known: pd.DataFrame, left: np.ndarray, rng: Rng) -> object:
    """Last change of the file, overwritten while the customer is there."""
    days = np.where(left, -rng.integers(0, 200, len(left)), rng.integers(-60, 60, len(left)))
    return np.datetime64(CUT, "s") + days.astype("timedelta64[D]")


def filled(known: pd.DataFrame, left: np.ndarray, rng: Rng) -> object:
    """Reason for leaving, asked of some who left."""
    return np.where(left & (rng.random(len(left)) < 0.6), rng.integers(1, 5, len(left)), np.nan)


def total(known: pd.DataFrame, left: np.ndarray, rng: Rng) -> object:
    """Orders to date, the date being later than the cut-off."""
    return known["orders"].to_numpy() + np.where(left, 0, 1 + rng.poisson(0.5, len(left)))


def state(known: pd.DataFrame, left: np.ndarray, rng: Rng) -> object:
    """State of the account, set by hand for most who left."""
    return np.where(rng.random(len(left)) < np.where(left, 0.8, 0.04), "quiet", "normal")


def noisy(known: pd.DataFrame, left: np.ndarray, rng: Rng) -> object:
    """Score of another model that had seen the outcome."""
    return np.where(left, 0.6, 0.3) + rng.normal(0, 0.12, len(left))


LEAKS: tuple[Callable[[pd.DataFrame, np.ndarray, Rng], object], ...] = (dated, filled, total, state, noisy)


def shop(folder: Path, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Features at the cut-off with the customers' attributes, and who did not order in the 90 days after it."""
    ds = opskit.open(
        sample.write(folder, customers=3000, months=18, seed=seed, tables=("orders", "events", "customers"))
    )
    found = frames.lazy(features.point_in_time(ds.orders, as_of=CUT, events=ds.events), table="features")
    known = frames.collect(found).set_index("customer_id").sort_index()
    attributes = ds.customers.df().set_index("customer_id")[["channel", "region", "city", "child_born_on"]]
    assert features.plans(attributes, last_day=ds.as_of) == PLANS
    after = features.outcome(ds.orders, after=CUT, horizon_days=90, as_of=ds.as_of).df()["customer_id"]
    return known.join(attributes), pd.Series(~known.index.isin(after), index=known.index)


def plant(known: pd.DataFrame, left: pd.Series, leak: Callable[..., object], rng: Rng) -> pd.DataFrame:
    """The same columns with the leak under an innocent name at a random place."""
    planted = known.copy()
    planted.insert(int(rng.integers(known.shape[1] + 1)), "note", leak(known, left.to_numpy(), rng))
    return planted


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.Series]:
    return shop(tmp_path_factory.mktemp("one"), 1)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.__name__)
def test_each_kind_of_leak_is_named_first(leak: Callable[..., object], one: tuple[pd.DataFrame, pd.Series]) -> None:
    known, left = one
    found = features.scan(plant(known, left, leak, np.random.default_rng(3)), left, as_of=CUT, plans=PLANS)
    assert found.suspicious == ["note"]
    assert found.columns["reason"].iloc[0]


def test_a_date_after_the_cut_off_is_a_leak_unless_it_is_a_plan(one: tuple[pd.DataFrame, pd.Series]) -> None:
    known, left = one
    found = features.scan(known, left, as_of=CUT)
    assert found.suspicious == PLANS
    assert "dates lie after the cut-off" in found.columns["reason"].iloc[0]


def test_clean_columns_raise_no_alarm_and_their_strength_is_moderate(one: tuple[pd.DataFrame, pd.Series]) -> None:
    known, left = one
    found = features.scan(known, left, as_of=CUT, plans=PLANS)
    assert found.suspicious == []
    assert 0.6 < found.model < 0.85
    assert found.examined == len(known)
    assert (found.columns["low"] <= found.columns["strength"]).all()


def test_two_copies_of_a_leak_do_not_hide_each_other(one: tuple[pd.DataFrame, pd.Series]) -> None:
    known, left = one
    copy = noisy(known, left.to_numpy(), np.random.default_rng(3))
    found = features.scan(known.assign(note=copy, remark=copy), left)
    assert set(found.suspicious) == {"note", "remark"}


def test_an_empty_column_and_a_constant_one_know_nothing(one: tuple[pd.DataFrame, pd.Series]) -> None:
    known, left = one
    found = features.scan(known[["orders"]].assign(empty=None, same="x"), left)
    assert found.suspicious == []
    assert found.columns.set_index("column").loc[["empty", "same"], "strength"].tolist() == [0.5, 0.5]


def test_too_few_of_an_outcome_is_said() -> None:
    with pytest.raises(OpskitError, match="one of the outcomes has 3 customers, must have 25"):
        features.scan(pd.DataFrame({"a": range(100)}), pd.Series([True] * 3 + [False] * 97))


def test_rows_must_match() -> None:
    with pytest.raises(OpskitError, match="columns has 3 rows and outcome 2"):
        features.scan(pd.DataFrame({"a": range(3)}), pd.Series([True, False]))


@pytest.mark.slow
def test_over_many_shops_the_leak_is_named_first_and_clean_data_raises_no_alarm(tmp_path: Path) -> None:
    wrong: list[str] = []
    for seed in range(100, 150):
        known, left = shop(tmp_path / str(seed), seed)
        rng = np.random.default_rng(seed)
        leak = LEAKS[int(rng.integers(len(LEAKS)))]
        alarms = features.scan(known, left, as_of=CUT, plans=PLANS).suspicious
        named = features.scan(plant(known, left, leak, rng), left, as_of=CUT, plans=PLANS).suspicious
        wrong += [f"{seed}: {alarms} without a leak"] if alarms else []
        wrong += [f"{seed}: {named} for {leak.__name__}"] if named[:1] != ["note"] else []
    assert not wrong
