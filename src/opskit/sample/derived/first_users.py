"""First users: how many accounts become the best, what sets them apart at sign-up, and how well that could be told.

The best are the fifth of the buyers that is worth most in the first WINDOW_DAYS after sign-up. Somebody who knew the
planted parameters, the channel and the answers on the form would know each account's probability of a strong need, and
from it that of becoming one of the best: no look-alike score can be expected to tell more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from opskit.sample.acquisition_plan import CHANNELS
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.surveys import sign_up
from opskit.sample.world import Chunk, World

TABLES = ("customers", "orders", "surveys")
WINDOW_DAYS, BEST_SHARE = 180, 0.2
LANDMARKS_DAYS = (30, 60)
FEWEST = 200  # reference accounts among the best below which nothing is worked out
TRAITS = (
    ("personal_shopper", "workaround", sign_up.WORKAROUND.index("personal_shopper")),
    ("this_week", "urgency", sign_up.URGENCY.index("this_week")),
    ("surely", "intention", sign_up.INTENTION.index("surely")),
)
ROOT = np.sqrt(REFERENCE_CUSTOMERS)


class Accounts(NamedTuple):
    """Accounts of the reference shop whose window is over."""

    worth: Floats
    ordered: NDArray[np.bool_]
    channel: NDArray[np.int8]
    need: NDArray[np.bool_]
    likelihood: Floats
    traits: NDArray[np.bool_]  # a column for each of TRAITS


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Shares, over-indices, what is left after days without an order, and the oracle's area and lift."""
    if world.days < 2 * WINDOW_DAYS:
        return {}
    parts = [_accounts(world, chunk) for chunk in chunks]
    seen = Accounts(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    buyers = seen.worth[seen.ordered & (seen.worth > 0)]
    best = seen.ordered & (seen.worth >= np.quantile(buyers, 1 - BEST_SHARE))
    if best.sum() < FEWEST:
        return {}
    told = f"the best {BEST_SHARE:.0%} of those who order within {WINDOW_DAYS} days of sign-up, by contribution"
    found = {"first_users.best_share": _share(best, f"accounts that become {told}", "share of the best")}
    found |= {
        f"first_users.index.{name}": _index(best, seen.traits[:, place], question)
        for place, (name, question, _) in enumerate(TRAITS)
    }
    late = [_late(world, chunk) for chunk in chunks]
    for place, days in enumerate(LANDMARKS_DAYS):
        ordered = np.concatenate([part[place] for part in late])
        where = f"order in the {WINDOW_DAYS} days that follow {days} days without an order"
        found[f"first_users.ordered_after_{days}_days"] = _share(ordered, where, "share of such accounts")
    return found | _oracle(seen, best)


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the share that fills in the form: all accounts are asked."""
    del chunks
    share = world.truth["first_users.response"]
    return {"first_users.response": float(np.sqrt(share * (1 - share)))}


def _accounts(world: World, chunk: Chunk) -> Accounts:
    orders, began, form = chunk.table("orders"), np.floor(chunk.signed_up), sign_up.forms(chunk)
    over = began <= world.days - WINDOW_DAYS
    who = orders["place"]
    inside = orders["paid"] & (np.floor(orders["at"]) - began[who] < WINDOW_DAYS)
    kept = 1 - orders["refund"] / np.maximum(orders["revenue"], 0.01)
    worth = np.bincount(who[inside], weights=(orders["margin"] * kept)[inside], minlength=chunk.size)
    ordered = np.bincount(who[inside], minlength=chunk.size) > 0
    traits = np.column_stack([form.responds & (form.answers[question] == code) for _, question, code in TRAITS])
    return Accounts(
        worth[over], ordered[over], chunk.channel[over], form.need[over], form.likelihood[over], traits[over]
    )


def _late(world: World, chunk: Chunk) -> list[NDArray[np.bool_]]:
    """By landmark, whether accounts without an order until then order within the window after it."""
    bought, began = chunk.purchases, np.floor(chunk.signed_up)
    first = np.full(chunk.size, np.inf)
    np.minimum.at(first, bought.customer, np.floor(bought.at))
    wait = first - began
    return [
        (wait < days + WINDOW_DAYS)[(wait >= days) & (began <= world.days - WINDOW_DAYS - days)]
        for days in LANDMARKS_DAYS
    ]


def _share(held: NDArray[np.bool_], where: str, estimate: str) -> Figure:
    value = float(held.mean())
    error = float(np.sqrt(value * (1 - value) / len(held)))
    where = f"{where}, in {REFERENCE_CUSTOMERS:,} simulated accounts"
    return Figure(value, "share of accounts", where, estimate, error, share_spread(value, len(held)))


def _index(best: NDArray[np.bool_], trait: NDArray[np.bool_], question: str) -> Figure:
    """Share of the best over that of everybody, with the delta method's error."""
    base, among = trait.mean(), trait[best].mean()
    value = float(among / base)
    residual = (best / best.mean() - 1) * trait / base - value * (best / best.mean() - 1)
    error = float(np.std(residual) / np.sqrt(len(best)))
    where = f"share of the best who answered so to {question} over the share of all accounts"
    return Figure(value, "times", where, "index of the profile", error, error * ROOT)


def _oracle(seen: Accounts, best: NDArray[np.bool_]) -> dict[str, Figure]:
    """Area and lift of the probability known to somebody who knows what is planted, the channel and the answers."""
    probability = np.zeros(len(best))
    for channel in range(len(CHANNELS)):
        rows = seen.channel == channel
        prior, need = seen.need[rows].mean(), seen.need[rows]
        strong = prior * seen.likelihood[rows] / (prior * seen.likelihood[rows] + 1 - prior)
        having, lacking = (best[rows][part].mean() if part.any() else 0.0 for part in (need, ~need))
        probability[rows] = strong * having + (1 - strong) * lacking
    rank = rankdata(probability)
    yes = (rank[best] - rankdata(probability[best])) / (~best).sum()
    no = 1 - (rank[~best] - rankdata(probability[~best])) / best.sum()
    error = float(np.sqrt(yes.var() / len(yes) + no.var() / len(no)))
    top = best[np.argsort(-probability, kind="stable")[: len(best) // 10]].sum() / best.sum()
    apart = float(np.sqrt(top * (1 - top) / best.sum()))
    where = "of the probability known to somebody who knows what is planted, the channel and the answers"
    bound = "bound for the {} of a look-alike score"
    return {
        "first_users.oracle_auc": Figure(
            float(yes.mean()), "area under the curve", where, bound.format("area"), error, error * ROOT
        ),
        "first_users.oracle_lift": Figure(
            float(10 * top), "times", f"in the top tenth {where}", bound.format("lift"), 10 * apart, 10 * apart * ROOT
        ),
    }
