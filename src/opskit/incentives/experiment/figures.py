"""Figures of experiments: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.experiment.planning import Plan

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_SIZE = (7.4, 3.3)
_NOTHING = "Nothing to show: the arms' sizes forbid reading a result, or too few customers did anything."


def plot_register(table: "pd.DataFrame", ax: "Axes | None" = None, *, unit: str = "orders per customer") -> "Axes":
    """Every experiment's difference from `register`; those with arms of unplanned sizes struck out."""
    ax = plots.axes(ax, size=(7.4, 1.4 + 0.55 * max(len(table), 1)))
    if table.empty:
        plots.statement(ax, "No experiment with two arms has customers whose window is over.")
        return ax
    shown = table[::-1].reset_index(drop=True)
    for place, row in shown.iterrows():
        at, sound = float(str(place)), bool(row["may_be_read"])
        color = plots.BLUE if sound else plots.VERMILLION
        plots.error_bars(ax, at, row["low"], row["high"], horizontal=True, color=color)
        ax.plot(row["difference"], at, "o" if sound else "X", color=color, markersize=7, zorder=4)
        if not sound:
            ax.annotate(
                "not read: arms are not of the planned sizes",
                (row["difference"], at),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=color,
            )
    ax.axvline(0, color=plots.GREY, linewidth=1)
    ax.set_yticks(
        range(len(shown)), [f"{row['experiment']}\nn={plots.number(row['n'])}" for _, row in shown.iterrows()]
    )
    ax.set(ylim=(-0.5, len(shown) - 0.3), xlabel=f"difference in {unit}")
    ax.grid(axis="y", visible=False)
    seem = table[(table["low"] > 0) | (table["high"] < 0)]
    kept = int(seem["may_be_read"].sum())
    finding = f"{len(seem)} of {len(table)} experiments seem to show an effect; {kept} may be read"
    plots.title(ax, finding, "treatment less control, customers whose window is over; bars: interval of each alone")
    return ax


def plot_plan(planned: Plan, ax: "Axes | None" = None) -> "Axes":
    """The smallest effect a test of so many weeks can see, from `plan`, beside the effect worth having."""
    ax = plots.axes(ax, size=_SIZE)
    table, wanted = planned.by_weeks.dropna(subset="smallest_visible"), planned.needed.iloc[0]
    ax.plot(table["weeks"], table["smallest_visible"], color=plots.BLUE, marker="o", markersize=5)
    ax.axhline(wanted["smallest_effect"], color=plots.VERMILLION, linewidth=1.2, linestyle="--")
    ax.annotate(
        f"worth having: {plots.percent(wanted['smallest_effect'])}",
        (0, wanted["smallest_effect"]),
        xycoords=("axes fraction", "data"),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        fontsize=9,
        color=plots.VERMILLION,
    )
    for _, row in table.iterrows():
        ax.annotate(
            plots.percent(row["smallest_visible"]),
            (row["weeks"], row["smallest_visible"]),
            xytext=(5, 5),
            textcoords="offset points",
            fontsize=8,
            color=plots.BLUE,
        )
    ax.set(ylim=(0, None), xlabel="weeks of recruiting", ylabel="effect, of control")
    plots.format_axis(ax.yaxis, plots.percent)
    finding = (
        f"An effect of {plots.percent(wanted['smallest_effect'])} takes {wanted['customers']:,.0f} customers: "
        f"{plots.number(wanted['weeks_recruiting'])} weeks of recruiting"
    )
    detail = f"smallest effect seen with {plots.percent(wanted['power'])} power; {plots.number(planned.per_week)} customers a week"
    plots.title(ax, finding, detail)
    return ax


