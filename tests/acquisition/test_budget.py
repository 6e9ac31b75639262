"""Response curves: laws of carry-over and saturation, recovery of known curves, splits against an oracle, every engine."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime, minimize

from opskit.acquisition import budget
from opskit.acquisition.budget import response as responses
from opskit.errors import MissingTableError, OpskitError, TooLittleDataError

FIRST = np.datetime64("2024-01-01")
LAST = dt.date(2025, 12, 28)
DAYS = 104 * 7
TRUE = {
    "video": (0.4, 0.45, 12.0),
    "search": (0.2, 0.65, 8.0),
}  # carry-over, elasticity, outcomes a day at average spend


def weekly_spend(rng: np.random.Generator, days: int = DAYS) -> np.ndarray:
    """Budgets set by lot each week, with some noise of the day."""
    weeks = rng.choice([0.35, 0.8, 1.2, 1.7], days // 7)
    return 100 * np.repeat(weeks, 7) * rng.lognormal(0, 0.1, days)


def baseline(days: int = DAYS) -> np.ndarray:
    place = np.arange(days)
    return 20 * np.exp(0.3 * place / days + 0.2 * np.sin(2 * np.pi * place / 365.25) + 0.1 * (place % 7 == 5))


def simulate(seed: int, shares: dict[str, float] | None = None) -> budget.Series:
    """Two channels with known curves; of each channel's outcomes 1 - share are taken from the unpaid ones."""
    rng = np.random.default_rng(seed)
    spend = {name: weekly_spend(rng) for name in TRUE}
    brought = {
        name: rng.poisson(level * budget.saturation(budget.adstock(spend[name] / spend[name].mean(), kept), bend))
        for name, (kept, bend, level) in TRUE.items()
    }
    taken = sum((1 - (shares or {}).get(name, 1.0)) * brought[name] for name in TRUE)
    unpaid = rng.poisson(np.maximum(baseline() - taken, 0))
    recorded = pd.DataFrame({**brought, "unpaid": unpaid}).astype(float)
    total = recorded.sum(axis=1).to_numpy()
    return budget.Series(FIRST + np.arange(DAYS), pd.DataFrame(spend), recorded, total, budget.SIGN_UPS, ())


@pytest.fixture(scope="module")
def found() -> budget.Series:
    return simulate(1, {"search": 0.5})


@pytest.fixture(scope="module")
def curves(found: budget.Series) -> budget.Curves:
    return budget.curves(found)


@pytest.fixture(scope="module")
def extra(found: budget.Series, curves: budget.Curves) -> budget.Incremental:
    return budget.incremental(found, curves)


# --- laws ---


def test_constant_spend_stays_what_it_is_and_a_pulse_keeps_its_sum() -> None:
    assert budget.adstock(np.full(50, 3.0), 0.7) == pytest.approx(3.0)
    pulse = np.zeros(200)
    pulse[10] = 8.0
    assert budget.adstock(pulse, 0.7).sum() == pytest.approx(8.0)
    assert budget.adstock(pulse, 0.7)[10:13] == pytest.approx([2.4, 1.68, 1.176])


def test_no_carry_over_is_no_change() -> None:
    spend = np.array([1.0, 5.0, 2.0])
    assert (budget.adstock(spend, 0.0) == spend).all()
    with pytest.raises(OpskitError, match="carry_over == 1"):
        budget.adstock(spend, 1.0)


def test_saturation_is_half_of_the_most_at_half_and_a_straight_line_at_one() -> None:
    bend = 0.6
    half = bend / (1 - bend)
    assert budget.saturation(np.array([half]), bend)[0] == pytest.approx(0.5 / (1 - bend))  # the most is 1 / (1 - bend)
    assert budget.saturation(np.array([0.0, 1.0, 4.0]), 1.0) == pytest.approx([0, 1, 4])


