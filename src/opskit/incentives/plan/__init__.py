"""The incentive plan: who gets what by which medium, what is missing in it, and the list that goes to the CRM tomorrow."""

from opskit.incentives.plan.audience import STATUSES, Audience, audience, counts, drawn, export
from opskit.incentives.plan.before import before, media_used, message_costs
from opskit.incentives.plan.brief import Brief, brief, page
from opskit.incentives.plan.catalogue import catalogue, drives
from opskit.incentives.plan.choices import holdouts, recovery, with_holdout
from opskit.incentives.plan.claims import claimed, still_open
from opskit.incentives.plan.expected import expected, interval
from opskit.incentives.plan.figures import plot_drives, plot_effects, plot_people
from opskit.incentives.plan.findings import decisions, key_figures
from opskit.incentives.plan.flags import RULES, flags
from opskit.incentives.plan.known import known
from opskit.incentives.plan.reached import HELD_OUT, KEPT_BACK, SENT
from opskit.incentives.plan.rules import condition, parse
from opskit.incentives.plan.worksheet import default_plan, given_plan

__all__ = [
    "HELD_OUT",
    "KEPT_BACK",
    "RULES",
    "SENT",
    "STATUSES",
    "Audience",
    "Brief",
    "audience",
    "before",
    "brief",
    "catalogue",
    "claimed",
    "condition",
    "counts",
    "decisions",
    "default_plan",
    "drawn",
    "drives",
    "expected",
    "export",
    "flags",
    "given_plan",
    "holdouts",
    "interval",
    "key_figures",
    "known",
    "media_used",
    "message_costs",
    "page",
    "parse",
    "plot_drives",
    "plot_effects",
    "plot_people",
    "recovery",
    "still_open",
    "with_holdout",
]
