"""The variants of all experiments of opskit.sample.experiments together."""

from typing import Any

import numpy as np

from opskit.sample.experiments import experiments
from opskit.sample.world import Chunk, Column

ROW = "variant of an experiment"
COLUMNS = {
    "experiment": Column("string", "the experiment"),
    "variant": Column("category", "the variant"),
    "planned_share": Column("money", "planned share of the customers in the experiment"),
    "price": Column("money", "price shown; empty where the experiment is not about a price"),
    "unit_cost": Column("money", "cost of one piece or incentive; empty where there is none"),
    "metric": Column("category", "what it is judged by"),
    "started_at": Column("timestamp", "first moment"),
    "ended_at": Column("timestamp", "last moment at which customers were assigned"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """Every variant of every experiment, with the first chunk."""
    rows = [
        {"experiment": name, **row}
        for name, module in experiments().items()
        for row in (module.variants(chunk.world) if chunk.index == 0 else ())
    ]
    table = {column: np.array([row.get(column) for row in rows], dtype=object) for column in COLUMNS}
    for clock in ("started_at", "ended_at"):
        table[clock] = chunk.world.moment(table[clock].astype(float))
    return table
