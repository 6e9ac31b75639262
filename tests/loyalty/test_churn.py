"""Churn by hand and by law: the split in time, active and left, the costs, the list, what too little data says."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import OpskitError, features
from opskit.errors import TooLittleDataError
from opskit.loyalty import churn

LAST = dt.date(2025, 12, 31)
DAY = dt.timedelta(days=1)


def shop(customers: int = 300, days: int = 400, seed: int = 1) -> pd.DataFrame:
    """Customers with a rhythm of their own, half of whom stop for good at some time."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        gap, stops = rng.gamma(3, 8), rng.integers(60, 2 * days)
        at = np.cumsum(rng.exponential(gap, 200))
        rows += [(customer, day, rng.gamma(4, 25)) for day in at[at < min(days, stops)]]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "revenue"])
    start = pd.Timestamp(LAST) - pd.Timedelta(days=days - 1)
    return table.assign(ordered_at=(start + pd.to_timedelta(table.pop("day"), unit="D")).dt.floor("s"))


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return shop()


@pytest.fixture(scope="module")
def when(orders: pd.DataFrame) -> churn.Periods:
    return churn.periods(orders, as_of=LAST, horizon_days=60)


@pytest.fixture(scope="module")
def found(orders: pd.DataFrame, when: churn.Periods) -> churn.Panel:
    people = pd.DataFrame({"customer_id": range(300), "same": 1})
    stays = orders.loc[orders["ordered_at"] > pd.Timestamp(when.training[0] + DAY), "customer_id"]
    people["changed"] = pd.Timestamp(LAST) - pd.to_timedelta(people["customer_id"] % 300, unit="D")
    people["closing_call"] = np.where(people["customer_id"].isin(stays), None, "yes")
    people["city"] = np.random.default_rng(5).choice(["A", "B", None], 300)
    people["due"] = pd.Timestamp(LAST) + pd.to_timedelta(people["customer_id"] - 250, unit="D")
    return churn.panel(orders, when, customers=people)


@pytest.fixture(scope="module")
def compared(found: churn.Panel) -> churn.Comparison:
    return churn.compare(found)


def test_outcomes_learnt_from_are_over_before_the_test_begins(when: churn.Periods) -> None:
    assert when.today - when.test == 60 * DAY
    assert when.test - when.training[0] == 60 * DAY
    assert [a - b for a, b in zip(when.training, when.training[1:], strict=False)] == [30 * DAY] * 2
    assert when.basis == "as given"


def test_the_horizon_is_three_natural_intervals_in_whole_months_or_weeks(orders: pd.DataFrame) -> None:
    found = churn.periods(orders, as_of=LAST)
    unit = 30 if 3 * found.natural_interval_days >= 45 else 7
    assert found.horizon_days % unit == 0
    assert abs(found.horizon_days - 3 * found.natural_interval_days) <= unit / 2
    assert 0 <= found.late_returns < 0.5


def test_where_three_intervals_do_not_fit_a_third_of_the_data_is_used(orders: pd.DataFrame) -> None:
    early = orders[orders["ordered_at"] < orders["ordered_at"].min() + pd.Timedelta(days=60)]
    found = churn.periods(early, as_of=early["ordered_at"].max().date())
    assert found.horizon_days == 20
    assert "a third of the 61 days" in found.basis


