"""Customers with the same history counted once: what fitting and predicting work on."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_BROKEN = {  # what a history may not be: in words, and as a test of the table of histories
    "a missing frequency, recency or T": lambda t: t[["frequency", "recency", "T"]].isna().any(axis=1),
    "a negative frequency, recency or T": lambda t: (t[["frequency", "recency", "T"]] < 0).any(axis=1),
    "a frequency that is not a whole number": lambda t: t["frequency"] % 1 != 0,
    "recency above T": lambda t: t["recency"] > t["T"],
    "recency above 0 with frequency 0": lambda t: (t["frequency"] == 0) & (t["recency"] > 0),
    "an infinite T": lambda t: t["T"] == float("inf"),
}


class Histories(NamedTuple):
    """Distinct histories, one entry each.

    Attributes:
        frequency: Order days after the first.
        recency: Time from the first to the last order day.
        T: Time observed.
        n: Customers with this history.
        value: Sum of their mean values, those without a repeat order left out.
        value_square: Sum of the squares.
    """

    frequency: "Vector"
    recency: "Vector"
    T: "Vector"
    n: "Vector"
    value: "Vector"
    value_square: "Vector"


def distinct(summary: Any, unit_days: int, *, values: bool = False) -> Histories:
    """The distinct histories of a summary, counted in the engine.

    Args:
        summary: As `lifetime_value.summary` gives it, or any frame with frequency, recency and T, and n where a row
            stands for several customers.
        unit_days: Days per unit of recency and T that the caller expects.
        values: Sum mean_value too.

    Raises:
        OpskitError: A column is missing, there are no rows, the unit is another, or histories are impossible.
    """
    wanted = ("frequency", "recency", "T", *(("mean_value",) if values else ()))
    lf = frames.lazy(summary, *wanted, table="summary")
    weight = row_weight(lf)
    value = nw.col("mean_value").cast(nw.Float64).fill_null(0.0).fill_nan(0.0) if values else nw.lit(0.0)
    unit = nw.col("unit_days") if "unit_days" in lf.collect_schema().names() else nw.lit(unit_days)
    table = frames.collect(
        lf.select(
            *(nw.col("frequency", "recency", "T").cast(nw.Float64),), value.alias("value"), weight, unit.alias("unit")
        )
        .with_columns(
            (nw.col("value") * nw.col("n")).alias("sum"), (nw.col("value") ** 2 * nw.col("n")).alias("square")
        )
        .group_by("frequency", "recency", "T")
        .agg(nw.col("n", "sum", "square").sum(), nw.col("unit").min(), nw.col("unit").max().alias("unit_max"))
    )
    _refuse(table, unit_days)
    # Sorted, so that sums do not depend on the order in which an engine returns its groups.
    table = table.sort_values(["frequency", "T", "recency"])
    columns = ("frequency", "recency", "T", "n", "sum", "square")
    return Histories(*(table[column].to_numpy(dtype=float) for column in columns))


def row_weight(lf: nw.LazyFrame[Any]) -> nw.Expr:
    """How many customers a row stands for."""
    weight = nw.col("n").cast(nw.Float64) if "n" in lf.collect_schema().names() else nw.lit(1.0)
    return weight.alias("n")


def _refuse(table: "pd.DataFrame", unit_days: int) -> None:
    """Refuse what no model may be asked about."""
    if not len(table):
        raise OpskitError("summary has no rows; at least one customer is needed. Check as_of and what was filtered.")
    for found in (table["unit"].min(), table["unit_max"].max()):
        if found != unit_days:
            raise OpskitError(
                f"summary is in units of {found:g} days, the model in units of {unit_days}. "
                "Give summary and model the same time_unit."
            )
    if not (table["n"] > 0).all():
        raise OpskitError("summary has rows whose n is not above 0; n says how many customers a row stands for.")
    for what, test in _BROKEN.items():
        broken = test(table)
        if broken.any():
            example = table.loc[broken, ["frequency", "recency", "T"]].iloc[0].to_dict()
            row = ", ".join(f"{name} == {value:g}" for name, value in example.items())
            raise OpskitError(
                f"summary has {int(table.loc[broken, 'n'].sum()):,} customers with {what} ({row}). "
                "Check the dates of their orders; lifetime_value.summary makes none of these."
            )
