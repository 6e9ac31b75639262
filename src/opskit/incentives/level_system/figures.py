"""Figures of the levels: each draws the table of the function it is named after, and its title says what it shows."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.level_system.audit import BROKEN, KEPT, UNKNOWN, YOURS
from opskit.incentives.level_system.costs import FIRST_STEP
from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.measures import at_thresholds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

_LADDER = (plots.LIGHT, plots.SKY, plots.BLUE, plots.ORANGE, plots.VERMILLION, plots.PURPLE, plots.GREEN)
DRIVES = {"welfare": plots.ORANGE, "content": plots.BLUE, "function": plots.GREEN}
VERDICTS = {KEPT: plots.GREEN, BROKEN: plots.VERMILLION, UNKNOWN: plots.ORANGE, YOURS: plots.GREY}
_BINS = 40


def color(place: int) -> str:
    """A level's colour: light for the lowest."""
    return _LADDER[place] if place == 0 else _LADDER[1 + (place - 1) % (len(_LADDER) - 1)]


def plot_ladder(values: "pd.DataFrame", design: Design, ax: "Axes | None" = None) -> "Axes":
    """How much growth value members hold, and where the levels begin, from `histogram`."""
    import numpy as np

    ax = plots.axes(ax, size=(7.6, 3.3))
    table = at_thresholds(values, design)
    held = values[values["value"] > 0]
    if held.empty:
        plots.statement(ax, "Nobody holds any growth value: there is nothing to draw.")
        return ax
    bins = _bins(design.thresholds[1:], float(held["value"].min()), float(held["value"].max()))
    n, _ = np.histogram(held["value"], bins=bins, weights=held["n"])
    middle = np.sqrt(bins[1:] * bins[:-1])
    place = np.searchsorted(np.array(design.thresholds), middle, side="right") - 1
    ax.bar(bins[:-1], n, width=np.diff(bins), align="edge", color=[color(int(at)) for at in place], linewidth=0)
    ax.set(
        xscale="log",
        xlim=(bins[0], bins[-1]),
        ylim=(0, 1.3 * max(n)),
        xlabel=f"{design.value} (log scale)",
        ylabel="members",
    )
    edges = [bins[0], *(max(float(at), bins[0]) for at in design.thresholds[1:]), bins[-1]]
    for row, begin, end in zip(table.to_dict("records"), edges[:-1], edges[1:], strict=True):
        if row["at"]:
            ax.axvline(begin, color=plots.BLACK, linewidth=1, linestyle="--")
        if end > begin:
            text = f"{row['level']}\n{plots.percent(row['share'])}"
            ax.annotate(text, (np.sqrt(begin * end), 1.28 * max(n)), ha="center", va="top", fontsize=9)
    ax.xaxis.set_minor_formatter(lambda *_: "")
    plots.format_axis(ax.xaxis, plots.number)
    plots.format_axis(ax.yaxis, plots.number)
    zero = int(values.loc[values["value"] == 0, "n"].sum())
    above = float(table["share"].iloc[1:].sum())
    detail = (
        f"{plots.number(table['members'].iloc[0])} members, {plots.number(zero)} of them hold none and are not drawn"
    )
    plots.title(ax, f"{plots.percent(above)} of members would be above {design.names[0]}", detail)
    return ax


def _bins(thresholds: tuple[int, ...], least: float, most: float) -> "np.ndarray[Any, Any]":
    """Edges about evenly spread on a log scale, every threshold among them."""
    import numpy as np

    least, most = max(min(least, thresholds[0] / 2), 0.5), max(most, 2.0 * thresholds[-1])
    ends = np.log([least, *thresholds, most])
    step = (ends[-1] - ends[0]) / _BINS
    parts = [np.linspace(a, b, max(round((b - a) / step), 1), endpoint=False) for a, b in pairwise(ends)]
    return np.exp(np.concatenate([*parts, ends[-1:]]))


