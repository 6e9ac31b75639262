"""What a page shows on top of its report: the headline's figures and the decision."""

import html
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError, did_you_mean
from opskit.reports import numbers

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("name", "value", "low", "high", "n", "unit")
_ENTITIES = str.maketrans({character: f"&#{ord(character)};" for character in "&<>[]$"})


def headline(frame: "pd.DataFrame") -> None:
    """Show the page's key figures, and store them beside the table for the runner.

    Args:
        frame: One row per figure: name (unique text), value, low and high (nan where there is no interval or nothing
            is observable yet), n (rows or customers behind it), unit ("share" for 0 to 1, shown as a percentage;
            "CNY", "days", "customers", …; "" for none).

    Raises:
        OpskitError: A column is missing or unknown, a name is empty or repeated, n is missing or negative, or a
            value lies outside its interval.

    >>> import pandas as pd
    >>> headline(
    ...     pd.DataFrame(
    ...         {"name": ["Repeat rate"], "value": [0.25], "low": [0.2], "high": [0.31], "n": [400], "unit": ["share"]}
    ...     )
    ... )
    Figure       Value  Low  High    n
    Repeat rate    25%  20%   31%  400
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    rows = _rows(frame)
    display(_Headline(rows))
    # An output of its own: where both are in one, JupyterLab shows the JSON and hides the table.
    if get_ipython() is not None:
        display(_stored(rows), raw=True)


def decision(lines: Iterable[str]) -> None:
    """Show what to do, one bullet a line; ``**bold**`` and ``code`` are kept, any other markup is shown as text.

    Args:
        lines: Sentences computed from the numbers, so that they stay true for other data.

    Raises:
        OpskitError: There is no line, or a line is empty.

    >>> decision(["Call the 120 customers that are **late**."])
    - Call the 120 customers that are **late**.
    """
    from IPython.display import display

    bullets = [lines] if isinstance(lines, str) else list(lines)
    if not bullets or not all(line.strip() for line in bullets):
        raise OpskitError(f"decision lines == {bullets!r}, must be one or more sentences.")
    display(_Decision(bullets))


def _stored(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"application/json": {"headline": rows}}


class _Headline:
    """Renders the checked rows as a table, in HTML and in text."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.cells = [_cells(row) for row in rows]

    def __repr__(self) -> str:
        table = [("Figure", "Value", "Low", "High", "n"), *self.cells]
        widths = [max(len(row[i]) for row in table) for i in range(5)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, 5))]) for row in table
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            "text/html": table_html(self.cells),
            "text/plain": repr(self),
        }


class _Decision:
    """Renders the lines as bullets, escaped in Markdown and as they are in plain text."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __repr__(self) -> str:
        return "\n".join(f"- {line}" for line in self.lines)

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- {_escaped(line)}" for line in self.lines)


def table_html(cells: list[tuple[str, ...]]) -> str:
    """The headline's HTML table; every text is escaped."""
    head = "".join(f"<th>{title}</th>" for title in ("Figure", "Value", "Low", "High", "n"))
    body = "\n".join(
        "<tr>"
        + f"<th>{html.escape(name)}</th><td><strong>{html.escape(value)}</strong></td>"
        + "".join(f"<td>{html.escape(text)}</td>" for text in rest)
        + "</tr>"
        for name, value, *rest in cells
    )
    return f'<table class="headline">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    value, low, high = numbers.estimate(row["value"], row["low"], row["high"], row["unit"])
    return row["name"], value, low, high, f"{row['n']:,}"


def _rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    have = [str(column) for column in frame.columns]
    for column in COLUMNS:
        if column not in have:
            raise OpskitError(
                f"headline lacks {column!r}; it has {', '.join(map(repr, have))}."
                f"{did_you_mean(column, have)} Its columns are {', '.join(COLUMNS)}."
            )
    if extra := sorted(set(have) - set(COLUMNS)):
        raise OpskitError(f"headline has {extra[0]!r}; its columns are {', '.join(COLUMNS)}. Drop it.")
    if frame.empty:
        raise OpskitError("headline has 0 rows, must have at least one figure.")
    rows = [_row(record) for record in frame.to_dict("records")]
    names = [row["name"] for row in rows]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise OpskitError(f"headline names {repeated[0]!r} more than once: give every figure its own name.")
    return rows


def _row(record: dict[Any, Any]) -> dict[str, Any]:
    name, unit = record["name"], record["unit"]
    if not isinstance(name, str) or not name.strip():
        raise OpskitError(f"headline name == {name!r}, must be a text that names the figure.")
    if not isinstance(unit, str):
        raise OpskitError(f"unit of headline {name!r} == {unit!r}, must be a text ('' for none).")
    value, low, high, n = (_number(record[column], f"{column} of headline {name!r}") for column in COLUMNS[1:5])
    if not (n >= 0 and n.is_integer()):
        raise OpskitError(f"n of headline {name!r} == {n}, must be a whole number >= 0.")
    slack = 1e-9 * max(map(abs, (value, low, high)))
    if low > high + slack or value < low - slack or value > high + slack:
        raise OpskitError(f"headline {name!r}: value {value:g} must lie within low {low:g} and high {high:g}.")
    stored = {column: numbers.significant(x) for column, x in (("value", value), ("low", low), ("high", high))}
    return {"name": name, **stored, "n": int(n), "unit": unit}


def _number(value: Any, what: str) -> float:
    import pandas as pd

    if pd.isna(value):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise OpskitError(f"{what} == {value!r}, must be a number, or nan when it is not observable.") from error


def _escaped(line: str) -> str:
    """The line as Markdown in which a name from the data can neither open a tag nor a link, nor end the bullet."""
    text = " ".join(line.split()).translate(_ENTITIES)
    return re.sub(r"^([#+-]|\d+[.)])(?=\s)", r"\\\1", text)