def plot_sample_ratio(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of the treatment among those assigned, by week and in all, from `sample_ratio`."""
    ax = plots.axes(ax, size=(7.4, 2.8))
    every, weeks = table.iloc[0], table.iloc[1:]
    planned = every["planned_share"]
    ax.axhline(planned, color=plots.GREY, linewidth=1.2, linestyle="--")
    ax.axhspan(every["low"], every["high"], color=plots.ORANGE, alpha=0.25, linewidth=0)
    ax.axhline(every["share"], color=plots.ORANGE, linewidth=1.6)
    plots.error_bars(ax, weeks["week"], weeks["low"], weeks["high"], color=plots.SKY)
    ax.plot(weeks["week"], weeks["share"], "o", color=plots.BLUE, markersize=4)
    ax.set(ylabel="in the treatment", xlabel="week of assignment")
    plots.format_axis(ax.yaxis, plots.percent)
    plots.date_axis(ax)
    finding = (
        f"{plots.percent(every['share'])} are in the treatment, planned were {plots.percent(planned)}: "
        f"by chance in {_odds(every['p_value'])}"
    )
    n = int(every["control"] + every["treatment"])
    plots.title(ax, finding, f"n={plots.number(n)}; orange: all weeks with interval; dashed: plan; points: weeks")
    return ax


def _odds(p_value: float) -> str:
    return (
        f"{plots.percent(p_value)} of tests"
        if p_value >= 0.001
        else f"1 of {plots.number(1 / max(p_value, 1e-300))} tests"
    )


def plot_effects(table: "pd.DataFrame", ax: "Axes | None" = None, *, alpha: float = 0.05) -> "Axes":
    """Relative effect of every metric, from `effects`; filled where the corrected p-value is below alpha."""
    ax = plots.axes(ax, size=(7.4, 1.5 + 0.45 * len(table)))
    known = table.dropna(subset=["relative", "relative_low"])
    if known.empty:
        plots.statement(ax, _NOTHING)
        return ax
    shown = known[::-1].reset_index(drop=True)
    for place, row in shown.iterrows():
        at, sure = float(str(place)), bool(row["p_corrected"] < alpha)
        plots.error_bars(ax, at, row["relative_low"], row["relative_high"], horizontal=True, color=plots.BLUE)
        ax.plot(row["relative"], at, "o", color=plots.BLUE, markersize=7, zorder=4, mfc=plots.BLUE if sure else "white")
        ax.annotate(
            f"p={row['p_corrected']:.2g}",
            (row["relative_high"], at),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=plots.GREY,
        )
    ax.axvline(0, color=plots.GREY, linewidth=1)
    ax.set_yticks(range(len(shown)), shown["label"].tolist())
    ax.set(ylim=(-0.5, len(shown) - 0.5), xlabel="treatment over control, less 1")
    ax.margins(x=0.12)
    plots.format_axis(ax.xaxis, plots.percent)
    ax.grid(axis="y", visible=False)
    first = table.iloc[0]
    word = "higher" if first["difference"] > 0 else "lower"
    sure = "" if first["p_corrected"] < alpha else ", no more than by chance"
    finding = f"The treatment's {first['label']}: {plots.percent(abs(first['relative']))} {word}{sure}"
    detail = (
        f"n={plots.number(first['n'])}; bars: interval of each alone; filled: p, corrected for all, below {alpha:.2g}"
    )
    plots.title(ax, finding, detail)
    return ax


def plot_weeks(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """The effect by week since the assignment, from `by_week`; a week that is over for nobody is missing."""
    ax = plots.axes(ax, size=(7.4, 2.9))
    known = table.dropna(subset="difference")
    if known.empty:
        plots.statement(ax, _NOTHING)
        return ax
    plots.error_bars(ax, known["week"], known["low"], known["high"], color=plots.SKY)
    ax.plot(known["week"], known["difference"], "o", color=plots.BLUE, markersize=6)
    tops = known["high"].fillna(known["difference"])
    plots.label_counts(ax, known["week"], tops, known["n"])
    ax.axhline(0, color=plots.GREY, linewidth=1)
    ax.set(xlabel="week since the assignment", ylabel="orders per customer")
    ax.set_xticks(table["week"])
    ax.margins(y=0.15)
    first, later = known["difference"].iloc[0], known["difference"].iloc[1:].mean()
    finding = f"In the first week {_more(first)} orders per customer, in a later one {_more(later)}"
    plots.title(ax, finding, "treatment less control, by week; n: customers for whom the week is over; bars: interval")
    return ax


def _more(value: float) -> str:
    return f"{plots.number(value)}" if value < 0 else f"+{plots.number(value)}"


def plot_looks(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """The effect as it would have been read week by week, from `looks`, with both kinds of interval."""
    ax = plots.axes(ax, size=_SIZE)
    if table.empty:
        plots.statement(ax, _NOTHING)
        return ax
    plots.band(ax, table["read_on"], table["always_low"], table["always_high"], color=plots.ORANGE)
    plots.band(ax, table["read_on"], table["low"], table["high"], color=plots.BLUE)
    ax.plot(table["read_on"], table["estimate"], color=plots.BLUE, marker="o", markersize=3.5)
    ax.axhline(0, color=plots.GREY, linewidth=1)
    lowest, highest = min(0.0, float(table["low"].min())), max(0.0, float(table["high"].max()))
    room = 0.2 * (highest - lowest)
    ax.set(ylim=(lowest - room, highest + room), ylabel="difference", xlabel="read on")
    plots.date_axis(ax)
    finding = f"Read every week: {_first(table, 'alarm')} by the usual p-value, {_first(table, 'crossed')} by the bound"
    detail = "blue: usual interval of each reading; orange: interval that allows for reading every week"
    plots.title(ax, finding, detail)
    return ax


def _first(table: "pd.DataFrame", column: str) -> str:
    hits = table.loc[table[column], "read_on"]
    return f"an alarm from {hits.iloc[0]:%d %b}" if len(hits) else "no alarm"


def plot_false_alarms(table: "pd.DataFrame", ax: "Axes | None" = None, *, alpha: float = 0.05) -> "Axes":
    """How often tests of nothing raise an alarm by each reading, from `false_alarms`."""
    ax = plots.axes(ax, size=(7.4, 2.9))
    if table.empty:
        plots.statement(ax, _NOTHING)
        return ax
    ax.plot(table["readings"], table["peeking"], color=plots.VERMILLION, label="usual p-value")
    ax.plot(table["readings"], table["spending"], color=plots.BLUE, label="bound")
    ax.axhline(alpha, color=plots.GREY, linewidth=1, linestyle="--")
    ax.set(ylim=(0, None), xlabel="readings so far", ylabel="tests with a false alarm")
    plots.format_axis(ax.yaxis, plots.percent)
    plots.label_lines(ax)
    last: pd.Series[Any] = table.iloc[-1]
    finding = (
        f"Read {last['readings']} times, {plots.percent(last['peeking'])} of tests of nothing raise an alarm; "
        f"by the bound {plots.percent(last['spending'])}"
    )
    plots.title(ax, finding, f"simulated tests without effect, read on the same days; dashed: {plots.percent(alpha)}")
    return ax
