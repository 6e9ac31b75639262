"""Figures of retention: each draws the table of the function it is named after, and its title says what that table shows."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.customers import Rhythm

_KINDS = {
    "rolling": (plots.GREEN, "came back by then"),
    "unbounded": (plots.BLUE, "still comes back later"),
    "window": (plots.ORANGE, "active in that window"),
}


def plot_cohorts(table: "pd.DataFrame", ax: "Axes | None" = None, *, unit: str = "months") -> "Axes":
    """Heat map of `cohorts`: a row per cohort with its size, a column per age; cells not over yet are hatched."""
    import numpy as np

    shares = table[table["age"] > 0].pivot(index="cohort", columns="age", values="retained")
    sizes = table.drop_duplicates("cohort").set_index("cohort")["customers"]
    ax = plots.axes(ax, size=(6.8, 1.4 + 0.22 * max(len(sizes), 4)))
    if not shares.notna().any(axis=None):
        plots.statement(ax, "No cohort is old enough yet to be seen coming back.")
        return ax
    shares = shares.reindex(sizes.index)
    values = shares.to_numpy(dtype=float)
    rows, columns = values.shape
    top = np.nanquantile(values, 0.99) or 1
    ax.set_facecolor("white")
    ax.grid(visible=False)
    ax.patch.set(hatch="//", edgecolor="#D9D9D9")
    ax.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=top, aspect="auto")
    size = min(9.0, 150 / columns)
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        share = values[row, column]
        color = "white" if share > 0.55 * top else plots.BLACK
        ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=size, color=color)
    ax.set_xticks(range(columns), [str(age) for age in shares.columns])
    names = [f"{cohort:%Y-%m}  n={plots.number(n)}" for cohort, n in sizes.items()]
    ax.set_yticks(range(rows), names, fontsize=9)
    ax.set(xlabel=f"age in {unit}", ylabel="month of the first order")
    first = table[(table["age"] == 1) & table["retained"].notna()]
    back = first["active"].sum() / first["customers"].sum()
    finding = f"{plots.percent(float(back))} of new customers order again at age 1"
    detail = f"% of each cohort with an order at that age; {len(first)} cohorts; hatched: not over yet"
    plots.title(ax, finding, detail)
    return ax


def plot_retention(table: "pd.DataFrame", ax: "Axes | None" = None, *, action: str = "order") -> "Axes":
    """The three retention curves of `curves`, with intervals; the action is what counted as being active."""
    ax = plots.axes(ax, size=(6.2, 3.3))
    known = table.dropna(subset="retained")
    if known.empty:
        plots.statement(ax, "No customer is old enough yet to be seen coming back.")
        return ax
    for kind, (color, name) in _KINDS.items():
        part = known[known["kind"] == kind]
        if len(part):
            ax.plot(part["day"], part["retained"], color=color, marker="o", markersize=4, label=name)
            plots.band(ax, part["day"], part["low"], part["high"], color=color)
    ax.set(xlabel=f"days after the first {action}", ylabel="share of customers", ylim=(0, None))
    ax.set_xticks(sorted(known["day"].unique()))
    plots.format_axis(ax.yaxis, plots.percent)
    rolling = known[known["kind"] == "rolling"]
    last = (rolling if len(rolling) else known).iloc[-1]
    finding = f"{plots.percent(last['retained'])} have come back by day {last['day']}"
    if last["kind"] != "rolling":
        finding = f"{plots.percent(last['retained'])} are active again at day {last['day']}"
    fewest, most = known["customers"].min(), known["customers"].max()
    plots.title(ax, finding, f"{plots.number(fewest)} to {plots.number(most)} customers old enough; bands: interval")
    plots.label_lines(ax)
    return ax


def plot_growth(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """New, retained and resurrected customers above the line, churned ones below, from `customers.growth_accounting`."""
    import numpy as np

    ax = plots.axes(ax, size=(8, 4))
    period = str(table.columns[0])
    whole = table[table["complete"]]
    width = 0.8
    place = np.arange(len(whole))
    below = np.zeros(len(whole))
    for name, color in (("retained", plots.BLUE), ("resurrected", plots.SKY), ("new", plots.GREEN)):
        ax.bar(place, whole[name], width, bottom=below, color=color, label=name)
        below += whole[name].to_numpy(dtype=float)
    ax.bar(place, -whole["churned"].astype(float), width, color=plots.VERMILLION, label="churned")
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    step = max(1, -(-len(whole) // 12))
    names = whole[period].dt.strftime("%Y-%m" if period == "month" else "%Y-%m-%d")
    ax.set_xticks(place[::step], names.iloc[::step], rotation=45, ha="right", fontsize=9)
    ax.set(ylabel="customers")
    plots.format_axis(ax.yaxis, lambda value: plots.number(abs(value)))
    ax.legend(ncols=4, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.22), fontsize=9)
    plots.title(
        ax, _growth_finding(whole, period), f"active customers by origin, and those lost since the {period} before"
    )
    return ax


def _growth_finding(whole: "pd.DataFrame", period: str) -> str:
    known = whole.dropna(subset="quick_ratio")
    if known.empty:
        return f"One {period} alone: nobody can have been lost yet"
    last = known.iloc[-1]
    words = "about as many came as were lost"
    if last["quick_ratio_low"] > 1:
        words = "more came than were lost"
    elif last["quick_ratio_high"] < 1:
        words = "fewer came than were lost"
    return f"In the last whole {period} {words}: {last['quick_ratio']:.2f} for each one lost"


def plot_repeat(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Probability of one more order by order number, from `repeat_probability(...).by_order`."""
    ax = plots.axes(ax, size=(6.2, 3.3))
    if table.empty:
        plots.statement(ax, "Too few customers have been followed long enough.")
        return ax
    ax.plot(table["order_number"], table["probability"], color=plots.BLUE, marker="o")
    plots.error_bars(ax, table["order_number"], table["low"], table["high"], color=plots.BLUE)
    plots.label_counts(ax, table["order_number"], table["high"], table["customers"])
    ax.set(
        xlabel="after order number",
        ylabel="probability of another order",
        ylim=(0, min(1.05, table["high"].max() + 0.12)),
    )
    ax.set_xticks(table["order_number"])
    plots.format_axis(ax.yaxis, plots.percent)
    first, last = table.iloc[0], table.iloc[-1]
    finding = f"{plots.percent(first['probability'])} order again after the first order"
    if len(table) > 1:
        finding += f", {plots.percent(last['probability'])} after order {int(last['order_number'])}"
    plots.title(
        ax, finding, f"within {table['horizon_days'].iloc[0]} days, customers followed that long; bars: interval"
    )
    return ax


