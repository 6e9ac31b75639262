"""Whether a monthly series has changed its level or its pace, when, and how likely that is by chance."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

FEWEST_MONTHS = 12
_SEASONAL_MONTHS = 36
_YEAR = 12
_PERSISTENCE = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)


class Change(NamedTuple):
    """The likeliest change of a series."""

    found: "pd.DataFrame"  # one row: place, month, F, p, level_change, level_low, level_high, growth_before, growth_after, n, seasonal
    by_place: "pd.DataFrame"  # place, month, F, critical: the statistic of every place tried
    course: "pd.DataFrame"  # month, count, without (expected without a change), with_change


def change(
    counts: "ArrayLike",
    months: Any = None,
    *,
    trim_share: float = 0.15,
    simulations: int = 2000,
    confidence: float = 0.95,
    seed: int = 7,
) -> Change:
    """Test a monthly count for one change of level, growth or both, in a month that is not known beforehand.

    The series is taken as growing at a steady pace, exp(a + b month), fitted as quasi-Poisson; with three years or more
    the months of the year have effects of their own. Every month in the middle is tried as the first of a new level and
    pace, by an F test; the largest F is held against the largest F of simulated series without a change that
    scatter as much and hang together from month to month as much as this one does beside its own likeliest change.

    Args:
        counts: The number in each month, every month whole.
        months: First days of the months, or any labels as many as the counts; None: 0, 1, 2, ...
        trim_share: Share of the months at either end in which no change is looked for; never fewer than four months.
        simulations: How many series without a change to draw.
        confidence: One minus the level of the test, and coverage of the interval of the jump.
        seed: Of the draws.

    Returns:
        ``found``, one row: place and month (the first of the new course), F, p, level_change (jump in that month as a
        share of the old course: 0.2 is 20% more), level_low, level_high (interval that takes the month as known, so it
        is too narrow), growth_before, growth_after (per month, as shares), n (months), seasonal (whether the months of
        the year have effects). ``by_place``: place, month, F, critical (which the largest F passes by chance in 1 -
        confidence of the series). ``course``: month, count, without, with_change (expected).

    Raises:
        TooLittleDataError: There are fewer than 12 months, or next to nothing is counted.
        OpskitError: An option is out of range.

    Assumes one change at most, and noise that is alike at all times for its level. With less than three years a season
    looks like changes to the test and like noise to its yardstick: compare with the same month a year before.

    Source: Quandt (1960); Andrews (1993), "Tests for parameter instability and structural change with unknown change
        point"; simulated as in Hansen (2000), "Testing for structural change in conditional models".

    >>> series = [100, 104, 98, 103, 99, 101, 102, 97, 150, 148, 153, 149, 152, 147, 151, 150]
    >>> found = change(series).found.iloc[0]
    >>> int(found["place"]), bool(found["p"] < 0.01), round(float(found["level_change"]), 1)
    (8, True, 0.5)
    """
    import numpy as np
    import pandas as pd

    check(trim_share, "trim_share", ge=0, lt=0.5)
    check(simulations, "simulations", ge=100)
    check(confidence, "confidence", gt=0, lt=1)
    y = np.asarray(counts, dtype=float)
    if len(y) < FEWEST_MONTHS or y.mean() < 1:
        raise TooLittleDataError(
            f"A change needs {FEWEST_MONTHS} whole months and one newcomer a month to be told; there are {len(y)} months "
            f"and {y.sum():.0f}."
        )
    labels = list(range(len(y))) if months is None else list(months)
    steady = _design(len(y))
    expected = poisson_mean(steady, y)
    scale = np.sqrt(np.maximum(expected, 1e-9))
    places = _places(len(y), trim_share)
    tests = _Tests(steady, scale, places)
    residuals = ((y - expected) / scale)[:, None]
    F = tests.statistics(residuals)[:, 0]
    place = int(places[F.argmax()])
    changed = np.column_stack([steady, *_break(len(y), place)])
    after = poisson_mean(changed, y)
    chance = tests.by_chance(residuals, simulations, seed)
    rarer = (1 + int((chance >= F.max()).sum())) / (1 + simulations)
    row = {"place": place, "month": labels[place], "F": F.max(), "p": rarer}
    row |= _jump(changed, y, after, confidence)
    found = pd.DataFrame([row | {"n": len(y), "seasonal": steady.shape[1] > 2}])
    by_place = {
        "place": places,
        "month": [labels[at] for at in places],
        "F": F,
        "critical": np.quantile(chance, confidence),
    }
    course = pd.DataFrame({"month": labels, "count": y, "without": expected, "with_change": after})
    return Change(found, pd.DataFrame(by_place), course)


def growth(counts: "ArrayLike", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Steady growth per month of a monthly count.

    Args:
        counts: The number in each month, every month whole.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate (0.03: 3% a month), low, high, n (months): one row, all missing with fewer than 12 months.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes one pace throughout; the scatter around it (season, campaigns) is taken as independent from month to month.

    >>> growth([100 * 1.1**month for month in range(12)])[["estimate", "n"]].round(3).values.tolist()
    [[0.1, 12.0]]
    """
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    check(confidence, "confidence", gt=0, lt=1)
    y = np.asarray(counts, dtype=float)
    if len(y) < FEWEST_MONTHS or y.mean() < 1:
        return pd.DataFrame({"estimate": [np.nan], "low": np.nan, "high": np.nan, "n": len(y)})
    design = _design(len(y))
    mean = poisson_mean(design, y)
    slope, error = _coefficient(design, y, mean, 1)
    half = stdtrit(len(y) - design.shape[1], (1 + confidence) / 2) * error
    per_month = np.expm1(np.array([slope, slope - half, slope + half]))
    return pd.DataFrame([[*per_month, len(y)]], columns=["estimate", "low", "high", "n"])


