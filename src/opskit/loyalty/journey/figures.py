"""Figures of the journey: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.loyalty.journey.waiting import Waiting

_PALE = "#F6CDB5"  # of what is lost: a tint of vermillion
_UNITS = ((1 / 1440, "min"), (1 / 24, "h"), (1.0, "days"))


def duration(days: float) -> str:
    """A time as one reads it.

    >>> duration(0.5 / 1440), duration(5 / 1440), duration(0.25), duration(6.72), duration(float("nan"))
    ('under 1 min', '5 min', '6 h', '6.72 days', '–')
    """
    if days != days:
        return "–"
    if days < 1 / 1440:
        return "under 1 min"
    size, name = next(((size, name) for size, name in reversed(_UNITS) if days >= size), _UNITS[0])
    return f"{plots.number(days / size)} {name}"


def interval(low: float, high: float) -> str:
    """Two shares as a range of percentages.

    >>> interval(0.6701, 0.6998)
    '67–70%'
    """
    decimals = 0 if high - low > 0.02 else 1
    return f"{100 * low:.{decimals}f}–{100 * high:.{decimals}f}%"


def plot_funnel(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Steps of `funnel` as bars, what is lost before each beside it, and the share of the step before that went on."""
    ax = plots.axes(ax, size=(9.5, 1.6 + 0.42 * len(table)))
    started = int(table["n"].iloc[0])
    if not started:
        plots.statement(ax, "Nobody's window is over yet: whoever started is too young to be judged.")
        return ax
    place = range(len(table))
    before = table["share"].shift(1, fill_value=1.0)
    ax.barh(place, before, 0.72, color=_PALE)
    ax.barh(place, table["share"], 0.72, color=plots.BLUE)
    ax.hlines(place, table["share_low"], table["share_high"], color=plots.BLACK, linewidth=1.4)
    for at, row in enumerate(table.to_dict("records")):
        inside = row["share"] > 0.12
        text = f"{row['reached']:,}"
        ax.text(
            0.012 if inside else max(row["share_high"], before[at]) + 0.012, at, text, va="center", fontsize=10,
            fontweight="bold", color="white" if inside else plots.BLUE,
        )  # fmt: skip
        if row["lost"]:
            x = max(before[at], row["share_high"]) + (0.012 if inside else 0.075)
            ax.text(x, at, f"−{row['lost']:,}", va="center", fontsize=9, color=plots.VERMILLION)
        if at:
            rate = f"{plots.percent(row['rate'])}  ({interval(row['low'], row['high'])})" if row["lost"] else "all"
            ax.text(1.3, at, rate, va="center", ha="right", fontsize=9, color=plots.BLACK)
    ax.text(1.3, -0.72, "of the step before", va="center", ha="right", fontsize=8, color=plots.GREY)
    ax.set_yticks(place, table["step"], fontsize=10, color=plots.BLACK)
    ax.set(xlim=(0, 1.3), ylim=(len(table) - 0.4, -1.1))
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    plots.format_axis(ax.xaxis, plots.percent)
    ax.set_xlabel(f"share of the {started:,} who started", loc="left")
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    worst = table.nlargest(1, "lost").iloc[0]
    finding = "Everybody went all the way"
    if worst["lost"]:
        finding = f"Most are lost before {worst['step']}: {worst['lost']:,} of the {worst['n']:,} who came that far"
    young = (
        f"; {table['immature'].iloc[0]:,} whose window is not over are left out" if table["immature"].iloc[0] else ""
    )
    plots.title(ax, finding, f"blue: reached; pale: lost there; lines: interval of the share{young}")
    return ax


