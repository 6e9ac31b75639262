"""The page's claims, its key figures, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.incentives.points_economy.breakage import Breakage
from opskit.incentives.points_economy.ledger import Ledger
from opskit.incentives.points_economy.rules import Applied
from opskit.incentives.points_economy.suspects import Suspects

if TYPE_CHECKING:
    import pandas as pd

MOST_REDEEMED, MOST_COST = 0.5, 0.01
_NAN = float("nan")


def within(broken: Breakage) -> "pd.Series[Any]":
    """The row of the measures that says how much is redeemed up to the horizon."""
    return broken.measures[broken.measures["measure"] == f"redeemed within {broken.horizon_days} days"].iloc[0]


def claims(
    broken: Breakage, periods: "pd.DataFrame | None" = None, costs: "pd.DataFrame | None" = None
) -> "pd.DataFrame":
    """What is said about points, held against the data.

    Args:
        broken: From `breakage`.
        periods: The periods of `per_revenue`, where there are orders.
        costs: From `cost`, where there are orders and a point value.

    Returns:
        claim, figure, estimate, low, high, verdict (``holds``, ``does not hold``, ``not enough data``).
    """
    import pandas as pd

    rate = within(broken)[["estimate", "low", "high"]]
    # What is redeemed by a day can only grow, so a claim of most points can hold before the end is seen.
    sure = stats.verdict(rate["low"], rate["high"], at_least=MOST_REDEEMED)
    verdict = sure if broken.ultimate or sure == "holds" else "not enough data"
    rows: list[tuple[Any, ...]] = [
        (
            "Most points are redeemed",
            f"redeemed within {broken.horizon_days} days, of points kept, above {MOST_REDEEMED:.0%}",
            *rate,
            verdict,
        )
    ]
    if costs is not None:
        bounds = costs.iloc[1][["estimate", "low", "high"]]
        name = f"Points cost at most {MOST_COST:.0%} of revenue"
        judged = stats.verdict(bounds["low"], bounds["high"], at_most=MOST_COST)
        rows.append((name, "as many redeemed as will be, over revenue, last 12 months", *bounds, judged))
    if periods is not None:
        bounds = periods.iloc[2][["per_revenue", "low", "high"]]
        name = "Points are handed out more freely than a year ago"
        judged = stats.verdict(bounds["low"], bounds["high"], at_least=0)
        rows.append((name, "change of points earned per unit of revenue, above 0", *bounds, judged))
    return pd.DataFrame(rows, columns=["claim", "figure", "estimate", "low", "high", "verdict"])


def key_figures(
    found: Ledger,
    broken: Breakage,
    listed: Suspects,
    applied: Applied,
    *,
    moved: "pd.DataFrame | None" = None,
    worth: "pd.DataFrame | None" = None,
    periods: "pd.DataFrame | None" = None,
    costs: "pd.DataFrame | None" = None,
    currency: str = "",
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        found: From `ledger`.
        broken: From `breakage`.
        listed: From `suspects`.
        applied: From `apply_rules`.
        moved: From `movement`, where there is a point value.
        worth: From `outlook`, where there is a point value.
        periods: The periods of `per_revenue`, where there are orders.
        costs: From `cost`, where there are both.
        currency: Of the amounts.
    """
    import pandas as pd

    people = int(found.totals["customers"])
    measures = broken.measures.set_index("measure")[["estimate", "low", "high"]]
    naive = measures.loc["redeemed so far over earned so far", "estimate"]
    rows: list[tuple[Any, ...]] = [
        ("Points earned", found.totals["earned"], _NAN, _NAN, people, "points"),
        ("Points outstanding", found.totals["outstanding"], _NAN, _NAN, people, "points"),
        ("Redeemed so far over earned so far", naive, _NAN, _NAN, people, "share"),
    ]
    if broken.ultimate:
        rows.append(("Ultimate redemption rate", *measures.loc["ultimate redemption rate"], people, "share"))
        rows.append(("Breakage", *measures.loc["breakage"], people, "share"))
    else:
        name = f"Redeemed within {broken.horizon_days} days"
        rows.append((name, *measures.loc[f"redeemed within {broken.horizon_days} days"], people, "share"))
    if worth is not None:
        full, expected = (row[["estimate", "low", "high"]] for _, row in worth.iterrows())
        rows.append(("Outstanding, at full value", *full, people, currency))
        rows.append(("Outstanding, expected to be redeemed", *expected, people, currency))
    if moved is not None:
        amount = moved.set_index("line")["amount"]
        rows.append(("Liability for points, closing", amount["closing"], _NAN, _NAN, people, currency))
        rows.append(("Revenue from points redeemed in the period", -amount["redeemed"], _NAN, _NAN, people, currency))
    if costs is not None:
        rows.append(
            ("Cost of a year's points, of revenue", *costs.iloc[1][["estimate", "low", "high"]], people, "share")
        )
    if periods is not None and periods.iloc[0]["per_revenue"] == periods.iloc[0]["per_revenue"]:
        bounds = ["per_revenue", "low", "high"]
        rows.append(("Points per unit of revenue, last 12 months", *periods.iloc[0][bounds], people, ""))
        if periods.iloc[2]["per_revenue"] == periods.iloc[2]["per_revenue"]:
            rows.append(("Change of it against the 12 months before", *(100 * periods.iloc[2][bounds]), people, "%"))
    actions = int(applied.behaviours["actions"].sum())
    if len(applied.rules):
        removed = float(applied.rules["removed"].sum()) / actions if actions else _NAN
        rows.append(("Earnings that the rules would take", removed, _NAN, _NAN, actions, "share"))
    share = listed.share
    rows.append(("Accounts worth a look", *share[["share", "low", "high"]], int(share["accounts"]), "share"))
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    counted = table["low"].isna()
    # A figure without an interval would otherwise show all its digits.
    return table.assign(
        value=[_three_digits(v) if plain else v for v, plain in zip(table["value"], counted, strict=True)]
    )


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def decisions(
    found: Ledger,
    broken: Breakage,
    listed: Suspects,
    applied: Applied,
    *,
    checked: "pd.DataFrame | None" = None,
    worth: "pd.DataFrame | None" = None,
    costs: "pd.DataFrame | None" = None,
    periods: "pd.DataFrame | None" = None,
    currency: str = "",
) -> list[str]:
    """What to do, computed from the figures.

    Args:
        found: From `ledger`.
        broken: From `breakage`.
        listed: From `suspects`.
        applied: From `apply_rules`.
        checked: From `expiry_check`.
        worth: From `outlook`, where there is a point value.
        costs: From `cost`.
        periods: The periods of `per_revenue`.
        currency: Of the amounts.
    """
    lines = [_of_rate(broken), _of_liability(found, worth, currency)]
    if costs is not None:
        lines.append(_of_cost(costs))
    if periods is not None:
        lines.append(_of_pace(periods))
    lines += _of_books(found, checked)
    lines += [_of_rules(applied), _of_suspects(listed)]
    return lines


