"""Experiments: laws, a table made by hand, and the literature's numbers."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    proportion_effectsize,
    samplesize_proportions_2indep_onetail,
)
from tea_tasting.aggr import Aggregates

from opskit.errors import OpskitError, TooLittleDataError
from opskit.incentives import experiment as lab
from opskit.incentives.experiment import arm_sizes, measures

DAY = pd.Timestamp("2025-03-03 12:00")
AS_OF = dt.date(2025, 4, 30)


def at(days: float) -> pd.Timestamp:
    return DAY + pd.Timedelta(days=days)


def by_hand() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Six customers in two arms, one in both, one whose window is not over, and what they did."""
    people = [(1, "control", 0), (2, "control", 0), (3, "control", 7), (4, "gift", 0), (5, "gift", 7), (6, "gift", 7)]
    people += [(7, "control", 0), (7, "gift", 1), (8, "gift", 50)]
    assignments = pd.DataFrame(people, columns=["customer_id", "variant", "day"])
    assignments["assigned_at"] = [at(day) for day in assignments.pop("day")]
    bought = [(1, -5, 40, 0), (1, 3, 100, 20), (2, -0.01, 60, 0), (2, 29.4, 30, 0), (4, 0.0, 50, 0), (4, 9, 70, 0)]
    bought += [(5, 12, 80, 80), (6, -200, 10, 0), (7, 2, 999, 0), (8, 51, 999, 0), (99, 1, 999, 0)]
    orders = pd.DataFrame(bought, columns=["customer_id", "day", "revenue", "refund"])
    orders["ordered_at"] = [at(day) for day in orders.pop("day")]
    out = pd.DataFrame({"customer_id": [4, 1, 5], "sent_at": [at(2), at(-3), at(60)], "opted_out": [True, True, False]})
    return assignments.assign(experiment="gift"), orders.astype({"revenue": float, "refund": float}), out


def read(assignments, orders, contacts=None, **given) -> lab.Outcomes:
    arrived = lab.arrivals(assignments, as_of=AS_OF)
    chosen = lab.design(arrived, as_of=AS_OF, window_days=30)
    return lab.outcomes(assignments, orders, chosen, contacts=contacts, as_of=AS_OF, window_days=30, **given)


