"""The contract's checks count the same on every engine, and find what is planted."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook

import opskit
from opskit import contract

Engine = Callable[[pd.DataFrame], Any]
ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "2", "3", "4"],
        "customer_id": ["a", "b", "c", None, "x"],
        "ordered_at": pd.to_datetime(["2025-01-05", "2025-01-01", "2025-01-02", "2025-01-03", "2026-01-01"]),
        "revenue": [10.0, -1.0, 0.0, 5.0, 5.0],
        "refund": [11.0, 0.0, 0.0, 0.0, None],
        "refunded_at": pd.to_datetime(["2025-01-01", None, None, None, None]),
    }
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "c"],
        "signed_up_at": pd.to_datetime(["2025-01-01", "2025-01-02", None, None]),
    }
)
# Counted by hand from the two tables above.
EXPECTED = {
    ("orders", "customer_id", "missing"): 1,
    ("orders", "revenue", "below 0"): 1,
    ("orders", "revenue", "is zero"): 1,
    ("orders", "refund", "more than revenue"): 2,
    ("orders", "refunded_at", "before ordered_at"): 1,
    ("orders", "ordered_at", "after 2025-12-31"): 1,
    ("orders", "order_id", "repeated"): 1,
    ("orders", "customer_id", "not in customers"): 1,
    ("orders", "ordered_at", "before signed_up_at"): 1,
    ("customers", "customer_id", "repeated"): 1,
}


def test_violations_are_counted_the_same_on_every_engine(engine: Engine) -> None:
    tables = {"orders": engine(ORDERS), "customers": engine(CUSTOMERS)}
    found = contract.violations(tables, as_of=dt.date(2025, 12, 31))
    counted = {(row.table, row.column, row.rule): row.rows for row in found.itertuples()}
    assert counted == EXPECTED
    assert (found["share"] > 0).all()
    assert found["severity"].tolist() == sorted(found["severity"])
    assert found["remedy"].str.len().gt(0).all()


def test_examples_name_the_row(engine: Engine) -> None:
    found = contract.violations({"orders": engine(ORDERS)}).set_index("rule")
    assert found.loc["below 0", "examples"] == "order_id=2, revenue=-1.0"
    assert found.loc["repeated", "examples"] == "order_id=2"


def test_clean_tables_raise_no_alarm() -> None:
    for name in ("shop", "cdnow"):
        dataset = opskit.open(name)
        found = dataset.check()
        assert set(found["severity"]) <= {"filtered", "warning"}, found


def test_allowed_values_and_bounds() -> None:
    experiments = pd.DataFrame({"experiment": ["e", "e"], "variant": ["a", "b"], "planned_share": [0.5, 1.5]})
    points = pd.DataFrame(
        {"customer_id": ["a"], "posted_at": pd.to_datetime(["2025-01-01"]), "points": [5.0], "kind": ["gift"]}
    )
    found = contract.violations({"experiments": experiments, "points": points})
    assert found[["table", "column", "rule", "rows"]].values.tolist() == [
        ["points", "kind", "unknown value", 1],
        ["experiments", "planned_share", "above 1", 1],
    ]


def test_dask_is_refused_with_the_reason() -> None:
    stand_in = type("DataFrame", (), {"__module__": "dask.dataframe"})()
    with pytest.raises(opskit.OpskitError, match="Dask frame, and distinct counts per group are wrong"):
        contract.violations({"orders": stand_in})


def test_every_table_has_what_the_documentation_promises() -> None:
    for table in contract.tables().values():
        assert table.required, table.name
        assert set(table.key) <= set(table.columns)
        assert table.clock is None or table.columns[table.clock].kind == "time"
        for column in table.columns.values():
            assert column.about
            assert column.after is None or column.after in table.columns
            spellings = [contract.normalized(name) for name in column.names]
            assert len(spellings) == len(set(spellings)), f"{table.name}.{column.name}"


def test_no_spelling_means_two_columns_of_a_table() -> None:
    for table in contract.tables().values():
        seen: dict[str, str] = {}
        for column in table.columns.values():
            for spelling in {contract.normalized(name) for name in column.names}:
                assert spelling not in seen, f"{table.name}: {spelling} is {seen.get(spelling)} and {column.name}"
                seen[spelling] = column.name


def test_template_can_be_filled_in_and_opened(tmp_path: Path) -> None:
    (path,) = contract.write_template(["orders", "customers"], tmp_path / "template.xlsx")
    book = load_workbook(path)
    assert book.sheetnames == ["orders", "customers", "dictionary"]
    sheet = book["orders"]
    header = [cell.value for cell in sheet[1]]
    values = {"customer_id": "007", "ordered_at": dt.datetime(2025, 1, 1, 8), "revenue": 12.5}
    sheet.append([values.get(name) for name in header])
    book.save(path)
    dataset = opskit.open(path)
    assert dataset.tables == ("orders",)
    assert dataset.orders.select("customer_id, revenue").fetchall() == [("007", 12.5)]


def test_template_as_csv_refuses_to_overwrite(tmp_path: Path) -> None:
    written = contract.write_template(["orders"], tmp_path / "new")
    assert [path.name for path in written] == ["orders.csv", "dictionary.csv"]
    with pytest.raises(opskit.OpskitError, match=r"orders.csv is there already. Give another --out"):
        contract.write_template(["orders"], tmp_path / "new")
    with pytest.raises(opskit.OpskitError, match=r"'oders' is not a table .* Did you mean 'orders'"):
        contract.write_template(["oders"], tmp_path / "other")


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ("ann.lee@example.com", "a…@example.com"),
        ("13812345678", "138…78"),
        ("order 123", "order 123"),
        ("2025-01-01", "2025-01-01"),
    ],
)
def test_masking_of_values(shown: str, masked: str) -> None:
    assert contract.mask(shown) == masked


def test_masking_of_a_frame_leaves_figures_alone() -> None:
    frame = pd.DataFrame({"收货人姓名": ["张三丰"], "手机": [13812345678], "region": ["North"], "revenue": [1.5]})
    shown = contract.mask_frame(frame)
    assert shown.iloc[0].tolist() == ["张…", "1…", "North", 1.5]
    assert frame.iloc[0, 0] == "张三丰"
