"""Figures of win-back: each draws the table of the function it is named after, and its title says what that table shows."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.loyalty.win_back.dormancy import TIERS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.loyalty.win_back.actives import Actives
    from opskit.loyalty.win_back.flows import Flow
    from opskit.loyalty.win_back.wake_list import WakeList

COLORS: dict[str, str] = dict(zip(TIERS, (plots.ORANGE, plots.GREEN, plots.SKY, plots.BLUE), strict=True))


def plot_tiers(table: "pd.DataFrame", ax: "Axes | None" = None, *, window_days: int) -> "Axes":
    """One bar of all customers by tier, from `tier_counts`."""
    ax = plots.axes(ax, size=(9, 2.4))
    left = 0.0
    for row in table.itertuples():
        share = float(str(row.share))
        ax.barh(0, share, left=left, color=COLORS[str(row.tier)], edgecolor="white", height=0.6)
        if share > 0.04:
            middle = left + share / 2
            ax.text(middle, 0.36, str(row.tier), ha="center", va="bottom", fontsize=9, color=plots.BLACK)
            text = f"{plots.number(float(str(row.customers)))}\n{plots.percent(float(str(row.p_return)))} return"
            ax.text(
                middle, 0, text, ha="center", va="center", fontsize=9, color="white" if share > 0.08 else plots.BLACK
            )
        left += share
    ax.set(xlim=(0, 1), ylim=(-0.35, 0.6), yticks=[])
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    plots.format_axis(ax.xaxis, plots.percent)
    asleep, awake = (float(table.loc[table["tier"] == name, "share"].iloc[0]) for name in ("asleep", "awake"))
    finding = f"{plots.percent(awake)} of the customers are awake, {plots.percent(asleep)} asleep by their own rhythm"
    detail = f"{table['customers'].sum():,} customers; in each tier: expected back within {window_days} days if nothing changes"
    plots.title(ax, finding, detail)
    return ax


def plot_came_back(table: "pd.DataFrame", ax: "Axes | None" = None, *, window_days: int) -> "Axes":
    """Expected against real returns by tier, from `came_back`."""
    ax = plots.axes(ax, size=(7, 3.6))
    shown = table[table["tier"] != "all"].reset_index(drop=True)
    colors = [COLORS[name] for name in shown["tier"]]
    ax.bar(shown.index, shown["observed"], color=colors, width=0.55)
    plots.error_bars(ax, shown.index, shown["low"], shown["high"])
    ax.scatter(shown.index, shown["expected"], marker="D", s=44, color="white", edgecolor=plots.BLACK, zorder=5)
    names = [f"{name}\nn={plots.number(n)}" for name, n in zip(shown["tier"], shown["customers"], strict=True)]
    ax.set_xticks(shown.index, names)
    ax.set(ylabel=f"came back within {window_days} days", ylim=(0, None))
    ax.grid(visible=False, axis="x")
    plots.format_axis(ax.yaxis, plots.percent)
    there = shown[shown["customers"] > 0]
    inside = int(((there["low"] <= there["expected"]) & (there["expected"] <= there["high"])).sum())
    finding = f"{inside} of {len(there)} tiers came back as expected, within chance"
    plots.title(ax, finding, "tiers as of one window ago; diamonds: expected by each customer's rhythm; bars: interval")
    return ax


def plot_lift(table: "pd.DataFrame", ax: "Axes | None" = None, *, window_days: int) -> "Axes":
    """Share that came back among those contacted and those held out, by tier, from `lift`."""
    ax = plots.axes(ax, size=(7.5, 3.8))
    shown = table[(table["tier"] != "all") & table["lift"].notna()].reset_index(drop=True)
    whole = table[table["tier"] == "all"].iloc[0]
    if whole["lift"] != whole["lift"]:
        plots.statement(ax, "No contacts with a hold-out: what a contact adds is not known.")
        return ax
    for shift, column, color, name in (
        (-0.18, "came_held_out", plots.LIGHT, "held out"),
        (0.18, "came_contacted", plots.BLUE, "contacted"),
    ):
        ax.bar(shown.index + shift, shown[column], width=0.34, color=color, label=name)
    top = shown[["came_held_out", "came_contacted"]].max(axis=1)
    for place, row in shown.iterrows():
        text = f"{100 * row['lift']:+.1f} points\n({100 * row['low']:+.1f} to {100 * row['high']:+.1f})".replace(
            "-", "−"
        )
        height = float(top[place])  # type: ignore[index]
        ax.annotate(
            text, (float(str(place)), height), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=8
        )
    names = [f"{row.tier}\nn={plots.number(row.contacted + row.held_out)}" for row in shown.itertuples()]  # type: ignore[operator]
    ax.set_xticks(shown.index, names)
    ax.set(ylabel=f"came back within {window_days} days", ylim=(0, 1.3 * float(top.max() or 1)))
    ax.grid(visible=False, axis="x")
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="upper right", fontsize=9)
    points = f"{100 * whole['lift']:.1f} points ({100 * whole['low']:.1f} to {100 * whole['high']:.1f})".replace(
        "-", "−"
    )
    finding = f"A contact adds {points}" if whole["low"] > 0 else f"A contact may add nothing: {points}"
    detail = f"{whole['waves']} waves, customers compared within each; above: what a contact adds, with interval"
    plots.title(ax, finding, detail)
    return ax


def plot_wake_list(found: "WakeList", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What the list earns when contacted from the top, with the interval of the lifts, from `wake_list`."""
    ax = plots.axes(ax, size=(7.5, 3.6))
    listed = found.listed
    if not listed["expected_value"].notna().any():
        plots.statement(ax, "Nobody can be listed by expected value: what a contact adds is not known or does not pay.")
        return ax
    running = listed[["expected_value", "low", "high"]].cumsum()
    plots.band(ax, listed["rank"], running["low"], running["high"], color=plots.GREEN)
    ax.plot(listed["rank"], running["expected_value"], color=plots.GREEN)
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    ax.set(
        xlabel="customers contacted, the largest expected value first", ylabel=f"expected net value {currency}".strip()
    )
    plots.format_axis(ax.yaxis, plots.number)
    total, half = float(running["expected_value"].iloc[-1]), len(listed) // 2
    first = float(running["expected_value"].iloc[max(half - 1, 0)]) / total
    finding = f"{plots.number(len(listed))} contacts are worth {plots.money(total, currency)}; the first half brings {plots.percent(first)}"
    plots.title(
        ax, finding, "before some are held out; band: all lifts at the lower or at the upper end of their interval"
    )
    return ax


