import datetime as dt
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import stats
from opskit.errors import OpskitError
from opskit.monetization import revenue_streams as rs

LAST = dt.date(2024, 3, 31)
ORDERS = pd.DataFrame(
    {
        "customer_id": ["A", "A", "B", "A", "C"],
        "ordered_at": pd.to_datetime(["2024-01-02", "2024-01-20", "2024-01-31", "2024-02-01", "2024-03-31"]),
        "revenue": [10.0, 20.0, 30.0, 40.0, 50.0],
        "refund": [0.0, 5.0, 0.0, 0.0, 0.0],
    }
)
BOOKINGS = pd.DataFrame(
    {
        "booked_at": pd.to_datetime(
            ["2024-01-05", "2024-02-05", "2024-02-06", "2024-03-05", "2024-03-06", "2024-03-07"]
        ),
        "stream": ["ads", "ads", "commission", "commission", "plus", "plus"],
        "side": ["back", "back", "back", "back", "front", "front"],
        "amount": [6.0, 4.0, 2.0, 3.0, 9.0, -9.0],
        "customer_id": [None, None, "A", "D", "A", "A"],
        "gross_amount": [np.nan, np.nan, 20.0, 20.0, np.nan, np.nan],
        "impressions": [1000.0, 1000.0, np.nan, np.nan, np.nan, np.nan],
    }
)
EVENTS = pd.DataFrame(
    {
        "customer_id": ["A", "B", "E", "E"],
        "occurred_at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-02", "2024-03-01"]),
    }
)


def cell(table: pd.DataFrame, metric: str, side: str = "all", stream: str = "all streams", month: str = "") -> Any:
    rows = rs.figure(table, metric, side=side, stream=stream)
    (row,) = [row for _, row in (rows[rows["month"] == month] if month else rows).iterrows()]
    return row


