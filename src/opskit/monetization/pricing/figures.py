"""Figures of pricing: each draws what the function it is named after returns, or says why there is nothing to draw."""

from typing import TYPE_CHECKING, Any

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.monetization.pricing.experiment import PriceTest
    from opskit.monetization.pricing.gabor_granger import GaborGranger
    from opskit.monetization.pricing.van_westendorp import VanWestendorp

_CURVES = {
    "too_cheap": (plots.BLUE, "-", "too cheap"),
    "not_cheap": (plots.SKY, "--", "not cheap"),
    "not_expensive": (plots.ORANGE, "--", "not expensive"),
    "too_expensive": (plots.VERMILLION, "-", "too expensive"),
}
_GOALS = {"revenue": plots.BLUE, "profit": plots.GREEN}


def plot_van_westendorp(found: "VanWestendorp | None", ax: "Axes | None" = None) -> "Axes":
    """The curves of `van_westendorp`, its four points and the range between the outer ones."""
    ax = plots.axes(ax, size=(8.5, 4.8))
    if found is None:
        plots.statement(ax, "No survey asks from which price on it is too cheap, cheap, expensive and too expensive.")
        return ax
    curves, points = found.curves, found.points.set_index("point").to_dict("index")
    for name, (color, style, label) in _CURVES.items():
        ax.plot(curves["price"], curves[name], color=color, linestyle=style, linewidth=1.8, label=label)
    for name in ("cheap", "expensive"):
        ax.plot(curves["price"], curves[name], color=plots.LIGHT, linewidth=1.2, zorder=1)
    low, high = points["PMC"]["estimate"], points["PME"]["estimate"]
    ax.axvspan(low, high, color=plots.GREEN, alpha=0.08, linewidth=0)
    crossing = {"PMC": "too_cheap", "OPP": "too_cheap", "IDP": "cheap", "PME": "too_expensive"}
    for point, curve in crossing.items():
        price = points[point]["estimate"]
        height = _height(curves, curve, price)
        plots.error_bars(ax, [height], [points[point]["low"]], [points[point]["high"]], horizontal=True)
        ax.plot([price], [height], "o", color=plots.BLACK, markersize=6, zorder=4)
        above = point == "IDP"
        ax.annotate(
            f"{point} {plots.number(price)}",
            (price, height),
            xytext=(0, 9 if above else -9),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9,
            fontweight="bold",
            color=plots.BLACK,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            zorder=5,
        )
    span = high - low
    ax.set(
        xlabel="price",
        ylabel="share of respondents",
        ylim=(-0.06, 1.02),
        xlim=(max(0, low - 1.2 * span), high + 1.4 * span),
    )
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, -0.15), fontsize=9, handlelength=2.4)
    finding = f"Between {plots.number(low)} and {plots.number(high)} the price looks neither too cheap nor too dear"
    n = f"{plots.number(points['PMC']['n'])} respondents"
    plots.title(ax, finding, f"{n}; dots: points with interval; grey: cheap (falling) and expensive (rising)")
    return ax


def _height(curves: "pd.DataFrame", curve: str, price: float) -> float:
    import numpy as np

    return float(np.interp(price, curves["price"], curves[curve]))


def plot_gabor_granger(found: "GaborGranger | None", ax: "Any" = None) -> "Any":
    """Stated demand by price on the left, what it would earn per customer on the right; returns the left Axes."""
    if found is None:
        ax = plots.axes(ax)
        plots.statement(ax, "No survey asks whether customers would buy at given prices.")
        return ax
    left, right = _pair(ax)
    left.plot(found.curve["price"], found.curve["demand"], color=plots.BLUE)
    plots.band(left, found.curve["price"], found.curve["demand_low"], found.curve["demand_high"])
    left.plot(found.demand["price"], found.demand["share"], "o", color=plots.BLACK, markersize=5)
    plots.error_bars(left, found.demand["price"], found.demand["low"], found.demand["high"])
    left.set(xlabel="price", ylabel="say they would buy", ylim=(0, 1))
    plots.format_axis(left.yaxis, plots.percent)
    middle = found.curve.iloc[(found.curve["demand"] - 0.5).abs().argmin()]
    share = "Half" if abs(middle["demand"] - 0.5) < 0.02 else plots.percent(middle["demand"])
    finding = f"{share} say they would buy at {plots.number(middle['price'])}"
    plots.title(left, finding, f"{plots.number(found.elasticity['n'].iloc[0])} respondents; bars, band: interval")
    _earned(right, found.curve, found.optimum, "per customer asked")
    return left


