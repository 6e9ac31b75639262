"""Laws of levels first, then a table worked out by hand, then every engine, then what must be refused."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.errors import OpskitError, TooLittleDataError
from opskit.incentives import level_system as ls

AS_OF = dt.date(2025, 12, 31)
NAMES = ("member", "silver", "gold", "diamond")


def history(customers: int = 300, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Orders with refunds and margin over two years, reviews in bursts, check-ins in a ledger of points."""
    rng = np.random.default_rng(seed)
    n = customers * 6
    who = np.char.add("C", rng.integers(0, customers, n).astype(str))
    since = rng.integers(0, 600, customers)
    day = since[np.char.lstrip(who, "C").astype(int)] + rng.integers(0, 731, n) % 131
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(day * 86_400 + rng.integers(0, 86_400, n), unit="s")
    revenue = rng.gamma(2, 60, n).round(2)
    refund = np.where(rng.random(n) < 0.1, revenue, 0.0)
    orders = {"customer_id": who, "ordered_at": at, "revenue": revenue, "refund": refund, "margin": revenue * 0.3}
    rows = rng.integers(0, n, n // 2)
    events = {"customer_id": who[rows], "event": "review", "occurred_at": at[rows], "object_id": rows.astype(str)}
    points = {"customer_id": who[rows], "posted_at": at[rows], "points": 5, "kind": "earn", "behaviour": "check_in"}
    return {"orders": pd.DataFrame(orders), "events": pd.DataFrame(events), "points": pd.DataFrame(points)}


def designed(**changes: Any) -> ls.Design:
    text = ls.template() + '\n[[earn]]\nbehaviour = "check_in"\nsource = "points"\neach = 2\ndaily_cap = 1\n'
    design = ls.read(text).at(changes.pop("thresholds", (150, 400, 900)))
    return design.changed(**changes)


TABLES = history()
DESIGN = designed()
MONTHS = 5  # enough for every law, and a quick query


@pytest.fixture(scope="module")
def grown() -> ls.Growth:
    return ls.growth(DESIGN, **TABLES, as_of=AS_OF)


@pytest.fixture(scope="module")
def played(grown: ls.Growth) -> ls.Replay:
    return ls.replay(DESIGN, grown, months=MONTHS)


def test_shares_add_up_to_one_and_every_member_is_somewhere(played: ls.Replay) -> None:
    table = ls.shares(played)
    months = table.groupby("month")
    np.testing.assert_allclose(months["share"].sum(), 1)
    assert (months["n"].sum() == months["members"].first()).all()
    assert months["members"].first().is_monotonic_increasing
    assert table["low"].le(table["share"]).all()
    assert table["high"].ge(table["share"]).all()
    assert months["members"].first().iloc[-1] == TABLES["orders"]["customer_id"].nunique()


@pytest.mark.parametrize(
    "changes",
    [{}, {"window_months": 0}, {"keep_months": 3}, {"window_months": 3, "goals": ls.Goals(first_step_days=40)}],
)
def test_nobody_is_lost_between_two_months(grown: ls.Growth, changes: dict[str, Any]) -> None:
    table = ls.flows(ls.replay(designed(**changes), grown, months=MONTHS))
    assert (table["before"] == table["stayed"] + table["rose"] + table["fell"]).all()
    assert (table["members"] == table["stayed"] + table["new"] + table["from_below"] + table["from_above"]).all()
    members, before = (table.pivot(index="month", columns="place", values=name) for name in ("members", "before"))
    assert (members.to_numpy()[:-1] == before.to_numpy()[1:]).all()
    months = table.groupby("month")
    assert (months["rose"].sum() == months["from_below"].sum()).all()
    assert (months["fell"].sum() == months["from_above"].sum()).all()


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 2000), min_size=3, max_size=3, unique=True), st.integers(0, 2), st.integers(1, 500))
def test_a_higher_threshold_never_has_more_above_it(grown: ls.Growth, at: list[int], which: int, more: int) -> None:
    values = ls.histogram(DESIGN, grown)
    low = sorted(at)
    high = ls.apart([value + (more if place >= which else 0) for place, value in enumerate(low)])
    above = [
        ls.at_thresholds(values, DESIGN.at(thresholds))["n"][::-1].cumsum()[::-1].to_numpy()
        for thresholds in (low, high)
    ]
    assert (above[1] <= above[0]).all()
    assert above[0][0] == above[1][0]


