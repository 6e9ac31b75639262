import datetime as dt
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

from opskit import customers
from opskit.errors import OpskitError
from opskit.loyalty import retention

AS_OF = dt.date(1998, 6, 30)  # last day of the CDNOW orders
START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)  # age 365 of a customer who came on the first day


def frame(rows: list[tuple[int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    return table.assign(ordered_at=START + pd.to_timedelta(table.pop("day"), unit="D"), revenue=1.0)


HAND = frame([(1, 0), (1, 0), (1, 29), (1, 30), (2, 0), (2, 60), (3, 45), (3, 100), (4, 360)])
histories = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 365)), min_size=1, max_size=60)


def cell(table: pd.DataFrame, **where: Any) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = [row for _, row in table.iterrows()]
    return row


def test_month_cohorts_by_hand(engine) -> None:
    table = retention.cohorts(engine(HAND), as_of=dt.date(2024, 12, 30))
    january = table[table["cohort"] == "2024-01-01"]
    assert january["customers"].eq(2).all()
    assert january["active"].tolist()[:-1] == [2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]  # day 60 is 1 March
    assert january["active"].isna().tolist() == [False] * 11 + [True]  # December is not over
    assert january[["retained", "low", "high"]].iloc[-1].isna().all()
    assert cell(table, cohort=pd.Timestamp("2024-02-01"), age=2)["active"] == 1


def test_window_cohorts_by_hand(engine) -> None:
    table = retention.cohorts(engine(HAND), as_of=LAST, age="window")
    january = table[(table["cohort"] == "2024-01-01") & (table["age"] <= 3)]
    assert january["active"].tolist() == [2, 1, 1, 0]  # day 29 lies in window 0, 30 in 1, 60 in 2
    # 335 days after 31 January: window 10 (days 300 to 329) is over for the whole cohort, window 11 is not
    assert table[table["cohort"] == "2024-01-01"]["active"].notna().sum() == 11
    assert cell(table, cohort=pd.Timestamp("2024-12-01"), age=0)["active"] is pd.NA


def test_cohorts_of_cdnow_full(engine) -> None:
    orders = pd.read_parquet(Path(__file__).parents[2] / "data/cdnow_full/orders.parquet")
    table = retention.cohorts(engine(orders), as_of=AS_OF)
    january = table[table["cohort"] == "1997-01-01"]
    # full CDNOW master file: January 1997 cohort 7,846, of whom 1,157 active one month later
    assert january["customers"].iloc[0] == 7846
    assert january["active"].iloc[1] == 1157


def test_curves_by_hand(engine) -> None:
    table = retention.curves(engine(HAND), as_of=LAST, days=[29, 30, 60], follow_up_days=90)
    expected = {  # customers 1 to 3 are old enough throughout; customer 4 is 5 days old
        ("window", 29): 2, ("window", 30): 2, ("window", 60): 1,  # customer 3 comes back at age 55
        ("rolling", 29): 1, ("rolling", 30): 1, ("rolling", 60): 3,
        ("unbounded", 29): 3, ("unbounded", 30): 3, ("unbounded", 60): 1,
    }  # fmt: skip
    assert table["customers"].eq(3).all()
    assert {(row.kind, row.day): row.active for row in table.itertuples()} == expected


def test_a_window_counts_from_its_last_day_on() -> None:
    for as_of, customers_n in ((59, 1), (58, 0)):
        day = (START + pd.Timedelta(days=as_of)).date()
        table = retention.curves(frame([(1, 0), (1, 40)]), as_of=day, days=[30])
        row = cell(table, kind="window")
        assert row["customers"] == customers_n
        assert np.isnan(row["retained"]) == (customers_n == 0)


def test_repeat_probability_by_hand(engine) -> None:
    table = retention.repeat_probability(engine(HAND), as_of=LAST, horizon_days=40, min_customers=1).by_order
    # first orders of 1, 2 and 3 are old enough; within 40 days only customer 1 returns; the second of 1 is followed next day
    assert table["customers"].tolist() == [3, 3, 1]
    assert table["returned"].tolist() == [1, 1, 0]


