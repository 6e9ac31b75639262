"""Membership: does it make customers spend more, or do those join who spend more anyway?"""

from opskit.monetization.membership.decisions import decisions
from opskit.monetization.membership.difference import Difference, aligned, staggered
from opskit.monetization.membership.effects import EventStudy, comparable, effects, event_study, sensitivity, unseen
from opskit.monetization.membership.figures import plot_answers, plot_balance, plot_event_study
from opskit.monetization.membership.matching import Matched, match
from opskit.monetization.membership.money import Money, money
from opskit.monetization.membership.naive import naive_gap
from opskit.monetization.membership.panel import Panel, panel

__all__ = [
    "Difference",
    "EventStudy",
    "Matched",
    "Money",
    "Panel",
    "aligned",
    "comparable",
    "decisions",
    "effects",
    "event_study",
    "match",
    "money",
    "naive_gap",
    "panel",
    "plot_answers",
    "plot_balance",
    "plot_event_study",
    "sensitivity",
    "staggered",
    "unseen",
]
