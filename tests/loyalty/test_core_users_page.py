"""The core users' chapter says what the stored notebook says, and the page runs on what people have."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import ran
from stored import Stored

STORED = Stored("loyalty/core_users")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    words = STORED.words
    assert f"The 80 hold {value['Value held by the core'][0]} of all revenue" in words
    assert f"brought it is {value['At most, with those they brought'][0]}," in words
    top = value["Top 5% of customers by contribution: share of it"][0]
    assert f"the top 5% make {top} of the content" in words
    stayed, _held = STORED.shown("core_users.persistence(")[:2]
    row = next(line.split() for line in stayed.splitlines() if " score " in line)
    n, stay, share, by_chance = int(row[2]), int(row[3]), float(row[4]), float(row[7])
    assert f"{stay} of {n} were core in 2025" in words
    assert share / by_chance == pytest.approx(11, abs=0.5)  # eleven times what chance gives
    assert float(row[6]) < 0.5  # "once core, always core" does not hold


def test_what_the_text_says_of_the_picks_is_true() -> None:
    wrapped = STORED.shown("core_users.persistence(")[1].split("\n\n")
    first, second = ([line.split() for line in part.splitlines()[1:]] for part in wrapped)
    before = {(row[1], row[2]): float(row[7]) for row in first}
    after = {(row[1], row[2]): float(one[1]) for row, one in zip(first, second, strict=True)}
    fell = f"from {before['score', 'value']:.1f} to {after['score', 'value']:.1f} times"
    assert fell in STORED.words
    assert f"still brought {after['score', 'influence']:.1f} times as much influence" in STORED.words
    assert after["value", "influence"] < 1


def test_what_the_text_says_of_the_weights_is_true() -> None:
    (table,) = [text for text in STORED.shown("core_users.sensitivity(") if "value alone" in text]
    stay = dict(re.findall(r"^\d+\s+(\S.*?)\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+(\d+)", table, flags=re.MULTILINE))
    assert f"{stay['value alone']} of 80 would stay if value alone" in STORED.words
    assert f"{stay['equal weights']} with equal weights" in STORED.words
    assert f"keep only {stay['scale: rank']}," in STORED.words


def test_the_verdicts_of_the_chapter_are_those_of_the_notebook() -> None:
    verdicts = re.findall(r"more than chance|less than chance|as by chance", STORED.shown("core_users.overlap(")[-2])
    assert verdicts == ["more than chance", "as by chance", "as by chance"]
    assert "On the sample shop the first holds, the second is as chance would have it" in STORED.words


def export(path: Path, customers: int) -> Path:
    """Orders alone, in GB18030 with Chinese headers."""
    rng = np.random.default_rng(3)
    who = rng.zipf(1.7, customers * 6) % customers
    when = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.uniform(0, 364, len(who)), unit="D")
    table = pd.DataFrame({"买家会员名": [f"会员{one}" for one in who], "订单编号": range(len(who))})
    table["订单付款时间"] = when.strftime("%Y/%m/%d %H:%M")
    table["实收金额"] = rng.gamma(3, 40, len(who)).round(2)
    table.to_csv(path, index=False, encoding="gb18030")
    return path


@pytest.mark.parametrize(("customers", "status"), [(8, "skipped"), pytest.param(300, "ok", marks=pytest.mark.slow)])
def test_orders_alone_give_value_or_one_sentence(tmp_path: Path, customers: int, status: str) -> None:
    outcome = ran("loyalty/core_users", export(tmp_path / "orders.csv", customers))
    assert outcome.status == status, outcome.reason
    if status == "skipped":
        assert outcome.reason.endswith(".")
        assert "\n" not in outcome.reason
        return
    names = [row["name"] for row in outcome.headline]
    assert "Value held by the core" in names
    assert not [name for name in names if "contribution" in name or "influence" in name or "brought" in name]
    said = str(outcome.notebook.cells)
    assert "**Influence** is left out: there is no column referrer_id in a table customers." in said
    assert "**Contribution** is left out: there is no table events." in said


@pytest.mark.slow
def test_customers_without_orders_is_one_sentence(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["A"], "signed_up_at": ["2025-01-01"]}).to_csv(tmp_path / "customers.csv", index=False)
    outcome = ran("loyalty/core_users", tmp_path, as_of="2025-12-31")
    assert outcome.status == "skipped"
    assert "has no table orders" in outcome.reason
