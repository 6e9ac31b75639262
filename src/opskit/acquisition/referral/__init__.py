"""Referral: how many come through others, how fast and how many more they bring, what they are worth, who brings them."""

from opskit.acquisition.referral.cycle import NAIVE, NAIVE_WITHIN, Cycle, cycle_time
from opskit.acquisition.referral.figures import (
    plot_break_even,
    plot_by_spending,
    plot_compare,
    plot_concentration,
    plot_cycle,
    plot_k,
    plot_k_by_month,
    plot_share,
)
from opskit.acquisition.referral.findings import CLAIMED_SHARE, claims, decisions, key_figures
from opskit.acquisition.referral.growth import k_by_month, k_factor, referred_share, share_by_month
from opskit.acquisition.referral.invitations import per_invitation
from opskit.acquisition.referral.inviters import by_spending, by_tenure, concentration, top_inviters
from opskit.acquisition.referral.links import DAYS, Links, links
from opskit.acquisition.referral.rates import brought_per
from opskit.acquisition.referral.recovery import recovery
from opskit.acquisition.referral.value import anyway_at_most, break_even, compare, reward, sheet

__all__ = [
    "CLAIMED_SHARE",
    "DAYS",
    "NAIVE",
    "NAIVE_WITHIN",
    "Cycle",
    "Links",
    "anyway_at_most",
    "break_even",
    "brought_per",
    "by_spending",
    "by_tenure",
    "claims",
    "compare",
    "concentration",
    "cycle_time",
    "decisions",
    "k_by_month",
    "k_factor",
    "key_figures",
    "links",
    "per_invitation",
    "plot_break_even",
    "plot_by_spending",
    "plot_compare",
    "plot_concentration",
    "plot_cycle",
    "plot_k",
    "plot_k_by_month",
    "plot_share",
    "recovery",
    "referred_share",
    "reward",
    "share_by_month",
    "sheet",
    "top_inviters",
]