def test_active_and_left_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    """Thirty customers order before and after each cut-off, thirty only before; one is too long ago, one comes on the day."""
    when = churn.Periods(10, 5.0, 0.1, (dt.date(2025, 1, 20),), dt.date(2025, 1, 30), dt.date(2025, 2, 9), "")
    days = {"stays": (11, 20, 22, 30, 33, 40), "goes": (15, 25, 35), "long ago": (10,), "last minute": (20, 30)}
    rows = [(f"{kind} {i}", day) for kind in ("stays", "goes") for i in range(30) for day in days[kind]]
    rows = [row for row in rows if not (row[0].startswith("goes") and row[1] != {0: 15, 1: 25}[int(row[0][5:]) % 2])]
    rows += [(kind, day) for kind in ("long ago", "last minute") for day in days[kind]]
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    at = pd.Timestamp("2024-12-31 23:59") + pd.to_timedelta(table.pop("day"), unit="D")
    frame = table.assign(ordered_at=at, revenue=10.0)
    with pytest.raises(TooLittleDataError, match="16 left; at least 25 must have"):
        churn.panel(engine(frame), when)
    more = pd.concat([frame, frame.assign(customer_id=frame["customer_id"] + " twin")], ignore_index=True)
    rows = churn.panel(engine(more), when).rows
    first = rows[rows["cut_off"] == when.training[0]].set_index("customer_id")
    assert "long ago" not in first.index
    assert not first.loc["last minute", "left"]
    assert first.loc["goes 0", "left"]
    assert "goes 1" not in first.index
    assert (len(first), int(first["left"].sum())) == (2 * (30 + 15 + 1), 30)
    assert first.loc["stays 0", "revenue_after"] == 20  # days 22 and 30
    assert rows.loc[rows["period"] == "today", "left"].isna().all()


def test_every_engine_gives_the_same_panel(
    engine: Callable[[pd.DataFrame], Any], orders: pd.DataFrame, when: churn.Periods
) -> None:
    rows = churn.panel(engine(orders), when).rows
    expected = churn.panel(orders, when).rows
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False, rtol=1e-9)


