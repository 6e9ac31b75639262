"""Deciding how each column of a table is read, and which rows are left out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from opskit import contract
from opskit.dataset import clean, dates
from opskit.dataset.config import TableConfig
from opskit.dataset.guess import TIMES, guess_columns, missing
from opskit.dataset.sql import Raw, column_names, literal, quoted
from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import duckdb


class DatasetWide(NamedTuple):
    """What holds for every table of a dataset."""

    timezone: str
    hash_salt: str | None
    """Customer ids are hashed with it; None leaves them as they are."""
    text_ids: bool
    """Whether every id is text: several tables must agree on the type of what joins them."""
    event_names: Mapping[str, str]
    """The user's name of an event → the name that pages know."""


class Rule(NamedTuple):
    """Why a row is left out."""

    reason: str
    condition: str
    """SQL, over the typed columns."""
    value: str
    """SQL of the offending value."""
    remedy: str
    asked: bool = False
    """Whether the user asked for it."""


@dataclass(frozen=True)
class Plan:
    """How each column of a table is read: SQL by column name, and the rules that exclude a row."""

    select: Mapping[str, str]
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]
    currency: str
    originals: Mapping[str, str]  # SQL of the untouched value, for the parsed columns


def make_plan(
    con: "duckdb.DuckDBPyConnection",
    raw: Raw,
    table: contract.Table,
    config: TableConfig,
    *,
    wide: DatasetWide,
) -> Plan:
    """Find every column's source and reader, and the rules that exclude rows.

    Raises:
        OpskitError: A required column is missing, dates are ambiguous, currencies are mixed or a filter is unknown.
    """
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE {quoted(raw.table)}").fetchall()}
    headers = column_names(types)
    source = _mapping(table, config, headers)
    select: dict[str, str] = {}
    originals: dict[str, str] = {}
    notes: list[str] = []
    currency = ""
    for column in table.columns.values():
        if column.name not in source:
            continue
        label = f"{table.name}.{column.name}"
        factors = [
            _typed(con, raw, column, header, types[header], config, label=label, timezone=wide.timezone)
            for header in source[column.name]
        ]
        typed = factors[-1]  # of a quantity and a price, the price
        sql = " * ".join(f"({factor.sql})" for factor in factors)
        if (table.name, column.name) == ("events", "event") and wide.event_names:
            cases = " ".join(f"WHEN {literal(own)} THEN {literal(known)}" for own, known in wide.event_names.items())
            sql = f"CASE {sql} {cases} ELSE {sql} END"
        if column.spellings:
            cases = " ".join(f"WHEN {literal(word)} THEN {literal(value)}" for word, value in column.spellings.items())
            sql = f"CASE lower({sql}) {cases} ELSE lower({sql}) END"
        if wide.text_ids and column.kind == "id":
            sql = f"({sql})::VARCHAR"
        if wide.hash_salt is not None and column.name in {"customer_id", "referrer_id"}:
            sql = f"left(sha256({literal(wide.hash_salt)} || ({sql})::VARCHAR), 16)"
        select[column.name] = sql
        notes += typed.notes
        currency = typed.currency if column.name == "revenue" else currency
        if any(factor.parsed for factor in factors):
            originals[column.name] = " || ' * ' || ".join(f"{quoted(one)}::VARCHAR" for one in source[column.name])
    whole = {found[0] for found in source.values() if len(found) == 1}
    for header, clean_name in headers.items():
        if header not in whole and clean_name not in select:
            text = types[header] == "VARCHAR"
            select[clean_name] = clean.as_text(header, types[header], guards=raw.text).sql if text else quoted(header)
    rules = [*_filter_rules(table, config, select), *_value_rules(table, select, list(originals))]
    return Plan(select, tuple(rules), tuple(notes), currency, originals)


