"""How much of each column is filled in, by month, so that a column that stops being filled is seen."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import contract
from opskit.errors import check
from opskit.frames import collect, lazy, month_index
from opskit.stats import wilson

if TYPE_CHECKING:
    import pandas as pd

    from opskit.dataset import Dataset

_UNDATED = -1  # month of rows without a date: engines group missing values in different ways


def completeness(ds: "Dataset") -> "pd.DataFrame":
    """Rows and filled cells of every column by month, in one aggregate per table.

    Args:
        ds: The dataset.

    Returns:
        table, column, month (first day; of the table's clock, for customers of the sign-up; missing where there is
        none), rows, present (cells that are neither missing nor blank).

    Assumes the tables as opened: rows that opening left out are in ``ds.exclusions()``, not here.
    """
    import pandas as pd

    found = [_filled(name, getattr(ds, name)) for name in ds.tables]
    return pd.concat(found, ignore_index=True)


def by_column(filled: "pd.DataFrame") -> "pd.DataFrame":
    """Completeness of each column over all months.

    Args:
        filled: Of ``completeness``.

    Returns:
        table, column, required (by the contract), rows, present, share (nan for a table without rows).
    """
    sums = filled.groupby(["table", "column"], sort=False)[["rows", "present"]].sum().reset_index()
    required = [
        column in contract.table(name).required for name, column in zip(sums["table"], sums["column"], strict=True)
    ]
    sums.insert(2, "required", required)
    return sums.assign(share=sums["present"] / sums["rows"].where(sums["rows"] > 0))


def stopped(
    filled: "pd.DataFrame", *, drop: float = 0.1, last_months: int = 1, confidence: float = 0.95
) -> "pd.DataFrame":
    """Columns that are filled clearly less in the last months than before.

    Args:
        filled: Of ``completeness``.
        drop: Smallest fall of the share that counts.
        last_months: How many of a table's last months to hold against all earlier ones.
        confidence: Coverage of the two Wilson intervals, which must not touch.

    Returns:
        table, column, since (first of the last months), before, after (shares), rows (of the last months); largest fall
        first.

    Assumes a cell is filled when its row appears. A column that is filled later by nature (when a refund was paid)
    falls at the end of every export; the smallest fall keeps rare ones out.
    """
    check(drop, "drop", gt=0, lt=1)
    check(last_months, "last_months", ge=1)
    dated = filled.dropna(subset="month")
    place = dated.groupby("table")["month"].rank("dense", ascending=False)
    keys = ["table", "column"]
    now = dated[place <= last_months].groupby(keys)
    now = now.agg(since=("month", "min"), rows=("rows", "sum"), present=("present", "sum"))
    then = dated[place > last_months].groupby(keys)[["rows", "present"]].sum()
    both = now.join(then.add_suffix("_before"), how="inner").reset_index()
    both["before"] = both["present_before"] / both["rows_before"]
    both["after"] = both["present"] / both["rows"]
    low, _ = wilson(both["present_before"], both["rows_before"], confidence=confidence)
    _, high = wilson(both["present"], both["rows"], confidence=confidence)
    fell = (both["before"] - both["after"] >= drop) & (high < low)
    result = both.assign(fall=both["before"] - both["after"])[fell].sort_values("fall", ascending=False)
    return result[[*keys, "since", "before", "after", "rows"]].reset_index(drop=True)


def clock(name: str, columns: "list[str]") -> str:
    """The column that dates a table's rows; '' when it has none. A customer's row is dated by the sign-up."""
    found = contract.table(name).clock or ("signed_up_at" if name == "customers" else "")
    return found if found in columns else ""


def present(column: str, kind: Any) -> nw.Expr:
    """1 where the cell holds something, 0 where it is missing or blank."""
    filled = ~nw.col(column).is_null()
    if kind == nw.String:
        filled = filled & (nw.col(column).str.strip_chars().str.len_chars() > 0)
    return filled.fill_null(False).cast(nw.Int64)


def _filled(name: str, frame: Any) -> "pd.DataFrame":
    import pandas as pd

    rows = lazy(frame, table=name)
    schema = dict(rows.collect_schema())
    dated = clock(name, list(schema))
    month = nw.lit(_UNDATED)
    if dated:  # a missing time has no month on pandas, so it is given one, and taken out again
        some_day = dt.date(1970, 1, 1) if schema[dated] == nw.Date else dt.datetime(1970, 1, 1)
        rows = rows.with_columns(
            nw.col(dated).fill_null(some_day).alias("_day"), (~nw.col(dated).is_null()).alias("_dated")
        )
        month = nw.when("_dated").then(month_index("_day")).otherwise(nw.lit(_UNDATED))
    cells = [present(column, kind).alias(f"c{place}") for place, (column, kind) in enumerate(schema.items())]
    sums = collect(
        rows.select(month.alias("month"), *cells)
        .group_by("month")
        .agg(nw.len().alias("rows"), *(nw.col(f"c{place}").sum() for place in range(len(cells))))
    )
    sums = sums.sort_values("month")
    months = [
        pd.NaT if index == _UNDATED else pd.Timestamp(year=int(index) // 12, month=int(index) % 12 + 1, day=1)
        for index in sums["month"]
    ]
    shared = {"month": pd.Series(months, index=sums.index, dtype="datetime64[us]"), "rows": sums["rows"]}
    parts = [
        pd.DataFrame({"table": name, "column": column, **shared, "present": sums[f"c{place}"]})
        for place, column in enumerate(schema)
    ]
    return pd.concat(parts, ignore_index=True).astype({"rows": "int64", "present": "int64"})
