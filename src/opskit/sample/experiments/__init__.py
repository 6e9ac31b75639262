"""What the shop tries out, one module per experiment.

Each module has variants(world), which gives a row per variant with the columns of table experiments as far as they
apply (`variant` always; `started_at` and `ended_at` as calendar days), and assign(chunk), which gives the columns of its
assignments: `customer` (place in the chunk), `variant` and `at` (calendar days).
"""

import importlib
import pkgutil
from types import ModuleType


def experiments() -> dict[str, ModuleType]:
    """Modules of this package by name of the experiment."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
