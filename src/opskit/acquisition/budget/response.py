"""Response of a daily series to spend: geometric carry-over, saturation, and one fit for one channel or for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LEAST_ELASTICITY = 0.01
_CARRY_OVER = (-0.5, 0.95)  # below 0 only so that the estimate can err to both sides of 0; never shown below it
_LAGS = 7  # days over which errors may hang together
_STARTS = ((0.2, 0.6), (0.7, 0.6))


class Known(NamedTuple):
    """What an experiment says about a channel: the outcomes its spend caused in some days."""

    channel: int  # column of spend
    days: "NDArray[np.bool_]"
    caused: float
    standard_error: float


@dataclass(frozen=True)
class Fit:
    """A fitted response.

    Attributes:
        response: Outcomes a day that each channel causes at its average spend, kept up.
        carry_over: Share of the effect of spend kept from one day to the next.
        elasticity: Per cent more outcomes for a per cent more spend, at the average spend; 1 is a straight line.
        covariance: Of the three above, channel by channel: response of all, then carry-over, then elasticity.
        expected: Outcomes of each day.
        baseline: The part of them that comes without spend.
        dispersion: Variance of the errors over that of pure counting.
    """

    response: "Floats"
    carry_over: "Floats"
    elasticity: "Floats"
    covariance: "Floats"
    expected: "Floats"
    baseline: "Floats"
    dispersion: float
    season: "Floats"


def adstock(spend: "Floats", carry_over: float) -> "Floats":
    """Spend still at work on each day: geometric carry-over, scaled so that constant spend stays what it is.

    Args:
        spend: One value per day.
        carry_over: Share kept from one day to the next, between -1 and 1.

    Returns:
        One value per day. Before the first day the spend is taken to have been as on it.

    Raises:
        OpskitError: The share is out of range.

    Source: Broadbent (1979), "One way TV advertisements work".

    >>> import numpy as np
    >>> adstock(np.array([0.0, 8, 0, 0]), 0.5)
    array([0., 4., 2., 1.])
    """
    import numpy as np
    from scipy.signal import lfilter

    check(float(carry_over), "carry_over", gt=-1, lt=1)
    start = np.array([carry_over * spend[0]])
    working: Any = lfilter([1 - carry_over], [1, -carry_over], spend, zi=start)[0]
    return working


def saturation(level: "Floats", elasticity: "Floats | float") -> "Floats":
    """Response to a level of spend, both 1 at the average: level / ((1 - elasticity) * level + elasticity).

    The curve x / (x + half) in other words: half, the spend that brings half of the most, is elasticity / (1 -
    elasticity) times the average. So written, a straight line (1) is inside the range, and the number is close to what
    the data tell.

    >>> import numpy as np
    >>> saturation(np.array([0.0, 1.0, 3.0]), 0.5)
    array([0. , 1. , 1.5])
    """
    return level / ((1 - elasticity) * level + elasticity)


def fit(
    outcome: "Floats",
    spend: "Floats",
    *,
    season: "Floats | None" = None,
    shapes: "Sequence[tuple[float, float]] | None" = None,
    known: Sequence[Known] = (),
) -> Fit:
    """Fit outcomes a day = exp(season) + sum over channels of response * saturation(adstock(spend)).

    Args:
        outcome: Sign-ups or first orders, one value per day.
        spend: One row per day, one column per channel.
        season: One row per day of what moves the baseline; None: without spend nothing comes.
        shapes: Carry-over and elasticity of each channel, to be taken as given; None: fitted.
        known: What experiments say, each with its standard error.

    Returns:
        The fit. Its covariance holds for errors that are larger than those of counting and hang together for a week.

    Raises:
        OpskitError: A channel never spent, or nothing ever came.

    Assumes a response that stays the same over the period, and spend that does not itself follow the outcome.

    Source: Jin, Wang, Sun, Chan and Koehler (2017), "Bayesian methods for media mix modeling with carryover and shape
    effects"; McCullagh and Nelder (1989) for the quasi-likelihood; Newey and West (1987) for the covariance.
    """
    import numpy as np

    if not (spend.mean(axis=0) > 0).all() or not outcome.sum() > 0:
        raise OpskitError("a response needs spend in every channel and at least one outcome.")
    model = _Model(outcome, spend / spend.mean(axis=0), season, shapes, tuple(known))
    best = _best(model)
    response, carry_over, elasticity, weights = model.parts(best)
    baseline = model.baseline(weights)
    expected = model.expected(best)[0]
    covariance, dispersion = model.covariance(best)
    return Fit(
        response, carry_over, elasticity, covariance, expected, baseline, dispersion, np.asarray(weights, dtype=float)
    )


def _best(model: "_Model") -> Any:
    """Least deviance; a second start only where the first ended at a bound."""
    from scipy.optimize import least_squares

    found: list[Any] = []
    for start in _STARTS:
        one: Any = least_squares(
            model.residuals,
            model.start(*start),
            jac=model.jacobian,  # pyright: ignore[reportArgumentType]  scipy documents a callable
            bounds=model.bounds(),
            x_scale="jac",
            max_nfev=60,
        )
        found.append(one)
        if not found[-1].active_mask.any():
            break
    return min(found, key=lambda one: one.cost).x


class _Model:
    """Residuals and derivatives; parameters are response, carry-over, elasticity of every channel, then the season's."""

    def __init__(self, outcome: Any, spend: Any, season: Any, shapes: Any, known: tuple[Known, ...]) -> None:
        self.outcome, self.spend, self.season, self.shapes, self.known = outcome, spend, season, shapes, known
        self.channels = spend.shape[1]
        self.mean = float(outcome.mean())
        self._last: tuple[bytes, Any] = (b"", None)

    def start(self, carry_over: float, elasticity: float) -> Any:
        import numpy as np

        k, mean = self.channels, self.mean
        of_spend = mean if self.season is None else 0.4 * mean
        shape = [] if self.shapes is not None else [carry_over] * k + [elasticity] * k
        flat = (
            []
            if self.season is None
            else np.linalg.lstsq(self.season, np.full(len(self.outcome), np.log(mean - of_spend)))[0]
        )
        return np.concatenate([[of_spend / k] * k, shape, flat])

    def bounds(self) -> Any:
        import numpy as np

        k = self.channels
        low, high = [-self.mean] * k, [np.inf] * k
        if self.shapes is None:
            low += [_CARRY_OVER[0]] * k + [_LEAST_ELASTICITY] * k
            high += [_CARRY_OVER[1]] * k + [1.0] * k
        more = 0 if self.season is None else self.season.shape[1]
        return np.array(low + [-np.inf] * more), np.array(high + [np.inf] * more)

    def parts(self, at: Any) -> tuple[Any, Any, Any, Any]:
        import numpy as np

        k = self.channels
        if self.shapes is not None:
            carry_over, elasticity = np.array(self.shapes, dtype=float).T
            return at[:k], carry_over, elasticity, at[k:]
        return at[:k], at[k : 2 * k], at[2 * k : 3 * k], at[3 * k :]

    def baseline(self, weights: Any) -> Any:
        import numpy as np

        if self.season is None:
            return np.zeros(len(self.outcome))
        return np.exp(np.clip(self.season @ weights, -30, 30))

    def expected(self, at: Any) -> tuple[Any, Any]:
        """Expected outcomes and their derivatives, a column per parameter; asked twice at each place, worked out once."""
        if self._last[0] != at.tobytes():
            self._last = at.tobytes(), self._work_out(at)
        return self._last[1]

    def _work_out(self, at: Any) -> tuple[Any, Any]:
        import numpy as np
        from scipy.signal import lfilter

        response, carry_over, elasticity, weights = self.parts(at)
        by_response, by_carry_over, by_elasticity = (np.empty_like(self.spend) for _ in range(3))
        for place in range(self.channels):
            spend, kept, bend = self.spend[:, place], carry_over[place], elasticity[place]
            level = adstock(spend, kept)
            under = (1 - bend) * level + bend
            before = np.concatenate([spend[:1], level[:-1]])
            moved: Any = lfilter([1.0], [1.0, -kept], before - spend)
            by_response[:, place] = level / under
            by_carry_over[:, place] = response[place] * bend / under**2 * moved
            by_elasticity[:, place] = response[place] * level * (level - 1) / under**2
        baseline = self.baseline(weights)
        shape = [] if self.shapes is not None else [by_carry_over, by_elasticity]
        season = [] if self.season is None else [baseline[:, None] * self.season]
        self._caused = by_response * response  # by day and channel, for what experiments know
        return baseline + by_response @ response, np.hstack([by_response, *shape, *season])

    def residuals(self, at: Any) -> Any:
        """Signed roots of the deviance, so that least squares is the likelihood of counts; experiments below them."""
        import numpy as np
        from scipy.special import xlogy

        mean, _ = self.expected(at)
        mean = np.maximum(mean, 1e-3 * self.mean)
        deviance = 2 * (xlogy(self.outcome, self.outcome / mean) - self.outcome + mean)
        roots = np.sign(self.outcome - mean) * np.sqrt(np.maximum(deviance, 0))
        tests = [(self._caused[one.days, one.channel].sum() - one.caused) / one.standard_error for one in self.known]
        return np.concatenate([roots, tests])

    def jacobian(self, at: Any) -> Any:
        import numpy as np

        mean, slope = self.expected(at)
        floor = 1e-3 * self.mean
        held = mean < floor
        mean = np.maximum(mean, floor)
        roots = self.residuals(at)[: len(mean)]
        near = np.abs(roots) < 1e-4
        change = np.where(near, -1 / np.sqrt(mean), (1 - self.outcome / mean) / np.where(near, 1.0, roots))
        rows = np.where(held, 0.0, change)[:, None] * slope
        return np.vstack([rows, self.test_rows(slope)])

    def test_rows(self, slope: Any) -> Any:
        """Derivatives of the residuals of experiments."""
        import numpy as np

        rows = np.zeros((len(self.known), slope.shape[1]))
        own = self.channels * (1 if self.shapes is not None else 3)
        for row, one in zip(rows, self.known, strict=True):
            for column in range(one.channel, own, self.channels):
                row[column] = slope[one.days, column].sum() / one.standard_error
        return rows

    def covariance(self, at: Any) -> tuple[Any, float]:
        """Sandwich with Newey-West weights over a week, of the channels' parameters; and the dispersion."""
        import numpy as np

        mean, slope = self.expected(at)
        mean = np.maximum(mean, 1e-3 * self.mean)
        pearson = (self.outcome - mean) / np.sqrt(mean)
        days, parameters = slope.shape
        scale = np.sqrt(days / max(days - parameters, 1))
        scores = slope * ((self.outcome - mean) / mean)[:, None] * scale
        tests = self.test_rows(slope)
        meat = scores.T @ scores + tests.T @ tests
        for lag in range(1, _LAGS + 1):
            both = scores[lag:].T @ scores[:-lag]
            meat += (1 - lag / (_LAGS + 1)) * (both + both.T)
        bread = np.linalg.pinv((slope / mean[:, None]).T @ slope + tests.T @ tests, hermitian=True)
        own = self.channels * (1 if self.shapes is not None else 3)
        return (bread @ meat @ bread)[:own, :own], float((pearson**2).sum() * scale**2 / days)
