"""A representative set of functions on a real cluster: two executors, each a process of its own."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opskit
from opskit import customers, frames, stats
from opskit.loyalty import journey, retention
from opskit.monetization import lifetime_value
from opskit.target_users import segments

CLUSTER = """
[spark]
master = "local-cluster[2,1,1024]"

[spark.settings]
"spark.driver.memory" = "1g"
"spark.sql.shuffle.partitions" = "2"
"spark.sql.files.maxPartitionBytes" = "256k"
"spark.sql.adaptive.enabled" = "false"
"spark.sql.codegen.wholeStage" = "false"
"spark.sql.codegen.factoryMode" = "NO_CODEGEN"
"spark.driver.extraJavaOptions" = "-XX:TieredStopAtLevel=1"
"spark.executor.extraJavaOptions" = "-XX:TieredStopAtLevel=1"
"""
STEPS = ("visit", "add_to_cart", "buy")


def by_customer(frame: Any) -> pd.DataFrame:
    return frames.collect(frames.lazy(frame)).sort_values("customer_id", ignore_index=True)


def results(ds: Any) -> dict[str, pd.DataFrame]:
    day = {"as_of": ds.as_of}
    summary = customers.summary(ds.orders, **day)
    return {
        "summary": by_customer(summary),
        "groups": by_customer(stats.assign_groups(frames.lazy(summary)).to_native()),
        "cohorts": retention.cohorts(ds.orders, **day),
        "funnel": journey.funnel(journey.walk(ds.events, steps=STEPS, **day)),
        "lifetime value": by_customer(lifetime_value.summary(ds.orders, **day)),
        "segments": segments.sizes(segments.scores(ds.orders, **day)),
        "contract": ds.check(),
    }


@pytest.mark.slow
def test_two_executors_tell_what_duckdb_tells(tmp_path: Path) -> None:
    shop = Path(opskit.__file__).parents[2] / "data" / "shop"
    tables = ("orders", "customers", "events")
    told = "".join(f'\n[tables.{name}]\nsource = "{(shop / name).as_posix()}.parquet"\n' for name in tables)
    data, found = tmp_path / "opskit.toml", tmp_path / "found"
    data.write_text(CLUSTER + told, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, __file__, str(data), str(found)], capture_output=True, text=True, timeout=900, check=False
    )
    assert found.is_file(), done.stderr[-3000:]
    executors, cluster = pickle.loads(found.read_bytes())
    assert executors == 2
    for name, table in results(opskit.open(data)).items():
        pd.testing.assert_frame_equal(cluster[name], table, check_dtype=False, rtol=1e-9, obj=name)


if __name__ == "__main__":
    dataset = opskit.open(sys.argv[1], engine="spark")
    worked_out = results(dataset)
    context = dataset.orders.sparkSession.sparkContext
    beside_the_driver = context._jsc.sc().getExecutorMemoryStatus().size() - 1
    Path(sys.argv[2]).write_bytes(pickle.dumps((beside_the_driver, worked_out)))
