"""The page's key figures, ready for ``reports.headline``, and what follows from them."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.monetization.revenue_streams.metrics import figure
from opskit.monetization.revenue_streams.scenario import Scenario
from opskit.monetization.revenue_streams.totals import ALL
from opskit.monetization.revenue_streams.tree import tree

if TYPE_CHECKING:
    import pandas as pd

#        metric, side, name, whether its unit is money
_SHOWN = (
    ("revenue", "front", "Front-end revenue", True),
    ("revenue", "back", "Back-end revenue", True),
    ("share", "back", "Back-end share of revenue", False),
    ("paying_rate", "front", "Paying rate, front end", False),
    ("arpu", "all", "ARPU a month", True),
    ("arppu", "front", "ARPPU a month, front end", True),
    ("take_rate", "all", "Take rate", False),
    ("ecpm", "all", "eCPM", True),
)


def key_figures(
    recent: "pd.DataFrame",
    changes: "pd.DataFrame",
    take_rates: "pd.DataFrame",
    made: Scenario,
    *,
    months: int,
    history: int,
    currency: str = "",
) -> "pd.DataFrame":
    """One row per key figure; what the data cannot give has no row.

    Args:
        recent: Of `recent`.
        changes: Of `changes`.
        take_rates: Of `take_rates`.
        made: Of `scenario`.
        months: How many months `recent` spans; written behind its figures.
        history: Complete months that the scenario rests on.
        currency: Unit of money.

    Returns:
        name, value, low, high, n, unit: n counts charges, customer-months, payments, impressions, or months (scenario).
    """
    import pandas as pd

    span = "last month" if months == 1 else f"last {months} months"
    rows: list[tuple[Any, ...]] = []
    for metric, side, name, money in _SHOWN:
        for row in figure(recent, metric, side=side).dropna(subset="estimate").to_dict("records"):
            unit = currency if money else "share"
            rows.append((f"{name}, {span}", row["estimate"], row["low"], row["high"], row["n"], unit))
    if len(take_rates):
        total, payments = take_rates.iloc[-1], int(figure(recent, "take_rate")["n"].iloc[0])
        for effect in ("rate", "mix"):
            figures = [100 * total[f"{effect}_effect{end}"] for end in ("", "_low", "_high")]
            rows.append((f"Change of the take rate by {effect}", *figures, payments, "points"))
    if len(changes):
        lead, charges = leading(changes), int(figure(recent, "revenue")["n"].iloc[0])
        figures = [lead[column] for column in ("contribution", "low", "high")]
        rows.append((f"Largest part of the change: {_driver(lead)}", *figures, charges, currency))
    if len(made.revenue):
        total = made.revenue.iloc[-1]
        ahead = len(made.by_month)
        rows.append((f"Revenue of the next {ahead} months", *total[["median", "low", "high"]], history, currency))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def leading(changes: "pd.DataFrame") -> "pd.Series[Any]":
    """The part that moved revenue most in the direction of the change.

    Args:
        changes: Of `changes`.
    """
    parts = changes.iloc[:-1]
    toward = parts["contribution"] * (1 if changes.iloc[-1]["contribution"] >= 0 else -1)
    return parts.loc[toward.idxmax()]


def decisions(
    recent: "pd.DataFrame",
    changes: "pd.DataFrame",
    take_rates: "pd.DataFrame",
    made: Scenario,
    backtest: "pd.DataFrame",
    *,
    currency: str = "",
) -> list[str]:
    """What to do, in sentences computed from the figures.

    Args:
        recent: Of `recent`.
        changes: Of `changes`.
        take_rates: Of `take_rates`.
        made: Of `scenario`.
        backtest: Of `backtest`.
        currency: Written before amounts of money.
    """
    lines = [_on_sides(recent), *_on_change(changes, currency), *_on_take_rate(take_rates)]
    return [*lines, *_on_plan(made, backtest, currency)]


def _on_sides(recent: "pd.DataFrame") -> str:
    sides = set(recent["side"]) - {"all"}
    if sides == {"front"}:
        return (
            "Only **front-end** revenue is in the data: add a bookings table to see what advertisers and sellers pay."
        )
    if sides == {"back"}:
        return "Only **back-end** revenue is in the data: add orders to see what customers pay."
    row = figure(recent, "share", side="back").iloc[0]
    back = figure(recent, "revenue", side="back")["estimate"].iloc[0]
    streams = recent[(recent["side"] == "back") & (recent["metric"] == "revenue") & (recent["stream"] != ALL)]
    largest = streams.nlargest(1, "estimate").iloc[0]
    if not (row["estimate"] > 0 and back > 0):
        return "The **back end** has earned nothing net of corrections: look at its corrections before anything else."
    part = plots.percent(largest["estimate"] / back)
    return (
        f"Give the **back end** an owner: {plots.percent(row['estimate'])} of revenue, of which {part} is "
        f"{largest['stream']}. It lives off the same customers, so watch the paying rate of the front end beside it."
    )


def _on_change(changes: "pd.DataFrame", currency: str) -> list[str]:
    if changes.empty:
        return []
    total, lead = changes.iloc[-1], leading(changes)
    parts = changes.iloc[:-1]
    rose = total["contribution"] >= 0
    against = parts.loc[(parts["contribution"] * (-1 if rose else 1)).idxmax()]
    text = (
        f"Revenue {'rose' if rose else 'fell'} by {plots.money(abs(total['contribution']), currency)}: the largest part is "
        f"**{_driver(lead)}** ({_signed(lead['contribution'])})"
    )
    pulls = against["contribution"] < 0 if rose else against["contribution"] > 0
    if pulls:
        other = f"**{_driver(against)}** pulled the other way ({_signed(against['contribution'])})"
        return [f"{text}, while {other}: ask there first."]
    return [f"{text}, and nothing pulled the other way."]


def _on_take_rate(take_rates: "pd.DataFrame") -> list[str]:
    if len(take_rates) < 3:  # one stream and the total: there is no mix
        return []
    total = take_rates.iloc[-1]
    rate, mix = total["rate_effect"], total["mix_effect"]
    if rate * mix >= 0:
        return ["**Rates and mix** moved the take rate the same way: its change can be read as it stands."]
    up, down = ("rates", "mix") if rate > 0 else ("mix", "rates")
    return [
        f"Do not judge the prices by the **take rate of all**: its {up} moved it by {100 * max(rate, mix):+.1f} points, its "
        f"{down} by {100 * min(rate, mix):+.1f}. Judge each stream by its own rate.".replace("-", "−")
    ]


def _on_plan(made: Scenario, backtest: "pd.DataFrame", currency: str) -> list[str]:
    if made.revenue.empty:
        return ["Make no **plan** from these data yet: fewer than six months are complete."]
    total = made.revenue.iloc[-1]
    low, median, high = (plots.money(total[end], currency) for end in ("low", "median", "high"))
    lines = [f"Plan the next {len(made.by_month)} months with **{median}**, and be ready for {low} to {high}."]
    moving = made.drivers[made.drivers["swing"] > 0]
    if len(moving):
        lead = moving.iloc[0]
        ends = (plots.money(lead[end], currency) for end in ("revenue_low", "revenue_high"))
        lines.append(f"Learn most about **{_driver(lead)}**: alone it moves the plan from {' to '.join(ends)}.")
        naive = tree(made, by=0.1).iloc[0]
        more = plots.percent(naive["moved"] / naive["revenue"] - 1)
        lines.append(
            f"Ten percent on **every driver** at once multiplies to {more} more revenue: promise that to nobody."
        )
    if len(backtest):
        last = backtest.iloc[-1]
        found = "**inside** its interval" if last["inside"] else "**outside** its interval: take today's as too narrow"
        lines.append(f"The same scenario made {last['months']} months ago had what came {found}.")
    return lines


def _driver(row: Any) -> str:
    return row["driver"] if row["stream"] == ALL else f"{row['driver']} of {row['stream']}"


def _signed(value: float) -> str:
    return f"+{plots.number(value)}" if value > 0 else plots.number(value)
