"""The overview page: scale, activity and commercialization from the orders alone."""

from opskit.overview.decisions import active_share, decisions
from opskit.overview.drivers import drivers, leading_driver
from opskit.overview.figures import plot_drivers, plot_objectives, plot_trend, plot_year_over_year
from opskit.overview.key_figures import key_figures
from opskit.overview.metrics import METRICS, Metric, compare, trend, year_over_year
from opskit.overview.totals import complete_months, longest_comparison, monthly_totals, period_totals

__all__ = [
    "METRICS",
    "Metric",
    "active_share",
    "compare",
    "complete_months",
    "decisions",
    "drivers",
    "key_figures",
    "leading_driver",
    "longest_comparison",
    "monthly_totals",
    "period_totals",
    "plot_drivers",
    "plot_objectives",
    "plot_trend",
    "plot_year_over_year",
    "trend",
    "year_over_year",
]