def test_the_histogram_says_what_the_replay_says(grown: ls.Growth) -> None:
    for changes in ({"window_months": 0}, {"keep_months": 4, "thresholds": (50, 60, 2000)}):
        design = designed(**changes)
        last = ls.shares(ls.replay(design, grown, months=2)).tail(4)
        assert ls.at_thresholds(ls.histogram(design, grown), design)["n"].tolist() == last["n"].tolist()


def test_without_validity_nobody_falls_and_keeping_only_helps(grown: ls.Growth) -> None:
    ever = ls.replay(designed(window_months=0), grown, months=3)
    assert ls.flows(ever)["fell"].sum() == 0
    kept, plain = (ls.shares(ls.replay(designed(keep_months=k), grown, months=3)) for k in (6, 0))
    always = ls.shares(ever)
    for table in (kept, plain, always):
        table["above"] = table[::-1].groupby("month")["n"].cumsum()
    assert (kept["above"] >= plain["above"]).all()
    assert (always["above"] >= kept["above"]).all()
    assert ls.flows(ls.replay(designed(), grown, months=3))["fell"].sum() > 0


def test_growth_value_is_a_sum_and_caps_only_take(grown: ls.Growth) -> None:
    caps = grown.caps.set_index("behaviour")
    assert (caps["kept"] <= caps["actions"]).all()
    assert caps.loc["order", "kept"] == caps.loc["order", "actions"] == len(TABLES["orders"])
    net = TABLES["orders"]["revenue"] - TABLES["orders"]["refund"]
    assert caps.loc["order", "growth"] == np.floor(net + 1e-6).sum()
    days = TABLES["events"].assign(day=TABLES["events"]["occurred_at"].dt.normalize())
    assert (
        caps.loc["review", "kept"] == len(days.drop_duplicates(["customer_id", "day"])) < caps.loc["review", "actions"]
    )


HAND = pd.DataFrame(
    [
        ("A", "2025-01-10", 100.0),  # silver at once
        ("A", "2025-02-10", 150.0),  # 250: gold
        ("B", "2025-01-20", 40.9),  # 40: lowest
        ("B", "2025-03-05", 60.0),  # 100: silver
        ("C", "2025-03-31", 10.0),
    ],
    columns=["customer_id", "ordered_at", "revenue"],
).astype({"ordered_at": "datetime64[us]"})


def by_hand() -> ls.Design:
    design = ls.read(ls.template()).at((100, 200, 1000))
    benefit = ls.Benefit("gift", "silver", "welfare", cost=6.0, uses_per_month=0.5)
    price = ls.Benefit("price", "gold", "welfare", revenue_share=0.1)
    goals = ls.Goals(first_step_days=40)
    return design.changed(window_months=3, benefits=(benefit, price), goals=goals)


