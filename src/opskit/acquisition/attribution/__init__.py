"""Attribution: what every rule credits to every channel, where the rules disagree, and what a lift test says."""

from opskit.acquisition.attribution.credit import chain, credit, disagreement, removal_effects
from opskit.acquisition.attribution.figures import plot_against_tests, plot_credit
from opskit.acquisition.attribution.findings import best, decisions, key_figures
from opskit.acquisition.attribution.lift_tests import OVER, UNDER, UNTOLD, against_tests, lift
from opskit.acquisition.attribution.markov import Chain, conversion_probability
from opskit.acquisition.attribution.paths import RULES, Paths, count_paths
from opskit.acquisition.attribution.touches import with_conversions

__all__ = [
    "OVER",
    "RULES",
    "UNDER",
    "UNTOLD",
    "Chain",
    "Paths",
    "against_tests",
    "best",
    "chain",
    "conversion_probability",
    "count_paths",
    "credit",
    "decisions",
    "disagreement",
    "key_figures",
    "lift",
    "plot_against_tests",
    "plot_credit",
    "removal_effects",
    "with_conversions",
]
