"""Figures of the data health page; every title is computed from the table it is drawn from."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_COLUMNS = 24


def plot_completeness(filled: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Draw the share of filled cells by column and month; only columns with an empty cell are shown, emptiest first.

    Args:
        filled: Of ``completeness``.
        ax: Draw here; None makes a figure of its own.
    """
    dated = filled.dropna(subset="month")
    sums = dated.groupby(["table", "column"])[["rows", "present"]].sum()
    share = (sums["present"] / sums["rows"]).sort_values()
    holes = share[share < 1].index[:_MOST_COLUMNS]
    ax = plots.axes(ax, size=(8, max(2.6, 1.5 + 0.27 * len(holes))))
    if not len(holes):
        plots.statement(ax, f"Every cell of the {len(share)} dated columns is filled.")
        return ax
    cells = dated.assign(share=dated["present"] / dated["rows"]).set_index(["table", "column"])
    wide = cells.pivot_table(index=["table", "column"], columns="month", values="share").loc[holes]
    wide = wide.reindex(columns=sorted(dated["month"].unique()))
    image = ax.pcolormesh(
        wide.columns, range(len(wide)), wide.to_numpy(dtype=float), cmap=plots.SEQUENTIAL, vmin=0, vmax=1
    )
    ax.set_yticks(range(len(wide)), [f"{table}.{column}" for table, column in wide.index])
    ax.invert_yaxis()
    ax.grid(visible=False)
    plots.date_axis(ax)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02, aspect=25)
    plots.format_axis(bar.ax.yaxis, plots.percent)
    table, column = holes[0]
    plots.title(
        ax,
        f"{len(share[share < 1])} of {len(share)} columns have empty cells; emptiest: {table}.{column}, {plots.percent(share.iloc[0])} filled",
        "Share of filled cells by month; blank: no rows that month",
    )
    return ax


def plot_days(daily: "pd.DataFrame", gaps: "pd.DataFrame") -> "Axes":
    """Draw rows per day of each table, one above the other, with unexpected days without rows marked.

    Args:
        daily: Of ``daily_rows``.
        gaps: Of ``gaps``.

    Returns:
        The topmost Axes.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    plots.apply()
    names = list(dict.fromkeys(daily["table"]))
    _figure, panels = plt.subplots(len(names), 1, figsize=(8, 1.1 + len(names)), dpi=90, sharex=True, squeeze=False)
    odd = gaps[gaps["unexpected"]]
    for ax, name in zip(panels[:, 0], names, strict=True):
        table = daily[daily["table"] == name].set_index("day")["rows"]
        whole = table.iloc[len(table) % 7 :]
        week = whole.groupby(np.arange(len(whole)) // 7).mean().set_axis(whole.index[::7])
        ax.plot(week.index, week, color=plots.BLUE, linewidth=1.2)
        none = table.index[table == 0]
        ax.plot(none, [0] * len(none), "|", color=plots.BLACK, markersize=5)
        for gap in odd[odd["table"] == name].to_dict("records"):
            ax.axvspan(gap["first_day"], gap["last_day"], color=plots.VERMILLION, alpha=0.35, linewidth=3)
        ax.set_ylim(0, max(1.0, (0.0 if week.isna().all() else week.max()) * 1.45))
        ax.annotate(
            name,
            (0, 1),
            xycoords="axes fraction",
            xytext=(4, -3),
            textcoords="offset points",
            va="top",
            color=plots.BLACK,
        )
        plots.format_axis(ax.yaxis, plots.number)
    plots.date_axis(panels[-1, 0])
    days = int(odd["days"].sum())
    finding = (
        f"{days} unexpected day{'' if days == 1 else 's'} without rows" if days else "No unexpected day without rows"
    )
    plots.title(
        panels[0, 0],
        finding,
        "Mean rows per day by week; ticks: days without rows; orange: where the weekday rhythm does not explain them",
    )
    return panels[0, 0]


def plot_violations(violations: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Draw the share of a table's rows that each violation touches, coloured by severity.

    Args:
        violations: Of ``ds.check()``.
        ax: Draw here; None makes a figure of its own.
    """
    shown = violations.head(_MOST_COLUMNS)
    ax = plots.axes(ax, size=(8, max(2.2, 1.4 + 0.3 * len(shown))))
    if shown.empty:
        plots.statement(ax, "No row breaks the contract, and none was left out.")
        return ax
    color = {"excluded": plots.VERMILLION, "error": plots.ORANGE, "warning": plots.SKY, "filtered": plots.GREY}
    names = [
        f"{row['table']}: {row['rule'] if row['severity'] in {'excluded', 'filtered'} else row['column'] + ' ' + row['rule']}"
        for row in shown.to_dict("records")
    ]
    ax.barh(range(len(shown)), shown["share"], color=[color[severity] for severity in shown["severity"]], height=0.62)
    ax.set_yticks(range(len(shown)), names)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    for place, (share, severity) in enumerate(zip(shown["share"], shown["severity"], strict=True)):
        ax.annotate(
            f"{plots.percent(share)} {severity}",
            (share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_xlim(0, max(shown["share"].max() * 1.3, 1e-6))
    plots.format_axis(ax.xaxis, plots.percent)
    worst = shown.sort_values("share").iloc[-1]
    plots.title(
        ax,
        f"{len(violations)} kind{'' if len(violations) == 1 else 's'} of finding; the largest touches {plots.percent(worst['share'])} of {worst['table']}",
        "Share of the table's rows",
    )
    return ax
