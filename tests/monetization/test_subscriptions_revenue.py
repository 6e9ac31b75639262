"""Recurring revenue: the accounts close exactly, by hand, on every engine and for any contracts."""

import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit.errors import OpskitError
from opskit.monetization import subscriptions

MOVES = ["new", "reactivation", "expansion", "contraction", "churn"]


def rows(*spells: tuple[Any, ...]) -> pd.DataFrame:
    """Spells as (customer, contract, plan, start, end, period, price)."""
    names = ["customer_id", "contract_id", "plan", "started_at", "ended_at", "billing_period", "price"]
    frame = pd.DataFrame(list(spells), columns=names)
    frame[["started_at", "ended_at"]] = frame[["started_at", "ended_at"]].apply(pd.to_datetime)
    return frame


HAND = rows(
    (1, "a", "basic", "2024-01-10", "2024-03-09", "month", 10.0),
    (1, "a", "premium", "2024-03-10", "2024-05-09", "month", 25.0),  # expansion in March
    (1, "a", "basic", "2024-05-10", None, "month", 10.0),  # contraction in May
    (2, "b", "basic", "2024-01-31", "2024-02-29", "month", 10.0),  # there on the last day of February
    (2, "c", "yearly", "2024-05-02", None, "year", 90.0),  # back after a pause
    (3, "d", "basic", "2024-02-05", "2024-02-20", "month", 10.0),  # between two month ends
    (4, "e", "basic", "2024-02-05", "2024-04-04", "month", 10.0),
    (4, "f", "basic", "2024-04-04", None, "month", 10.0),  # from one contract to another
)


def test_movements_by_hand(engine) -> None:
    found = subscriptions.movements(engine(HAND), as_of=dt.date(2024, 6, 15))
    table = found.by_month.set_index(found.by_month["month"].dt.month)
    expected = {  # opening, new, reactivation, expansion, contraction, churn, closing
        1: [0, 20, 0, 0, 0, 0, 20],
        2: [20, 10, 0, 0, 0, 0, 30],
        3: [30, 0, 0, 15, 0, 10, 35],
        4: [35, 0, 0, 0, 0, 0, 35],
        5: [35, 0, 7.5, 0, 15, 0, 27.5],
        6: [27.5, 0, 0, 0, 0, 0, 27.5],
    }
    assert {month: row.tolist() for month, row in table[["opening", *MOVES, "closing"]].iterrows()} == expected
    assert table["customers"].tolist() == [2, 3, 2, 2, 3, 3]
    assert table["complete"].tolist() == [True] * 5 + [False]
    rates = found.rates.pivot(index="month", columns="measure", values="estimate")
    assert rates.index.month.tolist() == [2, 3, 4, 5]  # January has no opening, June is not over
    assert rates["net_retention"].tolist() == pytest.approx([1, 35 / 30, 1, 20 / 35])
    assert rates["gross_retention"].tolist() == pytest.approx([1, 20 / 30, 1, 20 / 35])
    assert rates["logo_churn"].tolist() == pytest.approx([0, 1 / 3, 0, 0])


def test_revenue_retention_by_hand(engine) -> None:
    found = subscriptions.revenue_retention(engine(HAND), as_of=dt.date(2024, 6, 15), months=2)
    # end of March: 25 and 10; end of May: 10 and 10, and customer 2 who was not there
    assert found["estimate"].tolist() == pytest.approx([20 / 35, 20 / 35, 1])
    assert found["n"].tolist() == [2, 2, 2]
    none = subscriptions.revenue_retention(engine(HAND), as_of=dt.date(2024, 6, 15), months=12)
    assert none["estimate"].isna().all()
    assert none["n"].eq(0).all()