def shop(rows: list[tuple[int, int, int, float]], months: int = 6) -> rs.Totals:
    """Customer, month, stream and amount: stream 0 are orders, 1 fees with a gross amount, 2 advertising, 3 a back fee."""
    table = pd.DataFrame(rows, columns=["customer_id", "month", "kind", "amount"])
    start = pd.DatetimeIndex([pd.Timestamp(2024 + month // 12, month % 12 + 1, 5) for month in table["month"]])
    table["booked_at"] = start
    orders = table[table["kind"] == 0].rename(columns={"booked_at": "ordered_at", "amount": "revenue"})
    other = table[table["kind"] > 0].reset_index(drop=True)
    kind = other["kind"].to_numpy()
    other["stream"] = np.array(["", "fee", "ads", "other fee"], dtype=object)[kind]
    other["side"] = np.where(kind == 1, "front", "back")
    other["gross_amount"] = np.where(kind != 2, 10 * other["amount"].abs() + kind, np.nan)
    other["impressions"] = np.where(kind == 2, 1000.0, np.nan)
    other["customer_id"] = other["customer_id"].astype("float64").where(kind != 2)
    orders["customer_id"] = orders["customer_id"].astype("float64")
    last = pd.Timestamp(2024 + months // 12, months % 12 + 1, 1) - pd.Timedelta(days=1)
    given = {"orders": orders, "bookings": other}
    return rs.monthly_totals(**{k: v for k, v in given.items() if len(v)}, as_of=last.date())


def test_hand_table_on_every_engine(engine) -> None:
    totals = rs.monthly_totals(engine(ORDERS), engine(BOOKINGS), engine(EVENTS), as_of=LAST)
    assert totals.active == "customers with any event, order or booking in the month"
    table = rs.monthly(totals)
    january, march = {"month": "2024-01-01"}, {"month": "2024-03-01"}
    assert cell(table, "revenue", "front", "product sales", **january)["estimate"] == 55  # a refund is taken off
    assert cell(table, "payers", "front", "product sales", **january)["estimate"] == 2
    assert cell(table, "paying_rate", **january)["estimate"] == 1
    assert cell(table, "paying_rate", month="2024-02-01")["estimate"] == pytest.approx(1 / 3)  # A of A, B and E
    assert cell(table, "take_rate", **march)["estimate"] == pytest.approx(3 / 20)
    assert cell(table, "ecpm", month="2024-02-01")["estimate"] == 4
    assert cell(table, "arpu", **march)["estimate"] == pytest.approx(53 / 4)  # A, C, D and E; plus is corrected to 0
    assert cell(table, "payers", "front", "plus", **march)["estimate"] == 1  # a correction does not unmake the payer
    assert cell(table, "share", "back", **march)["estimate"] == pytest.approx(3 / 53)
    year = rs.recent(totals, months=12)
    assert cell(year, "revenue")["estimate"] == 160
    assert cell(year, "ecpm", "back", "ads")["estimate"] == 5
    assert cell(year, "payers", "back", "ads")[["estimate", "low"]].isna().all()


def test_engines_agree_to_the_last_digit(engine) -> None:
    totals = rs.monthly_totals(engine(ORDERS), engine(BOOKINGS), engine(EVENTS), as_of=LAST)
    expected = rs.monthly_totals(ORDERS, BOOKINGS, EVENTS, as_of=LAST)
    keys = ["month", "side", "stream", "group"]
    found, wanted = (one.sums.sort_values(keys, ignore_index=True) for one in (totals, expected))
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=1e-9)


def test_orders_or_bookings_alone_are_enough(engine) -> None:
    totals = rs.monthly_totals(engine(ORDERS), as_of=LAST)
    assert totals.active == "customers with an order or booking so far"
    assert cell(rs.monthly(totals), "paying_rate", month="2024-03-01")["estimate"] == pytest.approx(1 / 3)
    totals = rs.monthly_totals(bookings=engine(BOOKINGS), as_of=LAST)
    assert set(totals.sums["stream"]) == {"ads", "commission", "plus", "all streams"}
    nameless = engine(BOOKINGS[["booked_at", "stream", "side", "amount"]])
    totals = rs.monthly_totals(bookings=nameless, as_of=LAST)
    assert totals.active == "nobody: no row names a customer"
    table = rs.recent(totals)
    assert cell(table, "revenue")["estimate"] == 15
    assert (
        table.loc[table["metric"].isin(["paying_rate", "arpu", "arppu", "take_rate", "ecpm"]), "estimate"].isna().all()
    )


def test_ids_of_two_kinds_are_compared_as_text() -> None:
    orders = ORDERS.assign(customer_id=[1, 1, 2, 1, 3])
    bookings = BOOKINGS.assign(customer_id=[None, None, "1", "4", "1", "1"])
    march = cell(rs.monthly(rs.monthly_totals(orders, bookings, as_of=LAST)), "paying_rate", month="2024-03-01")
    assert march["estimate"] == pytest.approx(3 / 4)  # 1, 3 and 4 of four customers


def test_small_streams_are_put_together_and_nothing_is_lost() -> None:
    many = pd.concat([BOOKINGS.assign(stream=f"s{i}", amount=BOOKINGS["amount"] * (i + 1)) for i in range(9)])
    totals = rs.monthly_totals(bookings=many, as_of=LAST, max_streams=3)
    names = set(totals.sums["stream"]) - {"all streams"}
    assert {"other back", "other front"} <= names
    total = totals.sums[totals.sums["side"] == "all"]["amount"].sum()
    assert total == pytest.approx(many["amount"].sum())


def test_months_that_are_not_whole_are_marked() -> None:
    table = rs.monthly(rs.monthly_totals(ORDERS[ORDERS["ordered_at"] > "2024-01-15"], as_of=dt.date(2024, 3, 30)))
    assert table.groupby("month")["complete"].first().tolist() == [False, True, False]


amounts = st.floats(-50, 200).map(lambda value: round(value, 2))
histories = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 3), amounts), min_size=1, max_size=40
)


