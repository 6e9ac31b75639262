"""Dates and times of any common notation, read only where there is no doubt."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from opskit.dataset.clean import Typed, folded
from opskit.dataset.sql import literal, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS, MAX_ROUNDS = 5000, 6
DATE_PARTS = (
    (r"\d{4}([-/.])\d{1,2}\1\d{1,2}", "%Y{0}%m{0}%d"),
    (r"\d{4}年\d{1,2}月\d{1,2}日", "%Y年%m月%d日"),
    (r"\d{1,2}([- ])aaa\1\d{4}", "%d{0}%b{0}%Y"),
    (r"aaa \d{1,2}, \d{4}", "%b %d, %Y"),
    (r"a{3,9} \d{1,2}, \d{4}", "%B %d, %Y"),
    (r"\d{1,2} a{3,9} \d{4}", "%d %B %Y"),
)
COMPACT = {"9" * 8: "%Y%m%d", "9" * 14: "%Y%m%d%H%M%S"}
AMBIGUOUS = r"\d{1,2}([-/.])\d{1,2}\1(\d{4}|\d{2})"
# In a shape every digit is a 9 and every letter an a: a lone a is ISO's T or Z, aa is AM or PM, aaa is UTC.
TIME_PART = (
    r"(?P<gap> +|a)(?P<time>9{1,2}:99)(?P<seconds>:99)?(?P<fraction>\.9{1,9})?(?P<noon> ?aa(?!a))?"
    r"(?P<zone> ?a{1}| ?aaa| ?[+-]99:?99)?"
)
DIGITS_AND_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz", "9" * 10 + "a" * 26


def as_time(
    con: "duckdb.DuckDBPyConnection", raw: str, column: str, kind: str, *, label: str, date_format: str, timezone: str
) -> Typed:
    """Moments as naive local timestamps.

    Text is read only by formats that leave no doubt: year first, month names, or day/month orders that the values
    themselves settle. Excel serial days and Unix seconds are known by their size.

    Raises:
        OpskitError: Day and month cannot be told apart, or are mixed; a time zone is needed and not given.
    """
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        return Typed(_localized(quoted(column), label, timezone))
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return Typed(f"{quoted(column)}::TIMESTAMP")
    if date_format:
        return Typed(
            _either(column, lambda text: f"try_strptime({text}, {literal(date_format)})::TIMESTAMP"), parsed=True
        )
    formats = _formats(con, raw, column, label, timezone)
    typed = Typed(_reader(column, list(formats), label, timezone), parsed=True)
    if len(formats) > 1:
        examples = ", ".join(sorted(formats.values()))
        typed.notes.append(f"{label} holds dates in {len(formats)} formats, each unmistakable: e.g. {examples}.")
    return typed


def _formats(con: "duckdb.DuckDBPyConnection", raw: str, column: str, label: str, timezone: str) -> dict[str, str]:
    """Every format that the column's values use, with an example: looked for among those not yet readable."""
    text = folded(column)
    shape = f"translate(lower({text}), {literal(DIGITS_AND_LETTERS[0])}, {literal(DIGITS_AND_LETTERS[1])})"
    formats: dict[str, str] = {}
    source = f"(FROM {quoted(raw)} LIMIT {SAMPLE_ROWS})"
    for _ in range(MAX_ROUNDS):
        unread = f"{text} IS NOT NULL"
        if formats:
            unread += f" AND {_reader(column, list(formats), label, timezone)} IS NULL"
        shapes = con.execute(
            f"SELECT {shape} AS shape, min({text}) FROM {source} WHERE {unread} GROUP BY shape ORDER BY shape LIMIT 1000"
        ).fetchall()
        before = len(formats)
        for pattern, example in shapes:
            found = _format(pattern, lambda: _day_first(con, raw, text, label))
            if found:
                formats.setdefault(found, example)
        if len(formats) == before and source == quoted(raw):
            break
        source = quoted(raw)
    return formats


