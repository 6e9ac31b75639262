"""BG/NBD: how often customers buy while they stay, and after which purchase they leave for good."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.monetization.lifetime_value import maximum_likelihood
from opskit.monetization.lifetime_value.bg_nbd_likelihood import NAMES, LogLikelihood, run_away
from opskit.monetization.lifetime_value.histories import Histories, distinct, row_weight, with_history
from opskit.monetization.lifetime_value.purchase_counts import Counts, moments
from opskit.monetization.lifetime_value.summary import UNIT_DAYS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_ROUGH = 20_000  # histories that show well enough where the maximum lies


class AliveCounts(NamedTuple):
    """Moments of purchases while nobody has left: a row per horizon, a column per distinct pair of frequency and T."""

    mean: "Vector"
    square: "Vector"
    place: "NDArray[np.intp]"  # the column of each history


class BGNBD:
    """Beta-geometric / negative binomial model of purchases by customers who are bound by no contract.

    While a customer stays, purchases come at random at a personal rate; rates are Gamma(r, alpha) over customers. After
    every repeat purchase the customer leaves for good with a personal probability; these are Beta(a, b).

    Args:
        time_unit: Unit of recency and T in the summaries: "day" or "week".
        confidence: Coverage of all intervals, between 0 and 1.

    Attributes:
        params_: parameter, estimate, standard_error, low, high, unit: r and alpha (the mean rate is r / alpha), a and
            b (the mean probability of leaving is a / (a + b)). Intervals are symmetric in the logs.
        covariance_: Covariance of the logs of the parameters.
        log_likelihood_: Of all customers together.
        n_: Customers.

    Assumes the rate and the probability of leaving are independent of each other and do not change over time: season,
    promotions and a growing habit are not in the model. Nobody leaves before the first repeat purchase.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
        Marketing Science 24(2); likelihood: Fader, Hardie & Lee (2005), "Implementing the BG/NBD model for customer
        base analysis in Excel".

    >>> import opskit
    >>> from opskit.monetization import lifetime_value as ltv
    >>> orders = opskit.open("cdnow").orders
    >>> summary = ltv.summary(orders, as_of=dt.date(1997, 9, 30), time_unit="week")
    >>> ltv.BGNBD(time_unit="week").fit(summary).params_[["parameter", "estimate", "unit"]].round(3)
      parameter  estimate   unit
    0         r     0.243  shape
    1     alpha     4.414  weeks
    2         a     0.793  shape
    3         b     2.426  shape
    """

    params_: "pd.DataFrame"
    covariance_: "pd.DataFrame"
    log_likelihood_: float
    n_: int
    maximum_: maximum_likelihood.Maximum

    def __init__(self, *, time_unit: str = "day", confidence: float = 0.95) -> None:
        check(time_unit, "time_unit", among=UNIT_DAYS)
        check(confidence, "confidence", gt=0, lt=1)
        self.time_unit, self.confidence = time_unit, confidence
        self.unit_days = UNIT_DAYS[time_unit]

    def fit(self, summary: Any) -> Self:
        """Find the parameters that make the histories likeliest.

        Args:
            summary: Any engine's frame as `lifetime_value.summary` gives it; or with frequency, recency and T, and n
                where a row stands for several customers.

        Raises:
            OpskitError: A history is impossible, the time unit is not the model's, nobody bought again, or the data do
                not settle the parameters (they run away); the message says which and what to do.
        """
        import numpy as np
        import pandas as pd

        histories = distinct(summary, self.unit_days)
        n = float(histories.n.sum())
        if not (histories.frequency > 0).any():
            raise OpskitError(
                f"none of the {n:,.0f} customers bought on a second day, so neither rates nor dropout can be known. "
                "Use a longer period, or check that customer_id names the customer and not the order."
            )
        scale = float(np.average(histories.T, weights=histories.n))
        start = np.log([1.0, scale, 1.0, 1.0])
        mean = LogLikelihood(histories)
        every = len(histories.n) // _ROUGH
        rough = LogLikelihood(Histories(*(column[::every] for column in histories))) if every > 1 else None
        maximum = maximum_likelihood.maximize(mean, start, n, lambda found: run_away(found, scale, n), rough)
        self.maximum_, self.n_, self.log_likelihood_ = maximum, round(n), maximum.log_likelihood * n
        units = ("shape", f"{self.time_unit}s", "shape", "shape")
        self.params_ = maximum_likelihood.parameter_table(maximum, NAMES, units, self.confidence)
        self.covariance_ = pd.DataFrame(maximum.covariance, index=list(NAMES), columns=list(NAMES))
        return self

    def probability_alive(self, summary: Any) -> Any:
        """Probability that each customer has not left.

        Args:
            summary: As for fit.

        Returns:
            The same kind of frame as went in: customer_id (or the history, where there is none), probability_alive. It
            is 1 without a repeat purchase: the model lets nobody leave earlier.
        """
        histories = distinct(summary, self.unit_days)
        return self._joined(summary, histories, {"probability_alive": self.alive(self.log_parameters(), histories)})

    def expected_purchases(self, summary: Any, *, horizon_days: float) -> Any:
        """Purchases expected of each customer in the days after T.

        Args:
            summary: As for fit.
            horizon_days: Days ahead, whatever the time unit of the model.

        Returns:
            The same kind of frame as went in: customer_id (or the history, where there is none), expected_purchases.
        """
        check(horizon_days, "horizon_days", ge=0)
        histories, logs = distinct(summary, self.unit_days), self.log_parameters()
        counts = self.counts(logs, histories, [horizon_days])
        expected = self.alive(logs, histories) * counts.mean[0, counts.place]
        return self._joined(summary, histories, {"expected_purchases": expected})

    def expected_purchases_new(self, horizon_days: "ArrayLike") -> "pd.DataFrame":
        """Repeat purchases expected of a new customer in the days after the first purchase.

        Args:
            horizon_days: Days ahead: a number or several.

        Returns:
            horizon_days, expected_purchases, low, high, n (customers of the fit); the interval holds what is not known
            of the parameters, not the chance of the single customer.
        """
        import numpy as np
        import pandas as pd

        days = np.atleast_1d(np.asarray(horizon_days, dtype=float))
        for day in days:
            check(float(day), "horizon_days", ge=0)

        def expected(logs: "Vector") -> "Vector":
            return self._new(logs, days).mean

        logs = self.log_parameters()
        spread = maximum_likelihood.variance(expected, logs, self.maximum_.covariance)
        interval = maximum_likelihood.bounds(expected(logs), spread, self.confidence)
        return pd.DataFrame({"horizon_days": days, "expected_purchases": expected(logs), **interval, "n": self.n_})

    def expected_cumulative(self, summary: Any, *, days: Sequence[dt.date]) -> "pd.DataFrame":
        """Repeat purchases expected up to each day of a calendar, of customers who came when these did.

        Nothing but the first days is used of the summary, so this is what the model says of past and future alike:
        compare it with the repeat order days that were counted.

        Args:
            summary: As `lifetime_value.summary` gives it (first_day is needed).
            days: Days up to whose end to count.

        Returns:
            day, customers (who had come), expected_purchases (since the beginning), low, high, n (customers of the
            fit). The interval holds both what is not known of the parameters and the chance of the purchases.
        """
        import numpy as np
        import pandas as pd

        lf = frames.lazy(summary, "first_day", table="summary")
        came = frames.collect(
            lf.select(frames.epoch_day("first_day").alias("first"), row_weight(lf))
            .group_by("first")
            .agg(nw.col("n").sum())
        ).sort_values("first")
        ends = np.array([frames.day_number(day, "days") for day in days])
        ages = ends[:, None] - came["first"].to_numpy()[None, :]
        weights = np.where(ages >= 0, came["n"].to_numpy()[None, :], 0.0)
        distinct_ages, place = np.unique(np.maximum(ages, 0), return_inverse=True)
        place = place.reshape(ages.shape)

        def expected(logs: "Vector") -> "Vector":
            return np.sum(weights * self._new(logs, distinct_ages.astype(float)).mean[place], axis=1)

        logs = self.log_parameters()
        counts = self._new(logs, distinct_ages.astype(float))
        chance = np.sum(weights * (counts.square - counts.mean**2)[place], axis=1)
        spread = chance + maximum_likelihood.variance(expected, logs, self.maximum_.covariance)
        interval = maximum_likelihood.bounds(expected(logs), spread, self.confidence)
        table = {"day": pd.to_datetime(list(days)), "customers": weights.sum(axis=1).round().astype(int)}
        return pd.DataFrame({**table, "expected_purchases": expected(logs), **interval, "n": self.n_})

    def draws(self, n: int, *, rng: "np.random.Generator") -> "pd.DataFrame":
        """Parameters drawn from the asymptotic normal distribution of their logs, one row per draw."""
        self.log_parameters()
        return maximum_likelihood.draws(self.maximum_, NAMES, n, rng)

    def alive(self, logs: "Vector", histories: Histories) -> "Vector":
        """Probability that customers of each history have not left, under any parameters."""
        import numpy as np
        from scipy.special import expit

        r, alpha, a, b = np.exp(logs)
        frequency, recency, time = histories.frequency, histories.recency, histories.T
        waited = np.log1p((time - recency) / (alpha + recency))
        left = np.log(a / (b + np.maximum(frequency, 1) - 1)) + (r + frequency) * waited
        return np.where(frequency > 0, expit(-left), 1.0)

    def counts(self, logs: "Vector", histories: Histories, horizon_days: "Sequence[float] | Vector") -> AliveCounts:
        """Moments of the purchases of customers who have not left, under any parameters."""
        import numpy as np

        r, alpha, a, b = np.exp(logs)
        frequency, time = histories.frequency, histories.T
        # Frequency and T are all that matters here: the recency has had its say in the probability alive.
        new = np.flatnonzero((np.diff(frequency, prepend=-1) != 0) | (np.diff(time, prepend=-1) != 0))
        place = np.repeat(np.arange(len(new)), np.diff(new, append=len(frequency)))
        frequency, time = frequency[new], time[new]
        odds = np.asarray(horizon_days, dtype=float)[:, None] / self.unit_days / (alpha + time)
        frequency = np.broadcast_to(frequency, odds.shape).ravel()
        found = moments(r + frequency, odds.ravel(), a, b + frequency)
        return AliveCounts(found.mean.reshape(odds.shape), found.square.reshape(odds.shape), place)

    def _new(self, logs: "Vector", days: "Vector") -> Counts:
        import numpy as np

        r, alpha, a, b = np.exp(logs)
        return moments(np.full(len(days), r), days / self.unit_days / alpha, a, np.full(len(days), b))

    def log_parameters(self) -> "Vector":
        """Logs of the estimates.

        Raises:
            OpskitError: The model is not fitted yet.
        """
        if not hasattr(self, "maximum_"):
            raise OpskitError("this BGNBD is not fitted yet. Call fit(summary) first.")
        return self.maximum_.log_parameters

    def _joined(self, summary: Any, histories: Histories, columns: "dict[str, Vector]") -> Any:
        lf, names = with_history(summary, histories, columns, self.unit_days)
        return frames.like(lf.select(*names, *columns), summary)
