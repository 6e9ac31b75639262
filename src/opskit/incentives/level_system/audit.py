"""Nine principles of growth systems, each held against a figure of the replay or of the design itself."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.incentives.level_system.costs import FIRST_STEP, cost_figure, ratios
from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.replay import Replay

if TYPE_CHECKING:
    import pandas as pd

KEPT, BROKEN, UNKNOWN, YOURS = "kept", "broken", "not enough data", "judge yourself"
_VERDICTS = {"holds": KEPT, "does not hold": BROKEN, "not enough data": UNKNOWN}
JUDGE = {
    "shows the core business": "does a member meet what you live from on the way up?",
    "input and output balanced": "would finance sign it, and would a member call it fair?",
    "experience and currency apart": "does every business have a value of its own, or do they share one on purpose?",
    "users classified": "would you treat the levels differently if they cost nothing?",
    "extensible": "is there a place for a level above, and for the next business?",
    "low entry": "does a newcomer see the first step and how far it is?",
    "perceivable": "does a member notice the day a level changes?",
    "worth wanting": "would you want it? Ask ten members; content and function have no price here",
    "cheating prevented": "what would you do to get to the top without buying?",
}
"""The nine principles, and what no figure answers about each."""


def audit(found: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Hold a design against the nine principles.

    Args:
        found: From `replay`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        principle, figure (what is computed), estimate, low, high, rule (in words), verdict (kept, broken, not enough data, or
        judge yourself where nothing can be computed), judge (what no figure answers). What follows from the design alone has
        no interval.

    Source: practitioners' articles on user growth systems, for the principles; the limits are the design's own goals.
    """
    import pandas as pd

    table = ratios(found, confidence=confidence).set_index("figure")
    by_data = _by_data(found, table)
    by_design = {
        "experience and currency apart": ("benefits that take growth value away", *_spent(found.design), "none"),
        "perceivable": ("levels that bring nothing new", *_empty_levels(found.design), "none"),
        "cheating prevented": (
            "days to the first step without any purchase",
            *_idling(found.design),
            f"at least {found.design.goals.days_by_idling}",
        ),
    }
    rows: list[tuple[Any, ...]] = []
    for principle, judge in JUDGE.items():
        if principle in by_design:
            figure, value, fine, rule = by_design[principle]
            rows.append((principle, figure, value, float("nan"), float("nan"), rule, KEPT if fine else BROKEN, judge))
            continue
        figure, limits = by_data[principle]
        estimate, low, high = (float(table.loc[figure, name]) for name in ("estimate", "low", "high"))  # type: ignore[arg-type]
        words = "; ".join(f"{key.replace('_', ' ')} {plots.percent(limit)}" for key, limit in limits.items())
        rows.append(
            (
                principle,
                figure,
                estimate,
                low,
                high,
                words,
                _judged(found.design, principle, estimate, low, high, limits),
                judge,
            )
        )
    columns = ["principle", "figure", "estimate", "low", "high", "rule", "verdict", "judge"]
    return pd.DataFrame(rows, columns=columns)


def _by_data(found: Replay, table: "pd.DataFrame") -> dict[str, tuple[str, dict[str, float]]]:
    """Principles that history speaks about: the figure of `ratios`, and its limits."""
    goals = found.design.goals
    least = table.loc[[f"at {name}" for name in found.design.names], "estimate"].idxmin()
    return {
        "shows the core business": ("earned by the core business", {"at_least": goals.core_share}),
        "input and output balanced": (cost_figure(found), {"at_most": goals.cost_of_margin}),
        "users classified": (str(least), {"at_least": goals.least_share}),
        "extensible": (f"at {found.design.names[-1]}", {"at_most": goals.top_share}),
        "low entry": (FIRST_STEP, {"at_least": goals.first_step_share}),
        "worth wanting": ("worth of the first step, of spend", {"at_least": goals.worth_of_spend}),
    }


def _judged(design: Design, principle: str, estimate: float, low: float, high: float, limits: dict[str, float]) -> str:
    if principle == "worth wanting" and not _has_price(design):
        return YOURS
    if principle == "input and output balanced" and not any(b.cost or b.revenue_share for b in design.benefits):
        return YOURS
    return _VERDICTS[stats.verdict(low, high, **limits)] if estimate == estimate else UNKNOWN


def _has_price(design: Design) -> bool:
    """Whether anything that the first step gives has a worth in money."""
    given = design.given_to(design.names[1])
    return any(b.worth or b.revenue_share or (b.cost and b.worth is None) for b in given)


def _spent(design: Design) -> tuple[float, bool]:
    count = sum(benefit.takes_value > 0 for benefit in design.benefits)
    return float(count), count == 0


def _empty_levels(design: Design) -> tuple[float, bool]:
    """Levels above the lowest with no benefit of their own."""
    own = {benefit.level for benefit in design.benefits}
    count = sum(name not in own for name in design.names[1:])
    return float(count), count == 0


def _idling(design: Design) -> tuple[float, bool]:
    """Days in which somebody who buys nothing, and does all else as often as it counts, reaches the first step.

    What counts only once is done on the first day. Without a cap a day has no end of it.
    """
    a_day, once = 0.0, 0.0
    for rule in design.earn:
        if rule.source == "orders":
            continue
        if rule.first_only and rule.per == "customer":
            once += rule.each
        elif rule.daily_cap:
            a_day += rule.each * rule.daily_cap
        else:
            return 0.0, False
    left = design.thresholds[1] - once
    window = design.window_months * 30.4 if design.window_months else float("inf")
    if left <= 0:
        return 0.0, False
    days = left / a_day if a_day else float("inf")
    return (days if days <= window else float("inf")), days >= design.goals.days_by_idling