def drawn(*, effect: float = 0.0, n: int = 400, seed: int = 1, days: int = 28) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers drawn by lot over some weeks who buy at rates of their own, the treated more often."""
    rng = np.random.default_rng(seed)
    treated, begun = rng.random(n) < 0.5, np.sort(rng.integers(0, days, n))
    rate = rng.gamma(2, 0.015, n)
    rows = []
    for who in range(n):
        before = rng.poisson(rate[who] * 180)
        after = rng.poisson(rate[who] * 30 * (1 + effect * treated[who]))
        rows += [(who, begun[who] - gap) for gap in rng.uniform(0.1, 170, before)]
        rows += [(who, begun[who] + gap) for gap in rng.uniform(0.0, 29.4, after)]
    orders = pd.DataFrame(rows, columns=["customer_id", "day"])
    orders["ordered_at"] = DAY + pd.to_timedelta(orders.pop("day"), unit="D")
    people = {"experiment": "x", "customer_id": range(n), "variant": np.where(treated, "new", "control")}
    assignments = pd.DataFrame(people).assign(assigned_at=DAY + pd.to_timedelta(begun, unit="D"))
    return assignments, orders.assign(revenue=rng.gamma(4, 25, len(orders)))


@pytest.fixture(scope="module")
def sample() -> tuple[pd.DataFrame, pd.DataFrame, lab.Outcomes]:
    assignments, orders = drawn(effect=0.5)
    arrived = lab.arrivals(assignments, as_of=AS_OF)
    chosen = lab.design(arrived, as_of=AS_OF, window_days=30)
    return assignments, orders, lab.outcomes(assignments, orders, chosen, as_of=AS_OF, window_days=30)


# --- laws, on every engine -------------------------------------------------------------------------------------------


def test_the_table_by_hand_on_every_engine(engine) -> None:
    assignments, orders, out = by_hand()
    found = read(engine(assignments), engine(orders), engine(out))
    counts = found.counts.set_index(["variant", "status"])["customers"].to_dict()
    assert counts == {
        ("control", "used"): 3,
        ("control", "in several variants"): 1,
        ("gift", "used"): 3,
        ("gift", "window not over"): 1,
    }
    control, gift = found.arm("control"), found.arm("gift")
    assert (control.count(), gift.count()) == (3, 3)
    expected = {"orders": (2 / 3, 1), "buyers": (2 / 3, 2 / 3), "revenue": (110 / 3, 40), "refunded": (1 / 3, 1 / 3)}
    expected |= {"opted_out": (0, 1 / 3), "orders_before": (2 / 3, 0), "revenue_before": (100 / 3, 0)}
    for column, means in expected.items():
        assert (control.mean(column), gift.mean(column)) == pytest.approx(means, abs=1e-9), column
    # revenue after refunds 80, 30, 0 and orders 1, 1, 0; 120, 0, 0 and 2, 1, 0
    assert control.var("revenue") == pytest.approx(np.var([80, 30, 0], ddof=1))
    assert gift.cov("orders", "revenue") == pytest.approx(np.cov([2, 1, 0], [120, 0, 0])[0, 1])


def test_weeks_are_the_same_on_every_engine(engine, sample) -> None:
    assignments, orders, found = sample
    weeks = lab.by_week(engine(assignments), engine(orders), found.design, as_of=AS_OF, weeks=4)
    plain = lab.by_week(assignments, orders, found.design, as_of=AS_OF, weeks=4)
    pd.testing.assert_frame_equal(weeks, plain, rtol=1e-9)
    of_arms = found.days.groupby("variant")[["customers", "orders"]].sum()
    long = lab.by_week(engine(assignments), engine(orders), found.design, as_of=AS_OF, weeks=5)
    assert (long["n"].iloc[:4] == of_arms["customers"].sum()).all()
    # weeks 1 to 4 hold days 1 to 28, the window 30
    first = (long[["control", "treatment"]].iloc[:4].sum() * of_arms["customers"].to_numpy()).to_numpy()
    assert (first <= of_arms["orders"].to_numpy() + 1e-9).all()
    assert (first > 0.8 * of_arms["orders"].to_numpy()).all()


def test_a_week_that_is_not_over_is_missing(sample) -> None:
    assignments, orders, found = sample
    early = dt.date(2025, 3, 20)
    weeks = lab.by_week(assignments, orders, found.design, as_of=early, weeks=4)
    assert weeks["n"].is_monotonic_decreasing
    assert weeks["n"].iloc[-1] == 0
    assert weeks["difference"].isna().tolist() == [False, False, True, True]


def test_nothing_after_as_of_plays_a_part() -> None:
    assignments, orders = drawn()
    known = read(assignments, orders)
    later = pd.concat([orders, orders.head(50).assign(ordered_at=pd.Timestamp("2025-05-01 08:00"))])
    also = pd.concat(
        [assignments, assignments.head(1).assign(customer_id=9999, assigned_at=pd.Timestamp("2025-05-02"))]
    )
    pd.testing.assert_frame_equal(read(also, later).days, known.days)


def test_the_arguments_are_left_as_they_are() -> None:
    assignments, orders, out = by_hand()
    copies = [frame.copy() for frame in (assignments, orders, out)]
    read(assignments, orders, out)
    for frame, copy in zip((assignments, orders, out), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


# --- effects by tea-tasting ------------------------------------------------------------------------------------------


def test_effects_are_those_of_tea_tasting_on_the_customers_themselves() -> None:
    """tea-tasting's documented data, brought in as sums, gives its documented results."""
    users = tt.make_users_data(rng=42, covariates=True).to_pandas()
    columns = ["orders", "sessions", "orders_covariate", "sessions_covariate"]
    arms = {}
    for variant, part in users.groupby("variant"):
        sums = part[columns].sum()
        for left, right in measures.pairs(columns):
            sums[measures.product(left, right)] = (part[left] * part[right]).sum()
        sums["customers"] = len(part)
        arms[variant] = measures.aggregates(sums, columns)
    cuped = tt.Mean("orders", "orders_covariate").analyze_aggregates(arms[0], arms[1])
    ratio = tt.RatioOfMeans("orders", "sessions", "orders_covariate", "sessions_covariate")
    ratio = ratio.analyze_aggregates(arms[0], arms[1])
    # tea-tasting 2.0, documentation of Mean and RatioOfMeans with CUPED
    assert [float(f"{value:.3g}") for value in (cuped.control, cuped.treatment, cuped.pvalue)] == [
        0.523,
        0.581,
        0.00733,
    ]
    assert (f"{cuped.rel_effect_size:.2g}", f"{cuped.rel_effect_size_ci_lower:.3f}") == ("0.11", "0.029")
    assert [float(f"{value:.3g}") for value in (ratio.control, ratio.treatment, ratio.pvalue)] == [
        0.262,
        0.293,
        0.00229,
    ]
    plain = tt.make_users_data(rng=42)
    told = tt.Experiment(ratio=tt.RatioOfMeans("orders", "sessions")).analyze(plain)["ratio"]
    assert [float(f"{value:.3g}") for value in (told.control, told.treatment, told.pvalue)] == [0.266, 0.289, 0.0762]


