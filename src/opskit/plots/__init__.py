"""One look for every figure: theme, fonts, number formats and shared marks.

Importing this package does not import matplotlib; calling a function does.
"""

from opskit.plots.accuracy import areas_under_curve, gains
from opskit.plots.formats import format_axis, money, number, percent
from opskit.plots.marks import (
    axes,
    band,
    date_axis,
    error_bars,
    label_counts,
    label_lines,
    shade_incomplete,
    statement,
    title,
)
from opskit.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PALETTE,
    PURPLE,
    SEQUENTIAL,
    SKY,
    VERMILLION,
    apply,
    font_families,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "LIGHT",
    "ORANGE",
    "PALETTE",
    "PURPLE",
    "SEQUENTIAL",
    "SKY",
    "VERMILLION",
    "apply",
    "areas_under_curve",
    "axes",
    "band",
    "date_axis",
    "error_bars",
    "font_families",
    "format_axis",
    "gains",
    "label_counts",
    "label_lines",
    "money",
    "number",
    "percent",
    "shade_incomplete",
    "statement",
    "title",
]
