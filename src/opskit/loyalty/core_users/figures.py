"""Figures of the core users: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.loyalty.core_users.components import Components
from opskit.loyalty.core_users.course import Persistence
from opskit.loyalty.core_users.score import normalized
from opskit.loyalty.core_users.tops import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

COLORS = {"value": plots.BLUE, "contribution": plots.GREEN, "influence": plots.ORANGE}
_PICKS = {
    "score": (plots.BLUE, "by score"),
    "value": (plots.ORANGE, "by value alone"),
    "chance": (plots.GREY, "by chance"),
}
_HELD_BY = {"value": "revenue", "contribution": "contributions", "influence": "influence"}


def plot_core(
    found: Components,
    scored: "pd.DataFrame",
    ax: "Axes | None" = None,
    *,
    top: int = 15,
    weights: "Mapping[str, float] | None" = None,
) -> "Axes":
    """The best customers of `score`, each bar made of what value, contribution and influence add to it."""
    first = scored.head(top).iloc[::-1]
    ax = plots.axes(ax, size=(8.5, 1.4 + 0.27 * len(first)))
    left = first["score"] * 0
    shares = normalized(found, weights)
    for name in found.measured:
        part = shares[name] * first[f"scaled_{name}"]
        ax.barh(first["customer_id"].astype(str), part, left=left, color=COLORS[name], height=0.75, label=name)
        left = left + part
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="score")
    ax.tick_params(axis="y", labelsize=9)
    plots.format_axis(ax.xaxis, plots.percent if left.max() < 1 else plots.number)
    if len(found.measured) > 1:
        ax.legend(loc="lower right", fontsize=9)
    main = max(found.measured, key=lambda name: (first[f"scaled_{name}"] * shares[name]).sum())
    alone = f"The {len(first)} best by value, the only component that the tables hold"
    finding = f"Of the {len(first)} best, {main} makes up most of the score" if len(found.measured) > 1 else alone
    plots.title(ax, finding, f"{plots.number(len(scored))} customers known; weights as chosen")
    return ax


def plot_spread(found: Spread, ax: "Axes | None" = None) -> "Axes":
    """Lorenz curves of the components from `spread`, largest holders first."""
    ax = plots.axes(ax, size=(7.5, 4.2))
    for name, part in found.lorenz.groupby("component", sort=False):
        ax.plot(1 - part["share_of_customers"], 1 - part["share_held"], color=COLORS[str(name)], label=str(name))
    ax.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1, linestyle="--")
    ax.set(xlabel="share of customers, largest first", ylabel="share held", xlim=(0, 1), ylim=(0, 1.02))
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.percent)
    ax.legend(loc="lower right", fontsize=9)
    top = found.measures[found.measures["measure"] == "top 5%"]
    if top.empty:
        top = found.measures.drop_duplicates("component")
    told = [f"{plots.percent(row['estimate'])} of {_HELD_BY[row['component']]}" for row in top.to_dict("records")]
    finding = f"The {top['measure'].iloc[0]} of customers hold {', '.join(told)}"
    plots.title(ax, finding, f"{plots.number(found.measures['n'].iloc[0])} customers known; dashed: all hold the same")
    return ax


def plot_overlap(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of one top that is in another from `overlap`, beside what chance gives."""
    ax = plots.axes(ax, size=(8, 1.5 + 0.6 * max(len(table), 1)))
    if table.empty:
        plots.statement(ax, "One component alone: there are no two tops to compare.")
        return ax
    rows = table.iloc[::-1].reset_index(drop=True)
    plots.error_bars(ax, rows.index, rows["low"], rows["high"], horizontal=True, color=plots.BLUE)
    ax.plot(rows["share"], rows.index, "o", color=plots.BLUE, markersize=7, label="shared")
    ax.plot(
        rows["by_chance"],
        rows.index,
        "|",
        color=plots.VERMILLION,
        markersize=18,
        markeredgewidth=2.5,
        label="by chance",
    )
    ax.set_yticks(rows.index, [f"{row['first']}\nalso in {row['second']}" for row in rows.to_dict("records")])
    ax.set(xlabel="share of the smaller top", xlim=(0, None), ylim=(-0.6, len(rows) - 0.4))
    ax.grid(axis="y", visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(loc="lower right", fontsize=9)
    beyond = table[table["verdict"] == "more than chance"]
    finding = "No two tops share more customers than chance would give"
    if len(beyond):
        row = beyond.sort_values("share").iloc[-1]
        finding = f"Tops by {row['first']} and {row['second']}: {plots.percent(row['share'])} the same people"
    n = ", ".join(f"{n:.0f}" for n in sorted(set(table["n"])))
    plots.title(
        ax, finding, f"customers in the smaller top: {n}; bars: interval; chance among customers known equally long"
    )
    return ax


def plot_dependency(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """What stands with the best customers from `dependency`: their own value, and at most that of those they brought."""
    ax = plots.axes(ax, size=(8, 4.2))
    by = table.pivot(index="top", columns="held", values="share")
    place = range(len(by))
    ax.bar(place, by["own value"], 0.6, color=plots.BLUE, label="own value")
    whole = "own value"
    if "both" in by:
        brought = by["both"] - by["own value"]
        ax.bar(
            place,
            brought,
            0.6,
            bottom=by["own value"],
            color="white",
            edgecolor=plots.BLUE,
            hatch="////",
            label="brought: at most",
        )
        whole = "both"
    bounds = table[table["held"] == whole].set_index("top")
    plots.error_bars(ax, place, bounds["low"], bounds["high"])
    ax.set_xticks(place, [f"top {size:,}" for size in by.index])
    ax.set(ylabel="share of all value", ylim=(0, None))
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="upper left", fontsize=9)
    last = by.iloc[-1]
    finding = f"The top {by.index[-1]:,} hold {plots.percent(last['own value'])} of all value"
    if whole == "both":
        finding += f", with those they brought at most {plots.percent(last['both'])}"
    plots.title(
        ax, finding, f"best by score of {plots.number(table['n'].iloc[0])} customers; bars: interval of the whole"
    )
    return ax


def plot_quarters(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of revenue of each quarter's best customers from `by_quarter`."""
    ax = plots.axes(ax, size=(8, 3.8))
    known = table[table["complete"]].dropna(subset="share").reset_index(drop=True)
    if known.empty:
        plots.statement(ax, "No quarter is over yet with 20 customers or more.")
        return ax
    place = known.index
    ax.plot(place, known["share"], color=plots.BLUE, marker="o")
    plots.error_bars(ax, place, known["low"], known["high"], color=plots.BLUE)
    plots.label_counts(ax, place, known["high"], known["n"])
    quarter = known["quarter"].dt
    ax.set_xticks(
        place, [f"{year} Q{number}" for year, number in zip(quarter.year, quarter.quarter, strict=True)], fontsize=9
    )
    ax.set(ylabel="share of revenue", ylim=(0, min(1.05, known["high"].max() * 1.15)))
    plots.format_axis(ax.yaxis, plots.percent)
    first, last = known.iloc[0], known.iloc[-1]
    word = "about as much as"
    if last["low"] > first["high"]:
        word = "more than"
    elif last["high"] < first["low"]:
        word = "less than"
    finding = f"The best customers of the last quarter bring {plots.percent(last['share'])}, {word} those of the first"
    plots.title(
        ax,
        finding if len(known) > 1 else f"The best customers of the quarter bring {plots.percent(last['share'])}",
        "each quarter's own best; quarters that are over; bars: interval",
    )
    return ax


def plot_persistence(found: Persistence, ax: "Axes | None" = None) -> "Axes":
    """How many average customers each pick was worth in the period of the pick and in the next, from `persistence`."""
    held = found.held
    names = list(dict.fromkeys(held["component"]))
    ax = plots.axes(ax, size=(8, 1.8 + 0.75 * max(len(names), 1)))
    if held.empty:
        plots.statement(ax, "The data are too short for a core of one period to be seen in the next.")
        return ax
    for at, name in enumerate(reversed(names)):
        for step, pick in enumerate(dict.fromkeys(held["pick"])):
            color, label = _PICKS[pick]
            row = held[(held["component"] == name) & (held["pick"] == pick)].iloc[0]
            y, even = at + 0.22 * (1 - step), row["before"] / row["times_before"]
            plots.error_bars(ax, [y], [row["low"] / even], [row["high"] / even], horizontal=True, color=color)
            ax.plot([row["times_before"], row["times_after"]], [y, y], color=color, linewidth=0.8, linestyle=":")
            ax.plot(row["times_before"], y, "o", markerfacecolor="white", color=color, markersize=6)
            ax.plot(row["times_after"], y, "o", color=color, markersize=7, label=label if at == 0 else None)
    ax.axvline(1, color=plots.GREY, linewidth=1)
    ax.set_yticks(range(len(names)), list(reversed(names)))
    ax.set(xlabel="times an average customer", xlim=(0, None), ylim=(-0.55, len(names) - 0.4))
    ax.grid(axis="y", visible=False)
    figure = ax.get_figure(root=True)
    if figure is not None:
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=9)
    value = held[held["component"] == "value"].set_index("pick")
    finding = f"Picked by score, the core went from {value['times_before']['score']:.1f} to {value['times_after']['score']:.1f} times an average customer's value"
    plots.title(
        ax,
        finding,
        f"hollow: in the period of the pick; full: in the next, with interval; {value['n']['score']} customers",
    )
    return ax


def plot_sensitivity(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of the core that stays under other choices, from `sensitivity`."""
    rows = table[table["variant"] != "as chosen"].iloc[::-1]
    ax = plots.axes(ax, size=(8, 1.4 + 0.3 * max(len(rows), 1)))
    if rows.empty:
        plots.statement(ax, "One component alone: whatever its weight, the ranking is the same.")
        return ax
    ax.barh(rows["variant"], rows["share"], color=plots.BLUE, height=0.7)
    for at, stay in enumerate(rows["stay"]):
        ax.annotate(
            f"{stay}",
            (rows["share"].iloc[at], at),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=plots.GREY,
        )
    ax.set(xlabel="share of the core that stays in it", xlim=(0, 1.08))
    ax.grid(axis="y", visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    least = rows.sort_values("share", kind="stable").iloc[0]
    size = int(table["stay"].iloc[0])
    plots.title(
        ax,
        f"{least['stay']} of {size} stay in the core with another choice ({least['variant']})",
        "the same customers, other choices of weights, scale and reach",
    )
    return ax
