"""How long each buyer has been silent, by the buyer's own rhythm."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from opskit import frames
from opskit.customers.history import summary
from opskit.customers.rhythm import rhythm
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

_OWN_GAPS = 2  # closed gaps from which a customer has a rhythm of their own


def silence(orders: Any, *, as_of: dt.date, silent_after: float = 3.0) -> "pd.DataFrame":
    """How long every buyer has been silent, measured by the buyer's own rhythm.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        silent_after: Own gaps without an order from which a customer counts as silent. If orders came at random at the
            own pace, one customer in twenty would be that late by chance (e to the minus 3).

    Returns:
        customer_id; days_since_last_order; gap_days (mean days between the customer's order days; with fewer than two
        gaps the natural interval of all customers, or where that is not known the mean gap of all); basis (own rhythm,
        all customers); times (days_since_last_order over gap_days); state (on time: within one gap; late; silent).

    Raises:
        OpskitError: silent_after is not above 1, or as_of is before the first order.

    Assumes the rhythm has not changed by nature: parents stop buying diapers without being displeased.
    """
    import numpy as np

    check(silent_after, "silent_after", gt=1)
    columns = ("customer_id", "days_since_last_order", "frequency", "recency")
    table = frames.collect(frames.lazy(summary(orders, as_of=as_of), *columns).select(*columns))
    table = table.sort_values("customer_id", ignore_index=True)
    gaps = table["frequency"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = table["recency"].to_numpy(dtype=float) / gaps
    natural = float(rhythm(orders, as_of=as_of, max_order_number=1).interval["estimate"].iloc[0])
    if natural != natural:
        natural = float(np.nanmean(own)) if np.isfinite(own).any() else np.nan
    enough = gaps >= _OWN_GAPS
    table["gap_days"] = np.where(enough, own, natural)
    table["basis"] = np.where(enough, "own rhythm", "all customers")
    table["times"] = table["days_since_last_order"] / table["gap_days"]
    # Somebody without any gap to compare with is on time: nothing says otherwise.
    late = np.where(table["times"] > silent_after, "silent", np.where(table["times"] > 1, "late", "on time"))
    return table.assign(state=late).drop(columns=["frequency", "recency"])
