"""Figures of the scorecard: each draws the table of the function it is named after, and its title says what that shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.acquisition.channel_scorecard.cohorts import UNKNOWN
from opskit.acquisition.channel_scorecard.scorecard import returns
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.acquisition.channel_scorecard.payback import Payback

_ISO_DAYS = (30, 90, 180, 360)
_DUST = 1e-6


def colors(card: "pd.DataFrame") -> dict[str, str]:
    """A colour for each channel, the same in every figure; small channels are light grey."""
    palette = iter(plots.PALETTE[:-1] * (1 + len(card) // 6))
    return {
        row["channel"]: plots.LIGHT if row["small"] else next(palette)
        for row in card.to_dict("records")
        if row["channel"] not in (ALL, PAID, UNKNOWN)
    }


def plot_quadrant(
    card: "pd.DataFrame",
    shape: "pd.DataFrame | None" = None,
    ax: "Axes | None" = None,
    *,
    margin_days: int = 90,
    currency: str = "",
) -> "Axes":
    """Cost of a new customer against the margin it brings, from `scorecard`; lines of equal payback from `payback`'s shape.

    A line holds the places where accounts that earn in the rhythm of the average have paid back by that day.
    """
    ax = plots.axes(ax, size=(6.9, 4.3))
    shown = _channels(card).dropna(subset="margin")
    priced = shown.dropna(subset="cac") if "cac" in shown else shown.iloc[:0]
    if priced.empty:
        return _margins(shown, ax, margin_days, currency)
    right = 1.12 * float(priced["cac_high"].fillna(priced["cac"]).max())
    top = 1.12 * float(shown["margin_high"].fillna(shown["margin"]).max())
    bottom = min(0.0, 1.1 * float(shown["margin_low"].fillna(shown["margin"]).min()))
    _iso_lines(ax, shape, margin_days, right, top)
    for row, color in zip(priced.to_dict("records"), map(colors(card).get, priced["channel"]), strict=True):
        x, y = row["cac"], row["margin"]
        ax.hlines(y, row["cac_low"], row["cac_high"], color=color, linewidth=2)
        ax.vlines(x, row["margin_low"], row["margin_high"], color=color, linewidth=2)
        ax.scatter([x], [y], s=70, color=color, zorder=4)
        shade = plots.GREY if row["small"] else color
        text = f"{row['channel']}  n={plots.number(row['cac_n'])}"
        name = ax.annotate(
            text, (x, y), xytext=(7, 7), textcoords="offset points", color=shade, fontweight="bold", fontsize=9
        )
        name.set_path_effects([_halo()])
    free = shown[~shown["channel"].isin(priced["channel"])]
    for row in free.to_dict("records"):
        ax.annotate(
            f"◄ {row['channel']}: no cost booked", (0, row["margin"]), fontsize=8.5, color=plots.GREY, va="center"
        )
    ax.set(xlim=(0, right), ylim=(bottom, top))
    ax.set(xlabel=f"cost of a new customer (CAC) {currency}".strip(), ylabel=_margin_label(margin_days, currency))
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.number)
    detail = "bars: interval; grey: few customers; dashed: paid back by that day"
    plots.title(ax, _quadrant_finding(priced, margin_days), detail)
    return ax


def _halo() -> Any:
    """A white edge that keeps a text readable where it crosses a line."""
    from matplotlib.patheffects import withStroke

    return withStroke(linewidth=3, foreground="white")


def _quadrant_finding(priced: "pd.DataFrame", margin_days: int) -> str:
    known = priced[~priced["small"]].dropna(subset=["recovered", "recovered_low"])
    back = known[known["recovered_low"] > 1]["channel"].tolist()
    open_ = known[~known["channel"].isin(back)]
    if known.empty:
        return f"Too few customers to tell what day {margin_days} has brought back"
    if not back:
        return f"No channel has surely brought its cost back by day {margin_days}"
    rest = open_.sort_values("recovered")["channel"].tolist()
    said = f"{_listed(back)} brought back more than the cost by day {margin_days}"
    return f"{said}; {_listed(rest)} may not have" if rest else said


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _iso_lines(ax: "Axes", shape: "pd.DataFrame | None", margin_days: int, right: float, top: float) -> None:
    """Margin at margin_days that repays a cost by another day: cost times margin(margin_days) over margin(day)."""
    if shape is None or shape.empty or margin_days not in set(shape["day"]):
        return
    earned = shape.set_index("day")["margin"]
    for day in _ISO_DAYS:
        if day not in earned.index or not earned[day] > 0 or not earned[margin_days] > 0:
            continue
        slope = float(earned[margin_days] / earned[day])
        ax.axline((0, 0), slope=slope, color=plots.GREY, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
        leaves_right = slope * right <= top
        x, y = (right, slope * right) if leaves_right else (top / slope, top)
        ax.annotate(
            f"day {day}",
            (x, y),
            xytext=(4, 0 if leaves_right else -1),
            textcoords="offset points",
            va="center" if leaves_right else "top",
            fontsize=8.5,
            color=plots.GREY,
            annotation_clip=False,
        )


def _margins(shown: "pd.DataFrame", ax: "Axes", margin_days: int, currency: str) -> "Axes":
    """Without any cost: margin per new customer alone."""
    if shown.empty:
        plots.statement(ax, f"No week of sign-ups is {margin_days} days old yet.")
        return ax
    shown = shown.sort_values("margin", ignore_index=True)
    shade = [plots.LIGHT if small else plots.BLUE for small in shown["small"]]
    ax.hlines(shown.index, shown["margin_low"], shown["margin_high"], color=shade, linewidth=3)
    ax.scatter(shown["margin"], shown.index, color=shade, s=60, zorder=3)
    names = [f"{name}  n={plots.number(n)}" for name, n in zip(shown["channel"], shown["margin_n"], strict=True)]
    ax.set_yticks(shown.index, names)
    ax.set(xlabel=_margin_label(margin_days, currency), ylim=(-0.6, len(shown) - 0.4))
    ax.grid(visible=False, axis="y")
    best = shown.iloc[-1]
    finding = (
        f"What a customer costs is not known; {best['channel']} brings most margin, {plots.number(best['margin'])}"
    )
    plots.title(ax, finding, "bars: interval; grey: few customers")
    return ax


def _margin_label(margin_days: int, currency: str) -> str:
    return f"margin by day {margin_days} per new customer {currency}".strip()


def _channels(card: "pd.DataFrame") -> "pd.DataFrame":
    return card[~card["channel"].isin([ALL, PAID, UNKNOWN])]


def plot_payback(found: "Payback", card: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of the spend that has come back as margin, by days since sign-up, from `payback`."""
    import numpy as np

    ax = plots.axes(ax, size=(6.9, 3.4))
    shade = colors(card)
    curve = found.curve[found.curve["channel"].isin(shade)]
    if curve.empty:
        plots.statement(ax, "No spend is booked on weeks of sign-up that are old enough: payback cannot be told.")
        return ax
    top = 1.0
    for channel, part in curve.groupby("channel", sort=False):
        known = part["day"] >= 1
        ax.plot(part["day"][known], part["recovered"][known], color=shade[str(channel)], label=str(channel))
        plots.band(ax, part["day"][known], part["low"][known], part["high"][known], color=shade[str(channel)])
        top = max(top, float(part["recovered"].max()))
    ax.axhline(1, color=plots.BLACK, linewidth=1.2)
    ax.set_yscale("log")
    ticks = [tick for tick in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50) if tick <= 1.6 * top]
    ax.set_yticks(ticks, ["the cost" if tick == 1 else f"{tick:g} ×" for tick in ticks])
    ax.yaxis.set_minor_locator(_no_ticks())
    lowest = float(np.nanmin(curve["low"].where(curve["low"] > 0.02, np.nan)))
    ax.set_ylim(max(0.08, 0.9 * lowest), 1.4 * top)
    ax.set_xlim(0, None)
    ax.set(xlabel="days since sign-up", ylabel="margin over spend, cumulative")
    plots.title(
        ax, _payback_finding(found.days, card), "bands: interval; each day counts the weeks that have reached it"
    )
    plots.label_lines(ax)
    return ax


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _payback_finding(days: "pd.DataFrame", card: "pd.DataFrame") -> str:
    known = days[days["channel"].isin(_channels(card)["channel"]) & (days["observed_days"] > 0)]
    if known.empty:
        return "Too few sign-ups to tell when spend is back"
    never = known[known["payback_day"].isna()]
    if len(never):
        worst = never.nlargest(1, "still_missing").iloc[0]
        missing = plots.percent(worst["still_missing"])
        return f"{worst['channel']} has not paid back by day {worst['observed_days']}: {missing} is still missing"
    slow, fast = known.nlargest(1, "payback_day").iloc[0], known.nsmallest(1, "payback_day").iloc[0]
    if len(known) == 1:
        return f"{slow['channel']} has paid back by day {slow['payback_day']:.0f}"
    first = "on the day of sign-up" if fast["payback_day"] == 0 else f"by day {fast['payback_day']:.0f}"
    return f"{fast['channel']} has paid back {first}, {slow['channel']} by day {slow['payback_day']:.0f}"


