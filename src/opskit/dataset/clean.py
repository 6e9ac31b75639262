"""Raw columns as typed columns, in DuckDB: what cannot be read is counted, never guessed.

Every reader first tries the plain form, because on millions of rows nearly all values are plain.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opskit.dataset.sql import literal, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

BLANKS = " \t\r\n\u00a0\u3000\ufeff"
FULL_WIDTH = "０１２３４５６７８９．，－＋（）￥＄：／％\u3000\u00a0", "0123456789.,-+()¥$:/%  "
CURRENCIES = {"¥": ("¥", "￥", "元", "rmb", "cny"), "$": ("$", "＄", "usd"), "€": ("€", "eur"), "£": ("£", "gbp")}
SIGN = "(" + "|".join(re.escape(sign) for signs in CURRENCIES.values() for sign in signs) + ")?"
DIGITS = r"(([0-9]+|[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,3}( [0-9]{3})+)(\.[0-9]*)?|\.[0-9]+)"
AMOUNT = rf"\(?[-+]? *{SIGN} *[-+]?{DIGITS} *{SIGN}\)?-?"
PRICE = rf"[-+]?{SIGN}[-+]?{DIGITS}{SIGN}"
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
    raw = f"{quoted(column)}::VARCHAR"
    blanks = BLANKS.replace("'", "''")
    bare = f"trim({raw}, '{blanks}')"
    if guards:
        bare = f"regexp_replace({bare}, '^=\"(.*)\"$|^[''`](.*)$', '\\1\\2')"
    edge = f"{blanks}=''`" if guards else blanks
    return f"CASE WHEN regexp_full_match({raw}, '[^{edge}](.*[^{blanks}])?') THEN {raw} ELSE nullif({bare}, '') END"


def folded(column: str) -> str:
    """SQL: the trimmed text with full-width digits and signs as plain ones."""
    text = trimmed(column)
    plain = f"translate({text}, {literal(FULL_WIDTH[0])}, {literal(FULL_WIDTH[1])})"
    return (
        f"CASE WHEN strlen({quoted(column)}::VARCHAR) = length({quoted(column)}::VARCHAR) THEN {text} ELSE {plain} END"
    )


def as_id(column: str, kind: str, *, guards: bool) -> Typed:
    """Ids stay text (leading zeros kept); integers stay integers."""
    if "INT" in kind:
        return Typed(f"{quoted(column)}::BIGINT")
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        return Typed(f"{quoted(column)}::BIGINT", parsed=True)
    text = as_text(column, kind, guards=guards).sql
    # A column of ids that once had a gap was often written as decimals: 17850.0 is 17850.
    return Typed(f"CASE WHEN {text} LIKE '%.0' THEN regexp_replace({text}, '^(\\d+)\\.0$', '\\1') ELSE {text} END")


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
    con: "duckdb.DuckDBPyConnection", raw: str, column: str, kind: str, *, label: str, decimal: str, money: bool
) -> Typed:
    """Numbers: currency signs, thousands separators, full-width digits and accounting brackets understood.

    30% is 0.3, but no amount of money.

    Raises:
        OpskitError: Amounts carry the signs of several currencies.
    """
    if kind.startswith(NUMBER_KINDS) or "INT" in kind:
        value = f"{quoted(column)}::DOUBLE"
        return Typed(f"CASE WHEN isfinite({value}) THEN {value} END")
    raw_text = f"{quoted(column)}::VARCHAR"
    text = f"lower({folded(column)})"
    if decimal == ",":
        text = f"translate({text}, ',.', '.,')"
    size = f"try_cast(regexp_replace({text}, '[^0-9.]', '', 'g') AS DOUBLE)"
    share = f"regexp_full_match({text}, '[-+]?{DIGITS} *%')"
    signed = f"CASE WHEN contains({text}, '-') OR {text} LIKE '(%' THEN -{size} ELSE {size} END"
    percent = "" if money else f"WHEN {share} THEN ({signed}) / 100 "
    dressed = f"CASE WHEN regexp_full_match({text}, '{AMOUNT}') THEN {signed} {percent}END"
    if decimal == ".":
        plain = f"try_cast({quoted(column)} AS DOUBLE)"
        bare = f"try_cast(regexp_replace({raw_text}, '[^0-9.+-]', '', 'g') AS DOUBLE)"
        signs_only = f"regexp_full_match({raw_text}, '{PRICE}')"
        dressed = f"CASE WHEN isfinite({plain}) THEN {plain} WHEN {signs_only} THEN {bare} ELSE {dressed} END"
    return Typed(
        dressed,
        currency=_one_currency(con, raw, column, label) if money else "",
        parsed=True,
    )


def _one_currency(con: "duckdb.DuckDBPyConnection", raw: str, column: str, label: str) -> str:
    text = f"lower({quoted(column)}::VARCHAR)"
    seen = [
        "bool_or(" + " OR ".join(f"contains({text}, {literal(sign)})" for sign in signs) + ")"
        for signs in CURRENCIES.values()
    ]
    rows = con.execute(
        f"SELECT {', '.join(seen)} FROM {quoted(raw)} WHERE try_cast({quoted(column)} AS DOUBLE) IS NULL"
    ).fetchall()
    found = [currency for currency, there in zip(CURRENCIES, rows[0], strict=True) if there]
    if len(found) > 1:
        raise OpskitError(
            f"{label} mixes the currencies {' and '.join(found)}; one currency per dataset. "
            "Convert the amounts, or split the file."
        )
    return found[0] if found else ""
