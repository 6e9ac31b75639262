"""Figures of referral: each draws the table of the function it is named after, and its title says what it shows."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.acquisition.referral.cycle import NAIVE_WITHIN, Cycle
from opskit.acquisition.referral.growth import BOUGHT, EVERYBODY, NOT_BOUGHT
from opskit.acquisition.referral.value import MEASURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLORS = {EVERYBODY: plots.BLUE, BOUGHT: plots.ORANGE, NOT_BOUGHT: plots.GREY}


def plot_share(months: "pd.DataFrame", ax: "Axes | None" = None, *, claim: float = 0.5) -> "Axes":
    """Share of new customers who came by referral by month, from `share_by_month`, beside the share that is claimed."""
    ax = plots.axes(ax, size=(7.6, 3.3))
    table = months[months["share"].notna()]
    over = table[table["complete"]]
    plots.band(ax, table["month"], table["low"], table["high"])
    ax.plot(table["month"], table["share"], color=plots.BLUE, marker="o", markersize=4)
    ax.axhline(claim, color=plots.VERMILLION, linewidth=1.2, linestyle="--")
    ax.annotate(
        f"claimed: {plots.percent(claim)}",
        (0, claim),
        xycoords=("axes fraction", "data"),
        xytext=(3, -4),
        textcoords="offset points",
        va="top",
        fontsize=9,
        color=plots.VERMILLION,
    )
    if not months["complete"].all():
        plots.shade_incomplete(ax, months.loc[~months["complete"], "month"].min(), months["month"].max())
    ax.set(ylim=(0, 1.05 * max(claim, float(table["high"].max()))), ylabel="share of new customers")
    plots.format_axis(ax.yaxis, plots.percent)
    plots.date_axis(ax)
    last = over.tail(12)
    came, everybody = int(last["referred"].sum()), int(last["customers"].sum())
    share = came / everybody if everybody else float("nan")
    finding = f"{plots.percent(share)} of new customers came by referral in the last {len(last)} months"
    plots.title(ax, finding, f"n={plots.number(everybody)} new customers in these months; band: interval")
    return ax


def plot_k(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """K by window from `k_factor`: everybody, and those who had bought by then beside those who had not."""
    ax = plots.axes(ax, size=(7.2, 3.4))
    known = table[table["k"].notna()]
    if known.empty:
        plots.statement(ax, "Nobody has been there long enough: K cannot be seen yet.")
        return ax
    windows = sorted(set(table["days"]))
    for shift, (among, color) in zip((-0.18, 0, 0.18), COLORS.items(), strict=True):
        part = known[known["among"] == among]
        places = [windows.index(days) + shift for days in part["days"]]
        plots.error_bars(ax, places, part["low"], part["high"], color=color)
        ax.plot(places, part["k"], "o", color=color, markersize=7 if among == EVERYBODY else 5, label=among)
    everybody = known[known["among"] == EVERYBODY]
    ax.set_xticks(range(len(windows)), [f"{days} days\nn={plots.number(n)}" for days, n in _sizes(table).items()])
    ax.set(ylim=(0, None), ylabel="brought per customer")
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", fontsize=9)
    last = everybody.iloc[-1]
    finding = f"A hundred customers bring {plots.number(100 * last['k'])} others in their first {last['days']} days"
    plots.title(ax, finding, "n: customers who signed up that long ago; bars: interval")
    return ax


def _sizes(table: "pd.DataFrame") -> "dict[int, int]":
    rows = table[table["among"] == EVERYBODY]
    return dict(zip(rows["days"].astype(int), rows["customers"].astype(int), strict=True))


def plot_k_by_month(table: "pd.DataFrame", ax: "Axes | None" = None, *, days: int = 90) -> "Axes":
    """K of each month's customers within one window, from `k_by_month`; months still open are shaded, not zero."""
    ax = plots.axes(ax, size=(7.6, 3))
    part = table[table["days"] == days]
    known = part[part["k"].notna()]
    if known.empty:
        plots.statement(ax, f"No month is {days} days old: its K cannot be seen yet.")
        return ax
    plots.error_bars(ax, known["month"], known["low"], known["high"], color=plots.SKY)
    ax.plot(known["month"], known["k"], "o", color=plots.BLUE, markersize=5)
    if len(known) < len(part):
        young = part[part["k"].isna()]["month"]
        plots.shade_incomplete(ax, young.min(), young.max(), text="too young")
    ax.set(ylim=(0, None), ylabel=f"brought in {days} days", xlabel="month in which the inviters signed up")
    plots.date_axis(ax)
    level = known["brought"].astype(float).sum() / known["customers"].sum()
    ax.axhline(level, color=plots.GREY, linewidth=1, linestyle="--")
    apart = known[(known["low"] > level) | (known["high"] < level)]
    finding = f"In {len(apart)} of {len(known)} months the interval of K leaves out the mean of {plots.number(level)}"
    plots.title(ax, finding, f"K within {days} days; dashed: mean of all months; bars: interval")
    return ax


