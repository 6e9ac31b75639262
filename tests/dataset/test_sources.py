"""The same three orders from every kind of source give the same table."""

import datetime as dt
import gc
import json
import sqlite3
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import opskit
import opskit.dataset
from opskit.dataset.csv_files import detect_encoding
from opskit.dataset.propose import propose, write_proposal

ROWS = [
    ("007", dt.datetime(2025, 1, 2, 10, 30), 1234.5),
    ("张三", dt.datetime(2025, 1, 31, 0, 0), 20.0),
    ("007", dt.datetime(2025, 2, 28, 23, 59), 0.5),
]
FRAME = pd.DataFrame(ROWS, columns=["customer_id", "ordered_at", "revenue"])
HEADER = "订单编号,买家会员名,订单付款时间,买家实际支付金额 ,订单状态"
EXPORT = [
    HEADER,
    '="0001",007,2025/1/2 10:30,"￥1,234.50",交易成功',
    '="0002",张三,2025/1/31 0:00,￥20,交易成功',
    '="0003",007,2025/2/28 23:59,0.5元,卖家已发货',
    '="0004",李四,,￥99,等待买家付款',
    '="0005",李四,2025/2/1 8:00,￥99,交易关闭',
]


def rows(dataset: opskit.dataset.Dataset) -> list[tuple]:
    found = dataset.orders.select("customer_id, ordered_at, revenue").fetchall()
    return sorted(found, key=lambda row: row[1])


def test_ids_of_one_word_and_a_number_tell_the_encoding(tmp_path: Path) -> None:
    """Too few different characters for statistics of language: the headers tell."""
    path = tmp_path / "orders.csv"
    path.write_bytes(
        "\n".join(["客户编号,下单时间,实收金额", *(f"客户{n},2025-01-03,{n}" for n in range(300))]).encode("gbk")
    )
    assert detect_encoding(path) == "gb18030"
    path.write_bytes("\n".join(["a,b,c", *(f"клиент{n},2025-01-03,{n}" for n in range(300))]).encode("koi8_r"))
    with pytest.raises(opskit.OpskitError, match=r"orders.csv is in none of the encodings tried.*name its encoding"):
        detect_encoding(path)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_a_shop_platforms_export_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes("\r\n".join(EXPORT).encode(encoding))
    dataset = opskit.open(path)
    assert rows(dataset) == ROWS
    assert dataset.currency == "¥"
    assert dataset.exclusions()[["reason", "rows"]].values.tolist() == [
        ["status is 交易关闭", 1],
        ["status is 等待买家付款", 1],
    ]


