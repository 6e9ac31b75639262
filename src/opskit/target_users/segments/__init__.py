"""Segments: who the customers are, by how they buy and what they buy, how uneven they are, and what that tells."""

from opskit.target_users.segments.behaviour import FEATURES, behaviour
from opskit.target_users.segments.claims import claims, paying
from opskit.target_users.segments.clusters import Clusters
from opskit.target_users.segments.figures import (
    plot_index,
    plot_lorenz,
    plot_movement,
    plot_outlook,
    plot_sizes,
)
from opskit.target_users.segments.figures_groups import plot_choice, plot_groups
from opskit.target_users.segments.findings import decisions, key_figures, recovery, where_enough
from opskit.target_users.segments.outlook import Outlook, outlook
from opskit.target_users.segments.profile import attributes, cross, describe
from opskit.target_users.segments.rfm import Rfm, scores
from opskit.target_users.segments.rules import NAMES, cells, guide, level
from opskit.target_users.segments.sizes import change, movement, sizes
from opskit.target_users.segments.tastes import Tastes
from opskit.truth import beside_truth

__all__ = [
    "FEATURES",
    "NAMES",
    "Clusters",
    "Outlook",
    "Rfm",
    "Tastes",
    "attributes",
    "behaviour",
    "beside_truth",
    "cells",
    "change",
    "claims",
    "cross",
    "decisions",
    "describe",
    "guide",
    "key_figures",
    "level",
    "movement",
    "outlook",
    "paying",
    "plot_choice",
    "plot_groups",
    "plot_index",
    "plot_lorenz",
    "plot_movement",
    "plot_outlook",
    "plot_sizes",
    "recovery",
    "scores",
    "sizes",
    "where_enough",
]
