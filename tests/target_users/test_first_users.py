"""Likeness to the best: laws, engines, a table worked out by hand, leaks, and data that cannot say anything."""

import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit.errors import OpskitError, TooLittleDataError
from opskit.target_users import first_users
from opskit.target_users.first_users.judged import top_tenth

LAST = dt.date(2024, 12, 31)
START = pd.Timestamp("2024-01-01 12:00")
TABLES = dict[str, pd.DataFrame]


def day(number: float) -> pd.Timestamp:
    return (START + pd.Timedelta(days=number)).as_unit("us")  # as fine as Spark can tell


def tables(people: int = 600, seed: int = 1, *, leak: str = "", effect: float = 2.0) -> TABLES:
    """Accounts of whom some have a strong need: they pay already, and buy more; gender, moods and towns say nothing."""
    rng = np.random.default_rng(seed)
    ids, began = [f"A{n:04d}" for n in range(people)], np.sort(rng.uniform(0, 365, people))
    need = rng.random(people) < 0.3
    buys = rng.random(people) < np.where(need, 0.7, 0.35)
    orders = []
    for n in np.flatnonzero(buys):
        at = began[n] + rng.exponential(8)
        while at < 365:
            worth = rng.gamma(3, 20) * (effect if need[n] else 1)
            orders.append((ids[n], day(at), round(worth, 2), round(worth / 3, 2)))
            at += rng.exponential(60)
    bought = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "revenue", "margin"])
    accounts = pd.DataFrame(
        {
            "customer_id": ids,
            "signed_up_at": [day(at) for at in began],
            "town": rng.choice(["甲", "乙", "丙"], people),
            "phone": [f"140{n:08d}" for n in range(people)],
            "is_customer": np.isin(ids, bought["customer_id"]),
            "updated_at": [day(365 - (365 - at) * u) for at, u in zip(began, rng.random(people), strict=True)],
        }
    )
    if leak == "filled":
        accounts["gift"] = np.where(accounts["is_customer"], rng.choice(["bib", "book"], people), None)
    if leak == "overwritten":
        known = accounts["is_customer"] ^ (rng.random(people) < 0.06)
        accounts["note"] = np.where(known, "regular", "new")
    if leak == "dated":
        accounts["called_on"] = [day(min(at + 40, 364)) for at in began]
    pays = rng.random(people) < np.where(need, 0.85, 0.15)
    hours = rng.poisson(np.where(need, 7, 3))
    asked = []
    for n in range(people):
        if rng.random() < 0.85:
            when = accounts["signed_up_at"][n]
            asked += [(ids[n], "form", "pays", "yes" if pays[n] else "no", when)]
            asked += [(ids[n], "form", "hours", str(hours[n]), when)]
            asked += [(ids[n], "form", "mood", rng.choice(["good", "bad"]), when)]
    first = bought.groupby("customer_id")["ordered_at"].min()
    asked += [(who, "parcel", "stars", "5", at + pd.Timedelta(days=3)) for who, at in first.items()]
    surveys = pd.DataFrame(asked, columns=["customer_id", "survey", "question", "answer", "answered_at"])
    return {"orders": bought, "customers": accounts, "surveys": surveys}


def begun_of(given: TABLES, engine: Any = lambda frame: frame, window_days: int = 90, **rule: Any) -> pd.DataFrame:
    who = first_users.Setting("prospects", window_days, "given")
    return first_users.beginnings(
        engine(given["orders"]), engine(given["customers"]), who, first_users.rule(**rule), as_of=LAST
    )


def panel_of(given: TABLES, begun: pd.DataFrame, **options: Any) -> first_users.Panel:
    said = first_users.answers(given["surveys"], begun) if "surveys" in given else None
    return first_users.panel(begun, customers=given["customers"], said=said, as_of=LAST, **options)


@pytest.fixture(scope="module")
def shop() -> TABLES:
    return tables(900)


@pytest.fixture(scope="module")
def panel(shop: TABLES) -> first_users.Panel:
    return panel_of(shop, begun_of(shop))


@pytest.fixture(scope="module")
def judged(panel: first_users.Panel) -> first_users.Judged:
    return first_users.judge(panel)


