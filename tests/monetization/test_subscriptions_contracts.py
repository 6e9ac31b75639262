import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.errors import OpskitError
from opskit.monetization import subscriptions
from opskit.monetization.subscriptions.spells import OPEN
from opskit.sample import subscribing, truth
from opskit.sample.world import World

AS_OF = dt.date(2024, 6, 30)


def rows(*spells: tuple[Any, ...], **columns: Any) -> pd.DataFrame:
    """Spells as (customer, contract, plan, start, end, price)."""
    names = ["customer_id", "contract_id", "plan", "started_at", "ended_at", "price"]
    frame = pd.DataFrame(list(spells), columns=names)
    frame[["started_at", "ended_at"]] = frame[["started_at", "ended_at"]].apply(pd.to_datetime)
    return frame.assign(**columns)


def counted(frame: Any, as_of: dt.date = AS_OF, **options: Any) -> list[list[Any]]:
    found = subscriptions.durations(frame, as_of=as_of, **options)
    return found[["plan", "time", "event", "n"]].values.tolist()


HAND = rows(
    (1, "a", "basic", "2024-01-10", "2024-03-09", 10),  # upgraded at the second renewal, running
    (1, "a", "premium", "2024-03-10", None, 20),
    (2, "b", "basic", "2024-02-20", "2024-05-19", 10),  # three periods paid
    (3, "c", "basic", "2024-06-15", None, 10),  # before its first renewal
    (4, "d", "basic", "2024-01-31", "2024-04-29", 10),  # due on the last day of shorter months
    (4, "e", "basic", "2024-06-01", None, 10),  # back after a pause
    (5, "f", "basic", "2024-05-31", "2024-06-30", 10),  # the renewal of 30 June has passed
    (6, "g", "basic", "2024-06-05", "2024-06-20", 10),  # cancelled, its renewal not due yet
)


def test_durations_by_hand(engine) -> None:
    # 6 may still change their minds: nobody who will renew on 5 July can be seen to do so
    assert counted(engine(HAND)) == [
        ["basic", 0, False, 3],
        ["basic", 1, True, 1],
        ["basic", 3, True, 2],
        ["basic", 5, False, 1],
    ]
    found = subscriptions.durations(engine(HAND), as_of=AS_OF)
    assert found["running"].tolist() == [2, 0, 0, 1]
    assert found["price"].tolist() == [20, 0, 0, 20]


@pytest.mark.parametrize("end", ["2024-03-14", "2024-03-15", "2024-03-17"], ids=["last paid", "first unpaid", "late"])
@pytest.mark.parametrize("period", ["month", "Monthly", "月付", None])
def test_an_end_a_few_days_off_is_the_same_end(end: str, period: str | None) -> None:
    frame = rows((1, "a", "basic", "2024-01-15", end, 10), billing_period=period)
    assert counted(frame) == [["basic", 2, True, 1]]


def test_cancelling_within_a_period_ends_with_it() -> None:
    assert counted(rows((1, "a", "basic", "2024-01-15", "2024-02-26", 10))) == [["basic", 2, True, 1]]
    assert counted(rows((1, "a", "basic", "2024-01-15", "2024-01-16", 10))) == [["basic", 1, True, 1]]


@pytest.mark.parametrize(("period", "times"), [("month", 17), ("quarter", 5), ("year", 1)])
def test_billing_periods(engine, period: str, times: int) -> None:
    frame = rows((1, "a", "basic", "2023-01-15", None, 10), billing_period=period)
    assert counted(engine(frame)) == [["basic", times, False, 1]]
    assert counted(frame.drop(columns="billing_period"), default_billing_period=period) == [["basic", times, False, 1]]


def test_rows_per_payment_are_one_contract(engine) -> None:
    starts = pd.date_range("2024-01-05", periods=5, freq=pd.DateOffset(months=1))
    ends = starts + pd.DateOffset(months=1) - pd.Timedelta(days=1)
    paid = [(1, None, "basic", start, end, 10) for start, end in zip(starts, ends, strict=True)]
    late = [(*paid[2][:3], paid[2][3] + pd.Timedelta(days=4), *paid[2][4:])]
    for frame in (rows(*paid), rows(*paid).drop(columns="contract_id"), rows(*paid[:2], *late, *paid[3:])):
        assert counted(engine(frame)) == [["basic", 5, True, 1]]
    assert counted(rows(*paid[:2], *late, *paid[3:]), gap_days=3) == [["basic", 2, True, 1], ["basic", 3, True, 1]]


def test_without_contract_ids_a_pause_or_another_plan_is_another_contract(engine) -> None:
    frame = rows(
        (1, None, "basic", "2024-01-05", "2024-02-04", 10),
        (1, None, "basic", "2024-04-05", "2024-05-04", 10),
        (1, None, "premium", "2024-02-05", "2024-04-04", 20),
    )
    assert counted(engine(frame)) == [["basic", 1, True, 2], ["premium", 2, True, 1]]


def test_overlaps_backward_spells_and_repeated_rows(engine) -> None:
    frame = rows(
        (1, "a", "basic", "2024-01-05", None, 10),  # never closed, replaced
        (1, "a", "premium", "2024-03-05", "2024-05-04", 20),
        (1, "a", "premium", "2024-03-05", "2024-05-04", 20),  # twice
        (2, "b", "basic", "2024-02-05", "2024-01-31", 10),  # backwards
    )
    assert counted(engine(frame)) == [["basic", 4, True, 1]]
    account = subscriptions.account(engine(frame), as_of=AS_OF).set_index("found")["rows"]
    assert account.to_dict() == {
        "spells up to as_of": 4,
        "running at as_of": 1,
        "end before they start": 1,
        "overlap the next of the contract": 2,
        "are followed within gap_days": 0,
        "change the billing period": 0,
        "without contract_id": 0,
        "without billing_period": 4,
    }


