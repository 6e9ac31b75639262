"""Figures of worths and Kano classes: each draws the table it is named after, and its title says what that shows."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.target_users.needs.kano import ATTRACTIVE, INDIFFERENT, MIDDLE, MUST_BE, PERFORMANCE, QUESTIONABLE, REVERSE
from opskit.target_users.needs.order import together

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from opskit.target_users.needs.kano import Kano
    from opskit.target_users.needs.worth import Worths

COLORS = {
    MUST_BE: plots.VERMILLION,
    PERFORMANCE: plots.BLUE,
    ATTRACTIVE: plots.GREEN,
    INDIFFERENT: plots.LIGHT,
    REVERSE: plots.PURPLE,
    QUESTIONABLE: plots.GREY,
}
_NONE = "Nobody was asked to rank needs or to choose between two."


def plot_worths(found: "Worths | None", ratings: "pd.DataFrame | None" = None, ax: "Axes | None" = None) -> "Axes":
    """Worth of each need from `worths`, with the mean rating from `ratings` beside it."""
    needs = [] if found is None else found.table["need"].tolist()[::-1]
    ax = plots.axes(ax, size=(7.6, 1.6 + 0.38 * max(len(needs), 3)))
    if found is None:
        plots.statement(ax, _NONE)
        return ax
    table = found.table.iloc[::-1]
    best = set(together(found)[0])
    for place, row in enumerate(table.to_dict("records")):
        color = plots.BLUE if row["need"] in best else plots.SKY
        ax.barh(place, row["worth"], height=0.62, color=color, alpha=0.9)
        ax.text(row["high"], place, f"  {plots.percent(row['worth'])}", va="center", fontsize=8.5, color=plots.BLACK)
    plots.error_bars(ax, range(len(table)), table["low"], table["high"], horizontal=True)
    ax.set_yticks(range(len(needs)), needs)
    ax.set(xlabel="share of all worth", xlim=(0, 1.18 * table["high"].max()), ylim=(-0.6, len(needs) - 0.4))
    plots.format_axis(ax.xaxis, plots.percent)
    ax.grid(visible=False, axis="y")
    if ratings is not None and len(ratings):
        _beside(ax, ratings, needs)
    plots.title(
        ax,
        sentence(_finding(found)),
        f"{found.choices.n:,} respondents, forced to choose; bars: {found.confidence:.0%} interval; dark: not told from the first",
    )
    return ax


def _beside(ax: "Axes", ratings: "pd.DataFrame", needs: list[str]) -> None:
    """The mean ratings in words, right of the bars."""
    mean = ratings.set_index("need")["mean"]
    top = ratings["need"].iloc[0]
    for place, need in enumerate(needs):
        if need in mean.index:
            weight = "bold" if need == top else "normal"
            ax.text(
                1.02,
                place,
                f"{mean[need]:.2f}",
                transform=ax.get_yaxis_transform(),
                va="center",
                fontsize=8.5,
                color=plots.GREY,
                weight=weight,
            )
    ax.text(
        1.02,
        len(needs) - 0.35,
        "rated",
        transform=ax.get_yaxis_transform(),
        va="bottom",
        fontsize=8.5,
        color=plots.GREY,
    )


def sentence(text: str) -> str:
    """The text with a capital first letter; nothing else is changed.

    >>> sentence("low price leads")
    'Low price leads'
    """
    return text[:1].upper() + text[1:]


def _finding(found: "Worths") -> str:
    group = together(found)[0]
    first = found.table.iloc[0]
    if len(group) == 1:
        two = found.table["worth"].head(2).tolist()
        return f"{group[0]} is needed most: {two[0] / two[1]:.1f} times as much as the next"
    if len(group) == len(found.table):
        return "The needs cannot be told apart: ask more people"
    return f"{first['need']} leads, but {', '.join(group[1:])} cannot be told from it"


def plot_segments(
    table: "pd.DataFrame", test: "pd.DataFrame", ax: "Axes | None" = None, *, confidence: float = 0.95
) -> "Axes":
    """Worth of each need in each segment from `by_segment`."""
    table = table.dropna(subset="worth") if len(table) else table
    if table.empty or table["segment"].nunique() < 2:
        ax = plots.axes(ax, size=(7.6, 1.6))
        plots.statement(ax, "There are no two segments with enough respondents and worths to compare.")
        return ax
    needs = table.groupby("need")["worth"].mean().sort_values().index.tolist()
    segments = table["segment"].unique().tolist()
    ax = plots.axes(ax, size=(7.6, 1.7 + 0.52 * len(needs)))
    for number, (name, rows) in enumerate(table.groupby("segment", sort=False)):
        color = plots.PALETTE[number % len(plots.PALETTE)]
        up = 0.7 * (0.5 - (number + 0.5) / len(segments))
        place = [needs.index(need) + up for need in rows["need"]]
        plots.error_bars(ax, place, rows["low"], rows["high"], horizontal=True, color=color)
        ax.plot(rows["worth"], place, "o", color=color, markersize=5, label=f"{name} (n={rows['n'].iloc[0]})")
    ax.set_yticks(range(len(needs)), needs)
    ax.set(xlabel="share of all worth", xlim=(0, None), ylim=(-0.6, len(needs) - 0.4))
    plots.format_axis(ax.xaxis, plots.percent)
    ax.legend(fontsize=8, loc="lower right")
    p = test["p"].iloc[0]
    finding = (
        "Segments want different things" if p <= 1 - confidence else "No difference between segments beyond chance"
    )
    plots.title(ax, f"{finding} (p = {p:.2g})", "bars: interval; p: how often segments given by lot differ as much")
    return ax


def plot_kano(found: "Kano | None", ax: "Axes | None" = None) -> "Axes":
    """Features by their mean functional and dysfunctional scores from `kano`, coloured by the class that was counted."""
    ax = plots.axes(ax, size=(7.2, 5.2))
    if found is None:
        plots.statement(ax, "Nobody was asked how it is with a feature and how without.")
        return ax
    scale = found.scale.merge(found.classes[["feature", "class", "clear"]], on="feature", suffixes=("_scale", ""))
    low = min(0.0, scale["dysfunctional_low"].min(), scale["functional_low"].min()) - 0.15
    ax.set(xlim=(low, 4.15), ylim=(low, 4.15))
    for x, y, name in (
        (0, 0, INDIFFERENT),
        (0, MIDDLE, ATTRACTIVE),
        (MIDDLE, 0, MUST_BE),
        (MIDDLE, MIDDLE, PERFORMANCE),
    ):
        ax.fill_between([x, x + 2], y, y + 2, color=COLORS[name], alpha=0.1, linewidth=0)
        up = y == MIDDLE
        ax.text(
            x + 0.06 if x == 0 else 3.94,
            y + (1.93 if up else 0.07),
            name,
            ha="left" if x == 0 else "right",
            va="top" if up else "bottom",
            color=plots.GREY,
            fontsize=10,
        )
    for row in scale.to_dict("records"):
        color = COLORS[row["class"]] if row["class"] != INDIFFERENT else plots.GREY
        ax.hlines(row["functional"], row["dysfunctional_low"], row["dysfunctional_high"], color=color, linewidth=1.2)
        ax.vlines(row["dysfunctional"], row["functional_low"], row["functional_high"], color=color, linewidth=1.2)
        ax.plot(
            row["dysfunctional"],
            row["functional"],
            "o",
            color=color,
            markersize=8,
            fillstyle="full" if row["clear"] else "none",
        )
        ax.annotate(
            row["feature"],
            (row["dysfunctional"], row["functional"]),
            xytext=(7, 6),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set(xlabel="without it: from liked (−2) to disliked (4)", ylabel="with it: from disliked (−2) to liked (4)")
    ax.grid(visible=False)
    sure = found.classes[(found.classes["class"] == MUST_BE) & found.classes["clear"]]
    finding = "No feature is clearly a must-be"
    if len(sure):
        finding = f"Must-be: {', '.join(sure['feature'])}: missed when it is not there, not noticed when it is"
    least, most = int(found.classes["n"].min()), int(found.classes["n"].max())
    n = f"n={least:,}" if least == most else f"n={least:,} to {most:,}"
    plots.title(
        ax,
        finding,
        f"means with intervals; colour: class counted, hollow: not clear; {n} a feature",
    )
    return ax


def plot_classes(found: "Kano | None", ax: "Axes | None" = None) -> "Axes":
    """Shares of answers by class for each feature, from `kano`."""
    features = [] if found is None else found.classes.sort_values("better")["feature"].tolist()
    ax = plots.axes(ax, size=(7.6, 1.7 + 0.36 * max(len(features), 3)))
    if found is None:
        plots.statement(ax, "No Kano answers, no classes.")
        return ax
    left = dict.fromkeys(features, 0.0)
    for name, color in COLORS.items():
        shares = found.shares[found.shares["class"] == name].set_index("feature")["share"].loc[features].tolist()
        starts = [left[feature] for feature in features]
        ax.barh(range(len(features)), shares, left=starts, color=color, height=0.66, label=name)
        text = plots.BLACK if name in (INDIFFERENT, ATTRACTIVE) else "white"
        for place, (feature, share) in enumerate(zip(features, shares, strict=True)):
            if share >= 0.08:
                told, middle = plots.percent(round(share, 2)), left[feature] + share / 2
                ax.text(middle, place, told, ha="center", va="center", fontsize=8, color=text)
            left[feature] += share
    ax.set_yticks(range(len(features)), features)
    ax.set(xlim=(0, 1), ylim=(-0.6, len(features) - 0.4), xlabel="share of answers")
    plots.format_axis(ax.xaxis, plots.percent)
    ax.grid(visible=False)
    ax.legend(ncols=6, fontsize=8, loc="upper left", bbox_to_anchor=(-0.2, -0.18 - 0.6 / max(len(features), 3)))
    clear = int(found.classes["clear"].sum())
    plots.title(
        ax,
        f"{clear} of {len(features)} features have one class that chance does not explain",
        "answers of every respondent by Kano's table",
    )
    return ax
