"""Figures of churn: each draws the table of the function it is named after, and its title says what that table shows."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.loyalty.churn.models import Comparison


def plot_comparison(compared: "Comparison", ax: "Axes | None" = None) -> "Axes":
    """Area under the curve of each model on the test period, the chosen one dark."""
    ax = plots.axes(ax, size=(8, 2.6))
    table = compared.accuracy[compared.accuracy["measure"] == "roc_auc"]
    named = table.rename(columns={"model": "name", "estimate": "roc_auc"})
    plots.areas_under_curve(ax, named, dark=compared.chosen, decimals=3)
    best = float(table.loc[table["model"] == compared.chosen, "estimate"].iloc[0])
    finding = f"{compared.chosen.capitalize()} tells best: area {best:.3f}"
    plots.title(
        ax, finding, f"{plots.number(table['n'].iloc[0])} customers of the test; dashed: chance; bars: interval"
    )
    return ax


def plot_calibration(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share that left against the predicted probability, from `features.calibration`."""
    ax = plots.axes(ax, size=(6, 5))
    ax.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1, linestyle="--")
    plots.error_bars(ax, table["predicted"], table["low"], table["high"], color=plots.BLUE)
    ax.plot(table["predicted"], table["observed"], color=plots.BLUE, marker="o", linewidth=1)
    ax.set(xlabel="predicted probability of leaving", ylabel="share that left", xlim=(0, 1), ylim=(0, 1))
    plots.format_axis(ax.xaxis, plots.percent)
    plots.format_axis(ax.yaxis, plots.percent)
    inside = int(((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).sum())
    apart = (table["observed"] - table["predicted"]).mul(table["customers"]).sum() / table["customers"].sum()
    finding = f"{inside} of {len(table)} groups left as predicted, within chance"
    if inside == len(table) and abs(apart) > 0.005:
        finding += f", all together {plots.number(abs(100 * apart))} points {'more' if apart > 0 else 'fewer'}"
    plots.title(ax, finding, f"groups of about {plots.number(table['customers'].median())} customers; bars: interval")
    return ax


def plot_gains(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of those who left that is found among the customers with the highest scores, from `features.gains`."""
    ax = plots.axes(ax, size=(7, 4.5))
    plots.gains(ax, table, label="by probability")
    ax.set(xlabel="share of customers, the likeliest to leave first", ylabel="share of those who left")
    at = table.iloc[(table["share"] - 0.2).abs().argsort().iloc[0]]
    finding = f"The likeliest {plots.percent(at['share'])} hold {plots.percent(at['captured'])} of those who left"
    detail = f"{at['lift']:.2f} times as many as drawn at random ({at['lift_low']:.2f} to {at['lift_high']:.2f}); band: interval"
    plots.title(ax, finding, detail)
    return ax


def plot_error_and_omission(table: "pd.DataFrame", ax: "Axes | None" = None, *, threshold: float) -> "Axes":
    """Error rate and omission rate over the threshold, from `features.error_and_omission`."""
    ax = plots.axes(ax)
    for name, color, label in (
        ("error", plots.VERMILLION, "error: named and stayed"),
        ("omission", plots.BLUE, "omission: left and missed"),
    ):
        ax.plot(table["threshold"], table[f"{name}_rate"], color=color, label=label)
        plots.band(ax, table["threshold"], table[f"{name}_low"], table[f"{name}_high"], color=color)
    ax.set(xlabel="named as leaving from this probability on", ylabel="share", xlim=(0, 1), ylim=(0, 1.02))
    plots.format_axis(ax.xaxis, plots.percent)
    plots.format_axis(ax.yaxis, plots.percent)
    finding = "No threshold below 100% pays: name nobody"
    if threshold <= 1:
        ax.axvline(threshold, color=plots.ORANGE, linewidth=1.5)
        at = table.iloc[(table["threshold"] - threshold).abs().argsort().iloc[0]]
        error, omission = (plots.percent(float(at[f"{name}_rate"])) for name in ("error", "omission"))
        finding = (
            f"At {plots.percent(threshold)}, {error} of the named stayed and {omission} of the leavers were missed"
        )
    plots.title(
        ax, finding, "fewer of one mistake is more of the other; orange: the threshold by cost; bands: interval"
    )
    ax.legend(frameon=False, loc="upper center", fontsize=9)
    return ax


def plot_net_values(table: "pd.DataFrame", ax: "Axes | None" = None, *, threshold: float, currency: str = "") -> "Axes":
    """Net value of contacting everybody above each threshold, from `net_values`."""
    ax = plots.axes(ax)
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    ax.plot(table["threshold"], table["net_value"], color=plots.GREEN)
    plots.band(ax, table["threshold"], table["low"], table["high"], color=plots.GREEN)
    ax.set(xlabel="contacted from this probability on", ylabel=f"net value {currency}".strip(), xlim=(0, 1))
    plots.format_axis(ax.xaxis, plots.percent)
    plots.format_axis(ax.yaxis, plots.number)
    finding = "Contacting nobody is best at these costs"
    if threshold <= 1:
        ax.axvline(threshold, color=plots.ORANGE, linewidth=1.5)
        at = table.iloc[(table["threshold"] - threshold).abs().argsort().iloc[0]]
        value = plots.money(float(at["net_value"]), currency)
        finding = f"Contacting from {plots.percent(threshold)} on would have netted {value}, had it the success assumed"
    plots.title(ax, finding, "test period; who left is observed, the success is assumed; orange: threshold by cost")
    return ax


def plot_drivers(table: "pd.DataFrame", ax: "Axes | None" = None, *, top: int = 8) -> "Axes":
    """Loss of area under the curve when a group of columns is shuffled, from `drivers`."""
    shown = table.head(top).iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.4 + 0.4 * max(len(shown), 3)))
    clear = shown["low"] > 0
    ax.barh(shown.index, shown["estimate"], color=[plots.BLUE if yes else plots.LIGHT for yes in clear])
    plots.error_bars(ax, shown.index, shown["low"], shown["high"], horizontal=True)
    more = [f"  (+{n - 1})" if n > 1 else "" for n in shown["columns"]]
    ax.set_yticks(shown.index, [f"{name}{extra}" for name, extra in zip(shown["group"], more, strict=True)])
    ax.axvline(0, color=plots.BLACK, linewidth=0.8)
    ax.grid(visible=False)
    ax.set(xlabel="area under the curve lost without it")
    first = table.iloc[0]
    finding = f"The model leans most on {first['group']}" if first["low"] > 0 else "No single group of columns decides"
    plots.title(ax, finding, "near-copies shuffled together (+ how many); dark: clear of 0; bars: interval; not causes")
    return ax


def plot_directions(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share that left by value of each column, from `directions`."""
    columns = list(dict.fromkeys(table["column"]))
    ax = plots.axes(ax, size=(8, 1.2 + 0.3 * (len(table) + len(columns))))
    place, ticks, names = 0.0, list[float](), list[str]()
    for number, column in enumerate(columns):
        part = table[table["column"] == column]
        at = [place + step for step in range(len(part))]
        color = plots.PALETTE[number % len(plots.PALETTE)]
        plots.error_bars(ax, at, part["low"], part["high"], horizontal=True, color=color)
        ax.plot(part["left"], at, color=color, marker="o", linewidth=1 if part["ordered"].all() else 0)
        ax.text(
            1.0, at[0], column, color=color, ha="right", va="center", fontsize=9, transform=ax.get_yaxis_transform()
        )
        ticks += at
        names += [f"{value}  n={plots.number(n)}" for value, n in zip(part["value"], part["customers"], strict=True)]
        place = at[-1] + 1.8
    ax.set_yticks(ticks, names, fontsize=8)
    ax.invert_yaxis()
    ax.set(xlabel="share that left", xlim=(0, 1))
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    plots.format_axis(ax.xaxis, plots.percent)
    first = table[table["column"] == columns[0]]
    low, high = first["left"].min(), first["left"].max()
    finding = f"By {columns[0]}, between {plots.percent(low)} and {plots.percent(high)} left"
    plots.title(ax, finding, "test period; quarters of the customers where a column is a number; bars: interval")
    return ax
