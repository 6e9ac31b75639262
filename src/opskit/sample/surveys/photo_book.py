"""What accounts say they would pay for the photo book: Van Westendorp's four prices, and yes or no to six prices."""

from typing import Any

import numpy as np

from opskit.sample.seasons import Floats, within_day
from opskit.sample.world import Chunk

INVITED = 0.23  # of the accounts that are there
QUESTIONS = ("too_cheap", "cheap", "expensive", "too_expensive")
ASKED = (69, 89, 109, 129, 159, 199)
SURVEY_DAYS_BEFORE_END = 200.0


def build(chunk: Chunk) -> dict[str, Any]:
    """Ten rows per invited account, without answers for those who did not respond."""
    rng, world = chunk.rng("photo_book_survey"), chunk.world
    sent = within_day(np.floor([world.days - min(SURVEY_DAYS_BEFORE_END, world.days / 2)]) + 0.4)[0]
    invited = np.flatnonzero((rng.random(chunk.size) < INVITED) & (chunk.signed_up < sent))
    n = len(invited)
    answers = np.hstack([_prices(chunk, rng, n), _yes_or_no(chunk, rng, n)])
    responds = rng.random(n) < world.truth["photo_book.survey_response"]
    answers[~responds] = None
    after = sent + np.minimum(rng.exponential(2.0, n), world.days - sent - 0.01)
    rows = len(QUESTIONS) + len(ASKED)
    return {
        "customer": np.repeat(invited, rows),
        "question": np.tile(np.array([*QUESTIONS, *["would_buy"] * len(ASKED)], dtype=object), n),
        "item": np.tile(np.array([None] * len(QUESTIONS) + [str(price) for price in ASKED], dtype=object), n),
        "answer": answers.ravel(),
        "at": np.repeat(np.where(responds, after, np.nan), rows),
    }


def willingness(chunk: Chunk, n: int) -> Floats:
    """What each of the chunk's n invited accounts says it would pay at most."""
    truth = chunk.world.truth
    draws = chunk.rng("photo_book_willingness").normal(size=n)
    return truth["photo_book.wtp_median"] * np.exp(truth["photo_book.wtp_sigma"] * draws)


def _prices(chunk: Chunk, rng: np.random.Generator, n: int) -> Any:
    """The four prices as typed: half think in tens, some write a currency sign, some contradict themselves."""
    most = willingness(chunk, n)
    cheap = most * np.exp(-0.2 - rng.gamma(2.0, 0.12, n))
    too_cheap = cheap * np.exp(-0.15 - rng.gamma(2.0, 0.2, n))
    too_much = most * np.exp(rng.gamma(2.0, 0.12, n))
    step = np.where(rng.random(n) < 0.5, 10.0, 1.0)
    prices = np.maximum(np.round(np.stack([too_cheap, cheap, most, too_much]) / step), 1) * step
    prices[2] = np.maximum(prices[2], prices[1] + step)  # rounding alone makes nobody contradict themselves
    prices[3] = np.maximum(prices[3], prices[2])
    wrong = rng.random(n) < chunk.world.truth["photo_book.survey_invalid"]
    prices[1:3, wrong] = prices[2:0:-1, wrong]
    sign = np.where(rng.random(n) < 0.15, "¥", "")
    return np.array([[f"{s}{price:.0f}" for s, price in zip(sign, row, strict=True)] for row in prices], dtype=object).T


def _yes_or_no(chunk: Chunk, rng: np.random.Generator, n: int) -> Any:
    """Yes up to the willingness to pay; an inconsistent answer says no to the lowest price and yes to a higher one."""
    yes = willingness(chunk, n)[:, None] >= np.array(ASKED)
    wrong = np.flatnonzero(rng.random(n) < chunk.world.truth["photo_book.survey_inconsistent"])
    yes[wrong, 0], yes[wrong, rng.integers(1, len(ASKED), len(wrong))] = False, True
    return np.where(yes, "yes", "no").astype(object)
