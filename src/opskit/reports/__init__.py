"""Reports: page notebooks executed with parameters, as self-contained HTML files and one index of their headlines."""

from opskit.reports.display import decision, headline

__all__ = ["decision", "headline"]
