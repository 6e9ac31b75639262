"""Targeting: whom a treatment moves, whom it puts off, which drive moves which segment, and what a share of the list earns."""

from opskit.incentives.targeting.audience import Eligible, audience, eligible
from opskit.incentives.targeting.figures import (
    plot_drives,
    plot_groups,
    plot_learners,
    plot_qini,
    plot_values,
)
from opskit.incentives.targeting.findings import decisions, key_figures, recovery, sensitivity
from opskit.incentives.targeting.groups import groups
from opskit.incentives.targeting.learners import LEARNERS, Scores, by_likelihood, largest, named, scores
from opskit.incentives.targeting.lot import balance, believed, sizes, told
from opskit.incentives.targeting.policy import Policy, budget_share, cost_of, money, pays, policy, values, worth
from opskit.incentives.targeting.ranking import areas, beats_random, compared, curve, qini_curve, ranking
from opskit.incentives.targeting.segments import Drives, drives, drives_told, segment_of
from opskit.incentives.targeting.trial import Trial, trial

__all__ = [
    "LEARNERS",
    "Drives",
    "Eligible",
    "Policy",
    "Scores",
    "Trial",
    "areas",
    "audience",
    "balance",
    "beats_random",
    "believed",
    "budget_share",
    "by_likelihood",
    "compared",
    "cost_of",
    "curve",
    "decisions",
    "drives",
    "drives_told",
    "eligible",
    "groups",
    "key_figures",
    "largest",
    "money",
    "named",
    "pays",
    "plot_drives",
    "plot_groups",
    "plot_learners",
    "plot_qini",
    "plot_values",
    "policy",
    "qini_curve",
    "ranking",
    "recovery",
    "scores",
    "segment_of",
    "sensitivity",
    "sizes",
    "told",
    "trial",
    "values",
    "worth",
]
