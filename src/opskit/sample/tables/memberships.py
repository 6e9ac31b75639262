"""Terms of the paid membership."""

from typing import Any

import numpy as np

from opskit.sample.world import Chunk, Column

ROW = "customer's term of the paid membership"
COLUMNS = {
    "customer_id": Column("string", "who"),
    "level": Column("category", "plus: the only level"),
    "started_at": Column(
        "timestamp", "first moment: right after the order at which the customer joined, or the renewal"
    ),
    "ended_at": Column("timestamp", "end of a term that was over by the last day; empty: still running"),
    "reason": Column("category", "joined or renewed"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's terms, with what other tables need: place of the customer and time in days."""
    spells = chunk.table("orders")["memberships"]
    over = np.where(spells.end < chunk.world.days, spells.end, np.nan)
    return {
        "customer_id": chunk.customer_ids[spells.customer],
        "level": np.full(len(spells.start), "plus", dtype=object),
        "started_at": chunk.world.moment(spells.start),
        "ended_at": chunk.world.moment(over),
        "reason": np.where(spells.renewed, "renewed", "joined").astype(object),
        "place": spells.customer,
        "at": spells.start,
    }