def plot_cycle(found: Cycle, ax: "Axes | None" = None) -> "Axes":
    """Who has come by which day, from `cycle_time`: followed through, and as the delays seen make believe."""
    ax = plots.axes(ax, size=(7.2, 3.5))
    half = found.days[found.days["measure"] == "half"].iloc[0]
    if half["estimate"] != half["estimate"] or not half["horizon_days"]:
        plots.statement(
            ax, "Too few are followed, or nobody was brought within the horizon: how long it takes cannot be seen."
        )
        return ax
    naive = found.days[found.days["measure"] == NAIVE_WITHIN].iloc[0]
    curve = found.curve
    ax.step(curve["day"], curve["naive"], where="post", color=plots.VERMILLION, linewidth=1.3, label="delays seen")
    ax.step(curve["day"], curve["share"], where="post", color=plots.BLUE, linewidth=2, label="followed through")
    for day, color in ((naive["estimate"], plots.VERMILLION), (half["estimate"], plots.BLUE)):
        ax.plot([day, day], [0, 0.5], color=color, linewidth=1, linestyle="--")
    if half["low"] == half["low"]:
        ax.axvspan(half["low"], half["high"], ymax=0.5 / 1.03, color=plots.BLUE, alpha=0.12, linewidth=0)
    ax.set(
        xlim=(0, half["horizon_days"]), ylim=(0, 1.03), xlabel="days since the inviter signed up", ylabel="share come"
    )
    plots.format_axis(ax.yaxis, plots.percent)
    ax.legend(loc="lower right", fontsize=9)
    finding = f"Half come after day {half['estimate']:.0f}; the delays seen say day {naive['estimate']:.0f}"
    detail = f"n={plots.number(half['n'])} brought within {half['horizon_days']} days; shaded: interval of the half"
    plots.title(ax, finding, detail)
    return ax


def plot_compare(table: "pd.DataFrame", ax: "Axes | None" = None, *, value_days: int = 180) -> "Axes":
    """Referred customers as a multiple of others in each measure, from `compare`, among those of one month."""
    ax = plots.axes(ax, size=(7.2, 2.6))
    known = table[(table["others"] > 0) & table["adjusted"].notna()].iloc[::-1].reset_index(drop=True)
    if known.empty:
        plots.statement(ax, f"Too few customers are {value_days} days old to compare.")
        return ax
    base = known["others"]
    times, low, high = (1 + known[name] / base for name in ("adjusted", "adjusted_low", "adjusted_high"))
    plots.error_bars(ax, known.index, low, high, horizontal=True, color=plots.BLUE)
    ax.plot(times, known.index, "o", color=plots.BLUE, markersize=7)
    ax.axvline(1, color=plots.GREY, linewidth=1.2)
    ax.set_yticks(known.index, known["measure"])
    ax.set(xlabel="times others, same month of sign-up", ylim=(-0.6, len(known) - 0.4))
    ax.grid(axis="y", visible=False)
    worth = known[known["measure"] == MEASURES["value"]]
    finding = "Referred customers and others cannot be told apart"
    if len(worth) and (worth["adjusted_low"].iloc[0] > 0 or worth["adjusted_high"].iloc[0] < 0):
        many = float(times[worth.index[0]])
        finding = f"Referred customers are worth {plots.number(many)} times as much as others"
    sizes = f"n={plots.number(table['n_referred'].iloc[0])} referred, {plots.number(table['n_others'].iloc[0])} others"
    plots.title(ax, finding, f"first {value_days} days; {sizes}; bars: interval of the difference")
    return ax