# --- where everybody began ---


def by_hand() -> TABLES:
    """Twenty buyers on their first day worth 1 to 20, one who waits 40 days, one who never orders, one too young."""
    people = [(f"B{n:02d}", n) for n in range(20)] + [("late", 20), ("never", 21), ("young", 340)]
    accounts = pd.DataFrame([(who, day(at)) for who, at in people], columns=["customer_id", "signed_up_at"])
    sold = [(f"B{n:02d}", day(n), 10.0 * (n + 1)) for n in range(20)]
    sold += [("late", day(60), 1000.0), ("B00", day(30), 5000.0), ("young", day(341), 1.0), ("stranger", day(5), 9.0)]
    return {"orders": pd.DataFrame(sold, columns=["customer_id", "ordered_at", "revenue"]), "customers": accounts}


def test_a_table_worked_out_by_hand(engine: Any) -> None:
    table = begun_of(by_hand(), engine, window_days=30, best_share=0.5).set_index("customer_id")
    assert len(table) == 23  # who is no account is not there
    assert table.loc["B00", "worth"] == 10.0  # day 30 lies outside [0, 30)
    assert table.loc["B00", "worth_7"] == 5010.0
    assert table.loc["late", ["first_days", "worth", "ordered", "worth_30"]].tolist() == [40, 0, False, 1000]
    assert table.loc["never", ["worth", "ordered", "candidate"]].tolist() == [0, False, True]
    assert pd.isna(table.loc["young", "best"])
    assert table.loc["young", "part"] == "today"
    # 22 windows are over, 15 of them earlier: B00 to B14, of whom the better half is worth 80 or more.
    assert table["part"].value_counts().to_dict() == {"earlier": 15, "later": 7, "today": 1}
    assert table["at_least"].eq(80).all()
    assert table.index[table["best"].fillna(value=False)].tolist() == [f"B{n:02d}" for n in range(7, 20)]


def of_newcomers(given: TABLES, engine: Any = lambda frame: frame) -> pd.DataFrame:
    who = first_users.Setting("customers", 60, "given")
    return first_users.newcomers(engine(given["orders"]), who, first_users.rule(), as_of=LAST, watch_days=75)


@pytest.fixture(scope="module")
def on_pandas(shop: TABLES) -> tuple[pd.DataFrame, first_users.Answers, pd.DataFrame]:
    begun = begun_of(shop)
    return begun, first_users.answers(shop["surveys"], begun), of_newcomers(shop)


def test_every_engine_tells_the_same(engine: Any, shop: TABLES, on_pandas: Any) -> None:
    begun, said, newcomers = on_pandas
    given = {"as_of": LAST, "whom": ""}
    chosen = first_users.setting(engine(shop["orders"]), engine(shop["customers"]), **given)
    assert chosen == first_users.setting(shop["orders"], shop["customers"], **given)
    pd.testing.assert_frame_equal(begun_of(shop, engine), begun, check_dtype=False, rtol=1e-9)
    found = first_users.answers(engine(shop["surveys"]), begun)
    expected, table = (one.table.sort_values("customer_id", ignore_index=True) for one in (said, found))
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    late = f"{len(first(shop))} of {len(first(shop))} answers came after the first order"
    assert found.refused.to_numpy().tolist() == said.refused.to_numpy().tolist() == [["stars", late]]
    pd.testing.assert_frame_equal(of_newcomers(shop, engine), newcomers, check_dtype=False, rtol=1e-9)


def first(given: TABLES) -> pd.Series:
    return given["orders"].groupby("customer_id")["ordered_at"].min()


