"""Win-back: who has dozed off by their own rhythm, whom it pays to wake, and what waking really adds."""

from opskit.loyalty.win_back.actives import Actives, actives, cost_per_customer, monthly_costs
from opskit.loyalty.win_back.contacts import Waves, balance, lift, repayment, waves
from opskit.loyalty.win_back.dormancy import LIMITS, TIERS, came_back, dormancy, tier_counts
from opskit.loyalty.win_back.figures import (
    plot_actives,
    plot_came_back,
    plot_costs,
    plot_flow,
    plot_lift,
    plot_tiers,
    plot_wake_list,
)
from opskit.loyalty.win_back.flows import FLOWS, Flow, flow
from opskit.loyalty.win_back.key_figures import TABLES, against_truth, contact_cost, decisions, key_figures
from opskit.loyalty.win_back.rhythm import PurchaseRhythm
from opskit.loyalty.win_back.wake_list import WakeList, Worth, detectable, expected_total, order_worth, wake_list

__all__ = [
    "FLOWS",
    "LIMITS",
    "TABLES",
    "TIERS",
    "Actives",
    "Flow",
    "PurchaseRhythm",
    "WakeList",
    "Waves",
    "Worth",
    "actives",
    "against_truth",
    "balance",
    "came_back",
    "contact_cost",
    "cost_per_customer",
    "decisions",
    "detectable",
    "dormancy",
    "expected_total",
    "flow",
    "key_figures",
    "lift",
    "monthly_costs",
    "order_worth",
    "plot_actives",
    "plot_came_back",
    "plot_costs",
    "plot_flow",
    "plot_lift",
    "plot_tiers",
    "plot_wake_list",
    "repayment",
    "tier_counts",
    "wake_list",
    "waves",
]
