"""Which row of the plan each customer belongs to: the first, by priority, whose rule the customer meets."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError
from opskit.incentives.plan import rules

if TYPE_CHECKING:
    import pandas as pd


def rule_of(row: Any) -> str:
    """The rule of a row, written or meant: without one, the customer's own segment has the row's name."""
    return row["who"] or f'segment == "{row["segment"]}"'


def wanted(plan: "pd.DataFrame") -> list[str]:
    """Names that the rules use, and columns that hold addresses."""
    named = [name for row in plan.to_dict("records") for name in rules.parse(rule_of(row)).names]
    return list(dict.fromkeys([*named, *(name for name in plan["address"] if name)]))


def still_open(plan: "pd.DataFrame", *, as_of: dt.date) -> list[int]:
    """Places of the rows that are not over on the day: their last day, if any, lies after it."""
    frames.day_number(as_of)
    return [place for place, until in enumerate(plan["until"]) if until is None or until > as_of]


def claimed(lf: nw.LazyFrame[Any], plan: "pd.DataFrame", *, rows: Sequence[int]) -> nw.LazyFrame[Any]:
    """Every customer with the rows that fit.

    Args:
        lf: From `known`.
        plan: From `given_plan`.
        rows: Places of the rows that may claim somebody, from `still_open`.

    Returns:
        The frame with place (of the first row that fits; -1: none does) and fits (a bit for each row that does).

    Raises:
        OpskitError: A rule names what is not known of customers; names the row.
    """
    schema = lf.collect_schema()
    place, fits = nw.lit(-1), nw.lit(0, dtype=nw.Int64)
    for row in reversed(rows):
        meets = _condition(plan.iloc[row], schema)
        if meets is not None:
            place = nw.when(meets).then(nw.lit(row)).otherwise(place)
            fits = fits + nw.when(meets).then(nw.lit(1 << row, dtype=nw.Int64)).otherwise(nw.lit(0, dtype=nw.Int64))
    # A literal selected alone would be one row on some engines.
    return lf.with_columns(
        (0 * nw.col("orders") + place).cast(nw.Int64).alias("place"), (0 * nw.col("orders") + fits).alias("fits")
    )


def _condition(row: Any, schema: Any) -> nw.Expr | None:
    """None where the row goes by the customers' own segment and nothing names it."""
    if not row["who"] and "segment" not in schema:
        return None
    try:
        return rules.condition(rules.parse(rule_of(row)), schema)
    except OpskitError as error:
        raise OpskitError(f"incentive_plan: who of {row['row']!r}: {error}") from error
