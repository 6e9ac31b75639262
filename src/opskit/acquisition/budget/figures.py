"""Figures: response curves, what the next one costs, the split, and how much is extra."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.acquisition.budget.allocation import Allocation, outcomes
from opskit.acquisition.budget.curves import Curves
from opskit.acquisition.budget.evidence import Incremental
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_POINTS = 80
NOTHING = "No channel's response is identified: there is no curve to draw."


def plot_curves(
    curves: Curves,
    extra: Incremental,
    allocation: Allocation,
    *,
    outcome: str = "sign-ups",
    currency: str = "",
    confidence: float = 0.95,
) -> "NDArray[np.object_] | Axes":
    """Extra outcomes a day over spend a day, a panel per channel, with current and recommended spend.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        allocation: Of `allocate`.
        outcome: What is counted.
        currency: Of the spend.
        confidence: Coverage of the bands, between 0 and 1.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    check(confidence, "confidence", gt=0, lt=1)
    count = len(curves.channels)
    if not count:
        ax = plots.axes()
        plots.statement(ax, NOTHING)
        return ax
    plots.apply()
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(1.2 + 2.75 * columns, 0.9 + 2.6 * rows), sharey=True, squeeze=False
    )
    tail = [(1 - confidence) / 2, (1 + confidence) / 2]
    order = np.argsort(-curves.current)
    for ax, place in zip(grid.flat, order, strict=False):
        x = np.linspace(0, 1.15 * max(curves.most[place], allocation.table["recommended"].iloc[place]), _POINTS)
        of = curves.average[place], curves.response[place], curves.elasticity[place]
        drawn = outcomes(
            x,
            curves.average[place],
            curves.response_draws[:, [place]] * extra.draws[:, [place]],
            curves.elasticity_draws[:, [place]],
        )
        plots.band(ax, x, *np.quantile(drawn, tail, axis=0))
        ax.plot(x, outcomes(x, *of), color=plots.GREY, linestyle=(0, (4, 3)), linewidth=1.2)
        ax.plot(x, extra.share[place] * outcomes(x, *of), color=plots.BLUE)
        for spent, marker, color in (
            (curves.current[place], "o", plots.BLACK), (allocation.table["recommended"].iloc[place], "D", plots.VERMILLION),
        ):  # fmt: skip
            ax.plot(spent, extra.share[place] * outcomes(spent, *of), marker, color=color, markersize=7, zorder=4)
        ax.axvspan(curves.most[place], x[-1], color="#F0F0F0", zorder=0)
        ax.set_title(curves.channels[place], fontsize=10.5)
        ax.set_xlim(0, x[-1])
        ax.set_ylim(bottom=0)
        ax.set_xlabel(f"{currency} a day".strip())
        plots.format_axis(ax.xaxis, plots.number)
    for ax in list(grid.flat)[count:]:
        ax.set_axis_off()
    grid[0, 0].set_ylabel(f"{outcome} a day")
    _head(figure, _finding(curves, allocation, outcome), _legend(confidence))
    return grid


def _head(figure: "object", finding: str, detail: str) -> None:
    from matplotlib.figure import Figure

    from opskit.plots.marks import wrap

    assert isinstance(figure, Figure)
    width = figure.get_size_inches()[0]
    finding = wrap(finding, width=int(width * 72 / (0.58 * 12)))
    figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold", color=plots.BLACK)
    figure.supxlabel(wrap(detail, width=int(width * 72 / (0.53 * 9))), x=0.01, ha="left", fontsize=9, color=plots.GREY)


def _legend(confidence: float) -> str:
    return (
        f"blue: what the spend causes, with its {plots.percent(confidence)} band · dashed: what the channel is credited with · "
        "● now ◆ best split of the same total · grey ground: more than was ever spent over four weeks"
    )


def _finding(curves: Curves, allocation: Allocation, outcome: str) -> str:
    low = allocation.gain[1]
    if len(curves.channels) < 2:
        return (
            f"More spend on {next(iter(curves.channels))} brings ever fewer {outcome}; there is nothing to move it to"
        )
    if low > 0:
        return f"Moving the money brings {plots.percent(allocation.relative[0])} more {outcome} for the same total"
    return "The best split is known too poorly to move money on it"


def plot_allocation(
    allocation: Allocation, ax: "Axes | None" = None, *, currency: str = "", confidence: float = 0.95
) -> "Axes":
    """Current and recommended spend a day, with the range of the best split over the draws, from `allocate`."""
    import numpy as np

    table = allocation.table.sort_values("current", ignore_index=True)
    ax = plots.axes(ax, size=(7.2, 1.7 + 0.62 * max(len(table), 2)))
    if table.empty:
        plots.statement(ax, NOTHING)
        return ax
    place = np.arange(len(table))
    ax.barh(place + 0.2, table["current"], height=0.36, color=plots.LIGHT, label="now")
    ax.barh(place - 0.2, table["recommended"], height=0.36, color=plots.SKY, label="best for the estimates")
    plots.error_bars(ax, place - 0.2, table["low"], table["high"], horizontal=True)
    for row, (_, one) in enumerate(table.iterrows()):
        ax.annotate(
            f"{100 * one['change']:+.0f}%".replace("-", "−"), (max(one["high"], one["current"]), row - 0.2), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=9, color=plots.GREY,
        )  # fmt: skip
    ax.set_yticks(place, table["channel"])
    ax.set_xlim(0, 1.14 * float(table[["high", "current"]].max().max()))
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{currency} a day".strip())
    ax.legend(loc="lower right", fontsize=9, reverse=True)
    value, low, high = (plots.percent(one) for one in allocation.relative)
    found = f"The recommended split gains {value} ({low} to {high})"
    found += ": that may be nothing" if allocation.gain[1] <= 0 else ""
    plots.title(
        ax,
        found,
        f"same total · thin bars: the best split in {plots.percent(confidence)} of the curves that the data leave possible",
    )
    return ax


