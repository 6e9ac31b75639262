"""Intervals for shares and survival, and a jackknife that makes customer-clustered intervals from one scan of sums."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

_MERSENNE_PRIME = 2**31 - 1  # products of two residues stay below 2**62, so 64-bit integers never overflow


def wilson(
    successes: "ArrayLike", n: "ArrayLike", *, confidence: float = 0.95
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Wilson score interval of a share, for whole columns at once.

    Args:
        successes: How many of the n did.
        n: How many could.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Lower and upper bounds as shares; nan where n is zero or missing.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes the n are independent of each other (one row per customer, not per order).

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    >>> low, high = wilson([5, 0], [10, 0])
    >>> low.round(3), high.round(3)
    (array([0.237,   nan]), array([0.763,   nan]))
    """
    import numpy as np
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    size = np.asarray(n, dtype=float)
    size = np.where(size > 0, size, np.nan)
    share = np.asarray(successes, dtype=float) / size
    z2 = ndtri((1 + confidence) / 2) ** 2
    centre = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = np.sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def verdict(low: float, high: float, *, at_least: float = float("-inf"), at_most: float = float("inf")) -> str:
    """Whether a claim's range holds for an interval: inside it, wholly outside it, or neither.

    Args:
        low: Lower bound of the estimate.
        high: Upper bound of the estimate.
        at_least: Where the claimed range begins.
        at_most: Where the claimed range ends.

    Returns:
        ``"holds"``, ``"does not hold"`` or ``"not enough data"`` (also when a bound is missing).

    >>> [verdict(low, high, at_most=0.24) for low, high in ((0.17, 0.20), (0.30, 0.40), (0.20, 0.30))]
    ['holds', 'does not hold', 'not enough data']
    """
    if low >= at_least and high <= at_most:
        return "holds"
    return "does not hold" if low > at_most or high < at_least else "not enough data"


def assign_groups(
    frame: nw.LazyFrame[Any], *, key: str = "customer_id", groups: int = 100, ids: nw.LazyFrame[Any] | None = None
) -> nw.LazyFrame[Any]:
    """Put every customer into one of up to `groups` pseudo-random groups, the same on every engine.

    Engines share no hash function, so a whole-number id is used as it is and any other id by its place among the sorted
    ids; both are scrambled by squaring modulo a prime. Unscrambled, consecutive ids would fall evenly into the groups
    and hide the chance with which customers come: the number of new customers would seem to be known without error.

    Args:
        frame: A Narwhals lazy frame.
        key: Column whose equal values stay together.
        groups: Most groups to form.
        ids: A frame that holds every key of `frame` and is cheaper to read a second time, such as the table of orders
            when `frame` is the outcome of long work on it; by default `frame` itself is read twice.

    Returns:
        The frame with the column ``group`` (0 to groups - 1) added.

    Raises:
        OpskitError: Fewer than two groups are asked for.
    """
    check(groups, "groups", ge=2)
    if frame.collect_schema()[key].is_integer():
        return frame.with_columns((_scrambled(nw.col(key)) % groups).alias("group"))
    every = (frame if ids is None else ids).group_by(key).agg(nw.len().alias("_rows"))
    place = every.with_row_index("_place", order_by=key).select(
        key, (_scrambled(nw.col("_place")) % groups).alias("group")
    )
    return frame.join(place, on=key)


def _scrambled(number: nw.Expr) -> nw.Expr:
    residue = number.cast(nw.Int64) % _MERSENNE_PRIME
    residue = (residue + _MERSENNE_PRIME) % _MERSENNE_PRIME  # engines disagree on the remainder of a negative number
    for multiplier, shift in ((48271, 11), (69621, 1_640_531), (16807, 362_437)):
        residue = (residue * multiplier + shift) % _MERSENNE_PRIME
        residue = (residue * residue) % _MERSENNE_PRIME
    return residue


