"""How long it takes to come to each stage for the first time, those still on the way counted as such."""

from typing import TYPE_CHECKING, NamedTuple

from opskit import stats
from opskit.errors import check
from opskit.loyalty.stages.rules import STAGES

if TYPE_CHECKING:
    import pandas as pd

    from opskit.loyalty.stages.panel import Panel

_LEAST_FOLLOWED = 10  # beyond this few still followed a curve is one or two customers' luck


class Times(NamedTuple):
    """Months until each stage or a higher one."""

    table: "pd.DataFrame"  # stage, n, reached, months, share, low, high, median
    curves: "pd.DataFrame"  # stage, months, at_risk, share, low, high


def times(panel: "Panel", *, at_months: tuple[int, ...] = (3, 6, 12), confidence: float = 0.95) -> Times:
    """Share of customers who have come to each stage or higher by so many months after their first one.

    Args:
        panel: What `panel` gives.
        at_months: Months to give in the table.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``table``, a row per stage above none and number of months: stage, n (customers), reached (so far), months, share
        (by then; missing beyond the end of the curve), low, high, median (months by which half of all customers have come
        there; missing where fewer have). ``curves``: stage, months, at_risk, share, low, high; month 0 is that of the
        sign-up; a curve ends where fewer than 10 are still followed.

    Raises:
        OpskitError: An option is out of range.

    Assumes that customers followed shorter are like those followed longer. A stage lost again still counts as reached.

    Source: Kaplan & Meier (1958); log-log interval.
    """
    import pandas as pd

    for months in at_months:
        check(months, "at_months", ge=0)
    rows: list[dict[str, object]] = []
    curves: list[pd.DataFrame] = []
    for place, stage in enumerate(STAGES[1:], start=1):
        durations = _durations(panel, place)
        n, reached = int(durations["n"].sum()), int(durations.loc[durations["event"], "n"].sum())
        curve = _curve(durations, confidence)
        half = curve.loc[curve["share"] >= 0.5, "months"]
        median = float(half.iloc[0]) if len(half) else float("nan")
        for months in at_months:
            by_then = curve[curve["months"] <= months]
            known = len(by_then) > 0 and curve["months"].iloc[-1] >= months
            ends = by_then[["share", "low", "high"]].iloc[-1] if known else {}
            figures = {name: float(ends[name]) if known else float("nan") for name in ("share", "low", "high")}
            rows.append({"stage": stage, "n": n, "reached": reached, "months": months, **figures, "median": median})
        curves.append(curve.assign(stage=stage))
    columns = ["stage", "months", "at_risk", "share", "low", "high"]
    return Times(pd.DataFrame(rows), pd.concat(curves, ignore_index=True)[columns])


def _durations(panel: "Panel", place: int) -> "pd.DataFrame":
    """Months from the first to the first at the stage or higher, or to the last month that is counted."""
    import pandas as pd

    rises = panel.moves[panel.moves["entry"] >= 0]
    came = rises.loc[rises["before"] == -1].groupby("entry")["customers"].sum()
    first = rises[(rises["stage"] >= place) & (rises["peak"] < place)]
    cells = first.groupby(["entry", "month"])["customers"].sum().reset_index()
    ended = pd.DataFrame({"time": cells["month"] - cells["entry"], "n": cells["customers"], "event": True})
    waiting = came.sub(cells.groupby("entry")["customers"].sum(), fill_value=0).reset_index()
    still = pd.DataFrame(
        {"time": len(panel.months) - 1 - waiting["entry"], "n": waiting["customers"].astype(int), "event": False}
    )
    return pd.concat([ended, still[still["n"] > 0]], ignore_index=True)


def _curve(durations: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import pandas as pd

    table = stats.survival(durations, confidence=confidence)
    censored = table["at_risk"].iloc[0] - table["at_risk"] - table["events"].cumsum().shift(fill_value=0)
    table = table[(table["at_risk"] >= _LEAST_FOLLOWED) | (censored == 0)]
    shares = {"share": 1 - table["survival"], "low": 1 - table["high"], "high": 1 - table["low"]}
    return pd.DataFrame({"months": table["time"], "at_risk": table["at_risk"], **shares}).reset_index(drop=True)
