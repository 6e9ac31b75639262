"""CSV exports of any common encoding, delimiter and preamble as a DuckDB table of text."""

import codecs
import csv
from pathlib import Path
from typing import TYPE_CHECKING

from opskit import contract
from opskit.dataset.sql import Raw, literal, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

ENCODINGS = ["gb18030", "big5", "cp1252", "utf_16_le", "utf_16_be"]
CHUNK_BYTES = 1 << 22


def load_csv(con: "duckdb.DuckDBPyConnection", paths: list[Path], name: str, *, scratch: Path, encoding: str) -> Raw:
    """Store CSV files of one layout as a table of text; lines that do not fit the header are counted.

    Raises:
        OpskitError: The encoding is not known or does not fit.
    """
    notes: list[str] = []
    readable: list[Path] = []
    for number, path in enumerate(paths):
        found = encoding or detect_encoding(path)
        if found == "utf-8":
            readable.append(path)
        else:
            readable.append(_transcode(path, found, scratch / f"{name}_{number}.csv"))
            notes.append(f"{path.name} is read as {found}.")
    delimiter, skip = _layout(readable[0])
    if skip:
        notes.append(f"{paths[0].name}: {skip} line(s) above the header are skipped.")
    rejects = f"rejects_{name}"
    files = "[" + ", ".join(literal(str(path)) for path in readable) + "]"
    # A view: parsing text again is cheaper than storing it, and only the cleaned table is kept.
    con.execute(
        f"CREATE VIEW {quoted(name)} AS FROM read_csv({files}, all_varchar = true, header = true, "
        f"delim = {literal(delimiter)}, skip = {skip}, quote = '\"', escape = '\"', auto_detect = false, "
        f"columns = {_columns(readable[0], delimiter, skip)}, ignore_errors = true, store_rejects = true, "
        f"rejects_table = {literal(rejects)}, rejects_scan = {literal(rejects + '_scan')}, rejects_limit = 0)"
    )
    return Raw(name, text=True, rejects=rejects, notes=tuple(notes))


def _columns(path: Path, delimiter: str, skip: int) -> str:
    header = _first_rows(path, delimiter, skip + 1)[skip]
    names: dict[str, int] = {}
    columns: list[str] = []
    for position, cell in enumerate(header):
        cell = cell or f"column_{position + 1}"
        names[cell] = names.get(cell, 0) + 1
        columns.append(cell if names[cell] == 1 else f"{cell}_{names[cell]}")
    return "{" + ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns) + "}"


def detect_encoding(path: Path) -> str:
    """UTF-8 when every byte of the file allows it, else the likeliest of the encodings used by common exports.

    Raises:
        OpskitError: None fits.
    """
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        sample = b""
        try:
            while chunk := file.read(CHUNK_BYTES):
                sample = chunk
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return "utf-8"
    from charset_normalizer import from_bytes

    # Only the lines that are not plain ASCII say anything about the encoding.
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:200_000]
    best = from_bytes(telling, cp_isolation=ENCODINGS).best()
    encoding = best.encoding if best else _by_headers(telling)
    if not encoding:
        raise OpskitError(
            f"{path.name} is in none of the encodings tried: utf-8, {', '.join(ENCODINGS)}. "
            'Save it as UTF-8, or name its encoding in opskit.toml: encoding = "…".'
        )
    return encoding


def _by_headers(telling: bytes) -> str:
    """The encoding in which the text holds most of the headers that exports are known to have; '' when none has any.

    Ids such as 客户1, 客户2, … repeat so few characters that statistics take them for noise.
    """
    columns = [column for table in contract.tables().values() for column in table.columns.values()]
    known = {word for column in columns for word in column.names if not word.isascii()}
    found = {encoding: telling.decode(encoding, errors="replace") for encoding in ENCODINGS}
    held = {encoding: sum(word in text for word in known) for encoding, text in found.items()}
    return max(held, key=lambda encoding: held[encoding]) if any(held.values()) else ""


def _transcode(path: Path, encoding: str, target: Path) -> Path:
    try:
        with path.open(encoding=encoding, newline="") as source, target.open("w", encoding="utf-8", newline="") as sink:
            while text := source.read(CHUNK_BYTES):
                sink.write(text)
    except LookupError as error:
        raise OpskitError(f"encoding == {encoding!r}, must be an encoding Python knows, e.g. gb18030.") from error
    except UnicodeError as error:
        raise OpskitError(
            f"{path.name} is not {encoding}: {error}. Save it as UTF-8, or name its encoding in opskit.toml: "
            'encoding = "…".'
        ) from error
    return target


def _first_rows(path: Path, delimiter: str, count: int) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        return [row for _, row in zip(range(count), reader, strict=False)]


def _layout(path: Path) -> tuple[str, int]:
    """Delimiter, and the number of lines above the header: the header is the first row as wide as most rows are."""
    best = (1, ",", 0)
    for delimiter in (",", "\t", ";", "|"):
        widths = [len(row) for row in _first_rows(path, delimiter, 50)]
        filled = [width for width in widths if width]
        if not filled:
            continue
        usual = max(set(filled), key=lambda width: (filled.count(width), width))
        if usual > best[0]:
            best = (usual, delimiter, widths.index(usual))
    return best[1], best[2]