def plot_costs(
    costs: "pd.DataFrame", ax: "Axes | None" = None, *, outcome: str = "sign-up", currency: str = ""
) -> "Axes":
    """Average and marginal cost of an extra outcome by channel, from `costs`; an open interval ends in an arrow."""
    import numpy as np

    table = costs.sort_values("extra_marginal", ascending=False, ignore_index=True)
    table = table[np.isfinite(table["extra_marginal"])]
    ax = plots.axes(ax, size=(7.2, 1.9 + 0.55 * max(len(table), 2)))
    if table.empty:
        plots.statement(ax, "No channel's response is identified: what the next one costs cannot be told.")
        return ax
    place = np.arange(len(table))
    ends = table[["extra_average_high", "extra_marginal_high"]].to_numpy(float)
    limit = 1.1 * float(min(np.max(np.where(np.isfinite(ends), ends, 0)), 6 * table["extra_marginal"].max()))
    limit = max(limit, 1.3 * float(table["extra_marginal"].max()))
    for key, label, color, shift in (
        ("extra_average", "on average", plots.BLUE, 0.14), ("extra_marginal", "the next one", plots.VERMILLION, -0.14),
    ):  # fmt: skip
        high = np.minimum(table[f"{key}_high"].to_numpy(float), limit)
        ax.hlines(place + shift, table[f"{key}_low"], high, color=color, linewidth=2.4, alpha=0.45)
        open_ended = table[f"{key}_high"].to_numpy(float) > limit
        ax.plot(high[open_ended], (place + shift)[open_ended], ">", color=color, markersize=6, alpha=0.6)
        ax.plot(table[key], place + shift, "o", color=color, label=label)
    ax.set_yticks(place, table["channel"])
    ax.set_xlim(0, 1.04 * limit)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{currency} per extra {outcome}".strip())
    ax.legend(loc="best", fontsize=9)
    dearer = table["extra_marginal"] / table["extra_average"]
    found = (
        f"The next {outcome} costs {plots.number(dearer.min())} to {plots.number(dearer.max())} times the average one"
    )
    if len(table) == 1:
        found = f"The next {outcome} costs {plots.number(dearer.iloc[0])} times the average one"
    plots.title(ax, found, "at current spend, kept up; bars: interval, an arrow where it goes on")
    return ax


def plot_incremental(extra: Incremental, ax: "Axes | None" = None) -> "Axes":
    """Share of credited outcomes that are extra: by the total, by lift tests, and both together, from `incremental`."""
    import numpy as np

    table = extra.table
    ax = plots.axes(ax, size=(7.2, 1.8 + 0.6 * max(len(table), 2)))
    if "share" not in table or table.empty:
        plots.statement(ax, "The curves are of total outcomes: what they show is extra already.")
        return ax
    place = np.arange(len(table))
    for key, label, color, shift in (
        ("by_total", "total outcomes", plots.SKY, 0.22), ("by_tests", "lift tests", plots.ORANGE, 0.0), ("share", "together", plots.BLUE, -0.22),
    ):  # fmt: skip
        known = np.isfinite(table[key].to_numpy(float))
        if not known.any():
            continue
        ax.hlines(
            (place + shift)[known],
            table[f"{key}_low"][known],
            table[f"{key}_high"][known],
            color=color,
            linewidth=2.4,
            alpha=0.5,
        )
        ax.plot(table[key][known], (place + shift)[known], "o", color=color, label=label)
    ax.axvline(1, color=plots.GREY, linewidth=1)
    ax.axvline(0, color=plots.GREY, linewidth=1)
    ax.set_yticks(place, table["channel"])
    ax.grid(visible=False, axis="y")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    lower = [str(name) for name, high in zip(table["channel"], table["share_high"], strict=True) if high < 1]
    found = f"Of what {', '.join(lower)} is credited with, part would have come anyway" if lower else (
        "No channel is shown to be credited with what would have come anyway"
    )  # fmt: skip
    plots.title(ax, found, "share of a channel's credited outcomes that would not have come without it, with intervals")
    return ax


def plot_weeks(found: "pd.DataFrame", ax: "Axes | None" = None, *, outcome: str = "sign-ups") -> "Axes":
    """Outcomes a week beside what the curves expect, from `by_week`."""
    ax = plots.axes(ax, size=(7.2, 3.2))
    if found.empty:
        plots.statement(ax, NOTHING)
        return ax
    ax.plot(found["week"], found["came"], color=plots.LIGHT, linewidth=1.5)
    ax.plot(found["week"], found["came"], "o", color=plots.GREY, markersize=2.5)
    ax.plot(found["week"], found["expected"], color=plots.BLUE, linewidth=1.6)
    explained = (
        1 - ((found["came"] - found["expected"]) ** 2).sum() / ((found["came"] - found["came"].mean()) ** 2).sum()
    )
    plots.title(
        ax, f"Spend explains {plots.percent(max(explained, 0.0))} of the ups and downs of the weeks",
        f"grey: {outcome} a week recorded with the channels of the curves · blue: expected from spend",
    )  # fmt: skip
    ax.set_ylim(bottom=0)
    plots.date_axis(ax)
    return ax
