"""Groups by behaviour and by taste: found where they are, not found where they are not."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from opskit import frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.target_users import segments

START = pd.Timestamp("2024-01-01")
LAST = dt.date(2024, 12, 31)
KINDS = ["tea", "coffee", "cocoa", "milk"]


def rows(native: Any) -> pd.DataFrame:
    return frames.collect(frames.lazy(native, "customer_id")).sort_values("customer_id", ignore_index=True)


def cloud(seed: int, size: int = 400) -> pd.DataFrame:
    """Customers who differ by degrees, features going together, one of them skewed."""
    rng = np.random.default_rng(seed)
    normal = rng.multivariate_normal(np.zeros(5), 0.4 * np.ones((5, 5)) + 0.6 * np.eye(5), size=size)
    table = pd.DataFrame(normal, columns=["recency", "purchases", "purchase_value", "usual_gap", "gap_variation"])
    table["gap_variation"] = rng.gamma(2, 0.4, size)
    return table.assign(customer_id=range(size))


def types(seed: int, apart: float = 3.5) -> tuple[pd.DataFrame, np.ndarray]:
    """Three kinds of customers, apart in several features."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=400)
    centre = apart * np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0]], dtype=float)
    table = pd.DataFrame(centre[kind] + rng.normal(size=(400, 5)), columns=cloud(0).columns[:5])
    return table.assign(customer_id=range(400)), kind


def drinkers(seed: int, loyal: float, people: int = 500) -> tuple[pd.DataFrame, pd.Series]:
    """Orders of customers with one favourite each, of which this share of the orders are."""
    rng = np.random.default_rng(seed)
    number, favourite = 1 + rng.poisson(3, people), rng.choice(4, people, p=[0.4, 0.3, 0.2, 0.1])
    who = np.repeat(np.arange(people), number)
    other = rng.choice(4, len(who), p=[0.4, 0.3, 0.2, 0.1])
    kind = np.where(rng.random(len(who)) < loyal, favourite[who], other)
    table = pd.DataFrame(
        {"customer_id": who, "ordered_at": START + pd.to_timedelta(rng.integers(0, 366, len(who)), unit="D")}
    )
    return table.assign(category=np.array(KINDS)[kind], revenue=5.0), pd.Series(favourite)


# --- by behaviour ---


def test_features_of_a_hand_sized_customer(engine) -> None:
    days = START + pd.to_timedelta([0, 10, 40, 40], unit="D")
    orders = pd.DataFrame({"customer_id": "A", "ordered_at": days, "revenue": [10.0, 10, 30, 40]})
    orders = pd.concat(
        [orders.assign(discount=[0.0, 10, 0, 0], refund=[0.0, 0, 9, 0]), orders.tail(1).assign(customer_id="B")]
    )
    (row,) = rows(segments.behaviour(engine(orders), as_of=dt.date(2024, 2, 20))).to_dict("records")
    assert row["customer_id"] == "A"  # B bought once
    assert row["recency"] == pytest.approx(np.log(11))
    assert row["purchases"] == pytest.approx(np.log(3))
    assert row["purchase_value"] == pytest.approx(np.log(30))
    assert row["usual_gap"] == pytest.approx(np.log(20))
    assert row["gap_variation"] == pytest.approx(np.std([10, 30], ddof=1) / 20)
    assert row["discount_share"] == pytest.approx(0.1)
    assert row["refund_share"] == pytest.approx(0.1)
    with pytest.raises(OpskitError, match="least_purchases == 2, must be >= 3"):
        segments.behaviour(engine(orders), as_of=LAST, least_purchases=2)


@pytest.fixture(scope="module")
def three() -> tuple[segments.Clusters, pd.DataFrame, np.ndarray]:
    table, kind = types(1)
    return segments.Clusters(most=5).fit(table), table, kind


def test_types_are_found(three) -> None:
    found, table, kind = three
    assert found.k_ == 3
    assert found.verdict_.startswith("3 groups")
    assert found.choice_["chosen"].tolist() == [False, False, True, False, False]
    assert adjusted_rand_score(kind, found.predict(table)["cluster"]) > 0.8


def test_everybody_is_assigned_in_the_engine_as_in_the_fit(three, engine) -> None:
    found, table, _ = three
    assert rows(found.predict(engine(table)))["cluster"].tolist() == found.sample_["cluster"].tolist()


def test_the_groups_are_described_against_all(three) -> None:
    found, *_ = three
    table = segments.describe(found)
    assert len(table) == 3 * 5
    weighted = (table["difference"] * table["n"]).groupby(table["feature"]).sum()
    assert weighted.to_numpy() == pytest.approx(0, abs=1e-6)
    assert table["difference"].between(table["low"], table["high"]).all()
    ax = segments.plot_groups(table)
    ax.figure.canvas.draw()
    segments.plot_choice(found).figure.canvas.draw()


def test_one_cloud_has_no_groups_and_is_cut_only_as_asked() -> None:
    found = segments.Clusters(most=5).fit(cloud(2))
    assert found.k_ == 1
    assert found.verdict_.startswith("No groups")
    asked = segments.Clusters(k=4, most=4).fit(cloud(2))
    assert asked.k_ == 4
    assert "as asked" in asked.verdict_
    assert "as asked" in segments.plot_choice(asked).get_title(loc="left")


