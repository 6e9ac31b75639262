"""Revenue streams: what customers pay and what others pay, what moved it, and what the coming months may bring."""

from opskit.monetization.revenue_streams.changes import (
    Chain,
    chains,
    changes,
    longest_comparison,
    monthly_changes,
)
from opskit.monetization.revenue_streams.figures import (
    plot_changes,
    plot_mix,
    plot_rates,
    plot_scenario,
    plot_take_rate,
    plot_tornado,
)
from opskit.monetization.revenue_streams.key_figures import decisions, key_figures, leading
from opskit.monetization.revenue_streams.metrics import METRICS, Metric, figure, monthly, recent
from opskit.monetization.revenue_streams.scenario import Scenario, backtest, scenario
from opskit.monetization.revenue_streams.take_rate import take_rates
from opskit.monetization.revenue_streams.totals import Totals, monthly_totals
from opskit.monetization.revenue_streams.tree import tree
from opskit.monetization.revenue_streams.tree_figure import plot_tree

__all__ = [
    "METRICS",
    "Chain",
    "Metric",
    "Scenario",
    "Totals",
    "backtest",
    "chains",
    "changes",
    "decisions",
    "figure",
    "key_figures",
    "leading",
    "longest_comparison",
    "monthly",
    "monthly_changes",
    "monthly_totals",
    "plot_changes",
    "plot_mix",
    "plot_rates",
    "plot_scenario",
    "plot_take_rate",
    "plot_tornado",
    "plot_tree",
    "recent",
    "scenario",
    "take_rates",
    "tree",
]
