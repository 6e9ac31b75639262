import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import OpskitError, customers, overview, reports
from opskit.stats import _log_mean, contributions

AS_OF = dt.date(2025, 12, 31)
SUMS = ["buyers", "new_buyers", "orders", "new_orders", "gross_revenue", "refund", "net_revenue", "margin"]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")


def shop(*, seed: int = 1, customers: int = 300, start: str = "2024-01-01", end: str = "2025-12-31") -> pd.DataFrame:
    """Customers who arrive evenly and come back at random; some orders are refunded, some lack a margin."""
    rng = np.random.default_rng(seed)
    days = (pd.Timestamp(end) - pd.Timestamp(start)).days + 1
    arrival = rng.integers(0, days, customers)
    arrival[0] = 0  # so that the first month counts as whole
    rows = rng.poisson(3, customers) + 1
    who = np.repeat(np.arange(customers), rows)
    first = np.r_[True, who[1:] != who[:-1]]
    day = np.where(first, arrival[who], np.minimum(arrival[who] + rng.integers(0, 300, len(who)), days - 1))
    revenue = rng.gamma(2, 50, len(who)).round(2)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:04d}" for number in who],
            "ordered_at": pd.Timestamp(start)
            + pd.to_timedelta(day, unit="D")
            + pd.to_timedelta(rng.integers(0, 86400, len(who)), unit="s"),
            "revenue": revenue,
            "refund": np.where(rng.random(len(who)) < 0.1, (revenue / 2).round(2), np.nan),
            "margin": np.where(rng.random(len(who)) < 0.8, (revenue * 0.3).round(2), np.nan),
        }
    )


def orders_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"], format="ISO8601"))


def value(table: pd.DataFrame, metric: str, month: str) -> float:
    rows = table[(table["metric"] == metric) & (table["month"] == pd.Timestamp(month))]
    return float(rows["estimate"].iloc[0])


# --- laws


def test_months_sum_to_the_orders() -> None:
    orders = shop()
    totals = overview.monthly_totals(orders, as_of=AS_OF)
    assert totals["orders"].sum() == len(orders)
    assert totals["new_buyers"].sum() == orders["customer_id"].nunique()
    assert totals["gross_revenue"].sum() == pytest.approx(orders["revenue"].sum(), rel=1e-9)
    assert totals["net_revenue"].sum() == pytest.approx(
        (orders["revenue"] - orders["refund"].fillna(0)).sum(), rel=1e-9
    )
    assert totals["margin_revenue"].sum() == pytest.approx(
        orders.loc[orders["margin"].notna(), "revenue"].sum(), rel=1e-9
    )
    assert (totals["new_buyers"] <= totals["buyers"]).all()
    assert (totals["buyers"] <= totals["orders"]).all()


def test_active_buyers_never_exceed_buyers_to_date() -> None:
    table = overview.trend(overview.monthly_totals(shop(), as_of=AS_OF))
    wide = table.pivot(index="month", columns="metric", values="estimate")
    assert (wide["buyers"] <= wide["buyers_to_date"]).all()
    assert wide["buyers_to_date"].is_monotonic_increasing
    assert wide["buyers_to_date"].iloc[-1] == 300


def test_engines_agree(engine: Any) -> None:
    for count in (
        lambda orders: overview.monthly_totals(orders, as_of=dt.date(2025, 11, 20)),
        lambda orders: overview.period_totals(orders, as_of=AS_OF, months=3, against="year_before"),
    ):
        pd.testing.assert_frame_equal(count(engine(shop())), count(shop()), rtol=1e-9, check_dtype=False)


@pytest.mark.parametrize(
    ("months", "against"), [(12, "previous"), (3, "previous"), (3, "year_before"), (12, "year_before")]
)
def test_the_parts_sum_to_the_change(months: int, against: Any) -> None:
    periods = overview.period_totals(shop(), as_of=AS_OF, months=months, against=against)
    table = overview.drivers(periods)
    total = table.iloc[-1]
    assert table["contribution"].iloc[:-1].sum() == pytest.approx(total["contribution"], rel=1e-9)
    assert total["contribution"] == pytest.approx(total["after"] - total["before"], rel=1e-12)
    assert (table["low"] <= table["contribution"]).all()
    # The levels multiply back to the net revenue of either period.
    levels = table.iloc[:-1].groupby("segment")[["before", "after"]].prod().sum()
    assert levels.to_numpy() == pytest.approx(total[["before", "after"]].to_numpy(float), rel=1e-9)


