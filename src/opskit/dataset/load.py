"""One table from its source to a cleaned DuckDB table, with an account of every row left out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit import contract
from opskit.dataset import clean
from opskit.dataset.config import TableConfig
from opskit.dataset.guess import guess_columns, missing
from opskit.dataset.sources import Raw, column_names, literal, quoted
from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import duckdb

REASON, VALUE = "_reason", "_value"


@dataclass(frozen=True)
class Exclusion:
    """Rows (or single values) that a table leaves out, and why."""

    table: str
    reason: str
    rows: int
    examples: tuple[str, ...]
    remedy: str
    whole_rows: bool = True


@dataclass
class Loaded:
    """A cleaned table inside DuckDB."""

    name: str
    columns: tuple[str, ...]
    rows_read: int
    rows_used: int
    first_day: dt.date | None
    last_day: dt.date | None
    exclusions: list[Exclusion]
    notes: list[str]
    currency: str = ""


@dataclass(frozen=True)
class Plan:
    """How each column of a table is read: SQL by column name, and the rules that exclude a row."""

    select: Mapping[str, str]
    parsed: tuple[str, ...]
    rules: tuple[tuple[str, str, str, str], ...]  # reason, SQL condition, SQL of the offending value, remedy
    notes: tuple[str, ...]
    currency: str
    headers: Mapping[str, str]


def load(
    con: "duckdb.DuckDBPyConnection", raw: Raw, name: str, config: TableConfig, *, timezone: str, hash_salt: str | None
) -> Loaded:
    """Clean one raw table into `clean_<name>`.

    Raises:
        OpskitError: A required column is missing or unreadable, no row is left, or currencies are mixed.
    """
    table = contract.table(name)
    plan = _plan(con, raw, table, config, timezone=timezone, hash_salt=hash_salt)
    _build(con, raw, table, plan)
    loaded = _account(con, raw, table, plan)
    if name == "orders":
        _merge_lines(con, loaded, config)
    return loaded


def _plan(
    con: "duckdb.DuckDBPyConnection",
    raw: Raw,
    table: contract.Table,
    config: TableConfig,
    *,
    timezone: str,
    hash_salt: str | None,
) -> Plan:
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE {quoted(raw.table)}").fetchall()}
    headers = column_names(types)
    source = _mapping(table, config, headers)
    select: dict[str, str] = {}
    parsed: list[str] = []
    notes: list[str] = []
    currency = ""
    for column in table.columns.values():
        if column.name not in source:
            continue
        header = source[column.name]
        typed = _typed(
            con, raw, column, header, types[header], config, label=f"{table.name}.{column.name}", timezone=timezone
        )
        sql = typed.sql
        if hash_salt is not None and column.name in {"customer_id", "referrer_id"}:
            sql = f"left(sha256({literal(hash_salt)} || ({sql})::VARCHAR), 16)"
        select[column.name] = sql
        notes += typed.notes
        currency = typed.currency if column.name == "revenue" else currency
        if typed.parsed:
            parsed.append(column.name)
    for header, clean_name in headers.items():
        if header not in source.values() and clean_name not in select:
            text = types[header] == "VARCHAR"
            select[clean_name] = clean.as_text(header, types[header], guards=raw.text).sql if text else quoted(header)
    rules = [*_filter_rules(table, config, select), *_value_rules(table, select, parsed)]
    return Plan(select, tuple(parsed), tuple(rules), tuple(notes), currency, source)


def _mapping(table: contract.Table, config: TableConfig, headers: Mapping[str, str]) -> dict[str, str]:
    """Contract column → raw header: as mapped, else by the column's own name, else guessed."""
    by_clean = {clean_name: raw for raw, clean_name in headers.items()}
    source: dict[str, str] = {}
    for column, header in config.columns.items():
        wanted = column_names([header])[header]
        if wanted not in by_clean:
            raise OpskitError(
                f"opskit.toml maps {table.name}.{column} to {header!r}, which the source lacks; it has "
                f"{', '.join(map(repr, by_clean))}.{did_you_mean(wanted, by_clean)} Correct [tables.{table.name}.columns]."
            )
        source[column] = by_clean[wanted]
    taken = set(source.values())
    free = [clean_name for clean_name, raw in by_clean.items() if raw not in taken]
    guesses = (
        guess_columns(free, table) if not config.columns else {name: name for name in table.columns if name in free}
    )
    source |= {column: by_clean[header] for column, header in guesses.items() if column not in source}
    absent = missing(source, table)
    if absent:
        listed = ", ".join(map(repr, list(by_clean)[:20]))
        raise OpskitError(
            f"{table.name} lacks {absent[0]!r} ({table.columns[absent[0]].about}); it has {listed}."
            f"{did_you_mean(absent[0], by_clean)} Map it in opskit.toml under [tables.{table.name}.columns]: "
            f'{absent[0]} = "your column".'
        )
    return source


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
        return clean.as_time(
            con, raw.table, header, kind, label=label, date_format=config.date_format, timezone=timezone
        )
    if column.kind in {"amount", "number"}:
        return clean.as_number(con, raw.table, header, kind, decimal=config.decimal, money=column.kind == "amount")
    if column.kind == "flag":
        return clean.as_flag(header, kind)
    return (clean.as_id if column.kind == "id" else clean.as_text)(header, kind, guards=raw.text)