@settings(max_examples=10, deadline=None)
@given(histories)
def test_laws(rows: list[tuple[int, int, int, float]]) -> None:
    totals = shop(rows)
    money = totals.sums.groupby(["month", "side", "stream"])["amount"].sum().unstack("month")
    single = money[money.index.get_level_values("stream") != "all streams"]
    np.testing.assert_allclose(single.sum(), money.loc[("all", "all streams")], atol=1e-9)
    table = rs.monthly(totals)
    share = table[(table["metric"] == "share") & (table["stream"] != "all streams")].groupby("month")["estimate"]
    assert np.isclose(share.sum(min_count=1).dropna(), 1).all()
    rate = table[table["metric"] == "paying_rate"]["estimate"].dropna()
    assert rate.between(0, 1).all()
    months, against = rs.longest_comparison(totals)
    changes = rs.changes(totals, months=months, against=against)
    if months:
        total = changes.iloc[-1]
        assert changes["contribution"].iloc[:-1].sum() == pytest.approx(total["contribution"], abs=1e-6)
        assert total["contribution"] == pytest.approx(total["after"] - total["before"], abs=1e-6)
        points = rs.take_rates(totals, months=months, against=against)
        if len(points):
            whole = points.iloc[-1]
            moved = whole["rate_after"] - whole["rate_before"]
            assert whole["rate_effect"] + whole["mix_effect"] == pytest.approx(moved, abs=1e-9)
    by_month = rs.monthly_changes(totals).groupby("month")["contribution"].sum()
    complete = totals.sums.groupby("month")["complete"].first()
    revenue = money.loc[("all", "all streams")][complete]
    for earlier, later in pairwise(revenue.index):
        assert by_month[later] == pytest.approx(revenue[later] - revenue[earlier], abs=1e-6)


levels = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e6)), min_size=3, max_size=3)


@given(levels, levels, st.floats(-1e5, 1e6), st.floats(-1e5, 1e6))
def test_any_chain_is_split_exactly(b: list[float], a: list[float], amount0: float, amount1: float) -> None:
    """Zeros, streams that appear or vanish, and negative amounts included."""
    parts = stats.contributions([*b, amount0], [*a, amount1])
    assert np.isfinite(parts).all()
    assert sum(parts) == pytest.approx(amount1 - amount0, rel=1e-6, abs=1e-5 * max(abs(amount0), abs(amount1), 1))


def test_a_chain_by_hand() -> None:
    # nobody more, twice as often, half the value: two parts that cancel
    assert stats.contributions([10, 10, 100], [10, 20, 100]) == pytest.approx([0, 100 * np.log(2), -100 * np.log(2)])
    assert stats.contributions([5, 0, 0], [9, 3, 30]) == [0, 30, 0]  # a stream that begins is adoption
    with pytest.raises(OpskitError, match="before has 2 levels and after 1"):
        stats.contributions([1, 2], [1])


def test_rates_and_mix_by_hand() -> None:
    """Rates stay at 10% and 2%, gross moves from 50:50 to 20:80: all is mix. Then one rate rises: all is rate."""
    rows = []
    for month, dear, cheap, rate in ((1, 50, 50, 0.1), (2, 20, 80, 0.1), (3, 20, 80, 0.2)):
        rows += [(month, "dear", dear, rate * dear), (month, "cheap", cheap, 0.02 * cheap)]
    table = pd.DataFrame(rows, columns=["m", "stream", "gross_amount", "amount"])
    table["booked_at"] = pd.to_datetime([f"2024-0{month}-03" for month in table["m"]])
    table = table.assign(side="back", customer_id=range(len(table)))
    february = rs.take_rates(rs.monthly_totals(bookings=table, as_of=dt.date(2024, 2, 29)), months=1).iloc[-1]
    assert [february["rate_effect"], february["mix_effect"]] == pytest.approx([0, 0.036 - 0.06], abs=1e-12)
    march = rs.take_rates(rs.monthly_totals(bookings=table, as_of=dt.date(2024, 3, 31)), months=1).iloc[-1]
    assert [march["rate_effect"], march["mix_effect"]] == pytest.approx([0.02, 0], abs=1e-12)


