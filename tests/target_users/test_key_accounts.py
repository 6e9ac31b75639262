"""Key accounts: laws of the ledger, the rules, the whale curve, dependence, comings and goings, and the look ahead."""

import datetime as dt
from functools import partial
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

from opskit import customers
from opskit.errors import OpskitError, TooLittleDataError
from opskit.reports.tables import write_table
from opskit.target_users import key_accounts as ka

START = pd.Timestamp("2023-01-01 12:00")
LAST = dt.date(2024, 12, 31)
CDNOW_LAST = dt.date(1998, 6, 30)
RULES = ka.Rules(min_share=0.01, min_orders=4, min_tenure_days=90)


def shop(seed: int = 1, people: int = 240) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Orders, customers (every eighth belongs to one of twelve accounts) and contacts."""
    rng = np.random.default_rng(seed)
    pace = rng.gamma(0.8, 6, people) + 0.3
    who = np.repeat(np.arange(people), rng.poisson(pace) + 1)
    day = rng.uniform(0, 731, len(who)).astype(int)
    orders = pd.DataFrame(
        {"customer_id": [f"K{n:03d}" for n in who], "ordered_at": START + pd.to_timedelta(day, unit="D")}
    )
    orders["revenue"] = rng.choice([40.0, 80.0, 160.0, 320.0], len(who))
    orders["margin"] = 0.3 * orders["revenue"] - 5
    orders["refund"] = np.where(rng.random(len(who)) < 0.1, orders["revenue"] / 2, 0.0)
    late = orders["ordered_at"] + pd.to_timedelta(rng.integers(1, 40, len(who)), unit="D")
    orders["refunded_at"] = late.where(orders["refund"] > 0)
    orders["cost_to_serve"] = np.where(who % 40 == 0, 0.5, 0.02) * orders["revenue"]
    ids = [f"K{n:03d}" for n in range(people)]
    account = [f"G{n // 8 % 12:02d}" if n % 8 == 0 else None for n in range(people)]
    owner = [None if name is None or name > "G06" else f"owner {name}" for name in account]
    contacts = pd.DataFrame(
        {"customer_id": rng.choice([*ids, "X1"], 500), "cost": 0.5, "holdout": rng.random(500) < 0.1}
    )
    contacts["sent_at"] = START + pd.to_timedelta(rng.integers(0, 731, 500), unit="D")
    return orders, pd.DataFrame({"customer_id": ids, "account_id": account, "owner": owner}), contacts


def book(orders: Any, people: Any = None, contacts: Any = None, *, as_of: dt.date = LAST, **options: Any) -> ka.Ledger:
    when = ka.periods(orders, as_of=as_of, **options)
    return ka.ledger(orders, when, customers=people, contacts=contacts)


@pytest.fixture(scope="module")
def found() -> ka.Ledger:
    return book(*shop())


@pytest.fixture(scope="module")
def files(found: ka.Ledger) -> pd.DataFrame:
    orders, people, _ = shop()
    return ka.cards(found, ka.key_accounts(ka.reviewed(found), RULES), orders, customers=people)


@pytest.fixture(scope="module")
def music(cdnow: pd.DataFrame) -> ka.Ledger:
    return book(cdnow, as_of=CDNOW_LAST)


# --- the ledger ---


def test_a_hand_sized_ledger() -> None:
    """Twenty-one customers, of whom two are one account; one refund comes after the end of the earlier window."""
    day = dict.fromkeys([f"C{n:02d}" for n in range(21)], pd.Timestamp("2024-03-01"))
    rows = [(name, at, 100.0, 20.0, 0.0, None, 5.0) for name, at in day.items()]
    rows.append(("C00", pd.Timestamp("2023-12-01"), 200.0, 60.0, 100.0, pd.Timestamp("2024-02-01"), 10.0))
    rows.append(("C02", pd.Timestamp("2022-12-01"), 0.0, 0.0, 0.0, None, 0.0))
    columns = ["customer_id", "ordered_at", "revenue", "margin", "refund", "refunded_at", "cost_to_serve"]
    orders = pd.DataFrame(rows, columns=columns).astype({"refunded_at": "datetime64[ns]"})
    people = pd.DataFrame({"customer_id": ["C00", "C01"], "account_id": ["G", "G"]})
    sent = pd.DataFrame(
        {"customer_id": ["C01", "C01", "N"], "sent_at": pd.Timestamp("2024-04-01"), "cost": [1.0, 9, 7]}
    )
    sent["holdout"] = [False, True, False]
    found = book(orders, people, sent, window_days=365, review_days=90)
    table = found.table.set_index("account")
    assert list(table.index) == [*(f"C{n:02d}" for n in range(2, 21)), "G"]
    group = table.loc["G"]
    assert group[["kind", "customers", "orders_life", "revenue_life"]].tolist() == ["account", 2, 3, 400.0]
    # 20 + 20 from this year, half of 60 because half of the order was paid back; less service and the message sent.
    assert group["contribution_life"] == pytest.approx(70.0)
    assert group["profit_life"] == pytest.approx(70 - 20 - 1)
    assert group["squares_life"] == pytest.approx(15**2 + 15**2 + 20**2)
    # Up to the end of 2023 nobody knew of the refund.
    assert group["contribution_before"] == pytest.approx(60.0)
    assert table.loc["C05", ["profit_life", "profit_window_0", "orders_before"]].tolist() == [15.0, 15.0, 0]
    assert "1; another 7 went to people without any order." in " ".join(found.notes)


def test_spans_of_a_ledger_add_up(found: ka.Ledger) -> None:
    table = found.table
    for what in ("orders", "revenue", "squares"):
        halves = table[f"{what}_even"] + table[f"{what}_odd"]
        assert halves.to_numpy() == pytest.approx(table[f"{what}_window_0"].to_numpy())
        moved = table[f"{what}_window_1"] + table[f"{what}_came"]
        if what != "squares":  # refunds that came since change a profit, not a revenue
            assert (moved - table[f"{what}_went"]).to_numpy() == pytest.approx(table[f"{what}_window_0"].to_numpy())
    orders, people, contacts = shop()
    assert table["orders_life"].sum() == len(orders)
    kept = orders["margin"] * (1 - orders["refund"] / orders["revenue"]).where(orders["refunded_at"] <= "2025-01-01", 1)
    seen = contacts[~contacts["holdout"] & contacts["customer_id"].isin(orders["customer_id"])]
    total = kept.sum() - orders["cost_to_serve"].sum() - seen["cost"].sum()
    assert table["profit_life"].sum() == pytest.approx(total)
    assert (table["kind"] == "account").sum() == people["account_id"].nunique()


def test_every_engine_gives_the_same_ledger(engine, found: ka.Ledger, files: pd.DataFrame) -> None:
    tables = [engine(table) for table in shop()]
    same = book(*tables)
    pd.testing.assert_frame_equal(same.table, found.table, rtol=1e-9, check_dtype=False)
    assert same.notes == found.notes
    orders = ka.by_account(tables[0], tables[1])
    assert type(orders) is type(tables[0])
    listed = ka.key_accounts(ka.reviewed(same), RULES)
    cards = ka.cards(same, listed, tables[0], customers=tables[1])
    pd.testing.assert_frame_equal(cards, files, rtol=1e-9, check_dtype=False)


def test_numbers_as_ids_meet_texts(found: ka.Ledger) -> None:
    orders, people, contacts = shop()
    number = {name: int(name[1:]) for name in people["customer_id"]}
    numbered = orders.assign(customer_id=orders["customer_id"].map(number))
    texts = people.assign(customer_id=people["customer_id"].map(number).astype(str))
    sent = contacts.assign(customer_id=contacts["customer_id"].map(number).fillna(-1).astype(int))
    table = book(numbered, texts, sent).table
    assert (table["kind"] == "account").sum() == 12
    assert table["profit_life"].sum() == pytest.approx(found.table["profit_life"].sum())


def test_windows_are_halved_where_orders_are_short() -> None:
    orders, *_ = shop()
    when = ka.periods(orders, as_of=dt.date(2023, 9, 30), review_days=60)
    assert when.window_days == 136
    assert "Orders cover 273 days, half of which is a window." in when.note
    assert [(when.reviews[0] - day).days for day in when.reviews] == [0, 60, 120]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window_days": 3}, "window_days == 3, must be >= 14."),
        ({"review_days": 0}, "review_days == 0, must be >= 1."),
        ({"most_reviews": 0}, "most_reviews == 0, must be >= 1."),
    ],
)
def test_options_of_the_periods_are_refused_by_name(options: dict[str, int], said: str) -> None:
    with pytest.raises(OpskitError, match=said):
        ka.periods(shop()[0], as_of=LAST, **options)


def test_too_little_or_a_loss_is_one_sentence() -> None:
    orders, people, _ = shop()
    with pytest.raises(TooLittleDataError, match="accounts have ordered by 2024-12-31, must be at least 20"):
        book(orders[orders["customer_id"] < "K015"], people)
    with pytest.raises(TooLittleDataError, match="shares of a loss mean nothing"):
        book(orders.assign(cost_to_serve=orders["revenue"]), people)
    with pytest.raises(OpskitError, match="orders lacks 'revenue'"):
        book(orders.drop(columns="revenue"))


def test_what_profit_rests_on_is_said() -> None:
    orders, people, _ = shop()
    bare = orders[["customer_id", "ordered_at", "revenue"]]
    plain = book(bare)
    assert "Revenue stands in for profit" in plain.notes[0]
    assert "orders has no cost_to_serve" in plain.notes[1]
    assert not plain.has_margin
    assert plain.table["profit_life"].sum() == pytest.approx(orders["revenue"].sum())
    used = pd.DataFrame({"customer_id": people["customer_id"], "used_at": pd.Timestamp("2024-05-05"), "cost": 0.5})
    less = ka.ledger(bare, ka.periods(bare, as_of=LAST), benefit_uses=used, margin_share=0.25)
    expected = 0.25 * orders["revenue"].sum() - 0.5 * orders["customer_id"].nunique()
    assert less.table["profit_life"].sum() == pytest.approx(expected)
    assert less.has_margin


# --- rules ---


def standing(**columns: list[float]) -> pd.DataFrame:
    table = {"share": 0.02, "profit": 100.0, "orders": 8, "tenure_days": 400.0, "growth": 0.1} | columns
    return pd.DataFrame(table, index=range(len(next(iter(columns.values()))))).assign(
        account=list("ABCDE")[: len(next(iter(columns.values())))]
    )


@pytest.mark.parametrize(
    ("rules", "columns", "listed"),
    [
        (ka.Rules(min_share=0.02), {"share": [0.019, 0.02, 0.5]}, "BC"),
        (ka.Rules(min_profit=50), {"profit": [49.0, 50.0]}, "B"),
        (ka.Rules(min_orders=8), {"orders": [7, 8]}, "B"),
        (ka.Rules(min_tenure_days=180), {"tenure_days": [179.0, 180.0, float("nan")]}, "B"),
        (ka.Rules(min_growth=0.0), {"growth": [-0.1, 0.0, float("nan")]}, "BC"),
        (ka.Rules(), {"growth": [-0.99, 5.0]}, "AB"),
    ],
)
def test_each_rule_shuts_out_what_it_names(rules: ka.Rules, columns: dict[str, list[float]], listed: str) -> None:
    assert set(ka.key_accounts(standing(**columns), rules)["account"]) == set(listed)


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 0.1), orders=st.integers(1, 20), tenure=st.integers(0, 700))
def test_a_stricter_rule_never_adds_an_account(found: ka.Ledger, share: float, orders: int, tenure: int) -> None:
    now = ka.reviewed(found)
    loose = ka.Rules(min_share=share, min_orders=orders, min_tenure_days=tenure)
    strict = ka.Rules(min_share=share * 1.2, min_orders=orders + 1, min_tenure_days=tenure + 10)
    assert set(ka.key_accounts(now, strict)["account"]) <= set(ka.key_accounts(now, loose)["account"])
    assert (ka.key_accounts(now, loose)["profit"].diff().dropna() <= 0).all()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (ka.Rules(min_share=2), "min_share == 2, must be <= 1"),
        (ka.Rules(min_orders=0), "min_orders == 0, must be >= 1."),
        (ka.Rules(min_growth=-2), "min_growth == -2, must be >= -1."),
        (ka.Rules(min_tenure_days=-1), "min_tenure_days == -1, must be >= 0."),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: ka.Rules, said: str) -> None:
    with pytest.raises(OpskitError, match=said):
        rules.checked()


# --- the whale curve and dependence ---


def made(profit: list[float], revenue: list[float] | None = None) -> ka.Ledger:
    """A ledger whose accounts have one order each in the window, with these profits."""
    names = [f"A{n:03d}" for n in range(len(profit))]
    orders = pd.DataFrame({"customer_id": names, "ordered_at": pd.Timestamp("2024-12-01"), "margin": profit})
    orders["revenue"] = revenue if revenue is not None else 100.0
    first = orders.assign(ordered_at=pd.Timestamp("2023-01-01"), revenue=0.0, margin=0.0)
    return book(pd.concat([orders, first], ignore_index=True))


def test_a_hand_sized_whale_curve() -> None:
    found = made([40.0, 30, 20, 10, *[0.0] * 16, -10, -15, -25])
    whale = ka.whale_curve(found, top_shares=(2 / 23, 4 / 23))
    by = whale.measures.set_index("measure")["estimate"]
    assert by.iloc[:2].tolist() == pytest.approx([70 / 50, 100 / 50])
    assert by["losing accounts"] == pytest.approx(3 / 23)
    assert by["lost again"] == pytest.approx(50 / 100)
    curve = whale.curve.set_index("accounts")["share_of_profit"]
    assert [curve[k] for k in (1, 4, 20, 21, 23)] == pytest.approx([0.8, 2.0, 2.0, 1.8, 1.0])


def test_a_hand_sized_index_and_what_losing_the_largest_costs() -> None:
    """Shares of .5, .3 and .2: HHI .38 (Rhoades 1993 adds squared percentages: 3,800), 2.63 equal accounts."""
    assert 1 / ka.equal_accounts([50, 30, 20]) == pytest.approx(0.38)
    assert ka.equal_accounts([7, 7, 7, 7]) == pytest.approx(4)
    found = made([50.0, 30, 20, *[5.0] * 20], revenue=[100.0, 400, 100, *[20.0] * 20])
    lost = ka.dependency(found, sizes=(1, 3)).set_index("lost")
    assert lost.loc[1, ["profit", "share_of_profit", "profit_left"]].tolist() == pytest.approx([50, 0.25, 150])
    assert lost.loc[3, ["share_of_profit", "share_of_revenue"]].tolist() == pytest.approx([0.5, 0.6])
    assert lost.loc[3, "replaced_by"] == pytest.approx(100 / 5)
    first = ka.by_review(found).iloc[0]
    assert first["hhi"] == pytest.approx((100**2 + 400**2 + 100**2 + 20 * 20**2) / 1000**2)
    assert first[["top_1", "n"]].tolist() == [0.4, 23]


def test_revenue_on_top_and_money_lost() -> None:
    found = made([5.0, -40, 30, *[2.0] * 22], revenue=[300.0, 900, 500, *[20.0] * 22])
    ranked = ka.ranking(found, top=3)
    assert ranked[["account", "revenue_rank", "profit_rank", "loses"]].to_numpy().tolist() == [
        ["A001", 1, 25, True],
        ["A002", 2, 1, False],
        ["A000", 3, 2, False],
    ]
    assert ka.losing(ranked)["lost"] == 40.0
    assert ka.losing(ranked)["share"] == pytest.approx(1 / 3)


def test_shares_of_the_top_of_cdnow_are_those_of_the_literature(music: ka.Ledger, cdnow: pd.DataFrame) -> None:
    """Top 10% of customers 50.807% of revenue, top 20% 67.402%: the CDNOW sample, full 18 months."""
    assert not music.has_margin
    measures = ka.whale_curve(music).measures.set_index("measure")
    assert measures.loc[["top 10%", "top 20%"], "estimate"].round(5).tolist() == [0.50807, 0.67402]
    spread = customers.concentration(ka.by_account(cdnow), as_of=CDNOW_LAST).measures.set_index("measure")
    both = ["top 10%", "top 20%"]
    assert measures.loc[both, "low"].to_numpy() == pytest.approx(spread.loc[both, "low"].to_numpy(), abs=2e-4)
    assert measures.loc["losing accounts", "estimate"] == 0
    assert measures.loc["lost again", ["low", "high"]].isna().all()
    assert measures.loc["top 1%", "n"] == 2357
    largest = cdnow.groupby("customer_id")["revenue"].sum().max()
    lost = ka.dependency(music, sizes=(1,), span="life")
    assert lost["share_of_profit"].iloc[0] == pytest.approx(largest / 244_091.94)


def test_a_few_unequal_accounts_get_no_interval() -> None:
    rng = np.random.default_rng(3)
    even, wild = rng.gamma(4, 1, 400), np.r_[rng.gamma(4, 1, 390), 2.0 ** np.arange(10, 20)]
    assert np.isfinite(ka.held_by_top(even, 40)["low"])
    assert np.isnan(ka.held_by_top(wild, 40)["low"])
    assert np.isnan(ka.held_by_top(even, 10)["low"])


def test_intervals_of_ratios_cover_what_they_say() -> None:
    """400 samples of 60 accounts: 364 to 393 intervals hold the true ratio, 0.5."""
    rng, covered = np.random.default_rng(11), 0
    for _ in range(400):
        bottom = rng.gamma(2, 1, 60)
        top = bottom * rng.gamma(2, 0.25, 60)
        found = ka.ratio(top, bottom)
        covered += found["low"] <= 0.5 <= found["high"]
    assert 364 <= covered <= 393, covered


# --- comings and goings ---


@pytest.fixture(scope="module")
def two_reviews() -> ka.Ledger:
    """A came late and grew, B stopped, C is steady; the others buy once a year."""
    rows = [("A", day, 100.0) for day in ("2024-05-01", "2024-08-01", "2024-10-15", "2024-11-01", "2024-12-01")]
    rows += [("B", day, 100.0) for day in ("2023-02-01", "2023-10-10", "2023-11-10", "2023-12-10", "2024-02-01")]
    rows += [("C", f"{year}-{month:02d}-01", 100.0) for year in (2023, 2024) for month in range(1, 13)]
    rows += [(f"D{n:02d}", f"{year}-03-01", 10.0) for n in range(20) for year in (2023, 2024)]
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"])
    return book(orders.assign(ordered_at=pd.to_datetime(orders["ordered_at"])), review_days=90)


def test_entries_and_exits_of_a_hand_sized_shop(two_reviews: ka.Ledger) -> None:
    """Reviews on 2 October and 31 December: A had 2 of 3 orders and has 5; B had 4 and has 1."""
    rules = ka.Rules(min_share=0.05, min_orders=3, min_tenure_days=100)
    moved = ka.moves(two_reviews, rules).set_index("account")
    assert moved["move"].to_dict() == {"A": "entered", "B": "left", "C": "stayed"}
    assert moved.loc["A", "reason"] == "orders 2 → 5, rule 3"
    assert moved.loc["B", "reason"].endswith("orders 4 → 1, rule 3")
    assert moved.loc["A", ["orders_before", "orders_now", "change"]].tolist() == [2, 5, 300.0]
    # Three orders of 100 came and none went: 1.96 times the root of 3 x 100 squared.
    assert moved.loc["A", "high"] - moved.loc["A", "change"] == pytest.approx(1.959964 * np.sqrt(3) * 100)
    assert not moved["more_than_chance"].any()
    assert ka.reviewed(two_reviews, 1).set_index("account").loc["A", "orders"] == 2


def test_ways_to_apply_the_rules_on_a_hand_sized_shop(two_reviews: ka.Ledger) -> None:
    rules = ka.Rules(min_share=0.05, min_orders=3, min_tenure_days=100)
    ways = ka.listings(two_reviews, rules).set_index("way")
    line = [set(ka.key_accounts(ka.reviewed(two_reviews, at), rules)["account"]) for at in (4, 3, 2, 1, 0)]
    steps = [(len(now - was), len(was - now)) for was, now in pairwise(line)]
    assert ways.loc["one line", ["entered", "left"]].tolist() == [sum(step) for step in zip(*steps, strict=True)]
    assert ways.loc["one line", "now"] == len(line[-1])
    assert (ways["entered"] - ways["left"]).to_numpy() == pytest.approx((ways["now"] - len(line[0])).to_numpy())
    assert ways.loc["two reviews", ["entered", "left"]].sum() <= ways.loc["one line", ["entered", "left"]].sum()


@pytest.mark.slow
def test_a_steady_account_is_seldom_called_a_change() -> None:
    """200 accounts at an even pace, none of which changes: Bonferroni calls at most one in twenty shops."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(200), rng.poisson(24, 200))
        orders = pd.DataFrame({"customer_id": who, "revenue": rng.choice([50.0, 100, 200], len(who))})
        orders["ordered_at"] = START + pd.to_timedelta(rng.integers(0, 731, len(who)), unit="D")
        moved = ka.moves(book(orders), ka.Rules(min_share=0.005, min_orders=10))
        wrong += bool(moved["more_than_chance"].any())
    assert wrong <= 11  # five expected


