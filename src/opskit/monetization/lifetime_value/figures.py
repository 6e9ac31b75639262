"""Figures of the forecast: each draws the table of the function it is named after, and its title says what that shows."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.monetization.lifetime_value.independence import Independence
    from opskit.monetization.lifetime_value.validation import Holdout

_NOT_CHECKED = "The forecast could not be checked: see the sentence above."


def plot_holdout(found: "Holdout", ax: "Axes | None" = None) -> "Axes":
    """Order days held out per customer by frequency in calibration, counted and expected, from `holdout`."""
    ax = plots.axes(ax, size=(7, 3.6))
    known = found.by_frequency[found.by_frequency["customers"] > 0]
    if known.empty:
        plots.statement(ax, _NOT_CHECKED)
        return ax
    place = known.index.to_numpy()
    ax.plot(place, known["actual"], "o", color=plots.BLUE, markersize=7, label="what they did")
    plots.error_bars(ax, place, known["low"], known["high"], color=plots.BLUE)
    ax.plot(place, known["expected"], color=plots.ORANGE, marker="D", markersize=5, label="forecast")
    names = [f"{name}\nn={plots.number(n)}" for name, n in zip(known["frequency"], known["customers"], strict=True)]
    ax.set_xticks(place, names, fontsize=8)
    ax.set(xlabel="repeat days in calibration", ylabel="order days held out, per customer", ylim=(0, None))
    ax.legend(loc="upper left", fontsize=9)
    error = _row(found.accuracy, "model", "error")
    finding = f"The forecast came out {plots.percent(abs(error['estimate']))} too {'high' if error['estimate'] > 0 else 'low'}"
    if error["low"] <= 0 <= error["high"]:
        finding = f"The forecast missed the total by {plots.percent(error['estimate'])}, within chance"
    if error["estimate"] != error["estimate"]:
        finding = "Nobody ordered in the days held out"
    plots.title(ax, finding, "bars: interval of what they did; forecast made from calibration alone")
    return ax


def plot_tracking(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Cumulative repeat order days, counted and expected, from `tracking`."""
    ax = plots.axes(ax, size=(7, 3.4))
    if table.empty:
        plots.statement(ax, _NOT_CHECKED)
        return ax
    day = _ends(table)
    ax.plot(day, table["cumulative_actual"], color=plots.BLUE, label="counted")
    plots.band(ax, day, table["cumulative_low"], table["cumulative_high"])
    ax.plot(day, table["cumulative_expected"], color=plots.ORANGE, linestyle="--", label="expected")
    _mark_holdout(ax, table)
    ax.set(ylabel="repeat order days so far", ylim=(0, None))
    plots.format_axis(ax.yaxis, plots.number)
    plots.date_axis(ax)
    last = table.iloc[-1]
    miss = last["cumulative_expected"] / last["cumulative_actual"] - 1 if last["cumulative_actual"] else float("nan")
    finding = (
        f"By the last week the model stands {plots.percent(abs(miss))} {'above' if miss > 0 else 'below'} the count"
    )
    plots.title(ax, finding, f"{plots.number(last['n'])} customers of the calibration period; band: interval")
    plots.label_lines(ax)
    return ax