def poisson_mean(design: "np.ndarray[Any, Any]", counts: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Expected counts of a log-linear Poisson regression, by iterated weighted least squares."""
    import numpy as np

    mean = counts + 0.5
    for _ in range(50):
        root = np.sqrt(mean)
        target = np.log(mean) + (counts - mean) / mean
        coefficients = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        new = np.exp(np.clip(design @ coefficients, -30, 30))
        settled, mean = bool(np.abs(new - mean).max() <= 1e-9 * new.max()), new
        if settled:
            break
    return mean


def _design(n: int) -> "np.ndarray[Any, Any]":
    """Level, pace and, where every month of the year comes three times, its effect."""
    import numpy as np

    month = np.arange(n)
    columns = [np.ones(n), month - (n - 1) / 2]
    if n >= _SEASONAL_MONTHS:
        columns += [(month % _YEAR == one).astype(float) for one in range(1, _YEAR)]
    return np.column_stack(columns)


def _break(n: int, place: int) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    import numpy as np

    since = np.arange(n) - place
    return (since >= 0).astype(float), np.maximum(since, 0).astype(float)


def _places(n: int, trim_share: float) -> "np.ndarray[Any, Any]":
    import numpy as np

    kept = max(4, round(trim_share * n))
    return np.arange(kept, n - kept + 1)


class _Tests:
    """F tests at every place, for many series of standardized residuals at once."""

    def __init__(self, steady: Any, scale: Any, places: Any) -> None:
        import numpy as np

        self._length, self._steady = steady.shape
        self._without = np.linalg.qr(steady * scale[:, None])[0]
        self._with = [
            np.linalg.qr(np.column_stack([steady, *_break(self._length, int(place))]) * scale[:, None])[0]
            for place in places
        ]

    def statistics(self, residuals: Any) -> "np.ndarray[Any, Any]":
        """F by place (rows) and series (columns)."""
        import numpy as np

        whole = (residuals**2).sum(axis=0)
        explained = ((self._without.T @ residuals) ** 2).sum(axis=0)
        more = np.stack([((basis.T @ residuals) ** 2).sum(axis=0) for basis in self._with])
        left = np.maximum(whole - more, 1e-12)
        return ((more - explained) / 2) / (left / (self._length - self._steady - 2))

    def neighbours(self, residuals: Any, F: Any) -> "np.ndarray[Any, Any]":
        """Correlation of neighbouring residuals of each series, beside its own likeliest change."""
        import numpy as np

        best, found = F.argmax(axis=0), np.empty(residuals.shape[1])
        for place in np.unique(best):
            own, basis = best == place, self._with[place]
            left = residuals[:, own] - basis @ (basis.T @ residuals[:, own])
            found[own] = (left[1:] * left[:-1]).sum(axis=0) / np.maximum((left**2).sum(axis=0), 1e-12)
        return found

    def by_chance(self, residuals: Any, simulations: int, seed: int) -> "np.ndarray[Any, Any]":
        """Largest F of series without a change, in which a month follows the one before as much as in this series.

        Fitting takes correlation off the residuals, so the persistence is the one whose simulated series show as much
        of it, in the middle, as this one.
        """
        import numpy as np

        seen = float(self.neighbours(residuals, self.statistics(residuals))[0])
        shown: list[float] = []
        for persistence in _PERSISTENCE:
            noise = self._noise(persistence, 200, seed)
            shown.append(float(np.median(self.neighbours(noise, self.statistics(noise)))))
        matched = float(np.interp(seen, np.maximum.accumulate(shown), _PERSISTENCE))
        return self.statistics(self._noise(matched, simulations, seed)).max(axis=0)

    def _noise(self, persistence: float, simulations: int, seed: int) -> "np.ndarray[Any, Any]":
        import numpy as np

        noise = np.random.default_rng(seed).standard_normal((self._length, simulations))
        noise[0] /= np.sqrt(1 - persistence**2)
        for month in range(1, self._length):
            noise[month] += persistence * noise[month - 1]
        return noise


def _coefficient(design: Any, y: Any, mean: Any, column: int) -> tuple[float, float]:
    """A coefficient of the fitted regression and its standard error; the scatter is at least that of a count."""
    import numpy as np

    root = np.sqrt(mean)
    weighted = design * root[:, None]
    coefficients = np.linalg.lstsq(weighted, np.log(mean) * root, rcond=None)[0]
    scatter = max(1.0, float((((y - mean) / root) ** 2).sum() / (len(y) - design.shape[1])))
    covariance = np.linalg.pinv(weighted.T @ weighted) * scatter
    return float(coefficients[column]), float(np.sqrt(covariance[column, column]))


def _jump(changed: Any, y: Any, mean: Any, confidence: float) -> dict[str, float]:
    import numpy as np
    from scipy.special import stdtrit

    last = changed.shape[1] - 1
    level, error = _coefficient(changed, y, mean, last - 1)
    half = stdtrit(len(y) - last - 1, (1 + confidence) / 2) * error
    before, more = _coefficient(changed, y, mean, 1)[0], _coefficient(changed, y, mean, last)[0]
    names = ("level_change", "level_low", "level_high", "growth_before", "growth_after")
    with np.errstate(over="ignore"):
        return dict(
            zip(
                names,
                np.expm1(np.array([level, level - half, level + half, before, before + more])).tolist(),
                strict=True,
            )
        )
