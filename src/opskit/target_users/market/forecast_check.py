"""Would the Bass curve have foretold the months that came? Against two simpler ways to go on."""

from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.target_users.market.bass import Bass
from opskit.target_users.market.change import poisson_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

BASS, LEVEL, PACE = "Bass curve", "last three months go on", "steady growth goes on"
COLUMNS = ["method", "error", "low", "high", "n", "beats_level"]


def forecast_check(adopters: "ArrayLike", *, horizon: int = 6, first: int = 12) -> "pd.DataFrame":
    """Forecasts made at every past month with enough behind it, held against what came.

    Args:
        adopters: New adopters of each whole month since the launch.
        horizon: Months to foretell.
        first: Months that must lie behind the first forecast.

    Returns:
        method (Bass curve, last three months go on, steady growth goes on), error (mean over the forecasts of the
        absolute errors of the months over what came in them), low and high (smallest and largest error of a single forecast: a
        range, no confidence interval, since forecasts of neighbouring months share most of their months), n (forecasts),
        beats_level (share of the forecasts that are better than the last three months'). Best method first; empty where no forecast can be made.

    Raises:
        OpskitError: An option is out of range.

    Source: rolling-origin evaluation, Tashman (2000), "Out-of-sample tests of forecasting accuracy".

    >>> forecast_check([round(100 * 1.1**month) for month in range(24)])["method"].iloc[0]
    'steady growth goes on'
    """
    import numpy as np
    import pandas as pd

    check(horizon, "horizon", ge=1)
    check(first, "first", ge=6)
    counts = np.asarray(adopters, dtype=float)
    errors: dict[str, list[float]] = {BASS: [], LEVEL: [], PACE: []}
    for known in range(first, len(counts) - horizon + 1):
        came = counts[known : known + horizon]
        if counts[:known].sum() < 10 or not came.sum():
            continue
        for method, told in _forecasts(counts[:known], horizon).items():
            errors[method].append(float(np.abs(told - came).sum() / came.sum()))
    if not errors[BASS]:
        return pd.DataFrame(columns=COLUMNS)
    level = np.array(errors[LEVEL])
    rows = [
        (
            method,
            np.mean(made),
            min(made),
            max(made),
            len(made),
            np.mean(np.array(made) < level) if method != LEVEL else np.nan,
        )
        for method, made in errors.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("error", kind="stable", ignore_index=True)


def _forecasts(counts: Any, horizon: int) -> "dict[str, np.ndarray[Any, Any]]":
    import numpy as np

    n = len(counts)
    fitted = np.log(poisson_mean(np.column_stack([np.ones(n), np.arange(n)]), counts))
    ahead = fitted[-1] + np.arange(1, horizon + 1) * (fitted[-1] - fitted[-2])
    return {
        BASS: Bass().fit(counts).predict(n + horizon)[n:],
        LEVEL: np.full(horizon, counts[-3:].mean()),
        PACE: np.exp(np.clip(ahead, -30, 30)),
    }