def test_what_was_known_before_takes_out_noise_and_moves_nothing_else(sample) -> None:
    found = sample[2]
    with_it, without = (lab.effects(found, ["orders", "order_value"], covariate=c) for c in ("before", "none"))
    assert (with_it["high"] - with_it["low"])[0] < (without["high"] - without["low"])[0]
    shrunk = 1 - ((with_it["high"] - with_it["low"]) / (without["high"] - without["low"]))[0] ** 2
    assert with_it["noise_removed"][0] == pytest.approx(shrunk, abs=0.01)
    assert without["noise_removed"].tolist() == [0, 0]


def test_a_covariate_of_assignments(sample) -> None:
    assignments, orders, _ = sample
    rng = np.random.default_rng(5)
    found = read(assignments.assign(guess=rng.random(len(assignments))), orders, covariate="guess")
    row = lab.effects(found, ["orders"], covariate="assignments").iloc[0]
    assert abs(row["noise_removed"]) < 0.05  # it knows nothing
    bought = orders[orders["ordered_at"] >= DAY].groupby("customer_id").size()
    knowing = assignments.assign(guess=assignments["customer_id"].map(bought).fillna(0.0))
    assert (
        lab.effects(read(knowing, orders, covariate="guess"), ["orders"], covariate="assignments")["noise_removed"][0]
        > 0.5
    )


def test_corrections_are_holm_and_benjamini_hochberg(sample) -> None:
    from statsmodels.stats.multitest import multipletests

    names = ["orders", "buyers", "revenue", "order_value"]
    for ours, theirs in (("holm", "holm"), ("benjamini-hochberg", "fdr_bh")):
        table = lab.effects(sample[2], names, correction=ours)
        assert table["p_corrected"].to_numpy() == pytest.approx(multipletests(table["p_value"], method=theirs)[1])
    with pytest.raises(OpskitError, match=r"correction == 'bonferoni'"):
        lab.effects(sample[2], names, correction="bonferoni")


def test_a_guardrail_must_be_shown_to_hold(sample) -> None:
    found = sample[2]
    wide, narrow = ({"order_value": (margin, True)} for margin in (0.9, 0.001))
    assert lab.guardrails(found, wide)["holds"].tolist() == ["yes"]
    assert lab.guardrails(found, narrow)["holds"].tolist() == ["unknown"]
    row = lab.guardrails(found, {"orders": (0.01, False)}).iloc[0]  # more orders are no harm
    effect = lab.effects(found, ["orders"], covariate="none").iloc[0]
    assert (row["harm"], row["low"], row["high"]) == pytest.approx(
        (-effect["difference"], -effect["high"], -effect["low"])
    )
    with pytest.raises(OpskitError, match="must be a metric and a margin"):
        lab.margins("refunded", ["refunded"])
    assert lab.margins("opted_out 0.02", ["orders"]) == {}


# --- sizes of the arms -----------------------------------------------------------------------------------------------