def _told(row: "pd.Series[Any]", name: str = "estimate") -> str:
    if row["low"] != row["low"]:
        return plots.percent(row[name])
    return f"{plots.percent(row[name])} ({plots.percent(row['low'])} to {plots.percent(row['high'])})"


def _of_rate(broken: Breakage) -> str:
    rate = within(broken)
    if rate["estimate"] != rate["estimate"]:
        return "What becomes of points **cannot be told**: none that were kept have been followed."
    naive = float(broken.measures["estimate"].iloc[-1])
    if not broken.ultimate:
        return (
            f"Do not book breakage yet: {_told(rate)} of points kept are redeemed within **{broken.horizon_days} days**, and "
            "what happens later has not been seen, or points never lapse."
        )
    return (
        f"Reckon with **{_told(rate)}** of points being redeemed in the end, not with the {plots.percent(naive)} that have "
        "been so far: young points still have their time before them."
    )


def _of_liability(found: Ledger, worth: "pd.DataFrame | None", currency: str) -> str:
    there = plots.number(found.totals["outstanding"])
    if worth is None:
        return (
            f"Say what a point buys, **point_value** in opskit.toml: {there} points are outstanding, and what they are worth "
            "is in no account."
        )
    full, expected = (row for _, row in worth.iterrows())
    bounds = (
        f" ({plots.number(expected['low'])} to {plots.number(expected['high'])})"
        if expected["low"] == expected["low"]
        else ""
    )
    return (
        f"Set aside **{plots.money(expected['estimate'], currency)}**{bounds} for the {there} points outstanding; were all "
        f"redeemed, they would cost {plots.money(full['estimate'], currency)}."
    )


