"""Figures of the market: each draws the table of the function it is named after, and its title says what that shows."""

from functools import partial
from typing import TYPE_CHECKING

from opskit import plots
from opskit.target_users.market.ranges import LAYERS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.target_users.market.adoptions import Adoptions
    from opskit.target_users.market.bass import Bass
    from opskit.target_users.market.change import Change
    from opskit.target_users.market.classes import Classes
    from opskit.target_users.market.size import Simulation
    from opskit.target_users.market.thresholds import Thresholds

_COLORS: dict[str, str] = dict(zip(LAYERS, (plots.GREY, plots.SKY, plots.BLUE), strict=True))


def plot_sizes(
    simulation: "Simulation",
    fits: "pd.DataFrame",
    bounds: "Thresholds",
    ax: "Axes | None" = None,
    *,
    currency: str = "",
) -> "Axes":
    """Simulated size of every market and layer from `simulate`, with what is too small and too large from `thresholds`."""
    import numpy as np

    markets = fits["market"].tolist()[::-1]
    ax = plots.axes(ax, size=(7.4, 1.7 + 0.62 * len(markets)))
    for layer, rows in simulation.sizes.groupby("layer"):
        color, up = _COLORS[str(layer)], 0.24 * (1 - LAYERS.index(str(layer)))
        place = np.array([markets.index(market) for market in rows["market"]]) + up
        ax.hlines(place, rows["low"], rows["high"], color=color, linewidth=5, alpha=0.45)
        ax.plot(rows["median"], place, "o", color=color, markersize=6, label=str(layer))
    ax.set_xscale("log")
    left, right = ax.get_xlim()
    ax.set_xlim(min(left, bounds.too_small / 2 or left), right)
    if bounds.too_small > 0:
        ax.axvspan(ax.get_xlim()[0], bounds.too_small, color=plots.ORANGE, alpha=0.12, linewidth=0)
        ax.axvline(bounds.too_small, color=plots.ORANGE, linewidth=1.5, label="obtainable less than this: too small")
    if np.isfinite(bounds.too_large):
        ax.axvline(bounds.too_large, color=plots.VERMILLION, linewidth=1.5, label="total more than this: too large")
    ax.set_yticks(range(len(markets)), markets)
    ax.set(xlabel=f"size a year {currency}".strip(), ylim=(-0.6, len(markets) - 0.4))
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    plots.format_axis(ax.xaxis, plots.number)
    ax.xaxis.set_minor_formatter(lambda *_: "")
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2 - 0.2 / len(markets)), fontsize=8, ncols=3)
    best = fits.iloc[0]
    finding = f"{best['market']} is neither too small nor too large with odds of {plots.percent(best['fits'])}"
    if best["fits"] < 0.5:
        finding = f"No market is likelier than not to be of the right size; {best['market']} comes nearest"
    plots.title(
        ax, finding, "points: median; bars: middle share of the simulated sizes; the odds are those of the worksheet"
    )
    return ax


