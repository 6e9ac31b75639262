"""The playbook page says what the stored notebook says, and the page runs on other people's contracts."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import running
from stored import ROOT, Stored

STORED = Stored("monetization/subscriptions")

ran = partial(running.ran, "monetization/subscriptions")


def test_the_verdicts_of_the_page_are_those_of_the_notebook() -> None:
    text = STORED.shown("subscriptions.claims(")[-1]
    verdicts = re.findall(r"(does not hold|holds|not enough data)\s*$", text, flags=re.MULTILINE)
    assert verdicts == ["holds", "does not hold", "does not hold"]
    assert "On the sample shop the first holds and the other two do not." in STORED.chapter
    claims = re.findall(r"^\d +([a-z].+?)  ", text, flags=re.MULTILINE)
    assert len(claims) == 3
    assert [claim for claim in claims if claim.strip().lower() not in STORED.chapter.lower()] == []


def test_what_the_text_says_of_the_figures_is_true() -> None:
    """A churn of 16% a month and a lifetime of eighteen months are the shop's own."""
    outputs = "".join(
        "".join(output.get("data", {}).get("text/plain", ""))
        for cell in STORED.cells
        for output in cell.get("outputs", [])
    )
    average = float(re.search(r"diaper_box +\d+ +\d+ +\d+ +\d+ +([0-9.]+)", outputs)[1])
    assert round(100 * average) == 16
    periods = float(re.search(r"care_box +1 +\d+ +[0-9.]+ +model +([0-9.]+)", outputs)[1])
    assert round(periods) == 18


def said(outcome: Any) -> str:
    return json.dumps([cell.get("outputs", []) for cell in outcome.notebook.cells], ensure_ascii=False)


def test_the_page_runs_on_a_minimal_export_with_chinese_headers(tmp_path: Path) -> None:
    """Four columns and a customer: what is missing is assumed, and said."""
    shop = pd.read_parquet(ROOT / "data/shop/subscriptions.parquet").query("billing_period == 'month'")
    columns = {
        "customer_id": "客户id",
        "plan": "套餐",
        "started_at": "开始日期",
        "ended_at": "结束日期",
        "price": "价格",
    }
    shop[list(columns)].rename(columns=columns).to_csv(tmp_path / "订阅.csv", index=False, encoding="gb18030")
    outcome = ran(tmp_path, as_of="2025-12-31")
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    assert figures["Renew the first time, diaper_box"]["n"] > 200
    assert figures["Value of a new contract, diaper_box"]["value"] > 0
    assert "taken as paid by the month" in said(outcome)
    assert "stderr" not in said(outcome)


def test_the_page_runs_on_a_single_young_contract(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"customer_id": ["a"], "plan": ["p"], "started_at": ["2025-09-03"], "ended_at": [None], "price": [9.0]}
    )
    rows.to_csv(tmp_path / "subscriptions.csv", index=False)
    outcome = ran(tmp_path, as_of="2025-12-31")
    assert outcome.status == "ok", outcome.reason
    decision = "".join(
        output["data"]["text/plain"]
        for cell in outcome.notebook.cells
        if "decision" in cell.metadata.get("tags", [])
        for output in cell.outputs
    )
    assert "No plan has a value by the model yet" in decision
    assert "nan" not in decision
    assert "stderr" not in said(outcome)


def test_contracts_before_any_renewal_are_told_and_not_reported(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"customer_id": ["a", "b"], "plan": ["p", "p"], "started_at": "2025-12-03", "price": [9.0, 9.0]}
    )
    rows.to_csv(tmp_path / "subscriptions.csv", index=False)
    outcome = ran(tmp_path, as_of="2025-12-31")
    assert outcome.status == "failed"
    assert "no contract has come to its first renewal yet" in outcome.reason


def test_without_the_table_the_page_is_skipped_with_the_reason() -> None:
    outcome = ran(Path("cdnow"))
    assert outcome.status == "skipped"
    assert "subscriptions" in outcome.reason
