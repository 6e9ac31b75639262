"""Cleaned tables that the pages of one run share: a file of text, or a database, is read and cleaned once, not once a page."""

import contextlib
import hashlib
import os
import pickle
import uuid
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import opskit
from opskit import locks
from opskit.dataset.config import TableConfig
from opskit.dataset.load import Loaded, see_clean
from opskit.dataset.plan import DatasetWide
from opskit.dataset.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

VARIABLE = "OPSKIT_SHARED"
"""Environment variable: the folder, which whoever sets it removes."""


@dataclass(frozen=True)
class Share:
    """Where a cleaned table is, or will be, for everyone who reads it from the same files in the same way."""

    start: Path
    """Folder and the beginning of the files' names."""
    name: str

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """While it lasts, pages that need the same table wait: a database may change between two readings."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # without room for the lock there is none for the table either
                stack.enter_context(locks.held(self._file("lock"), wait=True))
            yield

    def take(self, con: "duckdb.DuckDBPyConnection") -> Loaded | None:
        """The table as another page has left it, made known to DuckDB; None if there is none yet."""
        told = self._file("account")
        if not told.is_file():
            return None
        loaded: Loaded = pickle.loads(told.read_bytes())  # noqa: S301 - written by `keep` into the run's own folder
        for stored in loaded.stored:
            con.execute(f"CREATE TEMP VIEW {quoted(stored)} AS FROM read_parquet({literal(str(self._file(stored)))})")
        see_clean(con, loaded)
        return loaded

    def keep(self, con: "duckdb.DuckDBPyConnection", loaded: Loaded) -> None:
        """Leave the table to others; where there is no room for it they read the file themselves."""
        import duckdb

        with contextlib.suppress(OSError, duckdb.Error):
            for stored in loaded.stored:
                unfinished = self._file(uuid.uuid4().hex)
                con.execute(f"COPY (FROM {quoted(stored)}) TO {literal(str(unfinished))} (FORMAT parquet)")
                unfinished.replace(self._file(stored))
            unfinished = self._file(uuid.uuid4().hex)
            unfinished.write_bytes(pickle.dumps(loaded))
            unfinished.replace(self._file("account"))  # last: with it the copy is whole

    def _file(self, end: str) -> Path:
        return self.start.with_name(f"{self.start.name}-{end}")


def share(name: str, files: Iterable[Path], table: TableConfig, wide: DatasetWide) -> Share | None:
    """The share of a table; None when nobody has set up a folder for it."""
    folder = os.environ.get(VARIABLE, "")
    if not folder:
        return None
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    told = repr((opskit.__version__, name, states, table.model_dump_json(), wide))
    return Share(Path(folder) / hashlib.sha256(told.encode()).hexdigest()[:32], name)
