"""A table that another page of the run has read comes out the same, without reading the file again."""

import os
from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit.dataset import shared, store

MESSY = """买家会员名,订单编号,订单付款时间,实收金额,订单状态,地区
可可妈妈,1,2025/1/3 10:00:00,"¥1,234.50",交易成功,North
可可妈妈,1,2025/1/3 10:00:00,¥10,交易成功,North
小鱼妈,2,2025/1/4 09:30:00,¥20.5,交易成功,South
小鱼妈,3,someday,¥3,交易成功,South
a'b,4,2025/2/1 12:00:00,¥7,交易关闭,South
a'b,5,2025/2/2 12:00:00,¥8,交易成功,
"""


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path / "shared"))
    (tmp_path / "my_orders.csv").write_bytes(MESSY.encode("gb18030"))
    return tmp_path / "my_orders.csv"


def seen(path: Path, **given: str) -> dict[str, str]:
    """Everything a page can see of the orders."""
    ds = opskit.open(path, **given)
    orders = ds.orders.df().sort_values("order_id", ignore_index=True)
    return {
        "orders": orders.to_string() + str(orders.dtypes),
        "notes": str(ds.notes),
        **{name: getattr(ds, name)().to_string() for name in ("used", "exclusions", "check")},
    }


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tables that are read from their files."""
    found: list[str] = []
    read = store.load_files

    def counted(con, paths, name, **given):
        found.append(name)
        return read(con, paths, name, **given)

    monkeypatch.setattr(store, "load_files", counted)
    return found


def test_what_was_shared_equals_what_was_read(export: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = seen(export), seen(export)
    assert reads == ["raw_orders"]
    assert second == first
    assert "lines summed" in first["notes"]
    assert "交易关闭" in first["exclusions"]
    monkeypatch.delenv(shared.VARIABLE)
    assert seen(export) == first


def test_a_changed_file_or_setting_is_read_again(export: Path, reads: list[str]) -> None:
    seen(export)
    seen(export, hash_ids=True)
    assert len(reads) == 2
    export.write_bytes(MESSY.replace("20.5", "21.5").encode("gb18030"))
    os.utime(export, (1, 1))
    assert "21.5" in seen(export)["orders"]
    assert len(reads) == 3
    assert "1255.0" not in seen(export, where="地区=South")["orders"]  # filters look at the shared table
    assert len(reads) == 3


def test_where_nothing_can_be_written_the_file_is_read(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = seen(export)
    monkeypatch.setenv(shared.VARIABLE, str(export.parent / "nowhere"))
    assert seen(export) == first


def test_files_that_need_no_cleaning_are_not_copied(export: Path) -> None:
    orders = pd.DataFrame({"customer_id": ["A"], "ordered_at": pd.to_datetime(["2025-01-03"]), "revenue": [1.0]})
    path = export.parent / "orders.parquet"
    orders.to_parquet(path)
    opskit.open(path).orders.fetchall()
    assert not list((export.parent / "shared").iterdir())
