import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.loyalty import stages

START = pd.Timestamp("2024-01-01 12:00")
AS_OF = dt.date(2024, 12, 31)
NONE, HABIT, SATISFACTION, AFFECTION, LOYALTY = range(5)


def at(*days: float) -> pd.Series:
    return pd.Series((START + pd.to_timedelta(list(days), unit="D")).astype("datetime64[us]"))


def orders(rows: list[tuple[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": [who for who, _ in rows], "ordered_at": at(*(day for _, day in rows)), "revenue": 10.0}
    )


def surveys(rows: list[tuple[str, float, str]], question: str = "nps") -> pd.DataFrame:
    names = [f"{who}-{place}" for place, (who, _, _) in enumerate(rows)]
    table = pd.DataFrame({"respondent_id": names, "customer_id": [who for who, _, _ in rows], "question": question})
    return table.assign(answer=[answer for *_, answer in rows], answered_at=at(*(day for _, day, _ in rows)))


def events(rows: list[tuple[str, float, str]]) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": [who for who, _, _ in rows], "event": [name for *_, name in rows]})
    return table.assign(occurred_at=at(*(day for _, day, _ in rows)))


def path(found: stages.Panel) -> list[int]:
    """The stage at each month's end of the only customer."""
    here, way = -1, []
    moves = found.moves.set_index("month")["stage"]
    for month in range(len(found.months)):
        here = int(moves.get(month, here))
        way.append(here)
    return way


BUYS = [
    ("A", 0.0),
    ("A", 20.0),
    ("A", 40.0),
]  # a mean gap of 20 days: the habit ends 40 days after 10 February, on 21 March


def test_the_habit_ends_when_her_own_rhythm_runs_out(engine: Any) -> None:
    found = stages.panel(
        engine(orders(BUYS)),
        as_of=AS_OF,
        rules=stages.Rules(satisfaction_order_days=9, affection_order_days=9, loyalty_order_days=9),
    )
    assert path(found) == [HABIT, HABIT] + [NONE] * 10
    longer = stages.Rules(patience=5, satisfaction_order_days=9, affection_order_days=9, loyalty_order_days=9)
    assert (
        path(stages.panel(engine(orders(BUYS)), as_of=AS_OF, rules=longer)) == [HABIT] * 4 + [NONE] * 8
    )  # until 20 May
    assert found.moves["reason"].tolist() == [0, 0, 1]  # fell silent


@pytest.mark.parametrize(
    ("rule", "habits"),
    [
        ({"habit_order_days": 3}, [0, 1, 0, 0]),
        ({"shortest_days": 50}, [1, 1, 1, 0]),  # 10 February and 50 days: 31 March is still inside
        ({"shortest_days": 49}, [1, 1, 0, 0]),
        ({"patience": 9, "longest_days": 79}, [1, 1, 1, 0]),  # 29 April
        ({"patience": 9, "longest_days": 80}, [1, 1, 1, 1]),  # 30 April
    ],
)
def test_each_rule_of_the_habit_by_hand(rule: dict[str, Any], habits: list[int]) -> None:
    found = stages.panel(
        orders(BUYS),
        as_of=AS_OF,
        rules=stages.Rules(
            **{"satisfaction_order_days": 9, "affection_order_days": 9, "loyalty_order_days": 9, **rule}
        ),
    )
    assert path(found)[:4] == habits


def test_orders_alone_climb_by_their_number(engine: Any) -> None:
    days = [("A", 15.0 + 30.5 * month) for month in range(7)]
    assert path(stages.panel(engine(orders(days)), as_of=dt.date(2024, 7, 31))) == [0, 1, 2, 3, 4, 4, 4]


MONTHLY = orders([("A", 15.0 + 30.5 * month) for month in range(12)])


def test_the_latest_answer_counts_until_it_is_too_old(engine: Any) -> None:
    said = surveys([("A", 70, "9"), ("A", 130, "6"), ("A", 190, "7"), ("A", 196, "8"), ("A", 250, "excellent")])
    rules = stages.Rules(answer_months=3)
    found = stages.panel(engine(MONTHLY), as_of=AS_OF, rules=rules, surveys=engine(said))
    # 11 March 9: promoter, but nobody tells of invitations: five orders and more stand in, from May on
    assert path(found) == [0, 1, 3, 3, 1, 1, 2, 2, 2, 1, 1, 1]
    fell = found.moves[found.moves["reason"] > 0]
    assert [(row.month, row.reason) for row in fell.itertuples()] == [(4, 2), (9, 3)]


def test_advocacy_makes_loyalty_for_a_while(engine: Any) -> None:
    said, spoke = surveys([("A", 70, "10")]), events([("A", 100, "review"), ("A", 5, "visit"), ("A", 220, "invite")])
    tables = {"surveys": engine(said), "events": engine(spoke)}
    found = stages.panel(engine(MONTHLY), as_of=AS_OF, rules=stages.Rules(advocacy_months=2), **tables)
    assert path(found) == [0, 1, 3, 4, 4, 3, 3, 4, 4, 3, 3, 3]
    assert found.moves.loc[found.moves["reason"] > 0, "reason"].tolist() == [4, 4]
    unasked = stages.panel(engine(MONTHLY), as_of=AS_OF, events=engine(spoke))
    assert path(unasked)[-1] == LOYALTY  # without surveys orders stand in for affection, and the invitation counts


def test_csat_of_a_day_is_averaged(engine: Any) -> None:
    rules = stages.Rules(question="csat", satisfied_from=4, promoter_from=5)
    for answers, stage in ((("3", "5"), SATISFACTION), (("3", "4"), HABIT), (("5", "5"), LOYALTY)):
        said = surveys([("A", 70, answers[0]), ("A", 70.1, answers[1])], "csat")
        assert path(stages.panel(engine(MONTHLY), as_of=AS_OF, rules=rules, surveys=engine(said)))[-1] == stage


def test_customers_are_there_from_the_sign_up(engine: Any) -> None:
    accounts = pd.DataFrame({"customer_id": ["A", "B", "C"], "signed_up_at": at(0, 40, 500)})
    found = stages.panel(
        engine(orders([("A", 40.0), ("D", 70.0)])), as_of=dt.date(2024, 4, 20), accounts=engine(accounts)
    )
    table = stages.months(found)
    assert len(found.months) == 3  # April is not over
    assert table.groupby("month")["customers"].sum().tolist() == [1, 2, 3]
    assert stages.funnel(found)["n"].iloc[0] == 3


def test_current_is_the_last_stage_of_each_customer(engine: Any) -> None:
    both = pd.concat([MONTHLY, orders([("B", 0.0)])])
    listed = stages.current(engine(both), as_of=AS_OF)
    table = frames.collect(frames.lazy(listed)).sort_values("customer_id").set_index("customer_id")
    assert table["stage"].tolist() == ["loyalty", "none"]
    assert table["months"].tolist() == [8, 12]


def test_the_survey_with_most_answers_is_chosen(engine: Any) -> None:
    first = surveys([("A", 0.0, "9"), ("B", 1.0, "7")]).assign(survey="spring")
    second = surveys([("A", 40.0, "9"), ("B", 41.0, "7"), ("C", 42.0, "2")]).assign(survey="autumn")
    given = engine(pd.concat([first, second]))
    chosen = stages.choose(given, as_of=AS_OF)
    assert (chosen.name, chosen.question) == ("autumn", "nps")
    assert sorted(frames.collect(frames.lazy(chosen.rows))["customer_id"]) == ["A", "B", "C"]
    assert stages.choose(given, as_of=AS_OF, survey="spring").name == "spring"


def random_shop(seed: int, customers: int = 60, lively: float = 60) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    who = [f"C{number}" for number in rng.integers(0, customers, customers * 6)]
    bought = orders([(one, float(day)) for one, day in zip(who, rng.uniform(0, 365, len(who)), strict=True)])
    bought["revenue"] = rng.gamma(2, 40, len(bought)).round(2)
    told = [
        (f"C{number}", float(day), str(score))
        for number, day, score in zip(
            rng.integers(0, customers, 120), rng.uniform(0, 365, 120), rng.integers(0, 11, 120), strict=True
        )
    ]
    said = [
        (f"C{number}", float(day), name)
        for number, day, name in zip(
            rng.integers(0, customers, 90),
            rng.uniform(0, 365, 90),
            rng.choice(["invite", "review", "visit"], 90),
            strict=True,
        )
    ]
    accounts = pd.DataFrame(
        {
            "customer_id": [f"C{number}" for number in range(customers)],
            "signed_up_at": at(*rng.uniform(0, 200, customers)),
        }
    )
    return {"orders": bought, "surveys": surveys(told), "events": events(said), "accounts": accounts}


def by_hand(shop: dict[str, pd.DataFrame], ends: list[pd.Timestamp], rules: stages.Rules) -> pd.DataFrame:
    """Stages the slow way: every customer, every month's end, looking back."""
    rows = []
    for customer in sorted(set(shop["orders"]["customer_id"]) | set(shop["accounts"]["customer_id"])):
        days = sorted(set(shop["orders"].loc[shop["orders"]["customer_id"] == customer, "ordered_at"].dt.normalize()))
        signed = shop["accounts"].loc[shop["accounts"]["customer_id"] == customer, "signed_up_at"]
        entry = min([*signed, *days[:1]])
        told = shop["surveys"][shop["surveys"]["customer_id"] == customer]
        said = shop["events"][
            (shop["events"]["customer_id"] == customer) & shop["events"]["event"].isin(rules.advocacy)
        ]
        for month, end in enumerate(ends):
            if entry > end:
                continue
            known = [day for day in days if day <= end]
            stage = 0
            if len(known) >= 2:
                reach = int(rules.patience * (known[-1] - known[0]).days / (len(known) - 1))
                reach = min(max(reach, rules.shortest_days), rules.longest_days)
                stage = int((end.normalize() - known[-1]).days <= reach)
            before = told[told["answered_at"] <= end].sort_values("answered_at")
            if stage and len(before) and _months(end) - _months(before["answered_at"].iloc[-1]) < rules.answer_months:
                last_day = before["answered_at"].dt.normalize() == before["answered_at"].iloc[-1].normalize()
                score = before.loc[last_day, "answer"].astype(float).mean()
                spoke = said[said["occurred_at"] <= end]["occurred_at"]
                loud = any(_months(end) - _months(when) < rules.advocacy_months for when in spoke)
                stage += int(score >= 7) + int(score >= 9) + int(score >= 9 and loud)
            rows.append((month, customer, int(stage)))
    return pd.DataFrame(rows, columns=["month", "customer", "stage"])


def _months(when: pd.Timestamp) -> int:
    return when.year * 12 + when.month


@pytest.mark.parametrize("seed", [1, 2])
def test_every_stage_is_that_of_the_rules_applied_by_hand(seed: int, engine: Any) -> None:
    shop, rules = random_shop(seed), stages.Rules(answer_months=4, advocacy_months=3, patience=1.5)
    tables = {name: engine(shop[name]) for name in ("surveys", "events", "accounts")}
    found = stages.panel(engine(shop["orders"]), as_of=AS_OF, rules=rules, **tables)
    ends = [month + pd.offsets.MonthEnd(0) + pd.Timedelta(hours=23.99) for month in found.months]
    wanted = by_hand(shop, ends, rules)
    table = stages.months(found).pivot(index="month", columns="stage", values="customers")[list(stages.STAGES)]
    counted = wanted.groupby(["month", "stage"]).size().unstack(fill_value=0).reindex(columns=range(5), fill_value=0)
    np.testing.assert_array_equal(table.to_numpy(), counted.to_numpy())
    grid = wanted.pivot(index="customer", columns="month", values="stage")
    pairs = pd.concat([pd.DataFrame({"a": grid[month], "b": grid[month + 1]}).dropna() for month in range(11)])
    moved = pairs.groupby(["a", "b"]).size()
    for row in stages.transitions(found).to_dict("records"):
        a, b = stages.STAGES.index(row["before"]), stages.STAGES.index(row["stage"])
        assert row["customers"] == moved.get((a, b), 0)
    assert found.moves["revenue"].sum() == pytest.approx(shop["orders"]["revenue"].sum(), rel=1e-9)


def test_value_of_a_stage_by_hand() -> None:
    """A is in the habit from the second order on and spends 10 a month; B bought once."""
    both = pd.concat([MONTHLY, orders([("B", 3.0)])])
    table = stages.values(
        stages.panel(
            both,
            as_of=AS_OF,
            rules=stages.Rules(satisfaction_order_days=20, affection_order_days=20, loyalty_order_days=20),
        )
    ).set_index("stage")
    assert table.loc["habit", "next_month"] == 10  # each of ten months at the habit is followed by an order
    assert table.loc["none", "next_month"] == pytest.approx(10 / 12)  # 11 months of B, and one of A
    assert table.loc["none", "n"] == 12
    assert np.isnan(table.loc["loyalty", "next_month"])


def test_time_to_a_stage_counts_those_still_on_the_way() -> None:
    climbs = orders([("A", 15.0), ("A", 45.0), ("B", 20.0), ("C", 320.0), ("D", 20.0), ("D", 28.0)])
    found = stages.times(stages.panel(climbs, as_of=AS_OF), at_months=(0, 1, 3))
    habit = found.table[found.table["stage"] == "habit"].set_index("months")
    assert habit["n"].tolist() == [4, 4, 4]
    assert habit["reached"].tolist() == [2, 2, 2]
    assert habit.loc[0, "share"] == 0.25  # D in the first month
    assert habit.loc[1, "share"] == pytest.approx(
        1 - 0.75 * 2 / 3
    )  # A; C is followed for one month only and is still at risk


def test_the_steady_state_is_that_of_the_known_chain() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(400):  # in the habit or not: two states, so that the steady state is a ratio
        for month in range(24):
            if rng.random() < 0.5:
                rows += [(f"C{customer}", 30.44 * month + 1.0), (f"C{customer}", 30.44 * month + 3.0)]
    rules = stages.Rules(
        shortest_days=31, longest_days=31, satisfaction_order_days=99, affection_order_days=99, loyalty_order_days=99
    )
    found = stages.panel(orders(rows), as_of=dt.date(2025, 12, 31), rules=rules)
    moves = stages.transitions(found).set_index(["before", "stage"])["probability"]
    up, down = moves["none", "habit"], moves["habit", "none"]
    steady = stages.steady_state(found).set_index("stage")
    assert steady.loc["habit", "steady"] == pytest.approx(up / (up + down), abs=1e-9)
    assert steady.loc["habit", "low"] < 0.5 < steady.loc["habit", "high"]
    assert steady.loc["loyalty", "steady"] == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 11))
