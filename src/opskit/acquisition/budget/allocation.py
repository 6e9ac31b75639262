"""What the next one costs, and how to split a total so that more come: for the estimate and for every draw of it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.acquisition.budget.curves import Curves
from opskit.acquisition.budget.evidence import Incremental
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HALVINGS = 60


class Allocation(NamedTuple):
    """A split of a total, beside the current one.

    Attributes:
        table: One row per channel: channel, current and recommended (money a day), low and high (of the best split over
            the draws), floor and ceiling, change (share).
        gain: Outcomes a day more than with the current split: value, low, high.
        relative: The same as a share of what the current split brings.
        now: Extra outcomes a day with the current split, point estimate.
        chance: Share of the draws in which the recommended split is the better one.
    """

    table: "pd.DataFrame"
    gain: tuple[float, float, float]
    relative: tuple[float, float, float]
    now: float
    chance: float


def outcomes(spend: "Floats", average: "Floats", response: "Floats", elasticity: "Floats") -> "Floats":
    """Outcomes a day of each channel at spend kept up for ever."""
    level = spend / average
    return response * level / ((1 - elasticity) * level + elasticity)


def slope(spend: "Floats", average: "Floats", response: "Floats", elasticity: "Floats") -> "Floats":
    """Outcomes for another unit of money a day."""
    return response / average * elasticity / ((1 - elasticity) * spend / average + elasticity) ** 2


def split(
    total: float, average: "Floats", response: "Floats", elasticity: "Floats", floor: "Floats", ceiling: "Floats"
) -> "Floats":
    """The split of a total that brings most, each channel between its floor and ceiling.

    Every channel saturates, so the best split is where the next one costs the same everywhere (or a channel stands at
    a bound). That common cost is found by halving, for all rows at once.

    Args:
        total: To be spent, between the sums of floors and ceilings.
        average: Spend at which response and elasticity hold.
        response: Outcomes at that spend; one row per draw, or one row.
        elasticity: At that spend; likewise.
        floor: Least of each channel.
        ceiling: Most of each channel.

    Returns:
        Spend, shaped like response.

    Raises:
        OpskitError: The total is out of reach of the bounds.

    >>> import numpy as np
    >>> alike = np.array([1.0, 1.0])
    >>> split(10, np.array([5.0, 5.0]), alike, alike / 2, 0 * alike, 10 * alike).round(3)
    array([5., 5.])
    """
    import numpy as np

    if not floor.sum() - 1e-9 <= total <= ceiling.sum() + 1e-9:
        raise OpskitError(
            f"total == {total:.6g}, must be between {floor.sum():.6g} and {ceiling.sum():.6g}, the sums of the bounds."
        )
    bend = np.minimum(elasticity, 0.999)
    worth = np.maximum(response, 1e-12) / average * bend

    def at(price: Any) -> Any:
        level = (np.sqrt(worth / price) - bend) / (1 - bend)
        return np.clip(level * average, floor, ceiling)

    low = np.full((*response.shape[:-1], 1), -60.0)
    high = np.full((*response.shape[:-1], 1), 60.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_much = at(np.exp(middle)).sum(axis=-1, keepdims=True) > total
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    cheap, dear = at(np.exp(low)), at(np.exp(high))  # a straight line jumps between its bounds: share out what is left
    room = (cheap - dear).sum(axis=-1, keepdims=True)
    part = np.where(room > 0, (total - dear.sum(axis=-1, keepdims=True)) / np.where(room > 0, room, 1), 0.0)
    return dear + part * (cheap - dear)


def bounds(curves: Curves, *, max_change: float = 0.5) -> tuple["Floats", "Floats"]:
    """Least and most money a day of each channel: a share off the current, and never above what has been tried.

    Args:
        curves: Of `curves`.
        max_change: Largest change, as a share of current spend.

    Raises:
        OpskitError: The share is not between 0 and 1.
    """
    import numpy as np

    check(max_change, "max_change", gt=0, le=1)
    tried = np.maximum(curves.most, curves.current)
    return (1 - max_change) * curves.current, np.minimum((1 + max_change) * curves.current, tried)


def allocate(
    curves: Curves,
    extra: Incremental,
    *,
    total: float = 0.0,
    max_change: float = 0.5,
    confidence: float = 0.95,
) -> Allocation:
    """Split a daily total over the identified channels so that most extra outcomes come.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        total: Money a day for all identified channels; 0: as much as now.
        max_change: As in `bounds`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        The split that is best for the estimates, the range of splits that are best for the draws, and the gain over the
        current split (scaled to the same total) with its interval. Channels not identified keep what they have.

    Raises:
        OpskitError: The total is out of reach, or an option is out of range.

    Assumes spend is kept up evenly, and an outcome of one channel is worth as much as one of another.
    """
    import numpy as np
    import pandas as pd

    check(total, "total", ge=0)
    check(confidence, "confidence", gt=0, lt=1)
    floor, ceiling = bounds(curves, max_change=max_change)
    now = curves.current
    amount = total or float(now.sum())
    scaled = now * amount / now.sum() if len(now) else now
    best = split(amount, curves.average, curves.response * extra.share, curves.elasticity, floor, ceiling)
    response, shape = curves.response_draws * extra.draws, curves.elasticity_draws
    every = split(amount, curves.average, response, shape, floor, ceiling)
    before = outcomes(scaled, curves.average, response, shape).sum(axis=1)
    gained = outcomes(best, curves.average, response, shape).sum(axis=1) - before
    value_before = float(outcomes(scaled, curves.average, curves.response * extra.share, curves.elasticity).sum())
    value = float(outcomes(best, curves.average, curves.response * extra.share, curves.elasticity).sum()) - value_before
    tail = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(every, tail, axis=0)
    table = pd.DataFrame(
        {
            "channel": list(curves.channels), "current": now, "recommended": best, "low": np.minimum(low, best),
            "high": np.maximum(high, best), "floor": floor, "ceiling": ceiling, "change": best / now - 1,
        }
    )  # fmt: skip
    share = gained / np.maximum(before, 1e-12)
    gain, relative = (
        (one, min(one, float(np.quantile(all_of, tail[0]))), max(one, float(np.quantile(all_of, tail[1]))))
        for one, all_of in ((value, gained), (value / value_before if value_before else float("nan"), share))
    )
    return Allocation(table, gain, relative, value_before, float((gained > 0).mean()))


def what_if(
    curves: Curves, extra: Incremental, spend: "Sequence[float] | Floats", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Extra outcomes a day by other spend, beside those of current spend.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        spend: Money a day of each identified channel.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel ("all" last), now and tried (money a day), change (outcomes a day), low, high.

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    tried = np.asarray(spend, dtype=float)

    def more(response: Any, elasticity: Any) -> Any:
        each = [outcomes(at, curves.average, response, elasticity) for at in (tried, curves.current)]
        change = each[0] - each[1]
        return np.concatenate([change, change.sum(axis=-1, keepdims=True)], axis=-1)

    drawn = more(curves.response_draws * extra.draws, curves.elasticity_draws)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return pd.DataFrame(
        {
            "channel": [*curves.channels, "all"], "now": [*curves.current, curves.current.sum()], "tried": [*tried, tried.sum()],
            "change": more(curves.response * extra.share, curves.elasticity), "low": low, "high": high,
        }
    )  # fmt: skip


def totals(
    curves: Curves,
    extra: Incremental,
    *,
    shares: tuple[float, ...] = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2),
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """What other totals would bring, each split at its best, and what the next outcome then costs.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        shares: Totals, as shares of the current one; those beyond what has been tried are left out.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        share, total (money a day), outcomes (extra, a day) with low and high, marginal (money for the next one where
        money can still be moved).

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    floor, ceiling = bounds(curves, max_change=0.5)
    rows: list[dict[str, float]] = []
    for share in shares:
        total = share * float(curves.current.sum())
        if not total or not floor.sum() <= total <= ceiling.sum():
            continue
        point = curves.response * extra.share
        best = split(total, curves.average, point, curves.elasticity, floor, ceiling)
        brought = float(outcomes(best, curves.average, point, curves.elasticity).sum())
        drawn = outcomes(best, curves.average, curves.response_draws * extra.draws, curves.elasticity_draws).sum(axis=1)
        low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
        free = (best > floor * 1.0001) & (best < ceiling * 0.9999)
        next_one = slope(best, curves.average, point, curves.elasticity)[free]
        price = 1 / float(next_one.max()) if len(next_one) and next_one.max() > 0 else float("nan")
        rows.append({"share": share, "total": total, "outcomes": brought, "low": low, "high": high, "marginal": price})
    return pd.DataFrame(rows, columns=["share", "total", "outcomes", "low", "high", "marginal"])