def test_repeat_probability_of_cdnow(engine, cdnow: pd.DataFrame) -> None:
    found = retention.repeat_probability(engine(cdnow), as_of=AS_OF)
    days = cdnow[["customer_id", "ordered_at"]].drop_duplicates().sort_values(["customer_id", "ordered_at"])
    gap = days.groupby("customer_id")["ordered_at"].shift(-1) - days["ordered_at"]
    followed = days["ordered_at"] <= pd.Timestamp(AS_OF) - pd.Timedelta(days=90)
    number = days.groupby("customer_id").cumcount() + 1
    share = (gap <= pd.Timedelta(days=90))[followed].groupby(number[followed]).mean()
    table = found.by_order.set_index("order_number")
    assert table.index.tolist() == list(range(1, 11))
    np.testing.assert_allclose(table["probability"], share.loc[1:10])
    assert found.claims["verdict"].tolist() == ["does not hold"]  # it goes on rising, 64.9% after five and 75% beyond


def test_the_table_ends_before_small_numbers(cdnow: pd.DataFrame) -> None:
    table = retention.repeat_probability(cdnow, as_of=AS_OF, min_customers=300).by_order
    assert table["customers"].min() >= 300
    assert table["order_number"].tolist() == [1, 2, 3, 4, 5]


def test_hazard_by_hand(engine) -> None:
    table = retention.hazard(engine(HAND), as_of=LAST, max_windows=3).by_age
    # 1 returns at 29, 3 at 55, 2 at 60; the five days of customer 4 fill no window
    assert table["at_risk"].tolist() == [3, 2, 1]
    assert table["returned"].tolist() == [1, 1, 1]


def test_hazard_multiplies_to_the_survival_curve(cdnow: pd.DataFrame) -> None:
    """Without censoring the life table is exact: the product of staying away is the share without a second order."""
    old = cdnow[cdnow.groupby("customer_id")["ordered_at"].transform("min") <= "1997-03-31"]
    table = retention.hazard(old, as_of=AS_OF, max_windows=12).by_age
    rolling = retention.curves(old, as_of=AS_OF, days=[359]).query("kind == 'rolling'")
    assert 1 - (1 - table["hazard"]).prod() == pytest.approx(rolling["retained"].item(), abs=1e-12)


def test_planted_hazard_is_covered() -> None:
    """Second orders with a 20% chance in each of the first two windows and 5% later."""
    rng = np.random.default_rng(11)
    chance = np.array([0.2, 0.2] + [0.05] * 10)
    rows = []
    for customer in range(3000):
        first = int(rng.integers(0, 300))
        rows.append((customer, first))
        for window, p in enumerate(chance):
            if rng.random() < p:
                rows.append((customer, first + 30 * window + int(rng.integers(1, 30))))
                break
    found = retention.hazard(frame(rows), as_of=dt.date(2025, 6, 30))
    table = found.by_age
    assert ((table["low"] <= chance) & (chance <= table["high"])).sum() >= 10
    assert table["critical"].tolist() == [True, True] + [False] * 10
    assert found.claims["verdict"].tolist() == ["holds"]  # .36 of .36 + .64 * (1 - .95**10) is 62%


def test_first_month_by_hand(engine) -> None:
    table = retention.first_month(engine(HAND), as_of=LAST, follow_up_days=30).by_orders.set_index("further_order_days")
    # customer 1 ordered again at 29 and then at 30; 3 at 55; 2 first at 60, after the 30 days that are watched
    assert table["customers"].tolist() == [2, 1, 0, 0]
    assert table["active"].tolist() == [1, 1, 0, 0]


def test_orders_of_the_first_month_are_no_retention() -> None:
    orders = frame([(customer, day) for customer in range(50) for day in (0, 10, 20)])
    table = retention.first_month(orders, as_of=LAST).by_orders
    assert cell(table, further_order_days="2")["retained"] == 0


def test_first_month_claims_follow_the_figures() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for customer in range(6000):
        buyer = rng.random() < 0.4
        rows += [(customer, 0)] + [(customer, 15)] * buyer
        rows += [(customer, 90)] * (rng.random() < (0.5285 if buyer else 0.1901))
    claims = retention.first_month(frame(rows), as_of=LAST).claims
    assert claims["verdict"].tolist() == ["holds"] * 3
    few = retention.first_month(frame([row for row in rows if row[0] < 30]), as_of=LAST).claims
    assert few["verdict"].iloc[0] == "not enough data"


