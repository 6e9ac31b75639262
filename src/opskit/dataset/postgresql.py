"""Tables and queries of a PostgreSQL server as snapshots on disk, streamed there in Arrow batches."""

import contextlib
import re
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from opskit.dataset.address import complete, database_name, forget, scrubbed
from opskit.dataset.sql import Raw, literal, quoted
from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

AS_IT_IS = {"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "name", "uuid"}
HAS_INFINITY = {"date", "timestamp", "timestamptz"}
TABLES = """
SELECT n.nspname || '.' || c.relname, c.relname,
       has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'),
       n.nspname = ANY (current_schemas(false)),
       array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
GROUP BY n.nspname, c.relname, n.oid, c.oid ORDER BY 1
"""
_NOT_LET_IN = "password|pgpass|authentication|SASL"
_CONNECTING = (
    (
        _NOT_LET_IN,
        "Give the password in the environment variable PGPASSWORD, in ~/.pgpass, or as ${VARIABLE} in opskit.toml: "
        "postgresql://user:${SHOP_PASSWORD}@host/database.",
    ),
    ('database ".*" does not exist', "Correct the last part of the address: postgresql://user@host:5432/database."),
    ("", "Check the address, and that the server lets this machine in (network, pg_hba.conf)."),
)
_WHOLE = re.compile(r"\s*;\s*(--[^\n]*\s*)*$")  # a statement's end, which has no place within another
_TIMED_OUT, _NOT_ALLOWED, _NO_SUCH_RELATION = {"57014"}, {"42501"}, {"42P01"}


@dataclass(frozen=True)
class Member:
    """A table or view of a database, and whether this user may read it."""

    name: str
    """With its schema: public.orders."""
    bare: str
    readable: bool
    near: bool
    """Whether its name is understood without the schema."""
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.name[: -len(self.bare) - 1])}.{quoted(self.bare)}"


class Server:
    """A connection that only reads; `with` closes it.

    Raises:
        OpskitError: The driver is not installed, or the server does not let us in.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = database_name(address)
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise OpskitError(
                f"{address} needs the PostgreSQL driver, which is not installed: pip install adbc-driver-postgresql"
            ) from None
        asked = complete(address)
        try:
            self._connection = dbapi.connect(asked, autocommit=True)
            self.rows("SET default_transaction_read_only = on")
        except (dbapi.Error, OSError) as error:
            said = _said(error, address)
            words, remedy = next(pair for pair in _CONNECTING if re.search(pair[0], said))
            if words == _NOT_LET_IN:
                forget(address)  # else the wrong password would be taken before the environment's
            raise OpskitError(f"{address} cannot be opened: {said}. {remedy}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # of a broken connection nothing is left to close
            self._connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer to a small question."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def ask(self, sql: str, what: str) -> list[tuple[Any, ...]]:
        """The answer to a small question about a table or query, named in errors.

        Raises:
            OpskitError: The server refuses.
        """
        with self._explaining(what):
            return self.rows(sql)

    def members(self) -> list[Member]:
        """Tables and views of the database, without the system's own and single partitions."""
        found = self.ask(TABLES, f"the list of tables of {self.name}")
        return [Member(name, bare, readable, near, tuple(columns)) for name, bare, readable, near, columns in found]

    def relation(self, table: str, query: str) -> str:
        """SQL of what a source reads: its query, or the table once it is known to be there.

        Raises:
            OpskitError: There is no such table, or several schemas have one.
        """
        if query:
            return f"({_WHOLE.sub('', query)}\n)"
        members = self.members()
        named = [one.name for one in members if table in (one.name, one.bare)]
        chosen = table if table in named else named[0] if len(named) == 1 else ""
        if not chosen:
            if named:
                raise OpskitError(
                    f'{self.name} has {table!r} in several schemas: name one in opskit.toml, table = "{named[0]}" '
                    f"({', '.join(named)})."
                )
            have = [one.name for one in members]
            spelled = did_you_mean(table, have if "." in table else [one.bare for one in members])
            listed = ", ".join(have[:20]) + (f" and {len(have) - 20} more" if len(have) > 20 else "")
            raise OpskitError(
                f"database {self.name} has no table {table!r}; it has {listed or 'none'}.{spelled} "
                'Name it in opskit.toml: table = "schema.table", or a query.'
            )
        return next(one.sql for one in members if one.name == chosen)

    def snapshot(self, con: "duckdb.DuckDBPyConnection", relation: str, name: str, target: Path, *, what: str) -> Raw:
        """Stream a table or query into a Parquet file, and show it to DuckDB under a raw name.

        Raises:
            OpskitError: The server refuses or goes away while it is read; nothing is kept then.
        """
        with self._explaining(what), self._connection.cursor() as cursor:
            schema = cursor.adbc_execute_schema(f"SELECT * FROM {relation} AS source")
            _refuse_repeated(schema.names, what)
            cursor.execute(f"SELECT {', '.join(map(_column, schema))} FROM {relation} AS source")
            con.register("_incoming", cursor.fetch_record_batch())
            try:
                con.execute(f"COPY (FROM _incoming) TO {literal(str(target))} (FORMAT parquet)")
            except BaseException:
                target.unlink(missing_ok=True)
                raise
            finally:
                con.unregister("_incoming")
        source = f"read_parquet({literal(str(target))})"
        settled = [_settled(con, source, field.name) for field in schema if _is_open(field)]
        shown = f"* REPLACE ({', '.join(settled)})" if settled else "*"
        con.execute(f"CREATE VIEW {quoted(name)} AS SELECT {shown} FROM {source}")
        return Raw(name, text=False, snapshot=True)

    def state(self, relation: str, what: str) -> str:
        """Number and checksum of the rows: another one when anything in them has changed."""
        sql = f"SELECT count(*), sum(hashtextextended(source::text, 0))::text FROM {relation} AS source"
        return str(self.ask(sql, what)[0])

    @contextlib.contextmanager
    def _explaining(self, what: str) -> Generator[None]:
        """While it lasts, whatever the server or the network does is one sentence."""
        import duckdb
        from adbc_driver_postgresql import dbapi

        try:
            yield
        except (dbapi.Error, duckdb.Error, OSError) as error:
            raise OpskitError(f"{what} of {self.address} {self._why(error)}") from None

    def _why(self, error: Exception) -> str:
        said = _said(error, self.address)
        found = re.search(r"SQLSTATE: (\w{5})", str(error))
        state = getattr(error, "sqlstate", None) or (found[1] if found else "")
        if state in _NOT_ALLOWED:
            return f"may not be read by this user: {said}. Ask the owner of the database for GRANT SELECT on it."
        if state in _TIMED_OUT or "statement timeout" in said:
            return (
                f"was not read to its end: {said}. Read less with a query in opskit.toml, or allow more time: add "
                "?options=-c%20statement_timeout%3D10min to the address."
            )
        if state in _NO_SUCH_RELATION:
            missing = (re.findall(r'"([^"]+)"', said) or [""])[-1]
            hint = did_you_mean(missing, [one.name if "." in missing else one.bare for one in self.members()])
            return f"cannot be read: {said}.{hint} Correct the query in opskit.toml."
        if not self._alive():
            return (
                f"was not read to its end, because the connection ended: {said}. Nothing of it is kept; run it again."
            )
        return f"cannot be read: {said}. Correct table or query in opskit.toml."

    def _alive(self) -> bool:
        try:
            return bool(self.rows("SELECT 1"))
        except Exception:
            return False


