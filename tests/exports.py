"""Files as users bring them: other names, other encodings, other dates."""

from pathlib import Path

import numpy as np
import pandas as pd


def orders_in_chinese(path: Path, customers: int) -> Path:
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