def test_a_history_small_enough_to_do_by_hand() -> None:
    design = by_hand()
    played = ls.replay(design, ls.growth(design, HAND, as_of=dt.date(2025, 6, 30)))
    wide = ls.shares(played).pivot(index="month", columns="level", values="n")[list(NAMES)]
    # January: A silver, B lowest. February: A gold. March: B silver, C new. April: A's January has lapsed, 150 is silver;
    # B 60. May: nobody has February any more. June: nothing left.
    assert wide.to_numpy().tolist() == [
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [1, 1, 1, 0],
        [2, 1, 0, 0],
        [3, 0, 0, 0],
        [3, 0, 0, 0],
    ]
    falls = ls.demotions(played)
    assert falls["fell"].tolist() == [0, 0, 0, 2, 1, 0]
    assert falls["above"].tolist() == [0, 1, 1, 2, 1, 0]
    assert np.isnan(falls["share"].iloc[0]), "nobody above: no share, not 0"
    # Months begun at silver or above: A February to May, B April.
    cost = ls.benefit_costs(played).set_index("benefit")
    assert cost.loc["gift", "member_months"] == 5
    assert cost.loc["gift", "cost"] == 5 * 6 * 0.5
    assert cost.loc["price", "cost"] == 0, "A bought nothing while at gold"
    table = ls.ratios(played).set_index("figure")
    assert table.loc["reach the first step in time", ["estimate", "n"]].tolist() == [pytest.approx(1 / 3), 3]
    assert table.loc["cost over revenue", "estimate"] == pytest.approx(15 / HAND["revenue"].sum())
    assert "cost over margin" not in table.index


def test_an_immature_member_is_on_neither_side() -> None:
    design = by_hand()
    played = ls.replay(design, ls.growth(design, HAND, as_of=dt.date(2025, 4, 30)))
    assert ls.ratios(played).set_index("figure").loc["reach the first step in time", "n"] == 2, "C came 30 days ago"
    late = ls.replay(design, ls.growth(design, HAND, as_of=dt.date(2025, 1, 31)))
    row = ls.ratios(late).set_index("figure").loc["reach the first step in time"]
    assert row["n"] == 0
    assert row[["estimate", "low", "high"]].isna().all()


def test_a_month_that_is_not_over_is_left_out() -> None:
    design = by_hand()
    part = ls.growth(design, HAND, as_of=dt.date(2025, 3, 30))
    assert part.last_day == dt.date(2025, 2, 28)
    assert ls.shares(ls.replay(design, part))["members"].iloc[-1] == 2


@pytest.fixture(scope="module")
def suited() -> pd.DataFrame:
    return ls.suitability(TABLES["orders"], as_of=AS_OF)


def test_every_engine_gives_the_same(
    engine: Callable[[pd.DataFrame], Any], played: ls.Replay, suited: pd.DataFrame
) -> None:
    tables = {name: engine(frame) for name, frame in TABLES.items()}
    again = ls.replay(DESIGN, ls.growth(DESIGN, **tables, as_of=AS_OF), months=MONTHS)
    pd.testing.assert_frame_equal(again.moves, played.moves)
    pd.testing.assert_frame_equal(again.reached, played.reached)
    pd.testing.assert_frame_equal(again.growth.caps, played.growth.caps)
    pd.testing.assert_frame_equal(ls.ratios(again), ls.ratios(played), rtol=1e-9)
    pd.testing.assert_frame_equal(ls.suitability(tables["orders"], as_of=AS_OF), suited, rtol=1e-9)


def test_target_shares_become_thresholds(grown: ls.Growth) -> None:
    design = ls.placed(DESIGN.changed(levels=ls.read(ls.template()).levels), grown)
    shares = ls.at_thresholds(ls.histogram(design, grown), design)["share"]
    assert shares[1:].sum() <= 0.30 + 1e-12
    np.testing.assert_allclose(shares, [0.70, 0.20, 0.08, 0.02], atol=0.01)


