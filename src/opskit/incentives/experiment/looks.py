"""What reading a running test every week does: the readings as they would have been, and bounds that allow for them."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import frames
from opskit.errors import check
from opskit.incentives.experiment.effects import known_before
from opskit.incentives.experiment.measures import MEASURES, metric
from opskit.incentives.experiment.outcomes import Outcomes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_FEWEST = 20
"""Customers of each arm before a week is read."""
_FARTHEST = 8.0
"""A bound beyond this is written as this: no data reach it."""
_GRID = 501
_WEEK = 7


def spending_bounds(fractions: Sequence[float], *, alpha: float = 0.05) -> "Floats":
    """Two-sided bounds for z-values read one after another, so that all readings together cry wolf with alpha at most.

    Args:
        fractions: Share of the final information at each reading, increasing, at most 1.
        alpha: Of all readings together.

    Returns:
        A bound per reading: very far at the beginning, near the usual one at the end.

    Raises:
        OpskitError: Fractions are not increasing within 0 to 1.

    Source: the spending function of O'Brien-Fleming type, Lan & DeMets (1983), "Discrete sequential boundaries for
        clinical trials"; recursion of Armitage, McPherson & Rowe (1969).

    >>> spending_bounds([0.5, 1.0]).round(3).tolist()
    [2.963, 1.969]
    """
    import numpy as np
    from scipy.optimize import root_scalar
    from scipy.special import ndtr, ndtri

    _increasing(fractions)
    check(alpha, "alpha", gt=0, lt=1)
    spent = np.array([4 * float(ndtr(ndtri(alpha / 4) / np.sqrt(t))) for t in fractions])  # half of alpha on each side
    inside, bounds = None, list[float]()
    for time, now in zip(fractions, np.diff(spent, prepend=0.0), strict=True):
        tail = partial(_tail, inside, time)
        reachable = tail(_FARTHEST) < now
        bounds.append(root_scalar(lambda z: tail(z) - now, bracket=(0, _FARTHEST)).root if reachable else _FARTHEST)  # noqa: B023
        inside = _inside(inside, time, bounds[-1])
    return np.array(bounds)


def crossing(fractions: Sequence[float], bounds: Sequence[float]) -> "Floats":
    """Probability that a test of nothing has crossed a bound by each reading.

    Args:
        fractions: As in `spending_bounds`.
        bounds: Bound of the z-value at each reading.

    >>> crossing([0.2, 0.4, 0.6, 0.8, 1.0], [1.96] * 5).round(3).tolist()
    [0.05, 0.083, 0.107, 0.126, 0.142]
    """
    import numpy as np

    _increasing(fractions)
    inside, steps = None, list[float]()
    for time, bound in zip(fractions, bounds, strict=True):
        steps.append(_tail(inside, time, bound))
        inside = _inside(inside, time, bound)
    return np.cumsum(steps)


class Inside(NamedTuple):
    """Tests that have crossed no bound so far: density of their score, z times the root of the information."""

    time: float
    score: "Floats"
    density: "Floats"


def _tail(before: Inside | None, time: float, z: float) -> float:
    """How likely a reading lies beyond z on either side, none before having crossed its bound."""
    import numpy as np
    from scipy.special import ndtr

    if before is None:
        return float(2 * ndtr(-z))
    edge, step = z * np.sqrt(time), np.sqrt(time - before.time)
    beyond = ndtr((-edge - before.score) / step) + ndtr((before.score - edge) / step)
    return float(np.trapezoid(before.density * beyond, before.score))


def _inside(before: Inside | None, time: float, bound: float) -> Inside:
    """The same after one more reading."""
    import numpy as np

    edge = bound * np.sqrt(time)
    score = np.linspace(-edge, edge, _GRID)
    if before is None:
        return Inside(time, score, _normal(score, np.sqrt(time)))
    moved = before.density * _normal(score[:, None] - before.score, np.sqrt(time - before.time))
    return Inside(time, score, np.asarray(np.trapezoid(moved, before.score, axis=1)))


def _normal(x: "Floats", sd: float) -> "Floats":
    import numpy as np

    return np.exp(-((x / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))


def _increasing(fractions: Sequence[float]) -> None:
    before = 0.0
    for fraction in fractions:
        check(fraction, "fractions", gt=before, le=1)
        before = fraction


def final_size(found: Outcomes) -> float:
    """Customers the test will have when it is over: those assigned, and those still to come at the pace so far."""
    assigned = sum(found.assigned(arm) for arm in (found.design.control, found.design.treatment))
    began, ends = found.design.started_on, found.design.ended_on
    if ends is None or ends <= found.as_of or found.as_of < began:
        return float(assigned)
    return assigned * ((ends - began).days + 1) / ((found.as_of - began).days + 1)


def looks(
    found: Outcomes, name: str, *, covariate: str = "before", confidence: float = 0.95, every_days: int = _WEEK
) -> "pd.DataFrame":
    """The metric as it would have been read week by week, with the usual interval and with bounds that allow for it.

    Args:
        found: From `outcomes`.
        name: The metric.
        covariate: As in `effects`.
        confidence: 1 less the false alarms of one reading, and of all readings together.
        every_days: Days between readings, counted back from the last.

    Returns:
        read_on, n, information (share of the customers at the end), estimate, low, high (as usual), p_value, z, bound,
        always_low, always_high (estimate and bound times its standard error), alarm (usual), crossed (bound). A reading
        per week in which both arms have 20 customers or more.

    Assumes information grows with the number of customers, and the last reading was planned. Refunds are those known today.
    """
    import numpy as np
    import pandas as pd

    check(every_days, "every_days", ge=1)
    over = found.days["day"] + found.window_days - 1
    last, first = min(frames.day_number(found.as_of), int(over.max())), int(over.min())
    total, rows = final_size(found), list[dict[str, Any]]()
    for day in range(last - (last - first) // every_days * every_days, last + 1, every_days):
        row = _read(found, name, day, covariate, confidence)
        # Each reading has to add customers: a week without any is no new reading.
        if row and (not rows or row["n"] > rows[-1]["n"]):
            rows.append(row)
    columns = ["read_on", "n", "estimate", "low", "high", "p_value", "z", "error"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(2, "information", table["n"] / max(total, 1.0))
    bounds = spending_bounds(table["information"].tolist(), alpha=1 - confidence)
    table = table.assign(
        bound=bounds,
        always_low=table["estimate"] - bounds * table["error"],
        always_high=table["estimate"] + bounds * table["error"],
        alarm=table["p_value"] < 1 - confidence,
        crossed=np.abs(table["z"]) >= bounds,
    )
    return table.drop(columns="error")


def _read(found: Outcomes, name: str, day: int, covariate: str, confidence: float) -> dict[str, Any]:
    """The metric on a day, nothing while an arm is too small or the metric does not vary."""
    control, treatment = (found.arm(arm, until=day) for arm in (found.design.control, found.design.treatment))
    if control is None or treatment is None or min(control.count(), treatment.count()) < _FEWEST:
        return {}
    usable = covariate if known_before(MEASURES[name], control, treatment, covariate) else "none"
    result = metric(name, found.columns, covariate=usable, confidence_level=confidence).analyze_aggregates(
        control, treatment
    )
    if not abs(result.statistic) < float("inf"):
        return {}
    on = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    ends = {"low": result.effect_size_ci_lower, "high": result.effect_size_ci_upper, "p_value": result.pvalue}
    error = result.effect_size / result.statistic if result.statistic else float("nan")
    n = control.count() + treatment.count()
    return {"read_on": on, "n": n, "estimate": result.effect_size, **ends, "z": result.statistic, "error": error}


def false_alarms(
    table: "pd.DataFrame", *, rng: "np.random.Generator", confidence: float = 0.95, tests: int = 20_000
) -> "pd.DataFrame":
    """How often tests of nothing, read on the same days, would have raised an alarm by each reading: simulated.

    Args:
        table: From `looks`.
        rng: Source of chance.
        confidence: As in `looks`.
        tests: How many tests of nothing to simulate.

    Returns:
        readings, read_on, peeking (share with an alarm by the usual bound so far), low, high, spending (by the bounds that
        allow for reading).
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    from opskit import stats

    fractions = table["information"].to_numpy(float)
    steps = np.sqrt(np.diff(fractions, prepend=0.0))
    z = np.abs(np.cumsum(rng.normal(size=(tests, len(fractions))) * steps, axis=1) / np.sqrt(fractions))
    usual = np.maximum.accumulate(z > ndtri((1 + confidence) / 2), axis=1).sum(axis=0)
    allowed = np.maximum.accumulate(z > table["bound"].to_numpy(float), axis=1).sum(axis=0)
    low, high = stats.wilson(usual, np.full(len(fractions), tests))
    columns = {"peeking": usual / tests, "low": low, "high": high, "spending": allowed / tests}
    return pd.DataFrame({"readings": np.arange(1, len(fractions) + 1), "read_on": table["read_on"], **columns})
