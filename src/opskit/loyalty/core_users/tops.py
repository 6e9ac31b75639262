"""How unevenly the components are spread, how far their tops are the same people, and what the core holds."""

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.customers import concentration_of, reached
from opskit.errors import check
from opskit.loyalty.core_users.components import Components

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

_GROUPS = 100


class Spread(NamedTuple):
    """How unevenly value, contribution and influence are spread over the customers known."""

    measures: "pd.DataFrame"  # component, measure, estimate, low, high, n, holders
    lorenz: "pd.DataFrame"  # component, share_of_customers, share_held


def spread(found: Components, *, top_shares: tuple[float, ...] = (0.01, 0.05, 0.1), confidence: float = 0.95) -> Spread:
    """Lorenz curve, Gini coefficient and share of the top, for each component, over all customers known.

    Args:
        found: From `components`.
        top_shares: Shares of customers whose share of the component to give.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``measures``: component, measure, estimate, low, high, n (customers known), holders (those who have any).
        ``lorenz``: component, share_of_customers (smallest first), share_held.

    Assumes what `customers.concentration` does: where a handful dominates, as with influence, the interval is too narrow.
    """
    import pandas as pd

    measures: list[pd.DataFrame] = []
    curves: list[pd.DataFrame] = []
    for name in found.measured:
        amounts = found.table[name].to_numpy(dtype=float)
        one = concentration_of(amounts, name=name, top_shares=top_shares, confidence=confidence)
        measures.append(one.measures.assign(component=name, holders=int((amounts > 0).sum())))
        curves.append(one.lorenz.rename(columns={"share_of_revenue": "share_held"}).assign(component=name))
    columns = ["component", "measure", "estimate", "low", "high", "n", "holders"]
    return Spread(pd.concat(measures, ignore_index=True)[columns], pd.concat(curves, ignore_index=True))


def overlap(found: Components, size: int, *, confidence: float = 0.95) -> "pd.DataFrame":
    """How many customers of one component's top are in the top of another, beside what chance would give.

    Args:
        found: From `components`.
        size: Customers in each top; fewer where fewer have any of the component.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row per pair: first, second (components; first has the smaller top), n (customers in the smaller top),
        shared, share (of n), low, high; by_chance (share expected if the two had nothing to do with each other among
        customers known for equally long, by quarter), verdict (``more than chance``, ``less than chance``, ``as by
        chance``), correlation (rank correlation over all customers), correlation_low, correlation_high.

    Assumes nothing about causes. Customers tied at the border of a top belong to it in part.

    Source: Wilson (1927) for the share; Bonett & Wright (2000), "Sample size requirements for estimating Pearson,
    Kendall and Spearman correlations", for the rank correlation.
    """
    import pandas as pd

    age = _age(found)
    tops = {name: _top(found.table[name].to_numpy(dtype=float), size) for name in found.measured}
    rows: list[dict[str, Any]] = []
    for pair in combinations(found.measured, 2):
        first, second = sorted(pair, key=lambda name: tops[name].sum())
        one, other = tops[first], tops[second]
        n, shared = round(one.sum()), float((one * other).sum())
        low, high = (float(bound) for bound in stats.wilson(shared, n, confidence=confidence))
        by_age = pd.DataFrame({"one": one, "other": other, "all": 1.0}).groupby(age).sum()
        chance = float((by_age["one"] * by_age["other"] / by_age["all"]).sum() / n)
        row: dict[str, Any] = {"first": first, "second": second, "n": n, "shared": shared, "share": shared / n}
        told = "more than chance" if low > chance else "less than chance" if high < chance else "as by chance"
        row |= {"low": low, "high": high, "by_chance": chance, "verdict": told}
        rows.append(row | _correlation(found.table[first], found.table[second], confidence))
    columns = ["first", "second", "n", "shared", "share", "low", "high", "by_chance", "verdict"]
    return pd.DataFrame(rows, columns=[*columns, "correlation", "correlation_low", "correlation_high"])


def _age(found: Components) -> "Vector":
    """Quarter since which each customer is known."""
    import numpy as np

    days = found.table["known_since"].fillna(0).to_numpy(dtype="int64").astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.int64) // 3


