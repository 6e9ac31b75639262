"""Figures of the segments: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.customers import Concentration
from opskit.target_users.segments import rules
from opskit.target_users.segments.outlook import Outlook
from opskit.target_users.segments.sizes import change

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_ALIVE = {
    **dict.fromkeys(("champions", "loyal", "promising", "new"), plots.BLUE),
    **dict.fromkeys(("need_attention", "about_to_sleep"), plots.ORANGE),
    **dict.fromkeys(("cannot_lose", "at_risk", "hibernating"), plots.GREY),
}


def plain(name: str) -> str:
    """A segment's name as a reader writes it.

    >>> plain("about_to_sleep")
    'about to sleep'
    """
    return name.replace("_", " ")


def plot_sizes(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of customers and share of revenue of each segment from `sizes`."""
    rows = table.iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 4.6))
    colors = [_ALIVE[name] for name in rows["segment"]]
    ax.barh(rows.index + 0.19, rows["share"], 0.34, color=plots.LIGHT, label="of customers")
    ax.barh(rows.index - 0.19, rows["revenue_share"], 0.34, color=colors)
    plots.error_bars(ax, rows.index - 0.19, rows["revenue_low"], rows["revenue_high"], horizontal=True)
    ax.set_yticks(rows.index, [f"{plain(row['segment'])}  {row['chinese']}" for row in rows.to_dict("records")])
    ax.set(xlabel="share", ylim=(-0.6, len(rows) - 0.4))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    plots.format_axis(ax.xaxis, plots.percent)
    best = table.iloc[int((table["revenue_share"] - table["share"]).to_numpy().argmax())].to_dict()
    finding = (
        f"{plain(best['segment']).capitalize()}: {plots.percent(best['share'])} of customers, "
        f"{plots.percent(best['revenue_share'])} of revenue"
    )
    detail = (
        f"{plots.number(table['n'].sum())} customers; pale: customers, coloured: revenue\n"
        "blue bought lately, orange are late, grey are long silent"
    )
    plots.title(ax, finding, detail)
    return ax


def plot_movement(moved: "pd.DataFrame", ax: "Axes | None" = None, *, days: int = 90) -> "Axes":
    """Where the customers of each segment stand some days later, from `movement`."""
    import numpy as np

    order = [*rules.NAMES, rules.NOT_YET]
    grid = moved.pivot(index="before", columns="now", values="share").loc[order, list(rules.NAMES)]
    n = moved.drop_duplicates("before").set_index("before")["n"].loc[order]
    ax = plots.axes(ax, size=(8, 4.4))
    ax.imshow(np.ma.masked_invalid(grid.to_numpy(dtype=float)), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(grid.to_numpy(dtype=float)):
        for column, share in enumerate(values):
            if share >= 0.005:
                color = "white" if share > 0.55 else plots.BLACK
                ax.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=9, color=color)
    ax.set_xticks(range(len(rules.NAMES)), [plain(name).replace(" ", "\n") for name in rules.NAMES], fontsize=8.5)
    ax.set_yticks(range(len(order)), [f"{plain(name)} (n={n[name]:,})" for name in order], fontsize=9)
    ax.set(xlabel="segment now")
    ax.grid(visible=False)
    plots.title(ax, _moved(moved, days), f"share of each segment of {days} days ago, by where they stand now")
    return ax


def _moved(moved: "pd.DataFrame", days: int) -> str:
    stay = moved[(moved["before"] == "champions") & (moved["now"] == "champions")].iloc[0]
    if stay["n"]:
        late = 1 - stay["share"]
        return f"{plots.percent(late)} of the champions of {days} days ago have gone quieter since"
    grown = change(moved).sort_values("change").iloc[-1]
    return f"In {days} days, {plain(grown['segment'])} grew most: by {grown['change']:+,.0f} customers"


def plot_outlook(found: Outlook, ax: "Axes | None" = None) -> "Axes":
    """Share of each segment that ordered within the horizon, from `outlook`."""
    table = found.segments
    ax = plots.axes(ax, size=(8, 4.2))
    everybody = table["active"].sum() / table["n"].sum()
    ax.axhline(everybody, color=plots.LIGHT, linewidth=1, linestyle="--", zorder=0)
    plots.error_bars(ax, table.index, table["low"], table["high"], color=plots.GREY)
    ax.scatter(table.index, table["rate"], s=55, color=[_ALIVE[name] for name in table["segment"]], zorder=4)
    seen = table[table["n"] > 0]
    plots.label_counts(ax, seen.index, seen["high"], seen["n"])
    ax.set_xticks(table.index, [plain(name).replace(" ", "\n") for name in table["segment"]], fontsize=9)
    ax.set(ylabel=f"ordered within {found.horizon_days} days", ylim=(0, None))
    ax.grid(axis="x", visible=False)
    plots.format_axis(ax.yaxis, plots.percent)
    best, worst = (seen.sort_values("rate", kind="stable").iloc[at].to_dict() for at in (-1, 0))
    finding = (
        f"Of {plain(best['segment'])} {plots.percent(best['rate'])} came back, of {plain(worst['segment'])} "
        f"{plots.percent(worst['rate'])}"
    )
    plots.title(
        ax,
        finding,
        f"scored on {found.scored_on}, looked at in the {found.horizon_days} days after it; dashed: everybody",
    )
    return ax


