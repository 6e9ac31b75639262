"""How well likeness tells who becomes one of the best, by fair and by unfair judges."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import features
from opskit.errors import TooLittleDataError, check
from opskit.target_users.first_users.beginnings import FEWEST, Rule, labelled
from opskit.target_users.first_users.lookalike import LookAlike, cross_fitted
from opskit.target_users.first_users.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

ITSELF_AND_LEAKS, ITSELF = "on itself, all columns", "on itself, fair columns"
FOLDED, LATER = "cross-fitted", "later beginnings"
_FEWEST_LATER = 15  # of the best among the later beginnings, for these to be the judge
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Judged(NamedTuple):
    """Scores of accounts whose window is over, and how good they are."""

    rows: "pd.DataFrame"  # customer_id, best, ordered, folded and, of the later beginnings, later: probabilities
    accuracy: "pd.DataFrame"  # judge, roc_auc, low, high, n, best, lift, lift_low, lift_high (of the top tenth)
    judge: str  # the one to believe: later beginnings, or cross-fitted where these hold too few of the best
    model: LookAlike  # learnt from all of them, for those to be scored

    @property
    def score(self) -> "Vector":
        """Probabilities that the judge to believe looks at."""
        return self.held_out["later" if self.judge == LATER else "folded"].to_numpy(dtype=float)

    @property
    def best(self) -> "Vector":
        """What became of the same accounts."""
        return self.held_out["best"].to_numpy(dtype=bool)

    @property
    def held_out(self) -> "pd.DataFrame":
        """Accounts that the judge to believe looks at."""
        return self.rows[self.rows["later"].notna()] if self.judge == LATER else self.rows


def judge(found: Panel, *, confidence: float = 0.95, seed: int = 7) -> Judged:
    """Learn likeness to the best, and judge it four ways.

    Args:
        found: From `panel`.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the folds and of the bootstrap.

    Returns:
        A Judged. On itself, with all columns: what a first try would claim, that learns from whatever is filled in and
        looks at the accounts it learnt from. On itself, with fair columns: without those that were refused. Cross-fitted:
        each account by models that have not seen it. Later beginnings: by a model that has seen the earlier ones only.

    Raises:
        TooLittleDataError: No column can be learnt from.
        OpskitError: The confidence is not between 0 and 1.

    Assumes the time to come resembles the time learnt from. Nothing is tuned on the accounts that judge.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    if not found.columns:
        raise TooLittleDataError(
            "no column can be learnt from: nothing was known of accounts at their beginning, or all of it was refused. "
            "Add attributes to customers, or answers to surveys with customer_id and answered_at."
        )
    over = found.rows[found.rows["over"]].reset_index(drop=True)
    best, late = over["best"].to_numpy(dtype=bool), (over["part"] == "later").to_numpy()
    table = over[found.columns]
    everything = over[[name for name in found.screening["column"] if name in over]]
    model = LookAlike().fit(table, best)
    rows = over[["customer_id", "best", "ordered"]].assign(folded=cross_fitted(table, best, seed=seed), later=np.nan)
    tries = {
        ITSELF_AND_LEAKS: (LookAlike().fit(everything, best).predict_proba(everything), best),
        ITSELF: (model.predict_proba(table), best),
        FOLDED: (rows["folded"].to_numpy(), best),
    }
    if best[~late].sum() >= FEWEST and best[late].sum() >= _FEWEST_LATER:
        score = LookAlike().fit(table[~late], best[~late]).predict_proba(table[late])
        rows.loc[late, "later"] = score
        tries[LATER] = (score, best[late])
    told = [_told(name, *pair, confidence, seed) for name, pair in tries.items()]
    return Judged(rows, pd.DataFrame(told), LATER if LATER in tries else FOLDED, model)


def other_shares(
    found: Panel, *, shares: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5), confidence: float = 0.95, seed: int = 7
) -> "pd.DataFrame":
    """How well likeness tells when more, or fewer, of the buyers are called the best.

    Args:
        found: From `panel`, whose best are a top share by worth.
        shares: Of the buyers, in place of best_share.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the folds.

    Returns:
        best_share, best (accounts), roc_auc (cross-fitted), low, high, n. A share with too few of the best is left out;
        no rows where the best are those with an attribute.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for share in shares if found.rows["at_least"].notna().any() else ():
        try:
            over = labelled(found.rows, Rule(share)).query("over")
        except TooLittleDataError:
            continue
        best = over["best"].to_numpy(dtype=bool)
        score = cross_fitted(over[found.columns], best, seed=seed)
        area = features.accuracy(score, best, confidence=confidence, seed=seed).iloc[0]
        row = {"best_share": share, "best": int(best.sum()), "roc_auc": area["estimate"]}
        rows.append({**row, "low": area["low"], "high": area["high"], "n": len(best)})
    return pd.DataFrame(rows, columns=["best_share", "best", "roc_auc", "low", "high", "n"])


def _told(name: str, score: "Vector", best: "Vector", confidence: float, seed: int) -> dict[str, Any]:
    area = features.accuracy(score, best, confidence=confidence, seed=seed).iloc[0]
    top = gains(score, best, confidence=confidence, seed=seed).iloc[1]
    row = {"judge": name, "roc_auc": area["estimate"], "low": area["low"], "high": area["high"], "n": len(best)}
    return {**row, "best": int(best.sum()), **top[["lift", "lift_low", "lift_high"]]}


def gains(score: "Vector", best: "Vector", *, confidence: float = 0.95, seed: int = 7) -> "pd.DataFrame":
    """Of the best, the share found among the accounts with the highest scores, with exact intervals.

    Args:
        score: One number per account.
        best: Whether it became one of the best.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: As of `opskit.features.gains`.

    Returns:
        As `opskit.features.gains`, and best (how many of them are found). Bounds are those of Clopper and Pearson, which
        keep their promise with ten of the best as well; where scores are equal, best need not be whole.

    Raises:
        OpskitError: As `opskit.features.gains`.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial".

    >>> import numpy as np
    >>> table = gains(np.arange(40), np.arange(40) >= 30)
    >>> table.loc[table["share"] == 0.2, ["best", "captured", "low"]].round(2).to_numpy().tolist()
    [[8.0, 0.8, 0.44]]
    """
    import numpy as np
    from scipy.stats import beta

    table = features.gains(score, best, shares=_SHARES, confidence=confidence, seed=seed)
    total = int(np.sum(best))
    found, tail = table["captured"] * total, (1 - confidence) / 2
    low = np.where(found > 0, beta.ppf(tail, np.maximum(found, 1e-9), total - found + 1), 0.0)
    high = np.where(found < total - 1e-9, beta.ppf(1 - tail, found + 1, np.maximum(total - found, 1e-9)), 1.0)
    low, high = np.where(table["share"] == 1, 1.0, low), np.where(table["share"] == 1, 1.0, high)
    bounds = {"low": low, "high": high, "lift_low": low / table["share"], "lift_high": high / table["share"]}
    return table.assign(best=found, **bounds)


def top_tenth(score: "Vector") -> "Vector":
    """The tenth of the accounts with the highest scores, at least one; of equal scores those that come first."""
    import numpy as np

    chosen = np.zeros(len(score), dtype=bool)
    chosen[np.argsort(-score, kind="stable")[: max(round(len(score) / 10), 1)]] = True
    return chosen
