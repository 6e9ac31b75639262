"""Whether rows keep arriving: last day, lag, and days without rows that the weekday rhythm does not explain."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import contract
from opskit.data_health.completeness import clock
from opskit.errors import check
from opskit.frames import collect, day_number, epoch_day, lazy

if TYPE_CHECKING:
    import pandas as pd

    from opskit.dataset import Dataset

_WEEKS = 8


def daily_rows(ds: "Dataset") -> "pd.DataFrame":
    """Rows per table and day, from each table's first day to as_of, days without rows included.

    Args:
        ds: The dataset; tables without a clock column, and those whose rows come in waves (answers to a survey,
            customers put into an experiment), are left out.

    Returns:
        table, clock (the column that dates the rows), day, rows.
    """
    import pandas as pd

    found = [pd.DataFrame({"table": [], "clock": [], "day": pd.to_datetime([]), "rows": []})]
    last = day_number(ds.as_of)
    for name in (name for name in ds.tables if not contract.table(name).in_waves):
        rows = lazy(getattr(ds, name), table=name)
        dated = clock(name, rows.collect_schema().names())
        if not dated:
            continue
        days = rows.filter(~nw.col(dated).is_null()).select(epoch_day(dated).alias("day"))
        counts = collect(days.group_by("day").agg(nw.len().alias("rows"))).set_index("day")["rows"]
        counts = counts[counts.index <= last].sort_index()
        if len(counts):
            counts = counts.reindex(range(int(counts.index[0]), last + 1), fill_value=0)
            day = pd.to_datetime(counts.index.to_numpy(), unit="D").as_unit("us")
            found.append(pd.DataFrame({"table": name, "clock": dated, "day": day, "rows": counts.to_numpy()}))
    return pd.concat(found[1:] or found, ignore_index=True).astype({"rows": "int64"})


def freshness(daily: "pd.DataFrame", *, chance: float = 0.05) -> "pd.DataFrame":
    """First and last day of each table, how far it lags, and its days without rows.

    Args:
        daily: Of ``daily_rows``.
        chance: As in ``gaps``.

    Returns:
        table, clock, first_day, last_day, lag_days (last day to as_of), days (first day to as_of), rows_per_day,
        days_without_rows, unexpected_days (those in runs that the weekday rhythm does not explain).
    """
    import pandas as pd

    unexpected = gaps(daily, chance=chance).query("unexpected").groupby("table")["days"].sum()
    rows: list[dict[str, Any]] = []
    for (name, dated), table in daily.groupby(["table", "clock"], sort=False):
        filled = table.loc[table["rows"] > 0, "day"]
        rows.append(
            {
                "table": name,
                "clock": dated,
                "first_day": filled.min().date(),
                "last_day": filled.max().date(),
                "lag_days": (table["day"].max() - filled.max()).days,
                "days": len(table),
                "rows_per_day": table["rows"].mean(),
                "days_without_rows": int((table["rows"] == 0).sum()),
                "unexpected_days": int(unexpected.get(name, 0)),
            }
        )
    columns = ["table", "clock", "first_day", "last_day", "lag_days", "days"]
    return pd.DataFrame(rows, columns=[*columns, "rows_per_day", "days_without_rows", "unexpected_days"])


def gaps(daily: "pd.DataFrame", *, chance: float = 0.05) -> "pd.DataFrame":
    """Runs of days without rows, and how likely each is given the rows of the same weekdays around it.

    Each empty day is expected to hold the mean of the same weekday in the eight weeks before and after the run. Rows
    come in bursts, so the mean is divided by their variance-to-mean ratio (where above 1) before the Poisson chance of
    none.

    Args:
        daily: Of ``daily_rows``.
        chance: A run is unexpected when its chance, times the number of days looked at, is below this.

    Returns:
        table, first_day, last_day, days, expected_rows, probability, unexpected; least likely first.

    Assumes that the days around a run are alike: a holiday on which nobody buys shows as unexpected too.
    """
    import pandas as pd

    check(chance, "chance", gt=0, lt=1)
    found: list[dict[str, Any]] = []
    for name, table in daily.groupby("table", sort=False):
        rows = table["rows"].to_numpy()
        for start, end in _empty_runs(rows):
            expected, probability = _chance(rows, start, end)
            found.append(
                {
                    "table": name,
                    "first_day": table["day"].iloc[start].date(),
                    "last_day": table["day"].iloc[end - 1].date(),
                    "days": end - start,
                    "expected_rows": expected,
                    "probability": probability,
                    "unexpected": probability * len(rows) < chance,
                }
            )
    columns = ["table", "first_day", "last_day", "days", "expected_rows", "probability", "unexpected"]
    result = pd.DataFrame(found, columns=columns).astype({"unexpected": bool, "days": "int64"})
    return result.sort_values(["probability", "table", "first_day"], ignore_index=True)


def _empty_runs(rows: Any) -> list[tuple[int, int]]:
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate([[0], rows == 0, [0]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _chance(rows: Any, start: int, end: int) -> tuple[float, float]:
    """Expected rows of the run, and the probability that it holds none."""
    import numpy as np

    around = np.arange(max(0, start - 7 * _WEEKS), min(len(rows), end + 7 * _WEEKS))
    around = around[(around < start) | (around >= end)]
    expected, exponent = 0.0, 0.0
    for weekday in range(7):
        days = np.count_nonzero(np.arange(start, end) % 7 == weekday)
        alike = rows[around[around % 7 == weekday]]
        if days and len(alike) > 1 and alike.mean() > 0:
            expected += days * alike.mean()
            exponent += days * alike.mean() / max(1.0, alike.var(ddof=1) / alike.mean())
    return float(expected), float(np.exp(-exponent))
