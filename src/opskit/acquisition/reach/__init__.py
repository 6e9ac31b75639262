"""Reach: whom the channels touch together, what each adds, and how many messages a week are too many."""

from opskit.acquisition.reach.audiences import SOURCES, Audiences, audiences, by_window, spent
from opskit.acquisition.reach.cap import NARROWED, TOLD, UNTOLD, Cap, cap, sensitivity
from opskit.acquisition.reach.claims import claims
from opskit.acquisition.reach.fatigue import factors, rates_by_arm
from opskit.acquisition.reach.figures import plot_cap, plot_overlap, plot_rates, plot_reach
from opskit.acquisition.reach.findings import decisions, key_figures
from opskit.acquisition.reach.frequency import USES, Frequency, frequency
from opskit.acquisition.reach.incremental import incremental
from opskit.acquisition.reach.lot import balance, believed
from opskit.acquisition.reach.messages import media, messages, opt_outs_known, usual_medium
from opskit.acquisition.reach.observed import MEASURES, observed, observed_rates
from opskit.acquisition.reach.overlap import by_channel, overlap, together
from opskit.acquisition.reach.recovery import recovery
from opskit.acquisition.reach.sizes import customers_needed
from opskit.acquisition.reach.trial import Trial, trial

__all__ = [
    "MEASURES",
    "NARROWED",
    "SOURCES",
    "TOLD",
    "UNTOLD",
    "USES",
    "Audiences",
    "Cap",
    "Frequency",
    "Trial",
    "audiences",
    "balance",
    "believed",
    "by_channel",
    "by_window",
    "cap",
    "claims",
    "customers_needed",
    "decisions",
    "factors",
    "frequency",
    "incremental",
    "key_figures",
    "media",
    "messages",
    "observed",
    "observed_rates",
    "opt_outs_known",
    "overlap",
    "plot_cap",
    "plot_overlap",
    "plot_rates",
    "plot_reach",
    "rates_by_arm",
    "recovery",
    "sensitivity",
    "spent",
    "together",
    "trial",
    "usual_medium",
]
