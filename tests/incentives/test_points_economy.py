"""The ledger's laws, what becomes of points, what is owed for them, rules and suspects."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit import frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.incentives import points_economy as pe
from opskit.incentives.points_economy.fifo import endings
from opskit.incentives.points_economy.postings import postings

AS_OF = dt.date(2025, 11, 30)
END = pd.Timestamp("2025-12-01")
RANK = {"expire": 0, "earn": 1, "reverse": 2, "redeem": 3}
NEVER = pd.Timestamp("2262-01-01")


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Postings of one customer: day, kind, points, and the day on which they lapse."""
    columns = ["posted_at", "kind", "points", "expires_at"]
    frame = pd.DataFrame([(*row, None)[:4] for row in rows], columns=columns)
    times = {name: pd.to_datetime(frame[name]) for name in ("posted_at", "expires_at")}
    return frame.assign(customer_id="A", **times)


def drawn(
    seed: int, *, customers: int = 12, postings: int = 400, valid: tuple[int, ...] = (30, 90, 365)
) -> pd.DataFrame:
    """Random earnings, uses and reversals; many at the same moment, many that overdraw."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["earn", "redeem", "reverse"], postings, p=[0.7, 0.25, 0.05])
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 720, postings) * 24, unit="h")
    lapse = pd.Series(at + pd.to_timedelta(rng.choice(valid, postings), unit="D"))
    return pd.DataFrame(
        {
            "customer_id": [f"c{who}" for who in rng.integers(0, customers, postings)],
            "posted_at": at,
            "points": rng.integers(1, 50, postings).astype(float),
            "kind": kind,
            "posting_id": [f"{number:06d}" for number in range(postings)],
            "expires_at": lapse.where((kind == "earn") & (rng.random(postings) < 0.9)),
        }
    )


def one_by_one(frame: pd.DataFrame) -> pd.Series:
    """The same ledger, posting by posting, as a clerk would keep it."""
    ended: list[tuple[Any, ...]] = []
    for customer, rows in frame[frame["posted_at"] < END].groupby("customer_id"):
        lots: list[list[Any]] = []
        debts: list[list[Any]] = []
        rows = rows.assign(rank=rows["kind"].map(RANK), lapse=rows["expires_at"].fillna(NEVER))
        for row in rows.sort_values(["posted_at", "rank", "lapse", "posting_id"]).itertuples():
            left = row.points
            if row.kind == "earn":
                for debt in debts:
                    paid = min(left, debt[0]) if row.lapse > debt[2] else 0.0
                    left, debt[0] = left - paid, debt[0] - paid
                    ended.append((customer, debt[1], row.posted_at, debt[2], paid))
                lots.append([left, row.posted_at, row.lapse])
                continue
            for lot in lots:
                taken = min(left, lot[0]) if lot[2] > row.posted_at else 0.0
                left, lot[0] = left - taken, lot[0] - taken
                ended.append((customer, row.rank, lot[1], row.posted_at, taken))
            debts.append([left, row.rank, row.posted_at])
        for left, at, lapse in lots:
            ended.append(
                (customer, 0, at, lapse, left) if lapse < END else (customer, 4, at, pd.Timestamp(AS_OF), left)
            )
        ended += [(customer, 5, NEVER, at, left) for left, _, at in debts]
    moves = pd.DataFrame(ended, columns=["customer_id", "way", "earned", "left", "points"])
    day = {name: (moves[name] - pd.Timestamp("1970-01-01")).dt.days for name in ("earned", "left")}
    moves = moves.assign(**day)[moves["points"] > 0]
    moves.loc[moves["way"] == 5, "earned"] = 10**9
    return moves.groupby(["customer_id", "way", "earned", "left"])["points"].sum()


def engine_moves(frame: Any, **books: Any) -> pd.Series:
    moves = frames.collect(endings(postings(frame, as_of=AS_OF, **books)))
    names = {"earned_day": "earned", "left_day": "left"}
    return moves.rename(columns=names).groupby(["customer_id", "way", "earned", "left"])["points"].sum()


@pytest.mark.parametrize("valid", [(90,), (30, 90, 365)], ids=["one validity", "several"])
def test_every_point_ends_as_a_clerk_would_have_it(
    engine: Callable[[pd.DataFrame], Any], valid: tuple[int, ...]
) -> None:
    frame = drawn(3, valid=valid)
    pd.testing.assert_series_equal(engine_moves(engine(frame)), one_by_one(frame), check_exact=False, rtol=1e-9)


@st.composite
def ledgers(draw: st.DrawFn) -> pd.DataFrame:
    day = st.integers(0, 12)
    row = st.tuples(
        st.sampled_from("AB"), day, st.sampled_from(["earn", "earn", "redeem", "reverse"]), st.integers(1, 9), day
    )
    rows = draw(st.lists(row, min_size=1, max_size=30))
    start = pd.Timestamp("2025-11-15")
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "kind", "points", "life"])
    at = start + pd.to_timedelta(frame["day"], unit="D")
    lapse = (at + pd.to_timedelta(frame["life"] + 1, unit="D")).where((frame["kind"] == "earn") & (frame["life"] < 10))
    columns = {"posted_at": at, "expires_at": lapse, "points": frame["points"].astype(float)}
    return frame[["customer_id", "kind"]].assign(**columns, posting_id=[f"{i:03d}" for i in range(len(frame))])


@settings(max_examples=12, deadline=None)
@given(ledgers())
def test_laws_of_the_ledger(frame: pd.DataFrame) -> None:
    """Earned = redeemed + expired + reversed + outstanding; negative only with an overdraft; like a clerk's."""
    native = pl.from_pandas(frame)
    account = pe.balances(native, as_of=AS_OF)
    account = account.to_pandas().set_index("customer_id")
    ends = account[["redeemed", "expired", "reversed", "outstanding"]].sum(axis=1)
    assert np.allclose(account["earned"], ends)
    for kind, name in (("earn", "earned"), ("redeem", "redeemed"), ("reverse", "reversed")):
        whole = frame[frame["kind"] == kind].groupby("customer_id")["points"].sum()
        assert np.allclose(account[name], whole.reindex(account.index, fill_value=0))
    assert (account.loc[account["outstanding"] < 0, "overdrafts"] > 0).all()
    assert (account.loc[account["overdrafts"] == 0, "overdrawn"] == 0).all()
    assert (account["expired"] >= 0).all()
    pd.testing.assert_series_equal(engine_moves(native), one_by_one(frame), check_exact=False, rtol=1e-9)