@pytest.mark.parametrize("with_season", [False, True])
@pytest.mark.parametrize("with_shapes", [False, True])
def test_derivatives_are_those_of_the_residuals(with_season: bool, with_shapes: bool) -> None:
    found = simulate(3)
    days = slice(0, 210)
    season = budget.season(found.day[days]) if with_season else None
    spend = found.spend.to_numpy()[days] / found.spend.to_numpy()[days].mean(axis=0)
    known = (budget.Known(1, np.arange(210) < 60, 400.0, 30.0),)
    shapes = [(0.3, 0.5), (0.1, 0.7)] if with_shapes else None
    model = responses._Model(found.total[days], spend, season, shapes, known)
    at = model.start(0.3, 0.6) * 1.01
    numeric = np.array(
        [approx_fprime(at, lambda x, row=row: model.residuals(x)[row], 1e-7) for row in (0, 17, 100, 209, 210)]
    )
    assert model.jacobian(at)[[0, 17, 100, 209, 210]] == pytest.approx(numeric, rel=2e-3, abs=2e-4)


def test_the_baseline_has_a_level_for_a_rush_of_each_year_and_for_a_single_day() -> None:
    day = FIRST + np.arange(DAYS)
    plain = budget.season(day)
    assert plain.shape == (DAYS, 12)
    both = budget.season(day, "11-11, 2025-01-29")
    assert both.shape == (DAYS, 20)
    assert both[:, -6].sum() == 2  # the day itself, in both years
    assert both[:, -2].sum() == 1
    with pytest.raises(OpskitError, match="special_days has '13-40'"):
        budget.season(day, "13-40")


# --- recovery ---


def test_known_curves_are_found(curves: budget.Curves) -> None:
    table = curves.table.set_index("channel")
    assert (table["verdict"] == budget.IDENTIFIED).all()
    for name, (kept, bend, _) in TRUE.items():
        row = table.loc[name]
        for key, truth, widest in (("carry_over", kept, 0.3), ("elasticity", bend, 0.2)):
            error = (row[f"{key}_high"] - row[f"{key}_low"]) / (2 * 1.96)
            assert abs(row[key] - truth) <= 4 * error, (name, key)
            assert row[f"{key}_high"] - row[f"{key}_low"] < widest
        assert row["half_saturation_low"] < bend / (1 - bend) * curves.average[0] * 2


def test_the_share_that_is_extra_is_found_by_the_total_and_sharpened_by_a_test(
    found: budget.Series, curves: budget.Curves, extra: budget.Incremental
) -> None:
    table = extra.table.set_index("channel")
    for name, truth in (("video", 1.0), ("search", 0.5)):
        error = (table.loc[name, "share_high"] - table.loc[name, "share_low"]) / (2 * 1.96)
        assert abs(table.loc[name, "share"] - truth) <= 4 * error
        assert error < 0.2
    test = pd.DataFrame({"channel": ["search"], "share": [0.45], "share_error": [0.05]})
    told = budget.incremental(found, curves, test).table.set_index("channel")
    width = told["share_high"] - told["share_low"]
    assert width["search"] < 2 * 1.96 * 0.05 + 1e-9
    assert told.loc["search", "share"] == pytest.approx(0.45, abs=0.1)
    both = told.loc["search", ["by_total", "by_tests"]]
    assert both.min() <= told.loc["search", "share"] <= both.max()


def test_curves_of_the_total_find_large_channels_and_a_test_of_the_same_outcomes_narrows_them(
    found: budget.Series,
) -> None:
    together = budget.curves(found, by="total")
    row = together.table.set_index("channel").loc["video"]
    assert row["verdict"] == budget.IDENTIFIED
    assert row["elasticity_low"] - 0.2 <= TRUE["video"][1] <= row["elasticity_high"] + 0.2
    kept, bend, level = TRUE["video"]
    spend = found.spend["video"].to_numpy()
    caused = level * budget.saturation(budget.adstock(spend / spend.mean(), kept), bend)
    days = np.arange(DAYS) < 182
    column = list(found.spend).index("video")
    known = [budget.Known(column, days, float(caused[days].sum()), 40.0)]
    told = budget.curves(found, by="total", known=known)
    spread = [one.response_draws[:, one.channels.index("video")].std() for one in (together, told)]
    assert spread[1] < 0.7 * spread[0]
    assert (budget.incremental(found, told).share == 1).all()


