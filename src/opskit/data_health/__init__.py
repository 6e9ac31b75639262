"""The data health page: what is missing, late, repeated or contradictory in a dataset, and what to fix first."""

from opskit.data_health.completeness import by_column, completeness, stopped
from opskit.data_health.figures import plot_completeness, plot_days, plot_violations
from opskit.data_health.freshness import daily_rows, freshness, gaps
from opskit.data_health.key_figures import decisions, key_figures
from opskit.data_health.priorities import priorities
from opskit.data_health.records import customer_files, repeated

__all__ = [
    "by_column",
    "completeness",
    "customer_files",
    "daily_rows",
    "decisions",
    "freshness",
    "gaps",
    "key_figures",
    "plot_completeness",
    "plot_days",
    "plot_violations",
    "priorities",
    "repeated",
    "stopped",
]
