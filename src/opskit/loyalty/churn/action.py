"""Whom to contact today, in which order, and whom to leave alone on purpose."""

from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.loyalty.churn.costs import Costs, pays, quantile

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def action_list(
    scored: "pd.DataFrame", stake: "np.ndarray[Any, Any]", given: Costs, *, holdout_share: float = 0.2, seed: int = 7
) -> "pd.DataFrame":
    """Customers whose contact is expected to pay, those with the largest expected loss first.

    Args:
        scored: Today's customers, from `score`.
        stake: From `at_stake`, for the same rows.
        given: From `costs`.
        holdout_share: Of them, kept aside at random, so that the action can be judged.
        seed: Of the draw.

    Returns:
        rank, customer_id, group ("contact", or "hold out": not to be contacted), probability (of leaving), at_stake
        (revenue), expected_loss (probability * at_stake * margin share), expected_gain (expected_loss * success share -
        cost), days_since_last_order, orders.

    Raises:
        OpskitError: holdout_share is out of range.
    """
    import numpy as np

    check(holdout_share, "holdout_share", ge=0, lt=1)
    probability = scored["probability"].to_numpy(dtype=float)
    loss = probability * stake * given.margin_share
    table = scored[["customer_id", "probability", "days_since_last_order", "orders"]].assign(
        at_stake=stake, expected_loss=loss, expected_gain=loss * given.success_share - given.contact
    )
    table = table[pays(probability, stake, given)]
    table = table.sort_values(["expected_loss", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    aside = np.random.default_rng(seed).permutation(len(table)) < round(holdout_share * len(table))
    table = table.assign(rank=np.arange(1, len(table) + 1), group=np.where(aside, "hold out", "contact"))
    table[["days_since_last_order", "orders"]] = table[["days_since_last_order", "orders"]].astype("int64")
    first = ["rank", "customer_id", "group", "probability", "at_stake", "expected_loss", "expected_gain"]
    return table[[*first, "days_since_last_order", "orders"]]


def expected_net_value(
    listed: "pd.DataFrame",
    tested: "pd.DataFrame",
    probability: "np.ndarray[Any, Any]",
    stake: "np.ndarray[Any, Any]",
    given: Costs,
    *,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """What contacting the list is expected to earn, corrected by how the same rule fared on the test period.

    Args:
        listed: From `action_list`; its group "contact" counts.
        tested: ``tested`` of a Comparison.
        probability: Of leaving, for the rows of tested.
        stake: From `at_stake`, for the rows of tested.
        given: From `costs`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: estimate, low, high (in the currency), n (customers contacted), came_true (loss observed over loss
        expected among the test's customers whom the rule names; 1 where it names nobody, without bounds then),
        break_even (success share at which the contacts just pay; missing when nobody is contacted, and above 1),
        break_even_low, break_even_high.

    Assumes the success share. The bounds hold how far the expected losses may be from those that come true; not what
    contacts change.
    """
    import numpy as np
    import pandas as pd

    contacted = listed[listed["group"] == "contact"]
    loss, spent = float(contacted["expected_loss"].sum()), given.contact * len(contacted)
    named = pays(probability, stake, given)
    expected = (probability * stake)[named]
    observed = (tested["left"].to_numpy(dtype=float) * stake)[named]
    came_true, error = 1.0, float("nan")
    if len(expected) > 1:
        came_true = float(observed.sum() / expected.sum())
        residual = observed - came_true * expected
        error = float(residual.std(ddof=1) * np.sqrt(len(residual)) / expected.sum())
    saved, away = loss * given.success_share, quantile(confidence) * error
    half = saved * away if len(contacted) else float("nan")
    estimate = came_true * saved - spent
    row: dict[str, Any] = {"estimate": estimate, "low": estimate - half, "high": estimate + half, "n": len(contacted)}
    needed = [_share(spent, level * loss) for level in (came_true, came_true + away, came_true - away)]
    if needed[0] == needed[0] and needed[1] == needed[1]:
        needed[2] = needed[2] if needed[2] == needed[2] else 1.0  # not even keeping every leaver need pay
    names = ("break_even", "break_even_low", "break_even_high")
    return pd.DataFrame([{**row, "came_true": came_true, **dict(zip(names, needed, strict=True))}])


def _share(part: float, whole: float) -> float:
    """A share of at most 1; missing where there is none."""
    return part / whole if 0 < part <= whole else float("nan")


def smallest_effect(listed: "pd.DataFrame", *, confidence: float = 0.95, power: float = 0.8) -> "pd.DataFrame":
    """Whether the hold-out can show what is hoped for.

    Args:
        listed: From `action_list`.
        confidence: Of the comparison of those contacted with those held out, between 0 and 1.
        power: Chance of seeing the effect if it is there, between 0 and 1.

    Returns:
        One row: contacted, held_out, leaving (mean probability), detectable (smallest success share that the comparison
        would show); missing with nobody in one of the groups.

    Source: two proportions with normal approximation, Fleiss (1981), "Statistical methods for rates and proportions".
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(power, "power", gt=0, lt=1)
    contacted, held_out = (int((listed["group"] == name).sum()) for name in ("contact", "hold out"))
    leaving = float(listed["probability"].mean()) if len(listed) else float("nan")
    detectable = float("nan")
    if contacted and held_out:
        spread = np.sqrt(leaving * (1 - leaving) * (1 / contacted + 1 / held_out))
        detectable = min((quantile(confidence) + float(ndtri(power))) * spread / leaving, 1.0)
    return pd.DataFrame([{"contacted": contacted, "held_out": held_out, "leaving": leaving, "detectable": detectable}])
