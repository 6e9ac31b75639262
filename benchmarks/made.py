"""Tables of the sample shop at the size asked for, made once and kept."""

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from opskit import sample

_SAMPLE = 20_000
"""Customers drawn to learn how many rows each brings."""


def tables(folder: Path, names: Collection[str], *, counted: str, rows: int) -> Path:
    """Write a shop in which the table counted has about so many rows.

    Args:
        folder: Where shops are kept; one already there is used again.
        names: Tables to write.
        counted: The table whose rows are given.
        rows: How many, to within a few per cent.

    Returns:
        The folder that holds a Parquet file per table.
    """
    few = _written(folder, _SAMPLE, {counted})
    each = pq.read_metadata(few / f"{counted}.parquet").num_rows / _SAMPLE
    return _written(folder, round(rows / each), names)


def _written(folder: Path, customers: int, names: Collection[str]) -> Path:
    """Tables missing from the shop of so many customers; they fit those there, for each draws by its own name."""
    shop = folder / str(customers)
    missing = [name for name in names if not (shop / f"{name}.parquet").exists()]
    for name in missing:
        part = folder / f"{customers}-{name}"
        sample.write(part, customers=customers, tables=(name,))
        shop.mkdir(exist_ok=True)
        (part / f"{name}.parquet").rename(shop / f"{name}.parquet")
    return shop
