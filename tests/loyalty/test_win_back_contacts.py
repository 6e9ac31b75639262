"""What contacts add, and the list that is made of it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opskit import frames
from opskit.errors import OpskitError
from opskit.loyalty import win_back
from opskit.reports.tables import write_table

Engine = Callable[[pd.DataFrame], Any]
START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)
RHYTHM = win_back.PurchaseRhythm()
RHYTHM.r_, RHYTHM.alpha_, RHYTHM.stops_first_, RHYTHM.stops_later_ = 1.0, 60.0, 0.2, 0.1


def frame(rows: list[tuple[int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    return table.assign(ordered_at=START + pd.to_timedelta(table.pop("day"), unit="D"), revenue=10.0)


def messages(rows: list[tuple[int, int, bool]], campaign: str = "wake") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "holdout"])
    at = START + pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(sent_at=at, campaign=campaign, medium="sms", cost=np.where(table["holdout"], 0.0, 0.5))


def day(number: int) -> dt.date:
    return (START + pd.Timedelta(days=number)).date()


def found_in(orders: Any, contacts: Any, **options: Any) -> win_back.Waves:
    return win_back.waves(orders, contacts, **{"as_of": LAST, "rhythm": RHYTHM, **options})


# Wave of day 100: 1 2 3 contacted, 4 5 held out; of day 150: 1 contacted, 4 held out. 1 orders on day 110, 5 on day 129,
# 2 on day 131 (too late), 4 on day 155, 3 at the very moment of the message (before it counts, not after it).
ORDERS = frame([(1, 0), (2, 3), (3, 100), (4, 20), (5, 7), (1, 110), (5, 129), (2, 131), (4, 155)])
CONTACTS = pd.concat(
    [
        messages([(1, 100, False), (2, 100, False), (3, 100, False), (4, 100, True), (5, 100, True)]),
        messages([(1, 150, False), (4, 150, True)]),
        messages([(1, 350, False), (2, 350, True)]),  # the window is not over
        messages([(1, 200, False), (2, 200, False)], campaign="news"),  # nobody held out
        messages([(7, 100, False)]),  # no order before
    ]
)


def test_waves_by_hand(engine: Engine) -> None:
    waves = found_in(engine(ORDERS), engine(CONTACTS))
    assert waves.counts.set_index("what")["rows"].to_dict() == {
        "used": 7,
        "window not over": 2,
        "no hold-out in the wave": 2,
        "no order before, or sent twice": 1,
    }
    by_arm = waves.sums.groupby(["wave", "held_out"])[["rows", "came", "value", "spent"]].sum()
    assert by_arm.to_numpy().tolist() == [[3, 1, 10, 1.5], [2, 1, 10, 0], [1, 0, 0, 0.5], [1, 1, 10, 0]]
    known = waves.sums[waves.sums["wave"] == 0].groupby("held_out")[["days_since_last_order", "frequency"]].sum()
    assert known.to_numpy().tolist() == [[100 + 97 + 0, 0], [80 + 93, 0]]
    whole = win_back.lift(waves).iloc[0]
    # Mantel-Haenszel: weights 3*2/5 and 1*1/2; contacted (1.2 * 1/3 + .5 * 0) / 1.7; held out (1.2 * 1/2 + .5 * 1) / 1.7
    assert whole["came_contacted"] == pytest.approx(0.4 / 1.7)
    assert whole["came_held_out"] == pytest.approx(1.1 / 1.7)
    assert whole["lift"] == pytest.approx(-0.7 / 1.7)
    assert (whole["waves"], whole["contacted"], whole["held_out"]) == (2, 4, 3)
    repaid = win_back.repayment(waves).set_index("measure")["estimate"]
    assert repaid["cost_per_contact"] == 0.5
    assert repaid["value_per_contact"] == pytest.approx(-7 / 1.7)
    assert np.isnan(repaid["cost_per_comeback"])  # nothing was added


def test_later_orders_and_messages_change_no_earlier_result() -> None:
    early = {"as_of": day(140)}
    before = found_in(ORDERS[ORDERS["ordered_at"] < "2024-05-21"], CONTACTS, **early)
    pd.testing.assert_frame_equal(win_back.lift(found_in(ORDERS, CONTACTS, **early)), win_back.lift(before))


def test_without_a_holdout_nothing_is_said(engine: Engine) -> None:
    for contacts in (None, engine(CONTACTS.drop(columns="holdout")), engine(CONTACTS[~CONTACTS["holdout"]])):
        waves = found_in(engine(ORDERS), contacts)
        measured = win_back.lift(waves)
        assert measured[["lift", "low", "high", "ratio"]].isna().all(axis=None)
        assert (measured[["waves", "contacted", "held_out"]] == 0).all(axis=None)
        assert win_back.balance(waves)["difference"].isna().all()
        assert win_back.repayment(waves)["estimate"].isna().all()


@pytest.fixture(scope="module")
def tried() -> tuple[pd.DataFrame, pd.DataFrame]:
    """600 customers, four waves; a contact doubles the chance of an order, 0.1 when left alone."""
    rng, orders, sent = np.random.default_rng(3), list[tuple[int, int]](), list[tuple[int, int, bool]]()
    for who in range(600):
        orders += [(who, int(day)) for day in rng.integers(0, 60, size=rng.integers(1, 6))]
        for wave in (120, 160, 200, 240):
            out = bool(rng.random() < 0.4)
            sent.append((who, wave, out))
            if rng.random() < (0.1 if out else 0.2):
                orders.append((who, wave + int(rng.integers(1, 30))))
    return frame(orders), messages(sent)


def test_the_effect_is_found_and_the_arms_were_alike(tried: Any) -> None:
    waves = found_in(*tried)
    whole = win_back.lift(waves).iloc[0]
    assert whole["low"] < 0.1 < whole["high"]
    assert 0 < whole["high"] - whole["low"] < 0.1
    assert whole["ratio_low"] < 2 < whole["ratio_high"]
    balance = win_back.balance(waves)
    assert ((balance["low"] <= 0) & (balance["high"] >= 0)).all()
    repaid = win_back.repayment(waves).set_index("measure")
    assert repaid.loc["cost_per_comeback", "low"] < 0.5 / 0.1 < repaid.loc["cost_per_comeback", "high"]


def test_a_holdout_that_is_not_random_shows(tried: Any) -> None:
    orders, contacts = tried
    count = orders[orders["ordered_at"] < START + pd.Timedelta(days=100)].groupby("customer_id").size()
    chosen = contacts.assign(holdout=contacts["customer_id"].map(count) < 3)
    balance = win_back.balance(found_in(orders, chosen)).set_index("known_before")
    assert balance.loc["frequency", "low"] > 0


def test_waves_are_equal_on_every_engine(tried: Any, engine: Engine) -> None:
    orders, contacts = tried
    expected, found = found_in(orders, contacts).sums, found_in(engine(orders), engine(contacts)).sums
    by = ["wave", "tier", "held_out"]
    columns = ["rows", "came", "value", "spent"]
    a, b = (one.groupby(by)[columns].sum() for one in (expected, found))
    pd.testing.assert_frame_equal(a, b)
    assert found["group"].nunique() > 50


# --- the list ---


def people(tiers: list[str]) -> pd.DataFrame:
    n = len(tiers)
    known = {"customer_id": range(n), "tier": tiers, "days_since_last_order": 90, "typical_gap_days": 30.0}
    return pd.DataFrame({**known, "p_return": np.linspace(0.02, 0.2, n)})


def measured(**lifts: float) -> pd.DataFrame:
    rows = [{"tier": tier.replace("_", "-"), "lift": x, "low": x / 2, "high": 2 * x} for tier, x in lifts.items()]
    return pd.DataFrame(rows).assign(p_return=0.1)


def worth_of(values: dict[int, float], engine: Engine = lambda frame: frame) -> win_back.Worth:
    table = pd.DataFrame({"customer_id": list(values), "order_value": list(values.values())})
    return win_back.Worth(frames.lazy(engine(table), table="worth"), 50.0, 0.5, "")


def test_a_list_by_hand(engine: Engine) -> None:
    table = people(["awake", "dozing", "dozing", "dozing", "asleep", "asleep", "half-asleep", "dozing", "dozing"])
    worth = worth_of(dict.fromkeys(range(9), 100.0) | {3: 10.0, 8: 200.0}, engine)
    since = pd.to_datetime(["2024-06-01", "2025-06-01", "2024-01-01", "2024-01-01"])
    until = pd.to_datetime([None, None, "2024-02-01", None])
    media = ["sms", None, None, "wechat"]
    refused = pd.DataFrame(
        {"customer_id": [1, 2, 2, 2], "medium": media, "since": since, "until": until}  # only customer 1's applies
    )
    lately = messages([(4, 364, False), (5, 364, True), (2, 300, False)])
    found = win_back.wake_list(
        engine(table),
        worth,
        as_of=LAST,
        contact_cost=1.0,
        measured=measured(dozing=0.05, asleep=0.02),
        suppressions=engine(refused),
        contacts=engine(lately),
        medium="sms",
        quiet_days=7,
        holdout_share=0.0,
    )
    assert found.left_out["customers"].tolist() == [1, 1, 1, 1]  # 1; 4; 6 (half-asleep); 3 (10 * .05 * .0875 / .1 < 1)
    assert found.listed["customer_id"].tolist() == [8, 7, 2, 5]
    assert (found.listed["group"] == "contact").all()
    first = found.listed.iloc[0]
    assert first["added"] == pytest.approx(0.2 * 0.05 / 0.1)
    assert first["expected_value"] == pytest.approx(0.1 * 200 - 1)
    assert (first["low"], first["high"]) == pytest.approx((0.05 * 200 - 1, 0.2 * 200 - 1))
    assert first["break_even"] == pytest.approx(1 / 200)
    total = win_back.expected_total(found.listed, measured(dozing=0.05, asleep=0.02), contact_cost=1.0).iloc[0]
    assert total["estimate"] == pytest.approx(found.listed["expected_value"].sum())
    assert total["low"] < total["estimate"] < total["high"]


def test_the_holdout_is_drawn_within_tiers_by_the_seed_alone(engine: Engine) -> None:
    tiers = ["dozing"] * 50 + ["asleep"] * 30 + ["awake"] * 20
    worth = worth_of(dict.fromkeys(range(100), 500.0), engine)
    options = {"as_of": LAST, "contact_cost": 0.1, "measured": measured(dozing=0.1, asleep=0.1), "holdout_share": 0.3}
    one, again, other = (
        win_back.wake_list(engine(table), worth, **options, seed=seed).listed
        for table, seed in ((people(tiers), 7), (people(tiers).sample(frac=1, random_state=1), 7), (people(tiers), 8))
    )
    out = one[one["group"] == "hold out"]
    assert out.groupby("tier").size().to_dict() == {"dozing": 15, "asleep": 9}
    pd.testing.assert_frame_equal(one, again)
    assert set(out["customer_id"]) != set(other.loc[other["group"] == "hold out", "customer_id"])
    assert one["expected_value"].is_monotonic_decreasing
    assert one["rank"].tolist() == list(range(1, 81))


def test_a_list_without_a_measured_lift_says_what_is_known_only(tmp_path: Path) -> None:
    worth = worth_of(dict.fromkeys(range(10), 40.0))
    nothing = win_back.lift(found_in(ORDERS, None))
    options = {"as_of": LAST, "contact_cost": 2.0}
    for given in (None, nothing):
        found = win_back.wake_list(people(["asleep"] * 10), worth, measured=given, **options)
        assert len(found.listed) == 10
        assert found.listed[["added", "expected_value"]].isna().all(axis=None)
        assert (found.listed["break_even"] == 0.05).all()
        assert found.listed["p_return"].is_monotonic_decreasing
        assert (found.listed["group"] == "hold out").sum() == 2
        assert win_back.expected_total(found.listed, nothing, contact_cost=2.0)["estimate"].isna().all()
    write_table(found.listed, tmp_path / "list.csv")
    assert len(pd.read_csv(tmp_path / "list.csv")) == 10


def test_what_a_holdout_can_show() -> None:
    listed = pd.DataFrame({"group": ["contact"] * 800 + ["hold out"] * 200, "p_return": 0.1})
    seen = win_back.detectable(listed).iloc[0]
    # the quantiles 1.960 and 0.842 times the standard error of a difference of shares
    assert seen["detectable"] == pytest.approx(2.8016 * np.sqrt(0.09 * (1 / 800 + 1 / 200)), rel=1e-4)
    assert np.isnan(win_back.detectable(listed[listed["group"] == "contact"])["detectable"].iloc[0])


def test_the_cost_of_a_contact_says_where_it_comes_from() -> None:
    repaid = pd.DataFrame({"measure": ["cost_per_contact"], "estimate": [0.7]})
    worth = worth_of({1: 1.0})
    assert win_back.contact_cost(2.0, repaid, worth) == (2.0, "as given")
    assert win_back.contact_cost(0.0, repaid, worth) == (0.7, "the mean of the contacts compared")
    cost, basis = win_back.contact_cost(0.0, repaid.assign(estimate=np.nan), worth)
    assert cost == 1.0
    assert "assumption" in basis
    with pytest.raises(OpskitError, match="contact_cost == -1"):
        win_back.contact_cost(-1, repaid, worth)


def test_options_out_of_range_are_refused() -> None:
    worth = worth_of({0: 1.0})
    for given, message in (
        ({"holdout_share": 1.0}, "holdout_share == 1.0"),
        ({"wake": ["sleepy"]}, "wake == 'sleepy'"),
        ({"quiet_days": -1}, "quiet_days == -1"),
    ):
        with pytest.raises(OpskitError, match=message):
            win_back.wake_list(people(["asleep"]), worth, as_of=LAST, contact_cost=1.0, **given)
