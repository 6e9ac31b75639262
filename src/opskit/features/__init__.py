"""What was known about each customer on a day, what happened after it, and whether a column knows too much."""

from opskit.features.leakage import Scan, scan
from opskit.features.point_in_time import outcome, point_in_time

__all__ = ["Scan", "outcome", "point_in_time", "scan"]
