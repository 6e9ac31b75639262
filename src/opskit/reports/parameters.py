"""A page's parameters: read from its `parameters` cell, checked before anything runs."""

import ast
import datetime
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opskit.errors import OpskitError, did_you_mean
from opskit.reports.pages import Page

SHARED = ("data", "as_of", "where", "confidence", "seed")
"""Parameters that every page has; one of these that a chosen page lacks is refused, never skipped."""

_TYPES = {"Any": Any, "Literal": typing.Literal}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, annotation as written and default."""

    name: str
    annotation: str
    default: Any

    def read(self, value: Any) -> Any:
        """The value as the annotated type; texts, as from the command line, are parsed.

        Raises:
            ValueError: The value is not of the type.
        """
        from pydantic import ConfigDict, TypeAdapter

        adapter = TypeAdapter(_type(self), config=ConfigDict(allow_inf_nan=False))
        if not isinstance(value, str):
            return adapter.validate_python(value, strict=True)
        try:
            return adapter.validate_strings(value)
        except ValueError:
            return adapter.validate_python(ast.literal_eval(value), strict=True)


def declared(page: Page) -> dict[str, Parameter]:
    """The parameters of a page, by name.

    Raises:
        OpskitError: There is no cell tagged `parameters`, or it holds more than assignments of literals.
    """
    source = page.tagged("parameters")
    if source is None:
        raise OpskitError(
            f"{page.path} has no code cell tagged 'parameters': tag the cell that assigns data, as_of, where, "
            "confidence and seed, as the pages do (`opskit copy overview` shows one)."
        )
    try:
        return {parameter.name: parameter for parameter in map(_parameter, ast.parse(source).body)}
    except (SyntaxError, ValueError) as error:
        raise OpskitError(
            f"The parameters cell of {page.path} must only assign literals, like `confidence: float = 0.95` ({error})."
        ) from error


def check(page: Page, given: Mapping[str, Any], *, source: str = "") -> dict[str, Any]:
    """Typed values of the given parameters that the page declares.

    Args:
        page: The page they are for.
        given: Values by name, texts or already typed.
        source: Where they come from, named in errors ("row 3 of runs.csv").

    Raises:
        OpskitError: A value is not of the declared type, or the page lacks a parameter that every page has.
    """
    parameters, typed, place = declared(page), {}, f"{source}: " if source else ""
    for name, value in given.items():
        if name not in parameters:
            if name in SHARED:
                raise OpskitError(f"{place}{page.name} has no parameter {name!r}; it has {', '.join(parameters)}.")
            continue
        parameter = parameters[name]
        try:
            typed[name] = parameter.read(value)
        except OpskitError:
            raise
        except (ValueError, SyntaxError) as error:
            raise OpskitError(
                f"{place}{name} == {value!r}, must be {parameter.annotation} for {page.name} "
                f"(default {parameter.default!r})."
            ) from error
    return typed


def refuse_unknown(names: Iterable[str], pages: Sequence[Page], *, source: str = "") -> None:
    """Refuse names that none of the pages declares.

    Raises:
        OpskitError: Naming the nearest parameter there is.
    """
    known = list(dict.fromkeys(name for page in pages for name in declared(page)))
    for name in names:
        if name not in known:
            place = f"{source}: " if source else ""
            raise OpskitError(
                f"{place}no chosen page has a parameter {name!r}.{did_you_mean(name, known)} "
                f"There are {', '.join(known)}."
            )


def from_options(options: Iterable[str]) -> dict[str, str]:
    """Values by name from ``name=value`` texts.

    >>> from_options(["where=region=North", "confidence=0.9"])
    {'where': 'region=North', 'confidence': '0.9'}
    """
    values: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name.strip().isidentifier():
            raise OpskitError(f"-p {option!r}, must be name=value, like -p confidence=0.9.")
        if values.setdefault(name.strip(), value) != value:
            raise OpskitError(f"-p {name.strip()} is given twice, with different values.")
    return values


def from_batch(path: Path) -> list[dict[str, str]]:
    """Parameter sets from the rows of a CSV or Excel table; an empty cell keeps the page's default.

    Raises:
        OpskitError: The file cannot be read, or holds no row.
    """
    import pandas as pd
    from python_calamine import CalamineError

    try:
        if path.suffix.lower() in {".xlsx", ".xlsm", ".xls", ".ods"}:
            table = pd.read_excel(path, engine="calamine", dtype=object)
        else:
            table = _read_csv(path)
    except (OSError, ValueError, CalamineError) as error:
        raise OpskitError(f"{path} cannot be read as a table of parameters (CSV or Excel): {error}.") from error
    if table.empty:
        raise OpskitError(f"{path} holds no row: the first row names the parameters, each further row is one run.")
    names = [str(name).strip() for name in table.columns]
    return [
        {name: _cell(value) for name, value in zip(names, row, strict=True) if not pd.isna(value) and value != ""}
        for row in table.itertuples(index=False, name=None)
    ]


def _read_csv(path: Path) -> Any:
    import pandas as pd

    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except UnicodeDecodeError:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="gb18030")


def _cell(value: Any) -> str:
    """A spreadsheet's cell as one would type it: 7.0 is 7, a midnight is a date."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip()


def _parameter(node: ast.stmt) -> Parameter:
    match node:
        case ast.AnnAssign(target=ast.Name(name), annotation=annotation, value=ast.expr() as value):
            return Parameter(name, ast.unparse(annotation), ast.literal_eval(value))
        case ast.Assign(targets=[ast.Name(name)], value=value):
            default = ast.literal_eval(value)
            return Parameter(name, type(default).__name__ if default is not None else "Any", default)
        case _:
            raise ValueError(f"found `{ast.unparse(node)[:60]}`")


def _type(parameter: Parameter) -> Any:
    holder = type("Parameters", (), {"__annotations__": {parameter.name: parameter.annotation}})
    try:
        return typing.get_type_hints(holder, localns=_TYPES)[parameter.name]
    except (NameError, TypeError, SyntaxError) as error:
        raise OpskitError(
            f"Parameter {parameter.name!r} has the type {parameter.annotation!r}, must be made of "
            "str, int, float, bool, list, dict, tuple, Literal or None."
        ) from error