def sizes(control: int, treatment: int, planned: float = 0.5) -> tuple[pd.DataFrame, lab.Design]:
    rows = {
        "experiment": "x",
        "variant": ["a", "b"],
        "day": 20_000,
        "several": False,
        "customers": [control, treatment],
    }
    plan = lab.Design("x", "a", "b", {"a": 1 - planned, "b": planned}, True, AS_OF, None, 0.0)
    return lab.sample_ratio(pd.DataFrame(rows), plan), plan


def test_sample_ratio_of_600_to_400() -> None:
    from scipy.stats import chisquare

    # uncorrected chi-square; tea-tasting 2.0: auto (normal, with continuity correction from 1,000 on) and exact binomial
    assert chisquare([600, 400]).pvalue == pytest.approx(2.54e-10, rel=2e-3)
    assert sizes(600, 400)[0]["p_value"].iloc[0] == pytest.approx(3.115e-10, rel=1e-3)
    data = {"a": Aggregates(count_=600), "b": Aggregates(count_=400)}
    exact = tt.SampleRatio(method="binom").analyze(data, control="a", treatment="b", variant="v")
    assert exact.pvalue == pytest.approx(2.728e-10, rel=1e-3)


def test_arms_as_planned_are_believed_and_others_give_no_result() -> None:
    assert lab.believed(sizes(900, 100, planned=0.1)[0])
    assert not lab.believed(sizes(900, 100, planned=0.15)[0])
    assert lab.believed(sizes(3, 2)[0])
    broken = sizes(600, 400)[0]
    assert lab.if_read(pd.DataFrame({"low": [1.0]}), broken).empty
    assert np.isnan(arm_sizes.p_value(0, 0, planned=0.5))


def test_arms_unlike_before_are_seen() -> None:
    assignments, orders = drawn()
    assert (lab.balance(read(assignments, orders))["p_corrected"] > 0.01).all()
    richer = assignments.loc[assignments["variant"] == "new", "customer_id"]
    more = orders[orders["customer_id"].isin(richer) & (orders["ordered_at"] < DAY)]
    assert (lab.balance(read(assignments, pd.concat([orders, more])))["p_corrected"] < 0.01).any()


# --- before: power ---------------------------------------------------------------------------------------------------


def test_power_of_two_shares_and_of_two_means() -> None:
    """R's power.prop.test and power.t.test; the formula is named, for others give other numbers."""
    # normal approximation with pooled variance under the null, statsmodels
    pooled = power_proportions_2indep(0.25, 0.5, 50, alternative="two-sided", return_results=True)
    assert pooled.power == pytest.approx(0.740, abs=5e-4)
    assert samplesize_proportions_2indep_onetail(0.25, 0.5, 0.9) == pytest.approx(76.7, abs=0.05)
    assert TTestIndPower().power(1, 20, 0.05) == pytest.approx(0.86895, abs=5e-6)
    assert TTestIndPower().solve_power(1, power=0.9, alpha=0.05) == pytest.approx(22.02, abs=5e-3)
    ours = tt.Mean("y", equal_var=True, effect_size=1, n_obs=40)
    of_one = Aggregates(100, {"y": 1.0}, {"y": 1.0})
    assert ours.solve_power_from_aggregates(of_one, "power")[0].power == pytest.approx(0.86895, abs=5e-6)


def test_20_to_25_percent_takes_about_a_thousand_per_arm_by_every_formula() -> None:
    # arcsine effect size, statsmodels; pooled normal, statsmodels; mean with the control's variance in both arms, tea-tasting
    arcsine = NormalIndPower().solve_power(proportion_effectsize(0.25, 0.2), power=0.8, alpha=0.05)
    pooled = samplesize_proportions_2indep_onetail(0.05, 0.2, 0.8)
    assert (arcsine, pooled) == pytest.approx((1092, 1094), abs=3)
    control = Aggregates(10_000, {"y": 0.2}, {"y": 0.16})
    mean = tt.Mean("y", rel_effect_size=0.25, power=0.8).solve_power_from_aggregates(control, "n_obs")[0].n_obs / 2
    assert mean == pytest.approx(1005, abs=2)


