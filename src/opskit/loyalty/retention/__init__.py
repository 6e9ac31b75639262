"""Retention: which customers stay, from when on, and what the rules of thumb about it are worth on one's own data."""

from opskit.loyalty.retention.cohorts import cohorts, curves
from opskit.loyalty.retention.decisions import decisions
from opskit.loyalty.retention.differences import LogRank, log_rank
from opskit.loyalty.retention.figures import (
    plot_cohorts,
    plot_growth,
    plot_hazard,
    plot_intervals,
    plot_repeat,
    plot_retention,
)
from opskit.loyalty.retention.first_month import FirstMonth, first_month
from opskit.loyalty.retention.key_figures import key_figures
from opskit.loyalty.retention.occasions import occasions, usual_event
from opskit.loyalty.retention.repeat import Hazard, Repeat, hazard, repeat_probability
from opskit.loyalty.retention.sensitivity import sensitivity
from opskit.loyalty.retention.staying import Staying, staying
from opskit.loyalty.retention.staying_figures import plot_staying, plot_stickiness
from opskit.loyalty.retention.stickiness import Stickiness, stickiness

__all__ = [
    "FirstMonth",
    "Hazard",
    "LogRank",
    "Repeat",
    "Staying",
    "Stickiness",
    "cohorts",
    "curves",
    "decisions",
    "first_month",
    "hazard",
    "key_figures",
    "log_rank",
    "occasions",
    "plot_cohorts",
    "plot_growth",
    "plot_hazard",
    "plot_intervals",
    "plot_repeat",
    "plot_retention",
    "plot_staying",
    "plot_stickiness",
    "repeat_probability",
    "sensitivity",
    "staying",
    "stickiness",
    "usual_event",
]