def totals(frame: pd.DataFrame, **books: Any) -> dict[str, float]:
    return pe.ledger(pl.from_pandas(frame), as_of=AS_OF, **books).totals.to_dict()


def test_a_hand_sized_ledger() -> None:
    """The chapter's picture: a lot of 120 loses 40 to a use and 80 to its last day."""
    rows = [
        ("2025-01-10", "earn", 100, "2025-09-01"),
        ("2025-03-10", "earn", 120, "2025-06-10"),
        ("2025-05-10", "redeem", 140),
        ("2025-06-20", "earn", 116, "2026-01-20"),
        ("2025-08-10", "redeem", 60),
    ]
    found = totals(table(*rows))
    assert (found["redeemed"], found["expired"], found["outstanding"], found["overdrawn"]) == (200, 80, 56, 0)


def test_the_order_of_one_moment() -> None:
    """Expire before earn before reverse before redeem: stated, and whatever the order of the rows."""
    at = "2025-03-01"
    rows = [
        ("2025-01-01", "earn", 10, at),
        (at, "redeem", 8),
        (at, "reverse", 3),
        (at, "earn", 9, "2025-06-01"),
    ]
    for order in (rows, rows[::-1]):
        found = totals(table(*order))
        # The old lot lapses whole; of the new 9, 3 are taken back first, and 6 of the 8 redeemed.
        assert (found["expired"], found["reversed"], found["redeemed"], found["overdrawn"]) == (10, 3, 6, 2)
    same = table(
        ("2025-01-01", "earn", 5, "2026-09-01"), ("2025-01-01", "earn", 5, "2025-02-01"), ("2025-01-05", "redeem", 5)
    )
    assert totals(same)["expired"] == 0, "of two lots of one moment the one that lapses first is used first"


