"""The chapter on needs says what the stored notebook says, and the page runs on what people have."""

import re
from pathlib import Path

import pandas as pd
import pytest
from running import prose, ran, shown
from stored import Stored

from opskit import contract

STORED = Stored("target_users/needs")
PAGE = "target_users/needs"
DAY = "2025-12-31"


def names(outcome) -> list[str]:
    return [row["name"] for row in outcome.headline if row["value"] is not None]


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    worth, safe = (float(value[f"Worth of {need}"][0].rstrip("%")) for need in ("genuine goods", "safe ingredients"))
    assert f"Genuine goods have {worth}% of all worth, {worth / safe:.1f} times as much as safe ingredients" in words
    assert value["Redrawn estimates with genuine goods first"][0] == "100%"
    assert f"{value['Dissatisfied without anti-fake code'][0]} are dissatisfied without it" in words
    leaders = "Weights near yours with group leaders, mothers' chat groups first"
    assert f"with {value[leaders][0]} of the weights near the team's own" in words
    (test,) = [text for text in STORED.shown("needs.by_segment(") if "statistic" in text]
    assert f"(p = {test.split()[-1]})" in words
    assert value["Features whose class is not clear"][0] == "2"
    assert "With 191 answers two of six features have no clear class" in words
    assert value["Must-be features"][3] == "191"


def test_what_the_text_says_of_order_and_classes_is_true() -> None:
    groups = [text for text in texts("needs.plot_worths(") if " = " in text]
    assert "safe ingredients = fast delivery\nlow price = expert advice = easy returns" in groups[0]
    (shares,) = [text for text in STORED.shown("needs.plot_classes(") if "questionable" in text]
    row = next(line.split() for line in shares.splitlines() if line.startswith("free returns"))
    assert f"named must-be by {float(row[4]):.0%} and performance by {float(row[5]):.0%}" in STORED.words
    (reach,) = [line.split() for line in STORED.shown("needs.plot_first(")[0].splitlines() if " reach " in line]
    told = f"Reach would have to weigh {float(reach[3]):.0%} instead of {float(reach[2]):.0%} for expert posts"
    assert told in STORED.words
    (decision,) = STORED.shown("decision", "text/markdown")
    assert "rated one by one, low price comes first; forced to choose, it comes 4th" in decision
    blurred = re.search(r"but only with (\d+%) once scores may be off by a point", decision)[1]
    assert f"but with {blurred} once every score may be off by a point" in STORED.words
    assert "free returns (must-be or performance); night support (indifferent or attractive)" in decision


def texts(word: str) -> list[str]:
    (cell,) = [cell for cell in STORED.cells if cell.get("outputs") and word in "".join(cell["source"])]
    return ["".join(output["text"]) for output in cell["outputs"] if "text" in output]


def test_the_notebook_finds_the_truth_as_the_chapter_says() -> None:
    (told,) = [text for text in texts("needs.recovery(") if "intervals hold the truth" in text]
    assert told.startswith("34 of 34 ")
    assert "lie inside their intervals" in STORED.words


def test_the_baseball_season_of_the_chapter() -> None:
    from test_needs import PUBLISHED

    for team, (estimate, _) in PUBLISHED.items():
        assert re.search(rf"{estimate:.3f} for {team}", STORED.words), team


@pytest.fixture(scope="module")
def in_chinese(tmp_path_factory: pytest.TempPathFactory):
    """The page on a survey tool's exports alone: Excel, Chinese headers and words, no orders."""
    folder = tmp_path_factory.mktemp("needs")
    people = [f"{i:03d}" for i in range(1, 81)]
    orders = ["123", "132", "213", "312"] * 20
    ranks = pd.DataFrame(
        [list(map(int, order)) for order in orders], columns=[f"3、请排序:{n}" for n in ("正品", "价格", "时效")]
    )
    ranks.insert(0, "序号", people)
    ranks.assign(来源渠道=["微信", "抖音"] * 40, 用时="85秒").to_excel(folder / "需求排序.xlsx", index=False)
    kano = {"序号": people, "防伪码（有）": "理应如此", "防伪码（没有）": ["我很不喜欢"] * 72 + ["无所谓"] * 8}
    kano |= {"贺卡（有）": ["无所谓"] * 70 + ["我很喜欢"] * 10, "贺卡（没有）": "无所谓"}
    pd.DataFrame(kano).to_excel(folder / "kano问卷.xlsx", index=False)
    sheet = "场景,聚集地,渠道,覆盖,精准度,成本,团队匹配度\n洗澡,论坛,发帖,5,4,2,4\n洗澡,诊所,传单,2,5,2,3\n"
    (folder / "场景表.csv").write_bytes(sheet.encode("gb18030"))
    return ran(PAGE, folder, as_of=DAY, segment="来源渠道")


