"""Figures of the stages: the flows between them, the moves as a table, the time to come to each, where the moves lead."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.loyalty.stages.rules import STAGES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.loyalty.stages.times import Times

SHADES = ("#C9CDD2", "#9CC4E4", "#4A90C8", "#1B62A5", "#0A2F63")
_WIDTH, _PAD = 0.09, 0.05  # of a column, and of the space between two stages as a share of the height


class _Place(NamedTuple):
    """Where a stage stands in a column."""

    bottom: float
    height: float


def plot_flows(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Customers at each stage month by month, and who moved up or fell back in between, from `flows`.

    The stage none, which holds most customers, is drawn only as wide as its moves; its number stands beside it.
    """
    ax = plots.axes(ax, size=(7.8, 4))
    shown = table.assign(before=table["before"].replace("new", "none"))
    moves = [part for _, part in shown.groupby("month")]
    if (
        not table.loc[table["stage"] != "none", "customers"].sum()
        + table.loc[~table["before"].isin(["new", "none"]), "customers"].sum()
    ):
        plots.statement(ax, "Nobody has a habit yet: there is no move to show.")
        return ax
    sizes = [_sizes(moves[0], "before"), *(_sizes(part, "stage") for part in moves)]
    grids = [_grid(part) for part in moves]
    open_end = 1.1 * max(max(sum(row[0] for row in grid[1:]), sum(grid[0][1:])) for grid in grids)
    columns = _stack(sizes, max(open_end, 1.0))
    for place, grid in enumerate(grids):
        _ribbons(ax, place, grid, columns[place], columns[place + 1])
    for place, column in enumerate(columns):
        for stage, (bottom, height) in enumerate(column):
            ax.bar(place, height, 2 * _WIDTH, bottom, color=SHADES[stage], zorder=3, linewidth=0)
    _labels(ax, table, columns, sizes)
    up, down = (int(shown.loc[way, "customers"].sum()) for way in (_higher(shown) > 0, _higher(shown) < 0))
    fell = shown[_higher(shown) < 0].groupby(["before", "stage"])["customers"].sum()
    finding = f"{up:,} moves up and {down:,} back in {len(moves)} months"
    if down:
        worst = fell.sort_values(ascending=False, kind="stable").reset_index().iloc[0]
        finding += f"; most falls go from {worst['before']} to {worst['stage']}"
    plots.title(
        ax,
        finding,
        "customers at each month's end; green: moved up; orange: fell back; blue: stayed; none is not to scale",
    )
    return ax


def _higher(table: "pd.DataFrame") -> "pd.Series[Any]":
    place = {stage: at for at, stage in enumerate(STAGES)}
    return table["stage"].map(place) - table["before"].map(place)


def _sizes(part: "pd.DataFrame", side: str) -> list[int]:
    return [int(part.loc[part[side] == stage, "customers"].sum()) for stage in STAGES]


def _grid(part: "pd.DataFrame") -> list[list[float]]:
    cells = part.groupby(["before", "stage"])["customers"].sum()
    return [[float(cells.get((before, stage), 0)) for stage in STAGES] for before in STAGES]


def _stack(sizes: list[list[int]], none: float) -> list[list[_Place]]:
    """Stages above each other, none at the bottom, with equal spaces."""
    gap = _PAD * max(sum(size[1:]) + none for size in sizes)
    columns: list[list[_Place]] = []
    for size in sizes:
        bottom, column = 0.0, []
        for height in (none, *size[1:]):
            column.append(_Place(bottom, float(height)))
            bottom += height + gap
        columns.append(column)
    return columns


