"""Writing: same seed same bytes, streams apart, chunks in any order, arguments refused."""

import json
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import opskit
from opskit import OpskitError, contract
from opskit.sample import shop as writing
from opskit.sample import truth, world

from .conftest import COMMITTED, Shop

Write = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_same_arguments_same_bytes(written: Write) -> None:
    assert contents(written()) == contents(written())


def test_another_seed_other_customers_same_truth(written: Write) -> None:
    one, other = contents(written(seed=1)), contents(written(seed=2))
    assert one["truth.json"] == other["truth.json"]
    same = {name.removesuffix(".parquet") for name in one if name.endswith(".parquet") and one[name] == other[name]}
    assert not [
        name for name in same if not contract.table(name).worksheet
    ]  # what a team has written down is no chance


@pytest.mark.parametrize("table", sorted(world.builders()))
def test_a_table_written_alone_is_the_same(table: str, written: Write) -> None:
    alone, together = contents(written(tables=[table])), contents(written())
    assert [name for name in alone if name.endswith(".parquet")] == [f"{table}.parquet"]
    assert alone[f"{table}.parquet"] == together[f"{table}.parquet"]


def test_a_new_table_leaves_the_others_as_they_are(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(written())

    def build(chunk: world.Chunk) -> dict[str, np.ndarray]:
        return {"customer_id": chunk.customer_ids, "points": chunk.rng("a_points").integers(100, size=chunk.size)}

    columns = {"customer_id": world.Column("string", "who"), "points": world.Column("int64", "points")}
    a_points = types.SimpleNamespace(ROW="account", COLUMNS=columns, build=build)
    existing = world.builders()
    for module in (writing, world):
        monkeypatch.setattr(module, "builders", lambda: {"a_points": a_points, **existing})
    after = contents(written())
    assert "a_points.parquet" in after
    for name in (f"{table}.parquet" for table in existing):
        assert after[name] == before[name]
    assert after["truth.json"] == before["truth.json"]


def test_chunks_do_not_depend_on_their_order() -> None:
    settings = (truth.values(), 10_400, 6, 7)
    forth, back = world.World(*settings), world.World(*settings)
    forth.chunk(0).table("orders")
    late = forth.chunk(1).table("orders")
    for column, values in back.chunk(1).table("orders").items():
        np.testing.assert_array_equal(values, late[column])


def test_two_chunks_are_one_shop(two_chunks: Shop) -> None:
    assert two_chunks.customers["customer_id"].tolist() == [f"C{i:07d}" for i in range(1, 11_501)]
    file = pq.ParquetFile(two_chunks.folder / "customers.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] == [10_000, 1_500]


def test_the_committed_shop_is_what_the_generator_writes(tmp_path: Path) -> None:
    opskit.sample.write(tmp_path / "shop")
    for file in COMMITTED.iterdir():
        again = tmp_path / "shop" / file.name
        if file.suffix == ".parquet":
            assert pq.read_table(again).equals(pq.read_table(file)), file.name
        else:
            assert again.read_text(encoding="utf-8") == file.read_text(encoding="utf-8"), file.name


def test_the_committed_shop_is_small() -> None:
    assert sum(file.stat().st_size for file in COMMITTED.iterdir()) < 3.5e6
    assert sum(file.stat().st_size for file in COMMITTED.parent.rglob("*") if file.is_file()) < 6e6


def test_it_opens_and_only_unpaid_and_closed_orders_are_left_out(shop: Shop) -> None:
    opened = opskit.open(shop.folder)
    assert set(opened.tables) == set(world.builders())
    assert (opened.name, opened.currency, str(opened.as_of)) == ("shop", "CNY", "2025-12-31")
    left_out = opened.exclusions()
    assert set(left_out["reason"]) == {"status is unpaid", "status is closed"}
    assert left_out["rows"].sum() == len(shop.orders) - len(shop.paid)


@pytest.mark.parametrize("months", [1, 2, 36])
@pytest.mark.parametrize("customers", [1, 40])
def test_smallest_and_longest_shops(customers: int, months: int, written: Write) -> None:
    folder = written(customers=customers, months=months)
    assert pq.read_metadata(folder / "customers.parquet").num_rows == customers
    assert pq.read_metadata(folder / "events.parquet").num_rows >= 2 * customers


def test_progress_reaches_the_end(written: Write) -> None:
    seen: list[tuple[int, int]] = []
    written(customers=10_001, months=1, tables=["customers"], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(10_000, 10_001), (10_001, 10_001)]


def test_readme_explains_every_column(shop: Shop) -> None:
    readme = (shop.folder / "README.md").read_text(encoding="utf-8")
    for table in world.builders():
        section = readme.partition(f"## {table}\n")[2].partition("\n## ")[0]
        for column in getattr(shop, table).columns:
            assert f"| {column} |" in section


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"customers": 0}, "customers == 0, must be >= 1."),
        ({"customers": 10.5}, "customers == 10.5, must be a whole number."),
        ({"months": 121}, "months == 121, must be <= 120."),
        ({"seed": -1}, "seed == -1, must be >= 0."),
        ({"tables": ["order"]}, "Did you mean 'orders'?"),
    ],
)
def test_arguments_out_of_bounds_are_refused(options: dict[str, object], message: str, written: Write) -> None:
    with pytest.raises(OpskitError) as refused:
        written(**options)
    assert message in str(refused.value)


def given(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "given.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_a_truth_file_changes_the_truth_and_the_shop(tmp_path: Path, written: Write) -> None:
    folder = written(truth=given(tmp_path, {"refund.rate": 0.5, "purchase.alpha": 20}), customers=2000)
    stated = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert stated["planted"]["refund.rate"]["value"] == 0.5
    default = json.loads((written() / "truth.json").read_text(encoding="utf-8"))
    name = "second_order_within.90_days"
    assert stated["derived"][name]["value"] > default["derived"][name]["value"] + 0.2
    orders = pq.read_table(folder / "orders.parquet", columns=["refund"])["refund"].to_numpy()
    assert (orders > 0).mean() > 0.3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"refund_rate": 0.1}, "Did you mean 'refund.rate'?"),
        ({"refund.rate": "high"}, "refund.rate == 'high', must be a number."),
        ({"refund.rate": True}, "refund.rate == True, must be a number."),
        ({"refund.rate": 1.1}, "refund.rate == 1.1, must be <= 1."),
        ([0.1], "must hold one object"),
        ("{", "must be a readable JSON file"),
    ],
)
def test_a_wrong_truth_file_is_refused(content: object, message: str, tmp_path: Path, written: Write) -> None:
    with pytest.raises(OpskitError) as refused:
        written(truth=given(tmp_path, content))
    assert message in str(refused.value)


def test_a_missing_truth_file_is_refused(tmp_path: Path, written: Write) -> None:
    with pytest.raises(OpskitError, match="readable JSON file"):
        written(truth=tmp_path / "nowhere.json")


def test_every_planted_value_lies_within_its_own_bounds() -> None:
    for name, spec in truth.planted().items():
        assert spec["min"] <= spec["value"] <= spec["max"], name
        assert {"unit", "where", "estimate"} <= set(spec), name