def test_real_orders_get_a_design_to_their_measure(cdnow: pd.DataFrame) -> None:
    last = dt.date(1998, 6, 30)
    design = ls.usual(cdnow, as_of=last)
    mean = cdnow["revenue"].mean()
    assert 65 < design.earn[0].per_revenue * mean < 150  # "about a hundred"
    played = ls.replay(design, ls.growth(design, cdnow, as_of=last), months=2)
    now = ls.shares(played).tail(4)
    assert now["members"].iloc[0] == 2357
    assert now["share"].iloc[1:].sum() <= 0.30
    assert list(played.growth.caps["source"]) == ["orders", "missing"]


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_the_shares_above_a_threshold_never_exceed_the_target(spent: list[int]) -> None:
    orders = pd.DataFrame(
        {"customer_id": range(len(spent)), "ordered_at": pd.Timestamp("2025-01-05"), "revenue": np.array(spent, float)}
    )
    design = ls.read(ls.template())
    grown = ls.growth(design, orders, as_of=dt.date(2025, 1, 31))
    placed = ls.placed(design, grown)
    above = ls.at_thresholds(ls.histogram(placed, grown), placed)["share"][::-1].cumsum()[::-1].to_numpy()
    assert (above[1:] <= np.array([0.30, 0.10, 0.02]) + 1e-9).all()


def test_times_agree_with_the_first_step_where_everybody_is_old(grown: ls.Growth) -> None:
    played = ls.replay(designed(thresholds=(600, 900, 2000)), grown, months=2)
    rows = played.reached[(played.reached["level"] == 1) & played.reached["mature"]]
    old = ls.times(played._replace(reached=rows))
    share = ls.ratios(played).set_index("figure").loc["reach the first step in time", "estimate"]
    assert old.loc[old["days"] <= 90, "reached"].iloc[-1] == pytest.approx(share)


# ------------------------------------------------------------------------------------------------ two designs
def test_a_design_compared_with_itself_does_not_differ(played: ls.Replay) -> None:
    table = ls.compare(played, played)
    np.testing.assert_allclose(table[["difference", "low", "high"]].dropna(), 0, atol=1e-12)


def test_differences_are_those_of_the_figures_and_narrower_than_two_apart(played: ls.Replay, grown: ls.Growth) -> None:
    other = ls.replay(ls.without_falls(DESIGN), grown, months=MONTHS)
    table = ls.compare(played, other).set_index("figure")
    one, two = (ls.ratios(found).set_index("figure") for found in (played, other))
    np.testing.assert_allclose(table["one"], one.loc[table.index, "estimate"])
    np.testing.assert_allclose(table["difference"], (two["estimate"] - one["estimate"]).loc[table.index])
    width = table["high"] - table["low"]
    apart = np.hypot(one["high"] - one["low"], two["high"] - two["low"])
    assert width["cost over margin"] < apart["cost over margin"]
    assert table.loc["fall a month, of those above", "other"] == 0


def test_designs_of_other_members_are_not_compared(played: ls.Replay) -> None:
    other = ls.growth(DESIGN, TABLES["orders"].head(500), as_of=AS_OF)
    with pytest.raises(OpskitError, match="do not count the same members"):
        ls.compare(played, ls.replay(DESIGN, other, months=1))


# ---------------------------------------------------------------------------------------------- suitability
def test_suitability_tells_often_from_seldom() -> None:
    rng = np.random.default_rng(2)
    first = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 1500), unit="D")
    often = pd.concat(
        [
            pd.DataFrame({"customer_id": range(1500), "ordered_at": first + pd.Timedelta(days=d)})
            for d in (0, 30, 70, 100)
        ]
    )
    often = often[rng.random(len(often)) < 0.55].assign(revenue=50.0)
    table = ls.suitability(often, as_of=dt.date(2025, 4, 30)).set_index("question")
    assert table["verdict"].tolist() == ["holds"] * 4
    assert table.loc["enough", ["low", "high"]].isna().all()
    assert ls.verdict(table) == "It suits levels by every rule."
    once = pd.DataFrame({"customer_id": range(1500), "ordered_at": first, "revenue": 50.0})
    seldom = ls.suitability(once, as_of=dt.date(2025, 6, 30))
    assert seldom.set_index("question").loc[["frequent", "needed"], "verdict"].tolist() == ["does not hold"] * 2
    assert ls.verdict(seldom).startswith("It does not suit levels yet")