def _ribbons(ax: "Axes", place: int, grid: list[list[float]], left: list[_Place], right: list[_Place]) -> None:
    """Bands from each stage to each, stacked at both ends in the order of the stages."""
    leaving = [column.bottom for column in left]
    arriving = [column.bottom for column in right]
    stays = max(left[0].height - sum(grid[0][1:]), 0.0)
    for before in range(len(STAGES)):
        for stage in range(len(STAGES)):
            size = stays if before == stage == 0 else grid[before][stage]
            if size:
                color, alpha, order = SHADES[before], 0.38, 1
                if stage != before:
                    color, alpha, order = (plots.GREEN if stage > before else plots.VERMILLION), 0.62, 2
                end = min(size, right[0].height) if before == stage == 0 else size
                _ribbon(
                    ax,
                    (place + _WIDTH, leaving[before], size),
                    (place + 1 - _WIDTH, arriving[stage], end),
                    color,
                    alpha,
                    order,
                )
                leaving[before] += size
                arriving[stage] += 0 if before == stage == 0 else size
        if before == 0:  # what comes back to none meets it at the top
            back = sum(row[0] for row in grid[1:])
            arriving[0] = right[0].bottom + right[0].height - back


def _ribbon(
    ax: "Axes",
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    color: str,
    alpha: float,
    order: int,
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x0, y0, h0), (x1, y1, h1) = start, end
    middle = (x0 + x1) / 2
    points = [
        (x0, y0), (middle, y0), (middle, y1), (x1, y1),
        (x1, y1 + h1), (middle, y1 + h1), (middle, y0 + h0), (x0, y0 + h0), (x0, y0),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(points, codes), facecolor=color, alpha=alpha, linewidth=0, zorder=order))


