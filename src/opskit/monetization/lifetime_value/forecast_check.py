"""Both models fitted; and the forecast from the first part of the period held against the rest, or why it cannot be."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError, TooLittleDataError
from opskit.monetization.lifetime_value.bg_nbd import BGNBD
from opskit.monetization.lifetime_value.gamma_gamma import GammaGamma
from opskit.monetization.lifetime_value.summary import summary
from opskit.monetization.lifetime_value.tracking import tracking
from opskit.monetization.lifetime_value.validation import Holdout, holdout, nothing_held_out

if TYPE_CHECKING:
    import pandas as pd


class ForecastCheck(NamedTuple):
    """A forecast from the calibration period against the days held out."""

    result: Holdout
    weeks: "pd.DataFrame"  # of `tracking`; empty where there is a problem
    problem: str  # why the check is missing; empty where it is there


class Models(NamedTuple):
    """Both models, fitted on the same customers."""

    purchases: BGNBD
    spend: GammaGamma


def fit(known: Any, *, confidence: float = 0.95) -> Models:
    """Fit BG/NBD and Gamma-Gamma on one summary.

    Args:
        known: Of `summary`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``purchases`` and ``spend``. Repeat customers whose mean value is zero or less are left out of the model of spend
        and counted in its left_out_.

    Raises:
        TooLittleDataError: The customers do not settle the parameters; the message is the model's own.

    Assumes what the models do.
    """
    try:
        purchases = BGNBD(confidence=confidence).fit(known)
        return Models(purchases, GammaGamma(confidence=confidence).fit(known, leave_out_nonpositive=True))
    except OpskitError as error:
        raise TooLittleDataError(str(error)) from error


def check_forecast(orders: Any, *, as_of: dt.date, calibrate_until: dt.date, confidence: float = 0.95) -> ForecastCheck:
    """Fit both models on the calibration period and compare what they say with what came.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day held out, inclusive.
        calibrate_until: Last day of the calibration period.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``result`` (of `holdout`), ``weeks`` (of `tracking`) and ``problem``: where the first part of the period is too
        thin for the models, their sentence, and tables without rows.

    Raises:
        OpskitError: The dates are out of order, a column is missing, or there are no rows.

    Assumes what `holdout` and `tracking` do.
    """
    import pandas as pd

    known = summary(orders, as_of=as_of, calibrate_until=calibrate_until)
    try:
        purchases, spend = fit(known, confidence=confidence)
    except TooLittleDataError as error:
        problem = f"The forecast cannot be checked on the part held out. {error}"
        return ForecastCheck(nothing_held_out(), pd.DataFrame(), problem)
    result = holdout(orders, purchases, spend, as_of=as_of, calibrate_until=calibrate_until, confidence=confidence)
    weeks = tracking(orders, purchases, as_of=as_of, calibrate_until=calibrate_until, confidence=confidence)
    return ForecastCheck(result, weeks, "")