def test_western_export_in_cp1252(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    text = "Customer;Order Date;Amount\nMüller;02.01.2025;1.234,50\nJosé García;31.01.2025;20\nÉloïse;28.02.2025;0,50\n"
    path.write_bytes(text.encode("cp1252"))
    (tmp_path / "opskit.toml").write_text(
        '[tables.orders]\nsource = "orders.csv"\ndecimal = ","\n'
        'columns = { customer_id = "Customer", ordered_at = "Order Date", revenue = "Amount" }'
    )
    assert [(who, paid) for who, _, paid in rows(opskit.open(path))] == [
        ("Müller", 1234.5),
        ("José García", 20.0),
        ("Éloïse", 0.5),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_lines_above_the_header(tmp_path: Path, delimiter: str) -> None:
    lines = ["exported 2025-03-01", "", delimiter.join(FRAME.columns)]
    lines += [delimiter.join([who, day.isoformat(), str(paid)]) for who, day, paid in ROWS]
    path = tmp_path / "orders.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert rows(opskit.open(path)) == ROWS


def write_parquet(folder: Path) -> Path:
    FRAME.to_parquet(folder / "orders.parquet")
    return folder / "orders.parquet"


def write_excel(folder: Path) -> Path:
    FRAME.to_excel(folder / "orders.xlsx", index=False)
    return folder / "orders.xlsx"


def write_json_lines(folder: Path) -> Path:
    lines = [json.dumps(dict(zip(FRAME, row, strict=True)), default=str, ensure_ascii=False) for row in ROWS]
    (folder / "orders.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "orders.jsonl"


def write_sqlite(folder: Path) -> Path:
    with sqlite3.connect(folder / "shop.db") as con:
        con.execute("CREATE TABLE orders (customer_id TEXT, ordered_at TEXT, revenue REAL)")
        con.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(who, str(day), paid) for who, day, paid in ROWS])
        con.execute("CREATE TABLE settings (key TEXT)")
    return folder / "shop.db"


def write_duckdb(folder: Path) -> Path:
    with duckdb.connect(str(folder / "shop.duckdb")) as con:
        con.register("frame", FRAME)
        con.execute("CREATE TABLE orders AS FROM frame")
    return folder / "shop.duckdb"


def write_many(folder: Path) -> Path:
    for number in range(len(ROWS)):
        FRAME.iloc[[number]].to_csv(folder / f"part_{number}.csv", index=False)
    (folder / "opskit.toml").write_text('[tables.orders]\nsource = "part_*.csv"')
    return folder


@pytest.mark.parametrize(
    "write", [write_parquet, write_excel, write_json_lines, write_sqlite, write_duckdb, write_many]
)
def test_every_format_gives_the_same_orders(tmp_path: Path, write) -> None:
    assert rows(opskit.open(write(tmp_path))) == ROWS


@pytest.mark.parametrize(
    "frame",
    [FRAME, pl.from_pandas(FRAME), pl.from_pandas(FRAME).lazy(), pa.Table.from_pandas(FRAME), duckdb.from_df(FRAME)],
    ids=["pandas", "polars", "polars lazy", "pyarrow", "duckdb"],
)
def test_every_frame_gives_the_same_orders(frame) -> None:
    assert rows(opskit.open(frame)) == ROWS
    assert rows(opskit.open({"orders": frame})) == ROWS


@pytest.mark.parametrize(
    ("engine", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)]
)
def test_every_engine_gives_its_own_kind_of_frame(engine: str, kind: type) -> None:
    frame = opskit.open(FRAME, engine=engine).orders
    assert isinstance(frame, kind)
    assert rows(opskit.open(frame)) == ROWS


def test_text_dates_in_a_frame_are_read_like_a_files() -> None:
    assert rows(opskit.open(FRAME.astype({"ordered_at": str}))) == ROWS


def test_an_argument_is_never_changed() -> None:
    before = FRAME.copy()
    opskit.open(FRAME).used()
    pd.testing.assert_frame_equal(FRAME, before)


