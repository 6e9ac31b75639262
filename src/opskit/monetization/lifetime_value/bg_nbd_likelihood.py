"""Likelihood of BG/NBD, and what it means when it has no maximum."""

from typing import TYPE_CHECKING, Any

from opskit.monetization.lifetime_value.histories import Histories

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]

NAMES = ("r", "alpha", "a", "b")
_BLOCK = 8_000  # histories


class LogLikelihood:
    """Mean log-likelihood of a customer; special functions once per distinct frequency, logs once per distinct time."""

    def __init__(self, histories: Histories) -> None:
        import numpy as np
        import pandas as pd

        share = histories.n / histories.n.sum()
        place, self.frequency = pd.factorize(histories.frequency, sort=True)
        self.by_frequency = np.bincount(place, weights=share)
        again = histories.frequency > 0
        self.x_place, self.share = place[again], share[again]
        place, self.T = pd.factorize(histories.T, sort=True)
        self.by_time = np.bincount(place, weights=share)
        self.purchases_by_time = np.bincount(place, weights=share * histories.frequency)
        self.time_place = place[again]
        self.recency_place, self.recency = pd.factorize(histories.recency[again], sort=True)

    def __call__(self, logs: "Vector") -> "tuple[float, Vector]":
        """Value and gradient in the logs of the parameters."""
        import numpy as np
        from scipy.special import digamma, gammaln

        r, alpha, a, b = np.exp(logs)
        x, weight = self.frequency, self.by_frequency
        chance = a / (b + np.maximum(x, 1) - 1)
        log_time, log_recency = np.log(alpha + self.T), np.log(alpha + self.recency)
        rows = self.purchases_by_time + r * self.by_time
        left, gone, gone_waiting, gone_closer = self._left(r + x, chance, alpha, log_time, log_recency)
        counted = gammaln(r + x) - gammaln(r) + gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b)
        value = weight @ counted + r * np.log(alpha) - rows @ log_time + left
        total = digamma(a + b) - digamma(a + b + x)
        gradient = np.array(
            [
                weight @ (digamma(r + x) - digamma(r)) + np.log(alpha) - self.by_time @ log_time + gone_waiting,
                r / alpha - rows @ (1 / (alpha + self.T)) + gone_closer,
                weight @ total + gone.sum() / a,
                weight @ (total + digamma(b + x) - digamma(b)) - gone @ (chance / a),
            ]
        )
        return float(value), gradient * np.exp(logs)

    def _left(
        self, shape: "Vector", chance: "Vector", alpha: float, log_time: "Vector", log_recency: "Vector"
    ) -> "tuple[float, Vector, float, float]":
        """What the possibility of having left at the last purchase adds to the value and to its slopes.

        In blocks that stay in the processor's cache, and with plain exp and log: several times faster than logaddexp and
        expit over all at once. The logs of the parameters are bounded, so the odds of having left do not underflow.
        """
        import numpy as np

        log_chance, per_time, per_recency = np.log(chance), 1 / (alpha + self.T), 1 / (alpha + self.recency)
        value, waiting, closer, gone = 0.0, 0.0, 0.0, np.zeros(len(shape))
        for first in range(0, len(self.share), _BLOCK):
            block = slice(first, first + _BLOCK)
            x, time, recency = self.x_place[block], self.time_place[block], self.recency_place[block]
            waited = log_time[time] - log_recency[recency]
            odds = log_chance[x] + shape[x] * waited
            left = 1 / (1 + np.exp(-odds))
            value += self.share[block] @ (odds - np.log(left))
            left *= self.share[block]
            waiting += left @ waited
            closer += left @ (shape[x] * (per_time[time] - per_recency[recency]))
            gone += np.bincount(x, weights=left, minlength=len(shape))
        return float(value), gone, float(waiting), float(closer)


def run_away(found: "Vector", scale: float, n: float) -> str:
    """What it means that the parameters have no best value."""
    r, alpha, a, b = found
    parameters = ", ".join(f"{name} == {value:.3g}" for name, value in zip(NAMES, found, strict=True))
    if a / (a + b) < 1e-3:
        what = "no dropout shows in the data: customers who bought keep buying, and b runs away from a"
    elif min(a, b) > 50:
        what = "customers do not differ in how readily they leave, and a and b run away together"
    elif min(r, alpha / scale) > 50:
        what = "customers do not differ in how often they buy, and r and alpha run away together"
    else:
        what = "the histories are too few or too much alike to tell the four parameters apart"
    return (
        f"BG/NBD finds no settled parameters for {n:,.0f} customers ({parameters}): {what}. "
        "Use more customers or a longer period; subscribers, who pay on fixed dates, need another model."
    )
