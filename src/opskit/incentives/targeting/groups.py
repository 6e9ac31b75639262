"""Persuadable, sure thing, lost cause, sleeping dog: sorted by prediction, then measured on customers not learnt from."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import check
from opskit.incentives.targeting.differences import NOTHING, difference
from opskit.incentives.targeting.learners import Scores

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PERSUADABLE, SURE, LOST, DOG = GROUPS = ("persuadable", "sure thing", "lost cause", "sleeping dog")


def groups(scores: Scores, *, smallest_effect: float = 0.2, confidence: float = 0.95) -> "pd.DataFrame":
    """The four groups: how many are sorted into each, and what the treatment did to them.

    Args:
        scores: From `scores`.
        smallest_effect: Predicted effect from which on a customer counts as moved, as a share of the control's mean; the
            others are sure things or lost causes, by whether they are predicted to have more than that mean untreated.
        confidence: Coverage of the intervals.

    Returns:
        group, share with share_low and share_high, control and treated (means of the outcome), difference, low, high,
        p_value, p_corrected (Holm), shown (whether the effect has the group's sign beyond chance; for the two groups in the
        middle, whether the interval lies within the smallest effect on either side), persuaded_low and persuaded_high (what
        share of the group's customers have the outcome because of the treatment: all that data of any size could tell), n.

    Raises:
        OpskitError: An option is out of range.

    Assumes nothing about a single customer: nobody is seen both treated and untreated, so a group holds customers *like*
    whom the treatment did this on average. Sorting looked at no customer's own outcome, so effects are not flattered.

    Source: bounds of the share persuaded: Fréchet (1935), Tian & Pearl (2000), "Probabilities of causation".
    """
    import numpy as np
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    check(smallest_effect, "smallest_effect", gt=0)
    check(confidence, "confidence", gt=0, lt=1)
    rows = scores.rows
    usual = float(rows.loc[~rows["treated"].astype(bool), "outcome"].mean()) if len(rows) else 0.0
    least = smallest_effect * usual
    named = _sorted(rows, usual, least)
    binary = set(rows["outcome"].unique()) <= {0.0, 1.0}
    table: list[dict[str, Any]] = []
    for group in GROUPS:
        part = rows[named == group]
        treated, control = (part.loc[part["treated"] == arm, "outcome"].to_numpy(float) for arm in (True, False))
        found = difference(treated, control, confidence=confidence) if len(part) else NOTHING.copy()
        low, high = _persuaded(found) if binary else (np.nan, np.nan)
        table.append({"group": group, **found, "persuaded_low": low, "persuaded_high": high, "n": len(part)})
    result = pd.DataFrame(table)
    low, high = stats.wilson(result["n"], np.full(len(result), len(rows)), confidence=confidence)
    result = result.assign(share=result["n"] / max(len(rows), 1), share_low=low, share_high=high)
    known = result["p_value"].notna()
    result["p_corrected"] = np.nan
    if known.any():
        result.loc[known, "p_corrected"] = multipletests(result.loc[known, "p_value"], method="holm")[1]
    result["shown"] = [_shown(row, least, 1 - confidence) for _, row in result.iterrows()]
    first = ["group", "share", "share_low", "share_high", "control", "treated", "difference", "low", "high"]
    return result[[*first, "p_value", "p_corrected", "shown", "persuaded_low", "persuaded_high", "n"]]


def _sorted(rows: "pd.DataFrame", usual: float, least: float) -> "np.ndarray[Any, Any]":
    """The group of each customer by what is predicted."""
    import numpy as np

    uplift, baseline = rows["uplift"].to_numpy(float), rows["baseline"].to_numpy(float)
    unmoved = np.where(baseline >= usual, SURE, LOST)
    return np.where(uplift >= least, PERSUADABLE, np.where(uplift <= -least, DOG, unmoved))


def _persuaded(found: dict[str, float]) -> tuple[float, float]:
    low = max(0.0, found["difference"]) if found["difference"] == found["difference"] else float("nan")
    return low, min(found["treated"], 1 - found["control"])


def _shown(row: "pd.Series[Any]", least: float, alpha: float) -> bool:
    if row["group"] in (SURE, LOST):
        return bool(row["low"] > -least and row["high"] < least)
    sign = 1 if row["group"] == PERSUADABLE else -1
    return bool(sign * row["difference"] > 0 and row["p_corrected"] < alpha)