def plot_months(monthly: "pd.DataFrame", trend: "pd.DataFrame", card: "pd.DataFrame", *, currency: str = "") -> "Axes":
    """Cost per sign-up by month, a small panel per channel, from `scorecard` by month; its trend from `cost_trend`.

    Returns:
        The first of the Axes; the others are on its figure.
    """
    import matplotlib.pyplot as plt

    shade = colors(card)
    known = trend[trend["channel"].isin(shade)].sort_values("n", ascending=False, kind="stable").head(6)
    if known.empty or "cost_per_signup" not in monthly:
        ax = plots.axes(size=(6.9, 2))
        plots.statement(ax, "No spend is booked: cost by month cannot be told.")
        return ax
    plots.apply()
    columns = len(known) if len(known) < 4 else 2 if len(known) == 4 else 3
    rows = -(-len(known) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(7.4, 2.1 * rows), squeeze=False, sharex=True)
    for ax in grid.flat[len(known) :]:
        ax.set_axis_off()
    for ax, one in zip(grid.flat, known.to_dict("records"), strict=False):
        part = monthly[(monthly["channel"] == one["channel"]) & monthly["cost_per_signup"].notna()]
        color = shade[one["channel"]]
        ax.vlines(
            part["month"],
            part["cost_per_signup_low"],
            part["cost_per_signup_high"],
            color=color,
            alpha=0.3,
            linewidth=3,
        )
        ax.plot(part["month"], part["cost_per_signup"], "o", color=color, markersize=4)
        if one["per_month"] == one["per_month"]:
            ax.plot(part["month"], _trend_line(part, one["per_month"]), color=plots.BLACK, linewidth=1.2)
        usual = float(part["cost_per_signup"].median())
        ax.set_ylim(0, max(2.2 * usual, 1.15 * float(part["cost_per_signup"].max())))
        for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
            label.set_fontsize(8.5)
        plots.date_axis(ax)
        plots.format_axis(ax.yaxis, plots.number)
        plots.title(ax, str(one["channel"]), _trend_words(one))
    figure.supylabel(f"spend per sign-up {currency}".strip(), fontsize=9, color=plots.GREY)
    return grid[0, 0]


