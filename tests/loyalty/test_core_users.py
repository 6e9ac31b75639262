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

import opskit
from opskit.errors import OpskitError, TooLittleDataError
from opskit.loyalty import core_users

START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)

# The eight people of the chapter's picture, two odd ones, and twelve who only fill the table up:
# B invited E and F, E invited G and H; C and D name each other; A came alone, X names nobody known, Y names Y.
NAMES = ["A", "B", "C", "D", "E", "F", "G", "H", "X", "Y", *(f"Z{i}" for i in range(12))]
REFERRER = {"C": "D", "D": "C", "E": "B", "F": "B", "G": "E", "H": "E", "X": "nobody", "Y": "Y"}
JOINED = {"B": 0, "C": 5, "D": 5, "E": 10, "F": 20, "G": 30, "H": 200}
SPENT = {"A": 1000.0, "E": 10.0, "F": 20.0, "G": 30.0, "H": 40.0, "C": 5.0}
WRITTEN = {"A": 2, "E": 1, "F": 3}


def people() -> pd.DataFrame:
    joined = START + pd.to_timedelta([JOINED.get(name, 1) for name in NAMES], unit="D")
    return pd.DataFrame({"customer_id": NAMES, "referrer_id": [REFERRER.get(n) for n in NAMES], "signed_up_at": joined})


def orders() -> pd.DataFrame:
    when = START + pd.to_timedelta([JOINED.get(name, 1) + 1 for name in SPENT], unit="D")
    return pd.DataFrame({"customer_id": list(SPENT), "ordered_at": when, "revenue": list(SPENT.values())})


def events() -> pd.DataFrame:
    who = [name for name, n in WRITTEN.items() for _ in range(n)]
    table = pd.DataFrame({"customer_id": who, "event": "review", "occurred_at": START + pd.Timedelta(days=250)})
    return pd.concat([table, table.assign(event="visit")], ignore_index=True)


def hand(engine: Any = lambda frame: frame, **changed: Any) -> core_users.Components:
    options = {"as_of": LAST, "customers": engine(people()), "events": engine(events())} | changed
    return core_users.components(engine(orders()), **options)


def column(found: core_users.Components, name: str) -> dict[str, float]:
    return found.table.set_index("customer_id")[name].to_dict()


def test_the_hand_worked_tree(engine) -> None:
    found = hand(engine)
    assert found.measured == ("value", "contribution", "influence")
    direct, below, brought, influence = (column(found, n) for n in ("direct", "downstream", "brought", "influence"))
    assert {n: direct[n] for n in "ABCDE"} == {"A": 0, "B": 2, "C": 1, "D": 0, "E": 2}
    assert {n: below[n] for n in "ABCDE"} == {"A": 0, "B": 4, "C": 1, "D": 0, "E": 2}
    assert {n: brought[n] for n in "ABE"} == {"A": 0, "B": 100, "E": 70}
    assert {n: influence[n] for n in "ABE"} == {"A": 0, "B": 3, "E": 2}  # two in person, two a generation on at half
    assert column(found, "contribution")["F"] == 3  # visits do not count
    assert column(found, "value")["B"] == 0
    handled = found.referrals.handled["customers"].tolist()
    assert handled == [1, 1, 0, 1]  # itself, unknown, later, circle


def test_influence_in_money_and_by_generation() -> None:
    for discount, expected in ((0.0, 30), (0.5, 65), (1.0, 100)):
        assert column(hand(influence_in="value", discount=discount), "influence")["B"] == expected


def test_an_as_of_hides_what_came_later(engine) -> None:
    early = hand(engine, as_of=dt.date(2024, 3, 1))
    assert "H" not in column(early, "value")
    assert column(early, "downstream")["B"] == 3
    assert "contribution" in early.reasons  # the reviews came later


def test_a_period_counts_what_happened_in_it(engine) -> None:
    period = hand(engine, since=dt.date(2024, 3, 1))
    assert column(period, "value")["A"] == 0
    assert column(period, "downstream")["B"] == 1  # only H came in it
    assert column(period, "influence")["B"] == 0.5
    assert column(period, "brought")["E"] == 40


def test_a_referrer_who_signed_up_later_cannot_have_invited() -> None:
    late = people()
    late.loc[late["customer_id"] == "B", "signed_up_at"] = START + pd.Timedelta(days=15)
    found = hand(customers=late)
    assert found.referrals.handled["customers"].tolist() == [1, 1, 1, 1]
    assert column(found, "direct")["B"] == 1


