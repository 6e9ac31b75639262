"""Where a dataset's tables live: read once into a scratch DuckDB, then seen through as_of and filters."""

import atexit
import contextlib
import datetime as dt
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from opskit import contract
from opskit.dataset import load as loading
from opskit.dataset.address import is_address
from opskit.dataset.config import Config, TableConfig
from opskit.dataset.load import Loaded
from opskit.dataset.plan import DatasetWide
from opskit.dataset.postgresql import Server
from opskit.dataset.shared import share
from opskit.dataset.sources import expand, load_files, load_frame
from opskit.dataset.sql import literal, quoted
from opskit.errors import OpskitError, did_you_mean

LONELY_DAYS = 366
SALT_VARIABLE = "OPSKIT_HASH_SALT"


class Store:
    """Sources of a dataset inside DuckDB, loaded when first asked for."""

    def __init__(
        self, name: str, sources: Mapping[str, Any], config: Config, *, base: Path, where: Mapping[str, str]
    ) -> None:
        self.name = name
        self.sources = dict(sources)
        self.config = config
        self.base = base
        self.filters = dict(where)
        self.loaded: dict[str, Loaded] = {}
        self.failed: dict[str, OpskitError] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="opskit-"))
        self._con = loading.scratch_database(self._folder)
        # A relation taken from here may outlive the dataset, so its DuckDB is never closed by hand.
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def fingerprint(self) -> str:
        """Of the settings, of every file that is read (its name, size and time of change), and of a database's rows."""
        told = [self.config.model_dump_json()]
        for name, source in sorted(self.sources.items()):
            try:
                if is_address(source):
                    with Server(source) as server:
                        told.append(f"{name} {server.state(*self._asked(server, name))}")
                elif isinstance(source, str | list):
                    files = [(path, path.stat()) for path in expand(source, self.base)]
                    told += [f"{name} {path} {state.st_size} {state.st_mtime_ns}" for path, state in files]
            except OpskitError as problem:  # a broken table, which its pages will report
                told.append(f"{name} {problem}")
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def readable(self, names: Iterable[str]) -> list[str]:
        """Those tables that can be read; a broken one must not take the others' reports with it."""
        good: list[str] = []
        for name in names:
            try:
                self.load(name)
                good.append(name)
            except OpskitError as problem:
                self.failed[name] = problem
        return good

    def load(self, name: str) -> Loaded:
        """Read and clean a table, once."""
        if name in self.failed:
            raise self.failed[name]
        if name not in self.loaded:
            table = self.config.tables.get(name, TableConfig())
            source = self.sources[name]
            salt = os.environ.get(SALT_VARIABLE, "") if self.config.hash_ids else None
            wide = DatasetWide(self.config.timezone, salt, len(self.sources) > 1, self.config.events)
            stands = isinstance(source, str | list)  # outside of this process, for all to read
            files = expand(source, self.base) if stands and not is_address(source) else []
            shared = share(name, files, table, wide) if stands else None
            with shared.alone() if shared and is_address(source) else contextlib.nullcontext():
                loaded = shared.take(self._con) if shared else None
                if loaded is None:
                    loaded = self._read(name, files, table, wide)
                    if shared and loaded.stored:
                        shared.keep(self._con, loaded)
            self.loaded[name] = loaded
        return self.loaded[name]

    def _read(self, name: str, files: list[Path], table: TableConfig, wide: DatasetWide) -> Loaded:
        """Read and clean a table from its files, its database or its frame."""
        if files:
            raw = load_files(
                self._con,
                files,
                f"raw_{name}",
                scratch=self._folder,
                encoding=table.encoding,
                table=table.table or name,
            )
        elif is_address(self.sources[name]):
            with Server(self.sources[name]) as server:
                target = self._folder / f"raw_{name}.parquet"
                relation, what = self._asked(server, name)
                raw = server.snapshot(self._con, relation, f"raw_{name}", target, what=what)
        else:
            raw = load_frame(self._con, self.sources[name], f"raw_{name}")
        loaded = loading.load(self._con, raw, name, table, wide=wide)
        for copy in self._folder.glob(f"raw_{name}_*"):
            copy.unlink()
        if name == "orders" and "currency" in loaded.columns:
            loaded.currency = self._one_currency()
        return loaded

    def _asked(self, server: Server, name: str) -> tuple[str, str]:
        """SQL of what a table is read from, and what to call that in errors."""
        table = self.config.tables.get(name, TableConfig())
        asked = table.table or name
        return server.relation(asked, table.query), f"the query of {name}" if table.query else f"table {asked}"

    def relation(self, name: str, as_of: dt.date) -> Any:
        """A table as a DuckDB relation: filtered, and without anything known only after `as_of`."""
        relation, loaded = self._seen(name, as_of), self.load(name)
        if not relation.limit(1).fetchall():
            told = f" where {self.told_filters}" if self.filters else ""
            raise OpskitError(
                f"{name} of {self.name} has no row left up to {as_of}{told}; its rows run from {loaded.first_day} to "
                f"{loaded.last_day}. Give another as_of or filter."
            )
        return relation

    def has_rows(self, name: str, as_of: dt.date) -> bool:
        """Whether anything of a table is left; of one that cannot be read nobody knows, and reading it will say why."""
        return not self.readable([name]) or bool(self._seen(name, as_of).limit(1).fetchall())

    def _seen(self, name: str, as_of: dt.date) -> Any:
        table, loaded = contract.table(name), self.load(name)
        conditions = [*self._conditions(name), self._visible(name, as_of)]
        replaced = self._not_yet_known(table, loaded, as_of)
        selected = f"* REPLACE ({', '.join(replaced)})" if replaced else "*"
        return self._con.sql(f"SELECT {selected} FROM {quoted('clean_' + name)} WHERE {' AND '.join(conditions)}")

    def late(self, name: str, as_of: dt.date) -> int:
        """Rows that are usable but lie after `as_of`."""
        last = self.load(name).last_day
        if last is None or last <= as_of:
            return 0
        return self._count(name, f"NOT ({self._visible(name, as_of)})")

    def elsewhere(self, name: str, as_of: dt.date) -> int:
        """Rows up to `as_of` that the filters leave out."""
        conditions = self._conditions(name)
        if not conditions:
            return 0
        kept = " AND ".join(f"coalesce({condition}, false)" for condition in conditions)
        return self._count(name, f"{self._visible(name, as_of)} AND NOT ({kept})")

    @cached_property
    def absent(self) -> set[str]:
        """Tables that the filters cannot reach."""
        if not self.filters:
            return set()
        kinds = {name: contract.table(name) for name in self.sources}
        names = self.readable(name for name, kind in kinds.items() if not (kind.worksheet or kind.design))
        return {name for name in names if any(self._condition(name, column) is None for column in self.filters)}

    @property
    def told_filters(self) -> str:
        """The filters in words."""
        return " and ".join(f"{column}={value}" for column, value in self.filters.items())

    def values(self, column: str) -> list[str]:
        """Distinct values of a customer or order attribute, sorted; at most 1,000."""
        owner = self.owner_of(column)
        rows = self._con.execute(
            f"SELECT {quoted(column)}::VARCHAR FROM {quoted('clean_' + owner)} "
            f"WHERE {quoted(column)} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 1001"
        ).fetchall()
        if len(rows) > 1000:
            raise OpskitError(f"{owner}.{column} has more than 1,000 values, too many for one report each.")
        return [row[0] for row in rows]

    def owner_of(self, column: str) -> str:
        """The table whose attribute it is: customers, else orders."""
        seen: list[str] = []
        for name in ("customers", "orders"):
            if name in self.sources:
                seen += self.load(name).columns
                if column in self.load(name).columns:
                    return name
        raise OpskitError(
            f"neither customers nor orders of {self.name} has a column {column!r}; they have {', '.join(seen)}."
            f"{did_you_mean(column, seen)}"
        )

    def refuse_lonely_days(self) -> None:
        """A mistyped year would move as_of by years: a last day far from all others is not believed."""
        for name in self.readable(name for name in self.sources if contract.table(name).fact):
            clock = quoted(str(contract.table(name).clock))
            rows = self._con.execute(
                f"WITH days AS (SELECT {clock}::DATE AS day, count(*) AS n FROM {quoted('clean_' + name)} GROUP BY 1), "
                "gaps AS (SELECT day, lag(day) OVER (ORDER BY day) AS before, sum(n) OVER (ORDER BY day DESC) AS tail, "
                "sum(n) OVER () AS total FROM days) SELECT before, day, tail FROM gaps "
                f"WHERE total >= 20 AND tail <= greatest(1, total / 1000) AND day - before > {LONELY_DAYS} ORDER BY day"
            ).fetchall()
            for before, day, tail in rows[:1]:
                raise OpskitError(
                    f"{name} has {tail:,} row(s) from {day} on, {(day - before).days:,} days after the one before: dates "
                    f'in the future? Give the real last day: as_of = "{before}" in opskit.toml, or -p as_of={before}.'
                )

    def _one_currency(self) -> str:
        rows = self._con.execute(
            "SELECT currency, count(*) FROM clean_orders WHERE currency IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6"
        ).fetchall()
        if len(rows) > 1:
            listed = ", ".join(f"{currency} ({count:,} orders)" for currency, count in rows)
            raise OpskitError(
                f"orders mixes currencies: {listed}; one currency per dataset. Convert the amounts, or keep one: "
                f'keep = {{ currency = ["{rows[0][0]}"] }} under [tables.orders] in opskit.toml.'
            )
        return rows[0][0] if rows else ""

    def _count(self, name: str, condition: str) -> int:
        rows = self._con.execute(
            f"SELECT count(*) FROM {quoted('all_' + name)} WHERE {loading.REASON} IS NULL AND {condition}"
        ).fetchall()
        return int(rows[0][0])

    def _visible(self, name: str, as_of: dt.date) -> str:
        clock = contract.table(name).clock
        if not clock or clock not in self.load(name).columns:
            return "true"
        return f"coalesce({quoted(clock)} < TIMESTAMP '{as_of + dt.timedelta(days=1)}', true)"

    def _not_yet_known(self, table: contract.Table, loaded: Loaded, as_of: dt.date) -> list[str]:
        replaced: list[str] = []
        for column in table.columns.values():
            if column.reveals is None or column.name not in loaded.columns:
                continue
            moment = quoted(column.name)
            later = f"coalesce({moment} >= TIMESTAMP '{as_of + dt.timedelta(days=1)}', false)"
            for hidden in (column.name, *(one for one in column.reveals if one in loaded.columns)):
                unknown = "0" if table.columns[hidden].kind == "amount" else "NULL"
                replaced.append(f"CASE WHEN {later} THEN {unknown} ELSE {quoted(hidden)} END AS {quoted(hidden)}")
        return replaced

    def _conditions(self, name: str) -> list[str]:
        if contract.table(name).worksheet:
            return []
        return [condition for column in self.filters if (condition := self._condition(name, column))]

    def _condition(self, name: str, column: str) -> str | None:
        """SQL that keeps a table's rows for one filter, or None when the table cannot be filtered."""
        columns = self.load(name).columns
        value = literal(self.filters[column])
        owner = self.owner_of(column)
        if name == owner or (column in columns and "customer_id" not in columns):
            return f"{quoted(column)}::VARCHAR = {value}"
        if "customer_id" in columns:
            return (
                f"customer_id IN (SELECT customer_id FROM {quoted('clean_' + owner)} "
                f"WHERE {quoted(column)}::VARCHAR = {value})"
            )
        return None
