"""What every reader of this folder says to DuckDB: raw tables, quoted names and literals, clean headers."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Raw:
    """A source inside DuckDB: the table's name there, whether it is all text, and where lines that do not fit are listed."""

    table: str
    text: bool
    rejects: str = ""
    notes: tuple[str, ...] = ()
    snapshot: bool = False
    """Whether it is a copy of what may have changed since."""


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def column_names(names: Iterable[str]) -> dict[str, str]:
    """Raw header → clean header: no byte-order mark, no outer blanks or quotes, full-width folded."""
    clean = {raw: unicodedata.normalize("NFKC", raw).strip(" \t\r\n\ufeff\u200b'\"`") for raw in names}
    seen: dict[str, int] = {}
    for raw, name in clean.items():
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            clean[raw] = f"{name}_{seen[name]}"
    return clean