def _trend_line(part: "pd.DataFrame", per_month: float) -> "np.ndarray[Any, Any]":
    """Cost that grows at this rate and, over all months, makes of the spend as many sign-ups as there were."""
    import numpy as np

    months = (part["month"] - part["month"].iloc[0]).dt.days.to_numpy() / 30.44
    growth = np.exp(np.log1p(per_month) * months)
    return growth * float((part["spend"].to_numpy() / growth).sum() / part["cost_per_signup_n"].sum())


def _trend_words(one: "dict[Any, Any]") -> str:
    if one["per_month"] != one["per_month"]:
        return "trend: not enough weeks"
    low, high = plots.percent(one["low"]), plots.percent(one["high"])
    if max(abs(one[end]) for end in ("per_month", "low", "high")) < _DUST:
        return "does not change"
    return f"{one['verdict']}: {plots.percent(one['per_month'])} a month ({low} to {high})"


def plot_returns(card: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of new customers back within each number of days, by channel, from `scorecard`."""
    columns = returns(card)
    names = list(columns.values())
    ax = plots.axes(ax, size=(6.9, 0.9 + 0.62 * max(len(_channels(card)), 3)))
    shown = _channels(card).dropna(subset=names[-1]).sort_values(names[-1], ignore_index=True)
    if shown.empty:
        plots.statement(ax, "No new customer is old enough yet to be seen coming back.")
        return ax
    shades = (plots.SKY, plots.BLUE, plots.BLACK)
    for place, name in enumerate(names):
        offset = shown.index + 0.22 * ((len(names) - 1) / 2 - place)
        color = shades[place % 3]
        ax.hlines(offset, shown[f"{name}_low"], shown[f"{name}_high"], color=color, linewidth=2.4, alpha=0.45)
        ax.scatter(shown[name], offset, color=color, s=34, zorder=3, label=f"within {name[5:]} days")
    labels = [f"{name}  n={plots.number(n)}" for name, n in zip(shown["channel"], shown[f"{names[-1]}_n"], strict=True)]
    ax.set_yticks(shown.index, labels)
    for label, small in zip(ax.get_yticklabels(), shown["small"], strict=True):
        label.set_color(plots.LIGHT if small else plots.GREY)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.set(xlim=(0, None), ylim=(-0.6, len(shown) - 0.4), xlabel="share of new customers with another order")
    ax.legend(loc="lower right", fontsize=8.5)
    days, best, worst = list(columns)[-1], shown.iloc[-1], shown.iloc[0]
    finding = f"{plots.percent(best[names[-1]])} of {best['channel']} are back within {days} days"
    if len(shown) > 1:
        finding += f", {plots.percent(worst[names[-1]])} of {worst['channel']}"
    plots.title(ax, finding, "of first orders that old; bars: interval; grey: few customers")
    return ax
