"""Figures of what stages buy and of what customers say."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.loyalty.stages.figures import SHADES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_values(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Revenue per customer in the next month by stage, from `values`."""
    ax = plots.axes(ax, size=(8, 3.6))
    known = table.dropna(subset="next_month")
    if known.empty:
        plots.statement(ax, "Nobody has stood at a stage for a month yet.")
        return ax
    place = range(len(known))
    ax.bar(place, known["next_month"], 0.62, color=[SHADES[at] for at in known.index])
    plots.error_bars(ax, place, known["next_month_low"], known["next_month_high"])
    for at, row in zip(place, known.to_dict("records"), strict=True):
        top = row["next_month"] if row["next_month_high"] != row["next_month_high"] else row["next_month_high"]
        ax.annotate(
            plots.number(row["next_month"]), (at, top), xytext=(0, 4), textcoords="offset points", ha="center",
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    ax.set_xticks(
        place, [f"{row['stage']}\nn={plots.number(row['n'])}" for row in known.to_dict("records")], color=plots.BLACK
    )
    ax.set(ylabel="revenue in the next month", ylim=(min(0, known["next_month_low"].min()), None))
    plots.format_axis(ax.yaxis, lambda value: plots.money(value, currency))
    first = known.iloc[0]
    finding = f"A customer at {first['stage']} spends {plots.money(first['next_month'], currency)} in the next month"
    if len(known) > 1:
        best = known.nlargest(1, "next_month").iloc[0]
        finding = (
            f"A customer at {best['stage']} spends {plots.money(best['next_month'], currency)} in the next month, "
            f"at {first['stage']} {plots.number(first['next_month'])}"
        )
    plots.title(
        ax,
        finding,
        "mean over customer-months, those without an order included; lines: interval. It goes along, it need not come from it",
    )
    return ax


def plot_scores(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, question: str = "nps", trend: "pd.DataFrame | None" = None
) -> "Axes":
    """NPS or CSAT by quarter, from `by_quarter`, and what `trend` says of it."""
    ax = plots.axes(ax, size=(8, 3.6))
    if table.empty:
        plots.statement(ax, "Nobody has answered a question about the shop as a whole (nps or csat) yet.")
        return ax
    place = range(len(table))
    ax.plot(place, table["score"], color=plots.BLUE, marker="o")
    plots.error_bars(ax, place, table["low"], table["high"], color=plots.BLUE)
    plots.label_counts(ax, place, table["high"], table["answered"])
    names = [
        f"{quarter.year} Q{quarter.quarter}" + ("" if whole else "\nso far")
        for quarter, whole in zip(table["quarter"], table["complete"], strict=True)
    ]
    step = max(1, -(-len(table) // 12))
    ax.set_xticks(list(place)[::step], names[::step])
    ax.set_ylabel(question.upper())
    points = question == "nps"
    plots.format_axis(ax.yaxis, _points if points else plots.percent)
    if points and table["low"].min() < 0:
        ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    last = float(table["score"].iloc[-1])
    finding = f"{question.upper()} {_points(last) if points else plots.percent(last)} in the last quarter"
    line = trend.iloc[0] if trend is not None else None
    if line is not None and line["low"] == line["low"]:
        change = f"{plots.number(abs(100 * line['estimate']))} points a quarter"
        sure = line["low"] > 0 or line["high"] < 0
        finding += f", {'up' if line['estimate'] > 0 else 'down'} {change}" if sure else "; no trend beyond chance"
    plots.title(ax, finding, "of those who answered; lines: interval")
    return ax


def _points(score: float) -> str:
    """An NPS as one writes it.

    >>> _points(0.476), _points(-0.05), _points(0)
    ('+48', '−5', '0')
    """
    return f"{100 * score:+.0f}".replace("-", "−") if round(100 * score) else "0"


def plot_drivers(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """What goes along with recommending against how satisfied customers are with it, from `drivers`."""
    ax = plots.axes(ax, size=(8, 4))
    if table.empty:
        plots.statement(ax, "Too few answers rate several touchpoints and the shop as a whole: nothing to tell apart.")
        return ax
    ax.hlines(table["points"], table["satisfied_low"], table["satisfied_high"], color=plots.LIGHT, linewidth=1.6)
    ax.vlines(table["satisfied"], table["points_low"], table["points_high"], color=plots.BLUE, linewidth=1.6)
    ax.plot(table["satisfied"], table["points"], "o", color=plots.BLUE, markersize=9, markeredgecolor="white")
    for row in table.to_dict("records"):
        ax.annotate(
            row["touchpoint"],
            (row["satisfied"], row["points"]),
            xytext=(8, 7),
            textcoords="offset points",
            fontsize=10,
            fontweight="bold",
        )
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    ax.margins(x=0.18, y=0.15)
    ax.set(xlabel="share satisfied with it (4 or 5 of 5)", ylabel="promoters per star more")
    plots.format_axis(ax.xaxis, plots.percent)
    plots.format_axis(ax.yaxis, lambda value: f"{100 * value:+.0f} pp".replace("-", "−"))
    best = table.iloc[0]
    finding = "No touchpoint goes along with recommending, beyond chance"
    if best["low"] > 0:
        finding = (
            f"A star more for {best['touchpoint']} goes along with {100 * best['points']:.0f} points more promoters"
        )
    plots.title(
        ax,
        finding,
        f"{best['n']:,} answers, the other touchpoints being equal; lines: interval. High and left: look there first",
    )
    return ax
