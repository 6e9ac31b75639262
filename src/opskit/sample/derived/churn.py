"""Churn: how many active customers fall silent, by channel and by orders so far, and how well that could be told.

The cut-off lies HORIZON_DAYS before the last day; active are buyers with an order in as many days up to it, and they
left when none follows. Two bounds say how well that could be told. Somebody who knew each customer's rate and whether
the customer had left for good would still not know the outcome, only its probability: no model can reach more. Somebody
who knew the planted parameters and saw every order, but nothing else, has the probability of BG/NBD: a model that sees
no visits can hardly reach more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("orders",)
HORIZON_DAYS = 150
FEWEST = 100  # reference customers below which a share is not worked out


class Active(NamedTuple):
    """Active customers of the reference shop at the cut-off."""

    left: NDArray[np.bool_]
    channel: NDArray[np.int8]
    orders: NDArray[np.int64]
    known: Floats  # probability of leaving, to somebody who knows the customer's rate and state
    inferred: Floats  # the same to somebody who knows the planted parameters and sees the orders


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares that left, and the oracle's area under the curve."""
    if world.days < 2 * HORIZON_DAYS:
        return {}
    parts = [_active(world, chunk) for chunk in chunks]
    active = Active(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    groups = {"all": np.ones(len(active.left), dtype=bool)}
    groups |= {name: active.channel == place for place, name in enumerate(CHANNELS)}
    groups |= {f"after_{k}": active.orders == k for k in (1, 2, 3, 4)} | {"after_5_or_more": active.orders >= 5}
    found = {
        f"churn_{HORIZON_DAYS}_days.{name}": _share(active.left[rows])
        for name, rows in groups.items()
        if rows.sum() >= FEWEST
    }
    oracle = "to somebody who knows each customer's rate and whether the customer left for good"
    by_orders = "to somebody who knows the planted parameters and sees the orders: BG/NBD on the season's clock"
    areas = (("oracle", active.known, oracle), ("orders_only", active.inferred, by_orders))
    return found | {
        f"churn_{HORIZON_DAYS}_days.{name}_auc": _area(probability, active.left, where)
        for name, probability, where in areas
        if 1 < active.left.sum() < len(active.left) - 1
    }


def _active(world: World, chunk: Chunk) -> Active:
    bought, cut = chunk.purchases, float(world.days - HORIZON_DAYS)
    who, at = bought.customer, bought.at
    earlier = np.bincount(who[at < cut], minlength=chunk.size)
    recent = np.bincount(who[(at < cut) & (at >= cut - HORIZON_DAYS)], minlength=chunk.size) > 0
    later = np.bincount(who[at >= cut], minlength=chunk.size) > 0
    # Who left for good at the last order stops visiting some weeks after it; those who order again have not left.
    gone = (bought.interested_until < world.days) & ~later
    ahead = world.clock.end - world.clock.even(cut)
    silent = np.where(gone, 1.0, np.exp(-bought.rate * ahead))
    inferred = _bg_nbd(world, who[at < cut], world.clock.even(at[at < cut]), world.clock.even(cut), ahead)
    return Active(~later[recent], chunk.channel[recent], earlier[recent], silent[recent], inferred[recent[earlier > 0]])


def _bg_nbd(world: World, who: NDArray[np.int64], at: Floats, cut: Floats, ahead: Floats) -> Floats:
    """Probability of no order in the days ahead, per buyer so far.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way"; being alive and silent integrates the
    rate over its posterior, Gamma(r + x, alpha + T).
    """
    r, alpha, a, b = (world.truth[name] for name in ("purchase.r", "purchase.alpha", "dropout.a", "dropout.b"))
    start = np.flatnonzero(np.diff(who, prepend=-1))
    x = np.diff(np.append(start, len(who))) - 1
    first, last = at[start], at[start + x]
    alive = 1 / (
        1 + (x > 0) * a / (b + np.maximum(x, 1) - 1) * ((alpha + cut - first) / (alpha + last - first)) ** (r + x)
    )
    return 1 - alive * (1 - ((alpha + cut - first) / (alpha + cut - first + ahead)) ** (r + x))


def _share(left: NDArray[np.bool_]) -> Figure:
    value = float(left.mean())
    return Figure(
        value,
        "share of active customers",
        f"no order in the last {HORIZON_DAYS} days among buyers with one in the {HORIZON_DAYS} days before, "
        f"in {REFERENCE_CUSTOMERS:,} simulated accounts",
        f"share of customers active {HORIZON_DAYS} days before the last day without an order since",
        float(np.sqrt(value * (1 - value) / len(left))),
        share_spread(value, len(left)),
    )


def _area(probability: Floats, left: NDArray[np.bool_], where: str) -> Figure:
    """Area under the curve, with DeLong's error."""
    from scipy.stats import rankdata

    rank = rankdata(probability)
    yes = (rank[left] - rankdata(probability[left])) / (~left).sum()
    no = 1 - (rank[~left] - rankdata(probability[~left])) / left.sum()
    error = float(np.sqrt(yes.var() / len(yes) + no.var() / len(no)))
    return Figure(
        float(yes.mean()),
        "area under the curve",
        f"of the probability known {where}",
        "bound for the area under the curve of a churn model",
        error,
        error * np.sqrt(REFERENCE_CUSTOMERS),
    )
