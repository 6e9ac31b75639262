"""Figures of the key accounts: each draws the table of the function it is named after, and its title says what it shows."""

from functools import partial
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.target_users.key_accounts.dependency import losing
from opskit.target_users.key_accounts.holdout import SEVERAL_OF, SINGLE
from opskit.target_users.key_accounts.movement import ENTERED, LEFT
from opskit.target_users.key_accounts.whale import Whale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_STATES = {"on time": plots.BLUE, "late": plots.ORANGE, "silent": plots.VERMILLION}
_MOST_BARS = 30
_STRESS = 5  # accounts taken away in the title


def plot_whale(whale: Whale, ax: "Axes | None" = None) -> "Axes":
    """Profit cumulated over accounts from `whale_curve`, the best first: the back of the whale, and what is lost behind it."""
    ax = plots.axes(ax, size=(8, 4.2))
    curve = whale.curve
    x, y = [0, *curve["share_of_accounts"]], [0, *curve["share_of_profit"]]
    plots.band(ax, curve["share_of_accounts"], curve["low"], curve["high"])
    ax.plot(x, y, color=plots.BLUE)
    ax.axhline(1, color=plots.GREY, linewidth=1, linestyle="--")
    losers = curve.iloc[int(curve["share_of_profit"].to_numpy(dtype=float).argmax()) :]
    ax.plot(losers["share_of_accounts"], losers["share_of_profit"], color=plots.VERMILLION)
    measures: dict[Any, float] = whale.measures.set_index("measure")["estimate"].to_dict()
    for name in ("top 1%", "top 10%", "top 20%"):
        if name in measures:
            share, held = float(name.removeprefix("top ").rstrip("%")) / 100, measures[name]
            ax.plot(share, held, "o", color=plots.BLUE, markersize=6)
            ax.annotate(
                f"{name}: {plots.percent(held)}", (share, held), xytext=(9, -4), textcoords="offset points", fontsize=9
            )
    ax.set(
        xlabel="share of accounts, the most profitable first", ylabel="share of all profit", xlim=(0, 1), ylim=(0, None)
    )
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.percent)
    lose, lost = measures["losing accounts"], measures["lost again"]
    finding = f"{plots.percent(lose)} of accounts lose money, {plots.percent(lost)} of what the others earn"
    if not lose:
        finding = "No account loses money"
    n = int(whale.measures["n"].iloc[0])
    plots.title(
        ax,
        finding,
        f"profit so far of {plots.number(n)} accounts; band: interval, where the top is not a few; red: they lose",
    )
    return ax


