"""The metrics of the three objectives: by month, against the year before, and between two periods."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from opskit.errors import OpskitError
from opskit.stats import jackknife

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Unit = Literal["customers", "orders", "money", "share"]


@dataclass(frozen=True)
class Metric:
    """A sum, or a sum divided by another one."""

    name: str
    label: str
    objective: Literal["scale", "activity", "commercialization"]
    unit: Unit
    numerator: str
    denominator: str = ""
    running: bool = False
    """Whether the sum runs from the first month on."""


METRICS: tuple[Metric, ...] = (
    Metric("buyers_to_date", "Buyers to date", "scale", "customers", "new_buyers", running=True),
    Metric("new_buyers", "New buyers", "scale", "customers", "new_buyers"),
    Metric("buyers", "Active buyers", "scale", "customers", "buyers"),
    Metric("returning_share", "Returning share of active buyers", "activity", "share", "returning_buyers", "buyers"),
    Metric("orders", "Orders", "activity", "orders", "orders"),
    Metric("orders_per_buyer", "Orders per active buyer", "activity", "orders", "orders", "buyers"),
    Metric("gross_revenue", "Gross revenue", "commercialization", "money", "gross_revenue"),
    Metric("net_revenue", "Net revenue", "commercialization", "money", "net_revenue"),
    Metric("refund_share", "Refund share of gross revenue", "commercialization", "share", "refund", "gross_revenue"),
    Metric("refunded_orders", "Refunded share of orders", "commercialization", "share", "refunded_orders", "orders"),
    Metric("order_value", "Gross revenue per order", "commercialization", "money", "gross_revenue", "orders"),
    Metric("revenue_per_buyer", "Net revenue per active buyer", "commercialization", "money", "net_revenue", "buyers"),
    Metric("margin_rate", "Margin share of gross revenue", "commercialization", "share", "margin", "margin_revenue"),
)


def trend(totals: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Every metric by calendar month, months without an order included.

    Args:
        totals: Of ``monthly_totals``.
        confidence: Coverage of the intervals.

    Returns:
        month, complete, objective, metric, label, unit, estimate, low, high (in the metric's unit; shares 0 to 1) and n
        (buyers of the month, or to date). Metrics whose column is missing have no rows; a ratio without a denominator
        is nan, and so are new buyers and the returning share where new buyers are not known.

    Assumes customers are independent of each other; the interval of a total says how far chance (who happened to come)
    could move it.
    """
    import pandas as pd

    months = pd.date_range(totals["month"].min(), totals["month"].max(), freq="MS", name="month")
    whole = totals.loc[totals["complete"], "month"]
    known = _known(totals)
    index = _index(months, known)

    def values(sums: "pd.DataFrame") -> "pd.Series[float]":
        return pd.Series(_values(sums.reindex(months, fill_value=0), known).ravel(), index=index)

    sums = totals.drop(columns=["complete", "new_known"])
    table = _within_unit(_table(jackknife(sums, values, keys=["month"], confidence=confidence), known))
    since = totals.loc[totals["new_known"], "month"].min()
    _blank(table, ["estimate", "low", "high"], ~(table["month"] >= since))
    buyers = totals.groupby("month")[["buyers", "new_buyers"]].sum().reindex(months, fill_value=0)
    to_date = buyers["new_buyers"].cumsum()
    running = table["metric"].map({metric.name: metric.running for metric in known})
    table["n"] = table["month"].map(buyers["buyers"]).where(~running, table["month"].map(to_date)).astype(int)
    table.insert(1, "complete", table["month"].between(whole.min(), whole.max()))
    return table