def test_a_plan_is_consistent(sample) -> None:
    found = sample[2]
    planned = lab.plan(found, "orders", smallest_effect=0.3, weeks=(2, 8, 50))
    with_it, without = planned.needed["customers"]
    assert with_it < without
    weeks = with_it / planned.per_week
    at_size = lab.plan(found, "orders", smallest_effect=0.3, weeks=(weeks,)).by_weeks.iloc[0]
    assert at_size["power"] == pytest.approx(0.8, abs=0.005)
    assert at_size["smallest_visible"] == pytest.approx(0.3, abs=0.005)
    table = planned.by_weeks
    assert table["smallest_visible"].is_monotonic_decreasing
    assert table["power"].is_monotonic_increasing
    each = 0.3 * planned.baseline * planned.worth_per_unit
    assert table["cost_if_worse"].iloc[1] == pytest.approx(each * table["customers"].iloc[1] / 2)
    waiting = planned.per_week * 30 / 7
    assert table["cost_if_better"].iloc[1] == pytest.approx(each * (table["customers"].iloc[1] / 2 + waiting))
    assert planned.per_week == pytest.approx(100, rel=0.05)  # 400 in four weeks
    with pytest.raises(OpskitError, match="smallest_effect == 0, must be > 0"):
        lab.plan(found, "orders", smallest_effect=0)


# --- readings week by week -------------------------------------------------------------------------------------------


def test_bounds_of_the_literature() -> None:
    # Lan-DeMets bounds of O'Brien-Fleming type, two-sided 0.05, five equal looks: Reboussin et al. (2000), package ldbounds
    bounds = lab.spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0])
    assert bounds == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert lab.crossing([0.2, 0.4, 0.6, 0.8, 1.0], bounds)[-1] == pytest.approx(0.05, abs=1e-6)
    # Armitage, McPherson & Rowe (1969): repeated tests at 5%, after 1, 2, 5 and 10 looks
    ten = lab.crossing([k / 10 for k in range(1, 11)], [1.959964] * 10)
    assert ten[[0, 1, 4, 9]] == pytest.approx([0.050, 0.083, 0.142, 0.193], abs=6e-4)


def test_simulated_false_alarms_are_the_exact_ones(sample) -> None:
    table = lab.looks(sample[2], "orders", every_days=7)
    alarms = lab.false_alarms(table, rng=np.random.default_rng(3), tests=20_000)
    exact = lab.crossing(table["information"].tolist(), [1.959964] * len(table))
    assert alarms["peeking"].to_numpy() == pytest.approx(exact, abs=4 * np.sqrt(0.2 / 20_000))
    assert alarms["spending"].iloc[-1] == pytest.approx(0.05, abs=0.007)
    again = lab.false_alarms(table, rng=np.random.default_rng(3), tests=20_000)
    pd.testing.assert_frame_equal(alarms, again)


def test_the_last_reading_is_the_result(sample) -> None:
    found = sample[2]
    table = lab.looks(found, "orders")
    row, last = lab.effects(found, ["orders"]).iloc[0], table.iloc[-1]
    assert last["information"] == 1
    assert (last["estimate"], last["low"], last["p_value"]) == pytest.approx(
        (row["difference"], row["low"], row["p_value"])
    )
    assert table["n"].is_monotonic_increasing
    assert ((table["always_high"] - table["always_low"]) >= (table["high"] - table["low"]) * 0.99).all()


def test_a_running_test_counts_those_still_to_come(sample) -> None:
    assignments, orders, _ = sample
    plan = pd.DataFrame({"experiment": "x", "variant": ["control", "new"], "planned_share": 0.5})
    plan = plan.assign(started_at=DAY, ended_at=pd.Timestamp("2025-06-28"))
    chosen = lab.design(lab.arrivals(assignments, as_of=AS_OF), plan, as_of=AS_OF, window_days=30)
    found = lab.outcomes(assignments, orders, chosen, as_of=AS_OF, window_days=30)
    assert lab.final_size(found) == pytest.approx(400 * 118 / 59)
    assert lab.looks(found, "orders")["information"].iloc[-1] == pytest.approx(0.5, abs=0.01)


# --- the verdict -----------------------------------------------------------------------------------------------------


