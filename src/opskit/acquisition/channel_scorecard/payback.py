"""When a channel's spend is back: margin by age over the spend on the same weeks."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.acquisition.channel_scorecard.cohorts import NO_ORDER, Cohorts
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID, weekly, with_totals
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd


class Payback(NamedTuple):
    """How much of the spend has come back by age, and the day on which all of it has."""

    curve: "pd.DataFrame"  # channel, day, signups, recovered, low, high
    days: "pd.DataFrame"  # channel, n, payback_day, low, high, observed_days, recovered, still_missing
    shape: "pd.DataFrame"  # day, margin: of all accounts, per sign-up


def payback(
    found: Cohorts, *, max_days: int = 360, min_signups: int = 30, min_blocks: int = 3, confidence: float = 0.95
) -> Payback:
    """Cumulative margin by days since sign-up, as a share of what was spent on these sign-ups.

    Each day of age counts the weeks of sign-up that have reached it, in margin and in spend alike; the curve adds up the
    days, so that every week counts for as long as it is observed.

    Args:
        found: Of `cohorts`.
        max_days: Last age to give.
        min_signups: Ages reached by fewer accounts are left out: they are not observable yet.
        min_blocks: And so are ages reached by fewer blocks of weeks.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``curve``: channel, day, signups (that old), recovered (margin over spend, cumulative), low, high; channels with
        spend only. ``days``: channel, n (sign-ups), payback_day (first day with recovered >= 1; missing where not reached
        within the ages observed), low, high (first day on which the upper and the lower bound reach 1), observed_days,
        recovered (by then), still_missing (share of spend not back by then; 0 once it is). ``shape``: day and
        cumulative margin per sign-up of all accounts, whether or not spend covers them.

    Raises:
        OpskitError: An option is out of range.

    Assumes newer accounts will earn at a given age what older ones earned at it.

    Source: mean cumulative function, Nelson (1988), "Graphical analysis of system repair data"; the interval leaves out
    blocks of weeks; that of the day reads the curve's band where it reaches 1, as Woodruff (1952).
    """
    import pandas as pd

    check(max_days, "max_days", ge=1)
    check(min_signups, "min_signups", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    spent = found._replace(cells=found.cells[found.cells["costed"] == 1])
    curves: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for channel, table in with_totals(weekly(spent)).groupby("channel", sort=False):
        if not table["spend"].sum() > 0:
            continue
        sums = _ages(spent, table, str(channel), max_days)
        curve = _curve(sums, min_signups, min_blocks, confidence)
        curves.append(curve.assign(channel=channel))
        rows.append({"channel": channel, "n": int(table["costed_signups"].sum()), **_day(curve)})
    columns = ["channel", "day", "signups", "recovered", "low", "high"]
    curve = pd.concat(curves)[columns].reset_index(drop=True) if curves else pd.DataFrame(columns=columns)
    ends = ["channel", "n", "payback_day", "low", "high", "observed_days", "recovered", "still_missing"]
    return Payback(curve, pd.DataFrame(rows, columns=ends), _shape(found, max_days, min_signups))


def _ages(found: Cohorts, table: "pd.DataFrame", channel: str, max_days: int) -> "pd.DataFrame":
    """Margin earned at each age and spend on the sign-ups that have reached it, by block of weeks."""
    import numpy as np
    import pandas as pd

    cells = found.cells
    if channel not in (ALL, PAID):
        cells = cells[cells["channel"] == channel]
    elif channel == PAID:
        cells = cells[cells["channel"].isin(found.daily.loc[found.daily["acquire"] > 0, "channel"])]
    blocks = table.groupby("week")["group"].first()
    reached = found.as_of - (7 * blocks.index.to_numpy() + 3)  # age of the week's Sunday
    per_week = table.groupby("week")[["spend", "costed_signups"]].sum()
    days = np.arange(max_days + 1)
    old = reached[:, None] >= days
    cells = cells[(cells["age"] != NO_ORDER) & (cells["age"] <= max_days)]
    cells = cells[cells["age"].to_numpy() <= found.as_of - (7 * cells["week"].to_numpy() + 3)]
    earned = np.zeros((len(blocks), len(days)))
    np.add.at(earned, (blocks.index.get_indexer(cells["week"]), cells["age"].to_numpy()), cells["margin"].to_numpy())
    parts = {
        "margin": earned,
        "spend": old * per_week["spend"].to_numpy()[:, None],
        "signups": old * per_week["costed_signups"].to_numpy()[:, None],
    }
    index = pd.MultiIndex.from_product([blocks.to_numpy(), days], names=["group", "day"])
    long = pd.DataFrame({name: part.ravel() for name, part in parts.items()}, index=index)
    return long.groupby(["group", "day"]).sum().reset_index()


def _curve(sums: "pd.DataFrame", min_signups: int, min_blocks: int, confidence: float) -> "pd.DataFrame":
    import numpy as np

    size = sums.groupby("day")["signups"].sum()
    blocks = (sums["spend"] > 0).groupby(sums["day"]).sum()
    enough = ((size >= min_signups) & (blocks >= min_blocks)).cummin()
    sums = sums[sums["day"].isin(size.index[enough])]
    if sums.empty:
        return sums.assign(recovered=0.0, low=0.0, high=0.0)

    def cumulated(totals: "pd.DataFrame") -> "pd.Series[float]":
        spend = totals["spend"].to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            return totals["margin"].div(np.where(spend > 1e-9, spend, np.nan)).cumsum()

    curve = stats.jackknife(sums[["group", "day", "margin", "spend"]], cumulated, keys=["day"], confidence=confidence)
    curve = curve.rename(columns={"estimate": "recovered"}).reset_index()
    return curve.assign(signups=size.loc[curve["day"]].to_numpy().astype(int))


def _day(curve: "pd.DataFrame") -> dict[str, Any]:
    """First day on which the curve and its bounds reach 1, and what is missing at the last one."""
    nothing = float("nan")
    if curve.empty:
        return dict.fromkeys(("payback_day", "low", "high", "recovered", "still_missing"), nothing) | {
            "observed_days": 0
        }
    reached = {name: curve["day"][curve[name] >= 1].min() for name in ("recovered", "low", "high")}
    last = curve.iloc[-1]
    missing = 0.0 if reached["recovered"] == reached["recovered"] else 1 - float(last["recovered"])
    return {
        "payback_day": reached["recovered"],
        "low": reached["high"],
        "high": reached["low"],
        "observed_days": int(last["day"]),
        "recovered": float(last["recovered"]),
        "still_missing": missing,
    }


def _shape(found: Cohorts, max_days: int, min_signups: int) -> "pd.DataFrame":
    """Cumulative margin per sign-up of all accounts by age, weeks counting as long as they are observed."""
    import numpy as np
    import pandas as pd

    cells = found.cells
    reached = found.as_of - (7 * cells["week"] + 3)
    days = np.arange(max_days + 1)
    size = cells.groupby(reached)["accounts"].sum()
    old = np.array([size[size.index >= day].sum() for day in days])
    seen = cells[(cells["age"] != NO_ORDER) & (cells["age"] <= reached)]
    earned = seen.groupby("age")["margin"].sum().reindex(days, fill_value=0.0).to_numpy()
    known = old >= min_signups
    margin = np.cumsum(earned[known] / old[known])
    return pd.DataFrame({"day": days[known], "margin": margin})
