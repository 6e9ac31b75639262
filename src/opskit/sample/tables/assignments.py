"""Who was put into which variant of the experiments of opskit.sample.experiments."""

from typing import Any

import numpy as np

from opskit.sample.experiments import experiments
from opskit.sample.world import Chunk, Column

ROW = "customer in an experiment"
COLUMNS = {
    "experiment": Column("string", "the experiment"),
    "customer_id": Column("string", "who"),
    "variant": Column("category", "the variant, drawn by lot"),
    "assigned_at": Column("timestamp", "when"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's assignments by experiment and customer."""
    parts = {name: module.assign(chunk) for name, module in experiments().items()}
    customer, variant, at = (
        np.concatenate([part[column] for part in parts.values()]) for column in ("customer", "variant", "at")
    )
    return {
        "experiment": np.repeat(np.array(list(parts), dtype=object), [len(part["at"]) for part in parts.values()]),
        "customer_id": chunk.customer_ids[customer],
        "variant": variant.astype(object),
        "assigned_at": chunk.world.moment(at),
    }
