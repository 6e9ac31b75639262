"""Revenue outside orders: all streams of opskit.sample.streams together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opskit.sample.streams import streams
from opskit.sample.world import Chunk, Column, without

ROW = "revenue booked outside orders"
COLUMNS = {
    "booked_at": Column("timestamp", "when"),
    "stream": Column("category", "what it was paid for"),
    "side": Column("category", "front: paid by a customer; back: paid by somebody else, or taken off a sale"),
    "amount": Column("money", "revenue"),
    "customer_id": Column("string", "who paid, or whose order it came from; empty for advertising"),
    "order_id": Column("string", "order it was taken from; empty for most"),
    "gross_amount": Column("money", "amount the fee was taken from; empty where it is no fee"),
    "impressions": Column("int64", "times an advertisement was shown; empty where it is no advertising"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's bookings by customer and time, those of nobody first."""
    names = streams()
    parts = {name: module.build(chunk) for name, module in names.items()}
    size = {name: len(part["at"]) for name, part in parts.items()}
    at = np.concatenate([part["at"] for part in parts.values()])
    customer = np.concatenate([part.get("customer", np.full(size[name], -1)) for name, part in parts.items()])
    stream = np.repeat(np.array(list(names), dtype=object), list(size.values()))
    columns = {
        "booked_at": chunk.world.moment(at),
        "stream": stream,
        "side": np.repeat(np.array([module.SIDE for module in names.values()], dtype=object), list(size.values())),
        "amount": np.concatenate([part["amount"] for part in parts.values()]),
        "customer_id": without(chunk.customer_ids[customer], customer < 0),
        **{column: _where_there(column, parts) for column in ("order_id", "gross_amount", "impressions")},
    }
    order = np.lexsort((stream, at, customer))
    return {name: values[order] for name, values in columns.items()}


def _where_there(column: str, parts: dict[str, dict[str, Any]]) -> NDArray[np.object_]:
    """A column that only some streams have; None elsewhere."""
    empty = [np.full(len(part["at"]), None, dtype=object) for part in parts.values()]
    return np.concatenate(
        [np.asarray(part.get(column, none), dtype=object) for part, none in zip(parts.values(), empty, strict=True)]
    )