def _filter_rules(
    table: contract.Table, config: TableConfig, select: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    rules: list[tuple[str, str, str, str]] = []
    remedy = f"Change exclude/keep under [tables.{table.name}] in opskit.toml."
    for column in (*config.exclude, *config.keep):
        if column not in select:
            raise OpskitError(
                f"opskit.toml filters {table.name} by {column!r}, which it lacks; it has {', '.join(select)}."
                f"{did_you_mean(column, select)}"
            )
    for column, values in config.exclude.items():
        text = f"{quoted(column)}::VARCHAR"
        rules += [(f"{column} is {value}", f"{text} = {literal(value)}", text, remedy) for value in values]
    for column, values in config.keep.items():
        text = f"{quoted(column)}::VARCHAR"
        listed = ", ".join(map(literal, values)) or "NULL"
        rules.append((f"{column} is not one to keep", f"coalesce({text} NOT IN ({listed}), true)", text, remedy))
    return rules


def _value_rules(
    table: contract.Table, select: Mapping[str, str], parsed: Sequence[str]
) -> list[tuple[str, str, str, str]]:
    rules: list[tuple[str, str, str, str]] = []
    for column in table.columns.values():
        if not column.required or column.name not in select:
            continue
        name, original = quoted(column.name), quoted("_raw_" + column.name)
        if column.name in parsed:
            remedy = "Correct the values, or set date_format / decimal / encoding in opskit.toml."
            unreadable = f"{name} IS NULL AND {original} IS NOT NULL"
            rules.append((f"{column.name} unreadable", unreadable, original, remedy))
        rules.append((f"{column.name} missing", f"{name} IS NULL", "NULL", "Fill it in at the source."))
        if column.min is not None:
            remedy = (
                "Map money paid back to the column refund instead of a negative order."
                if column.name == "revenue"
                else f"Values must be at least {column.min:g}: correct them at the source."
            )
            rules.append((f"{column.name} below {column.min:g}", f"{name} < {column.min}", f"{name}::VARCHAR", remedy))
    return rules


def _build(con: "duckdb.DuckDBPyConnection", raw: Raw, table: contract.Table, plan: Plan) -> None:
    """`all_<name>`: every row, typed, with the reason why it is left out (NULL when it is used)."""
    originals = [
        f"nullif(trim({quoted(plan.headers[column])}::VARCHAR), '') AS {quoted('_raw_' + column)}"
        for column in plan.parsed
    ]
    typed = ", ".join([f"{sql} AS {quoted(column)}" for column, sql in plan.select.items()] + originals)
    reason = "CASE " + " ".join(f"WHEN {sql} THEN {literal(why)}" for why, sql, _, _ in plan.rules) + " END"
    value = f"CASE {REASON} " + " ".join(f"WHEN {literal(why)} THEN {sql}" for why, _, sql, _ in plan.rules) + " END"
    bad = [
        f"({quoted(column)} IS NULL AND {quoted('_raw_' + column)} IS NOT NULL) AS {quoted('_bad_' + column)}"
        for column in _optional(table, plan)
    ]
    dropped = ", ".join(quoted("_raw_" + column) for column in plan.parsed)
    inner = f"SELECT {typed} FROM {quoted(raw.table)}"
    judged = (
        f"SELECT *, {reason if plan.rules else 'NULL'} AS {REASON}{''.join(', ' + sql for sql in bad)} FROM ({inner})"
    )
    kept = f"* EXCLUDE ({dropped})" if dropped else "*"
    final = f"SELECT {kept}, {value if plan.rules else 'NULL'} AS {VALUE} FROM ({judged})"
    stored = "TABLE" if raw.text or plan.parsed else "VIEW"
    con.execute(f"CREATE {stored} {quoted('all_' + table.name)} AS {final}")
    helpers = ", ".join([REASON, VALUE, *(quoted("_bad_" + column) for column in _optional(table, plan))])
    con.execute(
        f"CREATE VIEW {quoted('clean_' + table.name)} AS SELECT * EXCLUDE ({helpers}) "
        f"FROM {quoted('all_' + table.name)} WHERE {REASON} IS NULL"
    )
    if raw.text:
        con.execute(f"DROP TABLE {quoted(raw.table)}")


def _optional(table: contract.Table, plan: Plan) -> list[str]:
    return [column for column in plan.parsed if not table.columns[column].required]


def _account(con: "duckdb.DuckDBPyConnection", raw: Raw, table: contract.Table, plan: Plan) -> Loaded:
    optional = _optional(table, plan)
    clock = quoted(table.clock) if table.clock and table.clock in plan.select else "NULL::TIMESTAMP"
    bad = "".join(f", count(*) FILTER ({quoted('_bad_' + column)})" for column in optional)
    rows = con.execute(
        f"SELECT {REASON}, count(*), min({clock})::DATE, max({clock})::DATE, "
        f"[left(min({VALUE}), 60), left(max({VALUE}), 60)]{bad} "
        f"FROM {quoted('all_' + table.name)} GROUP BY {REASON} ORDER BY 2 DESC"
    ).fetchall()
    remedies = {why: remedy for why, _, _, remedy in plan.rules}
    used = next((row for row in rows if row[0] is None), None)
    exclusions = [
        Exclusion(
            table.name, row[0], row[1], tuple(sorted({example for example in row[4] if example})), remedies[row[0]]
        )
        for row in rows
        if row[0] is not None
    ]
    if raw.rejected_rows:
        exclusions.append(
            Exclusion(
                table.name, "line does not fit the header", raw.rejected_rows, (), "Export again with quoted cells."
            )
        )
    for place, column in enumerate(optional):
        count = used[5 + place] if used else 0
        if count:
            remedy = "The rows are used with this value missing: correct it, or set date_format / decimal."
            exclusions.append(Exclusion(table.name, f"{column} unreadable", count, (), remedy, whole_rows=False))
    read = sum(row[1] for row in rows) + raw.rejected_rows
    if not used or not used[1]:
        why = "; ".join(f"{one.reason}: {one.rows:,}" for one in exclusions) or "the source has a header and no rows"
        raise OpskitError(
            f"{table.name} has no usable row out of {read:,} ({why}). {exclusions[0].remedy if exclusions else 'Export it again.'}"
        )
    return Loaded(
        table.name,
        tuple(plan.select),
        read,
        used[1],
        used[2],
        used[3],
        exclusions,
        [*raw.notes, *plan.notes],
        plan.currency,
    )


def _merge_lines(con: "duckdb.DuckDBPyConnection", loaded: Loaded, config: TableConfig) -> None:
    """Orders with several rows become one row each; without order_id each row is an order, and both are said."""
    if "order_id" not in loaded.columns:
        loaded.notes.append("orders has no order_id: each row counts as one order.")
        return
    rows, orders = con.execute("SELECT count(order_id), count(DISTINCT order_id) FROM clean_orders").fetchall()[0]
    without = loaded.rows_used - rows
    if without:
        loaded.notes.append(f"{without:,} rows of orders have no order_id: each counts as one order.")
    if rows == orders:
        return
    same = con.execute(
        "SELECT avg((low = high)::INT) FROM (SELECT min(revenue) AS low, max(revenue) AS high FROM clean_orders "
        "WHERE order_id IS NOT NULL GROUP BY order_id, customer_id HAVING count(*) > 1)"
    ).fetchall()[0][0]
    adds = "max" if config.repeated_rows == "totals" else "sum"
    if config.repeated_rows == "lines" and (same or 0) > 0.9:
        loaded.notes.append(
            f"{same:.0%} of the orders with several rows carry the same revenue on each row. They are summed as lines; "
            'if it is the order\'s total, set repeated_rows = "totals" under [tables.orders].'
        )
    amounts = {name for name, column in contract.table("orders").columns.items() if column.kind == "amount"}
    reads = [
        f"{adds}({quoted(name)}) AS {quoted(name)}" if name in amounts else f"min({quoted(name)}) AS {quoted(name)}"
        for name in loaded.columns
        if name not in {"order_id", "customer_id"}
    ]
    con.execute(
        f"CREATE TABLE merged_orders AS SELECT order_id, customer_id, {', '.join(reads)} FROM clean_orders "
        "WHERE order_id IS NOT NULL GROUP BY order_id, customer_id UNION ALL BY NAME FROM clean_orders WHERE order_id IS NULL"
    )
    con.execute("CREATE OR REPLACE VIEW clean_orders AS FROM merged_orders")
    merged = con.execute("SELECT count(*) FROM clean_orders").fetchall()[0][0]
    loaded.notes.append(
        f"orders: {loaded.rows_used:,} rows with repeated order_id are {merged:,} orders, lines summed."
    )


def scratch_database(folder: Path) -> "duckdb.DuckDBPyConnection":
    """A DuckDB database on disk in a temporary folder: bounded memory, spills beside itself."""
    import duckdb

    settings: dict[str, Any] = {"temp_directory": str(folder / "spill"), "preserve_insertion_order": "false"}
    return duckdb.connect(str(folder / "opskit.duckdb"), config=settings)
