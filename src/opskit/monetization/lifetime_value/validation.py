"""The forecast held against what customers did afterwards, and against simpler forecasts."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import TooLittleDataError, check
from opskit.monetization.lifetime_value.summary import summary

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from opskit.monetization.lifetime_value.bg_nbd import BGNBD
    from opskit.monetization.lifetime_value.gamma_gamma import GammaGamma

    Vector = np.ndarray[Any, np.dtype[np.float64]]

FORECASTS = {"model": "model", "own_rate": "own rate goes on", "same_again": "last period again"}
RANKINGS = {"by_model": "model", "by_past_spend": "past spend"}


class Holdout(NamedTuple):
    """How the forecast did in the days held out."""

    by_frequency: "pd.DataFrame"  # frequency, customers, actual, low, high, expected
    accuracy: "pd.DataFrame"  # forecast, measure, estimate, low, high, n
    ranking: "pd.DataFrame"  # top_share, ranked_by, customers, captured, low, high


def calibration_end(orders: Any, *, as_of: dt.date, holdout_share: float = 0.5) -> dt.date:
    """Last day of the calibration period when the last part of the days observed is held out.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        holdout_share: Share of the days from the first order to as_of that is held out.

    Raises:
        OpskitError: The share is not between 0 and 1, as_of is not a date or before the first order, or there are no rows.
        TooLittleDataError: The orders span fewer than 14 days.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["A"], "ordered_at": pd.to_datetime(["1997-01-01"])})
    >>> calibration_end(orders, as_of=dt.date(1998, 6, 30))
    datetime.date(1997, 9, 30)
    """
    check(holdout_share, "holdout_share", gt=0, lt=1)
    _, first_day = customers.until(orders, as_of=as_of)
    days = frames.day_number(as_of) - first_day + 1
    if days < 14:
        raise TooLittleDataError(
            f"orders span {days} days up to {as_of}; at least 14 are needed to hold some of them out."
        )
    return as_of - dt.timedelta(days=min(max(round(days * holdout_share), 1), days - 1))


def holdout(
    orders: Any,
    purchases: "BGNBD",
    spend: "GammaGamma",
    *,
    as_of: dt.date,
    calibrate_until: dt.date,
    max_frequency: int = 7,
    top_shares: Sequence[float] = (0.1, 0.2),
    confidence: float = 0.95,
) -> Holdout:
    """Forecast against what happened, by frequency, in total, per customer and as a ranking.

    The simpler forecasts: each customer's own rate goes on (repeat days over days observed), and each customer makes as
    many order days as in the last days of calibration, as many as are held out. The simpler ranking: who spent most so
    far. All are judged on the same customers, and the interval of a difference leaves out the same customers from both.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        purchases: Fitted on the calibration period.
        spend: Fitted on the calibration period.
        as_of: Last day held out, inclusive.
        calibrate_until: Last day of the calibration period.
        max_frequency: So many calibration repeat days or more make the last class.
        top_shares: Shares of customers whose revenue to compare; each means the round(n * share) best ranked.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_frequency``: frequency in calibration (``"0"`` ... ``"7+"``), customers, actual (order days held out per
        customer), low, high, expected. ``accuracy``: forecast, measure (actual and total in order days; error, the
        total over the actual less 1; mae and rmse in order days per customer; gain, the model's mae less this one's,
        below 0 where the model is better), estimate, low, high, n. ``ranking``: top_share, ranked_by (model, past
        spend, model less past spend), customers, captured (share of the revenue held out), low, high.

    Raises:
        OpskitError: An option is out of range, or the dates leave nothing to compare.

    Assumes the parameters as fitted: intervals say how other customers of this kind would have come out.

    Source: the comparison with simple rules follows Wübben & Wangenheim (2008), "Instant customer base analysis:
    managerial heuristics often get it right", Journal of Marketing 72(3).
    """
    check(max_frequency, "max_frequency", ge=1)
    for share in top_shares:
        check(share, "top_shares", gt=0, lt=1)
    check(confidence, "confidence", gt=0, lt=1)
    table = _per_customer(orders, purchases, spend, as_of, calibrate_until)
    return Holdout(
        _by_frequency(table, max_frequency, confidence),
        _accuracy(table, confidence),
        _ranking(table, top_shares, confidence),
    )


def nothing_held_out() -> Holdout:
    """The tables without a row, for a forecast that could not be made."""
    import pandas as pd

    return Holdout(
        pd.DataFrame(columns=["frequency", "customers", "actual", "low", "high", "expected"]),
        pd.DataFrame(columns=["forecast", "measure", "estimate", "low", "high", "n"]),
        pd.DataFrame(columns=["top_share", "ranked_by", "customers", "captured", "low", "high"]),
    )


def _per_customer(
    orders: Any, purchases: "BGNBD", spend: "GammaGamma", as_of: dt.date, calibrate_until: dt.date
) -> "pd.DataFrame":
    """Numbers of every calibration customer: what was held out, and what each forecast says of it."""
    lf, _ = customers.until(orders, "revenue", as_of=calibrate_until)
    held_out = (as_of - calibrate_until).days
    since = frames.day_number(calibrate_until) - held_out
    past = (
        customers.order_days(lf, "revenue")
        .with_columns(
            (frames.epoch_day("day") > since).cast(nw.Int64).alias("same_again"),
            nw.col("revenue").cast(nw.Float64).alias("past_spend"),
        )
        .group_by("customer_id")
        .agg(nw.col("past_spend", "same_again").sum())
    )
    known = summary(orders, as_of=as_of, calibrate_until=calibrate_until, time_unit=purchases.time_unit)
    known = frames.lazy(known, "customer_id", table="summary")
    table = frames.collect(stats.assign_groups(known.join(past, on="customer_id"), ids=lf).drop("first_day"))
    table = table.sort_values("customer_id", ignore_index=True)  # the same order, ties included, on every engine
    expected = purchases.expected_purchases(table, horizon_days=held_out).set_index("customer_id")
    worth = spend.expected_value(table).set_index("customer_id")
    table["model"] = expected["expected_purchases"].reindex(table["customer_id"]).to_numpy()
    table["own_rate"] = (table["frequency"] / table["T"].where(table["T"] > 0)).fillna(0.0) * table["holdout"]
    table["by_model"] = table["model"] * worth["expected_value"].reindex(table["customer_id"]).to_numpy()
    return table.rename(columns={"past_spend": "by_past_spend"})


def _by_frequency(table: "pd.DataFrame", max_frequency: int, confidence: float) -> "pd.DataFrame":
    import numpy as np
    from scipy.special import stdtrit

    classes = table["frequency"].clip(upper=max_frequency)
    found = table.groupby(classes).agg(
        customers=("frequency", "size"),
        actual=("holdout_frequency", "mean"),
        spread=("holdout_frequency", "std"),
        expected=("model", "mean"),
    )
    found = found.reindex(range(max_frequency + 1))
    n = found["customers"].fillna(0)
    half = stdtrit((n - 1).where(n > 1), (1 + confidence) / 2) * found["spread"] / np.sqrt(n)
    found = found.assign(
        customers=n.astype(int), low=(found["actual"] - half).clip(lower=0), high=found["actual"] + half
    )
    found.insert(0, "frequency_class", [*map(str, range(max_frequency)), f"{max_frequency}+"])
    columns = ["frequency_class", "customers", "actual", "low", "high", "expected"]
    return found[columns].rename(columns={"frequency_class": "frequency"}).reset_index(drop=True)


def _accuracy(table: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    actual = table["holdout_frequency"].astype(float)
    sums = pd.DataFrame({"group": table["group"], "n": 1.0, "actual": actual})
    for name in FORECASTS:
        miss = table[name].astype(float) - actual
        sums = sums.assign(**{f"{name}_total": table[name], f"{name}_abs": miss.abs(), f"{name}_square": miss**2})
    sums = sums.groupby("group", as_index=False).sum()

    def measures(total: "pd.DataFrame") -> "pd.Series[Any]":
        one = total.iloc[0]
        real = one["actual"] if one["actual"] > 0 else np.nan
        found = {("actual", "actual"): one["actual"]}
        for name, words in FORECASTS.items():
            found[words, "total"] = one[f"{name}_total"]
            found[words, "error"] = one[f"{name}_total"] / real - 1
            found[words, "mae"] = one[f"{name}_abs"] / one["n"]
            found[words, "rmse"] = np.sqrt(one[f"{name}_square"] / one["n"])
            if name != "model":
                found[words, "gain"] = (one["model_abs"] - one[f"{name}_abs"]) / one["n"]
        return pd.Series(found)

    result = stats.jackknife(sums, measures, confidence=confidence)
    result = result.rename_axis(["forecast", "measure"]).reset_index()
    return result.assign(n=len(table))


def _ranking(table: "pd.DataFrame", top_shares: Sequence[float], confidence: float) -> "pd.DataFrame":
    """Revenue held out that the best ranked brought; who is best ranked is taken as given."""
    import numpy as np
    import pandas as pd

    n, value = len(table), table["holdout_value"].to_numpy(dtype=float)
    parts: list[pd.DataFrame] = []
    for share in top_shares:
        k = round(n * share)
        columns = {name: np.where(_best(table[name].to_numpy(dtype=float), k), value, 0.0) for name in RANKINGS}
        sums = pd.DataFrame({"group": table["group"], "value": value, **columns}).groupby("group", as_index=False).sum()

        def captured(total: "pd.DataFrame") -> "pd.Series[Any]":
            one = total.iloc[0]
            real = one["value"] if one["value"] > 0 else np.nan
            shares = [one[name] / real for name in RANKINGS]
            return pd.Series([*shares, shares[0] - shares[1]], index=[*RANKINGS.values(), "model less past spend"])

        found = stats.jackknife(sums, captured, confidence=confidence).rename(columns={"estimate": "captured"})
        found.insert(0, "top_share", share)
        parts.append(found.rename_axis("ranked_by").reset_index().assign(customers=k))
    return pd.concat(parts, ignore_index=True)[["top_share", "ranked_by", "customers", "captured", "low", "high"]]


def _best(score: "Vector", k: int) -> "np.ndarray[Any, Any]":
    """Which k entries have the highest score; of equal ones the first."""
    import numpy as np

    best = np.zeros(len(score), dtype=bool)
    best[np.argsort(-score, kind="stable")[:k]] = True
    return best
