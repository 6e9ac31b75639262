"""Figures of non-customers and of the scenario map."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.plots.marks import wrap
from opskit.target_users.needs.figures import sentence
from opskit.target_users.needs.non_customers import NEARLY, REFUSING, UNEXPLORED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.target_users.needs.non_customers import NonCustomers
    from opskit.target_users.needs.scenarios import Scenarios

_TIER_COLORS = {NEARLY: plots.GREEN, REFUSING: plots.ORANGE, UNEXPLORED: plots.LIGHT}


def plot_non_customers(found: "NonCustomers | None", ax: "Axes | None" = None) -> "Axes":
    """Shares of the three kinds from `non_customers`."""
    ax = plots.axes(ax, size=(7.6, 2.3))
    if found is None:
        plots.statement(ax, "No non-customer was asked for need and ability to pay.")
        return ax
    rows = found.tiers.iloc[::-1]
    ax.barh(rows["tier"], rows["share"], color=[_TIER_COLORS[tier] for tier in rows["tier"]], height=0.62)
    plots.error_bars(ax, range(len(rows)), rows["low"], rows["high"], horizontal=True)
    for place, row in enumerate(rows.to_dict("records")):
        ax.text(row["high"], place, f"  {plots.percent(row['share'])}: {row['means']}", va="center", fontsize=8.5)
    ax.set(xlim=(0, max(1.0, rows["high"].max() + 0.5)), xlabel="share of the non-customers who answered")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.grid(visible=False, axis="y")
    nearly = found.tiers.iloc[0]
    plots.title(
        ax,
        f"{plots.percent(nearly['share'])} of the non-customers are nearly customers",
        f"n={int(nearly['n']):,}; bars: interval",
    )
    return ax


def plot_scenarios(found: "Scenarios | None", ax: "Axes | None" = None) -> "Axes":
    """The map from `scenarios` as a tree: scene, gathering place, channel, and the score of each way."""
    rows = None if found is None else _in_tree_order(found.table)
    ax = plots.axes(ax, size=(9.2, 1.3 + 0.36 * (4 if rows is None else len(rows))))
    if found is None or rows is None:
        plots.statement(
            ax, "No table scenarios: `opskit template scenarios --out scenarios.xlsx` writes one to fill in."
        )
        return ax
    ax.set(xlim=(0, 1.0), ylim=(len(rows) - 0.4, -1.1))
    ax.set_axis_off()
    _branches(ax, rows)
    best = found.table["score"].max()
    for y, row in enumerate(rows.to_dict("records")):
        color = plots.BLUE if row["score"] >= best - 1e-12 else plots.SKY if row["first_any"] > 0 else plots.LIGHT
        ax.barh(y, 0.17 * row["score"], left=0.735, height=0.56, color=color)
        ax.text(0.74 + 0.17 * row["score"], y, f"{row['score']:.2f}", va="center", fontsize=8.5)
        ax.text(1.0, y, plots.percent(round(row["first"], 3)), va="center", ha="right", fontsize=8.5, color=plots.GREY)
    for x, word, side in (
        (0, "scene", "left"),
        (0.24, "where they gather", "left"),
        (0.49, "channel", "left"),
        (0.735, "score", "left"),
        (1.0, "first", "right"),
    ):
        ax.text(x, -0.9, word, ha=side, fontsize=9, color=plots.GREY, style="italic")
    top = found.table.iloc[0]
    weights = ", ".join(f"{name.replace('_', ' ')} {weight:.0%}" for name, weight in found.weights.items())
    finding = sentence(
        f"{top['channel']} at {top['place']} leads with {plots.percent(round(top['first'], 2))} of the weights near yours"
    )
    plots.title(ax, finding, f"weights: {weights}; grey bar: never first, whatever the weights")
    return ax


def _in_tree_order(table: "pd.DataFrame") -> "pd.DataFrame":
    """Branches together, those with the best way first."""
    by_scene, by_place = (table.groupby(keys)["score"].transform("max") for keys in (["scene"], ["scene", "place"]))
    ordered = table.assign(_scene=by_scene, _place=by_place).sort_values(
        ["_scene", "scene", "_place", "place", "score"], ascending=[False, True, False, True, False], kind="stable"
    )
    return ordered.drop(columns=["_scene", "_place"]).reset_index(drop=True)


def _branches(ax: "Axes", rows: "pd.DataFrame") -> None:
    line: dict[str, Any] = {"color": plots.LIGHT, "linewidth": 1.2, "zorder": 0}
    for scene, of_scene in rows.groupby("scene", sort=False):
        y = float(of_scene.index.to_numpy().mean())
        ax.text(0, y, wrap(str(scene), width=24), va="center", fontsize=9, weight="bold")
        for place, of_place in of_scene.groupby("place", sort=False):
            y_place = float(of_place.index.to_numpy().mean())
            _joined(ax, (0.205, y), (0.235, y_place), line)
            ax.text(0.24, y_place, wrap(str(place), width=26), va="center", fontsize=9)
            for y_channel, channel in zip(of_place.index, of_place["channel"], strict=True):
                _joined(ax, (0.455, y_place), (0.485, y_channel), line)
                ax.text(0.49, y_channel, wrap(str(channel), width=30), va="center", fontsize=9)


def _joined(ax: "Axes", start: tuple[float, float], end: tuple[float, float], line: dict[str, Any]) -> None:
    middle = (start[0] + end[0]) / 2
    ax.plot([start[0], middle, middle, end[0]], [start[1], start[1], end[1], end[1]], **line)


def plot_first(found: "Scenarios | None", ax: "Axes | None" = None, *, shown: int = 6) -> "Axes":
    """How often each way comes first under three readings of the weights, from `scenarios`."""
    ax = plots.axes(ax, size=(7.6, 2.9))
    if found is None:
        plots.statement(ax, "No table scenarios, no order of ways.")
        return ax
    rows = found.table.sort_values("first", ascending=False, kind="stable").head(shown).iloc[::-1]
    kinds = (
        ("first", "near yours", plots.BLUE, "o"),
        ("first_blurred", "and scores off by up to a point", plots.ORANGE, "s"),
        ("first_any", "any weights", plots.GREY, "D"),
    )
    for column, label, color, mark in kinds:
        ax.plot(rows[column], range(len(rows)), mark, color=color, label=label, markersize=6)
    for place, row in enumerate(rows.to_dict("records")):
        ends = [row[column] for column, *_ in kinds]
        ax.hlines(place, min(ends), max(ends), color=plots.LIGHT, zorder=0)
    ax.set_yticks(
        range(len(rows)), [wrap(f"{row['channel']}, {row['place']}", width=40) for row in rows.to_dict("records")]
    )
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.6, len(rows) - 0.4), xlabel="how often it comes first")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(fontsize=8, title="weights", title_fontsize=8)
    top = found.table.iloc[0]
    nearest = found.overtaking.dropna(subset="becomes")
    finding = f"No weight alone dethrones {top['channel']}"
    if len(nearest):
        row = nearest.iloc[nearest["change"].abs().argmin()]
        finding = f"{row['rival']} overtakes once {row['criterion'].replace('_', ' ')} weighs {row['becomes']:.0%} instead of {row['weight']:.0%}"
    plots.title(ax, sentence(finding), "20,000 draws of the weights")
    return ax