def test_later_orders_change_no_earlier_row(orders: pd.DataFrame, when: churn.Periods) -> None:
    later = orders.assign(ordered_at=pd.Timestamp(LAST) + pd.Timedelta(days=3), revenue=1e6)
    before, after = churn.panel(orders, when), churn.panel(pd.concat([orders, later]), when)
    pd.testing.assert_frame_equal(before.rows, after.rows)
    cut = orders[orders["ordered_at"] < pd.Timestamp(when.test + DAY)]
    short = when._replace(test=when.training[0], training=when.training[1:], today=when.test)
    columns = ["customer_id", *before.behaviour]
    now = churn.panel(cut, short._replace(test=when.test - 60 * DAY, training=(when.training[2],))).rows
    as_seen_then = now.loc[now["period"] == "today", columns].reset_index(drop=True)
    seen_later = before.rows.loc[before.rows["period"] == "test", columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(as_seen_then, seen_later)


def test_attributes_that_know_too_much_are_left_out(found: churn.Panel) -> None:
    told = found.screening.set_index("column")
    assert told.index[0] == "closing_call" or told.index[0] == "changed"
    assert not told.loc[["closing_call", "changed", "same"], "used"].any()
    assert "dates lie after the cut-off" in told.loc["changed", "why"]
    assert told.loc["same", "why"] == "the same for everybody"
    assert told.loc[["city", "due"], "used"].all()
    assert set(found.attributes) == {"city", "due"}


def test_a_trusted_attribute_is_used_all_the_same(orders: pd.DataFrame, when: churn.Periods) -> None:
    people = pd.DataFrame({"customer_id": range(300), "changed": pd.Timestamp(LAST)})
    assert churn.panel(orders, when, customers=people).attributes == []
    people.loc[::2, "changed"] = pd.Timestamp(LAST) - pd.Timedelta(days=300)
    trusted = churn.panel(orders, when, customers=people, trusted=("changed",))
    assert trusted.attributes == ["changed"]
    assert trusted.screening["why"].iloc[0].startswith("trusted, though ")
    assert trusted.rows["changed"].max() == 300 - (LAST - when.today).days  # days before the cut-off, 300 today


def test_the_models_are_learnt_without_the_test(found: churn.Panel, compared: churn.Comparison) -> None:
    """With every outcome of the test turned round, the probabilities stay and the areas are mirrored."""
    rows = found.rows.copy()
    test = rows["period"] == "test"
    rows.loc[test, "left"] = ~rows.loc[test, "left"].astype(bool)
    turned = churn.compare(found._replace(rows=rows))
    for name in churn.MODELS:
        np.testing.assert_array_equal(turned.tested[name], compared.tested[name])
    area, mirrored = (one.accuracy.query("measure == 'roc_auc'")["estimate"].to_numpy() for one in (compared, turned))
    np.testing.assert_allclose(area, 1 - mirrored)


def test_the_simplest_model_stays_unless_another_is_clearly_better(compared: churn.Comparison) -> None:
    gaps = compared.differences.set_index(["model", "against"])["low"]
    rule, logistic, boosting = churn.MODELS
    best = logistic if gaps[logistic, rule] > 0 else rule
    assert compared.chosen == (boosting if gaps[boosting, best] > 0 else best)


def test_chance_is_not_better_than_the_rule(found: churn.Panel) -> None:
    """Outcomes drawn by lot: no model can be better, and the rule stays."""
    rows, rng = found.rows.copy(), np.random.default_rng(3)
    rows["left"] = pd.array(rng.random(len(rows)) < 0.5, dtype="boolean")
    compared = churn.compare(found._replace(rows=rows))
    assert compared.chosen == churn.MODELS[0]
    areas = compared.accuracy.query("measure == 'roc_auc'")
    assert ((areas["low"] < 0.5) & (areas["high"] > 0.5)).all()


def test_drivers_find_the_column_that_decides(found: churn.Panel) -> None:
    """A planted column and its copy decide; they share a group, and the rest is worth nothing."""
    rows, rng = found.rows.copy(), np.random.default_rng(4)
    rows["planted"] = rng.random(len(rows))
    rows["copy"] = rows["planted"] * 2
    rows["left"] = pd.array(rng.random(len(rows)) < rows["planted"], dtype="boolean")
    changed = found._replace(rows=rows, behaviour=[*found.behaviour, "planted", "copy"])
    compared = churn.compare(changed)
    table = churn.drivers(changed, compared)
    assert set(table["members"].iloc[0].split(", ")) == {"planted", "copy"}
    assert table["low"].iloc[0] > 0.1
    assert (table["estimate"].iloc[1:] < 0.05).all()
    left = churn.directions(compared.tested, ["planted"])["left"]
    assert left.is_monotonic_increasing
    assert table["columns"].sum() == len(
        [n for n in [*changed.behaviour, *changed.attributes] if rows[n].nunique(dropna=False) > 1]
    )


def test_costs_by_hand() -> None:
    """Two leavers with 1,000 and 100 at stake, one who stays; margin 20%, success 10%, a contact costs 5."""
    rows = pd.DataFrame({"left": [True, True, False]})
    probability, stake = np.array([0.9, 0.8, 0.3]), np.array([1000.0, 100.0, 1000.0])
    given = churn.Costs(5.0, 0.2, 0.1)
    assert churn.threshold(given, stake.mean()) == pytest.approx(5 / (0.02 * 700))
    table = churn.rules(rows, probability, stake, given).set_index("rule")
    assert table["contacted"].to_dict() == {"nobody": 0, "everybody": 3, "above the threshold": 2, "own stake": 2}
    assert table["net_value"].tolist() == pytest.approx([0, 20 + 2 - 15, 20 + 2 - 10, 20 - 10])
    values = churn.net_values(rows, probability, stake, given, thresholds=[0.0, 0.5, 0.95])
    assert values["net_value"].tolist() == pytest.approx([7, 12, 0])


def test_where_nothing_is_saved_every_contact_is_lost() -> None:
    rows = pd.DataFrame({"left": [True, False]})
    given = churn.costs(100.0, success_share=0.0)
    assert given.contact == 2
    assert churn.threshold(given, 500.0) == float("inf")
    table = churn.rules(rows, np.array([0.9, 0.1]), np.array([500.0, 500.0]), given).set_index("rule")
    assert table.loc["everybody", ["net_value", "low", "high"]].tolist() == [-4, -4, -4]
    assert table["contacted"].tolist() == [0, 2, 0, 0]


def test_the_list_is_ranked_and_keeps_some_aside(found: churn.Panel, compared: churn.Comparison) -> None:
    scored = churn.score(found, compared.chosen)
    stake = churn.at_stake(found, scored)
    given = churn.costs(100.0, cost_of_contact=0.2)
    listed = churn.action_list(scored, stake, given, holdout_share=0.25)
    assert listed["expected_loss"].is_monotonic_decreasing
    assert (listed["expected_gain"] > 0).all()
    assert (listed["group"] == "hold out").sum() == round(0.25 * len(listed))
    assert listed["rank"].tolist() == list(range(1, len(listed) + 1))
    again = churn.action_list(scored, stake, given, holdout_share=0.25)
    pd.testing.assert_frame_equal(listed, again)
    other = churn.action_list(scored, stake, given, holdout_share=0.25, seed=8)
    assert (listed["group"] != other["group"]).any()
    gains = listed.loc[listed["group"] == "contact", "expected_gain"].sum()
    probability, at = compared.tested[compared.chosen].to_numpy(), churn.at_stake(found, compared.tested)
    net = churn.expected_net_value(listed, compared.tested, probability, at, given).iloc[0]
    losses = listed.loc[listed["group"] == "contact", "expected_loss"].sum() * given.success_share
    assert net["estimate"] - gains == pytest.approx(losses * (net["came_true"] - 1))
    assert net["low"] < net["estimate"] < net["high"]
    assert net["break_even_low"] < net["break_even"] < net["break_even_high"]
    assert 0 < churn.smallest_effect(listed)["detectable"].iloc[0] <= 1


def test_a_list_of_nobody_says_so(found: churn.Panel, compared: churn.Comparison) -> None:
    scored = churn.score(found, compared.chosen)
    given = churn.costs(100.0, cost_of_contact=1e6)
    listed = churn.action_list(scored, churn.at_stake(found, scored), given)
    probability, at = compared.tested[compared.chosen].to_numpy(), churn.at_stake(found, compared.tested)
    net = churn.expected_net_value(listed, compared.tested, probability, at, given)
    size = churn.smallest_effect(listed)
    assert len(listed) == 0
    assert net[["estimate", "n"]].iloc[0].tolist() == [0, 0]
    assert net[["low", "high", "break_even"]].isna().all(axis=None)
    assert size["detectable"].isna().all()
    left = compared.tested["left"].astype(bool)
    apart = features.calibration_error(probability, left)
    lines = churn.decisions(compared, apart=apart, net=net, size=size, success_share=0.1)
    assert "**Contact nobody**: at a success of 10% no contact is worth its cost." in lines
    assert not [line for line in lines if "nan" in line or "–" in line]


def test_the_hold_out_of_the_textbook() -> None:
    """Fleiss: 60% against 50% takes about 388 in each group at 5% and 80%."""
    listed = pd.DataFrame({"group": ["contact"] * 388 + ["hold out"] * 388, "probability": 0.6})
    assert churn.smallest_effect(listed)["detectable"].iloc[0] * 0.6 == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (300, {"horizon_days": 200}, "needs 600 days of orders"),
        (300, {"horizon_days": -1}, "horizon_days == -1, must be >= 0"),
        (300, {"cut_offs": 0}, "cut_offs == 0, must be >= 1"),
        (2, {}, "too few customers came back to see a rhythm"),
    ],
)
def test_what_cannot_be_done_is_told(rows: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        churn.periods(shop(300).query("customer_id < @rows").head(25 if rows == 2 else 10**6), as_of=LAST, **options)


def test_figures_draw_their_tables(found: churn.Panel, compared: churn.Comparison) -> None:
    probability, left = compared.tested[compared.chosen].to_numpy(), compared.tested["left"].astype(bool)
    mistakes = features.error_and_omission(probability, left, thresholds=[0.0, 0.5, 1.0])
    stake = churn.at_stake(found, compared.tested)
    values = churn.net_values(compared.tested, probability, stake, churn.costs(50.0), thresholds=[0.0, 0.5, 1.0])
    drivers = churn.drivers(found, compared, repeats=1)
    drawn = [
        churn.plot_comparison(compared),
        churn.plot_calibration(features.calibration(probability, left)),
        churn.plot_gains(features.gains(probability, left)),
        churn.plot_error_and_omission(mistakes, threshold=0.5),
        churn.plot_net_values(values, threshold=float("inf")),
        churn.plot_drivers(drivers),
        churn.plot_directions(churn.directions(compared.tested, ["orders", "city"])),
    ]
    assert all("nan" not in ax.get_title(loc="left") and ax.get_title(loc="left") for ax in drawn)
    assert drawn[4].get_title(loc="left") == "Contacting nobody is best at these costs"
    plt.close("all")
