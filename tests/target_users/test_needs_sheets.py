"""Sheets from survey tools: what is read as a need or a feature, and the way through Excel and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import pytest

import opskit
from opskit import contract
from opskit.errors import MissingTableError, OpskitError
from opskit.target_users import needs
from opskit.target_users.needs.sheets import _side

ORDERS = ["123", "132", "213", "321", "312"] * 4


def ranks() -> pd.DataFrame:
    table = pd.DataFrame(
        [list(order) for order in ORDERS], columns=["3、请排序:正品", "3、请排序:价格", "3、请排序:时效"]
    )
    return table.assign(respondent_id=[str(i) for i in range(20)], 性别="女", 用时="123秒")


def read(long: Any) -> pd.DataFrame:
    table = nw.from_native(long).lazy().collect("pandas").to_native()
    return table.sort_values(["respondent_id", "item"], ignore_index=True)


def test_a_sheet_of_ranks_is_a_survey(engine: Callable[[pd.DataFrame], Any]) -> None:
    long = needs.ranked_sheet(engine(ranks()))
    table = read(long)
    assert set(table["item"]) == {"正品", "价格", "时效"}
    assert table.loc[table["respondent_id"] == "3", ["item", "answer", "性别"]].values.tolist() == [
        ["价格", "2", "女"],
        ["时效", "1", "女"],
        ["正品", "3", "女"],
    ]
    assert needs.rankings(long, segment="性别").n == 20


def test_a_sheet_of_kano_answers_is_a_survey(engine: Callable[[pd.DataFrame], Any]) -> None:
    sheet = pd.DataFrame(
        {"respondent_id": [*map(str, range(12))], "年龄": "30", "湿巾（有）": "理应如此", "湿巾（没有）": "我很不喜欢"}
    )
    found = needs.kano(needs.kano_sheet(engine(sheet.assign(**{"夜间客服:有": "我很喜欢", "夜间客服:没有": "无所谓"}))))
    assert found.classes[["feature", "class", "n"]].values.tolist() == [
        ["夜间客服", "attractive", 12],
        ["湿巾", "must-be", 12],
    ]


@pytest.mark.parametrize(
    ("header", "side"),
    [
        ("wipes: with", ("functional", "wipes")),
        ("Wipes - without", ("dysfunctional", "Wipes")),
        ("gift_wrapping_functional", ("functional", "gift wrapping")),
        ("gift_wrapping_dysfunctional", ("dysfunctional", "gift wrapping")),
        ("4、如果没有该功能，您的感受:无香湿巾", ("dysfunctional", "无香湿巾")),
        ("3、如果具备该功能，您的感受:无香湿巾", ("functional", "无香湿巾")),
        ("有:无香湿巾", ("functional", "无香湿巾")),
        ("免运费(不提供)", ("dysfunctional", "免运费")),
        ("提交时间", None),
        ("without", None),
    ],
)
def test_which_question_a_header_asks(header: str, side: tuple[str, str] | None) -> None:
    assert _side(header) == side


def test_sheets_without_the_columns_say_what_they_have() -> None:
    with pytest.raises(
        OpskitError, match=r"need_ranks has 0 columns of ranks, must be at least 2; its columns are 'a'"
    ):
        needs.ranked_sheet(pd.DataFrame({"respondent_id": ["1"], "a": ["x"]}))
    with pytest.raises(OpskitError, match="no feature with both columns, such as 'wipes: with'"):
        needs.kano_sheet(pd.DataFrame({"respondent_id": ["1"], "wipes: with": ["like"]}))
    every = pd.DataFrame(
        {"respondent_id": ["1"], "wipes: with": "like", "wipes (with)": "like", "wipes: without": "like"}
    )
    with pytest.raises(OpskitError, match="a feature's column twice"):
        needs.kano_sheet(every)


def filled(folder: Path) -> Path:
    """The template's workbook, filled in by hand."""
    from openpyxl import load_workbook

    path = folder / "needs.xlsx"
    contract.write_template(["need_ranks", "kano_answers", "scenarios"], path)
    book = load_workbook(path)
    for row, order in enumerate(ORDERS):
        book["need_ranks"].append([f"{row:03d}", *map(int, order)])
        book["kano_answers"].append([f"{row:03d}", "like", "neutral", "expect", "dislike"])
    book["scenarios"].append(["bath", "forum", "posts", 5, 2, 2, 4])
    book["scenarios"].append(["bath", "clinic", "leaflet", 2, 5, 2, 3])
    book.save(path)
    return path


def test_the_template_goes_through_excel_and_back(tmp_path: Path) -> None:
    ds = opskit.open(str(filled(tmp_path)), as_of="2025-12-31")
    assert set(ds.tables) == {"need_ranks", "kano_answers", "scenarios"}
    ranked = needs.said(ds, "need_ranks")
    assert read(ranked)["answer"].tolist() == [rank for order in ORDERS for rank in order]
    assert read(ranked)["respondent_id"].iloc[0] == "000"
    assert needs.rankings(ranked).needs == ("need A", "need B", "need C")
    classes = needs.kano(needs.said(ds, "kano_answers")).classes
    assert classes[["feature", "class"]].values.tolist() == [["feature A", "attractive"], ["feature B", "must-be"]]
    assert needs.scenarios(ds.scenarios).table["score"].tolist() == pytest.approx([0.675, 0.625])
    assert ds.check()["severity"].ne("error").all()


def test_the_template_says_what_belongs_in_the_columns_to_rename(tmp_path: Path) -> None:
    files = contract.write_template(["need_ranks"], tmp_path / "out")
    sheet, dictionary = (file.read_text(encoding="utf-8-sig") for file in files)
    assert sheet.splitlines() == ["respondent_id,need A,need B,need C"]
    assert "need_ranks,any other,,text," in dictionary
    assert "1 for the most needed" in dictionary


def test_a_file_is_such_a_sheet_only_by_its_name(tmp_path: Path) -> None:
    table = ranks().rename(columns={"respondent_id": "序号"})
    table.to_csv(tmp_path / "需求排序.csv", index=False, encoding="gb18030")
    table.to_csv(tmp_path / "答案.csv", index=False)
    ds = opskit.open(str(tmp_path), as_of="2025-12-31")
    assert ds.tables == ("need_ranks",)
    assert any("答案.csv" in note for note in ds.notes)
    assert needs.rankings(needs.said(ds, "need_ranks")).n == 20
    with pytest.raises(MissingTableError, match="has no table surveys"):
        needs.said(ds, "kano_answers")
