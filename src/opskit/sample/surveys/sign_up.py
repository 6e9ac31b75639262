"""What the form at sign-up asks: how people solve the need today, at what cost, how soon they want it solved.

A strong need, which no table shows, goes with buying, and among buyers with buying often. It is drawn *given* the
purchase rate, by Bayes' rule, so that orders stay as they are and need and orders are yet distributed as if the need
came first. Three answers go with the need: what one pays already in money or time, and how soon it must end. One does
not, though it sounds as if: what one says one is going to do. Beside them stand columns that are written only once
there is an order; which ones depends on the seed.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammainc, logit, ndtri

from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World, without

Codes = NDArray[np.int64]

WORKAROUND = ("personal_shopper", "relatives_abroad", "local_shop", "nothing_yet")
URGENCY = ("this_week", "this_month", "some_day")
INTENTION = ("surely", "probably", "perhaps", "hardly")
#  answer       with a strong need           without
SHARES = {
    "workaround": ((0.65, 0.20, 0.10, 0.05), (0.06, 0.12, 0.50, 0.32)),
    "urgency": ((0.55, 0.33, 0.12), (0.16, 0.34, 0.50)),
}
HOURS_A_MONTH = (8.0, 3.0)  # Poisson means, with a strong need and without
INTENDS = (0.45, 0.30, 0.17, 0.08)  # the same with a strong need and without
GIFTS = ("bib", "bottle", "book")
WISHES = ("at the door", "pick-up point")
NOTES = ("new", "known")
NOTED = 0.9  # of the notes say what an order made of the account
LEAKS = ("welcome_gift", "service_note", "first_parcel_wish")
PLANTED_LEAKS = 2  # of them, drawn by the seed


class Form(NamedTuple):
    """What is behind the forms of a chunk's accounts, one row each."""

    need: NDArray[np.bool_]  # hidden
    likelihood: Floats  # of the answers with a strong need over without; 1 where nobody answered
    responds: NDArray[np.bool_]
    answers: dict[str, Codes]  # place of the answer among its values; for hours_a_month the number


def leaks(world: World) -> tuple[str, ...]:
    """Questions of this shop that are written only after the first order."""
    drawn = world.rng("sign_up_leaks").permutation(len(LEAKS))[:PLANTED_LEAKS]
    return tuple(LEAKS[place] for place in sorted(drawn))


def chance_of_need(chunk: Chunk) -> Floats:
    """Probability of a strong need given the hidden purchase rate of each account."""
    truth, rate = chunk.world.truth, chunk.purchases.rate
    rank = gammainc(truth["purchase.r"], rate * truth["purchase.alpha"])
    keen = ndtri(np.clip(rank, 1e-9, 1 - 1e-9))
    buyers = expit(logit(truth["first_users.need_of_buyers"]) + truth["first_users.need_by_rate"] * keen)
    return np.where(rate > 0, buyers, truth["first_users.need_of_never"])


def forms(chunk: Chunk) -> Form:
    """Needs and answers of the chunk's accounts."""
    rng, n = chunk.rng("sign_up_form"), chunk.size
    need = rng.random(n) < chance_of_need(chunk)
    responds = rng.random(n) < chunk.world.truth["first_users.response"]
    answers: dict[str, Codes] = {}
    likelihood = np.ones(n)
    for question, (having, lacking) in SHARES.items():
        drawn = rng.random(n)
        bounds = np.where(need[:, None], np.cumsum(having), np.cumsum(lacking))
        answers[question] = (drawn[:, None] > bounds[:, :-1]).sum(axis=1)
        likelihood *= (np.array(having) / np.array(lacking))[answers[question]]
    strong, weak = HOURS_A_MONTH
    answers["hours_a_month"] = rng.poisson(np.where(need, strong, weak))
    likelihood *= np.exp(weak - strong) * (strong / weak) ** answers["hours_a_month"]
    answers["intention"] = rng.choice(len(INTENDS), size=n, p=INTENDS)
    return Form(need, np.where(responds, likelihood, 1.0), responds, answers)


def build(chunk: Chunk) -> dict[str, Any]:
    """Four rows per account, without answers for those who left the form empty, and the rows that know too much."""
    form, everybody = forms(chunk), np.arange(chunk.size)
    texts = {
        "workaround": np.array(WORKAROUND, dtype=object)[form.answers["workaround"]],
        "hours_a_month": form.answers["hours_a_month"].astype(str).astype(object),
        "urgency": np.array(URGENCY, dtype=object)[form.answers["urgency"]],
        "intention": np.array(INTENTION, dtype=object)[form.answers["intention"]],
    }
    at = np.where(form.responds, chunk.signed_up, np.nan)
    parts = [(everybody, name, without(text, ~form.responds), at) for name, text in texts.items()]
    parts += _leaking(chunk)
    customer = np.concatenate([part[0] for part in parts])
    order = np.argsort(customer, kind="stable")
    question = np.repeat(np.array([part[1] for part in parts], dtype=object), [len(part[0]) for part in parts])
    return {
        "customer": customer[order],
        "question": question[order],
        "item": np.full(len(customer), None, dtype=object),
        "answer": np.concatenate([part[2] for part in parts])[order],
        "at": np.concatenate([part[3] for part in parts])[order],
    }


def _leaking(chunk: Chunk) -> list[tuple[Codes, str, NDArray[np.object_], Floats]]:
    """Columns written after the first order: place of the account, question, answer, and the time the table shows.

    Gifts and notes carry the time of the account, as where a file was brought in from elsewhere; wishes their own.
    """
    rng, bought = chunk.rng("sign_up_leaks"), chunk.purchases
    who, first = np.unique(bought.customer, return_index=True)
    everybody, signed_up = np.arange(chunk.size), chunk.signed_up
    gift = np.array(GIFTS, dtype=object)[rng.integers(len(GIFTS), size=len(who))]
    wish = np.array(WISHES, dtype=object)[(rng.random(len(who)) < 0.3).astype(int)]
    ordered = np.isin(everybody, who)
    note = np.array(NOTES, dtype=object)[np.where(rng.random(chunk.size) < NOTED, ordered, ~ordered).astype(int)]
    rows = {
        "welcome_gift": (who, gift, signed_up[who]),
        "service_note": (everybody, note, signed_up),
        "first_parcel_wish": (who, wish, bought.at[first]),
    }
    return [(rows[name][0], name, rows[name][1], rows[name][2]) for name in leaks(chunk.world)]
