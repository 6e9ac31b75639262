"""What becomes of accounts that have not ordered yet, the longer the less."""

from typing import TYPE_CHECKING, Any

from opskit import features, stats
from opskit.target_users.first_users.beginnings import LANDMARKS_DAYS
from opskit.target_users.first_users.judged import Judged
from opskit.target_users.first_users.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

_FEWEST = 10  # with an order later on, below which nothing is said about who they are


def waiting(found: Panel, judged: Judged, *, window_days: int, confidence: float = 0.95) -> "pd.DataFrame":
    """Accounts without an order some days after sign-up: how many ordered later, and does likeness tell which?

    Args:
        found: From `panel`, of prospects.
        judged: From `judge`.
        window_days: As of `setting`; it begins when the account is looked at again.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per landmark: days (without an order), accounts, ordered (later, within the window), best (of them), expected (how many of the best their scores at
        sign-up promised), remaining (what is left of the chance at sign-up: best over expected, half an account added
        to both so that nobody's chance is nothing), roc_auc with low and high (of the score, for ordering later; missing
        with fewer than 10 of them), ordered_rate and best_rate with _low and _high. A landmark that nobody has reached is left out.

    Assumes accounts are left alone as they were so far: whoever is approached may do otherwise.
    """
    import numpy as np
    import pandas as pd

    over = found.rows[found.rows["over"]].reset_index(drop=True)
    score = judged.rows["folded"].to_numpy(dtype=float)
    rows: list[dict[str, Any]] = []
    for days in LANDMARKS_DAYS:
        late = over["first_days"].isna() | (over["first_days"] >= days) if days else over["over"]
        here = (late & (over["age_days"] >= days + window_days - 1)).to_numpy(dtype=bool)
        if not here.any():
            continue
        part = over[here]
        ordered = (part["first_days"] < days + window_days).to_numpy(dtype=bool)
        best = part["best"].to_numpy(dtype=bool)
        if part["at_least"].notna().any():
            best = ordered & (part[f"worth_{days}"] >= part["at_least"]).to_numpy()
        expected = float(score[here].sum())
        area = [np.nan] * 3
        if _FEWEST <= ordered.sum() < len(part):
            told = features.accuracy(score[here], ordered, confidence=confidence).iloc[0]
            area = [float(told[name]) for name in ("estimate", "low", "high")]
        left = 1.0 if days == 0 else min((best.sum() + 0.5) / (expected + 0.5), 1.0)
        counts = {"days": days, "accounts": len(part), "ordered": int(ordered.sum()), "best": int(best.sum())}
        rows.append(
            {**counts, "expected": expected, "remaining": left, "roc_auc": area[0], "low": area[1], "high": area[2]}
        )
    table = pd.DataFrame(rows)
    for what in ("ordered", "best"):
        low, high = stats.wilson(table[what], table["accounts"], confidence=confidence)
        bounds = {f"{what}_low": low, f"{what}_high": high}
        table = table.assign(**{f"{what}_rate": table[what] / table["accounts"]}, **bounds)
    return table


def remaining(table: "pd.DataFrame", days: "pd.Series[Any]") -> "pd.Series[Any]":
    """What is left of each account's chance after so many days without an order.

    Args:
        table: From `waiting`.
        days: Days since sign-up.
    """
    import numpy as np
    import pandas as pd

    place = np.searchsorted(table["days"].to_numpy(), days.to_numpy(dtype=float), side="right") - 1
    return pd.Series(table["remaining"].to_numpy()[np.maximum(place, 0)], index=days.index)
