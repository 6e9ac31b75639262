"""What a replay costs and gives: benefits, first steps, falls, as ratios of sums over customers with their intervals."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.incentives.level_system.replay import NOBODY, YEAR, Replay

if TYPE_CHECKING:
    import pandas as pd


def benefit_costs(found: Replay) -> "pd.DataFrame":
    """What each benefit would have cost in the last year.

    Returns:
        benefit, level (from which up), drive, shows, member_months (with it), revenue (of its members in these months),
        cost, share (of all cost).
    """
    import pandas as pd

    held, spent = _member_months(found), _spent(found)
    rows: list[tuple[Any, ...]] = []
    for benefit in found.design.benefits:
        place = found.design.names.index(benefit.level)
        months, revenue = float(held.iloc[:, place:].sum().sum()), float(spent.iloc[:, place:].sum().sum())
        cost = months * benefit.cost * benefit.uses_per_month + revenue * benefit.revenue_share
        rows.append((benefit.name, benefit.level, benefit.drive, benefit.shows, months, revenue, cost))
    columns = ["benefit", "level", "drive", "shows", "member_months", "revenue", "cost"]
    table = pd.DataFrame(rows, columns=columns)
    whole = table["cost"].sum()
    return table.assign(share=table["cost"] / whole if whole else float("nan"))


def money_told(found: Replay) -> str:
    """What the cost is held against, in words."""
    totals = found.totals[["money", "revenue"]].sum()
    share = totals["money"] / totals["revenue"] if totals["revenue"] > 0 else float("nan")
    return found.growth.told.format(share=share)


RATIOS = {
    "cost over margin": ("cost", "money"),
    "cost over revenue": ("cost", "revenue"),
    "earned by the core business": ("core", "growth"),
    "fall a month, of those above": ("fell", "above"),
    "worth of the first step, of spend": ("worth", "spend"),
}
"""Ratios of sums over customers, whose intervals come from leaving out groups of them."""
FIRST_STEP = "reach the first step in time"


def sums(found: Replay) -> "pd.DataFrame":
    """What every ratio is made of, by group of customers.

    Returns:
        group; members; at_<level>, members at each level at the end; mature and reached (the first step in time); above
        and fell (member-months above the lowest level and falls in the last year); cost, money, revenue (of all members),
        worth and spend (at the first step) of the last year; growth and core, ever.
    """
    table = found.totals.set_index("group").copy()
    last = found.moves[found.moves["month"] == found.moves["month"].max()]
    for place, name in enumerate(found.design.names):
        table[f"at_{name}"] = last[last["level"] == place].groupby("group")["n"].sum()
    first = found.reached[(found.reached["level"] == 1) & found.reached["mature"]]
    in_time = first[first["event"] & (first["time"] <= found.design.goals.first_step_days)]
    table["mature"], table["reached"] = first.groupby("group")["n"].sum(), in_time.groupby("group")["n"].sum()
    moves = found.moves[(found.moves["month"] > found.growth.last_month - YEAR) & (found.moves["before"] > 0)]
    table["above"] = moves.groupby("group")["n"].sum()
    table["fell"] = moves[moves["level"] < moves["before"]].groupby("group")["n"].sum()
    held, spent = _member_months(found), _spent(found)
    table["cost"], table["worth"] = 0.0, 0.0
    for benefit in found.design.benefits:
        place = found.design.names.index(benefit.level)
        months, revenue = held.iloc[:, place:].sum(axis=1), spent.iloc[:, place:].sum(axis=1)
        cost = months * benefit.cost * benefit.uses_per_month + revenue * benefit.revenue_share
        table["cost"] = table["cost"].add(cost, fill_value=0.0)
        if place <= 1:
            worth = benefit.cost if benefit.worth is None else benefit.worth
            part = held[1] * worth * benefit.uses_per_month + spent[1] * benefit.revenue_share
            table["worth"] = table["worth"].add(part, fill_value=0.0)
    table["spend"] = spent[1]
    return table.fillna(0.0).reset_index()


def ratios(found: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """The design's figures: what it gives and takes.

    Returns:
        figure, estimate, low, high, n: share at each level and of those who reach the first step in time (n: members and
        members old enough; Wilson), then the ratios of RATIOS (n: members; customers left out in groups). Missing where
        there is nothing to divide by.
    """
    import pandas as pd

    table = sums(found)
    total = table.sum()
    counts = [(f"at {name}", total[f"at_{name}"], total["members"]) for name in found.design.names]
    counts.append((FIRST_STEP, total["reached"], total["mature"]))
    names, part, whole = zip(*counts, strict=True)
    low, high = stats.wilson(part, whole, confidence=confidence)
    share = pd.Series(part) / pd.Series(whole).where(pd.Series(whole) > 0)
    one = pd.DataFrame({"figure": names, "estimate": share, "low": low, "high": high, "n": whole})
    more = stats.jackknife(table, _of, confidence=confidence).reset_index(drop=True)
    more.insert(0, "figure", list(RATIOS))
    more["low"] = more["low"].clip(lower=0.0)
    more = more[more["figure"].isin(known_ratios(found))]
    return pd.concat([one, more.assign(n=total["members"])], ignore_index=True).astype({"n": int})


def known_ratios(found: Replay) -> dict[str, tuple[str, str]]:
    """RATIOS, without the one over margin where there is none."""
    return {name: pair for name, pair in RATIOS.items() if found.growth.has_margin or pair[1] != "money"}


def cost_figure(found: Replay) -> str:
    """What the cost of benefits is held against: margin, or revenue where there is none."""
    return "cost over margin" if found.growth.has_margin else "cost over revenue"


def _of(total: "pd.DataFrame") -> "pd.Series[Any]":
    import pandas as pd

    row = total.iloc[0]
    values = [row[a] / row[b] if row[b] > 0 else float("nan") for a, b in RATIOS.values()]
    return pd.Series(values, dtype=float)


def _member_months(found: Replay) -> "pd.DataFrame":
    """Months of the last year that each group's members begin at each level: group x place."""
    moves = found.moves[(found.moves["month"] > found.growth.last_month - YEAR) & (found.moves["before"] != NOBODY)]
    return _by_place(found, moves, "before", "n")


def _spent(found: Replay) -> "pd.DataFrame":
    """Revenue of the last year by the level held when the month begins: group x place."""
    return _by_place(found, found.spending, "level", "revenue")


def _by_place(found: Replay, rows: "pd.DataFrame", place: str, value: str) -> "pd.DataFrame":
    table = rows.groupby(["group", place])[value].sum().unstack()
    columns = range(len(found.design.levels))
    return table.reindex(index=found.totals["group"], columns=columns).fillna(0.0)
