"""Gamma-Gamma: what a customer spends per purchase, with few purchases drawn towards what all customers spend."""

from typing import TYPE_CHECKING, Any, Self

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.monetization.lifetime_value import maximum_likelihood
from opskit.monetization.lifetime_value.histories import row_weight

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

NAMES = ("p", "q", "gamma")


class GammaGamma:
    """Gamma-Gamma model of the value of a purchase.

    A customer's purchases vary around a personal mean: Gamma(p, nu); nu differs between customers: Gamma(q, gamma). The
    mean over customers is p * gamma / (q - 1).

    Args:
        confidence: Coverage of all intervals, between 0 and 1.

    Attributes:
        params_: parameter, estimate, standard_error, low, high, unit. Intervals are symmetric in the logs.
        covariance_: Covariance of the logs of the parameters.
        log_likelihood_: Of all customers with a repeat purchase together.
        n_: Customers with a repeat purchase, whom the fit rests on.
        left_out_: Repeat customers left out because their mean value is not above zero.
        population_mean_: estimate, low, high, n of the mean value over all customers.

    Assumes that what one spends does not depend on how often one buys, and does not change over time.

    Source: Fader, Hardie & Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", Journal of
        Marketing Research 42(4); Fader & Hardie (2013), "The Gamma-Gamma model of monetary value", equations 1 to 5.

    >>> import datetime as dt, opskit
    >>> from opskit.monetization import lifetime_value as ltv
    >>> summary = ltv.summary(opskit.open("cdnow").orders, as_of=dt.date(1997, 9, 30))
    >>> ltv.GammaGamma().fit(summary).params_[["parameter", "estimate", "unit"]].round(2)
      parameter  estimate   unit
    0         p      6.25  shape
    1         q      3.74  shape
    2     gamma     15.44  money
    """

    params_: "pd.DataFrame"
    covariance_: "pd.DataFrame"
    log_likelihood_: float
    n_: int
    left_out_: int
    population_mean_: "pd.DataFrame"
    maximum_: maximum_likelihood.Maximum

    def __init__(self, *, confidence: float = 0.95) -> None:
        check(confidence, "confidence", gt=0, lt=1)
        self.confidence = confidence

    def fit(self, summary: Any, *, leave_out_nonpositive: bool = False) -> Self:
        """Find the parameters that make the mean values likeliest.

        Args:
            summary: Any engine's frame as `lifetime_value.summary` gives it; or with frequency and mean_value, and n
                where a row stands for several customers.
            leave_out_nonpositive: Fit without repeat customers whose mean value is zero or less, and count them in
                left_out_; by default they are refused, because the model has no place for them.

        Raises:
            OpskitError: Nobody bought again, values are missing or not above zero, or the data do not settle the
                parameters; the message says which and what to do.
        """
        import numpy as np
        import pandas as pd

        table = _repeaters(summary)
        spent = table["mean_value"] > 0
        self.left_out_ = round(float(table.loc[~spent, "n"].sum()))
        if self.left_out_ and not leave_out_nonpositive:
            raise OpskitError(
                f"{self.left_out_:,} repeat customers have a mean_value of zero or less (the least is "
                f"{table['mean_value'].min():g}), which Gamma-Gamma cannot describe. Check their orders (gifts, "
                "returns, negative margins), fit revenue instead, or pass leave_out_nonpositive=True."
            )
        table = table[spent]
        n = float(table["n"].sum())
        if n < 2:
            raise OpskitError(
                f"{n:.0f} customers have a repeat purchase with a value above zero; at least 2 are needed. "
                "Use a longer period."
            )
        mean = float(np.average(table["mean_value"], weights=table["n"]))
        maximum = maximum_likelihood.maximize(
            LogLikelihood(table), np.log([2.0, 3.0, mean]), n, lambda found: _run_away(found, mean, n)
        )
        self.maximum_, self.n_, self.log_likelihood_ = maximum, round(n), maximum.log_likelihood * n
        self.params_ = maximum_likelihood.parameter_table(maximum, NAMES, ("shape", "shape", "money"), self.confidence)
        self.covariance_ = pd.DataFrame(maximum.covariance, index=list(NAMES), columns=list(NAMES))
        if np.exp(maximum.log_parameters[1]) <= 1:
            raise OpskitError(
                f"Gamma-Gamma finds q == {np.exp(maximum.log_parameters[1]):.3g}, must be > 1 for a mean value to "
                "exist: a few customers spend without measure more than the others. Look at them one by one."
            )
        self.population_mean_ = self._population_mean()
        return self

    def expected_value(self, summary: Any) -> Any:
        """Value expected of each customer's next purchases.

        Args:
            summary: As for fit.

        Returns:
            The same kind of frame as went in: customer_id (or frequency and mean_value, where there is none),
            expected_value. It is the mean over all customers where there is no repeat purchase, and lies between that
            and the customer's own mean otherwise: the best linear guess whatever the distribution, so values of zero
            or less are taken as they are.
        """
        logs = self.log_parameters()
        lf = frames.lazy(summary, "frequency", "mean_value", table="summary")
        names = ["customer_id"] if "customer_id" in lf.collect_schema().names() else ["frequency", "mean_value"]
        return frames.like(lf.select(*names, self.expectation(logs).alias("expected_value")), summary)

    def draws(self, n: int, *, rng: "np.random.Generator") -> "pd.DataFrame":
        """Parameters drawn from the asymptotic normal distribution of their logs, one row per draw."""
        self.log_parameters()
        return maximum_likelihood.draws(self.maximum_, NAMES, n, rng)

    def expectation(self, logs: "Vector") -> nw.Expr:
        """Value expected of a customer's next purchase, as an expression of frequency and mean_value."""
        import numpy as np

        p, q, gamma = (float(value) for value in np.exp(logs))
        frequency, own = nw.col("frequency").cast(nw.Float64), nw.col("mean_value").cast(nw.Float64)
        known = nw.when(frequency > 0).then(frequency * own).otherwise(nw.lit(0.0))
        return p * (gamma + known) / (p * frequency + q - 1)

    def _population_mean(self) -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        def mean(logs: "Vector") -> "Vector":
            p, q, gamma = np.exp(logs)
            return np.array([p * gamma / (q - 1)])

        logs = self.maximum_.log_parameters
        spread = maximum_likelihood.variance(mean, logs, self.maximum_.covariance)
        interval = maximum_likelihood.bounds(mean(logs), spread, self.confidence)
        return pd.DataFrame({"estimate": mean(logs), **interval, "n": self.n_})

    def log_parameters(self) -> "Vector":
        """Logs of the estimates.

        Raises:
            OpskitError: The model is not fitted yet.
        """
        if not hasattr(self, "population_mean_"):
            raise OpskitError("this GammaGamma is not fitted yet. Call fit(summary) first.")
        return self.maximum_.log_parameters


