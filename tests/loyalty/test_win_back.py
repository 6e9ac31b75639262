import datetime as dt
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import customers, frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.loyalty import win_back

Engine = Callable[[pd.DataFrame], Any]
AS_OF = dt.date(1998, 6, 30)  # last day of the CDNOW orders
START = pd.Timestamp("2024-01-01 12:00")
LAST = dt.date(2024, 12, 31)
KNOWN = ["customer_id", "order_days", "frequency", "recency", "days_since_last_order"]


def frame(rows: list[tuple[int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    return table.assign(ordered_at=START + pd.to_timedelta(table.pop("day"), unit="D"), revenue=10.0)


def here(native: Any) -> pd.DataFrame:
    return frames.collect(frames.lazy(native, table="result")).sort_values("customer_id").reset_index(drop=True)


def given_rhythm(
    r: float = 1.0, alpha: float = 60.0, first: float = 0.2, later: float = 0.1
) -> win_back.PurchaseRhythm:
    rhythm = win_back.PurchaseRhythm()
    rhythm.r_, rhythm.alpha_, rhythm.stops_first_, rhythm.stops_later_ = r, alpha, first, later
    return rhythm


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Customers with a rhythm of their own, a part of whom stops after each order."""
    rng, rows = np.random.default_rng(5), list[tuple[int, int]]()
    for customer in range(400):
        day, rate = rng.uniform(0, 150), rng.gamma(1.0, 1 / 40)
        while day < 365:
            rows.append((customer, int(day)))
            if rng.random() < 0.12:
                break
            day += 1 + rng.exponential(1 / rate)
    return frame(rows)


def messages(rows: list[tuple[int, int, bool]], campaign: str = "wake") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "holdout"])
    at = START + pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(sent_at=at, campaign=campaign, medium="sms", cost=np.where(table["holdout"], 0.0, 0.5))


# --- the rhythm and the tiers ---


def test_a_tier_by_hand(engine: Engine) -> None:
    """Customer 1: ten order days in 270 days, silent for 95; customer 2: one order, silent for 95."""
    orders = frame([(1, 30 * k) for k in range(10)] + [(2, 270)])
    found = here(win_back.dormancy(engine(orders), as_of=LAST, window_days=30, rhythm=given_rhythm()))
    assert found[KNOWN].to_numpy().tolist() == [[1, 10, 9, 270, 95], [2, 1, 0, 0, 95]]
    # 1: a gap outlasts 95 days with (330/425)^10; alive = 1/(1 + 1/9 / that); returns with 1 - (425/455)^10
    longer = (330 / 425) ** 10
    alive = 1 / (1 + (0.1 / 0.9) / longer)
    now, fresh = alive * (1 - (425 / 455) ** 10), 0.9 * (1 - (330 / 360) ** 10)
    assert found["p_alive"][0] == pytest.approx(alive, rel=1e-9)
    assert found["pull_left"][0] == pytest.approx(now / fresh, rel=1e-9)
    assert found["typical_gap_days"][0] == pytest.approx(330 * (2**0.1 - 1))
    alive = 1 / (1 + 0.25 / (60 / 155))
    now, fresh = alive * (1 - 155 / 185), 0.8 * (1 - 60 / 90)
    assert found["p_return"][1] == pytest.approx(now, rel=1e-9)
    assert found["pull_left"][1] == pytest.approx(now / fresh, rel=1e-9)
    assert found["tier"].tolist() == ["half-asleep", "half-asleep"]
    found = here(win_back.dormancy(engine(orders), as_of=LAST, rhythm=given_rhythm(), limits=(0.9, 0.5, 0.38)))
    assert found["tier"].tolist() == ["half-asleep", "asleep"]


def test_the_same_silence_is_worse_the_faster_the_rhythm() -> None:
    orders = frame([(1, day) for day in range(10, 280, 15)] + [(2, day) for day in range(0, 280, 90)])
    found = here(win_back.dormancy(orders, as_of=LAST, rhythm=given_rhythm()))
    assert found["pull_left"][0] < found["pull_left"][1] / 3


def test_the_rhythm_is_found_again() -> None:
    """20,000 customers drawn from the model itself; r, alpha and both probabilities of stopping lie in their intervals."""
    rng, n = np.random.default_rng(1), 20_000
    rate, began = rng.gamma(0.8, 1 / 50, n), rng.uniform(0, 500, n)
    at, going, rows = began.copy(), np.ones(n, dtype=bool), list[pd.DataFrame]()
    for number in range(200):
        rows.append(pd.DataFrame({"customer_id": np.flatnonzero(going), "day": at[going]}))
        going &= rng.random(n) >= (0.25 if number == 0 else 0.1)
        at = at + rng.exponential(1 / rate)
        going &= at < 730
    table = pd.concat(rows, ignore_index=True)
    orders = table.assign(ordered_at=START + pd.to_timedelta(table.pop("day"), unit="D"), revenue=1.0)
    fitted = win_back.PurchaseRhythm().fit(orders, as_of=(START + pd.Timedelta(days=729)).date())
    found = fitted.summary(confidence=0.999).set_index("parameter")
    # Order days merge orders of one day, which lengthens short gaps a little.
    truth = {"r": 0.8, "alpha": 50.0, "stops_first": 0.25, "stops_later": 0.1}
    for name, value in truth.items():
        low, high = found.loc[name, ["low", "high"]]
        slack = 0.04 * value
        assert low - slack <= value <= high + slack, name
        assert high - low < 0.35 * value, name
    assert (found["n"] == n).all()


def test_the_gradient_is_that_of_the_likelihood(many: pd.DataFrame) -> None:
    from scipy.optimize import check_grad

    fitted = win_back.PurchaseRhythm().fit(many, as_of=LAST)
    at = fitted._logs + np.array([0.1, -0.2, 0.3, 0.1])
    error = check_grad(lambda logs: fitted._cost(logs)[0], lambda logs: fitted._cost(logs)[1], at)
    assert error < 1e-5 * np.abs(fitted._cost(at)[1]).max()
    assert np.abs(fitted._cost(fitted._logs)[1]).max() < 0.05


def test_tiers_are_equal_on_every_engine(many: pd.DataFrame, engine: Engine) -> None:
    expected = here(win_back.dormancy(many, as_of=LAST))
    native = win_back.dormancy(engine(many), as_of=LAST)
    assert type(native) is type(engine(many))
    found = here(native)
    assert found["tier"].astype(str).tolist() == expected["tier"].astype(str).tolist()
    numbers = found.select_dtypes("number").columns
    np.testing.assert_allclose(found[numbers], expected[numbers], rtol=1e-6)
    counts, checked = (
        function(source) for function, source in ((win_back.tier_counts, native), (came_back, engine(many)))
    )
    assert counts["customers"].tolist() == win_back.tier_counts(expected)["customers"].tolist()
    assert checked["came_back"].tolist() == came_back(many)["came_back"].tolist()


def came_back(orders: Any) -> pd.DataFrame:
    return win_back.came_back(orders, as_of=LAST, window_days=60)


def test_cdnow_came_back_as_the_tiers_said(cdnow: pd.DataFrame) -> None:
    """Hold-out: tiers by the orders to 31 May 1998, returns in June. 2,357 customers of the 1/10 sample."""
    found = win_back.came_back(cdnow, as_of=AS_OF).set_index("tier")
    assert found["customers"].to_dict() == {
        "awake": 462,
        "dozing": 160,
        "half-asleep": 170,
        "asleep": 1565,
        "all": 2357,
    }
    assert found["came_back"].to_dict() == {"awake": 91, "dozing": 14, "half-asleep": 13, "asleep": 20, "all": 138}
    assert ((found["low"] <= found["expected"]) & (found["expected"] <= found["high"])).all()
    assert found["expected"].to_dict() == pytest.approx(
        {"awake": 0.192, "dozing": 0.098, "half-asleep": 0.070, "asleep": 0.0166, "all": 0.0603}, abs=6e-4
    )


@pytest.mark.parametrize("days_ago", [60, 150, 240])
def test_tiers_of_other_days_order_the_returns_too(cdnow: pd.DataFrame, days_ago: int) -> None:
    found = win_back.came_back(cdnow, as_of=AS_OF - dt.timedelta(days=days_ago)).set_index("tier")
    assert found.loc["awake", "observed"] > 2 * found.loc["half-asleep", "observed"] > 0
    assert found.loc["asleep", "observed"] < found.loc["dozing", "observed"]
    assert 0.75 < found.loc["all", "ratio"] < 1.25


def test_p_alive_handed_in_decides(many: pd.DataFrame, engine: Engine) -> None:
    ids = sorted(many["customer_id"].unique())
    alive = pd.DataFrame({"customer_id": ids, "p_alive": np.linspace(0, 1, len(ids))})
    for handed in (engine(alive), alive):  # of the same engine, or of another
        found = here(win_back.dormancy(engine(many), as_of=LAST, p_alive=handed))
        np.testing.assert_allclose(found["p_alive"], alive["p_alive"])
        np.testing.assert_allclose(found["pull_left"], alive["p_alive"])
        assert (found["tier"] == "awake").equals(found["p_alive"] >= 0.6)
    with pytest.raises(OpskitError, match="p_alive is missing or not between 0 and 1 for 1 customers"):
        win_back.dormancy(engine(many), as_of=LAST, p_alive=engine(alive.iloc[1:]))


histories = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 365)), min_size=1, max_size=60)


@settings(max_examples=12, deadline=None)
@given(rows=histories, as_of=st.integers(0, 365))
def test_every_customer_has_one_tier_and_later_orders_change_nothing(rows: list[tuple[int, int]], as_of: int) -> None:
    orders, day = frame(rows), dt.date(2024, 1, 1) + dt.timedelta(days=as_of)
    known = orders[orders["ordered_at"] < pd.Timestamp(day) + pd.Timedelta(days=1)]
    if known.empty:
        return
    rhythm = given_rhythm()
    found = here(win_back.dormancy(pl.from_pandas(orders), as_of=day, rhythm=rhythm))
    assert found["customer_id"].tolist() == sorted(known["customer_id"].unique())
    assert set(found["tier"]) <= set(win_back.TIERS)
    assert win_back.tier_counts(found)["customers"].sum() == len(found)
    pd.testing.assert_frame_equal(found, here(win_back.dormancy(pl.from_pandas(known), as_of=day, rhythm=rhythm)))
    assert found["pull_left"].between(0, 1).all()
    assert (found["p_return"] <= found["p_alive"]).all()


@settings(max_examples=12, deadline=None)
@given(rows=histories, sent=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 365)), max_size=20))
def test_actives_are_those_of_growth_accounting(rows: list[tuple[int, int]], sent: list[tuple[int, int]]) -> None:
    orders = pl.from_pandas(frame(rows))
    contacts = pl.from_pandas(messages([(who, day, day % 3 == 0) for who, day in sent] or [(99, 0, False)]))
    expected = customers.growth_accounting(orders, as_of=LAST).set_index("month")
    found = win_back.actives(orders, as_of=LAST, contacts=contacts)
    wide = found.table.pivot_table(index="month", columns="kind", values="customers", aggfunc="sum")
    wide = wide.reindex(expected.index).reindex(columns=["new", "retained", "resurrected"]).fillna(0)
    assert (wide == expected[list(wide)]).all(axis=None)
    followed = expected["active"].shift(fill_value=0)  # retained + churned = the month before
    assert (wide["retained"] + expected["churned"].astype(int) == followed).all()
    later = pl.concat([orders, pl.from_pandas(frame([(50, 800)]))])
    pd.testing.assert_frame_equal(found.table, win_back.actives(later, as_of=LAST, contacts=contacts).table)


def test_actives_by_hand(engine: Engine) -> None:
    orders = frame([(1, 0), (1, 31), (1, 120), (2, 95), (2, 200)])  # 1: January, February, April; 2: April, July
    contacts = messages([(1, 100, False), (1, 119, True), (2, 150, False), (2, 199, True), (9, 1, False)])
    accounts = pd.DataFrame({"customer_id": [1, 2, 3], "channel": ["search", None, "video"]})
    options = {"contacts": engine(contacts), "accounts": engine(accounts)}
    table = win_back.actives(engine(orders), as_of=dt.date(2024, 7, 30), **options).table
    assert table.assign(month=table["month"].dt.month).to_numpy().tolist() == [
        [1, True, "new", "search", 1],
        [2, True, "retained", "not contacted", 1],
        [4, True, "new", "unknown", 1],
        [4, True, "resurrected", "contacted", 1],  # the message of day 100, not the one held out
        [7, False, "resurrected", "not contacted", 1],  # day 150 lies more than 30 days before
    ]


def test_costs_by_hand(engine: Engine) -> None:
    orders = frame([(1, 0), (1, 120), (2, 1), (2, 119), (3, 2)])
    contacts = messages([(1, 110, False), (3, 110, False), (3, 111, True)])
    spend = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-01-05", "2024-01-06", "2024-04-01", "2025-01-01"]),
            "spend": [60.0, 30.0, 8.0, 1000.0],
            "purpose": ["acquire", "acquire", "retain", "acquire"],
        }
    )
    found = win_back.actives(orders, as_of=LAST, contacts=contacts)
    costs = win_back.monthly_costs(engine(spend), engine(contacts), as_of=LAST)
    assert costs[["acquire", "retain", "contacts"]].sum().tolist() == [90.0, 8.0, 1.0]
    table = win_back.cost_per_customer(found, costs)
    assert table["estimate"].tolist() == [30.0, 4.5, 1.0]  # 90 / 3 new; (8 + 1) / 2 resurrected; 1 / 1 after a contact
    assert table["n"].tolist() == [3, 2, 1]
    assert win_back.cost_per_customer(found, win_back.monthly_costs(as_of=LAST)).empty


def test_the_value_of_an_order_by_hand(engine: Engine) -> None:
    """Bühlmann-Straub on three customers: 10, 14 | 30, 34 | 20 with mean 21.6, within 8."""
    days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-02", "2024-02-02", "2024-01-03"])
    orders = pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "ordered_at": days, "revenue": [10.0, 14, 30, 34, 20]})
    worth = win_back.order_worth(engine(orders), as_of=LAST)
    within = (8.0 + 8.0) / 2
    between = (2 * (12 - 21.6) ** 2 + 2 * (32 - 21.6) ** 2 + (20 - 21.6) ** 2 - 2 * within) / (5 - 9 / 5)
    k = within / between
    assert worth.own_share == pytest.approx(1 / (1 + k))
    found = here(worth.per_customer.to_native())
    assert found["order_value"].tolist() == pytest.approx(
        [(24 + k * 21.6) / (2 + k), (64 + k * 21.6) / (2 + k), (20 + k * 21.6) / (1 + k)]
    )
    halved = win_back.order_worth(engine(orders), as_of=LAST, margin_share=0.5)
    assert halved.mean == pytest.approx(10.8)
    once = here(win_back.order_worth(engine(orders.iloc[[0, 2, 4]]), as_of=LAST).per_customer.to_native())
    assert once["order_value"].tolist() == [20.0] * 3  # nobody has two orders: everybody's mean


# --- the flows ---


def test_a_flow_by_hand() -> None:
    """100 awake regulars: of the 40 of the north 30 order again, of the 60 of the south 15."""
    rows: list[tuple[int, int]] = []
    for customer in range(100):
        rows += [(customer, 180 + customer % 10), (customer, 210), (customer, 240 + customer % 7)]
        again = customer % 4 != 3 if customer < 40 else customer % 4 == 0
        rows += [(customer, 300)] if again else []
    accounts = pd.DataFrame({"customer_id": range(100), "region": ["north"] * 40 + ["south"] * 60, "note": "same"})
    found = win_back.flow(
        frame(rows), "leaving", as_of=dt.date(2024, 1, 1) + dt.timedelta(days=340), accounts=accounts, min_customers=5
    )
    assert (found.customers, found.flowed) == (100, 55)
    (line,) = found.factors.query("factor == 'region'").to_dict("records")
    assert (line["level"], line["customers"], line["share"], line["others"]) == ("north", 40, 0.25, 0.75)
    assert line["clear"]
    assert line["low"] < line["difference"] == -0.5 < line["high"]
    assert "note" not in set(found.factors["factor"])  # one value tells nothing


@pytest.mark.slow
def test_no_flow_is_found_where_there_is_none() -> None:
    """50 shops whose customers differ in nothing: the intervals of a flow hold together 19 times in 20."""
    rng, false_alarms = np.random.default_rng(2), 0
    for _ in range(50):
        days = [(who, int(day)) for who in range(300) for day in (200 + rng.integers(20), 230 + rng.integers(10))]
        days += [(who, 300) for who in range(300) if rng.random() < 0.4]
        accounts = pd.DataFrame({"customer_id": range(300)})
        for name in "abcdef":
            accounts[name] = rng.choice(["x", "y", "z"], size=300)
        day = dt.date(2024, 1, 1) + dt.timedelta(days=335)
        found = win_back.flow(frame(days), "leaving", as_of=day, accounts=accounts, attributes=list("abcdef"))
        mine = found.factors[found.factors["factor"].isin(list("abcdef"))]
        false_alarms += bool(mine["clear"].any())
    assert false_alarms <= 8  # 2.5 on average, 8 or fewer but once in a thousand


@pytest.fixture(scope="module")
def populated(many: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, win_back.Flow]]:
    ids = sorted(many["customer_id"].unique())
    accounts = pd.DataFrame({"customer_id": [*ids, 9998, 9999], "signed_up_at": START})
    accounts["region"] = np.where(accounts["customer_id"] % 3 == 0, "N", "S")
    contacts = messages([(who, 250, who % 2 == 0) for who in ids])
    options = {"as_of": LAST, "min_customers": 1, "accounts": accounts, "contacts": contacts}
    return accounts, contacts, {kind: win_back.flow(many, kind, **options) for kind in win_back.FLOWS}


def test_flows_are_equal_on_every_engine(many: pd.DataFrame, populated: Any, engine: Engine) -> None:
    accounts, contacts, flows = populated
    options = {"as_of": LAST, "min_customers": 1, "accounts": engine(accounts), "contacts": engine(contacts)}
    for kind in ("joining", "coming back"):
        found = win_back.flow(engine(many), kind, **options)
        assert found[1:] == flows[kind][1:]
        assert found.factors["customers"].tolist() == flows[kind].factors["customers"].tolist()


# --- degenerate data ---


def test_too_few_returns_are_told() -> None:
    for orders in (frame([(1, 0)]), frame([(i, i % 300) for i in range(200)]), frame([(1, i) for i in range(300)])):
        with pytest.raises(TooLittleDataError, match="customers have ordered on a second day by 2024-12-31"):
            win_back.dormancy(orders, as_of=LAST)


def test_customers_all_alike_are_judged_without_a_warning() -> None:
    orders = frame([(who, day) for who in range(50) for day in range(0, 361, 30)])
    found = here(win_back.dormancy(orders, as_of=LAST))
    assert (found["tier"] == "awake").all()
    parameters = win_back.PurchaseRhythm().fit(orders, as_of=LAST).summary()
    assert np.isfinite(parameters[["estimate", "low", "high"]]).all(axis=None)
    assert ((parameters["low"] <= parameters["estimate"]) & (parameters["estimate"] <= parameters["high"])).all()


def test_errors_say_what_is_wrong(many: pd.DataFrame) -> None:
    with pytest.raises(OpskitError, match="limits == "):
        win_back.dormancy(many, as_of=LAST, limits=(0.2, 0.4, 0.6))
    with pytest.raises(OpskitError, match="window_days == 0, must be >= 1"):
        win_back.came_back(many, as_of=LAST, window_days=0)
    with pytest.raises(OpskitError, match="orders has no rows"):
        win_back.dormancy(many.iloc[:0], as_of=LAST)
    with pytest.raises(OpskitError, match="must be on or after the first order"):
        win_back.actives(many, as_of=dt.date(2020, 1, 1))
    with pytest.raises(OpskitError, match="kind == 'going', must be one of"):
        win_back.flow(many, "going", as_of=LAST)


def test_figures_of_little_data_say_so(many: pd.DataFrame) -> None:
    tiers = win_back.dormancy(many, as_of=LAST)
    nothing = win_back.lift(win_back.waves(many, None, as_of=LAST))
    worth = win_back.order_worth(many, as_of=LAST)
    listed = win_back.wake_list(tiers, worth, as_of=LAST, contact_cost=1.0, measured=nothing)
    active = win_back.actives(frame([(1, 0)]), as_of=LAST)
    drawn = [
        win_back.plot_tiers(win_back.tier_counts(tiers), window_days=30),
        win_back.plot_came_back(came_back(many), window_days=60),
        win_back.plot_lift(nothing, window_days=30),
        win_back.plot_wake_list(listed),
        win_back.plot_actives(active),
        win_back.plot_costs(win_back.cost_per_customer(active, win_back.monthly_costs(as_of=LAST))),
        win_back.plot_flow(win_back.flow(many, "leaving", as_of=LAST, min_customers=390), "leaving"),
    ]
    for ax in drawn:
        assert ax.get_title(loc="left") or ax.texts
        assert "nan" not in ax.get_title(loc="left")
    plt.close("all")


def test_narwhals_frames_of_the_rhythm_need_no_rows() -> None:
    empty = pd.DataFrame({"frequency": [0], "recency": [0], "days_since_last_order": [0]})
    lf = nw.from_native(empty).lazy().with_columns(given_rhythm().alive())
    assert frames.collect(lf)["p_alive"].tolist() == pytest.approx([0.8])