def plot_price_test(found: "PriceTest | None", ax: "Any" = None) -> "Any":
    """Share that bought by price shown on the left, what it earned per customer on the right; returns the left Axes."""
    if found is None:
        ax = plots.axes(ax)
        plots.statement(ax, "There is no price test: prices have not been shown by lot.")
        return ax
    left, right = _pair(ax)
    arms = found.arms
    left.plot(found.curve["price"], found.curve["demand"], color=plots.BLUE)
    plots.band(left, found.curve["price"], found.curve["demand_low"], found.curve["demand_high"])
    left.plot(arms["price"], arms["conversion"], "o", color=plots.BLACK, markersize=5)
    plots.error_bars(left, arms["price"], arms["conversion_low"], arms["conversion_high"])
    left.set(xlabel="price shown", ylabel="bought", ylim=(0, None))
    left.set_xticks(arms["price"], [plots.number(price) for price in arms["price"]])
    plots.format_axis(left.yaxis, plots.percent)
    row = found.elasticity.iloc[0]
    finding = f"A price 1% higher sells {abs(row['estimate']):.1f}% {'fewer' if row['estimate'] < 0 else 'more'}"
    plots.title(left, finding, f"{plots.number(row['n'])} customers; line: one elasticity; bars, band: interval")
    _earned(right, found.curve, found.optimum, "per customer shown the price")
    right.plot(arms["price"], arms["profit"], "o", color=plots.BLACK, markersize=5)
    plots.error_bars(right, arms["price"], arms["profit_low"], arms["profit_high"])
    right.set_xticks(arms["price"], [plots.number(price) for price in arms["price"]])
    return left


def _pair(ax: "Any") -> "tuple[Axes, Axes]":
    """Two Axes side by side; a given one is the left of them and the right grows beside it."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax, ax.figure.add_subplot(1, 2, 2)
    plots.apply()
    _figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4))
    return left, right


def _earned(ax: "Axes", curve: "pd.DataFrame", optimum: "pd.DataFrame", detail: str) -> None:
    """Revenue and profit by price with their best prices; prices nearly as good are shaded."""
    bests = optimum.set_index("goal").to_dict("index")
    for goal, color in _GOALS.items():
        ax.plot(curve["price"], curve[goal], color=color, label=goal)
        plots.band(ax, curve["price"], curve[f"{goal}_low"], curve[f"{goal}_high"], color=color)
        price = bests[goal]["price"]
        ax.plot([price], [_height(curve, goal, price)], "D", color=color, markersize=6, zorder=4)
    best = bests["profit"]
    ax.axvspan(best["flat_low"], best["flat_high"], color=plots.GREEN, alpha=0.08, linewidth=0)
    ax.set(xlabel="price", ylabel=f"money {detail}", ylim=(min(0.0, float(curve["profit_low"].min())), None))
    finding = f"Profit is best at {plots.number(best['price'])}"
    if best["at_edge"]:
        finding = f"Profit still grows at {plots.number(best['price'])}: try further"
    low, high = plots.number(best["flat_low"]), plots.number(best["flat_high"])
    plots.title(ax, finding, f"shaded, {low} to {high}: within 5% of the best profit")
    plots.label_lines(ax)


def plot_elasticities(table: "pd.DataFrame", ax: "Axes | None" = None, *, truth: float = float("nan")) -> "Axes":
    """The elasticity by source from `elasticities`, with intervals; a known truth as a line."""
    import numpy as np

    ax = plots.axes(ax, size=(8.5, 1.6 + 0.5 * max(len(table), 2)))
    if table.empty:
        plots.statement(ax, "No source tells an elasticity.")
        return ax
    place = np.arange(len(table))[::-1]
    colors = [plots.GREY if "naive" in name else plots.BLUE for name in table["source"]]
    ax.hlines(place, table["low"], table["high"], color=colors, linewidth=2)
    ax.scatter(table["estimate"], place, color=colors, s=45, zorder=3)
    for y, (_, row) in zip(place, table.iterrows(), strict=True):
        text = f"{row['estimate']:.2f}".replace("-", "−")
        ax.annotate(text, (row["estimate"], y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9)
    ax.axvline(-1, color=plots.LIGHT, linewidth=1.2, zorder=0)
    ax.annotate("−1: revenue alike", (-1, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                textcoords="offset points", fontsize=8, color=plots.GREY, va="top")  # fmt: skip
    if truth == truth:
        ax.axvline(truth, color=plots.VERMILLION, linestyle="--", linewidth=1.5)
        ax.annotate("planted", (truth, 0), xycoords=("data", "axes fraction"), xytext=(3, 3),
                    textcoords="offset points", fontsize=8, color=plots.VERMILLION)  # fmt: skip
    names = [f"{row['source']}\nn={plots.number(row['n'])} {row['of']}" for _, row in table.iterrows()]
    ax.set_yticks(place, names, fontsize=9)
    ax.set(xlabel="elasticity: percent of sales per percent of price", ylim=(-0.6, len(table) - 0.3))
    ax.grid(visible=False)
    plots.title(ax, _agreement(table), "dots: estimate, lines: interval")
    return ax


def _agreement(table: "pd.DataFrame") -> str:
    by = table.set_index("source").to_dict("index")
    fixed = next((str(name) for name in by if str(name).endswith("fixed")), None)
    naive = next((str(name) for name in by if "naive" in str(name)), None)
    if "price test" in by and fixed:
        test, sales = by["price test"], by[fixed]
        overlap = test["low"] <= sales["high"] and sales["low"] <= test["high"]
        return f"Test and past sales {'agree' if overlap else 'disagree'}"
    if fixed and naive:
        pooled, sales = by[naive], by[fixed]
        apart = pooled["low"] > sales["high"] or pooled["high"] < sales["low"]
        return f"Pooling all sales {'misleads' if apart else 'changes little'}"
    return f"An elasticity of {table['estimate'].iloc[0]:.2f}".replace("-", "−")