def test_a_change_of_the_billing_period_is_a_renewal_and_leaves_sight() -> None:
    frame = rows(
        (1, "a", "basic", "2024-01-05", "2024-03-04", 10),
        (1, "a", "basic", "2024-03-05", None, 100),
        billing_period=["month", "year"],
    )
    assert counted(frame) == [["basic", 2, False, 1]]
    several = rows(
        (1, "a", "x", "2024-01-05", None, 1), (2, "b", "x", "2023-01-05", None, 9), billing_period=["month", "year"]
    )
    assert counted(several) == [["x (month)", 5, False, 1], ["x (year)", 1, False, 1]]


def test_later_rows_and_ends_are_invisible(engine) -> None:
    as_of = dt.date(2024, 4, 30)
    known = HAND[HAND["started_at"] <= pd.Timestamp(as_of)].copy()
    known.loc[known["ended_at"] > pd.Timestamp(as_of), "ended_at"] = pd.NaT
    assert counted(engine(HAND), as_of) == counted(known, as_of)


def test_attributes_of_customers(engine) -> None:
    customers = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5, 6], "region": list("NNNSSS")})
    found = subscriptions.durations(engine(HAND), as_of=AS_OF, customers=engine(customers), by=["region"])
    assert found.groupby("region")["n"].sum().to_dict() == {"N": 3, "S": 4}
    with pytest.raises(OpskitError, match="needs customers"):
        subscriptions.durations(HAND, as_of=AS_OF, by=["region"])


def test_the_sample_shop_is_read_as_it_was_made() -> None:
    """Periods and censoring worked out from the rows are those that the generator drew."""
    world = World(truth.values(), 3000, 24, 5)
    table = world.chunk(0).table("subscriptions")
    columns = ("contract_id", "customer_id", "plan", "started_at", "ended_at", "billing_period", "price")
    found = subscriptions.durations(pd.DataFrame({name: table[name] for name in columns}), as_of=dt.date(2025, 12, 31))
    signed = table["contracts"]
    due = [
        subscribing.due(world.first_day, signed.start, period * subscribing.MONTHS[signed.plan]) < world.days
        for period in range(1, 25)
    ]
    passed = np.sum(due, axis=0)
    made = pd.DataFrame(
        {
            "plan": np.array(subscribing.PLAN_NAMES)[signed.plan],
            "time": np.minimum(passed, signed.periods),
            "event": signed.periods <= passed,
        }
    )
    expected = made.value_counts(sort=False).rename("n").reset_index().sort_values(["plan", "time", "event"])
    pd.testing.assert_frame_equal(
        found[["plan", "time", "event", "n"]], expected.reset_index(drop=True), check_dtype=False
    )


days = st.integers(0, 500)
spell = st.tuples(st.integers(1, 3), st.sampled_from("ab"), st.sampled_from(["p", "q"]), days, st.none() | days)


@settings(max_examples=25, deadline=None)
@given(st.lists(spell, min_size=1, max_size=12), st.integers(0, 20))
def test_spells_of_a_contract_never_overlap(drawn: list[tuple[Any, ...]], gap_days: int) -> None:
    day = pd.Timestamp("2023-03-01")
    frame = rows(
        *(
            (
                who,
                f"{who}{which}",
                plan,
                day + pd.Timedelta(days=start),
                None if end is None else day + pd.Timedelta(days=end),
                1.0,
            )
            for who, which, plan, start, end in drawn
        )
    )
    frame = pl.from_pandas(frame)
    found = subscriptions.spells(frame, as_of=dt.date(2024, 12, 31), gap_days=gap_days).collect("pandas").to_native()
    found = found.sort_values(["customer_id", "contract", "start_day"])
    assert (found["until_day"] > found["start_day"]).all()
    same = found["contract"].eq(found["contract"].shift())
    assert (found["start_day"] >= found["until_day"].shift())[same].all()
    gap = (found["start_day"] - found["until_day"].shift())[same]
    assert ((gap == 0) | (gap > gap_days)).all()
    assert (found["first"][same] == (gap > 0)).all()
    assert (found["until_day"] == OPEN)[~same.shift(-1, fill_value=False)].sum() <= found["contract"].nunique()
    counts = subscriptions.durations(frame, as_of=dt.date(2024, 12, 31), gap_days=gap_days)
    assert counts["n"].sum() == found["first"].sum()
    assert (counts["time"] >= counts["event"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"as_of": dt.date(2023, 1, 1)}, "must be on or after the first spell, 2024-01-10"),
        ({"as_of": "2024-06-30"}, "as_of == '2024-06-30', must be a date"),
        ({"gap_days": 40}, "gap_days == 40, must be <= 27"),
        ({"default_billing_period": "week"}, "must be one of 'month', 'quarter', 'year'"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(OpskitError) as refused:
        subscriptions.durations(HAND, **{"as_of": AS_OF, **change})
    assert message in str(refused.value)


def test_unusable_tables_are_told() -> None:
    with pytest.raises(OpskitError, match="subscriptions has no rows"):
        subscriptions.durations(HAND.iloc[:0], as_of=AS_OF)
    with pytest.raises(OpskitError, match="billing_period == 'fortnight', must be one of"):
        subscriptions.durations(HAND.assign(billing_period="fortnight"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="must hold dates"):
        subscriptions.durations(HAND.assign(ended_at="2024-06-01"), as_of=AS_OF)
    with pytest.raises(OpskitError, match="subscriptions lacks 'plan'"):
        subscriptions.durations(HAND.drop(columns="plan"), as_of=AS_OF)
