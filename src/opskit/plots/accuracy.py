"""Marks for figures that judge a prediction."""

from typing import TYPE_CHECKING

from opskit.plots.formats import format_axis, percent
from opskit.plots.marks import band, error_bars
from opskit.plots.style import BLUE, GREY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def areas_under_curve(ax: "Axes", table: "pd.DataFrame", *, dark: str, decimals: int = 2) -> None:
    """A line a model, the first on top: its area under the ROC curve with the interval; chance is dashed.

    Args:
        ax: To draw on.
        table: name, roc_auc, low, high; label where the axis shall say more than the name.
        dark: Name of the one to look at.
        decimals: Of the figures written at the points.
    """
    rows = table.iloc[::-1].reset_index(drop=True)
    colors = [BLUE if name == dark else GREY for name in rows["name"]]
    ax.axvline(0.5, color=GREY, linewidth=1, linestyle="--")
    for place, (row, color) in enumerate(zip(rows.to_dict("records"), colors, strict=True)):
        error_bars(ax, [place], [row["low"]], [row["high"]], horizontal=True, color=color)
        text = f"{row['roc_auc']:.{decimals}f}"
        ax.annotate(text, (row["roc_auc"], place), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9)
    ax.scatter(rows["roc_auc"], rows.index, color=colors, s=60, zorder=4)
    ax.set_yticks(rows.index, rows["label"] if "label" in rows else rows["name"])
    left = min(0.45, float(rows["low"].min()) - 0.02)
    ax.set(xlim=(left, 1), ylim=(-0.5, len(rows) - 0.3), xlabel="area under the curve (0.5 is chance)")
    ax.grid(visible=False, axis="y")


def gains(ax: "Axes", table: "pd.DataFrame", *, label: str) -> None:
    """Share found among the highest scores, with its band, over the diagonal of a random order.

    Args:
        ax: To draw on.
        table: From `features.gains`: share, captured, low, high.
        label: What the order follows.
    """
    share = [0.0, *table["share"]]
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="at random")
    ax.plot(share, [0.0, *table["captured"]], color=BLUE, marker="o", markersize=4, label=label)
    band(ax, share, [0.0, *table["low"]], [0.0, *table["high"]])
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    format_axis(ax.xaxis, percent)
    format_axis(ax.yaxis, percent)
    ax.legend(frameon=False, loc="lower right", fontsize=9)
