"""How the dependence on a few develops, and whether the core of one period is that of the next."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.customers import concentration_of, until
from opskit.errors import TooLittleDataError, check
from opskit.loyalty.core_users.components import Components, components
from opskit.loyalty.core_users.score import core, score

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

_FEWEST = 20
_SHORTEST_PERIOD = 28


def by_quarter(orders: Any, *, as_of: dt.date, top_share: float = 0.05, confidence: float = 0.95) -> "pd.DataFrame":
    """How much of each quarter's revenue its best customers bring, and how many equal customers that would be.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        top_share: Share of the quarter's customers that is its top.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        quarter (first day), complete (as_of has reached its last day), n (customers), revenue, share (of revenue, of the
        top), low, high, hhi (Herfindahl-Hirschman index: the sum of squared shares of revenue, 1 / n when all are
        equal), hhi_low, hhi_high, equal_customers (1 / hhi). Estimates are missing with fewer than 20 customers.

    Raises:
        OpskitError: top_share is not between 0 and 1, or as_of is before the first order.

    Assumes customers of a quarter are independent of each other. The index falls as customers are added, also when the
    unevenness among them stays; the share of the top does not.

    Source: delta method for the index; for the share see `customers.concentration`.
    """
    import numpy as np
    import pandas as pd

    check(top_share, "top_share", gt=0, lt=1)
    lf, _ = until(orders, "revenue", as_of=as_of)
    quarter = (frames.month_index("ordered_at") // 3).alias("quarter")
    spent = nw.col("revenue").cast(nw.Float64)
    rows = lf.select("customer_id", quarter, spent).group_by("customer_id", "quarter").agg(nw.col("revenue").sum())
    table = frames.collect(rows.select("quarter", "revenue"))
    found: list[dict[str, Any]] = []
    for number in range(int(table["quarter"].min()), int(table["quarter"].max()) + 1):
        amounts = np.sort(table.loc[table["quarter"] == number, "revenue"].to_numpy())
        start, end = (np.datetime64((at - 1970 * 4) * 3, "M").astype("datetime64[D]") for at in (number, number + 1))
        row = {"quarter": start, "complete": end <= np.datetime64(as_of + dt.timedelta(1), "D"), "n": len(amounts)}
        found.append({**row, "revenue": amounts.sum(), **_dependence(amounts, top_share, confidence)})
    return pd.DataFrame(found).astype({"quarter": "datetime64[us]"})


def _dependence(amounts: "Vector", top_share: float, confidence: float) -> dict[str, float]:
    from scipy.special import ndtri

    names = ("share", "low", "high", "hhi", "hhi_low", "hhi_high", "equal_customers")
    if len(amounts) < _FEWEST or not amounts.sum() > 0 or round(len(amounts) * top_share) < 1:
        return dict.fromkeys(names, float("nan"))
    top = concentration_of(amounts, top_shares=(top_share,), confidence=confidence).measures.iloc[0]
    n, mean, square = len(amounts), amounts.mean(), (amounts**2).mean()
    hhi = square / mean**2 / n
    influence = amounts**2 / mean**2 - 2 * square * amounts / mean**3 + square / mean**2
    half = ndtri((1 + confidence) / 2) * influence.std() / n**1.5
    bounds = max(hhi - half, 1 / n), min(hhi + half, 1.0)
    return dict(zip(names, (*top[["estimate", "low", "high"]].astype(float), hhi, *bounds, 1 / hhi), strict=True))


class Persistence(NamedTuple):
    """What became of a core picked in one period in the next one."""

    stayed: "pd.DataFrame"  # pick, n, stayed, share, low, high, by_chance
    held: "pd.DataFrame"  # pick, component, before, after, low, high, times_before, times_after, n
    periods: tuple[dt.date, dt.date, dt.date]  # last day before the first period, of the first and of the second


def persistence(
    orders: Any,
    *,
    as_of: dt.date,
    core_share: float,
    weights: Mapping[str, float] | None = None,
    scale: str = "share",
    draws: int = 1000,
    seed: int = 7,
    confidence: float = 0.95,
    **options: Any,
) -> Persistence:
    """Picks the core on one period and looks at it in the next, beside a pick by value alone and by chance.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and the value. The periods are a year each, or half of
            the time that the orders cover.
        as_of: Last day to count, inclusive.
        core_share: Of the customers known when the first period ends, the share that is picked.
        weights: As in `score`.
        scale: As in `score`.
        draws: Random picks that show what chance gives.
        seed: Of the random picks.
        confidence: Coverage of the intervals, between 0 and 1.
        **options: As in `components`: customers, events, value, contributions, influence_in, discount.

    Returns:
        ``stayed``: pick (score, value), n (picked), stayed (in the core picked the same way in the second period, among
        the same customers), share, low, high, by_chance. ``held``: pick (score, value, chance), component, before and
        after (share of the component of the two periods, among the customers known when the first one ends), low, high
        (of after; of chance: where 95% of the random picks lie), times_before and times_after (the share over that of
        as many average customers), n. A pick by value is no other pick where value is all there is, and left out. Both are empty where a period would be shorter than four weeks or fewer than 20
        customers are known.

    Assumes each period stands for itself: influence is what those who came in it have spent, or their number. That
    the picked hold less in the second period is **regression to the mean** as well as change: luck helped to be picked.
    """
    import pandas as pd

    check(core_share, "core_share", gt=0, lt=1)
    _, first_day = until(orders, as_of=as_of)
    days = min(365, (frames.day_number(as_of) - first_day + 1) // 2)
    middle, start = as_of - dt.timedelta(days), as_of - dt.timedelta(2 * days)
    empty = Persistence(pd.DataFrame(columns=list(_STAYED)), pd.DataFrame(columns=list(_HELD)), (start, middle, as_of))
    if days < _SHORTEST_PERIOD:
        return empty
    try:
        before = components(orders, since=start, as_of=middle, **options)
    except TooLittleDataError:
        return empty
    size = round(core_share * len(before.table))
    if size < 1 or not before.measured or not before.table["value"].sum() > 0:
        return empty
    after = _same_people(before, components(orders, since=middle, as_of=as_of, **options))
    both = tuple(name for name in before.measured if name in after.measured)
    if "value" not in both:
        return empty
    before, after = before._replace(measured=both), after._replace(measured=both)
    picks = {"score": (weights, scale)} | ({"value": ({"value": 1.0}, scale)} if len(both) > 1 else {})
    chosen = {name: core(score(before, weights=w, scale=s), size) for name, (w, s) in picks.items()}
    again = {name: core(score(after, weights=w, scale=s), size) for name, (w, s) in picks.items()}
    stayed = pd.DataFrame([_stayed(name, chosen[name], again[name], confidence) for name in picks])
    held = [_held(name, picked, before, after, confidence) for name, picked in chosen.items()]
    held.append(_by_chance(size, after, draws, seed, confidence))
    return Persistence(stayed, pd.concat(held, ignore_index=True), (start, middle, as_of))


_STAYED = ("pick", "n", "stayed", "share", "low", "high", "by_chance")
_HELD = ("pick", "component", "before", "after", "low", "high", "times_before", "times_after", "n")


def _same_people(before: Components, after: Components) -> Components:
    """The second period's components of those who were known in the first, in the same order."""
    table = after.table.set_index("customer_id").loc[before.table["customer_id"]].reset_index()
    measured = tuple(name for name in after.measured if table[name].sum() > 0)
    return after._replace(table=table, measured=measured)


