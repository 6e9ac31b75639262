"""Figures of the overview; every title is computed from the table it is drawn from."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from opskit import plots
from opskit.overview.drivers import leading_driver
from opskit.overview.metrics import select

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

_OBJECTIVES = {"scale": "new_buyers", "activity": "returning_share", "commercialization": "net_revenue"}


def plot_trend(
    trend: "pd.DataFrame", metric: str, ax: "Axes | None" = None, *, currency: str = "", confidence: float = 0.95
) -> "Axes":
    """Draw one metric by month; months that are not whole stay hollow, so that none of them reads as a fall.

    Args:
        trend: Of ``overview.trend``.
        metric: Name of the metric.
        ax: Draw here; None makes a figure of its own.
        currency: Written before amounts of money.
        confidence: Coverage of the intervals in the table, for the caption.
    """
    rows, ax = select(trend, metric), plots.axes(ax)
    text = _text(rows["unit"].iloc[0], currency)
    _draw(ax, rows)
    whole = rows[rows["complete"] & rows["estimate"].notna()]
    label = rows["label"].iloc[0]
    plots.title(
        ax,
        f"{label}: {_latest(whole, text)}" if len(whole) else f"{label}: not known yet",
        f"{_months(len(rows[rows['complete']]))}; band: {confidence:.0%} interval"
        + ("" if rows["complete"].all() else "; hollow: not a whole month"),
    )
    return ax


def plot_objectives(trend: "pd.DataFrame", *, currency: str = "") -> "np.ndarray":
    """Draw one leading metric for each of the three objectives, on one page.

    Args:
        trend: Of ``overview.trend``.
        currency: Written before amounts of money.

    Returns:
        The three Axes.
    """
    import matplotlib.pyplot as plt

    plots.apply()
    _figure, panels = plt.subplots(len(_OBJECTIVES), 1, figsize=(7.6, 5.8), sharex=True, dpi=90)
    for ax, (objective, metric) in zip(panels, _OBJECTIVES.items(), strict=True):
        rows = select(trend, metric)
        text = _text(rows["unit"].iloc[0], currency)
        _draw(ax, rows)
        whole = rows[rows["complete"] & rows["estimate"].notna()]
        last = _latest(whole, text) if len(whole) else "not known yet"
        plots.title(ax, f"{objective.capitalize()}. {rows['label'].iloc[0]}: {last}")
    return panels


def plot_year_over_year(
    changes: "pd.DataFrame", metric: str, ax: "Axes | None" = None, *, confidence: float = 0.95
) -> "Axes":
    """Draw how far each month lies above or below the same month a year earlier.

    Args:
        changes: Of ``overview.year_over_year``.
        metric: Name of the metric.
        ax: Draw here; None makes a figure of its own.
        confidence: Coverage of the intervals in the table, for the caption.
    """
    ax = plots.axes(ax)
    if changes.empty:
        plots.statement(ax, "No month can be compared: the orders hold no complete month a year apart.")
        return ax
    rows = select(changes, metric)
    clear_up, clear_down = rows["low"] > 0, rows["high"] < 0
    color = [
        plots.BLUE if up else plots.VERMILLION if down else plots.GREY
        for up, down in zip(clear_up, clear_down, strict=True)
    ]
    ax.axhline(0, color=plots.BLACK, linewidth=1)
    ax.scatter(rows["month"], rows["estimate"], color=color, s=28, zorder=4)
    for position, low, high, shade in zip(rows["month"], rows["low"], rows["high"], color, strict=True):
        plots.error_bars(ax, [position], [low], [high], color=shade)
    plots.date_axis(ax)
    plots.format_axis(ax.yaxis, plots.percent)
    kind = "Difference" if rows["unit"].iloc[0] == "share" else "Change"
    plots.title(
        ax,
        f"{rows['label'].iloc[0]} was clearly above the year before in {clear_up.sum()} of {_months(len(rows))}, "
        f"clearly below in {clear_down.sum()}",
        f"{kind} against the same month a year earlier; bars: {confidence:.0%} intervals; grey: the interval holds 0",
    )
    return ax


def plot_drivers(
    drivers: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "", confidence: float = 0.95
) -> "Axes":
    """Draw the waterfall from net revenue before to net revenue after.

    Args:
        drivers: Of ``overview.drivers``.
        ax: Draw here; None makes a figure of its own.
        currency: Written before amounts of money.
        confidence: Coverage of the intervals in the table, for the caption.
    """
    total, parts = drivers.iloc[-1], drivers.iloc[:-1]
    last = len(parts) + 1
    ax = plots.axes(ax, size=(8, 1.6 + 0.4 * last))
    starts = total["before"] + parts["contribution"].cumsum() - parts["contribution"]
    steps = [total["before"], *(starts + parts["contribution"])]
    color = [plots.BLUE if part > 0 else plots.VERMILLION for part in parts["contribution"]]
    ax.barh([0, last], [total["before"], total["after"]], color=plots.GREY, height=0.62)
    ax.barh(range(1, last), parts["contribution"], left=starts, color=color, height=0.62)
    below = [place + 0.31 for place in range(last)]
    ax.vlines(steps, below, [place + 0.38 for place in below], color=plots.GREY, linewidth=0.8)
    low, high = starts + parts["low"], starts + parts["high"]
    plots.error_bars(ax, range(1, last), low, high, horizontal=True)
    names = [_driver(segment, driver) for segment, driver in zip(parts["segment"], parts["driver"], strict=True)]
    ax.set_yticks(range(last + 1), ["before", *names, "after"])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    plots.format_axis(ax.xaxis, plots.number)
    edges = [edge for edge in (0, *steps, total["after"], *low, *high) if edge == edge]
    ax.set_xlim(min(edges), max(edges) * 1.02 if max(edges) > 0 else 1)
    _beside(ax, [plots.number(total["before"]), *map(_signed, parts["contribution"]), plots.number(total["after"])])
    money = f"Net revenue, {currency}" if currency else "Net revenue"
    detail = f"{money}; {total['n']:,} buyers; thin bars: {confidence:.0%} intervals of each part"
    plots.title(ax, _finding(drivers, currency), detail)
    return ax


def _beside(ax: "Axes", texts: list[str]) -> None:
    """Write one text a row, right of the Axes."""
    across = ax.get_yaxis_transform()
    for place, text in enumerate(texts):
        ax.text(1.01, place, text, transform=across, va="center", fontsize=9)


def _finding(drivers: "pd.DataFrame", currency: str) -> str:
    total, lead = drivers.iloc[-1], leading_driver(drivers)
    change = total["contribution"]
    relative = f" ({_signed_percent(change / total['before'])})" if total["before"] > 0 else ""
    word = "rose" if change > 0 else "fell"
    if total["low"] <= 0 <= total["high"]:
        word = "moved within chance: it " + word
    name = _driver(lead["segment"], lead["driver"])
    return (
        f"Net revenue {word} by {plots.money(abs(change), currency)}{relative}; "
        f"the largest part is {name} ({_signed(lead['contribution'])})"
    )


def _draw(ax: "Axes", rows: "pd.DataFrame") -> None:
    import pandas as pd

    whole, partial_months = rows[rows["complete"]], rows[~rows["complete"]]
    plots.band(ax, whole["month"], whole["low"], whole["high"])
    ax.plot(whole["month"], whole["estimate"], color=plots.BLUE, marker="o", markersize=3.5)
    ax.plot(
        partial_months["month"],
        partial_months["estimate"],
        "o",
        color=plots.BLUE,
        markerfacecolor="white",
        markersize=6,
    )
    if len(partial_months) and not rows["complete"].iloc[-1]:
        last = rows["month"].iloc[-1]
        plots.shade_incomplete(ax, last - pd.Timedelta(days=14), last + pd.Timedelta(days=14))
    ax.set_ylim(bottom=min(0, whole["low"].min()) if len(whole) and whole["low"].notna().any() else 0)
    plots.date_axis(ax)
    plots.format_axis(ax.yaxis, _text(rows["unit"].iloc[0], ""))


def _latest(whole: "pd.DataFrame", text: Callable[[float], str]) -> str:
    """The latest whole month, against the same month a year earlier where there is one, else against the first."""
    import pandas as pd

    last = whole.iloc[-1]
    said = f"{text(last['estimate'])} in {last['month']:%b %Y}"
    earlier = whole[whole["month"] == last["month"] - pd.DateOffset(years=1)]
    base = earlier.iloc[0] if len(earlier) else whole.iloc[0]
    return said if base["month"] == last["month"] else f"{said}, {text(base['estimate'])} in {base['month']:%b %Y}"


def _text(unit: str, currency: str) -> Callable[[float], str]:
    if unit == "money":
        return partial(plots.money, currency=currency)
    return plots.percent if unit == "share" else plots.number


def _driver(segment: str, driver: str) -> str:
    if segment == "all":
        return driver
    return f"{segment} buyers" if driver == "buyers" else f"{driver}, {segment}"


def _signed(value: float) -> str:
    return f"+{plots.number(value)}" if value > 0 else plots.number(value)


def _signed_percent(value: float) -> str:
    return f"+{plots.percent(value)}" if value > 0 else plots.percent(value)


def _months(count: int) -> str:
    return f"{count} complete month{'' if count == 1 else 's'}"
