import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The commands of the README run one after another for minutes: begun last, one core would do them and the others wait.
    items.sort(key=lambda item: item.path.name != "test_readme.py")
    if os.environ.get("SLOW"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: set SLOW=1"))


def _duckdb(frame: pd.DataFrame) -> Any:
    return duckdb.from_arrow(pa.Table.from_pandas(frame, preserve_index=False))


ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars_lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": _duckdb,
}


@pytest.fixture(params=[*ENGINES, pytest.param("pyspark", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> Callable[[pd.DataFrame], Any]:
    """Turns a pandas frame into each engine's own."""
    return request.getfixturevalue("spark_frame") if request.param == "pyspark" else ENGINES[request.param]


@pytest.fixture(scope="session")
def spark_frame() -> Iterator[Callable[[pd.DataFrame], Any]]:
    """Turns a pandas frame into a PySpark frame of two partitions, in a session that is quick with little data."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",  # naive local times, as everywhere in opskit
        "spark.sql.codegen.wholeStage": "false",  # compiling a plan takes longer than running it over so few rows
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield lambda frame: session.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False)).repartition(2)
    session.stop()


@pytest.fixture(scope="session")
def cdnow() -> pd.DataFrame:
    return pd.read_parquet(Path(__file__).parents[1] / "data" / "cdnow" / "orders.parquet")


PARAMETERS = """data: str = "shop"  # sample shop, or a path to your own data
as_of: str = ""  # last day to count, YYYY-MM-DD; empty: the last day in the data
where: str = ""  # keep only some customers, e.g. "region=North"
confidence: float = 0.95  # of every interval
seed: int = 7  # of everything random
"""


@pytest.fixture(scope="session")
def write_page() -> Callable[..., Path]:
    """Writes a page notebook of the given code cells, each a text or a (tag, text) pair."""

    def write(path: Path, *cells: str | tuple[str, str], parameters: str | None = PARAMETERS, title: str = "A page"):
        import nbformat.v4 as v4

        notebook = v4.new_notebook(cells=[v4.new_markdown_cell(f"# {title}\n\nDoes it work? Chapter.")])
        tagged = [("parameters", parameters)] if parameters is not None else []
        for cell in (*tagged, *cells):
            tag, source = cell if isinstance(cell, tuple) else ("", cell)
            notebook.cells.append(v4.new_code_cell(source, metadata={"tags": [tag]} if tag else {}))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(v4.writes(notebook), encoding="utf-8")
        return path

    return write
