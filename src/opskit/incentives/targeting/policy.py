"""What treating the top of the list earns under a cost and a budget, the best share chosen on other customers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import OpskitError, check
from opskit.incentives.targeting.learners import Scores
from opskit.incentives.targeting.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, np.dtype[np.float64]]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
AGAINST = ("nobody", "everybody", "the same share by lot")


class Policy(NamedTuple):
    """Treating the share that pays best.

    Attributes:
        share: Best share, on all customers; 0: nobody.
        of_folds: Best share on the customers outside each fold.
        value: against, estimate, low, high (money per customer of the list), n. Each fold's share is valued on the fold, which
            had no say in it; the interval is as wide as all shares at once need.
    """

    share: float
    of_folds: tuple[float, ...]
    value: "pd.DataFrame"


class Money(NamedTuple):
    """What somebody says of money; missing: not said.

    Attributes:
        worth: Of one more unit of the outcome.
        cost: Of each customer treated.
        budget: For the whole list; 0: no limit.
    """

    worth: float = float("nan")
    cost: float = float("nan")
    budget: float = 0.0


def money(text: str) -> Money:
    """Terms as they are written.

    Args:
        text: For instance "worth 80, cost 2, budget 500"; what is left out is not said.

    Raises:
        OpskitError: A term is unknown, or its number is none or below 0.

    >>> money("cost 2, budget 500")
    Money(worth=nan, cost=2.0, budget=500.0)
    """
    given: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, number = part.partition(" ")
        check(name, "money", among=Money._fields)
        try:
            given[name] = float(number)
        except ValueError as error:
            raise OpskitError(f"money == {part!r}, must be a term and a number, such as cost 2.") from error
        check(given[name], name, ge=0)
    return Money(**given)


def worth(found: Trial, outcome: str = "buyers") -> float:
    """Contribution per unit of the outcome in the control; 1 where the outcome is money; missing where there is none.

    Args:
        found: From `trial`.
        outcome: As in `scores`.
    """
    if outcome in ("revenue", "margin"):
        return 1.0
    control = found.rows[found.rows["arm"] == found.control]
    units = float(control[outcome].sum())
    return float(control["margin"].sum()) / units if units > 0 else float("nan")


def cost_of(found: Trial, arm: str) -> float:
    """Money per customer treated, above the control; 0 where experiments do not say.

    Args:
        found: From `trial`.
        arm: The treatment.
    """
    planned = found.unit_cost.get(arm, 0.0)
    return max(0.0, planned) if planned == planned else 0.0


def budget_share(*, budget: float, cost: float, customers: int) -> float:
    """Largest share of a list that a budget can treat.

    Args:
        budget: Money for the whole list; 0: no limit.
        cost: Of each customer treated.
        customers: Length of the list.

    >>> budget_share(budget=100, cost=2, customers=200)
    0.25
    """
    check(budget, "budget", ge=0)
    check(cost, "cost", ge=0)
    return min(1.0, budget / (cost * customers)) if budget > 0 and cost > 0 and customers > 0 else 1.0


def values(
    scores: Scores, *, worth: float, cost: float, shares: Sequence[float] = SHARES, confidence: float = 0.95
) -> "pd.DataFrame":
    """Net value of treating the top share, for shares named before looking.

    Args:
        scores: From `scores`.
        worth: Money per unit of the outcome.
        cost: Money per customer treated.
        shares: Of the list, ranked by predicted effect.
        confidence: Coverage of each interval by itself.

    Returns:
        share, customers, estimate, low, high (money per customer of the whole list, against treating nobody), by_lot (the same
        share drawn by lot), above_lot with above_lot_low and above_lot_high.

    Raises:
        OpskitError: An option is out of range.

    Assumes one more unit is worth the same whoever brings it. The largest of several shares flatters itself: see `policy`.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    rows, table = scores.rows, list[dict[str, Any]]()
    gain = worth * rows["effect"].to_numpy(float) - cost
    for share in shares:
        check(share, "shares", ge=0, le=1)
        chosen = top(rows["place"].to_numpy(float), share)
        value, lot = (
            _mean(chosen * gain, confidence),
            _mean((chosen - (chosen.mean() if len(chosen) else 0.0)) * gain, confidence),
        )
        mean = float(gain.mean()) if len(gain) else np.nan
        above = {"above_lot": lot[0], "above_lot_low": lot[1], "above_lot_high": lot[2]}
        ends = dict(zip(("estimate", "low", "high"), value, strict=True))
        table.append({"share": share, "customers": int(chosen.sum()), **ends, "by_lot": share * mean, **above})
    return pd.DataFrame(table)


