"""Any engine's frame as a Narwhals lazy frame, and the few expressions that every engine needs spelled out."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_LOCAL_TIMES = "TIMESTAMP_NTZ"


class Refused(NamedTuple):
    """A kind of frame that Narwhals takes and opskit does not."""

    engine: str
    modules: tuple[str, ...]
    reason: str
    remedy: str


REFUSED = (
    Refused(
        "Dask",
        ("dask.", "dask_expr."),
        "distinct counts per group are wrong there with two or more partitions",
        "Save it as Parquet and pass opskit.open the folder",
    ),
    Refused(
        "Spark Connect",
        ("pyspark.sql.connect.",),
        "results there have not been proven equal",
        "Use a classic session, or save it as Parquet and pass opskit.open the folder",
    ),
)
"""README lists them too."""


def lazy(frame: Any, *columns: str, table: str = "orders") -> nw.LazyFrame[Any]:
    """The frame as a Narwhals lazy frame, once it is known to have the columns.

    Args:
        frame: pandas, Polars (eager or lazy), PyArrow, DuckDB relation or PySpark frame.
        columns: Columns that must be there.
        table: What to call the frame in an error.

    Raises:
        OpskitError: The frame's kind is not supported, or a column is missing.
    """
    for refused in REFUSED:
        if type(frame).__module__.startswith(refused.modules):
            raise OpskitError(f"{table} is a {refused.engine} frame, and {refused.reason}. {refused.remedy}.")
    try:
        narwhal = nw.from_native(frame)
    except TypeError as error:
        raise OpskitError(
            f"{table} is a {type(frame).__name__}; it must be a pandas, Polars, PyArrow, DuckDB or PySpark frame."
        ) from error
    require_columns(narwhal.collect_schema().names(), columns, table=table)
    if narwhal.implementation.is_pyarrow():  # no ordered windows there; DuckDB reads the table in place
        return nw.from_native(_relation(frame))
    return _local_times(narwhal.lazy(), table) if narwhal.implementation.is_pyspark() else narwhal.lazy()


def _local_times(lf: nw.LazyFrame[Any], table: str) -> nw.LazyFrame[Any]:
    """A Spark frame whose moments are naive local times, in a session that takes Python's datetimes for such."""
    if lf.to_native().sparkSession.conf.get("spark.sql.timestampType") != _LOCAL_TIMES:
        raise OpskitError(
            f"{table} is a PySpark frame of a session that takes days for moments of a time zone, so that limits of days "
            f'would move. Say once: spark.conf.set("spark.sql.timestampType", "{_LOCAL_TIMES}").'
        )
    zoned = [
        name
        for name, kind in lf.collect_schema().items()
        if isinstance(kind, nw.Datetime) and kind.time_zone is not None
    ]
    return lf.with_columns(nw.col(*zoned).cast(nw.Datetime("us"))) if zoned else lf


def start_of(lf: nw.LazyFrame[Any], column: str, every: str = "1d") -> nw.Expr:
    """The beginning of the day, hour or minute of a column, in the column's own kind."""
    start = nw.col(column).dt.truncate(every)
    # Spark's answer would be an instant, which shows another time of day where the session's zone is another.
    return start.cast(lf.collect_schema()[column]) if lf.implementation.is_pyspark() else start


def like(result: nw.LazyFrame[Any], frame: Any) -> Any:
    """The result as the kind of frame that went in: a DuckDB relation or a lazy Polars frame stays lazy."""
    kind = nw.from_native(frame)
    if isinstance(kind, nw.LazyFrame):
        return result.to_native()
    return result.collect(kind.implementation.value).to_native()


def settled(lf: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The same rows, worked out now because several queries read them; on Spark they stay on its executors."""
    if lf.implementation.is_duckdb():
        native = lf.to_native()
        _rows = native.to_arrow_table()
        return nw.from_native(native.query("_unused", "from _rows"))  # DuckDB finds the variable by its name
    if lf.implementation.is_pyspark():
        return nw.from_native(lf.to_native().localCheckpoint())
    return lf.collect().lazy() if lf.implementation.is_polars() else lf


def beside(frame: nw.LazyFrame[Any], table: "pd.DataFrame") -> nw.LazyFrame[Any]:
    """A small pandas table as the kind of frame that the lazy frame is, on the same connection, to be joined to it."""
    kind, native = frame.implementation, frame.to_native()
    if kind.is_duckdb():
        _brought_in = _arrow(table)
        return nw.from_native(native.query("_unused", "from _brought_in"))  # DuckDB finds the variable by its name
    if kind.is_pyspark():
        return nw.from_native(native.sparkSession.createDataFrame(_arrow(table)))
    return nw.from_arrow(_arrow(table), backend=kind).lazy()


def _arrow(table: "pd.DataFrame") -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(table, preserve_index=False)


def _relation(table: Any) -> Any:
    import duckdb

    return duckdb.from_arrow(table)


def require_columns(names: Iterable[str], required: Iterable[str], *, table: str) -> None:
    """Refuse a table without the columns, naming the nearest one it has."""
    have = list(names)
    for column in required:
        if column not in have:
            hint = did_you_mean(column, have)
            raise OpskitError(
                f"{table} lacks {column!r}; it has {', '.join(map(repr, have[:12]))}.{hint} "
                f"Map it in opskit.toml under [tables.{table}.columns]."
            )


def collect(frame: nw.LazyFrame[Any]) -> "pd.DataFrame":
    """Run the query and bring its (small) result to pandas; every integer is int64, every other number float64."""
    import pyarrow as pa

    def plain(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
            return pa.int64()
        return pa.float64() if pa.types.is_decimal(kind) or pa.types.is_floating(kind) else kind

    arrow: pa.Table = frame.collect("pyarrow").to_native()
    return arrow.cast(pa.schema([(field.name, plain(field.type)) for field in arrow.schema])).to_pandas()


def epoch_day(column: str) -> nw.Expr:
    """Days since 1970-01-01 of a date or timestamp column (years 1901 to 2099), on every engine."""
    time = nw.col(column).dt
    year = time.year().cast(nw.Int64)
    leap_days = (year - 1969) // 4
    return 365 * (year - 1970) + leap_days + time.ordinal_day().cast(nw.Int64) - 1


def month_index(column: str) -> nw.Expr:
    """Calendar months since year 0 of a date or timestamp column: ``year * 12 + month - 1``."""
    time = nw.col(column).dt
    return time.year().cast(nw.Int64) * 12 + time.month().cast(nw.Int64) - 1


def day_number(day: object, name: str = "as_of") -> int:
    """Days since 1970-01-01 of a date, once it is known to be one.

    Raises:
        OpskitError: It is not a date, a text for instance.

    >>> day_number(dt.date(2025, 12, 31))
    20453
    """
    if not isinstance(day, dt.date):
        raise OpskitError(f"{name} == {day!r}, must be a date: datetime.date(2025, 12, 31).")
    return day.toordinal() - dt.date(1970, 1, 1).toordinal()