def year_over_year(totals: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """How far each complete month lies above or below the same month a year earlier.

    Args:
        totals: Of ``monthly_totals``.
        confidence: Coverage of the intervals.

    Returns:
        month, objective, metric, label, unit, estimate, low, high and n (buyers of both months together). The estimate
        is the relative change, for shares the difference; nan where the month a year earlier held nothing or its new
        buyers are not known. A month whose year-earlier month is not wholly in the orders has no row.
    """
    import pandas as pd

    known = [metric for metric in _known(totals) if not metric.running]
    whole = totals[totals["complete"]]
    months = pd.DatetimeIndex(
        [month for month in sorted(whole["month"].unique()) if month - pd.DateOffset(years=1) >= whole["month"].min()],
        name="month",
    )
    columns = ["month", "objective", "metric", "label", "unit", "estimate", "low", "high", "n"]
    if months.empty:
        return pd.DataFrame(columns=columns)
    earlier, index = months - pd.DateOffset(years=1), _index(months, known)

    def values(sums: "pd.DataFrame") -> "pd.Series[float]":
        now = _values(sums.reindex(months, fill_value=0), known)
        then = _values(sums.reindex(earlier, fill_value=0), known)
        return pd.Series(_change(then, now, known).ravel(), index=index)

    sums = whole.drop(columns=["complete", "new_known"])
    table = _table(jackknife(sums, values, keys=["month"], confidence=confidence), known)
    since = whole.loc[whole["new_known"], "month"].min() + pd.DateOffset(years=1)
    _blank(table, ["estimate", "low", "high"], ~(table["month"] >= since))
    buyers = whole.groupby("month")["buyers"].sum()
    both = buyers.reindex(months, fill_value=0) + buyers.reindex(earlier, fill_value=0).to_numpy()
    table["n"] = table["month"].map(both)
    return table[columns]


def compare(periods: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Every metric in two periods, and its change.

    Args:
        periods: Of ``period_totals``.
        confidence: Coverage of the intervals.

    Returns:
        objective, metric, label, unit, and for each x of before, after and change: x, x_low, x_high, x_n (buyers). The
        change is relative, for shares a difference. Before and change are nan where the orders do not reach back; new
        buyers and the returning share where new buyers are not known.
    """
    import numpy as np
    import pandas as pd

    known = [metric for metric in _known(periods) if not metric.running]
    index = _index(["before", "after", "change"], known)

    def values(sums: "pd.DataFrame") -> "pd.Series[float]":
        before, after = _values(sums.reindex(["before", "after"]), known)
        return pd.Series(np.concatenate([before, after, _change(before, after, known)]), index=index)

    sums = periods.drop(columns=["start", "end", "new_known"])
    table = _table(jackknife(sums, values, keys=["period"], confidence=confidence), known)
    buyers = periods.groupby("period")["buyers"].sum().reindex(["before", "after"], fill_value=0)
    n = {"before": buyers["before"], "after": buyers["after"], "change": buyers.sum()}
    result = table.drop_duplicates("metric")[["objective", "metric", "label", "unit"]].reset_index(drop=True)
    for name, rows in table.groupby("month", sort=False):
        bounds = (
            (rows if name == "change" else _within_unit(rows))
            .set_index("metric")
            .loc[result["metric"]]
            .reset_index(drop=True)
        )
        result[[str(name), f"{name}_low", f"{name}_high"]] = bounds[["estimate", "low", "high"]]
        result[f"{name}_n"] = int(n[str(name)])
        unknown = ~periods.loc[periods["period"].isin([name]) | (name == "change"), "new_known"].all()
        _blank(result, [str(name), f"{name}_low", f"{name}_high"], unknown)
    return result


def _blank(table: "pd.DataFrame", columns: list[str], unknown: Any) -> None:
    """Empty the metrics that tell new from returning buyers where that is not known."""
    table.loc[table["metric"].isin(["new_buyers", "returning_share"]) & unknown, columns] = float("nan")


def _known(totals: "pd.DataFrame") -> list[Metric]:
    """The metrics whose columns are there; new and returning buyers need no column of their own."""
    have = {*totals.columns, "returning_buyers", ""}
    return [metric for metric in METRICS if {metric.numerator, metric.denominator} <= have]


def _values(sums: "pd.DataFrame", metrics: list[Metric]) -> "np.ndarray[Any, Any]":
    """Rows x metrics; plain arrays, because the jackknife asks a hundred times."""
    import numpy as np

    have = {name: sums[name].to_numpy(dtype=float) for name in sums.columns}
    have["returning_buyers"] = have["buyers"] - have["new_buyers"]
    columns: list[np.ndarray[Any, Any]] = []
    for metric in metrics:
        top = have[metric.numerator].cumsum() if metric.running else have[metric.numerator]
        below = have.get(metric.denominator, np.ones(len(top)))
        columns.append(np.divide(top, below, out=np.full(len(top), np.nan), where=below != 0))
    return np.column_stack(columns)


def _change(before: Any, after: Any, metrics: list[Metric]) -> "np.ndarray[Any, Any]":
    import numpy as np

    share = np.array([metric.unit == "share" for metric in metrics])
    relative = np.divide(after, before, out=np.full(before.shape, np.nan), where=before != 0) - 1
    return np.where(share, after - before, relative)


def _index(rows: Any, metrics: list[Metric]) -> "pd.MultiIndex":
    import pandas as pd

    return pd.MultiIndex.from_product([rows, [metric.name for metric in metrics]])


def _table(intervals: "pd.DataFrame", metrics: list[Metric]) -> "pd.DataFrame":
    """The jackknife's rows with what each metric is."""
    import pandas as pd

    about = pd.DataFrame([vars(metric) for metric in metrics])[["name", "objective", "label", "unit"]]
    table = intervals.rename_axis(["month", "metric"]).reset_index()
    table = table.merge(about, left_on="metric", right_on="name", how="left").drop(columns="name")
    return table[["month", "objective", "metric", "label", "unit", "estimate", "low", "high"]]


def _within_unit(table: "pd.DataFrame") -> "pd.DataFrame":
    """Keep the bounds of levels where the levels can be: counts and shares from 0, shares up to 1."""
    amount, share = table["unit"] == "money", table["unit"] == "share"
    low = table["low"].where(amount, table["low"].clip(lower=0))
    high = table["high"].where(~share | (table["estimate"] > 1), table["high"].clip(upper=1))
    return table.assign(low=low, high=high)


def select(table: "pd.DataFrame", metric: str) -> "pd.DataFrame":
    """The rows of one metric.

    Raises:
        OpskitError: The table does not hold it.
    """
    rows = table[table["metric"] == metric]
    if rows.empty:
        held = ", ".join(dict.fromkeys(table["metric"]))
        raise OpskitError(f"metric == {metric!r}, must be one the table holds: {held or 'it is empty'}.")
    return rows