@pytest.mark.parametrize("by", ["recorded", "total"])
def test_a_channel_without_a_curve_is_said_to_have_none(by: str, found: budget.Series) -> None:
    rng = np.random.default_rng(5)
    spend = found.spend.assign(flat=weekly_spend(rng), constant=50.0, reward=0.0)
    reward = rng.poisson(6.0, DAYS)
    spend["reward"] = 9.0 * reward
    recorded = found.recorded.assign(flat=rng.poisson(6.0, DAYS), constant=rng.poisson(6.0, DAYS), reward=reward)
    made = rows(found._replace(spend=spend, recorded=recorded.astype(float)))
    other = budget.series(made[0], made[2], made[1], as_of=LAST)
    assert other.paid_per_outcome == ("reward",)
    curves = budget.curves(other, by=by)
    table = curves.table.set_index("channel")
    assert table.loc["constant", "verdict"] == "not identified: its spend hardly ever varied"
    assert table.loc["reward", "verdict"] == "not identified: it is paid per outcome, so its spend follows what comes"
    assert table.loc["flat", "verdict"].startswith("not identified: ")
    if by == "recorded":
        assert table.loc["flat", "verdict"] == "not identified: outcomes do not move with its spend"
    numbers = ["carry_over", "elasticity", "half_saturation"]
    assert table.loc[["flat", "constant", "reward"], numbers].isna().all(axis=None)
    extra = budget.incremental(other, curves)
    costs, split = budget.costs(curves, extra), budget.allocate(curves, extra)
    assert not {"flat", "constant", "reward"} & {*costs["channel"], *split.table["channel"]}
    lines = " ".join(budget.decisions(other, curves, extra, costs, split))
    assert "**constant**" in lines
    assert "**reward**" in lines


def test_nothing_identified_is_told_in_words(found: budget.Series) -> None:
    other = found._replace(spend=pd.DataFrame({"video": np.full(DAYS, 5.0), "search": np.full(DAYS, 7.0)}))
    curves = budget.curves(other)
    assert curves.channels == ()
    extra = budget.incremental(other, curves)
    costs, split = budget.costs(curves, extra), budget.allocate(curves, extra)
    figures = budget.key_figures(other, curves, extra, costs, split)
    assert figures["value"].tolist() == [0, other.total.sum()]
    lines = budget.decisions(other, curves, extra, costs, split)
    assert lines[0].startswith("Do **not** move money by this page")
    assert "Vary its weekly budget by lot" in lines[1]
    assert not any("nan" in line for line in lines)
    assert budget.residuals(other, curves).empty
    assert budget.hold_out(other, curves).empty
    assert budget.totals(curves, extra).empty
    for ax in (
        budget.plot_curves(curves, extra, split),
        budget.plot_costs(costs),
        budget.plot_incremental(extra),
        budget.plot_allocation(split),
        budget.plot_weeks(budget.by_week(other, curves)),
    ):
        assert ax.texts[0].get_text()


# --- the split ---


def test_the_split_is_that_of_a_general_optimizer() -> None:
    average, response = np.array([100.0, 60.0, 80.0]), np.array([12.0, 8.0, 3.0])
    bend = np.array([0.3, 0.7, 0.5])
    low, high = 0.5 * average, 1.6 * average
    best = budget.split(250.0, average, response, bend, low, high)
    general = minimize(
        lambda x: -budget.outcomes(x, average, response, bend).sum(),
        average * 250 / 240,
        bounds=list(zip(low, high, strict=True)),
        constraints={"type": "eq", "fun": lambda x: x.sum() - 250},
        options={"ftol": 1e-12},
    )
    assert best == pytest.approx(general.x, rel=1e-3)
    assert best.sum() == pytest.approx(250)
    inner = (best > low * 1.001) & (best < high * 0.999)
    assert np.ptp(budget.slope(best, average, response, bend)[inner]) < 1e-6  # the next one costs the same
    with pytest.raises(OpskitError, match="total == 1000, must be between 120 and 384"):
        budget.split(1000.0, average, response, bend, low, high)


def test_straight_lines_are_filled_up_in_the_order_of_their_slopes() -> None:
    one = np.ones(3)
    best = budget.split(4.0, one, np.array([1.0, 3.0, 2.0]), one, 0.5 * one, 2 * one)
    assert best == pytest.approx([0.5, 2.0, 1.5], rel=1e-2)


