"""The playbook page says what the stored notebook says, and the page runs on a foreign export."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import running
from stored import Stored

import opskit
from opskit.acquisition import attribution

STORED = Stored("acquisition/attribution")

ran = partial(running.ran, "acquisition/attribution")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    ds = opskit.open("shop", engine="polars")
    paths = attribution.count_paths(ds.touchpoints, as_of=ds.as_of, direct=("direct", "wechat"))
    shares = attribution.credit(paths).query("channel == 'influencer'")["share"]
    assert shares.min() > 0.035
    assert shares.max() < 0.065
    assert "gives them 4 to 6% of the conversions" in STORED.words
    truth = ds.truth["derived"]["incremental_conversions.influencer"]["value"]
    assert f"while {100 * truth:.1f}% of them would not exist" in STORED.words


def test_the_best_channel_of_the_last_touch_is_contradicted_by_its_test_on_the_same_page() -> None:
    value = {row[0]: row[1:] for row in STORED.headline}
    assert float(value["Credit of retargeting by the last touch"][0].rstrip("%")) > 35
    low, high = (float(value["Conversions caused by retargeting in its test"][place]) for place in (1, 2))
    assert low < 0 < high
    (decided,) = STORED.shown("decision", "text/markdown")
    assert "Cut **retargeting**, or prove it in a larger test" in decided
    assert "8 of 8 rules credit too much" in decided
    assert "all eight rules credit retargeting with more" in STORED.words
    (rules,) = [text for text in STORED.shown("against_tests(") if "verdict" in text]
    assert len(re.findall(rf"^[0-7] .* {attribution.OVER} *$", rules, flags=re.MULTILINE)) == 8


def test_the_widest_gap_is_where_the_page_says() -> None:
    assert [row for row in STORED.headline if row[0] == "Rules apart at most, retargeting"]
    assert "furthest apart just there" in STORED.words


def export(folder: Path, *, customers: int = 60, converted: bool = True) -> Path:
    """A platform's export in GB18030 with Chinese headers, nothing but touches."""
    rng = np.random.default_rng(4)
    days = [np.sort(rng.choice(300, size=rng.integers(1, 6), replace=False)) for _ in range(customers)]
    rows = [
        (f"用户{customer}", rng.choice(["搜索广告", "短视频", "直接访问"]), int(day), rng.random() < 0.3)
        for customer, own in enumerate(days)
        for day in own
    ]
    table = pd.DataFrame(rows, columns=["用户id", "渠道", "day", "是否转化"])
    table["触达时间"] = (pd.Timestamp("2025-01-01 10:00") + pd.to_timedelta(table.pop("day"), unit="D")).dt.strftime(
        "%Y/%m/%d %H:%M"
    )
    table["是否转化"] = np.where(table["是否转化"], "是", "否")
    table.drop(columns=[] if converted else ["是否转化"]).to_csv(folder / "触点.csv", index=False, encoding="gb18030")
    return folder


def test_a_foreign_export_of_touches_alone_gives_figures(tmp_path: Path) -> None:
    outcome = ran(export(tmp_path), direct="直接访问")
    assert outcome.status == "ok", outcome.reason
    names = [row["name"] for row in outcome.headline]
    assert any(name.startswith("Credit of") and name.endswith("by Shapley") for name in names)
    assert not any("its test" in name for name in names)


def test_touches_that_say_nothing_of_conversions_are_told(tmp_path: Path) -> None:
    outcome = ran(export(tmp_path, converted=False))
    assert outcome.status != "ok"
    assert "there are no orders to tell it from" in outcome.reason
    assert "\n" not in outcome.reason


@pytest.mark.slow
def test_orders_tell_what_converted(tmp_path: Path) -> None:
    folder = export(tmp_path, converted=False)
    orders = pd.read_csv(folder / "触点.csv", encoding="gb18030").drop_duplicates("用户id", keep="last")
    orders = orders.rename(columns={"触达时间": "订单付款时间"}).assign(订单编号=range(len(orders)), 实收金额=99.0)
    orders.drop(columns="渠道").to_csv(folder / "订单.csv", index=False, encoding="gb18030")
    outcome = ran(folder)
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row["value"] for row in outcome.headline}
    assert figures["Conversions after a touch"] == 60


def test_without_touchpoints_the_page_is_skipped_with_one_sentence() -> None:
    outcome = ran("cdnow")
    assert outcome.status == "skipped"
    assert "cdnow has no table touchpoints" in outcome.reason
    assert "\n" not in outcome.reason


@pytest.mark.slow
def test_one_customer_and_one_channel_give_a_page(tmp_path: Path) -> None:
    table = pd.DataFrame({"customer_id": ["A", "A"], "channel": "ads", "touched_at": ["2025-01-01", "2025-01-02"]})
    table.assign(converted=[False, True]).to_csv(tmp_path / "touchpoints.csv", index=False)
    outcome = ran(tmp_path)
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    assert figures["Credit of ads by the last touch"]["value"] == 1
    assert figures["Credit of ads by the last touch"]["low"] is None
