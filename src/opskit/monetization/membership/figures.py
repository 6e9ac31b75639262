"""Figures of membership: each draws the tables of the functions it is named after, and its title says what they show."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_answers(
    answers: "pd.DataFrame", ax: "Axes | None" = None, *, truth: float = float("nan"), currency: str = ""
) -> "Axes":
    """The answers side by side, with the truth where it is known.

    Args:
        answers: answer, estimate, low, high, believed (whether its design earns it), top to bottom.
        ax: Draw here; None makes a figure of its own.
        truth: Drawn as a line; missing for none.
        currency: Of the estimates.
    """
    import numpy as np

    ax = plots.axes(ax, size=(9, 1.4 + 0.62 * len(answers)))
    known = answers.dropna(subset="estimate")
    if known.empty:
        plots.statement(ax, "There are too few members and comparable customers for an answer.")
        return ax
    place = np.arange(len(known))[::-1]
    for believed, color, face in ((False, plots.ORANGE, "white"), (True, plots.BLUE, plots.BLUE)):
        at = (known["believed"] == believed).to_numpy()
        part = known[at]
        plots.error_bars(ax, place[at], part["low"], part["high"], horizontal=True, color=color)
        ax.plot(part["estimate"], place[at], "o", color=color, markerfacecolor=face, markersize=8, zorder=4)
    text = partial(plots.money, currency=currency)
    for estimate, at in zip(known["estimate"].to_numpy(dtype=float).tolist(), place, strict=True):
        ax.annotate(text(estimate), (estimate, at), (0, 9), textcoords="offset points", ha="center", fontsize=9)
    ax.axvline(0, color=plots.GREY, linewidth=1)
    if np.isfinite(truth):
        ax.axvline(truth, color=plots.GREEN, linewidth=1.6, linestyle="--")
        ax.annotate(
            f"truth {text(truth)}", (truth, -0.62), (5, 0), textcoords="offset points", color=plots.GREEN, fontsize=9
        )
    ax.set_yticks(place, [str(name) for name in known["answer"]], fontsize=10)
    ax.tick_params(axis="y", labelcolor=plots.BLACK)
    ax.set(ylim=(-0.75, len(known) - 0.35), xlabel="spend per member-month that goes with the membership")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, plots.number)
    first, last = known.iloc[0], known.iloc[-1]
    finding = f"{first['answer']}: {text(first['estimate'])}. {last['answer']}: {text(last['estimate'])}."
    plots.title(ax, finding, "Bars: interval. Filled: the comparison has earned belief; hollow: it has not.")
    return ax


def plot_event_study(
    studies: "Mapping[str, pd.DataFrame]", ax: "Axes | None" = None, *, of: str = "per customer-month"
) -> "Axes":
    """What members do more than others by month around joining, for one or two kinds of others.

    The month of joining itself is left out: where one joins with an order, it holds one by definition.

    Args:
        studies: by_month of `event_study`, `aligned` or `staggered`, by whom members stand against.
        ax: Draw here; None makes a figure of its own.
        of: What is compared.
    """
    ax = plots.axes(ax, size=(9.5, 4.8))
    drawn = {name: table[(table["k"] != 0) & table["estimate"].notna()] for name, table in studies.items()}
    if any(table.empty for table in drawn.values()):
        plots.statement(ax, "No member can be followed before and after joining.")
        return ax
    colors = (plots.BLUE,) if len(drawn) == 1 else (plots.ORANGE, plots.BLUE)
    for place, ((name, table), color) in enumerate(zip(drawn.items(), colors, strict=True)):
        at = table["k"] + 0.26 * (place - (len(drawn) - 1) / 2)
        plots.error_bars(ax, at, table["low"], table["high"], color=color)
        ax.plot(at, table["estimate"], "o", color=color, markersize=5, label=f"against {name}")
    ax.axhline(0, color=plots.GREY, linewidth=1)
    ax.axvspan(-0.5, 0.5, color="#F0F0F0", zorder=0)
    ax.annotate(
        "joins",
        (0, 1),
        (0, -12),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=plots.GREY,
    )
    months = sorted({int(k) for table in studies.values() for k in table["k"]})
    ax.set_xticks([k for k in months if k % 2 == 0 or len(months) < 12])
    ax.set(xlabel="months after the month of joining", ylabel=f"members less others, {of}")
    plots.format_axis(ax.yaxis, plots.number)
    ax.legend(loc="upper left", fontsize=9)
    before = {name: float(table.loc[table["k"] < 0, "estimate"].mean()) for name, table in drawn.items()}
    told = [f"{plots.number(mean)} against {name}" for name, mean in before.items() if mean == mean]
    finding = f"Difference before joining: {', '.join(told)}" if told else "Members and others after joining"
    plots.title(
        ax,
        finding,
        "Mean per customer and month; bars: interval. Against never-members: change since the month before.",
    )
    return ax


def plot_balance(balance: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Love plot: how far members and controls differ in their history, before and after matching."""
    import numpy as np

    ax = plots.axes(ax, size=(8.5, 1.5 + 0.5 * len(balance)))
    if not balance[["before", "after"]].notna().any(axis=None):
        plots.statement(ax, "All customers have the same history: there is nothing to balance.")
        return ax
    place = np.arange(len(balance))[::-1]
    before, after = balance["before"].abs(), balance["after"].abs()
    ax.hlines(place, after, before, color=plots.LIGHT, linewidth=2, zorder=1)
    ax.plot(
        before, place, "o", color=plots.ORANGE, markerfacecolor="white", markersize=8, label="all at risk of joining"
    )
    ax.plot(after, place, "o", color=plots.BLUE, markersize=8, label="matched and weighted")
    ax.axvline(0.1, color=plots.GREY, linewidth=1, linestyle=":")
    ax.set_yticks(place, [str(name) for name in balance["characteristic"]])
    ax.tick_params(axis="y", labelcolor=plots.BLACK)
    ax.set(
        xlabel="standardized difference between members and others", xlim=(-0.03, None), ylim=(-0.6, len(balance) - 0.4)
    )
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower right", fontsize=9)
    finding = (
        f"The largest difference in history falls from {before.max():.2f} to {after.max():.2f} standard deviations"
    )
    plots.title(ax, finding, "Differences beyond the dotted line, 0.1, are usually called imbalance")
    return ax
