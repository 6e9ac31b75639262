"""Customers with the same history counted once: what fitting and predicting work on."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]


class Histories(NamedTuple):
    """Distinct histories, one entry each, ordered by frequency, T and recency.

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
    import numpy as np

    lf = frames.lazy(summary, "frequency", "recency", "T", *(("mean_value",) if values else ()), table="summary")
    weighted = "n" in lf.collect_schema().names()
    rows = lf.with_columns(nw.col("frequency", "recency", "T", *(("n",) if weighted else ())).cast(nw.Float64))
    sums = [nw.col("n").sum() if weighted else nw.len().alias("n")]
    if "unit_days" in lf.collect_schema().names():
        sums.append(nw.col("unit_days").max().alias("unit"))
    if values:
        mean, weight = nw.col("mean_value").cast(nw.Float64).fill_null(0.0).fill_nan(0.0), row_weight(lf)
        rows = rows.with_columns((mean * weight).alias("sum"), (mean * mean * weight).alias("square"))
        sums.append(nw.col("sum", "square").sum())
    table = frames.collect(rows.group_by("frequency", "recency", "T").agg(*sums))
    x, recency, T, n = (table[column].to_numpy(dtype=float) for column in ("frequency", "recency", "T", "n"))
    _refuse(table, unit_days)
    _refuse_impossible(x, recency, T, n)
    both = (table[column].to_numpy(dtype=float) if values else np.zeros(len(x)) for column in ("sum", "square"))
    # Ordered, so that an engine that returns its groups in any order still gives the same digits.
    order = np.lexsort((recency, T, x))
    return Histories(*(column[order] for column in (x, recency, T, n, *both)))


def row_weight(lf: nw.LazyFrame[Any]) -> nw.Expr:
    """How many customers a row stands for."""
    weight = nw.col("n").cast(nw.Float64) if "n" in lf.collect_schema().names() else nw.lit(1.0)
    return weight.alias("n")


def _refuse(table: "pd.DataFrame", unit_days: int) -> None:
    """Refuse what no model may be asked about."""
    if not len(table):
        raise OpskitError("summary has no rows; at least one customer is needed. Check as_of and what was filtered.")
    if "unit" in table and not (table["unit"] == unit_days).all():
        other = table.loc[table["unit"] != unit_days, "unit"].iloc[0]
        raise OpskitError(
            f"summary is in units of {other:g} days, the model in units of {unit_days}. "
            "Give summary and model the same time_unit."
        )


def _refuse_impossible(x: "Vector", recency: "Vector", T: "Vector", n: "Vector") -> None:
    """Refuse histories that no order dates can give."""
    import numpy as np

    if not (n > 0).all():
        raise OpskitError("summary has rows whose n is not above 0; n says how many customers a row stands for.")
    with np.errstate(invalid="ignore"):
        broken = {
            "a missing frequency, recency or T": np.isnan(x + recency + T),
            "a negative frequency, recency or T": (x < 0) | (recency < 0) | (T < 0),
            "a frequency that is not a whole number": x != np.floor(x),
            "recency above T": recency > T,
            "recency above 0 with frequency 0": (x == 0) & (recency > 0),
            "an infinite T": np.isinf(T),
        }
    for what, rows in broken.items():
        if rows.any():
            place = int(np.flatnonzero(rows)[0])
            raise OpskitError(
                f"summary has {n[rows].sum():,.0f} customers with {what} (frequency == {x[place]:g}, "
                f"recency == {recency[place]:g}, T == {T[place]:g}). Check the dates of their orders; "
                "lifetime_value.summary makes none of these."
            )
