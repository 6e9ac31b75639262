"""A dataset: any of the contract's tables, cleaned, seen as of one day."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit import contract
from opskit.contract import mask
from opskit.dataset.config import Config, parse_day
from opskit.dataset.load import Exclusion
from opskit.dataset.spark import on_spark
from opskit.dataset.store import Store
from opskit.errors import MissingTableError, check, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

ENGINES = ("duckdb", "pandas", "polars", "pyarrow", "spark")


class Dataset:
    """Tables of one business, cleaned and cut at `as_of`.

    A table is an attribute: `ds.orders`, `ds.customers`, … in the engine's own kind of frame. Tables are read when
    first used. `orders` has one row per order.
    """

    def __init__(
        self,
        name: str,
        sources: Mapping[str, Any],
        config: Config,
        *,
        base: Path,
        engine: str = "duckdb",
        as_of: str | dt.date = "",
        where: Mapping[str, str] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        check(engine, "engine", among=ENGINES)
        self.name = name
        self.engine = engine
        self._given_as_of = parse_day(as_of) if as_of else None
        self._open_notes = tuple(notes)
        self._store = Store(name, sources, config, base=base, where=where or {})
        self._native: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in contract.tables():
            hint = did_you_mean(name, contract.tables())
            raise AttributeError(f"a dataset has no attribute or table {name!r}.{hint}")
        self.require(name)
        if name not in self._native:
            relation = self._store.relation(name, self.as_of)
            spark = self.engine == "spark"
            self._native[name] = (
                on_spark(relation, self._store.config.spark) if spark else _converted(relation, self.engine)
            )
        return self._native[name]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have a row up to `as_of` and within the filters, in the contract's order.

        Raises:
            OpskitError: No table of dated facts, such as orders, has any.
        """
        if not (self._given_as_of or self._store.config.as_of or self._store.filters):
            return self._given_tables
        left = tuple(name for name in self._given_tables if self._store.has_rows(name, self.as_of))
        facts = [name for name in self._given_tables if contract.table(name).fact]
        if facts and not set(facts) & set(left):
            self._store.relation(facts[0], self.as_of)  # raises, and says which days there are
        return left

    @property
    def _given_tables(self) -> tuple[str, ...]:
        there = set(self._store.sources) - self._store.absent
        return tuple(name for name in contract.tables() if name in there)

    def require(self, *names: str) -> None:
        """Refuse to go on without the tables.

        Raises:
            MissingTableError: Naming the table, what it holds and how to add it.
        """
        for name in names:
            table = contract.table(name)
            if name in self._store.absent:
                raise MissingTableError(
                    f"table {name} of {self.name} cannot be filtered by {self._store.told_filters}, so it is absent here."
                )
            if name not in self._store.sources:
                have = ", ".join(self.tables) or "none"
                raise MissingTableError(
                    f"{self.name} has no table {name} (one row per {table.row}); it has {have}. "
                    f"Add [tables.{name}] with its source to opskit.toml; it needs {', '.join(table.required)}."
                )

    @cached_property
    def as_of(self) -> dt.date:
        """Last day that counts (inclusive): the parameter, opskit.toml, or the last day of the fact tables, else of surveys."""
        if self._given_as_of:
            return self._given_as_of
        if self._store.config.as_of:
            return parse_day(self._store.config.as_of)
        facts = self._store.readable(name for name in self._store.sources if contract.table(name).fact)
        # Answers often come in after the sales that they are about, so they count only where they are all there is.
        facts = facts or self._store.readable(name for name in self._store.sources if name == "surveys")
        days = [last for name in facts if (last := self._store.load(name).last_day) is not None]
        if not days:
            for problem in self._store.failed.values():
                raise problem
            have = ", ".join(self._given_tables) or "none"
            raise MissingTableError(
                f"{self.name} has no table of dated facts such as orders or events; it has {have}. Add [tables.orders] "
                'with its source to opskit.toml, or give the last day: as_of = "2025-12-31".'
            )
        self._store.refuse_lonely_days()
        return max(days)

    @property
    def as_of_source(self) -> str:
        """Where `as_of` comes from, in words."""
        if self._given_as_of:
            return "given"
        return "opskit.toml" if self._store.config.as_of else "the last day in the data"

    @property
    def currency(self) -> str:
        """Currency of every amount, '' when unknown."""
        if self._store.config.currency or "orders" not in self._store.sources:
            return self._store.config.currency
        return self._store.load("orders").currency

    @property
    def point_value(self) -> float:
        """What a point is worth when it is redeemed, in the currency; 0 when opskit.toml does not say."""
        return self._store.config.point_value

    @property
    def fingerprint(self) -> str:
        """Changes with opskit.toml and with every file that is read (its name, size or time of change), not with frames."""
        return self._store.fingerprint

    @property
    def truth(self) -> dict[str, Any]:
        """What was planted in a sample shop, by parameter name; empty for real data and for a part of a shop."""
        path = self._store.base / "truth.json"
        if self._store.filters or not path.is_file():
            return {}
        return json.loads(path.read_text(encoding="utf-8"))

    def beside(self, name: str) -> Path | None:
        """A file beside the data, such as a level design; None where there is none."""
        path = self._store.base / name
        return path if path.is_file() else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions made while reading the tables used so far."""
        found = [*self._open_notes, *(note for loaded in self._store.loaded.values() for note in loaded.notes)]
        found += [f"{name} cannot be read and is not used: {why}" for name, why in self._store.failed.items()]
        return tuple(dict.fromkeys(found))

    def used(self, *names: str) -> "pd.DataFrame":
        """Rows read, left out and used per table, with the period they cover.

        Args:
            names: Tables to account for; none: all that can be read.

        Returns:
            table, rows_read, rows_excluded, rows_used, first_day, last_day. `orders` counts rows of the source, so
            several lines of an order count as several.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for name in names or self._store.readable(self._given_tables):
            loaded = self._store.load(name)
            unseen = self._store.late(name, self.as_of) + self._store.elsewhere(name, self.as_of)
            rows.append(
                {
                    "table": name,
                    "rows_read": loaded.rows_read,
                    "rows_excluded": loaded.rows_read - loaded.rows_used + unseen,
                    "rows_used": loaded.rows_used - unseen,
                    "first_day": loaded.first_day,
                    "last_day": min(loaded.last_day, self.as_of) if loaded.last_day else None,
                }
            )
        return pd.DataFrame(rows)

    def exclusions(self, *names: str) -> "pd.DataFrame":
        """What was left out of the tables, and why.

        Args:
            names: Tables to account for; none: all that can be read.

        Returns:
            table, reason, rows, asked (whether a filter, where or as_of asked for it), examples (masked), remedy; one
            row per reason.
        """
        import pandas as pd

        found: list[Exclusion] = []
        for name in names or self._store.readable(self._given_tables):
            found += self._store.load(name).exclusions
            if late := self._store.late(name, self.as_of):
                found.append(Exclusion(name, f"after {self.as_of}", late, (), "Give a later as_of to see them.", True))
            if elsewhere := self._store.elsewhere(name, self.as_of):
                reason = f"not where {self._store.told_filters}"
                found.append(Exclusion(name, reason, elsewhere, (), "Leave out where to see them.", True))
        columns = ["table", "reason", "rows", "asked", "examples", "remedy"]
        rows = [
            (one.table, one.reason, one.rows, one.asked, ", ".join(map(mask, one.examples)), one.remedy)
            for one in found
        ]
        return pd.DataFrame(rows, columns=columns).astype({"rows": "int64", "asked": "bool"})

    def check(self) -> "pd.DataFrame":
        """Every violation of the contract: what was left out while reading, and what is odd in the rest.

        Returns:
            table, column, rule, severity (excluded / error / warning / filtered), rows, share of the rows, examples (masked),
            remedy.
        """
        names = self._store.readable(self.tables)
        return contract.violations(
            {name: getattr(self, name) for name in names},
            as_of=self.as_of,
            exclusions=self.exclusions(*names),
            rows_read={name: self._store.load(name).rows_read for name in names},
            unreadable={name: str(problem) for name, problem in self._store.failed.items()},
        )

    def where(self, **conditions: str) -> "Dataset":
        """The dataset of only those customers (or orders) that have these values.

        Every table is filtered through the customer; a table that cannot be is absent, but for worksheets and the design
        of experiments, which are about no customer and stay whole.
        """
        for column in conditions:
            self._store.owner_of(column)
        return Dataset(
            self.name,
            self._store.sources,
            self._store.config,
            base=self._store.base,
            engine=self.engine,
            as_of=self._given_as_of or "",
            where={**self._store.filters, **conditions},
            notes=self._open_notes,
        )

    def values(self, column: str) -> list[str]:
        """Distinct values of a customer or order attribute, sorted.

        Raises:
            OpskitError: No table has that column, or it has more than 1,000 values.
        """
        return self._store.values(column)


def _converted(relation: Any, engine: str) -> Any:
    if engine == "duckdb":
        return relation
    arrow = relation.to_arrow_table()
    if engine == "pyarrow":
        return arrow
    if engine == "pandas":
        return arrow.to_pandas()
    import polars as pl

    return pl.from_arrow(arrow)
