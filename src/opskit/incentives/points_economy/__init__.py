"""Points as money: a ledger that is exact, what points cost in the end, what is owed for them, who takes advantage."""

from opskit.incentives.points_economy.accounting import NO_VALUE, allocate, recognise
from opskit.incentives.points_economy.breakage import Breakage, breakage, by_cohort, learnt
from opskit.incentives.points_economy.figures import (
    plot_cohorts,
    plot_fate,
    plot_months,
    plot_movement,
    plot_per_revenue,
    plot_rules,
    plot_suspects,
)
from opskit.incentives.points_economy.findings import claims, decisions, key_figures
from opskit.incentives.points_economy.ledger import Ledger, balances, expiry_check, ledger
from opskit.incentives.points_economy.liability import cohorts, cost, movement, opened, outlook
from opskit.incentives.points_economy.pace import Pace, by_month, per_revenue
from opskit.incentives.points_economy.recovery import recovery
from opskit.incentives.points_economy.rules import Applied, apply_rules, given_rules, marked
from opskit.incentives.points_economy.suspects import Suspects, suspects

__all__ = [
    "NO_VALUE",
    "Applied",
    "Breakage",
    "Ledger",
    "Pace",
    "Suspects",
    "allocate",
    "apply_rules",
    "balances",
    "breakage",
    "by_cohort",
    "by_month",
    "claims",
    "cohorts",
    "cost",
    "decisions",
    "expiry_check",
    "given_rules",
    "key_figures",
    "learnt",
    "ledger",
    "marked",
    "movement",
    "opened",
    "outlook",
    "per_revenue",
    "plot_cohorts",
    "plot_fate",
    "plot_months",
    "plot_movement",
    "plot_per_revenue",
    "plot_rules",
    "plot_suspects",
    "recognise",
    "recovery",
    "suspects",
]
