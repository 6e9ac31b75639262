"""Customers with the same history counted once: what fitting and predicting work on."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]


_NUMBER = "history_number"
_HISTORY = ["frequency", "recency", "T"]
_DAYS = 2**15  # 89 years
_MOST_DAYS = 2**22
_CACHED = 20_000  # customers numbered at once: several times faster while they stay in the processor's cache


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

    lf = frames.lazy(summary, *_HISTORY, *(("mean_value",) if values else ()), table="summary")
    weighted = "n" in lf.collect_schema().names()
    rows = lf.with_columns(nw.col("frequency", "recency", "T", *(("n",) if weighted else ())).cast(nw.Float64))
    sums = [nw.col("n").sum() if weighted else nw.len().alias("n")]
    if "unit_days" in lf.collect_schema().names():
        sums.append(nw.col("unit_days").max().alias("unit"))
    if values:
        mean, weight = nw.col("mean_value").cast(nw.Float64).fill_null(0.0).fill_nan(0.0), row_weight(lf)
        rows = rows.with_columns((mean * weight).alias("sum"), (mean * mean * weight).alias("square"))
        sums.append(nw.col("sum", "square").sum())
    table = _counted(rows, sums)
    x, recency, T, n = (table[column] for column in ("frequency", "recency", "T", "n"))
    _refuse(table, unit_days)
    _refuse_impossible(x, recency, T, n)
    both = (table[column] if values else np.zeros(len(x)) for column in ("sum", "square"))
    return Histories(x, recency, T, n, *both)


def _counted(rows: nw.LazyFrame[Any], sums: "list[nw.Expr]") -> "dict[str, Vector]":
    """The histories with their sums, ordered by frequency, T and recency: the same digits whatever the engine's order.

    Where customers are only counted, their days are brought to NumPy and sorted there as one number, in a fifth of the
    time of any engine's group-by; a cluster counts where the rows are.
    """
    import numpy as np

    names = rows.collect_schema().names()
    if len(sums) == 2 and "unit_days" in names and "n" not in names and not rows.implementation.is_pyspark():
        every = rows.select(*_HISTORY, nw.col("unit_days").cast(nw.Float64)).collect("pyarrow")
        frequency, recency, time, units = (every[name].to_numpy() for name in (*_HISTORY, "unit_days"))
        unit = float(units.max(initial=1.0))
        cached = (slice(first, first + _CACHED) for first in range(0, len(units), _CACHED))
        parts = [_number(frequency[part], recency[part] * unit, time[part] * unit) for part in cached]
        known = [part for part in parts if part is not None]
        if parts and len(known) == len(parts):
            found, n = _sorted_counts(np.concatenate(known))
            higher, recency = np.divmod(found, _DAYS)
            frequency, time = np.divmod(higher, _DAYS)
            return {
                "frequency": frequency,
                "recency": recency / unit,
                "T": time / unit,
                "n": n,
                "unit": np.array([unit]),
            }
    table = frames.collect(rows.group_by(*_HISTORY).agg(*sums)).sort_values(["frequency", "T", "recency"])
    return {str(name): column.to_numpy(dtype=float) for name, column in table.items()}


def _sorted_counts(number: "Vector") -> "tuple[Vector, Vector]":
    """The distinct numbers, sorted, and how often each is there.

    Most customers bought on one day only: they differ in T alone, and to count is faster than to sort.
    """
    import numpy as np

    again = number >= _DAYS**2
    once = number[~again].astype(np.int64)
    if (once % _DAYS).any():  # a recency without a repeat purchase, which is refused later
        found, n = np.unique(number, return_counts=True)
        return found, n.astype(float)
    by_time = np.bincount(once // _DAYS)
    times = np.flatnonzero(by_time)
    found, n = np.unique(number[again], return_counts=True)
    numbers = np.concatenate([times * float(_DAYS), found]).astype(float)
    return numbers, np.concatenate([by_time[times], n]).astype(float)


def _number(frequency: "Vector", recency_days: "Vector", time_days: "Vector") -> "Vector | None":
    """One number per history, exact in 52 bits; None where a history is impossible or not in whole days."""
    import numpy as np

    recency, time = np.rint(recency_days), np.rint(time_days)
    with np.errstate(invalid="ignore"):
        whole = [
            np.abs(recency - recency_days) < 1e-6,
            np.abs(time - time_days) < 1e-6,
            frequency == np.rint(frequency),
        ]
        inside = [values.min(initial=0) >= 0 for values in (frequency, recency, time)]
        inside += [max(recency.max(initial=0), time.max(initial=0)) < _DAYS, frequency.max(initial=0) < _MOST_DAYS]
    if not (all(inside) and all(part.all() for part in whole)):
        return None
    return (frequency * _DAYS + time) * _DAYS + recency


def with_history(
    summary: Any, histories: Histories, columns: "dict[str, Vector]", unit_days: int
) -> tuple[nw.LazyFrame[Any], list[str]]:
    """The summary with columns that follow from the history, joined in the engine, and the columns that name a row.

    Args:
        summary: As given to `distinct`.
        histories: Its distinct histories.
        columns: An entry per history.
        unit_days: Days per unit of recency and T.
    """
    import pandas as pd

    lf = frames.lazy(summary, *_HISTORY, table="summary").with_columns(nw.col(*_HISTORY).cast(nw.Float64))
    names = ["customer_id"] if "customer_id" in lf.collect_schema().names() else _HISTORY
    table, on = pd.DataFrame({name: getattr(histories, name) for name in _HISTORY}), _HISTORY
    number = _number(histories.frequency, histories.recency * unit_days, histories.T * unit_days)
    if number is not None:  # a join on one number takes half the time of one on three
        recency, time = ((nw.col(name) * unit_days).round(0) for name in ("recency", "T"))
        lf, on = lf.with_columns(((nw.col("frequency") * _DAYS + time) * _DAYS + recency).alias(_NUMBER)), [_NUMBER]
        table = pd.DataFrame({_NUMBER: number})
    return lf.join(frames.beside(lf, table.assign(**columns)), on=on, how="left"), names


def row_weight(lf: nw.LazyFrame[Any]) -> nw.Expr:
    """How many customers a row stands for."""
    weight = nw.col("n").cast(nw.Float64) if "n" in lf.collect_schema().names() else nw.lit(1.0)
    return weight.alias("n")


def _refuse(table: "dict[str, Vector]", unit_days: int) -> None:
    """Refuse what no model may be asked about."""
    if not len(table["n"]):
        raise OpskitError("summary has no rows; at least one customer is needed. Check as_of and what was filtered.")
    if "unit" in table and not (table["unit"] == unit_days).all():
        other = table["unit"][table["unit"] != unit_days][0]
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
