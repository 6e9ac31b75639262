import datetime as dt

import pandas as pd
import pytest

from opskit import customers, frames

AS_OF = dt.date(2025, 12, 31)


def found(table, as_of=AS_OF):
    rows = frames.collect(customers.suppressed(table, as_of=as_of))
    return sorted(rows.itertuples(index=False, name=None))


def test_what_is_in_force_after_the_day(engine):
    day = pd.to_datetime
    table = pd.DataFrame(
        [
            ("always", "sms", None, None),
            ("every medium", None, day("2025-01-01"), None),
            ("every medium too", "", day("2025-01-01"), None),
            ("spelled otherwise", " SMS ", None, day("2026-01-01")),
            ("begins that evening", "sms", day("2025-12-31 23:59"), None),
            ("over", "sms", None, day("2025-12-31")),
            ("over that evening", "sms", None, day("2025-12-31 23:59")),
            ("not known yet", "sms", day("2026-01-01"), None),
        ],
        columns=["customer_id", "medium", "since", "until"],
    )
    assert found(engine(table.astype({"since": "datetime64[us]", "until": "datetime64[us]"}))) == [
        ("always", "sms"),
        ("begins that evening", "sms"),
        ("every medium", ""),
        ("every medium too", ""),
        ("spelled otherwise", "sms"),
    ]


def test_ids_alone_are_suppressed_everywhere_and_always(engine):
    assert found(engine(pd.DataFrame({"customer_id": ["a", "b"]}))) == [("a", ""), ("b", "")]


@pytest.mark.parametrize("days", [0, 1, 40])
def test_whoever_is_suppressed_without_an_end_stays_so(days):
    table = pd.DataFrame({"customer_id": ["a"], "since": pd.to_datetime(["2025-12-31"])})
    assert found(table, AS_OF + dt.timedelta(days=days)) == [("a", "")]
