"""The yearly fee of the paid membership, due on the first day of every spell."""

from typing import Any

import numpy as np

from opskit.sample.world import Chunk

SIDE = "front"


def build(chunk: Chunk) -> dict[str, Any]:
    """A booking per spell."""
    spells = chunk.table("memberships")
    fee = chunk.world.truth["membership.fee"]
    return {"at": spells["at"], "amount": np.full(len(spells["at"]), fee), "customer": spells["place"]}
