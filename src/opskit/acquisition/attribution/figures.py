"""Figures of attribution: each draws the tables of the functions it is named after, and its title says what they show."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opskit import plots
from opskit.acquisition.attribution.lift_tests import OVER, UNDER, UNTOLD

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# One touch takes all: warm. Every touch takes part: cool. A model of the paths: squares.
MARKS = {
    "first": (plots.ORANGE, "o"),
    "last": (plots.VERMILLION, "o"),
    "last_non_direct": (plots.PURPLE, "o"),
    "linear": (plots.SKY, "o"),
    "position": (plots.BLUE, "o"),
    "time_decay": (plots.GREY, "o"),
    "markov": (plots.BLUE, "s"),
    "shapley": (plots.SKY, "s"),
}


def plot_credit(
    credit: "pd.DataFrame",
    tests: "pd.DataFrame | None" = None,
    ax: "Axes | None" = None,
    *,
    truth: Mapping[str, float] | None = None,
) -> "Axes":
    """Share of conversions by channel and rule, with what lift tests found and, where it is known, the truth.

    Args:
        credit: From `credit`.
        tests: From `lift`.
        ax: Draw here; None makes a figure of its own.
        truth: Share of conversions that would not exist without the channel, by channel.
    """
    import numpy as np

    wide = credit.pivot(index="channel", columns="rule", values="share")
    rules = [rule for rule in MARKS if rule in wide]
    top = wide[rules[0]] if "last" not in wide else wide["last"]
    channels = top.sort_values(ascending=True, kind="stable").index.tolist()
    shown = channels[-12:]
    ax = plots.axes(ax, size=(9, 1.6 + 0.72 * len(shown)))
    steps = np.linspace(0.38, -0.22, len(rules))
    for place in range(1, len(shown), 2):
        ax.axhspan(place - 0.5, place + 0.5, color="#F6F6F6", zorder=0)
    for rule, step in zip(rules, steps, strict=True):
        part = credit[credit["rule"] == rule].set_index("channel").loc[shown]
        color, mark = MARKS[rule]
        at = np.arange(len(shown)) + step
        plots.error_bars(ax, at, part["share_low"], part["share_high"], horizontal=True, color=color)
        ax.plot(part["share"], at, mark, color=color, markersize=5, zorder=4, label=rule.replace("_", " "))
    _draw_tests(ax, tests, shown)
    known = {channel: share for channel, share in (truth or {}).items() if channel in shown}
    if known:
        at = np.array([shown.index(channel) for channel in known])
        shares = list(known.values())
        ax.vlines(shares, at - 0.46, at + 0.46, color=plots.GREEN, linewidth=2.4, zorder=2, label="truth")
    ax.set_yticks(range(len(shown)), shown, fontsize=10)
    ax.tick_params(axis="y", labelcolor=plots.BLACK)
    ax.set(ylim=(-0.55, len(shown) - 0.45), xlabel="share of conversions")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    detail = f"{plots.number(credit['n'].iloc[0])} conversions; bars: interval"
    if tests is not None and len(tests):
        detail += "; a test counts what comes in its own days"
    if len(shown) < len(channels):
        detail += f"; {len(channels) - len(shown)} smaller channels are not drawn"
    plots.title(ax, _finding(wide, tests), detail)
    return ax


def _draw_tests(ax: "Axes", tests: "pd.DataFrame | None", shown: list[str]) -> None:
    """Each test as a diamond on its channel's row."""
    if tests is None:
        return
    known = tests[tests["channel"].isin(shown) & tests["share"].notna()]
    at = [shown.index(channel) - 0.36 for channel in known["channel"]]
    ax.hlines(at, known["share_low"], known["share_high"], color=plots.BLACK, linewidth=2.2, zorder=5)
    if len(known):
        ax.plot(known["share"], at, "D", color=plots.BLACK, markersize=8, zorder=6, label="lift test")


def _finding(wide: "pd.DataFrame", tests: "pd.DataFrame | None") -> str:
    """The widest gap between a rule and a test, or between two rules where nothing is tested."""
    if tests is not None and "last" in wide:
        known = tests[tests["channel"].isin(wide.index) & tests["share"].notna()].copy()
        known["last"] = known["channel"].map(wide["last"])
        apart = known[~known["last"].between(known["share_low"], known["share_high"])]
        if len(apart):
            gap = (apart["last"] - apart["share"]).abs().to_numpy()
            channel, last, found = apart[["channel", "last", "share"]].to_numpy()[gap.argmax()]
            credited, caused = plots.percent(float(last)), plots.percent(round(float(found), 3))
            return f"{channel}: {credited} of conversions by the last touch, {caused} in its lift test"
    lowest, highest = wide.min(axis=1).to_numpy(), wide.max(axis=1).to_numpy()
    place = (highest - lowest).argmax()
    between = f"{plots.percent(float(lowest[place]))} to {plots.percent(float(highest[place]))}"
    return f"{wide.index[place]} gets {between} of the conversions, depending on the rule"


def plot_against_tests(compared: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """What the rules credit to each tested channel in the days of its test, less what the test found.

    Args:
        compared: From `against_tests`.
        ax: Draw here; None makes a figure of its own.
    """
    import numpy as np

    groups = [part for _, part in compared.groupby(["channel", "started_at"], sort=False)]
    rows = len(compared) + len(groups)
    ax = plots.axes(ax, size=(9, 1.5 + 0.24 * max(rows, 4)))
    known = compared.dropna(subset=["low", "high"])
    if known.empty:
        plots.statement(ax, "No finished lift test has conversions in its days that could be compared.")
        return ax
    names: dict[float, str] = {}
    place = float(rows)
    for part in groups:
        place -= 1
        names[place] = f"{part['channel'].iloc[0]}, test from {part['started_at'].iloc[0]:%Y-%m-%d}"
        at = place - 1 - np.arange(len(part))
        names |= dict(zip(at.tolist(), part["rule"].str.replace("_", " "), strict=True))
        for verdict, color in ((OVER, plots.VERMILLION), (UNDER, plots.BLUE), (UNTOLD, plots.GREY)):
            own = (part["verdict"] == verdict).to_numpy()
            plots.error_bars(ax, at[own], part["low"][own], part["high"][own], horizontal=True, color=color)
            ax.plot(part["difference"][own], at[own], "o", color=color, markersize=5, zorder=4)
        place = float(at.min())
    ax.axvline(0, color=plots.BLACK, linewidth=1.2)
    ax.set_yticks(list(names), list(names.values()), fontsize=9)
    for label, name in zip(ax.get_yticklabels(), names.values(), strict=True):
        if ", test from " in name:
            label.set(fontweight="bold", color=plots.BLACK)
    ax.set(ylim=(-0.7, rows - 0.3), xlabel="conversions credited in the days of the test, less those it found")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, plots.number)
    wrong = compared[compared["verdict"] == OVER]
    finding = "No test contradicts a rule: each interval holds 0"
    if len(wrong):
        most = wrong["channel"].value_counts().index[0]
        finding = f"{(wrong['channel'] == most).sum()} of {(compared['channel'] == most).sum()} rules credit {most} with more than its test found"
    plots.title(
        ax, finding, "Bars: interval of the difference. Red: credits too much, blue: too little, grey: cannot be told"
    )
    return ax