def test_chinese_sheets_alone_are_enough(in_chinese) -> None:
    assert in_chinese.status == "ok", in_chinese.reason
    assert {"Worth of 正品", "Worth of 价格", "Dissatisfied without 防伪码", "Score of 发帖, 论坛"} <= set(
        names(in_chinese)
    )
    told = prose(in_chinese)
    assert "Get **防伪码** right" in told
    assert "Stop working on **贺卡**" in told
    assert "微信" in shown(in_chinese)
    assert "nan" not in told


def test_what_is_missing_is_said(in_chinese) -> None:
    assert "non_customers" in shown(in_chinese)
    assert "has no table surveys" in shown(in_chinese)
    assert not [name for name in names(in_chinese) if name.startswith("Non-customers")]


def test_without_a_survey_the_page_is_skipped_with_one_sentence() -> None:
    outcome = ran(PAGE, "cdnow")
    assert outcome.status == "skipped"
    assert (
        "nothing here says what people need. One of these would: surveys that ask rank, or a sheet need_ranks"
        in outcome.reason
    )


@pytest.mark.slow
def test_a_survey_table_alone_is_enough(tmp_path: Path) -> None:
    rows = [
        (i, "调研", "排序", need, str(place + 1))
        for i in range(30)
        for place, need in enumerate("ABC" if i % 3 else "CBA")
    ]
    table = pd.DataFrame(rows, columns=["答卷人", "问卷", "题目", "选项", "答案"]).assign(提交时间="2025-11-03 10:00")
    table.to_csv(tmp_path / "调研.csv", index=False, encoding="gb18030")
    outcome = ran(PAGE, tmp_path)
    assert outcome.status == "ok", outcome.reason
    assert [name for name in names(outcome) if name.startswith("Worth of")] == [f"Worth of {need}" for need in "ABC"]
    assert "Ask both of Kano's questions" in prose(outcome)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"where": "region=North"}, {"as_of": "2025-10-15"}, {"confidence": 0.8, "unranked": "not_asked"}]
)
def test_the_page_runs_with_other_parameters(given: dict) -> None:
    outcome = ran(PAGE, **given)
    assert outcome.status == "ok", outcome.reason
    assert "nan" not in prose(outcome)


@pytest.mark.slow
def test_too_few_and_all_alike_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "need_ranks.csv"
    pd.DataFrame({"respondent_id": range(3), "A": 1, "B": 2}).to_csv(path, index=False)
    outcome = ran(PAGE, path, as_of=DAY)
    assert (outcome.status, outcome.reason.count("\n")) == ("skipped", 0)
    assert "3 usable answers to the ranking of needs" in outcome.reason
    pd.DataFrame({"respondent_id": range(30), "A": 1, "B": 2}).to_csv(path, index=False)
    outcome = ran(PAGE, path, as_of=DAY)
    assert outcome.status == "ok", outcome.reason
    assert "all 30 respondents order the 2 needs alike" in shown(outcome)
    assert "Ask people to put needs **in order**" in prose(outcome)


@pytest.mark.slow
def test_scenes_alone_and_a_score_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.csv"
    head = ",".join(contract.table("scenarios").required)
    path.write_text(f"{head}\nbath,forum,posts,5,4,2,4\n", encoding="utf-8")
    outcome = ran(PAGE, path, as_of=DAY)
    assert outcome.status == "ok", outcome.reason
    assert "more than one way" in prose(outcome)
    path.write_text(f"{head}\nbath,forum,posts,9,4,2,4\n", encoding="utf-8")
    outcome = ran(PAGE, path, as_of=DAY)
    assert (outcome.status, outcome.reason) == (
        "failed",
        "scenarios: reach of 'posts' at 'forum' == 9.0, must be <= 5.",
    )
    without = ran(PAGE, path)
    assert without.status == "skipped"
    assert 'as_of = "2025-12-31"' in without.reason