def plot_shares(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of members above the lowest level by month, from `shares`."""
    ax = plots.axes(ax, size=(7.6, 3.2))
    wide = table.pivot(index="month", columns="place", values="share").sort_index(axis=1, ascending=False)
    names = dict(zip(table["place"], table["level"], strict=True))
    bottom = 0 * wide.iloc[:, 0]
    for place in wide.columns[:-1]:  # the highest at the bottom: its edge reads from zero
        ax.bar(wide.index, wide[place], width=22, bottom=bottom, color=color(int(place)), label=names[place])
        bottom = bottom + wide[place]
    ax.set(ylim=(0, max(float(bottom.max()) * 1.25, 0.01)), ylabel="share of members")
    plots.format_axis(ax.yaxis, plots.percent)
    plots.date_axis(ax)
    ax.legend(ncols=len(wide.columns), fontsize=9, loc="upper left")
    last = table[table["month"] == table["month"].max()].sort_values("place")
    top = last.iloc[-1]
    lowest, above = last["level"].iloc[0], 1 - float(last["share"].iloc[0])
    finding = f"{plots.percent(above)} of members would be above {lowest} today, {plots.percent(top['share'])} at {top['level']}"
    plots.title(ax, finding, f"at the end of each month; the rest are at {lowest}")
    return ax


def plot_times(curves: "pd.DataFrame", design: Design, ratios: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """How soon each level is reached, from `times`, with the first step's goal."""
    ax = plots.axes(ax, size=(7.4, 3.4))
    if curves.empty or curves["days"].max() == 0:
        plots.statement(ax, "Nobody is followed long enough to say how soon a level is reached.")
        return ax
    for place, part in curves.groupby("place"):
        shade = color(int(str(place)))
        plots.band(ax, part["days"], part["low"], part["high"], color=shade)
        ax.plot(part["days"], part["reached"], color=shade, label=part["level"].iloc[0])
    goals, first = design.goals, design.names[1]
    ax.plot([goals.first_step_days], [goals.first_step_share], "D", color=plots.BLACK, markersize=6, zorder=5)
    ax.annotate(
        "goal", (goals.first_step_days, goals.first_step_share), xytext=(7, -4), textcoords="offset points", fontsize=9
    )
    ax.set(ylim=(0, None), xlim=(0, None), xlabel="days since the first action that counts", ylabel="have reached it")
    plots.format_axis(ax.yaxis, plots.percent)
    row: Any = ratios.set_index("figure").loc[FIRST_STEP]
    finding = f"{plots.percent(float(row['estimate']))} reach {first} within {goals.first_step_days} days"
    if row["estimate"] != row["estimate"]:
        finding = f"Nobody has been there for {goals.first_step_days} days yet"
    plots.title(
        ax, finding, "members with less time behind them count as long as theirs (Kaplan-Meier); bands: intervals"
    )
    plots.label_lines(ax)
    return ax


def plot_moves(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Members who rise and fall by month, from `flows`."""
    ax = plots.axes(ax, size=(7.4, 3.0))
    sums = table.groupby("month")[["rose", "fell"]].sum()
    ax.bar(sums.index, sums["rose"], width=22, color=plots.BLUE, label="rise")
    ax.bar(sums.index, -sums["fell"], width=22, color=plots.VERMILLION, label="fall")
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    ax.legend(ncols=2, fontsize=9, loc="upper left")
    ax.set(ylabel="members")
    plots.format_axis(ax.yaxis, lambda value: plots.number(abs(value)))
    plots.date_axis(ax)
    year = sums.tail(12)
    fell, rose = int(year["fell"].sum()), int(year["rose"].sum())
    finding = f"In {len(year)} months {plots.number(rose)} rises and {plots.number(fell)} falls"
    plots.title(
        ax,
        finding if fell else f"Nobody falls; {plots.number(rose)} rises in {len(year)} months",
        "newcomers are no rise",
    )
    return ax


def plot_costs(
    table: "pd.DataFrame",
    ratios: "pd.DataFrame",
    ax: "Axes | None" = None,
    *,
    currency: str = "",
    money: str = "margin",
) -> "Axes":
    """What each benefit would have cost in the last year, from `benefit_costs`."""
    ax = plots.axes(ax, size=(7.4, 0.9 + 0.42 * max(len(table), 2)))
    if table.empty:
        plots.statement(ax, "The design gives no benefit: there is nothing to pay, and nothing to want.")
        return ax
    places = range(len(table))
    ax.barh(places, table["cost"], color=[DRIVES[drive] for drive in table["drive"]], height=0.6)
    for place, row in zip(places, table.to_dict("records"), strict=True):
        ax.annotate(f" {plots.money(row['cost'], currency)}", (row["cost"], place), va="center", fontsize=9)
    ax.set_yticks(places, [f"{b} · {level}" for b, level in zip(table["benefit"], table["level"], strict=True)])
    ax.invert_yaxis()
    ax.set(
        xlim=(0, max(float(table["cost"].max()) * 1.25, 1.0)),
        xlabel=currency or "cost",
    )
    plots.format_axis(ax.xaxis, plots.number)
    ax.grid(axis="y", visible=False)
    for drive, shade in DRIVES.items():
        if (table["drive"] == drive).any():
            ax.plot([], [], "s", color=shade, label=drive)
    ax.legend(fontsize=9, loc="lower right")
    row: Any = ratios.set_index("figure").loc[f"cost over {money}"]
    plots.title(
        ax,
        f"Benefits would have cost {plots.percent(float(row['estimate']))} of {money}",
        "by benefit, in the last year",
    )
    return ax


def plot_audit(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """The nine principles at a glance, from `audit`."""
    ax = plots.axes(ax, size=(7.8, 3.6))
    ax.set_axis_off()
    for place, row in enumerate(table.to_dict("records")):
        ax.plot([0.01], [-place], "o", color=VERDICTS[row["verdict"]], markersize=9)
        ax.text(0.035, -place, row["principle"], va="center", fontsize=10, fontweight="bold")
        ax.text(0.40, -place, _figure_text(row), va="center", fontsize=9, color=plots.GREY)
        ax.text(1.0, -place, row["verdict"], va="center", ha="right", fontsize=9, color=VERDICTS[row["verdict"]])
    ax.set(xlim=(0, 1), ylim=(-len(table) + 0.4, 0.6))
    kept, broken = (table["verdict"] == KEPT).sum(), table.loc[table["verdict"] == BROKEN, "principle"].tolist()
    finding = f"{kept} of {len(table)} principles are kept"
    plots.title(
        ax,
        finding + (f"; broken: {', '.join(broken)}" if broken else ""),
        "beside each: what is computed, and its limit",
    )
    return ax


def _figure_text(row: dict[Any, Any]) -> str:
    value, share = row["estimate"], row["low"] == row["low"]
    told = "never" if value == float("inf") else plots.percent(value) if share else plots.number(value)
    return f"{told} {row['figure']} ({row['rule']})"


def plot_compare(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, names: tuple[str, str] = ("one", "other")
) -> "Axes":
    """Differences between two designs with their intervals, from `compare`."""
    shown = table[table["difference"].notna() & (table["figure"] != "cost over revenue")].iloc[::-1]
    ax = plots.axes(ax, size=(7.6, 1.2 + 0.42 * max(len(shown), 2)))
    places = range(len(shown))
    apart = (shown["low"] > 0) | (shown["high"] < 0)
    shades = [plots.BLUE if one else plots.GREY for one in apart]
    for place, row, shade in zip(places, shown.to_dict("records"), shades, strict=True):
        plots.error_bars(ax, [place], [100 * row["low"]], [100 * row["high"]], horizontal=True, color=shade)
        ax.plot([100 * row["difference"]], [place], "o", color=shade)
        told = f"{plots.percent(row['one'])} → {plots.percent(row['other'])}"
        where = (100 * row["difference"], place)
        ax.annotate(told, where, xytext=(0, 5), textcoords="offset points", ha="center", fontsize=8, color=shade)
    ax.axvline(0, color=plots.BLACK, linewidth=0.8)
    ax.margins(x=0.12, y=0.1)
    ax.set_yticks(places, list(shown["figure"]))
    ax.set(xlabel="difference, points")
    ax.grid(axis="y", visible=False)
    plots.title(
        ax, f"{int(apart.sum())} of {len(shown)} figures would differ", f"{names[1]} less {names[0]}; bars: intervals"
    )
    return ax
