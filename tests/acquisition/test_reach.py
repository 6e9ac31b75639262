"""Reach and fatigue: laws, tables counted by hand on every engine, and peers for the statistics."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import duckdb
import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.oneway import anova_oneway

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import stats
from opskit.acquisition import reach
from opskit.acquisition.reach.trial import Trial
from opskit.errors import OpskitError, TooLittleDataError

Engine = Callable[[pd.DataFrame], Any]
AS_OF = dt.date(2025, 3, 31)
ARMS = ["one", "four"]


def touched(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "channel", "touched_at"]).astype({"touched_at": "datetime64[us]"})


HAND = touched(
    [
        ("A", "ads", "2025-03-30"), ("A", "ads", "2025-03-31 23:59"), ("A", "mail", "2025-03-01"),
        ("B", "ads", "2025-03-29"), ("B", "mail", "2025-03-02"), ("B", "shop", "2025-03-02"),
        ("C", "ads", "2025-01-01"), ("D", "shop", "2025-03-20"), ("D", "ads", "2025-04-01"),
    ]
)  # fmt: skip
PEOPLE = pd.DataFrame({"customer_id": list("ABCDEFGH")})
paths = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), min_size=1, max_size=60)


def of_pairs(pairs: list[tuple[int, int]]) -> pd.DataFrame:
    return touched([(f"P{who}", f"channel {channel}", "2025-03-01") for who, channel in pairs])


# Audiences


def test_sets_of_channels_by_hand(engine: Engine) -> None:
    found = reach.audiences(engine(HAND), engine(PEOPLE), as_of=AS_OF)
    assert found.channels["channel"].tolist() == ["ads", "mail", "shop"]
    assert found.channels["touches"].tolist() == [4, 2, 2]  # the one of 1 April is not known yet
    assert dict(zip(found.sets["mask"], found.sets["customers"], strict=True)) == {0: 4, 1: 1, 3: 1, 4: 1, 7: 1}
    assert (found.population, found.together) == (8, 4)
    alone = reach.by_channel(found).set_index("channel")
    assert alone[["customers", "only"]].to_numpy().tolist() == [[3, 1], [2, 0], [2, 1]]
    assert alone["share"].tolist() == [3 / 8, 2 / 8, 2 / 8]


def test_a_window_counts_its_first_and_its_last_day(engine: Engine) -> None:
    found = reach.audiences(engine(HAND), as_of=AS_OF, window_days=30)  # from 2 March on
    assert found.since == dt.date(2025, 3, 2)
    assert dict(zip(found.names, reach.by_channel(found)["customers"], strict=True)) == {"ads": 2, "shop": 2, "mail": 1}
    windows = reach.by_window(engine(HAND), as_of=AS_OF, windows=(1, 3, 31, 90))
    table = windows.pivot(index="channel", columns="window_days", values="customers")
    assert table.loc[""].tolist() == [1, 2, 3, 4]
    assert table.loc["ads"].tolist() == [1, 2, 2, 3]
    assert table.loc["mail"].tolist() == [0, 0, 2, 2]


def test_by_medium_who_was_held_out_was_not_reached(engine: Engine) -> None:
    contacts = HAND.rename(columns={"channel": "medium", "touched_at": "sent_at"})
    contacts["holdout"] = contacts["customer_id"] == "C"
    found = reach.audiences(engine(contacts), as_of=AS_OF, by="medium")
    assert dict(zip(found.names, reach.by_channel(found)["customers"], strict=True)) == {"ads": 2, "mail": 2, "shop": 2}


def test_the_smallest_channels_are_counted_together_and_said_so(engine: Engine) -> None:
    found = reach.audiences(engine(HAND), as_of=AS_OF, most_channels=2)
    assert found.names == ["ads", "2 smaller ones"]
    assert reach.by_channel(found)["customers"].tolist() == [3, 3]  # A, B and D, each once
    assert any("mail, shop" in note for note in found.notes)


def test_a_channel_without_a_name_is_a_channel() -> None:
    rows = touched([("A", None, "2025-03-01"), ("A", "", "2025-03-01"), ("B", "ads", "2025-03-01")])
    assert reach.audiences(rows, as_of=AS_OF).names == ["(unknown)", "ads"]


def test_what_is_missing_or_out_of_range_is_told() -> None:
    with pytest.raises(OpskitError, match=r"touchpoints has no rows from 2020-01-01 to 2020-01-07"):
        reach.audiences(HAND, as_of=dt.date(2020, 1, 7), window_days=7)
    with pytest.raises(OpskitError, match="touchpoints lacks 'touched_at'"):
        reach.audiences(HAND.drop(columns="touched_at"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="most_channels == 17"):
        reach.audiences(HAND, as_of=AS_OF, most_channels=17)
    with pytest.raises(OpskitError, match="windows == 0"):
        reach.by_window(HAND, as_of=AS_OF, windows=(0,))


def test_money_of_the_window_and_what_one_more_person_costs(engine: Engine) -> None:
    days = pd.to_datetime(["2025-03-01", "2025-03-02", "2025-03-31", "2025-04-01", "2025-03-05"])
    spend = pd.DataFrame({"date": days, "channel": ["ads", "ads", "ads", "ads", "mail"], "spend": [9.0, 10, 30, 99, 0]})
    found = reach.audiences(engine(HAND), as_of=AS_OF, window_days=30)
    money = reach.spent(engine(spend), found)
    assert money["ads"] == 40
    assert money[["mail", "shop"]].isna().all()  # nothing spent is no price
    curve = reach.incremental(found, money).set_index("channel")
    assert curve.loc["ads", "cost_per_added"] == 20


@given(paths)
@settings(max_examples=15, deadline=None)
def test_the_sum_is_never_less_than_what_is_reached_together(pairs: list[tuple[int, int]]) -> None:
    found = reach.audiences(of_pairs(pairs), as_of=AS_OF)
    curve = reach.incremental(found)
    people = {who for who, _ in pairs}
    assert curve["parts"].iloc[-1] == len(set(pairs))
    assert curve["together"].iloc[-1] == found.together == len(people)
    assert (curve["together"] <= curve["parts"]).all()
    assert curve["added"].is_monotonic_decreasing
    assert (curve["together"] <= curve["best_together"]).all()
    assert (curve["together"] >= (1 - 1 / np.e) * curve["best_together"]).all()  # Nemhauser, Wolsey & Fisher 1978
    held: set[int] = set()
    for row in curve.itertuples():
        held |= {who for who, channel in pairs if f"channel {channel}" == row.channel}
        assert row.together == len(held)


def test_the_order_by_steps_can_lose_to_the_best_set() -> None:
    """The textbook's case: the largest audience first leaves a pair that together reaches more."""
    sets = {"wide": [1, 2, 3, 4], "left": [1, 2, 5], "right": [3, 4, 6]}
    rows = [(str(who), channel, "2025-03-01") for channel, people in sets.items() for who in people]
    curve = reach.incremental(reach.audiences(touched(rows), as_of=AS_OF))
    assert curve["channel"].tolist() == ["wide", "left", "right"]
    assert curve["together"].tolist() == [4, 5, 6]
    assert curve["best_together"].tolist() == [4, 6, 6]


