"""The playbook page says what the stored notebook says, and the page runs on a user's own two files."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import running

ran = partial(running.ran, "monetization/membership")


def write_own(folder: Path, customers: int) -> Path:
    """Orders and memberships as a shop might export them."""
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(customers), 8)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, len(who)), unit="D")
    ids = np.array([f"U{number:04d}" for number in range(customers)])
    orders = pd.DataFrame(
        {"买家会员名": ids[who], "订单付款时间": day, "实收金额": rng.gamma(4, 30, len(who)).round(2)}
    )
    begins = pd.Timestamp("2024-02-01") + pd.to_timedelta(rng.integers(0, 200, customers // 3), unit="D")
    spells = pd.DataFrame({"客户id": ids[: customers // 3], "会员等级": "金卡", "开始日期": begins})
    orders.sort_values("订单付款时间").to_csv(folder / "orders.csv", index=False)
    spells.to_csv(folder / "memberships.csv", index=False)
    return folder


def test_the_page_runs_on_two_files_of_ones_own(tmp_path: Path) -> None:
    outcome = ran(write_own(tmp_path, 240), level="金卡", window_months=3)
    assert outcome.status == "ok", outcome.reason
    figures = {row["name"]: row for row in outcome.headline}
    assert figures["Effect on spend per member-month"]["value"] is not None
    assert "Left per member-month" not in figures  # no margin


def test_too_little_data_and_no_memberships_are_told(tmp_path: Path) -> None:
    few = ran(write_own(tmp_path, 6), window_months=12)
    assert few.status == "skipped"
    assert "shorter window" in few.reason
    (tmp_path / "memberships.csv").unlink()
    none = ran(tmp_path)
    assert none.status == "skipped"
    assert "memberships" in none.reason
