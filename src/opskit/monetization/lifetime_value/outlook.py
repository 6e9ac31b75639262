"""What the fitted models say: of any history, of the spread of values, and of the customers worth most."""

from typing import TYPE_CHECKING, Any

from opskit import frames
from opskit.errors import check
from opskit.monetization.lifetime_value import maximum_likelihood
from opskit.monetization.lifetime_value.histories import distinct

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.lifetime_value.bg_nbd import BGNBD

_VALUES = ("customer_id", "probability_alive", "expected_purchases", "expected_value", "lifetime_value")


def outlook(
    purchases: "BGNBD", *, observed_days: float, horizon_days: float, max_frequency: int = 12, steps: int = 12
) -> "pd.DataFrame":
    """P(alive) and expected purchases for histories of every frequency and recency, of customers of one age.

    Args:
        purchases: The fitted model.
        observed_days: Days since the customer's first order.
        horizon_days: Days ahead.
        max_frequency: Most repeat order days to show.
        steps: How many recencies to show, evenly spaced from 0 to observed_days.

    Returns:
        frequency, recency_days (from the first to the last order day; 0 only with frequency 0), probability_alive,
        expected_purchases; one row per history.

    Raises:
        OpskitError: An option is out of range, or the model is not fitted.

    >>> import datetime as dt, opskit
    >>> from opskit.monetization import lifetime_value as ltv
    >>> model = ltv.BGNBD().fit(ltv.summary(opskit.open("cdnow").orders, as_of=dt.date(1997, 9, 30)))
    >>> table = outlook(model, observed_days=273, horizon_days=273, max_frequency=3, steps=4)
    >>> table[["frequency", "recency_days", "probability_alive"]].round(2).iloc[[0, 1, -1]].values.tolist()
    [[0.0, 0.0, 1.0], [1.0, 91.0, 0.5], [3.0, 273.0, 0.85]]
    """
    import numpy as np
    import pandas as pd

    check(observed_days, "observed_days", gt=0)
    check(max_frequency, "max_frequency", ge=1)
    check(steps, "steps", ge=2)
    recencies = np.linspace(0, observed_days, steps)[1:] if steps > 2 else np.array([observed_days / 2, observed_days])
    pairs = [(0, 0.0), *((frequency, float(at)) for frequency in range(1, max_frequency + 1) for at in recencies)]
    histories = pd.DataFrame(pairs, columns=["frequency", "recency"])
    histories["recency"] /= purchases.unit_days
    histories = histories.assign(T=observed_days / purchases.unit_days).astype(float)
    keys = ["frequency", "recency", "T"]
    table = purchases.probability_alive(histories).merge(
        purchases.expected_purchases(histories, horizon_days=horizon_days), on=keys
    )
    table = table.sort_values(keys, ignore_index=True).assign(recency_days=table["recency"] * purchases.unit_days)
    columns = ["frequency", "recency_days", "probability_alive", "expected_purchases"]
    return table[columns].astype({"frequency": int})


