"""Purchase rhythm: how long customers take to come back, with those still awaited counted as such."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.customers.history import until
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

_LEAST_AT_RISK = 30  # gaps still followed at the horizon; beyond that a curve is one or two customers' luck


class Rhythm(NamedTuple):
    """How long customers take to come back."""

    interval: "pd.DataFrame"  # measure, estimate, low, high, n, horizon_days
    curve: "pd.DataFrame"  # days, at_risk, returned, low, high: every gap
    by_order: "pd.DataFrame"  # order_number, days, at_risk, returned, low, high


def gaps(orders: Any, *, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Every customer's order days with the days until the next one, the last one still open at as_of.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id; order_number (1 for the first order day); day (days since
        1970-01-01); returned (whether a later order day exists); days (to the next order day, or to as_of).

    Raises:
        OpskitError: as_of is not a date or before the first order, a column is missing, or there are no rows.
    """
    lf, _ = until(orders, as_of=as_of)
    days = (
        lf.select("customer_id", frames.epoch_day("ordered_at").alias("day"))
        .group_by("customer_id", "day")
        .agg(nw.len().alias("orders"))
        .with_columns(nw.lit(1).alias("one"))
        .with_columns(
            # Not cum_count: Narwhals 2.29 counts it in the order of the rows on pandas, whatever order_by says.
            nw.col("one").cum_sum().over("customer_id", order_by="day").cast(nw.Int64).alias("order_number"),
            nw.col("day").shift(-1).over("customer_id", order_by="day").alias("next_day"),
        )
    )
    open_until = nw.col("next_day").fill_null(frames.day_number(as_of)).cast(nw.Int64)
    return days.select(
        "customer_id",
        "order_number",
        "day",
        (~nw.col("next_day").is_null()).alias("returned"),
        (open_until - nw.col("day")).alias("days"),
    )


def rhythm(
    orders: Any, *, as_of: dt.date, horizon_days: int = 365, max_order_number: int = 5, confidence: float = 0.95
) -> Rhythm:
    """The natural interval between purchases, and the share of customers who have come back by each day.

    The natural interval is the time by which half of the returns that happen within the horizon have happened.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        horizon_days: A return later than this many days after an order does not count. The data may support less: it is
            cut to the last day on which 30 gaps are still followed, and the figure used is returned.
        max_order_number: Give the gap after each of the first so many order days its own curve.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``interval``: measure (natural_interval in days; returning_share within the horizon), estimate, low, high, n
        gaps, horizon_days used; missing with fewer than 30 gaps, and where nobody came back. ``curve`` (every gap) and
        ``by_order`` (by order_number): days, at_risk gaps, returned (share by that day), low, high.

    Raises:
        OpskitError: An option is out of range, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion. A gap still open at as_of is censored, not taken as its length: leaving
    such gaps out, as the mean of closed gaps does, makes every rhythm look faster than it is.

    Source: Kaplan & Meier (1958). Intervals over all gaps leave out groups of customers (`stats.jackknife`); that of
    the natural interval holds the days on which the share could be half, Woodruff (1952), "Confidence intervals for
    medians and other position measures".

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-11"] * 30)
    >>> orders = pd.DataFrame({"customer_id": [i // 2 for i in range(60)], "ordered_at": days})
    >>> rhythm(orders, as_of=dt.date(2024, 2, 20)).interval[["measure", "estimate", "n", "horizon_days"]]
                measure  estimate   n  horizon_days
    0  natural_interval      10.0  60            40
    1   returning_share       0.5  60            40
    """
    import pandas as pd

    check(horizon_days, "horizon_days", ge=1)
    check(max_order_number, "max_order_number", ge=1)
    grouped = stats.assign_groups(gaps(orders, as_of=as_of), ids=until(orders, as_of=as_of)[0])
    cells = frames.collect(_cells(grouped, horizon_days, max_order_number))
    sums = _sums(cells)
    at_risk = sums.groupby("time")[["ended", "open"]].sum().sum(axis=1)[::-1].cumsum()[::-1]
    supported = at_risk.index[at_risk >= _LEAST_AT_RISK]
    horizon = int(supported.max()) if len(supported) else 0
    shares = stats.jackknife(sums, _returned, keys=["time"], confidence=confidence).loc[:horizon]
    curve = pd.DataFrame(
        {"at_risk": at_risk.loc[:horizon], "returned": shares["estimate"], **shares[["low", "high"]].clip(0, 1)}
    )
    named = cells[cells["order_number"] > 0].groupby("order_number")
    by_order = pd.concat([_curve(part, confidence).assign(order_number=number) for number, part in named])
    columns = ["order_number", "days", "at_risk", "returned", "low", "high"]
    interval = _interval(sums, curve, confidence).assign(n=int(cells["n"].sum()), horizon_days=horizon)
    return Rhythm(interval, curve.rename_axis("days").reset_index(), by_order[columns].reset_index(drop=True))


