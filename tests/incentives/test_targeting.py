"""Laws of rankings, groups, drives and policies; a table by hand; the literature's implementation; degenerate data."""

import datetime as dt
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.errors import OpskitError, TooLittleDataError
from opskit.incentives import targeting
from opskit.incentives.targeting.differences import difference

START = pd.Timestamp("2025-03-01 09:00")
AS_OF = dt.date(2025, 8, 31)


def tables(n: int = 600, *, effect: float = 0.35, seed: int = 1, arms: tuple[str, ...] = ("control", "coupon")):
    """An experiment in which an arm adds orders for large baskets and takes them away for small ones."""
    rng = np.random.default_rng(seed)
    large, arm = rng.random(n) < 0.5, rng.integers(len(arms), size=n)
    chance = 0.4 + np.where(arm > 0, np.where(large, effect, -effect), 0.0)
    bought = rng.random(n) < chance
    at = START + pd.to_timedelta(rng.integers(0, 30, n), unit="D")
    who = [f"C{i:05d}" for i in range(n)]
    people = {"experiment": "mail", "customer_id": who, "variant": np.array(arms)[arm], "assigned_at": at}
    before = {
        "ordered_at": at - pd.to_timedelta(rng.integers(1, 60, n), unit="D"),
        "revenue": np.where(large, 400.0, 100.0),
    }
    after = {"ordered_at": at + pd.to_timedelta(rng.integers(1, 50, n), unit="D"), "revenue": 120.0}
    orders = pd.concat(
        [pd.DataFrame({"customer_id": who, **before}), pd.DataFrame({"customer_id": who, **after})[bought]]
    )
    return pd.DataFrame(people), orders.reset_index(drop=True)


@pytest.fixture(scope="module")
def trial() -> targeting.Trial:
    return targeting.trial(*tables(), as_of=AS_OF)


@pytest.fixture(scope="module")
def scored(trial: targeting.Trial) -> targeting.Scores:
    return targeting.scores(trial, learner="T", base="linear")


def drawn(seed: int, n: int = 60):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).round(1), rng.integers(2, size=n), rng.permutation(np.arange(n) % 2)


# --- rankings -------------------------------------------------------------------------------------------------------


def test_a_qini_worked_out_by_hand() -> None:
    # From the top: treated who bought (1 - 0), control who did not, control who bought, treated who did not.
    score, outcome, treated = [0.9, 0.7, 0.5, 0.1], [1, 0, 1, 0], [1, 0, 0, 1]
    assert targeting.curve(score, outcome, treated).qini.tolist() == [0, 1, 1, 1 - 1 * 1 / 2, 1 - 1 * 2 / 2]
    # Trapezoids: .5 + 1 + .75 + .25 = 2.5; the line to the end (0) has none; 4 customers, 2 of them treated.
    assert targeting.areas(score, outcome, treated)["qini"] == pytest.approx(2.5 / (4 * 2))
    # Best possible order: the treated buyer, both without an order, the control buyer: 0 1 1 1 0 has 3.
    assert targeting.areas(score, outcome, treated)["qini_coefficient"] == pytest.approx(2.5 / 3)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("seed", range(6))
def test_coefficients_equal_scikit_uplifts(seed: int) -> None:
    from sklift.metrics import qini_auc_score, uplift_auc_score

    score, outcome, treated = drawn(seed, 40 + 60 * seed)  # rounded scores: with ties
    found = targeting.areas(score, outcome, treated)
    assert found["qini_coefficient"] == pytest.approx(qini_auc_score(outcome, score, treated), rel=1e-9, abs=1e-9)
    assert found["auuc_coefficient"] == pytest.approx(uplift_auc_score(outcome, score, treated), rel=1e-9, abs=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_only_the_order_of_scores_counts(seed: int) -> None:
    score, outcome, treated = drawn(seed)
    expected = targeting.areas(score, outcome, treated)
    assert targeting.areas(np.exp(3 * score) + 7, outcome, treated) == pytest.approx(expected, nan_ok=True)
    order = np.random.default_rng(seed + 1).permutation(len(score))
    assert targeting.areas(score[order], outcome[order], treated[order]) == pytest.approx(expected, nan_ok=True)
    twice = targeting.areas(score, outcome, treated, weight=np.full(len(score), 2.0))
    assert twice == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_constant_scores_are_the_random_line_and_the_reverse_negates(seed: int) -> None:
    score, outcome, treated = drawn(seed)
    flat = targeting.areas(np.zeros(len(score)), outcome, treated)
    assert [flat[name] for name in ("qini", "qini_coefficient", "auuc_coefficient")] == pytest.approx(
        [0, 0, 0], nan_ok=True
    )
    # Pairs of one treated and one of the control with equal scores keep the arms in step, so turning round negates exactly.
    pair, y, t = np.repeat(np.arange(30), 2), outcome, np.tile([0, 1], 30)
    forth, back = (targeting.areas(sign * pair, y, t) for sign in (1, -1))
    assert back["qini"] == pytest.approx(-forth["qini"])


def test_random_scores_have_a_qini_of_nothing_on_average() -> None:
    rng = np.random.default_rng(5)
    outcome, treated = (rng.random(800) < 0.3).astype(int), np.arange(800) % 2
    found = [targeting.areas(rng.random(800), outcome, treated)["qini"] for _ in range(100)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))