def _top(amounts: "Vector", size: int) -> "Vector":
    """How far each customer belongs to the `size` largest; those tied at the border share what places are left."""
    import numpy as np

    check(size, "size", ge=1, le=len(amounts))
    border = np.sort(amounts)[-size]
    if border <= 0:
        return (amounts > 0).astype(float)
    above, tied = amounts > border, amounts == border
    return above + tied * (size - above.sum()) / tied.sum()


def _correlation(first: "pd.Series[Any]", second: "pd.Series[Any]", confidence: float) -> dict[str, float]:
    import numpy as np
    from scipy.special import ndtri

    rho = float(first.rank().corr(second.rank()))
    half = ndtri((1 + confidence) / 2) * np.sqrt((1 + rho**2 / 2) / (len(first) - 3))
    low, high = np.tanh(np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12)) + np.array([-half, half]))
    return {"correlation": rho, "correlation_low": float(low), "correlation_high": float(high)}


def dependency(
    found: Components, scored: "pd.DataFrame", sizes: "list[int]", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """What stands with the best customers: their own value, that of those they brought, their contributions.

    Args:
        found: From `components`.
        scored: From `score`.
        sizes: How many of the best to look at, each in turn.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        top (customers), held (own value; brought value; both; contributions), amount, share (of all), low, high, n
        (customers known); brought: customers below one of the top and not in it. It is an **upper bound** of what
        would be lost with the top: those invited would in part have come, and stay, by themselves.

    Assumes families of invitations are independent of each other: the interval leaves out a hundredth of the families
    at a time and picks the top anew, in the same proportion. It is nan with fewer than two families.

    Source: delete-a-group jackknife, Kott (2001).
    """
    import pandas as pd

    order = scored.index.to_numpy()
    everybody = {"own value", *(("contributions",) if "contribution" in found.measured else ())}
    everybody |= {"brought value", "both"} if "influence" in found.measured else set()
    tables: list[pd.DataFrame] = []
    for size in sizes:
        amount, whole = _held(found, order, size)
        low, high = _bounds(found, order, size, confidence)
        columns = {"amount": amount, "share": _over(amount, whole), "low": low, "high": high}
        tables.append(pd.DataFrame({"top": size, "held": _HELD, **columns, "n": len(order)}))
    table = pd.concat(tables, ignore_index=True)
    return table[table["held"].isin(everybody)].reset_index(drop=True)


_HELD = ("own value", "brought value", "both", "contributions")


def _held(found: Components, order: "Vector", size: int) -> "tuple[Vector, Vector]":
    """What the first `size` of the order hold, and what all of the order hold, by _HELD."""
    import numpy as np

    picked, counted = np.zeros(len(found.table), dtype=bool), np.zeros(len(found.table), dtype=bool)
    picked[order[:size]], counted[order] = True, True
    below = reached(found.referrals, picked) if found.referrals is not None else ~counted
    value, done = (found.table[name].to_numpy(dtype=float) for name in ("value", "contribution"))
    own, brought = value[picked].sum(), value[below].sum()
    held = np.array([own, brought, own + brought, done[picked].sum()])
    return held, np.array([value[counted].sum()] * 3 + [done[counted].sum()])


def _over(part: "Vector", whole: "Vector") -> "Vector":
    import numpy as np

    return part / np.where(whole > 0, whole, np.nan)


def _bounds(found: Components, order: "Vector", size: int, confidence: float) -> "tuple[Vector, Vector]":
    import numpy as np
    from scipy.special import stdtrit

    tree = np.arange(len(order)) if found.referrals is None else found.referrals.tree
    groups = min(_GROUPS, int(tree.max()) + 1)
    if groups < 2:
        return np.full(len(_HELD), np.nan), np.full(len(_HELD), np.nan)
    drawn = np.random.default_rng(_GROUPS).permutation(int(tree.max()) + 1) % groups
    group, share = drawn[tree], _over(*_held(found, order, size))
    left: list[Vector] = []
    for out in range(groups):
        kept = order[group[order] != out]
        left.append(_over(*_held(found, kept, max(1, round(size * len(kept) / len(order))))))
    half = stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt((groups - 1) * np.var(left, axis=0))
    return np.clip(share - half, 0, 1), np.clip(share + half, 0, 1)