def plot_segments(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, segment: str = "segment", step: str = "step"
) -> "Axes":
    """Rates of `segments`, a row per segment and a column per step; colour where the difference is more than chance."""
    import numpy as np

    open_steps = table.groupby(step, sort=False)[["n", "reached"]].sum()
    shown = table[table[step].isin(open_steps.index[open_steps["n"] > open_steps["reached"]])]
    names, steps = list(dict.fromkeys(table[segment])), list(dict.fromkeys(shown[step]))
    ax = plots.axes(ax, size=(9, 1.5 + 0.42 * max(len(names), 3)))
    if not steps or len(names) < 2:
        plots.statement(ax, "There are no two segments that lose anybody: nothing to compare.")
        return ax
    wide = shown.set_index([segment, step])
    values = (
        wide["difference"].where(wide["differs"]).unstack().reindex(index=names, columns=steps).to_numpy(dtype=float)
    )
    top = max(0.05, float(np.nanmax(np.abs(values)))) if np.isfinite(values).any() else 0.05
    ax.grid(visible=False)
    ax.imshow(np.nan_to_num(values), cmap="PuOr", vmin=-1.6 * top, vmax=1.6 * top, aspect="auto")
    for row in shown.to_dict("records"):
        name, at = row[segment], row[step]
        strong = bool(row["differs"])
        color = plots.BLACK if strong else plots.GREY
        sign = f"\n{100 * row['difference']:+.0f} pp".replace("-", "−") if strong else ""
        ax.text(
            steps.index(at), names.index(name), plots.percent(row["rate"]) + sign, ha="center", va="center",
            fontsize=9, color=color, fontweight="bold" if strong else "normal", linespacing=1.05,
        )  # fmt: skip
    sizes = table.groupby(segment, sort=False)["n"].first()
    ax.set_yticks(range(len(names)), [f"{name}  n={plots.number(sizes[name])}" for name in names], color=plots.BLACK)
    ax.set_xticks(range(len(steps)), steps, color=plots.BLACK)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    strong = shown[shown["differs"]]
    finding = f"No {segment} goes on more or less often than the others, beyond chance"
    if len(strong):
        far = strong.assign(far=strong["difference"].abs()).nlargest(1, "far").iloc[0]
        way = "more" if far["difference"] > 0 else "less"
        finding = f"{far[segment]} goes on {way} often at {far[step]}: {plots.percent(far['rate'])}, {abs(100 * far['difference']):.0f} points apart from the rest"
    plots.title(
        ax,
        finding,
        "share of the step before; coloured and bold: differs from everybody else (Holm); grey: may be chance",
    )
    return ax


def plot_waiting(found: "Waiting", ax: "Axes | None" = None, *, most: int = 5) -> "Axes":
    """Share gone on by time since the step before, for the slowest steps of `waiting`."""
    ax = plots.axes(ax, size=(8.5, 4))
    known = found.times.dropna(subset="median")
    if known.empty:
        plots.statement(ax, "Nobody has gone on from one step to the next yet.")
        return ax
    slow = known[known["median"] > 0].nlargest(most, "median")
    first = 1 / 1440
    for (_, row), color in zip(slow.iterrows(), plots.PALETTE, strict=False):
        curve = found.curves[found.curves["step"] == row["step"]]
        days = curve["days"].clip(lower=first)
        ax.step(days, curve["share"], where="post", color=color, label=f"{row['step']}")
        ax.fill_between(days, curve["low"], curve["high"], step="post", color=color, alpha=0.15, linewidth=0)
        ax.plot(row["median"], row["share"] / 2, marker="o", color=color, markersize=6, markeredgecolor="white")
    last = float(found.curves["days"].max())
    ax.set_xscale("log")
    marks = [
        (1 / 1440, "1 min"),
        (10 / 1440, "10 min"),
        (1 / 24, "1 h"),
        (0.25, "6 h"),
        (1, "1 day"),
        (3, "3"),
        (7, "7"),
        (14, "14"),
        (30, "30"),
        (90, "90"),
        (180, "180 days"),
    ]
    low = float(slow["q25"].min()) if len(slow) else first
    kept = [(at, name) for at, name in marks if max(low / 3, first) <= at <= max(last, 1)]
    ax.set_xticks([at for at, _ in kept], [name for _, name in kept])
    ax.minorticks_off()
    ax.set(
        xlim=(max(low / 3, first), max(last, 1)),
        ylim=(0, 1),
        xlabel="time since the step before (log scale)",
        ylabel="share that has gone on",
    )
    plots.format_axis(ax.yaxis, plots.percent)
    longest = known.nlargest(1, "median").iloc[0]
    finding = f"The longest wait is for {longest['step']}: half within {duration(longest['median'])}"
    plots.title(
        ax,
        finding,
        "dots: time by which half of those who go on have; bands: interval; still on the way counts as such",
    )
    plots.label_lines(ax)
    return ax