def steady(months: int = 24) -> rs.Totals:
    rows = [(who, month, 0, 20.0) for month in range(months) for who in range(5)]
    rows += [(who, month, 1, 3.0) for month in range(months) for who in range(2)]
    return shop([*rows, *((0, month, 2, 7.0) for month in range(months))], months)


@pytest.mark.parametrize("months", [6, 12, 24, 36])
def test_without_variation_the_scenario_is_a_point(months: int) -> None:
    made = rs.scenario(steady(months))
    total = made.revenue.iloc[-1]
    assert total[["centre", "median", "low", "high"]].tolist() == pytest.approx([12 * 113.0] * 4)
    assert (made.drivers["swing"] == 0).all()
    checked = rs.backtest(steady(months))
    assert checked.empty if months < 12 else checked["actual"].tolist() == pytest.approx(checked["median"].tolist())


def test_the_scenario_follows_growth_and_season() -> None:
    """36 months, customers x 1.03 a month, doubled in November: the coming year is near what the rule gives."""
    rng = np.random.default_rng(3)
    rows = [
        (who, month, 0, float(rng.lognormal(3, 0.3)) * (2 if month % 12 == 10 else 1))
        for month in range(36)
        for who in rng.choice(2000, int(100 * 1.03**month), replace=False)
    ]
    made = rs.scenario(shop(rows, 36), seed=1)
    value = made.drivers.set_index("driver").loc["value per order"]
    assert value["basis"] == "same months a year earlier"
    expected = sum(np.exp(3.045) * (2 if month % 12 == 10 else 1) * 100 * 1.03**month for month in range(36, 48))
    total = made.revenue.iloc[-1]
    assert total["low"] < expected < total["high"]
    assert made.by_month["median"].idxmax() == 10


def test_draws_keep_dependence_and_follow_the_seed() -> None:
    """Paying rate and value move against each other in every month: together they move revenue less than alone."""
    rng = np.random.default_rng(5)
    rows = []
    for month in range(24):
        payers = int(rng.integers(20, 60))
        rows += [(who, month, 0, 4000.0 / payers) for who in range(payers)]
    totals = shop([*rows, *((who, month, 1, 1e-6) for month in range(24) for who in range(60))], 24)
    made = rs.scenario(totals)
    total = made.revenue.iloc[-1]
    assert total["high"] - total["low"] < 0.2 * made.drivers["swing"].max()
    pd.testing.assert_frame_equal(made.revenue, rs.scenario(totals).revenue)


def test_the_tree_multiplies() -> None:
    made = rs.scenario(steady())
    tree = rs.tree(made)
    assert tree["moved"].iloc[0] == tree["revenue"].iloc[0]
    assert tree[tree["depth"] == 1]["revenue"].sum() == pytest.approx(tree["revenue"].iloc[0])
    raised = rs.tree(made, stream="fee", driver="take rate", by=0.5)
    fee = raised[(raised["depth"] == 2) & (raised["stream"] == "fee")].iloc[0]
    assert fee["moved"] == pytest.approx(1.5 * fee["revenue"])
    assert raised["moved"].iloc[0] - raised["revenue"].iloc[0] == pytest.approx(0.5 * fee["revenue"])
    customers = rs.tree(made, stream="all streams", driver="active customers", by=-0.1).iloc[0]
    assert customers["moved"] == pytest.approx(0.9 * customers["revenue"])
    with pytest.raises(OpskitError, match=r"name no driver; there are .*take rate"):
        rs.tree(made, stream="fee", driver="price")


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(OpskitError, match="needs at least one of the two tables"):
        rs.monthly_totals(as_of=LAST)
    with pytest.raises(OpskitError, match="must be on or after the first order or booking"):
        rs.monthly_totals(ORDERS, as_of=dt.date(2020, 1, 1))
    with pytest.raises(OpskitError, match="side 'middle', must be 'front' or 'back'"):
        rs.monthly_totals(bookings=BOOKINGS.assign(side="middle"), as_of=LAST)
    with pytest.raises(OpskitError, match="bookings never repeat them"):
        rs.monthly_totals(ORDERS, BOOKINGS.assign(stream="product sales"), as_of=LAST)
    with pytest.raises(OpskitError, match="bookings lacks 'amount'"):
        rs.monthly_totals(bookings=BOOKINGS.drop(columns="amount"), as_of=LAST)
    totals = rs.monthly_totals(ORDERS, BOOKINGS, as_of=LAST)
    with pytest.raises(OpskitError, match="needs 24 complete months; there are 3"):
        rs.changes(totals)
    with pytest.raises(OpskitError, match="No calendar month is complete"):
        rs.recent(rs.monthly_totals(ORDERS, as_of=dt.date(2024, 1, 30)))
    with pytest.raises(OpskitError, match="confidence == 2"):
        rs.monthly(totals, confidence=2)


