"""The page's key figures, and what its numbers ask for, as sentences."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.acquisition.channel_scorecard.cohorts import UNKNOWN
from opskit.acquisition.channel_scorecard.ranking import ranking
from opskit.acquisition.channel_scorecard.scorecard import returns
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID

if TYPE_CHECKING:
    import pandas as pd

    from opskit.acquisition.channel_scorecard.payback import Payback

Rows = list[tuple[Any, ...]]


def key_figures(
    card: "pd.DataFrame",
    paid: "Payback",
    trend: "pd.DataFrame",
    marginal: "pd.DataFrame",
    even: "pd.DataFrame",
    *,
    margin_days: int = 90,
    first_order_days: int = 30,
    currency: str = "",
) -> "pd.DataFrame":
    """One row per key figure, ready for ``reports.headline``.

    Args:
        card: Of `scorecard`, by channel.
        paid: Of `payback`.
        trend: Of `cost_trend`.
        marginal: Of `marginal_cost`.
        even: Of `break_even`; may be empty.
        margin_days: As given to `scorecard`.
        first_order_days: As given to `scorecard`.
        currency: Unit of money.

    Returns:
        name, value, low, high, n, unit; figures that rest on spend only where there is some. Best and worst are those of
        the estimates, among channels that are not small: `ranking` says whether they can be told apart.
    """
    import pandas as pd

    rows: Rows = []
    every = card[card["channel"] == ALL].iloc[0]
    if "first_order_rate" in card:
        rows.append(
            _figure(f"First order within {first_order_days} days of signing up", every, "first_order_rate", "share")
        )
    for name, channel in (("with spend", PAID), ("all", ALL)):
        part = card[card["channel"] == channel]
        if len(part) and "cac" in card:
            rows.append(
                _figure(
                    f"CAC, channels {name}" if name != "all" else "CAC, all channels", part.iloc[0], "cac", currency
                )
            )
    rows += _extremes(card, "cac", ("CAC, lowest", "CAC, highest"), currency)
    rows += _extremes(
        card, "recovered", tuple(f"Margin by day {margin_days} over spend, {w}" for w in ("lowest", "highest")), "times"
    )
    longest, back = list(returns(card).items())[-1]
    rows += _extremes(card, back, tuple(f"Back within {longest} days, {w}" for w in ("lowest", "highest")), "share")
    if not len(rows):
        rows.append(_figure(f"Back within {longest} days", every, back, "share"))
    rows += _payback_rows(paid, card)
    change = trend[trend["channel"] == PAID]
    if len(change):
        one = change.iloc[0]
        rows.append(
            (
                "Cost per sign-up, change a month, channels with spend",
                *(100 * one[["per_month", "low", "high"]]),
                one["n"],
                "%",
            )
        )
    dear = marginal.dropna(subset=["times", "times_low"])
    if len(dear):
        one = dear.nlargest(1, "times").iloc[0]
        name = f"Additional sign-ups of dear weeks, times average cost: {one['channel']}"
        rows.append((name, one["times"], one["times_low"], one["times_high"], one["weeks"], "times"))
    if len(even):
        one = even.iloc[0]
        bounds = ("saved", "saved_low", "saved_high", "customers")
        rows.append(("Saved a year per customer moved to owned traffic", *(one[name] for name in bounds), currency))
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    known = table[["value", "low", "high"]].notna().all(axis=1)
    table[["low", "high"]] = table[["low", "high"]].astype(float).where(known)
    return table.astype({"n": int})


def _figure(name: str, row: "pd.Series[Any]", column: str, unit: str) -> tuple[Any, ...]:
    return (name, *(row[f"{column}{end}"] for end in ("", "_low", "_high", "_n")), unit)


def _extremes(card: "pd.DataFrame", column: str, names: tuple[str, ...], unit: str) -> Rows:
    """The lowest and the highest among channels that are not small."""
    if column not in card:
        return []
    known = compared(card).dropna(subset=[column, f"{column}_low"]).sort_values(column, kind="stable")
    if len(known) < 2:
        return []
    ends = zip(names, (0, -1), strict=True)
    return [_figure(f"{name}: {known['channel'].iloc[at]}", known.iloc[at], column, unit) for name, at in ends]


def compared(card: "pd.DataFrame") -> "pd.DataFrame":
    """Channels that can be compared: totals, accounts without a channel and small channels left out."""
    return card[~card["channel"].isin([ALL, PAID, UNKNOWN]) & ~card["small"].astype(bool)]


def _payback_rows(paid: "Payback", card: "pd.DataFrame") -> Rows:
    known = paid.days[paid.days["channel"].isin(compared(card)["channel"]) & (paid.days["observed_days"] > 0)]
    if known.empty:
        return []
    never = known[known["payback_day"].isna()]
    if len(never):
        one = never.nlargest(1, "still_missing").iloc[0]
        name = f"Spend still missing by day {one['observed_days']}, most: {one['channel']}"
        return [(name, 100 * one["still_missing"], float("nan"), float("nan"), one["n"], "%")]
    one = known.nlargest(1, "payback_day").iloc[0]
    return [(f"Payback day, latest: {one['channel']}", *one[["payback_day", "low", "high", "n"]], "days")]


def decisions(
    card: "pd.DataFrame",
    paid: "Payback",
    trend: "pd.DataFrame",
    marginal: "pd.DataFrame",
    even: "pd.DataFrame",
    *,
    margin_days: int = 90,
    currency: str = "",
) -> list[str]:
    """Sentences on what to do, each with the number behind it.

    Args:
        card: Of `scorecard`, by channel.
        paid: Of `payback`.
        trend: Of `cost_trend`.
        marginal: Of `marginal_cost`.
        even: Of `break_even`; may be empty.
        margin_days: As given to `scorecard`.
        currency: Written before amounts of money.
    """
    lines = [*_apart(card, margin_days), *_cash(card, paid, margin_days), *_quality(card)]
    rising = trend[(trend["verdict"] == "rises") & trend["channel"].isin(compared(card)["channel"])]
    if len(rising):
        changes = ", ".join(
            f"**{one['channel']}** by {plots.percent(one['per_month'])} ({plots.percent(one['low'])} to {plots.percent(one['high'])})"
            for one in rising.to_dict("records")
        )
        lines.append(f"Sign-ups get dearer every month, {changes}: set a ceiling for their cost before it is reached.")
    steep = marginal[(marginal["times_low"] > 1 + 1e-6) & marginal["channel"].isin(compared(card)["channel"])]
    if len(steep):
        names = ", ".join(f"{one['channel']} {one['times']:.1f}" for one in steep.to_dict("records"))
        lines.append(
            f"**Do not scale on the average**: in weeks with more money the additional sign-ups cost more than the average "
            f"one, in times of it: {names}. Raise a budget in steps and watch what the step brings."
        )
    lines += _owned(even, currency)
    return lines or ["**Too few customers** to judge any channel: wait, or look at longer periods."]


def _apart(card: "pd.DataFrame", margin_days: int) -> list[str]:
    """Which channels are surely better at returning their cost."""
    if "recovered" not in card:
        return [
            "What channels cost is **not known here**: judge them by what their customers become, and book spend by channel and day."
        ]
    ranks = ranking(compared(card))
    if ranks.empty:
        return []
    if len(ranks) == 1:
        return [
            f"**{ranks['channel'].iloc[0]}** is the only channel with a cost that can be judged: there is nothing to compare it with."
        ]
    if (ranks["worst_rank"] == len(ranks)).all() and (ranks["best_rank"] == 1).all():
        return [
            f"By margin over spend at day {margin_days} the channels **cannot be told apart**: do not move money between them yet."
        ]
    order = ", ".join(f"{one['channel']} {one['rank']}" for one in ranks.to_dict("records"))
    best, worst = ranks.iloc[0], ranks.iloc[-1]
    line = f"By margin over spend at day {margin_days} the ranks are **{order}**; shared ranks are not told apart."
    if worst["high"] < best["low"]:
        line += f" Try more of {best['channel']} in a test before cutting {worst['channel']}: the next customer is not the average one."
    return [line]


def _cash(card: "pd.DataFrame", paid: "Payback", margin_days: int) -> list[str]:
    known = paid.days[paid.days["channel"].isin(compared(card)["channel"]) & (paid.days["observed_days"] > 0)]
    lines: list[str] = []
    never = known[known["payback_day"].isna()]
    for one in never.to_dict("records"):
        missing = plots.percent(one["still_missing"])
        lines.append(
            f"**{one['channel']}** has not paid back by day {one['observed_days']}: {missing} of its cost is still missing. Stop it, or show by a test that it does more."
        )
    late = known[known["payback_day"].notna() & ~(known["high"] <= margin_days)]["channel"].tolist()
    if late:
        lines.append(
            f"**{', '.join(late)}** may need more than {margin_days} days to pay back: growth there ties up cash."
        )
    elif len(known) and never.empty:
        lines.append(
            f"Every channel with a cost is paid back **within {margin_days} days**: cash does not limit growth."
        )
    return lines


def _quality(card: "pd.DataFrame") -> list[str]:
    days, back = list(returns(card).items())[-1]
    ranks = ranking(compared(card), by=back)
    last = ranks[(ranks["best_rank"] == len(ranks)) & (len(ranks) > 1)]
    if last.empty:
        return []
    one = last.iloc[0]
    share = plots.percent(one["value"])
    return [
        f"**{one['channel']}** brings customers who come back least, {share} within {days} days: look at the margin they bring before buying more of its sign-ups."
    ]


def _owned(even: "pd.DataFrame", currency: str) -> list[str]:
    if even.empty:
        return []
    pays = even[even["pays"] == "yes"]
    if pays.empty:
        word = "does not pay" if (even["pays"] == "no").all() else "is not sure to pay"
        return [f"Moving customers to **owned traffic {word}** at these costs, even with all of them moved."]
    one = pays.iloc[-1]
    return [
        f"Owned traffic pays once **{plots.number(one['customers_needed'])} customers** are moved at up to "
        f"{plots.money(one['cost_to_move'], currency)} each, if their orders need the paid touch at all: switch it off for a "
        "random part of them first."
    ]