def oracle(seed: int) -> tuple[float, float]:
    """True gain of the recommended split over the current one, and that of the best."""
    found = simulate(seed)
    curves = budget.curves(found, draws=100, current_days=182)
    split = budget.allocate(curves, budget.incremental(found, curves, _certain()))
    truth = [np.array([TRUE[name][place] for name in curves.channels]) for place in (2, 1)]
    floor, ceiling = budget.bounds(curves)
    best = budget.split(curves.current.sum(), curves.average, *truth, floor, ceiling)
    brought = [
        budget.outcomes(x, curves.average, *truth).sum() for x in (split.table["recommended"], best, curves.current)
    ]
    return float(brought[0] - brought[2]), float(brought[1] - brought[2])


def _certain() -> pd.DataFrame:
    return pd.DataFrame({"channel": list(TRUE), "share": 1.0, "share_error": 0.05})


def test_the_split_wins_half_of_what_could_be_won() -> None:
    won = [oracle(seed) for seed in range(20)]
    assert np.median([mine / best for mine, best in won if best > 1e-3]) >= 0.5


def test_a_gain_that_may_be_nothing_is_not_acted_on(
    found: budget.Series, curves: budget.Curves, extra: budget.Incremental
) -> None:
    split = budget.allocate(curves, extra)
    assert split.table["recommended"].sum() == pytest.approx(split.table["current"].sum())
    costs = budget.costs(curves, extra)
    clear = split._replace(gain=(1.0, 0.2, 2.0), relative=(0.05, 0.01, 0.1))
    unclear = split._replace(gain=(1.0, -0.2, 2.0), relative=(0.05, -0.01, 0.1))
    assert budget.decisions(found, curves, extra, costs, clear)[0].startswith("Move the money in steps")
    assert budget.decisions(found, curves, extra, costs, unclear)[0].startswith(
        "**Do not move the money; test first.**"
    )


def test_costs_other_totals_and_other_splits_agree(curves: budget.Curves, extra: budget.Incremental) -> None:
    costs = budget.costs(curves, extra)
    assert (costs["marginal"] > costs["average"]).all()
    assert (costs["extra_marginal"] / costs["marginal"]).to_numpy() == pytest.approx(1 / extra.share)
    for key in ("average", "marginal", "extra_average", "extra_marginal"):
        assert (costs[f"{key}_low"] <= costs[key]).all()
        assert (costs[key] <= costs[f"{key}_high"]).all()
    other = budget.totals(curves, extra)
    assert other["outcomes"].is_monotonic_increasing
    assert other["marginal"].dropna().is_monotonic_increasing
    same = budget.what_if(curves, extra, curves.current).set_index("channel")
    assert same[["change", "low", "high"]].to_numpy() == pytest.approx(0)
    more = budget.what_if(curves, extra, curves.current + np.array([0.01, 0.0])).set_index("channel")
    assert 0.01 / more.loc[curves.channels[0], "change"] == pytest.approx(costs["extra_marginal"].iloc[0], rel=1e-3)


# --- doubt ---


def test_weeks_not_seen_are_forecast_better_than_by_the_last_ones(found: budget.Series, curves: budget.Curves) -> None:
    table = budget.hold_out(found, curves).set_index("channel")
    assert (table["error"] < table["naive_error"]).all()
    whole = budget.hold_out(found, budget.curves(found, by="total"))
    assert whole["channel"].tolist() == ["all"]
    assert whole["forecast"].iloc[0] == pytest.approx(whole["came"].iloc[0], rel=0.15)


def test_weeks_that_hang_together_are_told(found: budget.Series, curves: budget.Curves) -> None:
    quiet = budget.residuals(found, curves)
    assert (quiet["says"] == "nothing seems to be missing").all()
    assert quiet["dispersion"].between(0.8, 1.25).all()
    wave = 1 + 0.5 * np.sin(np.arange(DAYS) / 30)
    other = found._replace(recorded=(found.recorded * wave[:, None]).round())
    told = budget.residuals(other, budget.curves(other))
    assert (told["says"] == "something is missing").all()


def test_weeks_add_up(found: budget.Series, curves: budget.Curves) -> None:
    weeks = budget.by_week(found, curves)
    assert len(weeks) == 104
    assert weeks["came"].sum() == found.recorded[["video", "search"]].to_numpy().sum()
    assert weeks["expected"].sum() == pytest.approx(weeks["came"].sum(), rel=1e-3)