def test_lines_of_one_order_are_summed(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id,ordered_at,revenue\n1,a,2025-01-01,10\n1,a,2025-01-01,5\n2,b,2025-01-02,7\n")
    dataset = opskit.open(path)
    assert sorted(dataset.orders.select("order_id, revenue").fetchall()) == [("1", 15.0), ("2", 7.0)]
    assert "orders: 3 rows with repeated order_id are 2 orders, lines summed." in dataset.notes


def test_totals_repeated_on_every_line_are_not_summed(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id,ordered_at,revenue\n1,a,2025-01-01,10\n1,a,2025-01-01,10\n2,b,2025-01-02,7\n")
    dataset = opskit.open(path)
    dataset.require("orders")
    assert dataset.used()["rows_used"].tolist() == [3]
    assert any('set repeated_rows = "totals"' in note for note in dataset.notes)
    (tmp_path / "opskit.toml").write_text('[tables.orders]\nsource = "orders.csv"\nrepeated_rows = "totals"')
    assert sorted(opskit.open(path).orders.select("order_id, revenue").fetchall()) == [("1", 10.0), ("2", 7.0)]


def test_one_order_id_with_two_customers_stays_two_orders_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id,ordered_at,revenue\n1,a,2025-01-01,10\n1,b,2025-01-01,5\n")
    dataset = opskit.open(path)
    assert len(dataset.orders.fetchall()) == 2
    broken = dataset.check()
    assert broken[["rule", "rows", "examples"]].values.tolist() == [["repeated", 1, "order_id=1"]]


def test_nothing_known_after_as_of_is_visible(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "customer_id,ordered_at,revenue,refund,refunded_at\n"
        "a,2025-01-31 23:59:59,10,10,2025-02-01\n"
        "a,2025-01-01,10,3,2025-01-31\n"
        "b,2025-02-01 00:00,20,0,\n"
    )
    table = opskit.open(path, as_of="2025-01-31", engine="pandas").orders.sort_values("ordered_at")
    assert table["refund"].tolist() == [3.0, 0.0]
    assert table["refunded_at"].isna().tolist() == [False, True]


def test_a_table_that_begins_after_as_of_is_counted_and_not_there() -> None:
    orders = pd.DataFrame({"customer_id": ["a"], "ordered_at": pd.to_datetime(["2025-01-01"]), "revenue": [1.0]})
    visits = pd.DataFrame({"customer_id": ["a"], "event": ["visit"], "occurred_at": pd.to_datetime(["2025-02-01"])})
    dataset = opskit.open({"orders": orders, "events": visits}, as_of="2025-01-31")
    assert dataset.tables == ("orders",)
    assert dataset.used()[["table", "rows_read", "rows_used"]].values.tolist() == [["orders", 1, 1], ["events", 1, 0]]
    assert dataset.exclusions()[["table", "reason", "rows"]].values.tolist() == [["events", "after 2025-01-31", 1]]
    assert dataset.check().empty or set(dataset.check()["severity"]) == {"filtered"}
    with pytest.raises(opskit.OpskitError, match="events of data has no row left up to 2025-01-31"):
        _ = dataset.events
    assert opskit.open({"orders": orders, "events": visits}).tables == ("orders", "events")


def test_filter_reaches_every_table_through_the_customer() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b"], "region": ["North", "South"]})
    orders = pd.DataFrame(
        {"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01"] * 2), "revenue": [1.0, 2.0]}
    )
    spend = pd.DataFrame({"date": pd.to_datetime(["2025-01-01"]), "channel": ["search"], "spend": [1.0]})
    arms = pd.DataFrame({"experiment": ["gift"] * 2, "variant": ["no", "yes"], "planned_share": [0.8, 0.2]})
    tables = {"orders": orders, "customers": customers, "spend": spend, "experiments": arms}
    dataset = opskit.open(tables, where="region=North")
    assert dataset.tables == ("orders", "customers", "experiments")
    assert dataset.experiments.count("*").fetchall() == [(2,)]  # a plan of the arms holds for any part of the customers
    assert [row[0] for row in dataset.orders.fetchall()] == ["a"]
    assert dataset.exclusions("orders")[["reason", "rows"]].values.tolist() == [["not where region=North", 1]]
    with pytest.raises(opskit.MissingTableError, match="spend of data cannot be filtered by region"):
        _ = dataset.spend
    assert opskit.open({"orders": orders, "customers": customers}).values("region") == ["North", "South"]


def test_hashed_ids_still_join_and_show_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSKIT_HASH_SALT", "pepper")
    customers = pd.DataFrame({"customer_id": ["a", "b"], "referrer_id": [None, "a"]})
    orders = pd.DataFrame(
        {"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01"] * 2), "revenue": [1.0, 2.0]}
    )
    dataset = opskit.open({"orders": orders, "customers": customers}, hash_ids=True, engine="pandas")
    ids = set(dataset.orders["customer_id"])
    assert ids == set(dataset.customers["customer_id"])
    assert not ids & {"a", "b"}
    assert set(dataset.customers["referrer_id"].dropna()) <= ids
    monkeypatch.setenv("OPSKIT_HASH_SALT", "salt")
    other = opskit.open({"orders": orders}, hash_ids=True, engine="pandas")
    assert not ids & set(other.orders["customer_id"])


def test_init_writes_what_it_guessed_and_says_what_it_cannot_know(tmp_path: Path) -> None:
    path = tmp_path / "导出.csv"
    path.write_bytes("\r\n".join(EXPORT).replace("买家实际支付金额 ", "实际到账").encode("gbk"))
    proposal = propose([path], base=tmp_path)
    assert proposal.unknown == (
        "orders.revenue (paid for the order: after discount, tax included, before refund): which of '订单编号', "
        "'买家会员名', '订单付款时间', '实际到账', '订单状态'?",
    )
    toml = write_proposal(proposal, tmp_path)
    text = toml.read_text(encoding="utf-8")
    assert '# revenue = "…"  # required, not found' in text
    toml.write_text(text.replace('# revenue = "…"', 'revenue = "实际到账"'), encoding="utf-8")
    assert rows(opskit.open(path)) == ROWS