def customers_alive(summary: Any, *, purchases: "BGNBD", confidence: float = 0.95) -> "pd.DataFrame":
    """How many customers have not left: the sum of their P(alive).

    Args:
        summary: Any engine's frame as `summary` gives it.
        purchases: The fitted model.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: estimate (customers), low, high, share, share_low, share_high, n. The interval holds what is not known
        of the parameters and the chance of each customer.

    Raises:
        OpskitError: The model is not fitted, or the summary does not fit it.

    Assumes customers leave independently of each other. Nobody without a repeat purchase has left, says the model: where
    many bought once, the sum is too high.

    >>> import datetime as dt, opskit
    >>> from opskit.monetization import lifetime_value as ltv
    >>> table = ltv.summary(opskit.open("cdnow").orders, as_of=dt.date(1997, 9, 30))
    >>> customers_alive(table, purchases=ltv.BGNBD().fit(table))[["estimate", "n"]].round()
       estimate     n
    0    1917.0  2357
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    histories = distinct(summary, purchases.unit_days)
    logs = purchases.log_parameters()
    alive = purchases.alive(logs, histories)
    spread = maximum_likelihood.variance(
        lambda near: np.array([histories.n @ purchases.alive(near, histories)]), logs, purchases.maximum_.covariance
    )
    chance = histories.n @ (alive * (1 - alive))
    estimate, n = np.array([histories.n @ alive]), histories.n.sum()
    interval = maximum_likelihood.bounds(estimate, spread + chance, confidence)
    interval["high"] = np.minimum(interval["high"], n)
    shares = {"share": estimate / n, "share_low": interval["low"] / n, "share_high": interval["high"] / n}
    return pd.DataFrame({"estimate": estimate, **interval, **shares, "n": round(float(n))})


def value_shares(values: Any, *, parts: int = 10) -> "pd.DataFrame":
    """Customers ranked by value and cut into equal parts: what each part is worth.

    Args:
        values: `lifetime_value(...).customers`.
        parts: Number of parts.

    Returns:
        part (1 = the most valuable), customers, probability_alive, expected_purchases (averages per customer), mean
        (lifetime value per customer), least, total, share (of all value; missing where that is 0); one row per
        part. They describe these customers and these models; how sure the total is, `lifetime_value` says.

    Raises:
        OpskitError: parts is below 2, or a column is missing.

    >>> import pandas as pd
    >>> values = pd.DataFrame({"probability_alive": 1.0, "expected_purchases": 1.0, "lifetime_value": [1.0, 2, 3, 4]})
    >>> value_shares(values, parts=2)[["part", "customers", "total", "share"]].values.tolist()
    [[1.0, 2.0, 7.0, 0.7], [2.0, 2.0, 3.0, 0.3]]
    """
    import numpy as np

    check(parts, "parts", ge=2)
    lf = frames.lazy(values, *_VALUES[1:3], _VALUES[-1], table="values")
    # Numbers only: ranks of them are numpy's own ground.
    table = frames.collect(lf.select(*_VALUES[1:3], _VALUES[-1]))
    table = table.sort_values("lifetime_value", ascending=False, ignore_index=True)
    part = np.arange(len(table)) * parts // max(len(table), 1) + 1
    found = table.groupby(part).agg(
        customers=("lifetime_value", "size"),
        probability_alive=("probability_alive", "mean"),
        expected_purchases=("expected_purchases", "mean"),
        mean=("lifetime_value", "mean"),
        least=("lifetime_value", "min"),
        total=("lifetime_value", "sum"),
    )
    whole = found["total"].sum()
    return found.assign(share=found["total"] / (whole if whole else np.nan)).rename_axis("part").reset_index()


def audience(values: Any, *, top: int | None = None) -> "pd.DataFrame":
    """Customers by lifetime value, the most valuable first.

    Args:
        values: `lifetime_value(...).customers`.
        top: How many; None: all.

    Returns:
        rank, customer_id, probability_alive, expected_purchases, expected_value (per purchase), lifetime_value. Equal
        values are ordered by customer_id.

    Raises:
        OpskitError: top is below 1, or a column is missing.

    Assumes nothing new: an expectation says what customers like this one bring on average, not what this one will.

    >>> import pandas as pd
    >>> values = pd.DataFrame({"customer_id": ["A", "B"], "probability_alive": 1.0, "expected_purchases": 1.0})
    >>> audience(values.assign(expected_value=1.0, lifetime_value=[2.0, 3.0]), top=1)[["rank", "customer_id"]]
       rank customer_id
    0     1           B
    """
    lf = frames.lazy(values, *_VALUES, table="values").select(*_VALUES)
    ordered = lf.sort("lifetime_value", "customer_id", descending=[True, False])
    if top is not None:
        check(top, "top", ge=1)
        ordered = ordered.head(top)
    table = frames.collect(ordered)
    # Engines may lose the order on the way to Arrow.
    table = table.sort_values(["lifetime_value", "customer_id"], ascending=[False, True], ignore_index=True)
    table.insert(0, "rank", range(1, len(table) + 1))
    return table
