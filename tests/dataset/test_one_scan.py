"""A group-by reads a file once, however large it is and whatever it is sorted by."""

from pathlib import Path

import duckdb
import pytest

import opskit
from opskit.dataset.load import group_in_one_scan


def test_what_is_opened_is_grouped_in_one_scan() -> None:
    orders = opskit.open("cdnow", engine="duckdb").orders
    said = orders.query("orders", "SELECT current_setting('disabled_optimizers')").fetchall()
    assert said == [("partitioned_execution",)]


@pytest.mark.slow
def test_a_large_file_sorted_by_customer_is_read_once(tmp_path: Path) -> None:
    """DuckDB reads it once per range of customers by itself: if it no longer does, the setting can go."""
    path = (tmp_path / "orders.parquet").as_posix()
    con = duckdb.connect()
    con.sql(
        f"COPY (SELECT 'C' || lpad((i // 5)::VARCHAR, 8, '0') AS customer_id, i FROM range(10000000) t(i)) TO '{path}'"
    )

    def scans() -> int:
        ((_, plan),) = con.sql(f"EXPLAIN SELECT customer_id, sum(i) FROM '{path}' GROUP BY 1").fetchall()
        return str(plan).count("PARQUET_SCAN")

    assert scans() > 1
    group_in_one_scan(con)
    assert scans() == 1
