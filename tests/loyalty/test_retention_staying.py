"""Who stays longer: by hand, by law, against statsmodels' log-rank test, and where there is nothing to find."""

import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import survdiff

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import stats
from opskit.errors import OpskitError
from opskit.loyalty import retention
from opskit.loyalty.retention.differences import between_pairs, between_values

START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)  # day 365
CITIES = ("North", "South", None)

histories = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 365)), min_size=1, max_size=60)


def frame(rows: list[tuple[int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    return table.assign(ordered_at=START + pd.to_timedelta(table.pop("day"), unit="D"), revenue=1.0)


def people(orders: pd.DataFrame, values: Any = CITIES) -> pd.DataFrame:
    ids = np.sort(orders["customer_id"].unique())
    return pd.DataFrame({"customer_id": ids, "city": [values[i % len(values)] for i in ids]})


def shop(n: int, rng: np.random.Generator, daily_loss: Any = lambda _: 1 / 100) -> pd.DataFrame:
    """Customers who order every 10 days until they leave, at their own chance per day."""
    rows = []
    for customer in range(n):
        first = int(rng.integers(0, 200))
        left = first + rng.exponential(1 / daily_loss(customer))
        rows += [(customer, day) for day in range(first, min(365, int(left)) + 1, 10)]
    return frame(rows)


#    silent for more than 40 days:  from 30 on: lost on day 71; never: gap of exactly 40; at day 0: lost on day 41, came back
HAND = frame([(1, 0), (1, 0), (1, 30), (2, 10), (2, 50), (2, 89), (3, 0), (3, 80), (4, 85)])
AS_OF = dt.date(2024, 4, 9)  # day 99


def test_lost_on_the_day_the_silence_gets_too_long(engine) -> None:
    found = retention.staying(
        engine(HAND), engine(people(HAND, ("x", "y"))), by=["city"], as_of=AS_OF, silence_days=40, min_customers=1
    )
    table = found.groups.set_index(["attribute", "value"])
    # 1 lost at age 71, 3 at age 41; 2 followed to age 89, 4 to age 14: neither is called anything
    assert table.loc[("(all)", "(all)"), ["customers", "ended"]].tolist() == [4, 2]
    assert table.loc[("city", "y"), ["customers", "ended"]].tolist() == [2, 2]
    assert table.loc[("city", "x"), ["customers", "ended"]].tolist() == [2, 0]
    assert found.tests["values"].tolist() == [2]


def test_the_curve_is_that_of_the_durations_counted_by_hand(engine) -> None:
    orders = pd.concat([HAND.assign(customer_id=HAND["customer_id"] + 10 * copy) for copy in range(10)])
    found = retention.staying(engine(orders), as_of=AS_OF, silence_days=40, horizon_days=80)
    curve = found.curves.set_index("days")
    assert curve["at_risk"].to_dict() == {14: 40, 41: 30, 71: 20, 89: 10}
    np.testing.assert_allclose(curve["survival"], [1, 2 / 3, 1 / 3, 1 / 3])
    assert found.groups["survival"].item() == pytest.approx(1 / 3)
    assert found.groups["horizon_days"].item() == 80


def test_a_silence_is_known_only_when_it_is_over() -> None:
    orders = frame([(1, 0)])
    for day, ended in ((40, 0), (41, 1)):
        found = retention.staying(orders, as_of=(START + pd.Timedelta(days=day)).date(), silence_days=40)
        assert found.groups["ended"].item() == ended


@settings(max_examples=8, deadline=None)
@given(histories, st.integers(20, 120))
def test_everybody_is_in_one_value_and_later_orders_change_nothing(rows: list[tuple[int, int]], silence: int) -> None:
    orders = frame(rows)
    attributes = pl.from_pandas(people(orders))
    as_of = max(orders["ordered_at"].min().date(), dt.date(2024, 9, 1))
    known = orders[orders["ordered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)].sample(frac=1, random_state=1)
    options = {"by": ["city"], "as_of": as_of, "silence_days": silence, "min_customers": 1}
    found = retention.staying(pl.from_pandas(orders), attributes, **options)
    for ours, theirs in zip(found, retention.staying(pl.from_pandas(known), attributes, **options), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    sums = found.groups.groupby("attribute")[["customers", "ended"]].sum()
    assert sums.loc["city"].tolist() == sums.loc["(all)"].tolist()
    assert sums.loc["(all)", "customers"] == known["customer_id"].nunique()
    falls = found.curves.groupby(["attribute", "value"])["survival"].diff().dropna()
    assert (falls <= 1e-12).all()
    assert (found.curves.loc[found.curves["survival"] < 1, "days"] > silence).all()


def durations(rng: np.random.Generator, groups: int, rows: int, days: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "value": rng.integers(0, groups, rows),
            "time": rng.integers(1, days, rows),
            "event": rng.random(rows) < 0.6,
            "n": rng.integers(1, 4, rows),
        }
    )


def by_statsmodels(table: pd.DataFrame) -> tuple[float, float]:
    each = table.loc[table.index.repeat(table["n"])]
    chi_square, p = survdiff(each["time"], each["event"].astype(int), each["value"])
    return float(chi_square), float(p)


@pytest.mark.parametrize("days", [40, 700])
@pytest.mark.parametrize("groups", [2, 3, 5])
def test_log_rank_equals_statsmodels(groups: int, days: int) -> None:
    """Several tables of each kind: a degree of freedom too many came and went with the rounding of the sums."""
    rng = np.random.default_rng(4)
    for rows in (300, 700, 1100):
        table = durations(rng, groups, rows, days)
        chi_square, p = by_statsmodels(table)
        ours = retention.log_rank(table)
        assert ours.degrees == groups - 1
        assert ours.chi_square == pytest.approx(chi_square, rel=1e-9)
        assert ours.p == pytest.approx(p, rel=1e-6)


def test_pairs_equal_statsmodels() -> None:
    """All that `between_pairs` reads of the whole table is what the two groups alone would give."""
    table = durations(np.random.default_rng(5), 4, 1200, 700)
    each = table.assign(value=table["value"].astype(str))
    groups = pd.DataFrame({"value": sorted(each["value"].unique()), "attribute": "channel"})
    groups = groups.assign(survival=0.5, low=0.4, high=0.6)
    tests = pd.DataFrame({"attribute": ["channel"], "differs": True})
    pairs = between_pairs({"channel": each}, tests, groups, confidence=0.95).sort_values("p")
    assert len(pairs) == 6
    for row in pairs.itertuples():
        two = each[each["value"].isin([row.value, row.other])]
        assert row.n == two["n"].sum()
        assert row.p == pytest.approx(by_statsmodels(two.reset_index(drop=True))[1], rel=1e-6)


def test_nothing_to_compare_gives_no_p() -> None:
    cells = pd.DataFrame({"value": ["a", "b"], "time": [5, 9], "event": False, "n": 3})
    assert np.isnan(retention.log_rank(cells).p)
    assert np.isnan(retention.log_rank(cells[:0]).p)
    assert np.isnan(retention.log_rank(cells.assign(value="a", event=True)).p)


def test_a_value_that_leaves_sooner_is_found_and_named() -> None:
    rng = np.random.default_rng(3)
    orders = shop(600, rng, lambda customer: 1 / 60 if customer % 3 == 0 else 1 / 200)
    attributes = people(orders).assign(luck=lambda table: table["customer_id"] % 2)
    found = retention.staying(orders, attributes, by=["city", "luck"], as_of=LAST, silence_days=30, horizon_days=150)
    assert found.tests.set_index("attribute")["differs"].to_dict() == {"city": True, "luck": False}
    assert (found.tests["p_adjusted"] >= found.tests["p"]).all()
    pairs = found.pairs.set_index(["value", "other"])
    assert set(found.pairs["attribute"]) == {"city"}  # pairs only where the overall test says so
    assert pairs["differs"].to_dict() == {
        ("(none)", "North"): True,
        ("(none)", "South"): False,
        ("North", "South"): True,
    }
    assert pairs.loc[("(none)", "North"), "low"] > 0 > pairs.loc[("North", "South"), "high"]
    # left exponentially, silent 30 days after the last order, which is up to 10 days before leaving
    low, high = found.groups.set_index("value").loc["North", ["low", "high"]]
    assert low < np.exp(-(150 - 35) / 60) < high


@pytest.mark.slow
def test_attributes_without_effect_are_rarely_said_to_differ() -> None:
    """Three idle attributes at 5%: any is called different about one time in twenty, 7 to 36 of 400."""
    rng, wrong = np.random.default_rng(8), 0
    for _ in range(400):
        time, followed = rng.exponential(50, 150), rng.uniform(20, 200, 150)
        seen = {"time": np.minimum(time, followed).astype(int), "event": time <= followed, "n": 1}
        idle = {name: pd.DataFrame({"value": rng.integers(0, 3, 150), **seen}) for name in "abc"}
        wrong += bool(between_values(idle, confidence=0.95)["differs"].any())
    assert 7 <= wrong <= 36, wrong


def test_small_values_are_marked_and_take_no_part() -> None:
    orders = shop(130, np.random.default_rng(5))
    attributes = people(orders).assign(city=["rare" if i < 20 else ("a", "b")[i % 2] for i in range(130)])
    found = retention.staying(orders, attributes, by=["city"], as_of=LAST, silence_days=30)
    assert found.groups.set_index("value")["small"].to_dict() == {"(all)": False, "a": False, "b": False, "rare": True}
    assert found.tests[["values", "n"]].to_numpy().tolist() == [[2, 110]]
    lines = retention.plot_staying(found, by="city").get_lines()
    rare = next(line for line in lines if str(line.get_label()).startswith("rare"))
    assert rare.get_color() == "#6E6E6E"
    plt.close("all")


def test_many_values_end_in_other(engine) -> None:
    orders = shop(120, np.random.default_rng(6))
    attributes = people(orders, tuple(f"city {i}" for i in range(12)))
    found = retention.staying(
        engine(orders), engine(attributes), by=["city"], as_of=LAST, max_values=4, min_customers=1
    )
    sizes = found.groups[found.groups["attribute"] == "city"].set_index("value")["customers"]
    assert sizes.index.tolist()[-1] == "(other)"
    assert sizes.tolist() == [10, 10, 10, 90]


def test_survival_is_missing_where_nobody_is_followed() -> None:
    rows = [(i, 0) for i in range(40)] + [(i, 10 * j) for i in range(20) for j in range(1, 37)]
    late = [(100 + i, 350) for i in range(30)]
    orders = frame(rows + late)
    attributes = people(orders, ("old",)).assign(city=lambda t: np.where(t["customer_id"] >= 100, "late", "old"))
    found = retention.staying(orders, attributes, by=["city"], as_of=LAST, silence_days=30, min_customers=1)
    table = found.groups.set_index("value")
    assert table.loc["old", "survival"] == 0.5
    assert table.loc["late", ["survival", "low", "high"]].isna().all()
    assert not found.tests["differs"].any()


@pytest.mark.parametrize(
    "orders",
    [frame([(1, 0)]), frame([(i, i) for i in range(200)]), frame([(1, i) for i in range(0, 300, 7)]), HAND],
    ids=["one order", "one-time buyers", "one customer", "hand"],
)
def test_small_data_give_a_figure_or_a_sentence(orders: pd.DataFrame) -> None:
    for as_of in (LAST, dt.date(2024, 1, 1)):
        found = retention.staying(orders, people(orders), by=["city"], as_of=as_of, silence_days=30)
        for by in ("(all)", "city"):
            ax = retention.plot_staying(found, by=by)
            shown = [text.get_text() for text in ax.texts] + [ax.get_title(loc="left")]
            assert any(shown)
            assert "nan" not in " ".join(shown)
        plt.close("all")


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(OpskitError, match="customers lacks 'town'"):
        retention.staying(HAND, people(HAND), by=["town"], as_of=LAST)
    with pytest.raises(OpskitError, match="both must be of one kind"):
        retention.staying(HAND, pl.from_pandas(people(HAND)), by=["city"], as_of=LAST)
    with pytest.raises(OpskitError, match="silence_days == 0, must be >= 1"):
        retention.staying(HAND, as_of=LAST, silence_days=0)
    with pytest.raises(OpskitError, match="orders has no rows"):
        retention.staying(HAND.iloc[:0], as_of=LAST)


def test_without_censoring_the_curve_is_a_plain_share(cdnow: pd.DataFrame) -> None:
    """CDNOW: everybody came in the first 12 weeks, so nobody's first 300 days are cut short."""
    found = retention.staying(cdnow, as_of=dt.date(1998, 6, 30), silence_days=150, horizon_days=300)
    days = cdnow[["customer_id", "ordered_at"]].drop_duplicates().sort_values(["customer_id", "ordered_at"])
    by = days.groupby("customer_id")["ordered_at"]
    ends = by.shift(-1).fillna(pd.Timestamp("1998-06-30"))
    fell = days["ordered_at"].where((ends - days["ordered_at"]).dt.days > 150).groupby(days["customer_id"]).min()
    lost_by_300 = (fell - by.min()).dt.days + 151 <= 300
    assert found.groups["survival"].item() == pytest.approx(1 - lost_by_300.mean(), abs=1e-12)
    low, high = stats.wilson([2357 - lost_by_300.sum()], [2357])
    assert found.groups["low"].item() == pytest.approx(low[0], abs=2e-3)
    assert found.groups["high"].item() == pytest.approx(high[0], abs=2e-3)
