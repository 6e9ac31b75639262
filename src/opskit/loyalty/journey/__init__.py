"""The journey: where customers and leads are lost on the way, what a step is worth, and how satisfied they are there."""

from opskit.loyalty.journey.figures import (
    duration,
    plot_funnel,
    plot_leaks,
    plot_satisfaction,
    plot_segments,
    plot_waiting,
)
from opskit.loyalty.journey.figures_leads import plot_ageing, plot_holdout
from opskit.loyalty.journey.forecast import forecast, holdout
from opskit.loyalty.journey.funnel import Walk, funnel, walk
from opskit.loyalty.journey.key_figures import decisions, goal, key_figures
from opskit.loyalty.journey.leads import conversion
from opskit.loyalty.journey.leaks import leaks
from opskit.loyalty.journey.pipeline import Pipeline, overdue, pipeline
from opskit.loyalty.journey.satisfaction import about_steps, by_wait, next_orders, satisfaction
from opskit.loyalty.journey.segments import segments
from opskit.loyalty.journey.steps import (
    ORDER_STEPS,
    STAGES,
    STEPS,
    Source,
    known_steps,
    lead_actions,
    order_actions,
    source,
)
from opskit.loyalty.journey.waiting import Waiting, waiting

__all__ = [
    "ORDER_STEPS",
    "STAGES",
    "STEPS",
    "Pipeline",
    "Source",
    "Waiting",
    "Walk",
    "about_steps",
    "by_wait",
    "conversion",
    "decisions",
    "duration",
    "forecast",
    "funnel",
    "goal",
    "holdout",
    "key_figures",
    "known_steps",
    "lead_actions",
    "leaks",
    "next_orders",
    "order_actions",
    "overdue",
    "pipeline",
    "plot_ageing",
    "plot_funnel",
    "plot_holdout",
    "plot_leaks",
    "plot_satisfaction",
    "plot_segments",
    "plot_waiting",
    "satisfaction",
    "segments",
    "source",
    "waiting",
    "walk",
]
