"""Finding a dataset from a name, a path or frames."""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opskit import contract
from opskit.dataset.address import concealed, database_name, is_address, masked
from opskit.dataset.config import FILE_NAME, Config, TableConfig, read
from opskit.dataset.dataset import Dataset
from opskit.dataset.propose import propose
from opskit.dataset.sources import SUFFIXES, expand
from opskit.errors import OpskitError, did_you_mean

ENGINE_VARIABLE = "OPSKIT_ENGINE"


def open_dataset(
    data: Any,
    *,
    as_of: str | dt.date = "",
    where: str | Mapping[str, str] = "",
    engine: str = "",
    timezone: str = "",
    hash_ids: bool = False,
) -> Dataset:
    """Open a dataset by name, path or frames.

    Args:
        data: "shop", "cdnow" or "cdnow_full"; a file, a folder or an opskit.toml; a database, as
            "postgresql://user@host:5432/database"; one frame (orders) or a mapping of table name to frame.
        as_of: Last day that counts, inclusive; empty: opskit.toml's, else the last day in the data.
        where: Filter as text ("region=North; channel=search") or mapping.
        engine: Kind of frame that tables come as: duckdb, pandas, polars, pyarrow or spark; empty: the environment
            variable OPSKIT_ENGINE, which `opskit run --engine` sets for its pages, else duckdb.
        timezone: Zone of the business, when opskit.toml does not say; needed for times that carry a zone.
        hash_ids: Replace customer ids by hashes (salted with the environment variable OPSKIT_HASH_SALT).

    Returns:
        The dataset. Tables are read when first used.

    Raises:
        OpskitError: Nothing is found there, or it cannot be understood; the message says what to do.

    >>> import opskit
    >>> opskit.open("cdnow").as_of
    datetime.date(1998, 6, 30)
    """
    filters = parse_where(where) if isinstance(where, str) else dict(where)
    name, sources, config, base, notes = _find(data)
    changes = {key: value for key, value in {"timezone": timezone, "hash_ids": hash_ids}.items() if value}
    config = Config.model_validate({**config.model_dump(), **changes})
    if not sources:
        raise OpskitError(f"{name} holds no table. Add [tables.orders] with its source to opskit.toml.")
    dataset = Dataset(
        config.name or name,
        sources,
        config,
        base=base,
        engine=engine or os.environ.get(ENGINE_VARIABLE, "") or "duckdb",
        as_of=as_of,
        notes=notes,
    )
    return dataset.where(**filters) if filters else dataset


def parse_where(text: str) -> dict[str, str]:
    """Filter conditions from text.

    >>> parse_where("region=North; channel = search")
    {'region': 'North', 'channel': 'search'}
    """
    conditions: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        column, equals, value = part.partition("=")
        if not equals or not column.strip():
            raise OpskitError(f'where == {text!r}, must be written column=value, several joined by ";": region=North.')
        conditions[column.strip()] = value.strip()
    return conditions


def named_datasets() -> dict[str, Path]:
    """Datasets that come with opskit, by name."""
    package = Path(__file__).parents[1]
    # The wheel carries data/ inside the package; a checkout has it at the top.
    for folder in (package / "data", package.parents[1] / "data"):
        if folder.is_dir():
            return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{FILE_NAME}"))}
    return {}


Found = tuple[str, dict[str, Any], Config, Path, tuple[str, ...]]


def _find(data: Any) -> Found:
    if isinstance(data, str | Path):
        named = named_datasets()
        if str(data) in named:
            return _folder(named[str(data)])
        if is_address(data):
            return _database(concealed(str(data)))
        path = Path(data).expanduser()
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _toml(path) if path.suffix == ".toml" else _file(path)
        if any(sign in str(data) for sign in "*?["):
            return _files(expand(str(data), Path.cwd()), Path.cwd())
        near = [*named, *(entry.name for entry in path.parent.iterdir())] if path.parent.is_dir() else [*named]
        raise OpskitError(
            f"data == {masked(str(data))!r}: there is no such file or folder, and the datasets that come with opskit are "
            f"{', '.join(named)}.{did_you_mean(path.name, near)}"
        )
    frames = dict(data) if isinstance(data, Mapping) else {"orders": data}
    for table, frame in frames.items():
        contract.table(table)
        if isinstance(frame, str | list | tuple | dict):
            raise OpskitError(f"{table} is a {type(frame).__name__}, must be a frame; a path is opened by itself.")
    return "data", frames, Config(tables={name: TableConfig() for name in frames}), Path.cwd(), ()


def _toml(path: Path) -> Found:
    config = read(path)
    sources: dict[str, Any] = {name: table.source for name, table in config.tables.items()}
    unnamed = [name for name, source in sources.items() if not source]
    if unnamed:
        raise OpskitError(f'{path} [tables.{unnamed[0]}] names no source. Add source = "file.csv".')
    return path.resolve().parent.name, sources, config, path.resolve().parent, ()


def _folder(path: Path) -> Found:
    if (path / FILE_NAME).is_file():
        return _toml(path / FILE_NAME)
    files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SUFFIXES)
    if not files:
        raise OpskitError(f"{path} holds neither {FILE_NAME} nor a data file ({', '.join(sorted(SUFFIXES))}).")
    return _files(files, path)


def _file(path: Path) -> Found:
    """A file's own opskit.toml speaks for it; without one, its columns are guessed and the guess is told."""
    beside = path.resolve().parent / FILE_NAME
    if beside.is_file():
        config = read(beside)
        if any(
            path.resolve() in _paths(table.source, beside.parent) for table in config.tables.values() if table.source
        ):
            return _toml(beside)
    return _files([path], path.resolve().parent)


def _paths(source: str | list[str], base: Path) -> Iterator[Path]:
    try:
        yield from (path.resolve() for path in expand(source, base))
    except OpskitError:
        return


def _database(address: str) -> Found:
    proposal = propose([address], base=Path.cwd())
    sources: dict[str, Any] = {name: table.source for name, table in proposal.config.tables.items()}
    # A database lies in no folder, so that no truth.json that happens to be around is taken for its own.
    return database_name(address), sources, proposal.config, Path(os.devnull), proposal.notes


def _files(paths: list[Path], base: Path) -> Found:
    proposal = propose(paths, base=base)
    sources: dict[str, Any] = {name: table.source for name, table in proposal.config.tables.items()}
    name = paths[0].stem if len(paths) == 1 else base.resolve().name
    return name, sources, proposal.config, base, proposal.notes