def jackknife(
    sums: "pd.DataFrame",
    statistic: "Callable[[pd.DataFrame], pd.Series[Any] | float]",
    *,
    keys: Sequence[str] = (),
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Interval for any function of summed columns, by leaving out one group of customers at a time.

    A customer's orders depend on each other; leaving out whole customers keeps them together, across periods too. So
    one scan that sums by period and group serves totals, ratios, changes between periods and shares read from counts.

    Args:
        sums: One row per combination of keys and group: the key columns, ``group`` and the summed columns.
        statistic: Called with the sums over groups (one row per combination of keys, which is its index; a single row
            when there are no keys); returns a number, or a series of them.
        keys: Columns that the sums are kept apart by, such as the month.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate, low, high, in the statistic's unit; one row per entry of its series. The bounds are nan with fewer
        than two groups.

    Raises:
        OpskitError: There is no group column, or the confidence is not between 0 and 1.

    Assumes customers are independent of each other. The totals are taken as random too: who came, not only what they
    did. A quantile moves in steps and needs an interval read from the share below it, as `customers.rhythm`
    does.

    Source: delete-a-group jackknife, Kott (2001), "The delete-a-group jackknife"; Student's t with groups - 1 degrees.

    >>> import pandas as pd
    >>> sums = pd.DataFrame({"group": [0, 1, 2, 3], "revenue": [10.0, 14, 9, 11], "orders": [5, 6, 5, 5]})
    >>> jackknife(sums, lambda total: (total["revenue"] / total["orders"]).iloc[0]).round(3)
       estimate   low  high
    0     2.095  1.71  2.48
    """
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    check(confidence, "confidence", gt=0, lt=1)
    if "group" not in sums:
        have = ", ".join(map(repr, sums.columns))
        raise OpskitError(f"sums lacks 'group'; it has {have}. Add it with stats.assign_groups.")
    by = [sums[key] for key in keys] or [pd.Series(0, index=sums.index)]
    values = sums.drop(columns=[*keys, "group"])
    totals = values.groupby(by).sum()
    groups = sums["group"].nunique()
    estimate = pd.Series(statistic(totals))
    if groups < 2:
        return pd.DataFrame({"estimate": estimate, "low": np.nan, "high": np.nan})
    by_group = values.groupby([*by, sums["group"]]).sum().unstack(fill_value=0)
    parts = by_group.to_numpy(dtype=float).reshape(*totals.shape, groups)
    grow = groups / (groups - 1)  # a sum over the groups left stands for a sum over all of them
    left = [pd.Series(statistic((totals - parts[:, :, group]) * grow)) for group in range(groups)]
    spread = np.stack([replicate.to_numpy(dtype=float) for replicate in left]).var(axis=0) * (groups - 1)
    half = stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt(spread)
    return pd.DataFrame({"estimate": estimate, "low": estimate - half, "high": estimate + half})


def contributions(before: Iterable[float], after: Iterable[float]) -> list[float]:
    """Split the change of an amount exactly among the factors of a chain.

    A chain of levels such as buyers, orders, revenue reads: revenue = buyers x orders per buyer x revenue per order. The
    log-mean Divisia index gives each factor L(before, after) * ln(factor after / factor before), L being the logarithmic
    mean of the amount; the parts add up to the change, and the order of the factors plays no role.

    Args:
        before: Levels before, the amount last.
        after: The same levels after.

    Returns:
        What each factor contributes, in the amount's unit: the first level itself, then each level per unit of the one
        before it.

    Raises:
        OpskitError: There are no levels, or not equally many.

    Assumes nothing about causes. Where a level is not positive in one period, the whole change goes to the factor that
    leads to it, which is the limit of the index (something begins or ends there). Where only the amount is not positive,
    its last factor gets its part at the mean of the level before it.

    Source: Ang (2005), "The LMDI approach to decomposition analysis", Energy Policy 33; for zeros Ang & Liu (2007),
    "Handling zero values in the logarithmic mean Divisia index decomposition approach", Energy Policy 35.

    >>> [round(part, 3) for part in contributions([10, 20, 100], [20, 20, 150])]
    [85.476, -85.476, 50.0]
    """
    import math

    b, a = [float(level) for level in before], [float(level) for level in after]
    if not b or len(b) != len(a):
        raise OpskitError(f"before has {len(b)} levels and after {len(a)}; both need the same, at least one.")
    last, parts = len(b) - 1, [0.0] * len(b)
    broken = next((place for place, pair in enumerate(zip(b, a, strict=True)) if min(pair) <= 0), last + 1)
    if broken < last or broken == last == 0:
        parts[broken] = a[last] - b[last]
        return parts
    if broken == last:
        value0, value1 = b[last] / b[last - 1], a[last] / a[last - 1]
        weight = _log_mean(b[last - 1], a[last - 1]) * (value0 + value1) / 2
        parts[last] = (value1 - value0) * (b[last - 1] + a[last - 1]) / 2
    else:
        weight = _log_mean(b[last], a[last])
    ratios = [0.0, *(math.log(a[place]) - math.log(b[place]) for place in range(min(broken, last + 1)))]
    for place in range(len(ratios) - 1):
        parts[place] = weight * (ratios[place + 1] - ratios[place])
    return parts


def _log_mean(a: float, b: float) -> float:
    """Logarithmic mean of two positive numbers, (a - b) / ln(a / b).

    >>> round(_log_mean(1.0, 2.0), 4), _log_mean(3.0, 3.0)
    (1.4427, 3.0)
    """
    import math

    ratio = (a - b) / b
    # Near equality the quotient of two tiny numbers loses its digits, and log1p keeps them; far from it log does.
    logarithm = math.log1p(ratio) if abs(ratio) < 0.5 else math.log(a) - math.log(b)
    return (a - b) / logarithm if ratio else b


def survival(durations: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Kaplan-Meier survival from counted durations.

    Args:
        durations: ``time`` (any unit), ``event`` (true when it ended, false when it was still going on at the last
            look) and ``n`` (how many); rows may repeat a time.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        time, at_risk, events, survival (share beyond time), low, high: one row per distinct time, log-log interval;
        bounds are nan once nobody survives.

    Raises:
        OpskitError: A column is missing, or the confidence is not between 0 and 1.

    Assumes that those not followed longer are like those who are; a duration censored at a time was at risk at that
    time. The interval takes durations as independent: where customers give several, use it inside `jackknife`.

    Source: Kaplan & Meier (1958); Greenwood's variance; log-log interval of Kalbfleisch & Prentice.

    >>> import pandas as pd
    >>> durations = pd.DataFrame({"time": [1, 2, 2, 3], "event": [True, True, False, True], "n": [1, 1, 1, 1]})
    >>> survival(durations)[["time", "at_risk", "events", "survival"]]
       time  at_risk  events  survival
    0     1        4       1      0.75
    1     2        3       1      0.50
    2     3        1       1      0.00
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    for column in ("time", "event", "n"):
        if column not in durations:
            raise OpskitError(f"durations lacks {column!r}; it has {', '.join(map(repr, durations.columns))}.")
    ended = durations["n"].where(durations["event"].astype(bool), 0)
    by_time = pd.DataFrame({"leaving": durations["n"], "events": ended}).groupby(durations["time"]).sum()
    at_risk = by_time["leaving"][::-1].cumsum()[::-1].to_numpy()
    events = by_time["events"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        surviving = np.cumprod(1 - events / at_risk)
        variance = np.cumsum(events / (at_risk * (at_risk - events)))  # Greenwood, of log survival
        factor = np.exp(ndtri((1 + confidence) / 2) * np.sqrt(variance) / np.abs(np.log(surviving)))
        low, high = surviving**factor, surviving ** (1 / factor)
    untouched, gone = surviving == 1, surviving == 0
    low, high = (np.where(gone, np.nan, np.where(untouched, 1.0, bound)) for bound in (low, high))
    table = {"at_risk": at_risk, "events": events, "survival": surviving, "low": low, "high": high}
    return pd.DataFrame(table, index=by_time.index).rename_axis("time").reset_index()