def _of_cost(costs: "pd.DataFrame") -> str:
    most, likely = (row for _, row in costs.iterrows())
    if likely["estimate"] != likely["estimate"]:
        return "What a year's points cost **cannot be told**: there was no revenue in the last 12 months."
    return (
        f"Price the programme at **{_told(likely)}** of revenue; {plots.percent(most['estimate'])} if every point came back. "
        "Whether it earns that, only customers without points can show."
    )


def _of_pace(periods: "pd.DataFrame") -> str:
    change = periods.iloc[2]
    if change["per_revenue"] != change["per_revenue"]:
        return "Whether points lose their hold **cannot be told** before two years of revenue and points are there."
    told = _told(change, "per_revenue")
    by = stats.verdict(change["low"], change["high"], at_least=0)
    return {
        "holds": f"Points are handed out **more freely**: {told} more per unit of revenue than a year before. Find out where.",
        "does not hold": f"Points are handed out **more sparingly**: {told} per unit of revenue against the year before.",
        "not enough data": f"Points keep their **pace**: the change per unit of revenue, {told}, may be chance.",
    }[by]


def _of_books(found: Ledger, checked: "pd.DataFrame | None") -> list[str]:
    lines: list[str] = []
    if found.totals["overdrawn"] > 0:
        lines.append(
            f"Look at the accounts **below zero**: {plots.number(found.totals['overdrawn'])} points were used or taken back "
            "that nobody had."
        )
    if checked is not None and len(checked):
        wrong = checked[checked["case"] != "agree"]
        if wrong["customers"].sum():
            gap = float(wrong["difference"].sum())
            way = "fewer" if gap < 0 else "more"
            lines.append(
                f"Mend the **expiry job**: for {plots.number(wrong['customers'].sum())} customers it posted other than what "
                f"lapsed, {plots.number(abs(gap))} points {way} in all."
            )
    return lines


def _of_rules(applied: Applied) -> str:
    if applied.rules.empty:
        return "Write down **rules** for what may earn points: `opskit template point_rules`."
    gone = float(applied.rules["removed_points"].sum())
    if not gone:
        return "The **rules** would take nothing away: keep them as a fence."
    most = applied.rules.sort_values("removed_points", ascending=False).iloc[0]
    name = "all behaviours" if most["behaviour"] == "*" else f"'{most['behaviour']}'"
    return (
        f'Put the **rules** in force: they would take {plots.number(gone)} points, most by "{most["rule"]}" for {name}. Tell '
        "customers first."
    )


def _of_suspects(listed: Suspects) -> str:
    count = int(listed.share["suspects"])
    if not count:
        return "**No account** stands out by how it earns; look again when the rules or the rewards change."
    several = int((listed.accounts["signals"] > 1).sum())
    more = f", {several} for more than one reason" if several else ""
    return (
        f"Have somebody **look at {count} accounts**{more}, before their next reward; they hold "
        f"{plots.percent(listed.share['points_share'])} of all points earned. Suspects, not culprits."
    )
