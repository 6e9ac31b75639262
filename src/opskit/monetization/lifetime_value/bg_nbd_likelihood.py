"""Likelihood of BG/NBD, and what it means when it has no maximum."""

from typing import TYPE_CHECKING, Any

from opskit.monetization.lifetime_value.histories import Histories

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]

NAMES = ("r", "alpha", "a", "b")


class LogLikelihood:
    """Mean log-likelihood of a customer; special functions once per distinct frequency, logs once per distinct time."""

    def __init__(self, histories: Histories) -> None:
        import numpy as np

        share = histories.n / histories.n.sum()
        self.frequency, place = np.unique(histories.frequency, return_inverse=True)
        self.by_frequency = np.bincount(place, weights=share)
        self.T, place = np.unique(histories.T, return_inverse=True)
        self.by_time = np.bincount(place, weights=share)
        self.purchases_by_time = np.bincount(place, weights=share * histories.frequency)
        again = histories.frequency > 0
        self.x, self.share = histories.frequency[again], share[again]
        self.time_place = place[again]
        self.recency, self.recency_place = np.unique(histories.recency[again], return_inverse=True)

    def __call__(self, logs: "Vector") -> "tuple[float, Vector]":
        """Value and gradient in the logs of the parameters."""
        import numpy as np
        from scipy.special import digamma, expit, gammaln

        r, alpha, a, b = np.exp(logs)
        x, weight = self.frequency, self.by_frequency
        counted = gammaln(r + x) - gammaln(r) + gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b)
        log_time, log_recency = np.log(alpha + self.T), np.log(alpha + self.recency)
        waited = log_time[self.time_place] - log_recency[self.recency_place]
        rows = self.purchases_by_time + r * self.by_time
        left = np.log(a / (b + self.x - 1)) + (r + self.x) * waited
        value = weight @ counted + r * np.log(alpha) - rows @ log_time + self.share @ np.logaddexp(0, left)
        gone = self.share * expit(left)
        total = digamma(a + b) - digamma(a + b + x)
        closer = 1 / (alpha + self.T)[self.time_place] - 1 / (alpha + self.recency)[self.recency_place]
        gradient = np.array(
            [
                weight @ (digamma(r + x) - digamma(r)) + np.log(alpha) - self.by_time @ log_time + gone @ waited,
                r / alpha - rows @ (1 / (alpha + self.T)) + gone @ ((r + self.x) * closer),
                weight @ total + gone.sum() / a,
                weight @ (total + digamma(b + x) - digamma(b)) - gone @ (1 / (b + self.x - 1)),
            ]
        )
        return float(value), gradient * np.exp(logs)


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
