"""The small language in which a plan says whom a row is for: comparisons of what is known of a customer."""

import ast
import re
import unicodedata
from collections.abc import Mapping
from functools import reduce
from typing import Any, NamedTuple

import narwhals as nw

from opskit.errors import OpskitError, did_you_mean

LONGEST = 1000
"""Letters that a rule may have."""
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")
_SIGNS = {"≥": ">=", "≤": "<=", "≠": "!=", "且": " and ", "或": " or "}
_WORDS = re.compile(r"\b(AND|OR|NOT|IN)\b")
_ORDERED: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SAME: Mapping[type[ast.cmpop], str] = {ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "not in"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_FLAGS = {"true": True, "false": False, "True": True, "False": False}


class Rule(NamedTuple):
    """A rule that has been read.

    Attributes:
        text: As it was written.
        tree: Its comparisons.
        names: Words that may be columns: what is compared, and unquoted texts.
    """

    text: str
    tree: ast.expr
    names: tuple[str, ...]


def parse(text: str) -> Rule:
    """Read a rule such as ``days_since_last >= 60 and orders >= 2``.

    A rule compares columns with numbers, texts or true and false by <, <=, >, >=, ==, !=, ``in (a, b)``, and joins comparisons
    by and, or, not and brackets; = stands for ==, and ≥, ≤, ≠, 且 and 或 are understood. Nothing of it is executed.

    Args:
        text: The rule.

    Raises:
        OpskitError: It cannot be read; names what stands there.

    >>> parse("60 <= days_since_last < 180 and region in (North, East)").names
    ('days_since_last', 'region', 'North', 'East')
    """
    if not text.strip() or len(text) > LONGEST:
        raise OpskitError(f"rule == {text[:60]!r}, must have 1 to {LONGEST} letters. {_REMEDY}")
    try:
        tree = ast.parse(_plain(text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise OpskitError(f"rule == {text!r} cannot be read. {_REMEDY}") from error
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    _refuse_other(tree, text)
    return Rule(text, tree, tuple(name for name in dict.fromkeys(names) if name not in _FLAGS))


_REMEDY = "Write it like days_since_last >= 60 and orders >= 2; put texts with spaces in quotes."


def condition(rule: Rule, schema: Mapping[str, nw.dtypes.DType]) -> nw.Expr:
    """The rule as an expression, never missing: a comparison with what is not known is false.

    Args:
        rule: From `parse`.
        schema: Columns of the frame and their types.

    Raises:
        OpskitError: A column is not there, or is compared with what it cannot be.
    """
    return _condition(rule.tree, schema, rule.text)


def _plain(text: str) -> str:
    """Signs and letters as Python spells them, outside quotes."""
    for quote in "“”„‘’":
        text = text.replace(quote, '"')
    parts = _QUOTED.split(text.strip())
    for place in range(0, len(parts), 2):
        part = unicodedata.normalize("NFKC", parts[place])
        # Between words of one column or text, as in 或许, the sign is a letter.
        part = re.sub(r"(?<=[\s\d)])([且或])(?=[\s(])|^([且或])(?=\s)", lambda found: _SIGNS[found[0]], part)
        for sign in "≥≤≠":
            part = part.replace(sign, _SIGNS[sign])
        part = _WORDS.sub(lambda found: found[0].lower(), part)
        parts[place] = re.sub(r"(?<![<>!=])=(?!=)", "==", part)
    return "".join(parts)


def _refuse_other(tree: ast.expr, text: str) -> None:
    allowed = (
        ast.BoolOp,
        ast.And,
        ast.Or,
        ast.UnaryOp,
        ast.Not,
        ast.USub,
        ast.Compare,
        ast.Name,
        ast.Load,
        ast.Constant,
    )
    allowed = (*allowed, ast.Tuple, ast.List, *_ORDERED, *_SAME)
    for node in ast.walk(tree):
        if not isinstance(node, allowed):
            told = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            raise OpskitError(f"rule == {text!r} has {told!r}, must only compare. {_REMEDY}")


def _condition(node: ast.expr, schema: Mapping[str, nw.dtypes.DType], text: str) -> nw.Expr:
    if isinstance(node, ast.BoolOp):
        parts = [_condition(value, schema, text) for value in node.values]
        return reduce(lambda a, b: a & b if isinstance(node.op, ast.And) else a | b, parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_condition(node.operand, schema, text)
    if isinstance(node, ast.Name) and node.id in schema and _yes_or_no(schema[node.id]):
        return _expression(node.id, "==", [True], schema[node.id])
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        return reduce(lambda a, b: a & b, [_compared(a, op, b, schema, text) for a, op, b in pairs])
    if isinstance(node, ast.Name):
        _known(node.id, schema, text)
    raise OpskitError(f"rule == {text!r} has {ast.unparse(node)!r}, must compare it with something. {_REMEDY}")


def _yes_or_no(kind: nw.dtypes.DType) -> bool:
    return kind == nw.Boolean or kind == nw.Object


def _compared(
    left: ast.expr, op: ast.cmpop, right: ast.expr, schema: Mapping[str, nw.dtypes.DType], text: str
) -> nw.Expr:
    sign = {**_ORDERED, **_SAME}[type(op)]
    if not isinstance(left, ast.Name) and isinstance(right, ast.Name) and sign in _TURNED:
        left, right, sign = right, left, _TURNED[sign]
    if not isinstance(left, ast.Name):
        raise OpskitError(f"rule == {text!r} compares {ast.unparse(left)!r}, which is no column. {_REMEDY}")
    column = left.id
    kind = _known(column, schema, text)
    many = isinstance(right, ast.Tuple | ast.List)
    if many != (sign in ("in", "not in")):
        raise OpskitError(f"rule == {text!r}: {sign!r} does not fit {ast.unparse(right)!r}. {_REMEDY}")
    values = [_value(one, text) for one in (right.elts if isinstance(right, ast.Tuple | ast.List) else [right])]
    fits = {"text": (str,), "flag": (bool,), "number": (int, float), "mixed": (str, bool)}[kind]
    for value in values:
        if not isinstance(value, fits) or (kind == "number" and isinstance(value, bool)):
            told = {"flag": "true or false", "number": "a number"}.get(kind, "a text")
            raise OpskitError(f"rule == {text!r}: {column} is compared with {value!r}, must be {told}. {_REMEDY}")
    if kind != "number" and sign in _ORDERED.values():
        raise OpskitError(f"rule == {text!r}: {column} is no number, so {sign} says nothing. Use == or in.")
    return _expression(column, sign, values, schema[column])


def _expression(column: str, sign: str, values: list[Any], dtype: nw.dtypes.DType) -> nw.Expr:
    known = ~nw.col(column).is_null()
    known = known & ~nw.col(column).is_nan() if dtype.is_float() else known
    own = nw.col(column) if dtype.is_numeric() or dtype == nw.Boolean else nw.col(column).cast(nw.String)
    values = [str(value) if dtype == nw.Object else value for value in values]
    signs = {
        "<": own < values[0],
        "<=": own <= values[0],
        ">": own > values[0],
        ">=": own >= values[0],
        "==": own == values[0],
        "!=": own != values[0],
        "in": own.is_in(values),
        "not in": ~own.is_in(values),
    }
    return known & signs[sign].fill_null(value=False)


def _known(column: str, schema: Mapping[str, nw.dtypes.DType], text: str) -> str:
    if column not in schema:
        have = ", ".join(sorted(schema))
        raise OpskitError(
            f"rule == {text!r} names {column!r}, which nothing tells of a customer; known are {have}."
            f"{did_you_mean(column, schema)} Correct the rule, or put a text in quotes on the right."
        )
    if schema[column] == nw.Object:  # pandas holds true and false with empty cells so
        return "mixed"
    return "number" if schema[column].is_numeric() else "flag" if schema[column] == nw.Boolean else "text"


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
        return node.value
    if isinstance(node, ast.Name):
        return _FLAGS.get(node.id, node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    raise OpskitError(f"rule == {text!r} has {ast.unparse(node)!r}, must be a number or a text. {_REMEDY}")