def test_many_customers_are_sampled_and_all_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opskit.target_users.segments.clusters.SAMPLE", 200)
    table, kind = types(3)
    found = segments.Clusters(k=3, most=3).fit(table)
    assert 150 < len(found.sample_) < 250
    assert adjusted_rand_score(kind, found.predict(table)["cluster"]) > 0.8


def test_too_few_or_all_alike_is_said() -> None:
    with pytest.raises(TooLittleDataError, match="60 customers have bought often enough"):
        segments.Clusters().fit(cloud(1, 60))
    alike = cloud(1).assign(recency=1.0, purchases=1.0, purchase_value=1.0, usual_gap=1.0)
    with pytest.raises(TooLittleDataError, match="Customers buy alike"):
        segments.Clusters().fit(alike)


def tailed(seed: int) -> pd.DataFrame:
    """One cloud with long tails: cut off, they would look like a group."""
    table = cloud(seed)
    names = list(table.columns[:4])
    return table.assign(**{name: np.exp(0.7 * table[name]) for name in names})


@pytest.mark.slow
def test_how_often_groups_are_found_where_there_are_none_and_where_there_are_some() -> None:
    def found(tables: list[pd.DataFrame]) -> list[int]:
        return [segments.Clusters(most=4, seed=seed).fit(table).k_ for seed, table in enumerate(tables)]

    assert sum(k > 1 for k in found([cloud(seed) for seed in range(200, 215)])) <= 1
    assert sum(k > 1 for k in found([tailed(seed) for seed in range(200, 215)])) <= 2
    some = found([types(seed)[0] for seed in range(200, 215)])
    assert sum(k > 1 for k in some) >= 14
    assert sum(k == 3 for k in some) >= 10  # how many there are is harder than whether there are any


# --- by taste ---


@pytest.fixture(scope="module")
def drank() -> tuple[segments.Tastes, pd.DataFrame, pd.Series]:
    orders, favourite = drinkers(1, 0.8)
    return segments.Tastes(most=6).fit(orders, as_of=LAST), orders, favourite


def test_tastes_are_found_and_named(drank) -> None:
    found, orders, favourite = drank
    assert found.k_ == 4
    assert set(found.groups_["taste"]) == set(KINDS)
    assert found.groups_["share"].sum() == pytest.approx(1)
    assert found.profile_.groupby("taste")["share"].sum().to_numpy() == pytest.approx(1)
    assert found.profile_["index"].between(found.profile_["low"], found.profile_["high"]).all()
    table = rows(found.predict(orders, as_of=LAST))
    truth = np.array(KINDS)[favourite[table["customer_id"]]]
    assert adjusted_rand_score(truth, table["taste"]) > 0.6
    right = float((truth == table["taste"]).mean())
    assert abs(right - found.certainty_["estimate"]) < 0.06  # it knows how sure it may be


def test_every_engine_finds_the_same_tastes(drank, engine) -> None:
    found, orders, _ = drank
    expected = rows(found.predict(orders, as_of=LAST))
    assert rows(found.predict(engine(orders), as_of=LAST))["taste"].tolist() == expected["taste"].tolist()
    same = segments.Tastes(most=4).fit(engine(orders), as_of=LAST)
    again = segments.Tastes(most=4).fit(orders, as_of=LAST)
    assert same.kinds_ == again.kinds_
    assert same.groups_["n"].tolist() == again.groups_["n"].tolist()


def test_no_taste_no_groups() -> None:
    """Whoever ordered little bought 100% of something: shares alone would look like types."""
    found = segments.Tastes(most=5).fit(drinkers(2, 0.0)[0], as_of=LAST)
    assert found.k_ == 1
    assert found.verdict_.startswith("No groups by category")
    assert found.groups_["taste"].tolist() == ["all"]
    assert rows(found.predict(drinkers(2, 0.0)[0], as_of=LAST))["taste"].eq("all").all()


def test_what_cannot_be_told_of_tastes_is_said() -> None:
    orders, _ = drinkers(1, 0.8)
    for wrong, why in (
        (orders.drop(columns="category"), "orders has no column 'category'"),
        (orders.assign(category="tea"), "1 kinds of category"),
        (orders[orders["customer_id"] < 50], "customers have 2 orders of known category"),
    ):
        with pytest.raises(TooLittleDataError, match=why):
            segments.Tastes().fit(wrong, as_of=LAST)


def test_rare_kinds_are_put_together() -> None:
    orders, _ = drinkers(4, 0.8)
    rng = np.random.default_rng(1)
    rare = rng.random(len(orders)) < 0.05
    orders.loc[rare, "category"] = [f"rare {n}" for n in rng.integers(12, size=rare.sum())]
    orders.loc[orders.index[:5], "category"] = None
    found = segments.Tastes(most=4).fit(orders, as_of=LAST)
    assert found.kinds_[-1] == "other"
    assert len(found.kinds_) == 12
    counted = rows(found.predict(orders, as_of=LAST))
    assert counted["customer_id"].is_unique


@pytest.mark.slow
def test_how_often_tastes_are_found_where_there_are_none() -> None:
    assert (
        sum(segments.Tastes(most=4, seed=seed).fit(drinkers(seed, 0.0)[0], as_of=LAST).k_ > 1 for seed in range(40))
        <= 2
    )
