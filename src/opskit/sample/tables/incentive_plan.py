"""The worksheet of the incentive plan for the new year, as the shop's team has written it: sensible, and not free of flaws."""

from typing import Any, NamedTuple

import numpy as np

from opskit.sample.world import Chunk, Column

ROW = "segment and goal of the incentive plan"
COLUMNS = {
    "segment": Column("category", "name of the segment"),
    "goal": Column("category", "activate, trade or retain"),
    "means": Column("category", "what they get"),
    "drive": Column("category", "welfare, content or function"),
    "who": Column("category", "rule that a customer meets"),
    "unit_cost": Column("number", "what the means costs for one customer who uses it"),
    "used_share": Column("number", "share of those reached who will use it"),
    "scene": Column("category", "where and when it is redeemed"),
    "medium": Column("category", "how they are told"),
    "address": Column("category", "column of customers without which the medium cannot reach them"),
    "messages": Column("number", "messages to each customer"),
    "cap": Column("number", "most messages by the medium within cap_days"),
    "cap_days": Column("number", "days of the cap"),
    "message": Column("category", "what they are told"),
    "kpi": Column("category", "what the row is judged by"),
    "kpi_days": Column("number", "days in which it is counted"),
    "hoped_effect": Column("number", "rise of the KPI hoped for, as a share of what it is without"),
    "experiment": Column("category", "experiment that will tell"),
    "holdout": Column("number", "share kept aside to compare with"),
    "until": Column("timestamp", "last day"),
}


class Row(NamedTuple):
    """One row of the worksheet."""

    segment: str
    goal: str
    means: str
    drive: str
    who: str
    unit_cost: float
    used_share: float
    scene: str | None
    medium: str
    address: str | None
    messages: float
    cap: float
    cap_days: float
    message: str
    kpi: str
    kpi_days: float
    hoped_effect: float
    experiment: str
    holdout: float
    until: str


PLUS_SILENT, ASLEEP_FROM, ASLEEP_TO, ASLEEP_ORDERS, RECENT, FRESH = 120, 60, 300, 4, 60, 90  # days; orders
# fmt: off
ROWS = (
    Row("plus members", "retain", "early access to new arrivals", "function", f"tier == plus and days_since_last <= {PLUS_SILENT}",
        0.5, 0.5, "members' page of the app, a day before everybody", "wechat", None, 2, 4, 30,
        "Tomorrow's new arrivals are open to you today", "orders", 60, 0.15, "early access", 0.2, "2026-02-28"),
    Row("asleep, frequent", "activate", "coupon of 25 from 199", "welfare",
        f"days_since_last >= {ASLEEP_FROM} and orders >= {ASLEEP_ORDERS}", 25, 0.12, "checkout, a basket of 199 or more", "sms", "phone", 1, 2, 30,
        "25 off what you used to buy, until the end of January", "buyers", 30, 0.5, "wake the frequent", 0.35, "2026-01-31"),
    Row("asleep", "activate", "guide to the child's next months", "content",
        f"{ASLEEP_FROM} <= days_since_last <= {ASLEEP_TO}", 0, 1, "article in the app, with the products it names", "sms", "phone", 1, 2, 30,
        "What changes in the next three months, and what helps", "buyers", 30, 0.5, "wake with advice", 0.35, "2026-01-31"),
    Row("first order", "trade", "free shipping on the second order", "welfare", f"orders == 1 and days_since_last < {RECENT}",
        14, 0.35, "second order, any basket, within 60 days", "wechat", None, 2, 4, 30,
        "Your next parcel travels free", "buyers", 60, 0.2, "free second parcel", 0.3, "2026-02-28"),
    Row("regulars", "retain", "double points", "welfare", f"orders >= 2 and days_since_last < {RECENT}",
        3.5, 0.4, None, "wechat", None, 2, 4, 30,
        "Double points on all you buy in January", "orders", 30, 0.2, "double points", 0.2, "2026-01-31"),
    Row("signed up, no order", "trade", "sample bag", "welfare", f"orders == 0 and days_since_signed_up_at <= {FRESH}",
        22, 0.1, "added to the first parcel", "wechat", None, 1, 4, 30,
        "A bag of samples comes with your first parcel", "buyers", 30, 0.9, "sample bag", 0.5, "2026-01-31"),
)
# fmt: on


def build(chunk: Chunk) -> dict[str, Any]:
    """All rows, with the first chunk."""
    rows = ROWS if chunk.index == 0 else ()
    kinds: dict[str, Any] = {"number": float, "timestamp": "datetime64[us]", "category": object}
    return {
        name: np.array([getattr(row, name) for row in rows], dtype=kinds[column.kind])
        for name, column in COLUMNS.items()
    }
