"""Market finds what is planted: once on the committed shop, and 400 times for the coverage of its intervals."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit.sample.truth import values
from opskit.sample.world import World
from opskit.target_users import market

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = {name: spec for name, spec in opskit.open("shop").truth["derived"].items() if name.startswith("market.")}
SIZES = [name for name in TRUTH if name.rpartition(".")[2] in ("total", "serviceable", "obtainable")]
FOUND = {name.removeprefix("market.").replace(".", " ").replace("_", " "): name for name in TRUTH}
CALIBRATED = range(364, 394)  # the middle 99.9% of how often of 400 a 95% interval covers


def estimates(orders, customers, sheet) -> pd.DataFrame:
    who = {"customers": customers, "orders": orders, "as_of": LAST_DAY}
    came, classes = market.adoptions(**who), market.classes(**who)
    given = dict.fromkeys(market.Findings._fields) | {"adoptions": came, "classes": classes, "days": 90}
    given |= {"growth": market.growth(came.whole["adopters"]), "confidence": 0.95}
    given["values"] = market.class_value(market.assign(classes, **who), orders, as_of=LAST_DAY)
    given["simulation"] = None if sheet is None else market.simulate(sheet)
    return market.recovery(market.Findings(**given), {"derived": TRUTH}).assign(name=lambda t: t["figure"].map(FOUND))


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop")
    found = estimates(ds.orders, ds.customers, ds.market_ranges).set_index("name")
    assert set(found.index) == set(TRUTH)
    assert len(found) == 14
    for name, row in found.iterrows():
        truth = TRUTH[name]
        if name in SIZES:  # ranges grow no narrower with more customers: a limit of their own
            assert row["inside"] is True
            assert row["high"] / row["low"] < 5
            continue
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - truth["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= truth["max_interval_width"], name


def test_the_shop_is_no_bass_curve_and_the_page_says_so() -> None:
    """Its sign-ups follow a plan that grows by a steady share; nothing is used up and nothing changes."""
    ds = opskit.open("shop")
    counts = market.adoptions(customers=ds.customers, as_of=LAST_DAY).whole["adopters"]
    assert not market.Bass().fit(counts).peak_is_past()
    assert market.forecast_check(counts)["method"].iloc[0] == "steady growth goes on"
    assert market.change(counts).found["p"].iloc[0] > 0.05


def bass_series(rng: np.random.Generator, p: float, q: float, m: float, periods: int, scatter: float) -> np.ndarray:
    """Adopters of each period: counts around the Bass curve whose variance is scatter times their mean."""
    mean = m * np.diff(market.adopted(np.arange(periods + 1), p, q))
    return rng.poisson(mean) if scatter <= 1 else rng.negative_binomial(mean / (scatter - 1), 1 / scatter)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("p", "q", "m", "periods", "scatter"),
    [(0.003, 0.2, 3000, 36, 1), (0.003, 0.2, 3000, 26, 2.5), (0.0066, 0.638, 68_000, 10, 60)],
    ids=["past the peak", "soon after it", "like the recorders"],
)
def test_intervals_of_the_curve_cover(p: float, q: float, m: float, periods: int, scatter: float) -> None:
    truth = pd.Series({"p": p, "q": q, "m": m, "peak": np.log(q / p) / (p + q)})
    rng, covered = np.random.default_rng(1), pd.Series(0, index=truth.index)
    for _ in range(400):
        found = (
            market.Bass()
            .fit(bass_series(rng, p, q, m, periods, scatter))
            .summary()
            .set_index("figure")
            .loc[truth.index]
        )
        covered += (found["low"] <= truth) & (truth <= found["high"])
    assert covered.isin(CALIBRATED).all(), covered.to_dict()


@pytest.mark.slow
def test_before_the_peak_the_curve_is_hardly_ever_called_past_it() -> None:
    rng = np.random.default_rng(1)
    models = [
        market.Bass().fit(bass_series(rng, 0.003, 0.2, 3000, periods, 2.5)) for periods in (14, 18) for _ in range(100)
    ]
    assert sum(model.peak_is_past() for model in models) <= 10
    assert np.ptp([np.log10(model.m_) for model in models]) > 1  # and m is off by a factor of ten and more


@pytest.mark.slow
def test_ranges_of_honest_experts_cover_the_true_sizes() -> None:
    covered = pd.Series(0, index=SIZES)
    truth = pd.Series({name: TRUTH[name]["value"] for name in SIZES})
    for seed in range(400):
        sheet = pd.DataFrame(World(values(), 10, 24, 7000 + seed).chunk(0).table("market_ranges"))
        sizes = market.simulate(sheet, simulations=4000).sizes
        sizes.index = pd.Index("market." + sizes["market"] + "." + sizes["layer"])
        sizes = sizes.loc[SIZES]
        covered += (sizes["low"] <= truth) & (truth <= sizes["high"])
    assert covered.isin(CALIBRATED).all(), covered.to_dict()


@pytest.mark.slow
def test_the_interval_of_growth_covers_and_steady_growth_is_no_change() -> None:
    truth, covered, alarms = TRUTH["market.sign_up_growth"]["value"], 0, 0
    for seed in range(400):
        world = World(values(), 1000, 24, 7000 + seed)
        month = world.moment(world.signups.at).astype("datetime64[M]") - np.datetime64(world.first_day, "M")
        counts = np.bincount(month.astype(int), minlength=24)
        found = market.growth(counts).iloc[0]
        covered += int(found["low"] <= truth <= found["high"])
        alarms += int(market.change(counts, simulations=200).found["p"].iloc[0] <= 0.05)
    assert covered in CALIBRATED, covered
    assert alarms <= 36, alarms  # season and campaigns are no change: called so at most 9 times of 100


@pytest.mark.slow
def test_intervals_of_the_value_of_a_class_cover() -> None:
    names = [name for name in TRUTH if "value_in" in name and not name.endswith("innovator")]  # 25 of 1,000 are too few
    covered, truth = pd.Series(0, index=names), pd.Series({name: TRUTH[name]["value"] for name in names})
    wanted = {
        "orders": ["customer_id", "ordered_at", "revenue", "refund", "paid"],
        "customers": ["customer_id", "signed_up_at"],
    }
    for seed in range(400):
        chunk = World(values(), 1000, 24, 7000 + seed).chunk(0)
        tables = {
            name: pd.DataFrame({one: chunk.table(name)[one] for one in columns}) for name, columns in wanted.items()
        }
        orders, who = tables["orders"].query("paid"), {"customers": tables["customers"], "as_of": LAST_DAY}
        found = market.class_value(market.assign(market.classes(**who), **who), orders, as_of=LAST_DAY).dropna(
            subset="value"
        )
        found.index = pd.Index("market.value_in_90_days." + found["class"].str.replace(" ", "_"))
        found = found.loc[names]
        covered += (found["value_low"] <= truth) & (truth <= found["value_high"])
    assert covered.isin(CALIBRATED).all(), covered.to_dict()


@pytest.mark.slow
@pytest.mark.parametrize(("persistence", "most"), [(0.0, 0.065), (0.3, 0.10)])
def test_the_test_for_a_change_keeps_its_level(persistence: float, most: float) -> None:
    """At 5%: 3% of 1,000 series with independent noise were called changed, 7% of those whose months hang together by 0.3."""
    rng, hits = np.random.default_rng(3), 0
    mean = 150 * np.exp(0.03 * np.arange(24))
    for seed in range(400):
        noise = rng.standard_normal(24)
        for month in range(1, 24):
            noise[month] = persistence * noise[month - 1] + np.sqrt(1 - persistence**2) * noise[month]
        counts = rng.poisson(mean * np.exp(np.sqrt(4 / mean) * noise - 2 / mean))
        hits += int(market.change(counts, simulations=200, seed=seed).found["p"].iloc[0] <= 0.05)
    assert 0.005 * 400 <= hits <= most * 400