def plot_tornado(simulation: "Simulation", market: str, ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Size of one market when each factor moves alone, from `simulate`."""
    rows = simulation.tornado[simulation.tornado["market"] == market].iloc[::-1]
    sizes = simulation.sizes[simulation.sizes["market"] == market].iloc[-1]
    ax = plots.axes(ax, size=(7.4, 1.3 + 0.36 * len(rows)))
    centre = float(sizes["median"])
    ax.barh(rows["factor"], rows["size_high"] - centre, left=centre, color=plots.BLUE, height=0.6)
    ax.barh(rows["factor"], rows["size_low"] - centre, left=centre, color=plots.SKY, height=0.6)
    for place, row in enumerate(rows.to_dict("records")):
        told = f"{plots.number(row['factor_low'])} to {plots.number(row['factor_high'])}"
        text = f"  {told}: {plots.percent(row['variance_share'])} of the doubt"
        ax.text(max(row["size_high"], centre), place, text, va="center", fontsize=8, color=plots.GREY)
    ax.axvline(centre, color=plots.BLACK, linewidth=1)
    low, high = rows["size_low"].min(), rows["size_high"].max()
    ax.set_xlim(low - 0.05 * (high - low) - 1e-9, high + 0.55 * (high - low) + 1e-9)
    ax.set_xlabel(f"{sizes['layer']} market a year {currency}".strip())
    ax.grid(visible=False)
    plots.format_axis(ax.xaxis, partial(plots.money, currency=""))
    top = rows.iloc[-1]
    finding = (
        f"{top['factor']} is {plots.percent(top['variance_share'])} of the doubt about {market}: find it out first"
    )
    if not top["swing"] > 0:
        finding = f"No factor of {market} leaves a doubt: low and high are the same"
    plots.title(ax, finding, "each factor moved over the middle of its range, the others at their median")
    return ax


def plot_adoptions(
    found: "Adoptions",
    model: "Bass | None" = None,
    ax: "Axes | None" = None,
    *,
    ahead: int = 12,
    confidence: float = 0.95,
) -> "Axes":
    """Newcomers of each month from `adoptions`, and the fitted Bass curve carried on."""
    import pandas as pd

    ax = plots.axes(ax, size=(7.4, 3.3))
    if found.by_month.empty or (found.unreadable and len(found.by_month) < 2):
        plots.statement(ax, found.unreadable)
        return ax
    table = found.by_month
    colors = [plots.BLUE if whole else plots.LIGHT for whole in table["whole"]]
    ax.bar(table["month"], table["adopters"], width=24, color=colors)
    highest = table["adopters"].max()
    if model is not None:
        curve = model.forecast(model.periods_ + ahead, confidence=confidence)
        curve["month"] = pd.date_range(found.whole["month"].iloc[0], periods=len(curve), freq="MS")
        past, to_come = curve.iloc[: model.periods_], curve.iloc[model.periods_ - 1 :]
        ax.plot(past["month"], past["estimate"], color=plots.ORANGE)
        ax.plot(to_come["month"], to_come["estimate"], color=plots.ORANGE, linestyle="--", label="Bass curve")
        plots.band(ax, curve["month"], curve["low"], curve["high"], color=plots.ORANGE)
        highest = max(table["adopters"].max(), curve["estimate"].max())
    ax.set(ylabel=f"customers by {found.counted}", ylim=(0, 1.6 * highest))
    plots.format_axis(ax.yaxis, plots.number)
    plots.date_axis(ax)
    plots.title(
        ax,
        _where(model, confidence),
        f"n={plots.number(table['adopters'].sum())}; grey: month not whole; band: interval",
    )
    if model is not None:
        plots.label_lines(ax)
    return ax


def _where(model: "Bass | None", confidence: float) -> str:
    if model is None:
        return "No curve of adoption can be read from these months"
    if model.peak_is_past(confidence=confidence):
        row = model.summary(confidence=confidence).set_index("figure").to_dict("index")["adopted"]
        return f"Past the peak: {plots.percent(row['estimate'])} of all who ever come have come"
    return "The peak is not past for sure: how many will ever come cannot be told"


def plot_change(
    found: "Change", ax: "Axes | None" = None, *, counted: str = "newcomers", confidence: float = 0.95
) -> "Axes":
    """A monthly series with its likeliest change from `change`."""
    ax = plots.axes(ax, size=(7.4, 3.0))
    course, row = found.course, found.found.iloc[0]
    sure = row["p"] <= 1 - confidence
    ax.plot(course["month"], course["count"], color=plots.BLUE, marker="o", markersize=4, label=counted)
    ax.plot(
        course["month"], course["without"], color=plots.GREY, linestyle="--", linewidth=1.3, label="without a change"
    )
    place = int(row["place"])
    for part in (course.iloc[:place], course.iloc[place:]):
        ax.plot(part["month"], part["with_change"], color=plots.ORANGE if sure else plots.LIGHT, linewidth=1.8)
    ax.axvline(row["month"], color=plots.ORANGE if sure else plots.LIGHT, linewidth=1, linestyle=":")
    ax.set(ylabel=f"{counted} a month", ylim=(0, None))
    plots.format_axis(ax.yaxis, plots.number)
    if str(course["month"].dtype).startswith("datetime"):
        plots.date_axis(ax)
    told = f"{row['month']:%B %Y}" if hasattr(row["month"], "strftime") else f"month {row['month']}"
    finding = f"No change of the {counted} beyond chance; the likeliest month is {told}"
    if sure:
        finding = f"The course of the {counted} changed in {told}: {100 * row['level_change']:+.0f}% at once"
    plots.title(
        ax, finding, f"p={row['p']:.2g} of so large a change by chance, anywhere in the middle; n={len(course)} months"
    )
    plots.label_lines(ax)
    return ax


def plot_class_value(
    values: "pd.DataFrame", found: "Classes", ax: "Axes | None" = None, *, days: int = 90, currency: str = ""
) -> "Axes":
    """Value of each adopter class at the same age, from `class_value`."""
    ax = plots.axes(ax, size=(7.4, 3.0))
    known = values.dropna(subset="value")
    if known.empty:
        plots.statement(ax, f"No customer has been there for {days} days yet.")
        return ax
    places = [values["class"].tolist().index(name) for name in known["class"]]
    ax.plot(places, known["value"], "o", color=plots.BLUE, markersize=7)
    plots.error_bars(ax, places, known["value_low"], known["value_high"], color=plots.BLUE)
    plots.label_counts(ax, places, known["value_high"].fillna(known["value"]), known["customers"])
    ax.set_xticks(range(len(values)), values["class"])
    ax.set(ylabel=f"value in {days} days {currency}".strip(), xlim=(-0.5, len(values) - 0.5))
    ax.set_ylim(0, 1.2 * float(known["value_high"].fillna(known["value"]).max()))
    for place, missing in enumerate(values["value"].isna()):
        if missing:
            ax.text(place, 0, "none old\nenough", ha="center", va="bottom", fontsize=8, color=plots.GREY)
    plots.format_axis(ax.yaxis, plots.number)
    parted = known["value_low"].max() > known["value_high"].min()
    finding = (
        "Some classes are worth more than others" if parted else "Early or late, a customer is worth about the same"
    )
    plots.title(
        ax, finding, f"net revenue in the first {days} days, per customer; classes of {found.base}; bars: interval"
    )
    return ax
