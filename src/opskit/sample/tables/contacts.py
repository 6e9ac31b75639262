"""Messages to customers, those held out of a wave on purpose included."""

from typing import Any

import numpy as np

from opskit.sample.messages import messages
from opskit.sample.seasons import Floats
from opskit.sample.win_back import programme
from opskit.sample.world import Chunk, Column

ROW = "message sent, or held out on purpose"
COLUMNS = {
    "message_id": Column("string", "number of the message: the customer's, then the place in time"),
    "customer_id": Column("string", "who received it, or was chosen and held out"),
    "sent_at": Column("timestamp", "when it was sent; for those held out, when the others' were"),
    "campaign": Column(
        "category",
        "win_back (to those without an order for 60 to 300 days), newsletter, or frequency_1, _2, _4 (a test: so many "
        "messages a week for four weeks, assigned at random)",
    ),
    "medium": Column("category", "sms or wechat"),
    "cost": Column("money", "cost of the message and of the coupon in it; 0 when held out"),
    "holdout": Column("bool", "true when held out at random: chosen, and not written to on purpose"),
    "responded": Column("bool", "true when answered; empty when held out"),
    "opted_out": Column("bool", "true when the customer unsubscribed from the medium at it; empty when held out"),
}
SMS_COST, WECHAT_COST = 0.65, 0.02
COMPLAINS = 0.006  # share of accounts that ask never to be written to at all, sooner or later


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's messages by customer and time, with what other tables need."""
    refused = refusals(chunk)
    woken, sent = programme(chunk, refused), messages(chunk, refused)
    sms, wechat = len(woken.at), len(sent.at)
    customer = np.concatenate([woken.customer, sent.customer])
    at = np.concatenate([woken.at, sent.at])
    held_out = np.concatenate([woken.held_out, np.zeros(wechat, dtype=bool)])
    names = np.array(["newsletter", "frequency_1", "frequency_2", "", "frequency_4"], dtype=object)
    order = np.lexsort((at, customer))
    first = np.flatnonzero(np.diff(customer[order], prepend=-1))
    number = np.arange(len(at)) - np.repeat(first, np.diff(first, append=len(at))) + 1
    ids = [f"M{who + chunk.start + 1:07d}{place:03d}" for who, place in zip(customer[order], number, strict=True)]
    campaign = np.concatenate([np.full(sms, "win_back", dtype=object), names[sent.a_week]])
    columns = {
        "customer_id": chunk.customer_ids[customer],
        "sent_at": chunk.world.moment(at),
        "campaign": campaign,
        "medium": np.repeat(np.array(["sms", "wechat"], dtype=object), [sms, wechat]),
        "cost": np.where(held_out, 0.0, np.repeat([SMS_COST, WECHAT_COST], [sms, wechat])),
        "holdout": held_out,
        "responded": _unless(held_out, np.concatenate([woken.responded, sent.responded])),
        "opted_out": _unless(held_out, np.concatenate([woken.opted_out, sent.opted_out])),
        "place": customer,
        "at": at,
    }
    return {"message_id": np.array(ids, dtype=object), **{name: cells[order] for name, cells in columns.items()}}


def refusals(chunk: Chunk) -> Floats:
    """Calendar time from which each customer may not be written to at all, infinite for most."""
    rng = chunk.rng("refusals")
    asks = rng.random(chunk.size) < COMPLAINS
    at = chunk.signed_up + rng.random(chunk.size) * (chunk.world.days - chunk.signed_up)
    return np.where(asks, at, np.inf)


def _unless(held_out: Any, happened: Any) -> Any:
    cells = happened.astype(object)
    cells[held_out] = None
    return cells
