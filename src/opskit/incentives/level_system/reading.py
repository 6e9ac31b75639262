"""A design of levels as a TOML file: read with clear errors, and a template to start from."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from opskit.errors import OpskitError, did_you_mean
from opskit.incentives.level_system.design import Benefit, Design, Earn, Goals, Level
from opskit.incentives.level_system.soundness import checked

FILE_NAME = "level_design.toml"


def read(source: str | Path) -> Design:
    """Read a design from a TOML file or its text.

    Args:
        source: A path, or text that holds a line break.

    Returns:
        The design, checked.

    Raises:
        OpskitError: Naming the value, the rule and what to do.

    >>> read(template()).names
    ('member', 'silver', 'gold', 'diamond')
    """
    text, told = str(source), "the design"
    if "\n" not in text:
        told = text
        try:
            text = Path(source).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OpskitError(
                f"design == {told!r}, must be a readable file. Write one: opskit template level_design"
            ) from error
    try:
        return _design(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise OpskitError(f"{told} is no TOML: {error}. Start from opskit template level_design.") from error


def template() -> str:
    """The design file that `opskit template level_design` writes: complete, with target shares, no money of one currency."""
    return resources.files(__package__).joinpath("template.toml").read_text(encoding="utf-8")


def write_template(out: Path, *, force: bool = False) -> Path:
    """Write `template` as level_design.toml.

    Args:
        out: A folder, or a file whose folder is meant.
        force: Replace a file that is there.

    Returns:
        The file written.

    Raises:
        OpskitError: It is there already, or the place cannot be written.
    """
    target = (out.parent if out.suffix else out) / FILE_NAME
    if target.exists() and not force:
        raise OpskitError(f"{target} is there already. Give another --out, or --force to replace it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(template(), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OpskitError(f"{target} cannot be written: {error.strerror}. Give another --out.") from error
    return target


_TOP = ("name", "value", "currency", "window_months", "keep_months", "goals", "earn", "levels", "benefits")


def _design(table: Mapping[str, Any]) -> Design:
    _known(table, _TOP, "the design")
    for name in ("earn", "levels"):
        if not isinstance(table.get(name), list) or not table[name]:
            raise OpskitError(
                f"the design has no [[{name}]]; at least one is needed. See opskit template level_design."
            )
    return checked(
        Design(
            name=str(table.get("name", "levels")),
            value=str(table.get("value", "growth value")),
            currency=str(table.get("currency", "")),
            window_months=table.get("window_months", 12),
            keep_months=table.get("keep_months", 0),
            goals=_made(Goals, table.get("goals", {}), "goals"),
            earn=tuple(_made(Earn, row, f"earn {place}") for place, row in enumerate(table["earn"], 1)),
            levels=tuple(_made(Level, row, f"levels {place}") for place, row in enumerate(table["levels"], 1)),
            benefits=tuple(
                _made(Benefit, row, f"benefits {place}") for place, row in enumerate(table.get("benefits", []), 1)
            ),
        )
    )


def _known(table: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise OpskitError(f"{where} == {table!r}, must be a table of settings.")
    for name in table:
        if name not in names:
            raise OpskitError(f"{where} has {name!r}, which is no setting.{did_you_mean(str(name), names)}")


def _made[T: (Earn, Level, Benefit, Goals)](kind: type[T], row: Any, where: str) -> T:
    """One row of the file, its names, kinds and must-haves checked."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    _known(row, tuple(fields), where)
    for name, field in fields.items():
        if name not in row:
            if field.default is dataclasses.MISSING:
                raise OpskitError(f"{where} lacks {name!r}. See opskit template level_design.")
            continue
        kinds: Any = {str: str, bool: bool}.get(field.type, (int, float))  # type: ignore[arg-type]
        right = isinstance(row[name], kinds) and (field.type is bool or not isinstance(row[name], bool))
        if not right or (field.type in (int, int | None) and row[name] != int(row[name])):
            wanted = {str: "a text", bool: "true or false", int: "a whole number"}.get(field.type, "a number")  # type: ignore[arg-type]
            raise OpskitError(f"{where} {name} == {row[name]!r}, must be {wanted}.")
    return kind(**row)
