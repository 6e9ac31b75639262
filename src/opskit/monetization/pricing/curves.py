"""What a demand curve earns: revenue and profit by price, and which prices are as good as the best."""

from typing import TYPE_CHECKING, Any

from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FLAT = 0.95
"""Prices that earn at least this share of the best are as good as it."""
GOALS = ("demand", "revenue", "profit")


def earnings(curve: "pd.DataFrame", unit_cost: float) -> "pd.DataFrame":
    """Revenue and profit per customer beside the demand of a curve: price, demand, demand_low, demand_high.

    >>> import pandas as pd
    >>> row = pd.DataFrame({"price": [10.0], "demand": [0.5], "demand_low": [0.25], "demand_high": [0.75]})
    >>> earnings(row, unit_cost=4)[["revenue", "profit", "profit_low"]].values.tolist()
    [[5.0, 3.0, 1.5]]
    """
    found = curve.copy()
    for goal, kept in (("revenue", curve["price"]), ("profit", curve["price"] - unit_cost)):
        ends = curve[["demand_low", "demand_high"]].mul(kept, axis=0)
        found[goal] = curve["demand"] * kept
        found[f"{goal}_low"], found[f"{goal}_high"] = ends.min(axis=1), ends.max(axis=1)
    return found


def nearly_best(prices: "np.ndarray[Any, Any]", earned: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """Lowest and highest price that earn at least 95% of the best, and whether the best is the first or last price.

    >>> import numpy as np
    >>> nearly_best(np.array([1.0, 2, 3, 4]), np.array([5.0, 9.8, 10, 9]))
    {'flat_low': 2.0, 'flat_high': 3.0, 'at_edge': False}
    """
    good = prices[earned >= earned.max() - (1 - FLAT) * abs(earned.max())]
    return {
        "flat_low": float(good[0]),
        "flat_high": float(good[-1]),
        "at_edge": bool(earned.argmax() in {0, len(earned) - 1}),
    }


def expected(curve: "pd.DataFrame", *, price: float, customers: int = 100) -> "pd.DataFrame":
    """What a curve expects at one price, from so many customers.

    Args:
        curve: Of `gabor_granger` or `price_test`.
        price: Within the prices of the curve; between two of them the straight line counts.
        customers: How many customers see the price.

    Returns:
        name (demand, revenue, profit), estimate, low, high: one row each; nan outside the curve's prices.

    Raises:
        OpskitError: The price or the number of customers is not above 0.

    >>> import pandas as pd
    >>> row = {"price": [10.0, 20.0], "demand": [0.5, 0.3], "demand_low": [0.4, 0.2], "demand_high": [0.6, 0.4]}
    >>> expected(earnings(pd.DataFrame(row), unit_cost=5), price=15)[["name", "estimate"]].round(1).values.tolist()
    [['demand', 40.0], ['revenue', 550.0], ['profit', 350.0]]
    """
    import numpy as np
    import pandas as pd

    check(price, "price", gt=0)
    check(customers, "customers", gt=0)

    def at(column: str) -> float:
        return customers * float(np.interp(price, curve["price"], curve[column], left=np.nan, right=np.nan))

    rows = [(goal, at(goal), at(f"{goal}_low"), at(f"{goal}_high")) for goal in GOALS]
    return pd.DataFrame(rows, columns=["name", "estimate", "low", "high"])
