"""The plan's laws: every customer once, nobody written to who may not be, a lot that stays; one flag for each defect."""

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit import frames
from opskit.errors import OpskitError
from opskit.incentives import plan
from opskit.incentives.plan.reached import KEPT_BACK

AS_OF = dt.date(2025, 11, 30)
END = pd.Timestamp("2025-12-01")
DAY = pd.Timedelta(days=1)
SOUND = {
    "drive": "welfare",
    "scene": "checkout",
    "medium": "sms",
    "unit_cost": 1.0,
    "kpi": "buyers",
    "hoped_effect": 1.0,
}
SOUND |= {"experiment": "test", "holdout": 0.4, "means": "coupon", "cap": 2.0, "cap_days": 30.0, "message": "come back"}
Tables = dict[str, pd.DataFrame]


@cache
def drawn(seed: int = 1, customers: int = 400) -> Tables:
    """Accounts of whom some never bought, orders, messages, suppressions and memberships of a year."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"客户{number:04d}" for number in range(customers)], dtype=object)

    def when(n: int, days: int = 365) -> pd.DatetimeIndex:
        return END - pd.to_timedelta(rng.uniform(0, days, n), unit="D").floor("s")

    rate = rng.gamma(2, 2, customers)
    buys = np.repeat(np.arange(customers), np.where(rng.random(customers) < 0.9, rng.poisson(rate), 0))
    orders = pd.DataFrame({"customer_id": ids[buys], "ordered_at": when(len(buys))})
    people = pd.DataFrame(
        {
            "customer_id": ids,
            "signed_up_at": END - 366 * DAY,
            "region": rng.choice(np.array(["North", "华东", None], dtype=object), customers),
            "phone": np.where(rng.random(customers) < 0.1, None, "13800000000").astype(object),
        }
    )
    written = rng.integers(0, customers, 2 * customers)
    contacts = pd.DataFrame(
        {
            "customer_id": ids[written],
            "sent_at": when(len(written), 90),
            "medium": rng.choice(["sms", "SMS ", "wechat"], len(written)),
            "cost": 0.1,
            "holdout": rng.random(len(written)) < 0.2,
            "opted_out": rng.random(len(written)) < 0.01,
        }
    )
    refused = rng.choice(customers, customers // 12, replace=False)
    suppressions = pd.DataFrame(
        {
            "customer_id": ids[refused],
            "medium": rng.choice(np.array(["sms", "wechat", None], dtype=object), len(refused)),
            "since": END - pd.to_timedelta(rng.integers(-10, 200, len(refused)), unit="D"),
            "until": pd.Series(END + pd.to_timedelta(rng.integers(-30, 60, len(refused)), unit="D")).where(
                rng.random(len(refused)) < 0.5
            ),
        }
    )
    held = rng.choice(customers, customers // 5, replace=False)
    memberships = pd.DataFrame(
        {
            "customer_id": ids[held],
            "level": rng.choice(["gold", "silver"], len(held)),
            "started_at": END - pd.to_timedelta(rng.integers(1, 300, len(held)), unit="D"),
            "ended_at": pd.Series([END + 100 * DAY] * len(held)).where(rng.random(len(held)) < 0.5),
        }
    )
    orders["revenue"] = np.round(rng.gamma(3, 40, len(orders)), 2)
    return {
        "orders": orders,
        "people": people,
        "contacts": contacts,
        "suppressions": suppressions,
        "memberships": memberships,
    }


def rows(*given_rows: dict[str, Any]) -> pd.DataFrame:
    return plan.given_plan(pd.DataFrame([{**SOUND, **row} for row in given_rows]))


RECENT = {"segment": "recent", "goal": "retain", "who": "days_since_last <= 30"}
ASLEEP = {"segment": "asleep", "goal": "activate", "who": "days_since_last > 30"}
NEVER = {"segment": "never bought", "goal": "trade", "who": "orders == 0", "hoped_effect": 5.0, "medium": "wechat"}
LAWFUL = (
    {"segment": "gold", "goal": "retain", "who": "tier == gold", "medium": "wechat", "address": "phone", "messages": 2},
    {"segment": "north", "goal": "trade", "who": "region in (North, South) and orders >= 2", "cap_days": 60},
    ASLEEP,
    {"segment": "recent", "goal": "trade", "who": "days_since_last <= 30", "cap": None},
)


def made(
    sheet: pd.DataFrame, tables: Tables, engine: Callable[[pd.DataFrame], Any] = lambda frame: frame, **options: Any
):
    """The audience of a plan over tables as one engine holds them."""
    held = {name: engine(table) for name, table in tables.items()}
    return plan.audience(sheet, held.pop("orders"), as_of=AS_OF, interval_days=30, **held, **options)


@pytest.fixture(scope="module")
def lawful() -> plan.Audience:
    return made(rows(*LAWFUL), drawn())


def test_every_customer_once_and_the_boxes_add_up(lawful: plan.Audience) -> None:
    people, table = lawful.people, plan.counts(lawful)
    everybody = {*drawn()["people"]["customer_id"], *drawn()["orders"]["customer_id"]}
    assert people["customer_id"].is_unique
    assert set(people["customer_id"]) == everybody
    assert (table[list(plan.STATUSES)].sum(axis=1) == table["people"]).all()
    assert table["people"].sum() + (people["place"] == -1).sum() == len(everybody)
    assert (table["fit"] - table["earlier"] == table["people"]).all()
    assert (people["status"] == "").equals(people["place"] == -1)
    assert (table[["people", plan.SENT, plan.HELD_OUT]] > 0).all(axis=None)
    for reason in KEPT_BACK:
        assert table[reason].sum() > 0, reason
    lists = [plan.export(lawful, status=status) for status in plan.STATUSES]
    assert sum(map(len, lists)) == table["people"].sum()
    assert pd.concat(lists)["customer_id"].is_unique


@cache
def by_hand(seed: int, customers: int) -> pd.DataFrame:
    """Row and reason of every customer, one customer after another, in plain Python."""
    tables, found = drawn(seed, customers), []
    orders = dict(iter(tables["orders"].groupby("customer_id")))
    phone = tables["people"].set_index("customer_id")
    for who in sorted(phone.index):
        mine = orders.get(who)
        bought = 0 if mine is None else len(mine)
        silent = None if mine is None else (END - DAY - mine["ordered_at"].max().normalize()).days
        spells = tables["memberships"][tables["memberships"]["customer_id"] == who]
        gold = any(s.level == "gold" and (pd.isna(s.ended_at) or s.ended_at >= END) for s in spells.itertuples())
        fits = (
            gold,
            phone.loc[who, "region"] == "North" and bought >= 2,
            silent is not None and silent > 30,
            silent is not None and silent <= 30,
        )
        place = next((at for at, fit in enumerate(fits) if fit), -1)
        medium, days, cap, messages = [("wechat", 30, 2, 2), ("sms", 60, 2, 1), ("sms", 30, 2, 1), ("sms", 30, 99, 1)][
            place
        ]
        refused = tables["suppressions"][tables["suppressions"]["customer_id"] == who]
        no = any(
            (pd.isna(r.medium) or r.medium == medium) and r.since < END and (pd.isna(r.until) or r.until >= END)
            for r in refused.itertuples()
        )
        written = tables["contacts"][tables["contacts"]["customer_id"] == who]
        written = written[written["medium"].str.strip().str.lower() == medium]
        lately = written[(written["sent_at"] >= END - days * DAY) & ~written["holdout"]]
        reason = ""
        if place >= 0:
            over = len(lately) + messages > cap
            nowhere = place == 0 and pd.isna(phone.loc[who, "phone"])
            told = zip(KEPT_BACK, (no, written["opted_out"].any(), nowhere, over), strict=True)
            reason = next((name for name, holds in told if holds), "")
        found.append((who, place, reason, len(lately) if place >= 0 else 0))
    return pd.DataFrame(found, columns=["customer_id", "place", "reason", "sent_before"])


def test_rows_and_reasons_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    people = made(rows(*LAWFUL), drawn(2, 150), engine).people
    expected = by_hand(2, 150)
    assert people["customer_id"].tolist() == expected["customer_id"].tolist()
    assert people["place"].tolist() == expected["place"].tolist()
    reason = people["status"].where(people["status"].isin(KEPT_BACK), "")
    assert reason.tolist() == expected["reason"].tolist()
    assert people["sent_before"].tolist() == expected["sent_before"].tolist()


def test_engines_agree_on_every_column(engine: Callable[[pd.DataFrame], Any], lawful: plan.Audience) -> None:
    people = made(rows(*LAWFUL), drawn(), engine).people
    pd.testing.assert_frame_equal(people, lawful.people, rtol=1e-9, check_dtype=False)
    sheet, tables = rows(*LAWFUL), drawn()
    options = {"as_of": AS_OF, "rows": lawful.rows, "interval_days": 30}
    there = {name: engine(tables[name]) for name in ("orders", "people", "memberships")}
    base = plan.before(sheet, there.pop("orders"), **there, **options)
    there = {name: tables[name] for name in ("orders", "people", "memberships")}
    pd.testing.assert_frame_equal(base, plan.before(sheet, there.pop("orders"), **there, **options), rtol=1e-9)
    assert plan.message_costs(engine(tables["contacts"]), as_of=AS_OF) == pytest.approx({"sms": 0.1, "wechat": 0.1})
    assert plan.media_used(engine(tables["contacts"]), as_of=AS_OF).sum() == len(tables["contacts"])


def test_nobody_on_the_list_may_not_be_written_to(lawful: plan.Audience) -> None:
    tables = drawn()
    for medium, part in plan.export(lawful).groupby("medium"):
        refused = tables["suppressions"]
        now = (refused["since"] < END) & (refused["until"].isna() | (refused["until"] >= END))
        refused = refused[now & (refused["medium"].isna() | (refused["medium"] == medium))]
        assert not set(part["customer_id"]) & set(refused["customer_id"])
    sent = lawful.people[lawful.people["status"] == plan.SENT]
    cap = lawful.plan["cap"].fillna(np.inf).to_numpy()[sent["place"]]
    assert (sent["sent_before"] + lawful.plan["messages"].to_numpy()[sent["place"]] <= cap).all()


def test_the_lot_does_not_hang_on_the_order_of_rows_or_on_who_else_is_there(lawful: plan.Audience) -> None:
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in drawn().items()}
    pd.testing.assert_frame_equal(made(rows(*LAWFUL), shuffled).people, lawful.people, rtol=1e-9)
    half = {
        name: table[table["customer_id"].str[-1].isin(list("02468"))].reset_index(drop=True)
        for name, table in drawn().items()
    }
    fewer = made(rows(*LAWFUL), half).people.set_index("customer_id")["status"]
    assert lawful.people.set_index("customer_id")["status"].loc[fewer.index].equals(fewer)
    other = made(rows(*LAWFUL), drawn(), seed=8).people
    aside = other["status"].eq(plan.HELD_OUT), lawful.people["status"].eq(plan.HELD_OUT)
    assert (aside[0] != aside[1]).any(), "another seed draws anew"
    assert other["place"].equals(lawful.people["place"])


def test_a_larger_hold_out_keeps_those_of_a_smaller_one(lawful: plan.Audience) -> None:
    aside = [
        set(plan.export(plan.with_holdout(lawful, share), status=plan.HELD_OUT)["customer_id"])
        for share in (0.1, 0.3, 0.6)
    ]
    assert aside[0] < aside[1] < aside[2]
    same = plan.with_holdout(lawful, 0.4).people["status"]
    assert same.equals(lawful.people["status"]), "0.4 is what the plan holds out"


def siphash(key: bytes, text: bytes) -> int:
    """SipHash-2-4 as its authors describe it."""
    mask = (1 << 64) - 1

    def turned(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & mask

    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def half(a: int, b: int, by: int) -> None:
        v[a] = (v[a] + v[b]) & mask
        v[b] = turned(v[b], by) ^ v[a]

    def mix(times: int) -> None:
        for _ in range(times):
            half(0, 1, 13)
            v[0] = turned(v[0], 32)
            half(2, 3, 16)
            half(0, 3, 21)
            half(2, 1, 17)
            v[2] = turned(v[2], 32)

    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        mix(2)
        v[0] ^= word
    v[2] ^= 0xFF
    mix(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_the_lot_is_siphash_and_so_the_same_for_good() -> None:
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5  # Aumasson & Bernstein (2012), appendix A
    ids, mask = ["C0000001", "客户0001", "", "17"], (1 << 64) - 1
    found = plan.drawn(pd.Series(ids), seed=7)
    for one, number in zip(ids, found, strict=True):
        x = siphash(b"0000000000000007", one.encode())
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask  # the bits are mixed as in SplitMix64
        x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
        assert number == ((x ^ x >> 31) >> 11) / 2**53
    assert plan.drawn(pd.Series([17]), seed=7)[0] == found[3], "a number counts as its digits"


def test_the_lot_is_even() -> None:
    from scipy import stats

    for seed in (0, 7, 123):
        numbers = plan.drawn(pd.Series([f"C{at:07d}" for at in range(5_000)]), seed=seed)
        assert stats.kstest(numbers, "uniform").pvalue > 0.001
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4 / np.sqrt(5_000)


TABLE = pd.DataFrame(
    {
        "orders": [0, 1, 2, 5, 9],
        "silent": [None, 3.0, 60.0, 61.0, 400.0],
        "region": ["North", None, "华东", "South", "North"],
        "asked": [True, False, None, True, False],
    }
)


def holds(rule: str, frame: Any) -> list[bool]:
    lf = frames.lazy(frame)
    lf = lf.with_columns(plan.condition(plan.parse(rule), lf.collect_schema()).alias("holds"))
    return frames.collect(lf.select("orders", "holds")).sort_values("orders")["holds"].astype(bool).tolist()


MEANT = [
    ("orders >= 2 and silent >= 60", "00111"),
    ("orders>=2 且 silent≥60", "00111"),
    ("not (silent >= 60)", "11000"),
    ("silent != 60", "01011"),
    ("1 <= orders < 6", "01110"),
    ("5 <= orders", "00011"),
    ("region = North or region == '华东'", "10101"),
    ("region in (North, 'South')", "10011"),
    ("region not in (North, South)", "00100"),
    ("region != North", "00110"),
    ("region == 华东", "00100"),
    ("asked", "10010"),
    ("not asked", "01101"),
    ("asked == false AND orders > 1", "00001"),
    ("orders in [1, 9] or silent > -1 and orders = 2", "01101"),
    ("region == “华东” 或 orders == 9", "00101"),
    ("orders > 1.5", "00111"),
]


def test_rules_mean_what_they_say(engine: Callable[[pd.DataFrame], Any]) -> None:
    lf = frames.lazy(engine(TABLE))
    schema = lf.collect_schema()
    fits = [plan.condition(plan.parse(rule), schema).alias(f"fits_{at}") for at, (rule, _) in enumerate(MEANT)]
    found = frames.collect(lf.with_columns(*fits)).sort_values("orders")
    for at, (rule, fit) in enumerate(MEANT):
        assert found[f"fits_{at}"].astype(bool).tolist() == [letter == "1" for letter in fit], rule


comparisons = st.one_of(
    st.tuples(
        st.sampled_from(["orders", "silent"]), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(-2, 70)
    ),
    st.tuples(st.just("region"), st.sampled_from(["==", "!="]), st.sampled_from(["North", "South", "华东", "West"])),
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> tuple[str, Callable[[dict[str, Any]], bool]]:
    """A rule, and the same as a function of one customer."""
    kind = draw(st.sampled_from(["compare", "and", "or", "not"])) if depth else "compare"
    if kind == "compare":
        column, sign, value = draw(comparisons)

        def compared(row: dict[str, Any]) -> bool:
            own = row[column]
            tests = {"<": lambda: own < value, "<=": lambda: own <= value, ">": lambda: own > value}
            tests |= {">=": lambda: own >= value, "==": lambda: own == value, "!=": lambda: own != value}
            return own is not None and own == own and tests[sign]()

        return f"{column} {sign} {value!r}", compared
    one, first = draw(trees(depth=depth - 1))
    if kind == "not":
        return f"not ({one})", lambda row: not first(row)
    two, second = draw(trees(depth=depth - 1))
    if kind == "and":
        return f"({one}) and ({two})", lambda row: first(row) and second(row)
    return f"({one}) or ({two})", lambda row: first(row) or second(row)


@settings(max_examples=25, deadline=None)
@given(trees())
def test_any_rule_is_what_plain_python_says(tree: tuple[str, Callable[[dict[str, Any]], bool]]) -> None:
    text, function = tree
    expected = [function(row) for row in TABLE.to_dict("records")]
    for frame in (TABLE, pl.from_pandas(TABLE), duckdb.from_arrow(pl.from_pandas(TABLE).to_arrow())):
        assert holds(text, frame) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "__import__('os').system('true')",
        "orders.__class__ == 1",
        "(lambda: 1)() == 1",
        "orders + 1 > 2",
        "orders if orders else orders",
        "[x for x in orders]",
        "(orders := 3) > 2",
        "orders[0] == 1",
        "f'{orders}' == '1'",
        "orders is None",
        "orders > 1; orders > 2",
        "orders >",
        "",
        "orders",
        "3 > 2",
        "orders > North",
        "region > North",
        "region == 3",
        "asked == 1",
        "orders == true",
        "orders in 3",
        "orders == (1, 2)",
        "orders > None",
        "(" * 300 + "orders > 1" + ")" * 300,
        "orders > 1 and " * 200 + "orders > 1",
        "orders > 1" * 2,
        "orders == 1j",
        "order >= 2",
    ],
)
def test_what_is_no_rule_is_refused_in_words(rule: str) -> None:
    with pytest.raises(OpskitError, match=r"rule ==|must"):
        holds(rule, TABLE)


def test_an_unknown_word_gets_a_suggestion_and_names_the_row() -> None:
    sheet = rows({"segment": "late", "goal": "trade", "who": "days_since_lst > 3"})
    with pytest.raises(OpskitError, match=r"who of 'late, trade': .*'days_since_lst'.*Did you mean 'days_since_last'"):
        made(sheet, drawn())


@pytest.mark.parametrize(
    ("cell", "value", "told"),
    [
        ("goal", "grow", "goal of 'recent' == 'grow', must be one of 'activate', 'trade', 'retain'"),
        ("means", "", "means of 'recent, retain' is empty"),
        ("drive", "welfar", "Did you mean 'welfare'"),
        ("unit_cost", -1.0, "unit_cost of 'recent, retain' == -1.0, must be >= 0"),
        ("used_share", 1.2, "must be <= 1"),
        ("holdout", 0.95, "must be <= 0.9"),
        ("messages", 0.0, "must be >= 1"),
        ("who", "orders >", "who of 'recent, retain': rule == 'orders >' cannot be read"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_row(cell: str, value: Any, told: str) -> None:
    with pytest.raises(OpskitError, match="incentive_plan") as error:
        rows({**RECENT, cell: value})
    assert told in str(error.value)


def test_a_segment_has_a_goal_once_and_priority_orders_rows() -> None:
    with pytest.raises(OpskitError, match="'recent, retain' twice"):
        rows(RECENT, RECENT)
    with pytest.raises(OpskitError, match="incentive_plan has 0 rows"):
        plan.given_plan(pd.DataFrame(columns=["segment", "goal", "means", "medium"]))
    sheet = rows({**RECENT, "priority": 3}, {**ASLEEP, "priority": None}, {**NEVER, "priority": 1})
    assert sheet["segment"].tolist() == ["never bought", "recent", "asleep"]


def judged(sheet: pd.DataFrame, tables: Tables, **options: Any) -> tuple[plan.Audience, pd.DataFrame, pd.DataFrame]:
    """Audience, figures and flags."""
    tables = {name: pl.from_pandas(table) for name, table in tables.items()}
    found = made(sheet, tables, **options)
    there = {name: tables[name] for name in ("orders", "people", "memberships")}
    base = plan.before(sheet, there.pop("orders"), as_of=AS_OF, rows=found.rows, interval_days=30, **there)
    figures = plan.expected(found, base, costs=plan.message_costs(tables["contacts"], as_of=AS_OF))
    return found, figures, plan.flags(found, figures, media=plan.media_used(tables["contacts"], as_of=AS_OF))


def without(kept: int) -> Tables:
    """The tables with this share in twelfths of all customers suppressed."""
    tables = drawn(1, 800)
    ids = tables["people"]["customer_id"]
    refused = ids[ids.index % 12 < kept]
    return {**tables, "suppressions": pd.DataFrame({"customer_id": refused, "medium": "sms"})}


EXTRA = {"segment": "hot", "goal": "trade", "who": "days_since_last <= 10", "hoped_effect": 5.0, "medium": "wechat"}
DEFECTS: dict[str, tuple[list[dict[str, Any]], int, str]] = {
    "left out": ([RECENT, NEVER], 0, "(the plan)"),
    "nobody": ([RECENT, ASLEEP, NEVER, {**EXTRA, "who": "orders > 1000"}], 0, "hot, trade"),
    "nobody: earlier": ([RECENT, ASLEEP, NEVER, EXTRA], 0, "hot, trade"),
    "nobody: segment": ([RECENT, ASLEEP, NEVER, {**EXTRA, "who": ""}], 0, "hot, trade"),
    "over": ([{**EXTRA, "until": "2025-11-30"}, RECENT, ASLEEP, NEVER], 0, "hot, trade"),
    "no KPI": ([{**RECENT, "kpi": ""}, ASLEEP, NEVER], 0, "recent, retain"),
    "KPI not measured": ([{**RECENT, "kpi": "byers"}, ASLEEP, NEVER], 0, "recent, retain"),
    "no experiment": ([{**RECENT, "experiment": ""}, ASLEEP, NEVER], 0, "recent, retain"),
    "no experiment: hold-out": ([RECENT, {**ASLEEP, "holdout": 0.0}, NEVER], 0, "asleep, activate"),
    "hold-out too small": ([{**RECENT, "hoped_effect": 0.05}, ASLEEP, NEVER], 0, "recent, retain"),
    "does not pay": ([{**RECENT, "unit_cost": 1e4}, ASLEEP, NEVER], 0, "recent, retain"),
    "over the cap": ([{**RECENT, "messages": 3}, ASLEEP, NEVER], 0, "recent, retain"),
    "over the cap: together": (
        [{**EXTRA, "medium": "sms", "messages": 2}, RECENT, ASLEEP, NEVER],
        0,
        "hot, trade + recent, retain",
    ),
    "no scene": ([RECENT, {**ASLEEP, "scene": " "}, NEVER], 0, "asleep, activate"),
    "out of reach": ([RECENT, {**ASLEEP, "medium": "wechat"}, NEVER], 4, "recent, retain"),
    "unknown medium": ([RECENT, {**ASLEEP, "medium": "smss"}, NEVER], 0, "asleep, activate"),
    "two goals": ([{**EXTRA, "segment": "recent"}, RECENT, ASLEEP, NEVER], 0, "recent, trade + recent, retain"),
}


def test_a_sound_plan_raises_no_flag() -> None:
    _, _, flags = judged(rows(RECENT, ASLEEP, NEVER), without(0))
    assert flags.to_dict("records") == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_raises_its_flag_and_no_other(defect: str) -> None:
    given_rows, kept, row = DEFECTS[defect]
    _, _, flags = judged(rows(*given_rows), without(kept))
    assert set(flags["flag"]) == {defect.partition(":")[0]}, flags.to_dict("records")
    assert set(flags["row"]) == {row}
    assert (flags["rule"] == flags["flag"].map(plan.RULES)).all()
    assert flags[["value", "remedy"]].map(bool).all(axis=None)
    assert not flags["value"].str.contains(r"\bnan\b|\binf\b").any()


def test_every_rule_has_a_defect() -> None:
    assert {name.partition(":")[0] for name in DEFECTS} == set(plan.RULES)


def test_a_segment_comes_from_a_list_or_from_a_column() -> None:
    tables = drawn()
    ids = tables["people"]["customer_id"]
    listed = pd.DataFrame({"customer_id": ids[:100], "segment": ["champions"] * 60 + ["sleepers"] * 40})
    sheet = rows({"segment": "champions", "goal": "retain"}, {"segment": "new", "goal": "trade"})
    found = made(sheet, tables, segments=listed)
    assert plan.counts(found)["people"].tolist() == [60, 0]
    column = {**tables, "people": tables["people"].merge(listed, how="left")}
    assert plan.counts(made(sheet, column))["people"].tolist() == [60, 0]
    _, figures, flags = judged(sheet, column)
    assert figures["base"].isna().all(), "who is a champion today says nothing of those of then"
    assert flags.loc[flags["flag"] == "left out", "value"].str.startswith("40 of 40 sleepers").any()
    assert flags.loc[flags["flag"] == "nobody", "value"].tolist() == ["no customer's segment is 'new'"]
    with pytest.raises(OpskitError, match="100 customers more than once"):
        made(sheet, tables, segments=pd.concat([listed, listed]))
    with pytest.raises(OpskitError, match="segments lacks 'segment'"):
        made(sheet, tables, segments=listed.rename(columns={"segment": "segmnt"}))


def test_the_customers_own_tier_counts_where_there_are_no_memberships() -> None:
    tables = {name: table for name, table in drawn().items() if name != "memberships"}
    tables["people"] = tables["people"].assign(tier=["gold"] * 30 + [None] * 370)
    found = made(rows({"segment": "gold", "goal": "retain", "who": "tier == gold"}), tables)
    assert plan.counts(found)["people"].tolist() == [30]
    assert (plan.export(found)["tier"] == "gold").all()
    assert set(found.people["tier"]) == {"gold", ""}


def test_the_base_and_the_visible_effect_by_hand() -> None:
    """40 customers silent for 50 days on day one; 10 come back within 30 days, for 100 each."""
    first = [(f"a{at}", "2025-09-11") for at in range(40)]
    again = [(f"a{at}", "2025-11-15") for at in range(10)]
    orders = pd.DataFrame([*first, *again], columns=["customer_id", "day"])
    orders = orders.assign(ordered_at=pd.to_datetime(orders.pop("day")), revenue=100.0)
    sheet = rows({**ASLEEP, "hoped_effect": 0.5, "unit_cost": 20.0, "used_share": 0.5, "messages": 2, "kpi_days": 30})
    base = plan.before(sheet, orders, as_of=AS_OF, rows=[0], interval_days=30)
    assert base.loc[0, ["customers", "buyers", "orders", "revenue", "margin"]].tolist() == [40, 10, 10, 1000, 1000]
    found = plan.audience(sheet, orders, as_of=AS_OF, interval_days=30)
    assert plan.counts(found)["people"].tolist() == [30]
    row = plan.expected(found, base, costs={"sms": 0.25}).iloc[0]
    assert row[["base", "worth", "cost_each", "pays_from"]].tolist() == [0.25, 12.5, 10.5, pytest.approx(0.42)]
    assert row["cost_at_most"] == row["to_be_sent"] * 20.5
    # two means with the variance of the base in both groups, normal approximation
    sent, aside, variance = row["to_be_sent"], row["held_out"], 0.25 * 0.75 * 40 / 39
    seen = (1.959964 + 0.841621) * np.sqrt(variance * (1 / sent + 1 / aside)) / 0.25
    assert row["visible"] == pytest.approx(seen, rel=1e-4)
    assert row["needed"] == pytest.approx((seen / 0.5) ** 2 * (sent + aside), rel=0.02)


def test_the_list_holds_ids_and_what_is_needed_and_survives_every_format(tmp_path: Any, lawful: plan.Audience) -> None:
    from opskit.reports.tables import write_table

    listed = plan.export(lawful)
    assert not set(listed.columns) & {"phone", "address", "nickname"}
    assert [name for name in listed if name.startswith("tag: ")] == ["tag: segment", "tag: goal", "tag: means"]
    assert listed["value"].groupby(listed["segment"], sort=False).apply(lambda v: v.is_monotonic_decreasing).all()
    for suffix, read in (
        (".csv", pd.read_csv),
        (".xlsx", partial(pd.read_excel, engine="calamine")),
        (".parquet", pd.read_parquet),
    ):
        write_table(listed, tmp_path / f"list{suffix}")
        back = read(tmp_path / f"list{suffix}")
        assert back["customer_id"].tolist() == listed["customer_id"].tolist()
        assert back["tag: segment"].tolist() == listed["segment"].tolist()
    groups = plan.export(lawful, tags={"分群": "segment", "等级": "tier"})
    assert groups["tag: 等级"].equals(groups["tier"])
    with pytest.raises(OpskitError, match=r"tags\['x'\] == 'phone'"):
        plan.export(lawful, tags={"x": "phone"})
    with pytest.raises(OpskitError, match="status"):
        plan.export(lawful, status="sent")


def test_the_brief_is_inert(lawful: plan.Audience) -> None:
    sheet = lawful.plan.assign(message="<script>alert(1)</script>", means="a & b")
    _, figures, flags = judged(rows(*LAWFUL), drawn())
    shown = plan.brief(dataclasses.replace(lawful, plan=sheet), figures, flags, currency="CNY")
    assert "<script" not in shown.html
    assert "&lt;script&gt;" in shown.html
    assert "a &amp; b" in shown.html
    assert not re.search(r"\bnan\b", shown.html)
    printed = plan.page(shown, as_of=AS_OF, name="<b>")
    assert printed.count("<tr>") == len(sheet) + 1
    assert "<title>Incentive plan of &lt;b&gt;" in printed


def test_uses_of_benefits_by_drive(engine: Callable[[pd.DataFrame], Any]) -> None:
    tables = drawn(2, 150)
    ids = tables["people"]["customer_id"]
    uses = pd.DataFrame(
        {
            "customer_id": [*ids[:60], ids[0], ids[1]],
            "benefit": ["guide"] * 60 + ["coupon", "coupon"],
            "used_at": [END - 9 * DAY] * 61 + [END + DAY],
            "drive": ["content"] * 60 + ["welfare", "welfare"],
            "cost": [0.5] * 60 + [30.0, 30.0],
        }
    )
    sheet = rows(*LAWFUL)
    table = plan.catalogue(sheet, engine(uses), as_of=AS_OF).set_index(["drive", "benefit"])
    assert table.loc[("content", "guide"), ["uses", "users", "cost_per_use"]].tolist() == [60, 60, 0.5]
    row = table.loc[("welfare", "coupon")]
    assert row[["uses", "users", "cost_per_use", "unit_cost"]].tolist() == [1, 1, 30, 1], (
        "a use of tomorrow is not known"
    )
    assert row["last_used"] == dt.date(2025, 11, 22)
    found = made(sheet, {**tables, "benefit_uses": uses}, engine)
    by = plan.drives(found)
    users = (by["used_by"] * by["n"]).groupby(by["drive"]).sum()
    claimed = set(found.people.loc[found.people["place"] >= 0, "customer_id"])
    assert users["content"] == pytest.approx(len(claimed & set(ids[:60])))
    assert by.loc[by["drive"] == "content", "gap"].sum() == (by.loc[by["drive"] == "content", "used_by"] <= 0.05).sum()
    assert not by.loc[by["drive"] == "welfare", "gap"].any()


@pytest.mark.parametrize("customers", [1, 2, 3])
def test_few_customers_give_figures_or_nothing_but_no_failure(customers: int) -> None:
    orders = pd.DataFrame({"customer_id": range(customers), "ordered_at": END - 40 * DAY, "revenue": 10.0})
    sheet = plan.default_plan(interval_days=float("nan"))
    found = plan.audience(sheet, orders, as_of=AS_OF)
    figures = plan.expected(found, plan.before(sheet, orders, as_of=AS_OF, rows=found.rows))
    flags = plan.flags(found, figures)
    text = plan.brief(found, figures, flags).html + " ".join(flags["value"])
    text += " ".join(plan.decisions(found, figures, flags, plan.drives(found), made_from_data=True))
    assert found.people["place"].tolist() == [1] * customers, "40 days are late where the interval is 30"
    assert " nan" not in text
    assert " inf" not in text


def test_options_are_checked() -> None:
    tables, sheet = drawn(), rows(RECENT)
    with pytest.raises(OpskitError, match="seed == -1"):
        made(sheet, tables, seed=-1)
    with pytest.raises(OpskitError, match="as_of == '2025-01-01', must be a date"):
        plan.audience(sheet, tables["orders"], as_of="2025-01-01")
    with pytest.raises(OpskitError, match="orders lacks 'revenue'"):
        plan.audience(sheet, tables["orders"].drop(columns="revenue"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="interval_days == 0"):
        plan.audience(sheet, tables["orders"], as_of=AS_OF, interval_days=0)
    found, figures, _ = judged(sheet, tables)
    with pytest.raises(OpskitError, match="most_left_out == 2"):
        plan.flags(found, figures, most_left_out=2)
    with pytest.raises(OpskitError, match="power == 1"):
        plan.expected(found, pd.DataFrame(), power=1)
    with pytest.raises(OpskitError, match=r"share == 0\.95"):
        plan.with_holdout(found, 0.95)