def test_newcomers_are_looked_at_once_and_only_at_what_was_known(shop: TABLES) -> None:
    who, best = first_users.Setting("customers", 60, "given"), first_users.rule()
    rows = first_users.newcomers(shop["orders"], who, best, as_of=LAST, watch_days=61)
    assert rows["customer_id"].is_unique
    began = rows["customer_id"].map(first(shop)).dt.normalize()
    assert ((rows["began"] >= began) & (rows["began"] < began + pd.Timedelta(days=61))).all()
    assert rows["over"].eq(rows["age_days"] >= 60).all()
    seen = LAST - dt.timedelta(days=61)  # one look earlier: the same looks, less of what came after
    cut = shop["orders"][shop["orders"]["ordered_at"] < pd.Timestamp(seen) + pd.Timedelta(days=1)]
    earlier = first_users.newcomers(cut, who, best, as_of=seen, watch_days=61)
    same = earlier.merge(rows, on=["customer_id", "began"], suffixes=("", "_later"))
    assert len(same) == len(earlier)
    for name in ("orders", "revenue", "revenue_7d"):  # what is known of a look does not change with what comes later
        assert same[name].eq(same[f"{name}_later"]).all()


def test_who_is_scored_is_chosen_by_what_there_is(shop: TABLES) -> None:
    orders, accounts = shop["orders"], shop["customers"]
    assert first_users.setting(orders, accounts, as_of=LAST)[:2] == ("prospects", 90)
    for given_accounts, why in (
        (None, "no table customers"),
        (accounts.drop(columns="signed_up_at"), "no column signed_up_at"),
    ):
        chosen = first_users.setting(orders, given_accounts, as_of=LAST)
        assert chosen.whom == "customers"
        assert why in chosen.basis
    assert first_users.setting(orders, accounts, as_of=LAST, whom="customers", window_days=45)[:2] == ("customers", 45)
    with pytest.raises(TooLittleDataError, match="there is no table customers"):
        first_users.setting(orders, None, as_of=LAST, whom="prospects")
    with pytest.raises(OpskitError, match=r"whom == 'prospect', must be one of .* Did you mean 'prospects'"):
        first_users.setting(orders, accounts, as_of=LAST, whom="prospect")


def test_the_best_may_be_those_with_an_attribute(shop: TABLES) -> None:
    given = shop | {"customers": shop["customers"].assign(level=np.where(np.arange(900) % 4 == 0, "gold", "plain"))}
    begun = begun_of(given, best="level = gold")
    over = begun[begun["over"]]
    gold = given["customers"].set_index("customer_id")["level"].eq("gold")
    assert over["best"].astype(bool).eq(over["customer_id"].map(gold) & over["ordered"]).all()
    found = panel_of(given, begun, best="level")
    assert "level" not in found.columns
    assert found.screening.set_index("column").loc["level", "why"] == "is what the best are chosen by"
    with pytest.raises(OpskitError, match=r"no customer has that value\. Did you mean 'gold'"):
        begun_of(given, best="level=golden")
    with pytest.raises(OpskitError, match="must be a column of customers and its value"):
        first_users.rule(best="gold")


# --- leaks ---


def test_clean_columns_raise_no_alarm(panel: first_users.Panel) -> None:
    assert set(panel.columns) == {"town", "pays", "hours", "mood"}
    why = panel.screening.set_index("column")["why"]
    assert why[["is_customer", "updated_at"]].eq("describes the last day, not the beginning").all()
    assert why["phone"] == "personal data"
    assert "answers came after the first order" in why["stars"]
    told = first_users.refusals(panel)
    assert told["columns"].sum() == 4


@pytest.mark.parametrize(
    ("leak", "column", "reason"),
    [
        ("filled", "gift", "of those to be scored"),
        ("overwritten", "note", "alone better than all weaker columns together"),
        ("dated", "called_on", "dates lie after the beginning"),
    ],
)
def test_leaks_are_refused_with_the_reason(leak: str, column: str, reason: str) -> None:
    given = tables(leak=leak)
    begun = begun_of(given)
    found = panel_of(given, begun)
    assert set(found.columns) == {"town", "pays", "hours", "mood"}
    assert reason in found.screening.set_index("column").loc[column, "why"]
    if leak == "filled":
        trusting = panel_of(given, begun, trusted=(column,))
        assert column in trusting.columns
        assert trusting.screening.set_index("column").loc[column, "why"].startswith("trusted, though known of")
    with pytest.raises(OpskitError, match=r"trusted names 'towm'.*Did you mean 'town'"):
        panel_of(given, begun, trusted=("towm",))