DEGENERATE = {
    "one month": [(1, 0, 0, 10.0)],
    "one customer": [(1, month, 0, 10.0 + month) for month in range(6)],
    "zero revenue": [(who, month, 0, 0.0) for month in range(6) for who in range(3)],
    "corrections only": [(1, month, 1, -5.0) for month in range(6)],
    "a stream that begins late": [(1, month, 0, 9.0) for month in range(6)] + [(2, 5, 3, 4.0)],
    "advertising only": [(1, month, 2, 9.0) for month in range(6)],
}


@pytest.mark.parametrize("rows", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_small_data_give_tables_sentences_and_figures(rows: Any) -> None:
    totals = shop(rows, 1 if len(rows) == 1 else 6)
    monthly, recent, made = rs.monthly(totals), rs.recent(totals), rs.scenario(totals)
    months, against = rs.longest_comparison(totals)
    changes = rs.changes(totals, months=months, against=against)
    points = rs.take_rates(totals, months=months, against=against)
    drawn = [
        rs.plot_mix(monthly),
        rs.plot_rates(monthly, "paying_rate"),
        rs.plot_rates(monthly, "take_rate"),
        rs.plot_changes(changes),
        rs.plot_take_rate(points),
        rs.plot_scenario(made),
        rs.plot_tornado(made),
        rs.plot_tree(rs.tree(made)),
    ]
    assert all(ax.get_title(loc="left") or ax.texts for ax in drawn)
    plt.close("all")
    figures = rs.key_figures(recent, changes, points, made, months=1, history=6)
    known = figures.dropna(subset="low")
    assert (known["low"] <= known["value"] + 1e-9).all()
    assert (known["value"] <= known["high"] + 1e-9).all()
    lines = rs.decisions(recent, changes, points, made, rs.backtest(totals))
    assert lines
    assert not any("nan" in line or "–" in line for line in lines)


def test_cdnow_has_one_stream(cdnow: pd.DataFrame) -> None:
    totals = rs.monthly_totals(cdnow, as_of=dt.date(1998, 6, 30))
    june = cdnow[cdnow["ordered_at"] >= "1998-06-01"]
    row = cell(rs.monthly(totals), "paying_rate", month="1998-06-01")
    assert row["estimate"] == june["customer_id"].nunique() / cdnow["customer_id"].nunique()
    year = rs.recent(totals)
    assert cell(year, "revenue")["estimate"] == pytest.approx(
        cdnow[cdnow["ordered_at"] >= "1997-07-01"]["revenue"].sum()
    )
    assert cell(year, "share", "front")["estimate"] == 1
    assert rs.take_rates(totals, months=3, against="year_before").empty
    assert rs.backtest(totals)["inside"].all()


def test_titles_say_what_the_table_shows() -> None:
    totals = steady()
    ax = rs.plot_changes(rs.changes(totals))
    assert ax.get_title(loc="left").startswith("Revenue rose by 0")
    assert "back-end in the last 12 months" in rs.plot_mix(rs.monthly(totals)).get_title(loc="left").replace("\n", " ")
    plt.close("all")
