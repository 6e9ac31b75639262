"""Lifetime value: who will buy again, how often, and what that is worth; and whether such forecasts come true."""

from opskit.monetization.lifetime_value.bg_nbd import BGNBD
from opskit.monetization.lifetime_value.claims import claims
from opskit.monetization.lifetime_value.contractual import contractual, refuse_contractual
from opskit.monetization.lifetime_value.contribution import Margin, margin
from opskit.monetization.lifetime_value.figures import (
    plot_holdout,
    plot_independence,
    plot_outlook,
    plot_ranking,
    plot_tracking,
    plot_weekly,
)
from opskit.monetization.lifetime_value.findings import decisions, key_figures
from opskit.monetization.lifetime_value.forecast_check import ForecastCheck, Models, check_forecast, fit
from opskit.monetization.lifetime_value.gamma_gamma import GammaGamma
from opskit.monetization.lifetime_value.independence import Independence, independence
from opskit.monetization.lifetime_value.money_figures import plot_economics, plot_payback, plot_value_shares
from opskit.monetization.lifetime_value.outlook import audience, customers_alive, outlook, value_shares
from opskit.monetization.lifetime_value.payback import Payback, payback
from opskit.monetization.lifetime_value.sources import Sources, sources
from opskit.monetization.lifetime_value.summary import summary
from opskit.monetization.lifetime_value.tracking import tracking
from opskit.monetization.lifetime_value.unit_economics import unit_economics
from opskit.monetization.lifetime_value.validation import Holdout, calibration_end, holdout
from opskit.monetization.lifetime_value.value import LifetimeValue, lifetime_value

__all__ = [
    "BGNBD",
    "ForecastCheck",
    "GammaGamma",
    "Holdout",
    "Independence",
    "LifetimeValue",
    "Margin",
    "Models",
    "Payback",
    "Sources",
    "audience",
    "calibration_end",
    "check_forecast",
    "claims",
    "contractual",
    "customers_alive",
    "decisions",
    "fit",
    "holdout",
    "independence",
    "key_figures",
    "lifetime_value",
    "margin",
    "outlook",
    "payback",
    "plot_economics",
    "plot_holdout",
    "plot_independence",
    "plot_outlook",
    "plot_payback",
    "plot_ranking",
    "plot_tracking",
    "plot_value_shares",
    "plot_weekly",
    "refuse_contractual",
    "sources",
    "summary",
    "tracking",
    "unit_economics",
    "value_shares",
]
