"""The playbook page says what the stored notebook says, and the page runs on a survey alone."""

from pathlib import Path

from running import ran
from stored import Stored

STORED = Stored("monetization/pricing")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    assert -2.0 < float(value["Elasticity, price test"][0]) < -1.7  # almost 2%
    assert value["Price of most profit, tested"][0] == "110 CNY"
    assert value["Price of most profit, stated"][0] == "150 CNY"
    assert value["Elasticity, price test"][3] == "2,373"
    text = STORED.shown("decision")[0]
    assert "**Keep CNY 129**" in text
    assert "between CNY 86.5 and CNY 150" in text
    assert "Pooled without fixed effects they say 0.14" in text
    assert float(value["Bought, of those who say yes to the current price"][2].rstrip("%")) < 50  # first claim holds


def test_the_page_runs_on_a_chinese_survey_alone(tmp_path: Path) -> None:
    lines = ["答卷人,问卷,题目,选项,答案,提交时间"]
    for person in range(40):
        most = 60 + 4 * (person * 7 % 40)
        prices = (0.4 * most, 0.65 * most, most, 1.4 * most)
        for question, price in zip(("太便宜", "便宜/划算", "贵", "太贵"), prices, strict=True):
            lines.append(f"A{person:03d},相册,{question},,￥{price:.0f},2025/10/{1 + person % 28}")
        for price in (59, 99, 159, 199):
            answer = "会" if most >= price else "不会"
            lines.append(f"A{person:03d},相册,是否购买,¥{price},{answer},2025/10/{1 + person % 28}")
    file = tmp_path / "survey.csv"
    file.write_text("\n".join(lines) + "\n", encoding="gb18030")
    outcome = ran("monetization/pricing", file)
    assert outcome.status == "ok", outcome.reason
    assert outcome.facts["as_of"] == "2025-10-28"
    figures = {row["name"]: row for row in outcome.headline}
    assert len(figures) == 5
    assert figures["Below this it looks too cheap (PMC)"]["n"] == 40
    assert 59 < figures["Price of most revenue, stated"]["value"] < 199
    errors = [o for cell in outcome.notebook.cells for o in cell.get("outputs", []) if o.get("name") == "stderr"]
    assert errors == []
