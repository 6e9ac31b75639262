"""What is planted in the sample shop is found again: favourites, as well as by a classifier that knows the truth."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit import frames, sample
from opskit.sample import truth
from opskit.sample.derived import segments as planted
from opskit.sample.world import LAST_DAY, World
from opskit.target_users import segments

SHOP = Path(__file__).parents[2] / "data" / "shop"
PLANTED = truth.values()


def orders_of(seed: int, customers: int) -> tuple[pd.DataFrame, pd.Series]:
    """Paid orders as the shop writes them, and the hidden favourite by customer."""
    chunk = World(PLANTED, customers, 24, seed).chunk(0)
    table = chunk.table("orders")
    columns = {name: table[name][table["paid"]] for name in ("customer_id", "ordered_at", "revenue", "category")}
    return pd.DataFrame(columns), pd.Series(table["favourite"], index=chunk.customer_ids)


def agreement(found: segments.Tastes, orders: pd.DataFrame, favourite: pd.Series) -> tuple[float, float]:
    """Adjusted Rand index of the groups found, and of the classifier that knows what is planted."""
    assigned = frames.collect(frames.lazy(found.predict(orders, as_of=LAST_DAY))).set_index("customer_id")["taste"]
    number = pd.crosstab(orders["customer_id"], orders["category"]).reindex(columns=planted.KINDS, fill_value=0)
    known = planted.posterior(number.loc[assigned.index].to_numpy(dtype=float)).argmax(axis=1)
    hidden = favourite[assigned.index].to_numpy()
    place = pd.Categorical(assigned, categories=found.names_).codes.astype(np.int64)
    return _rand(hidden, place), planted.adjusted_rand(hidden, known)


def _rand(one: np.ndarray, other: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


@pytest.fixture(scope="module")
def committed() -> tuple[segments.Tastes, pd.DataFrame]:
    ds = opskit.open(str(SHOP))
    orders = ds.orders.df()
    return segments.Tastes().fit(orders, as_of=ds.as_of), orders


def test_the_committed_shop_shows_what_was_planted(committed) -> None:
    found, _ = committed
    stated = json.loads((SHOP / "truth.json").read_text(encoding="utf-8"))["derived"]
    assert found.k_ == stated["segments.tastes"]["value"] == 6
    table = segments.recovery(found)
    assert len(table) == 13
    for row in table.to_dict("records"):
        told = stated[row["name"]]
        error = np.hypot((row["high"] - row["low"]) / 2 / 1.96, told["standard_error"])
        assert abs(row["estimate"] - told["value"]) <= 4 * error, row
        assert told["max_interval_width"] is None or row["high"] - row["low"] <= told["max_interval_width"], row
    beside = segments.beside_truth(table, json.loads((SHOP / "truth.json").read_text(encoding="utf-8")))
    assert beside["inside"].sum() >= 11
    assert segments.beside_truth(table, {})["inside"].eq("").all()


def test_the_groups_of_the_committed_shop_are_as_good_as_those_of_who_knows(committed) -> None:
    found, orders = committed
    _, favourite = orders_of(7, 4000)
    ours, knows = agreement(found, orders, favourite)
    assert ours >= 0.8 * knows
    assert knows > 0.4


def test_the_sample_shop_has_no_types_of_behaviour() -> None:
    """Rates and values are gamma distributed: any groups would be an invention."""
    orders, _ = orders_of(3, 4000)
    assert segments.Clusters(most=4).fit(segments.behaviour(orders, as_of=LAST_DAY)).k_ == 1


def test_the_favourite_is_what_it_says(two_worlds: Iterator[World]) -> None:
    for world in two_worlds:
        table = world.chunk(0).table("orders")
        own = table["kind"] == table["favourite"][table["place"]]
        expected = planted.MIX.diagonal()[table["favourite"][table["place"]]].mean()
        assert abs(own.mean() - expected) < 4 * np.sqrt(0.25 / len(own)) * 1.5
        assert not {"favourite", "kind"} & set(pd.read_parquet(SHOP / "orders.parquet").columns)


@pytest.fixture
def two_worlds() -> Iterator[World]:
    return iter([World(PLANTED, 3000, 24, seed) for seed in (5, 6)])


def test_a_shop_without_orders_written_has_no_such_figures(tmp_path: Path) -> None:
    sample.write(tmp_path, customers=50, months=3, tables=("customers",))
    assert "segments.tastes" not in json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["derived"]


@pytest.mark.slow
def test_twenty_shops_are_split_as_well_as_by_who_knows() -> None:
    ratios = []
    for seed in range(1, 21):
        orders, favourite = orders_of(seed, 4000)
        ours, knows = agreement(segments.Tastes(seed=seed).fit(orders, as_of=LAST_DAY), orders, favourite)
        ratios.append(ours / knows)
    assert np.median(ratios) >= 0.8
    assert min(ratios) >= 0.6


@pytest.mark.slow
def test_types_of_behaviour_are_not_invented_in_twenty_shops() -> None:
    found = []
    for seed in range(1, 21):
        features = segments.behaviour(orders_of(seed, 4000)[0], as_of=LAST_DAY)
        found.append(segments.Clusters(most=4, seed=seed).fit(features).k_)
    assert sum(k > 1 for k in found) <= 1
