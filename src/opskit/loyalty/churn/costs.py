"""What contacting earns: money at stake, the threshold at which a contact pays, and the net value of each rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import check
from opskit.loyalty.churn.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Costs(NamedTuple):
    """What an action costs and is believed to bring; the success share is an assumption until an experiment tells."""

    contact: float  # cost of one contact with its incentive, in the currency of revenue
    margin_share: float  # of revenue
    success_share: float  # of those who would have left, who stay because of the contact


def costs(
    orders_mean: float, *, cost_of_contact: float = 0.0, margin_share: float = 0.25, success_share: float = 0.1
) -> Costs:
    """Check what an action costs and is believed to bring.

    Args:
        orders_mean: Mean value of an order, in the currency of revenue.
        cost_of_contact: Of one contact with its incentive, in that currency; 0: 2% of the mean order value.
        margin_share: Share of revenue that is kept.
        success_share: Share of those who would have left, who stay because they are contacted.

    Raises:
        OpskitError: An option is out of range.

    >>> costs(300.0)
    Costs(contact=6.0, margin_share=0.25, success_share=0.1)
    """
    check(cost_of_contact, "cost_of_contact", ge=0)
    check(margin_share, "margin_share", gt=0, le=1)
    check(success_share, "success_share", ge=0, le=1)
    return Costs(float(cost_of_contact or 0.02 * orders_mean), float(margin_share), float(success_share))


def at_stake(found: Panel, rows: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """Revenue that each customer is expected to bring in the next horizon if staying.

    Args:
        found: From `panel`; those who stayed after the earlier cut-offs are learnt from.
        rows: Rows of the panel to value.

    Returns:
        One amount per row: a base plus a share of the revenue of the horizon before, both fitted by least squares and
        not below 0. Who spent much before spends more afterwards, but not as much more: extremes are partly luck.
    """
    import numpy as np
    from scipy.optimize import nnls

    stayed = found.rows[(found.rows["period"] == "training") & ~found.rows["left"].fillna(value=True).astype(bool)]
    before = stayed["revenue_horizon"].to_numpy(dtype=float)
    weights, _ = nnls(np.column_stack([np.ones(len(stayed)), before]), stayed["revenue_after"].to_numpy(dtype=float))
    return weights[0] + weights[1] * rows["revenue_horizon"].to_numpy(dtype=float)


def stake_check(rows: "pd.DataFrame", stake: "np.ndarray[Any, Any]", *, confidence: float = 0.95) -> "pd.DataFrame":
    """What those who stayed after the test's cut-off brought, beside what they were expected to bring.

    Args:
        rows: ``tested`` of a Comparison.
        stake: From `at_stake`, for the same rows.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: customers (who stayed), expected and brought (mean revenue in the horizon), low, high (of brought).
    """
    import numpy as np
    import pandas as pd

    stayed = ~rows["left"].to_numpy(dtype=bool)
    brought = rows.loc[stayed, "revenue_after"].to_numpy(dtype=float)
    half = quantile(confidence) * brought.std(ddof=1) / np.sqrt(len(brought))
    row = {"customers": len(brought), "expected": stake[stayed].mean(), "brought": brought.mean()}
    return pd.DataFrame([{**row, "low": brought.mean() - half, "high": brought.mean() + half}])


def threshold(given: Costs, mean_stake: float) -> float:
    """Probability of leaving from which a contact pays, for a customer with the mean amount at stake.

    Args:
        given: From `costs`.
        mean_stake: Mean of `at_stake`.

    Returns:
        contact / (success_share * margin_share * mean_stake); above 1, and infinite where nothing is saved: nobody.

    >>> threshold(Costs(6.0, 0.25, 0.05), 960.0)
    0.5
    """
    saved = given.success_share * given.margin_share * mean_stake
    return given.contact / saved if saved > 0 else float("inf")


def net_values(
    rows: "pd.DataFrame",
    probability: "np.ndarray[Any, Any]",
    stake: "np.ndarray[Any, Any]",
    given: Costs,
    *,
    thresholds: Sequence[float],
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Net value on the test period of contacting everybody above each threshold.

    Args:
        rows: ``tested`` of a Comparison.
        probability: Of leaving, for the same rows.
        stake: From `at_stake`, for the same rows.
        given: From `costs`.
        thresholds: Customers with a probability of at least this are contacted.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        threshold, contacted, net_value, low, high (in the currency, all test customers together).

    Assumes the success share; who left is observed, what contacts change is not.
    """
    import pandas as pd

    table = [_net(rows, probability >= at, stake, given, confidence) for at in thresholds]
    return pd.DataFrame(table, columns=["contacted", "net_value", "low", "high"]).assign(threshold=list(thresholds))[
        ["threshold", "contacted", "net_value", "low", "high"]
    ]


def rules(
    rows: "pd.DataFrame",
    probability: "np.ndarray[Any, Any]",
    stake: "np.ndarray[Any, Any]",
    given: Costs,
    *,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Net value on the test period of four ways to choose whom to contact.

    Args:
        rows: ``tested`` of a Comparison.
        probability: Of leaving, for the same rows.
        stake: From `at_stake`, for the same rows.
        given: From `costs`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        rule, contacted, net_value, low, high, n: nobody; everybody; above the threshold (one for all, at the mean
        stake); own stake (where a customer's own expected saving is above the cost).
    """
    import numpy as np
    import pandas as pd

    chosen = {
        "nobody": np.zeros(len(rows), dtype=bool),
        "everybody": np.ones(len(rows), dtype=bool),
        "above the threshold": probability >= threshold(given, float(stake.mean())),
        "own stake": pays(probability, stake, given),
    }
    table = [(name, *_net(rows, who, stake, given, confidence)) for name, who in chosen.items()]
    return pd.DataFrame(table, columns=["rule", "contacted", "net_value", "low", "high"]).assign(n=len(rows))


def pays(probability: "np.ndarray[Any, Any]", stake: "np.ndarray[Any, Any]", given: Costs) -> "np.ndarray[Any, Any]":
    """Whether contacting each customer is expected to save more than it costs."""
    return probability * stake * given.margin_share * given.success_share > given.contact


def _net(
    rows: "pd.DataFrame", who: "np.ndarray[Any, Any]", stake: "np.ndarray[Any, Any]", given: Costs, confidence: float
) -> tuple[int, float, float, float]:
    import numpy as np

    left = rows["left"].to_numpy(dtype=bool)
    each = np.where(who, left * stake * given.margin_share * given.success_share - given.contact, 0.0)
    half = quantile(confidence) * each.std(ddof=1) * np.sqrt(len(each))
    return int(who.sum()), float(each.sum()), float(each.sum() - half), float(each.sum() + half)


def quantile(confidence: float) -> float:
    """Half the width of a normal interval, in standard errors."""
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    return float(ndtri((1 + confidence) / 2))