spell = st.tuples(
    st.integers(1, 4),
    st.sampled_from("ab"),
    st.integers(0, 400),
    st.none() | st.integers(1, 300),
    st.sampled_from(["month", "quarter", "year"]),
    st.sampled_from([9.9, 19.99, 100.0]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(spell, min_size=1, max_size=12), st.integers(60, 500))
def test_the_accounts_close_in_every_month(drawn: list[tuple[Any, ...]], last: int) -> None:
    day = pd.Timestamp("2023-01-15")
    frame = rows(
        *(
            (
                who,
                f"{who}{which}",
                "p",
                day + pd.Timedelta(days=start),
                None if length is None else day + pd.Timedelta(days=start + length),
                period,
                price,
            )
            for who, which, start, length, period, price in drawn
        )
    )
    as_of = (day + pd.Timedelta(days=last)).date()
    if frame["started_at"].min() > pd.Timestamp(as_of):
        return
    frame = pl.from_pandas(frame)
    spells = subscriptions.spells(frame, as_of=as_of).collect("pandas").to_native()
    if (spells["start_place"] // 32 == spells["until_place"] // 32).all():
        with pytest.raises(OpskitError, match="no month end"):
            subscriptions.movements(frame, as_of=as_of)
        return
    table = subscriptions.movements(frame, as_of=as_of).by_month
    assert (table[MOVES] >= 0).all(axis=None)
    gained = table["new"] + table["reactivation"] + table["expansion"] - table["contraction"] - table["churn"]
    np.testing.assert_allclose(table["opening"] + gained, table["closing"], atol=1e-9)
    np.testing.assert_array_equal(table["opening"].iloc[1:], table["closing"].iloc[:-1])
    # each month end afresh, from the spells alone
    for month, closing, customers in zip(table["month"], table["closing"], table["customers"], strict=True):
        end = min(month + pd.offsets.MonthEnd(0), pd.Timestamp(as_of))
        at = (end - pd.Timestamp(0)).days
        there = spells[(spells["start_day"] <= at) & (spells["until_day"] > at)]
        assert closing == pytest.approx((there["price"] / there["months"]).sum(), abs=1e-4)
        assert customers == there["customer_id"].nunique()


def test_rates_are_within_their_intervals_and_intervals_narrow_with_confidence() -> None:
    rng = np.random.default_rng(4)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 400), unit="D")
    end = start + pd.to_timedelta(rng.geometric(0.2, 400) * 30, unit="D")
    frame = pd.DataFrame({"customer_id": range(400), "plan": "p", "started_at": start, "ended_at": end, "price": 10.0})
    wide, narrow = (
        subscriptions.movements(frame, as_of=dt.date(2024, 12, 31), confidence=share).rates for share in (0.95, 0.8)
    )
    assert (wide["low"] <= wide["estimate"]).all()
    assert (wide["estimate"] <= wide["high"]).all()
    pd.testing.assert_series_equal(wide["estimate"], narrow["estimate"])
    assert (narrow["high"] - narrow["low"] < wide["high"] - wide["low"]).mean() > 0.9
    logo = wide[wide["measure"] == "logo_churn"].iloc[4:]
    error = (logo["high"] - logo["low"]) / (2 * 1.98)
    binomial = np.sqrt(logo["estimate"] * (1 - logo["estimate"]) / logo["n"].astype(float))
    assert (error / binomial).between(0.5, 1.6).all()  # independent customers: the jackknife is the textbook's


def test_what_lives_between_month_ends_is_told() -> None:
    short = rows((1, "a", "p", "2024-02-05", "2024-02-20", "month", 10.0))
    with pytest.raises(OpskitError, match="no month end finds a paying customer"):
        subscriptions.movements(short, as_of=dt.date(2024, 6, 30))
    free = HAND.assign(price=0.0)
    with pytest.raises(OpskitError, match="no month end finds a paying customer"):
        subscriptions.movements(free, as_of=dt.date(2024, 6, 30))


@pytest.mark.parametrize("case", ["one", "alike", "hand", "many plans"])
def test_small_data_give_tables_and_figures(case: str) -> None:
    """Everything computes, is drawn with a title or a sentence, and decisions hold no missing number."""
    one = rows((1, "a", "p", "2024-01-05", None, "month", 10.0))
    alike = pd.concat([one.assign(customer_id=who, contract_id=str(who)) for who in range(40)], ignore_index=True)
    many = pd.concat([HAND.assign(plan=f"p{k}", contract_id=HAND["contract_id"] + str(k)) for k in range(9)])
    frame = {"one": one, "alike": alike, "hand": HAND, "many plans": many}[case]
    frame = pl.from_pandas(frame)
    for as_of in [dt.date(2024, 6, 30), dt.date(2024, 12, 15)][case == "many plans" :]:
        durations = subscriptions.durations(frame, as_of=as_of)
        fits = subscriptions.fit_groups(durations, min_contracts=1)
        renewals = subscriptions.renewal_table(durations, fits)
        value = subscriptions.lifetime_value(durations, fits, annual_discount_rate=0.1, margin_share=0.3)
        recurring = subscriptions.movements(frame, as_of=as_of)
        kept = subscriptions.revenue_retention(frame, as_of=as_of)
        drawn = [
            subscriptions.plot_survival(renewals),
            subscriptions.plot_renewal_rates(renewals),
            subscriptions.plot_holdout(subscriptions.holdout(durations).by_period),
            subscriptions.plot_movements(recurring.by_month),
            subscriptions.plot_value(value.of_new),
            subscriptions.plot_residual_value(value.by_tenure),
        ]
        for ax in drawn:
            assert ax.get_title(loc="left") or ax.texts
        plt.close("all")
        claims = subscriptions.claims(renewals, value.of_new, kept)
        compared = subscriptions.compare_values(value.of_new)
        lines = subscriptions.decisions(claims, renewals, value.of_new, compared)
        assert not [line for line in lines if "nan" in line or "–" in line]
        figures = subscriptions.key_figures(recurring, kept, renewals, value.of_new)
        assert figures["name"].is_unique