def test_a_real_change_is_seen() -> None:
    orders, *_ = shop()
    burst = pd.DataFrame(
        {"customer_id": "K100", "ordered_at": pd.date_range("2024-10-10", periods=60), "revenue": 300.0}
    )
    more = pd.concat([orders[["customer_id", "ordered_at", "revenue"]], burst])
    moved = ka.moves(book(more), RULES).set_index("account")
    assert moved.loc["K100", "more_than_chance"]


def test_one_review_only_is_empty_and_drawn_as_a_sentence() -> None:
    orders = pd.DataFrame({"customer_id": range(30), "ordered_at": pd.Timestamp("2024-12-31"), "revenue": 1.0})
    one = book(orders)
    moved = ka.moves(one, RULES)
    assert moved.empty
    assert ka.listings(one, RULES).empty
    texts = [text.get_text() for text in ka.plot_moves(moved).texts]
    assert texts == ["Orders cover one review only, or nobody is on the list."]
    with pytest.raises(TooLittleDataError, match="0 accounts ordered in the 1 days up to"):
        ka.kept(one, RULES)
    plt.close("all")


# --- the look ahead ---


def test_picking_on_the_past_knows_nothing_of_the_next_window(found: ka.Ledger) -> None:
    """Changing the next window changes what they brought, and not who was picked."""
    lasting = ka.kept(found, RULES)
    changed = found._replace(table=found.table.assign(profit_window_0=found.table["profit_window_0"] * 3))
    other = ka.kept(changed, RULES)
    assert other[["pick", "n", "before"]].equals(lasting[["pick", "n", "before"]])
    assert other["kept"].to_numpy() == pytest.approx(3 * lasting["kept"].to_numpy())
    by = lasting.set_index("pick")
    parts = by.loc[["best 5% by profit: with several customers", "best 5% by profit: single customers"]]
    assert parts[["n", "before", "after"]].sum().to_numpy() == pytest.approx(
        by.loc["best 5% by profit", ["n", "before", "after"]].to_numpy(dtype=float)
    )