def _labels(ax: "Axes", table: "pd.DataFrame", columns: list[list[_Place]], sizes: list[list[int]]) -> None:
    import pandas as pd

    top = max(column[-1].bottom + column[-1].height for column in columns)
    for at, side, align in ((0, -1, "right"), (len(columns) - 1, 1, "left")):
        free = float("-inf")
        for stage, (bottom, height) in enumerate(columns[at]):
            middle = max(bottom + height / 2, free)
            free = middle + 0.055 * top
            name = f"{sizes[at][stage]:,}" if side < 0 else f"{STAGES[stage]}  {sizes[at][stage]:,}"
            color = plots.GREY if stage == 0 else SHADES[max(stage, 2)]
            ax.text(
                at + side * (_WIDTH + 0.05),
                middle,
                name,
                ha=align,
                va="center",
                fontsize=10,
                color=color,
                fontweight="bold",
            )
    ends = sorted(table["month"].unique())
    names = [
        f"{pd.Timestamp(ends[0]) - pd.Timedelta(days=1):%Y-%m}",
        *(f"{pd.Timestamp(month):%Y-%m}" for month in ends),
    ]
    ax.set_xticks(range(len(columns)), names, color=plots.BLACK)
    ax.set(xlim=(-0.45, len(columns) - 1 + 0.95), ylim=(-0.02 * top, 1.02 * top))
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def plot_transitions(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Probability of each move from one month's end to the next, from `transitions`."""
    import numpy as np

    ax = plots.axes(ax, size=(6.8, 3.4))
    wide = table.set_index(["before", "stage"])
    cells: dict[Any, dict[Any, Any]] = wide.to_dict("index")
    shares = wide["probability"].unstack().reindex(index=STAGES, columns=STAGES).to_numpy(dtype=float)
    ax.imshow(np.ma.masked_invalid(np.sqrt(shares)), cmap="Blues", vmin=0, vmax=1.1, aspect="auto")
    for row, before in enumerate(STAGES):
        for column, stage in enumerate(STAGES):
            cell = cells[before, stage]
            if cell["n"]:
                color = "white" if cell["probability"] > 0.4 else plots.BLACK
                weight = "bold" if row == column else "normal"
                text = plots.percent(float(cell["probability"]))
                ax.text(column, row - 0.12, text, ha="center", va="center", color=color, fontsize=10, fontweight=weight)
                ends = f"{100 * cell['low']:.1f}–{100 * cell['high']:.1f}%"
                ax.text(column, row + 0.22, ends, ha="center", va="center", color=color, fontsize=8)
    sizes = table.groupby("before", sort=False)["n"].first()
    ax.set_yticks(
        range(len(STAGES)), [f"{stage}  n={plots.number(sizes[stage])}" for stage in STAGES], color=plots.BLACK
    )
    ax.set_xticks(range(len(STAGES)), STAGES, color=plots.BLACK)
    ax.set(xlabel="stage a month later", ylabel="stage at a month's end")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    higher = table[(table["before"] != "none") & (table["stage"] == table["before"]) & (table["n"] > 0)]
    finding = "Nobody has stood above none yet"
    if len(higher):
        least, most = higher.nsmallest(1, "probability").iloc[0], higher.nlargest(1, "probability").iloc[0]
        finding = f"{most['before'].capitalize()} holds best: {plots.percent(most['probability'])} are still there a month later"
        if len(higher) > 1:
            finding += f", of {least['before']} {plots.percent(least['probability'])}"
    plots.title(ax, finding, "share of each row; below it the interval; n: customer-months")
    return ax


def plot_times(found: "Times", ax: "Axes | None" = None) -> "Axes":
    """Share that has come to each stage by so many months after the first, from `times`."""
    ax = plots.axes(ax, size=(8, 4))
    if not found.table["reached"].sum():
        plots.statement(ax, "Nobody has come to a stage above none yet.")
        return ax
    for stage, color in zip(STAGES[1:], SHADES[1:], strict=True):
        curve = found.curves[found.curves["stage"] == stage]
        ax.step(curve["months"], curve["share"], where="post", color=color, label=stage)
        ax.fill_between(curve["months"], curve["low"], curve["high"], step="post", color=color, alpha=0.18, linewidth=0)
    ax.set(
        xlabel="months after the first month",
        ylabel="share that has come there or higher",
        ylim=(0, None),
        xlim=(0, None),
    )
    plots.format_axis(ax.yaxis, plots.percent)
    known = found.table.dropna(subset="share")
    last = known[known["months"] == known["months"].max()].set_index("stage")["share"]
    finding = "Followed too briefly to say who comes to which stage"
    if len(last):
        finding = f"Within {known['months'].max()} months {plots.percent(last.iloc[0])} have come to {last.index[0]}"
        finding += f", {plots.percent(last['loyalty'])} to loyalty" if "loyalty" in last.index else ""
    plots.title(
        ax, finding, f"{found.table['n'].iloc[0]:,} customers, those still on the way counted as such; bands: interval"
    )
    plots.label_lines(ax)
    return ax


def plot_steady_state(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Shares today and where today's moves pull, from `steady_state`; none is left out of the picture."""
    ax = plots.axes(ax, size=(8, 3.2))
    shown = table[table["stage"] != "none"].reset_index(drop=True)
    if not shown["steady"].notna().all():
        plots.statement(ax, "The moves so far lead to no single state: too few customers stood at some stage.")
        return ax
    place = range(len(shown))
    ax.hlines(place, shown["share"], shown["steady"], color=plots.LIGHT, linewidth=5)
    plots.error_bars(ax, place, shown["low"], shown["high"], horizontal=True, color=plots.ORANGE)
    ax.plot(shown["share"], place, "o", color=plots.BLUE, markersize=9, label="today")
    ax.plot(shown["steady"], place, "D", color=plots.ORANGE, markersize=8, label="where the moves pull")
    ax.set_yticks(place, shown["stage"], color=plots.BLACK)
    ax.set(ylim=(-0.6, len(shown) - 0.4), xlim=(0, None), xlabel="share of customers")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper right", fontsize=9)
    parts = shown[["share", "steady"]].sum()
    finding = (
        f"{plots.percent(parts['share'])} stand above none; today's moves pull towards {plots.percent(parts['steady'])}"
    )
    plots.title(
        ax, finding, "if nobody came or went and everybody moved as in the last months: a direction, no forecast"
    )
    return ax
