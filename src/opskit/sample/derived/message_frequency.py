"""What the test of message frequency would show in a shop without end, worked out from the probabilities known there.

Everybody who could have been drawn into the test stands in for those who were: the lot is no part of the truth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import messages
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure, share_spread
from opskit.sample.seasons import Floats
from opskit.sample.tables.contacts import refusals
from opskit.sample.world import Chunk, World

TABLES = ("contacts",)
DAYS = 7 * messages.TEST_WEEKS
SETTLED_DAYS = 7  # newsletters before the test still tire; from then on only its own messages do
FEWEST = 100  # accounts below which nothing is worked out


class Expected(NamedTuple):
    """Of each account, were it in the arm: messages it gets and answers, and its probability of opting out.

    Attributes:
        sent: Messages, those after opting out not sent.
        answered: Answers.
        spread: Variance of the answers given the account.
        settled_sent: Messages after the first week.
        settled_answered: Answers after the first week.
        settled_spread: Their variance given the account.
        out: Probability of opting out.
    """

    sent: Floats
    answered: Floats
    spread: Floats
    settled_sent: Floats
    settled_answered: Floats
    settled_spread: Floats
    out: Floats


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Answers per message and per week, and the share that opted out, by messages a week."""
    arms = _arms(world, chunks)
    about = f"customers assigned to so many messages a week, in the {DAYS} days of the test"
    found: dict[str, Figure] = {}
    for a_week, arm in arms.items():
        accounts = len(arm.sent)
        # Of the reference accounts that could be drawn, this many would be in the arm.
        share = accounts / REFERENCE_CUSTOMERS * messages.TEST_SHARE / len(messages.A_WEEK)
        name = f"frequency_{a_week}"
        ratio = float(arm.answered.sum() / arm.sent.sum())
        apart = arm.spread + (arm.answered - ratio * arm.sent) ** 2
        found[f"frequency.responses_per_message.{name}"] = Figure(
            ratio,
            "answers per message",
            about,
            "answers over messages",
            float(np.sqrt(((arm.answered - ratio * arm.sent) ** 2).sum()) / arm.sent.sum()),
            float(np.sqrt(apart.mean() / share) / arm.sent.mean()),
        )
        weekly, inner = arm.answered / messages.TEST_WEEKS, arm.spread / messages.TEST_WEEKS**2
        found[f"frequency.responses_per_week.{name}"] = Figure(
            float(weekly.mean()),
            "answers per customer and week",
            about,
            "mean over customers",
            float(weekly.std() / np.sqrt(accounts)),
            float(np.sqrt((inner + (weekly - weekly.mean()) ** 2).mean() / share)),
        )
        out = float(arm.out.mean())
        found[f"frequency.opted_out.{name}"] = Figure(
            out,
            "share of customers",
            about,
            "customers who unsubscribed over customers",
            float(arm.out.std() / np.sqrt(accounts)),
            share_spread(out, round(share * REFERENCE_CUSTOMERS)),
        )
    return found


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of the planted fatigue: error of a Poisson slope on messages a week. Of opt-outs there are too few for a symmetric one."""
    arms = _arms(world, chunks)
    if not arms:
        return {}
    rate = np.array(list(arms), dtype=float)
    share = len(arms[1].sent) / REFERENCE_CUSTOMERS * messages.TEST_SHARE / len(arms)
    mean = np.array([arm.settled_answered.mean() for arm in arms.values()])
    variance = np.array([(arm.settled_spread + _apart(arm) ** 2).mean() for arm in arms.values()])
    away = rate - np.average(rate, weights=mean)
    error = np.sqrt((away**2 * variance).sum() / share) / (away**2 * mean).sum()
    return {"message.response_kept": float(world.truth["message.response_kept"] * error)}


def _apart(arm: Expected) -> Floats:
    """How far each account's answers lie from those of its messages at the mean rate."""
    return arm.settled_answered - arm.settled_answered.sum() / arm.settled_sent.sum() * arm.settled_sent


def _arms(world: World, chunks: Sequence[Chunk]) -> dict[int, Expected]:
    """Every arm's accounts; none where the shop is too young for a test or nobody could be drawn."""
    begins = world.days - messages.TEST_BEGINS
    if begins <= 0:
        return {}
    parts = [_before(chunk, begins) for chunk in chunks]
    if sum(len(who) for who, _, _ in parts) < FEWEST:
        return {}
    found: dict[int, Expected] = {}
    for a_week in messages.A_WEEK:
        of_chunks = [_expected(chunk, part, a_week, begins) for chunk, part in zip(chunks, parts, strict=True)]
        found[a_week] = Expected(*(np.concatenate(column) for column in zip(*of_chunks, strict=True)))
    return found


Before = tuple[NDArray[np.int64], list[float], list[Floats]]


def _before(chunk: Chunk, begins: int) -> Before:
    """Accounts that could be drawn, and the newsletters of the week before: when, and each one's probability of it."""
    who = np.flatnonzero((chunk.signed_up < begins) & (refusals(chunk) > begins))
    weekday, truth = chunk.world.first_day.weekday(), chunk.world.truth
    days = range(max(begins - messages.MEMORY_DAYS - 1, 0), begins)
    moments = [day + messages.HOUR for day in days if (day + weekday) % 7 in messages.WEEKDAYS]
    reach = [
        np.where(messages.active(chunk, at), truth["newsletter.active_reach"], truth["newsletter.silent_reach"])[who]
        * (chunk.signed_up[who] < at)
        for at in moments
    ]
    return who, moments, reach


def _expected(chunk: Chunk, before: Before, a_week: int, begins: int) -> Expected:
    """What each account is expected to do in an arm."""
    (who, newsletters, reach), truth = before, chunk.world.truth
    until = chunk.purchases.interested_until[who]
    sent, answered, spread = np.zeros((3, len(who)))
    settled = np.zeros((3, len(who)))
    still = np.ones(len(who))
    earlier: list[float] = []
    for week in range(messages.TEST_WEEKS):
        for place in range(a_week):
            at = begins + 7 * week + np.floor(7 * place / a_week) + 12 / 24
            kept, grown = np.ones(len(who)), np.ones(len(who))
            since = at - messages.MEMORY_DAYS + 1e-9
            for moment, share in zip(newsletters, reach, strict=True):
                if moment > since:
                    kept *= 1 - share + share * truth["message.response_kept"]
                    grown *= 1 - share + share * truth["message.opt_out_growth"]
            own = sum(moment > since for moment in earlier)
            interested = np.where(until > at, 1.0, messages.UNINTERESTED_ANSWERS)
            answers = truth["message.response"] * interested * kept * truth["message.response_kept"] ** own
            leaves = truth["message.opt_out"] * grown * truth["message.opt_out_growth"] ** own
            row = np.stack([still, still * answers, still * answers * (1 - still * answers)])
            sent, answered, spread = np.stack([sent, answered, spread]) + row
            if at >= begins + SETTLED_DAYS:
                settled += row
            still = still * (1 - leaves * (1 - answers))
            earlier.append(at)
    return Expected(sent, answered, spread, settled[0], settled[1], settled[2], 1 - still)