def test_suitability_of_a_young_shop_cannot_be_told() -> None:
    table = ls.suitability(HAND, as_of=dt.date(2025, 4, 1)).set_index("question")
    assert table.loc["frequent", "verdict"] == "not enough data"
    assert table.loc["frequent", "n"] == 0


# ------------------------------------------------------------------------------------------------ refusals
BAD = {
    "earn 1 has 'per_revenu', which is no setting. Did you mean 'per_revenue'?": ("per_revenue =", "per_revenu ="),
    "earn 1 per_revenue == 'much', must be a number.": ("per_revenue = 1.0", 'per_revenue = "much"'),
    "must be one of 'orders', 'events', 'points'. Did you mean 'orders'?": ('source = "orders"', 'source = "order"'),
    "earn 2 daily_cap == 1.5, must be a whole number.": ("daily_cap = 1 ", "daily_cap = 1.5 "),
    "benefits 'member price' level == 'silvr'": ('level = "silver"', 'level = "silvr"'),
    "window_months == 2, must be 0 (for ever) or >= 3.": ("window_months = 12", "window_months = 2"),
    "must be another name than value": ('currency = "points"', 'currency = "growth value"'),
    "levels above the lowest need at, or share, the same for all": ("share = 0.20", "at = 5"),
    "add up to 1 or more": ("share = 0.20", "share = 0.95"),
    "goals top_share == 5, must be <= 1.": ("top_share = 0.05", "top_share = 5"),
    "is the lowest: it begins at 0": ('name = "member"\n', 'name = "member"\nat = 3\n'),
    "the design has 'window', which is no setting. Did you mean 'window_months'?": ("window_months =", "window ="),
    "each with a name of its own": ('name = "gold"', 'name = "silver"'),
    "is no TOML": ("[[levels]]", "[[levels"),
}


@pytest.mark.parametrize("message", BAD)
def test_a_wrong_setting_is_named_with_its_remedy(message: str) -> None:
    old, new = BAD[message]
    text = ls.template()
    assert old in text
    with pytest.raises(OpskitError) as refused:
        ls.read(text.replace(old, new, 1))
    assert message in str(refused.value)


def test_what_cannot_be_replayed_is_refused(grown: ls.Growth) -> None:
    with pytest.raises(OpskitError, match="first_step_days == 90, must be <= 60 with window_months == 3"):
        ls.replay(DESIGN.changed(window_months=3, goals=ls.Goals()), grown)
    with pytest.raises(OpskitError, match="months == 0"):
        ls.replay(DESIGN, grown, months=0)
    with pytest.raises(TooLittleDataError, match="no month with an action that counts is over"):
        ls.growth(DESIGN, HAND, as_of=dt.date(2025, 1, 30))
    with pytest.raises(OpskitError, match="opskit template level_design"):
        ls.read("no_such_file.toml")
    with pytest.raises(OpskitError, match="target shares, not thresholds"):
        _ = ls.read(ls.template()).thresholds
    with pytest.raises(OpskitError, match="orders lacks 'revenue'"):
        ls.growth(DESIGN, HAND.drop(columns="revenue"), as_of=AS_OF)


def test_arguments_are_left_as_they_are() -> None:
    before = {name: frame.copy() for name, frame in TABLES.items()}
    ls.ratios(ls.replay(DESIGN, ls.growth(DESIGN, **TABLES, as_of=AS_OF), months=1))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, TABLES[name])


def test_missing_tables_earn_nothing_and_are_named() -> None:
    caps = ls.growth(DESIGN, TABLES["orders"], as_of=AS_OF).caps.set_index("behaviour")
    assert caps.loc[["review", "check_in"], "source"].tolist() == ["missing", "missing"]
    only = DESIGN.changed(earn=DESIGN.earn[1:])
    played = ls.replay(only, ls.growth(only, **TABLES, as_of=AS_OF), months=1)
    assert played.totals["core"].sum() == 0
    assert played.totals["revenue"].sum() > 0, "money is there though orders earn nothing"
