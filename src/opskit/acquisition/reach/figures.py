"""Figures of reach: each draws the tables of the functions it is named after, and its title says what they show."""

from typing import TYPE_CHECKING, Any

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.acquisition.reach.cap import Cap

MOST_SHOWN = 10


def plot_reach(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """The incremental reach curve, from `incremental`: whom each channel adds, and what the channels count by themselves.

    Args:
        table: From `incremental`.
        ax: Draw here; None makes a figure of its own.
    """
    shown = table.head(MOST_SHOWN)
    ax = plots.axes(ax, size=(8.6, 4.2))
    place = shown["step"].to_numpy(dtype=float)
    before = shown["together"] - shown["added"]
    ax.bar(place, before, color=plots.LIGHT, width=0.62)
    ax.bar(place, shown["added"], bottom=before, color=plots.BLUE, width=0.62)
    ax.plot(place, shown["parts"], "--", color=plots.VERMILLION, label="audiences added up")
    ax.plot(place, shown["together"], color=plots.BLUE, label="people reached")
    height = 1.08 * float(shown["parts"].iloc[-1])
    for at, added, top in zip(place.tolist(), shown["added"].tolist(), shown["together"].tolist(), strict=True):
        within = added > 0.12 * height  # elsewhere the bar has no room for its number
        ax.annotate(
            f"+{plots.number(added)}",
            (at, top),
            xytext=(0, -8 if within else 6),
            textcoords="offset points",
            ha="center",
            va="top" if within else "bottom",
            fontsize=9,
            color="white" if within else plots.BLUE,
        )
    ax.set_xticks(place, shown["channel"].str.replace("_", " "), fontsize=9)
    ax.tick_params(axis="x", labelcolor=plots.BLACK, labelrotation=25 if len(shown) > 6 else 0)
    ax.set(ylabel="customers", ylim=(0, height), xlim=(0.4, len(shown) + 0.6))
    ax.grid(visible=False, axis="x")
    plots.format_axis(ax.yaxis, plots.number)
    last = table.iloc[-1]
    parts, reached = f"{last['parts']:,}", f"{last['together']:,}"
    finding = f"The parts add up to {parts}, together they reach {reached}"
    if last["parts"] == last["together"]:
        finding = f"No two channels share a customer: {reached} either way"
    detail = "customers, channels in the order in which each adds most; blue: reached by none of those before it"
    if len(shown) < len(table):
        detail += f"; the last {len(table) - len(shown)} are not drawn"
    plots.title(ax, finding, detail)
    plots.label_lines(ax)
    return ax


def plot_overlap(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of each channel's audience (row) that another channel (column) touches too, from `overlap`.

    Args:
        table: From `overlap`.
        ax: Draw here; None makes a figure of its own.
    """
    import numpy as np

    if table.empty:
        ax = plots.axes(ax, size=(7, 2))
        plots.statement(ax, "Only one channel touched anybody: there is nothing to overlap with.")
        return ax
    size = table.groupby("channel")["customers"].first().sort_values(ascending=False, kind="stable")
    names = size.index.tolist()[:MOST_SHOWN]
    share, both = (
        table.pivot(index="channel", columns="other", values=column).reindex(index=names, columns=names)
        for column in ("share_of_channel", "both")
    )
    ax = plots.axes(ax, size=(1.6 + 0.86 * len(names), 1.5 + 0.52 * len(names)))
    cells, counts = share.to_numpy(dtype=float), both.to_numpy(dtype=float)
    ax.imshow(np.ma.masked_invalid(cells), cmap="Blues", vmin=0, vmax=max(0.5, float(np.nanmax(cells))), aspect="auto")
    for row, column in np.argwhere(np.isfinite(cells)):
        text = f"{100 * cells[row, column]:.0f}%\n{plots.number(float(counts[row, column]))}"
        dark = cells[row, column] > 0.6 * max(0.5, float(np.nanmax(cells)))
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else plots.BLACK)
    words = [name.replace("_", " ") for name in names]
    ax.set_xticks(range(len(names)), words, rotation=25, ha="right", fontsize=9)
    ax.set_yticks(
        range(len(names)), [f"{w} ({plots.number(float(size[n]))})" for w, n in zip(words, names, strict=True)]
    )
    ax.tick_params(axis="both", labelcolor=plots.BLACK, labelsize=9)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    most = table.iloc[int(table["share_of_channel"].to_numpy().argmax())]
    finding = f"{plots.percent(float(most['share_of_channel']))} of those whom {most['channel']} touches, {most['other']} touches too"
    plots.title(
        ax, finding, "share of the row's audience (customers in brackets) whom the column touches too; below: customers"
    )
    return ax


def plot_rates(
    observed: "pd.DataFrame",
    tested: "pd.DataFrame",
    factors: "pd.DataFrame",
    ax: "Axes | None" = None,
    *,
    measure: str = "responses_per_message",
    believed: bool = True,
) -> "Axes":
    """One measure by messages a week: as it happened, and by lot where there is a test.

    Args:
        observed: From `observed_rates`.
        tested: From `rates_by_arm`.
        factors: From `factors`; of what a further message does.
        ax: Draw here; None makes a figure of its own.
        measure: ``responses_per_message`` or ``opt_outs_per_message``.
        believed: Whether the arms are believed to be drawn by lot.
    """
    ax = plots.axes(ax, size=(5.4, 3.9))
    name = "by lot" if believed else "arms not drawn by lot"
    parts = [table[(table["measure"] == measure) & table["estimate"].notna()] for table in (observed, tested)]
    if all(part.empty for part in parts):
        plots.statement(ax, "Nothing in the data tells " + measure.replace("_", " ") + ".")
        return ax
    for part, color, label in zip(parts, (plots.ORANGE, plots.BLUE), ("as it happened", name), strict=True):
        if len(part):
            x = part["messages_per_week"].to_numpy(dtype=float)
            ax.plot(x, part["estimate"], "o-", color=color, markersize=6, label=label, zorder=4)
            plots.error_bars(ax, x, part["low"], part["high"], color=color)
    words = measure.replace("opt_outs", "opt-outs").replace("_", " ")
    ax.set(xlabel="messages a week", ylabel=words, ylim=(0, None), xlim=(0, None))
    plots.format_axis(ax.xaxis, plots.number)
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="best", fontsize=9)
    plots.title(
        ax, _finding(factors[factors["measure"] == measure], words, believed=believed), "bars: interval over customers"
    )
    return ax


def _finding(factors: "pd.DataFrame", words: str, *, believed: bool) -> str:
    """What one further message a week goes with, and what it does where a lot says so."""
    known = factors[factors["factor"].notna()].set_index("how")["factor"].astype(float)
    seen = f"{words.capitalize()} as it happened: no test says what causes what"
    if "tested" not in known or not believed:
        return seen if believed or "tested" not in known else f"{words.capitalize()}: the arms were not alike before"
    lot = f"{words.capitalize()} with one more a week: by lot {_change(known['tested'])}"
    return f"{lot}, as it happened {_change(known['observed'])}" if "observed" in known else lot


def _change(factor: float) -> str:
    return f"{100 * (factor - 1):+.0f}%".replace("-", "−")


def plot_cap(found: "Cap", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What a week at each tested frequency earns per customer, from `cap`.

    Args:
        found: From `cap`.
        ax: Draw here; None makes a figure of its own.
        currency: Of the money.
    """
    import numpy as np

    ax = plots.axes(ax, size=(7.4, 3.9))
    table: Any = found.arms
    if table.empty:
        plots.statement(ax, "No test of frequency drawn by lot: no cap can be recommended.")
        return ax
    place = np.arange(len(table), dtype=float)
    ax.bar(place, table["answers"], width=0.5, color=plots.SKY, label="answers")
    ax.bar(place, -table["cost"], width=0.5, color=plots.LIGHT, label="cost of messages")
    ax.bar(place, -table["lost"], bottom=-table["cost"], width=0.5, color=plots.ORANGE, label="lost with opt-outs")
    ax.axhline(0, color=plots.BLACK, linewidth=1)
    ax.plot(place, table["net"], "D", color=plots.BLACK, markersize=7, zorder=5, label="net")
    plots.error_bars(ax, place, table["low"], table["high"])
    names = [
        f"{plots.number(rate)} a week\nbest in {100 * wins:.0f}%\nof resamples"
        for rate, wins in zip(table["messages_per_week"], table["wins"], strict=True)
    ]
    ax.set_xticks(place, names, fontsize=9)
    ax.set(ylabel=f"{currency} per customer and week".strip(), xlim=(-0.6, len(table) - 0.4))
    ax.tick_params(axis="x", labelcolor=plots.BLACK)
    ax.grid(visible=False, axis="x")
    plots.format_axis(ax.yaxis, plots.number)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
    ends = (
        plots.number(found.low)
        if found.low == found.high
        else f"{plots.number(found.low)} to {plots.number(found.high)}"
    )
    finding = f"{plots.number(found.best)} a week earns most of those tested; possible: {ends}"
    plots.title(ax, finding, "customers put to it by lot; bars: interval from resampled customers")
    return ax
