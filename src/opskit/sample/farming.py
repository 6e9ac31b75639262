"""Accounts that farm points: who, in which way, and the postings they make."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk

WAYS = ("burst", "object", "ring", "herd")
RING, HERD = 3, 6  # accounts that belong together


class Farming(NamedTuple):
    """Postings of farming accounts, and each account's way.

    Attributes:
        way: By account of the chunk: place in WAYS, -1 for honest ones.
        customer: Place of the account, by posting.
        at: Calendar time in days.
        behaviour: check_in, review or invite.
        points: Points.
        item: Object of the posting; empty for none.
    """

    way: NDArray[np.int64]
    customer: NDArray[np.int64]
    at: Floats
    behaviour: NDArray[np.object_]
    points: Floats
    item: NDArray[np.object_]


def farming(chunk: Chunk) -> Farming:
    """Draw the farming accounts of a chunk and what they post; kind and place vary with the seed."""
    rng, truth = chunk.rng("farming"), chunk.world.truth
    quiet = truth["points.farming_subtlety"]
    # At least ten days are left to farm in.
    able = np.flatnonzero(chunk.signed_up < chunk.world.days - 10)
    wanted = rng.binomial(chunk.size, truth["points.farming_share"])
    chosen = rng.permutation(able)[:wanted]
    way = np.full(chunk.size, -1)
    weights = rng.dirichlet(np.full(len(WAYS), 3.0))
    blocks: list[tuple[NDArray[np.int64], Floats, str, float, list[str]]] = []
    place = 0
    while place < len(chosen):
        kind = int(rng.choice(len(WAYS), p=weights))
        size = {"ring": RING, "herd": HERD}.get(WAYS[kind], 1)
        if len(chosen) - place < size:
            kind, size = int(rng.integers(2)), 1
        accounts = chosen[place : place + size]
        place += size
        way[accounts] = kind
        blocks.append(_POST[WAYS[kind]](rng, chunk, accounts, quiet))
    return Farming(way, *_gathered(chunk, blocks))


_Block = tuple[NDArray[np.int64], Floats, str, float, list[str]]


def _gathered(
    chunk: Chunk, blocks: list[_Block]
) -> tuple[NDArray[np.int64], Floats, NDArray[np.object_], Floats, NDArray[np.object_]]:
    customer = np.concatenate([np.empty(0, dtype=np.int64), *(block[0] for block in blocks)])
    at = np.concatenate([np.empty(0), *(block[1] for block in blocks)])
    behaviour = np.array([block[2] for block in blocks for _ in block[0]], dtype=object)
    points = np.array([block[3] for block in blocks for _ in block[0]], dtype=float)
    item = np.array([name for block in blocks for name in block[4]], dtype=object)
    seen = at < chunk.world.days
    return customer[seen], at[seen], behaviour[seen], points[seen], item[seen]


def _days(rng: np.random.Generator, chunk: Chunk, accounts: NDArray[np.int64], count: int) -> Floats:
    """Whole days after the last of the accounts has signed up."""
    first = int(chunk.signed_up[accounts].max()) + 1
    days = np.arange(first, chunk.world.days, dtype=float)
    return np.sort(rng.choice(days, min(count, chunk.world.days - first), replace=False))


def _burst(rng: np.random.Generator, chunk: Chunk, accounts: NDArray[np.int64], quiet: float) -> _Block:
    """Check-ins by script within an hour of a night."""
    nights = _days(rng, chunk, accounts, 3)
    each = round(24 * (1 - quiet) + 7 * quiet)
    at = np.repeat(nights + rng.uniform(1, 4, len(nights)) / 24, each)
    at = at + rng.random(len(at)) / 24
    return np.full(len(at), accounts[0]), at, "check_in", 5.0, [""] * len(at)


def _object(rng: np.random.Generator, chunk: Chunk, accounts: NDArray[np.int64], quiet: float) -> _Block:
    """One item reviewed again and again, by day."""
    days = _days(rng, chunk, accounts, round(14 * (1 - quiet) + 4 * quiet))
    item = f"A{int(rng.integers(1000)):04d}"
    at = days + rng.uniform(8, 23, len(days)) / 24
    return np.full(len(at), accounts[0]), at, "review", 20.0, [item] * len(at)


def _ring(rng: np.random.Generator, chunk: Chunk, accounts: NDArray[np.int64], quiet: float) -> _Block:
    """Accounts that invite each other in a circle, blatant ones everybody everybody."""
    steps = range(1, len(accounts) if quiet < 0.5 else 2)
    pairs = [(one, (place + step) % len(accounts)) for place, one in enumerate(accounts) for step in steps]
    first = _days(rng, chunk, accounts, 1)[0]
    at = np.minimum(first + rng.random(len(pairs)) * (1 + 60 * quiet), chunk.world.days - 1e-3)
    items = [str(chunk.customer_ids[accounts[other]]) for _, other in pairs]
    return np.array([one for one, _ in pairs]), at, "invite", 50.0, items


def _herd(rng: np.random.Generator, chunk: Chunk, accounts: NDArray[np.int64], quiet: float) -> _Block:
    """One script checks in for several accounts, one after the other."""
    days = _days(rng, chunk, accounts, round(20 * (1 - quiet) + 7 * quiet))
    moment = np.repeat(days + rng.uniform(7, 23, len(days)) / 24, len(accounts))
    at = moment + rng.random(len(moment)) * (5 + 85 * quiet) / 86_400
    return np.tile(accounts, len(days)), at, "check_in", 5.0, [""] * len(at)


_POST = {"burst": _burst, "object": _object, "ring": _ring, "herd": _herd}
