"""Whether to believe the curves: what they leave unexplained, weeks they have not seen, and the planted truth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit.acquisition.budget.curves import IDENTIFIED, RECORDED, Curves
from opskit.acquisition.budget.evidence import Incremental
from opskit.acquisition.budget.response import Fit, adstock, fit, saturation
from opskit.acquisition.budget.season import season
from opskit.acquisition.budget.series import Series
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALL = "all"


def weekly(days: "Floats") -> "Floats":
    """Sums of whole weeks, the last ones; an incomplete week at the start is left out."""
    weeks = len(days) // 7
    return days[len(days) - 7 * weeks :].reshape(weeks, 7).sum(axis=1)


def residuals(found: Series, curves: Curves, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What each fit leaves unexplained, week by week.

    Args:
        found: Of `series`.
        curves: Of `curves`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel (or "all" outcomes), weeks, dispersion (variance over that of pure counting; 1 is chance alone),
        autocorrelation (of neighbouring weeks) with low and high, p (Ljung-Box over four weeks),
        says (p below 1 - confidence, shared out among the fits).

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Source: Ljung and Box (1978), "On a measure of lack of fit in time series models".
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri
    from statsmodels.stats.diagnostic import acorr_ljungbox

    check(confidence, "confidence", gt=0, lt=1)
    z = ndtri((1 + confidence) / 2)
    every = _series(found, curves)
    rows: list[dict[str, Any]] = []
    for name, came, one in every:
        expected = weekly(one.expected)
        left = (weekly(came) - expected) / np.sqrt(np.maximum(expected, 1e-9))
        left = left - left.mean()
        follows = float((left[1:] * left[:-1]).sum() / (left**2).sum())
        half = float(z / np.sqrt(len(left)))
        p = float(acorr_ljungbox(left, lags=[4])["lb_pvalue"].iloc[0])
        says = "something is missing" if p < (1 - confidence) / len(every) else "nothing seems to be missing"
        row = {"channel": name, "weeks": len(left), "dispersion": one.dispersion, "autocorrelation": follows}
        rows.append(row | {"low": follows - half, "high": follows + half, "p": p, "says": says})
    columns = ["channel", "weeks", "dispersion", "autocorrelation", "low", "high", "p", "says"]
    return pd.DataFrame(rows, columns=columns)


def _series(found: Series, curves: Curves) -> "list[tuple[str, Floats, Fit]]":
    if curves.by == RECORDED:
        names = [str(name) for name in curves.table["channel"] if name in curves.fits]
        return [(name, found.recorded[name].to_numpy(float), curves.fits[name]) for name in names]
    return [(ALL, found.total, one) for one in list(curves.fits.values())[:1]]


def by_week(found: Series, curves: Curves) -> "pd.DataFrame":
    """Outcomes and their expectation, week by week, of all fits together: week (its first day), came, expected."""
    import numpy as np
    import pandas as pd

    fits = _series(found, curves)
    if not fits:
        return pd.DataFrame(columns=["week", "came", "expected"])
    came, expected = (
        weekly(np.sum([one[1] for one in fits], axis=0)),
        weekly(np.sum([one[2].expected for one in fits], axis=0)),
    )
    start = found.day[len(found.day) % 7 :: 7]
    return pd.DataFrame({"week": pd.DatetimeIndex(start), "came": came, "expected": expected})


def hold_out(found: Series, curves: Curves, *, weeks: int = 8, special_days: str = "") -> "pd.DataFrame":
    """Fit without the last weeks, forecast them from their spend, and set the errors beside a naive forecast's.

    Args:
        found: Of `series`.
        curves: Of `curves`.
        weeks: How many weeks to leave out.
        special_days: As in `season`.

    Returns:
        channel (or "all" outcomes), weeks, came, forecast, naive (outcomes a week as in as many weeks before), error and naive_error (mean absolute
        error a week), says.

    Raises:
        OpskitError: The number of weeks is out of range.
    """
    import numpy as np
    import pandas as pd

    check(weeks, "weeks", ge=1, le=len(found.day) // 14)
    cut = 7 * weeks
    rows: list[dict[str, Any]] = []
    for name, came, _ in _series(found, curves):
        names = [name] if name != ALL else list(curves.fits)
        spend = found.spend[names].to_numpy(float)
        base = None if name != ALL else season(found.day, special_days)
        past = fit(came[:-cut], spend[:-cut], season=None if base is None else base[:-cut])
        ahead = weekly(_forecast(past, spend, len(came) - cut, base)[-cut:])
        seen, before = weekly(came[-cut:]), weekly(came[-2 * cut : -cut]).mean()
        error, naive = float(np.abs(seen - ahead).mean()), float(np.abs(seen - before).mean())
        says = "better than naive" if error < naive else "no better than naive"
        row: dict[str, Any] = {"channel": name, "weeks": weeks, "came": int(seen.sum()), "forecast": float(ahead.sum())}
        rows.append(row | {"naive": before * weeks, "error": error, "naive_error": naive, "says": says})
    columns = ["channel", "weeks", "came", "forecast", "naive", "error", "naive_error", "says"]
    return pd.DataFrame(rows, columns=columns)


def _forecast(past: Fit, spend: "Floats", seen: int, base: "Floats | None") -> "Floats":
    import numpy as np

    expected = np.zeros(len(spend)) if base is None else np.exp(base @ past.season)
    for place in range(spend.shape[1]):
        level = adstock(spend[:, place] / spend[:seen, place].mean(), float(past.carry_over[place]))
        expected = expected + past.response[place] * saturation(level, past.elasticity[place])
    return expected


def beside_truth(curves: Curves, extra: Incremental, truth: "Mapping[str, Any]") -> "pd.DataFrame":
    """Estimates beside what was planted; empty for data whose truth is not known.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        truth: Of the dataset: planted figures by name.

    Returns:
        figure, estimate, low, high, truth, inside.
    """
    import pandas as pd

    planted = truth.get("planted", {})
    rows: list[list[Any]] = []
    known = curves.table[curves.table["verdict"] == IDENTIFIED].set_index("channel")
    shares = extra.table.set_index("channel")
    for name in known.index:
        for figure, key, spoken, table in (
            ("carry_over", "carry_over", "carry-over", known),
            ("elasticity", "half_saturation", "elasticity at average spend", known),
            ("share", "incremental_share", "share that is extra", shares),
        ):
            if f"{key}.{name}" in planted and figure in table:
                value = float(planted[f"{key}.{name}"]["value"])
                value = value / (1 + value) if figure == "elasticity" else value
                own: Any = table.loc[name, [figure, f"{figure}_low", f"{figure}_high"]]
                rows.append([f"{spoken}, {name}", *own.astype(float), value])
    table = pd.DataFrame(rows, columns=["figure", "estimate", "low", "high", "truth"])
    return table.assign(inside=(table["low"] <= table["truth"]) & (table["truth"] <= table["high"]))