def test_signs_are_understood_and_said() -> None:
    plain = table(("2025-01-01", "earn", 100), ("2025-02-01", "redeem", 30), ("2025-03-01", "reverse", 20))
    signed = plain.assign(points=[100, -30, -20])
    assert totals(plain) == totals(signed)
    more = table(
        ("2025-01-01", "earn", 100),
        ("2025-02-01", "redeem", -30),
        ("2025-02-02", "redeem", 5),
        ("2025-03-01", "earn", -10),
    )
    more = pd.concat([more, table(("2025-03-02", "redeem", -1))], ignore_index=True)
    found = pe.ledger(pl.from_pandas(more), as_of=AS_OF)
    assert found.totals[["earned", "redeemed", "reversed", "outstanding"]].tolist() == [105, 31, 10, 64]
    handled = found.handled.set_index("problem")
    assert handled.loc["earned below zero", ["postings", "points"]].tolist() == [1, 10]
    assert handled.loc["used the other way", ["postings", "points"]].tolist() == [1, 5]


def test_an_overdraft_is_said_and_paid_for_by_the_next_earning() -> None:
    rows = [("2025-01-01", "earn", 10), ("2025-02-01", "redeem", 25), ("2025-03-01", "earn", 10)]
    account = pe.balances(table(*rows), as_of=AS_OF).iloc[0]
    assert account[["earned", "redeemed", "outstanding", "overdrafts", "overdrawn"]].tolist() == [20, 25, -5, 1, 15]
    assert totals(table(*rows))["overdrawn"] == 5


def test_expiry_posted_is_compared_with_expiry_by_rule(engine: Callable[[pd.DataFrame], Any]) -> None:
    rows = [
        ("2025-01-01", "earn", 10, "2025-03-01"),
        ("2025-01-02", "earn", 7, "2025-04-01"),
        ("2025-03-01", "expire", 10),
    ]
    right = table(*rows, ("2025-04-01", "expire", 7)).assign(customer_id="B")
    checked = pe.expiry_check(engine(pd.concat([table(*rows), right])), as_of=AS_OF).set_index("case")
    assert checked["customers"].tolist() == [1, 1, 0]
    assert checked.loc["too little posted", ["computed", "posted", "difference"]].tolist() == [17, 10, -7]
    assert totals(table(*rows))["expired"] == 17
    assert totals(table(*rows), expiry="posted")["expired"] == 10
    assert totals(table(*rows), validity_days=400)["expired"] == 0
    assert pe.expiry_check(table(("2025-01-01", "earn", 10)), as_of=AS_OF).empty


@pytest.mark.parametrize(
    ("rows", "given_", "message"),
    [
        ([("2025-01-01", "gift", 5)], {}, "points.kind holds 'gift'"),
        ([("2026-01-01", "earn", 5)], {}, "points has no posting up to 2025-11-30"),
        ([("2025-01-01", "earn", 5)], {"expiry": "computed"}, "no posting of kind earn has expires_at"),
        ([("2025-01-01", "earn", 5)], {"expiry": "guessed"}, "must be one of 'auto'"),
        ([("2025-01-01", "earn", 5)], {"validity_days": -1}, "validity_days == -1, must be >= 0"),
    ],
)
def test_what_is_wrong_is_said(rows: list[tuple[Any, ...]], given_: dict[str, Any], message: str) -> None:
    with pytest.raises(OpskitError, match=message):
        pe.ledger(table(*rows), as_of=AS_OF, **given_)


def test_breakage_of_a_hand_sized_table() -> None:
    """200 points lapse after 10 days: of those followed, 40 in 100 go at age 2, half of the rest before the end."""
    old = [("2025-09-01", "earn", 100, "2025-09-11"), ("2025-09-03", "redeem", 40), ("2025-09-06", "redeem", 30)]
    young = [("2025-11-28", "earn", 100, "2025-12-08")]
    frame = pd.concat([table(*old), table(*young).assign(customer_id="B")])
    broken = pe.breakage(pe.ledger(frame, as_of=AS_OF))
    assert broken.ultimate
    assert broken.horizon_days == 10
    # The young ones have reached age 2: there 40 of 200 are redeemed, at age 5 30 of the 60 left.
    expected = 0.2 + 0.8 * 0.5
    assert broken.measures["estimate"].iloc[0] == pytest.approx(expected)
    assert broken.measures["estimate"].iloc[1] == pytest.approx(1 - expected)
    assert broken.measures["estimate"].iloc[-1] == pytest.approx(70 / 200)


