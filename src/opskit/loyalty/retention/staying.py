"""Who stays longer: survival until the first long silence, for each value of an attribute."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, check
from opskit.loyalty.retention.differences import between_pairs, between_values

if TYPE_CHECKING:
    import pandas as pd

ALL, NONE, OTHER = "(all)", "(none)", "(other)"
_NEVER = 10**9  # a day that no data reach
_LEAST_FOLLOWED = 10  # beyond this few still followed a curve is one or two customers' luck


class Staying(NamedTuple):
    """Survival by the values of attributes, and which of them differ by more than chance."""

    curves: "pd.DataFrame"  # attribute, value, days, at_risk, survival, low, high
    groups: "pd.DataFrame"  # attribute, value, customers, ended, small, horizon_days, survival, low, high
    tests: "pd.DataFrame"  # attribute, values, n, chi_square, degrees, p, p_adjusted, differs
    pairs: "pd.DataFrame"  # attribute, value, other, difference, low, high, n, p, p_adjusted, differs


def staying(
    orders: Any,
    attributes: Any = None,
    *,
    as_of: dt.date,
    by: Sequence[str] = (),
    silence_days: int = 180,
    horizon_days: int = 365,
    max_values: int = 8,
    min_customers: int = 50,
    confidence: float = 0.95,
) -> Staying:
    """Share of customers not lost so far, by days since the first order.

    Nobody cancels a shop. So a customer is called lost on the day on which, for the first time, more than silence_days
    have passed without an order; whoever has not been silent that long by as_of is followed up to as_of and called
    nothing. Coming back later undoes nothing: the curve is the share never lost so far.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        attributes: Frame of the same engine with customer_id and the attributes, one row per customer.
        as_of: Last day to count, inclusive.
        by: Attributes, such as channel and region. Customers without one have the value ``(none)``.
        silence_days: Longest silence of a customer who is not lost, such as three natural intervals.
        horizon_days: Day at which values are compared. The data may support less: it is cut to the last day on which 10
            of all customers are still followed, and the figure used is returned.
        max_values: The largest so many values stay apart; the others make ``(other)``.
        min_customers: A value with fewer is marked small and left out of the tests.
        confidence: Coverage of the intervals, and 1 - confidence is the chance that any attribute is said to differ
            although none does.

    Returns:
        ``curves`` and ``groups``: the attribute ``(all)``, everybody together, comes first; survival at the horizon is
        missing where fewer than 10 customers of the value are followed that long. ``tests``: log-rank test over the
        values of each attribute; p_adjusted (Holm, over the attributes); differs. ``pairs``: only of attributes that
        differ, every two values: difference of survival at the horizon, low, high, n; log-rank p, p_adjusted (Holm,
        over the attribute's pairs), differs.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, an attribute is missing,
            the frames are of different kinds, or there are no rows.

    Assumes customers are independent, and that those who came late stay like those who came early: whoever is followed
    shorter is replaced by who is followed longer. A difference between values is one between kinds of customer; moving
    somebody from one to the other need not change anything.

    Source: Kaplan & Meier (1958), log-log interval; log-rank test of Mantel (1966); Holm (1979); the interval of a
    difference from those of its two parts, Zou & Donner (2008).

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01"] * 20 + ["2024-02-01"] * 5)
    >>> orders = pd.DataFrame({"customer_id": [*range(20), *range(5)], "ordered_at": days})
    >>> found = staying(orders, as_of=dt.date(2024, 3, 31), silence_days=60)
    >>> found.groups[["value", "customers", "ended", "survival"]]
       value  customers  ended  survival
    0  (all)         20     15      0.25
    """
    import pandas as pd

    check(silence_days, "silence_days", ge=1)
    check(horizon_days, "horizon_days", ge=1)
    check(max_values, "max_values", ge=2)
    check(min_customers, "min_customers", ge=1)
    counted = _counted(_durations(orders, as_of, silence_days), attributes, by)
    everybody = counted.groupby(["time", "event"], as_index=False)[["n"]].sum()
    horizon = min(horizon_days, _last_day(_supported(stats.survival(everybody, confidence=confidence))))
    cells = {ALL: everybody.assign(value=ALL)} | {name: _by_value(counted, name, max_values) for name in by}
    curves: list[pd.DataFrame] = []
    groups: list[dict[str, Any]] = []
    for attribute, every in cells.items():
        for value in every["value"].unique():
            mine = every[every["value"] == value]
            curve = _supported(stats.survival(mine, confidence=confidence))
            curves.append(curve.assign(attribute=attribute, value=value))
            group = _group(mine, curve, horizon, min_customers)
            groups.append({"attribute": attribute, "value": value, **group})
    large = {name: cells[name][cells[name].groupby("value")["n"].transform("sum") >= min_customers] for name in by}
    table = pd.DataFrame(groups)
    tests = between_values(large, confidence=confidence)
    pairs = between_pairs(large, tests, table, confidence=confidence)
    order = ["attribute", "value", "days", "at_risk", "survival", "low", "high"]
    return Staying(pd.concat(curves, ignore_index=True).rename(columns={"time": "days"})[order], table, tests, pairs)


def _durations(orders: Any, as_of: dt.date, silence_days: int) -> nw.LazyFrame[Any]:
    """customer_id, time (days from the first order), event (whether the customer was lost then)."""
    silent = nw.when(nw.col("days") > silence_days).then(nw.col("day")).otherwise(nw.lit(_NEVER))
    lost = nw.col("silent") < _NEVER
    until_lost, so_far = nw.col("silent") + silence_days + 1, nw.lit(frames.day_number(as_of))
    return (
        customers.gaps(orders, as_of=as_of)
        .with_columns(silent.alias("silent"))
        .group_by("customer_id")
        .agg(nw.col("day").min().alias("first"), nw.col("silent").min())
        .select(
            "customer_id",
            (nw.when(lost).then(until_lost).otherwise(so_far) - nw.col("first")).alias("time"),
            lost.alias("event"),
        )
    )


def _counted(durations: nw.LazyFrame[Any], attributes: Any, by: Sequence[str]) -> "pd.DataFrame":
    """Customers by the attributes' values, time and outcome."""
    if by:
        known = frames.lazy(attributes, "customer_id", *by, table="customers")
        if known.implementation != durations.implementation:
            raise OpskitError(
                f"attributes are a {known.implementation.value} frame and the orders a "
                f"{durations.implementation.value} one; both must be of one kind."
            )
        values = known.select("customer_id", *(nw.col(name).cast(nw.String) for name in by))
        durations = durations.join(values, on="customer_id", how="left")
    return frames.collect(durations.group_by(*by, "time", "event").agg(nw.len().alias("n")))


def _by_value(counted: "pd.DataFrame", attribute: str, max_values: int) -> "pd.DataFrame":
    """value, time, event, n for one attribute; the largest value first."""
    value = counted[attribute].astype(object).where(counted[attribute].notna(), NONE)
    size = counted["n"].groupby(value).sum()
    ranked = sorted(size.index, key=lambda name: (-size[name], str(name)))
    kept = ranked if len(ranked) <= max_values else ranked[: max_values - 1]
    cells = counted.assign(value=value.where(value.isin(kept), OTHER), place=value.map(ranked.index))
    return (
        cells.groupby(["value", "time", "event"], as_index=False)[["n", "place"]]
        .agg({"n": "sum", "place": "min"})
        .sort_values("place", ignore_index=True)
    )


def _supported(curve: "pd.DataFrame") -> "pd.DataFrame":
    return curve[curve["at_risk"] >= _LEAST_FOLLOWED]


def _last_day(curve: "pd.DataFrame") -> float:
    """Last day that the curve tells about: where all are lost, nothing more can happen."""
    if curve.empty:
        return 0.0
    return float("inf") if curve["survival"].iloc[-1] == 0 else float(curve["time"].iloc[-1])


def _group(cells: "pd.DataFrame", curve: "pd.DataFrame", horizon: float, min_customers: int) -> dict[str, Any]:
    """One value's customers, and the share surviving the horizon."""
    n = int(cells["n"].sum())
    names = ["survival", "low", "high"]
    figures = [1.0 if 0 < horizon <= _last_day(curve) else float("nan")] * 3
    before = curve[curve["time"] <= horizon]
    if figures[0] == 1 and len(before):
        figures = before[names].iloc[-1].tolist()
    ended = int(cells.loc[cells["event"].astype(bool), "n"].sum())
    counts = {"customers": n, "ended": ended, "small": n < min_customers, "horizon_days": horizon}
    return counts | dict(zip(names, figures, strict=True))