def test_luck_is_all_there_is_where_accounts_are_alike() -> None:
    """Accounts of one pace: the best of the even weeks are average in the odd ones, and the window after as well."""
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(500), rng.poisson(8, 500) + 1)
    orders = pd.DataFrame({"customer_id": who, "revenue": 100.0})
    orders["ordered_at"] = START + pd.to_timedelta(rng.integers(0, 731, len(who)), unit="D")
    alike = book(orders)
    chance = ka.luck(alike, top_share=0.1).set_index("picked_on").loc["both together"]
    assert chance["between"] == pytest.approx(0.1, abs=0.02)
    assert chance["there"] > 0.2
    everybody = ka.kept(alike, RULES, top_share=0.1).set_index("pick")
    assert everybody.loc["best 10% by profit", "high"] < everybody.loc["everybody", "low"]


def test_accounts_that_never_vary_lose_nothing_to_luck() -> None:
    weeks = pd.date_range("2023-01-04", "2024-12-30", freq="7D")
    orders = pd.DataFrame(
        [(n, day, 10.0 * (n + 1)) for n in range(60) for day in weeks], columns=["customer_id", "ordered_at", "revenue"]
    )
    chance = ka.luck(book(orders), top_share=0.1).iloc[-1]
    assert chance["kept"] == pytest.approx(1)


