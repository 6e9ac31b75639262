"""Referral: who brought whom counted as a loop would, on every engine; K, cycle, value and inviters by their laws."""

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
from opskit.acquisition import referral
from opskit.errors import OpskitError, TooLittleDataError

START = pd.Timestamp("2024-01-01")
LAST = dt.date(2024, 12, 31)
# A brings B, C, D and Z, B brings E; X and Y name each other on one day; P names P, Q somebody unknown, R somebody later.
REFERRER = {"B": "A", "C": "A", "D": "A", "Z": "A", "E": "B", "X": "Y", "Y": "X", "P": "P", "Q": "nobody", "R": "E"}
JOINED = {"A": 0, "B": 10, "C": 45, "D": 200, "E": 40, "X": 5, "Y": 5, "P": 20, "Q": 21, "R": 22, "S": 350}  # Z: no day


def people() -> pd.DataFrame:
    names = [*JOINED, "Z"]
    joined = [START + pd.Timedelta(days=JOINED[name], hours=9) if name in JOINED else pd.NaT for name in names]
    return pd.DataFrame({"customer_id": names, "referrer_id": [REFERRER.get(n) for n in names], "signed_up_at": joined})


def orders() -> pd.DataFrame:
    rows = [
        ("A", 3, 50.0),
        ("A", 300, 70.0),
        ("B", 15, 20.0),
        ("B", 15, 5.0),
        ("D", 260, 8.0),
        ("Q", 20, 9.0),
        ("?", 9, 1.0),
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "at", "revenue"])
    return table.assign(ordered_at=START + pd.to_timedelta(table.pop("at"), unit="D") + pd.Timedelta(hours=12))


@pytest.fixture(scope="module")
def by_hand() -> referral.Links:
    return hand()


def hand(engine: Any = lambda frame: frame, **given: Any) -> referral.Links:
    return referral.links(engine(orders()), engine(given.pop("people", people())), as_of=LAST, **given)


def test_hand_sized_table(engine) -> None:
    found = hand(engine)
    invited = found.invited.set_index("customer_id")
    assert invited["inviter_id"].to_dict() == {"B": "A", "C": "A", "D": "A", "Z": "A", "E": "B", "Y": "X"}
    assert invited["delay"].dropna().to_dict() == {"B": 10, "C": 45, "D": 200, "E": 30, "Y": 0}
    assert invited["below"].to_dict() == {"B": 1, "C": 0, "D": 0, "Z": 0, "E": 0, "Y": 0}
    assert invited.loc["B", ["orders", "value", "inviter_orders", "inviter_value", "inviter_spent"]].tolist() == [
        2, 25.0, 2, 120.0, 50.0,
    ]  # fmt: skip
    assert found.handled["customers"].tolist() == [1, 1, 1, 1]
    assert found.generations["customers"].tolist() == [6, 5, 1]
    joined = found.joined
    assert joined["customers"].sum() == len(JOINED)
    # Referred: B, C, D, E, Y and Q, whose referrer is unknown; not X, who was there first, P and R.
    assert joined.loc[joined["referred"], "customers"].sum() == 6
    assert joined[["bought_30", "bought_60", "bought_90", "bought_180"]].sum().tolist() == [3, 4, 4, 4]
    assert any("1 customers have no day of sign-up" in note for note in found.notes)
    assert any("1 orders are of nobody" in note for note in found.notes)
    assert any("1 orders came before the customer's sign-up" in note for note in found.notes)
    assert any("1 customers name a referrer who is not in customers" in note for note in found.notes)
    assert any("3 customers name a referrer who cannot have" in note for note in found.notes)


def test_k_of_the_hand_sized_table(engine) -> None:
    k = referral.k_factor(hand(engine)).set_index(["among", "days"])
    everybody = k.loc["everybody"]
    assert everybody["customers"].tolist() == [10, 10, 10, 9]  # all but S, who came lately, and at last D
    assert everybody["brought"].tolist() == [3, 4, 4, 4]  # after 30 days B, E and Y, then C; D came after 200
    assert everybody["inviters"].tolist() == [3, 3, 3, 3]
    assert everybody.loc[90, "k"] == 0.4
    assert everybody.loc[90, "amplification"] == pytest.approx(1 / 0.6)
    assert k.loc[("bought by then", 30), ["customers", "brought"]].tolist() == [3, 2]  # A, B and Q had bought
    assert k.loc[("not bought by then", 30), ["customers", "brought"]].tolist() == [7, 1]


