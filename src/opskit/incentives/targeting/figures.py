"""Figures of targeting: each draws the table of the function it is named after, and its title says what it shows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.targeting.groups import DOG, PERSUADABLE
from opskit.incentives.targeting.policy import Policy
from opskit.incentives.targeting.ranking import beats_random
from opskit.incentives.targeting.segments import Drives

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_NOTHING = "Nothing is read: the arms forbid it, or there are too few customers."


def plot_qini(
    table: "pd.DataFrame",
    ranked: "pd.DataFrame",
    ax: "Axes | None" = None,
    *,
    arm: str,
    truth: Mapping[str, Any] | None = None,
) -> "Axes":
    """The Qini curve from `qini_curve` with its band, treating at random, and the oracle's where a truth was planted."""
    ax = plots.axes(ax, size=(7.4, 3.7))
    if table.empty:
        plots.statement(ax, _NOTHING)
        return ax
    plots.band(ax, table["share"], table["gained_low"], table["gained_high"])
    ax.plot(table["share"], table["gained"], color=plots.BLUE, label="the model")
    ax.plot(table["share"], table["random"], color=plots.GREY, linestyle="--", label="random")
    oracle = oracle_curve(truth or {}, arm)
    if len(oracle):
        ax.plot(oracle["share"], oracle["gained"], color=plots.GREEN, linewidth=1.4, label="true effects")
    ax.axhline(0, color=plots.LIGHT, linewidth=1)
    ax.set(xlabel="share treated, highest predicted effect first", ylabel="extra per customer listed", xlim=(0, 1))
    plots.format_axis(ax.xaxis, plots.percent)
    plots.label_lines(ax)
    row = ranked.iloc[0]
    better = {"holds": "better than random", "does not hold": "worse than random"}.get(beats_random(ranked))
    peak = table.iloc[int(table["gained"].to_numpy().argmax())]
    finding = (
        f"{arm}: the ranking is {better}; treating {plots.percent(peak['share'])} brings more than treating all"
        if better and better.startswith("better") and peak["share"] < 1
        else f"{arm}: the ranking is {better or 'not shown to be better than random'}"
    )
    ends = f"Qini {plots.number(row['estimate'])} ({plots.number(row['low'])} to {plots.number(row['high'])})"
    plots.title(
        ax,
        finding,
        f"n={plots.number(row['n'])}; {ends}; band: interval of each point; scored out of sample",
    )
    return ax


def oracle_curve(truth: Mapping[str, Any], arm: str) -> "pd.DataFrame":
    """Share and gained of a ranking by the true effects; nothing where none was planted."""
    import pandas as pd

    head = f"targeting.{arm}.oracle_gain_"
    known = {
        int(name.removeprefix(head)) / 100: float(spec["value"])
        for name, spec in truth.get("derived", {}).items()
        if name.startswith(head)
    }
    rows = sorted({0.0: 0.0, **known}.items()) if known else []
    return pd.DataFrame(rows, columns=["share", "gained"])


