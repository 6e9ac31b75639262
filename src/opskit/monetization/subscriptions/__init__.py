"""Subscriptions: how long contracts last, what revenue recurs, and what a contract is worth."""

from opskit.monetization.subscriptions.claims import claims
from opskit.monetization.subscriptions.contracts import account, durations
from opskit.monetization.subscriptions.figures import (
    plot_holdout,
    plot_movements,
    plot_renewal_rates,
    plot_residual_value,
    plot_survival,
    plot_value,
)
from opskit.monetization.subscriptions.key_figures import decisions, key_figures
from opskit.monetization.subscriptions.recurring_revenue import Movements, movements, revenue_retention
from opskit.monetization.subscriptions.renewals import Fits, Holdout, fit_groups, holdout, renewal_table
from opskit.monetization.subscriptions.shifted_beta_geometric import ShiftedBetaGeometric
from opskit.monetization.subscriptions.spells import spells
from opskit.monetization.subscriptions.value import LifetimeValue, compare_values, lifetime_value

__all__ = [
    "Fits",
    "Holdout",
    "LifetimeValue",
    "Movements",
    "ShiftedBetaGeometric",
    "account",
    "claims",
    "compare_values",
    "decisions",
    "durations",
    "fit_groups",
    "holdout",
    "key_figures",
    "lifetime_value",
    "movements",
    "plot_holdout",
    "plot_movements",
    "plot_renewal_rates",
    "plot_residual_value",
    "plot_survival",
    "plot_value",
    "renewal_table",
    "revenue_retention",
    "spells",
]