def test_without_dates_of_sign_up_circles_still_open() -> None:
    found = hand(customers=people().drop(columns="signed_up_at"))
    assert found.referrals.handled["customers"].tolist() == [1, 1, 0, 1]
    assert column(found, "direct")["C"] == 1  # C is the first in the table, so C loses the referrer and keeps D


def test_numbers_as_ids() -> None:
    number = {name: place for place, name in enumerate(NAMES)}
    who = people().assign(
        customer_id=lambda t: t["customer_id"].map(number), referrer_id=lambda t: t["referrer_id"].map(number)
    )
    bought = orders().assign(customer_id=lambda t: t["customer_id"].map(number))
    found = core_users.components(bought, as_of=LAST, customers=who)
    assert column(found, "downstream")[number["B"]] == 4


def test_missing_tables_leave_components_out_and_say_so() -> None:
    alone = core_users.components(opskit.open("cdnow").orders, as_of=dt.date(1998, 6, 30))
    assert alone.measured == ("value",)
    assert set(alone.reasons) == {"contribution", "influence"}
    assert alone.table[["contribution", "influence"]].isna().all(axis=None)
    scored = core_users.score(alone)
    assert scored["score"].sum() == pytest.approx(1)
    assert scored["score"].to_numpy() == pytest.approx(scored["value"] / scored["value"].sum())
    assert core_users.overlap(alone, 20).empty
    assert core_users.sensitivity(alone, 20)["variant"].tolist() == ["as chosen"]
    without = hand(customers=people().drop(columns="referrer_id"))
    assert without.measured == ("value", "contribution")
    assert "referrer_id" in without.reasons["influence"]
    assert hand(contributions=["sing"]).reasons["contribution"] == "no event is called sing"


def test_margin_is_less_the_margin_of_what_was_refunded() -> None:
    bought = orders().assign(margin=lambda t: t["revenue"] * 0.5, refund=lambda t: t["revenue"] * 0.5)
    found = core_users.components(bought, as_of=LAST, value="margin", customers=people())
    assert column(found, "value") == {name: SPENT.get(name, 0.0) / 4 for name in NAMES}
    with pytest.raises(OpskitError, match="orders lacks 'margin'"):
        hand(value="margin")


amounts = st.lists(st.integers(0, 50), min_size=20, max_size=40)


def table_of(value: list[int], contribution: list[int], influence: list[int]) -> core_users.Components:
    n = min(map(len, (value, contribution, influence)))
    columns = {"value": value[:n], "contribution": contribution[:n], "influence": influence[:n]}
    table = pd.DataFrame({"customer_id": range(n), "known_since": 0.0, **columns}).astype(float)
    measured = tuple(name for name in core_users.COMPONENTS if table[name].sum() > 0)
    return core_users.Components(table, measured, {})


@settings(max_examples=25, deadline=None)
@given(amounts, amounts, amounts, st.sampled_from(core_users.COMPONENTS), st.sampled_from(["share", "rank"]))
def test_more_of_anything_never_lowers_the_score_or_the_place(value, contribution, influence, name, scale) -> None:
    found = table_of([one + 1 for one in value], contribution, influence)
    if name not in found.measured:
        return
    before = core_users.score(found, scale=scale)
    assert before["score"].sum() == pytest.approx(1) or scale == "rank"
    more = found.table.copy()
    more.loc[3, name] += 7
    after = core_users.score(found._replace(table=more), scale=scale)
    assert after.loc[3, "score"] >= before.loc[3, "score"] - 1e-12
    assert after.loc[3, "rank"] <= before.loc[3, "rank"]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 300), st.integers(1, 9)), min_size=1, max_size=40))
def test_later_rows_never_change_an_earlier_result(rows: list[tuple[int, int, int]]) -> None:
    """Rows of three kinds after the day: orders, reviews, and new customers whom somebody invited."""
    day = dt.date(2024, 9, 1)
    later = [
        (f"N{who}" if who > 19 else NAMES[who], START + pd.Timedelta(days=245 + at), size) for who, at, size in rows
    ]
    new = pd.DataFrame(later, columns=["customer_id", "at", "revenue"])
    more_orders = pd.concat([orders(), new.rename(columns={"at": "ordered_at"}).astype({"revenue": float})])
    more_events = pd.concat(
        [events(), new.drop(columns="revenue").rename(columns={"at": "occurred_at"}).assign(event="post")]
    )
    fresh = new[~new["customer_id"].isin(NAMES)].drop_duplicates("customer_id")
    joined = fresh.rename(columns={"at": "signed_up_at"}).drop(columns="revenue").assign(referrer_id="B")
    known = hand(as_of=day)
    found = core_users.components(more_orders, as_of=day, customers=pd.concat([people(), joined]), events=more_events)
    pd.testing.assert_frame_equal(found.table, known.table)
    assert found.measured == known.measured


