"""What changed: the change of net revenue between two periods, split exactly into what moved it."""

from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError
from opskit.stats import contributions, jackknife

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DRIVERS = ("buyers", "orders per buyer", "value per order")


def drivers(periods: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Split the change of net revenue into buyers, orders per buyer and value per order, new and returning apart.

    Net revenue is, for either segment, buyers x orders per buyer x net revenue per order. The log-mean Divisia index
    gives each factor the part L(before, after) * ln(factor after / factor before), where L is the logarithmic mean of
    the segment's revenue; the parts add up to the change exactly, and the order of the factors plays no role.

    Args:
        periods: Of ``period_totals``, holding both periods.
        confidence: Coverage of the intervals.

    Returns:
        segment (new and returning, or all where new buyers are not known; total), driver, before, after (the factor's level), contribution, low, high (in money)
        and n (buyers of both periods together). The last row is the total: net revenue and its change.

    Raises:
        OpskitError: The period before is not in the orders.

    Assumes nothing about causes: the parts say where the change sits, not why. Where a segment is empty in one period
    its change counts as buyers; where its net revenue is not positive, the value per order gets its part at the mean
    number of orders.

    Source: Ang (2005), "The LMDI approach to decomposition analysis", Energy Policy 33.
    """
    import pandas as pd

    if set(periods["period"]) != {"before", "after"}:
        raise OpskitError(
            "periods has no rows before: the orders do not reach back that far. "
            "Choose fewer months or against='previous'."
        )
    segments = ("new", "returning") if periods["new_known"].all() else ("all",)
    rows = [(segment, driver) for segment in segments for driver in DRIVERS] + [("total", "net revenue")]
    index = pd.MultiIndex.from_tuples(rows, names=["segment", "driver"])

    def parts(sums: "pd.DataFrame") -> "pd.Series[float]":
        split = [part for segment in segments for part in contributions(*_levels(sums, segment))]
        return pd.Series([*split, float(sums["net_revenue"].loc[["before", "after"]].diff().iloc[-1])], index=index)

    sums = periods.drop(columns=["start", "end", "new_known"])
    table = jackknife(sums, parts, keys=["period"], confidence=confidence)
    total = sums.drop(columns="group").groupby("period").sum()
    levels = [_factors(*_levels(total, segment)) for segment in segments]
    revenue = total["net_revenue"]
    table.insert(0, "before", [x for before, _ in levels for x in before] + [revenue["before"]])
    table.insert(1, "after", [x for _, after in levels for x in after] + [revenue["after"]])
    table["n"] = int(total["buyers"].sum())
    return table.reset_index().rename(columns={"estimate": "contribution"})


def leading_driver(drivers: "pd.DataFrame") -> "pd.Series":
    """The part that moved net revenue most in the direction of the change; of no change, the largest part.

    Args:
        drivers: Of ``overview.drivers``.
    """
    change, parts = drivers.iloc[-1]["contribution"], drivers.iloc[:-1]
    toward = parts["contribution"] * (1 if change >= 0 else -1)
    return parts.loc[toward.idxmax()]


def _levels(sums: "pd.DataFrame", segment: str) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Buyers, orders and net revenue of a segment before and after."""
    new = sums[["new_buyers", "new_orders", "new_net_revenue"]].to_numpy(dtype=float)
    every = sums[["buyers", "orders", "net_revenue"]].to_numpy(dtype=float)
    levels = {"new": new, "returning": every - new, "all": every}[segment]
    at = {period: position for position, period in enumerate(sums.index)}
    return levels[at["before"]], levels[at["after"]]


def _factors(before: Any, after: Any) -> tuple[list[float], list[float]]:
    nan = float("nan")

    def factors(buyers: float, orders: float, revenue: float) -> list[float]:
        return [buyers, orders / buyers if buyers else nan, revenue / orders if orders else nan]

    return factors(*before), factors(*after)
