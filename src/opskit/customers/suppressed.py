"""Customers who are not to be contacted."""

import datetime as dt
from typing import Any

import narwhals as nw

from opskit import frames
from opskit.customers.history import on_or_before


def suppressed(suppressions: Any, *, as_of: dt.date) -> nw.LazyFrame[Any]:
    """The suppressions in force once as_of is over, when a list made on it is used.

    Args:
        suppressions: Any engine's frame with customer_id; medium, since and until where they are there.
        as_of: Last day that is known, inclusive. What ends on it is over, what begins later is not known yet.

    Returns:
        A Narwhals lazy frame: customer_id, medium (in lower case, without blanks around; ``""``: every medium).

    Raises:
        OpskitError: A column is missing.

    >>> import pandas as pd
    >>> until = pd.to_datetime([None, "2025-12-31", "2026-01-01"])
    >>> table = pd.DataFrame({"customer_id": ["A", "B", "C"], "medium": [" SMS", "sms", None], "until": until})
    >>> suppressed(table, as_of=dt.date(2025, 12, 31)).collect().rows()
    [('A', 'sms'), ('C', '')]
    """
    lf = frames.lazy(suppressions, "customer_id", table="suppressions")
    columns = lf.collect_schema().names()
    if "since" in columns:
        lf = lf.filter(nw.col("since").is_null() | on_or_before(lf, as_of, "since"))
    if "until" in columns:
        lf = lf.filter(nw.col("until").is_null() | ~on_or_before(lf, as_of, "until"))
    if "medium" not in columns:
        return lf.select("customer_id", nw.lit("").alias("medium"))
    medium = nw.col("medium").cast(nw.String).str.strip_chars().str.to_lowercase().fill_null("")
    return lf.select("customer_id", medium.alias("medium"))