def plot_lorenz(spread: Concentration, ax: "Axes | None" = None) -> "Axes":
    """Share of revenue by share of customers, best first, with the ABC classes, from `customers.concentration`."""
    ax = plots.axes(ax, size=(7.5, 4.2))
    across, up = 1 - spread.lorenz["share_of_customers"], 1 - spread.lorenz["share_of_revenue"]
    ax.plot(across, up, color=plots.BLUE)
    ax.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1, linestyle="--")
    ends = spread.classes["share_of_customers"].cumsum()
    shades = (plots.BLUE, plots.SKY, plots.LIGHT)
    for name, start, end, color in zip(spread.classes["class"], [0.0, *ends[:-1]], ends, shades, strict=True):
        ax.axvspan(start, end, color=color, alpha=0.18, linewidth=0)
        if end - start > 0.02:
            ax.text((start + end) / 2, 0.03, name, ha="center", fontsize=12, fontweight="bold", color=plots.GREY)
    ax.set(xlabel="share of customers, best first", ylabel="share of revenue", xlim=(0, 1), ylim=(0, 1.02))
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.percent)
    first = spread.classes.iloc[0]
    finding = (
        f"{plots.percent(first['share_of_customers'])} of customers (class A) bring "
        f"{plots.percent(first['share_of_revenue'])} of revenue"
    )
    plots.title(ax, finding, f"{plots.number(spread.measures['n'].iloc[0])} customers; dashed: all bring the same")
    return ax


def plot_index(
    table: "pd.DataFrame",
    ax: "Axes | None" = None,
    *,
    by: str = "segment",
    value: str = "value",
    what: str = "customers",
) -> "Axes":
    """Over- and under-index of each value in each segment, from `cross` or from the profile of `Tastes`."""
    import numpy as np

    rows = list(dict.fromkeys(table[by]))
    rows = [name for name in rules.NAMES if name in rows] or rows
    columns = list(dict.fromkeys(table.sort_values("base", ascending=False, kind="stable")[value]))
    grid = table.pivot(index=by, columns=value, values="index").loc[rows, columns].to_numpy(dtype=float)
    sure = _sure(table, by, value).loc[rows, columns].to_numpy()
    ax = plots.axes(ax, size=(min(9.0, 3.0 + 0.95 * len(columns)), 1.6 + 0.36 * len(rows)))
    with np.errstate(divide="ignore"):
        shade = np.clip(np.log2(grid), -2, 2)
    ax.imshow(np.where(np.isnan(grid), 0, shade), cmap="RdBu", vmin=-2.5, vmax=2.5, aspect="auto")
    for row in range(len(rows)):
        for column in range(len(columns)):
            if np.isfinite(grid[row, column]):
                strong = abs(shade[row, column]) > 1.7
                weight, color = ("bold" if sure[row, column] else "normal"), ("white" if strong else plots.BLACK)
                text = f"{100 * grid[row, column]:.0f}"
                ax.text(column, row, text, ha="center", va="center", fontsize=9, fontweight=weight, color=color)
    ax.set_xticks(range(len(columns)), [plain(str(name)) for name in columns], fontsize=9)
    ax.set_yticks(range(len(rows)), [plain(str(name)) for name in rows], fontsize=9)
    ax.tick_params(axis="x", labelrotation=0 if len(columns) < 8 else 30)
    ax.grid(visible=False)
    plots.title(
        ax,
        _stands_out(table, bool(sure.any()), by, value),
        f"index: 100 is the average of all {what}; bold: apart from it",
    )
    return ax


def _sure(table: "pd.DataFrame", by: str, value: str) -> "pd.DataFrame":
    told = table["verdict"] != "as everybody" if "verdict" in table else (table["low"] > 1) | (table["high"] < 1)
    return table.assign(sure=told).pivot(index=by, columns=value, values="sure").fillna(value=False).astype(bool)


def _stands_out(table: "pd.DataFrame", any_sure: bool, by: str, value: str) -> str:
    if not any_sure:
        return "No segment is made of other customers than the rest, as far as can be told"
    told = table[table["verdict"] != "as everybody"] if "verdict" in table else table[table["low"] > 1]
    row: dict[Any, Any] = told.iloc[int((told["index"] - 1).abs().to_numpy().argmax())].to_dict()
    if row[by] == row[value]:
        return f"The group {row[by]} buys {row['index']:.1f} times as much {row[value]} as everybody"
    return f"{plain(str(row[value]))} stands at {100 * row['index']:.0f} among {plain(str(row[by]))}"
