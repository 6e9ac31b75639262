"""Customers who must not be written to: unsubscribed from a medium, or from everything."""

from typing import Any

import numpy as np

from opskit.sample.tables.contacts import refusals
from opskit.sample.world import Chunk, Column

ROW = "customer not to be contacted"
COLUMNS = {
    "customer_id": Column("string", "who"),
    "medium": Column("category", "sms or wechat; who asked for it has a row for each"),
    "reason": Column("category", "opted out (of the medium, at a message) or asked for it"),
    "since": Column("timestamp", "from when on"),
}
MEDIA = ("sms", "wechat")


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's suppressions by customer and time."""
    sent, refused = chunk.table("contacts"), refusals(chunk)
    out = sent["opted_out"] == True  # noqa: E712 - cells of those held out are None
    asked = np.flatnonzero(np.isfinite(refused))
    asked = np.repeat(asked, len(MEDIA))
    customer = np.concatenate([sent["place"][out], asked])
    since = np.concatenate([sent["at"][out], refused[asked]])
    medium = np.concatenate([sent["medium"][out], np.resize(np.array(MEDIA, dtype=object), len(asked))])
    order = np.lexsort((since, customer))
    return {
        "customer_id": chunk.customer_ids[customer[order]],
        "medium": medium[order],
        "reason": np.repeat(np.array(["opted out", "asked for it"], dtype=object), [out.sum(), len(asked)])[order],
        "since": chunk.world.moment(since[order]),
    }
