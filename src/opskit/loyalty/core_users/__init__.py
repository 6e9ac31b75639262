"""Core users: who carries the business by money, contributions and invitations, and what stands with them."""

from opskit.loyalty.core_users.components import COMPONENTS, Components, components
from opskit.loyalty.core_users.course import Persistence, by_quarter, persistence
from opskit.loyalty.core_users.figures import (
    plot_core,
    plot_dependency,
    plot_overlap,
    plot_persistence,
    plot_quarters,
    plot_sensitivity,
    plot_spread,
)
from opskit.loyalty.core_users.key_figures import TOP, decisions, key_figures, recovery
from opskit.loyalty.core_users.score import WEIGHTS, core, firmness, normalized, score, sensitivity
from opskit.loyalty.core_users.silence import at_risk, audience, silence
from opskit.loyalty.core_users.tops import Spread, dependency, overlap, spread
from opskit.truth import beside_truth

__all__ = [
    "COMPONENTS",
    "TOP",
    "WEIGHTS",
    "Components",
    "Persistence",
    "Spread",
    "at_risk",
    "audience",
    "beside_truth",
    "by_quarter",
    "components",
    "core",
    "decisions",
    "dependency",
    "firmness",
    "key_figures",
    "normalized",
    "overlap",
    "persistence",
    "plot_core",
    "plot_dependency",
    "plot_overlap",
    "plot_persistence",
    "plot_quarters",
    "plot_sensitivity",
    "plot_spread",
    "recovery",
    "score",
    "sensitivity",
    "silence",
    "spread",
]