def plot_learners(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """The Qini of every learner from `compared`."""
    ax = plots.axes(ax, size=(7.4, 2.7))
    known = table.dropna(subset="estimate")
    if known.empty:
        plots.statement(ax, _NOTHING)
        return ax
    shown = known[::-1].reset_index(drop=True)
    at = range(len(shown))
    plots.error_bars(ax, at, shown["low"], shown["high"], horizontal=True, color=plots.SKY)
    ax.plot(shown["estimate"], at, "o", color=plots.BLUE, markersize=6, zorder=4)
    ax.axvline(0, color=plots.GREY, linewidth=1)
    ax.set_yticks(at, [f"{row['learner']}, {row['base']}" for _, row in shown.iterrows()])
    ax.set(xlabel="Qini: extra outcomes per customer above random", ylim=(-0.5, len(shown) - 0.5))
    ax.grid(axis="y", visible=False)
    spread = known["estimate"].max() - known["estimate"].min()
    half = float((known["high"] - known["low"]).median()) / 2
    finding = "Learners differ less than chance does" if spread < half else "Learners differ"
    plots.title(
        ax, f"{finding}: {int((known['low'] > 0).sum())} of {len(known)} are above random", "bars: interval of each"
    )
    return ax


def plot_groups(table: "pd.DataFrame", ax: "Axes | None" = None, *, arm: str) -> "Axes":
    """What the treatment did to each of the four groups, from `groups`."""
    ax = plots.axes(ax, size=(7.4, 3.0))
    known = table.dropna(subset="low")
    if known.empty:
        plots.statement(ax, _NOTHING)
        return ax
    shown = known[::-1].reset_index(drop=True)
    colors = {PERSUADABLE: plots.GREEN, DOG: plots.VERMILLION}
    for place, row in shown.iterrows():
        at, color = float(str(place)), colors.get(str(row["group"]), plots.BLUE)
        plots.error_bars(ax, at, row["low"], row["high"], horizontal=True, color=color)
        ax.plot(row["difference"], at, "o", color=color, markersize=7, zorder=4, mfc=color if row["shown"] else "white")
    ax.axvline(0, color=plots.GREY, linewidth=1)
    labels = [
        f"{row['group']}\n{plots.percent(row['share'])}, n={plots.number(row['n'])}" for _, row in shown.iterrows()
    ]
    ax.set_yticks(range(len(shown)), labels)
    ax.set(xlabel="treated less control", ylim=(-0.5, len(shown) - 0.5))
    ax.grid(axis="y", visible=False)
    told = [f"{row['group']}s" for _, row in known.iterrows() if row["shown"] and row["group"] in colors]
    finding = (
        f"{arm}: {' and '.join(told)} are shown" if told else f"{arm}: neither persuadables nor sleeping dogs are shown"
    )
    plots.title(ax, finding, "measured on customers not learnt from; bars: interval; filled: holds after correction")
    return ax


def plot_drives(found: Drives, ax: "Axes | None" = None, *, by: str = "", alpha: float = 0.05) -> "Axes":
    """Effects of every arm in the segments of one feature, from `drives`; empty: the first."""
    table = found.effects.dropna(subset="low")
    by = by or (str(table["by"].iloc[0]) if len(table) else "")
    table = table[table["by"] == by]
    ax = plots.axes(ax, size=(7.4, 3.2))
    if table.empty:
        plots.statement(ax, _NOTHING)
        return ax
    segments, arms = list(dict.fromkeys(table["segment"])), list(dict.fromkeys(table["arm"]))
    for place, arm in enumerate(arms):
        mine = table[table["arm"] == arm]
        at = [segments.index(one) + 0.16 * (place - (len(arms) - 1) / 2) for one in mine["segment"]]
        color = plots.PALETTE[place % len(plots.PALETTE)]
        plots.error_bars(ax, at, mine["low"], mine["high"], color=color)
        ax.plot(at, mine["difference"], "o", color=color, markersize=6, label=arm, zorder=4)
        sure = mine["p_corrected"].to_numpy() >= alpha
        ax.plot(
            [x for x, open_ in zip(at, sure, strict=True) if open_],
            mine.loc[sure, "difference"],
            "o",
            color=color,
            mfc="white",
            markersize=6,
            zorder=5,
        )
    ax.axhline(0, color=plots.GREY, linewidth=1)
    ax.set_xticks(range(len(segments)), [f"{one}" for one in segments])
    ax.set(xlabel=by, ylabel="treated less control", xlim=(-0.5, len(segments) - 0.5))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    apart = found.differ[(found.differ["by"] == by) & (found.differ["p_corrected"] < alpha)]
    told = (
        f"The effect of {' and '.join(apart['arm'])} depends on {by}"
        if len(apart)
        else f"No effect is shown to depend on {by}"
    )
    plots.title(ax, told, f"bars: interval of each; filled: p below {alpha:.2g} after Holm's correction for every cell")
    return ax


def plot_values(table: "pd.DataFrame", chosen: Policy, ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Net value of treating the top of the list, from `values`, and what the share chosen on others earned."""
    ax = plots.axes(ax, size=(7.4, 3.4))
    known = table.dropna(subset="low")
    if known.empty:
        plots.statement(ax, _NOTHING)
        return ax
    plots.band(ax, known["share"], known["low"], known["high"])
    ax.plot(known["share"], known["estimate"], color=plots.BLUE, marker="o", markersize=4, label="top of the list")
    ax.plot(known["share"], known["by_lot"], color=plots.GREY, linestyle="--", label="by lot")
    row = chosen.value.iloc[0]
    if row["low"] == row["low"]:
        at = sum(chosen.of_folds) / len(chosen.of_folds)
        plots.error_bars(ax, [at], [row["low"]], [row["high"]], color=plots.VERMILLION)
        ax.plot([at], [row["estimate"]], "D", color=plots.VERMILLION, markersize=7, zorder=5)
    ax.axhline(0, color=plots.GREY, linewidth=1)
    ax.set(xlabel="share treated", ylabel=f"{currency or 'money'} per customer of the list")
    plots.format_axis(ax.xaxis, plots.percent)
    plots.label_lines(ax)
    sure = row["low"] > 0 and any(chosen.of_folds)
    money = plots.money(row["estimate"], currency)
    finding = (
        f"The share chosen on others earns {money} per customer"
        if sure
        else "That any share earns more than nobody is not shown"
    )
    plots.title(
        ax, finding, f"n={plots.number(row['n'])}; band: interval of each share; diamond: chosen on other customers"
    )
    return ax
