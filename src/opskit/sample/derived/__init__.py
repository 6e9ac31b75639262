"""What follows from the planted parameters: closed forms where they exist, else one large fixed simulation.

The simulation is a shop of REFERENCE_CUSTOMERS accounts drawn with REFERENCE_SEED, never with the seed of the shop
being written, so that a new seed does not change the truth. Its own error is written beside each figure. Every module
of this package names the TABLES that its figures are estimated from, and gives figures(world, chunks), the chunks being
all accounts of the reference shop; one that can say how well planted parameters could be known gives
spreads(world, chunks) too.
"""

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import ModuleType

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, REFERENCE_SEED, Figure, widest
from opskit.sample.world import World

__all__ = ["REFERENCE_CUSTOMERS", "Figure", "figures", "spreads", "widest"]


def figures(truth: Mapping[str, float], months: int, tables: Collection[str]) -> dict[str, Figure]:
    """Derived figures of a shop of this many months that has these tables; its size and seed play no part."""
    return dict(_derived(tuple(sorted(truth.items())), months, frozenset(tables))[0])


def spreads(truth: Mapping[str, float], months: int, tables: Collection[str]) -> dict[str, float]:
    """Of planted parameters: as Figure.spread."""
    return dict(_derived(tuple(sorted(truth.items())), months, frozenset(tables))[1])


@lru_cache(maxsize=8)
def _derived(
    truth: tuple[tuple[str, float], ...], months: int, tables: frozenset[str]
) -> tuple[dict[str, Figure], dict[str, float]]:
    world = World(dict(truth), REFERENCE_CUSTOMERS, months, REFERENCE_SEED)
    chunks = [world.chunk(index) for index in range(world.chunks)]  # shared: what one figure draws, the next reads
    found: dict[str, Figure] = {}
    spread: dict[str, float] = {}
    for module in _modules():
        if tables.issuperset(module.TABLES):
            found |= module.figures(world, chunks)
            spread |= module.spreads(world, chunks) if hasattr(module, "spreads") else {}
    return found, spread


def _modules() -> list[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "figure")
    return [importlib.import_module(f"{__name__}.{name}") for name in names]