@pytest.mark.parametrize(
    ("half", "verdict"), [(0.020, "holds"), (0.022, "not enough data"), (0.029, "not enough data")]
)
def test_a_ranking_is_claimed_by_a_wider_interval(half: float, verdict: str) -> None:
    """.03 is more than 1.414 times .021; and the other way round it is worse than random."""
    ranked = pd.DataFrame({"estimate": [0.03], "low": [0.03 - half], "high": [0.03 + half]})
    assert targeting.beats_random(ranked) == verdict
    reverse = -ranked.rename(columns={"low": "high", "high": "low"})
    assert targeting.beats_random(reverse) == {"holds": "does not hold"}.get(verdict, verdict)


def test_a_number_as_outcome_has_a_qini_and_no_coefficient() -> None:
    score, outcome, treated = drawn(3)
    found = targeting.areas(score, outcome * 12.5, treated)
    assert found["qini"] == pytest.approx(12.5 * targeting.areas(score, outcome, treated)["qini"])
    assert np.isnan(found["qini_coefficient"])


def test_the_curve_ends_at_the_average_and_begins_at_nothing(scored: targeting.Scores) -> None:
    table = targeting.qini_curve(scored, shares=(0.0, 0.5, 1.0))
    rows = scored.rows
    means = [rows.loc[rows["treated"] == arm, "outcome"].mean() for arm in (True, False)]
    assert table["gained"].iloc[[0, -1]].tolist() == pytest.approx([0, means[0] - means[1]])
    assert table["above_random"].iloc[[0, -1]].tolist() == pytest.approx([0, 0])
    assert table["low"].iloc[1] > 0


# --- learning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("learner", "base"), [("T", "linear"), ("X", "linear"), ("DR", "linear"), ("X", "boosting")])
def test_every_learner_finds_a_planted_effect(trial: targeting.Trial, learner: str, base: str) -> None:
    found = targeting.scores(trial, learner=learner, base=base)
    assert targeting.ranking(found)["low"].iloc[0] > 0
    basket = trial.rows.set_index("customer_id").loc[found.rows["customer_id"], "mean_order_value"].to_numpy()
    assert found.rows.loc[basket > 200, "uplift"].mean() > 0.2 > -0.2 > found.rows.loc[basket < 200, "uplift"].mean()


def test_nobody_is_scored_by_models_that_saw_the_customer(trial: targeting.Trial) -> None:
    """Another outcome of one customer leaves that customer's own prediction as it is."""
    rows = trial.rows.copy()
    rows.loc[0, "orders"] += 5  # counts stay above 0, so the parts stay the same
    rows.loc[0, "orders"] = max(rows.loc[0, "orders"], 1)
    place = rows.index[rows["orders"] > 0][3]
    changed = trial.rows.copy()
    changed.loc[place, "orders"] += 40
    one, other = (
        targeting.scores(replace(trial, rows=table), outcome="orders", learner="T", base="linear")
        for table in (trial.rows, changed)
    )
    assert (
        other.rows.loc[place, ["uplift", "baseline"]].tolist() == one.rows.loc[place, ["uplift", "baseline"]].tolist()
    )
    assert not np.allclose(other.rows["uplift"], one.rows["uplift"])


def test_the_mean_of_the_effect_is_the_mean_effect(scored: targeting.Scores) -> None:
    rows = scored.rows
    means = [rows.loc[rows["treated"] == arm, "outcome"].mean() for arm in (True, False)]
    assert rows["effect"].mean() == pytest.approx(means[0] - means[1], abs=0.03)
    assert rows.groupby("fold")["place"].mean().tolist() == pytest.approx([0.5] * 5)


def test_what_came_after_the_assignment_is_no_feature() -> None:
    people, orders = tables()
    later = orders.assign(revenue=orders["revenue"].where(orders["revenue"] != 120, 9_999.0))
    one, other = (targeting.trial(people, table, as_of=AS_OF) for table in (orders, later))
    pd.testing.assert_frame_equal(one.rows[list(one.features)], other.rows[list(other.features)])
    assert not one.rows["revenue"].equals(other.rows["revenue"])


