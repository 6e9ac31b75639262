"""Files and frames as DuckDB tables of raw columns, before any cleaning."""

import glob
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit.dataset.csv_files import load_csv
from opskit.dataset.sql import Raw, literal, quoted
from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

CSV = {".csv", ".tsv", ".txt"}
EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
JSON = {".jsonl", ".ndjson", ".json"}
PARQUET = {".parquet", ".pq"}
DUCKDB = {".duckdb", ".ddb"}
SQLITE = {".sqlite", ".sqlite3", ".db"}
SUFFIXES = CSV | EXCEL | JSON | PARQUET | DUCKDB | SQLITE


def expand(source: str | list[str], base: Path) -> list[Path]:
    """Files that a source names: a path, a glob or a list of them, relative to the folder of opskit.toml."""
    if isinstance(source, list):
        return [path for one in source for path in expand(one, base)]
    pattern = str(Path(source).expanduser() if Path(source).expanduser().is_absolute() else base / source)
    if Path(pattern).is_file():
        return [Path(pattern)]
    found = sorted(Path(match) for match in glob.glob(pattern, recursive=True) if Path(match).is_file())  # noqa: PTH207
    if not found:
        folder = Path(pattern).parent
        near = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        raise OpskitError(f"there is no file {pattern}.{did_you_mean(Path(pattern).name, near)}")
    return found


def load_files(
    con: "duckdb.DuckDBPyConnection",
    paths: list[Path],
    name: str,
    *,
    scratch: Path,
    encoding: str = "",
    table: str = "",
) -> Raw:
    """Put one or more files of one kind into DuckDB under a raw name.

    Parquet, CSV and DuckDB files stay where they are (a view), so that a file larger than memory is scanned and not
    loaded; the other formats, which are small, become a table.

    Raises:
        OpskitError: A file is empty, unreadable, in an unknown format or encoding.
    """
    import duckdb

    kinds = {path.suffix.lower() for path in paths}
    suffix = paths[0].suffix.lower()
    if len(kinds) > 1 and not kinds <= CSV:
        raise OpskitError(f"source of {name} mixes {', '.join(sorted(kinds))} files; give each format its own folder.")
    for path in paths:
        if path.stat().st_size == 0:
            raise OpskitError(f"{path.name} is empty (0 bytes). Export it again with a header row.")
    files = "[" + ", ".join(literal(str(path)) for path in paths) + "]"
    try:
        if suffix in PARQUET:
            con.execute(f"CREATE VIEW {quoted(name)} AS FROM read_parquet({files}, union_by_name = true)")
            return Raw(name, text=False)
        if suffix in JSON:
            con.execute(f"CREATE TEMP TABLE {quoted(name)} AS FROM read_json({files}, union_by_name = true)")
            return Raw(name, text=False)
        if is_duckdb(paths[0]):
            return _attach(con, paths[0], name, table)
        if suffix in SQLITE | DUCKDB:
            return _store(con, name, _sqlite(paths[0], table or name))
        if suffix in EXCEL:
            return _store(con, name, (batch for path in paths for batch in _excel(path, table)))
        if suffix in CSV or not suffix:
            return load_csv(con, paths, name, scratch=scratch, encoding=encoding)
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise OpskitError(
            f"{paths[0].name} cannot be read as {suffix.lstrip('.') or 'CSV'}: {first} "
            "Check that the file is complete and that its ending fits its content."
        ) from error
    raise OpskitError(f"{paths[0].name} has the ending {suffix!r}; opskit reads {', '.join(sorted(SUFFIXES))}.")


