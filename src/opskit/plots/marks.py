"""Marks that the pages share: titles that state a finding, intervals, dates, labels beside their lines."""

import unicodedata
from typing import TYPE_CHECKING, Any

from opskit.plots.formats import number
from opskit.plots.style import BLACK, BLUE, GREY, apply

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_POINTS = 12
_DETAIL_POINTS = 9
_LINE_HEIGHT = 1.35


def axes(ax: "Axes | None" = None, *, size: tuple[float, float] = (8, 4.5)) -> "Axes":
    """The Axes to draw on, with the theme applied.

    Args:
        ax: Draw here; None makes a figure of its own.
        size: Width and height in inches of a new figure.
    """
    import matplotlib.pyplot as plt

    apply()
    if ax is not None:
        return ax
    _figure, new = plt.subplots(figsize=size)
    return new


def title(ax: "Axes", finding: str, detail: str = "") -> None:
    """Put the finding above the figure in bold and, below it, what was counted.

    Args:
        ax: The Axes to name.
        finding: The sentence that the figure shows, computed from its numbers.
        detail: Denominator, period, interval; smaller.
    """
    # The layout, made when the figure is drawn, gives the Axes about a tenth more width than they have now.
    inches = 1.1 * _figure(ax).get_size_inches()[0] * ax.get_position().width
    # Letters of DejaVu Sans are about 0.52 of the font size wide, bold ones 0.57.
    finding = wrap(finding, width=int(inches * 72 / (0.58 * _TITLE_POINTS)))
    detail = wrap(detail, width=int(inches * 72 / (0.53 * _DETAIL_POINTS))) if detail else ""
    lines = detail.count("\n") + 1 if detail else 0
    ax.set_title(finding, loc="left", pad=10 + lines * _DETAIL_POINTS * _LINE_HEIGHT, fontsize=_TITLE_POINTS)
    if detail:
        ax.annotate(
            detail,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 7),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=_DETAIL_POINTS,
            color=GREY,
            linespacing=1.2,
        )


def wrap(text: str, *, width: int) -> str:
    r"""Break a text into lines of at most ``width`` Latin letters; a Chinese character counts as two.

    >>> wrap("Net revenue fell 12% 主要因为新客减少", width=20)
    'Net revenue fell 12%\n主要因为新客减少'
    """
    lines: list[str] = [""]
    for word in _words(text):
        if lines[-1] and _columns(lines[-1]) + _columns(word.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += word
    return "\n".join(lines).rstrip()


def band(ax: "Axes", x: Any, low: Any, high: Any, *, color: str = BLUE) -> None:
    """Shade the interval around a line."""
    ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)


def error_bars(
    ax: "Axes", positions: Any, low: Any, high: Any, *, horizontal: bool = False, color: str = BLACK
) -> None:
    """Draw intervals as thin bars; a missing bound draws nothing."""
    draw = ax.hlines if horizontal else ax.vlines
    draw(positions, low, high, color=color, linewidth=1.2, zorder=3)


def label_counts(ax: "Axes", positions: Any, heights: Any, counts: Any) -> None:
    """Write n above points: what each of them counts.

    Args:
        ax: The Axes of the points.
        positions: Where they are along the x-axis.
        heights: What to stand above: their values, or the high ends of their intervals.
        counts: How many each of them counts.
    """
    for position, height, n in zip(positions, heights, counts, strict=True):
        ax.annotate(
            f"n={number(n)}",
            (position, height),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=GREY,
        )


def date_axis(ax: "Axes") -> None:
    """Short date labels along the x-axis, the year written only where it changes."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=9)
    formatter = ConciseDateFormatter(locator, show_offset=False)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)


def label_lines(ax: "Axes") -> None:
    """Write each line's label at its last point, pushed apart where they would overlap; call it last.

    Labels are matplotlib's own (``ax.plot(..., label="new")``); a line without one stays unnamed.
    """
    import numpy as np

    ends: list[tuple[float, float, str, Any]] = []
    for line in ax.get_lines():
        x, y = np.asarray(line.get_xdata(orig=False), float), np.asarray(line.get_ydata(orig=False), float)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        name = str(line.get_label())
        if len(known) and name and not name.startswith("_"):
            across, up = ax.transData.transform((x[known[-1]], y[known[-1]]))
            ends.append((float(up), float(across), name, line.get_color()))
    figure, right = _figure(ax), ax.bbox.x1
    gap = 1.4 * _DETAIL_POINTS * figure.dpi / 72
    free = -np.inf
    for up, across, name, color in sorted(ends, key=lambda end: end[0]):
        free = max(up, free + gap)
        # A line that ends near the right edge is named outside it, clear of other marks.
        beside = right if across > right - 0.1 * ax.bbox.width else across
        x_place, y_place = ax.transAxes.inverted().transform((beside, free))
        ax.annotate(
            name,
            xy=(float(x_place), float(y_place)),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=_DETAIL_POINTS,
            color=color,
        )


def shade_incomplete(ax: "Axes", start: Any, end: Any, text: str = "incomplete") -> None:
    """Grey out a period that is not over yet, so that nobody reads its shortfall as a fall."""
    ax.axvspan(start, end, color="#F0F0F0", zorder=0)
    ax.annotate(
        text,
        xy=(end, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-2, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        rotation=90,
        fontsize=8,
        color=GREY,
    )


def statement(ax: "Axes", text: str) -> None:
    """Say in words why there is nothing to draw, instead of showing an empty frame."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, wrap(text, width=60), transform=ax.transAxes, ha="center", va="center", color=GREY)


def _figure(ax: "Axes") -> "Figure":
    figure = ax.get_figure(root=True)
    assert figure is not None, "the Axes belongs to no figure"
    return figure


def _words(text: str) -> list[str]:
    """Units that a line must not be broken inside: Latin words with their space, single wide characters."""
    words: list[str] = [""]
    for letter in text:
        if _columns(letter) == 2 or words[-1].endswith(" ") or (words[-1] and _columns(words[-1][-1]) == 2):
            words.append("")
        words[-1] += letter
    return words


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
