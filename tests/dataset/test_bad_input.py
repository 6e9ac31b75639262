"""Bad input: every kind gets an error that names value, rule and remedy, or is left out and counted."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

import opskit
from opskit.dataset.propose import propose, write_proposal

GOOD = "customer_id,ordered_at,revenue\na,2025-01-01,10\nb,2025-01-02,20\n"


@pytest.fixture
def orders(tmp_path: Path):
    def write(text: str | bytes, toml: str = "", name: str = "orders.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        if toml:
            (tmp_path / "opskit.toml").write_text(toml, encoding="utf-8")
        return path

    return write


def refused(data, *parts: str, table: str = "orders", **options) -> None:
    """Opening and using the data fails with an OpskitError that says all these parts."""
    with pytest.raises(opskit.OpskitError) as caught:
        getattr(opskit.open(data, **options), table)
    message = str(caught.value)
    for part in parts:
        assert part in message, message


def excluded(data, **options) -> dict[str, int]:
    table = opskit.open(data, **options).exclusions()
    return dict(zip(table["reason"], table["rows"], strict=True))


# --------------------------------------------------------------------- refused


def test_missing_file_names_near_files(orders) -> None:
    path = orders(GOOD)
    refused(path.with_name("order.csv"), "there is no such file or folder", "Did you mean 'orders.csv'?")


def test_unknown_dataset_name() -> None:
    refused("shpo", "data == 'shpo'", "shop", "Did you mean 'shop'?")


def test_missing_column_says_which_and_how_to_map(orders) -> None:
    path = orders("customer_id,ordered_at,revenu\na,2025-01-01,1\n")
    refused(
        path,
        "orders lacks 'revenue'",
        "'revenu'",
        "Did you mean 'revenu'?",
        "[tables.orders.columns]",
    )


def test_mapped_column_that_is_not_there(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\ncolumns = { revenue = "amuont" }')
    refused(path, "maps orders.revenue to 'amuont', which the source lacks")


def test_all_dates_unreadable(orders) -> None:
    path = orders("customer_id,ordered_at,revenue\na,soon,1\nb,later,2\n")
    refused(path, "orders has no usable row out of 2", "ordered_at unreadable: 2", "date_format")


def test_empty_file(orders) -> None:
    refused(orders(""), "orders.csv is empty (0 bytes)")


def test_header_without_rows(orders) -> None:
    refused(orders("customer_id,ordered_at,revenue\n"), "no file looks like a table", "has a header and no rows")


def test_header_without_rows_under_toml(orders) -> None:
    path = orders("customer_id,ordered_at,revenue\n", '[tables.orders]\nsource = "orders.csv"')
    refused(path, "orders has no usable row out of 0", "a header and no rows")


def test_all_rows_filtered(orders) -> None:
    path = orders(
        "customer_id,ordered_at,revenue,status\na,2025-01-01,1,closed\n",
        '[tables.orders]\nsource = "orders.csv"\nexclude = { status = ["closed"] }',
    )
    refused(path, "orders has no usable row out of 1", "status is closed: 1", "exclude/keep")


def test_filter_on_a_column_that_is_not_there(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\nexclude = { state = ["closed"] }')
    refused(path, "filters orders by 'state', which it lacks")


def test_as_of_before_everything(orders) -> None:
    refused(orders(GOOD), "no row left up to 2020-01-01", "run from 2025-01-01 to 2025-01-02", as_of="2020-01-01")


@pytest.mark.parametrize("as_of", ["31.12.2025", "2025-13-01", "yesterday"])
def test_ill_formed_as_of(orders, as_of: str) -> None:
    refused(orders(GOOD), f"as_of == '{as_of}', must be a day written YYYY-MM-DD", as_of=as_of)


def test_where_on_an_unknown_attribute(orders) -> None:
    path = orders("customer_id,ordered_at,revenue,region\na,2025-01-01,1,North\n")
    refused(path, "has a column 'regoin'", "Did you mean 'region'?", where="regoin=North")


def test_where_value_that_nobody_has(orders) -> None:
    path = orders("customer_id,ordered_at,revenue,region\na,2025-01-01,1,North\n")
    refused(path, "no row left", "where region=Mars", where="region=Mars")


def test_ill_formed_where(orders) -> None:
    refused(orders(GOOD), "where == 'North', must be written column=value", where="North")


def test_mixed_day_and_month_order_is_not_guessed(orders) -> None:
    path = orders("customer_id,ordered_at,revenue\na,13/01/2025,1\nb,01/14/2025,2\n")
    refused(path, "mixes day-first dates (1 rows, e.g. 13/01/2025)", "01/14/2025", "date_format")


def test_ambiguous_day_and_month_order_is_not_guessed(orders) -> None:
    path = orders("customer_id,ordered_at,revenue\na,03/01/2025,1\nb,01/04/2025,2\n")
    refused(path, "could be day-first or month-first", "date_format")


def test_times_with_a_zone_need_the_business_zone(orders) -> None:
    path = orders("customer_id,ordered_at,revenue\na,2025-01-01T23:30:00Z,1\n")
    refused(path, "carries a time zone", 'timezone = "Asia/Shanghai"')
    rows = opskit.open(path, timezone="Asia/Shanghai", engine="pandas").orders
    assert rows["ordered_at"].tolist() == [pd.Timestamp("2025-01-02 07:30")]


def test_zone_aware_frame_needs_the_business_zone() -> None:
    frame = pd.DataFrame(
        {"customer_id": ["a"], "ordered_at": pd.to_datetime(["2025-01-01T23:30:00Z"]), "revenue": [1.0]}
    )
    refused(frame, "carries a time zone")
    assert opskit.open(frame, timezone="Asia/Shanghai").as_of.isoformat() == "2025-01-02"


def test_mixed_currency_signs(orders) -> None:
    refused(
        orders("customer_id,ordered_at,revenue\na,2025-01-01,¥1\nb,2025-01-02,$2\n"), "mixes the currencies ¥ and $"
    )


def test_mixed_currency_column(orders) -> None:
    path = orders(
        "customer_id,ordered_at,revenue,currency\na,2025-01-01,1,USD\nb,2025-01-02,2,EUR\nb,2025-01-02,2,EUR\n"
    )
    refused(path, "orders mixes currencies: EUR (2 orders), USD (1 orders)", 'currency = ["EUR"]')


def test_dates_in_the_future_do_not_move_as_of(orders) -> None:
    days = [f"a,2025-01-{day:02d},1" for day in range(1, 31)]
    path = orders("customer_id,ordered_at,revenue\n" + "\n".join([*days, "b,2205-01-01,1"]) + "\n")
    refused(path, "1 row(s) from 2205-01-01 on", "days after the one before", 'as_of = "2025-01-30"')
    assert excluded(path, as_of="2025-01-30") == {"after 2025-01-30": 1}


def test_missing_table_names_what_unlocks_it(orders) -> None:
    with pytest.raises(
        opskit.MissingTableError, match=r"has no table events .*it needs customer_id, event, occurred_at"
    ):
        opskit.open(orders(GOOD)).require("orders", "events")


def test_unknown_table_in_frames() -> None:
    with pytest.raises(opskit.OpskitError, match=r"'order' is not a table of the contract.*Did you mean 'orders'"):
        opskit.open({"order": pd.DataFrame()})


def test_attribute_that_is_no_table(orders) -> None:
    with pytest.raises(AttributeError, match=r"no attribute or table 'ordrs'. Did you mean 'orders'"):
        _ = opskit.open(orders(GOOD)).ordrs


def test_frame_of_an_unknown_kind() -> None:
    refused([1, 2], "orders is a list, must be a frame")


def test_unknown_engine(orders) -> None:
    refused(orders(GOOD), "engine == 'duckbd', must be one of", "Did you mean 'duckdb'?", engine="duckbd")


def test_truncated_parquet(orders) -> None:
    refused(orders(b"PAR1 and then nothing", name="orders.parquet"), "orders.parquet cannot be read as parquet")


def test_a_text_file_called_xlsx(orders) -> None:
    refused(orders(GOOD, name="orders.xlsx"), "orders.xlsx cannot be read as an Excel file")


def test_broken_json_lines(orders) -> None:
    refused(orders('{"customer_id": "a", \n', name="orders.jsonl"), "orders.jsonl cannot be read as jsonl")


def test_unknown_ending(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.docx"', name="orders.docx")
    refused(path.with_name("opskit.toml"), "has the ending '.docx'", ".csv")


def test_wrong_encoding_named(orders) -> None:
    path = orders(
        "customer_id,ordered_at,revenue\n张,2025-01-01,1\n".encode("gb18030"),
        '[tables.orders]\nsource = "orders.csv"\nencoding = "utf-8-sig"',
    )
    refused(path, "orders.csv is not utf-8-sig", "encoding")


def test_unknown_encoding_named(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\nencoding = "gbk9"')
    refused(path, "encoding == 'gbk9', must be an encoding Python knows")


def test_bad_toml(orders) -> None:
    refused(orders(GOOD, "[tables.orders\nsource="), "opskit.toml is not valid TOML", "opskit init")


def test_unknown_option_in_toml(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\ncolums = {}')
    refused(path, "unknown option 'tables.orders.colums'", "Did you mean 'columns'?")


def test_unknown_column_in_toml(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\ncolumns = { revenu = "revenue" }')
    refused(path, "names 'revenu', which the contract does not know", "Did you mean 'revenue'?")


def test_unknown_table_in_toml(orders) -> None:
    refused(orders(GOOD, '[tables.order]\nsource = "orders.csv"').with_name("opskit.toml"), "'order' is not a table")


def test_unknown_zone_in_toml(orders) -> None:
    path = orders(GOOD, 'timezone = "Asia/Shangai"\n[tables.orders]\nsource = "orders.csv"')
    refused(path, "timezone == 'Asia/Shangai'", "Did you mean 'Asia/Shanghai'?")


def test_ill_typed_option_in_toml(orders) -> None:
    path = orders(GOOD, '[tables.orders]\nsource = "orders.csv"\nexclude = { status = "closed" }')
    refused(path, "tables.orders.exclude.status == 'closed'", "list")


def test_database_without_the_table(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE t_order (customer_id, ordered_at, revenue)")
    toml = tmp_path / "opskit.toml"
    toml.write_text('[tables.orders]\nsource = "shop.db"\ntable = "t_orders"')
    refused(toml, "shop.db has no table 't_orders'; it has t_order", "Did you mean 't_order'?")


def test_folder_without_data(tmp_path: Path) -> None:
    refused(tmp_path, "holds neither opskit.toml nor a data file")


def test_init_does_not_overwrite(orders) -> None:
    path = orders(GOOD, "# mine")
    with pytest.raises(opskit.OpskitError, match=r"is there already. Edit it, or write it anew with --force"):
        write_proposal(propose([path], base=path.parent), path.parent)


# --------------------------------------------------------------------- left out, and counted


def test_rows_that_cannot_be_used_are_counted_by_reason(orders) -> None:
    path = orders(
        "customer_id,ordered_at,revenue\n"
        "a,2025-01-01,10\n"
        ",2025-01-01,10\n"
        "b,,10\n"
        "b,2025-02-30,10\n"
        "b,2025-01-01,\n"
        "b,2025-01-01,ten\n"
        "b,2025-01-01,-5\n"
        "b,2025-01-01,1,too,many\n"
    )
    assert excluded(path) == {
        "customer_id missing": 1,
        "ordered_at missing": 1,
        "ordered_at unreadable": 1,
        "revenue missing": 1,
        "revenue unreadable": 1,
        "revenue below 0": 1,
        "line does not fit the header": 1,
    }
    used = opskit.open(path).used().iloc[0]
    assert (used["rows_read"], used["rows_excluded"], used["rows_used"]) == (8, 7, 1)


def test_unreadable_optional_value_keeps_the_row_and_is_counted(orders) -> None:
    path = orders("customer_id,ordered_at,revenue,refund\na,2025-01-01,10,2\nb,2025-01-01,10,some\n")
    assert excluded(path) == {"refund unreadable, set to missing": 1}
    assert opskit.open(path).used()["rows_used"].tolist() == [2]


def test_a_broken_second_table_leaves_the_first_alive(orders, tmp_path: Path) -> None:
    orders(GOOD)
    (tmp_path / "events.csv").write_text("customer_id,event,occurred_at\na,visit,never\n")
    dataset = opskit.open(tmp_path)
    assert dataset.as_of.isoformat() == "2025-01-02"
    assert len(dataset.orders.fetchall()) == 2
    assert any("events cannot be read and is not used" in note for note in dataset.notes)
    broken = dataset.check()
    assert broken.loc[broken["rule"] == "cannot be read", "table"].tolist() == ["events"]


def test_one_customer_and_one_order_is_a_dataset(orders) -> None:
    dataset = opskit.open(orders("customer_id,ordered_at,revenue\na,2025-01-01,10\n"))
    assert dataset.used()["rows_used"].tolist() == [1]
    assert dataset.as_of.isoformat() == "2025-01-01"


def test_examples_of_personal_data_are_masked(orders) -> None:
    path = orders("customer_id,ordered_at,revenue,refund\na,2025-01-01,10,call 13812345678\n")
    assert opskit.open(path).exclusions()["examples"].tolist() == ["call 138…78"]


def test_customers_alone_lack_a_table_of_facts(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id,city\na,Paris\n")
    with pytest.raises(opskit.MissingTableError, match=r"no table of dated facts .* it has customers"):
        _ = opskit.open(tmp_path).as_of


def test_a_file_of_orders_without_its_customer_says_so(tmp_path: Path) -> None:
    (tmp_path / "example_transactions.csv").write_text("date,id\n2014-03-08 00:00:00,0\n")
    refused(tmp_path, "orders lacks 'customer_id' (who bought); it has 'date', 'id'")
