"""What the business owes for points: revenue put off when points are granted, and earned when they are redeemed."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from opskit import frames
from opskit.errors import TooLittleDataError, check
from opskit.incentives.points_economy.accounting import check_value
from opskit.incentives.points_economy.breakage import ENDS, Breakage, breakage, by_group, incidence
from opskit.incentives.points_economy.ledger import Ledger, ledger

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def cohorts(found: Ledger, broken: Breakage) -> "pd.DataFrame":
    """Each month's points: what has become of them, and how many are expected to be redeemed in the end.

    Args:
        found: From `ledger`.
        broken: From `breakage` of it.

    Returns:
        month (of earning, first day), earned, redeemed, expired, reversed, outstanding, expected (redeemed so far, and of
        those left the share that points of their age still have before them); in points.
    """
    import pandas as pd

    moves = found.moves[found.moves["earned_day"].notna()]
    month = pd.to_datetime(moves["earned_day"], unit="D").dt.to_period("M").dt.start_time
    ways = ["redeemed", "expired", "reversed", "outstanding"]
    table = moves.groupby([month, "way"])["points"].sum().unstack(fill_value=0).reindex(columns=ways, fill_value=0.0)
    left = moves[moves["way"] == "outstanding"]
    age = (frames.day_number(found.as_of) - left["earned_day"]).astype(int)
    coming = (left["points"] * still_redeemed(broken, age.to_numpy())).groupby(month[left.index]).sum()
    table = table.assign(expected=table["redeemed"] + coming.reindex(table.index, fill_value=0.0))
    table.insert(0, "earned", table[ways].sum(axis=1))
    table.columns.name = None
    return table.rename_axis("month").reset_index()


def still_redeemed(broken: Breakage, age: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Share of points still there at these ages, in days, that will be redeemed by the horizon.

    Args:
        broken: From `breakage`.
        age: Ages in days; beyond the horizon the share is 0.
    """
    import numpy as np

    redeemed, remaining = broken.curve["redeemed"].to_numpy(), broken.curve["open"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(remaining > 1e-9, (redeemed[-1] - redeemed) / remaining, 0.0)
    known = np.clip(age, 0, len(share) - 1)
    return np.where(age < len(share), np.clip(share[known], 0, 1), 0.0)


def opened(
    points: Any,
    *,
    as_of: dt.date,
    months: int = 12,
    validity_days: int = 0,
    horizon_days: int = 0,
    expiry: str = "auto",
) -> tuple[Ledger, Breakage] | None:
    """The ledger as it stood before a period of so many whole months up to the last month's end, and its breakage.

    Args:
        points: As for `ledger`.
        as_of: Last day of the period; days after the last month's end belong to it, too.
        months: Length of the period.
        validity_days: As for `ledger`.
        horizon_days: As for `breakage`.
        expiry: As for `ledger`.

    Returns:
        Both, or None where nothing had been earned by then.

    Raises:
        OpskitError: An option is out of range.
    """
    check(months, "months", ge=1)
    next_day = as_of + dt.timedelta(days=1)
    number = next_day.year * 12 + next_day.month - 1 - months
    before = dt.date(number // 12, number % 12 + 1, 1) - dt.timedelta(days=1)
    try:
        found = ledger(points, as_of=before, validity_days=validity_days, expiry=expiry)
        return found, breakage(found, horizon_days=horizon_days)
    except TooLittleDataError:
        return None


def movement(
    opening: tuple[Ledger, Breakage] | None,
    closing: tuple[Ledger, Breakage],
    *,
    point_value: float,
    revenue: "pd.Series[Any] | None" = None,
) -> "pd.DataFrame":
    """How the liability for points moved over a period, month cohort by month cohort.

    Points granted take their part of the month's revenue with them. It becomes revenue as they are redeemed, measured
    against how many are expected to be in the end; when that expectation changes, revenue so far is put right at once.

    Args:
        opening: Ledger and breakage as of the last day before the period, the end of a month; None: the programme begins.
        closing: The same as of its last day.
        point_value: What a point buys when it is redeemed, in the currency.
        revenue: Revenue by month (its first day), which the allocation divides; None: points take what they would cost.

    Returns:
        line (opening, granted, redeemed, expired, taken back, change of estimate, closing), points, amount (currency).
        Both columns add up to closing. Expired points move no money of their own: they were expected not to be redeemed,
        and what differs from that is in the change of estimate.

    Raises:
        OpskitError: There is no point value.

    Assumes every point is granted with a purchase of its month. Points for behaviour that no purchase comes with are a cost
    of marketing; where they are many, ask the accountant.

    Source: IFRS 15, paragraphs B39-B46 and illustrative example 52.
    """
    import pandas as pd

    check_value(point_value)
    now = cohorts(*closing).set_index("month")
    before = cohorts(*opening).set_index("month") if opening else now.iloc[:0]
    before = before.reindex(now.index, fill_value=0.0)
    rate = _rate((opening or closing)[1])
    new = before["earned"] == 0
    grown = now["earned"]  # a point earned before and noticed later cannot be: the ledger is cut by its own time
    alone = grown * point_value * rate
    paid = (revenue if revenue is not None else pd.Series(dtype=float)).reindex(now.index).fillna(0.0)
    allocated = alone if revenue is None else (alone * paid / (paid + alone)).fillna(0.0)
    held_now, held_before = _held(allocated, now), _held(allocated, before)
    first = rate * (now["earned"] - now["reversed"])
    against = before["expected"].where(~new, first)
    kept = 1 - now["reversed"] / now["earned"]
    used, back = now["redeemed"] - before["redeemed"], now["reversed"] - before["reversed"]
    lines = {
        "opening": held_before.sum(),
        "granted": allocated[new].sum(),
        "redeemed": -(allocated * kept * used / against.where(against > 0)).fillna(0.0).sum(),
        "expired": 0.0,
        "taken back": -(allocated * back / now["earned"] * _share_open(before)).sum(),
    }
    lines["change of estimate"] = held_now.sum() - sum(lines.values())
    lines["closing"] = held_now.sum()
    gone = now["expired"] - before["expired"]
    points = [
        before["outstanding"].sum(),
        now["earned"][new].sum(),
        -used.sum(),
        -gone.sum(),
        -back.sum(),
        0.0,
        now["outstanding"].sum(),
    ]
    return pd.DataFrame({"line": list(lines), "points": points, "amount": list(lines.values())})


def _rate(broken: Breakage) -> float:
    last = broken.curve.iloc[-1]
    kept = 1 - last["reversed"]
    return float(last["redeemed"] / kept) if kept > 0 else 0.0


def _share_open(table: "pd.DataFrame") -> "pd.Series[Any]":
    """Share of the expected redemptions of each cohort that is still to come; 1 where nothing has happened yet."""
    share = 1 - table["redeemed"] / table["expected"].where(table["expected"] > 0)
    return share.fillna(0.0).where(table["earned"] > 0, 1.0).clip(0, 1)


def _held(allocated: "pd.Series[Any]", table: "pd.DataFrame") -> "pd.Series[Any]":
    kept = 1 - (table["reversed"] / table["earned"].where(table["earned"] > 0)).fillna(0.0)
    return (allocated * kept * _share_open(table)).where(table["earned"] > 0, 0.0)


def outlook(found: Ledger, broken: Breakage, *, point_value: float, confidence: float = 0.95) -> "pd.DataFrame":
    """What the points still there are worth: if all came back, and as many as will by what points of their age did.

    Args:
        found: From `ledger`.
        broken: From `breakage` of it.
        point_value: What a point buys when it is redeemed, in the currency.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        measure (``outstanding, at full value``, ``outstanding, expected to be redeemed``), points, estimate, low, high
        (currency). What is outstanding is a count and has no interval.

    Raises:
        OpskitError: There is no point value, or the confidence is out of range.
    """
    import numpy as np
    import pandas as pd

    check_value(point_value)
    check(confidence, "confidence", gt=0, lt=1)
    moves = found.moves[found.moves["way"] == "outstanding"]
    age = (moves["left_day"] - moves["earned_day"]).astype(int).to_numpy()
    there = float(moves["points"].sum())
    coming = float((moves["points"] * still_redeemed(broken, age)).sum())
    # The number of points still there is counted; what is not known is the share of them that will come back.
    low, high = _still_bounds(found, broken, age, moves["points"].to_numpy(), confidence)
    rows = [
        ("outstanding, at full value", there, there * point_value, np.nan, np.nan),
        ("outstanding, expected to be redeemed", coming, coming * point_value, low * point_value, high * point_value),
    ]
    return pd.DataFrame(rows, columns=["measure", "points", "estimate", "low", "high"])


def _still_bounds(
    found: Ledger, broken: Breakage, age: "np.ndarray[Any, Any]", points: "np.ndarray[Any, Any]", confidence: float
) -> tuple[float, float]:
    """Bounds of the points that will be redeemed, by leaving out one group of customers at a time when the share is learnt."""
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    counts = by_group(found, broken.horizon_days)
    groups = len(counts)
    if groups < 2:
        return float("nan"), float("nan")
    sums: list[float] = []
    for one in counts:
        curve = pd.DataFrame(incidence(counts.sum(axis=0) - one), columns=[*ENDS])
        left = broken._replace(curve=curve.assign(open=1 - curve.sum(axis=1)))
        sums.append(float((points * still_redeemed(left, age)).sum()))
    half = stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt(np.var(sums) * (groups - 1))
    middle = float((points * still_redeemed(broken, age)).sum())
    return max(middle - half, 0.0), min(middle + half, float(points.sum()))


def cost(broken: Breakage, periods: "pd.DataFrame", *, point_value: float) -> "pd.DataFrame":
    """What a year's points will cost as a share of the year's revenue.

    Args:
        broken: From `breakage`.
        periods: The periods of `per_revenue`.
        point_value: What a point buys when it is redeemed, in the currency.

    Returns:
        measure (``if every point were redeemed``, ``as many as will be``), estimate, low, high (share of revenue).

    Raises:
        OpskitError: There is no point value.

    Assumes that points per revenue and the share redeemed are known independently; their intervals are joined on the scale
    of logarithms.

    Source: Zou and Donner (2008), "Construction of confidence limits about effect measures".
    """
    import numpy as np
    import pandas as pd

    check_value(point_value)
    pace = periods.iloc[0][["per_revenue", "low", "high"]].to_numpy(dtype=float)
    last = broken.curve.iloc[-1]
    rate = last[["redeemed", "low", "high"]].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.stack([pace, rate]))
        below = np.sqrt(((logs[:, 0] - logs[:, 1]) ** 2).sum())
        above = np.sqrt(((logs[:, 2] - logs[:, 0]) ** 2).sum())
    whole, part = pace * point_value, pace[0] * rate[0] * point_value
    rows = [
        ("if every point were redeemed", *whole),
        ("as many as will be", part, part * np.exp(-below), part * np.exp(above)),
    ]
    return pd.DataFrame(rows, columns=["measure", "estimate", "low", "high"])
