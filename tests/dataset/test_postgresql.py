"""A table of a PostgreSQL server gives what the same rows in a file give, whole or not at all."""

import datetime as dt
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from postgres import PASSWORD, Server, started

import opskit
from opskit.dataset import postgresql, shared

HEADERS = "订单编号,买家会员名,订单付款时间,买家实际支付金额,订单状态,地区"
ROWS = [
    ("1", "可可妈妈", "2025-01-03 10:00:00", "1234.50", "交易成功", "North"),
    ("1", "可可妈妈", "2025-01-03 10:00:00", "10.00", "交易成功", "North"),
    ("2", "小鱼妈", "2025-01-04 09:30:00", "20.50", "交易成功", "South"),
    ("3", "小鱼妈", "2025-02-01 12:00:00", "7.00", "交易关闭", "South"),
    ("4", "a'b", "2025-02-02 12:00:00", "8.00", "交易成功", None),
    ("5", None, "2025-02-02 13:00:00", "9.00", "交易成功", None),
]
SHOP = [
    'CREATE TABLE 订单 (订单编号 text, 买家会员名 text, "订单付款时间" timestamp, "买家实际支付金额" numeric(12, 2), '
    "订单状态 text, 地区 text)",
    *(
        "INSERT INTO 订单 VALUES ("
        + ", ".join("NULL" if v is None else "'" + v.replace("'", "''") + "'" for v in r)
        + ")"
        for r in ROWS
    ),
    "CREATE SCHEMA archive",
    "CREATE TABLE archive.orders_2019 (customer_id int, ordered_at date, revenue int)",
    "INSERT INTO archive.orders_2019 VALUES (1, '2019-01-05', 5)",
    "CREATE TABLE archive.twins (x int)",
    "CREATE TABLE public.twins (x int)",
    "CREATE TABLE parts (customer_id int, ordered_at date, revenue int) PARTITION BY RANGE (ordered_at)",
    "CREATE TABLE parts_2025 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "INSERT INTO parts VALUES (1, '2025-01-05', 5), (2, '2025-01-06', 6)",
    "CREATE SEQUENCE visits",
    "CREATE VIEW broken AS SELECT 1 AS customer_id, now() AS ordered_at, 1 AS revenue WHERE 1 / (now() < '2000-01-01')::int > 0",
    "CREATE ROLE analyst LOGIN PASSWORD 'leise'",
    "GRANT SELECT ON 订单 TO analyst",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as found:
        found.run(*SHOP)
        yield found


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    yield
    for name in [name for name in os.environ if name.startswith("OPSKIT_ADDRESS_")]:
        del os.environ[name]


def opened(server: Server, folder: Path, *lines: str, query: str = "", **given):
    """A dataset whose orders come from a query or as the lines of opskit.toml say."""
    asked = [f'query = """{query}"""'] if query else []
    text = ["[tables.orders]", f'source = "{server.address()}"', *asked, *lines]
    (folder / "opskit.toml").write_text("\n".join(text), encoding="utf-8")
    return opskit.open(folder, **given)


def seen(ds) -> dict[str, str]:
    """Everything a page can see of the orders."""
    orders = ds.orders.df().sort_values("order_id", ignore_index=True)
    tables = {name: getattr(ds, name)().to_string() for name in ("used", "exclusions", "check")}
    return {"orders": orders.to_string() + str(orders.dtypes), "as_of": str(ds.as_of), **tables}


def test_a_table_gives_what_the_same_file_gives(server: Server, tmp_path: Path) -> None:
    """Chinese headers, a status to leave out, lines to sum, a row without a customer; found without opskit.toml too."""
    lines = [",".join("" if value is None else value for value in row) for row in ROWS]
    (tmp_path / "orders.csv").write_text("\n".join([HEADERS, *lines]), encoding="utf-8")
    from_file = seen(opskit.open(tmp_path / "orders.csv"))
    assert "交易关闭" in from_file["exclusions"]
    assert "customer_id missing" in from_file["exclusions"]
    direct = opskit.open(server.address())
    assert direct.name == "shop"
    assert seen(direct) == from_file
    assert "orders: 4 rows with repeated order_id are 3 orders, lines summed." in direct.notes
    toml = opened(server, tmp_path, 'table = "订单"', 'exclude = { status = ["交易关闭"] }')
    assert seen(toml) == from_file
    assert opskit.open(server.address(), where="地区=South").orders.fetchall()[0][1] == "小鱼妈"


@pytest.mark.parametrize(
    ("customer", "when", "paid"),
    [
        ("'7'::text", "timestamp '2025-01-02 10:30'", "1234.5::numeric(12, 2)"),
        ("7::bigint", "timestamptz '2025-01-02 02:30+00'", "1234.5::numeric"),
        ("7::smallint", "'2025/1/2 10:30'", "1234.5::float8"),
        ("7::numeric(20, 0)", "'2025年1月2日 10:30'", "'￥1,234.50'"),
        ("7::numeric", "timestamp(0) '2025-01-02 10:30'", "1234.5::money"),
        ("'7'::char(9)", "1735785000::bigint", "1234.5::float4"),
        ("'7'::varchar(3)", "timestamptz '2025-01-02 10:30+08'", "'1234.50'::varchar"),
    ],
)
def test_every_type_is_read_as_a_file_would_be(
    server: Server, tmp_path: Path, customer: str, when: str, paid: str
) -> None:
    query = f"SELECT {customer} AS customer_id, {when} AS ordered_at, {paid} AS revenue"
    ds = opened(server, tmp_path, query=query, timezone="Asia/Shanghai")
    ((who, at, revenue),) = ds.orders.select("customer_id::VARCHAR, ordered_at, revenue").fetchall()
    assert (who, at, revenue) == ("7", dt.datetime(2025, 1, 2, 10, 30), 1234.5)


def test_long_ids_and_strange_values_are_neither_changed_nor_lost(server: Server, tmp_path: Path) -> None:
    query = """
    SELECT * FROM (VALUES
      (123456789012345678901234567890::numeric, gen_random_uuid(), timestamp '2025-01-02', 5::numeric),
      (123456789012345678901234567891, gen_random_uuid(), 'infinity', 6),
      (123456789012345678901234567892, NULL, '2025-01-03', 'NaN'),
      (123456789012345678901234567893, gen_random_uuid(), '2025-01-03', 0.25)
    ) AS v (order_id, customer_id, ordered_at, revenue), (SELECT '{1,2}'::int[] AS tags, '{"a": 1}'::jsonb AS extra,
      '10.0.0.1'::inet AS address, interval '1 day' AS pause, decode('00', 'hex') AS raw, B'101' AS bits) AS w; -- all of it
    """
    ds = opened(server, tmp_path, query=query)
    rows = ds.orders.select(
        "order_id, length(customer_id::VARCHAR), revenue, tags, extra, address, pause, bits"
    ).fetchall()
    others = ("{1,2}", '{"a": 1}', "10.0.0.1/32", "1 day", "101")
    assert sorted(rows) == [
        ("123456789012345678901234567890", 36, 5.0, *others),
        ("123456789012345678901234567893", 36, 0.25, *others),
    ]
    assert dict(ds.exclusions()[["reason", "rows"]].values) == {"customer_id missing": 1, "ordered_at missing": 1}


def test_times_with_a_zone_need_the_business_zone(server: Server, tmp_path: Path) -> None:
    with pytest.raises(opskit.OpskitError, match=r"carries a time zone.*\(opskit init writes one\)"):
        _ = opened(server, tmp_path, query="SELECT 1 AS customer_id, now() AS ordered_at, 1 AS revenue").orders


@pytest.mark.parametrize(
    ("table", "rows"), [("订单", 5), ("public.订单", 5), ("parts", 2), ("orders_2019", 1), ("archive.orders_2019", 1)]
)
def test_a_table_is_found_with_and_without_its_schema(server: Server, tmp_path: Path, table: str, rows: int) -> None:
    assert opened(server, tmp_path, f'table = "{table}"').used()["rows_used"].tolist() == [rows]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", r"database shop has no table 'orders'; it has archive\.orders_2019, archive\.twins, .*Name it in opskit"),
        ('table = "ordrs_2019"', r"no table 'ordrs_2019'.* Did you mean 'orders_2019'\?"),
        ('table = "archive.order_2019"', r"Did you mean 'archive\.orders_2019'\?"),
        ('table = "twins"', r'in several schemas: name one in opskit.toml, table = "archive\.twins" \(archive'),
        ('table = "archive.twins"', r"orders lacks 'customer_id'.*it has 'x'\."),
        ('query = "SELECT * FROM part"', r'query of orders .*relation "part" does not exist\. Did you mean \'parts\''),
        ('query = "SELEC 1"', r'query of orders of postgresql://owner@127.*syntax error at or near "1"'),
        ('query = "SELECT 1 AS a, 2 AS a"', r"has 1 column name\(s\) twice: a\. Rename one: AS other_name\."),
        ("query = \"SELECT nextval('visits')\"", r"cannot execute nextval\(\) in a read-only transaction"),
        ('query = "DELETE FROM 订单 RETURNING *"', "syntax error"),
        ('query = "SELECT 1 AS customer_id WHERE false"', "orders lacks 'ordered_at'"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_sentence(server: Server, tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(opskit.OpskitError, match=message) as caught:
        _ = opened(server, tmp_path, lines).orders
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # nothing of the driver is shown
    assert server.run("SELECT count(*) FROM 订单") == [(6,)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"password": "falsch"},
            r"password authentication failed for user.*environment variable PGPASSWORD, in ~/.pgp",
        ),
        ({"user": "nobody"}, r"cannot be opened: password authentication failed"),
        ({"database": "shopp"}, r'database "shopp" does not exist\. Correct the last part of the address'),
    ],
)
def test_a_server_that_does_not_let_us_in_says_why(server: Server, changed: dict[str, str], message: str) -> None:
    with pytest.raises(opskit.OpskitError, match=message) as caught:
        opskit.open(server.address(**changed))
    assert "falsch" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "message"),
    [("127.0.0.1:1", "refused. Check the address"), ("no-such-host.invalid", "could not translate host name")],
)
def test_no_server_there(place: str, message: str) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    with pytest.raises(opskit.OpskitError, match=message) as caught:
        opskit.open(f"postgresql://analyst:geheim@{place}/shop")
    assert "geheim" not in str(caught.value)