def test_a_large_csv_is_stored_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    duckdb.sql(
        "COPY (SELECT 'c' || (range % 5000) AS customer_id, TIMESTAMP '2025-01-01' + to_minutes(range) AS ordered_at, "
        f"range % 100 AS revenue FROM range(300000)) TO '{path}'"
    )
    dataset = opskit.open(path)
    assert dataset.used()["rows_used"].tolist() == [300_000]
    stored = dataset.orders.query("o", "SELECT count(*), sum(revenue) FROM o").fetchall()
    assert stored == [(300_000, sum(number % 100 for number in range(300_000)))]


def test_lines_with_quantity_and_price_make_orders(tmp_path: Path) -> None:
    path = tmp_path / "retail.csv"
    path.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850.0,United Kingdom\n"
        "536365,71053,LANTERN,2,12/1/2010 8:26,3.39,17850.0,United Kingdom\n"
        "536366,22633,WARMER,1,12/13/2010 9:00,1.85,13047.0,France\n"
        "C536379,D,Discount,-1,12/14/2010 9:41,27.5,14527.0,France\n"
        "536367,22745,SHELF,1,12/14/2010 9:41,x,14527.0,France\n"
        "536368,22745,SHELF,1,12/14/2010 9:41,4,,France\n",
        encoding="utf-8",
    )
    proposal = propose([path], base=tmp_path)
    assert proposal.config.tables["orders"].columns["revenue"] == "Quantity * UnitPrice"
    write_proposal(proposal, tmp_path)
    dataset = opskit.open(path)
    found = dataset.orders.select("order_id, customer_id, round(revenue, 2)").fetchall()
    assert sorted(found) == [("536365", "17850", 22.08), ("536366", "13047", 1.85)]
    reasons = dataset.exclusions().set_index("reason")
    assert reasons["rows"].to_dict() == {"revenue below 0": 1, "revenue unreadable": 1, "customer_id missing": 1}
    assert reasons.loc["revenue unreadable", "examples"] == "1 * x"


def test_a_partial_mapping_is_completed_by_guessing(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("买家会员名,订单付款时间,到账\n张三,2025-01-31,20\n", encoding="utf-8")
    (tmp_path / "opskit.toml").write_text(
        '[tables.orders]\nsource = "orders.csv"\ncolumns = { revenue = "到账" }', encoding="utf-8"
    )
    assert rows(opskit.open(path)) == ROWS[1:2]


def test_event_names_of_the_user_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "customer_id,event,occurred_at\na,下单,2025-01-01\na,view,2025-01-02\n", encoding="utf-8"
    )
    (tmp_path / "opskit.toml").write_text(
        '[events]\n"下单" = "buy"\n[tables.events]\nsource = "events.csv"\n', encoding="utf-8"
    )
    assert sorted(row[1] for row in opskit.open(tmp_path).events.fetchall()) == ["buy", "view"]


def test_a_table_outlives_the_dataset_it_came_from(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes("\n".join(EXPORT).encode("gb18030"))
    orders = opskit.open(path).orders
    gc.collect()
    assert len(orders.fetchall()) == 3


def test_tables_whose_ids_are_of_different_types_still_join(tmp_path: Path) -> None:
    pd.DataFrame(
        {"customer_id": [7, 8], "ordered_at": pd.to_datetime(["2025-01-01"] * 2), "revenue": [1.0, 2.0]}
    ).to_parquet(tmp_path / "orders.parquet")
    (tmp_path / "customers.csv").write_text("customer_id,region\n7,North\n8,South\n")
    dataset = opskit.open(tmp_path, where="region=North")
    assert dataset.orders.select("customer_id, revenue").fetchall() == [("7", 1.0)]
    assert dataset.check()["severity"].unique().tolist() == ["filtered"]


def test_whole_number_ids_stay_numbers_in_a_table_of_its_own() -> None:
    frame = pd.DataFrame({"customer_id": [7], "ordered_at": pd.to_datetime(["2025-01-01"]), "revenue": [1.0]})
    assert opskit.open(frame).orders.select("customer_id").fetchall() == [(7,)]