def costs(curves: Curves, extra: Incremental, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What an outcome costs on average and what the next one costs, at current spend.

    Args:
        curves: Of `curves`.
        extra: Of `incremental`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel, n, spend_per_day, average and marginal (money per credited outcome), extra_average and extra_marginal
        (money per extra outcome), each with low and high; high is infinite where the data leave open that nothing more
        would come. Channels not identified have no row.

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    n = curves.table.set_index("channel")["n"]
    columns: dict[str, Any] = {
        "channel": list(curves.channels), "n": [int(n[name]) for name in curves.channels], "spend_per_day": curves.current,
    }  # fmt: skip
    at = curves.current, curves.average
    point, drawn = (curves.response, curves.elasticity), (curves.response_draws, curves.elasticity_draws)
    tail = [(1 - confidence) / 2, (1 + confidence) / 2]
    ones = np.ones(len(curves.channels)), np.ones((1, len(curves.channels)))
    with np.errstate(divide="ignore"):
        for prefix, (share, shares) in (("", ones), ("extra_", (extra.share, extra.draws))):
            for name, function, top in (("average", outcomes, curves.current), ("marginal", slope, 1.0)):
                value = top / (share * function(*at, *point))
                most, least = np.quantile(shares * function(*at, *drawn), tail, axis=0)
                low, high = top / least, top / most
                key = prefix + name
                columns |= {key: value, f"{key}_low": np.minimum(low, value), f"{key}_high": np.maximum(high, value)}
    return pd.DataFrame(columns)