def test_one_answer_on_every_engine(engine) -> None:
    people, orders = tables(200)
    expected = targeting.trial(people, orders, as_of=AS_OF)
    found = targeting.trial(engine(people), engine(orders), as_of=AS_OF)
    pd.testing.assert_frame_equal(
        found.rows.astype({"customer_id": object, "arm": object}),
        expected.rows.astype({"customer_id": object, "arm": object}),
        rtol=1e-9,
        check_dtype=False,
    )
    assert found.features == expected.features
    scores = targeting.scores(found, learner="T", base="linear")
    today = targeting.eligible(scores, engine(orders))
    listed = targeting.audience(scores, today, share=0.5, learner="T", base="linear")
    assert set(listed["action"]) <= {"treat: coupon", "hold out", "leave alone"}


def test_covariates_traits_and_the_waiting() -> None:
    people, orders = tables()
    customers = pd.DataFrame({"customer_id": people["customer_id"], "channel": "web", "name": people["customer_id"]})
    customers.loc[::2, "channel"] = "shop"
    known = people.assign(score=np.arange(len(people)) % 7, orders=1.0 * (np.arange(len(people)) % 3))
    found = targeting.trial(known, orders, as_of=AS_OF, customers=customers, traits=("channel", "name", "none"))
    assert {"score_assigned", "orders_assigned", "channel"} <= set(found.features)
    assert "name" not in found.features
    early = targeting.trial(people, orders, as_of=dt.date(2025, 5, 15))
    waiting = early.counts[early.counts["status"] == "window not over"]
    assert waiting["customers"].sum() + len(early.rows) == len(people)
    twice = pd.concat([people, people.head(5).assign(variant="other")])
    left = targeting.trial(twice, orders, as_of=AS_OF).counts
    assert left.loc[left["status"] == "in several variants", "customers"].sum() == 5


def test_which_experiment_is_read() -> None:
    people, orders = tables(300)
    small = people.head(120).assign(experiment="small")
    priced = people.assign(experiment="price")
    both = pd.concat([people, small, priced], ignore_index=True)
    plan = pd.DataFrame({"experiment": ["price", "mail"], "variant": "coupon", "price": [9.0, np.nan]})
    assert targeting.trial(both, orders, plan, as_of=AS_OF).experiment == "mail"
    assert targeting.trial(both, orders, plan, as_of=AS_OF, experiment="small").experiment == "small"
    with pytest.raises(OpskitError, match="Did you mean 'mail'"):
        targeting.trial(both, orders, as_of=AS_OF, experiment="mial")


# --- the lot --------------------------------------------------------------------------------------------------------


def test_a_list_that_somebody_chose_is_not_read() -> None:
    people, orders = tables(800)
    trial = targeting.trial(people, orders, as_of=AS_OF)
    assert targeting.believed(targeting.sizes(trial), targeting.balance(trial))
    basket = trial.rows.set_index("customer_id")["mean_order_value"]
    favoured = people["customer_id"].map(basket) > 200
    chance = np.random.default_rng(2).random(len(people))
    chosen = people.assign(variant=np.where(chance < np.where(favoured, 0.7, 0.3), "coupon", "control"))
    biased = targeting.trial(chosen, orders, as_of=AS_OF)
    sizes, alike = targeting.sizes(biased), targeting.balance(biased)
    assert not targeting.believed(sizes, alike)
    assert "unlike before" in targeting.told(biased, sizes, alike)
    lost = people[(people["variant"] == "control") | (np.arange(len(people)) % 3 > 0)]
    short = targeting.trial(lost, orders, as_of=AS_OF)
    assert "not of the equal (no planned_share is given) sizes" in targeting.told(
        short, targeting.sizes(short), targeting.balance(short)
    )


