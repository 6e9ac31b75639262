"""What the shop earns outside orders, one module per revenue stream.

Each module has SIDE (front: a customer pays for it; back: somebody else does, or it is taken off a sale) and
build(chunk), which gives the columns of its bookings: `at` (calendar days) and `amount`; where they apply `customer`
(place in the chunk), `order_id`, `gross_amount` and `impressions`.
"""

import importlib
import pkgutil
from types import ModuleType


def streams() -> dict[str, ModuleType]:
    """Modules of this package by name of the stream."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
