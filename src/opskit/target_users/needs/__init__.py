"""Needs: which one is a must, what features do, who could become a customer, and in which scenes to meet them."""

from opskit.target_users.needs.choices import Choices, comparisons, from_wins, rankings
from opskit.target_users.needs.figures import plot_classes, plot_kano, plot_segments, plot_worths
from opskit.target_users.needs.figures_map import plot_first, plot_non_customers, plot_scenarios
from opskit.target_users.needs.findings import Findings, decisions, key_figures, recovery
from opskit.target_users.needs.kano import Kano, kano
from opskit.target_users.needs.non_customers import NonCustomers, non_customers, of_attributes
from opskit.target_users.needs.order import by_segment, first_places, ratings, readings, together
from opskit.target_users.needs.parts import Parts
from opskit.target_users.needs.scenarios import Scenarios, candidates, scenarios
from opskit.target_users.needs.sheets import kano_sheet, ranked_sheet, said
from opskit.target_users.needs.worth import Worths, worths

__all__ = [
    "Choices",
    "Findings",
    "Kano",
    "NonCustomers",
    "Parts",
    "Scenarios",
    "Worths",
    "by_segment",
    "candidates",
    "comparisons",
    "decisions",
    "first_places",
    "from_wins",
    "kano",
    "kano_sheet",
    "key_figures",
    "non_customers",
    "of_attributes",
    "plot_classes",
    "plot_first",
    "plot_kano",
    "plot_non_customers",
    "plot_scenarios",
    "plot_segments",
    "plot_worths",
    "ranked_sheet",
    "rankings",
    "ratings",
    "readings",
    "recovery",
    "said",
    "scenarios",
    "together",
    "worths",
]
