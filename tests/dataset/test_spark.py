"""Datasets and pages on Spark; what needs no Spark to be refused is quick, the rest is slow."""

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import opskit
from opskit import frames
from opskit.dataset import Dataset
from opskit.errors import OpskitError
from opskit.reports.execution import Outcome
from opskit.reports.pages import pages

QUICK_WITH_FEW_ROWS = """
[spark]
master = "local[2]"

[spark.settings]
"spark.driver.memory" = "1g"
"spark.driver.maxResultSize" = "1m"
"spark.driver.extraJavaOptions" = "-XX:TieredStopAtLevel=1"
"spark.sql.shuffle.partitions" = "2"
"spark.sql.codegen.wholeStage" = "false"
"spark.sql.codegen.factoryMode" = "NO_CODEGEN"
"""


def folder(path: Path, spark: str = "") -> Path:
    """Orders as shops export them: Chinese headers in GB18030, lines of one order, unpaid ones, blanks, odd dates."""
    path.mkdir(exist_ok=True)
    rows = [
        ("会员甲", "2025/01/05 09:30", "1,200.50", "A1", "已支付", "北"),
        ("会员甲", "2025/01/05 09:30", "￥30", "A1", "已支付", "北"),
        ("会员乙", "2025年02月11日", "80", "A2", "等待买家付款", "南"),
        ("会员乙", "2025/03/01 23:59", "81", "A3", "已支付", "南"),
        ("会员丙", "not a day", "5", "A4", "已支付", None),
        ("会员丙", "2025/03/02 00:01", "7", "A5", "已支付", None),
    ]
    columns = ["买家会员名", "订单付款时间", "实收金额", "订单编号", "订单状态", "region"]
    pd.DataFrame(rows, columns=columns).to_csv(path / "orders.csv", index=False, encoding="gb18030")
    mapped = dict(zip(["customer_id", "ordered_at", "revenue", "order_id", "status"], columns, strict=False))
    told = "\n".join(f'{name} = "{header}"' for name, header in mapped.items())
    exclude = 'exclude = { status = ["等待买家付款"] }'
    toml = f'{spark}\n[tables.orders]\nsource = "orders.csv"\n{exclude}\n[tables.orders.columns]\n{told}\n'
    (path / "opskit.toml").write_text(toml, encoding="utf-8")
    return path


def rows_of(ds: Dataset, name: str) -> pd.DataFrame:
    found = frames.collect(frames.lazy(getattr(ds, name), table=name))
    return found.sort_values(list(found.columns), ignore_index=True)


def headline(notebook: Path) -> pd.DataFrame:
    return pd.DataFrame(Outcome("ok", nbformat.reads(notebook.read_text(encoding="utf-8"), 4)).headline)


# --- refused, with what to do


def test_spark_is_not_imported_unless_asked_for() -> None:
    code = "import sys, opskit; opskit.open('cdnow').orders; print('pyspark' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_without_pyspark_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(OpskitError, match=r"engine == 'spark' needs PySpark.*pip install \"opskit\[spark\]\""):
        _ = opskit.open(folder(tmp_path / "data"), engine="spark").orders