def test_the_only_telling_question_is_no_leak(shop: TABLES) -> None:
    given = {"orders": shop["orders"], "customers": shop["customers"][["customer_id", "signed_up_at", "town"]]}
    answered = shop["surveys"].query("question == 'pays'").set_index("customer_id")["answer"]
    given["customers"] = given["customers"].assign(pays=given["customers"]["customer_id"].map(answered))
    found = panel_of(given, begun_of(given))
    assert set(found.columns) == {"town", "pays"}


def test_few_customers_cannot_be_scanned_but_emptiness_shows() -> None:
    given = tables(people=70, leak="filled", seed=3)
    sold = given["orders"][given["orders"]["customer_id"].isin(sorted(set(given["orders"]["customer_id"]))[:22])]
    given = given | {"orders": sold}
    given["customers"]["gift"] = np.where(given["customers"]["customer_id"].isin(sold["customer_id"]), "bib", None)
    begun = begun_of(given, best_share=0.7, window_days=30).assign(candidate=False)  # so that only filling can tell
    assert begun["ordered"].sum() < 25
    why = panel_of(given, begun).screening.set_index("column").loc["gift", "why"]
    assert "of those who ordered and 0% of the others" in why


def test_what_was_answered_later_is_not_known(shop: TABLES) -> None:
    begun = begun_of(shop)
    later = shop["surveys"].assign(answered_at=shop["surveys"]["answered_at"] + pd.Timedelta(days=20))
    found = first_users.answers(later[later["survey"] == "form"], begun)
    assert found.table.shape[1] == 1
    assert found.refused["why"].str.contains("answers came after|known of 0 accounts").all()
    untimed = first_users.answers(shop["surveys"].drop(columns="answered_at"), begun)
    assert {"pays", "stars"} <= set(untimed.table)  # taken as known: the screening must find it
    said = first_users.panel(begun, said=untimed, as_of=LAST)
    assert "stars" not in said.columns
    nobody = first_users.answers(shop["surveys"].drop(columns="customer_id"), begun)
    assert nobody.table.empty
    assert nobody.refused.empty


# --- the score ---


def test_fair_judges_are_below_the_naive_one(judged: first_users.Judged) -> None:
    area = judged.accuracy.set_index("judge")["roc_auc"]
    assert area["on itself, fair columns"] > area["cross-fitted"] > 0.6
    assert judged.judge == "later beginnings"  # they hold 15 of the best or more
    assert judged.held_out["best"].sum() >= 15
    assert judged.held_out["customer_id"].isin(judged.rows["customer_id"][judged.rows["later"].notna()]).all()
    assert (judged.accuracy["low"] < judged.accuracy["roc_auc"]).all()


def test_the_traits_that_matter_come_first(panel: first_users.Panel, judged: first_users.Judged) -> None:
    table = first_users.profile(panel, judged)
    top = first_users.traits(table)
    assert set(top["column"].head(2)) == {"pays", "hours"}
    assert top.loc[top["column"] == "pays", "value"].tolist() == ["yes"]
    assert not set(top["column"]) & {"mood", "town"}
    sums = table.groupby("column")[["base", "best_share", "top_share"]].sum()
    assert np.allclose(sums, 1)
    assert table["low"].le(table["index"]).all()
    assert table["index"].le(table["high"]).all()


def test_an_account_is_not_scored_by_a_model_that_has_seen_it() -> None:
    """Columns that say nothing: scores of accounts not seen stay at chance, those of accounts seen do not."""
    fair, naive = [], []
    for seed in range(6):
        rng = np.random.default_rng(100 + seed)
        best = rng.random(300) < 0.3
        table = pd.DataFrame({"noise": rng.normal(size=300), "word": rng.choice(list("abcdefgh"), 300)})
        score, model = first_users.cross_fitted(table, best), first_users.LookAlike().fit(table, best)
        fair.append(np.corrcoef(score, best)[0, 1])
        naive.append(np.corrcoef(model.predict_proba(table), best)[0, 1])
        assert abs(score.mean() - best.mean()) < 0.01
        assert abs(model.predict_proba(table).mean() - best.mean()) < 1e-3  # calibrated in the large by construction
        assert (first_users.cross_fitted(table, best) == score).all()
    assert abs(np.mean(fair)) < 0.08
    assert np.mean(naive) > 0.15