def test_what_cannot_be_seen_yet_is_missing() -> None:
    frame = table(("2025-10-01", "earn", 100, "2026-10-01"), ("2025-10-10", "redeem", 30))
    broken = pe.breakage(pe.ledger(frame, as_of=AS_OF))
    assert not broken.ultimate
    assert broken.measures["estimate"].iloc[:2].isna().all()
    assert broken.measures["estimate"].iloc[2] == pytest.approx(0.3)
    assert not pe.breakage(pe.ledger(table(("2025-01-01", "earn", 5)), as_of=AS_OF)).ultimate, "never lapses"
    quarters = pe.by_cohort(pe.ledger(frame, as_of=AS_OF))
    assert quarters["share"].isna().all()
    with pytest.raises(TooLittleDataError, match="No point has been earned"):
        pe.breakage(pe.ledger(table(("2025-01-01", "redeem", 5)), as_of=AS_OF))


# --- what is owed ---


def test_ifrs_15_example_52() -> None:
    goods, points = pe.allocate(100_000, 10_000, point_value=1, redemption_rate=0.95)
    assert (round(goods), round(points)) == (91_324, 8_676)
    years = pe.recognise(points, redeemed=[4_500, 4_000], expected=[9_500, 9_700])
    assert years["revenue"].round().tolist() == [4_110, 3_493]
    assert years["closing"].round().tolist() == [4_566, 1_073]


@pytest.mark.parametrize(("expected", "revenue"), [(9_900, 3_552), (9_200, 4_140)], ids=["10A", "10B"])
def test_kpmg_examples_10a_and_10b(expected: float, revenue: float) -> None:
    years = pe.recognise(9_000, redeemed=[4_500, 4_000], expected=[9_700, expected])
    assert years["revenue"].round().tolist() == [4_175, revenue]
    assert np.allclose(years["revenue"], years["at_old_estimate"] + years["change_of_estimate"])


def test_points_in_money_need_a_value() -> None:
    with pytest.raises(OpskitError, match="point_value == 0, so points cannot be told in money"):
        pe.allocate(100, 10, point_value=0, redemption_rate=0.5)
    with pytest.raises(OpskitError, match=r"expected\[1\] == 5, must be >= 9"):
        pe.recognise(100, redeemed=[4, 5], expected=[9, 5])


def test_the_movement_of_one_cohort_is_that_of_the_example() -> None:
    """One grant of January, followed with its own breakage: what is earned and closing equal `recognise` by hand."""
    rows = [
        ("2024-01-01", "earn", 100, "2025-06-30"),
        ("2024-05-01", "redeem", 40),
        ("2025-03-01", "redeem", 30),
    ]
    frame = table(*rows)
    before = pe.ledger(frame, as_of=dt.date(2024, 12, 31))
    after = pe.ledger(frame, as_of=dt.date(2025, 12, 31))
    both = [(one, pe.breakage(one)) for one in (before, after)]
    revenue = pd.Series({pd.Timestamp("2024-01-01"): 1000.0})
    moved = pe.movement(both[0], both[1], point_value=1, revenue=revenue).set_index("line")
    # At the start 40 of 100 were redeemed and nothing more was in sight; in the end 70 were, and 30 lapsed.
    allocated = 1000 * 40 / 1040
    assert moved.loc["opening", "amount"] == pytest.approx(0)
    assert moved.loc["closing", "amount"] == pytest.approx(0)
    assert moved["points"].tolist() == [60, 0, -30, -30, 0, 0, 0]
    assert moved.loc["redeemed", "amount"] == pytest.approx(-allocated * 30 / 40)
    assert moved["amount"].iloc[:-1].sum() == pytest.approx(moved["amount"].iloc[-1])


@pytest.mark.parametrize("seed", range(4))
def test_the_movement_adds_up(seed: int) -> None:
    frame = pl.from_pandas(drawn(seed, customers=60, valid=(120,)))
    start, end = (pe.ledger(frame, as_of=day) for day in (dt.date(2025, 3, 31), AS_OF))
    moved = pe.movement((start, pe.breakage(start)), (end, pe.breakage(end)), point_value=0.01)
    assert moved["amount"].iloc[:-1].sum() == pytest.approx(moved["amount"].iloc[-1], abs=1e-9)
    assert moved["points"].iloc[:-1].sum() == pytest.approx(moved["points"].iloc[-1], abs=1e-6)
    assert moved["points"].iloc[0] == pytest.approx(start.totals["outstanding"])
    assert moved["amount"].iloc[-1] >= 0
    months = pe.by_month(end)
    assert months["outstanding"].iloc[-1] == pytest.approx(end.totals["outstanding"])