def test_nothing_is_claimed_of_what_may_not_be_read(trial: targeting.Trial) -> None:
    unread = trial.unread()
    scores = targeting.scores(unread, "coupon")
    sizes, alike = targeting.sizes(trial), targeting.balance(trial)
    ranked, groups, drives = targeting.ranking(scores), targeting.groups(scores), targeting.drives(unread)
    chosen = targeting.policy(scores, worth=50, cost=1)
    listed = targeting.audience(scores, targeting.eligible(scores, tables()[1]), share=0.5)
    assert ranked["estimate"].isna().all()
    assert groups["difference"].isna().all()
    assert not groups["shown"].any()
    assert drives.effects.empty
    assert (chosen.share, chosen.value["estimate"].isna().all(), targeting.pays(chosen)) == (0, True, "not enough data")
    assert listed.empty
    figures = targeting.key_figures(scores, sizes, ranked, groups, chosen)
    assert figures["name"].tolist() == ["coupon: share of the customers"]
    told = targeting.decisions(scores, targeting.told(trial, sizes, alike), ranked, groups, drives, chosen, listed)
    assert "test again" in " ".join(told)
    for ax in (
        targeting.plot_qini(targeting.qini_curve(scores), ranked, arm="coupon"),
        targeting.plot_groups(groups, arm="coupon"),
        targeting.plot_drives(drives),
        targeting.plot_learners(targeting.compared(unread, "coupon")),
        targeting.plot_values(targeting.values(scores, worth=1, cost=0), chosen),
    ):
        assert "Nothing is read" in ax.texts[0].get_text()


# --- groups and drives ----------------------------------------------------------------------------------------------


def test_groups_are_all_customers_and_their_effects_are_measured(scored: targeting.Scores) -> None:
    table = targeting.groups(scored)
    assert table["group"].tolist() == ["persuadable", "sure thing", "lost cause", "sleeping dog"]
    assert table["n"].sum() == len(scored.rows)
    assert table["share"].sum() == pytest.approx(1)
    first, last = table.iloc[0], table.iloc[-1]
    assert first["low"] > 0 > last["high"]
    assert first["shown"]
    assert last["shown"]
    assert (table["persuaded_low"].dropna() <= table["persuaded_high"].dropna()).all()
    assert first["persuaded_low"] == pytest.approx(first["difference"])
    turned = replace(scored, rows=scored.rows.assign(uplift=-scored.rows["uplift"]))
    assert not targeting.groups(turned)["shown"].iloc[[0, -1]].any()  # sorting does not make an effect


def test_drives_by_hand(trial: targeting.Trial) -> None:
    found = targeting.drives(trial, ("mean_order_value",))
    rows = trial.rows
    for _, cell in found.effects.iterrows():
        inside = (rows["mean_order_value"] > 200) == cell["segment"].startswith("above")
        means = [rows.loc[inside & (rows["arm"] == arm), "buyers"].mean() for arm in ("coupon", "control")]
        assert cell["difference"] == pytest.approx(means[0] - means[1])
        assert cell["low"] < cell["difference"] < cell["high"]
        assert cell["p_corrected"] >= cell["p_value"]
    assert found.differ["p_corrected"].iloc[0] < 0.001
    assert "puts off" in targeting.drives_told(found)[0]
    names = trial.rows.assign(arm=trial.rows["arm"].map({"control": "control", "coupon": "z"}))
    same = targeting.drives(replace(trial, arms=("z",), rows=names), ("mean_order_value",))
    assert same.effects["difference"].tolist() == found.effects["difference"].tolist()


def test_no_difference_is_told_as_not_shown() -> None:
    null = targeting.trial(*tables(effect=0.0, arms=("control", "coupon", "story")), as_of=AS_OF)
    told = targeting.drives_told(targeting.drives(null))
    assert len(told) == 2
    assert all("no difference shown" in line for line in told)


def test_a_difference_by_hand() -> None:
    from scipy.stats import ttest_ind

    one, other = np.array([1.0, 1, 0, 1, 1]), np.array([0.0, 1, 0, 0])
    found = difference(one, other)
    expected = ttest_ind(one, other, equal_var=False)
    assert found["p_value"] == pytest.approx(expected.pvalue)
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected.confidence_interval()))


# --- policies -------------------------------------------------------------------------------------------------------


def test_treating_everybody_is_the_mean_effect_less_the_cost(scored: targeting.Scores) -> None:
    table = targeting.values(scored, worth=80, cost=3, shares=(0.0, 0.4, 1.0))
    effect = scored.rows["effect"].mean()
    assert table["estimate"].iloc[-1] == pytest.approx(80 * effect - 3)
    assert table["estimate"].iloc[0] == 0
    assert table["by_lot"].iloc[1] == pytest.approx(0.4 * (80 * effect - 3))
    assert table["above_lot"].iloc[[0, -1]].tolist() == pytest.approx([0, 0])


