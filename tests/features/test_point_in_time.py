"""Features know nothing of later days, and are the same on every engine."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opskit
from opskit import OpskitError, features, frames

CUT = dt.date(2024, 3, 31)
DAYS = [f"2024-{day}" for day in ("01-01", "03-01", "03-02 23:59", "03-31 23:59", "04-01")]
ORDERS = pd.DataFrame(
    {
        "customer_id": ["A", "A", "A", "B", "B"],
        "ordered_at": pd.to_datetime(DAYS, format="mixed"),
        "revenue": [10.0, 20.0, 30.0, 5.0, 1000.0],
    }
)
EVENTS = pd.DataFrame(
    {
        "customer_id": ["A", "A", "B", "B", "C"],
        "event": ["visit", "browse", "visit", "visit", "visit"],
        "occurred_at": pd.to_datetime(["2024-01-05", "2024-03-20", "2024-03-25", "2024-04-02", "2024-03-30"]),
    }
)


def known(orders: Any, events: Any = None, **options: Any) -> pd.DataFrame:
    table = features.point_in_time(orders, as_of=CUT, events=events, windows_days=(30, 90), **options)
    found = frames.collect(frames.lazy(table, table="features"))
    return found.sort_values("customer_id").set_index("customer_id")


def test_a_table_worked_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    """The 30 days to 31 March begin on 2 March, the 90 on 2 January, the 90 before that reach back to October."""
    table = known(engine(ORDERS), engine(EVENTS))
    expected = {
        "orders": (3, 1),
        "revenue": (60.0, 5.0),
        "mean_order_value": (20.0, 5.0),
        "tenure_days": (90, 0),
        "days_since_last_order": (29, 0),
        "mean_gap_days": (30.5, np.nan),
        "overdue": (29 / 30.5, np.nan),
        "orders_30d": (1, 1),
        "revenue_30d": (30.0, 5.0),
        "orders_90d": (2, 1),
        "orders_change_30d": (0, 1),  # A ordered on 1 March, in the window before
        "orders_change_90d": (1, 1),
        "events_30d": (1, 1),
        "visit_30d": (0, 1),
        "visit_90d": (1, 1),
        "browse_30d": (1, 0),
        "days_since_last_event": (11, 6),
    }
    assert list(table.index) == ["A", "B"]  # C never ordered
    for name, (a, b) in expected.items():
        np.testing.assert_allclose(table[name].astype(float), [a, b], err_msg=name)
    assert set(expected) | {"browse_90d", "events_90d", "revenue_90d"} == set(table.columns)


def test_orders_alone_give_the_columns_of_orders(engine: Callable[[pd.DataFrame], Any]) -> None:
    both, alone = known(engine(ORDERS), engine(EVENTS)), known(engine(ORDERS))
    assert not [name for name in alone if "event" in name or "visit" in name]
    pd.testing.assert_frame_equal(alone, both[alone.columns])


def test_the_kind_of_frame_that_went_in_comes_out(engine: Callable[[pd.DataFrame], Any]) -> None:
    orders = engine(ORDERS)
    expected = type(engine(ORDERS.head(1))) if "pyarrow" not in type(orders).__module__ else None
    found = features.point_in_time(orders, as_of=CUT)
    assert expected is None or type(found) is expected


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 400), st.integers(0, 9)), max_size=30))
def test_what_happens_later_changes_nothing(later: list[tuple[str, int, int]]) -> None:
    """Rows after the cut-off, of whomever and however many, leave every feature as it is."""
    days = [pd.Timestamp(CUT) + pd.Timedelta(days=day) for _, day, _ in later]
    who, amounts = [row[0] for row in later], [float(row[2]) for row in later]
    orders = pd.DataFrame({"customer_id": who, "ordered_at": days, "revenue": amounts}).astype(ORDERS.dtypes)
    events = pd.DataFrame({"customer_id": who, "event": "visit", "occurred_at": days}).astype(EVENTS.dtypes)
    grown = known(pd.concat([ORDERS, orders]), pd.concat([EVENTS, events]))
    pd.testing.assert_frame_equal(grown, known(ORDERS, EVENTS))


def test_the_outcome_begins_the_day_after(engine: Callable[[pd.DataFrame], Any]) -> None:
    found = features.outcome(engine(ORDERS), after=CUT, horizon_days=30, as_of=dt.date(2024, 4, 30))
    table = frames.collect(frames.lazy(found, table="outcome"))
    assert table.to_dict("records") == [{"customer_id": "B", "orders_after": 1, "revenue_after": 1000.0}]


def test_features_and_outcome_together_hold_every_order_once() -> None:
    ds = opskit.open("shop")
    cut = dt.date(2025, 9, 30)
    before = frames.collect(frames.lazy(features.point_in_time(ds.orders, as_of=cut), table="features"))
    after = frames.collect(
        frames.lazy(features.outcome(ds.orders, after=cut, horizon_days=92, as_of=ds.as_of), table="outcome")
    )
    assert before["orders"].sum() + after["orders_after"].sum() == len(ds.orders)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"as_of": "2024-03-31"}, "as_of == '2024-03-31', must be a date"),
        ({"as_of": dt.date(2023, 1, 1)}, "must be on or after the first order"),
        ({"windows_days": ()}, "windows_days is empty"),
        ({"windows_days": (0,)}, "windows_days == 0, must be >= 1."),
        ({"windows_days": (1.5,)}, "windows_days == 1.5, must be a whole number of days."),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OpskitError) as refused:
        features.point_in_time(ORDERS, **{"as_of": CUT, **options})
    assert message in str(refused.value)


def test_an_outcome_that_is_not_over_is_refused() -> None:
    with pytest.raises(OpskitError, match="the outcome is not over yet"):
        features.outcome(ORDERS, after=CUT, horizon_days=31, as_of=dt.date(2024, 4, 30))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(OpskitError, match="events lacks 'event'"):
        features.point_in_time(ORDERS, as_of=CUT, events=EVENTS.drop(columns="event"))
