"""Empty tables to fill in, with the data dictionary beside them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from opskit.contract.tables import Table, table
from opskit.errors import OpskitError

DICTIONARY = ("table", "column", "required", "kind", "meaning", "allowed")


def write_template(names: Iterable[str], out: Path, *, force: bool = False) -> list[Path]:
    """Write empty tables with the contract's columns and a dictionary of them.

    Args:
        names: Tables of the contract.
        out: A workbook (.xlsx, one sheet a table) or a folder (one CSV a table and dictionary.csv).
        force: Replace files that are there.

    Returns:
        The files written.

    Raises:
        OpskitError: A table is unknown, a file is there already, or the place cannot be written.
    """
    specs = [table(name) for name in names]
    workbook = out.suffix.lower() == ".xlsx"
    targets = [out] if workbook else [out / f"{name}.csv" for name in (*(spec.name for spec in specs), "dictionary")]
    for target in targets:
        if target.exists() and not force:
            raise OpskitError(f"{target} is there already. Give another --out, or --force to replace it.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if workbook:
            _workbook(specs, out)
            return targets
        out.mkdir(exist_ok=True)
        for spec, target in zip(specs, targets, strict=False):
            _csv(target, [(*spec.columns, *spec.own_columns)])
        _csv(targets[-1], [DICTIONARY, *dictionary(specs)])
    except OSError as error:
        raise OpskitError(f"{out} cannot be written: {error.strerror}. Give another --out.") from error
    return targets


def dictionary(specs: Sequence[Table]) -> list[tuple[str, ...]]:
    """The data dictionary: table, column, required, kind, meaning, allowed values."""
    own = [(spec.name, "any other", "", "text", f"one row a {spec.row}", "") for spec in specs if spec.own_columns]
    return own + [
        (
            spec.name,
            column.name,
            "yes" if column.required else "",
            column.kind,
            column.about,
            ", ".join(column.values) or (f">= {column.min:g}" if column.min is not None else ""),
        )
        for spec in specs
        for column in spec.columns.values()
    ]


def _csv(path: Path, rows: list[tuple[str, ...]]) -> None:
    # Excel opens UTF-8 with Chinese text properly only when the file starts with a byte-order mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def _workbook(specs: list[Table], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font

    book = Workbook()
    first = book.active
    for spec in specs:
        sheet = book.create_sheet(spec.name)
        sheet.append([*spec.columns, *spec.own_columns])
        sheet.freeze_panes = "A2"
        for cell, column in zip(sheet[1], spec.columns.values(), strict=False):
            cell.font = Font(bold=column.required)
            cell.comment = Comment(f"{'required. ' if column.required else ''}{column.about}", "opskit")
            sheet.column_dimensions[cell.column_letter].width = max(12, len(column.name) + 4)
        for cell in sheet[1][len(spec.columns) :]:
            cell.comment = Comment(f"rename it, add more like it. One row a {spec.row}", "opskit")
            sheet.column_dimensions[cell.column_letter].width = len(str(cell.value)) + 4
    sheet = book.create_sheet("dictionary")
    for row in (DICTIONARY, *dictionary(specs)):
        sheet.append(list(row))
    if first is not None:
        book.remove(first)
    book.save(path)
