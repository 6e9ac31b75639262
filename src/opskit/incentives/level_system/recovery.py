"""The figures beside a truth that was planted, where there is one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit.incentives.level_system.costs import FIRST_STEP, ratios
from opskit.incentives.level_system.replay import Replay
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {
    FIRST_STEP: "first_step_in_time",
    "cost over margin": "cost_of_margin",
    "fall a month, of those above": "falls_per_month",
}


def recovery(found: Replay, *, truth: Mapping[str, Any], confidence: float = 0.95) -> "pd.DataFrame":
    """What follows from the truth of the sample shop and its own level design, beside the estimates.

    Args:
        found: From `replay` of the design that lies beside the data.
        truth: ``truth`` of the dataset; empty for data without a planted truth, and for another design.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        name (as in truth.json), estimate, low, high, truth, inside.
    """
    table = ratios(found, confidence=confidence)
    named = {f"at {name}": f"at_{name}" for name in found.design.names} | _NAMES
    table = table[table["figure"].isin(named)]
    table.insert(0, "name", "levels." + table.pop("figure").map(named))
    return beside_truth(table[["name", "estimate", "low", "high"]].reset_index(drop=True), truth)
