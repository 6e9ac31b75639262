import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit import customers, frames
from opskit.errors import OpskitError

AS_OF = dt.date(1998, 6, 30)  # last day of the CDNOW orders
LAST = dt.date(2024, 6, 20)

row = st.tuples(st.integers(0, 8), st.integers(0, 200), st.integers(0, 50))
histories = st.lists(row, min_size=1, max_size=60)


def frame(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "revenue"])
    time = pd.Timestamp("2023-12-20 09:30") + pd.to_timedelta(table["day"], unit="D")
    return table.assign(ordered_at=time, revenue=table["revenue"].astype(float)).drop(columns="day")


def in_pandas(native: Any) -> pd.DataFrame:
    return frames.collect(frames.lazy(native)).sort_values("customer_id", ignore_index=True)


HAND = frame([(1, 0, 10), (1, 0, 5), (1, 40, 20), (2, 41, 7), (2, 160, 3), (3, 190, 9)])


def test_summary_of_a_hand_sized_table(engine) -> None:
    table = in_pandas(customers.summary(engine(HAND), as_of=LAST))  # day 183: customer 3 is not known yet
    assert table["customer_id"].tolist() == [1, 2]
    expected = {
        "orders": [3, 2],
        "order_days": [2, 2],
        "revenue": [35, 10],
        "days_since_last_order": [143, 23],
        "frequency": [1, 1],
        "recency": [40, 119],
        "T": [183, 142],
    }
    assert table[list(expected)].to_dict("list") == expected
    assert table["first_day"].tolist() == [pd.Timestamp("2023-12-20"), pd.Timestamp("2024-01-30")]


def test_summary_comes_back_as_the_kind_that_went_in(engine) -> None:
    orders = engine(HAND)
    assert type(customers.summary(orders, as_of=LAST)) is type(orders)


def test_summary_of_cdnow_equals_pandas_group_by(engine, cdnow: pd.DataFrame) -> None:
    table = in_pandas(customers.summary(engine(cdnow), as_of=AS_OF)).set_index("customer_id")
    by = cdnow.groupby("customer_id")
    assert len(table) == 2357
    assert table["orders"].sum() == 6919  # Fader & Hardie's file
    assert table["revenue"].sum() == pytest.approx(244_091.94)
    np.testing.assert_allclose(table["revenue"], by["revenue"].sum(), rtol=1e-9)
    assert table["order_days"].tolist() == by["ordered_at"].nunique().tolist()
    assert table["T"].tolist() == (pd.Timestamp(AS_OF) - by["ordered_at"].min()).dt.days.tolist()


def test_growth_of_a_hand_sized_table(engine) -> None:
    table = customers.growth_accounting(engine(HAND), as_of=LAST)
    assert table["month"].dt.strftime("%Y-%m").tolist() == [
        "2023-12", "2024-01", "2024-02", "2024-03", "2024-04", "2024-05", "2024-06",
    ]  # fmt: skip
    assert table["new"].tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert table["retained"].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert table["resurrected"].tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert table["churned"].fillna(-1).tolist() == [0, 0, 2, 0, 0, 0, -1]
    assert table["complete"].tolist() == [True] * 6 + [False]
    assert table["quick_ratio"].isna().tolist() == [True, True, False, True, True, True, True]


def test_a_week_starts_on_monday(engine) -> None:
    orders = frame([(1, 4, 1), (1, 5, 1)])  # Sunday 24 and Monday 25 December 2023
    table = customers.growth_accounting(engine(orders), as_of=dt.date(2023, 12, 30), period="week")
    assert table["week"].tolist() == [pd.Timestamp("2023-12-18"), pd.Timestamp("2023-12-25")]
    assert table["retained"].tolist() == [0, 1]
    assert table["complete"].tolist() == [True, False]


@settings(max_examples=40, deadline=None)
@given(histories, st.sampled_from(["month", "week"]))
def test_growth_accounts_for_everybody(rows: list[tuple[int, int, int]], period: str) -> None:
    orders = frame(rows)
    as_of = orders["ordered_at"].max().date()
    table = customers.growth_accounting(orders, as_of=as_of, period=period)
    assert (table["new"] + table["retained"] + table["resurrected"] == table["active"]).all()
    lost = table["retained"] + table["churned"] == table["active"].shift(fill_value=0)
    assert lost[table["complete"]].all()
    assert table["new"].sum() == orders["customer_id"].nunique()
    naive = orders.groupby(orders["ordered_at"].dt.to_period("M" if period == "month" else "W-SUN"))
    counts = naive["customer_id"].nunique()
    assert table.loc[table["active"] > 0, "active"].tolist() == counts.tolist()


