"""What the shop asks its customers, one module per survey.

Each module has build(chunk), which gives the columns of its answers: `customer` (place in the chunk), `question`, `item`
(None where nothing was rated), `answer` (None: invited, no response), `at` (calendar days, nan without a response);
`touchpoint` where a step or a part of the service is asked about; and `wave`, its name, where a survey is repeated.
"""

import importlib
import pkgutil
from types import ModuleType


def surveys() -> dict[str, ModuleType]:
    """Modules of this package by name of the survey."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
