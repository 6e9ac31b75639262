"""Retention: which customers stay, from when on, and what the rules of thumb about it are worth on one's own data."""

from opskit.loyalty.retention.cohorts import cohorts, curves
from opskit.loyalty.retention.figures import (
    plot_cohorts,
    plot_growth,
    plot_hazard,
    plot_intervals,
    plot_repeat,
    plot_retention,
)
from opskit.loyalty.retention.first_month import FirstMonth, first_month
from opskit.loyalty.retention.repeat import Hazard, Repeat, hazard, repeat_probability

__all__ = [
    "FirstMonth",
    "Hazard",
    "Repeat",
    "cohorts",
    "curves",
    "first_month",
    "hazard",
    "plot_cohorts",
    "plot_growth",
    "plot_hazard",
    "plot_intervals",
    "plot_repeat",
    "plot_retention",
    "repeat_probability",
]
