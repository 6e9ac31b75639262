import datetime as dt
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

import opskit
from opskit import customers, frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.target_users import segments
from opskit.target_users.segments import rules

START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)
CDNOW_LAST = dt.date(1998, 6, 30)
NUMBERS = ["n", "active"]


def shop(seed: int = 1, people: int = 400) -> pd.DataFrame:
    """Half of the customers bought once; money has two decimals and many equal values."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), np.where(rng.random(people) < 0.5, 1, 1 + rng.geometric(0.3, people)))
    day = rng.integers(0, 366, len(who))
    table = pd.DataFrame(
        {"customer_id": [f"K{n:04d}" for n in who], "ordered_at": START + pd.to_timedelta(day, unit="D")}
    )
    table["revenue"] = rng.choice([9.9, 19.9, 29.9, 49.9, 99.9], len(who))
    table["category"] = rng.choice(["tea", "coffee", "cocoa"], len(who), p=[0.5, 0.3, 0.2])
    table["discount"] = np.where(rng.random(len(who)) < 0.4, 1.0, 0.0)
    table["refund"] = 0.0
    return table


def rows(native: Any) -> pd.DataFrame:
    return frames.collect(frames.lazy(native, "customer_id")).sort_values("customer_id", ignore_index=True)


# --- scores ---


@settings(max_examples=20, deadline=None)
@given(
    purchases=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30), st.integers(0, 4)), min_size=1, max_size=60),
    bins=st.integers(2, 7),
)
def test_laws_of_the_scores(purchases: list[tuple[int, int, int]], bins: int) -> None:
    orders = pd.DataFrame(purchases, columns=["customer_id", "day", "revenue"])
    orders["ordered_at"] = START + pd.to_timedelta(orders.pop("day"), unit="D")
    found = segments.scores(orders, as_of=LAST, bins=bins)
    table, limits = found.customers, found.limits
    assert limits["customers"].gt(0).all()
    assert limits.groupby("measure")["customers"].sum().eq(len(table)).all()
    for name, column, sign in (
        ("recency", "days_since_last_order", -1),
        ("frequency", "purchases", 1),
        ("money", "revenue", 1),
    ):
        score = table[f"{name}_score"]
        assert sorted(score.unique()) == list(range(1, score.max() + 1))  # no score is empty
        assert score.max() <= bins
        assert score.groupby(table[column]).nunique().eq(1).all()  # equal values, equal score
        by_value = (sign * table[column]).sort_values()
        assert score[by_value.index].is_monotonic_increasing
        counted = score.value_counts().sort_index().tolist()
        assert counted == limits.loc[limits["measure"] == name, "customers"].tolist()
    assert table["segment"].isin(segments.NAMES).all()


def test_without_ties_the_scores_are_equal_groups() -> None:
    days = START + pd.to_timedelta(range(100), unit="D")
    orders = pd.DataFrame({"customer_id": range(100), "ordered_at": days, "revenue": np.arange(1, 101.0)})
    limits = segments.scores(orders, as_of=LAST).limits.set_index("measure")
    assert limits.loc["recency", "customers"].tolist() == [20] * 5
    assert limits.loc["money", "customers"].tolist() == [20] * 5
    assert limits.loc[["frequency"], "customers"].tolist() == [100]


def test_ties_take_bins_from_the_rest_and_it_is_said() -> None:
    counts = [1] * 60 + [2] * 20 + [3] * 10 + [4] * 10
    who = np.repeat(np.arange(100), counts)
    days = START + pd.to_timedelta(np.concatenate([np.arange(n) for n in counts]), unit="D")
    found = segments.scores(pd.DataFrame({"customer_id": who, "ordered_at": days, "revenue": 5.0}), as_of=LAST)
    frequency = found.limits[found.limits["measure"] == "frequency"]
    assert frequency[["score", "lowest", "highest", "customers"]].to_numpy().tolist() == [
        [1, 1, 1, 60],
        [2, 2, 2, 20],
        [3, 3, 3, 10],
        [4, 4, 4, 10],
    ]
    assert "60.0% of customers bought once" in found.notes[0]
    assert "frequency has 4 of 5 scores" in " ".join(found.notes)


def test_fixed_days_score_recency_and_may_be_empty() -> None:
    orders = pd.DataFrame(
        {"customer_id": list("ABC"), "ordered_at": START + pd.to_timedelta([305, 330, 365], unit="D")}
    )
    found = segments.scores(orders.assign(revenue=1.0), as_of=LAST, recency_limits_days=[30, 45, 90])
    assert rows(found.customers)["recency_score"].tolist() == [2, 3, 4]
    part = found.limits[found.limits["measure"] == "recency"].set_index("score")
    assert part["customers"].to_dict() == {1: 0, 2: 1, 3: 1, 4: 1}
    assert part.loc[4, ["lowest", "highest"]].tolist() == [0, 30]


@pytest.mark.parametrize("limits", [[60, 30], [-1], [30, 30], [float("nan")], list(range(10))])
def test_fixed_days_that_make_no_sense_are_refused(limits: list[float]) -> None:
    with pytest.raises(OpskitError, match="recency_limits_days == "):
        segments.scores(shop(), as_of=LAST, recency_limits_days=limits)


def test_frequency_is_counted_in_days_and_is_not_that_of_repeat_models() -> None:
    when = START + pd.to_timedelta([0, 0.1, 30], unit="D")
    found = rows(
        segments.scores(pd.DataFrame({"customer_id": "A", "ordered_at": when, "revenue": 1.0}), as_of=LAST).customers
    )
    assert found[["purchases", "days_since_last_order", "revenue"]].iloc[0].tolist() == [2, 335, 3.0]


def test_every_engine_gives_the_same_segments(engine) -> None:
    orders = shop()
    native = engine(orders)
    found = segments.scores(native, as_of=LAST)
    expected = segments.scores(orders, as_of=LAST)
    # A DuckDB relation keeps its kind, a lazy frame stays lazy.
    assert type(found.customers).__module__.split(".")[0].strip("_") == type(native).__module__.split(".")[0].strip("_")
    pd.testing.assert_frame_equal(found.limits, expected.limits, rtol=1e-9)
    assert rows(found.customers)["segment"].tolist() == rows(expected.customers)["segment"].tolist()
    both = [segments.sizes(one) for one in (found, expected)]
    pd.testing.assert_frame_equal(*both, rtol=1e-9, check_dtype=False)
    both = [segments.movement(one, as_of=LAST) for one in (native, orders)]
    assert both[0]["customers"].tolist() == both[1]["customers"].tolist()
    looked = [segments.outlook(one, as_of=LAST) for one in (native, orders)]
    assert looked[0].segments[NUMBERS].equals(looked[1].segments[NUMBERS])
    people = pd.DataFrame({"customer_id": sorted(orders["customer_id"].unique())})
    people["city"] = ["North", "South", None] * (len(people) // 3) + ["North"] * (len(people) % 3)
    crossed = [
        segments.cross(one.customers, made(people), attribute="city")
        for one, made in ((found, engine), (expected, pd.DataFrame))
    ]
    pd.testing.assert_frame_equal(*crossed, check_dtype=False)


def test_the_rules_cover_every_cell_once() -> None:
    for levels in product(rules.LEVELS, repeat=3):
        holding = [
            name for name, *sets in rules.RULES if all(one in held for one, held in zip(levels, sets, strict=True))
        ]
        assert len(holding) == 1, (levels, holding)
    for bins in product(range(1, 8), repeat=3):
        cells = segments.cells(dict(zip(("recency", "frequency", "money"), bins, strict=True)))
        assert len(cells) == np.prod(bins) == len(cells.drop_duplicates(cells.columns[:3].tolist()))
        if min(bins) >= 2 and bins[0] >= 3:
            assert set(cells["segment"]) == set(segments.NAMES)  # fewer scores of frequency or money empty no segment
    assert segments.guide()["segment"].nunique() == len(segments.NAMES) == 9
    assert (
        segments.cells({"recency": 5, "frequency": 1, "money": 5})["segment"]
        .isin(["new", "promising", "about_to_sleep", "hibernating"])
        .all()
    )  # where all bought equally often, nobody is loyal


# --- the music shop: real customers, half of whom bought once ---


@pytest.fixture(scope="module")
def music(cdnow: pd.DataFrame) -> segments.Rfm:
    return segments.scores(cdnow, as_of=CDNOW_LAST)


def test_cdnow_has_no_empty_score_and_no_empty_segment(music: segments.Rfm) -> None:
    assert music.limits["customers"].gt(0).all()
    assert music.limits.groupby("measure")["customers"].sum().tolist() == [2357] * 3
    assert music.limits.groupby("measure")["score"].max().tolist() == [5, 5, 5]
    table = segments.sizes(music)
    assert table["n"].gt(0).all()
    assert table["n"].sum() == 2357
    assert table["revenue"].sum() == pytest.approx(244_091.94)
    assert table["revenue_share"].sum() == pytest.approx(1)
    once = rows(music.customers).query("purchases == 1")
    assert once["frequency_score"].eq(1).all()


def test_recent_buyers_of_cdnow_score_high_and_come_back(music: segments.Rfm, cdnow: pd.DataFrame) -> None:
    table = rows(music.customers)
    assert table.groupby("recency_score")["days_since_last_order"].mean().is_monotonic_decreasing
    seen = segments.outlook(cdnow, as_of=CDNOW_LAST)
    rate = seen.by_score[seen.by_score["measure"] == "recency"].set_index("score")["rate"]
    assert rate[5] > 10 * rate[1]


def test_cdnow_concentration_is_that_of_the_literature(cdnow: pd.DataFrame) -> None:
    spread = customers.concentration(cdnow, as_of=CDNOW_LAST)
    measure = spread.measures.set_index("measure")["estimate"]
    assert measure[["top 10%", "top 20%", "gini"]].round(5).tolist() == [0.50807, 0.67402, 0.63092]
    assert spread.classes["customers"].tolist() == [777, 801, 779]
    told = segments.claims(spread).set_index("claim")["verdict"]
    assert told.tolist() == ["does not hold", "holds"]


# --- movement and the test on later time ---


def test_movement_adds_up_and_the_new_are_new() -> None:
    orders = shop()
    moved = segments.movement(orders, as_of=LAST, days=120)
    then = dt.date(2024, 9, 2)
    early = orders[orders["ordered_at"].dt.date <= then]["customer_id"].nunique()
    new = moved[moved["before"] == rules.NOT_YET]["customers"].sum()
    assert moved["customers"].sum() == orders["customer_id"].nunique()
    assert new == orders["customer_id"].nunique() - early
    table = segments.change(moved)
    assert (table["stayed"] + table["left"]).tolist() == table["before"].tolist()
    assert (table["stayed"] + table["came"] + table["new"]).tolist() == table["now"].tolist()
    assert table["now"].sum() - table["before"].sum() == new
    known = moved[moved["n"] > 0]
    assert known.groupby("before")["share"].sum().to_numpy() == pytest.approx(1)
    assert known["share"].between(known["low"] - 1e-12, known["high"] + 1e-12).all()


def test_both_days_are_scored_by_the_same_limits() -> None:
    """Nobody orders in the second half: with quantiles of each day nothing would seem to have happened."""
    orders = shop()
    orders = orders[orders["ordered_at"] < "2024-07-01"]
    now = segments.scores(orders, as_of=dt.date(2024, 7, 1))
    later = segments.scores(orders, as_of=LAST, limits=now.limits)
    table = segments.change(segments.movement(orders, as_of=LAST, days=183, later=later))
    lively = table[table["segment"].isin(["champions", "loyal", "promising", "new"])]
    assert lively["now"].sum() == 0
    assert lively["before"].sum() > 50


def test_the_outlook_knows_nothing_of_the_horizon() -> None:
    orders = shop()
    day = dt.date(2024, 10, 2)
    seen = segments.outlook(orders, as_of=LAST)
    assert seen.scored_on == day
    before = segments.sizes(segments.scores(orders, as_of=day)).set_index("segment")["n"]
    assert seen.segments.set_index("segment")["n"].tolist() == before.tolist()
    later = orders[orders["ordered_at"].dt.date > day]
    known = set(orders[orders["ordered_at"].dt.date <= day]["customer_id"])
    active = set(later["customer_id"]) & known
    assert seen.segments["active"].sum() == len(active)
    assert seen.segments["revenue"].sum() == pytest.approx(later[later["customer_id"].isin(known)]["revenue"].sum())
    assert (seen.segments["active"].sum() / seen.segments["n"].sum()) * seen.segments[
        "lift"
    ].to_numpy() == pytest.approx(seen.segments["rate"].to_numpy(), nan_ok=True)


def test_too_little_is_said_in_a_sentence() -> None:
    few = shop(people=12)
    with pytest.raises(TooLittleDataError, match="12 customers have ordered"):
        segments.sizes(segments.scores(few, as_of=LAST))
    with pytest.raises(TooLittleDataError, match="nobody to compare with"):
        segments.movement(few, as_of=LAST, days=500)
    with pytest.raises(TooLittleDataError, match="No order lies on or before"):
        segments.outlook(few, as_of=LAST, horizon_days=500)
    with pytest.raises(TooLittleDataError, match="Nobody came back"):
        segments.outlook(shop()[lambda t: t["ordered_at"] < "2024-06-01"], as_of=LAST)
    one = shop(people=1)
    assert len(rows(segments.scores(one, as_of=LAST).customers)) == 1


# --- who they are ---


def test_the_index_of_a_hand_sized_table() -> None:
    names = [f"K{n}" for n in range(40)]
    assigned = pd.DataFrame({"customer_id": names, "segment": ["a"] * 10 + ["b"] * 30})
    people = pd.DataFrame({"customer_id": names, "city": ["North"] * 10 + ["South"] * 20 + [None] * 10})
    table = segments.cross(assigned, people, attribute="city").set_index(["segment", "value"])
    assert table.loc[("a", "North"), ["customers", "n", "share", "base", "index"]].tolist() == [10, 10, 1, 0.25, 4]
    assert table.loc[("a", "North"), "verdict"] == "over"
    assert table.loc[("b", "South"), "index"] == pytest.approx(4 / 3)
    assert table.loc[("b", "not known"), "customers"] == 10
    assert table["index"].between(table["low"], table["high"]).all()


def test_attributes_with_few_values_are_found(engine) -> None:
    people = pd.DataFrame({"customer_id": ["A", "B", "C"], "name": ["Ann", "Bo", "Cy"], "city": ["N", "S", "N"]})
    people["all"], people["age"] = "same", [1, 2, 3]
    assert segments.attributes(engine(people), most_values=2) == ["city"]
    assert segments.attributes(None) == []


def test_chance_alone_makes_nobody_stand_out() -> None:
    rng, stood_out = np.random.default_rng(5), 0
    for _ in range(25):
        assigned = pd.DataFrame({"customer_id": range(500), "segment": rng.choice(list("abcdef"), 500)})
        people = pd.DataFrame({"customer_id": range(500), "city": rng.choice(list("NSEW"), 500)})
        stood_out += (segments.cross(assigned, people, attribute="city")["verdict"] != "as everybody").any()
    assert stood_out <= 5  # about 1 expected


def test_accounts_without_an_order_are_counted(engine) -> None:
    orders = pd.DataFrame({"customer_id": ["A", "A"], "ordered_at": START, "revenue": 1.0})
    people = pd.DataFrame(
        {"customer_id": ["A", "B", "C"], "signed_up_at": [START, START, START + pd.Timedelta(days=400)]}
    )
    told = segments.paying(engine(orders), engine(people), as_of=LAST)
    assert (told["estimate"], told["n"]) == (0.5, 2)
    assert segments.paying(orders, people.head(1), as_of=LAST) is None


def test_a_part_that_cannot_be_made_is_none_with_its_reason() -> None:
    assert segments.where_enough(lambda: 3) == (3, "")
    part, why = segments.where_enough(segments.outlook, shop(people=12), as_of=LAST, horizon_days=500)
    assert part is None
    assert why.endswith(".")


def test_figures_are_drawn_from_the_tables(music: segments.Rfm, cdnow: pd.DataFrame) -> None:
    moved = segments.movement(cdnow, as_of=CDNOW_LAST, later=music)
    seen = segments.outlook(cdnow, as_of=CDNOW_LAST)
    table = segments.sizes(music)
    drawn = [
        (segments.plot_sizes(table), "Champions: 21.6% of customers, 60.9% of revenue"),
        (segments.plot_movement(moved), "3.62% of the champions of 90 days ago"),
        (segments.plot_outlook(seen), "Of champions 37.8% came back"),
        (
            segments.plot_lorenz(customers.concentration(cdnow, as_of=CDNOW_LAST)),
            "33% of customers (class A) bring 80%",
        ),
    ]
    for ax, start in drawn:
        assert ax.get_title(loc="left").replace("\n", " ").startswith(start)
        ax.figure.canvas.draw()
    plt.close("all")


def test_the_key_figures_of_orders_alone(cdnow: pd.DataFrame, music: segments.Rfm) -> None:
    spread = customers.concentration(cdnow, as_of=CDNOW_LAST)
    table = segments.key_figures(segments.sizes(music), spread, None, None, None, None)
    assert table["name"].is_unique
    assert table.loc[table["value"].isna(), "n"].eq(0).all()
    lines = segments.decisions(segments.sizes(music), spread, None, None, None, None)
    assert not [line for line in lines if "nan" in line]


def test_the_stored_shop_has_a_segment_for_everybody() -> None:
    ds = opskit.open(str(Path(__file__).parents[2] / "data" / "shop"))
    table = segments.sizes(segments.scores(ds.orders, as_of=ds.as_of))
    assert table["n"].gt(0).all()
    assert table["share"].sum() == pytest.approx(1)
