"""The playbook page says what the stored notebook says."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opskit
from opskit import features
from opskit.loyalty import churn
from opskit.reports import execution
from opskit.reports.pages import pages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "playbook/loyalty/churn.md").read_text(encoding="utf-8")
CELLS = json.loads((ROOT / "notebooks/loyalty/churn.ipynb").read_text(encoding="utf-8"))["cells"]


def shown(tag: str, kind: str = "text/plain") -> str:
    (cell,) = [cell for cell in CELLS if tag in cell["metadata"].get("tags", [])]
    return "".join(cell["outputs"][0]["data"][kind])


def headline() -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in shown("headline").splitlines()]


def test_the_headline_stands_in_the_page() -> None:
    rows, page = headline(), PAGE.splitlines()
    assert len(rows) == 11
    start = page.index("| " + " | ".join(rows[0]) + " |")
    assert page[start + 2 : start + 1 + len(rows)] == ["| " + " | ".join(row) + " |" for row in rows[1:]]


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in headline()}
    derived = opskit.open("shop").truth["derived"]
    assert 0.55 < float(value["Active customers who left within 150 days"][0].rstrip("%")) / 100 < 0.65  # three in five
    assert f"at {value['Success share at which contacts just pay'][0]} it would just pay" in PAGE
    for name in ("oracle", "orders_only"):
        assert f"{derived[f'churn_150_days.{name}_auc']['value']:.3f}" in PAGE
    low = float(value["More left than predicted"][2].split()[0])
    assert low < 0  # fewer left, interval and all
    decided = shown("decision", "text/markdown")
    for said in ("Rank by **logistic regression**", "**Fewer left than predicted**", "it pays"):
        assert said in decided


def test_the_leak_of_the_page_is_that_of_the_notebook() -> None:
    (cell,) = [cell for cell in CELLS if "panel.screening" in "".join(cell["source"])]
    table = "".join(cell["outputs"][-1]["data"]["text/plain"])
    left_out = [line.split()[1] for line in table.splitlines()[1:] if " False " in line]
    assert left_out == ["updated_at", "is_customer"]
    assert "`updated_at` is named as a leak" in PAGE


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(?:opskit\.[a-z_.]*\.)?(\w+)`", PAGE.split("## Steps")[1].split("## How")[0])))
)
def test_every_function_named_exists(name: str) -> None:
    assert hasattr(churn, name) or hasattr(features, name)


def test_the_page_has_every_part() -> None:
    parts = ["When to reach", "The idea", "What you need", "Steps", "How to read", "Decision table", "When it lies"]
    heads = re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    for part, head in zip([*parts, "Rules of thumb", "Run it", "Sources"], heads, strict=True):
        assert head.startswith(part)


def export(path: Path, customers: int) -> Path:
    """A shop's export in GB18030 with Chinese headers: customers with a rhythm of their own, many of whom stop."""
    rng, rows = np.random.default_rng(3), []
    for customer in range(customers):
        at, stops, gap = rng.uniform(0, 200), rng.integers(30, 700), rng.gamma(2, 15)
        while at < min(365, stops):
            rows.append((f"会员{customer}", at, round(rng.gamma(3, 40), 2)))
            at += rng.exponential(gap) + 1
    table = pd.DataFrame(rows, columns=["买家会员名", "at", "实收金额"])
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(table.pop("at"), unit="D")
    table.assign(订单付款时间=when.dt.strftime("%Y/%m/%d %H:%M"), 订单编号=range(len(table))).to_csv(
        path, index=False, encoding="gb18030"
    )
    return path


@pytest.mark.parametrize(("customers", "status"), [(10, "skipped"), pytest.param(600, "ok", marks=pytest.mark.slow)])
def test_a_foreign_export_gives_figures_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    given = {"data": str(export(tmp_path / "orders.csv", customers))}
    ran = execution.execute(pages()["loyalty/churn"], given, timeout_seconds=300, session=execution.Session())
    assert ran.status == status, ran.reason
    assert bool(ran.headline) == (status == "ok")
    assert status == "ok" or (ran.reason.endswith(".") and "\n" not in ran.reason)