def plot_hazard(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Probability of the second order by age, from `hazard(...).by_age`; critical windows are dark."""
    ax = plots.axes(ax, size=(6.2, 3.3))
    known = table.dropna(subset="hazard")
    if known.empty:
        plots.statement(ax, "No customer is old enough yet for a second order to be seen.")
        return ax
    colors = [plots.BLUE if critical else plots.LIGHT for critical in known["critical"]]
    middle = (known["first_day"] + known["last_day"] + 1) / 2
    ax.bar(middle, known["hazard"], 0.85 * (known["last_day"] - known["first_day"] + 1), color=colors)
    plots.error_bars(ax, middle, known["low"], known["high"])
    ax.set(xlabel="days after the first order", ylabel="share of those still waiting", ylim=(0, None))
    ax.set_xticks([*known["first_day"], known["last_day"].iloc[-1] + 1])
    plots.format_axis(ax.yaxis, plots.percent)
    critical = known[known["critical"]]
    finding = "No window stands out for the second order"
    if len(critical):
        finding = f"The second order is likeliest in the first {critical['last_day'].iloc[-1] + 1} days"
        if critical["age"].tolist() != list(range(len(critical))):
            finding = f"The second order is likeliest on days {critical['first_day'].iloc[0]} to {critical['last_day'].iloc[-1]}"
    n = f"n={plots.number(known['at_risk'].iloc[0])} at first, {plots.number(known['at_risk'].iloc[-1])} in the last window"
    plots.title(ax, finding, f"dark: above the average of all windows; bars: interval; {n}")
    return ax


def plot_intervals(found: "Rhythm", ax: "Axes | None" = None) -> "Axes":
    """Share of order days followed by another within so many days, from `customers.rhythm`, with the natural interval."""
    ax = plots.axes(ax)
    figures = found.interval.set_index("measure").to_dict("index")
    natural, returning = figures["natural_interval"], figures["returning_share"]
    curve = found.curve
    if not natural["estimate"] > 0:
        plots.statement(ax, "Too few customers came back to see a rhythm.")
        return ax
    ax.step(curve["days"], curve["returned"], where="post", color=plots.BLUE)
    plots.band(ax, curve["days"], curve["low"], curve["high"])
    for number, part in found.by_order.groupby("order_number"):
        part = part[part["days"] <= natural["horizon_days"]]
        if number in {1, found.by_order["order_number"].max()} and len(part) > 1:
            ax.step(
                part["days"],
                part["returned"],
                where="post",
                color=plots.GREY,
                linewidth=1,
                label=f"after order {number}",
            )
    ax.axvspan(natural["low"], natural["high"], color=plots.ORANGE, alpha=0.25, linewidth=0)
    ax.axvline(natural["estimate"], color=plots.ORANGE, linewidth=1.5)
    ax.set(xlabel="days since an order", ylabel="share that ordered again", ylim=(0, 1))
    plots.format_axis(ax.yaxis, plots.percent)
    horizon = int(natural["horizon_days"])
    finding = f"Half of the returns within {horizon} days happen in {natural['estimate']:.0f} days"
    detail = f"{plots.percent(returning['estimate'])} of {plots.number(natural['n'])} order days are followed by another; bands: interval"
    plots.title(ax, finding, detail)
    plots.label_lines(ax)
    return ax