@pytest.fixture(scope="module")
def shop_tables() -> dict[str, pd.DataFrame]:
    ds = opskit.open("shop", engine="pandas")
    wanted = {"orders": "revenue", "customers": "referrer_id", "events": "event"}
    return {name: getattr(ds, name)[["customer_id", WHEN[name], column]] for name, column in wanted.items()}


def test_engines_agree_on_the_shop(engine, shop_tables) -> None:
    tables = {name: engine(table) for name, table in shop_tables.items()}
    found = core_users.components(tables.pop("orders"), as_of=dt.date(2025, 12, 31), **tables)
    truth = REFERENCE.setdefault("shop", found)
    counts = ["customer_id", "contribution", "direct", "downstream", "influence", "known_since"]
    pd.testing.assert_frame_equal(found.table[counts], truth.table[counts], check_exact=True)
    np.testing.assert_allclose(found.table["value"], truth.table["value"], rtol=1e-9)
    np.testing.assert_allclose(found.table["brought"], truth.table["brought"], rtol=1e-9)


WHEN = {"orders": "ordered_at", "customers": "signed_up_at", "events": "occurred_at"}
REFERENCE: dict[str, Any] = {}


def test_engines_agree_on_quarters_and_silence(engine, cdnow: pd.DataFrame) -> None:
    day = dt.date(1998, 6, 30)
    quarters = core_users.by_quarter(engine(cdnow), as_of=day)
    assert quarters["n"].tolist() == [2357, 524, 418, 404, 384, 300]
    spent = cdnow.assign(quarter=cdnow["ordered_at"].dt.to_period("Q")).groupby(["quarter", "customer_id"])["revenue"]
    shares = [part / part.sum() for _, part in spent.sum().groupby("quarter")]
    assert quarters["hhi"].tolist() == pytest.approx([float((part**2).sum()) for part in shares])
    assert quarters["share"].tolist() == pytest.approx(
        [float(part.sort_values().iloc[-round(0.05 * len(part)) :].sum()) for part in shares]
    )
    silent = core_users.silence(engine(cdnow), as_of=day)
    counts = silent["state"].value_counts().to_dict()
    assert counts == REFERENCE.setdefault("silence", counts)


def test_silence_by_hand() -> None:
    days = {"often": [0, 10, 20], "late": [0, 300, 340], "gone": [0, 10, 20, 30], "once": [350]}
    rows = [(who, START + pd.Timedelta(days=day), 1.0) for who, at in days.items() for day in at]
    bought = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"])
    found = core_users.silence(bought, as_of=dt.date(2024, 12, 31)).set_index("customer_id")
    assert found.loc["gone", ["gap_days", "days_since_last_order"]].tolist() == [10, 335]
    assert found["basis"].to_dict() == {
        "gone": "own rhythm", "late": "own rhythm", "often": "own rhythm", "once": "all customers"
    }  # fmt: skip
    assert found["state"].to_dict() == {"gone": "silent", "late": "on time", "often": "silent", "once": "on time"}
    assert core_users.silence(bought, as_of=dt.date(2024, 1, 26)).set_index("customer_id")["state"].to_dict() == {
        "gone": "on time", "late": "late", "often": "on time"
    }  # fmt: skip


def test_dependency_counts_everybody_once() -> None:
    found = hand()
    scored = core_users.score(found, weights={"influence": 1})
    assert scored["customer_id"].head(2).tolist() == ["B", "E"]
    held = core_users.dependency(found, scored, [1, 2]).set_index(["top", "held"])["amount"]
    assert held[1, "own value"] == 0
    assert held[1, "brought value"] == 100
    assert held[2, "own value"] == 10
    assert held[2, "brought value"] == 90  # E is in the top now, and G and H count once though both stand above them
    assert held[1, "both"] == held[2, "both"] == 100
    assert held[2, "contributions"] == 1


def test_by_value_alone_two_roads_to_the_interval_agree(shop) -> None:
    """Leaving out families and picking anew, against the influence function of the share of the top."""
    found = shop["found"]
    one = core_users.dependency(found, core_users.score(found, weights={"value": 1}), [400]).set_index("held")
    other = core_users.spread(found).measures.set_index(["component", "measure"]).loc[("value", "top 10%")]
    assert one.loc["own value", "share"] == pytest.approx(other["estimate"])
    width = one.loc["own value", "high"] - one.loc["own value", "low"]
    assert width == pytest.approx(other["high"] - other["low"], rel=0.25)


