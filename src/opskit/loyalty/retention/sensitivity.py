"""The page's figures under other choices, each beside the truth where one was planted."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opskit.loyalty.retention.repeat import repeat_probability
from opskit.loyalty.retention.staying import ALL, staying
from opskit.loyalty.retention.stickiness import stickiness

if TYPE_CHECKING:
    import pandas as pd

_REPEATS = ((30, 1), (90, 6), (180, 1))  # horizon in days, last order number
_SILENCES = (90, 180, 270)  # days
_YEAR = 365  # days
_INTERVAL = 60  # days

_VALUE = dict.fromkeys(("probability", "survival", "stickiness"), "estimate")


def sensitivity(
    orders: Any,
    attributes: Any = None,
    *,
    as_of: dt.date,
    by: Sequence[str] = (),
    truth: Mapping[str, Any],
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Repeat probability, staying and stickiness for choices other than the page's.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        attributes: Frame of the same engine with customer_id and the attributes, one row per customer.
        as_of: Last day to count, inclusive.
        by: Attributes by whose values staying is given, for the middle one of the silences.
        truth: What was planted, as `Dataset.truth` has it; empty for real data.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        figure (in words), estimate, low, high, n, truth (missing where nothing was planted), inside (whether the
        interval holds the truth; empty where there is none).

    Raises:
        OpskitError: As `repeat_probability`, `staying` and `stickiness`.
    """
    import pandas as pd

    options: dict[str, Any] = {"as_of": as_of, "confidence": confidence}
    parts = [_repeats(orders, days, last, options) for days, last in _REPEATS]
    for days in _SILENCES:
        values = by if days == _SILENCES[1] else ()
        found = staying(orders, attributes, by=values, silence_days=days, horizon_days=_YEAR, **options)
        parts.append(_stays(found.groups, days))
    sticky = stickiness(orders, interval_days=_INTERVAL, points=1, **options).by_day.head(1)
    window = int(sticky["window_days"].iloc[0])
    words = f"active in the last {_INTERVAL} days, of those active in {window}"
    parts.append(sticky.assign(figure=words, name=f"stickiness.{_INTERVAL}_of_{window}_days"))
    table = pd.concat([part.rename(columns={**_VALUE, "customers": "n"}) for part in parts], ignore_index=True)
    figures = {name: spec["value"] for part in ("planted", "derived") for name, spec in truth.get(part, {}).items()}
    table["truth"] = table["name"].map(figures).astype(float)
    inside = table["truth"].between(table["low"], table["high"])
    table["inside"] = inside.where(table["truth"].notna() & table["estimate"].notna(), "")
    return table[["figure", "estimate", "low", "high", "n", "truth", "inside"]]


def _repeats(orders: Any, days: int, last: int, options: Mapping[str, Any]) -> "pd.DataFrame":
    by_order = repeat_probability(
        orders, horizon_days=days, max_order_number=last, min_customers=1, **options
    ).by_order.astype({"order_number": int})
    words = [f"another order within {days} days of order {k}" for k in by_order["order_number"]]
    later = f"next_order_within_{days}_days.after_"
    names = [f"second_order_within.{days}_days" if k == 1 else f"{later}{k}" for k in by_order["order_number"]]
    return by_order.assign(figure=words, name=names)


def _stays(groups: "pd.DataFrame", days: int) -> "pd.DataFrame":
    """Values followed for a year."""
    groups = groups[(groups["horizon_days"] == _YEAR) & ~groups["small"]]
    values = [value if attribute != ALL else "all" for attribute, value in groups[["attribute", "value"]].to_numpy()]
    words = [f"{value}: never silent for more than {days} days in the first year" for value in values]
    return groups.assign(figure=words, name=[f"never_silent_{days}_days_by_day_{_YEAR}.{value}" for value in values])
