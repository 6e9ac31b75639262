"""Figures of who stays longer and of stickiness."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.loyalty.retention.staying import Staying
    from opskit.loyalty.retention.stickiness import Stickiness


def plot_staying(found: "Staying", ax: "Axes | None" = None, *, by: str = "(all)") -> "Axes":
    """Survival curves of one attribute's values from `staying`; small values and those that may be chance are grey."""
    ax = plots.axes(ax, size=(6.6, 3.6))
    curves = found.curves[found.curves["attribute"] == by]
    groups = found.groups[found.groups["attribute"] == by]
    horizon = groups["horizon_days"].max()
    if curves.empty or not (groups["ended"] > 0).any() or horizon <= 0:
        plots.statement(ax, "Nobody can be called lost yet: the data are too short or too few.")
        return ax
    tested = found.tests[found.tests["attribute"] == by]
    told_apart = by == "(all)" or bool(tested["differs"].any())
    colors = iter(plots.PALETTE[:-1] * len(groups))
    shown = groups.sort_values("survival", ascending=False)
    end = 1.02 * max(float(horizon), 1.0)
    lost = curves.loc[curves["survival"] < 1, "days"]  # before the silence is over nobody can be
    start = max(0.0, float(lost.min()) - 0.06 * end) if len(lost) else 0.0
    for value, n, small in shown[["value", "customers", "small"]].itertuples(index=False, name=None):
        color = plots.GREY if small or not told_apart else next(colors)
        _curve(ax, curves[curves["value"] == value], f"{value} (n={plots.number(n)})", color, end, faint=small)
    ax.set(xlabel="days since the first order", ylabel="share not lost so far", xlim=(start, end), ylim=(0, 1.03))
    plots.format_axis(ax.yaxis, plots.percent)
    plots.title(ax, _staying_finding(shown, by, told_apart=told_apart), _staying_detail(tested, by))
    plots.label_lines(ax)
    return ax


def _curve(ax: "Axes", part: "pd.DataFrame", name: str, color: str, end: float, *, faint: bool) -> None:
    last = min(end, float(part["days"].max()))
    part = part[part["days"] <= end]
    if part.empty:
        return
    days, survival = [0, *part["days"], last], [1.0, *part["survival"], part["survival"].iloc[-1]]
    ax.step(days, survival, where="post", color=color, linewidth=1 if faint else 2, label=name)
    ax.fill_between(part["days"], part["low"], part["high"], step="post", color=color, alpha=0.12, linewidth=0)


def _staying_finding(shown: "pd.DataFrame", by: str, *, told_apart: bool) -> str:
    known = shown[shown["survival"].notna() & ~shown["small"]]
    days = int(shown["horizon_days"].max())
    if known.empty:
        return "Too few customers to compare"
    best, worst = known.iloc[0], known.iloc[-1]
    if by == "(all)":
        return f"{plots.percent(best['survival'])} have not been lost {days} days after the first order"
    if not told_apart or len(known) < 2:
        return f"By {by}, no difference in staying that could not be chance"
    return (
        f"{best['value']} keeps {plots.percent(best['survival'])} to day {days}, "
        f"{worst['value']} {plots.percent(worst['survival'])}"
    )


def _staying_detail(tested: "pd.DataFrame", by: str) -> str:
    if by == "(all)" or tested.empty or not tested["p"].notna().any():
        return "Kaplan-Meier; bands: interval"
    p = float(tested["p_adjusted"].iloc[0])
    told = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"Kaplan-Meier; bands: interval; log-rank test over the values: {told} (Holm)"


def plot_stickiness(found: "Stickiness", ax: "Axes | None" = None) -> "Axes":
    """Stickiness of established customers over time, between the two rhythms it is held against, from `stickiness`."""
    ax = plots.axes(ax, size=(6.6, 3.1))
    table = found.by_day
    known = table[(table["kind"] == "established") & table["stickiness"].notna()]
    if known.empty:
        plots.statement(ax, "The data are shorter than the window: stickiness cannot be seen yet.")
        return ax
    everybody = table[(table["kind"] == "everybody") & table["stickiness"].notna()]
    ax.plot(everybody["end"], everybody["stickiness"], color=plots.GREY, linewidth=1, label="everybody")
    ax.plot(known["end"], known["stickiness"], color=plots.BLUE, marker="o", markersize=4, label="established")
    plots.band(ax, known["end"], known["low"], known["high"])
    # One label below its line, the other above: clear of the frame and of the curves.
    labels = ((found.exact, "exactly at the rhythm", "top"), (found.random, "at random, same rhythm", "bottom"))
    for level, name, side in labels:
        ax.axhline(level, color=plots.ORANGE, linewidth=1.2, linestyle="--")
        ax.annotate(
            name,
            (0, level),
            xycoords=("axes fraction", "data"),
            xytext=(2, -3 if side == "top" else 2),
            textcoords="offset points",
            va=side,
            fontsize=9,
            color=plots.ORANGE,
        )
    ax.set(ylim=(0, 1.05), ylabel="active in the last interval")
    plots.format_axis(ax.yaxis, plots.percent)
    plots.date_axis(ax)
    last = known.iloc[-1]
    finding = f"{plots.percent(last['stickiness'])} of those active in {last['window_days']} days came in the last {last['interval_days']}"
    plots.title(
        ax, finding, f"n={plots.number(last['customers'])} established customers in the last window; band: interval"
    )
    plots.label_lines(ax)
    return ax