def test_without_java_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none_open = types.SimpleNamespace(getActiveSession=lambda: None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", types.SimpleNamespace(SparkSession=none_open))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(OpskitError, match=r"engine == 'spark' needs Java 17 or newer.*default-jre-headless"):
        _ = opskit.open(folder(tmp_path / "data"), engine="spark").orders


def test_a_cluster_needs_a_folder_that_it_sees(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", '[spark]\nmaster = "spark://far.away:7077"')
    with pytest.raises(OpskitError, match=r"\[spark\] master == 'spark://far.away:7077'.*folder = "):
        _ = opskit.open(data, engine="spark").orders


def test_frames_of_spark_are_for_functions_not_for_opening() -> None:
    stand_in = type("DataFrame", (), {"__module__": "pyspark.sql.classic.dataframe"})()
    with pytest.raises(OpskitError, match=r"or a path. The functions themselves also take PySpark frames"):
        _ = opskit.open(stand_in).orders


def test_spark_connect_is_refused_with_the_reason() -> None:
    stand_in = type("DataFrame", (), {"__module__": "pyspark.sql.connect.dataframe"})()
    with pytest.raises(
        OpskitError, match=r"orders is a Spark Connect frame, and results there .* Use a classic session"
    ):
        frames.lazy(stand_in)


def test_an_unknown_option_of_spark_is_refused(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", '[spark]\nmister = "local[2]"')
    with pytest.raises(OpskitError, match=r"unknown option 'spark.mister'; known are master, folder, settings"):
        opskit.open(data)


def test_the_environment_names_the_engine_unless_the_call_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSKIT_ENGINE", "pandas")
    assert isinstance(opskit.open("cdnow").orders, pd.DataFrame)
    assert not isinstance(opskit.open("cdnow", engine="duckdb").orders, pd.DataFrame)


# --- on Spark


@pytest.fixture
def session(spark_frame: Any) -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["", "region=北"])
def test_messy_files_are_the_same_rows_on_spark(session: Any, tmp_path: Path, where: str) -> None:
    data = folder(tmp_path / "data")
    plain, spark = (opskit.open(data, where=where, engine=engine) for engine in ("duckdb", "spark"))
    pd.testing.assert_frame_equal(rows_of(spark, "orders"), rows_of(plain, "orders"), check_dtype=False)
    assert spark.exclusions().equals(plain.exclusions())
    pd.testing.assert_frame_equal(spark.check(), plain.check())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["orders", "customers", "events", "surveys", "bookings", "points", "leads"])
def test_tables_of_the_shop_are_the_same_rows_on_spark(session: Any, name: str) -> None:
    plain, spark = (opskit.open("shop", as_of="2025-06-30", engine=engine) for engine in ("duckdb", "spark"))
    pd.testing.assert_frame_equal(rows_of(spark, name), rows_of(plain, name), check_dtype=False)


@pytest.mark.slow
def test_moments_with_a_zone_become_local_times_and_an_unready_session_is_refused(session: Any) -> None:
    zoned = session.sql("SELECT 'A' AS customer_id, CAST('2025-01-01 10:00:00' AS TIMESTAMP_LTZ) AS ordered_at")
    assert frames.collect(frames.lazy(zoned))["ordered_at"].tolist() == [pd.Timestamp("2025-01-01 10:00")]
    session.conf.set("spark.sql.timestampType", "TIMESTAMP_LTZ")
    try:
        with pytest.raises(OpskitError, match=r'spark.conf.set\("spark.sql.timestampType", "TIMESTAMP_NTZ"\)'):
            frames.lazy(zoned)
    finally:
        session.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")


@pytest.mark.slow
def test_columns_of_types_that_spark_lacks_are_kept(session: Any) -> None:
    orders = pd.DataFrame(
        {"customer_id": ["A"], "ordered_at": pd.to_datetime(["2025-01-01"]).as_unit("ns"), "revenue": 1.0}
    )
    orders["clock"] = [pd.Timestamp("2025-01-01 10:00").time()]
    orders["seen"] = pd.to_datetime(["2025-01-02"]).as_unit("ns")
    row = rows_of(opskit.open(orders, engine="spark"), "orders").iloc[0]
    assert row[["clock", "seen"]].tolist() == ["10:00:00", pd.Timestamp("2025-01-02")]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["overview", "loyalty/retention", "loyalty/journey"])
def test_a_page_on_spark_tells_the_same_figures_and_never_collects_rows(page: str, tmp_path: Path) -> None:
    """The driver takes one megabyte of results at most, and the shop's events alone are more."""
    shop = Path(opskit.__file__).parents[2] / "data" / "shop"
    data = tmp_path / "shop"
    data.mkdir()
    for path in shop.iterdir():
        (data / path.name).symlink_to(path) if path.name != "opskit.toml" else None
    (data / "opskit.toml").write_text((shop / "opskit.toml").read_text(encoding="utf-8") + QUICK_WITH_FEW_ROWS, "utf-8")
    command = [sys.executable, "-m", "opskit", "run", page, "--data", str(data), "--engine", "spark"]
    subprocess.run([*command, "--out", str(tmp_path / "out")], check=True, capture_output=True)
    (report,) = (tmp_path / "out").rglob("*.ipynb")
    assert '"stderr"' not in report.read_text(encoding="utf-8")  # Java and PySpark say nothing in it
    told, stored = headline(report), headline(pages()[page].path)
    assert len(stored) > 5
    pd.testing.assert_frame_equal(told, stored, rtol=1e-9)


@pytest.mark.slow
def test_a_driver_with_so_little_room_would_refuse_the_rows(tmp_path: Path) -> None:
    code = (
        "import opskit\n"
        f"data = opskit.open({str(folder(tmp_path / 'data', QUICK_WITH_FEW_ROWS))!r}, engine='spark')\n"
        "session = data.orders.sparkSession\n"
        "rows = session.range(102_337).selectExpr('id', 'cast(id as string) as name')\n"
        "try:\n    rows.toArrow()\nexcept Exception as error:\n    print('maxResultSize' in str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
