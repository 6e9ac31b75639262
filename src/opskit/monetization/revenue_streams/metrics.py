"""Paying rate, ARPU, ARPPU, take rate, eCPM and share of revenue by stream, month by month and over a year."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import OpskitError, check
from opskit.monetization.revenue_streams.totals import ALL, Totals

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = ("active", "payers", "charges", "amount", "gross", "fee", "priced", "impressions", "shown")


class Metric(NamedTuple):
    """One figure of a stream: a ratio of two sums, or a sum where there is nothing below the line."""

    name: str
    label: str
    unit: str  # share, money or customers
    top: str
    below: str = ""
    times: float = 1.0
    n: str = "active"  # the sum that stands behind it


METRICS = (
    Metric("revenue", "Revenue", "money", "amount", n="charges"),
    Metric("share", "Share of revenue", "share", "amount", "total", n="charges"),
    Metric("payers", "Paying customers", "customers", "payers"),
    Metric("paying_rate", "Paying rate", "share", "payers", "active"),
    Metric("arpu", "Revenue per active customer and month (ARPU)", "money", "amount", "active"),
    Metric("arppu", "Revenue per paying customer and month (ARPPU)", "money", "amount", "payers", n="payers"),
    Metric("take_rate", "Take rate", "share", "fee", "gross", n="priced"),
    Metric("ecpm", "Revenue per 1,000 impressions (eCPM)", "money", "shown", "impressions", 1000.0, "impressions"),
)


def monthly(totals: Totals, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Every metric of every stream, month by month.

    Args:
        totals: Of ``monthly_totals``.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        month, complete, side, stream (single ones, then "all streams" of a side and of all), metric, label, unit,
        estimate, low, high, n. Ratios only have intervals, from customers left out by groups (days, where nobody is
        named); money of nobody counts as known without error. A ratio over nothing is nan.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes customers are independent of each other and, for advertising, days: a campaign that runs for weeks makes the
    eCPM less certain than its interval says.

    Source: delete-a-group jackknife, Kott (2001).
    """
    table = _intervals(totals.sums, ["month", "side", "stream"], confidence)
    complete = totals.sums.groupby("month")["complete"].first()
    table.insert(1, "complete", table["month"].map(complete))
    return table


