"""Payments of the subscription boxes, taken in the small hours of each billing date."""

from typing import Any

from opskit.sample.world import Chunk

SIDE = "front"
AT_HOUR = 4.0


def build(chunk: Chunk) -> dict[str, Any]:
    """A booking per payment."""
    rows = chunk.table("subscriptions")
    return {"at": rows["paid_on"] + AT_HOUR / 24, "amount": rows["amount"], "customer": rows["payer"]}