def load_frame(con: "duckdb.DuckDBPyConnection", frame: Any, name: str) -> Raw:
    """Put a pandas, Polars, PyArrow frame or a DuckDB relation into DuckDB under a raw name."""
    module = type(frame).__module__.partition(".")[0]
    if module in {"duckdb", "_duckdb"}:
        reader = frame.to_arrow_reader(100_000)
        con.register("_incoming", reader)
        con.execute(f"CREATE TEMP TABLE {quoted(name)} AS FROM _incoming")
        con.unregister("_incoming")
        return Raw(name, text=False)
    if module == "polars":
        frame = frame.lazy().collect().to_arrow()
    elif module not in {"pandas", "pyarrow"}:
        raise OpskitError(
            f"{name} is a {type(frame).__module__}.{type(frame).__name__}; opskit.open takes pandas, Polars and PyArrow "
            "frames, DuckDB relations, or a path. The functions themselves also take PySpark frames."
        )
    con.register(name, frame)
    return Raw(name, text=False)


def _attach(con: "duckdb.DuckDBPyConnection", path: Path, name: str, table: str) -> Raw:
    alias = f"file_{name}"
    con.execute(f"ATTACH {literal(str(path))} AS {quoted(alias)} (READ_ONLY)")
    rows = con.execute("SELECT table_name FROM information_schema.tables WHERE table_catalog = ?", [alias]).fetchall()
    _require_table(path, table or name, [row[0] for row in rows])
    con.execute(f"CREATE VIEW {quoted(name)} AS FROM {quoted(alias)}.{quoted(table or name)}")
    return Raw(name, text=False)


def _require_table(path: Path, table: str, have: list[str]) -> None:
    if table not in have:
        raise OpskitError(
            f"{path.name} has no table {table!r}; it has {', '.join(sorted(have)) or 'none'}.{did_you_mean(table, have)} "
            'Name it in opskit.toml: table = "…".'
        )


def database_tables(path: Path) -> list[str]:
    """Names of the tables and views in a SQLite or DuckDB file."""
    if is_duckdb(path):
        import duckdb

        with duckdb.connect(str(path), read_only=True) as con:
            return [row[0] for row in con.execute("SELECT table_name FROM information_schema.tables").fetchall()]
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as con:
        return [row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]


def is_duckdb(path: Path) -> bool:
    """Whether the file is a DuckDB database, whatever its ending."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"


def _sqlite(path: Path, table: str) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    _require_table(path, table, database_tables(path))
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as con:
        cursor = con.execute(f"SELECT * FROM {quoted(table)}")
        names = [column[0] for column in cursor.description]
        yield names, []
        while rows := cursor.fetchmany(100_000):
            yield names, rows


def _excel(path: Path, sheet: str) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
    except CalamineError as error:
        raise OpskitError(f"{path.name} cannot be read as an Excel file: {error}. Save it anew as .xlsx.") from error
    if sheet:
        _require_table(path, sheet, book.sheet_names)
    rows = book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(skip_empty_area=True)
    if not rows:
        raise OpskitError(
            f'{path.name} has an empty sheet {sheet or book.sheet_names[0]!r}. Name another: table = "…".'
        )
    usual = max(sum(cell != "" for cell in row) for row in rows)
    header = next(number for number, row in enumerate(rows) if sum(cell != "" for cell in row) * 2 > usual)
    yield (
        [str(cell) or f"column_{place + 1}" for place, cell in enumerate(rows[header])],
        [tuple(row) for row in rows[header + 1 :] if any(cell != "" for cell in row)],
    )


def _store(
    con: "duckdb.DuckDBPyConnection", name: str, batches: Iterable[tuple[list[str], list[tuple[Any, ...]]]]
) -> Raw:
    made = False
    for names, rows in batches:
        con.register("_incoming", _as_text(names, rows))
        con.execute(
            f"INSERT INTO {quoted(name)} BY NAME FROM _incoming"
            if made
            else f"CREATE TEMP TABLE {quoted(name)} AS FROM _incoming"
        )
        con.unregister("_incoming")
        made = True
    return Raw(name, text=True)


def _as_text(names: list[str], rows: list[tuple[Any, ...]]) -> "pa.Table":
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table(
        {name: pa.array(map(_cell, column), pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def _cell(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