def test_overlap_by_hand_and_ties_belong_in_part() -> None:
    n = 40
    value = [10] * 4 + [5] * 4 + [0] * (n - 8)  # the top six: four, and four who share the two places left
    found = table_of(value, [1] * 4 + [0] * (n - 4), list(range(n)))
    pairs = core_users.overlap(found, 6).set_index(["first", "second"])
    row = pairs.loc[("contribution", "value")]
    assert row[["n", "shared", "share"]].tolist() == [4, 4.0, 1.0]
    assert row["by_chance"] == pytest.approx(6 / n)
    assert row["verdict"] == "more than chance"
    assert pairs.loc[("value", "influence"), "shared"] == 0
    assert row["correlation"] == pytest.approx(pd.Series(value).corr(found.table["contribution"], method="spearman"))


def test_independent_tops_overlap_as_by_chance() -> None:
    rng = np.random.default_rng(5)
    found = table_of(*(rng.permutation(40).tolist() for _ in range(3)))
    assert not core_users.overlap(found, 8)["verdict"].eq("more than chance").any()


def test_firmness_says_under_how_many_weights_somebody_belongs() -> None:
    n = 30
    found = table_of([50] + [1] * (n - 1), [50] + [0] * (n - 1), [0, 9] + [0] * (n - 2))
    firm = core_users.firmness(found, 1)
    assert firm.sum() == pytest.approx(1)
    assert firm[0] > 0.5 > firm[1] > 0.1
    assert firm[2:].max() == 0


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    ds = opskit.open("shop")
    tables = {"customers": ds.customers, "events": ds.events}
    found = core_users.components(ds.orders, as_of=ds.as_of, **tables)
    lasting = core_users.persistence(ds.orders, as_of=ds.as_of, core_share=0.05, **tables)
    return {"found": found, "scored": core_users.score(found), "lasting": lasting}


def test_the_pick_on_one_period_in_the_next(shop) -> None:
    lasting = shop["lasting"]
    held = lasting.held.set_index(["pick", "component"])
    # Regression to the mean: every pick holds less of what it was picked for, and still more than chance gives.
    assert held.loc[("value", "value"), "times_after"] < held.loc[("value", "value"), "times_before"]
    assert held.loc[("score", "value"), "low"] > held.loc[("chance", "value"), "after"]
    assert held.loc[("score", "influence"), "low"] > held.loc[("value", "influence"), "high"]
    chance = held.loc["chance"]
    assert (chance["times_after"] == 1).all()
    assert (chance["low"] < chance["after"]).all()
    stayed = lasting.stayed.set_index("pick")
    assert (stayed["low"] > stayed["by_chance"]).all()
    # The first period by hand: the same pick from orders, events and sign-ups of 2024 alone.
    ds = opskit.open("shop", as_of="2024-12-31")
    alone = core_users.components(
        ds.orders, as_of=ds.as_of, since=lasting.periods[0], customers=ds.customers, events=ds.events
    )
    size = stayed.loc["score", "n"]
    first = core_users.score(alone).head(size)
    assert first["value"].sum() / alone.table["value"].sum() == pytest.approx(held.loc[("score", "value"), "before"])


