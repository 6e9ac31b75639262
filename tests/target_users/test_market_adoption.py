"""The Bass curve, the months it is read from, forecasts held against what came, and the adopter classes."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from narwhals import from_native

from opskit import frames
from opskit.errors import OpskitError, TooLittleDataError
from opskit.target_users import market

LAST_DAY = dt.date(2025, 12, 31)
# Adoptions of video recorders in thousands, ten years: as in the textbook examples of the model (see bass.nls figures:
# nonlinear least squares on the density gives m = 6.798e4, p = .006594, q = .6381).
RECORDERS = (840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890)


def curve(p: float, q: float, m: float, periods: int) -> np.ndarray:
    return m * np.diff(market.adopted(np.arange(periods + 1), p, q))


# --- the curve ---


def test_video_recorders() -> None:
    model = market.Bass(estimator="density").fit(RECORDERS)
    assert model.m_ == pytest.approx(6.798e4, rel=1e-4)
    assert model.p_ == pytest.approx(0.006594, rel=1e-4)
    assert model.q_ == pytest.approx(0.6381, rel=1e-4)


def test_estimators_differ_and_each_says_which_it_is() -> None:
    found = {name: market.Bass(estimator=name).fit(RECORDERS) for name in ("weighted", "intervals", "density")}
    p = [found[name].p_ for name in found]
    assert len(set(np.round(p, 4))) == 3
    assert [found[name].estimator for name in found] == list(found)
    with pytest.raises(OpskitError, match="estimator == 'ols', must be one of"):
        market.Bass(estimator="ols")


@pytest.mark.parametrize("estimator", ["weighted", "intervals"])
@pytest.mark.parametrize(("p", "q"), [(0.01, 0.2), (0.002, 0.5), (0.05, 0.05), (0.2, 0.01)])
def test_a_curve_without_noise_is_found_again(estimator: str, p: float, q: float) -> None:
    model = market.Bass(estimator=estimator).fit(curve(p, q, 5000, 30))
    assert (model.p_, model.q_, model.m_) == pytest.approx((p, q, 5000), rel=1e-3)
    assert model.peak_ == pytest.approx(max(0, np.log(q / p) / (p + q)), abs=0.01)


def test_curve_and_density_belong_together() -> None:
    time = np.linspace(0, 30, 20_001)
    density = market.adopting(time, 0.01, 0.3)
    assert np.trapezoid(density, time) == pytest.approx(market.adopted(30, 0.01, 0.3), abs=1e-6)
    assert time[density.argmax()] == pytest.approx(np.log(30) / 0.31, abs=0.01)


def test_predictions_and_summary() -> None:
    model = market.Bass().fit(RECORDERS)
    assert model.predict(10).sum() == pytest.approx(sum(RECORDERS), rel=0.02)
    assert model.predict(60).sum() == pytest.approx(model.m_, rel=1e-6)
    rows = model.summary().set_index("figure")
    assert ((rows["low"] <= rows["estimate"]) & (rows["estimate"] <= rows["high"])).all()
    assert rows.loc["m", "low"] >= sum(RECORDERS)
    assert rows.loc["adopted", "high"] <= 1
    assert model.peak_is_past()
    told = model.forecast(14)
    assert ((told["low"] <= told["estimate"]) & (told["estimate"] <= told["high"])).all()
    narrow = model.summary(confidence=0.5).set_index("figure")
    assert ((narrow["high"] - narrow["low"]) <= (rows["high"] - rows["low"])).all()


def test_before_the_peak_nothing_is_known_of_the_end() -> None:
    counts = np.random.default_rng(5).poisson(curve(0.003, 0.2, 3000, 14))
    model = market.Bass().fit(counts)
    assert not model.peak_is_past()
    rows = model.summary().set_index("figure")
    assert rows.loc["m", "high"] > 5 * rows.loc["m", "low"]
    assert rows.loc["m", "low"] < 3000 < rows.loc["m", "high"]


def test_growth_without_end_is_never_past_its_peak() -> None:
    for growth in (0.0, 0.02, 0.1):
        counts = np.random.default_rng(1).poisson(100 * np.exp(growth * np.arange(30)))
        assert not market.Bass().fit(counts).peak_is_past()


@pytest.mark.parametrize("counts", [[5] * 5, [1] * 8])
def test_too_little_for_a_curve(counts: list[int]) -> None:
    with pytest.raises(TooLittleDataError, match="needs 6 whole periods and 10 adopters"):
        market.Bass().fit(counts)


@pytest.mark.parametrize("counts", [[5, -1] * 5, [5, float("nan")] * 5])
def test_impossible_numbers_are_refused(counts: list[float]) -> None:
    with pytest.raises(OpskitError, match="none negative and none missing"):
        market.Bass().fit(counts)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("counts", [[10] * 12, [100] + [0] * 11, [0] * 11 + [100], [0, 50] * 6, list(range(12))])
def test_odd_series_give_numbers_without_a_warning(counts: list[int]) -> None:
    rows = market.Bass().fit(counts).summary()
    assert rows["estimate"].notna().all()


def test_forecasts_are_judged_by_what_came() -> None:
    found = market.forecast_check(curve(0.01, 0.25, 5000, 24)).set_index("method")
    assert found.index[0] == "Bass curve"
    assert found.loc["Bass curve", "error"] < 0.01
    assert found.loc["Bass curve", "beats_level"] == 1
    assert found["n"].tolist() == [24 - 6 - 12 + 1] * 3
    assert market.forecast_check([5] * 17).empty
    flat = market.forecast_check([50] * 24).set_index("method")
    assert flat.loc["last three months go on", "error"] == 0


# --- the months ---


def orders_on(days: "list[str] | pd.DatetimeIndex") -> pd.DataFrame:
    return pd.DataFrame({"customer_id": range(len(days)), "ordered_at": pd.to_datetime(days), "revenue": 10.0})


def test_sign_ups_count_where_they_are_known_and_first_orders_else() -> None:
    orders = orders_on(["2025-01-01", "2025-02-01", "2025-02-03"])
    customers = pd.DataFrame(
        {"customer_id": [0, 1, 2, 3], "signed_up_at": pd.to_datetime(["2024-12-01", "2025-01-05", None, "2025-03-01"])}
    )
    by_sign_up = market.adoptions(customers=customers, orders=orders, as_of=dt.date(2025, 2, 10))
    assert by_sign_up.counted == "sign-up"
    assert by_sign_up.by_month["adopters"].tolist() == [1, 1, 0]
    assert by_sign_up.by_month["whole"].tolist() == [True, True, False]
    for known in (None, customers[["customer_id"]], customers.assign(signed_up_at=pd.NaT)):
        by_order = market.adoptions(customers=known, orders=orders, as_of=dt.date(2025, 2, 10))
        assert (by_order.counted, by_order.by_month["adopters"].tolist()) == ("first order", [1, 2])


def test_a_month_that_begins_late_is_not_whole() -> None:
    found = market.adoptions(orders=orders_on(["2025-01-20", "2025-02-03"]), as_of=dt.date(2025, 2, 28))
    assert found.by_month["whole"].tolist() == [False, True]


def test_a_fixed_set_of_customers_shows_no_curve(cdnow: pd.DataFrame) -> None:
    found = market.adoptions(orders=cdnow, as_of=dt.date(1998, 6, 30))
    assert found.by_month["adopters"].tolist()[:4] == [781, 857, 719, 0]
    assert "Nobody is new after March 1997, where 719 still were: this is a fixed set of customers" in found.unreadable


def test_newcomers_that_fade_out_are_no_fixed_set() -> None:
    days = [
        f"{2023 + month // 12}-{month % 12 + 1:02d}-02"
        for month, n in enumerate([60, 30, 15, 8, 4, 2, 1, 1, 1, 1])
        for _ in range(n)
    ]
    assert "fixed set" not in market.adoptions(orders=orders_on(days), as_of=dt.date(2025, 12, 31)).unreadable


def test_data_that_begin_after_the_launch_are_doubted() -> None:
    days = [f"2024-{month:02d}-02" for month in range(1, 13) for _ in range(60 if month == 1 else 20)]
    found = market.adoptions(orders=orders_on(days), as_of=dt.date(2024, 12, 31))
    assert not found.unreadable
    assert "old customers look new" in found.doubt
    customers = orders_on(days).rename(columns={"ordered_at": "signed_up_at"})
    assert not market.adoptions(customers=customers, as_of=dt.date(2024, 12, 31)).doubt


def test_nothing_to_count_is_told() -> None:
    assert market.adoptions(as_of=LAST_DAY).counted == "nothing"
    with pytest.raises(OpskitError, match="customers and orders are both missing"):
        market.adopters(as_of=LAST_DAY)
    customers = pd.DataFrame({"customer_id": [1], "signed_up_at": pd.to_datetime(["2025-01-01"])})
    with pytest.raises(OpskitError, match="must be on or after the day of the first sign-up"):
        market.adoptions(customers=customers, as_of=dt.date(2024, 1, 1))


# --- adopter classes ---


@pytest.fixture(scope="module")
def thousand() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 700, 1000)), unit="D")
    return orders_on(days.floor("s")).assign(revenue=rng.gamma(2, 50, 1000).round(2))


def test_rogers_shares_are_those_of_a_normal_curve(thousand: pd.DataFrame) -> None:
    found = market.classes(orders=thousand, as_of=LAST_DAY)
    assert found.by_class["customers"].sum() == 1000
    # Customers of one day stay together, so a class may be off by the customers of a day.
    assert found.by_class["customers"].to_numpy() == pytest.approx([25, 135, 340, 340, 160], abs=6)
    assert found.base == "customers so far"
    assert found.by_class["last_day"].is_monotonic_increasing


def test_classes_are_the_same_on_every_engine(engine, thousand: pd.DataFrame) -> None:
    given = {"orders": engine(thousand), "as_of": LAST_DAY}
    found = market.classes(**given)
    pd.testing.assert_frame_equal(found.by_class, market.classes(orders=thousand, as_of=LAST_DAY).by_class)
    assigned = market.assign(found, **given)
    assert type(assigned) is type(given["orders"]) or "pyarrow" in str(type(assigned))
    rows = frames.collect(from_native(assigned).lazy())
    assert (
        rows["class"].value_counts().reindex(found.by_class["class"]).tolist() == found.by_class["customers"].tolist()
    )
    values = market.class_value(assigned, given["orders"], as_of=LAST_DAY)
    plain = market.class_value(market.assign(found, orders=thousand, as_of=LAST_DAY), thousand, as_of=LAST_DAY)
    pd.testing.assert_frame_equal(values, plain, rtol=1e-9)


def test_value_is_that_of_the_first_days_of_those_old_enough() -> None:
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "c"],
            "ordered_at": pd.to_datetime(["2025-01-01", "2025-03-31", "2025-04-01", "2025-01-01", "2025-12-01"]),
            "revenue": [10.0, 20, 400, 6, 1],
            "refund": [0.0, 0, 0, 2, 0],
        }
    )
    given = {"orders": orders, "as_of": LAST_DAY}
    found = market.classes(**given)
    table = market.class_value(market.assign(found, **given), orders, as_of=LAST_DAY, days=90).set_index("class")
    assert table.loc["innovator", ["customers", "value", "bought"]].tolist() == [2, (10 + 20 + 6 - 2) / 2, 1]
    assert table["customers"].tolist() == [2, 0, 0, 0, 0]
    assert table["value"].iloc[1:].isna().all(), "c has been there for 31 days: not known, not 1"


def test_classes_of_all_who_ever_come_leave_room_for_those_to_come() -> None:
    counts = np.round(curve(0.005, 0.25, 2000, 24)).astype(int)
    days = [
        pd.Timestamp("2024-01-01") + pd.DateOffset(months=month, days=int(at))
        for month, n in enumerate(counts)
        for at in np.linspace(0, 27, n)
    ]
    given = {"orders": orders_on(days), "as_of": LAST_DAY}
    model = market.Bass().fit(market.adoptions(**given).whole["adopters"])
    assert model.peak_is_past()
    rogers, bass = (market.classes(**given, model=model, rule=rule) for rule in ("rogers", "bass"))
    assert rogers.base == bass.base == "all who ever come"
    late = rogers.by_class.set_index("class")["customers"]
    assert late["early majority"] == pytest.approx(0.34 * model.m_, abs=12)
    assert late["laggard"] < 0.16 * model.m_
    # Mahajan, Muller & Srivastava: the bends lie ln(2 + sqrt 3) / (p + q) before and after the peak.
    bend = np.log(2 + np.sqrt(3)) / (model.p_ + model.q_)
    expected = market.adopted([model.peak_ - bend, model.peak_, model.peak_ + bend], model.p_, model.q_)
    assert bass.by_class["share"].tolist()[1:4] == pytest.approx(expected.tolist())
    assert bass.by_class["share"].iloc[0] == pytest.approx(model.p_)
    with pytest.raises(OpskitError, match="rule == 'bass', must be one of 'rogers'"):
        market.classes(**given, rule="bass")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("days", [["2025-01-01"], ["2025-01-01"] * 30, ["2025-01-01", "2025-12-31"]])
def test_one_customer_and_one_day_alike(days: list[str]) -> None:
    given = {"orders": orders_on(days), "as_of": LAST_DAY}
    found = market.classes(**given)
    assert found.by_class["customers"].sum() == len(days)
    values = market.class_value(market.assign(found, **given), given["orders"], as_of=LAST_DAY)
    assert values["customers"].iloc[0] >= 1
    assert values["value"].iloc[0] == 10