count = st.integers(0, 500).map(float)


@given(count, count, st.floats(-1e4, 1e6), count, count, st.floats(-1e4, 1e6))
def test_the_parts_of_any_segment_sum_to_its_change(
    b0: float, o0: float, v0: float, b1: float, o1: float, v1: float
) -> None:
    before, after = (b0, b0 + o0, v0 if b0 else 0.0), (b1, b1 + o1, v1 if b1 else 0.0)
    parts = contributions(before, after)
    assert all(map(math.isfinite, parts))
    assert sum(parts) == pytest.approx(after[2] - before[2], rel=1e-6, abs=1e-6)


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9))
def test_the_log_mean_lies_between_geometric_and_arithmetic_mean(a: float, b: float) -> None:
    mean = _log_mean(a, b)
    assert math.sqrt(a * b) * (1 - 1e-9) <= mean <= (a + b) / 2 * (1 + 1e-9)
    assert mean == pytest.approx(_log_mean(b, a), rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_scaling_money_scales_the_parts(seed: int, factor: int) -> None:
    orders = shop(seed=seed, customers=40)
    one = overview.drivers(overview.period_totals(orders, as_of=AS_OF, groups=5))
    more = overview.drivers(
        overview.period_totals(
            orders.assign(revenue=orders["revenue"] * factor, refund=orders["refund"] * factor), as_of=AS_OF, groups=5
        )
    )
    assert more["contribution"].to_numpy() == pytest.approx(one["contribution"].to_numpy() * factor, rel=1e-6, abs=1e-6)


def test_the_orders_are_not_changed() -> None:
    orders = shop()
    before = orders.copy()
    overview.trend(overview.monthly_totals(orders, as_of=AS_OF))
    overview.drivers(overview.period_totals(orders, as_of=AS_OF))
    pd.testing.assert_frame_equal(orders, before)


def test_what_happens_after_as_of_is_invisible() -> None:
    orders, as_of = shop(), dt.date(2025, 3, 31)
    cut = orders[orders["ordered_at"] < pd.Timestamp(2025, 4, 1)]
    pd.testing.assert_frame_equal(
        overview.monthly_totals(orders, as_of=as_of), overview.monthly_totals(cut, as_of=as_of), check_dtype=False
    )


# --- by hand


def test_a_small_table_by_hand() -> None:
    orders = orders_of(
        ("a", "2025-01-02", 10), ("b", "2025-01-20", 20), ("a", "2025-01-31 23:59:59", 30), ("a", "2025-03-05", 40), ("c", "2025-03-09", 5)
    )  # fmt: skip
    table = overview.trend(overview.monthly_totals(orders, as_of=dt.date(2025, 3, 31), from_start=True))
    assert sorted(table["month"].unique()) == [pd.Timestamp(2025, m, 1) for m in (1, 2, 3)]
    assert table["complete"].all()
    assert [value(table, "net_revenue", f"2025-0{m}-01") for m in (1, 2, 3)] == [60, 0, 45]
    assert [value(table, "buyers", f"2025-0{m}-01") for m in (1, 2, 3)] == [2, 0, 2]
    assert [value(table, "buyers_to_date", f"2025-0{m}-01") for m in (1, 2, 3)] == [2, 2, 3]
    assert value(table, "returning_share", "2025-03-01") == 0.5
    assert value(table, "orders_per_buyer", "2025-01-01") == 1.5
    assert math.isnan(value(table, "order_value", "2025-02-01"))
    assert set(table["metric"]).isdisjoint({"refund_share", "margin_rate"})
    assert (table.loc[table["metric"] == "buyers_to_date", "n"] == [2, 2, 3]).all()


def test_refund_and_margin_by_hand() -> None:
    orders = orders_of(("a", "2025-01-02", 100), ("b", "2025-01-20", 100)).assign(
        refund=[50, np.nan], margin=[np.nan, 20]
    )
    table = overview.trend(overview.monthly_totals(orders, as_of=dt.date(2025, 1, 31)))
    assert value(table, "refund_share", "2025-01-01") == 0.25
    assert value(table, "net_revenue", "2025-01-01") == 150
    assert value(table, "margin_rate", "2025-01-01") == 0.2  # of the 100 whose margin is known


def test_periods_by_hand() -> None:
    orders = orders_of(
        ("a", "2024-10-01", 7), ("b", "2025-01-05", 10), ("a", "2025-01-09", 20), ("b", "2025-02-05", 50), ("c", "2025-02-07", 60)
    )  # fmt: skip
    periods = overview.period_totals(orders, as_of=dt.date(2025, 3, 10), months=1)
    assert periods["new_known"].all()
    assert periods["start"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-01-01", "2025-02-01"]
    assert periods["end"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-01-31", "2025-02-28"]
    table = overview.compare(periods).set_index("metric")
    assert table.loc["new_buyers", ["before", "after", "change"]].tolist() == [1, 1, 0]
    assert table.loc["net_revenue", ["before", "after"]].tolist() == [30, 110]
    assert table.loc["net_revenue", "change"] == pytest.approx(110 / 30 - 1)
    assert table.loc["returning_share", "change"] == 0
    parts = overview.drivers(periods)
    # New: 10 -> 60, returning: 20 -> 50, one buyer with one order each: all of it is value per order.
    assert parts["contribution"].tolist() == pytest.approx([0, 0, 50, 0, 0, 30, 80])


# --- what is not whole, and what is not there


def test_a_month_cut_short_is_not_complete() -> None:
    orders = shop(start="2024-01-20", end="2025-12-15")
    totals = overview.monthly_totals(orders, as_of=dt.date(2025, 12, 15))
    whole = totals.groupby("month")["complete"].first()
    assert not whole.iloc[0]
    assert not whole.iloc[-1]
    assert whole.iloc[1:-1].all()
    assert overview.complete_months(totals) == 22
    assert overview.longest_comparison(totals) == (3, "year_before")
    assert overview.longest_comparison(totals[totals["month"] > "2024-09-01"]) == (1, "year_before")
    changes = overview.year_over_year(totals)
    assert changes["month"].min() == pd.Timestamp(2025, 2, 1)
    assert changes["month"].max() == pd.Timestamp(2025, 11, 1)


def test_without_a_year_before_the_change_is_missing() -> None:
    orders = shop(start="2025-01-01")
    periods = overview.period_totals(orders, as_of=AS_OF, months=3, against="year_before")
    table = overview.compare(periods)
    assert table[["before", "change"]].isna().all(axis=None)
    assert table["after"].notna().all()
    assert (table["before_n"] == 0).all()
    assert not overview.compare(overview.period_totals(orders, as_of=AS_OF, months=12))["after"].notna().all()
    with pytest.raises(OpskitError, match="no rows before: the orders do not reach back"):
        overview.drivers(periods)
    assert overview.year_over_year(overview.monthly_totals(orders, as_of=AS_OF)).empty


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(OpskitError, match="months == 12, must be <= 3"):
        overview.period_totals(shop(start="2025-10-01"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="the periods overlap"):
        overview.period_totals(shop(), as_of=AS_OF, months=13, against="year_before")


@pytest.mark.parametrize(
    "orders", [orders_of(("a", "2025-12-24", 10)), orders_of(("a", "2025-12-01", 0), ("a", "2025-12-02", 0))]
)
def test_one_customer(orders: pd.DataFrame) -> None:
    totals = overview.monthly_totals(orders, as_of=AS_OF)
    table = overview.trend(totals)
    assert table[["low", "high"]].isna().all(axis=None)
    assert overview.longest_comparison(totals) == (0, "previous")
    assert overview.plot_trend(table, "net_revenue").get_title(loc="left")
    overview.plot_objectives(table)
    overview.plot_year_over_year(overview.year_over_year(totals), "net_revenue")


def test_no_order_is_refused() -> None:
    with pytest.raises(OpskitError, match="must be on or after the first order"):
        overview.monthly_totals(shop(), as_of=dt.date(2020, 1, 1))
    with pytest.raises(OpskitError, match="orders lacks 'revenue'"):
        overview.monthly_totals(shop().rename(columns={"revenue": "revenu"}), as_of=AS_OF)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(OpskitError, match="metric == 'profit', must be one the table holds"):
        overview.plot_trend(overview.trend(overview.monthly_totals(shop(), as_of=AS_OF)), "profit")


def test_everything_to_date_is_a_period_of_its_own() -> None:
    orders = shop(start="2025-12-05", end="2025-12-20", customers=30)
    periods = overview.period_totals(orders, as_of=dt.date(2025, 12, 20), months=0)
    table = overview.compare(periods).set_index("metric")
    assert table.loc["orders", "after"] == len(orders)
    assert table.loc["buyers", "after"] == 30
    assert math.isnan(table.loc["new_buyers", "after"])
    assert table["change"].isna().all()
    assert periods["start"].unique() == [pd.Timestamp(2025, 12, 5)]
    assert periods["end"].unique() == [pd.Timestamp(2025, 12, 20)]


def test_new_buyers_are_not_known_where_the_orders_begin() -> None:
    orders = shop()
    totals = overview.monthly_totals(orders, as_of=AS_OF)
    table = overview.trend(totals)
    for metric in ("new_buyers", "returning_share"):
        known = table[table["metric"] == metric].set_index("month")["estimate"].notna()
        assert not known[:"2024-03-01"].any()
        assert known["2024-04-01":].all()
    assert table.loc[table["metric"] == "buyers", "estimate"].notna().all()
    yearly = overview.year_over_year(totals).set_index(["metric", "month"])["estimate"]
    assert yearly["new_buyers"][:"2025-03-01"].isna().all()
    assert yearly["new_buyers"]["2025-04-01":].notna().all()
    periods = overview.period_totals(orders, as_of=AS_OF)
    compared = overview.compare(periods).set_index("metric")
    assert compared.loc["new_buyers", ["before", "change"]].isna().all()
    assert compared.loc["new_buyers", "after"] > 0
    assert overview.drivers(periods)["segment"].unique().tolist() == ["all", "total"]
    told = overview.period_totals(orders, as_of=AS_OF, from_start=True)
    assert overview.compare(told)["change"].notna().all()
    split = overview.drivers(told)
    assert split["segment"].unique().tolist() == ["new", "returning", "total"]
    assert split["contribution"].iloc[-1] == overview.drivers(periods)["contribution"].iloc[-1]


# --- decisions


def test_active_share_by_hand(engine: Any) -> None:
    orders = orders_of(
        ("a", "2025-12-01", 1), ("b", "2025-12-22", 1), ("c", "2025-12-21 23:59", 1), ("b", "2025-11-01", 1)
    )
    row = overview.active_share(engine(orders), as_of=AS_OF, within_days=10).iloc[0]
    assert (row["active"], row["n"], row["estimate"]) == (1, 3, 1 / 3)
    assert overview.active_share(orders, as_of=AS_OF, within_days=11)["active"].item() == 2
    with pytest.raises(OpskitError, match="within_days == 0, must be >= 1"):
        overview.active_share(orders, as_of=AS_OF, within_days=0)


@pytest.mark.parametrize("start", ["2024-01-01", "2025-12-20"])
def test_key_figures_are_those_of_the_tables(start: str) -> None:
    orders = shop(start=start)
    totals = overview.monthly_totals(orders, as_of=AS_OF)
    months, against = overview.longest_comparison(totals)
    compared = overview.compare(overview.period_totals(orders, as_of=AS_OF, months=months, against=against))
    active = overview.active_share(orders, as_of=AS_OF, within_days=30)
    measures = customers.concentration(orders, as_of=AS_OF).measures
    table = overview.key_figures(totals, compared, active, measures, currency="CNY").set_index("name")
    assert table.index.is_unique
    assert table.loc["Buyers to date", "value"] == 300
    assert table.loc["Net revenue", "value"] == compared.set_index("metric").loc["net_revenue", "after"]
    assert table.loc["Net revenue", "unit"] == "CNY"
    assert table.loc["Active within one natural interval", "n"] == 300
    reports.headline(table.reset_index())  # refuses what does not fit


def decided(orders: pd.DataFrame, *, from_start: bool = False) -> list[str]:
    periods = overview.period_totals(orders, as_of=AS_OF, from_start=from_start)
    both = periods["period"].nunique() == 2
    return overview.decisions(overview.compare(periods), overview.drivers(periods) if both else None)


def test_decisions_follow_the_numbers() -> None:
    grown = shop(customers=400)  # arrivals are even, and those of the first year stay on
    assert decided(grown)[0].startswith("Net revenue **rose")
    year = shop(start="2023-01-01", end="2023-12-31")
    same = pd.concat([year.assign(ordered_at=year["ordered_at"] + pd.DateOffset(years=years)) for years in range(3)])
    assert "within what chance alone does" in decided(same)[0]
    halved = same[(same["ordered_at"].dt.year < 2025) | (same["customer_id"] < "c0100")]
    assert decided(halved)[0].startswith("Net revenue **fell")
    assert "Work on retention first" in decided(halved)[0]
    assert "no earlier period" in decided(shop(start="2025-01-01"))[0]


def test_a_rate_that_got_worse_is_named() -> None:
    orders = shop()
    worse = orders.assign(refund=np.where(orders["ordered_at"].dt.year == 2025, orders["revenue"] * 0.4, 0.0))
    assert any(line.startswith("**Refund share of gross revenue rose by 40.0 points**") for line in decided(worse))
    assert not any("Refund share" in line for line in decided(worse.assign(refund=0.0)))


# --- intervals


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """Two equal months: the true change is 0 and the value per order 100; 95% of the intervals hold them."""
    hits = {"change": 0, "order value": 0, "orders per buyer": 0}
    for seed in range(400):  # 364 to 393 hits are what a true 95% gives in 400 trials
        rng = np.random.default_rng(seed)
        rate = rng.gamma(1, 1, 2000)  # customers differ, and the same ones buy in both months
        counts = rng.poisson(rate[:, None] * 0.2, (2000, 2))
        who, month = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
        orders = pd.DataFrame(
            {
                "customer_id": who,
                "ordered_at": np.where(month == 0, pd.Timestamp(2025, 1, 2), pd.Timestamp(2025, 2, 2)),
                "revenue": rng.gamma(2, 50, len(who)),
            }
        )
        periods = overview.period_totals(orders, as_of=dt.date(2025, 2, 28), months=1, groups=30)
        table = overview.compare(periods).set_index("metric")
        total = overview.drivers(periods).iloc[-1]
        truth = 0.2 / (1 - 1 / 1.2)
        hits["change"] += total["low"] <= 0 <= total["high"]
        hits["order value"] += table.loc["order_value", "after_low"] <= 100 <= table.loc["order_value", "after_high"]
        hits["orders per buyer"] += (
            table.loc["orders_per_buyer", "after_low"] <= truth <= table.loc["orders_per_buyer", "after_high"]
        )
    assert all(364 <= hit <= 393 for hit in hits.values()), hits


# --- figures


def test_figures_say_what_their_table_says() -> None:
    totals = overview.monthly_totals(shop(), as_of=AS_OF)
    table = overview.trend(totals)
    last = overview.plot_trend(table, "net_revenue", currency="CNY").get_title(loc="left")
    assert "in Dec 2025" in last
    assert "in Dec 2024" in last
    assert "CNY" in last
    drivers = overview.drivers(overview.period_totals(shop(), as_of=AS_OF))
    ax = overview.plot_drivers(drivers)
    words = "rose" if drivers["contribution"].iloc[-1] > 0 else "fell"
    assert words in ax.get_title(loc="left").replace("\n", " ")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["before", "buyers", "orders per buyer", "value per order", "after"]
    assert len(overview.plot_objectives(table)) == 3


def test_a_cut_month_is_shaded_and_hollow() -> None:
    totals = overview.monthly_totals(shop(end="2025-12-10"), as_of=dt.date(2025, 12, 10))
    ax = overview.plot_trend(overview.trend(totals), "net_revenue")
    line, hollow = ax.get_lines()
    assert line.get_xdata()[-1] < hollow.get_xdata()[-1]
    assert [text.get_text() for text in ax.texts if "incomplete" in text.get_text()]
    assert "hollow: not a whole month" in ax.texts[-1].get_text().replace("\n", " ")