def recent(totals: Totals, *, months: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """Every metric over the last complete months together: rates are per customer and month.

    Args:
        totals: Of ``monthly_totals``.
        months: How many complete months to take; fewer are taken where there are fewer.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        side, stream, metric, label, unit, estimate, low, high, n, as `monthly` has them. Active and paying customers are
        added up over the months, so that ARPU is revenue per active customer and month.

    Raises:
        OpskitError: No month is complete, or an option is out of range.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> from opskit.monetization.revenue_streams import monthly_totals
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-31", "2024-02-29"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "B", "A"], "ordered_at": days, "revenue": [10.0, 20, 5]})
    >>> table = recent(monthly_totals(orders, as_of=dt.date(2024, 2, 29)))
    >>> table[(table["side"] == "all") & (table["metric"] == "paying_rate")][["estimate", "n"]].values.tolist()
    [[0.75, 4.0]]
    """
    check(months, "months", ge=1)
    sums = totals.sums[totals.sums["complete"]]
    if sums.empty:
        raise OpskitError("No calendar month is complete up to as_of; give a later as_of or more data.")
    last = sorted(sums["month"].unique())[-months:]
    return _intervals(sums[sums["month"].isin(last)], ["side", "stream"], confidence)


def figure(table: "pd.DataFrame", metric: str, *, side: str = "all", stream: str = ALL) -> "pd.DataFrame":
    """The rows of one metric of one stream.

    Args:
        table: Of `monthly` or `recent`.
        metric: revenue, share, payers, paying_rate, arpu, arppu, take_rate or ecpm.
        side: front, back or all.
        stream: Name of the stream, or "all streams" of the side.

    Raises:
        OpskitError: The metric is another one.
    """
    check(metric, "metric", among=[one.name for one in METRICS])
    here = (table["metric"] == metric) & (table["side"] == side) & (table["stream"] == stream)
    return table[here].reset_index(drop=True)


def _intervals(sums: "pd.DataFrame", keys: list[str], confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    places = sums.groupby(keys)[list(COLUMNS)].sum()
    whole = _total_row(places.index)
    names = [metric.name for metric in METRICS]

    def values(total: "pd.DataFrame") -> "pd.Series[float]":
        return pd.Series(_values(total[list(COLUMNS)].to_numpy(dtype=float), whole).ravel())

    table = stats.jackknife(sums[[*keys, "group", *COLUMNS]], values, keys=keys, confidence=confidence)
    rows = places.index.repeat(len(METRICS)).to_frame(index=False)
    number = np.tile(np.arange(len(METRICS)), len(places))
    for column in ("name", "label", "unit"):
        texts = np.array([getattr(metric, column) for metric in METRICS], dtype=object)
        rows["metric" if column == "name" else column] = texts[number]
    rows[["estimate", "low", "high"]] = table.to_numpy()
    behind = places[[metric.n for metric in METRICS]].to_numpy()
    rows["n"] = np.round(behind.ravel()).astype(int)
    _withhold(rows, names, np.repeat(places["payers"].to_numpy() == 0, len(METRICS)))
    return _in_reading_order(rows)


def _values(sums: Any, whole: Any) -> "np.ndarray[Any, Any]":
    """Rows x metrics, in plain arrays, because the jackknife asks a hundred times."""
    import numpy as np

    have = {name: sums[:, place] for place, name in enumerate(COLUMNS)}
    have["total"] = have["amount"][whole]
    columns: list[np.ndarray[Any, Any]] = []
    for metric in METRICS:
        top = metric.times * have[metric.top]
        if metric.below:
            below = have[metric.below]
            # Money of one sign only has shares: with corrections larger than sales nothing is a part of anything.
            top = np.divide(top, below, out=np.full(len(top), np.nan), where=below > 1e-9)
        columns.append(top)
    return np.column_stack(columns)


def _total_row(index: "pd.Index[Any]") -> "np.ndarray[Any, Any]":
    """For each row, the place of the row of all streams in the same month."""
    import numpy as np

    table = index.to_frame(index=False).assign(place=np.arange(len(index)))
    total = table[table["side"] == "all"]
    if "month" not in table:
        return np.full(len(table), total["place"].iloc[0])
    return table["month"].map(total.set_index("month")["place"]).to_numpy()


def _withhold(rows: "pd.DataFrame", names: list[str], nobody: Any) -> None:
    """No interval for sums of what happened nor for money of nobody; nobody pays where nobody is named."""
    sums = rows["metric"].isin([name for name in names if name in {"revenue", "payers"}])
    rows.loc[sums | (nobody & rows["metric"].isin(["arpu", "share"])), ["low", "high"]] = float("nan")
    rows.loc[nobody & rows["metric"].isin(["payers", "paying_rate"]), ["estimate", "low", "high"]] = float("nan")
    anybody = nobody & (rows["stream"] != ALL) & (rows["metric"] == "revenue") & (rows["estimate"] != 0)
    mixed = rows["side"].isin([*rows.loc[anybody, "side"], "all"] if anybody.any() else []) & (rows["stream"] == ALL)
    rows.loc[mixed & (rows["metric"] == "arppu"), ["estimate", "low", "high"]] = float("nan")
    share = rows["metric"].isin(["paying_rate", "take_rate"])
    rows["low"] = rows["low"].where(~share, rows["low"].clip(lower=0))
    rows["high"] = rows["high"].where(~share, rows["high"].clip(upper=1))


def _in_reading_order(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Front before back before all, streams by name with the sum last, months in time."""
    rank = rows["side"].map({"front": 0, "back": 1, "all": 2})
    last = rows["stream"] == ALL
    by = ["month"] if "month" in rows else []
    keyed = rows.assign(_side=rank, _last=last, _at=range(len(rows)))
    keyed = keyed.sort_values([*by, "_side", "_last", "stream", "_at"], ignore_index=True)
    return keyed.drop(columns=["_side", "_last", "_at"])