def _stayed(name: str, chosen: "Vector", again: "Vector", confidence: float) -> dict[str, Any]:
    n, stay = int(chosen.sum()), int((chosen & again).sum())
    low, high = (float(bound) for bound in stats.wilson(stay, n, confidence=confidence))
    return dict(zip(_STAYED, (name, n, stay, stay / n, low, high, n / len(chosen)), strict=True))


def _held(name: str, picked: "Vector", before: Components, after: Components, confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    rows: list[tuple[Any, ...]] = []
    even = picked.mean()
    for component in before.measured:
        amounts = after.table[component].to_numpy(dtype=float)
        earlier = before.table.loc[picked, component].sum() / before.table[component].sum()
        later = amounts[picked].sum() / amounts.sum()
        error = np.std((picked - later) * amounts) / amounts.mean() / np.sqrt(len(amounts))
        half = ndtri((1 + confidence) / 2) * error
        bounds = max(later - half, 0.0), min(later + half, 1.0)
        rows.append((name, component, earlier, later, *bounds, earlier / even, later / even, int(picked.sum())))
    return pd.DataFrame(rows, columns=list(_HELD))


def _by_chance(size: int, after: Components, draws: int, seed: int, confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    rng, people, names = np.random.default_rng(seed), len(after.table), list(after.measured)
    later = after.table[names].to_numpy(dtype=float)
    drawn = np.array([later[rng.choice(people, size, replace=False)].sum(axis=0) for _ in range(draws)])
    low, high = np.quantile(drawn / later.sum(axis=0), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    # What a random pick holds on average is known without drawing; only how far it scatters is not.
    even = size / people
    bounds = {"low": np.minimum(low, even), "high": np.maximum(high, even)}
    level = {"before": even, "after": even, **bounds, "times_before": 1.0, "times_after": 1.0}
    return pd.DataFrame({"pick": "chance", "component": names, **level, "n": size})
