"""The whale curve: profit cumulated over accounts, best first, and what those at its end lose again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from opskit import stats
from opskit.target_users.key_accounts.estimates import FEWEST_EQUAL, equal_accounts, held_by_top, ratio, without_bounds
from opskit.target_users.key_accounts.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 60


class Whale(NamedTuple):
    """Profit cumulated over accounts."""

    curve: "pd.DataFrame"  # accounts, share_of_accounts, share_of_profit, low, high
    measures: "pd.DataFrame"  # measure, estimate, low, high, n


def whale_curve(
    found: Ledger, *, span: str = "life", top_shares: Sequence[float] = (0.01, 0.1, 0.2), confidence: float = 0.95
) -> Whale:
    """How much of all profit the best accounts earn, and how much the unprofitable lose.

    Args:
        found: From `ledger`.
        span: Of the periods: life, window_0 ...
        top_shares: Shares of accounts whose share of profit to give; each means the round(n * share) best ones.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``curve``: accounts (so many of the best), share_of_accounts, share_of_profit (1 is all profit; more where the
        others lose on balance), low, high. ``measures``: top 1% ... (share of profit); losing accounts (share of accounts
        whose profit is below 0); lost again (of what the profitable earn, the share that the others lose), each with
        estimate, low, high and n accounts.

    Assumes accounts are a sample of those the business attracts. A share that rests on fewer than 30 equal accounts gets
    no interval: which few are large is chance of a kind that no interval drawn from the same few can hold.

    Source: Kaplan & Narayanan (2001), "Measuring and managing customer profitability", for the curve.
    """
    import numpy as np
    import pandas as pd

    profit = found.table[f"profit_{span}"].to_numpy(dtype=float)
    n = len(profit)
    at = np.unique(
        np.concatenate([np.linspace(1, n, min(n, _POINTS)), np.geomspace(1, n, _POINTS)]).round().astype(int)
    )
    points = pd.DataFrame([held_by_top(profit, int(k), confidence=confidence) for k in at])
    curve = pd.DataFrame({"accounts": at, "share_of_accounts": at / n, "share_of_profit": points["estimate"]})
    curve = curve.assign(low=points["low"], high=points["high"])
    sizes = [(f"top {100 * share:g}%", round(n * share)) for share in top_shares]
    rows = [{"measure": name, **held_by_top(profit, k, confidence=confidence)} for name, k in sizes if k]
    losing = int((profit < 0).sum())
    low, high = (float(bound) for bound in stats.wilson(losing, n, confidence=confidence))
    rows.append({"measure": "losing accounts", "estimate": losing / n, "low": low, "high": high, "n": n})
    lost = ratio(np.maximum(-profit, 0), np.maximum(profit, 0), confidence=confidence)
    if not equal_accounts(np.minimum(profit, 0)) >= FEWEST_EQUAL:  # nan where nobody loses
        lost = without_bounds(lost)
    rows.append({"measure": "lost again", **lost})
    return Whale(curve, pd.DataFrame(rows)[["measure", "estimate", "low", "high", "n"]])