def test_rows_sum_to_one_and_later_events_change_nothing(seed: int, month: int) -> None:
    shop = random_shop(seed, customers=25)
    end = pd.Timestamp(2024, month + 1, 1) - pd.Timedelta(seconds=1)
    as_of = end.date()
    known = {
        name: table[
            table[
                {"orders": "ordered_at", "surveys": "answered_at", "events": "occurred_at", "accounts": "signed_up_at"}[
                    name
                ]
            ]
            <= end
        ]
        for name, table in shop.items()
    }
    parts = [{**one, "rules": stages.Rules(answer_months=3)} for one in (shop, known)]
    all_of_it, so_far = (stages.panel(one.pop("orders"), as_of=as_of, **one) for one in parts)
    keys = ["month", "before", "stage", "reason", "peak", "entry"]
    tables = [one.moves.groupby(keys)[["customers", "revenue"]].sum().reset_index() for one in (all_of_it, so_far)]
    pd.testing.assert_frame_equal(*tables)
    found = stages.transitions(all_of_it)
    sums = found.groupby("before")["probability"].sum(min_count=1).dropna()
    np.testing.assert_allclose(sums, 1)
    seen = found.dropna(subset="probability")
    assert ((seen["low"] <= seen["probability"] + 1e-12) & (seen["probability"] <= seen["high"] + 1e-12)).all()
    funnel = stages.funnel(all_of_it)
    assert funnel["customers"].sum() == funnel["n"].iloc[0]
    assert funnel["reached"].is_monotonic_decreasing