def plot_actives(found: "Actives", ax: "Axes | None" = None) -> "Axes":
    """Active customers of each month by where they came from, from `actives`."""
    ax = plots.axes(ax, size=(9, 4))
    table = found.table.copy()
    table["part"] = table["kind"]
    told = table["source"].isin(["contacted", "not contacted"]) & (table["kind"] == "resurrected")
    table.loc[told, "part"] = table["kind"] + ", " + table["source"]
    wide = table.pivot_table(index="month", columns="part", values="customers", aggfunc="sum").fillna(0)
    colors = {"new": plots.ORANGE, "retained": plots.BLUE, "resurrected": plots.GREEN}
    colors |= {"resurrected, not contacted": plots.GREEN, "resurrected, contacted": plots.SKY}
    base = 0 * wide.sum(axis=1)
    for part, color in colors.items():
        if part in wide:
            ax.bar(wide.index, wide[part], bottom=base, width=24, color=color, label=part)
            base = base + wide[part]
    incomplete = table.loc[~table["complete"], "month"]
    if len(incomplete):
        start = incomplete.iloc[0]
        plots.shade_incomplete(ax, start - (wide.index[1] - wide.index[0]) / 2 if len(wide) > 1 else start, start)
    ax.set(ylabel="active customers")
    ax.legend(loc="upper left", fontsize=9)
    plots.date_axis(ax)
    sums = table[table["complete"]].groupby("kind")["customers"].sum()
    share = sums.get("resurrected", 0) / sums.sum() if sums.sum() else float("nan")
    finding = f"{plots.percent(float(share))} of the active customers of a month had been away and came back"
    plots.title(ax, finding, "whole months; contacted: with a message shortly before, which need not be the reason")
    return ax


