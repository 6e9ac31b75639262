"""Figures of what things cost: the names of CAC, dear and cheap weeks, owned traffic."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.acquisition.channel_scorecard.costs import VARIANTS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.acquisition.channel_scorecard.media import Touches

_MEDIA = {"owned": plots.GREEN, "paid": plots.BLUE, "earned": plots.ORANGE}


def plot_variants(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What a customer costs by each name, a row per channel, from `cost_variants`."""
    channels = list(dict.fromkeys(table["channel"]))[::-1]
    ax = plots.axes(ax, size=(6.9, 1.3 + 0.5 * max(len(channels), 3)))
    if table.empty:
        plots.statement(ax, "No spend is booked: what a customer costs cannot be told.")
        return ax
    for (name, color), offset in zip(
        zip(VARIANTS.values(), (plots.SKY, plots.BLUE, plots.VERMILLION), strict=True), (0.24, 0.0, -0.24), strict=True
    ):
        part = table[table["variant"] == name]
        place = [channels.index(channel) + offset for channel in part["channel"]]
        ax.hlines(place, part["low"], part["high"], color=color, linewidth=2.4, alpha=0.45)
        ax.scatter(part["cost"], place, color=color, s=34, zorder=3, label=name)
    ax.set_yticks(range(len(channels)), channels)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set(xlim=(0, None), ylim=(-0.6, len(channels) - 0.4), xlabel=f"cost {currency}".strip())
    plots.format_axis(ax.xaxis, plots.number)
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16), fontsize=8.5)
    every = table[table["channel"] == table["channel"].iloc[0]] if "all channels" not in channels else table
    every = every[every["channel"].isin(["all channels", "channels with spend"])]
    low, high = every["cost"].min(), every["cost"].max()
    finding = "What a customer costs depends on what is counted"
    if high > low:
        finding = f'One spend, and a "cost" of {plots.number(low)} or of {plots.number(high)}: say which'
    plots.title(ax, finding, "bars: interval")
    return ax


def plot_marginal(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Average cost per sign-up and that of the additional ones of dear weeks, from `marginal_cost`."""
    shown = table.dropna(subset="extra").sort_values("times", ignore_index=True)
    ax = plots.axes(ax, size=(6.9, 1.3 + 0.5 * max(len(shown), 3)))
    if shown.empty:
        plots.statement(ax, "No channel has enough weeks with more and with less spend to compare them.")
        return ax
    ax.hlines(shown.index, shown["average"], shown["extra"], color=plots.LIGHT, linewidth=6, zorder=1)
    ax.hlines(shown.index, shown["low"], shown["high"], color=plots.VERMILLION, linewidth=2, alpha=0.5)
    ax.scatter(shown["average"], shown.index, color=plots.BLUE, s=50, zorder=3, label="average sign-up")
    ax.scatter(
        shown["extra"], shown.index, color=plots.VERMILLION, s=50, zorder=3, label="additional ones of dear weeks"
    )
    ax.set_yticks(shown.index, shown["channel"])
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set(xlim=(0, None), ylim=(-0.6, len(shown) - 0.4), xlabel=f"spend per sign-up {currency}".strip())
    plots.format_axis(ax.xaxis, plots.number)
    ax.legend(loc="lower right", fontsize=8.5)
    worst = shown.iloc[-1]
    times = f"{worst['times']:.1f} times the average"
    finding = f"More money on {worst['channel']} bought sign-ups at {times}"
    if worst["times_low"] <= 1:
        finding = f"More money on {worst['channel']} may have bought dearer sign-ups ({times}); chance is not excluded"
    plots.title(ax, finding, "weeks dearer than the median of their neighbours against cheaper ones; bars: interval")
    return ax


def plot_break_even(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Customers that must be moved so that owned traffic pays, by what moving one costs, from `break_even`."""
    ax = plots.axes(ax, size=(6.9, 3.4))
    if table.empty:
        plots.statement(
            ax, "Break-even needs repeat spend (purpose retain) and credited orders on paid and on owned channels."
        )
        return ax
    there = float(table["customers"].iloc[0])
    top = 1.6 * there
    known = table.dropna(subset="customers_needed")
    high = known["needed_high"].fillna(10 * top)
    ax.vlines(known["cost_to_move"], known["needed_low"], high, color=plots.GREEN, linewidth=3, alpha=0.45)
    ax.plot(known["cost_to_move"], known["customers_needed"], "o-", color=plots.GREEN, label="needed")
    ax.axhline(there, color=plots.BLACK, linewidth=1.2)
    words = f"{plots.number(there)} customers there are"
    ax.annotate(
        words,
        (1, there),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
    )
    ax.set(ylim=(0, top), xlabel=f"cost of moving one customer {currency}".strip(), ylabel="customers to move")
    ax.set_xticks(table["cost_to_move"])
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.number)
    paying = table[table["pays"] == "yes"]
    finding = "At none of these costs is it sure that owned traffic pays"
    if len(paying):
        most = paying.iloc[-1]
        finding = (
            f"Owned traffic pays from {plots.number(most['customers_needed'])} moved customers on, at up to "
            f"{plots.money(most['cost_to_move'], currency)} each"
        )
    plots.title(ax, finding, "bars: interval; a year's saving on paid touches against what moving and running cost")
    return ax


def plot_media(card: "pd.DataFrame", touched: "Touches | None" = None, ax: "Axes | None" = None) -> "Axes":
    """Owned, paid and earned shares of new customers, spend and credited orders, from `scorecard` and `touches`."""
    parts = {"sign-ups": card["signups"], "new customers": card["customers"], "acquisition spend": card["spend"]}
    bars = {name: dict(zip(card["channel"], part, strict=True)) for name, part in parts.items()}
    if touched is not None:
        by_media = touched.by_media
        named = {
            "touches": "touches",
            "orders credited to the last touch": "credited",
            "repeat spend": "repeat_spend",
        }
        bars |= {name: dict(zip(by_media["media"], by_media[column], strict=True)) for name, column in named.items()}
    bars = {name: part for name, part in bars.items() if sum(part.get(media, 0.0) for media in _MEDIA) > 0}
    ax = plots.axes(ax, size=(6.9, 1.3 + 0.42 * max(len(bars), 3)))
    if not bars:
        plots.statement(ax, "No channel is known as owned, paid or earned.")
        return ax
    for place, part in enumerate(reversed(bars.values())):
        whole, left = sum(part.get(media, 0.0) for media in _MEDIA), 0.0
        for media, color in _MEDIA.items():
            share = part.get(media, 0.0) / whole
            ax.barh(place, share, 0.62, left=left, color=color, alpha=0.85, label=media if not place else None)
            if share > 0.06:
                ax.text(
                    left + share / 2,
                    place,
                    plots.percent(round(share, 2)),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="white",
                )
            left += share
    ax.set_yticks(range(len(bars)), list(bars)[::-1])
    ax.set(xlim=(0, 1))
    ax.grid(visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, -0.12), ncols=3, fontsize=8.5)
    won = bars.get("new customers", {})
    whole = sum(won.get(media, 0.0) for media in _MEDIA)
    finding = "Owned, paid and earned: who brings what, and what is spent where"
    if whole:
        finding = f"{plots.percent(round((won.get('owned', 0) + won.get('earned', 0)) / whole, 2))} of new customers came by owned or earned media"
    plots.title(ax, finding, "share of each kind in what is named at the left")
    return ax
