"""Figures of the lead pipeline."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_ageing(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Open leads by stage, darker the longer they have been there, from `pipeline(...).ageing`."""
    import numpy as np
    from matplotlib import colormaps

    stages, ages = list(dict.fromkeys(table["stage"])), sorted(table["age_from_days"].unique())
    ax = plots.axes(ax, size=(9, 2.2 + 0.5 * len(stages)))
    total = int(table["leads"].sum())
    if not total:
        plots.statement(ax, "No lead is open.")
        return ax
    wide = table.pivot(index="stage", columns="age_from_days", values="leads").reindex(stages)
    shades = colormaps["Blues"](np.linspace(0.2, 0.95, len(ages)))
    left = np.zeros(len(stages))
    for place, age in enumerate(ages):
        until = table.loc[table["age_from_days"] == age, "age_to_days"].iloc[0]
        name = f"{age}–{until:.0f}" if until == until else f"over {age} days"
        widths = wide[age].to_numpy(dtype=float)
        ax.barh(range(len(stages)), widths, 0.62, left=left, color=shades[place], label=name, edgecolor="white")
        for at, width in enumerate(widths):
            if width > 0.045 * table.groupby("stage")["leads"].sum().max():
                dark = place > len(ages) / 2
                ax.text(
                    left[at] + width / 2,
                    at,
                    f"{width:.0f}",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if dark else plots.BLACK,
                )
        left += widths
    late = table.groupby("stage", sort=False)["overdue"].sum()
    for at, stage in enumerate(stages):
        text = f"{late[stage]:,} of {left[at]:,.0f} overdue"
        ax.annotate(
            text,
            (left[at], at),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=plots.VERMILLION,
        )
    ax.set_yticks(range(len(stages)), stages, color=plots.BLACK)
    ax.set(xlim=(0, 1.28 * left.max()), ylim=(len(stages) - 0.5, -0.6), xlabel="open leads")
    ax.grid(visible=False)
    ax.legend(
        ncols=len(ages),
        loc="upper left",
        bbox_to_anchor=(0, -0.28),
        fontsize=8,
        title="days at the stage",
        title_fontsize=8,
        alignment="left",
        columnspacing=1,
    )
    finding = f"{int(late.sum()):,} of {total:,} open leads are older than 9 in 10 of those that moved on"
    plots.title(ax, finding, "open leads by stage and by days there")
    return ax


def plot_holdout(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """What `holdout` forecast on earlier days, and what came."""
    from matplotlib.ticker import MaxNLocator

    ax = plots.axes(ax, size=(8, 3.6))
    if table.empty:
        plots.statement(ax, "The leads do not reach back far enough to check a forecast.")
        return ax
    rows = table.iloc[::-1].reset_index(drop=True)
    place = range(len(rows))
    ax.vlines(place, rows["low"], rows["high"], color=plots.LIGHT, linewidth=12)
    ax.plot(place, rows["expected"], "_", color=plots.BLUE, markersize=22, markeredgewidth=3, label="forecast")
    ax.plot(place, rows["actual"], "o", color=plots.VERMILLION, markersize=8, label="what came")
    ax.set_xticks(
        place, [f"{row['day']:%Y-%m-%d}\n{row['open']:,} open" for row in rows.to_dict("records")], color=plots.BLACK
    )
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(ylim=(0, None), ylabel="conversions", xlim=(-0.5, len(rows) - 0.5))
    ax.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2), fontsize=9)
    inside = int(rows["inside"].sum())
    finding = f"{inside} of {len(rows)} earlier forecasts held what came"
    plots.title(
        ax,
        finding,
        f"forecast {rows['expected'].sum():.0f} in all, came {rows['actual'].sum():,}; grey: interval of each forecast",
    )
    return ax