@pytest.mark.parametrize(
    "rows",
    [[("A", 0.0)], [(f"C{i}", float(i)) for i in range(60)], [("A", float(day)) for day in range(0, 300, 7)]],
    ids=["one order", "one-time buyers", "one customer"],
)
def test_small_data_give_tables_and_figures(rows: list[tuple[str, float]]) -> None:
    found = stages.panel(orders(rows), as_of=AS_OF)
    drawn = [
        stages.plot_flows(stages.flows(found)),
        stages.plot_transitions(stages.transitions(found)),
        stages.plot_times(stages.times(found)),
        stages.plot_steady_state(stages.steady_state(found)),
        stages.plot_values(stages.values(found)),
    ]
    for ax in drawn:
        assert ax.get_title(loc="left") or ax.texts
        ax.figure.canvas.draw()
    plt.close("all")
    assert stages.decisions(
        falls=stages.falls(found), worth=stages.worth(found), heard=stages.heard(orders(rows), as_of=AS_OF)
    )


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(TooLittleDataError, match=r"^0 whole month\(s\) lie between the first order and 2024-01-20"):
        stages.panel(orders(BUYS), as_of=dt.date(2024, 1, 20))
    with pytest.raises(OpskitError, match="orders lacks 'revenue'"):
        stages.panel(orders(BUYS).drop(columns="revenue"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="tables == \\['survey'\\], must be among"):
        stages.panel(orders(BUYS), as_of=AS_OF, survey=None)
    for rule, message in (
        ({"habit_order_days": 1}, "habit_order_days == 1, must be >= 2"),
        ({"patience": 0}, "patience == 0, must be > 0"),
        ({"question": "stars"}, "question == 'stars', must be one of 'nps', 'csat'"),
        ({"affection_order_days": 2}, "affection_order_days == 2, must be >= 3"),
        ({"answer_months": 1.5}, "answer_months == 1.5, must be a whole number"),
        ({"promoter_from": 5.0}, "promoter_from == 5.0, must be >= 7.0"),
        ({"advocacy": "invite"}, "must be names of events"),
    ):
        with pytest.raises(OpskitError, match=message):
            stages.Rules(**rule)
