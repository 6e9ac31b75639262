"""How long it takes until a customer brings the next one, with those who have not had the time counted as such."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.acquisition.referral.links import Links
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LEAST_FOLLOWED = 30  # customers still followed at the horizon; beyond that a curve is one or two customers' luck
_QUANTILES = {"a quarter": 0.25, "half": 0.5, "three quarters": 0.75}
NAIVE, NAIVE_WITHIN = "naive median of all delays seen", "naive median of delays seen within the horizon"


class Cycle(NamedTuple):
    """How long bringing takes."""

    days: "pd.DataFrame"  # measure, estimate, low, high, n, horizon_days
    curve: (
        "pd.DataFrame"  # day, at_risk, brought (per customer so far), low, high, share (of those by the horizon), naive
    )


def cycle_time(found: Links, *, horizon_days: int = 365, confidence: float = 0.95) -> Cycle:
    """Days from a customer's sign-up until a quarter, half and three quarters of those they bring have signed up.

    The delays that can be seen are too short: who joined two months ago can only show delays below two months. So the
    brought are set, day by day of age, against the customers who had reached that age, and added up. A customer brings
    several, so this is the mean cumulative function and not the survival curve, which ends with the first.

    Args:
        found: From `links`.
        horizon_days: Those who come later than this many days after their inviter do not count. It is cut to the last
            age that 30 customers have reached, and the figure used is returned.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``days``: measure (by when ``a quarter``, ``half``, ``three quarters`` of those brought within the horizon have
        come; and the two naive medians, without bounds), estimate, low, high in days, n (brought within the horizon),
        horizon_days. ``curve``: as in `Cycle`; naive is the share of the delays seen within the horizon that are no
        longer. Estimates are nan where nobody was brought within the horizon.

    Raises:
        OpskitError: horizon_days is less than 1, or the confidence is not between 0 and 1.

    Assumes those who joined lately will bring others at the ages at which earlier ones did. There is no end to a cycle:
    with a longer horizon more come late, and every quantile grows.

    Source: Nelson (1988), "Graphical analysis of system repair data", for the curve; Woodruff (1952), "Confidence
    intervals for medians and other position measures", for the days; intervals leave out groups of customers
    (`stats.jackknife`).
    """
    import numpy as np
    import pandas as pd

    check(horizon_days, "horizon_days", ge=1)
    sums, horizon = _sums(found, horizon_days)
    parts = list(_QUANTILES.values())

    def beyond(totals: "pd.DataFrame") -> "pd.Series[Any]":
        """The curve, and how far it is beyond each part of its end."""
        curve = _per_customer(totals)
        return pd.Series(np.concatenate([curve, *(curve - part * curve[-1] for part in parts)]))

    blocks = stats.jackknife(sums, beyond, keys=["age"], confidence=confidence).to_numpy()
    curve, *excess = np.split(blocks, len(parts) + 1)
    totals = sums.groupby("age")[["brought", "leaving"]].sum()
    seen, n = totals["brought"].cumsum(), int(totals["brought"].sum())
    table = pd.DataFrame(
        {
            "day": totals.index,
            "at_risk": _at_risk(totals["leaving"].to_numpy()).astype(int),
            "brought": curve[:, 0],
            "low": curve[:, 1].clip(min=0),
            "high": curve[:, 2],
            "share": curve[:, 0] / (curve[-1, 0] if n else np.nan),
            "naive": (seen / (n or np.nan)).to_numpy(),
        }
    )
    names = list(_QUANTILES)
    rows = [
        {"measure": name, "n": n, **_reached(one, horizon if n else -1)}
        for name, one in zip(names, excess, strict=True)
    ]
    delays = found.invited["delay"].dropna()
    for name, part in ((NAIVE, delays), (NAIVE_WITHIN, delays[delays <= horizon])):
        rows.append({"measure": name, "estimate": float(part.median()) if len(part) else np.nan, "n": len(part)})
    days = pd.DataFrame(rows, columns=["measure", "estimate", "low", "high", "n"]).assign(horizon_days=horizon)
    return Cycle(days, table)


def _sums(found: Links, horizon_days: int) -> "tuple[pd.DataFrame, int]":
    """By group and age: customers brought, and customers who are followed no longer; cut to the horizon."""
    import numpy as np
    import pandas as pd

    reached = (found.as_of - found.joined["day"]).astype(int)
    followed = found.joined["customers"].groupby(reached).sum()[::-1].cumsum()
    enough = followed.index[followed >= _LEAST_FOLLOWED]
    horizon = int(min(horizon_days, enough.max())) if len(enough) else 0
    left = pd.DataFrame({"group": found.joined["group"], "age": reached.clip(upper=horizon)})
    left = left.assign(leaving=found.joined["customers"], brought=0)
    came = found.invited[found.invited["delay"] <= horizon]
    new = pd.DataFrame({"group": came["inviter_group"].astype(int), "age": came["delay"].astype(int), "brought": 1})
    every = pd.DataFrame({"group": left["group"].iloc[0], "age": np.arange(horizon + 1), "leaving": 0, "brought": 0})
    rows = pd.concat([left, new.assign(leaving=0), every], ignore_index=True)
    return rows.groupby(["group", "age"], as_index=False)[["brought", "leaving"]].sum(), horizon


def _at_risk(leaving: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    return np.cumsum(leaving[::-1])[::-1]


def _per_customer(totals: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """Customers brought per customer by each age: the mean cumulative function."""
    import numpy as np

    brought, leaving = (totals[name].to_numpy(dtype=float) for name in ("brought", "leaving"))
    at_risk = _at_risk(leaving)
    return np.cumsum(brought / np.where(at_risk > 0, at_risk, np.inf))


def _reached(excess: "np.ndarray[Any, Any]", horizon: int) -> dict[str, float]:
    """First day on which the estimate is beyond its part, and the days on which it could be; nan with no horizon."""
    import numpy as np

    if horizon < 0:
        return dict.fromkeys(("estimate", "low", "high"), float("nan"))
    estimate, low, high = excess.T
    day = {
        name: np.flatnonzero(column >= 0)
        for name, column in zip(("estimate", "low", "high"), (estimate, high, low), strict=True)
    }
    if np.isnan(low).any():
        return {"estimate": float(day["estimate"][0]), "low": float("nan"), "high": float("nan")}
    # By the horizon all of it has come, however little there is to tell from.
    return {name: float(days[0]) if len(days) else float(horizon) for name, days in day.items()}