def _cells(lf: nw.LazyFrame[Any], horizon_days: int, max_order_number: int) -> nw.LazyFrame[Any]:
    """Gaps counted by customer group, order number (0 beyond the last one asked for), length and outcome."""
    in_time, asked = nw.col("days") <= horizon_days, nw.col("order_number") <= max_order_number
    return (
        lf.select(
            "group",
            nw.when(asked).then(nw.col("order_number")).otherwise(nw.lit(0)).alias("order_number"),
            nw.when(in_time).then(nw.col("days")).otherwise(nw.lit(horizon_days)).alias("time"),
            (nw.col("returned") & in_time).alias("event"),
        )
        .group_by("group", "order_number", "time", "event")
        .agg(nw.len().alias("n"))
    )


def _curve(cells: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    """Share of one order number's customers who have come back by each day; each customer has one such gap."""
    curve = stats.survival(cells, confidence=confidence).rename(columns={"time": "days"})
    return curve.assign(returned=1 - curve["survival"], low=1 - curve["high"], high=1 - curve["low"])


def _returned(totals: "pd.DataFrame") -> "pd.Series[Any]":
    """Share that has come back by each day (the index), Kaplan-Meier."""
    import numpy as np
    import pandas as pd

    ended, still_open = totals["ended"].to_numpy(dtype=float), totals["open"].to_numpy(dtype=float)
    at_risk = np.cumsum((ended + still_open)[::-1])[::-1]
    with np.errstate(invalid="ignore"):
        return pd.Series(1 - np.cumprod(1 - ended / at_risk), index=totals.index)


def _sums(cells: "pd.DataFrame") -> "pd.DataFrame":
    """Gaps that ended and gaps still open, by customer group and length."""
    ended = cells["n"].where(cells["event"], 0)
    sums = cells[["group", "time"]].assign(ended=ended, open=cells["n"] - ended)
    return sums.groupby(["group", "time"], as_index=False).sum()


def _interval(sums: "pd.DataFrame", curve: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    """Natural interval and returning share, with all gaps of a customer kept together."""
    import numpy as np
    import pandas as pd

    measures = pd.Index(["natural_interval", "returning_share"], name="measure")
    table = pd.DataFrame({"estimate": np.nan, "low": np.nan, "high": np.nan}, index=measures)
    if len(curve) and curve["returned"].iloc[-1] > 0:
        horizon = curve.index[-1]

        def over_half(totals: "pd.DataFrame") -> "pd.Series[Any]":
            share = _returned(totals).loc[:horizon]
            return share - share.iloc[-1] / 2

        # Days move in steps: the interval holds the days on which the share may be half of the horizon's.
        excess = stats.jackknife(sums, over_half, keys=["time"], confidence=confidence)
        days = [excess.index[excess[column] >= 0].min() for column in ("estimate", "high", "low")]
        table.loc["natural_interval"] = days
        table.loc["returning_share"] = curve[["returned", "low", "high"]].iloc[-1].to_numpy()
    return table.reset_index()