@pytest.mark.slow
def test_a_table_one_may_not_read(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = opskit.open(server.address("analyst", "leise"))
    assert direct.used()["rows_used"].tolist() == [4]
    assert "not used: public.parts, which this user may not read." in direct.notes
    monkeypatch.setenv("SHOP_PASSWORD", "leise")
    address = server.address("analyst").replace("analyst@", "analyst:${SHOP_PASSWORD}@")
    (tmp_path / "opskit.toml").write_text(f'[tables.orders]\nsource = "{address}"\ntable = "parts"')
    with pytest.raises(
        opskit.OpskitError, match=r"table parts of .*\$\{SHOP_PASSWORD\}@.* may not be read .*GRANT SELECT"
    ):
        _ = opskit.open(tmp_path).orders
    monkeypatch.delenv("SHOP_PASSWORD")
    with pytest.raises(opskit.OpskitError, match="needs the environment variable SHOP_PASSWORD, which is not set"):
        _ = opskit.open(tmp_path).orders


ENDLESS = (
    "SELECT a * 10000 + b AS customer_id, timestamp '2025-01-01' + a * interval '1 second' AS ordered_at, 1.5 AS revenue, "
    "md5(b::text || a) AS padding FROM generate_series(1, 5000) AS a, generate_series(1, 10000) AS b"
)


def half_read(ds) -> list[str]:
    return [path.name for path in ds._store._folder.rglob("*.parquet")]


@pytest.mark.slow
def test_a_connection_that_breaks_midway_leaves_nothing(server: Server, tmp_path: Path) -> None:
    ds = opened(server, tmp_path, query=ENDLESS)
    told: list[str] = []

    def read() -> None:
        with pytest.raises(opskit.OpskitError) as caught:
            _ = ds.orders
        told.append(str(caught.value))

    reading = threading.Thread(target=read)
    reading.start()
    target = ds._store._folder / "raw_orders.parquet"
    deadline = time.monotonic() + 30
    while not (target.is_file() and target.stat().st_size > 100_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert target.stat().st_size > 100_000  # rows have arrived
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opskit'"
    assert server.run(ended) == [(True,)]
    reading.join(30)
    assert "the query of orders of" in told[0]
    assert "was not read to its end, because the connection ended" in told[0]
    assert told[0].endswith("Nothing of it is kept; run it again.")
    assert not half_read(ds)
    assert not ds._store.loaded
    with pytest.raises(duckdb.CatalogException):  # the raw table is not there either
        ds._store._con.execute("FROM raw_orders")


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_told(server: Server, tmp_path: Path) -> None:
    ds = opened(server, tmp_path, query=ENDLESS)
    ds._store.sources["orders"] += "?options=-c%20statement_timeout%3D300"
    with pytest.raises(
        opskit.OpskitError, match=r"was not read to its end: canceling statement.*Read less with a query"
    ):
        _ = ds.orders
    assert not half_read(ds)


@pytest.mark.slow
def test_the_fingerprint_changes_with_the_rows_only(server: Server, tmp_path: Path) -> None:
    server.run("CREATE TABLE live AS SELECT 1 AS customer_id, date '2025-01-01' AS ordered_at, 5 AS revenue")
    told = [opened(server, tmp_path, 'table = "live"').fingerprint for _ in range(2)]
    server.run("UPDATE live SET revenue = 6")
    told.append(opened(server, tmp_path, 'table = "live"').fingerprint)
    server.run("DROP TABLE live")
    told.append(opened(server, tmp_path, 'table = "live"').fingerprint)  # told when its pages run
    assert told[0] == told[1]
    assert len(set(told)) == 3


@pytest.mark.slow
def test_pages_of_one_run_see_the_same_rows(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages that start together read once, and a third does not see what has changed since."""
    server.run("CREATE TABLE busy AS SELECT i AS customer_id, date '2025-01-01' AS ordered_at, 5 AS revenue FROM "
               "generate_series(1, 1000) AS i")  # fmt: skip
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path / "shared"))
    reads: list[str] = []
    read = postgresql.Server.snapshot

    def counted(self, con, relation, name, target, *, what):
        reads.append(what)
        time.sleep(0.2)
        return read(self, con, relation, name, target, what=what)

    monkeypatch.setattr(postgresql.Server, "snapshot", counted)
    datasets = [opened(server, tmp_path, 'table = "busy"') for _ in range(3)]
    first = [threading.Thread(target=ds.used) for ds in datasets[:2]]
    for thread in first:
        thread.start()
    for thread in first:
        thread.join()
    server.run("DELETE FROM busy WHERE customer_id > 10")
    assert [ds.used()["rows_used"].tolist() for ds in datasets] == [[1000]] * 3
    assert reads == ["table busy"]
    assert not [path for path in (tmp_path / "shared").iterdir() if PASSWORD.encode() in path.read_bytes()]
    server.run("DROP TABLE busy")


@pytest.mark.slow
def test_one_broken_view_does_not_hide_the_other_tables(server: Server) -> None:
    assert any("public.broken" in note and "division by zero" in note for note in opskit.open(server.address()).notes)


@pytest.mark.slow
def test_a_million_orders_take_bounded_memory(server: Server, tmp_path: Path) -> None:
    """The reader's own memory does not grow with the table: three times the rows, nearly the same peak."""
    import subprocess
    import sys

    peak = (
        "import resource, opskit, sys; ds = opskit.open(sys.argv[1], engine='duckdb'); n = int(ds.used()['rows_used'][0]); "
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for rows in (1_000_000, 3_000_000):
        opened(server, tmp_path, query=ENDLESS.replace("5000)", f"{rows // 10_000})"))
        done = subprocess.run([sys.executable, "-c", peak, str(tmp_path)], capture_output=True, text=True, check=True)
        read, kilobytes = map(int, done.stdout.split())
        assert read == rows
        peaks.append(kilobytes)
    assert peaks[1] < 1.5 * peaks[0], peaks
    assert peaks[1] < 1_000_000, peaks


def test_the_server_is_there_in_slow_runs() -> None:
    """What is skipped for want of a server in the quick suite must not be skipped in the slow one."""
    from postgres import missing

    assert not (os.environ.get("SLOW") and missing())