def _reader(column: str, formats: list[str], label: str, timezone: str) -> str:
    """SQL that reads a column by formats known to be in it."""
    zoned = [name for name in formats if "%z" in name]
    naive = [name for name in formats if "%" in name and name not in zoned]
    branches: list[str] = []
    if naive:
        listed = ", ".join(map(literal, naive))
        branches.append(_either(column, lambda text: f"try_strptime({text}, [{listed}])::TIMESTAMP"))
    if zoned:
        instant = f"coalesce({', '.join(_instant(folded(column), name) for name in zoned)})"
        branches.append(_localized(instant, label, timezone))
    number = f"try_cast({folded(column)} AS DOUBLE)"
    if "serial" in formats:
        seconds = f"to_microseconds(round({number} * 86400)::BIGINT * 1000000)"
        branches.append(f"CASE WHEN {number} BETWEEN 20000 AND 80000 THEN TIMESTAMP '1899-12-30' + {seconds} END")
    if "epoch" in formats:
        seconds = (
            f"CASE WHEN {number} BETWEEN 1e8 AND 1e10 THEN {number} "
            f"WHEN {number} BETWEEN 1e11 AND 1e13 THEN {number} / 1000 END"
        )
        branches.append(_localized(f"to_timestamp({seconds})", label, timezone))
    return f"coalesce({', '.join(branches)})" if branches else "NULL::TIMESTAMP"


def _either(column: str, read: Callable[[str], str]) -> str:
    """The value as it stands, and only where that fails the tidied one."""
    return f"coalesce({read(f'{quoted(column)}::VARCHAR')}, {read(folded(column))})"


def _instant(text: str, name: str) -> str:
    zoned = (
        f"regexp_replace(regexp_replace({text}, '(?i) ?(z|utc)$', '+00:00'), ' ?([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    )
    return f"try_strptime({zoned}, {literal(name)})"


def _localized(sql: str, label: str, timezone: str) -> str:
    if not timezone:
        raise OpskitError(
            f"{label} carries a time zone, and reports use local time. "
            'Name the zone in opskit.toml (opskit init writes one): timezone = "Asia/Shanghai"; or opskit.open(…, timezone=…).'
        )
    return f"timezone({literal(timezone)}, ({sql})::TIMESTAMPTZ)"


def _format(shape: str, day_first: Callable[[], bool]) -> str | None:
    """The strptime format of a shape, 'serial' or 'epoch', or None when unknown."""
    if re.fullmatch(r"9{5}(\.9+)?", shape):
        return "serial"
    if re.fullmatch(r"9{10}(\.9+)?|9{13}", shape):
        return "epoch"
    if shape in COMPACT:
        return COMPACT[shape]
    for pattern, name in DATE_PARTS:
        if match := re.match(pattern, shape):
            return _with_time(name.format(*match.groups()), shape[match.end() :])
    if match := re.match(AMBIGUOUS, shape):
        separator, year = match.group(1), "%Y" if len(match.group(2)) == 4 else "%y"
        parts = ("%d", "%m") if day_first() else ("%m", "%d")
        return _with_time(separator.join((*parts, year)), shape[match.end() :])
    return None


def _with_time(date: str, rest: str) -> str | None:
    if not rest:
        return date
    match = re.fullmatch(TIME_PART, rest)
    if not match:
        return None
    gap = match["gap"].replace("a", "T")
    clock = "%I:%M" if match["noon"] else "%H:%M"
    seconds = ":%S" if match["seconds"] else ""
    digits = len(match["fraction"] or ".") - 1
    fraction = "" if not digits else ".%g" if digits <= 3 else ".%f" if digits <= 6 else ".%n"
    noon = (match["noon"] or "").replace("aa", "%p")
    return f"{date}{gap}{clock}{seconds}{fraction}{noon}{'%z' if match['zone'] else ''}"


def _day_first(con: "duckdb.DuckDBPyConnection", raw: str, text: str, label: str) -> bool:
    parts = f"regexp_extract({text}, '^(\\d{{1,2}})[-/.](\\d{{1,2}})[-/.]\\d{{2,4}}', ['a', 'b'])"
    above = [
        f"count(*) FILTER (try_cast(p.{part} AS INT) > 12), min({text}) FILTER (try_cast(p.{part} AS INT) > 12)"
        for part in "ab"
    ]
    rows = con.execute(f"SELECT {', '.join(above)} FROM (SELECT *, {parts} AS p FROM {quoted(raw)})").fetchall()
    days_first, day_example, months_first, month_example = rows[0]
    remedy = (
        'Say which in opskit.toml: date_format = "%d/%m/%Y" or "%m/%d/%Y" under the table; rows that do not fit are '
        "then excluded and counted."
    )
    if days_first and months_first:
        raise OpskitError(
            f"{label} mixes day-first dates ({days_first:,} rows, e.g. {day_example}) and month-first dates "
            f"({months_first:,} rows, e.g. {month_example}). {remedy}"
        )
    if not days_first and not months_first:
        raise OpskitError(f"{label} could be day-first or month-first: no value settles it. {remedy}")
    return bool(days_first)