def _repeaters(summary: Any) -> "pd.DataFrame":
    """frequency, mean_value and n of customers with a repeat purchase, equal ones counted together."""
    lf = frames.lazy(summary, "frequency", "mean_value", table="summary")
    table = frames.collect(
        lf.select("frequency", nw.col("mean_value").cast(nw.Float64), row_weight(lf))
        .filter(nw.col("frequency") > 0)
        .group_by("frequency", "mean_value")
        .agg(nw.col("n").sum())
    ).sort_values(["frequency", "mean_value"])
    if not len(table):
        raise OpskitError(
            "no customer has a repeat purchase, so there is no mean_value to learn from. Use a longer period."
        )
    missing = table["mean_value"].isna() | (table["mean_value"].abs() == float("inf"))
    if missing.any():
        raise OpskitError(
            f"{table.loc[missing, 'n'].sum():,.0f} customers with a repeat purchase have no finite mean_value. "
            "Check for orders without an amount."
        )
    return table


class LogLikelihood:
    """Mean log-likelihood of a customer; special functions once per distinct frequency."""

    def __init__(self, table: "pd.DataFrame") -> None:
        import numpy as np

        self.share = table["n"].to_numpy(dtype=float) / table["n"].sum()
        self.x, self.place = np.unique(table["frequency"].to_numpy(dtype=float), return_inverse=True)
        self.by_x = np.bincount(self.place, weights=self.share)
        mean = table["mean_value"].to_numpy(dtype=float)
        self.mean_log = self.share @ np.log(mean)
        self.log_total = np.log(self.x[self.place] * mean)
        self.log_total_by_x = np.bincount(self.place, weights=self.share * self.log_total)
        self.total = self.x[self.place] * mean

    def __call__(self, logs: "Vector") -> "tuple[float, Vector]":
        """Value and gradient in the logs of the parameters."""
        import numpy as np
        from scipy.special import digamma, gammaln

        p, q, gamma = np.exp(logs)
        x, weight = self.x, self.by_x
        beyond = np.bincount(self.place, weights=self.share * np.log(gamma + self.total))
        over = np.bincount(self.place, weights=self.share / (gamma + self.total))
        value = (
            weight @ (gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * logs[2])
            + (p * x) @ self.log_total_by_x
            - self.mean_log
            - (p * x + q) @ beyond
        )
        both = digamma(p * x + q)
        gradient = np.array(
            [
                x @ (weight * (both - digamma(p * x)) + self.log_total_by_x - beyond),
                weight @ (both - digamma(q) + logs[2]) - beyond.sum(),
                q / gamma - (p * x + q) @ over,
            ]
        )
        return float(value), gradient * np.exp(logs)


def _run_away(found: "Vector", mean: float, n: float) -> str:
    """What it means that the parameters have no best value."""
    p, q, _ = found
    parameters = ", ".join(f"{name} == {value:.3g}" for name, value in zip(NAMES, found, strict=True))
    if p > 50 and q <= 50:
        what = "each customer always spends the same, as with a fixed price, and p runs away"
    elif q > 50:
        what = "customers do not differ in what they spend, and q and gamma run away together"
    else:
        what = "the values are too few or too much alike to tell the three parameters apart"
    return (
        f"Gamma-Gamma finds no settled parameters for {n:,.0f} repeat customers with a mean value of {mean:.4g} "
        f"({parameters}): {what}. Use more customers, or the plain mean value."
    )
