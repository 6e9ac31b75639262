"""First users: who resembles the best customers at their beginning, how well that tells, and whom to approach first."""

from opskit.target_users.first_users.answers import Answers, answers
from opskit.target_users.first_users.approach import audience, likeness, tells
from opskit.target_users.first_users.bands import Bands
from opskit.target_users.first_users.beginnings import (
    CUSTOMERS,
    PROSPECTS,
    Rule,
    Setting,
    beginnings,
    parts,
    rule,
    setting,
)
from opskit.target_users.first_users.figures import (
    plot_calibration,
    plot_gains,
    plot_judged,
    plot_profile,
    plot_waiting,
)
from opskit.target_users.first_users.findings import cautions, decisions, key_figures
from opskit.target_users.first_users.judged import Judged, gains, judge, other_shares
from opskit.target_users.first_users.lookalike import LookAlike, cross_fitted
from opskit.target_users.first_users.newcomers import newcomers
from opskit.target_users.first_users.panel import Panel, panel, refusals
from opskit.target_users.first_users.profile import profile, traits
from opskit.target_users.first_users.recovery import recovery
from opskit.target_users.first_users.waiting import remaining, waiting
from opskit.truth import beside_truth

__all__ = [
    "CUSTOMERS",
    "PROSPECTS",
    "Answers",
    "Bands",
    "Judged",
    "LookAlike",
    "Panel",
    "Rule",
    "Setting",
    "answers",
    "audience",
    "beginnings",
    "beside_truth",
    "cautions",
    "cross_fitted",
    "decisions",
    "gains",
    "judge",
    "key_figures",
    "likeness",
    "newcomers",
    "other_shares",
    "panel",
    "parts",
    "plot_calibration",
    "plot_gains",
    "plot_judged",
    "plot_profile",
    "plot_waiting",
    "profile",
    "recovery",
    "refusals",
    "remaining",
    "rule",
    "setting",
    "tells",
    "traits",
    "waiting",
]
