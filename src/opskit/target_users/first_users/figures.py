"""Figures of first users: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.target_users.first_users.approach import tells
from opskit.target_users.first_users.judged import ITSELF_AND_LEAKS, Judged
from opskit.target_users.first_users.profile import traits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plain(text: str) -> str:
    """A column or value as it reads in a figure.

    >>> plain("personal_shopper")
    'personal shopper'
    """
    return text.replace("_", " ")


def plot_profile(table: "pd.DataFrame", ax: "Axes | None" = None, *, most: int = 8) -> "Axes":
    """What sets the best apart at their beginning, from `profile`; in the top tenth by score the same, paler."""
    import numpy as np

    shown = table[table["verdict"] != "as everybody"].drop_duplicates(["accounts", "index"])
    ax = plots.axes(ax, size=(8, 1.7 + 0.42 * max(min(len(shown), most), 3)))
    if shown.empty:
        plots.statement(ax, "Nothing that was known at the beginning sets the best apart from everybody.")
        return ax
    shown = shown.head(most).sort_values("index", ascending=True, kind="stable").reset_index(drop=True)
    colors = [plots.BLUE if one > 1 else plots.VERMILLION for one in shown["index"]]
    ax.axvline(1, color=plots.GREY, linewidth=1, linestyle="--")
    least = shown[["low", "top_index"]].where(shown[["low", "top_index"]] > 0).min().min()
    floor = max(min(float(least), 0.5), 0.1)
    ax.scatter(
        shown["top_index"].clip(lower=floor),
        shown.index,
        color=plots.LIGHT,
        marker="D",
        s=44,
        label="top tenth by score",
    )
    for place, row in shown.iterrows():
        at = int(str(place))
        plots.error_bars(ax, [at], [max(row["low"], floor)], [row["high"]], horizontal=True, color=colors[at])
    ax.scatter(shown["index"].clip(lower=floor), shown.index, color=colors, s=60, zorder=4, label="the best")
    names = [
        f"{plain(row['column'])}: {plain(row['value'])}  n={row['accounts']:,}" for row in shown.to_dict("records")
    ]
    ax.set_yticks(shown.index, names)
    ax.set_xscale("log")
    ticks = [
        tick
        for tick in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16)
        if floor * 0.9 <= tick <= 1.1 * shown[["high", "top_index"]].max().max()
    ]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="times as frequent as among everybody", ylim=(-0.6, len(shown) - 0.4))
    ax.grid(visible=False, axis="y")
    over = traits(table)
    first = shown.iloc[int(np.argmax(shown["index"]))] if over.empty else over.iloc[0]
    finding = f"“{plain(first['column'])}: {plain(first['value'])}”: {first['index']:.1f} times as frequent"
    plots.title(ax, finding, "among the best; bars: interval; log scale; not causes")
    ax.legend(frameon=False, loc="lower right", fontsize=9)
    return ax


def plot_judged(judged: Judged, ax: "Axes | None" = None) -> "Axes":
    """The area under the curve by each judge, from `judge`; the one to believe is dark."""
    table = judged.accuracy
    ax = plots.axes(ax, size=(8, 1.5 + 0.42 * len(table)))
    labels = [f"{row['judge']}  n={row['n']:,}" for row in table.to_dict("records")]
    plots.areas_under_curve(ax, table.assign(name=table["judge"], label=labels), dark=judged.judge)
    value = {row["judge"]: row["roc_auc"] for row in table.to_dict("records")}
    fair = value[judged.judge]
    finding = f"A first try would claim {value[ITSELF_AND_LEAKS]:.2f}; accounts it has not seen give {fair:.2f}"
    if not tells(judged):
        finding = f"No better than chance on accounts it has not seen: {fair:.2f}"
    plots.title(ax, finding, "how often one of the best has a higher score than another account; bars: interval")
    return ax


def plot_gains(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Of the best, the share found among the accounts with the highest scores, from `gains`."""
    ax = plots.axes(ax, size=(7, 4.2))
    plots.gains(ax, table, label="by likeness")
    ax.set(xlabel="share of accounts, the most alike first", ylabel="share of the best found")
    at = table.iloc[(table["share"] - 0.1).abs().argsort().iloc[0]]
    finding = f"The top tenth holds {plots.percent(at['captured'])} of the best: {at['lift']:.1f} times as many as drawn at random"
    plots.title(
        ax,
        finding,
        f"lift {at['lift_low']:.1f} to {at['lift_high']:.1f}; accounts the model has not seen; band: interval",
    )
    return ax


def plot_calibration(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share that became one of the best against the predicted one, from `opskit.features.calibration`."""
    ax = plots.axes(ax, size=(7, 3.8))
    most = 1.1 * max(float(table["predicted"].max()), float(table["high"].max()))
    ax.plot([0, most], [0, most], color=plots.GREY, linewidth=1, linestyle="--")
    plots.error_bars(ax, table["predicted"], table["low"], table["high"], color=plots.BLUE)
    ax.scatter(table["predicted"], table["observed"], color=plots.BLUE, s=40, zorder=4)
    plots.label_counts(ax, table["predicted"], table["high"], table["customers"])
    ax.set(
        xlabel="predicted chance of becoming one of the best", ylabel="share that did", xlim=(0, most), ylim=(0, most)
    )
    plots.format_axis(ax.xaxis, plots.percent)
    plots.format_axis(ax.yaxis, plots.percent)
    inside = int(((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).sum())
    finding = f"{inside} of {len(table)} groups came true as predicted, within chance"
    plots.title(ax, finding, "accounts the model has not seen, in groups of equal size by prediction; bars: interval")
    return ax


def plot_waiting(table: "pd.DataFrame", ax: "Axes | None" = None, *, window_days: int) -> "Axes":
    """How many accounts order later, by days without an order so far, from `waiting`."""
    ax = plots.axes(ax, size=(7, 3.8))
    for what, color, label in (("ordered", plots.GREY, "order later"), ("best", plots.BLUE, "become one of the best")):
        plots.error_bars(ax, table["days"], table[f"{what}_low"], table[f"{what}_high"], color=color)
        ax.plot(table["days"], table[f"{what}_rate"], color=color, marker="o", label=label)
    plots.label_counts(ax, table["days"], table["ordered_high"], table["accounts"])
    ax.set(xlabel="days since sign-up without an order", ylabel="share of accounts", ylim=(0, None))
    ax.set_xticks(table["days"])
    plots.format_axis(ax.yaxis, plots.percent)
    last = table.iloc[-1]
    finding = f"Of accounts silent for {last['days']:.0f} days, {plots.percent(last['ordered_rate'])} order in the next {window_days}"
    if len(table) == 1:
        finding = f"{plots.percent(last['ordered_rate'])} of new accounts order within {window_days} days"
    plots.title(ax, finding, "left alone as they were so far; bars: interval")
    ax.legend(frameon=False, loc="upper right", fontsize=9)
    return ax
