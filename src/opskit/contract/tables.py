"""The data contract as data: tables, their columns and rules, read once from tables.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from opskit.errors import OpskitError, did_you_mean

Kind = Literal["id", "text", "time", "amount", "number", "flag"]


@dataclass(frozen=True)
class Column:
    """One column of the contract."""

    name: str
    kind: Kind
    about: str
    required: bool = False
    min: float | None = None
    max: float | None = None
    after: str | None = None
    not_below: str | None = None
    reveals: tuple[str, ...] | None = None
    product_of: tuple[str, ...] = ()
    not_sales: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Table:
    """One table of the contract."""

    name: str
    row: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    clock: str | None = None
    fact: bool = False
    in_waves: bool = False
    worksheet: bool = False
    design: bool = False
    own_columns: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(name for name, column in self.columns.items() if column.required)


@cache
def tables() -> Mapping[str, Table]:
    """Every table of the contract by name.

    >>> tables()["orders"].required
    ('customer_id', 'ordered_at', 'revenue')
    """
    text = resources.files(__package__).joinpath("tables.toml").read_text(encoding="utf-8")
    return {name: _table(name, spec) for name, spec in tomllib.loads(text).items()}


def table(name: str) -> Table:
    """One table of the contract.

    Raises:
        OpskitError: There is no table of that name.
    """
    if name not in tables():
        raise OpskitError(
            f"{name!r} is not a table of the contract; those are {', '.join(tables())}.{did_you_mean(name, tables())}"
        )
    return tables()[name]


def _table(name: str, spec: dict[str, Any]) -> Table:
    columns = {column: Column(name=column, **_frozen(options)) for column, options in spec.pop("columns").items()}
    return Table(name=name, columns=columns, **_frozen(spec))


def _frozen(options: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}


def normalized(name: str) -> str:
    """A header without case, blanks, punctuation and bracketed units.

    >>> normalized("Order_Date "), normalized("买家实际支付金额（元）")
    ('orderdate', '买家实际支付金额')
    """
    folded = unicodedata.normalize("NFKC", name).lower()
    without_units = re.sub(r"\([^)]*\)|\[[^]]*\]", "", folded) or folded
    return re.sub(r"[\W_]+", "", without_units)