def _mapping(table: contract.Table, config: TableConfig, headers: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Contract column → raw headers (two for a product), as mapped, else guessed."""
    by_clean = {clean_name: raw for raw, clean_name in headers.items()}
    wanted = {column: column_names([header])[header] for column, header in config.columns.items()}
    taken = {factor for header in wanted.values() for factor in _factors(header, by_clean)}
    guesses = guess_columns([name for name in by_clean if name not in taken], table)
    source: dict[str, tuple[str, ...]] = {}
    for column, header in {**guesses, **wanted}.items():
        factors = _factors(header, by_clean)
        for factor in factors:
            if factor not in by_clean:
                raise OpskitError(
                    f"opskit.toml maps {table.name}.{column} to {header!r}, which the source lacks; it has "
                    f"{', '.join(map(repr, by_clean))}.{did_you_mean(factor, by_clean)} "
                    f"Correct [tables.{table.name}.columns]."
                )
        source[column] = tuple(by_clean[factor] for factor in factors)
    absent = missing(source, table)
    if absent:
        listed = ", ".join(map(repr, list(by_clean)[:20]))
        raise OpskitError(
            f"{table.name} lacks {absent[0]!r} ({table.columns[absent[0]].about}); it has {listed}."
            f"{did_you_mean(absent[0], by_clean)} Map it in opskit.toml under [tables.{table.name}.columns]: "
            f'{absent[0]} = "your column".'
        )
    return source


def _factors(header: str, known: Mapping[str, str]) -> list[str]:
    """The header itself, or the two that it multiplies."""
    return [header] if header in known or TIMES not in header else header.split(TIMES, 1)


def _typed(
    con: "duckdb.DuckDBPyConnection",
    raw: Raw,
    column: contract.Column,
    header: str,
    kind: str,
    config: TableConfig,
    *,
    label: str,
    timezone: str,
) -> clean.Typed:
    if column.kind == "time":
        return dates.as_time(
            con, raw.table, header, kind, label=label, date_format=config.date_format, timezone=timezone
        )
    if column.kind in {"amount", "number"}:
        return clean.as_number(
            con, raw.table, header, kind, label=label, decimal=config.decimal, money=column.kind == "amount"
        )
    if column.kind == "flag":
        return clean.as_flag(header, kind)
    return (clean.as_id if column.kind == "id" else clean.as_text)(header, kind, guards=raw.text)


def _filter_rules(table: contract.Table, config: TableConfig, select: Mapping[str, str]) -> list[Rule]:
    rules: list[Rule] = []
    remedy = f"Change exclude/keep under [tables.{table.name}] in opskit.toml."
    for column in (*config.exclude, *config.keep):
        if column not in select:
            raise OpskitError(
                f"opskit.toml filters {table.name} by {column!r}, which it lacks; it has {', '.join(select)}."
                f"{did_you_mean(column, select)}"
            )
    for column, values in config.exclude.items():
        text = f"{quoted(column)}::VARCHAR"
        rules += [Rule(f"{column} is {value}", f"{text} = {literal(value)}", text, remedy, True) for value in values]
    for column, values in config.keep.items():
        text = f"{quoted(column)}::VARCHAR"
        listed = ", ".join(map(literal, values)) or "NULL"
        unwanted = f"coalesce({text} NOT IN ({listed}), true)"
        rules.append(Rule(f"{column} is not one to keep", unwanted, text, remedy, True))
    return rules


def _value_rules(table: contract.Table, select: Mapping[str, str], parsed: Sequence[str]) -> list[Rule]:
    rules: list[Rule] = []
    for column in table.columns.values():
        if not column.required or column.name not in select:
            continue
        name, original = quoted(column.name), quoted("_raw_" + column.name)
        if column.name in parsed:
            remedy = "Correct the values, or set date_format / decimal / encoding in opskit.toml."
            text = f"nullif(trim({original}::VARCHAR), '')"
            unreadable = f"CASE WHEN {name} IS NULL THEN {text} IS NOT NULL ELSE false END"
            rules.append(Rule(f"{column.name} unreadable", unreadable, text, remedy))
        rules.append(Rule(f"{column.name} missing", f"{name} IS NULL", "NULL", "Fill it in at the source."))
        if column.min is not None:
            remedy = (
                "Map money paid back to the column refund instead of a negative order."
                if column.name == "revenue"
                else f"Values must be at least {column.min:g}: correct them at the source."
            )
            rules.append(
                Rule(f"{column.name} below {column.min:g}", f"{name} < {column.min}", f"{name}::VARCHAR", remedy)
            )
    return rules