def shop(seed: int, customers: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers with days, some referrers among them, nobody or anybody, and their orders."""
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 366, customers)
    named = [f"C{rng.integers(0, customers + 5)}" if rng.random() < 0.5 else None for _ in range(customers)]
    accounts = pd.DataFrame({"customer_id": [f"C{i}" for i in range(customers)], "referrer_id": named})
    accounts["signed_up_at"] = START + pd.to_timedelta(day, unit="D")
    who = rng.integers(0, customers, 2 * customers)
    at = START + pd.to_timedelta(rng.integers(0, 366, len(who)), unit="D") + pd.Timedelta(hours=5)
    bought = pd.DataFrame({"customer_id": accounts["customer_id"].to_numpy()[who], "ordered_at": at})
    return bought.assign(revenue=rng.integers(1, 200, len(who)).astype(float)), accounts


def looped(bought: pd.DataFrame, accounts: pd.DataFrame, days: int) -> dict[str, float]:
    """The same counts, one customer after the other."""
    when = dict(zip(accounts["customer_id"], accounts["signed_up_at"].dt.normalize(), strict=True))
    named = dict(zip(accounts["customer_id"], accounts["referrer_id"], strict=True))
    end = pd.Timestamp(LAST)
    counts = dict.fromkeys(("customers", "brought", "bought", "orders", "value"), 0.0)
    for name, joined in when.items():
        if (end - joined).days < days:
            continue
        counts["customers"] += 1
        for other, referrer in named.items():
            # No circle can be left where the referrer is earlier; of those on one day no one names another here.
            if referrer == name and other != name and joined <= when[other]:
                counts["brought"] += (when[other] - joined).days <= days
        mine = bought[bought["customer_id"] == name]
        age = (mine["ordered_at"].dt.normalize() - joined).dt.days
        counts["bought"] += bool((age <= days).any())
        counts["orders"] += int(age.between(0, days).sum())
        counts["value"] += float(mine["revenue"][age.between(0, days)].sum())
    return counts


def test_counts_are_those_of_a_loop(engine) -> None:
    bought, accounts = shop(5)
    found = referral.links(engine(bought), engine(accounts), as_of=LAST, value_days=90)
    k = referral.k_factor(found)
    for days in referral.DAYS:
        expected = looped(bought, accounts, days)
        row = k[(k["among"] == "everybody") & (k["days"] == days)].iloc[0]
        assert (row["customers"], row["brought"]) == (expected["customers"], expected["brought"])
        buyers = k[(k["among"] == "bought by then") & (k["days"] == days)].iloc[0]
        assert buyers["customers"] == expected["bought"]
    expected = looped(bought, accounts, 90)
    assert found.values["customers"].sum() == found.spending["customers"].sum() == expected["customers"]
    assert found.values["orders"].sum() == expected["orders"]
    assert found.values["value"].sum() == pytest.approx(expected["value"], rel=1e-9)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6))
def test_parts_add_up_and_what_comes_later_changes_nothing(seed: int) -> None:
    bought, accounts = shop(seed)
    found = referral.links(bought, accounts, as_of=LAST)
    k = referral.k_factor(found).set_index(["among", "days"])
    for column in ("customers", "brought"):
        parts = k.loc["bought by then", column] + k.loc["not bought by then", column]
        assert (parts == k.loc["everybody", column]).all()
    months = referral.k_by_month(found)
    assert months["brought"].isna().equals(months["k"].isna())
    later = START + pd.Timedelta(days=400)
    more = pd.DataFrame({"customer_id": ["late"], "referrer_id": ["C1"], "signed_up_at": [later]})
    again = referral.links(
        pd.concat([bought, bought.assign(ordered_at=later)]), pd.concat([accounts, more]), as_of=LAST
    )
    pd.testing.assert_frame_equal(again.joined, found.joined)
    pd.testing.assert_frame_equal(referral.k_factor(again), k.reset_index())
    assert found.generations["customers"].sum() == len(accounts)
    tenure = referral.by_tenure(found)
    assert tenure["brought"].sum() == found.invited["delay"].notna().sum()
    spent = referral.by_spending(found)
    assert spent["brought"].iloc[0] == spent["brought"].iloc[1:].sum()
    assert spent["customers"].iloc[0] == spent["customers"].iloc[1:].sum()


def test_numbers_as_ids_and_days_instead_of_times(engine) -> None:
    bought, accounts = shop(5)
    number = accounts.assign(
        customer_id=accounts["customer_id"].str[1:].astype(int),
        referrer_id=pd.to_numeric(
            accounts["referrer_id"].str[1:]
        ),  # floats, as pandas makes of whole numbers with gaps
    )
    sold = bought.assign(customer_id=bought["customer_id"].str[1:].astype(int))
    found = referral.links(engine(sold), engine(number), as_of=LAST)
    wanted = referral.links(bought, accounts, as_of=LAST)
    pd.testing.assert_frame_equal(referral.k_factor(found), referral.k_factor(wanted))
    assert set(found.invited["inviter_id"]) == {int(name[1:]) for name in wanted.invited["inviter_id"]}


def test_a_month_that_is_not_over_is_missing(by_hand) -> None:
    months = referral.k_by_month(by_hand).set_index(["month", "days"])
    assert months.loc[(START, 180), ["customers", "brought"]].tolist() == [7, 4]
    assert months.loc[pd.Timestamp("2024-12-01")]["k"].isna().all()
    assert months.loc[pd.Timestamp("2024-12-01")]["brought"].isna().all()
    shares = referral.share_by_month(by_hand)
    assert len(shares) == 12
    assert shares["share"].isna().sum() == (shares["customers"] == 0).sum() > 0
    assert referral.share_by_month(by_hand._replace(as_of=by_hand.as_of - 1))["complete"].tolist() == [True] * 11 + [
        False
    ]


def test_the_interval_is_that_of_poisson_where_everybody_brings_one() -> None:
    """Garwood (1936): of 10 events the exact 95% limits of the mean are 4.795 and 18.391; of none 0 and 3.689."""
    ten = referral.brought_per(pd.DataFrame({"inviter_id": list("ABCDEFGHIJ")}), 1e7)
    assert (round(1e7 * ten["low"], 3), round(1e7 * ten["high"], 3)) == (4.795, 18.390)
    none = referral.brought_per(pd.DataFrame({"inviter_id": []}), 100)
    assert (none["low"], round(100 * none["high"], 3)) == (0, 3.689)
    few = referral.brought_per(pd.DataFrame({"inviter_id": ["A"] * 10}), 1e7)
    assert few["rate"] == ten["rate"]
    assert few["low"] < ten["low"]  # ten by one person say less than ten by ten
    assert few["high"] > ten["high"]
    assert np.isnan(referral.brought_per(pd.DataFrame({"inviter_id": ["A"]}), 0)["rate"])


def lifelines(joined: list[int], brought: list[tuple[int, int]]) -> referral.Links:
    """Links of customers who signed up on these days (before as_of), and (inviter, delay) of those they brought."""
    found = hand()
    day = found.as_of - np.array(joined)
    table = pd.DataFrame({"group": np.arange(len(joined)) % 50, "day": day, "referred": False, "customers": 1})
    who, delay = np.array([row[0] for row in brought]), np.array([float(row[1]) for row in brought])
    invited = pd.DataFrame({"inviter_id": who, "delay": delay, "inviter_group": who % 50, "inviter_day": day[who]})
    return found._replace(joined=table, invited=invited)


def test_without_censoring_the_cycle_is_the_median_of_delays() -> None:
    rng = np.random.default_rng(1)
    delays = rng.integers(0, 300, 101)
    found = lifelines(
        [400] * 200, [(int(who), int(delay)) for who, delay in zip(rng.integers(0, 200, 101), delays, strict=True)]
    )
    cycle = referral.cycle_time(found, horizon_days=365)
    days = cycle.days.set_index("measure")
    assert days.loc["half", "estimate"] == np.median(delays) == days.loc[referral.NAIVE, "estimate"]
    np.testing.assert_allclose(cycle.curve["share"], cycle.curve["naive"])
    assert cycle.curve["brought"].iloc[-1] == pytest.approx(101 / 200)


def test_young_customers_make_delays_look_short() -> None:
    """Everybody brings one on day 20 and one on day 80; the young have not lived to day 80."""
    old, young = [100] * 50, [30] * 50
    brought = [(who, 20) for who in range(100)] + [(who, 80) for who in range(50)]
    cycle = referral.cycle_time(lifelines(old + young, brought), horizon_days=90)
    curve = cycle.curve.set_index("day")
    assert curve.loc[90, "brought"] == 2  # one of each, as everybody would if followed
    assert (curve.loc[20, "share"], curve.loc[20, "naive"]) == (0.5, pytest.approx(2 / 3))
    days = cycle.days.set_index("measure")["estimate"]
    assert (days["a quarter"], days["three quarters"]) == (20, 80)


def test_horizon_ends_where_too_few_are_followed() -> None:
    cycle = referral.cycle_time(lifelines([100] * 50 + [200] * 10, [(1, 20), (55, 150)]), horizon_days=365)
    assert set(cycle.days["horizon_days"]) == {100}
    assert cycle.days.set_index("measure").loc["half", ["estimate", "n"]].tolist() == [20, 1]
    nobody = referral.cycle_time(hand())  # twelve customers: no age is reached by thirty
    assert nobody.days["horizon_days"].iloc[0] == 0
    with pytest.raises(OpskitError, match="horizon_days == 0, must be >= 1"):
        referral.cycle_time(hand(), horizon_days=0)


@pytest.fixture(scope="module")
def shop_links() -> referral.Links:
    ds = opskit.open("shop")
    return referral.links(ds.orders, ds.customers, as_of=ds.as_of)


def test_the_adjusted_difference_is_that_of_a_regression_on_months() -> None:
    import statsmodels.formula.api as smf

    bought, accounts = shop(3, customers=400)
    found = referral.links(bought, accounts, as_of=LAST, value_days=60)
    row = referral.compare(found).set_index("measure").loc["value"]
    cells = found.values
    rows = cells.loc[cells.index.repeat(cells["customers"])].assign(mean=lambda t: t["value"] / t["customers"])
    fit = smf.ols("mean ~ referred + C(month)", rows).fit()  # a cell's mean stands for each of its customers
    assert row["adjusted"] == pytest.approx(fit.params["referred[T.True]"], rel=1e-9)
    assert row["difference"] == pytest.approx(row["referred"] - row["others"])
    assert row["adjusted_low"] < row["adjusted"] < row["adjusted_high"]


def test_what_a_referral_may_cost() -> None:
    compared = referral.compare(hand(value_days=60)).set_index("measure")
    compared.loc["value", ["referred", "referred_low", "referred_high"]] = [100.0, 80.0, 120.0]
    compared.loc["value", ["adjusted", "adjusted_low", "adjusted_high"]] = [30.0, 5.0, 55.0]
    table = referral.break_even(compared.reset_index(), reward=45.0).set_index("if_so")
    assert table["at_most"].tolist() == [100, 75, 50, 25, 30]
    assert table["pays"].tolist() == ["yes", "yes", "cannot be told", "no", "cannot be told"]
    most = referral.anyway_at_most(compared.reset_index(), reward=45.0)
    assert most == pytest.approx({"value": 0.55, "low": 1 - 45 / 80, "high": 1 - 45 / 120})
    assert referral.anyway_at_most(compared.reset_index(), reward=500.0)["value"] == 0
    with pytest.raises(OpskitError, match="reward == -1"):
        referral.break_even(compared.reset_index(), reward=-1.0)


def test_the_reward_is_found_in_spend(shop_links) -> None:
    ds = opskit.open("shop")
    assert referral.reward(shop_links, ds)[0] == pytest.approx(15)
    assert referral.reward(shop_links, ds, given=20.0)[0] == 20
    unknown, why = referral.reward(shop_links, ds, channel="nowhere")
    assert np.isnan(unknown)
    assert "'nowhere'" in why


def test_few_bring_many(by_hand) -> None:
    found = by_hand
    shares, curve = referral.concentration(found)
    assert shares[["inviters", "brought"]].to_numpy().tolist() == [[1, 4], [3, 6]]
    assert shares["share"].tolist() == pytest.approx([4 / 6, 1])
    assert shares["share_of_customers"].tolist() == pytest.approx([1 / 12, 3 / 12])
    assert curve["share_brought"].is_monotonic_increasing
    assert curve.iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [0.25, 1]]


def test_the_list_names_those_who_brought_most_and_what_is_odd(by_hand) -> None:
    listed = referral.top_inviters(by_hand).set_index("customer_id")
    assert listed["brought"].to_dict() == {"A": 4, "B": 1, "X": 1}
    assert listed.loc["A", ["place", "brought_buyers", "below", "brought_value", "own_value"]].tolist() == [
        1,
        2,
        5,
        33,
        120,
    ]
    assert listed.loc["A", "days_since_last"] == 365 - 200
    assert (listed["look"] == "").all()
    who = np.repeat(["farm", "crowd", *(f"good{i}" for i in range(20))], 8)
    rows = pd.DataFrame({"inviter_id": who, "customer_id": range(len(who)), "day": np.arange(len(who)), "delay": 1.0})
    rows = rows.assign(orders=np.where(who == "farm", 0, 1), value=1.0, below=0.0, inviter_day=0)
    rows.loc[rows["inviter_id"] == "crowd", "day"] = 7
    odd = referral.top_inviters(by_hand._replace(invited=rows.assign(inviter_orders=0, inviter_value=0.0)))
    look = odd.set_index("customer_id")["look"]
    assert look[look != ""].to_dict() == {"farm": "few of them order", "crowd": "most came on one day"}
    with pytest.raises(OpskitError, match="top == 0"):
        referral.top_inviters(by_hand, top=0)


def test_sign_ups_per_invitation(engine, by_hand) -> None:
    rows = [("A", 5), ("A", 40), ("A", 199), ("B", 39), ("S", 360), ("A", 400)]
    events = pd.DataFrame([(who, "invite", START + pd.Timedelta(days=day)) for who, day in rows])
    events.columns = ["customer_id", "event", "occurred_at"]
    events = pd.concat([events, events.assign(event="visit")])
    table = referral.per_invitation(engine(events), by_hand, as_of=LAST).set_index("measure")
    # Five invitations by the last day; B, C, D, E and Y signed up since the first of them (Z at an unknown time).
    assert table.loc["sign-ups per invitation", ["estimate", "n"]].tolist() == [1.0, 5]
    assert table.iloc[1][["estimate", "n"]].tolist() == [pytest.approx(2 / 3), 3]
    assert referral.per_invitation(engine(events), by_hand, as_of=LAST, event="call").empty
    assert referral.per_invitation(None, by_hand, as_of=LAST).empty


def test_the_share_without_the_largest_inviter(by_hand) -> None:
    shares = referral.referred_share(by_hand).set_index("period")
    assert shares.loc["all", ["customers", "referred"]].tolist() == [11, 6]
    assert shares.loc["all, without the largest inviter's", ["customers", "referred"]].tolist() == [8, 3]


def test_what_is_missing_is_said_in_a_sentence() -> None:
    with pytest.raises(OpskitError, match="customers lacks 'referrer_id'"):
        hand(people=people().drop(columns="referrer_id"))
    with pytest.raises(OpskitError, match="customers lacks 'signed_up_at'"):
        hand(people=people().drop(columns="signed_up_at"))
    with pytest.raises(TooLittleDataError, match="no customer names a referrer"):
        hand(people=people().assign(referrer_id=None))
    with pytest.raises(TooLittleDataError, match="no customer has a day of sign-up"):
        hand(people=people().assign(signed_up_at=pd.NaT))
    with pytest.raises(OpskitError, match="days == 0"):
        hand(value_days=0)
    with pytest.raises(OpskitError, match="both must be of one kind"):
        referral.links(orders(), __import__("polars").from_pandas(people()), as_of=LAST)


def everything(found: referral.Links) -> tuple[pd.DataFrame, list[str]]:
    k, cycle, compared = referral.k_factor(found), referral.cycle_time(found), referral.compare(found)
    shares, spending = referral.referred_share(found), referral.by_spending(found)
    holding, curve = referral.concentration(found)
    invited = referral.per_invitation(None, found, as_of=LAST)
    even = referral.break_even(compared, reward=15.0)
    for ax in (
        referral.plot_share(referral.share_by_month(found)),
        referral.plot_k(k),
        referral.plot_k_by_month(referral.k_by_month(found)),
        referral.plot_cycle(cycle),
        referral.plot_compare(compared),
        referral.plot_break_even(even),
        referral.plot_concentration(holding, curve),
        referral.plot_by_spending(spending),
    ):
        ax.figure.canvas.draw()
        said = ax.get_title(loc="left") + " ".join(text.get_text() for text in ax.texts)
        assert said
        assert "nan" not in said
    plt.close("all")
    claims = referral.claims(shares, k, compared, spending)
    assert set(claims["verdict"]) <= {"holds", "does not hold", "not enough data"}
    listed = referral.top_inviters(found)
    figures = referral.key_figures(shares, k, cycle, compared, holding, invited, reward=15.0)
    referral.recovery(k, cycle, compared, shares, invited, truth={})
    referral.sheet(compared)
    referral.by_tenure(found)
    return figures, referral.decisions(claims, k, cycle, compared, listed, reward=15.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", ["two", "hand", "young"])
def test_little_data_gives_sentences_and_no_warning(size: str) -> None:
    accounts = people()
    if size == "two":
        accounts = accounts.iloc[:2]
    if size == "young":
        accounts["signed_up_at"] = pd.Timestamp(LAST)
    figures, lines = everything(hand(people=accounts))
    assert not [line for line in lines if "nan" in line or "inf" in line]
    known = figures.dropna(subset=["value", "low"])
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    assert (figures["n"][figures["value"].notna()] > 0).all()


@pytest.mark.filterwarnings("error")
def test_titles_say_what_the_figures_show(shop_links) -> None:
    cycle = referral.cycle_time(shop_links)
    half = cycle.days.set_index("measure").loc["half", "estimate"]
    assert f"Half come after day {half:.0f}" in referral.plot_cycle(cycle).get_title(loc="left")
    k = referral.k_factor(shop_links)
    assert "A hundred customers bring 8.84 others" in referral.plot_k(k).get_title(loc="left")
    plt.close("all")


def test_decisions_follow_the_figures(shop_links) -> None:
    k, cycle, compared = referral.k_factor(shop_links), referral.cycle_time(shop_links), referral.compare(shop_links)
    shares, spending = referral.referred_share(shop_links), referral.by_spending(shop_links)
    listed = referral.top_inviters(shop_links)
    told = {}
    for verdict in ("holds", "does not hold", "not enough data"):
        claims = referral.claims(shares, k, compared, spending).assign(verdict=verdict)
        told[verdict] = referral.decisions(claims, k, cycle, compared, listed)
    assert len({lines[0] for lines in told.values()}) == 3
    assert len({lines[1] for lines in told.values()}) == 3
    assert len({lines[3] for lines in told.values()}) == 3
    assert len({lines[5] for lines in told.values()}) == 3
    assert all("Pay no more than" in lines[4] for lines in told.values())
    dear = referral.decisions(claims, k, cycle, compared, listed, reward=5000.0)
    assert dear[4].startswith("**Lower the reward**")