@settings(max_examples=6, deadline=None)
@given(histories, st.randoms())
def test_order_of_rows_and_later_orders_change_nothing(rows: list[tuple[int, int, int]], random: Any) -> None:
    orders = frame(rows)
    as_of = orders["ordered_at"].min().date() + dt.timedelta(90)
    shuffled = orders.sample(frac=1, random_state=random.randrange(1000))
    known = shuffled[shuffled["ordered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    for compute in (customers.growth_accounting, lambda *a, **k: customers.rhythm(*a, **k).curve):
        pd.testing.assert_frame_equal(compute(orders, as_of=as_of), compute(known, as_of=as_of))
    pd.testing.assert_frame_equal(
        in_pandas(customers.summary(orders, as_of=as_of)), in_pandas(customers.summary(known, as_of=as_of))
    )


def test_activity_beyond_52_weeks_is_exact(engine) -> None:
    orders = frame([(customer, day, 1) for customer in range(4) for day in range(customer, 1200, 7 * (customer + 1))])
    as_of = orders["ordered_at"].max().date()
    history = customers.activity(engine(orders), as_of=as_of, period="week")
    assert history.active.shape == (4, 172)
    assert sorted(history.active.sum(axis=1).tolist()) == [43, 58, 86, 172]


def test_quick_ratio_holds_its_interval() -> None:
    table = customers.growth_accounting(HAND, as_of=LAST).dropna(subset="quick_ratio")
    assert (table["quick_ratio_low"] <= table["quick_ratio"]).all()
    assert (table["quick_ratio"] <= table["quick_ratio_high"]).all()


def test_concentration_of_cdnow(engine, cdnow: pd.DataFrame) -> None:
    # CDNOW sample, full 18 months: figures of REFERENCE, from the published transactions
    measures, classes, lorenz = customers.concentration(engine(cdnow), as_of=AS_OF)
    estimate = measures.set_index("measure")["estimate"]
    assert estimate["top 10%"] == pytest.approx(0.50807, abs=5e-6)
    assert estimate["top 20%"] == pytest.approx(0.67402, abs=5e-6)
    assert estimate["gini"] == pytest.approx(0.63092, abs=5e-6)
    assert classes["customers"].tolist() == [777, 801, 779]
    assert len(lorenz) <= 200
    assert lorenz.iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, pytest.approx(1)]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=2, max_size=40))
def test_gini_is_the_mean_difference(revenue: list[int]) -> None:
    orders = frame([(i, 0, value) for i, value in enumerate(revenue)])
    measures = customers.concentration(orders, as_of=LAST).measures.set_index("measure")
    x = np.array(revenue, dtype=float)
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    assert measures.loc["gini", "estimate"] == pytest.approx(expected, abs=1e-12)


def test_classes_take_in_the_customer_that_crosses() -> None:
    orders = frame([(1, 0, 79), (2, 0, 2), (3, 0, 14), (4, 0, 5)])
    classes = customers.concentration(orders, as_of=LAST).classes
    assert classes["customers"].tolist() == [2, 1, 1]  # 79 + 14 crosses 80; 98 crosses 95


def coverage(simulations: int) -> dict[str, int]:
    """Log-normal revenue: Gini erf(sigma / 2); the top tenth holds 1 - Phi(z.9 - sigma)."""
    from scipy.special import erf, ndtr, ndtri

    truth = {"gini": erf(0.8 / 2), "top 10%": 1 - ndtr(ndtri(0.9) - 0.8)}
    hits = dict.fromkeys(truth, 0)
    for seed in range(simulations):
        revenue = np.exp(np.random.default_rng(seed).normal(3, 0.8, 2000))
        orders = pd.DataFrame(
            {"customer_id": range(2000), "ordered_at": pd.Timestamp("2024-01-01"), "revenue": revenue}
        )
        measures = customers.concentration(orders, as_of=LAST, top_shares=[0.1]).measures.set_index("measure")
        for name, value in truth.items():
            hits[name] += int(measures.loc[name, "low"] <= value <= measures.loc[name, "high"])
    return hits


def test_concentration_covers_the_truth_quickly() -> None:
    assert min(coverage(40).values()) >= 34


@pytest.mark.slow
def test_concentration_covers_the_truth() -> None:
    assert {name: hits for name, hits in coverage(400).items() if not 364 <= hits <= 393} == {}


def test_gaps_of_a_hand_sized_table(engine) -> None:
    late_first = HAND.sort_values("ordered_at", ascending=False)
    table = frames.collect(customers.gaps(engine(late_first), as_of=LAST)).sort_values(["customer_id", "order_number"])
    assert table[["customer_id", "order_number", "returned", "days"]].values.tolist() == [
        [1, 1, True, 40], [1, 2, False, 143], [2, 1, True, 119], [2, 2, False, 23],
    ]  # fmt: skip


