"""All experiments of two arms side by side, as everybody reads them and as they may be read."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from opskit.errors import TooLittleDataError
from opskit.incentives.experiment.arm_sizes import believed, sample_ratio
from opskit.incentives.experiment.design import arrivals, design, two_armed
from opskit.incentives.experiment.effects import effects
from opskit.incentives.experiment.outcomes import outcomes

if TYPE_CHECKING:
    import pandas as pd


def register(
    assignments: Any,
    orders: Any,
    experiments: Any | None = None,
    *,
    as_of: dt.date,
    name: str = "orders",
    window_days: int = 60,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Treatment less control of every experiment with two arms, without covariate, and whether it may be read.

    Args:
        assignments: Any engine's frame with experiment, customer_id, variant, assigned_at.
        orders: The same engine's frame with customer_id, ordered_at, revenue.
        experiments: As in `design`.
        as_of: Last day to count, inclusive.
        name: The metric.
        window_days: As in `outcomes`.
        confidence: Coverage of the intervals.

    Returns:
        experiment, treatment, n (customers whose window is over), difference, low, high, p_value (as read without looking at
        the arms' sizes), sizes_p (of the sample ratio), may_be_read.
    """
    import pandas as pd

    arrived = arrivals(assignments, as_of=as_of)
    rows: list[dict[str, Any]] = []
    for experiment in two_armed(arrived, as_of=as_of, window_days=window_days):
        chosen = design(arrived, experiments, as_of=as_of, experiment=experiment, window_days=window_days)
        sizes = sample_ratio(arrived, chosen)
        try:
            found = outcomes(assignments, orders, chosen, as_of=as_of, window_days=window_days, before_days=1)
        except TooLittleDataError:
            continue
        row = effects(found, [name], covariate="none", confidence=confidence).iloc[0]
        rows.append(
            {
                "experiment": experiment,
                "treatment": chosen.treatment,
                **{column: row[column] for column in ("n", "difference", "low", "high", "p_value")},
                "sizes_p": sizes["p_value"].iloc[0],
                "may_be_read": believed(sizes),
            }
        )
    columns = ["experiment", "treatment", "n", "difference", "low", "high", "p_value", "sizes_p", "may_be_read"]
    return pd.DataFrame(rows, columns=columns)
