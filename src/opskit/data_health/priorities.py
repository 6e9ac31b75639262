"""What to fix first, computed from everything the page found."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {
    "rows left out": "every figure lacks these rows",
    "contradiction": "figures that use the column are wrong for these rows",
    "rows stopped arriving": "trends and cohorts show a fall that did not happen",
    "column stopped being filled": "splits by the column break from that month on",
    "rows repeat": "sums count these rows more than once",
    "odd values": "meant so, or a mistake of the export?",
    "column with holes": "splits by the column leave these rows out",
}


def priorities(
    violations: "pd.DataFrame",
    gaps: "pd.DataFrame",
    stopped: "pd.DataFrame",
    columns: "pd.DataFrame",
    repeated: "pd.DataFrame",
    *,
    most: int = 3,
    hole_share: float = 0.05,
    least_share: float = 0.001,
) -> "pd.DataFrame":
    """The most important things to fix, gravest kind first and, within a kind, the larger share of its table first.

    Kinds rank by what they do to figures: rows that are missing, then wrong values, then time series that break, then
    double counting, then what may be meant so. What touches next to no rows comes after all of them. A single score
    would hide which of these it is, so there is none.

    Args:
        violations: Of ``ds.check()``.
        gaps: Of ``gaps``.
        stopped: Of ``stopped``.
        columns: Of ``by_column``.
        repeated: Of ``repeated``.
        most: Rows to return.
        hole_share: A column with at least this share of empty cells is named, up to half of them empty.
        least_share: What touches a smaller share of its table's rows comes last.

    Returns:
        kind, table, what, rows, share (of the table's rows), matters, remedy; no rows when nothing is wrong.
    """
    import pandas as pd

    found = [*_from_violations(violations), *_from_gaps(gaps), *_from_stopped(stopped), *_from_repeated(repeated)]
    found += _from_holes(columns, hole_share)
    names = ["kind", "table", "what", "rows", "share", "remedy"]
    result = pd.DataFrame(found, columns=names).astype({"rows": "Int64", "share": float})
    result["rank"] = result["kind"].map({kind: place for place, kind in enumerate(_KINDS)})
    result["rank"] += (result["share"] < least_share) * len(_KINDS)
    result = result.sort_values(["rank", "share"], ascending=[True, False], kind="stable", na_position="first")
    result.insert(5, "matters", result["kind"].map(_KINDS))
    return result.drop(columns="rank").head(most).reset_index(drop=True)


def _from_violations(violations: "pd.DataFrame") -> list[tuple[Any, ...]]:
    kinds = {"excluded": "rows left out", "error": "contradiction", "warning": "odd values"}
    return [
        (
            kinds[row["severity"]],
            row["table"],
            f"{row['column']} {row['rule']}".strip() if row["severity"] != "excluded" else row["rule"],
            row["rows"],
            row["share"],
            row["remedy"],
        )
        for row in violations.to_dict("records")
        if row["severity"] != "filtered"
    ]


def _from_gaps(gaps: "pd.DataFrame") -> list[tuple[Any, ...]]:
    return [
        (
            "rows stopped arriving",
            row["table"],
            f"no rows from {row['first_day']} to {row['last_day']}, about {row['expected_rows']:,.0f} expected",
            round(row["expected_rows"]),
            float("nan"),
            "Ask who runs the export what happened on these days, and load them again.",
        )
        for row in gaps[gaps["unexpected"]].to_dict("records")
    ]


def _from_stopped(stopped: "pd.DataFrame") -> list[tuple[Any, ...]]:
    return [
        (
            "column stopped being filled",
            row["table"],
            f"{row['column']} filled in {row['after']:.0%} of rows since {row['since']:%Y-%m}, {row['before']:.0%} before",
            row["rows"],
            1 - row["after"],
            "Find what changed at the source in that month.",
        )
        for row in stopped.to_dict("records")
    ]


def _from_repeated(repeated: "pd.DataFrame") -> list[tuple[Any, ...]]:
    return [
        (
            "rows repeat",
            row["table"],
            f"rows alike in {row['same']}",
            row["repeated"],
            row["share"],
            "Add the row's number (such as order_id) to the export, so that repeats can be told from new rows.",
        )
        for row in repeated.to_dict("records")
        if row["repeated"] and row["same"] == "every column"
    ]


def _from_holes(columns: "pd.DataFrame", hole_share: float) -> list[tuple[Any, ...]]:
    # A column that most rows leave empty is mostly so by nature: who was invited, when a refund was paid.
    holes = columns[columns["share"].between(0.5, 1 - hole_share)]
    return [
        (
            "column with holes",
            row["table"],
            f"{row['column']} empty in {1 - row['share']:.0%} of rows",
            row["rows"] - row["present"],
            1 - row["share"],
            "Fill it at the source; where it is empty by nature, read splits by it as of the rest.",
        )
        for row in holes.to_dict("records")
    ]