def policy(
    scores: Scores,
    *,
    worth: float,
    cost: float,
    largest_share: float = 1.0,
    shares: Sequence[float] = SHARES,
    confidence: float = 0.95,
) -> Policy:
    """The share that pays best, and what treating it earns on customers that had no say in choosing it.

    Args:
        scores: From `scores`.
        worth: Money per unit of the outcome.
        cost: Money per customer treated.
        largest_share: What a budget allows, from `budget_share`.
        shares: To choose from; nobody is always among them.
        confidence: Coverage of the intervals.

    Returns:
        Policy.

    Raises:
        OpskitError: An option is out of range.

    Assumes as `values`.

    Source: cross-fitted policy values: Athey & Wager (2021), "Policy learning with observational data".
    """
    import numpy as np
    import pandas as pd

    check(largest_share, "largest_share", ge=0, le=1)
    check(cost, "cost", ge=0)
    rows = scores.rows
    gain, place, fold = worth * rows["effect"].to_numpy(float) - cost, rows["place"].to_numpy(float), rows["fold"]
    offered = sorted({0.0, largest_share, *(share for share in shares if share <= largest_share)})
    chosen, level, found = np.zeros(len(rows)), np.zeros(len(rows)), list[float]()
    for one in sorted(fold.unique()):
        inside = (fold == one).to_numpy()
        found.append(_best(gain[~inside], place[~inside], offered))
        chosen[inside] = top(place[inside], found[-1])
        level[inside] = chosen[inside].mean()
    against = (chosen * gain, (chosen - 1) * gain, (chosen - level) * gain)
    z = _widest([top(place, share) * gain for share in offered], confidence)
    value = pd.DataFrame(
        [(name, *_mean(part, confidence, z=z), len(rows)) for name, part in zip(AGAINST, against, strict=True)],
        columns=["against", "estimate", "low", "high", "n"],
    )
    share = _best(gain, place, offered) if len(rows) and worth == worth else 0.0
    return Policy(share, tuple(found), value)


def pays(found: Policy) -> str:
    """Whether treating the share earns more than treating nobody, as `stats.verdict` says it.

    Args:
        found: From `policy`.
    """
    row = found.value.iloc[0]
    if not any(found.of_folds):
        return "not enough data"
    return stats.verdict(float(row["low"]), float(row["high"]), at_least=1e-9)


def top(place: "Floats", share: float) -> "Floats":
    """1 for customers within the highest share, ranked within their fold, else 0."""
    return (place > 1 - share).astype(float)


def _best(gain: "Floats", place: "Floats", offered: Sequence[float]) -> float:
    """The share that would have earned most; the smallest among equals."""
    return max(offered, key=lambda share: (float((top(place, share) * gain).mean().round(9)), -share))


def _widest(offered: "Sequence[Floats]", confidence: float) -> float:
    """How many standard errors hold the values of all shares at once.

    Parts share most of the customers that their shares are chosen on, so a share that chance favours is chosen in all of them.
    """
    import numpy as np
    from scipy.special import ndtri

    usual = float(ndtri((1 + confidence) / 2))
    varying = np.array([values for values in offered if len(values) > 1 and values.std() > 0])
    if len(varying) < 2 or not np.isfinite(varying).all():
        return usual
    together = np.atleast_2d(np.corrcoef(varying))
    drawn = np.random.default_rng(0).multivariate_normal(
        np.zeros(len(together)), together, 20_000, check_valid="ignore"
    )
    return max(usual, float(np.quantile(np.abs(drawn).max(axis=1), confidence)))


def _mean(values: "Floats", confidence: float, *, z: float = 0.0) -> tuple[float, float, float]:
    import numpy as np
    from scipy.special import ndtri

    if len(values) < 2 or not np.isfinite(values).all():
        nan = float("nan")
        return nan, nan, nan
    half = float((z or ndtri((1 + confidence) / 2)) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), float(values.mean()) - half, float(values.mean()) + half
