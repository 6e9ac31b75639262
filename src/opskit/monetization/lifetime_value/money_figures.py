"""Figures of the money: where the value lies, what customers cost, and when they have paid it back."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.monetization.lifetime_value.payback import Payback


def plot_value_shares(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Share of all value by part of the customers, from `value_shares`."""
    ax = plots.axes(ax, size=(7, 3.4))
    ax.bar(table["part"], table["total"], 0.8, color=plots.BLUE, alpha=0.85)
    for part, total, mean in zip(table["part"], table["total"], table["mean"], strict=True):
        ax.annotate(
            plots.number(mean), (part, total), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    ax.set_xticks(table["part"])
    ax.set(xlabel="customers by value, the most valuable first", ylabel=f"lifetime value {currency}".strip())
    plots.format_axis(ax.yaxis, plots.number)
    first = table.iloc[0]
    finding = (
        f"The most valuable {plots.percent(1 / len(table))} hold {plots.percent(first['share'])} of what is to come"
    )
    if first["share"] != first["share"]:
        finding = "No value is to come"
    n = f"{plots.number(first['customers'])} customers or one fewer in each part; number: value of a customer"
    plots.title(ax, finding, n)
    return ax


def plot_economics(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Value over acquisition cost by group, from `unit_economics`; small groups are grey."""
    known = table.dropna(subset="ltv_to_cac").sort_values("ltv_to_cac", ignore_index=True)
    ax = plots.axes(ax, size=(8, 1.6 + 0.45 * max(len(known), 3)))
    if known.empty:
        plots.statement(ax, "What customers cost is not known: it needs the table spend, by the same groups.")
        return ax
    colors = [plots.LIGHT if small else plots.BLUE for small in known["small"]]
    ax.hlines(known.index, known["ltv_to_cac_low"], known["ltv_to_cac_high"], color=colors, linewidth=3)
    ax.scatter(known["ltv_to_cac"], known.index, color=colors, s=60, zorder=3)
    for place, value, high in zip(known.index, known["ltv_to_cac"], known["ltv_to_cac_high"], strict=True):
        at = high if high == high else value
        ax.annotate(f"{value:.1f}", (at, place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9)
    ax.axvline(1, color=plots.VERMILLION, linewidth=1.2)
    ax.annotate(
        "cost",
        (1, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, -9),
        textcoords="offset points",
        fontsize=8,
        color=plots.VERMILLION,
    )
    names = [f"{name}  n={plots.number(n)}" for name, n in zip(known["group"], known["new_customers"], strict=True)]
    ax.set_yticks(known.index, names)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set(
        xlabel="value so far and to come, over the cost of winning the customer",
        xlim=(0, None),
        ylim=(-0.6, len(known) - 0.4),
    )
    parts = known[known["group"] != "all"]
    parts = parts if len(parts) else known
    worst, best = parts.iloc[0], parts.iloc[-1]
    finding = f"A customer brings {best['ltv_to_cac']:.1f} times the cost"
    if len(parts) > 1:
        finding = f"{best['group']} brings {best['ltv_to_cac']:.1f} times its cost, {worst['group']} {worst['ltv_to_cac']:.1f} times"
    plots.title(ax, finding, "bars: interval; grey: few customers")
    return ax


def plot_payback(found: "Payback", ax: "Axes | None" = None) -> "Axes":
    """Contribution less the cost of winning the customer, by age, from `payback`; where a line crosses 0, it is paid."""
    ax = plots.axes(ax, size=(7.2, 4))
    curve = found.curve
    if curve.empty:
        plots.statement(ax, "No month of age has been lived through by enough customers yet.")
        return ax
    priced = curve.dropna(subset="cac")
    shown = priced if len(priced) else curve[curve["group"] == "all"]
    colors = iter(plots.PALETTE[1:] * (1 + shown["group"].nunique() // 6))
    for group, part in shown.groupby("group", sort=False):
        color = plots.BLUE if group == "all" else next(colors)
        cost = part["cac"].fillna(0.0)
        start = -float(cost.iloc[0]) if len(priced) else 0.0
        x = [0, *part["months"]]
        ax.plot(
            x,
            [start, *(part["contribution"] - cost)],
            color=color,
            linewidth=2.6 if group == "all" else 1.6,
            label=str(group),
        )
        if group == "all":
            plots.band(ax, x, [start, *(part["low"] - cost)], [start, *(part["high"] - cost)], color=color)
    ax.axhline(0, color=plots.BLACK, linewidth=1)
    ax.set(xlabel="age of the customer, months of 30 days", ylabel="contribution less cost, per customer")
    plots.format_axis(ax.yaxis, plots.number)
    every = found.months[found.months["group"] == "all"].iloc[0]
    last = curve[curve["group"] == "all"].iloc[-1]
    finding = f"Within {last['months']:.0f} months a customer contributes {plots.number(last['contribution'])}; the cost is not known"
    if every["cac"] == every["cac"]:
        finding = "The cost is not back within the ages observed"
        if every["months"] == every["months"]:
            finding = f"On average the cost is back in month {every['months']:.0f}" + _slowest(found.months)
    plots.title(ax, finding, "band: interval of all; a month of age counts once lived through")
    plots.label_lines(ax)
    return ax


def _slowest(months: "pd.DataFrame") -> str:
    parts = months[(months["group"] != "all") & months["cac"].notna()]
    if len(parts) < 2:
        return ""
    late = parts[parts["months"].isna()]
    if len(late):
        return f"; {late['group'].iloc[0]} has not paid back yet"
    slow = parts.nlargest(1, "months").iloc[0]
    return f"; {slow['group']} takes until month {slow['months']:.0f}"