@settings(max_examples=10, deadline=None)
@given(histories)
def test_nobody_is_counted_twice_and_later_orders_change_nothing(rows: list[tuple[int, int]]) -> None:
    orders = frame(rows)
    as_of = max(orders["ordered_at"].min().date(), dt.date(2024, 9, 1))
    known = orders[orders["ordered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)].sample(frac=1, random_state=1)
    for kind in ("month", "window"):
        table = retention.cohorts(orders, as_of=as_of, age=kind)
        assert (table["active"].dropna() <= table["customers"][table["active"].notna()]).all()
        assert table.drop_duplicates("cohort")["customers"].sum() == known["customer_id"].nunique()
        pd.testing.assert_frame_equal(table, retention.cohorts(known, as_of=as_of, age=kind))
    curves = retention.curves(orders, as_of=as_of)
    assert (curves["active"] <= curves["customers"]).all()
    pd.testing.assert_frame_equal(curves, retention.curves(known, as_of=as_of))
    hazard = retention.hazard(orders, as_of=as_of).by_age
    assert (hazard["returned"] <= hazard["at_risk"]).all()
    pd.testing.assert_frame_equal(hazard, retention.hazard(known, as_of=as_of).by_age)


FUNCTIONS = [
    retention.cohorts,
    retention.curves,
    retention.repeat_probability,
    retention.hazard,
    retention.first_month,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_errors_say_what_is_wrong(function: Any) -> None:
    with pytest.raises(OpskitError, match="orders has no rows"):
        function(HAND.iloc[:0], as_of=LAST)
    with pytest.raises(OpskitError, match="must be on or after the first order, 2024-01-01"):
        function(HAND, as_of=dt.date(2023, 1, 1))
    with pytest.raises(OpskitError, match="as_of == '2024-12-31', must be a date"):
        function(HAND, as_of="2024-12-31")
    with pytest.raises(OpskitError, match="confidence == 2"):
        function(HAND, as_of=LAST, confidence=2)


@pytest.mark.parametrize(
    "orders",
    [frame([(1, 0)]), frame([(i, i) for i in range(200)]), frame([(1, i) for i in range(0, 300, 7)]), HAND],
    ids=["one order", "one-time buyers", "one customer", "hand"],
)
def test_small_data_give_tables_and_figures(orders: pd.DataFrame) -> None:
    """Each table computes, holds its estimates inside its intervals, and is drawn with a title or a sentence."""
    for as_of in (LAST, dt.date(2024, 1, 1)):
        drawn = [
            retention.plot_cohorts(retention.cohorts(orders, as_of=as_of)),
            retention.plot_cohorts(retention.cohorts(orders, as_of=as_of, age="window"), unit="windows"),
            retention.plot_retention(retention.curves(orders, as_of=as_of)),
            retention.plot_repeat(retention.repeat_probability(orders, as_of=as_of).by_order),
            retention.plot_hazard(retention.hazard(orders, as_of=as_of).by_age),
            retention.plot_growth(customers.growth_accounting(orders, as_of=as_of)),
            retention.plot_intervals(customers.rhythm(orders, as_of=as_of)),
        ]
        for ax in drawn:
            assert ax.get_title(loc="left") or ax.texts
        first = retention.first_month(orders, as_of=as_of)
        assert first.by_orders["further_order_days"].tolist() == ["0", "1", "2", "3+"]
        plt.close("all")


def test_titles_follow_the_table(cdnow: pd.DataFrame) -> None:
    with plt.rc_context():
        ax = retention.plot_repeat(retention.repeat_probability(cdnow, as_of=AS_OF).by_order)
        assert (
            ax.get_title(loc="left").replace("\n", " ")
            == "29.1% order again after the first order, 92.6% after order 10"
        )
        ax = retention.plot_hazard(retention.hazard(cdnow, as_of=AS_OF).by_age)
        assert ax.get_title(loc="left") == "The second order is likeliest in the first 60 days"
        plt.close("all")
