"""Channels in the order in which each adds most people whom those before it did not touch."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.reach.audiences import Audiences

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def incremental(
    found: Audiences, spend: "pd.Series[float] | None" = None, *, confidence: float = 0.95
) -> "pd.DataFrame":
    """The incremental reach curve: at each step the channel that adds most people, ties by name.

    Args:
        found: From `audiences`.
        spend: From `spent`; None: unknown.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        step, channel, customers (its audience), added (of them new at this step), new_share (added / customers), low,
        high, parts (audiences added up so far), together (customers touched so far), reached_share (of everybody
        touched), best_together (most that any so many channels touch: all sets are tried), spend, cost_per_added
        (money; missing where there is no spend or nobody is added).

    Source: greedy maximum coverage; Nemhauser, Wolsey & Fisher (1978): at least 1 - 1/e of the best at every step.

    >>> import datetime as dt, pandas as pd
    >>> from opskit.acquisition.reach import audiences
    >>> table = pd.DataFrame({"customer_id": [1, 1, 2, 3], "channel": ["ads", "mail", "ads", "mail"]})
    >>> found = audiences(table.assign(touched_at=pd.Timestamp("2025-01-02")), as_of=dt.date(2025, 1, 31))
    >>> incremental(found)[["channel", "customers", "added", "parts", "together"]]
      channel  customers  added  parts  together
    0     ads          2      2      2         2
    1    mail          2      1      4         3
    """
    import numpy as np
    import pandas as pd

    touched, left = found.touched.astype(bool), found.customers.copy()
    size = found.customers @ touched
    order: list[int] = []
    added: list[float] = []
    for _ in found.names:
        gain = left @ touched
        gain[order] = -1
        best = min(range(len(gain)), key=lambda place: (-gain[place], found.names[place]))
        order.append(best)
        added.append(float(gain[best]))
        left[touched[:, best]] = 0
    together = np.cumsum(added)
    table = pd.DataFrame({"step": range(1, len(order) + 1), "channel": [found.names[place] for place in order]})
    table["customers"], table["added"] = size[order].astype(int), np.array(added).astype(int)
    table["new_share"] = table["added"] / table["customers"]
    table["low"], table["high"] = stats.wilson(table["added"], table["customers"], confidence=confidence)
    table["parts"], table["together"] = table["customers"].cumsum(), together.astype(int)
    table["reached_share"] = together / found.together
    table["best_together"] = _best(found)
    money = pd.Series(np.nan, index=found.names) if spend is None else spend
    table["spend"] = money.reindex(table["channel"]).to_numpy()
    table["cost_per_added"] = table["spend"] / table["added"].where(table["added"] > 0)
    return table


def _best(found: Audiences) -> "np.ndarray[Any, Any]":
    """Most customers that 1, 2, … channels touch together, over all sets of channels."""
    import numpy as np

    channels = len(found.channels)
    within = np.zeros(2**channels)
    within[found.sets["mask"].to_numpy()] = found.customers
    for place in range(channels):  # afterwards: customers whose channels all lie within the set
        halves = within.reshape(-1, 2, 2**place)
        halves[:, 1] += halves[:, 0]
    missed = within[::-1]  # of a set: those whose channels all lie within the others
    size = np.bitwise_count(np.arange(2**channels))
    return np.array([within[-1] - missed[size == count].min() for count in range(1, channels + 1)]).astype(int)