def _said(error: Exception, address: str) -> str:
    """The server's own sentence in a driver's message, in whatever language, without passwords."""
    text = scrubbed(str(error), address).replace("\t", " ")
    line = next((line for line in text.splitlines() if re.search(r"(ERROR|FATAL|PANIC):", line)), text.splitlines()[0])
    said = re.split(r"(?:ERROR|FATAL|PANIC): +|[Ff]ailed: |Failed to connect: |\[libpq\] ", line)[-1]
    return said.partition(" SQLSTATE:")[0].strip().rstrip(".")


def _refuse_repeated(names: list[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise OpskitError(
            f"{what} has {len(twice)} column name(s) twice: {', '.join(twice)}. Rename one: AS other_name."
        )


def _kind(field: "pa.Field[Any]") -> str:
    return (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()


def _is_open(field: "pa.Field[Any]") -> bool:
    """Whether it is a numeric that may hold long ids as well as amounts: only the values tell."""
    if _kind(field) != "numeric":
        return False
    modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
    decimals = (modifier - 4) & 0x7FF
    return modifier < 0 or decimals == 0 or decimals >= 0x400  # eleven bits with a sign


def _column(field: "pa.Field[Any]") -> str:
    """A column as a type that Arrow and DuckDB share; moments without end are missing, other kinds are text."""
    import pyarrow as pa

    name, kind = quoted(field.name), _kind(field)
    if kind in AS_IT_IS or pa.types.is_string(field.type):
        return name
    if kind in HAS_INFINITY:
        return f"CASE WHEN isfinite({name}) THEN {name} END AS {name}"
    if kind == "money":
        return f"{name}::numeric::float8 AS {name}"
    if kind == "numeric" and not _is_open(field):
        return f"{name}::float8 AS {name}"
    return f"{name}::text AS {name}"


def _settled(con: "duckdb.DuckDBPyConnection", source: str, column: str) -> str:
    """A numeric without decimals in its type: whole numbers when all are, text when too long for that, else decimals."""
    name = quoted(column)
    short, whole = con.execute(
        f"SELECT bool_and(regexp_full_match({name}, '-?\\d{{1,18}}')), bool_and(regexp_full_match({name}, '-?\\d+')) "
        f"FROM {source}"
    ).fetchall()[0]
    kind = "BIGINT" if short else "VARCHAR" if whole else "DOUBLE"
    return f"try_cast({name} AS {kind}) AS {name}"
