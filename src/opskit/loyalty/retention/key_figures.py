"""The page's key figures: a row each, with interval, n and unit."""

from typing import TYPE_CHECKING

from opskit import customers
from opskit.loyalty.retention.repeat import Repeat
from opskit.loyalty.retention.staying import ALL, Staying
from opskit.loyalty.retention.stickiness import Stickiness

if TYPE_CHECKING:
    import pandas as pd

_VALUE = dict.fromkeys(("probability", "retained", "estimate", "survival", "stickiness", "quick_ratio"), "value")
_YEAR = 365  # days
_RULES = (
    "Second orders of the first 360 days that come within 60",
    "Stay after a first month without a further order",
    "Stay after a first month with a further order",
)


def key_figures(
    *,
    repeat: Repeat,
    curves: "pd.DataFrame",
    rhythm: customers.Rhythm,
    growth: "pd.DataFrame",
    claims: "pd.DataFrame",
    staying: Staying,
    sticky: Stickiness,
) -> "pd.DataFrame":
    """The figures that the page stands for.

    Args:
        repeat: From `repeat_probability`.
        curves: From `curves`, with day 180.
        rhythm: From `customers.rhythm`.
        growth: From `customers.growth_accounting`.
        claims: The claims of `repeat_probability`, `hazard` and `first_month`, in this order.
        staying: From `staying`, up to day 365.
        sticky: From `stickiness`.

    Returns:
        name, value, low, high, n, unit; a row per figure. What cannot be told yet is missing.
    """
    import pandas as pd

    first, days = repeat.by_order.head(1), repeat.by_order["horizon_days"].max()
    year = staying.groups[staying.groups["attribute"] == ALL].drop(columns=["attribute", "value"])
    year.loc[year["horizon_days"] < _YEAR, ["survival", "low", "high"]] = float("nan")
    by_180 = curves[(curves["kind"] == "rolling") & (curves["day"] == 180)]
    last = sticky.by_day[sticky.by_day["kind"] == "established"].tail(1)
    quick = growth[growth["complete"]].tail(1).filter(like="quick").rename(columns=_bare)
    parts = [
        (first, f"Order again within {days} days of the first order", "share"),
        (by_180, "Come back by day 180", "share"),
        (rhythm.interval.head(1), "Natural interval", "days"),
        (last, "Active in the last natural interval, of those active in four", "share"),
        (quick, "Quick ratio of the last whole month", "times"),
        *((claims.iloc[[place]], name, "share") for place, name in enumerate(_RULES, start=1)),
        (year, "Not lost by the end of the first year", "share"),
    ]
    rows = [
        part.rename(columns={**_VALUE, "customers": "n"}).assign(name=name, unit=unit) for part, name, unit in parts
    ]
    table = pd.concat(rows, ignore_index=True)[["name", "value", "low", "high", "n", "unit"]]
    return table.assign(n=table["n"].fillna(0).astype("int64"))


def _bare(column: str) -> str:
    return column.removeprefix("quick_ratio_")
