"""Figures of subscriptions: each draws the table of the function it is named after, and its title says what that shows."""

from typing import TYPE_CHECKING

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_COLORS = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.PURPLE)
_MOST_PLANS = len(_COLORS)
_FOLLOWED = 10  # contracts at a renewal, below which a dot is one or two customers' luck
_MOVEMENTS = {
    "new": (plots.GREEN, 1),
    "reactivation": (plots.SKY, 1),
    "expansion": (plots.BLUE, 1),
    "contraction": (plots.ORANGE, -1),
    "churn": (plots.VERMILLION, -1),
}


def _drawn(table: "pd.DataFrame", by: str = "plan") -> "list[tuple[str, str, pd.DataFrame]]":
    """The first few groups with their colours, in the table's order."""
    names = list(dict.fromkeys(table[by]))[:_MOST_PLANS]
    return [(str(name), color, table[table[by] == name]) for name, color in zip(names, _COLORS, strict=False)]


def _with_model(table: "pd.DataFrame") -> "pd.DataFrame":
    return table[(table["at_risk"] > 0) & table["model_rate"].notna()]


def _whole_numbers(ax: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def plot_survival(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share of contracts still there by renewals passed: Kaplan-Meier (dots) and the model (lines), from `renewal_table`."""
    ax = plots.axes(ax)
    known = _with_model(table)
    followed = known[known["at_risk"] >= _FOLLOWED]
    known = followed if len(followed) else known
    if known.empty:
        plots.statement(ax, "No plan has a model yet: too few contracts, or none at its second renewal.")
        return ax
    for name, color, part in _drawn(known):
        ax.plot([0, *part["period"]], [1, *part["model_survival"]], color=color, label=name)
        plots.band(ax, part["period"], part["model_survival_low"], part["model_survival_high"], color=color)
        ax.plot(part["period"], part["survival"], "o", color=color, markersize=4)
        plots.error_bars(ax, part["period"], part["survival_low"], part["survival_high"], color=color)
    ax.set(xlabel="renewals", ylabel="share of contracts still there", ylim=(0, 1.02), xlim=(0, None))
    _whole_numbers(ax)
    plots.format_axis(ax.yaxis, plots.percent)
    _name, _color, first = _drawn(known)[0]
    at = first[first["period"] <= 6].iloc[-1]
    finding = f"{plots.percent(at['model_survival'])} of {_name} contracts pass renewal {int(at['period'])}"
    plots.title(
        ax,
        finding,
        "dots: as observed (Kaplan-Meier), with 10 or more contracts; lines: model; bars and bands: interval",
    )
    plots.label_lines(ax)
    return ax


def plot_renewal_rates(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Share renewing at each renewal, observed and by the model, from `renewal_table`; small groups are not drawn."""
    ax = plots.axes(ax)
    known = _with_model(table)
    known = known[known["at_risk"] >= _FOLLOWED]
    if known.empty:
        plots.statement(ax, "No plan has a model and ten contracts at a renewal yet.")
        return ax
    _whole_numbers(ax)
    findings: list[str] = []
    for number, (name, color, part) in enumerate(_drawn(known)):
        shift = 0.12 * (number - (min(known["plan"].nunique(), _MOST_PLANS) - 1) / 2)
        ax.plot(part["period"], part["model_rate"], color=color, label=name)
        plots.band(ax, part["period"], part["model_rate_low"], part["model_rate_high"], color=color)
        ax.plot(part["period"] + shift, part["renewal_rate"], "o", color=color, markersize=4)
        plots.error_bars(ax, part["period"] + shift, part["low"], part["high"], color=color)
        ends = part["model_rate"].iloc[[0, -1]]
        findings.append(f"{name} from {plots.percent(ends.iloc[0])} to {plots.percent(ends.iloc[1])}")
    ax.set(
        xlabel="renewal", ylabel="share that renews, of those there", ylim=(min(0.5, known["low"].min() - 0.05), 1.02)
    )
    plots.format_axis(ax.yaxis, plots.percent)
    plots.title(
        ax,
        f"Sorting alone lifts renewal, by the model: {', '.join(findings[:2])}",
        "dots: as observed, with 10 or more contracts; lines: model, nobody's own probability changes",
    )
    plots.label_lines(ax)
    return ax


def plot_holdout(table: "pd.DataFrame", ax: "Axes | None" = None, *, plan: str = "") -> "Axes":
    """Ends of one plan's contracts at the hidden renewals against what was predicted, from `holdout(...).by_period`."""
    ax = plots.axes(ax)
    if table.empty:
        plots.statement(ax, "No plan has renewals enough to hide some of them.")
        return ax
    plan = plan or str(table["plan"].iloc[0])
    part = table[table["plan"] == plan]
    ax.bar(part["period"], part["ended"], 0.5, color=plots.LIGHT, label="_ended")
    ax.plot(part["period"], part["expected"], "o", color=plots.BLUE, label="model")
    plots.error_bars(ax, part["period"], part["low"], part["high"], color=plots.BLUE)
    ax.plot(part["period"], part["constant_churn"], "_", color=plots.VERMILLION, markersize=22, label="constant churn")
    ax.set(xlabel="renewal, hidden from the fit", ylabel="contracts that end", ylim=(0, None))
    ax.set_xticks(part["period"])
    ended, expected, constant = part["ended"].sum(), part["expected"].sum(), part["constant_churn"].sum()
    finding = f"{plan}: {ended} contracts end at hidden renewals; the model says {expected:.0f}, constant churn {constant:.0f}"
    plots.title(ax, finding, "bars: ended; dots: predicted, with interval; red: average churn of the fitted renewals")
    return ax


def plot_movements(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """Movements of monthly recurring revenue above and below the line, closing MRR over them, from `movements`."""
    import numpy as np

    ax = plots.axes(ax, size=(9, 5.5))
    place = np.arange(len(table))
    height = {1: np.zeros(len(table)), -1: np.zeros(len(table))}
    for name, (color, sign) in _MOVEMENTS.items():
        amount = sign * table[name].to_numpy(dtype=float)
        ax.bar(place, amount, 0.8, bottom=height[sign], color=color, label=name)
        height[sign] = height[sign] + amount
    ax.axhline(0, color=plots.BLACK, linewidth=0.8)
    low, high = min(height[-1].min(), 0.0), max(height[1].max(), 1e-9)
    ax.set_ylim(1.08 * low, low + (high - low) / 0.58)  # the upper part is for the line of MRR
    ticks = ax.get_yticks()
    ax.set_yticks([tick for tick in ticks if 1.08 * low <= tick <= 1.05 * high])
    above = ax.inset_axes((0, 0.66, 1, 0.34), sharex=ax)
    above.plot(place, table["closing"], color=plots.BLACK)
    above.fill_between(place, 0, table["closing"], color=plots.LIGHT, alpha=0.4, linewidth=0)
    above.set(ylim=(0, 1.1 * max(table["closing"].max(), 1e-9)), ylabel="MRR")
    above.tick_params(labelbottom=False, bottom=False)
    for axes in (ax, above):
        plots.format_axis(axes.yaxis, lambda value: plots.number(abs(value)))
        if not table["complete"].iloc[-1]:
            plots.shade_incomplete(axes, len(table) - 1.5, len(table) - 0.5, "" if axes is above else "incomplete")
    step = max(1, -(-len(table) // 12))
    ax.set_xticks(place[::step], table["month"].dt.strftime("%Y-%m").iloc[::step], rotation=45, ha="right", fontsize=9)
    ax.set_ylabel("movement of the month")
    ax.yaxis.set_label_coords(-0.08, 0.3)
    ax.legend(ncols=5, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2), fontsize=9)
    whole = table[table["complete"]]
    last = (whole if len(whole) else table).iloc[-1]
    finding = f"MRR {plots.money(last['closing'], currency)} at the end of {last['month']:%Y-%m}, "
    finding += f"{plots.number(last['customers'])} customers paying"
    detail = "movements between month ends, by customer; a yearly price counts a twelfth a month"
    plots.title(ax, finding, detail)
    return ax


def plot_value(table: "pd.DataFrame", ax: "Axes | None" = None, *, by: str = "plan", currency: str = "") -> "Axes":
    """Value of a new contract with its interval, and what constant churn would make of it, from `lifetime_value`."""
    import numpy as np

    known = table.dropna(subset="value").iloc[: 2 * _MOST_PLANS]
    ax = plots.axes(ax, size=(8, 1.9 + 0.55 * max(len(known), 2)))
    if known.empty:
        plots.statement(ax, "No renewal has been seen yet, so no value can be told.")
        return ax
    place = np.arange(len(known))[::-1]
    model = known["basis"] == "model"
    ax.barh(place, known["value"], 0.55, color=[plots.BLUE if one else plots.LIGHT for one in model])
    plots.error_bars(ax, place, known["low"], known["high"], horizontal=True)
    ax.plot(known["naive_value"], place, "D", color=plots.VERMILLION, markersize=6)
    named = zip(known[by], known["basis"], strict=True)
    ax.set_yticks(place, [str(name) if basis == "model" else f"{name}\n(at least)" for name, basis in named])
    ax.set(xlim=(0, None), xlabel="discounted margin of a new contract")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    plots.format_axis(ax.xaxis, lambda value: plots.money(value, currency))
    first = known[model].iloc[0] if model.any() else known.iloc[0]
    finding = f"A new {first[by]} contract brings {plots.money(first['value'], currency)}"
    if np.isfinite(first["naive_value"]):
        finding += f"; price over churn says {plots.money(first['naive_value'], currency)}"
    plots.title(ax, finding, "bars: model, grey: at least; lines: interval; red: margin / average churn, undiscounted")
    return ax


def plot_residual_value(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, by: str = "plan", currency: str = ""
) -> "Axes":
    """What a running contract will still bring, by billing periods paid so far, from `lifetime_value(...).by_tenure`."""
    ax = plots.axes(ax)
    if table.empty:
        plots.statement(ax, "No running contract belongs to a plan with a model.")
        return ax
    for name, color, part in _drawn(table, by):
        ax.plot(part["tenure_periods"], part["value"], color=color, marker="o", markersize=4, label=name)
        plots.band(ax, part["tenure_periods"], part["low"], part["high"], color=color)
    _whole_numbers(ax)
    ax.set(xlabel="billing periods paid so far", ylabel="discounted margin still to come", ylim=(0, None))
    plots.format_axis(ax.yaxis, lambda value: plots.money(value, currency))
    _name, _color, first = _drawn(table, by)[0]
    low, high = first.iloc[0], first.iloc[-1]
    finding = (
        f"A {_name} contract will still bring {plots.money(low['value'], currency)} in period {low['tenure_periods']}"
    )
    if len(first) > 1:
        finding += f" and {plots.money(high['value'], currency)} in period {high['tenure_periods']}"
    plots.title(ax, finding, f"running contracts: {plots.number(table['running'].sum())}; bands: interval")
    plots.label_lines(ax)
    return ax
