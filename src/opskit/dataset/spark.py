"""Tables on Spark: the session, and cleaned tables handed over to it as files, never through Python."""

import atexit
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opskit.dataset.config import SparkConfig
from opskit.dataset.sql import quoted
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import duckdb

LOCAL_TIMES = "TIMESTAMP_NTZ"
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}


def session(config: SparkConfig) -> Any:
    """The Spark session that is open, else a new one as [spark] of opskit.toml says; times in it are naive and local.

    Raises:
        OpskitError: PySpark or Java is missing, or Spark does not start.
    """
    # It is said of PySpark's own pandas functions, which nothing here uses.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    try:
        # An extra: type checks run where it is not installed.
        sessions: Any = importlib.import_module("pyspark.sql").SparkSession
    except ImportError as error:
        raise OpskitError(
            "engine == 'spark' needs PySpark, which is not installed. Install it: pip install \"opskit[spark]\" "
            "(in a checkout: pip install -e \".[spark]\"). Without it, the engine 'duckdb' reads the same data."
        ) from error
    found = sessions.getActiveSession()
    if found is None:
        if not (shutil.which("java") or Path(os.environ.get("JAVA_HOME", "?"), "bin").is_dir()):
            raise OpskitError(
                "engine == 'spark' needs Java 17 or newer, and there is no java on the PATH and no JAVA_HOME. Install a "
                "Java runtime (Debian: default-jre-headless). Without it, the engine 'duckdb' reads the same data."
            )
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = sessions.builder.appName("opskit").master(config.master or "local[*]")
        for name, value in {**_QUIET, **config.settings}.items():
            builder = builder.config(name, value)
        try:
            with _silent():
                found = builder.getOrCreate()
        except Exception as error:
            raise OpskitError(
                f"Spark does not start at {config.master or 'local[*]'}: {str(error).strip().splitlines()[0]} "
                "Check master and settings under [spark] in opskit.toml, and that Java is 17 or newer."
            ) from error
    found.conf.set("spark.sql.timestampType", LOCAL_TIMES)
    return found


@contextlib.contextmanager
def _silent() -> Generator[None]:
    """While it lasts, what is started says nothing on stderr, now or later: Java would fill reports with its log."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def on_spark(relation: "duckdb.DuckDBPyRelation", config: SparkConfig) -> Any:
    """A cleaned DuckDB relation as a Spark frame: DuckDB writes it to Parquet, Spark's executors read that."""
    path = _folder(config) / "table.parquet"
    opened = session(config)
    columns = ", ".join(
        _known_to_spark(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
    )
    relation.select(columns).write_parquet(str(path))
    return opened.read.parquet(str(path))


def _folder(config: SparkConfig) -> Path:
    """A new folder where Spark finds a table; it is removed at the end of this process.

    Raises:
        OpskitError: Spark runs on other machines, and no folder is named that they can read.
    """
    if not config.folder and config.master and not config.master.startswith("local"):
        raise OpskitError(
            f"[spark] master == {config.master!r} is a cluster, and its machines cannot see this one's files. Name a "
            'folder that all of them see: folder = "/mnt/shared/opskit" under [spark] in opskit.toml.'
        )
    if config.folder:
        Path(config.folder).expanduser().mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="opskit-", dir=Path(config.folder).expanduser() if config.folder else None))
    made.chmod(0o755)  # executors may run as somebody else
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _known_to_spark(name: str, kind: str) -> str:
    """SQL of a column in a type that Spark reads from Parquet."""
    column = quoted(name)
    if kind.startswith("TIMESTAMP_"):  # seconds, milliseconds or nanoseconds
        return f"{column}::TIMESTAMP AS {column}"
    if kind in {"HUGEINT", "UHUGEINT"}:
        return f"{column}::DOUBLE AS {column}"
    if kind in {"UUID", "INTERVAL", "BIT"} or kind.startswith("TIME"):
        return column if kind in {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"} else f"{column}::VARCHAR AS {column}"
    return column
