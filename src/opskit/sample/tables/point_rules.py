"""The worksheet of rules that the points programme could apply: caps, only the first, repeats ignored."""

from typing import Any

import numpy as np

from opskit.sample.world import Chunk, Column

ROW = "rule for what may earn points"
COLUMNS = {
    "behaviour": Column("category", "the behaviour as points call it; * for every one"),
    "rule": Column("category", "daily_cap, first_only or ignore_repeats"),
    "at_most": Column("number", "daily_cap: how many count a day"),
    "minutes": Column("number", "ignore_repeats: how close to the one before"),
    "per": Column("category", "customer, or object: each object apart"),
}
RULES = (
    ("check_in", "daily_cap", 1.0, np.nan, "customer"),
    ("review", "ignore_repeats", np.nan, 10.0, "object"),
    ("review", "first_only", np.nan, np.nan, "object"),
    ("invite", "first_only", np.nan, np.nan, "object"),
    ("*", "daily_cap", 20.0, np.nan, "customer"),
)


def build(chunk: Chunk) -> dict[str, Any]:
    """The worksheet, written once."""
    rows = RULES if chunk.index == 0 else ()
    texts = {0, 1, 4}
    return {
        name: np.array([row[place] for row in rows], dtype=object if place in texts else float)
        for place, name in enumerate(COLUMNS)
    }
