"""Elasticity from sales as they happened: prices that differ between units and change over time."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PERIODS = ("week", "month", "quarter")
FEWEST_UNITS, FEWEST_PERIODS = 3, 3
LEAST_VARIATION = 0.01
"""Standard deviation of the log price, about 1% of the price, below which nothing is left to learn from."""


class PricePanel(NamedTuple):
    """The elasticity with and without fixed effects, and what it rests on."""

    elasticity: "pd.DataFrame"  # method, estimate, low, high, n, cells, units, periods
    variation: "pd.DataFrame"  # step, log_price_sd, share_of_variance
    cells: "pd.DataFrame"  # unit, period, quantity, price, price_left
    coverage: "pd.DataFrame"  # status, cells, pieces
    unit: str
    period: str


def price_panel(
    sales: Any,
    *,
    as_of: dt.date,
    unit: str = "product_id",
    period: str = "week",
    clock: str = "sold_at",
    price: str = "price",
    quantity: str = "quantity",
    min_per_cell: float = 3,
    max_units: int = 100,
    confidence: float = 0.95,
) -> PricePanel:
    """Elasticity of units sold, comparing each unit with itself over time and each period with itself across units.

    Args:
        sales: Any engine's frame with a row per sale: unit, time, price of one piece and number of pieces. `booked_sales`
            and `line_sales` make it from the tables of the contract.
        as_of: Last day to count, inclusive.
        unit: Column of what has a price of its own: product, city, branch.
        period: "week" (from Monday), "month" or "quarter".
        clock: Column that says when.
        price: Column with the price of one piece.
        quantity: Column with the number of pieces; a row of 0 pieces tells a price at which nothing was sold.
        min_per_cell: Units, then periods, that sell fewer pieces than this a cell on average are left out, because a cell
            without sales shows no price, and leaving out only such cells would keep the lucky ones.
        max_units: The best-selling so many units enter.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``elasticity``: method ("unit and period fixed effects", "naive: all cells pooled"), estimate (percent of pieces per
        percent of price), low, high, n (pieces), cells, units, periods. ``variation``: step (all, within units, within
        units and periods), log_price_sd, share_of_variance: what is left of the price to learn from. ``cells``: unit,
        period (its first day), quantity, price (mean paid), price_left (log price less its fixed effects). ``coverage``:
        status (used, no sale, thin unit or period, not among the best-selling), cells, pieces.

    Raises:
        OpskitError: There are fewer than three units or periods that sell enough, or prices do not move apart.

    Assumes that what moves the price of one unit in one period, beyond what is constant in the unit and common to the
    period, has nothing to do with its demand then. A discount given where sales are weak, or a promotion that comes with
    advertising, breaks this. The mean price paid stands for the price of the cell.

    Source: Poisson pseudo-maximum likelihood with dummies, Santos Silva and Tenreyro (2006), "The log of gravity"; errors
        clustered by unit, Student's t with units - 1 degrees.

    >>> import pandas as pd
    >>> cities, quarters = {"A": 1, "B": 4, "C": 9}, pd.date_range("2024-01-01", periods=4, freq="QS")
    >>> rows = [
    ...     (c, q, p, size * 100 * (10 / p) ** 2)
    ...     for c, size in cities.items()
    ...     for q, p in zip(quarters, (10, 8, 10, 5))
    ... ]
    >>> sales = pd.DataFrame(rows, columns=["city", "sold_at", "price", "quantity"])
    >>> sales.loc[sales["city"] == "A", ["price", "quantity"]] = [[8, 156.25], [8, 156.25], [10, 100], [10, 100]]
    >>> found = price_panel(sales, as_of=dt.date(2024, 12, 31), unit="city", period="quarter")
    >>> found.elasticity["estimate"].round(2).iloc[0].item()
    -2.0
    """
    import numpy as np

    check(period, "period", among=PERIODS)
    check(min_per_cell, "min_per_cell", gt=0)
    check(max_units, "max_units", ge=FEWEST_UNITS)
    check(confidence, "confidence", gt=0, lt=1)
    lf = frames.lazy(sales, unit, clock, price, quantity, table="sales")
    table = frames.collect(_cells(lf, (unit, clock, price, quantity), period, frames.day_number(as_of)))
    cells, coverage = _thick(table.sort_values(["unit", "period"]), min_per_cell, max_units)
    if cells["unit"].nunique() < FEWEST_UNITS or cells["period"].nunique() < FEWEST_PERIODS:
        raise OpskitError(
            f"{cells['unit'].nunique()} values of {unit} and {cells['period'].nunique()} {period}s sell at least "
            f"{min_per_cell:g} pieces a cell, must be {FEWEST_UNITS} and {FEWEST_PERIODS}: choose a coarser unit or a longer "
            "period, or wait for more sales."
        )
    log_price = np.log(cells["price"].to_numpy())
    dummies = _dummies(cells)
    variation, left = _variation(cells, log_price, dummies)
    if variation["log_price_sd"].iloc[-1] < LEAST_VARIATION:
        raise OpskitError(
            f"prices of {unit}s do not move apart: {variation['log_price_sd'].iloc[-1]:.2%} of variation is left once what is "
            f"constant in each {unit} and common to each {period} is taken out. No elasticity can be read from these sales; "
            "a price test can tell."
        )
    elasticity = _elasticities(cells, log_price, dummies, confidence)
    starts = [_first_day(number, period) for number in cells["period"].astype(int).tolist()]
    return PricePanel(
        elasticity,
        variation,
        cells.assign(period=starts, price_left=left).reset_index(drop=True),
        coverage,
        unit,
        period,
    )


def _cells(lf: nw.LazyFrame[Any], columns: tuple[str, ...], period: str, day: int) -> nw.LazyFrame[Any]:
    """Pieces, money and a price by unit and period; rows without a price or a unit tell nothing."""
    unit, clock, price, quantity = columns
    number = (frames.epoch_day(clock) + 3) // 7  # 1970-01-01 was a Thursday
    if period != "week":
        number = frames.month_index(clock) // (1 if period == "month" else 3)
    pieces, each = nw.col(quantity).cast(nw.Float64), nw.col(price).cast(nw.Float64)
    return (
        lf.filter(~nw.col(unit).is_null() & (each > 0) & (pieces >= 0) & (frames.epoch_day(clock) <= day))
        .select(
            nw.col(unit).cast(nw.String).alias("unit"),
            number.alias("period"),
            pieces.alias("pieces"),
            (pieces * each).alias("money"),
            each.alias("each"),
        )
        .group_by("unit", "period")
        .agg(nw.col("pieces").sum().alias("quantity"), nw.col("money").sum(), nw.col("each").mean())
    )


def _thick(table: "pd.DataFrame", min_per_cell: float, max_units: int) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """The cells of units and periods that sell enough, with their price; and what became of the others."""
    import pandas as pd

    if table.empty:
        raise OpskitError("sales has no row with a unit, a price and a time up to as_of.")
    total = table.groupby("unit")["quantity"].sum().sort_values(ascending=False, kind="stable")
    best = table[table["unit"].isin(total.index[:max_units])]
    kept, before = best, -1
    while len(kept) != before:  # a period may become thin when units go, and the other way round
        before = len(kept)
        for axis, other in (("period", "unit"), ("unit", "period")):
            mean = kept.groupby(axis)["quantity"].sum() / max(kept[other].nunique(), 1)
            kept = kept[kept[axis].isin(mean.index[mean >= min_per_cell])]
    price = (kept["money"] / kept["quantity"]).where(kept["quantity"] > 0, kept["each"])
    empty = kept["unit"].nunique() * kept["period"].nunique() - len(kept)
    rows = [
        ("used", len(kept), kept["quantity"].sum()),
        ("no sale, so no price", empty, 0),
        ("thin unit or period", len(best) - len(kept), best["quantity"].sum() - kept["quantity"].sum()),
        ("not among the best-selling", len(table) - len(best), table["quantity"].sum() - best["quantity"].sum()),
    ]
    coverage = pd.DataFrame(rows, columns=["status", "cells", "pieces"])
    return kept.assign(price=price)[["unit", "period", "quantity", "price"]], coverage


def _dummies(cells: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """A column per unit and, but for the first, per period."""
    import numpy as np
    import pandas as pd

    parts = [pd.get_dummies(cells["unit"], dtype=float), pd.get_dummies(cells["period"], dtype=float).iloc[:, 1:]]
    return np.hstack([part.to_numpy() for part in parts])


def _variation(
    cells: "pd.DataFrame", log_price: "np.ndarray[Any, Any]", dummies: "np.ndarray[Any, Any]"
) -> "tuple[pd.DataFrame, np.ndarray[Any, Any]]":
    """How much the log price varies before and after what is constant and what is common is taken out."""
    import numpy as np
    import pandas as pd

    units = cells["unit"].nunique()
    steps = {
        "all cells": (log_price - log_price.mean(), 1),
        "within units": (_residual(dummies[:, :units], log_price), units),
        "within units and periods": (_residual(dummies, log_price), dummies.shape[1]),
    }
    free = {name: max(len(log_price) - used, 1) for name, (_, used) in steps.items()}
    sd = np.array([np.sqrt((values**2).sum() / free[name]) for name, (values, _) in steps.items()])
    share = np.array([(values**2).sum() for values, _ in steps.values()])
    table = pd.DataFrame({"step": list(steps), "log_price_sd": sd, "share_of_variance": share / max(share[0], 1e-300)})
    return table, steps["within units and periods"][0]


def _residual(dummies: "np.ndarray[Any, Any]", values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    return values - dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0]


def _elasticities(
    cells: "pd.DataFrame", log_price: "np.ndarray[Any, Any]", dummies: "np.ndarray[Any, Any]", confidence: float
) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    units, periods = cells["unit"].nunique(), cells["period"].nunique()
    groups = pd.factorize(cells["unit"])[0]
    designs = {"unit and period fixed effects": dummies, "naive: all cells pooled": np.ones((len(cells), 1))}
    rows: list[dict[str, Any]] = []
    for method, design in designs.items():
        x = np.column_stack([log_price - log_price.mean(), design])
        model = sm.GLM(cells["quantity"].to_numpy(float), x, family=sm.families.Poisson())
        fit = model.fit(method="newton", cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        low, high = fit.conf_int(alpha=1 - confidence)[0]
        counts = {"n": int(cells["quantity"].sum()), "cells": len(cells), "units": units, "periods": periods}
        rows.append({"method": method, "estimate": fit.params[0], "low": low, "high": high, **counts})
    return pd.DataFrame(rows)


def _first_day(number: int, period: str) -> "pd.Timestamp":
    import pandas as pd

    if period == "week":
        return pd.Timestamp(1970, 1, 1) + pd.Timedelta(days=7 * number - 3)
    month = number * (1 if period == "month" else 3)
    return pd.Timestamp(month // 12, month % 12 + 1, 1)
