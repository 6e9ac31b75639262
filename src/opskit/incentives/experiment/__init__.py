"""Experiments: how long a test takes, whether it may be read, what the treatment does, and whether to ship it."""

from opskit.incentives.experiment.arm_sizes import balance, believed, if_read, sample_ratio
from opskit.incentives.experiment.design import Design, arrivals, design, two_armed
from opskit.incentives.experiment.effects import effects, guardrails
from opskit.incentives.experiment.figures import (
    plot_effects,
    plot_false_alarms,
    plot_looks,
    plot_plan,
    plot_register,
    plot_sample_ratio,
    plot_weeks,
)
from opskit.incentives.experiment.findings import decisions, key_figures, recovery, sensitivity
from opskit.incentives.experiment.looks import crossing, false_alarms, final_size, looks, spending_bounds
from opskit.incentives.experiment.measures import MEASURES, chosen, margins
from opskit.incentives.experiment.novelty import by_week, fading
from opskit.incentives.experiment.outcomes import Outcomes, outcomes
from opskit.incentives.experiment.planning import Plan, plan, worth_per_unit
from opskit.incentives.experiment.register import register
from opskit.incentives.experiment.verdict import Verdict, net_worth, verdict

__all__ = [
    "MEASURES",
    "Design",
    "Outcomes",
    "Plan",
    "Verdict",
    "arrivals",
    "balance",
    "believed",
    "by_week",
    "chosen",
    "crossing",
    "decisions",
    "design",
    "effects",
    "fading",
    "false_alarms",
    "final_size",
    "guardrails",
    "if_read",
    "key_figures",
    "looks",
    "margins",
    "net_worth",
    "outcomes",
    "plan",
    "plot_effects",
    "plot_false_alarms",
    "plot_looks",
    "plot_plan",
    "plot_register",
    "plot_sample_ratio",
    "plot_weeks",
    "recovery",
    "register",
    "sample_ratio",
    "sensitivity",
    "spending_bounds",
    "two_armed",
    "verdict",
    "worth_per_unit",
]
