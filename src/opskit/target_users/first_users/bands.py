"""Columns cut into a few bands each: the words in which likeness is learnt, told and explained."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN, OTHER, GIVEN = "not known", "other", "given"
QUARTERS = (0.25, 0.5, 0.75)
_NUMBERS_FROM = 0.9  # of the texts must be numbers for a column to be one
_MOST_VALUES, _LEAST_SHARE = 12, 0.05  # of a text: more values, or rarer ones, count as "other"


def prepared(column: "pd.Series[Any]", began: "pd.Series[Any]") -> "pd.Series[Any]":
    """Dates as days after the beginning, numbers as they are, texts as texts.

    Args:
        column: Of one row per account.
        began: The day it began.
    """
    import datetime as dt

    import pandas as pd

    there = column.dropna()
    if pd.api.types.is_datetime64_any_dtype(column) or (len(there) and isinstance(there.iloc[0], dt.date)):
        return (pd.to_datetime(column) - pd.to_datetime(began)).dt.total_seconds() // 86_400
    if pd.api.types.is_bool_dtype(column):
        return column.map({True: "yes", False: "no"}).astype("object")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype("object").map(str, na_action="ignore")
    number = pd.to_numeric(text, errors="coerce")
    if len(there) and number.notna().sum() >= _NUMBERS_FROM * len(there):
        return number.astype(float)
    return text


class Bands:
    """Cuts columns into bands: numbers by quarters of the accounts learnt from, texts by value.

    Attributes:
        limits_: By number column, the upper ends of its bands but the last.
        values_: By text column, its values that are not rare.
    """

    limits_: dict[str, list[float]]
    values_: dict[str, list[str]]

    def fit(self, table: "pd.DataFrame") -> "Bands":
        """Learn the bands.

        Args:
            table: One row per account learnt from, columns from `prepared`.
        """
        import pandas as pd

        self.limits_, self.values_ = {}, {}
        for name in map(str, table):
            column = table[name]
            if pd.api.types.is_numeric_dtype(column):
                there = column.dropna()
                cuts = sorted(set(there.quantile(list(QUARTERS), interpolation="lower"))) if len(there) else []
                self.limits_[name] = [float(cut) for cut in cuts if len(there) and cut < there.max()]
                continue
            counts = column.value_counts()
            few = counts[counts >= max(_LEAST_SHARE * len(column), 2)].head(_MOST_VALUES)
            # Names and ids have many values: only whether there is one says something.
            many = len(counts) > 3 * _MOST_VALUES and few.sum() < counts.sum() / 2
            self.values_[name] = [] if many else sorted(map(str, few.index))
        return self

    def transform(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """The bands of each account: text, never missing.

        Args:
            table: As for `fit`.
        """
        import pandas as pd

        return pd.DataFrame({name: self._band(name, table[name]) for name in map(str, table)}, index=table.index)

    def _band(self, name: str, column: "pd.Series[Any]") -> "pd.Series[Any]":
        import numpy as np
        import pandas as pd

        if name in self.values_:
            kept = self.values_[name]
            band = column.where(column.isin(kept), OTHER) if kept else column.where(column.isna(), GIVEN)
            return band.where(column.notna(), UNKNOWN).astype("object")
        limits = self.limits_[name]
        labels = np.array([*_labels(limits), UNKNOWN], dtype=object)
        value = column.to_numpy(dtype=float)
        place = np.where(np.isnan(value), len(labels) - 1, np.searchsorted(limits, value, side="left"))
        return pd.Series(labels[place], index=column.index, dtype="object")


def _labels(limits: list[float]) -> list[str]:
    """Bands of a number by their upper ends: "up to 2", "above 2, up to 5", "above 5".

    >>> _labels([2.0, 5.0])
    ['up to 2', 'above 2 up to 5', 'above 5']
    """
    if not limits:
        return [GIVEN]
    ends = [f"{limit:.4g}" for limit in limits]
    between = [f"above {low} up to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *between, f"above {ends[-1]}"]
