"""Levels before they are launched: does the product suit them, what would a design have done, which principle does it break."""

from opskit.incentives.level_system.audit import audit
from opskit.incentives.level_system.choice import Choice, chosen, second, usual, without_falls
from opskit.incentives.level_system.comparison import compare
from opskit.incentives.level_system.costs import benefit_costs, money_told, ratios, sums
from opskit.incentives.level_system.design import Benefit, Design, Earn, Goals, Level
from opskit.incentives.level_system.explorer import apart, sensitivity, threshold_sliders
from opskit.incentives.level_system.figures import (
    plot_audit,
    plot_compare,
    plot_costs,
    plot_ladder,
    plot_moves,
    plot_shares,
    plot_times,
)
from opskit.incentives.level_system.findings import decisions, key_figures
from opskit.incentives.level_system.growth import Growth, growth
from opskit.incentives.level_system.measures import at_thresholds, demotions, flows, headroom, shares, times, times_at
from opskit.incentives.level_system.observed import observed, told
from opskit.incentives.level_system.reading import FILE_NAME, read, template, write_template
from opskit.incentives.level_system.recovery import recovery
from opskit.incentives.level_system.replay import Replay, histogram, placed, replay
from opskit.incentives.level_system.suitability import suitability, verdict

__all__ = [
    "FILE_NAME",
    "Benefit",
    "Choice",
    "Design",
    "Earn",
    "Goals",
    "Growth",
    "Level",
    "Replay",
    "apart",
    "at_thresholds",
    "audit",
    "benefit_costs",
    "chosen",
    "compare",
    "decisions",
    "demotions",
    "flows",
    "growth",
    "headroom",
    "histogram",
    "key_figures",
    "money_told",
    "observed",
    "placed",
    "plot_audit",
    "plot_compare",
    "plot_costs",
    "plot_ladder",
    "plot_moves",
    "plot_shares",
    "plot_times",
    "ratios",
    "read",
    "recovery",
    "replay",
    "second",
    "sensitivity",
    "shares",
    "suitability",
    "sums",
    "template",
    "threshold_sliders",
    "times",
    "times_at",
    "told",
    "usual",
    "verdict",
    "without_falls",
    "write_template",
]