# --- tables ---


def rows(found: budget.Series, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Spend, customers and their first orders that give back the series."""
    rng = np.random.default_rng(seed)
    days = pd.DatetimeIndex(found.day)
    parts = [
        pd.DataFrame({"channel": name, "signed_up_at": days.repeat(found.recorded[name].astype(int))})
        for name in found.recorded
    ]
    accounts = pd.concat(parts, ignore_index=True)
    accounts["signed_up_at"] += pd.to_timedelta(rng.integers(0, 86_399, len(accounts)), unit="s")
    accounts.insert(0, "customer_id", [f"c{number}" for number in range(len(accounts))])
    spend = found.spend.assign(date=days).melt("date", var_name="channel", value_name="spend")
    orders = accounts.rename(columns={"signed_up_at": "ordered_at"})[["customer_id", "ordered_at"]]
    later = orders.assign(ordered_at=orders["ordered_at"] + pd.Timedelta(days=3))
    orders = pd.concat([orders, later], ignore_index=True).assign(revenue=10.0)
    return spend, accounts, orders


def test_days_are_counted_alike_on_every_engine(engine, found: budget.Series) -> None:
    spend, accounts, orders = rows(found)
    frames = engine(spend), engine(orders), engine(accounts)
    counted = budget.series(*frames, as_of=LAST)
    assert counted.outcome == budget.SIGN_UPS
    assert (counted.total == found.total).all()
    assert (counted.recorded[list(found.recorded)].to_numpy() == found.recorded.to_numpy()).all()
    assert counted.spend[list(found.spend)].to_numpy() == pytest.approx(found.spend.to_numpy(), rel=1e-9)
    firsts = budget.series(*frames, as_of=LAST, outcome=budget.FIRST_ORDERS, channels="video")
    assert (firsts.total == found.total).all()
    assert list(firsts.spend) == ["video"]
    tests = engine(
        pd.DataFrame(
            {
                "channel": ["video", "search", "video"],
                "started_at": pd.to_datetime(["2024-03-01", "2024-05-01", "2025-12-01"]),
                "ended_at": pd.to_datetime(["2024-03-31", "2024-05-31", "2026-01-31"]),
                "incremental": [100.0, 50.0, 1.0],
                "standard_error": [10.0, 20.0, 1.0],
            }
        )
    )
    done = budget.finished(tests, as_of=LAST)
    assert done["channel"].tolist() == ["search", "video"]
    day = pd.DatetimeIndex(found.day)
    for counts in ("outcomes", "orders"):
        credited = budget.credited(done, frames[1], frames[2], as_of=LAST, counts=counts).set_index("channel")
        for name, month in (("video", 3), ("search", 5)):
            own = found.recorded[name].to_numpy()[(day.year == 2024) & (day.month == month)]
            second = own[:-3].sum() if counts == "orders" else 0.0
            assert credited.loc[name, "credited"] == own.sum() + second
            assert credited.loc[name, "share_error"] == credited.loc[name, "standard_error"] / (own.sum() + second)
    known = budget.known(counted, done)
    assert [(list(counted.spend)[one.channel], int(one.days.sum()), one.caused) for one in known] == [
        ("search", 31, 50.0),
        ("video", 31, 100.0),
    ]


def test_what_is_missing_or_too_little_is_told(found: budget.Series) -> None:
    spend, accounts, orders = rows(found)
    with pytest.raises(TooLittleDataError, match="share 91 days; a response curve needs 182"):
        budget.series(spend, None, accounts, as_of=dt.date(2024, 3, 31))
    with pytest.raises(MissingTableError, match="sign-ups need the table customers with signed_up_at"):
        budget.series(spend, orders, None, as_of=LAST, outcome=budget.SIGN_UPS)
    with pytest.raises(MissingTableError, match="first orders need the table orders"):
        budget.series(spend, None, None, as_of=LAST)
    with pytest.raises(OpskitError, match=r"channels == 'vidio'.*Did you mean 'video'"):
        budget.series(spend, None, accounts, as_of=LAST, channels="vidio")
    with pytest.raises(TooLittleDataError, match="no acquisition spend"):
        budget.series(spend.assign(purpose="retain"), None, accounts, as_of=LAST)
    alone = budget.series(spend, orders, None, as_of=LAST)
    assert alone.outcome == budget.FIRST_ORDERS
    assert "only their total" in alone.notes[-1]
    assert budget.curves(alone).by == "total"
    few = found._replace(recorded=found.recorded * 0, total=found.total * 0)
    with pytest.raises(TooLittleDataError, match="fewer than 30"):
        budget.curves(few)
    for option in ({"by": "both"}, {"current_days": 1}, {"draws": 5}, {"confidence": 1.0}):
        with pytest.raises(OpskitError, match=next(iter(option))):
            budget.curves(found, **option)


def test_confidence_changes_intervals_and_nothing_else(found: budget.Series, curves: budget.Curves) -> None:
    narrow = budget.curves(found, confidence=0.8)
    keys = ["carry_over", "elasticity"]
    assert narrow.table[[*keys, "verdict"]].equals(curves.table[[*keys, "verdict"]])
    assert (narrow.table["elasticity_high"] < curves.table["elasticity_high"]).all()
    extra = budget.incremental(found, curves)
    wide, tight = (budget.allocate(curves, extra, confidence=level) for level in (0.95, 0.8))
    assert wide.gain[0] == tight.gain[0]
    assert wide.gain[1] <= tight.gain[1] <= tight.gain[2] <= wide.gain[2]


# --- coverage ---


@pytest.mark.slow
def test_intervals_cover_the_curve() -> None:
    """400 series: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    covered = pd.Series(0, index=["carry_over", "elasticity", "response", "marginal"])
    kept, bend, level = TRUE["video"]
    for seed in range(400):
        rng = np.random.default_rng(10_000 + seed)
        spend = weekly_spend(rng)
        came = rng.poisson(level * budget.saturation(budget.adstock(spend / spend.mean(), kept), bend)).astype(float)
        one = budget.fit(came, spend[:, None])
        error = np.sqrt(np.diag(one.covariance))
        truth = (level, kept, bend)
        for name, place, value in zip(
            ("response", "carry_over", "elasticity"),
            range(3),
            (one.response[0], one.carry_over[0], one.elasticity[0]),
            strict=True,
        ):
            covered[name] += abs(value - truth[place]) <= 1.96 * error[place]
        drawn = rng.multivariate_normal([one.response[0], one.elasticity[0]], one.covariance[::2, ::2], size=1000)
        low, high = np.quantile(budget.slope(1.5, 1.0, drawn[:, 0], drawn[:, 1]), [0.025, 0.975])
        covered["marginal"] += low <= budget.slope(1.5, 1.0, level, bend) <= high
    assert covered.between(364, 393).all(), covered.to_dict()


@pytest.mark.slow
def test_intervals_cover_the_share_that_is_extra() -> None:
    covered = 0
    for seed in range(400):
        found = simulate(20_000 + seed, {"search": 0.5})
        curves = budget.curves(found, draws=100)
        row = budget.incremental(found, curves).table.set_index("channel").loc["search"]
        covered += row["share_low"] <= 0.5 <= row["share_high"]
    assert 364 <= covered <= 393


def test_figures_state_what_they_show(found: budget.Series, curves: budget.Curves, extra: budget.Incremental) -> None:
    split, costs = budget.allocate(curves, extra), budget.costs(curves, extra)
    grid = budget.plot_curves(curves, extra, split, currency="CNY")
    assert [ax.get_title(loc="left") for ax in grid.flat] == sorted(
        curves.channels, key=lambda name: -curves.current[curves.channels.index(name)]
    )
    assert grid.flat[0].figure.get_suptitle()
    dearer = costs["extra_marginal"] / costs["extra_average"]
    assert math.isfinite(dearer.max())
    assert "times the average one" in budget.plot_costs(costs).get_title(loc="left")
    assert "The recommended split gains" in budget.plot_allocation(split).get_title(loc="left")
    assert budget.plot_incremental(extra).get_title(loc="left")
    assert "Spend explains" in budget.plot_weeks(budget.by_week(found, curves)).get_title(loc="left").replace("\n", " ")
