"""Reports: page notebooks executed with parameters, as self-contained HTML files and one index of their headlines."""

from opskit.reports.display import decision, headline
from opskit.reports.numbers import four_digits

__all__ = ["decision", "four_digits", "headline"]