def answer(
    found: lab.Outcomes, *, ratio: tuple[int, int] = (500, 500), unit_cost: float = 0.0, rails: str = "", **given
):
    effects = lab.effects(found, ["orders"])
    guards = lab.guardrails(found, lab.margins(rails, found.columns))
    readings = lab.looks(found, "orders")
    terms = {"worth": lab.worth_per_unit(found, "orders"), "unit_cost": unit_cost, **given}
    return lab.verdict(found, sizes(*ratio)[0], lab.balance(found), effects, guards, readings, **terms)


def test_the_verdict_follows_the_rules(sample) -> None:
    found = sample[2]
    assert answer(found).answer == "ship"
    assert answer(found, unit_cost=40).answer == "not yet"
    dear = answer(found, unit_cost=400)
    assert dear.answer == "do not ship"
    assert dear.rules.set_index("rule")["holds"]["worth its cost"] == "no"
    assert answer(found, rails="order_value 0.1%").answer == "not yet"
    unread = answer(found, ratio=(600, 400))
    assert unread.answer == "not yet"
    assert unread.rules["holds"].tolist() == ["no", "not read", "not read"]
    assert unread.net_worth["estimate"].isna().all()


def test_no_effect_is_told_from_nothing_known() -> None:
    found = read(*drawn(effect=0.0, n=2000, seed=3))
    assert answer(found, smallest_effect=0.9).answer == "do not ship"  # the interval leaves out what is worth having
    assert answer(found, smallest_effect=0.001).answer == "not yet"


# --- what cannot be told ---------------------------------------------------------------------------------------------


def test_the_first_with_two_arms_that_has_outcomes() -> None:
    assignments, _, _ = by_hand()
    young = assignments.assign(experiment="young", assigned_at=pd.Timestamp("2025-04-20"))
    three = assignments.assign(experiment="three", variant=["a", "b", "c"] * 3)
    rows = pd.concat([young, three, assignments])
    arrived = lab.arrivals(rows, as_of=AS_OF)
    chosen = lab.design(arrived, as_of=AS_OF, window_days=30)
    assert (chosen.experiment, chosen.control, chosen.treatment) == ("gift", "control", "gift")
    assert (chosen.planned, chosen.planned_known) == ({"control": 0.5, "gift": 0.5}, False)
    with pytest.raises(OpskitError, match=r"three has several arms: b, c\. Name one as treatment"):
        lab.design(arrived, as_of=AS_OF, experiment="three", window_days=30)
    assert lab.design(arrived, as_of=AS_OF, experiment="three", treatment="c", window_days=30).treatment == "c"
    with pytest.raises(OpskitError, match="Did you mean 'gift'"):
        lab.design(arrived, as_of=AS_OF, experiment="gifts")


def test_too_little_is_said_in_a_sentence() -> None:
    assignments, orders, _ = by_hand()
    with pytest.raises(TooLittleDataError, match="has two arms with customers whose 90 days are over on 2025-04-30"):
        lab.design(lab.arrivals(assignments, as_of=AS_OF), as_of=AS_OF, window_days=90)
    one = assignments[assignments["customer_id"].isin([1, 2, 4])]
    with pytest.raises(TooLittleDataError, match="fewer than 2 customers of gift have their 30 days behind them"):
        read(one, orders)
    nobody = read(assignments, orders[orders["customer_id"] == 99])
    table = lab.effects(nobody, ["orders", "order_value"])
    assert table[["difference", "low", "high", "p_value", "p_corrected"]].isna().all(axis=None)
    assert lab.looks(nobody, "orders").empty
    assert lab.balance(nobody).empty
    with pytest.raises(TooLittleDataError, match="no test can be planned from it"):
        lab.plan(nobody, "orders")


def test_figures_of_nothing_say_so() -> None:
    import matplotlib.pyplot as plt

    nobody = read(*(frame.head(9) for frame in by_hand()[:1]), by_hand()[1].tail(1))
    for ax in (
        lab.plot_effects(lab.effects(nobody, ["orders"])),
        lab.plot_looks(lab.looks(nobody, "orders")),
        lab.plot_register(pd.DataFrame(columns=["experiment"])),
    ):
        assert not ax.axison
    plt.close("all")
