"""Stages: from no habit to loyalty, who stands where, how they move, and what customers say of the shop."""

from opskit.loyalty.stages.chain import falls, flows, funnel, months, transitions
from opskit.loyalty.stages.drivers import drivers
from opskit.loyalty.stages.feedback import Survey, by_quarter, choose, trend, unanswered
from opskit.loyalty.stages.figures import plot_flows, plot_steady_state, plot_times, plot_transitions
from opskit.loyalty.stages.figures_value import plot_drivers, plot_scores, plot_values
from opskit.loyalty.stages.key_figures import against, decisions, key_figures
from opskit.loyalty.stages.panel import Panel, current, heard, panel
from opskit.loyalty.stages.rules import STAGES, Basis, Rules, basis, meanings
from opskit.loyalty.stages.times import Times, times
from opskit.loyalty.stages.value import steady_state, values, worth

__all__ = [
    "STAGES",
    "Basis",
    "Panel",
    "Rules",
    "Survey",
    "Times",
    "against",
    "basis",
    "by_quarter",
    "choose",
    "current",
    "decisions",
    "drivers",
    "falls",
    "flows",
    "funnel",
    "heard",
    "key_figures",
    "meanings",
    "months",
    "panel",
    "plot_drivers",
    "plot_flows",
    "plot_scores",
    "plot_steady_state",
    "plot_times",
    "plot_transitions",
    "plot_values",
    "steady_state",
    "times",
    "transitions",
    "trend",
    "unanswered",
    "values",
    "worth",
]
