"""Customers by their first weeks: what was known when these were over, and what came after."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, features, frames
from opskit.errors import TooLittleDataError, check
from opskit.target_users.first_users.beginnings import FEWEST_TO_SCORE, Rule, Setting, labelled

if TYPE_CHECKING:
    import pandas as pd

_OF_THE_OUTCOME = ("customer_id", "orders_after", "revenue_after")


def newcomers(
    orders: Any,
    found: Setting,
    best: Rule,
    *,
    as_of: dt.date,
    watch_days: int = 30,
    events: Any = None,
    accounts: Any = None,
) -> "pd.DataFrame":
    """Every customer once, at the first look after the first order: the beginning so far, and what came of it.

    Looks are watch_days apart, so that at each of them the newcomers since the last one have been there for up to so
    many days. The last look whose window is over lies window_days before as_of.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund are used where there.
        found: From `setting`.
        best: From `rule`; the window begins after the look.
        as_of: Last day to count, inclusive.
        watch_days: Days between looks.
        events: The same engine's frame with customer_id, event and occurred_at.
        accounts: The same engine's table of customers, for a rule by attribute.

    Returns:
        As `beginnings`, in order of the looks, without landmarks: began is the day of the look, ordered whether an order
        came in the window after it; and the columns of `opskit.features.point_in_time` that describe the first weeks.

    Raises:
        TooLittleDataError: No look has a window that is over, or as `beginnings`.
        OpskitError: An option is out of range, or a column is missing.
    """
    import pandas as pd

    check(watch_days, "watch_days", ge=1)
    known, first = customers.until(orders, "revenue", as_of=as_of)
    value, _ = customers.contribution(known)
    worth = frames.like(known.select("customer_id", "ordered_at", value.alias("revenue")), orders)
    parts = [
        _look(orders, worth, events, day, as_of, found.window_days, watch_days)
        for day in _looks(known, first, as_of, found.window_days, watch_days)
    ]
    if not any(part["over"].any() for part in parts):
        raise TooLittleDataError(
            f"window_days == {found.window_days} after {watch_days} days of watching: no customer has been there so "
            "long. Use a shorter window_days or watch_days, or more data."
        )
    shared = set.intersection(*(set(part.columns) for part in parts))  # an event may be new
    columns = [name for name in parts[0] if name in shared]
    rows = pd.concat([part[columns] for part in parts], ignore_index=True)
    rows = labelled(rows.sort_values(["began", "customer_id"], ignore_index=True), best, accounts)
    young = ~rows["over"]
    return rows.assign(
        candidate=young if young.sum() >= FEWEST_TO_SCORE else rows["over"] & ~rows["best"].fillna(False)
    )


def _looks(known: nw.LazyFrame[Any], first: int, as_of: dt.date, window: int, watch: int) -> list[dt.date]:
    """Days of looks at which somebody is new, the earliest first."""
    began = known.group_by("customer_id").agg(nw.col("ordered_at").min())
    began = began.select(frames.epoch_day("ordered_at").alias("first"))
    last = frames.day_number(as_of)
    # Looks are counted from the last one whose window is over, so that it is not wasted.
    number = (nw.col("first") - (last - window) + watch * (1 + (last - first) // watch) - 1) // watch
    counted = frames.collect(began.group_by(number.alias("look")).agg(nw.len().alias("n")).sort("look"))
    shift = 1 + (last - first) // watch
    days = [last - window + (int(look) + 1 - shift) * watch for look in counted["look"]]
    return [dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in days if day <= last]


def _look(
    orders: Any, worth: Any, events: Any, day: dt.date, as_of: dt.date, window: int, watch: int
) -> "pd.DataFrame":
    """Newcomers at one look."""
    import numpy as np
    import pandas as pd

    known = features.point_in_time(orders, as_of=day, events=events, windows_days=(min(7, watch), watch))
    new = frames.lazy(known, table="features").filter(nw.col("tenure_days") < watch)
    rows = frames.collect(new)[new.collect_schema().names()]
    # Within the first weeks these repeat other columns, have nothing to compare with, or tell when the look happened.
    again = {f"orders_{watch}d", f"revenue_{watch}d", f"orders_change_{watch}d", f"orders_change_{min(7, watch)}d"}
    again |= {"mean_gap_days", "overdue", "tenure_days"}
    rows = rows.drop(columns=[name for name in again if name in rows])
    age = frames.day_number(as_of) - frames.day_number(day)
    rows = rows.assign(
        began=pd.Timestamp(day),
        age_days=age,
        over=age >= window,
        first_days=np.nan,
        first_at=np.datetime64("NaT", "us"),
    )
    if age < window:
        return rows.assign(ordered=False, worth=np.nan)
    after = features.outcome(worth, after=day, horizon_days=window, as_of=as_of)
    bought = frames.collect(frames.lazy(after, *_OF_THE_OUTCOME, table="outcome")).set_index("customer_id")
    value = rows["customer_id"].map(bought["revenue_after"]).astype(float)
    return rows.assign(ordered=value.notna(), worth=value.fillna(0.0))
