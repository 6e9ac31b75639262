"""Market: how large it may be, where its adoption stands, whether it is changing, and who came early."""

from opskit.target_users.market.adoptions import Adoptions, adopters, adoptions
from opskit.target_users.market.bass import Bass, adopted, adopting
from opskit.target_users.market.change import Change, change, growth
from opskit.target_users.market.classes import Classes, assign, class_value, classes
from opskit.target_users.market.figures import (
    plot_adoptions,
    plot_change,
    plot_class_value,
    plot_sizes,
    plot_tornado,
)
from opskit.target_users.market.findings import Findings, decisions, key_figures, recovery
from opskit.target_users.market.forecast_check import forecast_check
from opskit.target_users.market.ranges import factors
from opskit.target_users.market.size import Simulation, alternatives, fits, simulate
from opskit.target_users.market.thresholds import Thresholds, thresholds

__all__ = [
    "Adoptions",
    "Bass",
    "Change",
    "Classes",
    "Findings",
    "Simulation",
    "Thresholds",
    "adopted",
    "adopters",
    "adopting",
    "adoptions",
    "alternatives",
    "assign",
    "change",
    "class_value",
    "classes",
    "decisions",
    "factors",
    "fits",
    "forecast_check",
    "growth",
    "key_figures",
    "plot_adoptions",
    "plot_change",
    "plot_class_value",
    "plot_sizes",
    "plot_tornado",
    "recovery",
    "simulate",
    "thresholds",
]
