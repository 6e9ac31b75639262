"""Lifetime value: purchases still to come, what each brings, and how sure the total is."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import check
from opskit.monetization.lifetime_value import maximum_likelihood
from opskit.monetization.lifetime_value.bg_nbd import BGNBD
from opskit.monetization.lifetime_value.gamma_gamma import GammaGamma
from opskit.monetization.lifetime_value.histories import Histories, distinct, with_history

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_PERIOD_DAYS = 30.0
_YEAR_DAYS = 365.0


class LifetimeValue(NamedTuple):
    """Value still to come of each customer, and of all of them together."""

    customers: Any  # customer_id, probability_alive, expected_purchases, expected_value, lifetime_value
    total: "pd.DataFrame"  # measure, estimate, low, high, n, unit, note


def lifetime_value(
    summary: Any,
    *,
    purchases: BGNBD,
    spend: GammaGamma,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
    confidence: float = 0.95,
) -> LifetimeValue:
    """Value that existing customers still bring within the horizon, discounted to today.

    The horizon is cut into periods of 30 days (the last one shorter); what period k from s to t brings counts
    1 / (1 + annual_discount_rate) ** ((s + t) / 2 / 365):

        lifetime_value = margin * expected_value * sum over k of (E[Y(t_k)] - E[Y(s_k)]) / (1 + rate) ** (mid_k / 365)

    Args:
        summary: Any engine's frame as `lifetime_value.summary` gives it.
        purchases: Fitted model of purchases.
        spend: Fitted model of their value.
        horizon_days: Days ahead, whatever the time unit of the model.
        annual_discount_rate: Share by which a year's delay lessens an amount.
        margin: Share of the value that is earned; 1 where the values are margins already.
        confidence: Coverage of the intervals of the totals, between 0 and 1.

    Returns:
        ``customers``: the same kind of frame as went in with customer_id, probability_alive, expected_purchases,
        expected_value (per purchase, before margin), lifetime_value (money, discounted, after margin). ``total``, of
        all customers: measure (``"purchases"``; ``"value"``, after margin, undiscounted; ``"lifetime_value"``),
        estimate, low, high, n customers, unit, note (why an interval is missing, else empty). The interval is for what
        will really come: it holds what is not known of the parameters and the chance of purchases and values both.

    Raises:
        OpskitError: An option is out of range, a model is not fitted, the time unit is not the model's, a column is
            missing or a history impossible.

    Assumes the models' assumptions; that purchases and their values are independent; that customers are independent of
    each other, so that no season, promotion or crisis moves them together: the interval knows nothing of those. For the
    interval the chance of discounted value is taken to be that of the value, scaled like the total.

    Source: Fader, Hardie & Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", for the
        product of the two expectations; variances follow from the distributions in `purchase_counts`.

    >>> import datetime as dt, opskit
    >>> from opskit.monetization import lifetime_value as ltv
    >>> table = ltv.summary(opskit.open("cdnow").orders, as_of=dt.date(1997, 9, 30))
    >>> models = {"purchases": ltv.BGNBD().fit(table), "spend": ltv.GammaGamma().fit(table)}
    >>> options = {"horizon_days": 273, "annual_discount_rate": 0.1, "margin": 0.3}
    >>> ltv.lifetime_value(table, **models, **options).total[["measure", "estimate", "unit"]].round()
              measure  estimate    unit
    0       purchases    1653.0  orders
    1           value   17979.0   money
    2  lifetime_value   17394.0   money
    """
    check(horizon_days, "horizon_days", gt=0)
    check(annual_discount_rate, "annual_discount_rate", ge=0)
    check(margin, "margin", gt=0, le=1)
    check(confidence, "confidence", gt=0, lt=1)
    histories = distinct(summary, purchases.unit_days, values=True)
    outlook = _Outlook(purchases, spend, histories, horizon_days, annual_discount_rate, margin)
    lf, names = with_history(summary, histories, outlook.by_history(), purchases.unit_days)
    value = spend.expectation(outlook.spend_logs)
    customers = lf.with_columns(value.alias("expected_value")).with_columns(
        (margin * nw.col("expected_value") * nw.col("discounted")).alias("lifetime_value")
    )
    columns = ("probability_alive", "expected_purchases", "expected_value", "lifetime_value")
    return LifetimeValue(frames.like(customers.select(*names, *columns), summary), outlook.total(confidence))


class _Outlook:
    """What the histories lead to under the fitted models and under parameters near them."""

    def __init__(
        self,
        purchases: BGNBD,
        spend: GammaGamma,
        histories: Histories,
        horizon_days: float,
        annual_discount_rate: float,
        margin: float,
    ) -> None:
        import numpy as np

        self.purchases, self.spend, self.histories, self.margin = purchases, spend, histories, margin
        self.purchase_logs, self.spend_logs = purchases.log_parameters(), spend.log_parameters()
        self.ends = np.append(np.arange(_PERIOD_DAYS, horizon_days, _PERIOD_DAYS), horizon_days)
        middle = (np.append(0.0, self.ends[:-1]) + self.ends) / 2
        discount = (1 + annual_discount_rate) ** (-middle / _YEAR_DAYS)
        # What comes in each period, discounted, is this mixture of what comes up to the end of each.
        self.mixture = discount - np.append(discount[1:], 0.0)
        self.now = self._purchases(self.purchase_logs)

    def by_history(self) -> "dict[str, Vector]":
        """What each history leads to at the estimates."""
        return dict(zip(("probability_alive", "expected_purchases", "discounted"), self.now, strict=True))

    def _purchases(self, logs: "Vector") -> "tuple[Vector, Vector, Vector]":
        """Probability alive, expected purchases, and the same discounted, of each history."""
        import numpy as np

        alive = self.purchases.alive(logs, self.histories)
        by_end, _, place = self.purchases.counts(logs, self.histories, self.ends)
        return alive, alive * by_end[-1, place], alive * np.einsum("e,ep->p", self.mixture, by_end)[place]

    def _value(self, logs: "Vector") -> "Vector":
        """Sum of the value after margin that a purchase of each customer of a history brings."""
        import numpy as np

        p, q, gamma = np.exp(logs)
        h = self.histories
        return self.margin * p * (h.n * gamma + h.frequency * h.value) / (p * h.frequency + q - 1)

    def _totals(self, expected: "Vector", discounted: "Vector", value: "Vector") -> "Vector":
        """Purchases, value and lifetime value of all customers."""
        import numpy as np

        pairs = ((self.histories.n, expected), (value, expected), (value, discounted))
        return np.array([np.einsum("h,h", *pair) for pair in pairs])

    def _uncertainty(self) -> "Vector":
        """Variance of the totals because the parameters are estimates; the two models are fitted independently."""
        value = self._value(self.spend_logs)
        return maximum_likelihood.variance(
            lambda logs: self._totals(*self._purchases(logs)[1:], value),
            self.purchase_logs,
            self.purchases.maximum_.covariance,
        ) + maximum_likelihood.variance(
            lambda logs: self._totals(*self.now[1:], self._value(logs)),
            self.spend_logs,
            self.spend.maximum_.covariance,
        )

    def _chance(self) -> "Vector":
        """Variance of purchases and of their value when the parameters are known."""
        import numpy as np

        h, (alive, expected, _) = self.histories, self.now
        _, squares, place = self.purchases.counts(self.purchase_logs, h, self.ends[-1:])
        square = alive * squares[0, place]
        p, q, gamma = np.exp(self.spend_logs)
        shape = p * h.frequency + q
        # A customer's mean value is p / nu and varies by p / nu^2, with 1 / nu known only as well as the purchases tell.
        scale = h.n * gamma**2 + 2 * gamma * h.frequency * h.value + h.frequency**2 * h.value_square
        with np.errstate(divide="ignore"):
            nu = np.where(shape > 2, scale / ((shape - 1) * (shape - 2)), np.inf)
        value = np.sum(expected * p * nu + square * p**2 * nu - expected**2 * p**2 * scale / (shape - 1) ** 2)
        return np.array([h.n @ (square - expected**2), self.margin**2 * value])

    def total(self, confidence: float) -> "pd.DataFrame":
        """The totals with intervals for what will really come."""
        import numpy as np
        import pandas as pd

        estimate = self._totals(*self.now[1:], self._value(self.spend_logs))
        purchases, value = self._chance()
        chance = np.array([purchases, value, value * (estimate[2] / estimate[1]) ** 2])
        spread = chance + self._uncertainty()
        known = np.isfinite(spread)
        return pd.DataFrame(
            {
                "measure": ["purchases", "value", "lifetime_value"],
                "estimate": estimate,
                **maximum_likelihood.bounds(estimate, np.where(known, spread, np.nan), confidence),
                "n": round(float(self.histories.n.sum())),
                "unit": ["orders", "money", "money"],
                "note": np.where(known, "", _NO_INTERVAL.format(q=np.exp(self.spend_logs[1]))),
            }
        )


_NO_INTERVAL = "no interval: q == {q:.2f} is not above 2, so a few customers could outweigh all others"
