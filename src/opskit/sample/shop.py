"""Writes the sample shop: Parquet tables, their declaration, the truth and the data dictionary."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError, check
from opskit.sample import derived, dictionary, level_design
from opskit.sample.truth import planted, values
from opskit.sample.world import LAST_DAY, Chunk, Column, World, builders

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = (
    "planted: what the shop was made from, and opskit sample --truth can change. derived: what follows from it; "
    "standard_error is that of the figure itself, 0 where a formula gives it. A good estimate lies within 4 of its own "
    "standard errors of value, and its 95% interval is no wider than max_interval_width (null: not worked out)."
)


def write(
    out: str | Path,
    *,
    customers: int = 4000,
    months: int = 24,
    seed: int = 7,
    truth: str | Path | None = None,
    tables: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a fictional shop whose truth is known.

    Args:
        out: Folder to write to, made if need be.
        customers: Accounts, prospects included.
        months: Whole months, the last one December 2025.
        seed: Another seed draws other customers from the same truth.
        truth: JSON file {parameter: value} that overrides planted parameters.
        tables: Write only these, and of the derived figures those that they can show. All by default.
        progress: Called with customers done and customers in all.

    Returns:
        The folder, holding one Parquet file per table, opskit.toml, truth.json and README.md, and beside orders
        level_design.toml.

    Raises:
        OpskitError: An argument or a planted value is out of bounds.

    Assumes: the same arguments give the same bytes only with the same versions of numpy and pyarrow.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     shop = write(folder, customers=50, months=3, tables=("customers", "orders"))
    ...     sorted(file.stem for file in shop.glob("*.parquet"))
    ['customers', 'orders']
    """
    _check_whole(customers, "customers", ge=1)
    _check_whole(months, "months", ge=1, le=120)
    _check_whole(seed, "seed", ge=0)
    modules = builders()
    for name in tables or ():
        check(name, "tables", among=modules)
    chosen = {name: module for name, module in modules.items() if tables is None or name in tables}
    world = World(values(truth), customers, months, seed)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _write_tables(folder, world, chosen, progress)
    shop = dictionary.Shop(world.first_day, LAST_DAY, customers, months, seed)
    for name, text in (
        ("opskit.toml", dictionary.declaration(chosen)),
        ("truth.json", _truth_json(world, chosen)),
        ("README.md", dictionary.readme(shop, chosen)),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    if "orders" in chosen:
        (folder / level_design.FILE_NAME).write_text(level_design.text(), encoding="utf-8", newline="\n")
    return folder


def _check_whole(value: Any, name: str, *, ge: int, le: int | None = None) -> None:
    check(value, name, ge=ge, le=le)
    if value != int(value):
        raise OpskitError(f"{name} == {value!r}, must be a whole number.")


def _write_tables(
    folder: Path, world: World, modules: Mapping[str, Any], progress: Callable[[int, int], None] | None
) -> None:
    """One chunk of customers at a time, one open file per table."""
    import pyarrow.parquet as pq

    schemas = {name: _schema(module.COLUMNS) for name, module in modules.items()}
    with ExitStack() as files:
        writers = {
            name: files.enter_context(
                pq.ParquetWriter(
                    folder / f"{name}.parquet", schema, compression="zstd", compression_level=9, store_schema=False
                )
            )
            for name, schema in schemas.items()
        }
        for index in range(world.chunks):
            chunk = world.chunk(index)
            for name, writer in writers.items():
                rows = _arrow(chunk, name, schemas[name])
                if len(rows):
                    writer.write_table(rows, row_group_size=len(rows))
            if progress:
                progress(chunk.start + chunk.size, world.customers)


def _schema(columns: Mapping[str, Column]) -> "pa.Schema":
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "category": pa.string(),
        "timestamp": pa.timestamp("us"),
        "date": pa.date32(),
        "money": pa.float64(),
        "number": pa.float64(),
        "bool": pa.bool_(),
        "int16": pa.int16(),
        "int64": pa.int64(),
    }
    return pa.schema([(name, kinds[column.kind]) for name, column in columns.items()])


def _arrow(chunk: Chunk, name: str, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    columns = chunk.table(name)
    return pa.table(
        [
            pa.array(
                columns[field.name].astype("datetime64[D]") if pa.types.is_date(field.type) else columns[field.name],
                type=field.type,
                from_pandas=True,
            )
            for field in schema
        ],
        schema=schema,
    )


def _truth_json(world: World, tables: Collection[str]) -> str:
    """Planted and derived figures by name, each with how wide an interval may be and still answer."""
    spread = derived.spreads(world.truth, world.months, tables)
    entries: dict[str, dict[str, Any]] = {
        name: {
            "value": world.truth[name],
            **{key: spec[key] for key in ("unit", "where", "estimate")},
            "max_interval_width": derived.widest(spread.get(name), world.customers),
        }
        for name, spec in planted().items()
    }
    implied = {
        name: {
            "value": _short(figure.value),
            "unit": figure.unit,
            "where": figure.where,
            "estimate": figure.estimate,
            "standard_error": _short(figure.standard_error),
            "max_interval_width": derived.widest(figure.spread, world.customers),
        }
        for name, figure in derived.figures(world.truth, world.months, tables).items()
    }
    return json.dumps({"about": ABOUT, "planted": entries, "derived": implied}, indent=1, ensure_ascii=False) + "\n"


def _short(value: float) -> float | None:
    """Six significant digits; a figure that cannot be worked out is null."""
    return None if value != value else float(f"{value:.6g}")
