"""What a replay says of levels: members at each, moves between them, times to them, room at the top."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.replay import NOBODY, Replay

if TYPE_CHECKING:
    import pandas as pd


_FLOWS = ("before", "stayed", "rose", "fell", "new", "from_below", "from_above", "members")


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
    table = n.reset_index().melt(id_vars="month", var_name="place", value_name="n")
    table = table.sort_values(["month", "place"], ignore_index=True).astype({"place": int})
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
    months = sorted(rows["month"].unique())
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
        counts = {key: part.groupby("month")["n"].sum().reindex(months, fill_value=0) for key, part in parts.items()}
        tables.append(pd.DataFrame(counts).rename_axis("month").reset_index().assign(level=name, place=place))
    table = pd.concat(tables).sort_values(["month", "place"], ignore_index=True)
    return table.assign(month=_first_days(table["month"]))[["month", "level", "place", *_FLOWS]]


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


def at_thresholds(values: "pd.DataFrame", design: Design, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Members at each level of a design, read from how many hold which growth value: no row of data is looked at again.

    Args:
        values: From `histogram`.
        design: A design of the same window, its thresholds known.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        level, at (growth value from which on), n, members, share, low, high.

    >>> import pandas as pd
    >>> from opskit.incentives.level_system import read, template
    >>> design = read(template()).at([10, 20, 30])
    >>> at_thresholds(pd.DataFrame({"value": [0, 10, 25], "n": [6, 3, 1]}), design)["n"].tolist()
    [6, 3, 1, 0]
    """
    import numpy as np
    import pandas as pd

    edges = np.array(design.thresholds)
    place = np.searchsorted(edges, values["value"], side="right") - 1
    n = np.bincount(place, weights=values["n"], minlength=len(edges)).astype(int)
    low, high = stats.wilson(n, np.full(len(n), n.sum()), confidence=confidence)
    table = {"level": design.names, "at": edges, "n": n, "members": n.sum(), "share": n / n.sum()}
    return pd.DataFrame({**table, "low": low, "high": high})


def headroom(values: "pd.DataFrame", design: Design, *, confidence: float = 0.95) -> "pd.Series[Any]":
    """Members at the top level who hold twice what it takes: the ladder has ended for them.

    Args:
        values: From `histogram`.
        design: A design of the same window, its thresholds known.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        level, at, n (members at it), beyond (of them), share (missing where nobody is there), low, high.
    """
    import pandas as pd

    at = design.thresholds[-1]
    n = int(values.loc[values["value"] >= at, "n"].sum())
    beyond = int(values.loc[values["value"] >= 2 * at, "n"].sum())
    low, high = stats.wilson([beyond], [n], confidence=confidence)
    share = beyond / n if n else float("nan")
    row = {"level": design.names[-1], "at": at, "n": n, "beyond": beyond, "share": share}
    return pd.Series({**row, "low": low[0], "high": high[0]})


def _first_days(months: "pd.Series[Any]") -> Any:
    import pandas as pd

    return pd.to_datetime({"year": months // 12, "month": months % 12 + 1, "day": 1})
