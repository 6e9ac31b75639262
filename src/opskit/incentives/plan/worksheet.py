"""The incentive plan as a table: one row for each segment and goal, checked; or a first one made from the data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.incentives.plan import rules

if TYPE_CHECKING:
    import pandas as pd

GOALS = ("activate", "trade", "retain")
DRIVES = ("welfare", "content", "function")
MOST_ROWS = 60  # the rows that fit a customer are kept as bits of one 64-bit number
NUMBERS: Mapping[str, float] = {
    "priority": float("nan"),
    "unit_cost": float("nan"),
    "used_share": 1.0,
    "messages": 1.0,
    "cap": float("nan"),
    "cap_days": 30.0,
    "kpi_days": 30.0,
    "hoped_effect": float("nan"),
    "holdout": 0.0,
}
"""Columns of numbers, and what an empty cell stands for."""
TEXTS = ("segment", "goal", "means", "medium", "drive", "who", "scene", "address", "message", "kpi", "experiment")
COLUMNS = (*TEXTS, *NUMBERS, "until")
FEWEST_HELD_OUT = 0.2
_REQUIRED = ("segment", "goal", "means", "medium")
_LIMITS: Mapping[str, Mapping[str, Any]] = {
    "unit_cost": {"ge": 0},
    "used_share": {"ge": 0, "le": 1},
    "messages": {"ge": 1},
    "cap": {"ge": 1},
    "cap_days": {"ge": 1},
    "kpi_days": {"ge": 1},
    "hoped_effect": {"ge": 0},
    "holdout": {"ge": 0, "le": 0.9},
}


def given_plan(worksheet: Any) -> "pd.DataFrame":
    """The rows of the worksheet incentive_plan, checked, in the order in which they claim customers.

    Args:
        worksheet: Any engine's frame with segment, goal, means, medium and whichever other columns of the contract there
            are.

    Returns:
        row (segment and goal in words), every column of the contract, empty texts as "" and empty numbers as they are meant
        (``NUMBERS``); until as a date or missing. By priority, then as written.

    Raises:
        OpskitError: A required cell is empty, a value is out of range, a segment has a goal twice, or a rule cannot be read;
            names the row.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"segment": ["asleep"], "goal": ["activate"], "means": ["coupon"], "medium": ["sms"]})
    >>> given_plan(sheet)[["row", "messages", "used_share", "holdout"]].values.tolist()
    [['asleep, activate', 1.0, 1.0, 0.0]]
    """
    import pandas as pd

    table = frames.collect(frames.lazy(worksheet, *_REQUIRED, table="incentive_plan"))
    table = table.reindex(columns=list(COLUMNS))
    for name in TEXTS:
        cells = table[name].astype(object)
        table[name] = cells.where(cells.notna(), "").astype(str).str.strip()
    for name, empty in NUMBERS.items():
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(float).fillna(empty)
    days = pd.to_datetime(table["until"]).dt.date.astype(object)
    table["until"] = days.where(days.notna(), None)
    table.insert(0, "row", table["segment"] + ", " + table["goal"])
    if not 1 <= len(table) <= MOST_ROWS:
        raise OpskitError(f"incentive_plan has {len(table)} rows, must have 1 to {MOST_ROWS}.")
    for row in table.to_dict("records"):
        _check(row)
    twice = table[table.duplicated(["segment", "goal"])]
    if len(twice):
        raise OpskitError(f"incentive_plan has {twice['row'].iloc[0]!r} twice: keep one row for a segment and goal.")
    return table.sort_values("priority", kind="stable", ignore_index=True, na_position="last")


def _check(row: Mapping[Any, Any]) -> None:
    for name in _REQUIRED:
        if not row[name]:
            raise OpskitError(f"incentive_plan: {name} of {row['row']!r} is empty. Fill it in.")
    check(row["goal"], f"incentive_plan: goal of {row['segment']!r}", among=GOALS)
    if row["drive"]:
        check(row["drive"], f"incentive_plan: drive of {row['row']!r}", among=DRIVES)
    for name, limits in _LIMITS.items():
        if row[name] == row[name]:
            check(row[name], f"incentive_plan: {name} of {row['row']!r}", **limits)
    if row["who"]:
        try:
            rules.parse(row["who"])
        except OpskitError as error:
            raise OpskitError(f"incentive_plan: who of {row['row']!r}: {error}") from error


def default_plan(*, interval_days: float, medium: str = "", prospects: bool = False) -> "pd.DataFrame":
    """A first plan from nothing but the natural interval: a start, with the cells left empty that only you can fill.

    Args:
        interval_days: Natural interval between purchases, from `customers.rhythm`; nan: 30 days.
        medium: How they are told; empty: "any".
        prospects: Whether there are accounts without an order.

    Returns:
        As `given_plan`: new buyers, regulars, those who are late and those who are asleep, and prospects.
    """
    import pandas as pd

    d = max(round(interval_days), 1) if interval_days == interval_days else 30
    who = {
        ("asleep", "activate"): f"days_since_last > {3 * d}",
        ("late", "activate"): f"days_since_last > {d} and days_since_last <= {3 * d}",
        ("regulars", "retain"): f"orders >= 2 and days_since_last <= {d}",
        ("new buyers", "trade"): f"orders == 1 and days_since_last <= {d}",
    }
    if prospects:
        who["signed up, no order", "trade"] = "orders == 0"
    rows = [
        {
            "segment": segment,
            "goal": goal,
            "who": rule,
            "means": "a message, no reward",
            "medium": medium or "any",
            "unit_cost": 0.0,
            "kpi": "buyers",
            "kpi_days": float(min(max(d, 14), 90)),
            "experiment": f"{segment} or not",
            "holdout": FEWEST_HELD_OUT,
        }
        for (segment, goal), rule in who.items()
    ]
    return given_plan(pd.DataFrame(rows))
