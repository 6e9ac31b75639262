"""Figures of the groups that are looked for: whether there are any, and how they differ."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.target_users.segments.clusters import Clusters
from opskit.target_users.segments.figures import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_choice(found: Clusters, ax: "Axes | None" = None) -> "Axes":
    """The criteria of a fitted `Clusters` for each number of groups, beside what they would have to reach."""
    table = found.choice_.iloc[1:]
    ax = plots.axes(ax, size=(7.5, 3.8))
    for name, color, least in (("stability", plots.BLUE, 0.75), ("silhouette", plots.ORANGE, 0.25)):
        ax.axhline(least, color=color, linewidth=1, linestyle=":")
        ax.plot(table["k"], table[name], "o-", color=color, label=name)
    ax.set(xlabel="groups", ylim=(0, 1.02), xlim=(1.8, table["k"].max() + 0.2))
    ax.set_xticks(table["k"])
    if found.k_ > 1:
        ax.axvline(found.k_, color=plots.LIGHT, linewidth=8, zorder=0)
    plots.label_lines(ax)
    finding = f"{found.k_} groups of customers who buy alike"
    if found.k_ == 1:
        finding = "No groups: how customers buy is one cloud without gaps"
    elif "as asked" in found.verdict_:
        finding = f"Cut into {found.k_} as asked: the criteria find no such groups"
    detail = f"{plots.number(len(found.sample_))} customers; dotted: the least for groups to be claimed; the gap statistic decides besides"
    plots.title(ax, finding, detail)
    return ax


def plot_groups(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """How each group differs from all customers, from `describe`."""
    ax = plots.axes(ax, size=(8, 1.6 + 0.55 * max(table["feature"].nunique(), 2)))
    clusters = sorted(table["cluster"].unique())
    names = list(dict.fromkeys(table["feature"]))[::-1]
    ax.axvline(0, color=plots.GREY, linewidth=1)
    for at, cluster in enumerate(clusters):
        part = table[table["cluster"] == cluster].set_index("feature").loc[names]
        place = [up + 0.6 * ((at + 0.5) / len(clusters) - 0.5) for up in range(len(names))]
        color = plots.PALETTE[at % len(plots.PALETTE)]
        plots.error_bars(ax, place, part["low"], part["high"], horizontal=True, color=color)
        ax.plot(part["difference"], place, "o", color=color, label=f"group {cluster} (n={part['n'].iloc[0]:,})")
    ax.set_yticks(range(len(names)), [plain(name) for name in names])
    ax.set(xlabel="difference from all customers, robust standard deviations", ylim=(-0.6, len(names) - 0.4))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="best", fontsize=9)
    row = table.iloc[int(table["difference"].abs().to_numpy().argmax())].to_dict()
    side = "more" if row["difference"] > 0 else "less"
    finding = f"Group {row['cluster']} stands out most: {side} {plain(row['feature'])} than the others"
    if len(clusters) == 1:
        finding = "One group: there is nothing to compare"
    plots.title(ax, finding, "bars: interval")
    return ax
