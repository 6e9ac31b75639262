"""Figures of the plan: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.plan.audience import Audience, counts
from opskit.incentives.plan.reached import HELD_OUT, KEPT_BACK, SENT
from opskit.incentives.plan.worksheet import DRIVES
from opskit.plots.marks import wrap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLORS = {
    SENT: plots.BLUE,
    HELD_OUT: plots.SKY,
    KEPT_BACK[0]: plots.VERMILLION,
    KEPT_BACK[1]: plots.ORANGE,
    KEPT_BACK[2]: plots.PURPLE,
    KEPT_BACK[3]: plots.GREY,
}


def plot_people(found: Audience, ax: "Axes | None" = None) -> "Axes":
    """What becomes of the customers of each row, from `counts`."""
    table = counts(found).iloc[::-1]
    ax = plots.axes(ax, size=(7.6, 1.5 + 0.42 * len(table)))
    left = 0 * table["people"]
    for name, color in COLORS.items():
        if table[name].any():
            ax.barh(table["row"], table[name], left=left, color=color, label=name, height=0.66)
            left = left + table[name]
    for row, people in zip(table["row"], table["people"], strict=True):
        ax.annotate(
            f"{people:,}", (people, row), xytext=(4, 0), textcoords="offset points", va="center", color=plots.GREY
        )
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set(xlabel="customers", xlim=(0, max(float(table["people"].max()), 1) * 1.12))
    ax.legend(loc="upper center", bbox_to_anchor=(0.42, -0.24 / (0.3 + 0.12 * len(table))), ncols=3, fontsize=9)
    sent, people = int(table[SENT].sum()), int(table["people"].sum())
    aside, back = int(table[HELD_OUT].sum()), int(table[list(KEPT_BACK)].to_numpy().sum())
    detail = f"{aside:,} are held out, {back:,} kept back; each customer once, in the first row that fits"
    plots.title(ax, f"{sent:,} of {people:,} customers get a message", detail)
    return ax


def plot_effects(figures: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """What each row hopes for, and from which effect its hold-out shows it and its cost is earned back, from `expected`."""
    table = figures.iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(7.6, 1.7 + 0.42 * len(table)))
    shown = table[["hoped", "visible", "pays_from"]]
    if not (shown["visible"].notna().any() or shown["hoped"].notna().any()):
        plots.statement(ax, "No row hopes for an effect, and no base is known yet: there is nothing to compare.")
        return ax
    for at, row in enumerate(shown.to_dict("records")):
        if row["hoped"] == row["hoped"] and row["visible"] == row["visible"]:
            ends = sorted((row["hoped"], row["visible"]))
            color = plots.GREEN if row["hoped"] >= row["visible"] else plots.LIGHT
            ax.plot(ends, [at, at], color=color, linewidth=5, solid_capstyle="butt", zorder=1)
    at = list(range(len(table)))
    ax.scatter(
        shown["visible"], at, color=plots.BLACK, marker="|", s=190, linewidth=2.4, label="hold-out shows it from"
    )
    ax.scatter(shown["hoped"], at, color=plots.BLUE, s=52, zorder=3, label="hoped for")
    pays = shown["pays_from"].where(shown["pays_from"] > 0)
    ax.scatter(pays, at, color=plots.ORANGE, marker="D", s=34, zorder=2, label="pays from")
    ax.set_yticks(at, table["row"])
    most = max(float(shown.max().max()), 0.1)
    ax.set(xlabel="rise of the KPI", xlim=(0, most * 1.08), ylim=(-0.6, len(table) - 0.4))
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(loc="upper center", bbox_to_anchor=(0.42, -0.32 / (0.4 + 0.12 * len(table))), ncols=3, fontsize=9)
    asked = shown.dropna(subset=["hoped", "visible"])
    told = int((asked["hoped"] >= asked["visible"]).sum())
    finding = (
        f"{told} of {len(asked)} hold-outs can show the effect that their row hopes for"
        if len(asked)
        else "No row says which effect it hopes for; the bars say what each could show"
    )
    plots.title(ax, finding, "a rise smaller than the bar may be there and will not be seen")
    return ax


def plot_drives(drives: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Which segment is offered what of each drive, from `drives`."""
    from matplotlib.patches import Rectangle

    segments = list(dict.fromkeys(drives["segment"]))
    ax = plots.axes(ax, size=(7.6, 1.3 + 0.5 * len(segments)))
    for at, segment in enumerate(segments):
        for across, drive in enumerate(DRIVES):
            row = drives[(drives["segment"] == segment) & (drives["drive"] == drive)].iloc[0]
            color = plots.GREEN if row["offered"] else plots.LIGHT
            face: dict[str, Any] = {
                "facecolor": color,
                "alpha": 0.28 if row["offered"] else 0.35,
                "edgecolor": "white",
                "linewidth": 3,
            }
            ax.add_patch(Rectangle((across, len(segments) - 1 - at), 1, 1, **face))
            used = "" if row["used_by"] != row["used_by"] else f"used by {plots.percent(row['used_by'])}"
            text = "\n".join(filter(None, [row["offered"], used])) or "–"
            place = (across + 0.5, len(segments) - 0.5 - at)
            ax.text(*place, wrap(text, width=27), ha="center", va="center", fontsize=8, color=plots.BLACK)
    ax.set(xlim=(0, len(DRIVES)), ylim=(0, len(segments)))
    ax.set_xticks([0.5, 1.5, 2.5], DRIVES)
    ax.set_yticks([len(segments) - 0.5 - at for at in range(len(segments))], segments)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    gaps = int(drives["gap"].sum())
    finding = f"{gaps} of {len(drives)} places are empty: nothing of that drive for that segment"
    plots.title(ax, finding, "welfare is money's worth, content informs, function makes something possible")
    return ax