def test_reasons_name_what_speaks_for_an_account(panel: first_users.Panel, judged: first_users.Judged) -> None:
    keen = pd.DataFrame({"town": ["甲", None], "pays": ["yes", None], "hours": [12.0, np.nan], "mood": ["good", None]})
    yes, nothing = judged.model.reasons(keen[panel.columns])
    assert "pays: yes" in yes
    assert "hours: above" in yes
    assert nothing == ""
    chance = judged.model.predict_proba(keen[panel.columns])
    assert chance[0] > 1.5 * judged.model.share_
    assert chance[1] == pytest.approx(judged.model.share_, abs=0.08)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.6), size=st.integers(20, 200))
def test_laws_of_the_gains(seed: int, share: float, size: int) -> None:
    rng = np.random.default_rng(seed)
    best = rng.random(size) < share
    best[:2] = [True, False]
    score = rng.permutation(size).astype(float)
    table = first_users.gains(score, best)
    assert table["captured"].is_monotonic_increasing
    assert table["best"].iloc[-1] == pytest.approx(best.sum())
    assert (table["low"] <= table["captured"] + 1e-12).all()
    assert (table["captured"] <= table["high"] + 1e-12).all()
    whole = table[np.isclose(table["share"] * size, np.round(table["share"] * size)) & (table["share"] < 1)]
    for row in whole.to_dict("records"):  # distinct scores and whole accounts: the binomial interval itself
        exact = binomtest(round(row["best"]), int(best.sum())).proportion_ci(method="exact")
        assert (row["low"], row["high"]) == pytest.approx((exact.low, exact.high), abs=1e-6)
    assert top_tenth(score).sum() == max(round(size / 10), 1)


def test_the_exact_interval_of_the_textbook() -> None:
    """Clopper and Pearson's chart: 4 of 20 at 95% is 5.7% to 43.7%."""
    best = np.r_[np.ones(4), np.zeros(6), np.ones(16), np.zeros(74)].astype(bool)
    row = first_users.gains(-np.arange(100.0), best).set_index("share").loc[0.1]
    assert (row["best"], row["captured"]) == (4, 0.2)
    assert (round(row["low"], 3), round(row["high"], 3)) == (0.057, 0.437)


# --- those who wait, and the list ---


def test_waiting_counts_what_can_be_seen(shop: TABLES, panel: first_users.Panel, judged: first_users.Judged) -> None:
    table = first_users.waiting(panel, judged, window_days=90).set_index("days")
    rows = panel.rows
    at_30 = rows[(rows["age_days"] >= 119) & ~(rows["first_days"] < 30)]
    assert table.loc[30, "accounts"] == len(at_30)
    assert table.loc[30, "ordered"] == (at_30["first_days"] < 120).sum()
    assert table.loc[0, "best"] == judged.rows["best"].sum()
    assert table["remaining"].between(0, 1).all()
    assert table["remaining"].iloc[-1] < 0.2
    left = first_users.remaining(table.reset_index(), pd.Series([0, 6, 7, 500]))
    assert left.tolist() == [1.0, 1.0, table.loc[7, "remaining"], table["remaining"].iloc[-1]]


def test_the_list(shop: TABLES, panel: first_users.Panel, judged: first_users.Judged) -> None:
    waited = first_users.waiting(panel, judged, window_days=90)
    table = first_users.audience(panel, judged, waited, share=0.2, holdout_share=0.25)
    without = ~shop["customers"]["customer_id"].isin(shop["orders"]["customer_id"])
    assert len(table) == round(0.2 * without.sum())
    assert not table["customer_id"].isin(shop["orders"]["customer_id"]).any()
    assert table["chance"].is_monotonic_decreasing
    assert (table["group"] == "hold out").sum() == round(0.25 * len(table))
    assert not table.astype(str).apply(lambda column: column.str.contains("140000")).any().any()  # no phone
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    alikes = table[table["times_average"] > 1.5]
    assert len(alikes) > 5
    assert alikes["reasons"].str.contains("pays: yes|hours: above").all()
    alike = first_users.likeness(panel, judged).set_index("column")
    assert alike.loc["any of them", "n"] == without.sum()
    assert alike["unseen"].eq(0).all()
    new = panel.rows["part"].eq("today")
    moved = panel._replace(rows=panel.rows.assign(town=panel.rows["town"].mask(new, "丁")))
    alike = first_users.likeness(moved, judged)
    share = (new & moved.rows["candidate"]).sum() / without.sum()
    assert alike.iloc[-1]["unseen"] == pytest.approx(share)
    assert share > 0.2
    apart = pd.DataFrame({"estimate": [0.0], "low": [-0.1], "high": [0.1], "n": [9]})
    assert any("they are other people" in line for line in first_users.cautions(judged, alike, apart))


