"""Channel scorecard: what each channel costs, what its customers become, and which channels can be told apart."""

from opskit.acquisition.channel_scorecard.cohorts import Cohorts, cohorts, relabelled
from opskit.acquisition.channel_scorecard.cost_figures import (
    plot_break_even,
    plot_marginal,
    plot_media,
    plot_variants,
)
from opskit.acquisition.channel_scorecard.costs import cost_trend, cost_variants, marginal_cost
from opskit.acquisition.channel_scorecard.figures import plot_months, plot_payback, plot_quadrant, plot_returns
from opskit.acquisition.channel_scorecard.findings import decisions, key_figures
from opskit.acquisition.channel_scorecard.media import Touches, break_even, media_of, touches
from opskit.acquisition.channel_scorecard.payback import Payback, payback
from opskit.acquisition.channel_scorecard.ranking import ranking
from opskit.acquisition.channel_scorecard.recovery import beside_truth
from opskit.acquisition.channel_scorecard.scorecard import scorecard
from opskit.acquisition.channel_scorecard.sheet import missing, sheet
from opskit.acquisition.channel_scorecard.sources import Sources, read_values, sources
from opskit.acquisition.channel_scorecard.spending import Spending, spending
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID, weekly

__all__ = [
    "ALL",
    "PAID",
    "Cohorts",
    "Payback",
    "Sources",
    "Spending",
    "Touches",
    "beside_truth",
    "break_even",
    "cohorts",
    "cost_trend",
    "cost_variants",
    "decisions",
    "key_figures",
    "marginal_cost",
    "media_of",
    "missing",
    "payback",
    "plot_break_even",
    "plot_marginal",
    "plot_media",
    "plot_months",
    "plot_payback",
    "plot_quadrant",
    "plot_returns",
    "plot_variants",
    "ranking",
    "read_values",
    "relabelled",
    "scorecard",
    "sheet",
    "sources",
    "spending",
    "touches",
    "weekly",
]
