"""The playbook page says what the stored notebook says, and the page runs on foreign exports."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from exports import orders_in_chinese
from stored import Stored

from opskit.reports import execution

STORED = Stored("acquisition/reach")

ran = partial(running.ran, "acquisition/reach")


def names(outcome: execution.Outcome) -> list[str]:
    assert outcome.status == "ok", outcome.reason
    return [row["name"] for row in outcome.headline]


def printed(outcome: execution.Outcome) -> str:
    outputs = [o for cell in outcome.notebook.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    return "".join(o.get("text", "") + o.get("data", {}).get("text/markdown", "") for o in outputs)


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    parts, reached = (value[name][0].split()[0] for name in ("Audiences added up", "Customers reached"))
    assert f"Channels report {parts} customers and reach {reached} people" in STORED.words
    again, chance = (value[name][0] for name in ("Part of the sum counted before", "The same by chance"))
    assert (
        f"{again} of the sum was counted before, where audiences drawn apart would have counted {chance} twice"
        in STORED.words
    )
    last = next(numbers for name, numbers in value.items() if name.startswith("New to the others"))
    assert last[0] == "12%"  # "finds one in eight of its customers new"
    naive, lot = (value[f"Answers per message with one more a week, {how}"] for how in ("as it happened", "by lot"))
    assert f"{naive[0]} the answers per message" in STORED.words
    assert float(naive[1].split()[0]) > 0.8
    assert f"By lot it is {lot[0]}" in STORED.words
    assert float(lot[1].split()[0]) < 0.8 < float(lot[2].split()[0])
    assert value["Best tested frequency a week"][:3] == ["2.0 messages", "1.0 messages", "2.0 messages"]


def test_the_text_on_opt_outs_and_resamples_is_that_of_the_tables() -> None:
    (rates,) = [text for text in STORED.shown("rates_by_arm(") if "opted_out" in text]
    out = {line.split()[1]: float(line.split()[3]) for line in rates.splitlines() if " opted_out " in line}
    assert out["frequency_1"] == 0
    assert f"{100 * out['frequency_4']:.1f}% of those written to four times" in STORED.words
    (cap,) = [text for text in STORED.shown("plot_cap(") if "wins" in text]
    assert " 0.90" in cap
    assert "in 90% of the resamples" in STORED.words
    (claims,) = [text for text in STORED.shown("plot_cap(") if "verdict" in text]
    verdicts = [line.split()[-1] for line in claims.splitlines() if line.strip()]
    assert [verdict for verdict in verdicts if verdict in ("holds", "hold", "data")] == [
        "holds",
        "holds",
        "holds",
        "data",
    ]


def test_the_decision_caps_messages() -> None:
    (decided,) = STORED.shown("decision", "text/markdown")
    assert "Cap **wechat** at **2 messages a week**" in decided
    assert "not with the 3,256" in decided


def touches(folder: Path) -> Path:
    """A platform's export in GB18030 with Chinese headers, nothing but touches."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {"用户id": rng.integers(0, 80, 300), "渠道": rng.choice(["搜索广告", "短视频", "直接访问"], 300)}
    )
    when = pd.Timestamp("2025-01-01 10:00") + pd.to_timedelta(rng.integers(0, 80, 300), unit="D")
    table.assign(触达时间=when.strftime("%Y/%m/%d %H:%M")).to_csv(folder / "触点.csv", index=False, encoding="gb18030")
    return folder


def sends(folder: Path, *, test: bool = False) -> Path:
    """A messaging tool's export: two media, answers and opt-outs; with a test its campaigns 每周一次 and 每周四次."""
    rng, rows = np.random.default_rng(5), []
    for who in range(120):
        rows += [
            (f"会员{who}", int(day), rng.choice(["短信", "企业微信"], p=[0.7, 0.3]), "日常", rng.random() < 0.3)
            for day in np.flatnonzero(rng.random(60) < 0.1)
        ]
        arm, step, answers = (("每周一次", 7, 0.3), ("每周四次", 2, 0.1))[rng.integers(2)]
        days = range(62, 90, step) if test else ()
        rows += [(f"会员{who}", day, "短信", arm, rng.random() < answers) for day in days]
    rows.append(("会员120", 95, "短信", "日常", True))  # the days of the test are over
    table = pd.DataFrame(rows, columns=["用户id", "day", "触达方式", "活动名称", "是否响应"])
    when = pd.Timestamp("2025-01-01 10:00") + pd.to_timedelta(table.pop("day"), unit="D")
    table["发送时间"] = when.dt.strftime("%Y/%m/%d %H:%M")
    table["是否响应"] = np.where(table["是否响应"], "是", "否")
    table["是否退订"] = np.where(rng.random(len(table)) < 0.01, "是", "否")
    table.to_csv(folder / "触达.csv", index=False, encoding="gb18030")
    return folder


def test_touches_alone_give_reach_and_say_that_fatigue_needs_contacts(tmp_path: Path) -> None:
    outcome = ran(touches(tmp_path))
    found = names(outcome)
    assert "Customers reached" in found
    assert not any("message" in name for name in found)
    assert "fatigue needs table contacts" in printed(outcome)


def test_contacts_alone_give_overlap_by_medium_and_no_causal_words(tmp_path: Path) -> None:
    outcome = ran(sends(tmp_path))
    found = names(outcome)
    assert "Of those reached, through 短信 first" in found
    assert any("as it happened" in name for name in found)
    assert not any("by lot" in name or "frequency" in name for name in found)
    said = printed(outcome)
    assert "counted by medium" in said or "by medium" in said
    assert "No test of frequency" in said
    assert "Draw the frequency by lot" in said
    assert "Cap **" not in said


@pytest.mark.slow
def test_campaigns_of_ones_own_are_a_test(tmp_path: Path) -> None:
    outcome = ran(sends(tmp_path, test=True), arms="每周一次,每周四次")
    assert "Best tested frequency a week" in names(outcome)
    assert "Arms by campaigns: 每周一次, 每周四次" in printed(outcome)


@pytest.mark.parametrize("data", ["cdnow", pytest.param("", marks=pytest.mark.slow)])
def test_orders_alone_do_not_tell_reach(data: str, tmp_path: Path) -> None:
    outcome = ran(data or orders_in_chinese(tmp_path / "订单.csv", 30))
    assert outcome.status == "skipped"
    assert "has no table touchpoints" in outcome.reason
    assert "\n" not in outcome.reason


@pytest.mark.slow
def test_one_customer_gives_a_page(tmp_path: Path) -> None:
    table = pd.DataFrame({"customer_id": ["A"], "channel": "ads", "touched_at": ["2025-01-01"]})
    table.to_csv(tmp_path / "touchpoints.csv", index=False)
    pd.DataFrame(
        {"customer_id": ["A"], "medium": "sms", "sent_at": ["2025-01-01"], "responded": [True], "opted_out": [False]}
    ).to_csv(tmp_path / "contacts.csv", index=False)
    outcome = ran(tmp_path)
    assert "Customers reached" in names(outcome)
    said = printed(outcome)
    assert "nan" not in said


@pytest.mark.slow
def test_a_part_of_the_shop_gives_a_page() -> None:
    outcome = ran("shop", where="region=North", as_of="2025-11-15")  # the test is not over
    assert "Customers reached" in names(outcome)
    assert "nan" not in printed(outcome)
