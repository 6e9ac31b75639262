"""Figures of the revenue streams: each draws the table of a function, and its title says what that table shows."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.monetization.revenue_streams.totals import ALL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.monetization.revenue_streams.scenario import Scenario

_FRONT = (plots.BLUE, plots.SKY, "#004B76", "#9CCFEF", "#3C6E91")
_BACK = (plots.ORANGE, plots.VERMILLION, plots.PURPLE, "#F3CF85", "#8C3D00")
_SHOWN_PARTS = 9
_DOTS_PER_INCH = 88


def small_axes(ax: "Axes | None", *, size: tuple[float, float]) -> "Axes":
    """Axes of fewer dots than usual: the page has many figures, and a report is sent by e-mail."""
    new = plots.axes(ax, size=size)
    figure = new.get_figure(root=True)
    if ax is None and figure is not None:
        figure.set_dpi(_DOTS_PER_INCH)
    return new


def plot_mix(monthly: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Each stream's share of the month's revenue from `monthly`, front-end streams below in blue, back-end ones above."""
    import numpy as np

    ax = small_axes(ax, size=(8.2, 4))
    shares = monthly[(monthly["metric"] == "share") & (monthly["stream"] != ALL)]
    table = shares.pivot_table(index="month", columns=["side", "stream"], values="estimate")
    if table.empty or not np.isfinite(table.to_numpy()).any():
        plots.statement(ax, "No month has revenue of which a stream could have a share.")
        return ax
    table = table.fillna(0.0)
    order = _by_size(monthly)
    complete = monthly.groupby("month")["complete"].first().reindex(table.index)
    below = np.zeros(len(table))
    ends: list[tuple[float, str, str]] = []
    for key, color in zip(order, _colors(order), strict=True):
        share = table[key].to_numpy(dtype=float)
        bars = ax.bar(range(len(table)), share, 0.86, bottom=below, color=color, zorder=2)
        for bar, whole in zip(bars, complete, strict=True):
            bar.set_alpha(1 if whole else 0.35)
        ends.append((float(below[-1] + share[-1] / 2), key[1], color))
        below = below + share
    _name_beside(ax, ends, len(table) - 0.45)
    step = max(1, -(-len(table) // 12))
    names = [f"{month:%Y-%m}" + ("" if whole else "*") for month, whole in complete.items()]
    ax.set_xticks(range(0, len(table), step), names[::step], rotation=45, ha="right", fontsize=9)
    ax.set(xlim=(-0.6, len(table) - 0.4), ylabel="share of revenue")
    plots.format_axis(ax.yaxis, plots.percent)
    ax.grid(axis="x", visible=False)
    plots.title(ax, _mix_finding(monthly), "front-end streams (paid by customers) in blue, back-end streams in warm colours"
                + ("" if complete.all() else "; * and pale: not a whole month"))  # fmt: skip
    return ax


def _by_size(monthly: "pd.DataFrame") -> list[tuple[str, str]]:
    """Front before back; the largest front stream first, the largest back stream last."""
    rows = monthly[(monthly["metric"] == "revenue") & (monthly["stream"] != ALL)]
    size: dict[Any, float] = rows["estimate"].abs().groupby([rows["side"], rows["stream"]]).sum().to_dict()
    front = sorted((key for key in size if key[0] == "front"), key=lambda key: -size[key])
    back = sorted((key for key in size if key[0] == "back"), key=lambda key: size[key])
    return [*front, *back]


def _colors(order: list[tuple[str, str]]) -> list[str]:
    front = [key for key in order if key[0] == "front"]
    back = [key for key in order if key[0] == "back"][::-1]
    chosen = {key: _FRONT[place % len(_FRONT)] for place, key in enumerate(front)}
    chosen |= {key: _BACK[place % len(_BACK)] for place, key in enumerate(back)}
    return [chosen[key] for key in order]


def _name_beside(ax: "Axes", ends: list[tuple[float, str, str]], across: float) -> None:
    """Names right of the last bar, pushed apart upwards, then back down from the top."""
    gap = 0.062 * max(1.0, ends[-1][0])
    heights = [height for height, _, _ in ends]
    for place in range(1, len(heights)):
        heights[place] = max(heights[place], heights[place - 1] + gap)
    top = max(1.0, ends[-1][0])
    for place in range(len(heights) - 1, -1, -1):
        ceiling = top if place == len(heights) - 1 else heights[place + 1] - gap
        heights[place] = min(heights[place], ceiling)
    for height, (_, name, color) in zip(heights, ends, strict=True):
        ax.annotate(name, (across, height), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9,
                    color=color, annotation_clip=False)  # fmt: skip


def _mix_finding(monthly: "pd.DataFrame") -> str:
    rows = monthly[monthly["complete"] & (monthly["metric"] == "revenue") & (monthly["stream"] == ALL)]
    money = rows.pivot_table(index="month", columns="side", values="estimate")
    if money.empty or "front" not in money or "back" not in money:
        only = "back-end" if "back" in money else "front-end"
        return f"All revenue is {only}: nothing else is in the data"
    recent, before = money.iloc[-12:].sum(), money.iloc[-24:-12].sum()
    now = f"{plots.percent(recent['back'] / recent['all'])} of revenue is back-end"
    if len(money) < 24 or before["all"] <= 0:
        return now
    return f"{now} in the last 12 months, {plots.percent(before['back'] / before['all'])} in the 12 before"


def plot_rates(monthly: "pd.DataFrame", metric: str, ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """One metric of `monthly` by stream, with intervals; months that are not whole are left out."""
    ax = small_axes(ax, size=(7.4, 3.2))
    rows = monthly[monthly["complete"] & (monthly["metric"] == metric) & monthly["estimate"].notna()]
    rows = rows[(rows["stream"] != ALL) | (rows["side"] == "all")]
    if metric in {"take_rate", "ecpm"} and rows.loc[rows["stream"] != ALL, "stream"].nunique() == 1:
        rows = rows[rows["stream"] != ALL]
    label = monthly.loc[monthly["metric"] == metric, "label"].iloc[0]
    if rows.empty:
        plots.statement(ax, f"{label}: no booking has what it is made of.")
        return ax
    order = _by_size(monthly)
    color = dict(zip(order, _colors(order), strict=True))
    few = rows["stream"].nunique() <= 4  # more bands than that hide each other
    for key, part in rows.groupby(["side", "stream"]):
        line = color.get((str(key[0]), str(key[1])), plots.BLACK)
        ax.plot(part["month"], part["estimate"], color=line, marker="o", markersize=3, label=key[1])
        if few or key[0] == "all":
            plots.band(ax, part["month"], part["low"], part["high"], color=line)
    share = rows["unit"].iloc[0] == "share"
    plots.date_axis(ax)
    plots.format_axis(ax.yaxis, plots.percent if share else plots.number)
    ax.set_ylim(bottom=min(0, rows["estimate"].min()))
    whole = rows[rows["side"] == "all"] if (rows["side"] == "all").any() else rows
    first, last = whole.iloc[0], whole.iloc[-1]
    text = plots.percent if share else lambda value: plots.money(value, currency)
    finding = f"{label}: {text(first['estimate'])} in {first['month']:%b %Y}, {text(last['estimate'])} in {last['month']:%b %Y}"
    plots.title(ax, finding, "whole months; bands: interval" if few else "whole months; band: interval of all streams")
    plots.label_lines(ax)
    return ax


def plot_changes(changes: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Waterfall from revenue before to revenue after, from `changes`; small parts are drawn together."""
    ax = small_axes(ax, size=(8.2, 4.2))
    if changes.empty:
        plots.statement(ax, "Fewer than two complete months: there is no change to split.")
        return ax
    total, parts = changes.iloc[-1], changes.iloc[:-1]
    largest = parts["contribution"].abs().nlargest(_SHOWN_PARTS).index
    shown, small = parts.loc[sorted(largest)], parts.drop(largest)
    rows = [(_part(one), one["contribution"], one["low"], one["high"]) for one in shown.to_dict("records")]
    if len(small):
        nan = float("nan")
        rows.append((f"{len(small)} smaller parts", small["contribution"].sum(), nan, nan))
    _waterfall(ax, rows, total["before"], total["after"], plots.number)
    money = f"Revenue, {currency}" if currency else "Revenue"
    lead = parts.loc[(parts["contribution"] * (1 if total["contribution"] >= 0 else -1)).idxmax()]
    _lay_out(ax)
    word = "rose" if total["contribution"] >= 0 else "fell"
    change = plots.money(abs(total["contribution"]), currency)
    finding = f"Revenue {word} by {change}; the largest part is {_part(lead)} ({_signed(lead['contribution'])})"
    plots.title(ax, finding, f"{money}; thin bars: intervals")
    return ax


def plot_take_rate(take_rates: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """From the take rate before to the one after: what rates did and what the mix of streams did, from `take_rates`."""
    ax = small_axes(ax, size=(7.4, 2.6))
    if take_rates.empty:
        plots.statement(ax, "No stream has a gross amount in both periods, so there is no take rate to compare.")
        return ax
    total = take_rates.iloc[-1]
    names = {"rate_effect": "rates of the streams", "mix_effect": "mix of the streams"}
    rows = [(label, total[x], total[f"{x}_low"], total[f"{x}_high"]) for x, label in names.items()]
    _waterfall(ax, rows, total["rate_before"], total["rate_after"], plots.percent)
    effects = [f"{label.split()[0]} {_points(total[x])}" for x, label in names.items()]
    _lay_out(ax)
    finding = f"The take rate went from {plots.percent(total['rate_before'])} to {plots.percent(total['rate_after'])}"
    plots.title(
        ax, f"{finding}: {' and '.join(effects)}", "amount over gross amount, all fee streams; thin bars: interval"
    )
    return ax


def _waterfall(ax: "Axes", rows: list[tuple[str, float, float, float]], before: float, after: float, text: Any) -> None:
    last, level = len(rows) + 1, before
    ax.barh([0, last], [before, after], color=plots.GREY, height=0.62)
    labels, edges = [text(before)], [0.0, before, after]
    for place, (_, part, low, high) in enumerate(rows, start=1):
        ax.barh(place, part, left=level, color=plots.BLUE if part > 0 else plots.VERMILLION, height=0.62)
        ax.vlines(level, place - 0.69, place - 0.31, color=plots.GREY, linewidth=0.8)
        plots.error_bars(ax, [place], [level + low], [level + high], horizontal=True)
        edges += [edge for edge in (level + part, level + low, level + high) if edge == edge]
        level += part
        labels.append(("+" if part > 0 else "") + text(part))
    ax.vlines(level, last - 0.69, last - 0.31, color=plots.GREY, linewidth=0.8)
    labels.append(text(after))
    ax.set_yticks(range(last + 1), ["before", *(row[0] for row in rows), "after"])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    plots.format_axis(ax.xaxis, text)
    ax.set_xlim(min(edges), max(edges) * 1.02 if max(edges) > 0 else 1)
    for place, label in enumerate(labels):
        ax.text(1.01, place, label, transform=ax.get_yaxis_transform(), va="center", fontsize=9)


def plot_scenario(made: "Scenario", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """The coming months of `scenario` beside the months before."""
    import pandas as pd

    ax = small_axes(ax, size=(7.4, 3.4))
    months = made.by_month
    if months.empty:
        plots.statement(ax, "Fewer than six complete months: too few to say how the drivers move.")
        return ax
    past = months["month"] - pd.DateOffset(months=len(months))
    ax.plot(past, months["before"], color=plots.BLACK, marker="o", markersize=3, label="_past")
    ax.plot(months["month"], months["median"], color=plots.BLUE, marker="o", markersize=3, label="_ahead")
    plots.band(ax, months["month"], months["low"], months["high"])
    plots.date_axis(ax)
    plots.format_axis(ax.yaxis, plots.number)
    ax.set_ylim(bottom=min(0, months["before"].min(), months["low"].min()))
    total = made.revenue.iloc[-1]
    low, median, high = (plots.number(total[x]) for x in ("low", "median", "high"))
    finding = f"The next {len(months)} months bring {currency} {median} if the past goes on, between {low} and {high}"
    detail = f"revenue by month; black: the {len(months)} months before; blue: median and interval of the scenario"
    plots.title(ax, " ".join(finding.split()), detail)
    return ax


def plot_tornado(made: "Scenario", ax: "Axes | None" = None, *, currency: str = "", most: int = 10) -> "Axes":
    """What each driver alone does to the coming revenue over its own range, from `scenario`; the widest on top."""
    ax = small_axes(ax, size=(8.2, 3.8))
    table = made.drivers[made.drivers["swing"] > 0].head(most) if len(made.drivers) else made.drivers
    if table.empty:
        plots.statement(ax, "No driver has moved in the past, or too few months are complete to tell.")
        return ax
    centre = float(made.revenue.iloc[-1]["centre"])
    for place, row in enumerate(table.to_dict("records")):
        for end, level, side in ((row["revenue_low"], row["low"], "right"), (row["revenue_high"], row["high"], "left")):
            ax.barh(
                place, end - centre, left=centre, color=plots.BLUE if end > centre else plots.VERMILLION, height=0.62
            )
            change = level / row["centre"] - 1
            text = ("+" if change > 0 else "") + plots.percent(change)
            shift = -4 if side == "right" else 4
            ax.annotate(
                text, (end, place), xytext=(shift, 0), textcoords="offset points", ha=side, va="center", fontsize=8
            )
    ax.axvline(centre, color=plots.BLACK, linewidth=0.8)
    ax.set_yticks(range(len(table)), [_part(row) for row in table.to_dict("records")])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.margins(x=0.17)
    plots.format_axis(ax.xaxis, plots.number)
    _lay_out(ax)
    lead = table.iloc[0]
    finding = (
        f"Most hangs on {_part(lead)}: {plots.number(lead['revenue_low'])} to {plots.number(lead['revenue_high'])}"
    )
    money = f"revenue of the coming months, {currency}" if currency else "revenue of the coming months"
    plots.title(ax, finding, f"{money}; each driver alone over its own past range")
    return ax


def _lay_out(ax: "Axes") -> None:
    """Find out how much width long labels leave, so that the title is broken where the Axes ends."""
    figure = ax.get_figure(root=True)
    if figure is not None:
        figure.draw_without_rendering()


def _part(row: Any) -> str:
    return row["driver"] if row["stream"] == ALL else f"{row['driver']}, {row['stream']}"


def _signed(value: float) -> str:
    return f"+{plots.number(value)}" if value > 0 else plots.number(value)


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−") + " points"