def test_a_budget_limits_the_share_and_a_price_the_claim(scored: targeting.Scores) -> None:
    assert targeting.budget_share(budget=60, cost=2, customers=100) == pytest.approx(0.3)
    assert targeting.budget_share(budget=0, cost=2, customers=100) == 1
    rich, poor = (targeting.policy(scored, worth=80, cost=3, largest_share=share) for share in (1.0, 0.3))
    assert rich.share > 0.3 >= poor.share > 0
    assert targeting.pays(rich) == "holds"
    dear = targeting.policy(scored, worth=80, cost=1_000)
    assert (dear.share, targeting.pays(dear)) == (0, "not enough data")
    close = targeting.policy(scored, worth=80, cost=24)
    row = close.value.iloc[0]
    assert (targeting.pays(close) == "holds") == (row["low"] > 0 and any(close.of_folds))


def test_a_share_chosen_on_the_same_customers_flatters_itself_and_on_others_not() -> None:
    rng, naive, honest = np.random.default_rng(3), [], []
    trial = targeting.trial(*tables(200), as_of=AS_OF)
    for _ in range(100):  # nothing to win: effects without any sense in the ranking
        n = 400
        rows = pd.DataFrame({"place": rng.permutation((np.arange(n) + 0.5) / n), "fold": np.arange(n) % 5})
        rows = rows.assign(effect=rng.normal(size=n), treated=True, outcome=0.0, uplift=0.0, baseline=0.0)
        made = targeting.Scores(trial, "coupon", "buyers", rows)
        naive.append(targeting.values(made, worth=1, cost=0)["estimate"].max())
        honest.append(targeting.policy(made, worth=1, cost=0).value["estimate"].iloc[0])
    assert np.mean(naive) > 10 * np.std(naive) / np.sqrt(100)
    assert abs(np.mean(honest)) < 4 * np.std(honest) / np.sqrt(100)


def test_the_list_keeps_some_aside_and_leaves_strangers_out(trial: targeting.Trial, scored: targeting.Scores) -> None:
    orders = tables()[1]
    stranger = pd.DataFrame({"customer_id": ["big"], "ordered_at": [pd.Timestamp("2025-08-30")], "revenue": [1e6]})
    fresh = pd.DataFrame({"customer_id": [f"N{i}" for i in range(200)], "ordered_at": pd.Timestamp("2025-08-10")})
    now = pd.concat([orders, stranger, fresh.assign(revenue=np.where(np.arange(200) % 2, 400.0, 100.0))])
    blocked = pd.DataFrame({"customer_id": ["N1", "N3"], "until": [pd.NaT, pd.Timestamp("2025-01-01")]})
    today = targeting.eligible(scored, now, suppressions=blocked)
    table = targeting.audience(scored, today, share=0.5, learner="T", base="linear", holdout_share=0.3)
    assert "big" not in set(table["customer_id"])
    assert "N1" not in set(table["customer_id"])
    assert "N3" in set(table["customer_id"])
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["predicted_uplift"].is_monotonic_decreasing
    told = table["action"].value_counts()
    assert told["hold out"] > 0
    assert (told["treat: coupon"] + told["hold out"]) <= 0.5 * len(table)
    assert (table.loc[table["action"] == "leave alone", "predicted_uplift"] <= table["predicted_uplift"].median()).all()
    assert targeting.audience(scored, today, share=0.0).empty


# --- degenerate data ------------------------------------------------------------------------------------------------


def test_degenerate_data_give_a_sentence() -> None:
    people, orders = tables(300)
    with pytest.raises(TooLittleDataError, match="two arms with 30 customers each"):
        targeting.trial(people.assign(variant="control"), orders, as_of=AS_OF)
    with pytest.raises(TooLittleDataError, match="two arms with 30 customers each"):
        targeting.trial(people.head(20), orders, as_of=AS_OF)
    with pytest.raises(TooLittleDataError, match="need 30 customers each"):
        targeting.trial(people.head(20), orders, as_of=AS_OF, experiment="mail")
    nobody = targeting.trial(people, orders[orders["revenue"] != 120], as_of=AS_OF)
    with pytest.raises(TooLittleDataError, match=r"0 have the outcome; to learn whom it moves, 10"):
        targeting.scores(nobody)
    assert np.isnan(targeting.worth(nobody))
    with pytest.raises(OpskitError, match="learner == 'S', must be one of"):
        targeting.scores(nobody, learner="S")


def test_everybody_alike_before_is_ranked_at_random() -> None:
    people, orders = tables(300)
    same = orders.assign(revenue=120.0)
    first = same.groupby("customer_id")["ordered_at"].transform("min") == same["ordered_at"]
    same.loc[first, "ordered_at"] = people["assigned_at"].min() - pd.Timedelta(days=3)
    at_once = people.assign(assigned_at=people["assigned_at"].min())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = targeting.trial(at_once, same, as_of=AS_OF)
        assert found.features == ()
        with pytest.raises(TooLittleDataError, match="nothing was known"):
            targeting.scores(found)
