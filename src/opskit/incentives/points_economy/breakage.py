"""How many of the points earned will ever be redeemed: points followed by age, what is still open taken as open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import frames
from opskit.errors import TooLittleDataError, check
from opskit.incentives.points_economy.ledger import Ledger

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ENDS = ("redeemed", "expired", "reversed")


class Breakage(NamedTuple):
    """What becomes of points in the end.

    Attributes:
        curve: age (days since earning), at_risk (points that old and still there), redeemed, expired, reversed (shares of
            the points earned that have ended so by this age), open; low and high around redeemed.
        measures: measure, estimate, low, high, points (earned and not overdrawn), customers. The ultimate ones are missing
            where no point is old enough to lapse.
        horizon_days: Age up to which points are followed.
        ultimate: Whether nothing can come after the horizon: all points lapse by then, and some have been followed so far.
    """

    curve: "pd.DataFrame"
    measures: "pd.DataFrame"
    horizon_days: int
    ultimate: bool


def breakage(found: Ledger, *, horizon_days: int = 0, confidence: float = 0.95) -> Breakage:
    """Share of the points earned that is redeemed, expires or is taken back in the end.

    Of the points that have reached an age and are still there, a share is redeemed at it, another lapses, another is taken
    back; these shares, chained from age to age, say what becomes of a point. Young points count at the ages they have
    reached and at no other. The ultimate redemption rate (URR) leaves points taken back out of both sides; breakage is the
    rest to 1.

    Args:
        found: From `ledger`.
        horizon_days: Follow points up to this age; 0: to their longest validity, else to the oldest age seen.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Curve, measures and how far they reach.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: No point has been earned.

    Assumes that points earned lately will be used as older ones were at the same age. Intervals by leaving out one group of
    customers at a time, on the scale of log odds.

    Source: Aalen and Johansen (1978) for shares with several ends; Kott (2001), "The delete-a-group jackknife".
    """
    import numpy as np
    import pandas as pd

    check(horizon_days, "horizon_days", ge=0)
    check(confidence, "confidence", gt=0, lt=1)
    moves = found.moves[found.moves["earned_day"].notna()]
    if moves.empty:
        raise TooLittleDataError("No point has been earned: nothing can become of any. Check points.kind.")
    oldest = int(_last_day(found) - moves["earned_day"].min())
    lapses = found.expiry == "computed" and found.lasting_share < 1e-9
    horizon = horizon_days or (int(found.validity_days) if lapses else oldest)
    reached = min(horizon, oldest)
    ultimate = lapses and oldest >= int(found.validity_days) and horizon >= int(found.validity_days)
    counts = by_group(found, reached)
    shares = incidence(counts.sum(axis=0))
    left = [_logits(incidence(counts.sum(axis=0) - one)) for one in counts]
    low, high = _bounds(_logits(shares), left, confidence)
    curve = pd.DataFrame(shares, columns=[*ENDS]).assign(age=np.arange(reached + 1), low=low[:, 0], high=high[:, 0])
    curve["at_risk"] = _at_risk(counts.sum(axis=0))
    curve["open"] = 1 - curve[[*ENDS]].sum(axis=1)
    columns = ["age", "at_risk", *ENDS, "open", "low", "high"]
    rows = _measures(shares[-1], [one[-1] for one in left], ultimate, reached, confidence)
    naive = moves.groupby("way")["points"].sum().reindex([*ENDS, "outstanding"], fill_value=0.0)
    so_far = naive["redeemed"] / (naive.sum() - naive["reversed"]) if naive.sum() > naive["reversed"] else np.nan
    rows.append(("redeemed so far over earned so far", so_far, np.nan, np.nan))
    table = pd.DataFrame(rows, columns=["measure", "estimate", "low", "high"])
    table = table.assign(points=float(moves["points"].sum()), customers=int(found.totals["customers"]))
    return Breakage(curve[columns], table, reached, ultimate)


def _last_day(found: Ledger) -> int:
    return frames.day_number(found.as_of)


def by_group(found: Ledger, reached: int) -> "np.ndarray[Any, Any]":
    """Points by group of customers, age (those older count at the last one, as open) and end: ENDS, then still open.

    Args:
        found: From `ledger`.
        reached: Last age, in days.
    """
    import numpy as np

    moves = found.moves[found.moves["earned_day"].notna()]
    # Points that pay for an earlier overdraft are used the day they are earned.
    moves = moves.assign(age=(moves["left_day"] - moves["earned_day"]).clip(lower=0).astype(int))
    way = moves["way"].map({**{name: place for place, name in enumerate(ENDS)}, "outstanding": len(ENDS)})
    beyond = moves["age"] > reached
    way, age = way.where(~beyond, len(ENDS)).to_numpy(dtype=int), moves["age"].clip(upper=reached).to_numpy()
    group, which = np.unique(moves["group"], return_inverse=True)
    counts = np.zeros((len(group), reached + 1, len(ENDS) + 1))
    np.add.at(counts, (which, age, way), moves["points"].to_numpy())
    return counts


def _at_risk(counts: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    return counts.sum(axis=1)[::-1].cumsum()[::-1]


def incidence(counts: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Share of points that have ended in each way by each age.

    Args:
        counts: Points by age and end, those still open last.

    >>> import numpy as np
    >>> incidence(np.array([[0.0, 0, 0, 0], [40, 0, 0, 50], [5, 5, 0, 0]]))[-1].round(3)
    array([0.7, 0.3, 0. ])
    """
    import numpy as np

    at_risk = _at_risk(counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazards = np.where(at_risk[:, None] > 1e-9, counts[:, :-1] / at_risk[:, None], 0.0)
    still = np.cumprod(1 - np.minimum(hazards.sum(axis=1), 1.0))
    return np.cumsum(np.concatenate([[1.0], still[:-1]])[:, None] * hazards, axis=0)


def _logits(shares: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Log odds of: redeemed of all by age, then at each age the URR and the share redeemed or still open of those kept."""
    import numpy as np

    redeemed, expired, reversed_ = shares.T
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = 1 - reversed_
        measures = [redeemed, redeemed / kept, expired / kept, reversed_]
        return np.stack([np.log(one / (1 - one)) for one in measures], axis=1)


def _bounds(
    whole: "np.ndarray[Any, Any]", left: "list[np.ndarray[Any, Any]]", confidence: float
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    import numpy as np
    from scipy.special import expit, stdtrit

    groups = len(left)
    if groups < 2:
        return np.full_like(whole, np.nan), np.full_like(whole, np.nan)
    with np.errstate(invalid="ignore"):
        spread = np.stack(left).var(axis=0) * (groups - 1)
        half = stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt(spread)
        return np.where(np.isfinite(whole), expit(whole - half), np.nan), np.where(
            np.isfinite(whole), expit(whole + half), np.nan
        )


def _measures(
    shares: "np.ndarray[Any, Any]",
    left: "list[np.ndarray[Any, Any]]",
    ultimate: bool,
    reached: int,
    confidence: float,
) -> list[tuple[Any, ...]]:
    import numpy as np

    whole = _logits(shares[None, :])[0]
    low, high = _bounds(whole, left, confidence)
    kept = 1 - shares[2]
    urr = shares[0] / kept if kept > 0 else np.nan
    lapsed = shares[1] / kept if kept > 0 else np.nan
    missing = (np.nan, np.nan, np.nan)
    return [
        ("ultimate redemption rate", *((urr, low[1], high[1]) if ultimate else missing)),
        ("breakage", *((1 - urr, 1 - high[1], 1 - low[1]) if ultimate else missing)),
        (f"redeemed within {reached} days", urr, low[1], high[1]),
        (f"expired within {reached} days", lapsed, low[2], high[2]),
        (f"taken back within {reached} days", shares[2], low[3], high[3]),
    ]


def learnt(at: "Mapping[str, Breakage | None]") -> "pd.DataFrame":
    """What the method said of redemption at several times, to see whether it stays.

    Args:
        at: Breakage by the words for its time; None where nothing had been earned.

    Returns:
        as learnt, horizon_days, ultimate, estimate, low, high (redeemed up to the horizon, of points kept), points.
    """
    import pandas as pd

    rows = [
        (name, one.horizon_days, one.ultimate, *one.measures.iloc[2][["estimate", "low", "high", "points"]])
        for name, one in at.items()
        if one is not None
    ]
    return pd.DataFrame(rows, columns=["as learnt", "horizon_days", "ultimate", "estimate", "low", "high", "points"])


def by_cohort(found: Ledger, *, window_days: int = 30) -> "pd.DataFrame":
    """Share of each quarter's points that had been redeemed by an age, as far as the whole quarter has reached it.

    Args:
        found: From `ledger`.
        window_days: Length of an age window.

    Returns:
        cohort (first day of the quarter of earning), age (days, a multiple of window_days), earned (points not taken
        back), redeemed (points, by that age), share. A cell that not all of the quarter has reached is missing, never 0.

    Raises:
        OpskitError: The window is shorter than a day.
    """
    import numpy as np
    import pandas as pd

    check(window_days, "window_days", ge=1)
    moves = found.moves[found.moves["earned_day"].notna()]
    kept = moves[moves["way"] != "reversed"]
    quarter = pd.to_datetime(kept["earned_day"], unit="D").dt.to_period("Q")
    earned = kept.groupby(quarter)["points"].sum()
    last = pd.Timestamp(found.as_of)
    oldest = int(_last_day(found) - moves["earned_day"].min()) if len(moves) else 0
    ages = np.arange(window_days, max(oldest, window_days) + 1, window_days)
    gone = kept[kept["way"] == "redeemed"]
    age = (gone["left_day"] - gone["earned_day"]).to_numpy()
    of = quarter[gone.index]
    rows: list[tuple[Any, ...]] = []
    for cohort, total in earned.items():
        mine = (of == cohort).to_numpy(dtype=bool)
        youngest = min(pd.Period(cohort, "Q").end_time.normalize(), last)  # type: ignore[arg-type]
        for day in ages:
            mature = (last - youngest).days >= day
            redeemed = float(gone["points"].to_numpy()[mine & (age <= day)].sum()) if mature else np.nan
            rows.append((pd.Period(cohort, "Q").start_time, int(day), total, redeemed, redeemed / total))  # type: ignore[arg-type]
    return pd.DataFrame(rows, columns=["cohort", "age", "earned", "redeemed", "share"])
