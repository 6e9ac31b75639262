"""Retention of actions other than orders, and stickiness in natural intervals."""

import datetime as dt

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import customers, frames
from opskit.errors import OpskitError
from opskit.loyalty import retention

START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)  # day 365
NAMES = ("visit", "pay")

histories = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 365), st.integers(0, 1)), min_size=1, max_size=60)


def log(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "event"])
    times = START + pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(event=[NAMES[i] for i in table["event"]], occurred_at=times)


def orders(rows: list[tuple[int, int]]) -> pd.DataFrame:
    return log([(customer, day, 0) for customer, day in rows]).rename(columns={"occurred_at": "ordered_at"})


HAND = log([(1, 0, 0), (1, 0, 0), (1, 8, 0), (1, 40, 1), (2, 0, 1), (2, 3, 0), (2, 33, 0), (3, 31, 0)])


def test_only_the_chosen_action_counts(engine) -> None:
    visits = retention.occasions(engine(HAND))
    assert type(visits) is type(engine(HAND))
    table = retention.cohorts(visits, as_of=LAST)
    january = table[table["cohort"] == "2024-01-01"].set_index("age")
    assert january.loc[[0, 1, 2], "active"].tolist() == [2, 1, 0]
    curves = retention.curves(visits, as_of=LAST, days=(1, 8, 30), window_days=7, follow_up_days=60)
    # first visits on days 0, 3 and 31; the returns are at ages 8 and 30
    assert {(row.kind, row.day): row.active for row in curves.itertuples()} == {
        ("window", 1): 0, ("window", 8): 1, ("window", 30): 1,
        ("rolling", 1): 0, ("rolling", 8): 1, ("rolling", 30): 2,
        ("unbounded", 1): 2, ("unbounded", 8): 2, ("unbounded", 30): 1,
    }  # fmt: skip
    anything = retention.cohorts(retention.occasions(engine(HAND), event="any"), as_of=LAST)
    assert anything[anything["cohort"] == "2024-01-01"].set_index("age").loc[[0, 1], "active"].tolist() == [2, 2]


def test_visits_are_read_as_orders_are(engine) -> None:
    """The same rows as orders and as visits give the same tables, other actions in between or not."""
    rng = np.random.default_rng(1)
    rows = [(int(c), int(d), 0) for c, d in zip(rng.integers(0, 40, 300), rng.integers(0, 366, 300), strict=True)]
    visits = retention.occasions(engine(log(rows + [(c, d, 1) for c, d, _ in rows[::3]])), event="visit")
    same = engine(orders([(c, d) for c, d, _ in rows]))
    for function in (retention.cohorts, retention.curves, customers.growth_accounting):
        pd.testing.assert_frame_equal(function(visits, as_of=LAST), function(same, as_of=LAST))


def test_events_say_what_they_lack(engine) -> None:
    with pytest.raises(
        OpskitError, match=r"event == 'vist', must be one of 'pay', 'visit', 'any'\. Did you mean 'visit'"
    ):
        retention.occasions(engine(HAND), event="vist")
    with pytest.raises(OpskitError, match="events lacks 'occurred_at'"):
        retention.occasions(engine(HAND.rename(columns={"occurred_at": "at"})))
    assert retention.usual_event(engine(HAND)) == "visit"
    assert retention.usual_event(engine(HAND[HAND["event"] == "pay"])) == "any"
    assert retention.usual_event(engine(HAND.iloc[:0])) == ""


@settings(max_examples=10, deadline=None)
@given(histories)
def test_later_events_change_nothing_and_nobody_gets_lost_in_the_count(rows: list[tuple[int, int, int]]) -> None:
    """Retained and churned are last month's active; events after as_of, however many, leave every table as it was."""
    events = log([*rows, (0, 0, 0)])
    as_of = dt.date(2024, 9, 1)
    known = events[events["occurred_at"] < pd.Timestamp("2024-09-02")].sample(frac=1, random_state=1)
    later, before = (retention.occasions(pl.from_pandas(part), event="visit") for part in (events, known))
    growth = customers.growth_accounting(later, as_of=LAST)
    previous = growth["active"].shift(fill_value=0)
    assert (growth["retained"] + growth["churned"] == previous)[growth["complete"]].all()
    pd.testing.assert_frame_equal(retention.cohorts(later, as_of=as_of), retention.cohorts(before, as_of=as_of))
    pd.testing.assert_frame_equal(retention.curves(later, as_of=as_of), retention.curves(before, as_of=as_of))
    options = {"as_of": as_of, "interval_days": 20, "points": 6}
    sticky = retention.stickiness(later, **options).by_day
    pd.testing.assert_frame_equal(sticky, retention.stickiness(before, **options).by_day)
    seen = sticky.dropna(subset="customers")
    assert (seen["active"] <= seen["customers"]).all()
    both = seen.pivot(index="end", columns="kind", values="customers")
    assert (both["established"] <= both["everybody"]).all()


