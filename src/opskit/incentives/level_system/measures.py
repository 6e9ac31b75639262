"""What a replay says: shares, moves, times to a level, first step, cost of benefits, each with its interval."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.incentives.level_system.replay import NOBODY, YEAR, Replay

if TYPE_CHECKING:
    import pandas as pd


def shares(found: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Members at each level at the end of each month.

    Args:
        found: From `replay`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        month (its first day), level, place, n (members at it), members (in all), share, low, high; shares of a month add up
        to 1.
    """
    import pandas as pd

    levels = range(len(found.design.levels))
    n = found.moves.groupby(["month", "level"])["n"].sum().unstack(fill_value=0).reindex(columns=levels, fill_value=0)
    table = n.stack().rename("n").reset_index().rename(columns={"level": "place"})
    table["members"] = table.groupby("month")["n"].transform("sum")
    low, high = stats.wilson(table["n"], table["members"], confidence=confidence)
    names = pd.Series(found.design.names)
    return table.assign(
        month=_first_days(table["month"]),
        level=table["place"].map(names),
        share=table["n"] / table["members"],
        low=low,
        high=high,
    )[["month", "level", "place", "n", "members", "share", "low", "high"]]


def flows(found: Replay) -> "pd.DataFrame":
    """Where each month's members of a level came from, and where those of the month before went.

    Returns:
        month (its first day), level, place, before (members at the end of the month before) = stayed + rose + fell; members
        (at its end) = stayed + new + from_below + from_above.
    """
    import pandas as pd

    rows = found.moves.groupby(["month", "before", "level"], as_index=False)["n"].sum()
    tables: list[pd.DataFrame] = []
    for place, name in enumerate(found.design.names):
        out, into = rows[rows["before"] == place], rows[rows["level"] == place]
        parts = {
            "before": out,
            "stayed": out[out["level"] == place],
            "rose": out[out["level"] > place],
            "fell": out[out["level"] < place],
            "new": into[into["before"] == NOBODY],
            "from_below": into[(into["before"] != NOBODY) & (into["before"] < place)],
            "from_above": into[into["before"] > place],
            "members": into,
        }
        months = sorted(rows["month"].unique())
        counts = {key: part.groupby("month")["n"].sum().reindex(months, fill_value=0) for key, part in parts.items()}
        tables.append(pd.DataFrame(counts).rename_axis("month").reset_index().assign(level=name, place=place))
    table = pd.concat(tables).sort_values(["month", "place"], ignore_index=True)
    return table.assign(month=_first_days(table["month"]))[["month", "level", "place", *parts]]


def demotions(found: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Members above the lowest level who fall, by month.

    Returns:
        month (its first day), above (members above the lowest level when it begins), fell, share (missing where nobody
        is above), low, high.
    """
    table = flows(found)
    table = table[table["place"] > 0].groupby("month", as_index=False)[["before", "fell"]].sum()
    low, high = stats.wilson(table["fell"], table["before"], confidence=confidence)
    share = table["fell"] / table["before"].where(table["before"] > 0)
    return table.rename(columns={"before": "above"}).assign(share=share, low=low, high=high)


def times(found: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of members who have reached each level by so many days after their first action that counts.

    Returns:
        level, place, days, at_risk, reached, low, high; followed as long as nothing has begun to lapse, and members with
        less time behind them as long as theirs (Kaplan-Meier). Days on which fewer than 30 are followed are left out.
    """
    import pandas as pd

    tables: list[pd.DataFrame] = []
    for place, part in found.reached.groupby("level"):
        curve = stats.survival(part, confidence=confidence)
        curve = curve[curve["at_risk"] >= 30]
        tables.append(
            pd.DataFrame(
                {
                    "level": found.design.names[int(str(place))],
                    "place": place,
                    "days": curve["time"],
                    "at_risk": curve["at_risk"],
                    "reached": 1 - curve["survival"],
                    "low": 1 - curve["high"],
                    "high": 1 - curve["low"],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def times_at(curves: "pd.DataFrame", days: tuple[int, ...] = (30, 90, 180, 330)) -> "pd.DataFrame":
    """`times` read at some days: level, days, reached, low, high; missing where members are not followed so long."""
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for level, part in curves.groupby("level", sort=False):
        for day in days:
            known = part[part["days"] <= day]
            ok = len(known) and part["days"].max() >= day
            values = known[["reached", "low", "high"]].iloc[-1] if ok else [float("nan")] * 3
            rows.append((level, day, *values))
    return pd.DataFrame(rows, columns=["level", "days", "reached", "low", "high"])


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


RATIOS = {
    "cost over money": ("cost", "money"),
    "cost over revenue": ("cost", "revenue"),
    "growth value from the core business": ("core", "growth"),
    "fall a month, of members above the lowest level": ("fell", "above"),
    "worth of the first step's benefits over spend": ("worth", "spend"),
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
    return pd.concat([one, more.assign(n=total["members"])], ignore_index=True).astype({"n": int})


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
    table = rows.groupby(["group", place])[value].sum().unstack(fill_value=0.0)
    return table.reindex(index=found.totals["group"], columns=range(len(found.design.levels)), fill_value=0.0)


def _first_days(months: "pd.Series[Any]") -> Any:
    import pandas as pd

    return pd.to_datetime({"year": months // 12, "month": months % 12 + 1, "day": 1})