@given(paths)
@settings(max_examples=8, deadline=None)
def test_overlap_counts_people_in_both(pairs: list[tuple[int, int]]) -> None:
    table = reach.overlap(reach.audiences(of_pairs(pairs), as_of=AS_OF))
    audience = {f"channel {channel}": {who for who, c in pairs if c == channel} for _, channel in pairs}
    assert len(table) == len(audience) * (len(audience) - 1)
    for row in table.itertuples():
        one, other = audience[row.channel], audience[row.other]
        assert row.both == len(one & other)
        assert row.share_of_channel == pytest.approx(len(one & other) / len(one))
        assert row.jaccard == pytest.approx(len(one & other) / len(one | other))
        assert row.jaccard_low <= row.jaccard <= row.jaccard_high


def independent(seed: int, n: int = 2000, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> reach.Audiences:
    """Audiences drawn independently of each other, and those nobody reached."""
    met = np.random.default_rng(seed).random((n, len(shares))) < shares
    mask, customers = np.unique(met @ (1 << np.arange(len(shares))), return_counts=True)
    channels = pd.DataFrame({"channel": list("abc"), "touches": met.sum(axis=0)})
    return reach.Audiences(
        channels, pd.DataFrame({"mask": mask, "customers": customers}), (), "channel", None, AS_OF, n
    )


def test_audiences_drawn_apart_overlap_by_chance() -> None:
    held, times = 0, 0
    for seed in range(25):
        found = independent(seed)
        known = reach.together(found).set_index("measure")
        assert known.loc["beyond_chance", "estimate"] == pytest.approx(
            known.loc["counted_again", "estimate"] - known.loc["by_chance", "estimate"]
        )
        held += known.loc["beyond_chance", "low"] <= 0 <= known.loc["beyond_chance", "high"]
        row = reach.overlap(found).iloc[0]
        times += row["times_low"] <= 1 <= row["times_high"]
    assert min(held, times) >= 19  # of 25 at 95%; fewer once in 2,000


def test_chance_is_unknown_without_everybody() -> None:
    found = reach.audiences(HAND, as_of=AS_OF)
    known = reach.together(found).set_index("measure")
    assert known.loc["counted_again", "estimate"] == pytest.approx(1 - 4 / 7)
    assert known.loc[["by_chance", "beyond_chance"], ["estimate", "low", "high"]].isna().all(axis=None)
    assert reach.overlap(found)[["by_chance", "times_chance", "times_low"]].isna().all(axis=None)
    assert any("table customers" in note for note in found.notes)


# Messages


def contacts_of(seed: int = 5, people: int = 60) -> pd.DataFrame:
    """Newsletters in January and February, then a test of one or four a week in March; no time of day is unique."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for who in range(people):
        arm = ARMS[who % 2]
        rows += [
            (who, f"2025-01-01 {rng.integers(24)}:00", int(day), "news", rng.random() < 0.2, rng.random() < 0.01)
            for day in np.flatnonzero(rng.random(59) < 0.08)
        ]
        answers = 0.25 if arm == "one" else 0.1
        rows += [
            (who, "2025-01-01 12:00", day, arm, rng.random() < answers, rng.random() < 0.02)
            for day in range(60, 88, 7 if arm == "one" else 2)
        ]
    table = pd.DataFrame(rows, columns=["customer_id", "at", "day", "campaign", "responded", "opted_out"])
    table["sent_at"] = (pd.to_datetime(table.pop("at")) + pd.to_timedelta(table["day"], unit="D")).astype(
        "datetime64[us]"
    )
    table["cost"] = np.where(table["campaign"] == "four", 0.5, 0.25)
    return table.drop(columns="day").assign(medium="sms")


CONTACTS = contacts_of()
GIVEN = {"as_of": AS_OF, "medium": "sms"}


def test_sums_of_messages_as_they_happened(engine: Engine) -> None:
    """Against a plain loop over customers and blocks of 28 days counted back from the last."""
    sums = reach.observed(engine(CONTACTS), without=ARMS, most_messages=4, **GIVEN)
    own = CONTACTS[CONTACTS["campaign"] == "news"]
    block = (pd.Timestamp("2025-03-31") - own["sent_at"].dt.normalize()).dt.days // 28
    each = own.groupby([own["customer_id"], block]).agg(
        messages=("responded", "size"), responded=("responded", "sum"), opted_out=("opted_out", "max")
    )
    expected = each.groupby(each["messages"].clip(upper=4)).sum()
    found = sums.groupby("got")[["messages", "responded", "opted_out", "customers", "weeks"]].sum()
    assert found.index.tolist() == expected.index.tolist()
    assert found[["messages", "responded", "opted_out"]].to_numpy().tolist() == expected.astype(int).to_numpy().tolist()
    assert found["customers"].tolist() == each.groupby(each["messages"].clip(upper=4)).size().tolist()
    np.testing.assert_allclose(found["weeks"], 4 * found["customers"])


def test_a_test_by_campaign_on_every_engine(engine: Engine) -> None:
    found = reach.trial(engine(CONTACTS), arms=ARMS, **GIVEN)
    assert found.there
    assert found.arms["arm"].tolist() == ["one", "four"]
    assert found.arms["messages_per_week"].tolist() == [1.0, 3.5]
    assert found.arms["customers"].tolist() == [30, 30]
    assert found.arms["cost_per_message"].tolist() == [0.25, 0.5]
    own = CONTACTS[CONTACTS["campaign"].isin(ARMS)]
    entry = own.groupby("customer_id")["sent_at"].transform("min").dt.normalize()
    late = (own["sent_at"].dt.normalize() - entry).dt.days >= 7
    by_arm = own.groupby("campaign")[["responded"]].agg(["size", "sum"]).set_axis(["messages", "responded"], axis=1)
    weighted = found.people.drop(columns=["arm", "customers"]).mul(found.people["customers"], axis=0)
    sums = weighted.groupby(found.people["arm"]).sum()
    assert sums[["messages", "responded"]].to_numpy().tolist() == by_arm.loc[sums.index].to_numpy().tolist()
    assert sums["settled_messages"].to_dict() == own[late].groupby("campaign").size().to_dict()
    assert sums["settled_responded"].to_dict() == own[late].groupby("campaign")["responded"].sum().to_dict()
    assert (
        sums["opted_out"].to_dict()
        == own.groupby(["campaign", "customer_id"])["opted_out"].max().groupby("campaign").sum().to_dict()
    )
    news = CONTACTS[(CONTACTS["campaign"] == "news")]
    before = news[news["sent_at"] >= "2025-01-01"].groupby(np.where(news["customer_id"] % 2, "four", "one")).size() / 30
    told = found.before[found.before["known_before"] == "messages_before"].set_index("arm")["mean"]
    np.testing.assert_allclose(told[["four", "one"]], before[["four", "one"]], rtol=1e-9)


def test_a_test_by_assignment_keeps_those_never_written_to(engine: Engine) -> None:
    arm = pd.DataFrame({"customer_id": range(62), "variant": [ARMS[who % 2] for who in range(60)] + ["none", "none"]})
    table = pd.concat([arm.assign(experiment="how_often"), arm.assign(experiment="other", variant="x")])
    table["assigned_at"] = pd.Timestamp("2025-03-02 09:00")
    orders = pd.DataFrame(
        {"customer_id": [0, 0, 1], "ordered_at": pd.to_datetime(["2025-03-01", "2025-03-02", "2025-01-30"])}
    )
    found = reach.trial(
        engine(CONTACTS), assignments=engine(table), experiment="how_often", orders=engine(orders), **GIVEN
    )
    assert found.arms["arm"].tolist() == ["none", "one", "four"]
    assert found.arms["messages_per_week"].tolist() == [0, 1, 3.5]
    assert found.arms["customers"].tolist() == [2, 30, 30]
    ordered = found.before[found.before["known_before"] == "orders_before"].set_index("arm")["mean"]
    np.testing.assert_allclose(ordered[["one", "four", "none"]], [1 / 30, 1 / 30, 0], rtol=1e-9)
    rates = reach.rates_by_arm(found).set_index(["arm", "measure"])
    assert np.isnan(rates.loc[("none", "responses_per_message"), "estimate"])
    assert rates.loc[("none", "responses_per_week"), "estimate"] == 0


def test_who_is_in_several_arms_or_not_over_is_left_out_and_counted() -> None:
    both = CONTACTS.copy()
    both.loc[both.index[(both["customer_id"] == 0) & (both["campaign"] == "one")][0], "campaign"] = "four"
    found = reach.trial(both, arms=ARMS, **GIVEN)
    assert found.counts.set_index("what")["customers"].to_dict() == {"used": 59, "in several arms": 1, "not over": 0}
    early = reach.trial(CONTACTS, arms=ARMS, as_of=dt.date(2025, 3, 28), medium="sms")  # day 27 of 28
    assert early.counts.set_index("what")["customers"]["not over"] == 60
    assert not early.there
    assert reach.balance(early).empty
    assert reach.cap(early).verdict == reach.UNTOLD


def test_suppressions_tell_who_opted_out_where_contacts_do_not(engine: Engine) -> None:
    first = CONTACTS[CONTACTS["opted_out"] & CONTACTS["campaign"].isin(ARMS)].drop_duplicates("customer_id")
    gone = pd.DataFrame({"customer_id": first["customer_id"], "since": first["sent_at"], "medium": "sms"})
    other = gone.assign(medium="e-mail", customer_id=1)
    mute = CONTACTS.drop(columns="opted_out")
    table = engine(pd.concat([gone, other]))
    assert reach.opt_outs_known(engine(mute), table)
    assert not reach.opt_outs_known(engine(mute))
    found, told = (
        reach.rates_by_arm(reach.trial(contacts, arms=ARMS, suppressions=known, **GIVEN))
        for contacts, known in ((engine(mute), table), (engine(CONTACTS), None))
    )
    pd.testing.assert_frame_equal(found, told)


def test_without_answers_nothing_can_tire() -> None:
    with pytest.raises(TooLittleDataError, match="contacts lacks 'responded'"):
        reach.observed(CONTACTS.drop(columns="responded"), **GIVEN)
    found = reach.frequency({"contacts": CONTACTS.drop(columns="responded")}, as_of=AS_OF)
    assert (found.medium, len(found.observed), found.trial.there) == ("", 0, False)


def test_how_arms_are_said() -> None:
    assignments = pd.DataFrame(
        {"experiment": "how_often", "customer_id": range(60), "assigned_at": pd.Timestamp("2025-03-02")}
    )
    assignments["variant"] = np.where(assignments["customer_id"] % 2, "four", "one")
    tables = {"contacts": CONTACTS, "assignments": assignments}
    by_name = reach.frequency(tables, as_of=AS_OF, arms="how_often")
    by_campaign = reach.frequency(tables, as_of=AS_OF, arms="one, four, ten")
    assert by_name.trial.source == "experiment how_often"
    assert by_campaign.trial.source == "campaigns"
    assert any("Not in the data: ten" in note for note in by_campaign.notes)
    assert by_campaign.observed["messages"].sum() == (CONTACTS["campaign"] == "news").sum()
    pd.testing.assert_frame_equal(by_name.trial.people, by_campaign.trial.people)
    early = reach.frequency(tables, as_of=dt.date(2025, 3, 20), arms="one,four")
    assert any("Nobody's 28 days are over yet" in note for note in early.notes)
    nothing = reach.frequency(tables, as_of=AS_OF, arms="oen,fuor")
    assert not nothing.trial.there
    assert any("Did you mean 'one'?" in note for note in nothing.notes)
    with pytest.raises(OpskitError, match="medium == 'sm', must be one of 'sms'"):
        reach.frequency(tables, as_of=AS_OF, medium="sm")


# Estimates


def people_of(rows: dict[str, list[tuple[int, int, int, int]]], rates: list[float]) -> Trial:
    """A trial from (messages, answers, opted out, customers) by arm."""
    parts = [
        pd.DataFrame(part, columns=["messages", "responded", "opted_out", "customers"]).assign(arm=arm)
        for arm, part in rows.items()
    ]
    people = pd.concat(parts, ignore_index=True)
    people["settled_messages"], people["settled_responded"] = people["messages"], people["responded"]
    arms = pd.DataFrame({"arm": list(rows), "messages_per_week": rates})
    arms["customers"] = arms["arm"].map(people.groupby("arm")["customers"].sum())
    arms["cost_per_message"], arms["began"] = 0.0, pd.Timestamp("2025-03-01")
    before = pd.DataFrame(columns=["arm", "known_before", "n", "mean", "variance"])
    counts = pd.DataFrame({"what": ["used"], "customers": [int(people["customers"].sum())]})
    return Trial(arms, people, before, counts, 28, 7, 60, opt_outs_known=True, source="campaigns")


def test_a_share_of_customers_has_wilsons_interval() -> None:
    found = people_of({"one": [(4, 1, 0, 90), (2, 0, 1, 10)], "four": [(16, 0, 0, 100)]}, [1, 4])
    rates = reach.rates_by_arm(found).set_index(["arm", "measure"])
    row = rates.loc[("one", "opted_out")]
    low, high = stats.wilson(10, 100)
    assert (row["estimate"], row["low"], row["high"], row["n"]) == (0.1, low, high, 100)
    row = rates.loc[("one", "responses_per_message")]
    assert row["estimate"] == pytest.approx(90 / 380)
    assert rates.loc[("one", "responses_per_week"), "estimate"] == pytest.approx(0.9 / 4)
    nobody = rates.loc[("four", "responses_per_message")]
    assert nobody["low"] == 0
    assert nobody["high"] == pytest.approx(float(stats.wilson(0, 1600)[1]))


def test_answers_that_hang_together_tell_less() -> None:
    together = people_of({"one": [(4, 4, 0, 25), (4, 0, 0, 75)], "four": [(16, 4, 0, 100)]}, [1, 4])
    rates = reach.rates_by_arm(together).set_index(["arm", "measure"])
    row = rates.loc[("one", "responses_per_message")]
    low, high = stats.wilson(25, 100)  # four answers of one customer tell as much as one
    assert row["estimate"] == 0.25
    assert (row["low"], row["high"]) == (pytest.approx(float(low), abs=0.001), pytest.approx(float(high), abs=0.001))


def test_the_factor_is_that_of_a_poisson_regression_with_clustered_errors() -> None:
    found = reach.trial(CONTACTS, arms=ARMS, **GIVEN)
    own = CONTACTS[CONTACTS["campaign"].isin(ARMS)]
    entry = own.groupby("customer_id")["sent_at"].transform("min").dt.normalize()
    own = own[(own["sent_at"].dt.normalize() - entry).dt.days >= 7]
    x = sm.add_constant(own["campaign"].map({"one": 1.0, "four": 3.5}))
    fit = sm.GLM(own["responded"].astype(float), x, family=sm.families.Poisson()).fit(
        cov_type="cluster", cov_kwds={"groups": own["customer_id"].to_numpy(), "use_correction": False}
    )
    row = reach.factors(found, reach.observed(CONTACTS, without=ARMS, **GIVEN)).set_index(["how", "measure"])
    row = row.loc[("tested", "responses_per_message")]
    assert row["factor"] == pytest.approx(np.exp(fit.params["campaign"]), rel=1e-6)
    half = np.log(row["high"] / row["low"]) / 2
    assert half == pytest.approx(1.959964 * fit.bse["campaign"], rel=1e-6)


def test_the_naive_factor_is_that_of_the_counts() -> None:
    sums = pd.DataFrame({"got": np.repeat([1, 2, 4], 50), "group": np.tile(range(50), 3), "customers": 10.0})
    sums["messages"], sums["weeks"] = sums["got"] * 10.0, 40.0
    sums["responded"] = sums["messages"] * 0.5 * 0.8 ** (sums["got"] / 4)
    sums["opted_out"] = 0.0
    table = reach.factors(people_of({"one": [(4, 1, 0, 9)]}, [1]), sums).set_index(["how", "measure"])
    assert table.loc[("observed", "responses_per_message"), "factor"] == pytest.approx(0.8)
    assert table.drop(("observed", "responses_per_message"))["factor"].isna().all()


def test_thin_rows_are_counted_with_the_row_below() -> None:
    sums = reach.observed(CONTACTS, without=ARMS, **GIVEN)
    fine, coarse = (reach.observed_rates(sums, min_customers=n) for n in (1, 60))
    for measure in reach.MEASURES:
        both = [table[table["measure"] == measure] for table in (fine, coarse)]
        assert len(both[1]) < len(both[0])
        assert (both[1]["low"] <= both[1]["estimate"]).all()
    n = [table.loc[table["measure"] == "responses_per_message", "n"].sum() for table in (fine, coarse)]
    assert n[0] == n[1] == (CONTACTS["campaign"] == "news").sum()


# The lot


def test_the_check_of_the_lot_is_welchs_test() -> None:
    found = reach.trial(CONTACTS, arms=ARMS, **GIVEN)
    news = CONTACTS[CONTACTS["campaign"] == "news"]
    per = news.groupby("customer_id").size().reindex(range(60), fill_value=0)
    peer = anova_oneway([per[per.index % 2 == 0], per[per.index % 2 == 1]], use_var="unequal").pvalue
    own = found.before[found.before["known_before"] == "messages_before"]
    alone = Trial(
        **{**found.__dict__, "before": pd.concat([own, found.before[found.before["known_before"] == "entry"]])}
    )
    table = reach.balance(alone).set_index("known_before")
    assert table.loc["messages_before", "p_value"] == pytest.approx(peer)
    three = [per[per.index % 3 == place].to_numpy(dtype=float) for place in range(3)]
    from opskit.acquisition.reach.lot import _welch

    moments = pd.DataFrame([(len(x), x.mean(), x.var(ddof=1)) for x in three], columns=["n", "mean", "variance"])
    assert _welch(moments) == pytest.approx(anova_oneway(three, use_var="unequal").pvalue)


def chosen(seed: int, *, by_activity: bool) -> Trial:
    """Arms given to the active or by lot; who is active got more before."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, str, bool]] = []
    for who in range(200):
        active = rng.random() < 0.5
        arm = ("four" if active else "one") if by_activity else str(rng.choice(ARMS))
        rows += [
            (who, int(day), "news", bool(rng.random() < 0.2))
            for day in np.flatnonzero(rng.random(59) < (0.12 if active else 0.04))
        ]
        rows += [(who, day, arm, bool(rng.random() < 0.1)) for day in range(60, 88, 7 if arm == "one" else 2)]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "campaign", "responded"])
    table["sent_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(table.pop("day"), unit="D")
    return reach.trial(pl.from_pandas(table.assign(medium="sms", opted_out=False)), arms=ARMS, **GIVEN)


def test_arms_given_to_the_active_are_refuted_and_a_lot_is_not() -> None:
    assert not any(reach.believed(reach.balance(chosen(seed, by_activity=True))) for seed in range(2))
    assert sum(reach.believed(reach.balance(chosen(seed, by_activity=False))) for seed in range(4)) >= 3


def test_arms_that_ran_one_after_the_other_are_refuted() -> None:
    later = CONTACTS.copy()
    later.loc[later["campaign"] == "one", "sent_at"] -= pd.Timedelta(days=20)
    table = reach.balance(reach.trial(later, arms=ARMS, **GIVEN)).set_index("known_before")
    assert not table.loc["entry", "alike"]
    assert table.loc["entry", "four"] - table.loc["entry", "one"] == 20


# The cap


def test_the_cap_by_hand() -> None:
    rows = {"one": [(4, 1, 0, 100)], "four": [(16, 2, 0, 90), (8, 2, 1, 10)]}
    found = reach.cap(
        people_of(rows, [1, 4]), value_per_response=2, cost_of_opt_out=3, horizon_weeks=10, cost_per_message=0.1
    )
    one, four = found.arms.to_dict("records")
    assert one["answers"] == pytest.approx(2 * 0.25)
    assert one["net"] == pytest.approx(0.5 - 0.1)
    assert found.per_opt_out == pytest.approx(3 + 10 * 0.4)
    assert four["cost"] == pytest.approx(0.1 * (16 * 0.9 + 8 * 0.1) / 4)
    assert four["lost"] == pytest.approx(7 * 0.1 / 4)
    assert four["net"] == pytest.approx(1.0 - 0.38 - 0.175)


def test_a_frequency_far_better_is_told_and_two_alike_are_not() -> None:
    better = people_of({"one": [(4, 1, 0, 500), (4, 0, 0, 500)], "four": [(16, 1, 0, 800), (9, 0, 1, 200)]}, [1, 4])
    found = reach.cap(better)
    assert (found.best, found.low, found.high, found.verdict) == (1, 1, 1, reach.TOLD)
    alike = [(4, 1, 0, 50), (4, 0, 0, 50)]
    found = reach.cap(people_of({"one": alike, "four": alike}, [1, 4]))
    assert (found.low, found.high, found.verdict) == (1, 4, reach.UNTOLD)
    assert found.arms["wins"].sum() == pytest.approx(1)
    three = {"one": alike, "two": [(8, 1, 0, 60), (8, 0, 0, 40)], "four": [(16, 0, 1, 100)]}
    found = reach.cap(people_of(three, [1, 2, 4]))
    assert (found.best, found.low, found.high, found.verdict) == (2, 1, 2, reach.NARROWED)


def test_the_seed_decides_the_resamples_and_nothing_else() -> None:
    rows = {"one": [(4, n, 0, 10 + n) for n in range(4)], "four": [(16, n, n % 2, 20 + n) for n in range(9)]}
    found = people_of(rows, [1, 4])
    first, again, other = (reach.cap(found, seed=seed).arms for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(first, again)
    assert first["net"].tolist() == other["net"].tolist()
    assert first["low"].tolist() != other["low"].tolist()


def test_no_lot_no_cap() -> None:
    found = people_of({"one": [(4, 1, 0, 40)], "four": [(16, 1, 0, 50)]}, [1, 4])
    assert np.isnan(reach.cap(found, believed=False).best)
    table = reach.sensitivity(found, [(1, 52), (2, 0)], believed=False)
    assert table["verdict"].tolist() == [reach.UNTOLD] * 2
    with pytest.raises(OpskitError, match="value_per_response == 0"):
        reach.cap(found, value_per_response=0)


def test_how_large_a_test_must_be() -> None:
    """Cohen (1988): 392 each to tell 0.50 from 0.40 with power 0.8 at 5%, by the arcsine transformation 388."""
    sums = pd.DataFrame({"group": [0], "messages": [1000.0], "responded": [500.0], "opted_out": [0.0]})
    table = reach.customers_needed(sums, few=1, many=1.0001, test_weeks=1, response_change=0.2).set_index("measure")
    assert table.loc["responses_per_message", "customers_per_arm"] == pytest.approx(388, abs=1)
    assert np.isnan(table.loc["opt_outs_per_message", "customers_per_arm"])
    longer = reach.customers_needed(sums, few=1, many=1.0001, test_weeks=4).set_index("measure")["customers_per_arm"]
    assert longer["responses_per_message"] == pytest.approx(97, abs=1)


# Words


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    found = reach.audiences(HAND, PEOPLE, as_of=AS_OF)
    messages = reach.frequency({"contacts": CONTACTS}, as_of=AS_OF, arms="one,four")
    return {
        "audiences": found,
        "together": reach.together(found),
        "curve": reach.incremental(found),
        "messages": messages,
        "rates": reach.observed_rates(messages.observed, min_customers=10),
        "factors": reach.factors(messages.trial, messages.observed),
    }


def figures(page: dict[str, Any], *, believed: bool) -> pd.DataFrame:
    cap = reach.cap(page["messages"].trial, believed=believed)
    return reach.key_figures(
        page["audiences"], page["together"], page["curve"], page["rates"], page["factors"], cap, believed=believed
    )


def words(page: dict[str, Any], messages: Any, *, believed: bool) -> str:
    cap, needed = reach.cap(messages.trial, believed=believed), reach.customers_needed(messages.observed)
    return " ".join(
        reach.decisions(page["audiences"], page["together"], page["curve"], messages, cap, needed, believed=believed)
    )


def test_only_a_believed_lot_is_called_one(page: dict[str, Any]) -> None:
    by_lot, not_by_lot = (figures(page, believed=believed)["name"].tolist() for believed in (True, False))
    assert any("by lot" in name for name in by_lot)
    assert any("frequency" in name for name in by_lot)
    assert not any("by lot" in name or "frequency" in name for name in not_by_lot)
    claims = [reach.claims(page["together"], page["messages"].trial, believed=believed) for believed in (True, False)]
    assert [len(table) for table in claims] == [4, 2]


def test_the_decision_says_what_is_known_of_messages(page: dict[str, Any]) -> None:
    said = words(page, page["messages"], believed=False)
    assert "hardly drawn by lot" in said
    assert "Cap **" not in said
    said = words(page, reach.frequency({"contacts": CONTACTS}, as_of=AS_OF), believed=False)
    assert "Draw the frequency by lot" in said
    assert "customers an arm" in said
    mute = reach.frequency({"contacts": CONTACTS.drop(columns="opted_out")}, as_of=AS_OF, arms="one,four")
    assert "nothing tells who opted out" in words(page, mute, believed=True)
    said = words(page, reach.frequency({}, as_of=AS_OF), believed=False)
    assert "Add contacts" in said
    assert "Plan with **4 customers**" in said


def test_figures_are_drawn_and_say_what_they_show(page: dict[str, Any]) -> None:
    trial = page["messages"].trial
    arms = reach.rates_by_arm(trial)
    ax = reach.plot_reach(page["curve"])
    assert ax.get_title(loc="left") == "The parts add up to 7, together they reach 4"
    assert "touches too" in reach.plot_overlap(reach.overlap(page["audiences"])).get_title(loc="left")
    ax = reach.plot_rates(page["rates"], arms, page["factors"])
    assert "by lot −" in ax.get_title(loc="left").replace("\n", " ")
    ax = reach.plot_rates(page["rates"], arms, page["factors"], believed=False)
    assert "not alike before" in ax.get_title(loc="left").replace("\n", " ")
    ax = reach.plot_rates(page["rates"], arms.head(0), page["factors"].query("how == 'observed'"))
    assert "no test says what causes what" in ax.get_title(loc="left").replace("\n", " ")
    assert "a week earns most" in reach.plot_cap(reach.cap(trial)).get_title(loc="left")
    assert not reach.plot_cap(reach.cap(trial, believed=False)).axison
    plt.close("all")


def test_one_customer_and_one_channel() -> None:
    found = reach.audiences(HAND.head(1), as_of=AS_OF)
    assert reach.overlap(found).empty
    assert reach.incremental(found)[["added", "together", "best_together"]].to_numpy().tolist() == [[1, 1, 1]]
    assert not reach.plot_overlap(reach.overlap(found)).axison
    assert "no two" in reach.plot_reach(reach.incremental(found)).get_title(loc="left").lower()
    claims = reach.claims(reach.together(found), reach.frequency({}, as_of=AS_OF).trial)
    assert claims["verdict"].tolist() == ["does not hold", "not enough data"]
    plt.close("all")


def test_nothing_is_changed_in_what_comes_in() -> None:
    kept = [HAND.copy(), CONTACTS.copy()]
    reach.audiences(HAND, PEOPLE, as_of=AS_OF)
    reach.frequency({"contacts": CONTACTS}, as_of=AS_OF, arms="one,four")
    pd.testing.assert_frame_equal(kept[0], HAND)
    pd.testing.assert_frame_equal(kept[1], CONTACTS)


def test_a_lazy_frame_is_not_needed_in_memory() -> None:
    """DuckDB relations and lazy Polars frames go in as they are."""
    relation = duckdb.from_arrow(pl.from_pandas(HAND).to_arrow())
    for frame in (relation, pl.from_pandas(HAND).lazy()):
        assert reach.audiences(frame, as_of=AS_OF).together == 4
