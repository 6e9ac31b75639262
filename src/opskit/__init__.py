"""Customer operations: methods, reports and functions on a team's own exports."""

import sys

if sys.version_info < (3, 12):
    sys.exit(
        "opskit needs Python 3.12 or newer, and this is Python %d.%d: install a newer one (python.org, or conda env create -f environment.yml) and use it."
        % sys.version_info[:2]
    )

from opskit.errors import MissingTableError, OpskitError

__all__ = ["MissingTableError", "OpskitError"]
__version__ = "0.1.0"
