"""A dataset: any of the contract's tables, cleaned, seen as of one day."""

import datetime as dt
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit import contract
from opskit.contract import mask
from opskit.dataset import load as loading
from opskit.dataset.config import Config, TableConfig, parse_day
from opskit.dataset.load import Exclusion, Loaded
from opskit.dataset.sources import expand, literal, load_files, load_frame, quoted
from opskit.errors import MissingTableError, OpskitError, check, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

ENGINES = ("duckdb", "pandas", "polars", "pyarrow")
LONELY_DAYS = 366
SALT_VARIABLE = "OPSKIT_HASH_SALT"


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
        truth: Path | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        check(engine, "engine", among=ENGINES)
        self.name = name
        self.engine = engine
        self._sources = dict(sources)
        self._config = config
        self._base = base
        self._as_of = as_of
        self._where = dict(where or {})
        self._truth = truth
        self._open_notes = tuple(notes)
        self._loaded: dict[str, Loaded] = {}
        self._failed: dict[str, OpskitError] = {}
        self._native: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="opskit-"))
        self._con = loading.scratch_database(self._folder)
        self._close = weakref.finalize(self, _close, self._con, self._folder)

    # ------------------------------------------------------------------ tables

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there, in the contract's order."""
        return tuple(name for name in contract.tables() if name in self._sources and name not in self._absent)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in contract.tables():
            hint = did_you_mean(name, contract.tables())
            raise AttributeError(f"a dataset has no attribute or table {name!r}.{hint}")
        self.require(name)
        if name not in self._native:
            self._native[name] = self._converted(self._relation(name))
        return self._native[name]

    def require(self, *names: str) -> None:
        """Refuse to go on without the tables.

        Raises:
            MissingTableError: Naming the table, what it holds and how to add it.
        """
        for name in names:
            table = contract.table(name)
            if name in self._absent:
                raise MissingTableError(
                    f"table {name} of {self.name} cannot be filtered by {', '.join(self._where)}, so it is absent here."
                )
            if name not in self._sources:
                have = ", ".join(self.tables) or "none"
                raise MissingTableError(
                    f"{self.name} has no table {name} (one row per {table.row}); it has {have}. "
                    f"Add [tables.{name}] with its source to opskit.toml; it needs {', '.join(table.required)}."
                )

    # ------------------------------------------------------------------ facts

    @cached_property
    def as_of(self) -> dt.date:
        """Last day that counts (inclusive): the parameter, else opskit.toml, else the last day of the fact tables."""
        given = self._as_of or self._config.as_of
        if given:
            return parse_day(given)
        facts = self._readable(name for name in self._sources if contract.table(name).fact)
        days = [last for name in facts if (last := self._load(name).last_day) is not None]
        if not days:
            for problem in self._failed.values():
                raise problem
            raise OpskitError(f'{self.name} has no table with dated facts; give as_of, e.g. as_of = "2025-12-31".')
        self._refuse_lonely_days()
        return max(days)

    @property
    def as_of_source(self) -> str:
        """Where `as_of` comes from, in words."""
        if self._as_of:
            return "given"
        return "opskit.toml" if self._config.as_of else "the last day in the data"

    @property
    def currency(self) -> str:
        """Currency of every amount, '' when unknown."""
        if self._config.currency or "orders" not in self._sources:
            return self._config.currency
        return self._load("orders").currency

    @property
    def truth(self) -> dict[str, Any]:
        """What was planted in a sample shop, by parameter name; empty for real data."""
        return json.loads(self._truth.read_text(encoding="utf-8")) if self._truth and self._truth.is_file() else {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions made while reading the tables used so far."""
        found = [*self._open_notes, *(note for loaded in self._loaded.values() for note in loaded.notes)]
        found += [f"{name} cannot be read and is not used: {problem}" for name, problem in self._failed.items()]
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
        for name in names or self._readable(self.tables):
            loaded = self._load(name)
            out = loaded.rows_read - loaded.rows_used + self._late(name) + self._elsewhere(name)
            rows.append(
                {
                    "table": name,
                    "rows_read": loaded.rows_read,
                    "rows_excluded": out,
                    "rows_used": loaded.rows_read - out,
                    "first_day": loaded.first_day,
                    "last_day": min(loaded.last_day, self.as_of) if loaded.last_day else None,
                }
            )
        return pd.DataFrame(rows)

    def exclusions(self, *names: str) -> "pd.DataFrame":
        """What was left out of the tables, and why.

        Returns:
            table, reason, rows, examples (masked), remedy; one row per reason.
        """
        import pandas as pd

        found: list[Exclusion] = []
        for name in names or self._readable(self.tables):
            found += self._load(name).exclusions
            if late := self._late(name):
                found.append(Exclusion(name, f"after {self.as_of}", late, (), "Give a later as_of to see them."))
            if elsewhere := self._elsewhere(name):
                told = " and ".join(f"{column}={value}" for column, value in self._where.items())
                found.append(Exclusion(name, f"not where {told}", elsewhere, (), "Leave out where to see them."))
        columns = ["table", "reason", "rows", "examples", "remedy"]
        rows = [(e.table, e.reason, e.rows, ", ".join(map(mask, e.examples)), e.remedy) for e in found]
        return pd.DataFrame(rows, columns=columns).astype({"rows": "int64"})

    def check(self) -> "pd.DataFrame":
        """Every violation of the contract: what was left out while reading, and what is odd in the rest.

        Returns:
            table, column, rule, severity (excluded / error / warning), rows, share of the rows, examples (masked),
            remedy.
        """
        names = self._readable(self.tables)
        return contract.violations(
            {name: getattr(self, name) for name in names},
            as_of=self.as_of,
            exclusions=self.exclusions(*names),
            rows_read={name: self._load(name).rows_read for name in names},
            unreadable={name: str(problem) for name, problem in self._failed.items()},
        )

    # ------------------------------------------------------------------ filters

    def where(self, **conditions: str) -> "Dataset":
        """The dataset of only those customers (or orders) that have these values.

        Every table is filtered through the customer; a table that cannot be is absent.
        """
        for column in conditions:
            self._owner_of(column)
        return Dataset(
            self.name,
            self._sources,
            self._config,
            base=self._base,
            engine=self.engine,
            as_of=self._as_of,
            where={**self._where, **conditions},
            truth=None,
            notes=self._open_notes,
        )

    def values(self, column: str) -> list[str]:
        """Distinct values of a customer or order attribute, sorted.

        Raises:
            OpskitError: No table has that column, or it has more than 1,000 values.
        """
        owner = self._owner_of(column)
        rows = self._con.execute(
            f"SELECT {quoted(column)}::VARCHAR FROM {quoted('clean_' + owner)} "
            f"WHERE {quoted(column)} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 1001"
        ).fetchall()
        if len(rows) > 1000:
            raise OpskitError(f"{owner}.{column} has more than 1,000 values, too many for one report each.")
        return [row[0] for row in rows]

    def _owner_of(self, column: str) -> str:
        seen: list[str] = []
        for name in ("customers", "orders"):
            if name in self._sources:
                seen += self._load(name).columns
                if column in self._load(name).columns:
                    return name
        raise OpskitError(
            f"neither customers nor orders of {self.name} has a column {column!r}; they have {', '.join(seen)}."
            f"{did_you_mean(column, seen)}"
        )

    @cached_property
    def _absent(self) -> set[str]:
        """Tables that the filter cannot reach."""
        if not self._where:
            return set()
        names = self._readable(self._sources)
        return {name for name in names if any(self._condition(name, column) is None for column in self._where)}

    def _condition(self, name: str, column: str) -> str | None:
        """SQL that keeps a table's rows for one filter, or None when the table cannot be filtered."""
        columns = self._load(name).columns
        value = literal(self._where[column])
        owner = self._owner_of(column)
        if name == owner or (column in columns and "customer_id" not in columns):
            return f"{quoted(column)}::VARCHAR = {value}"
        if "customer_id" in columns:
            return (
                f"customer_id IN (SELECT customer_id FROM {quoted('clean_' + owner)} "
                f"WHERE {quoted(column)}::VARCHAR = {value})"
            )
        return None

    # ------------------------------------------------------------------ loading

    def _readable(self, names: Iterable[str]) -> list[str]:
        """Those tables that can be read; a broken one must not take the others' reports with it."""
        good: list[str] = []
        for name in names:
            try:
                self._load(name)
                good.append(name)
            except OpskitError as problem:
                self._failed[name] = problem
        return good

    def _load(self, name: str) -> Loaded:
        if name in self._failed:
            raise self._failed[name]
        if name not in self._loaded:
            source = self._sources[name]
            table = self._config.tables.get(name, TableConfig())
            if isinstance(source, str | list):
                paths = expand(source, self._base)
                raw = load_files(
                    self._con,
                    paths,
                    f"raw_{name}",
                    scratch=self._folder,
                    encoding=table.encoding,
                    table=table.table or name,
                )
            else:
                raw = load_frame(self._con, source, f"raw_{name}")
            salt = os.environ.get(SALT_VARIABLE, "") if self._config.hash_ids else None
            self._loaded[name] = loading.load(
                self._con, raw, name, table, timezone=self._config.timezone, hash_salt=salt
            )
            if name == "orders":
                self._refuse_currencies()
        return self._loaded[name]

    def _refuse_currencies(self) -> None:
        if "currency" not in self._loaded["orders"].columns:
            return
        rows = self._con.execute(
            "SELECT currency, count(*) FROM clean_orders WHERE currency IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6"
        ).fetchall()
        if len(rows) > 1:
            listed = ", ".join(f"{currency} ({count:,} orders)" for currency, count in rows)
            del self._loaded["orders"]
            raise OpskitError(
                f"orders mixes currencies: {listed}; one currency per dataset. Convert the amounts, or keep one: "
                f'keep = {{ currency = ["{rows[0][0]}"] }} under [tables.orders] in opskit.toml.'
            )
        if rows:
            self._loaded["orders"].currency = rows[0][0]

    def _refuse_lonely_days(self) -> None:
        """A mistyped year would move as_of by years: a last day far from all others is not believed."""
        for name in self._readable(name for name in self._sources if contract.table(name).fact):
            clock = quoted(str(contract.table(name).clock))
            rows = self._con.execute(
                f"WITH days AS (SELECT {clock}::DATE AS day, count(*) AS n FROM {quoted('clean_' + name)} GROUP BY 1), "
                "gaps AS (SELECT day, lag(day) OVER (ORDER BY day) AS before, sum(n) OVER (ORDER BY day DESC) AS tail, "
                "sum(n) OVER () AS total FROM days) SELECT before, day, tail FROM gaps "
                f"WHERE total >= 20 AND tail <= greatest(1, total / 1000) AND day - before > {LONELY_DAYS} ORDER BY day"
            ).fetchall()
            if rows:
                before, day, tail = rows[0]
                raise OpskitError(
                    f"{name} has {tail:,} row(s) from {day} on, {(day - before).days:,} days after the one before: "
                    f'dates in the future? Give the real last day, e.g. as_of = "{before}" (opskit.toml) or -p as_of={before}.'
                )

    def _late(self, name: str) -> int:
        table, loaded = contract.table(name), self._load(name)
        if not table.clock or loaded.last_day is None or loaded.last_day <= self.as_of:
            return 0
        relation = f"all_{name}"
        rows = self._con.execute(
            f"SELECT count(*) FROM {quoted(relation)} WHERE {loading.REASON} IS NULL AND NOT ({self._visible(table.clock)})"
        ).fetchall()
        return int(rows[0][0])

    def _elsewhere(self, name: str) -> int:
        """Rows that the filter leaves out."""
        conditions = self._conditions(name)
        if not conditions:
            return 0
        clock = contract.table(name).clock
        seen = self._visible(clock) if clock and clock in self._load(name).columns else "true"
        kept = " AND ".join(f"coalesce({condition}, false)" for condition in conditions)
        relation = quoted(f"all_{name}")
        rows = self._con.execute(
            f"SELECT count(*) FROM {relation} WHERE {loading.REASON} IS NULL AND {seen} AND NOT ({kept})"
        ).fetchall()
        return int(rows[0][0])

    def _conditions(self, name: str) -> list[str]:
        return [condition for column in self._where if (condition := self._condition(name, column))]

    def _visible(self, clock: str) -> str:
        tomorrow = self.as_of + dt.timedelta(days=1)
        return f"coalesce({quoted(clock)} < TIMESTAMP '{tomorrow}', true)"

    def _relation(self, name: str) -> Any:
        table, loaded = contract.table(name), self._load(name)
        tomorrow = self.as_of + dt.timedelta(days=1)
        conditions = self._conditions(name)
        if table.clock in loaded.columns:
            conditions.append(self._visible(str(table.clock)))
        later: list[str] = []
        for column in table.columns.values():
            if column.reveals is None or column.name not in loaded.columns:
                continue
            known = f"{quoted(column.name)} < TIMESTAMP '{tomorrow}'"
            for hidden in (column.name, *(one for one in column.reveals if one in loaded.columns)):
                unknown = "0" if table.columns[hidden].kind == "amount" else "NULL"
                test = f"{quoted(column.name)} IS NULL OR {known}" if unknown == "0" else known
                later.append(f"CASE WHEN {test} THEN {quoted(hidden)} ELSE {unknown} END AS {quoted(hidden)}")
        replaced = f"* REPLACE ({', '.join(later)})" if later else "*"
        filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        relation = self._con.sql(f"SELECT {replaced} FROM {quoted('clean_' + name)}{filtered}")
        if not relation.limit(1).fetchall():
            told = " and ".join(f"{column}={value}" for column, value in self._where.items())
            raise OpskitError(
                f"{name} of {self.name} has no row left up to {self.as_of}{f' where {told}' if told else ''}; "
                f"its rows run from {loaded.first_day} to {loaded.last_day}. Give another as_of or filter."
            )
        return relation

    def _converted(self, relation: Any) -> Any:
        if self.engine == "duckdb":
            return relation
        arrow = relation.to_arrow_table()
        if self.engine == "pyarrow":
            return arrow
        if self.engine == "pandas":
            return arrow.to_pandas()
        import polars as pl

        return pl.from_arrow(arrow)


def _close(con: Any, folder: Path) -> None:
    con.close()
    shutil.rmtree(folder, ignore_errors=True)
