"""The shifted beta-geometric model: contracts that differ in how readily they end."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from opskit.errors import OpskitError, check
from opskit.monetization.subscriptions.likelihood import ALIKE, ONCE, likelihood, maximize, refuse, runaway

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

    Vector = np.ndarray[Any, Any]


class ShiftedBetaGeometric:
    """How long contracts last when each ends at a renewal with a probability of its own.

    The probabilities are Beta(alpha, beta) over contracts and stay as they are while a contract lasts. The share that
    renews still rises with tenure, because those likely to leave leave first: sorting, not growing loyalty.

    Args:
        confidence: Coverage of every interval, between 0 and 1.
        draws: Draws of (alpha, beta) behind the intervals of what follows from them.
        seed: Of the draws.

    Attributes:
        params_: parameter (alpha, beta; first_churn, the mean probability of ending at the first renewal; polarization,
            1 / (alpha + beta + 1), from 0, all alike, to 1, some leave at once and the others never), estimate,
            standard_error, low, high.
        covariance_: Of alpha and beta.
        log_likelihood_: At the estimate.
        n_: Contracts, those not yet at a renewal included.

    Assumes contracts independent of each other; renewals in whole periods; a probability that changes neither with
    tenure nor with the calendar. What lies beyond the longest tenure seen is extrapolation.

    Source: Fader & Hardie (2007), "How to project customer retention"; Fader & Hardie (2010), "Customer-base valuation
    in a contractual setting" for the discounted expected residual lifetime. Intervals are normal for the logarithms of
    alpha and beta, for the log odds of first_churn, and for the logarithm of alpha + beta.

    >>> model = ShiftedBetaGeometric().fit_survivors([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model.params_.set_index("parameter")["estimate"].round(3).head(2).to_dict()
    {'alpha': 0.668, 'beta': 3.806}
    """

    def __init__(self, *, confidence: float = 0.95, draws: int = 2000, seed: int = 7) -> None:
        check(confidence, "confidence", gt=0, lt=1)
        check(draws, "draws", ge=100)
        self.confidence = confidence
        self.draws = draws
        self.seed = seed

    def fit(self, durations: "pd.DataFrame") -> Self:
        """Maximum likelihood from counted durations.

        Args:
            durations: ``time`` (renewals passed; with event the period after which it ended, from 1), ``event`` (true
                when it ended) and ``n`` (how many); rows may repeat a time.

        Raises:
            OpskitError: A column is missing, a time is no whole number of periods, or the data leave alpha and beta
                open: nobody left, everybody left at the first renewal, nobody had a second one to pass, or retention
                does not rise with tenure.
        """
        import numpy as np

        for column in ("time", "event", "n"):
            if column not in durations:
                raise OpskitError(f"durations lacks {column!r}; it has {', '.join(map(repr, durations.columns))}.")
        time, n = durations["time"].to_numpy(), durations["n"].to_numpy(dtype=float)
        event = durations["event"].to_numpy(dtype=bool)
        if (n < 0).any() or (time < event).any() or (time != np.floor(time)).any():
            raise OpskitError("durations must count n >= 0 contracts at whole times, from 1 where they ended.")
        time = time.astype(np.int64)
        longest = int(time.max(initial=0))
        ended = np.bincount(time[event], n[event], longest + 1)[1:]
        leaving = np.bincount(time, n, longest + 1)
        there = leaving[::-1].cumsum()[::-1][1:]  # at each renewal
        return self._fit(ended, there - ended, int(n.sum()))

    def fit_survivors(self, survivors: Sequence[float]) -> Self:
        """Maximum likelihood from one cohort's survivors, as published tables give them.

        Args:
            survivors: Contracts at the start, after the first renewal, after the second, and so on.

        Raises:
            OpskitError: Survivors increase, or as in `fit`.
        """
        import numpy as np

        there = np.asarray(survivors, dtype=float)
        if len(there) < 2 or (np.diff(there) > 0).any() or (there < 0).any():
            raise OpskitError(f"survivors == {list(survivors)}, must be two or more counts that never increase.")
        return self._fit(-np.diff(there), there[1:], round(there[0]))

    def _fit(self, ended: "Vector", renewed: "Vector", n: int) -> Self:
        import numpy as np
        import pandas as pd

        refuse(ended, renewed)
        alpha, beta = maximize(ended, renewed)
        if not ONCE < alpha + beta < ALIKE:
            raise OpskitError(runaway(alpha + beta, ended, renewed))
        self.alpha_, self.beta_, self.n_ = alpha, beta, n
        value, _slope, curvature = likelihood(np.array([alpha, beta]), ended, renewed)
        self.log_likelihood_ = value
        covariance = np.linalg.inv(-curvature)
        self.covariance_ = pd.DataFrame(covariance, index=["alpha", "beta"], columns=["alpha", "beta"])
        scale = np.array([alpha, beta])
        rng = np.random.default_rng(self.seed)
        logs = rng.multivariate_normal(
            np.log(scale), covariance / np.outer(scale, scale), self.draws, method="cholesky"
        )
        self._draws = np.exp(np.clip(logs, -30, 30))
        self.params_ = self._params(covariance)
        return self

    def _params(self, covariance: "Vector") -> "pd.DataFrame":
        """Estimates with intervals that are normal on a scale without bounds."""
        import numpy as np
        import pandas as pd
        from scipy.special import expit, logit, ndtri

        alpha, beta = self.alpha_, self.beta_
        total = alpha + beta
        z = ndtri((1 + self.confidence) / 2)
        rows: list[dict[str, Any]] = []
        for name, value, slope, to, back in (
            ("alpha", alpha, [1, 0], np.log, np.exp),
            ("beta", beta, [0, 1], np.log, np.exp),
            ("first_churn", alpha / total, [beta / total**2, -alpha / total**2], logit, expit),
            ("polarization", 1 / (total + 1), [-1 / (total + 1) ** 2] * 2, logit, expit),
        ):
            error = float(np.sqrt(np.array(slope) @ covariance @ np.array(slope)))
            width = z * error / (value * (1 - value) if to is logit else value)
            bounds = {"low": back(to(value) - width), "high": back(to(value) + width)}
            rows.append({"parameter": name, "estimate": value, "standard_error": error, **bounds})
        return pd.DataFrame(rows)

    def survival(self, periods: "ArrayLike") -> "pd.DataFrame":
        """Share of contracts that have renewed so many times: period, survival, low, high."""
        import numpy as np
        from scipy.special import betaln

        at = _whole(periods, "periods", least=0)
        return self._table(
            {"period": at}, "survival", lambda a, b: np.exp(betaln(a, b + at) - betaln(a, b)), bounds=(0, 1)
        )

    def retention_rate(self, periods: "ArrayLike") -> "pd.DataFrame":
        """Share that renews the so-manieth time, of those that could: period (from 1), retention_rate, low, high."""
        at = _whole(periods, "periods", least=1)
        return self._table(
            {"period": at}, "retention_rate", lambda a, b: (b + at - 1) / (a + b + at - 1), bounds=(0, 1)
        )

    def expected_lifetime(self, *, discount_per_period: float) -> "pd.DataFrame":
        """Expected payments of a new contract, the first one at once and not discounted: periods, low, high.

        Args:
            discount_per_period: Interest of one billing period. At 0 the lifetime is infinite unless alpha > 1: a few
                contracts that hardly ever end make up for all others.
        """
        check(discount_per_period, "discount_per_period", ge=0)
        return self._table({}, "periods", lambda a, b: _payments(a, b, discount_per_period))

    def expected_residual_lifetime(self, *, tenure_periods: "ArrayLike", discount_per_period: float) -> "pd.DataFrame":
        """Discounted expected residual lifetime (DERL): payments still to come, seen just before the next renewal.

        Args:
            tenure_periods: Billing periods paid so far, the running one included: from 1.
            discount_per_period: Interest of one billing period; the next payment is not discounted.

        Returns:
            tenure_periods, periods (expected payments still to come), low, high.
        """
        import numpy as np

        check(discount_per_period, "discount_per_period", ge=0)
        tenure = _whole(tenure_periods, "tenure_periods", least=1)

        def residual(a: "Vector", b: "Vector") -> "Vector":
            # Payments of one period more follow from those of one less: the slow function is called once.
            payments, found = _payments(a, b + tenure.max(), discount_per_period), {}
            for paid in range(int(tenure.max()), 0, -1):
                renews = (b + paid - 1) / (a + b + paid - 1)
                found[paid] = renews * payments
                payments = 1 + found[paid] / (1 + discount_per_period)
            return np.stack([found[int(paid)] for paid in tenure], axis=-1).reshape(-1, len(tenure))

        return self._table({"tenure_periods": tenure}, "periods", residual)

    def predict_ended(self, periods: "ArrayLike", at_risk: "ArrayLike") -> "Vector":
        """Draws of how many contracts end at each renewal, of so many at risk: one row per draw of (alpha, beta)."""
        import numpy as np

        at = _whole(periods, "periods", least=1)
        rate = self._draws[:, :1] / (self._draws.sum(axis=1, keepdims=True) + at - 1)
        return np.random.default_rng([self.seed, 1]).binomial(np.asarray(at_risk, dtype=np.int64), rate)

    def _table(
        self,
        keys: "dict[str, Vector]",
        name: str,
        statistic: "Callable[[Any, Any], Vector]",
        *,
        bounds: tuple[float, float] = (0, float("inf")),
    ) -> "pd.DataFrame":
        """The statistic at the estimate, and the middle of its draws moved so that they hold it."""
        import numpy as np
        import pandas as pd

        if not hasattr(self, "params_"):
            raise OpskitError("The model is not fitted: call fit or fit_survivors first.")
        value = np.ravel(statistic(self.alpha_, self.beta_))
        drawn = np.atleast_2d(statistic(self._draws[:, :1], self._draws[:, 1:]))
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(
            drawn, [tail, 1 - tail], axis=0, method="linear" if np.isfinite(drawn).all() else "lower"
        )
        low, high = np.minimum(low, value), np.maximum(high, value)
        return pd.DataFrame({**keys, name: value, "low": np.clip(low, *bounds), "high": np.clip(high, *bounds)})


def _whole(values: "ArrayLike", name: str, *, least: int) -> "Vector":
    import numpy as np

    found = np.atleast_1d(np.asarray(values))
    if (found < least).any() or (found != np.floor(found)).any():
        raise OpskitError(f"{name} == {values!r}, must be whole numbers >= {least}.")
    return found.astype(np.int64)


def _payments(alpha: "Vector", beta: "Vector", discount: float) -> "Vector":
    """Sum over t >= 0 of B(alpha, beta + t) / B(alpha, beta) / (1 + discount)^t."""
    import numpy as np
    from scipy.special import hyp2f1

    if discount > 0:
        return hyp2f1(1, beta, alpha + beta, 1 / (1 + discount))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(alpha) > 1, (alpha + beta - 1) / (alpha - 1), np.inf)