def test_points_per_revenue(engine: Callable[[pd.DataFrame], Any]) -> None:
    points = table(("2025-01-05", "earn", 100), ("2025-11-05", "earn", 50), ("2025-11-09", "redeem", 20))
    days = pd.to_datetime(["2024-02-03", "2025-01-05", "2025-11-05"])
    orders = pd.DataFrame({"customer_id": ["A", "B", "A"], "ordered_at": days, "revenue": [70.0, 100.0, 100.0]})
    months, periods = pe.per_revenue(engine(points.drop(columns="expires_at")), engine(orders), as_of=AS_OF)
    assert months["earned"].tolist() == [0, 100, 50]
    assert months["per_revenue"].tolist() == [0, 1, 0.5]
    assert periods["per_revenue"].iloc[0] == pytest.approx(150 / 200)


# --- rules ---

LOG = pd.DataFrame(
    [
        ("A", "2025-05-01 08:00", "check_in", None, 5.0),
        ("A", "2025-05-01 08:04", "check_in", None, 5.0),  # repeats the one before
        ("A", "2025-05-01 08:11", "check_in", None, 5.0),  # repeats it too: measured from the one before
        ("A", "2025-05-01 12:00", "check_in", None, 5.0),
        ("A", "2025-05-01 20:00", "check_in", None, 5.0),  # the third of the day
        ("A", "2025-05-02 08:00", "check_in", None, 5.0),
        ("A", "2025-05-02 09:00", "review", "o1", 20.0),
        ("A", "2025-05-03 09:00", "review", "o1", 20.0),  # not the first
        ("A", "2025-05-03 09:00", "review", "o2", 20.0),
        ("B", "2025-05-03 09:00", "review", "o1", 20.0),
    ],
    columns=["customer_id", "posted_at", "behaviour", "object_id", "points"],
).assign(posted_at=lambda log: pd.to_datetime(log["posted_at"]), kind="earn")
SHEET = pd.DataFrame(
    [
        ("check_in", "daily_cap", 2.0, None, None),
        ("review", "first_only", None, None, "object"),
        ("check_in", "ignore_repeats", None, 10.0, "customer"),
    ],
    columns=["behaviour", "rule", "at_most", "minutes", "per"],
)


def test_rules_in_their_order(engine: Callable[[pd.DataFrame], Any]) -> None:
    rules = pe.given_rules(SHEET)
    assert rules["rule"].tolist() == ["ignore_repeats", "first_only", "daily_cap"], "whatever the worksheet's order"
    applied = pe.apply_rules(engine(LOG), rules, as_of=AS_OF)
    assert applied.rules["removed"].tolist() == [2, 1, 1]
    assert applied.rules["looked_at"].tolist() == [6, 4, 4]
    assert applied.rules["removed_points"].tolist() == [10, 20, 5]
    behaviours = applied.behaviours.set_index("behaviour")
    assert behaviours.loc["check_in"].tolist() == [6, 30, 3, 15]
    assert behaviours["actions"].sum() == behaviours["kept"].sum() + applied.rules["removed"].sum()


@pytest.mark.parametrize("seed", range(3))
def test_kept_and_removed_add_up(seed: int) -> None:
    log = drawn(seed).assign(
        behaviour=lambda f: np.where(f["points"] % 2, "a", "b"), object_id=lambda f: f["points"].astype(str)
    )
    sheet = pd.concat([SHEET.assign(behaviour="a"), SHEET.assign(behaviour="*")])
    applied = pe.apply_rules(pl.from_pandas(log), pe.given_rules(sheet), as_of=AS_OF)
    seen = log[(log["kind"] == "earn") & (log["posted_at"] < END)]
    assert applied.behaviours["actions"].sum() == len(seen)
    assert applied.behaviours["kept"].sum() + applied.rules["removed"].sum() == len(seen)
    assert applied.behaviours["kept_points"].sum() + applied.rules["removed_points"].sum() == pytest.approx(
        seen["points"].sum()
    )
    assert (applied.rules["removed"] > 0).any()