def plot_break_even(table: "pd.DataFrame", ax: "Axes | None" = None, *, currency: str = "") -> "Axes":
    """What a referral may cost at most from `break_even`, by what would have happened without it."""
    ax = plots.axes(ax, size=(7.6, 2.9))
    rows = table[table["at_most"].notna()].iloc[::-1].reset_index(drop=True)
    if rows.empty:
        plots.statement(ax, "Too few customers are old enough: what a referral may cost cannot be told.")
        return ax
    ax.barh(rows.index, rows["at_most"], color=plots.SKY, height=0.6)
    plots.error_bars(ax, rows.index, rows["low"], rows["high"], horizontal=True)
    names = [text.replace(" of another new customer who", "\nof a new customer who") for text in rows["if_so"]]
    ax.set_yticks(rows.index, names, fontsize=9)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(left=min(0.0, float(rows["low"].min())))
    ax.set_xlabel(f"{currency} per referred sign-up".strip())
    reward = float(rows["reward"].iloc[0])
    if reward == reward:
        ax.axvline(reward, color=plots.VERMILLION, linewidth=1.5)
    most = plots.money(float(table["at_most"].iloc[0]), currency)
    paid = f", {plots.number(reward)} is paid" if reward == reward else ""
    plots.title(
        ax,
        f"Up to {most} a referral comes back{paid}",
        "the most a reward may be, by who would have come anyway; line: the reward; bars: interval",
    )
    return ax


def plot_concentration(shares: "pd.DataFrame", curve: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """How few bring how many, from `concentration`."""
    ax = plots.axes(ax, size=(6.6, 3.3))
    if shares.empty:
        plots.statement(ax, "Nobody in the table has brought anybody.")
        return ax
    last = shares.iloc[-1]
    ax.plot(curve["share_of_customers"], curve["share_brought"], color=plots.BLUE)
    ax.set_xlim(0, 1.35 * float(last["share_of_customers"]))
    ax.set(ylim=(0, 1.05), xlabel="share of customers, those who brought most first", ylabel="share of those brought")
    for row in shares.iloc[1:].to_dict("records"):
        place = (row["share_of_customers"], row["share"])
        ax.plot(*place, "o", color=plots.ORANGE, markersize=6)
        ax.annotate(
            f"{row['inviters']:.0f} customers: {plots.percent(row['share'])}",
            place,
            xytext=(8, -4),
            textcoords="offset points",
            va="top",
            fontsize=9,
            color=plots.GREY,
        )
    for axis in (ax.xaxis, ax.yaxis):
        plots.format_axis(axis, plots.percent)
    finding = f"{plots.percent(last['share_of_customers'])} of customers have brought all those who were brought"
    plots.title(
        ax, finding, f"n={last['brought']:.0f} brought by {last['inviters']:.0f}; what was, without an interval"
    )
    return ax


def plot_by_spending(table: "pd.DataFrame", ax: "Axes | None" = None, *, value_days: int = 180) -> "Axes":
    """K by what the inviter spent in the same days, from `by_spending`."""
    ax = plots.axes(ax, size=(7.2, 3.2))
    everybody, rows = table.iloc[0], table.iloc[1:].reset_index(drop=True)
    if not everybody["customers"]:
        plots.statement(ax, f"Nobody has been there for {value_days} days.")
        return ax
    plots.error_bars(ax, rows.index, rows["low"], rows["high"], color=plots.BLUE)
    ax.plot(rows.index, rows["rate"], "o", color=plots.BLUE, markersize=7)
    plots.label_counts(ax, rows.index, rows["high"], rows["customers"])
    ax.axhline(everybody["rate"], color=plots.GREY, linewidth=1, linestyle="--")
    ax.set_xticks(rows.index, rows["spent"])
    ax.set(
        ylim=(0, 1.12 * float(rows["high"].max())), ylabel="brought per customer", xlabel="own value in the same days"
    )
    ax.grid(axis="x", visible=False)
    apart = rows[(rows["low"] > everybody["high"]) | (rows["high"] < everybody["low"])]
    finding = "Those who spend more bring no more: no class differs from everybody by more than chance"
    if len(apart):
        finding = f"Who spent {' and '.join(apart['spent'])} differs from everybody in bringing others"
    plots.title(ax, finding, f"first {value_days} days of customers that old; dashed: everybody; bars: interval")
    return ax
