"""Active customers at each cut-off: what was known of them then, and whether they left."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import features, frames
from opskit.customers import ASSIGNED
from opskit.errors import TooLittleDataError
from opskit.loyalty.churn.periods import Periods

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 25  # of those who left and of those who stayed, in the test and in each cut-off learnt from
_KEYS = ("customer_id", "cut_off", "period", "left", "revenue_after")
_MOST_LEVELS = 50  # a text with more values is a name or an id: only whether there is one is used


class Panel(NamedTuple):
    """Customers at cut-offs, ready for models."""

    rows: "pd.DataFrame"  # customer_id, cut_off, period, left, revenue_after, then the columns to learn from
    behaviour: list[str]  # columns from orders and events
    attributes: list[str]  # columns from customers that passed the scan
    screening: "pd.DataFrame"  # column, used, why, strength, low, high: every attribute, the most suspicious first


def panel(
    orders: Any,
    periods: Periods,
    *,
    events: Any = None,
    customers: "pd.DataFrame | None" = None,
    trusted: tuple[str, ...] = (),
    seed: int = 7,
) -> Panel:
    """Put together what was known of every active customer at every cut-off, and what followed.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        periods: From `periods`.
        events: The same engine's frame with customer_id, event and occurred_at; without it, orders only.
        customers: One row per customer with customer_id and attributes, as they are today; without it, behaviour only.
            account_id and owner are no attributes: the business writes them beside those who buy.
        trusted: Attributes to use although the scan suspects them.
        seed: Of the leakage scan.

    Returns:
        A Panel. Active means an order within the horizon up to the cut-off; left means none within the horizon after it
        (missing today); revenue_after is what was bought in that time. Attributes that look as if filled in after the
        outcome was known are left out; dates become days before the cut-off, and a text with more than 50 values only
        says whether there is one.

    Raises:
        TooLittleDataError: Fewer than 25 customers left, or stayed, after the latest cut-off to learn from or the test.
        OpskitError: A column is missing.
    """
    import pandas as pd

    cuts = [(periods.today, "today"), (periods.test, "test"), *((day, "training") for day in periods.training)]
    parts = [_active(orders, events, day, period, periods) for day, period in cuts]
    _enough(parts[1], "test")
    _enough(parts[2], "latest cut-off to learn from")
    while len(parts) > 3 and min(parts[-1]["left"].value_counts().reindex([True, False], fill_value=0)) < FEWEST:
        parts.pop()  # an early cut-off, when there were few customers
    shared = set.intersection(*(set(part.columns) for part in parts))  # an event may be new
    behaviour = [str(name) for name in parts[0] if name in shared and name not in _KEYS]
    rows = pd.concat([part[[*_KEYS, *behaviour]] for part in parts], ignore_index=True)
    if customers is None:
        return Panel(rows, behaviour, [], pd.DataFrame(columns=["column", "used", "why", "strength", "low", "high"]))
    traits = customers.drop(columns=[name for name in ASSIGNED if name in customers])
    attributes = traits.drop_duplicates("customer_id").rename(columns=lambda name: _own(str(name), rows))
    rows = rows.merge(attributes, on="customer_id", how="left")
    names = [str(name) for name in attributes if name != "customer_id"]
    latest = rows[rows["cut_off"] == periods.training[0]]
    plans = set(features.plans(attributes[names], last_day=periods.today))
    found = features.scan(
        latest[[*behaviour, *names]], latest["left"].astype(bool), as_of=periods.training[0], plans=plans, seed=seed
    )
    screening = _screened(latest[names], found.columns, trusted)
    used = [str(name) for name in screening.loc[screening["used"], "column"]]
    ready = {name: _ready(rows[name], rows["cut_off"]) for name in used}
    return Panel(rows.drop(columns=names).assign(**ready), behaviour, used, screening)


def _active(orders: Any, events: Any, day: dt.date, period: str, periods: Periods) -> "pd.DataFrame":
    """Customers with an order in the horizon up to the day, with behaviour and outcome."""
    import narwhals as nw
    import pandas as pd

    horizon = periods.horizon_days
    windows = sorted({30, 90, horizon})
    known = features.point_in_time(orders, as_of=day, events=events, windows_days=windows)
    table = frames.lazy(known, table="features").filter(nw.col("days_since_last_order") < horizon)
    table = table.rename({f"revenue_{horizon}d": "revenue_horizon", f"orders_{horizon}d": "orders_horizon"})
    names = table.collect_schema().names()
    rows = frames.collect(table)[names]  # pandas would bring its index along
    rows = rows.sort_values("customer_id").assign(cut_off=day, period=period)
    rows = rows.astype({str(name): float for name in rows if name not in _KEYS})
    if period == "today":
        return rows.assign(left=pd.array([pd.NA] * len(rows), dtype="boolean"), revenue_after=float("nan"))
    after = features.outcome(orders, after=day, horizon_days=horizon, as_of=periods.today)
    bought = frames.collect(frames.lazy(after, table="outcome")).set_index("customer_id")["revenue_after"]
    value = rows["customer_id"].map(bought).astype(float)
    return rows.assign(left=value.isna().astype("boolean"), revenue_after=value.fillna(0.0))


def _enough(part: "pd.DataFrame", name: str) -> None:
    left = int(part["left"].sum())
    for count, what in ((left, "left"), (len(part) - left, "stayed")):
        if count < FEWEST:
            raise TooLittleDataError(
                f"of {len(part)} active customers at the {name}, {count} {what}; at least {FEWEST} must have. "
                f"Use a {'shorter' if what == 'left' else 'longer'} horizon_days, or more data."
            )


def _own(name: str, rows: "pd.DataFrame") -> str:
    return f"{name}_attribute" if name in rows and name != "customer_id" else name


def _screened(rows: "pd.DataFrame", found: "pd.DataFrame", trusted: tuple[str, ...]) -> "pd.DataFrame":
    """Which attributes may be used, and why the others may not; the most suspicious first."""
    told = found[found["column"].isin(list(rows))].reset_index(drop=True)
    same = told["column"].map(rows.nunique(dropna=False)) <= 1
    suspicious, kept = told["suspicious"].astype(bool), told["column"].isin(trusted)
    why = told["reason"].where(~(suspicious & kept), "trusted, though " + told["reason"])
    why = why.where(~same, "the same for everybody")
    table = told[["column"]].assign(used=~same & (~suspicious | kept), why=why)
    return table.assign(strength=told["strength"], low=told["low"], high=told["high"])


def _ready(column: "pd.Series[Any]", cut_off: "pd.Series[Any]") -> "pd.Series[Any]":
    """Numbers as they are, dates as days before the cut-off, texts as categories or as whether there is one."""
    import pandas as pd

    there = column.dropna()
    if pd.api.types.is_datetime64_any_dtype(column) or (len(there) and isinstance(there.iloc[0], dt.date)):
        return (pd.to_datetime(cut_off) - pd.to_datetime(column)).dt.total_seconds() / 86_400
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype("string")
    if text.nunique() > _MOST_LEVELS:
        return text.notna().astype(float)
    return text.fillna("none").astype("category")