def plot_costs(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What a customer of each kind costs, counted in each way, from `cost_per_customer`."""
    ax = plots.axes(ax, size=(8.5, 3.2))
    shown = table[table["estimate"].notna()].iloc[::-1].reset_index(drop=True)
    if shown.empty:
        plots.statement(ax, "Neither spend by purpose nor the cost of contacts is known.")
        return ax
    colors = [plots.ORANGE if name == "new" else plots.BLUE for name in shown["customer"]]
    for place, row in shown.iterrows():
        plots.error_bars(ax, [place], [row["low"]], [row["high"]], horizontal=True, color=colors[int(str(place))])
    ax.scatter(shown["estimate"], shown.index, color=colors, s=60, zorder=4)
    for place, value in enumerate(shown["estimate"]):
        ax.annotate(
            plots.number(value), (value, place), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=9
        )
    ax.set_yticks(shown.index, [f"{row.customer}\n{row.counted}" for row in shown.itertuples()], fontsize=9)
    ax.set(ylim=(-0.5, len(shown) - 0.3), xlim=(0, None), xlabel=f"cost of one customer {currency}".strip())
    ax.grid(visible=False)
    claimed = table[table["counted"].str.startswith("contacts, over all")]["estimate"]
    added = table[table["counted"].str.startswith("contacts, over comebacks")]["estimate"]
    finding = "What a customer costs depends on whom one counts"
    if len(claimed) and len(added) and added.iloc[0] > claimed.iloc[0]:
        finding = f"A comeback costs {added.iloc[0] / claimed.iloc[0]:.1f} times what reports claim"
    plots.title(ax, finding, "only the hold-out leaves out who would have come anyway; bars: interval")
    return ax


def plot_flow(found: "Flow", kind: str, ax: "Axes | None" = None, *, top: int = 10) -> "Axes":
    """Differences of the clearest levels to all others, from `flow`."""
    shown = found.factors.head(top).iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.6 + 0.3 * max(len(shown), 3)))
    if shown.empty:
        plots.statement(ax, "No level has customers enough to be compared.")
        return ax
    colors = [plots.BLUE if clear else plots.LIGHT for clear in shown["clear"]]
    for place, row in shown.iterrows():
        plots.error_bars(ax, [place], [row["low"]], [row["high"]], horizontal=True, color=colors[int(str(place))])
    ax.scatter(shown["difference"], shown.index, color=colors, s=50, zorder=4)
    ax.axvline(0, color=plots.BLACK, linewidth=0.8)
    names = [f"{row.factor}: {row.level}  n={plots.number(float(str(row.customers)))}" for row in shown.itertuples()]
    ax.set_yticks(shown.index, names, fontsize=9)
    ax.set(xlabel=f"percentage points more (+) or fewer (−) {kind} than all others")
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    plots.format_axis(ax.xaxis, lambda share: f"{100 * share:+.0f}".replace("-", "−") if share else "0")
    first, clear = found.factors.iloc[0], int(found.factors["clear"].sum())
    finding = f"{kind.capitalize()}: nothing stands out beyond chance"
    if clear:
        points = f"{100 * first['difference']:+.0f}".replace("-", "−")
        finding = f"{kind.capitalize()}: clearest with {first['factor']}: {first['level']}, {points} points"
    detail = f"{found.flowed} of {plots.number(found.customers)}; dark: clear of 0 among {found.comparisons} comparisons together"
    plots.title(ax, finding, detail)
    return ax