# --- cards ---


def test_cards_tell_who_is_in_charge_and_when_to_look() -> None:
    orders, people, contacts = shop()
    people.loc[people["account_id"] == "G00", "owner"] = [
        "Ann",
        *["Bo"] * (int((people["account_id"] == "G00").sum()) - 1),
    ]
    found = book(orders, people, contacts)
    files = ka.cards(
        found, ka.key_accounts(ka.reviewed(found), ka.Rules(min_share=0.004, min_orders=2)), orders, customers=people
    )
    by = files.set_index("account")
    assert by.loc["G01", "owner"] == "owner G01"
    assert by.loc[by.index.str.startswith("K"), "owner"].eq("nobody").all()
    owners = ka.owners(found, people).set_index("account")["owner"]
    assert owners[["G00", "G08"]].tolist() == ["several", "nobody"]
    assert files["place"].tolist() == list(range(1, len(files) + 1))
    last = found.periods.reviews[0]
    days = pd.Series([(day - last).days for day in files["review_on"]])
    assert days.between(1, 90).all()
    assert (days[files["reason"] == ""] == 90).all()
    assert (days[files["reason"] != ""] < 90).all()
    assert by.loc[by["state"] == "silent", "step"].str.contains("call|name one owner|agree").all()
    assert ka.owners(found, people.drop(columns="owner"))["owner"].eq("not known").all()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_the_list_goes_to_a_file_and_back(tmp_path, suffix: str, files: pd.DataFrame) -> None:
    target = tmp_path / f"key_accounts{suffix}"
    write_table(files, target)
    how = {".csv": pd.read_csv, ".xlsx": partial(pd.read_excel, engine="openpyxl"), ".parquet": pd.read_parquet}
    read = how[suffix](target)
    assert read["account"].tolist() == files["account"].tolist()
    assert pd.to_datetime(read["review_on"]).dt.date.tolist() == files["review_on"].tolist()


