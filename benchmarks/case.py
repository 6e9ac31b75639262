"""What is timed: one function, the same work written by hand, and how their answers are known to be equal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol, cast

import duckdb
import pandas as pd


@dataclass(frozen=True)
class Case:
    """Two or three ways to the same answer.

    Args:
        ours: The function as a page calls it.
        by_hand: DuckDB SQL for the same answer, written by hand, run to its result.
        same: Fails where the answers differ; given ours, by_hand and, where there is one, as_people_do.
        as_people_do: The same from pandas, the way people write it, reading the file included.
    """

    ours: Callable[[], Any]
    by_hand: Callable[[], Any]
    same: Callable[..., None] = field(repr=False)
    as_people_do: Callable[[], Any] | None = None


class Group(Protocol):
    """A module of `benchmarks.cases`."""

    ROWS: str
    """Table whose rows are counted."""
    TABLES: Mapping[str, str]
    """Columns of each table that both sides may read, as a select list."""

    @staticmethod
    def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
        """Cases by name, over views named as the tables."""
        ...


def groups() -> dict[str, Group]:
    """All modules of `benchmarks.cases` by name."""
    import importlib
    import pkgutil

    from benchmarks import cases

    def one(name: str) -> ModuleType:
        return importlib.import_module(f"benchmarks.cases.{name}")

    return {info.name: cast(Group, one(info.name)) for info in pkgutil.iter_modules(cases.__path__)}


def same_sums(ours: pd.DataFrame, by_hand: pd.DataFrame, *, by: Sequence[str] = ()) -> None:
    """Fails unless all columns of by_hand have the same sums in both, by the keys: counts equal, others to 1e-9."""
    keys, columns = list(by), [name for name in by_hand if name not in by]
    found, theirs = (
        table.groupby(keys)[columns].sum() if keys else table[columns].sum().to_frame().T for table in (ours, by_hand)
    )
    assert len(theirs)
    assert (theirs.abs().sum() > 0).all(), "a column that is 0 throughout compares nothing"
    options = {"check_dtype": False, "check_index_type": False, "check_column_type": False}
    pd.testing.assert_frame_equal(found.astype(float), theirs.astype(float), rtol=1e-9, atol=1e-9, **options)
