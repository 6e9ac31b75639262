import datetime as dt

import openpyxl
import pandas as pd
import pytest

from opskit import OpskitError
from opskit.reports import tables

DANGEROUS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "\n=1"]
HARMLESS = ["North", "-5", "+3.2", "-1e5", "a=b", "", "–", "华东"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_would_run_gets_an_apostrophe(text):
    assert tables.inert(text) == f"'{text}"


@pytest.mark.parametrize("value", [*HARMLESS, -5, -5.5, None, dt.date(2025, 1, 1)])
def test_everything_else_stays_as_it_is(value):
    assert tables.inert(value) == value


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_no_written_cell_is_a_formula_and_numbers_stay_numbers(tmp_path, suffix):
    frame = pd.DataFrame({"=name": DANGEROUS, "change": [-1.5 * i for i in range(len(DANGEROUS))]})
    path = tmp_path / f"list{suffix}"
    tables.write_table(frame, path)
    back = pd.read_csv(path) if suffix == ".csv" else pd.read_excel(path, engine="calamine")
    assert list(back.columns) == ["'=name", "change"]
    assert back["change"].tolist() == frame["change"].tolist()
    assert back["'=name"].str.startswith("'").all()
    if suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path).active
        assert {cell.data_type for row in sheet for cell in row} == {"s", "n"}


def test_parquet_keeps_texts_and_types(tmp_path):
    frame = pd.DataFrame({"name": DANGEROUS, "n": range(len(DANGEROUS))})
    tables.write_table(frame, tmp_path / "list.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "list.parquet"), frame, check_dtype=False)


def test_csv_opens_in_excel_as_utf8_and_an_empty_table_keeps_its_head(tmp_path):
    tables.write_table(pd.DataFrame({"地区": pd.Series([], dtype=object)}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == "\ufeff地区\n".encode()


def test_control_characters_do_not_break_excel(tmp_path):
    tables.write_table(pd.DataFrame({"name": ["a\x07b"]}), tmp_path / "a.xlsx")
    assert pd.read_excel(tmp_path / "a.xlsx", engine="calamine")["name"].tolist() == ["ab"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    tables.write_text("old", path)

    def broken(target):
        target.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        tables.replace(path, broken)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(OpskitError, match=r"list.json must end in .csv, .xlsx or .parquet"):
        tables.write_table(pd.DataFrame({"a": [1]}), tmp_path / "list.json")
