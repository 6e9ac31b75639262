"""What a design must keep to be a design at all, however it was made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    from opskit.incentives.level_system.design import Design, Earn, Level

SOURCES, DRIVES, PER = ("orders", "events", "points"), ("welfare", "content", "function"), ("customer", "object")
_LEAST_WINDOW_MONTHS = 3  # a first step is timed before anything has lapsed, which needs some months


def checked(design: "Design") -> "Design":
    """The design, once it is known to be sound.

    Raises:
        OpskitError: Naming the value, the rule and what to do.
    """
    for name in ("window_months", "keep_months"):
        check(getattr(design, name), name, ge=0)
        if getattr(design, name) != int(getattr(design, name)):
            raise OpskitError(f"{name} == {getattr(design, name)!r}, must be a whole number of months.")
    if 0 < design.window_months < _LEAST_WINDOW_MONTHS:
        raise OpskitError(
            f"window_months == {design.window_months}, must be 0 (for ever) or >= {_LEAST_WINDOW_MONTHS}."
        )
    if design.currency and design.currency == design.value:
        raise OpskitError(
            f"currency == {design.currency!r}, must be another name than value: what is spent is no growth value."
        )
    for name in ("first_step_share", "top_share", "least_share", "core_share", "cost_of_margin", "worth_of_spend"):
        check(getattr(design.goals, name), f"goals {name}", ge=0, le=1)
    for name in ("first_step_days", "days_by_idling"):
        check(getattr(design.goals, name), f"goals {name}", ge=1)
    _check_earn(design.earn)
    _check_levels(design.levels)
    for row in design.benefits:
        where = f"benefits {row.name!r}"
        check(row.drive, f"{where} drive", among=DRIVES)
        check(row.level, f"{where} level", among=design.names)
        for name in ("cost", "uses_per_month", "takes_value", "worth"):
            if getattr(row, name) is not None:
                check(getattr(row, name), f"{where} {name}", ge=0)
        check(row.revenue_share, f"{where} revenue_share", ge=0, le=1)
    return design


def _check_earn(rules: "Sequence[Earn]") -> None:
    for row in rules:
        where = f"earn {row.behaviour!r}"
        check(row.source, f"{where} source", among=SOURCES)
        check(row.per, f"{where} per", among=PER)
        for name in ("each", "per_revenue", "daily_cap", "repeat_minutes"):
            check(getattr(row, name), f"{where} {name}", ge=0)
        if not (row.each or row.per_revenue):
            raise OpskitError(f"{where} earns nothing: give each or per_revenue, or leave it out.")
        if row.per_revenue and row.source != "orders":
            raise OpskitError(
                f"{where} per_revenue == {row.per_revenue}: only orders bring revenue. Give each instead."
            )
    pairs = [(row.source, row.behaviour) for row in rules]
    orders = [row for row in rules if row.source == "orders"]
    if len(set(pairs)) < len(pairs) or len(orders) > 1:
        twice = next((name for source, name in pairs if pairs.count((source, name)) > 1), "orders")
        raise OpskitError(
            f"[[earn]] names {twice!r} twice; one rule a behaviour, and one for orders. Put them together."
        )


def _check_levels(levels: "Sequence[Level]") -> None:
    names = [level.name for level in levels]
    if len(levels) < 2 or len(set(names)) < len(names):
        raise OpskitError(f"levels == {', '.join(names)}: two or more are needed, each with a name of its own.")
    above = levels[1:]
    if levels[0].at not in (None, 0) or levels[0].share is not None:
        raise OpskitError(
            f"levels {names[0]!r} is the lowest: it begins at 0 and holds who is left. Take at and share away."
        )
    by_share = [level.share is not None for level in above]
    if any((level.at is None) == (level.share is None) for level in above) or len(set(by_share)) > 1:
        raise OpskitError("levels above the lowest need at, or share, the same for all of them.")
    for level in above:
        if level.share is not None:
            check(level.share, f"levels {level.name!r} share", gt=0, lt=1)
    if all(by_share) and sum(level.share or 0.0 for level in above) >= 1:
        raise OpskitError(
            "levels: the shares above the lowest add up to 1 or more; somebody must be at the lowest. Lower them."
        )
    last = 0
    for level in above:
        if level.at is not None:
            check(level.at, f"levels {level.name!r} at", gt=last)
            last = level.at
