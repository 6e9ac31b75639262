"""Customer operations: methods, reports and functions on a team's own exports."""

import sys

if sys.version_info < (3, 12):
    sys.exit(
        "opskit needs Python 3.12 or newer, and this is Python %d.%d: install a newer one (python.org, or conda env create -f environment.yml) and use it."
        % sys.version_info[:2]
    )

from typing import TYPE_CHECKING, Any

from opskit.errors import MissingTableError, OpskitError

if TYPE_CHECKING:
    from opskit.dataset import open_dataset as open

__all__ = ["MissingTableError", "OpskitError", "open"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Opening data brings DuckDB along, which `import opskit` alone does not need.
    if name == "open":
        from opskit.dataset import open_dataset

        return open_dataset
    raise AttributeError(f"module 'opskit' has no attribute {name!r}")