def plot_ranking(ranked: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Revenue and profit of the largest accounts from `ranking`; those that lose money in red."""
    rows = ranked.head(_MOST_BARS).iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.6 + 0.24 * len(rows)))
    ax.barh(rows.index, rows["revenue"], color=plots.LIGHT, height=0.8, label="revenue")
    ax.barh(rows.index, rows["profit"], color=plots.BLUE, height=0.5, label="profit")
    bad = rows[rows["loses"]]
    ax.barh(bad.index, bad["profit"], color=plots.VERMILLION, height=0.5, label="loss" if len(bad) else None)
    ax.axvline(0, color=plots.GREY, linewidth=1)
    ax.set_yticks(rows.index, rows["account"], fontsize=9)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    for tick, loses in zip(ax.get_yticklabels(), rows["loses"], strict=True):
        tick.set_color(plots.VERMILLION if loses else plots.GREY)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    plots.format_axis(ax.xaxis, partial(plots.money, currency=currency))
    ax.legend(loc="lower right", fontsize=9)
    found = losing(ranked)
    finding = f"{found['count']:.0f} of the {len(ranked)} accounts largest by revenue lose money"
    if not found["count"]:
        finding = f"None of the {len(ranked)} accounts largest by revenue loses money"
    plots.title(ax, finding, "so far; profit after cost to serve, where orders say what that is")
    return ax


def plot_dependency(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What stands with the most profitable accounts, from `dependency`."""
    ax = plots.axes(ax, size=(8, 3.4))
    if table.empty:
        plots.statement(ax, "There are too few accounts to take any of them away.")
        return ax
    place, width = range(len(table)), 0.38
    ax.bar([at - width / 2 for at in place], table["share_of_profit"], width, color=plots.BLUE, label="of profit")
    ax.bar([at + width / 2 for at in place], table["share_of_revenue"], width, color=plots.LIGHT, label="of revenue")
    for at, row in enumerate(table.to_dict("records")):
        text = f"{plots.percent(row['share_of_profit'])}\n{plots.money(row['profit'], currency)}"
        ax.annotate(
            text,
            (at - width / 2, max(row["share_of_profit"], 0)),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    ax.set_xticks(place, ["the largest" if size == 1 else f"the largest {size}" for size in table["lost"]])
    top = float(table[["share_of_profit", "share_of_revenue"]].max().max())
    ax.set(ylabel="share lost with them", ylim=(min(0.0, float(table["share_of_profit"].min())), 1.25 * max(top, 0.01)))
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="upper left", fontsize=9)
    last = table[table["lost"] <= _STRESS].to_dict("records")[-1]
    many = f"the {last['lost']} largest" if last["lost"] > 1 else "the largest account"
    finding = f"Without {many}, {plots.percent(last['share_of_profit'])} of profit would be gone"
    plots.title(ax, finding, "the most profitable accounts of the last window; counted, not estimated")
    return ax


def plot_moves(moved: "pd.DataFrame", ax: "Axes | None" = None, *, min_share: float = 0.0, most: int = 24) -> "Axes":
    """Share of profit at the review before and now, from `moves`: those who came, those who left, and who moved most."""
    changed = moved[moved["move"].isin([ENTERED, LEFT])] if len(moved) else moved
    if changed.empty:
        ax = plots.axes(ax, size=(8, 1.6))
        said = (
            "Nobody came onto the list or left it."
            if len(moved)
            else "Orders cover one review only, or nobody is on the list."
        )
        plots.statement(ax, said)
        return ax
    rows = changed.head(most).iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.6 + 0.3 * len(rows)))
    for at, row in enumerate(rows.to_dict("records")):
        color = plots.GREEN if row["move"] == ENTERED else plots.VERMILLION
        ax.plot([row["share_before"], row["share_now"]], [at, at], color=color, linewidth=1.2)
        ax.plot(row["share_before"], at, "o", markerfacecolor="white", color=color, markersize=6)
        ax.plot(row["share_now"], at, "o", color=color, markersize=7)
    if min_share > 0:
        ax.axvline(min_share, color=plots.GREY, linewidth=1, linestyle="--")
    ax.set_yticks(rows.index, rows["account"] + " " + rows["move"], fontsize=9)
    ax.set(xlabel="share of the window's profit", ylim=(-0.6, len(rows) - 0.4))
    ax.grid(axis="y", visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    came, real = int((changed["move"] == ENTERED).sum()), int(changed["more_than_chance"].sum())
    finding = f"{came} came, {len(changed) - came} left; {real or 'none'} of these moves {'is' if real <= 1 else 'are'} more than chance"
    plots.title(
        ax, finding, "hollow: at the review before; full: now; dashed: the rule of share; other rules count, too"
    )
    return ax


def plot_kept(lasting: "pd.DataFrame | None", ax: "Axes | None" = None) -> "Axes":
    """What each pick of one window brought in the next, from `kept`."""
    if lasting is None or lasting["kept"].isna().all():
        ax = plots.axes(ax, size=(8, 1.6))
        plots.statement(ax, "Orders are too few to pick accounts on one window and see them in the next.")
        return ax
    rows = lasting[lasting["n"] > 0].iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.7 + 0.42 * len(rows)))
    ax.barh(rows.index, rows["kept"], color=plots.BLUE, height=0.55)
    plots.error_bars(ax, rows.index, rows["low"], rows["high"], horizontal=True)
    ax.axvline(1, color=plots.GREY, linewidth=1, linestyle="--")
    ax.set_yticks(rows.index, [f"{row['pick']} (n={row['n']})" for row in rows.to_dict("records")], fontsize=9)
    ax.set(xlabel="profit of the next window over that of the window picked on")
    ax.grid(axis="y", visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    best, everybody = rows["kept"].iloc[-2], rows["kept"].iloc[0]
    finding = (
        f"The best brought {plots.percent(best)} of it again in the next window, everybody {plots.percent(everybody)}"
    )
    by = {str(row["pick"]).rpartition(": ")[2]: row["kept"] for row in rows.to_dict("records")}
    if SINGLE in by and SEVERAL_OF in by:
        several, single = plots.percent(by[SEVERAL_OF]), plots.percent(by[SINGLE])
        finding = f"Of the best, accounts of several customers brought {several} again, single ones {single}"
    plots.title(ax, finding, "bars: interval, where accounts are enough for one; dashed: as much as before")
    return ax


def plot_luck(chance: "pd.DataFrame | None", ax: "Axes | None" = None) -> "Axes":
    """Share of profit of the best accounts in the weeks they were picked on and in those between, from `luck`."""
    ax = plots.axes(ax, size=(8, 2.6))
    if chance is None:
        plots.statement(ax, "Orders are too few to pick accounts on every other week.")
        return ax
    one = chance.iloc[-1]
    ax.barh([1, 0], [one["there"], one["between"]], color=[plots.LIGHT, plots.BLUE], height=0.6)
    if one["low"] == one["low"]:
        plots.error_bars(ax, [0], [one["low"] * one["there"]], [one["high"] * one["there"]], horizontal=True)
    ax.set_yticks([1, 0], ["in the weeks\nthey were picked on", "in the weeks between"])
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="share of all profit of those weeks")
    plots.format_axis(ax.xaxis, plots.percent)
    missing = f"{plots.percent(1 - one['kept'])} of what made them the best is not there in the weeks between"
    finding = missing if one["kept"] < 1 else "What made them the best is there in the weeks between, too"
    plots.title(
        ax, finding, f"best accounts of even and of odd weeks, the same year; {one['n']} accounts; bar: interval"
    )
    return ax


def plot_cards(files: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Profit of the key accounts from `cards`, by whether they order in their own rhythm."""
    if files.empty:
        ax = plots.axes(ax, size=(8, 1.6))
        plots.statement(ax, "No account meets the rules: there is no card to draw.")
        return ax
    rows: Any = files.head(_MOST_BARS).iloc[::-1].reset_index(drop=True)
    ax = plots.axes(ax, size=(8, 1.6 + 0.24 * len(rows)))
    for state, color in _STATES.items():
        part = rows[rows["state"] == state]
        if len(part):
            ax.barh(part.index, part["profit"], color=color, height=0.7, label=state)
    ax.set_yticks(rows.index, rows["account"] + "  " + rows["owner"], fontsize=9)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    plots.format_axis(ax.xaxis, partial(plots.money, currency=currency))
    ax.legend(loc="lower right", fontsize=9)
    late = int(files["state"].isin(["late", "silent"]).sum())
    finding = (
        f"{late} of the {len(files)} key accounts are late by their own rhythm"
        if late
        else f"All {len(files)} key accounts order in their own rhythm"
    )
    plots.title(
        ax, finding, "profit of the last window; name of the owner; late: beyond its own mean gap, silent: beyond three"
    )
    return ax
