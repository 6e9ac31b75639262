"""Tables written for people and machines, so that no cell runs as a formula and no reader sees half a file."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import pandas as pd

_STARTS_FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]")  # full-width signs too
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV, Excel or Parquet, by the file's suffix.

    In CSV and Excel, texts that a spreadsheet would run as a formula get a leading apostrophe; numbers stay numbers.
    CSV carries a byte order mark, by which Excel knows that it is UTF-8. The file appears whole or not at all.

    Args:
        frame: The table; its index is not written.
        path: File ending in .csv, .xlsx or .parquet.

    Raises:
        OpskitError: The suffix is none of these.
    """
    writers: dict[str, Callable[[Path], object]] = {
        ".csv": lambda target: _inert(frame).to_csv(target, index=False, encoding="utf-8-sig", lineterminator="\n"),
        ".xlsx": lambda target: _inert(frame, control=True).to_excel(target, index=False, engine="openpyxl"),
        ".parquet": lambda target: frame.to_parquet(target, index=False),
    }
    if path.suffix.lower() not in writers:
        raise OpskitError(f"{path.name} must end in .csv, .xlsx or .parquet.")
    replace(path, writers[path.suffix.lower()])


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8; the file appears whole or not at all."""
    replace(path, lambda target: target.write_text(text, encoding="utf-8", newline="\n"))


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new file beside the path, then put it in its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def inert(value: Any) -> Any:
    """The cell as a spreadsheet may hold it: a text that would run as a formula gets an apostrophe in front.

    >>> inert("=1+1"), inert("-5.2"), inert("-2+3"), inert(-5.2), inert("North")
    ("'=1+1", '-5.2', "'-2+3", -5.2, 'North')
    """
    if isinstance(value, str) and _STARTS_FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def _inert(frame: "pd.DataFrame", *, control: bool = False) -> "pd.DataFrame":
    import pandas as pd

    def cell(value: Any) -> Any:
        return inert(_CONTROL.sub("", value) if control and isinstance(value, str) else value)

    def column(values: "pd.Series[Any]") -> "pd.Series[Any]":
        keeps = pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype)
        return values if keeps else values.astype(object).map(cell)

    safe = pd.DataFrame({position: column(frame.iloc[:, position]) for position in range(frame.shape[1])})
    safe.columns = [cell(name) for name in frame.columns]
    return safe
