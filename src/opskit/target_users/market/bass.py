"""The Bass model of adoption: innovators come by themselves, imitators because others have."""

from typing import TYPE_CHECKING, Any, Self

from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

ESTIMATORS = ("weighted", "intervals", "density")
FEWEST_PERIODS = 6
_ROUNDS = 20
_STEP = 1e-4  # of a logarithm, for slopes
_PARAMETERS = ("p", "q", "m")


def adopted(time: "ArrayLike", p: float, q: float) -> "np.ndarray[Any, Any]":
    """Share of all who ever adopt that have done so by a time.

    Args:
        time: Periods since the launch.
        p: Coefficient of innovation, per period.
        q: Coefficient of imitation, per period.

    Source: Bass (1969), "A new product growth model for consumer durables".

    >>> adopted([0, 5, 50], 0.03, 0.38).round(3)
    array([0.   , 0.331, 1.   ])
    """
    import numpy as np

    left = np.exp(-(p + q) * np.asarray(time, dtype=float))
    return p * (1 - left) / (p + q * left)


def adopting(time: "ArrayLike", p: float, q: float) -> "np.ndarray[Any, Any]":
    """Share of all who ever adopt that do so per period at a time: the density belonging to `adopted`.

    >>> adopting([0.0], 0.03, 0.38).round(3)
    array([0.03])
    """
    import numpy as np

    left = np.exp(-(p + q) * np.asarray(time, dtype=float))
    return (p + q) ** 2 / p * left / (1 + q / p * left) ** 2