def plot_weekly(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Repeat order days a week, counted and expected, from `tracking`; weeks that chance does not explain are marked."""
    ax = plots.axes(ax, size=(7, 3.4))
    if table.empty:
        plots.statement(ax, _NOT_CHECKED)
        return ax
    day = _ends(table)
    ax.plot(day, table["actual"], color=plots.BLUE, linewidth=1.2, label="counted")
    ax.plot(day, table["expected"], color=plots.ORANGE, linestyle="--", label="expected")
    busy = table[table["low"] > table["expected"]]
    peaks = busy.nlargest(3, "actual").sort_values("week")
    plots.error_bars(ax, _ends(busy), busy["low"], busy["high"], color=plots.VERMILLION)
    ax.plot(_ends(busy), busy["actual"], "o", color=plots.VERMILLION, markersize=5)
    for week, end, high in zip(peaks["first_day"], _ends(peaks), peaks["high"], strict=True):
        ax.annotate(f"{week:%d %b %Y}", (end, high), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8)
    _mark_holdout(ax, table)
    top = max([1.0, float(table["actual"].max()), *busy["high"]])
    ax.set(ylabel="repeat order days in the week", ylim=(0, 1.15 * top))
    plots.date_axis(ax)
    finding = "Week by week the count stays near what is expected"
    if len(busy):
        most = busy.nlargest(1, "actual").iloc[0]
        finding = (
            f"The week of {most['first_day']:%d %B %Y} stands out: {most['actual']} for {most['expected']:.0f} expected"
        )
    plots.title(ax, finding, "the model knows no season; bars: interval of the weeks that lie above what is expected")
    plots.label_lines(ax)
    return ax


def plot_ranking(found: "Holdout", ax: "Axes | None" = None) -> "Axes":
    """Share of the revenue held out that the best ranked brought, from `holdout(...).ranking`."""
    import numpy as np

    ax = plots.axes(ax, size=(6.5, 3.6))
    table = found.ranking
    if table.empty or table["captured"].isna().all():
        plots.statement(ax, _NOT_CHECKED)
        return ax
    shares = sorted(table["top_share"].unique())
    for offset, name, color in ((-0.2, "model", plots.BLUE), (0.2, "past spend", plots.GREY)):
        part = table[table["ranked_by"] == name].set_index("top_share").loc[shares]
        place = np.arange(len(shares)) + offset
        ax.bar(place, part["captured"], 0.38, color=color, alpha=0.85, label=f"ranked by {name}")
        plots.error_bars(ax, place, part["low"], part["high"])
        for at, value in zip(place, part["captured"], strict=True):
            ax.text(at, 0.02, plots.percent(value), ha="center", color="white", fontsize=10)
    sizes = table.drop_duplicates("top_share").set_index("top_share")["customers"]
    ax.set_xticks(range(len(shares)), [f"top {plots.percent(share)}\n{sizes[share]} customers" for share in shares])
    ax.set(ylabel="share of the revenue held out", ylim=(0, min(1.0, 1.25 * float(table["high"].max()))))
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="upper left", fontsize=9)
    gap = table[(table["ranked_by"] == "model less past spend")].iloc[-1]
    finding = "The model finds the best customers as well as past spend does"
    if gap["low"] > 0 or gap["high"] < 0:
        finding = f"The model finds the best customers {'better' if gap['low'] > 0 else 'less well'} than past spend"
    plots.title(ax, finding, "customers ranked at the end of calibration; bars: interval")
    return ax


def plot_independence(found: "Independence", ax: "Axes | None" = None) -> "Axes":
    """Mean value of a repeat day by frequency, from `independence`."""
    ax = plots.axes(ax, size=(7, 3.6))
    known = found.by_frequency[found.by_frequency["customers"] > 0]
    average = (known["mean_value"] * known["customers"]).sum() / known["customers"].sum()
    ax.plot([known.index[0], known.index[-1] + 0.4], [average] * 2, color=plots.ORANGE, linestyle="--", label="average")
    ax.plot(known.index, known["mean_value"], "o", color=plots.BLUE, markersize=7)
    plots.error_bars(ax, known.index, known["low"], known["high"], color=plots.BLUE)
    names = [f"{name}\nn={plots.number(n)}" for name, n in zip(known["frequency"], known["customers"], strict=True)]
    ax.set_xticks(known.index, names, fontsize=8)
    top = max(known["mean_value"].max(), known["high"].max())
    ax.set(xlabel="repeat days", ylabel="mean value of a repeat day", ylim=(0, 1.15 * float(top)))
    plots.format_axis(ax.yaxis, plots.number)
    row = found.correlation.iloc[0]
    words = {
        "holds": "How often says next to nothing about how much",
        "does not hold": "Those who buy often do not spend the same",
        "not enough data": "Whether how often says something about how much cannot be told",
    }
    detail = f"correlation {row['estimate']:.2f} ({row['low']:.2f} to {row['high']:.2f}), {plots.number(row['n'])} repeat customers"
    if row["estimate"] != row["estimate"]:
        detail = f"{plots.number(row['n'])} repeat customers, too few or too much alike for a correlation"
    plots.title(ax, words[row["verdict"]], f"{detail}; bars: interval")
    plots.label_lines(ax)
    return ax


def plot_outlook(table: "pd.DataFrame", ax: "Axes | None" = None, *, column: str = "probability_alive") -> "Axes":
    """Heat map over frequency and recency, from `outlook`; column: probability_alive or expected_purchases."""
    ax = plots.axes(ax, size=(6.5, 3.5))
    grid = table.pivot(index="recency_days", columns="frequency", values=column)
    values = grid.to_numpy(dtype=float)
    bounds = (0.0, 1.0) if column == "probability_alive" else (0.0, float(table[column].max()))
    image = ax.pcolormesh(
        range(grid.shape[1]), range(grid.shape[0]), values, cmap=plots.SEQUENTIAL, vmin=bounds[0], vmax=bounds[1]
    )
    ax.grid(visible=False)
    ax.set_xticks(range(0, grid.shape[1], 2), [str(name) for name in grid.columns[::2]])
    ax.set_yticks(range(0, grid.shape[0], 2), [f"{day:.0f}" for day in grid.index[::2]])
    ax.set(xlabel="repeat days (frequency)", ylabel="day of the last order (recency)")
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
    text = plots.percent if column == "probability_alive" else plots.number
    plots.format_axis(bar.ax.yaxis, text)
    last = table["recency_days"].max()
    busy = table[table["frequency"] == table["frequency"].max()].set_index("recency_days")[column]
    half = busy.index[(busy.index - last / 2).to_series().abs().argmin()]
    name = "P(alive)" if column == "probability_alive" else "Expected order days"
    finding = f"{name} of a busy customer: {text(busy[last])}, if silent since day {half:.0f} only {text(busy[half])}"
    plots.title(ax, finding, f"customers observed for {last:.0f} days; without a repeat day: {text(values[0, 0])}")
    return ax


def _row(accuracy: "pd.DataFrame", forecast: str, measure: str) -> "pd.Series":
    return accuracy[(accuracy["forecast"] == forecast) & (accuracy["measure"] == measure)].iloc[0]


def _ends(table: "pd.DataFrame") -> "pd.Series":
    import pandas as pd

    return table["first_day"] + pd.Timedelta(days=6)


def _mark_holdout(ax: "Axes", table: "pd.DataFrame") -> None:
    held = table[table["held_out"]]
    if len(held):
        ax.axvspan(held["first_day"].iloc[0], _ends(held).iloc[-1], color="#F0F0F0", zorder=0)
        ax.annotate(
            "held out",
            (held["first_day"].iloc[0], 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 2),
            textcoords="offset points",
            fontsize=8,
            color=plots.GREY,
        )