def test_rhythm_of_cdnow_equals_statsmodels(engine, cdnow: pd.DataFrame) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    days = cdnow[["customer_id", "ordered_at"]].drop_duplicates().sort_values(["customer_id", "ordered_at"])
    following = days.groupby("customer_id")["ordered_at"].shift(-1)
    length = (following.fillna(pd.Timestamp(AS_OF)) - days["ordered_at"]).dt.days
    theirs = SurvfuncRight(length[length > 0], following.notna()[length > 0].astype(int))
    share = pd.Series(1 - theirs.surv_prob, theirs.surv_times).loc[:365]
    found = customers.rhythm(engine(cdnow), as_of=AS_OF)
    interval = found.interval.set_index("measure")
    assert interval.loc["returning_share", "estimate"] == pytest.approx(share.iloc[-1], abs=1e-12)
    assert interval.loc["natural_interval", "estimate"] == (share >= share.iloc[-1] / 2).idxmax()
    np.testing.assert_allclose(found.curve.set_index("days")["returned"].loc[share.index], share, atol=1e-12)


def planted_rhythm(seed: int, customers_n: int = 800) -> pd.DataFrame:
    """Half of the customers come back after exponential gaps of their own mean; the others never do."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers_n):
        day, mean = rng.integers(0, 400), rng.choice([20.0, 60.0])
        while day < 800:
            rows.append((customer, int(day), 1))
            if rng.random() < 0.35:
                break
            day += np.ceil(rng.exponential(mean))
    return frame(rows)


def rhythm_hits(simulations: int) -> int:
    as_of = dt.date(2023, 12, 20) + dt.timedelta(800)
    days = np.arange(1, 366)
    # Gaps until leaving are as many for quick customers as for slow ones: the pooled gap is an even mixture.
    share = 0.5 * (1 - np.exp(-days / 20)) + 0.5 * (1 - np.exp(-days / 60))
    truth = days[share >= share[-1] / 2][0]
    hits = 0
    for seed in range(simulations):
        found = customers.rhythm(planted_rhythm(seed), as_of=as_of).interval.iloc[0]
        hits += int(found["low"] <= truth <= found["high"])
    return hits


def test_natural_interval_covers_the_truth_quickly() -> None:
    assert rhythm_hits(5) >= 4


@pytest.mark.slow
def test_natural_interval_covers_the_truth() -> None:
    assert rhythm_hits(100) >= 88


def test_one_time_buyers_have_no_rhythm() -> None:
    found = customers.rhythm(frame([(i, i, 5) for i in range(100)]), as_of=LAST)
    assert found.interval[["estimate", "low", "high"]].isna().all(axis=None)
    assert (found.curve["returned"] == 0).all()


def test_one_order_is_enough_to_compute(engine) -> None:
    orders = engine(frame([(1, 0, 5)]))
    assert in_pandas(customers.summary(orders, as_of=LAST))["orders"].tolist() == [1]
    assert customers.growth_accounting(orders, as_of=LAST)["new"].sum() == 1
    measures = customers.concentration(orders, as_of=LAST).measures
    assert measures[["low", "high"]].isna().all(axis=None)
    assert customers.rhythm(orders, as_of=LAST).interval["estimate"].isna().all()


FUNCTIONS = [customers.summary, customers.growth_accounting, customers.concentration, customers.rhythm, customers.gaps]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_errors_say_what_is_wrong(engine, function: Any) -> None:
    with pytest.raises(OpskitError, match="orders has no rows"):
        function(engine(HAND.iloc[:0]), as_of=LAST)
    with pytest.raises(OpskitError, match="as_of == 2020-01-01, must be on or after the first order, 2023-12-20"):
        function(engine(HAND), as_of=dt.date(2020, 1, 1))
    with pytest.raises(OpskitError, match="as_of == '2024-06-20', must be a date"):
        function(engine(HAND), as_of="2024-06-20")
    with pytest.raises(OpskitError, match="orders lacks 'customer_id'"):
        function(engine(HAND.rename(columns={"customer_id": "buyer"})), as_of=LAST)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(OpskitError, match="period == 'year'"):
        customers.growth_accounting(HAND, as_of=LAST, period="year")
    with pytest.raises(OpskitError, match=r"share == 1\.5"):
        customers.concentration(HAND, as_of=LAST, top_shares=[1.5])
    with pytest.raises(OpskitError, match="revenue adds up to 0"):
        customers.concentration(HAND.assign(revenue=0.0), as_of=LAST)
    with pytest.raises(OpskitError, match="horizon_days == 0"):
        customers.rhythm(HAND, as_of=LAST, horizon_days=0)


def test_dates_without_a_time_and_a_datetime_as_of(cdnow: pd.DataFrame) -> None:
    import polars as pl

    dates = pl.from_pandas(HAND).with_columns(pl.col("ordered_at").cast(pl.Date))
    as_of = dt.datetime(2024, 6, 20, 23, 59)
    pd.testing.assert_frame_equal(
        customers.growth_accounting(dates, as_of=as_of), customers.growth_accounting(HAND, as_of=LAST)
    )
