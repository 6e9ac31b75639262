"""Raw columns as typed columns, in DuckDB: what cannot be read is counted, never guessed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opskit.dataset.sql import literal, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

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
FULL_WIDTH = "０１２３４５６７８９．，－＋（）￥＄：／　", "0123456789.,-+()¥$:/ "
CURRENCY_SIGNS = {
    "¥": "¥",
    "元": "¥",
    "rmb": "¥",
    "cny": "¥",
    "$": "$",
    "usd": "$",
    "€": "€",
    "eur": "€",
    "£": "£",
    "gbp": "£",
}
CURRENCY = "|".join(re.escape(sign) for sign in CURRENCY_SIGNS)
TRUE, FALSE = ("true", "t", "yes", "y", "1", "是", "有"), ("false", "f", "no", "n", "0", "否", "无")
NUMBER_KINDS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "REAL", "NUMERIC")


@dataclass
class Typed:
    """SQL that reads one raw column as its kind, and what was decided on the way."""

    sql: str
    notes: list[str] = field(default_factory=list)
    currency: str = ""
    parsed: bool = False


def trimmed(column: str, *, guards: bool = True) -> str:
    """SQL: the text without outer blanks, and without spreadsheet guards (="…", leading ' or `); empty → NULL."""
    text = f"trim({quoted(column)}::VARCHAR, ' \t\r\n\u3000\ufeff')"
    if not guards:
        return f"nullif({text}, '')"
    return f"nullif(regexp_replace({text}, '^=\"(.*)\"$|^[''`](.*)$', '\\1\\2'), '')"


def as_id(column: str, kind: str, *, guards: bool) -> Typed:
    """Ids stay text (leading zeros kept); integers stay integers."""
    if "INT" in kind:
        return Typed(f"{quoted(column)}::BIGINT")
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        return Typed(f"{quoted(column)}::BIGINT", parsed=True)
    return as_text(column, kind, guards=guards)


def as_text(column: str, kind: str, *, guards: bool) -> Typed:
    """Words."""
    return Typed(trimmed(column, guards=guards) if kind == "VARCHAR" else f"{quoted(column)}::VARCHAR")


def as_flag(column: str, kind: str) -> Typed:
    """True or false, from booleans, numbers and the usual words of both languages."""
    if kind == "BOOLEAN" or kind.startswith(NUMBER_KINDS) or "INT" in kind:
        return Typed(f"{quoted(column)}::BOOLEAN")
    text = f"lower({trimmed(column)})"
    words = " ".join(
        f"WHEN {text} IN ({', '.join(map(literal, options))}) THEN {value}"
        for options, value in ((TRUE, "true"), (FALSE, "false"))
    )
    return Typed(f"CASE {words} END", parsed=True)


def as_number(
    con: "duckdb.DuckDBPyConnection", raw: str, column: str, kind: str, *, decimal: str, money: bool
) -> Typed:
    """Numbers: currency signs, thousands separators, full-width digits and accounting brackets understood.

    Raises:
        OpskitError: Amounts carry the signs of several currencies.
    """
    if kind.startswith(NUMBER_KINDS) or "INT" in kind:
        value = f"{quoted(column)}::DOUBLE"
        return Typed(f"CASE WHEN isfinite({value}) THEN {value} END")
    folded = f"translate(lower({trimmed(column)}), {literal(FULL_WIDTH[0])}, {literal(FULL_WIDTH[1])})"
    bare = f"regexp_replace({folded}, {literal(CURRENCY)}, '', 'g')" if money else folded
    bare = f"regexp_replace({bare}, '[\\s\u00a0]', '', 'g')"
    if decimal == ",":
        bare = f"translate({bare}, ',.', '.,')"
    signed = (
        f"CASE WHEN {bare} SIMILAR TO '\\(.*\\)' THEN '-' || trim({bare}, '()') "
        f"WHEN {bare} LIKE '%-' THEN '-' || rtrim({bare}, '-') ELSE {bare} END"
    )
    plain = r"[-+]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?(\.[0-9]*)?(e[-+]?[0-9]+)?"
    number = f"CASE WHEN regexp_full_match({signed}, '{plain}') THEN try_cast(replace({signed}, ',', '') AS DOUBLE) END"
    typed = Typed(number, parsed=True)
    if money:
        signs = con.execute(
            f"SELECT DISTINCT regexp_extract(translate(lower({quoted(column)}), '￥＄', '¥$'), {literal(CURRENCY)}) "
            f"FROM {quoted(raw)}"
        ).fetchall()
        currencies = sorted({CURRENCY_SIGNS[sign] for (sign,) in signs if sign})
        if len(currencies) > 1:
            raise OpskitError(
                f"{column!r} mixes the currencies {' and '.join(currencies)}; one currency per dataset. "
                "Convert the amounts, or split the file."
            )
        typed.currency = currencies[0] if currencies else ""
    return typed


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
    text = f"translate({trimmed(column)}, {literal(FULL_WIDTH[0])}, {literal(FULL_WIDTH[1])})"
    if date_format:
        return Typed(f"try_strptime({text}, {literal(date_format)})::TIMESTAMP", parsed=True)
    shape = f"translate(lower({text}), {literal(DIGITS_AND_LETTERS[0])}, {literal(DIGITS_AND_LETTERS[1])})"
    shapes = con.execute(
        f"SELECT {shape} AS shape, count(*), min({text}) FROM {quoted(raw)} WHERE {text} IS NOT NULL GROUP BY shape"
    ).fetchall()
    formats: dict[str, str] = {}
    for pattern, _, example in shapes:
        found = _format(pattern, lambda: _day_first(con, raw, text, label))
        if found:
            formats.setdefault(found, example)
    number = f"try_cast({text} AS DOUBLE)"
    branches: list[str] = []
    zoned = [name for name in formats if "%z" in name]
    naive = [name for name in formats if "%" in name and name not in zoned]
    if zoned:
        instant = f"coalesce({', '.join(_instant(text, name) for name in zoned)})"
        branches.append(_localized(instant, label, timezone))
    if naive:
        branches.append(f"try_strptime({text}, [{', '.join(map(literal, naive))}])::TIMESTAMP")
    if "serial" in formats:
        branches.append(
            f"CASE WHEN {number} BETWEEN 20000 AND 80000 THEN TIMESTAMP '1899-12-30' + to_microseconds(round({number} * 86400)::BIGINT * 1000000) END"
        )
    if "epoch" in formats:
        seconds = f"CASE WHEN {number} BETWEEN 1e8 AND 1e10 THEN {number} WHEN {number} BETWEEN 1e11 AND 1e13 THEN {number} / 1000 END"
        branches.append(_localized(f"to_timestamp({seconds})", label, timezone))
    typed = Typed(f"coalesce({', '.join(branches)})" if branches else "NULL::TIMESTAMP", parsed=True)
    if len(formats) > 1:
        typed.notes.append(
            f"{label} holds dates in {len(formats)} formats, each unmistakable: e.g. {', '.join(formats.values())}."
        )
    return typed


def _instant(text: str, name: str) -> str:
    zoned = (
        f"regexp_replace(regexp_replace({text}, '(?i) ?(z|utc)$', '+00:00'), ' ?([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    )
    return f"try_strptime({zoned}, {literal(name)})"


def _localized(sql: str, label: str, timezone: str) -> str:
    if not timezone:
        raise OpskitError(
            f"{label} carries a time zone, and reports use local time. "
            'Name the zone in opskit.toml: timezone = "Asia/Shanghai" (or opskit.open(…, timezone="Asia/Shanghai")).'
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