def plot_leaks(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "", points: float = 1.0) -> "Axes":
    """Revenue that more points at each step would bring, from `leaks`."""
    known = table.dropna(subset="gain_revenue")
    ax = plots.axes(ax, size=(8.5, 1.5 + 0.42 * max(len(known), 2)))
    if known.empty:
        plots.statement(
            ax, "At no step are there both customers who go on and customers who are lost: nothing to gain."
        )
        return ax
    best = known.nlargest(1, "gain_revenue").iloc[0]
    place = range(len(known))
    sure = known["gain_revenue_low"] > 0
    ax.barh(place, known["gain_revenue"], 0.66, color=[plots.BLUE if one else plots.LIGHT for one in sure])
    plots.error_bars(ax, place, known["gain_revenue_low"], known["gain_revenue_high"], horizontal=True)
    for at, row in zip(place, known.to_dict("records"), strict=True):
        text = f"{plots.money(row['gain_revenue'], currency)}   {plots.number(row['gain_orders'])} orders"
        ax.annotate(
            text,
            (max(row["gain_revenue_high"], 0), at),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_yticks(place, known["step"], color=plots.BLACK)
    ax.invert_yaxis()
    least, last = min(0.0, float(known["gain_revenue_low"].min())), float(known["gain_revenue_high"].max())
    ax.set_xlim(1.1 * least, last + 0.35 * max(last - least, 1e-9))
    ax.grid(axis="y", visible=False)
    ax.axvline(0, color=plots.BLACK, linewidth=0.8)
    plots.format_axis(ax.xaxis, lambda value: plots.money(value, currency))
    ax.set_xlabel("revenue for every 1,000 customers who start")
    finding = f"{plots.number(points)} point more pays most at {best['step']}: up to {plots.money(best['gain_revenue'], currency)} per 1,000 who start"
    plots.title(ax, finding, "if those gained behave like those who go on today; lines: interval; grey: may be nothing")
    return ax


def plot_satisfaction(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """CSAT by touchpoint from `satisfaction`, and the range that those who did not answer leave open."""
    csat = table[(table["question"] == "csat") & table["score"].notna()]
    ax = plots.axes(ax, size=(8.5, 1.6 + 0.45 * max(len(csat), 2)))
    if csat.empty:
        plots.statement(ax, "Nobody has answered a question about satisfaction (csat) yet.")
        return ax
    place = range(len(csat))
    ax.hlines(place, csat["worst"], csat["best"], color=plots.LIGHT, linewidth=11)
    ax.hlines(place, csat["low"], csat["high"], color=plots.BLUE, linewidth=3)
    ax.plot(csat["score"], place, "o", color=plots.BLUE, markersize=8, markeredgecolor="white")
    for at, row in zip(place, csat.to_dict("records"), strict=True):
        ax.annotate(
            f"{plots.percent(row["score"])}", (row["score"], at), xytext=(0, 9), textcoords="offset points", ha="center",
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    names = [f"{row['touchpoint']}  n={plots.number(row['answered'])}" for row in csat.to_dict("records")]
    ax.set_yticks(place, names, color=plots.BLACK)
    ax.set(xlim=(0, 1), ylim=(len(csat) - 0.5, -0.7), xlabel="share satisfied (4 or 5 of 5)")
    ax.grid(axis="y", visible=False)
    plots.format_axis(ax.xaxis, plots.percent)
    worst, best = csat.iloc[0], csat.iloc[-1]
    finding = f"{plots.percent(worst['score'])} are satisfied with {worst['touchpoint']}"
    if len(csat) > 1:
        finding = f"Least satisfied with {worst['touchpoint']} ({plots.percent(worst['score'])}), most with {best['touchpoint']} ({plots.percent(best['score'])})"
    response = csat["answered"].sum() / csat["invited"].sum()
    plots.title(
        ax,
        finding,
        f"{plots.percent(response)} answered; blue: interval; grey: what those who did not answer leave open",
    )
    return ax