#  interval 10, window 40, last day 99: the window is days 60 to 99, its last interval days 90 to 99
VISITS = orders([(1, 0), (1, 60), (1, 99), (2, 59), (2, 89), (3, 60), (3, 90), (4, 0), (5, 91)])


def test_stickiness_by_hand(engine) -> None:
    found = retention.stickiness(engine(VISITS), as_of=dt.date(2024, 4, 9), interval_days=10, points=8).by_day
    last = found[found["end"] == "2024-04-09"].set_index("kind")
    assert last.loc["established", ["customers", "active"]].tolist() == [2, 1]  # 1 and 2; 1 came in the last interval
    assert last.loc["everybody", ["customers", "active"]].tolist() == [4, 3]
    before = found[found["end"] == "2024-03-30"].set_index("kind")  # days 50 to 89, the last from 80 on
    assert before.loc["established", ["customers", "active"]].tolist() == [1, 0]  # 1; 2 came first on day 59
    assert before.loc["everybody", ["customers", "active"]].tolist() == [3, 1]
    first = found[found["end"] == "2024-02-09"].set_index("kind")  # days 0 to 39
    assert first["customers"].tolist() == [0, 2]
    early = found[found["end"] == "2024-01-30"]  # its window would begin on 22 December
    assert len(early) == 2
    assert early[["customers", "active", "stickiness", "low", "high"]].isna().all(axis=None)


def test_stickiness_is_daily_over_monthly_actives(engine) -> None:
    rng = np.random.default_rng(2)
    table = orders([(int(c), int(d)) for c, d in zip(rng.integers(0, 50, 900), rng.integers(0, 366, 900), strict=True)])
    found = retention.stickiness(engine(table), as_of=LAST, interval_days=1, intervals=30, points=1).by_day
    day = (table["ordered_at"] - START).dt.days
    monthly, daily = (table.loc[day > 365 - window, "customer_id"].nunique() for window in (30, 1))
    everybody = found[found["kind"] == "everybody"].iloc[0]
    assert everybody[["customers", "active"]].tolist() == [monthly, daily]


def test_the_two_rhythms_it_is_held_against_are_right() -> None:
    """Customers who come exactly once an interval give 1; who come at random at that rhythm, the stated share."""
    exact = orders([(c, day) for c in range(40) for day in range(c % 14, 366, 14)])
    found = retention.stickiness(exact, as_of=LAST, interval_days=14)
    assert (found.by_day.query("kind == 'established'")["stickiness"].dropna() == found.exact).all()
    rng, rows = np.random.default_rng(9), []
    for customer in range(4000):
        # an interval of 20 days, so that the day's coarseness hardly matters; half of the gaps are shorter
        times = np.cumsum(rng.exponential(20 / np.log(2), 40))
        rows += [(customer, int(day)) for day in times[times < 366]]
    random = retention.stickiness(orders(rows), as_of=LAST, interval_days=20, points=1)
    last = random.by_day.query("kind == 'established'").iloc[0]
    assert last["low"] < random.random < last["high"]
    assert last["high"] - last["low"] < 0.04


def test_the_newly_won_lift_the_usual_ratio() -> None:
    rows = [(c, d) for c in range(100) for d in (0, 250, 310 + c % 56)] + [(100 + c, 355) for c in range(80)]
    found = retention.stickiness(orders(rows), as_of=LAST, interval_days=15, points=1).by_day.set_index("kind")
    assert found.loc["everybody", "stickiness"] > found.loc["established", "stickiness"] + 0.1


@pytest.mark.parametrize(
    "table",
    [orders([(1, 0)]), orders([(i, i) for i in range(200)]), orders([(1, i) for i in range(0, 300, 7)])],
    ids=["one order", "one-time buyers", "one customer"],
)
def test_small_data_give_a_figure_or_a_sentence(table: pd.DataFrame) -> None:
    for as_of in (LAST, dt.date(2024, 1, 1)):
        ax = retention.plot_stickiness(retention.stickiness(table, as_of=as_of, interval_days=9))
        assert ax.get_title(loc="left") or ax.texts
        assert "nan" not in ax.get_title(loc="left")
        plt.close("all")


def test_stickiness_refuses_what_it_cannot_count() -> None:
    with pytest.raises(OpskitError, match="interval_days == 0, must be >= 1"):
        retention.stickiness(VISITS, as_of=LAST, interval_days=0)
    with pytest.raises(OpskitError, match="points == 60"):
        retention.stickiness(VISITS, as_of=LAST, interval_days=5, points=60)
    with pytest.raises(OpskitError, match="orders has no rows"):
        retention.stickiness(VISITS.iloc[:0], as_of=LAST, interval_days=5)


def test_occasions_bring_nothing_else_along(engine) -> None:
    columns = frames.lazy(retention.occasions(engine(HAND))).collect_schema().names()
    assert columns == ["customer_id", "ordered_at"]
