"""One table from its source to a cleaned DuckDB table, with an account of every row left out."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit import contract
from opskit.dataset.config import TableConfig
from opskit.dataset.plan import DatasetWide, Plan, make_plan
from opskit.dataset.sql import Raw, literal, quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

REASON, VALUE = "_reason", "_value"
MERGED = "merged_orders"


@dataclass(frozen=True)
class Exclusion:
    """Rows (or single values) that a table leaves out, and why."""

    table: str
    reason: str
    rows: int
    examples: tuple[str, ...]
    remedy: str
    asked: bool = False
    """Whether the user asked for it: a filter, where or as_of."""


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
    stored: tuple[str, ...] = ()
    """What other pages can take over from DuckDB; nothing when it only looks at the file, as they can."""


def load(con: "duckdb.DuckDBPyConnection", raw: Raw, name: str, config: TableConfig, *, wide: DatasetWide) -> Loaded:
    """Clean one raw table into `clean_<name>`.

    Raises:
        OpskitError: A required column is missing or unreadable, no row is left, or currencies are mixed.
    """
    table = contract.table(name)
    plan = make_plan(con, raw, table, config, wide=wide)
    _build(con, raw, table, plan)
    loaded = _account(con, raw, table, plan)
    see_clean(con, loaded)
    if name == "orders" and _merge_lines(con, loaded, config):
        loaded.stored += (MERGED,)
        see_clean(con, loaded)
    return loaded


def see_clean(con: "duckdb.DuckDBPyConnection", loaded: Loaded) -> None:
    """Make `clean_<name>` what is used of the table: one row per order where lines were merged."""
    used = f"SELECT {', '.join(map(quoted, loaded.columns))} FROM {quoted('all_' + loaded.name)} WHERE {REASON} IS NULL"
    rows = f"FROM {MERGED}" if MERGED in loaded.stored else used
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted('clean_' + loaded.name)} AS {rows}")


def _build(con: "duckdb.DuckDBPyConnection", raw: Raw, table: contract.Table, plan: Plan) -> None:
    """`all_<name>`: every row, typed, with the reason why it is left out (NULL when it is used)."""
    originals = [f"{sql} AS {quoted('_raw_' + column)}" for column, sql in plan.originals.items()]
    typed = ", ".join([f"{sql} AS {quoted(column)}" for column, sql in plan.select.items()] + originals)
    reason = "CASE " + " ".join(f"WHEN {rule.condition} THEN {literal(rule.reason)}" for rule in plan.rules) + " END"
    value = (
        f"CASE {REASON} " + " ".join(f"WHEN {literal(rule.reason)} THEN {rule.value}" for rule in plan.rules) + " END"
    )
    bad = [
        f"CASE WHEN {quoted(column)} IS NULL THEN nullif(trim({quoted('_raw_' + column)}::VARCHAR), '') END AS {quoted('_bad_' + column)}"
        for column in _optional(table, plan)
    ]
    dropped = ", ".join(quoted("_raw_" + column) for column in plan.originals)
    inner = f"SELECT {typed} FROM {quoted(raw.table)}"
    judged = (
        f"SELECT *, {reason if plan.rules else 'NULL'} AS {REASON}{''.join(', ' + sql for sql in bad)} FROM ({inner})"
    )
    kept = f"* EXCLUDE ({dropped})" if dropped else "*"
    final = f"SELECT {kept}, {value if plan.rules else 'NULL'} AS {VALUE} FROM ({judged})"
    # A temporary table spills to disk when memory runs short, and is several times as fast as a stored one.
    stored = "TEMP TABLE" if _is_stored(raw, plan) else "VIEW"
    con.execute(f"CREATE {stored} {quoted('all_' + table.name)} AS {final}")


def _is_stored(raw: Raw, plan: Plan) -> bool:
    """Whether reading takes work that should be done once."""
    return raw.text or bool(plan.originals)


def _optional(table: contract.Table, plan: Plan) -> list[str]:
    return [column for column in plan.originals if not table.columns[column].required]


def _account(con: "duckdb.DuckDBPyConnection", raw: Raw, table: contract.Table, plan: Plan) -> Loaded:
    optional = _optional(table, plan)
    clock = quoted(table.clock) if table.clock and table.clock in plan.select else "NULL::TIMESTAMP"
    bad = "".join(f", count({quoted('_bad_' + one)}), min({quoted('_bad_' + one)})" for one in optional)
    rows = con.execute(
        f"SELECT {REASON}, count(*), min({clock})::DATE, max({clock})::DATE, "
        f"[left(min({VALUE}), 60), left(max({VALUE}), 60)]{bad} "
        f"FROM {quoted('all_' + table.name)} GROUP BY {REASON} ORDER BY 2 DESC, 1"
    ).fetchall()
    rules = {rule.reason: rule for rule in plan.rules}
    used = next((row for row in rows if row[0] is None), None)
    exclusions = [
        Exclusion(
            table.name,
            row[0],
            row[1],
            tuple(sorted({example for example in row[4] if example})),
            rules[row[0]].remedy,
            rules[row[0]].asked,
        )
        for row in rows
        if row[0] is not None
    ]
    rejected = _rejected(con, raw)
    if rejected:
        exclusions.append(
            Exclusion(table.name, "line does not fit the header", rejected, (), "Export again with quoted cells.")
        )
    for place, column in enumerate(optional):
        count, example = used[5 + 2 * place : 7 + 2 * place] if used else (0, "")
        if count:
            remedy = "The rows are used with this value missing: correct it, or set date_format / decimal."
            exclusions.append(
                Exclusion(table.name, f"{column} unreadable, set to missing", count, (example[:60],), remedy)
            )
    read = sum(row[1] for row in rows) + rejected
    if not used or not used[1]:
        why = "; ".join(f"{one.reason}: {one.rows:,}" for one in exclusions) or "the source has a header and no rows"
        raise OpskitError(
            f"{table.name} has no usable row out of {read:,} ({why}). {exclusions[0].remedy if exclusions else 'Export it again.'}"
        )
    if table.worksheet:
        _refuse_unread(table, exclusions)
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
        (f"all_{table.name}",) if raw.snapshot or _is_stored(raw, plan) else (),
    )


def _refuse_unread(table: contract.Table, exclusions: list[Exclusion]) -> None:
    """A worksheet is read whole or not at all: a market without one of its factors would come out far too large."""
    unread = next((one for one in exclusions if not one.asked), None)
    if unread:
        found = f" ({', '.join(unread.examples)})" if unread.examples else ""
        raise OpskitError(
            f"{table.name} is a worksheet whose rows are read together, and {unread.rows:,} cannot be: "
            f"{unread.reason}{found}. {unread.remedy}"
        )


def _rejected(con: "duckdb.DuckDBPyConnection", raw: Raw) -> int:
    """Lines of a CSV file that the newest scan could not fit to the header."""
    if not raw.rejects:
        return 0
    rejects = quoted(raw.rejects)
    found = con.execute(
        f"SELECT count(DISTINCT (file_id, line)) FROM {rejects} WHERE scan_id = (SELECT max(scan_id) FROM {rejects})"
    ).fetchall()
    return int(found[0][0])


def _merge_lines(con: "duckdb.DuckDBPyConnection", loaded: Loaded, config: TableConfig) -> bool:
    """Whether orders with several rows were merged to one row each; without order_id each row is an order. Both are said."""
    if "order_id" not in loaded.columns:
        loaded.notes.append("orders has no order_id: each row counts as one order.")
        return False
    rows, orders = con.execute("SELECT count(order_id), count(DISTINCT order_id) FROM clean_orders").fetchall()[0]
    without = loaded.rows_used - rows
    if without:
        loaded.notes.append(f"{without:,} rows of orders have no order_id: each counts as one order.")
    if rows == orders:
        return False
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
        f"CREATE TEMP TABLE {MERGED} AS SELECT order_id, customer_id, {', '.join(reads)} FROM clean_orders "
        "WHERE order_id IS NOT NULL GROUP BY order_id, customer_id UNION ALL BY NAME FROM clean_orders WHERE order_id IS NULL"
    )
    merged = con.execute(f"SELECT count(*) FROM {MERGED}").fetchall()[0][0]
    loaded.notes.append(
        f"orders: {loaded.rows_used:,} rows with repeated order_id are {merged:,} orders, lines summed."
    )
    return True


def scratch_database(folder: Path) -> "duckdb.DuckDBPyConnection":
    """A DuckDB of its own that takes at most half the memory and then spills into the folder."""
    import duckdb

    settings: dict[str, Any] = {
        "temp_directory": str(folder / "spill"),
        "memory_limit": "50%",
        "preserve_insertion_order": "false",
    }
    con = duckdb.connect(":memory:", config=settings)
    con.execute("SET enable_progress_bar = false")
    group_in_one_scan(con)
    return con


def group_in_one_scan(con: "duckdb.DuckDBPyConnection") -> None:
    """Keep DuckDB from reading a file once for every range of keys that it groups by.

    DuckDB 2 does so where a large file is sorted by the key, such as events by customer: at 10^8 rows a group-by takes
    eight times as long as in one scan.
    """
    known = con.execute("SELECT count(*) FROM duckdb_optimizers() WHERE name = 'partitioned_execution'").fetchall()
    if known[0][0]:
        con.execute("SET disabled_optimizers = 'partitioned_execution'")