def test_chance_gives_no_list_and_says_so() -> None:
    given = tables(people=300, seed=5)
    rng = np.random.default_rng(0)
    given["surveys"]["answer"] = rng.permutation(given["surveys"]["answer"].to_numpy())
    found = panel_of({"orders": given["orders"], "customers": given["customers"]}, begun_of(given))
    judged = first_users.judge(found)
    assert not first_users.tells(judged)
    listed = first_users.audience(found, judged)
    assert listed.empty
    apart = pd.DataFrame({"estimate": [0.0], "low": [-0.1], "high": [0.1], "n": [9]})
    warnings = first_users.cautions(judged, first_users.likeness(found, judged), apart)
    assert "it may be chance. Do not use the score" in warnings[0]
    assert "of the best to learn from" in warnings[1]
    who = first_users.Setting("prospects", 90, "")
    lines = first_users.decisions(who, judged, first_users.profile(found, judged), listed, warnings)
    assert lines[0].startswith("**Do not rank by this score.**")
    assert "nan" not in " ".join(lines)


def test_too_little_is_said_in_one_sentence(shop: TABLES) -> None:
    with pytest.raises(TooLittleDataError, match="accounts whose window is over are among the best"):
        begun_of(shop | {"orders": shop["orders"].head(12)})
    alike = shop | {"orders": shop["orders"].groupby("customer_id").head(1).assign(margin=5.0)}
    with pytest.raises(TooLittleDataError, match="worth does not tell them apart"):
        begun_of(alike)
    bare = {"orders": shop["orders"], "customers": shop["customers"][["customer_id", "signed_up_at"]]}
    found = panel_of(bare, begun_of(bare))
    with pytest.raises(TooLittleDataError, match="no column can be learnt from"):
        first_users.judge(found)
    with pytest.raises(TooLittleDataError, match="no customer has been there so long"):
        first_users.newcomers(shop["orders"], first_users.Setting("customers", 900, ""), first_users.rule(), as_of=LAST)


def test_nothing_given_is_changed(shop: TABLES) -> None:
    before = {name: frame.copy() for name, frame in shop.items()}
    begun = begun_of(shop)
    kept = begun.copy()
    first_users.answers(shop["surveys"], begun)
    first_users.panel(begun, customers=shop["customers"][["customer_id", "town", "phone"]], as_of=LAST)
    pd.testing.assert_frame_equal(begun, kept)
    for name, frame in shop.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_figures_say_what_they_show(panel: first_users.Panel, judged: first_users.Judged) -> None:
    from opskit import features

    waited = first_users.waiting(panel, judged, window_days=90)
    table = first_users.profile(panel, judged)
    drawn = [
        (first_users.plot_judged(judged), "A first try would claim"),
        (first_users.plot_gains(first_users.gains(judged.score, judged.best)), "The top tenth holds"),
        (first_users.plot_calibration(features.calibration(judged.score, judged.best, groups=5)), "groups came true"),
        (first_users.plot_profile(table), "times as frequent"),
        (first_users.plot_waiting(waited, window_days=90), "Of accounts silent for 90 days"),
        (first_users.plot_waiting(waited.head(1), window_days=90), "of new accounts order within 90 days"),
    ]
    for ax, words in drawn:
        assert words in ax.get_title(loc="left").replace("\n", " ")
    nothing = first_users.plot_profile(table.assign(verdict="as everybody"))
    assert "Nothing that was known at the beginning" in nothing.texts[0].get_text().replace("\n", " ")
    plt.close("all")
