"""Churn: which customers are about to fall silent, how well that can be told, and whom it pays to contact."""

from opskit.loyalty.churn.action import action_list, expected_net_value, smallest_effect
from opskit.loyalty.churn.costs import Costs, at_stake, costs, net_values, rules, stake_check, threshold
from opskit.loyalty.churn.drivers import directions, drivers, left_shares
from opskit.loyalty.churn.figures import (
    plot_calibration,
    plot_comparison,
    plot_directions,
    plot_drivers,
    plot_error_and_omission,
    plot_gains,
    plot_net_values,
)
from opskit.loyalty.churn.findings import decisions, key_figures
from opskit.loyalty.churn.models import MODELS, Comparison, compare, score
from opskit.loyalty.churn.panel import Panel, panel
from opskit.loyalty.churn.periods import Periods, periods

__all__ = [
    "MODELS",
    "Comparison",
    "Costs",
    "Panel",
    "Periods",
    "action_list",
    "at_stake",
    "compare",
    "costs",
    "decisions",
    "directions",
    "drivers",
    "expected_net_value",
    "key_figures",
    "left_shares",
    "net_values",
    "panel",
    "periods",
    "plot_calibration",
    "plot_comparison",
    "plot_directions",
    "plot_drivers",
    "plot_error_and_omission",
    "plot_gains",
    "plot_net_values",
    "rules",
    "score",
    "smallest_effect",
    "stake_check",
    "threshold",
]
