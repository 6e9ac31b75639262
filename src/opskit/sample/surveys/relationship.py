"""What buyers on the survey list say each quarter: stars for four touchpoints, and whether they would recommend the shop.

Those who would recommend it answer more often than the others, so the answers flatter the shop.
"""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammainc, ndtri

from opskit.sample.seasons import Floats, later, within_day
from opskit.sample.world import LAST_DAY, Chunk, World

LISTED = 0.5  # of the buyers, drawn once
TOUCHPOINTS = ("product", "delivery", "service", "price")
ASKED_DAYS_BEFORE_END, ANSWERED_AFTER_DAYS, KNOWN_FOR_DAYS = 20, 2.0, 14.0
HALO, OWN = 0.5, 0.5  # loadings of a buyer's lasting mood, in general and by touchpoint; the rest is the quarter's
PROMOTERS_AT_FOUR_STARS = -0.1  # log-odds in the last quarter
DETRACTORS_AT_FOUR_STARS = -0.9  # log-odds among those who are no promoters
RANGES = ((0, 7), (7, 9), (9, 11))  # answers of detractors, passives and promoters


class Wave(NamedTuple):
    """A round of the survey: the quarter's name, quarters after the last one (0, -1, …) and the day of asking."""

    name: str
    quarter: int
    asked: float


def waves(world: World) -> list[Wave]:
    """One in each whole quarter of the shop."""
    found: list[Wave] = []
    first, months = world.first_day.toordinal(), LAST_DAY.year * 12 + LAST_DAY.month
    for back in reversed(range(world.months // 3)):
        after = months - 3 * back  # the month after the quarter
        day = date(after // 12, after % 12 + 1, 1).toordinal() - first - ASKED_DAYS_BEFORE_END
        name = f"{(after - 1) // 12}Q{(after - 1) % 12 // 3 + 1}"
        found.append(Wave(name, -back, float(within_day(np.array([day + 0.4]))[0])))
    return found


def build(chunk: Chunk) -> dict[str, Any]:
    """Five rows per buyer and quarter asked; hidden, what the silent ones would have said (would_say: -1, 0 or 1)."""
    rng, world = chunk.rng("relationship_survey"), chunk.world
    people, rows = _listed(rng, chunk), len(TOUCHPOINTS) + 1
    nobody = people.of(np.zeros(0, dtype=np.int64))
    parts = [_asked(rng, chunk, Wave("", 0, 0.0), nobody)] + [_asked(rng, chunk, wave, people) for wave in waves(world)]
    asked = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n = len(asked["customer"])
    return {
        "customer": np.repeat(asked["customer"], rows),
        "question": np.tile(np.array([*["csat"] * len(TOUCHPOINTS), "nps"], dtype=object), n),
        "item": np.full(n * rows, None, dtype=object),
        "touchpoint": np.tile(np.array([*TOUCHPOINTS, "overall"], dtype=object), n),
        "answer": asked.pop("answers").ravel(),
        "at": np.repeat(asked["at"], rows),
        "wave": np.repeat(asked["wave"], rows),
        "asked": asked,  # a row per buyer and quarter
    }


class _People(NamedTuple):
    """Buyers on the list: place in the chunk, since when they know the shop, and their lasting mood by touchpoint."""

    customer: NDArray[np.int64]
    since: Floats
    mood: Floats
    keen: Floats

    def of(self, rows: NDArray[Any]) -> "_People":
        """Some of them."""
        return _People(self.customer[rows], self.since[rows], self.mood[rows], self.keen[rows])


def _listed(rng: np.random.Generator, chunk: Chunk) -> _People:
    """The list, and for the product how keen its buyers are: the normal score of their purchase rate."""
    orders, truth = chunk.table("orders"), chunk.world.truth
    paid = np.flatnonzero(orders["paid"])
    customer, first = np.unique(orders["place"][paid], return_index=True)
    on = rng.random(len(customer)) < LISTED
    customer, since = customer[on], later(orders["delivered"][paid][first][on], np.full(int(on.sum()), KNOWN_FOR_DAYS))
    rank = gammainc(truth["purchase.r"], chunk.purchases.rate[customer] * truth["purchase.alpha"])
    keen = ndtri(np.clip(rank, 1e-9, 1 - 1e-9))
    halo, own = rng.normal(size=(len(customer), 1)), rng.normal(size=(len(customer), len(TOUCHPOINTS)))
    return _People(customer, since, HALO * halo + OWN * own, keen)


def _asked(rng: np.random.Generator, chunk: Chunk, wave: Wave, people: _People) -> dict[str, Any]:
    """One round: everybody on the list who has known the shop for a while."""
    truth, world = chunk.world.truth, chunk.world
    people = people.of(people.since < wave.asked)
    n = len(people.customer)
    stars = _stars(rng, truth, people.mood, people.keen)
    pull = (stars - 4) @ np.array([truth[f"relationship.weight.{name}"] for name in TOUCHPOINTS])
    pull += truth["relationship.trend"] * wave.quarter
    promoter = rng.random(n) < expit(PROMOTERS_AT_FOUR_STARS + pull)
    detractor = ~promoter & (rng.random(n) < expit(DETRACTORS_AT_FOUR_STARS - pull))
    kind = promoter.astype(int) - detractor
    scores = np.stack([rng.integers(low, high, n) for low, high in RANGES])[kind + 1, np.arange(n)]
    share = np.where(promoter, truth["relationship.response_promoters"], truth["relationship.response_others"])
    at = later(np.full(n, wave.asked), rng.exponential(ANSWERED_AFTER_DAYS, n))
    said = (rng.random(n) < share) & (at < world.days)
    answers = np.column_stack([stars, scores]).astype(str).astype(object)
    answers[~said] = None
    return {
        "customer": people.customer,
        "at": np.where(said, at, np.nan),
        "wave": np.full(n, wave.name, dtype=object),
        "quarter": np.full(n, wave.quarter),
        "would_say": kind,
        "said": said,
        "stars": stars,
        "answers": answers,
    }


def _stars(rng: np.random.Generator, truth: Any, mood: Floats, keen: Floats) -> NDArray[np.int64]:
    """One to five for each touchpoint; four and five are satisfied."""
    score = mood + np.sqrt(1 - HALO**2 - OWN**2) * rng.normal(size=mood.shape)
    tie = truth["relationship.tie_to_rate"]
    score[:, 0] = tie * keen + np.sqrt(1 - tie**2) * score[:, 0]
    stars = np.ones(score.shape, dtype=np.int64)
    for place, name in enumerate(TOUCHPOINTS):
        happy = truth[f"relationship.satisfied.{name}"]
        for share in (1 - 0.2 * (1 - happy), 1 - 0.5 * (1 - happy), happy, 0.55 * happy):
            stars[:, place] += score[:, place] > ndtri(1 - share)
    return stars