def test_rules_for_events_and_rules_that_are_wrong() -> None:
    events = LOG.rename(columns={"behaviour": "event", "posted_at": "occurred_at"}).drop(columns=["kind", "points"])
    rules = pe.given_rules(at_most_a_day=1)
    applied = pe.apply_rules(events, rules, as_of=AS_OF, behaviour="event", at="occurred_at", objects=("object_id",))
    assert applied.rules["removed"].tolist() == [5]
    assert pe.given_rules().empty
    with pytest.raises(OpskitError, match="point_rules has no at_most for daily_cap of 'check_in'"):
        pe.given_rules(SHEET.assign(at_most=None))
    with pytest.raises(OpskitError, match=r"point_rules.rule == 'weekly', must be one of"):
        pe.given_rules(SHEET.assign(rule="weekly"))


# --- suspects ---


def honest(rng: np.random.Generator, customers: int = 300) -> pd.DataFrame:
    days = rng.integers(0, 300, customers * 12)
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(
        days * 86_400 + rng.integers(7 * 3600, 23 * 3600, len(days)), unit="s"
    )
    who = [f"H{number}" for number in rng.integers(0, customers, len(days))]
    columns = {"customer_id": who, "posted_at": at, "behaviour": "check_in", "object_id": None}
    return pd.DataFrame(columns).assign(points=5.0, kind="earn")


def farmed(*rows: tuple[str, str, str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "posted_at", "behaviour", "object_id"])
    return frame.assign(posted_at=pd.to_datetime(frame["posted_at"], format="ISO8601"), points=5.0, kind="earn")


def test_each_signal_names_its_suspects(engine: Callable[[pd.DataFrame], Any]) -> None:
    burst = [("night", f"2025-04-03 02:{minute:02d}", "check_in", None) for minute in range(20)]
    same = [("fan", f"2025-04-{day:02d} 12:00:07", "review", "item") for day in range(1, 9)]
    ring = [
        ("r1", "2025-05-01 12:01", "invite", "r2"),
        ("r2", "2025-05-02 12:31", "invite", "r1"),
        ("H1", "2025-05-03 12:41", "invite", "H2"),
    ]
    herd = [
        (who, f"2025-06-{day:02d} 1{day % 10}:17:0{place}", "check_in", None)
        for day in range(1, 12)
        for place, who in enumerate(("h1", "h2", "h3"))
    ]
    frame = pd.concat([honest(np.random.default_rng(1)), farmed(*burst, *same, *ring, *herd)], ignore_index=True)
    found = pe.suspects(engine(frame), as_of=AS_OF)
    assert set(found.accounts["customer_id"]) == {"night", "fan", "r1", "r2", "h1", "h2", "h3"}
    reasons = found.accounts.set_index("customer_id")["reasons"]
    assert (
        reasons["night"]
        == "20 earnings within an hour (95 of 100 accounts: 1 at most); 20 of 20 earnings from 1 to 5 at night"
    )
    assert reasons["fan"] == "8 earnings with one object"
    assert reasons["r1"] == "in a circle of 2 that invite each other"
    assert reasons["h2"] == "again and again in the same minute as 2 others"
    assert found.signals.set_index("signal")["suspects"].to_dict() == {
        "velocity": 1,
        "night": 1,
        "repeats": 1,
        "ring": 2,
        "together": 3,
    }


def test_nobody_is_a_suspect_among_honest_accounts() -> None:
    found = pe.suspects(honest(np.random.default_rng(2)), as_of=AS_OF)
    assert found.accounts.empty
    assert found.share["low"] == 0


def test_dates_without_a_time_of_day_and_jobs_are_no_farms() -> None:
    frame = honest(np.random.default_rng(3))
    dated = pe.suspects(frame.assign(posted_at=frame["posted_at"].dt.floor("D")), as_of=AS_OF)
    assert dated.signals.set_index("signal")["suspects"].isna().tolist() == [True, True, False, False, True]
    job = frame.assign(posted_at=frame["posted_at"].dt.floor("D") + pd.Timedelta(hours=2, minutes=30))
    assert pe.suspects(job, as_of=AS_OF).accounts.empty, "a job that posts at night for everybody"
    with pytest.raises(TooLittleDataError, match="nobody can stand out"):
        pe.suspects(table(("2025-01-01", "redeem", 5)), as_of=AS_OF)