class Bass:
    """Bass curve fitted to the number of adopters in each period since the launch.

    Estimators, all least squares in p, q and m:

    - ``weighted``: adopters of a period against m (F(t) - F(t - 1)), each weighted by one over its expected number, so
      that many adopters may scatter more than few (quasi-Poisson: the size of the scatter is estimated, and at least
      that of a count). Its intervals cover as they should once the peak is past; the others' are given for comparison.
    - ``intervals``: the same without weights, Srinivasan & Mason (1986).
    - ``density``: against m f(t) at t = 1, 2, ..., without weights; the form of many textbooks' figures.

    Args:
        estimator: One of these.

    Attributes:
        p_: Coefficient of innovation, per period.
        q_: Coefficient of imitation, per period.
        m_: How many adopt in the end.
        peak_: Periods from the launch to the most adoptions; 0 where they only fall.
        scatter_: Variance over expected number (weighted); variance of a residual (the others).
        at_limit_: Whether the search ended at the edge of what it tries, so that the numbers mean nothing.

    Source: Bass (1969); Srinivasan & Mason (1986), "Nonlinear least squares estimation of new product diffusion models";
        Seber & Wild (1989) for intervals by the delta method, here on the log scale with Student's t.
    """

    def __init__(self, *, estimator: str = "weighted") -> None:
        check(estimator, "estimator", among=ESTIMATORS)
        self.estimator = estimator

    def fit(self, adopters: "ArrayLike") -> Self:
        """Fit the curve.

        Args:
            adopters: New adopters in each period, from the launch on, every period whole.

        Raises:
            TooLittleDataError: There are fewer than six periods, or fewer than ten adopters.
            OpskitError: A number is negative or missing.

        >>> vcr = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
        >>> model = Bass(estimator="density").fit(vcr)
        >>> round(model.p_, 5), round(model.q_, 3), round(model.m_, -2)
        (0.00659, 0.638, 68000.0)
        """
        import numpy as np

        counts = np.asarray(adopters, dtype=float)
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise OpskitError("adopters must be whole periods' numbers, none negative and none missing.")
        if len(counts) < FEWEST_PERIODS or counts.sum() < 10:
            raise TooLittleDataError(
                f"A Bass curve needs {FEWEST_PERIODS} whole periods and 10 adopters; there are {len(counts)} and {counts.sum():.0f}."
            )
        self.adopters_, self.periods_ = counts, len(counts)
        self._search()
        return self

    def predict(self, periods: int) -> "np.ndarray[Any, Any]":
        """Expected adopters in each of so many periods since the launch, the fitted ones included."""
        return self._mean(self._logs, periods)

    def forecast(self, periods: int, *, confidence: float = 0.95) -> "pd.DataFrame":
        """Expected adopters in each of so many periods, with how far the parameters leave them open.

        Args:
            periods: Periods since the launch, the fitted ones included.
            confidence: Coverage of the interval of the expected number, between 0 and 1; adopters scatter around it.

        Returns:
            period (from 1), estimate, low, high.

        Raises:
            OpskitError: An option is out of range.
        """
        import numpy as np
        import pandas as pd

        check(periods, "periods", ge=1)
        check(confidence, "confidence", gt=0, lt=1)
        with np.errstate(divide="ignore"):
            steps = [np.log(self._mean(self._logs + at, periods)) for at in (*_STEP * np.eye(3), *-_STEP * np.eye(3))]
        slope = np.nan_to_num(
            np.stack([(up - down) / (2 * _STEP) for up, down in zip(steps[:3], steps[3:], strict=True)])
        )
        half = self._reach(confidence) * np.sqrt(np.einsum("ip,ij,jp->p", slope, self._covariance, slope))
        estimate = self.predict(periods)
        with np.errstate(over="ignore"):
            table = {"estimate": estimate, "low": estimate * np.exp(-half), "high": estimate * np.exp(half)}
        return pd.DataFrame({"period": np.arange(1, periods + 1), **table})

    def summary(self, *, confidence: float = 0.95) -> "pd.DataFrame":
        """Parameters, peak and share adopted so far, with intervals.

        Args:
            confidence: Coverage of the intervals, between 0 and 1.

        Returns:
            figure (p, q, m, peak in periods since the launch, adopted: the share of m that has come), estimate, low,
            high, n (periods). Before the peak is past, m and what hangs on it are hardly known: see `peak_is_past`.

        Raises:
            OpskitError: The confidence is not between 0 and 1.
        """
        import numpy as np
        import pandas as pd

        check(confidence, "confidence", gt=0, lt=1)
        reach = self._reach(confidence)
        errors = np.sqrt(np.diag(self._covariance))
        with np.errstate(over="ignore"):
            low, high = np.exp(self._logs - reach * errors), np.exp(self._logs + reach * errors)
        half = reach * self._peak_error()
        so_far = self.adopters_.sum()
        low[2] = min(max(low[2], so_far), self.m_)  # who has come is part of those who come in the end
        rows = [*zip(_PARAMETERS, np.exp(self._logs), low, high, strict=True)]
        rows += [("peak", self.peak_, max(self.peak_ - half, 0.0), self.peak_ + half)]
        rows += [("adopted", *(min(1.0, so_far / most) for most in (self.m_, high[2], low[2])))]
        return pd.DataFrame(rows, columns=["figure", "estimate", "low", "high"]).assign(n=self.periods_)

    def peak_is_past(self, *, confidence: float = 0.95) -> bool:
        """Whether the whole interval of the peak lies before the last period, so that m can be told at all."""
        peak = self.summary(confidence=confidence).set_index("figure").to_dict("index")["peak"]
        return not self.at_limit_ and peak["high"] <= self.periods_

    def _reach(self, confidence: float) -> float:
        """How many standard errors an interval reaches to either side."""
        from scipy.special import stdtrit

        return float(stdtrit(self.periods_ - len(_PARAMETERS), (1 + confidence) / 2))

    def _mean(self, logs: Any, periods: int) -> "np.ndarray[Any, Any]":
        import numpy as np

        p, q, m = np.exp(logs)
        if self.estimator == "density":
            return m * adopting(np.arange(1, periods + 1), p, q)
        return m * np.diff(adopted(np.arange(periods + 1), p, q))

    def _search(self) -> None:
        import numpy as np
        from scipy.optimize import least_squares

        n, total = self.periods_, self.adopters_.sum()
        bounds = np.log([[1e-8 / n, 1e-3 / n, total / 2], [20 / n, 100 / n, 1e4 * total]])
        logs = np.clip(self._start(), bounds[0] + 1e-6, bounds[1] - 1e-6)
        weights = np.ones(n) / np.sqrt(self.adopters_.mean())
        result: Any = None
        for _ in range(_ROUNDS if self.estimator == "weighted" else 1):
            if self.estimator == "weighted":
                weights = 1 / np.sqrt(np.maximum(self._mean(logs, n), 1e-6 * total))
            result = least_squares(
                lambda at, by=weights: (self._mean(at, n) - self.adopters_) * by, logs, bounds=bounds, x_scale="jac", xtol=1e-12, ftol=1e-12, gtol=1e-12
            )  # fmt: skip
            moved, logs = np.abs(result.x - logs).max(), result.x
            if moved < 1e-7:
                break
        scatter = 2 * result.cost / (n - len(_PARAMETERS))
        # Counts cannot scatter less than by chance, so a smooth stretch must not make the curve look surer.
        scatter = max(scatter, 1.0) if self.estimator == "weighted" else scatter
        self._covariance = np.linalg.pinv(result.jac.T @ result.jac) * scatter
        self._logs = result.x
        self.p_, self.q_, self.m_ = map(float, np.exp(self._logs))
        self.peak_ = max(0.0, float(np.log(self.q_ / self.p_) / (self.p_ + self.q_)))
        self.scatter_ = float(scatter if self.estimator == "weighted" else scatter * self.adopters_.mean())
        self.at_limit_ = bool((np.abs(result.x - bounds) < 1e-3).any())

    def _start(self) -> "np.ndarray[Any, Any]":
        """Best of a grid of p and q, m following from them: the sum of squares has several valleys."""
        import numpy as np

        n, weights = self.periods_, 1 / np.maximum(self.adopters_, 1)
        best, start = np.inf, np.zeros(3)
        for q in np.geomspace(0.3, 20, 12) / n:
            for p in np.geomspace(3e-5, 6, 14) / n:
                shape = self._mean(np.log([p, q, 1.0]), n)
                m = (weights * shape * self.adopters_).sum() / (weights * shape * shape).sum()
                cost = (weights * (m * shape - self.adopters_) ** 2).sum()
                if cost < best:
                    best, start = cost, np.log([p, q, m])
        return start

    def _peak_error(self) -> float:
        """Standard error of ln(q / p) / (p + q), by the delta method on the logs of p and q."""
        import numpy as np

        rate = self.p_ + self.q_
        peak = np.log(self.q_ / self.p_) / rate
        slope = np.array([-1 - peak * self.p_, 1 - peak * self.q_, 0.0]) / rate
        return float(np.sqrt(max(slope @ self._covariance @ slope, 0.0)))
