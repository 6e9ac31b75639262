"""The page's key figures in one table, and its decision in sentences."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FILES = {
    "complete": "Customer files complete",
    "updated": "Customer files up to date",
    "one_owner": "Customer files with exactly one owner",
    "has_order": "Customer files with an order",
    "has_event": "Customer files with an event",
}


def key_figures(
    used: "pd.DataFrame",
    violations: "pd.DataFrame",
    columns: "pd.DataFrame",
    daily: "pd.DataFrame",
    gaps: "pd.DataFrame",
    repeated: "pd.DataFrame",
    files: "pd.DataFrame | None" = None,
) -> "pd.DataFrame":
    """One row per key figure; all are counts of every row, so none has an interval.

    Args:
        used: Of ``ds.used()``.
        violations: Of ``ds.check()``.
        columns: Of ``by_column``.
        daily: Of ``daily_rows``.
        gaps: Of ``gaps``.
        repeated: Of ``repeated``.
        files: Of ``customer_files``; None without a table customers.

    Returns:
        name, value, low and high (missing), n (rows, columns, days or customers looked at), unit.
    """
    import pandas as pd

    rows, read = int(used["rows_used"].sum()), int(used["rows_read"].sum())
    lost = violations[violations["severity"] == "excluded"]
    errors = violations[violations["severity"] == "error"]
    alike = repeated[repeated["same"] == "every column"]
    table: list[tuple[str, float, int, str]] = [
        ("Rows used", rows, read, "rows"),
        ("Rows left out that nobody asked to leave out", int(lost["rows"].fillna(0).sum()), read, "rows"),
        ("Contradictions", int(errors["rows"].sum()), rows, "findings"),
        ("Columns with empty cells", int((columns["share"] < 1).sum()), len(columns), "columns"),
        (
            "Unexpected days without rows",
            int(gaps.loc[gaps["unexpected"], "days"].sum()),
            len(daily),
            "days",
        ),
        ("Rows that repeat another in every column", int(alike["repeated"].sum()), int(alike["rows"].sum()), "rows"),
    ]
    if files is not None:
        table += [(_FILES[row["measure"]], row["share"], row["n"], "share") for row in files.to_dict("records")]
    result = pd.DataFrame(table, columns=["name", "value", "n", "unit"])
    result[["low", "high"]] = float("nan")
    return result[["name", "value", "low", "high", "n", "unit"]]


def decisions(priorities: "pd.DataFrame") -> list[str]:
    """What to mend first, as sentences.

    Args:
        priorities: Of ``priorities``.
    """
    if priorities.empty:
        return ["Nothing to mend was found: the other pages can be read as they are."]
    return [
        f"**{row['table']}: {row['what']}** ({_rows(row)}{row['kind']}): {row['matters']}. {row['remedy']}"
        for row in priorities.to_dict("records")
    ]


def _rows(row: dict[Hashable, Any]) -> str:
    import pandas as pd

    count = pd.to_numeric(pd.Series([row["rows"]])).iloc[0]
    return "" if pd.isna(count) else f"{int(count):,} row{'' if count == 1 else 's'}, "