# --- figures and findings ---


def test_figures_say_what_they_show_and_survive_nothing(found: ka.Ledger, files: pd.DataFrame) -> None:
    lasting, chance = ka.kept(found, RULES), ka.luck(found)
    axes = [
        ka.plot_whale(ka.whale_curve(found)),
        ka.plot_ranking(ka.ranking(found)),
        ka.plot_cards(files),
        ka.plot_dependency(ka.dependency(found)),
        ka.plot_moves(ka.moves(found, RULES), min_share=0.01),
        ka.plot_kept(lasting),
        ka.plot_luck(chance),
    ]
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[2].endswith("by their own rhythm")
    assert all(title and "nan" not in title for title in titles)
    for ax in (
        ka.plot_cards(files.head(0)),
        ka.plot_kept(None),
        ka.plot_luck(None),
        ka.plot_dependency(ka.dependency(found, sizes=())),
    ):
        assert len(ax.texts) == 1
    plt.close("all")


def test_the_rule_of_thumb_is_tested_and_never_asserted(found: ka.Ledger) -> None:
    whale = ka.whale_curve(found)
    for n, verdict in ((0, "does not hold"), (12, "holds"), (24, "not enough data"), (120, "does not hold")):
        listed = ka.reviewed(found).head(n)
        told = ka.claims(found, listed, whale).set_index("claim")
        assert told["verdict"].iloc[0] == verdict, (n, told.iloc[0].to_dict())
        said = " ".join(
            ka.decisions(
                found,
                listed,
                ka.ranking(found),
                ka.dependency(found),
                None,
                None,
                ka.moves(found, RULES),
                ka.listings(found, RULES),
                pd.DataFrame(),
            )
        )
        assert ("No account meets the rules" in said) == (n == 0)
        assert ("Raise min_share" in said) == (n > 25)
        assert "nan" not in said
