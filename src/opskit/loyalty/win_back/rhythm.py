"""Each customer's own rhythm of buying, leaning on everybody's where there are few orders to tell it."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw

from opskit import customers, frames
from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_FEWEST_RETURNS = 20  # customers with a second order day, below which nobody's rhythm is known
_PRIOR_SPREAD = 3.0  # of each parameter's log or log odds about that of the start: felt only where the data are silent


class PurchaseRhythm:
    """How fast customers buy and how likely they stop, fitted to everybody and then applied to each.

    While buying, a customer's gaps are exponential with a rate of the customer's own; rates are Gamma(r, alpha) over
    customers. After the first order a customer stops for good with one probability, after each later one with another.
    A customer with many orders is judged by these, one with a single order by everybody's, all others in between:
    that is empirical Bayes. The silence so far counts twice: it makes a slow rate likelier, and having stopped.

    Attributes:
        r_: Shape of the rates; small where customers differ much.
        alpha_: Scale of the rates, days: r / alpha orders a day on average.
        stops_first_: Probability of stopping after the first order.
        stops_later_: Probability of stopping after each later one.
        customers_: Customers it was fitted to.

    Assumes gaps of one customer are exponential and the rate does not change: no season, no learning. Orders of one
    day are one occasion. Check what follows from it with `came_back`.

    Source: the model of Schmittlein, Morrison & Colombo (1987) and Fader, Hardie & Lee (2005) with two stopping
    probabilities in place of a distribution of them, so that everything has a closed form.

    >>> import pandas as pd
    >>> rhythm = PurchaseRhythm()
    >>> rhythm.r_, rhythm.alpha_, rhythm.stops_first_, rhythm.stops_later_ = 1.0, 60.0, 0.2, 0.1
    >>> one = pd.DataFrame({"frequency": [9], "recency": [270], "days_since_last_order": [120]})
    >>> one = nw.from_native(one).lazy().with_columns(rhythm.alive())
    >>> frames.collect(one)["p_alive"].round(2).tolist()
    [0.29]
    """

    r_: float
    alpha_: float
    stops_first_: float
    stops_later_: float
    customers_: int

    def fit(self, orders: Any, *, as_of: dt.date) -> Self:
        """Find the parameters under which the orders up to a day are likeliest.

        Args:
            orders: Any engine's frame with customer_id, ordered_at and revenue.
            as_of: Last day to count, inclusive.

        Raises:
            TooLittleDataError: Fewer than 20 customers have a second order day.
            OpskitError: as_of is not a date or before the first order, a column is missing, or there are no rows.
        """
        import numpy as np
        from scipy.optimize import minimize

        known = frames.lazy(customers.summary(orders, as_of=as_of), table="summary")
        by = ["frequency", "recency", "days_since_last_order"]
        cells = frames.collect(known.group_by(*by).agg(nw.len().alias("n")))
        x, t, s, n = (cells[name].to_numpy(dtype=float) for name in (*by, "n"))
        returned = int(n[x > 0].sum())
        if returned < _FEWEST_RETURNS:
            raise TooLittleDataError(
                f"{returned} customers have ordered on a second day by {as_of}; the rhythm of buying needs "
                f"{_FEWEST_RETURNS}. Use a longer period."
            )
        gap = (n * t).sum() / (n * x).sum()
        self._start = np.array([0.0, np.log(gap), -1.0, -1.0])
        self._cells, self.customers_ = (x, t, s, n), int(n.sum())
        bounds = [(centre - 12, centre + 12) for centre in self._start]
        found = minimize(self._cost, self._start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13})
        self._logs = found.x
        self.r_, self.alpha_ = (float(value) for value in np.exp(found.x[:2]))
        self.stops_first_, self.stops_later_ = (float(value) for value in 1 / (1 + np.exp(-found.x[2:])))
        return self

    def summary(self, *, confidence: float = 0.95) -> "pd.DataFrame":
        """The fitted parameters.

        Args:
            confidence: Coverage of the intervals, between 0 and 1.

        Returns:
            parameter (r; alpha, days; stops_first and stops_later, probabilities), estimate, low, high, n customers.
        """
        import numpy as np
        import pandas as pd
        from scipy.special import expit, ndtri

        check(confidence, "confidence", gt=0, lt=1)
        step = 1e-4
        rows = [(self._cost(self._logs + h)[1] - self._cost(self._logs - h)[1]) / (2 * step) for h in step * np.eye(4)]
        curvature = np.array(rows)
        error = np.sqrt(np.diag(np.linalg.inv((curvature + curvature.T) / 2)))
        half = ndtri((1 + confidence) / 2) * error
        logs = np.column_stack([self._logs, self._logs - half, self._logs + half])
        values = np.vstack([np.exp(logs[:2]), expit(logs[2:])])
        table = pd.DataFrame(values, columns=["estimate", "low", "high"])
        table.insert(0, "parameter", ["r", "alpha", "stops_first", "stops_later"])
        return table.assign(n=self.customers_)

    def alive(self) -> nw.Expr:
        """p_alive: the probability of still buying, from columns frequency, recency and days_since_last_order."""
        first = nw.col("frequency") == 0
        odds = nw.when(first).then(_odds(self.stops_first_)).otherwise(_odds(self.stops_later_))
        return (1 / (1 + odds / self._longer(0, nw.col("days_since_last_order")))).alias("p_alive")

    def returns(self, window_days: float, *, fresh: bool = False) -> nw.Expr:
        """Probability of an order within the window of a customer still buying.

        Args:
            window_days: Length of the window.
            fresh: As it was right after the last order, the probability of having stopped then included.
        """
        if fresh:
            stops = nw.when(nw.col("frequency") == 0).then(self.stops_first_).otherwise(self.stops_later_)
            return (1 - stops) * (1 - self._longer(0, window_days))
        return 1 - self._longer(nw.col("days_since_last_order"), window_days)

    def typical_gap(self) -> nw.Expr:
        """typical_gap_days: what half of the customer's gaps stay below, by the gaps seen and everybody's."""
        return ((self.alpha_ + nw.col("recency")) * (2.0 ** (1 / (self.r_ + nw.col("frequency"))) - 1)).alias(
            "typical_gap_days"
        )

    def _longer(self, silent: Any, more: Any) -> nw.Expr:
        """Probability that a gap of a customer still buying, already so many days long, lasts so many more."""
        so_far = self.alpha_ + nw.col("recency") + silent
        return ((so_far / (so_far + more)).log() * (self.r_ + nw.col("frequency"))).exp()

    def _cost(self, logs: "Vector") -> "tuple[float, Vector]":
        """Minus log-likelihood and its gradient, in logs of r and alpha and log odds of stopping, with the weak prior."""
        import numpy as np
        from scipy.special import digamma, expit, gammaln

        x, t, s, n = self._cells
        r, alpha = np.exp(logs[:2])
        stop = expit(logs[2:])
        first = x == 0
        mine = np.where(first, stop[0], stop[1])
        base = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        gone = np.log(mine) + base - (r + x) * np.log(alpha + t)
        silent = np.log1p(-mine) + base - (r + x) * np.log(alpha + t + s)
        passed = np.where(first, 0.0, np.log1p(-stop[0]) + (x - 1) * np.log1p(-stop[1]))
        each = np.logaddexp(gone, silent)
        w = np.exp(gone - each)
        by_r = digamma(r + x) - digamma(r) + np.log(alpha) - w * np.log(alpha + t) - (1 - w) * np.log(alpha + t + s)
        by_alpha = r / alpha - (r + x) * (w / (alpha + t) + (1 - w) / (alpha + t + s))
        by_first = np.where(first, w - stop[0], -stop[0])
        by_later = np.where(first, 0.0, w - stop[1] - (x - 1) * stop[1])
        away = (logs - self._start) / _PRIOR_SPREAD
        value = -(n * (each + passed)).sum() + (away**2).sum() / 2
        parts = (r * by_r, alpha * by_alpha, by_first, by_later)
        return float(value), np.array([-(n * part).sum() for part in parts]) + away / _PRIOR_SPREAD


def _odds(share: float) -> nw.Expr:
    return nw.lit(share / (1 - share))
