"""A first opskit.toml from the files or the database themselves: what was guessed, what is proposed, what cannot be known."""

import contextlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit import contract
from opskit.dataset.address import concealed, is_address, secrets
from opskit.dataset.config import FILE_NAME, Config, TableConfig
from opskit.dataset.guess import guess_columns, guess_table, missing, not_sales
from opskit.dataset.load import scratch_database
from opskit.dataset.postgresql import Server
from opskit.dataset.sources import EXCEL, database_tables, is_duckdb, load_files
from opskit.dataset.sql import column_names, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

MOST_TOLD = 20
SQLITE_HEAD = b"SQLite format 3\x00"
_NONE_FITS = (
    "An orders file needs columns for customer_id, ordered_at and revenue: map them in opskit.toml under "
    "[tables.orders.columns]."
)


@dataclass(frozen=True)
class Proposal:
    """A guessed configuration and the account of the guess, one sentence each."""

    config: Config
    notes: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """Something that may be a table of the contract, and a way to ask it."""

    label: str
    source: str
    member: str
    stems: tuple[str, ...]
    """Names that may say what it holds, the nearest first."""
    relation: str
    """Its name in SQL."""
    headers: list[str]
    ask: Callable[[str], list[tuple[Any, ...]]]
    notes: tuple[str, ...] = ()


@dataclass
class _Draft:
    tables: dict[str, TableConfig] = field(default_factory=dict[str, TableConfig])
    notes: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])


def propose(sources: Sequence[Path | str], *, base: Path) -> Proposal:
    """Guess which tables the files or the database hold, which column is which, and which rows are no sales.

    Raises:
        OpskitError: A source cannot be read, or nothing in it looks like a table of the contract.
    """
    draft = _Draft()
    for candidate in _candidates(sources, base, draft.skipped):
        _consider(draft, candidate)
    if not draft.tables:
        listed = "; ".join([*draft.notes, *draft.skipped[:MOST_TOLD]]) or "none"
        none = "no table of the database" if any(map(is_address, sources)) else "no file"
        raise OpskitError(f"{none} looks like a table of the contract (found: {listed}). {_NONE_FITS}")
    draft.notes += [f"not used: {one}." for one in draft.skipped[:MOST_TOLD]]
    if len(draft.skipped) > MOST_TOLD:
        draft.notes.append(f"not used: {len(draft.skipped) - MOST_TOLD} more.")
    if any(is_address(source) and secrets(str(source)) for source in sources):
        draft.notes.append("the password is not written: set PGPASSWORD, or ${VARIABLE} in the source.")
    return Proposal(Config(tables=draft.tables), tuple(draft.notes), tuple(draft.unknown))


def _consider(draft: _Draft, found: _Candidate) -> None:
    """Add what is guessed of one candidate to the draft."""
    headers = column_names(found.headers)
    name = next((table for stem in found.stems if (table := guess_table(headers.values(), stem))), None)
    if name is None:
        draft.skipped.append(f"{found.label}: {', '.join(headers.values())}")
        return
    try:
        rows = found.ask(f"SELECT 1 FROM {found.relation} LIMIT 1")
    except OpskitError as problem:  # one broken view must not hide the other tables
        draft.skipped.append(str(problem).rstrip("."))
        return
    if not rows:
        draft.notes.append(f"{found.label} has a header and no rows: not used.")
        return
    if name in draft.tables:
        _add_source(draft, name, found)
        return
    table = contract.table(name)
    columns = guess_columns(headers.values(), table)
    draft.tables[name] = TableConfig(source=found.source, table=found.member, columns=columns)
    draft.notes += found.notes
    draft.notes += [
        f"{name}.{column} is read from {header!r}." for column, header in columns.items() if column != header
    ]
    draft.unknown += [
        f"{name}.{column} ({table.columns[column].about}): which of {', '.join(map(repr, headers.values()))}?"
        for column in missing(columns, table)
    ]
    unclean = {clean_name: header for header, clean_name in headers.items()}
    for column, header in columns.items():
        if not table.columns[column].not_sales:
            continue
        text = f"trim(CAST({quoted(unclean[header])} AS VARCHAR))"
        rows = found.ask(f"SELECT DISTINCT {text} FROM {found.relation} LIMIT 200")
        if no_sales := sorted(not_sales([row[0] for row in rows if row[0]], table.columns[column])):
            draft.tables[name].exclude = {column: no_sales}
            draft.notes.append(f"{name} with {column} {', '.join(map(repr, no_sales))} are left out as no sales.")


def _add_source(draft: _Draft, name: str, found: _Candidate) -> None:
    """Several files of one table are read together; of several tables in one place, the first is."""
    first = draft.tables[name]
    sources = first.source if isinstance(first.source, list) else [first.source]
    if found.member != first.table or found.source in sources:
        draft.notes.append(f"{found.label} looks like {name} too and is not used: {name} is {first.table}.")
    else:
        first.source = [*sources, found.source]


def _candidates(sources: Iterable[Path | str], base: Path, skipped: list[str]) -> Iterator[_Candidate]:
    with tempfile.TemporaryDirectory(prefix="opskit-") as folder, contextlib.ExitStack() as stack:
        con = scratch_database(Path(folder))
        stack.callback(con.close)
        numbers = itertools.count()
        for source in sources:
            if is_address(source):
                yield from _in_database(stack.enter_context(Server(concealed(str(source)))), skipped)
            else:
                yield from _in_file(con, Path(source), base, scratch=Path(folder), numbers=numbers)


def _in_database(server: Server, skipped: list[str]) -> Iterator[_Candidate]:
    known = {word for name, table in contract.tables().items() for word in (name, *table.file_names)}
    for one in sorted(server.members(), key=lambda one: (not one.near, one.bare.lower() not in known, one.name)):
        if not one.readable:
            skipped.append(f"{one.name}, which this user may not read")
            continue
        yield _Candidate(
            label=one.name,
            source=server.address,
            member=one.name,
            stems=(one.bare,),
            relation=one.sql,
            headers=list(one.columns),
            ask=lambda sql, what=f"table {one.name}": server.ask(sql, what),
        )


def _in_file(
    con: "duckdb.DuckDBPyConnection", path: Path, base: Path, *, scratch: Path, numbers: Iterator[int]
) -> Iterator[_Candidate]:
    whole = path.resolve()
    source = whole.relative_to(base.resolve()).as_posix() if whole.is_relative_to(base.resolve()) else str(whole)
    for member in _members(path):
        raw = load_files(con, [path], f"raw_{next(numbers)}", scratch=scratch, table=member)
        yield _Candidate(
            label=f"{path.name}{f' ({member})' if member else ''}",
            source=source,
            member=member,
            # A survey tool calls its sheet Sheet1 and its file by what it holds.
            stems=(member or path.stem, path.stem),
            relation=quoted(raw.table),
            headers=[row[0] for row in con.execute(f"DESCRIBE {quoted(raw.table)}").fetchall()],
            ask=lambda sql: con.execute(sql).fetchall(),
            notes=raw.notes,
        )


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


def _members(path: Path) -> list[str]:
    """The tables or sheets inside a file ('' for a file that is one table)."""
    if not path.is_file():
        raise OpskitError(f"there is no file {path}.")
    with path.open("rb") as file:
        head = file.read(16)
    if head == SQLITE_HEAD or is_duckdb(path):
        return sorted(database_tables(path))
    if path.suffix.lower() not in EXCEL:
        return [""]
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        return CalamineWorkbook.from_path(path).sheet_names
    except CalamineError as error:
        raise OpskitError(f"{path.name} cannot be read as an Excel file: {error}. Save it anew as .xlsx.") from error
