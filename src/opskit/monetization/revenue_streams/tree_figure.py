"""The picture of the driver tree."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.monetization.revenue_streams.figures import small_axes
from opskit.monetization.revenue_streams.totals import ALL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_ACROSS = (0.0, 0.21, 0.41, 0.72)  # left edge of each depth
_WIDTH = (0.18, 0.17, 0.28, 0.28)


def plot_tree(tree: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Total, sides, streams and drivers of `tree` as boxes; what has moved is orange and tells both numbers."""
    leaves = tree[tree["depth"] == 3]
    ax = small_axes(ax, size=(9, 0.6 + 0.29 * max(len(leaves), 4)))
    if tree.empty:
        plots.statement(ax, "Fewer than six complete months: there is no scenario to take apart.")
        return ax
    ax.set_axis_off()
    heights = _heights(tree)
    parents = {key: at for key, at in heights.items() if key[3] == ""}
    for (depth, side, stream, _), height in heights.items():
        parent = (2, side, stream, "") if depth == 3 else (1, side, ALL, "") if depth == 2 else (0, "all", ALL, "")
        if depth and parent in parents:
            _link(ax, depth, parents[parent], height)
    for row in tree.to_dict("records"):
        _box(ax, row, heights[row["depth"], row["side"], row["stream"], row["driver"]])
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.6, max(heights.values()) + 0.6))
    ax.invert_yaxis()
    total = tree[tree["depth"] == 0].iloc[0]
    finding = f"The scenario's centre: {plots.money(total['revenue'], currency)}"
    if abs(total["moved"] - total["revenue"]) > 1e-9 * abs(total["revenue"]):
        change = total["moved"] / total["revenue"] - 1
        sign = "+" if change > 0 else ""
        finding = f"{finding} becomes {plots.money(total['moved'], currency)} ({sign}{plots.percent(change)})"
    plots.title(
        ax, finding, "coming months; a stream is the product of its drivers and of active customers; rates a month"
    )
    return ax


def _heights(tree: "pd.DataFrame") -> dict[tuple[int, str, str, str], float]:
    """Drivers below each other; everything else at the middle of what it is made of."""
    heights: dict[tuple[int, str, str, str], float] = {}
    place = 0.0
    for row in tree[tree["depth"] == 3].to_dict("records"):
        heights[3, row["side"], row["stream"], row["driver"]] = place
        place += 1
    for depth in (2, 1, 0):
        for row in tree[tree["depth"] == depth].to_dict("records"):
            below = [
                at
                for key, at in heights.items()
                if key[0] == depth + 1
                and (depth == 0 or key[1] == row["side"])
                and (depth != 2 or key[2] == row["stream"])
            ]
            heights[depth, row["side"], row["stream"], ""] = sum(below) / len(below) if below else place
            place += 0 if below else 1
    return heights


def _link(ax: "Axes", depth: int, start: float, end: float) -> None:
    left, right = _ACROSS[depth - 1] + _WIDTH[depth - 1], _ACROSS[depth]
    middle = (left + right) / 2
    ax.plot([left, middle, middle, right], [start, start, end, end], color=plots.LIGHT, linewidth=1.2, zorder=1)


def _box(ax: "Axes", row: dict[Any, Any], height: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    value = row["level"] if row["depth"] == 3 else row["revenue"]
    moved = abs(row["moved"] - value) > 1e-9 * abs(value)
    side = {"front": plots.BLUE, "back": plots.ORANGE}.get(row["side"], plots.GREY)
    color = plots.VERMILLION if moved else side
    left, width = _ACROSS[row["depth"]], _WIDTH[row["depth"]]
    box = FancyBboxPatch((left, height - 0.36), width, 0.72, boxstyle="round,pad=0,rounding_size=0.01",
                         facecolor="#FFF3EC" if moved else "white", edgecolor=color, linewidth=1.4, zorder=2)  # fmt: skip
    ax.add_patch(box)
    name = (
        row["driver"]
        if row["depth"] == 3
        else row["stream"]
        if row["depth"] == 2
        else f"{row['side']} end"
        if row["depth"]
        else "revenue"
    )
    number = _text(value, row["driver"])
    if moved:
        number = f"{number} → {_text(row['moved'], row['driver'])}"
    ax.text(left + 0.008, height, name, va="center", ha="left", fontsize=7, color=plots.BLACK, zorder=3)
    ax.text(left + width - 0.008, height, number, va="center", ha="right", fontsize=7, color=color, zorder=3)


def _text(value: float, driver: str) -> str:
    return plots.percent(value) if driver in {"paying rate", "take rate"} else plots.number(value)