def test_random_picks_scatter_as_a_hypergeometric_draw_does() -> None:
    """All customers alike: half of them spend again, and a pick's share of that is known exactly."""
    from scipy.stats import hypergeom

    n = 200
    days = [*[(who, 0) for who in range(n)], *[(who, 200) for who in range(0, n, 2)]]
    bought = pd.DataFrame(days, columns=["customer_id", "day"]).assign(revenue=1.0)
    bought["ordered_at"] = START + pd.to_timedelta(bought.pop("day"), unit="D")
    lasting = core_users.persistence(bought, as_of=LAST, core_share=0.1, draws=4000)
    chance = lasting.held.set_index("pick").loc["chance"]
    low, high = hypergeom(n, n // 2, 20).ppf([0.025, 0.975]) / (n // 2)
    assert chance[["low", "high"]].tolist() == pytest.approx([low, high], abs=0.011)
    assert set(lasting.stayed["pick"]) == {"score"}  # value is all there is


def test_the_list_is_in_order_and_gives_reasons(shop) -> None:
    ds = opskit.open("shop")
    found, scored = shop["found"], shop["scored"]
    silent = core_users.silence(ds.orders, as_of=ds.as_of)
    firm = core_users.firmness(found, 80, draws=50)
    listed = core_users.audience(found, scored, silent, firm, 80)
    assert sorted(listed["rank"]) == list(range(1, 81))
    states = listed["state"].tolist()
    assert states == sorted(states, key=["late", "silent", "on time", "never ordered"].index)
    for _, part in listed.groupby("state"):
        assert part["rank"].is_monotonic_increasing
    assert listed["reason"].str.len().min() > 0
    assert listed.loc[listed["role"] == "inviter", "reason"].str.contains("brought").all()
    assert not set(listed) & {"nickname", "phone"}
    risk = core_users.at_risk(found, scored, silent, 80).set_index("group")
    assert risk.loc["core", ["n", "too_new", "never_ordered"]].sum() == 80
    assert risk.loc["core", ["silent", "late", "on_time"]].sum() == risk.loc["core", "n"]
    assert risk["n"].sum() == (silent["basis"] == "own rhythm").sum()


def test_sensitivity_counts_the_stayers(shop) -> None:
    found = shop["found"]
    table = core_users.sensitivity(found, 80).set_index("variant")
    chosen = set(core_users.score(found).head(80)["customer_id"])
    spenders = set(core_users.score(found, weights={"value": 1}).head(80)["customer_id"])
    assert table.loc["as chosen", "stay"] == 80
    assert table.loc["value alone", "stay"] == len(chosen & spenders)
    money = hand(influence_in="value")
    assert "influence: in customers" in core_users.sensitivity(money, 3)["variant"].tolist()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda: hand(discount=2), "discount == 2, must be <= 1."),
        (lambda: hand(value="turnover"), "value == 'turnover', must be one of 'revenue', 'margin'."),
        (lambda: hand(influence_in="money"), "influence_in == 'money', must be one of"),
        (lambda: hand(contributions=[]), "contributions is empty"),
        (lambda: core_users.score(hand(), weights={"value": -1}), "weight of value == -1, must be >= 0."),
        (lambda: core_users.score(hand(), weights={"size": 1}), "weights == 'size', must be one of"),
        (lambda: core_users.score(hand(), weights={"value": 0}), "add up to 0, must be > 0."),
        (lambda: core_users.score(hand(), scale="log"), "scale == 'log', must be one of 'share', 'rank'."),
        (lambda: core_users.core(core_users.score(hand()), 99), "size == 99, must be <= 22."),
        (lambda: core_users.silence(orders(), as_of=LAST, silent_after=1), "silent_after == 1, must be > 1."),
    ],
)
def test_options_are_refused_with_name_value_and_rule(what, message: str) -> None:
    with pytest.raises(OpskitError, match=message.replace("(", r"\(")):
        what()


def test_too_little_data_is_one_sentence() -> None:
    with pytest.raises(TooLittleDataError, match=r"^6 customers are known by 2024-12-31, must be at least 20\.$"):
        core_users.components(orders(), as_of=LAST)
    with pytest.raises(TooLittleDataError, match="No customer has any revenue"):
        core_users.components(orders().assign(revenue=0.0), as_of=LAST, customers=people())


def test_all_alike_and_short_data_give_statements_not_numbers() -> None:
    bought = pd.DataFrame({"customer_id": range(40), "ordered_at": START, "revenue": 1.0})
    day = dt.date(2024, 1, 10)
    found = core_users.components(bought, as_of=day)
    assert core_users.spread(found).measures.set_index("measure").loc["gini", "estimate"] == pytest.approx(0)
    lasting = core_users.persistence(bought, as_of=day, core_share=0.1)
    assert lasting.stayed.empty
    assert lasting.held.empty
    for ax in (
        core_users.plot_persistence(lasting),
        core_users.plot_overlap(core_users.overlap(found, 4)),
        core_users.plot_sensitivity(core_users.sensitivity(found, 4)),
        core_users.plot_quarters(core_users.by_quarter(bought, as_of=day)),
    ):
        assert len(ax.texts) == 1
    plt.close("all")


def test_figures_say_what_their_tables_say(shop) -> None:
    found, scored = shop["found"], shop["scored"]
    held = core_users.dependency(found, scored, [10, 80])
    own = held[(held["top"] == 80) & (held["held"] == "own value")]["share"].iloc[0]
    assert f"{100 * own:.1f}%" in core_users.plot_dependency(held).get_title(loc="left")
    ax = core_users.plot_core(found, scored, top=10)
    reach = sum(patch.get_width() for container in ax.containers for patch in list(container)[-1:])
    assert reach == pytest.approx(scored["score"].iloc[0])
    assert len(core_users.plot_spread(core_users.spread(found)).get_lines()) == 4
    plt.close("all")
