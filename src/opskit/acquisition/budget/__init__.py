"""Budget: what the next sign-up costs in each channel, and whether moving money is worth it."""

from opskit.acquisition.budget.allocation import (
    Allocation,
    allocate,
    bounds,
    costs,
    outcomes,
    slope,
    split,
    totals,
    what_if,
)
from opskit.acquisition.budget.checks import beside_truth, by_week, hold_out, residuals, weekly
from opskit.acquisition.budget.curves import IDENTIFIED, RECORDED, TOTAL, Curves, curves
from opskit.acquisition.budget.evidence import Incremental, credited, finished, incremental, known
from opskit.acquisition.budget.figures import plot_allocation, plot_costs, plot_curves, plot_incremental, plot_weeks
from opskit.acquisition.budget.findings import decisions, key_figures, sheet
from opskit.acquisition.budget.response import Fit, Known, adstock, fit, saturation
from opskit.acquisition.budget.season import season
from opskit.acquisition.budget.series import FIRST_ORDERS, SIGN_UPS, Series, Tables, series, tables

__all__ = [
    "FIRST_ORDERS",
    "IDENTIFIED",
    "RECORDED",
    "SIGN_UPS",
    "TOTAL",
    "Allocation",
    "Curves",
    "Fit",
    "Incremental",
    "Known",
    "Series",
    "Tables",
    "adstock",
    "allocate",
    "beside_truth",
    "bounds",
    "by_week",
    "costs",
    "credited",
    "curves",
    "decisions",
    "finished",
    "fit",
    "hold_out",
    "incremental",
    "key_figures",
    "known",
    "outcomes",
    "plot_allocation",
    "plot_costs",
    "plot_curves",
    "plot_incremental",
    "plot_weeks",
    "residuals",
    "saturation",
    "season",
    "series",
    "sheet",
    "slope",
    "split",
    "tables",
    "totals",
    "weekly",
    "what_if",
]
