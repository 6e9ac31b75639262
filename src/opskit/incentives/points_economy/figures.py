"""Figures of the points economy: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.points_economy.breakage import Breakage
from opskit.incentives.points_economy.rules import Applied
from opskit.incentives.points_economy.suspects import Suspects

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLORS = {
    "redeemed": plots.BLUE,
    "expired": plots.ORANGE,
    "reversed": plots.VERMILLION,
    "open": plots.LIGHT,
    "earned": plots.GREEN,
}
WORDS = {
    "redeemed": "redeemed",
    "expired": "expired",
    "reversed": "taken back",
    "open": "still there",
    "earned": "earned",
}


def plot_months(months: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Points earned and gone by month, and what is left, from `by_month`."""
    ax = plots.axes(ax, size=(7.6, 3.5))
    if months.empty:
        plots.statement(ax, "No point has been earned: there is nothing to draw.")
        return ax
    at, width = months["month"], 20
    ax.bar(at, months["earned"], width=width, color=COLORS["earned"], label="earned")
    bottom = 0 * months["earned"]
    for name in ("redeemed", "expired", "reversed"):
        ax.bar(at, -months[name], width=width, bottom=bottom, color=COLORS[name], label=WORDS[name])
        bottom = bottom - months[name]
    ax.plot(at, months["outstanding"], color=plots.BLACK, linewidth=1.8, label="outstanding")
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    ax.legend(loc="upper left", ncols=2, fontsize=9)
    ax.set(ylabel="points")
    plots.format_axis(ax.yaxis, plots.number)
    plots.date_axis(ax)
    last, earned = float(months["outstanding"].iloc[-1]), float(months["earned"].sum())
    share = last / earned if earned else float("nan")
    finding = f"{plots.number(last)} points are outstanding, {plots.percent(share)} of all that were ever earned"
    plots.title(ax, finding, "bars: earned above, gone below the line; black: left at the end of each month")
    return ax


def plot_fate(found: Breakage, ax: "Axes | None" = None) -> "Axes":
    """What has become of points by age, from `breakage`, beside what a glance at the totals says."""
    ax = plots.axes(ax, size=(7.4, 3.6))
    curve = found.curve
    if len(curve) < 2:
        plots.statement(ax, "No point is older than a day: what becomes of points cannot be seen yet.")
        return ax
    parts = ["redeemed", "expired", "reversed", "open"]
    ax.stackplot(
        curve["age"], [curve[name] for name in parts], colors=[COLORS[name] for name in parts], alpha=0.85, linewidth=0
    )
    kept = 1 - curve["reversed"].iloc[-1]
    naive = float(found.measures["estimate"].iloc[-1]) * kept
    ax.axhline(naive, color=plots.BLACK, linestyle="--", linewidth=1.2)
    ax.annotate(
        "redeemed so far over earned so far",
        (0, naive),
        xytext=(5, 4),
        textcoords="offset points",
        fontsize=9,
        color=plots.BLACK,
    )
    above = 0.0
    for name in parts:
        share = float(curve[name].iloc[-1])
        if share > 0.035:
            label = f" {WORDS[name]} {plots.percent(share)}"
            ax.annotate(
                label,
                (1, above + share / 2),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=9,
                color=plots.GREY if name == "open" else COLORS[name],
            )
        above += share
    ax.set(
        xlim=(0, curve["age"].iloc[-1]),
        ylim=(0, 1),
        xlabel="days since the points were earned",
        ylabel="share of points",
    )
    plots.format_axis(ax.yaxis, plots.percent)
    ax.grid(visible=False)
    rate, so_far = (
        plots.percent(float(found.measures["estimate"].iloc[2])),
        plots.percent(naive / kept if kept else float("nan")),
    )
    when = "In the end" if found.ultimate else f"Within {found.horizon_days} days"
    finding = f"{when} {rate} of points kept are redeemed; {so_far} have been so far"
    plots.title(ax, finding, "points of every age, followed as far as they have come; kept: not taken back")
    return ax


