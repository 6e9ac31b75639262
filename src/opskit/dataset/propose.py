"""A first opskit.toml from the files themselves: what was guessed, what is proposed, what cannot be known."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opskit import contract
from opskit.dataset.config import FILE_NAME, Config, TableConfig
from opskit.dataset.guess import guess_columns, guess_table, missing, not_sales
from opskit.dataset.load import scratch_database
from opskit.dataset.sources import EXCEL, database_tables, is_duckdb, load_files
from opskit.dataset.sql import column_names, quoted
from opskit.errors import OpskitError

SQLITE_HEAD = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Proposal:
    """A guessed configuration and the account of the guess, one sentence each."""

    config: Config
    notes: tuple[str, ...]
    unknown: tuple[str, ...]


def propose(paths: list[Path], *, base: Path) -> Proposal:
    """Guess which tables the files hold, which column is which, and which rows are no sales.

    Raises:
        OpskitError: A file cannot be read, or nothing in the files looks like a table of the contract.
    """
    tables: dict[str, TableConfig] = {}
    notes: list[str] = []
    unknown: list[str] = []
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(prefix="opskit-") as folder:
        con = scratch_database(Path(folder))
        try:
            for number, (path, member) in enumerate(_members(paths)):
                raw = load_files(con, [path], f"raw_{number}", scratch=Path(folder), table=member)
                types = con.execute(f"DESCRIBE {quoted(raw.table)}").fetchall()
                headers = column_names([row[0] for row in types])
                if not con.execute(f"SELECT 1 FROM {quoted(raw.table)} LIMIT 1").fetchall():
                    notes.append(f"{path.name}{f' ({member})' if member else ''} has a header and no rows: not used.")
                    continue
                # A survey tool calls its sheet Sheet1 and its file by what it holds.
                name = guess_table(headers.values(), member or path.stem) or guess_table(headers.values(), path.stem)
                if name is None:
                    skipped.append(f"{path.name}{f' ({member})' if member else ''}: {', '.join(headers.values())}")
                    continue
                source = (
                    path.resolve().relative_to(base.resolve()).as_posix()
                    if path.resolve().is_relative_to(base.resolve())
                    else str(path.resolve())
                )
                if name in tables:
                    before = tables[name].source
                    tables[name].source = [*(before if isinstance(before, list) else [before]), source]
                    continue
                table = contract.table(name)
                columns = guess_columns(headers.values(), table)
                tables[name] = TableConfig(source=source, table=member, columns=columns)
                notes += raw.notes
                notes += [
                    f"{name}.{column} is read from {header!r}."
                    for column, header in columns.items()
                    if column != header
                ]
                unknown += [
                    f"{name}.{column} ({table.columns[column].about}): which of {', '.join(map(repr, headers.values()))}?"
                    for column in missing(columns, table)
                ]
                unclean = {clean_name: header for header, clean_name in headers.items()}
                for column, header in columns.items():
                    if table.columns[column].not_sales:
                        rows = con.execute(
                            f"SELECT DISTINCT trim({quoted(unclean[header])}::VARCHAR) FROM {quoted(raw.table)} LIMIT 200"
                        ).fetchall()
                        found = sorted(not_sales([row[0] for row in rows if row[0]], table.columns[column]))
                        if found:
                            tables[name].exclude = {column: found}
                            notes.append(
                                f"{name} with {column} {', '.join(map(repr, found))} are left out as no sales."
                            )
        finally:
            con.close()
    if not tables:
        listed = "; ".join([*skipped, *notes]) or "none"
        raise OpskitError(
            f"no file looks like a table of the contract (found: {listed}). An orders file needs columns for "
            "customer_id, ordered_at and revenue: map them in opskit.toml under [tables.orders.columns]."
        )
    notes += [f"not used: {one}." for one in skipped]
    return Proposal(Config(tables=tables), tuple(notes), tuple(unknown))


def write_proposal(proposal: Proposal, folder: Path, *, force: bool = False) -> Path:
    """Write the proposal as opskit.toml.

    Raises:
        OpskitError: There is one already (unless `force`), or the folder cannot be written.
    """
    target = folder / FILE_NAME
    if target.exists() and not force:
        raise OpskitError(f"{target} is there already. Edit it, or write it anew with --force.")
    try:
        target.write_text("\n".join(_lines(proposal)) + "\n", encoding="utf-8")
    except OSError as error:
        raise OpskitError(f"{target} cannot be written: {error.strerror}. Give another folder with --out.") from error
    return target


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# How opskit reads these files. Guessed by opskit init: read it through once."
    yield '# currency = "CNY"              # of every amount'
    yield '# timezone = "Asia/Shanghai"    # needed when times carry a zone'
    yield '# as_of = "2025-12-31"          # last day to count; without it, the last day in the data'
    for name, table in proposal.config.tables.items():
        yield ""
        yield f"[tables.{name}]  # one row per {contract.table(name).row}"
        yield f"source = {json.dumps(table.source, ensure_ascii=False)}"
        if table.table:
            yield f"table = {json.dumps(table.table, ensure_ascii=False)}"
        for column, values in table.exclude.items():
            yield f"exclude = {{ {column} = {json.dumps(values, ensure_ascii=False)} }}"
        yield f"[tables.{name}.columns]"
        for column in missing(table.columns, contract.table(name)):
            yield f'# {column} = "…"  # required, not found: {contract.table(name).columns[column].about}'
        for column, header in table.columns.items():
            yield f"{column} = {json.dumps(header, ensure_ascii=False)}"


def _members(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Files with the tables or sheets inside them ('' for a file that is one table)."""
    for path in paths:
        if not path.is_file():
            raise OpskitError(f"there is no file {path}.")
        with path.open("rb") as file:
            head = file.read(16)
        if head == SQLITE_HEAD or is_duckdb(path):
            yield from ((path, member) for member in sorted(database_tables(path)))
        elif path.suffix.lower() in EXCEL:
            from python_calamine import CalamineError, CalamineWorkbook

            try:
                yield from ((path, sheet) for sheet in CalamineWorkbook.from_path(path).sheet_names)
            except CalamineError as error:
                raise OpskitError(
                    f"{path.name} cannot be read as an Excel file: {error}. Save it anew as .xlsx."
                ) from error
        else:
            yield path, ""