def plot_cohorts(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of each quarter's points that had been redeemed by an age, from `by_cohort`; unfinished ages are left out."""
    import matplotlib.pyplot as plt

    ax = plots.axes(ax, size=(7.2, 3.4))
    known = table[table["share"].notna()]
    if known.empty:
        plots.statement(ax, "No quarter's points have reached the first age: there is nothing to compare yet.")
        return ax
    cohorts = sorted(known["cohort"].unique())
    shades = plt.get_cmap("viridis_r")
    for place, cohort in enumerate(cohorts):
        part = known[known["cohort"] == cohort]
        color = shades(0.15 + 0.8 * place / max(len(cohorts) - 1, 1))
        name = f"{cohort.year} Q{(cohort.month + 2) // 3}"
        ax.plot(part["age"], part["share"], marker="o", markersize=3, color=color, label=name)
    ax.set(
        ylim=(0, None), xlim=(0, None), xlabel="days since the points were earned", ylabel="redeemed, of points kept"
    )
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(fontsize=8, ncols=2, loc="lower right", title="earned in", title_fontsize=8)
    age = int(known[known["cohort"] == cohorts[min(len(cohorts) - 1, max(len(cohorts) - 3, 0))]]["age"].iloc[0])
    same = known[known["age"] == age].sort_values("cohort")
    first, last = same.iloc[0], same.iloc[-1]
    finding = (
        f"By day {age}, {plots.percent(last['share'])} of the newest quarter's points are redeemed, "
        f"{plots.percent(first['share'])} of the oldest's"
    )
    plots.title(ax, finding, "a quarter is drawn as far as all of its points have come")
    return ax


def plot_movement(moved: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """From opening to closing liability, from `movement`."""
    ax = plots.axes(ax, size=(7.4, 3.2))
    shown = moved[(moved["amount"] != 0) | moved["line"].isin(["opening", "closing"])].reset_index(drop=True)
    level = 0.0
    for place, row in enumerate(shown.itertuples()):
        amount, line = float(row.amount), str(row.line)  # type: ignore[arg-type]
        whole = line in {"opening", "closing"}
        start = 0.0 if whole else level
        color = plots.GREY if whole else plots.GREEN if amount > 0 else plots.BLUE
        ax.barh(place, amount, left=start, color=color, height=0.6)
        level = amount if whole else level + amount
        text = plots.number(amount) if whole else f"{amount:+,.0f}" if abs(amount) >= 100 else f"{amount:+.3g}"
        ax.annotate(f" {text}", (max(start, start + amount), place), va="center", fontsize=9)
    ax.set_yticks(range(len(shown)), list(shown["line"]))
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=currency or "money")
    plots.format_axis(ax.xaxis, plots.number)
    ax.grid(axis="y", visible=False)
    closing, opening = float(moved["amount"].iloc[-1]), float(moved["amount"].iloc[0])
    finding = (
        f"The business owes {plots.money(closing, currency)} for points, {plots.money(opening, currency)} at the start"
    )
    plots.title(ax, finding, "revenue put off for points granted, less what redemption has earned since")
    return ax


def plot_per_revenue(months: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Points earned per unit of revenue by month, from `per_revenue`."""
    ax = plots.axes(ax, size=(7.4, 3))
    known = months[months["per_revenue"].notna() & months["complete"]]
    if known.empty:
        plots.statement(ax, "No whole month has revenue: points per revenue cannot be drawn.")
        return ax
    plots.error_bars(ax, known["month"], known["low"], known["high"], color=plots.SKY)
    ax.plot(known["month"], known["per_revenue"], "o-", color=plots.BLUE, markersize=4)
    level = known["earned"].sum() / known["revenue"].sum()
    ax.axhline(level, color=plots.GREY, linestyle="--", linewidth=1)
    ax.set(ylim=(0, None), ylabel="points per unit of revenue")
    plots.date_axis(ax)
    odd = int(((known["low"] > level) | (known["high"] < level)).sum())
    finding = f"A unit of revenue makes {plots.number(level)} points; {odd} of {len(known)} months lie apart from that"
    plots.title(ax, finding, "dashed: all months together; bars: interval; a month apart: its interval leaves that out")
    return ax


def plot_rules(applied: Applied, ax: "Axes | None" = None) -> "Axes":
    """What each rule would take away, from `apply_rules`."""
    table = applied.rules
    ax = plots.axes(ax, size=(7.4, 0.9 + 0.42 * max(len(table), 2)))
    if table.empty:
        plots.statement(ax, "No rule is given: nothing is taken away.")
        return ax
    places = range(len(table))
    ax.barh(places, table["removed"], color=plots.VERMILLION, height=0.6)
    for place, row in zip(places, table.to_dict("records"), strict=True):
        share = f" ({plots.percent(row['removed_share'])})" if row["looked_at"] else ""
        ax.annotate(f" {plots.number(row['removed'])}{share}", (row["removed"], place), va="center", fontsize=9)
    names = ["all" if name == "*" else name for name in table["behaviour"]]
    ax.set_yticks(places, [f"{name}: {rule}" for name, rule in zip(names, table["rule"], strict=True)])
    ax.invert_yaxis()
    ax.margins(x=0.25)
    ax.set(xlabel="earnings that would not count", xlim=(0, None))
    ax.grid(axis="y", visible=False)
    gone, whole = int(table["removed"].sum()), int(applied.behaviours["actions"].sum())
    points = float(table["removed_points"].sum())
    finding = (
        f"The rules would take {plots.number(gone)} of {plots.number(whole)} earnings, {plots.number(points)} points"
    )
    plots.title(ax, finding, "in the order in which they are applied; share: of what came to the rule")
    return ax


def plot_suspects(found: Suspects, ax: "Axes | None" = None) -> "Axes":
    """How many accounts each signal names, from `suspects`."""
    ax = plots.axes(ax, size=(7.4, 2.7))
    table = found.signals[found.signals["suspects"].notna()]
    places = range(len(table))
    ax.barh(places, table["suspects"], color=plots.PURPLE, height=0.6)
    for place, count in zip(places, table["suspects"], strict=True):
        ax.annotate(f" {count:.0f}", (count, place), va="center", fontsize=9)
    ax.set_yticks(places, list(table["what"]))
    ax.invert_yaxis()
    ax.set(xlim=(0, max(float(table["suspects"].max()) * 1.1, 1)), xlabel="accounts")
    ax.grid(axis="y", visible=False)
    share: Any = found.share
    finding = (
        f"{share['suspects']:.0f} of {plots.number(share['accounts'])} accounts are worth a look; "
        f"they earned {plots.percent(share['points_share'])} of all points"
    )
    plots.title(ax, finding, "suspects, not culprits; an account may be named by several signals")
    return ax
