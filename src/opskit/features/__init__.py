"""What was known about each customer on a day, what came after it, leaking columns, and how well predictions came true."""

from opskit.features.judge import accuracy, auc_difference, calibration, calibration_error, error_and_omission, gains
from opskit.features.leakage import Scan, plans, scan
from opskit.features.point_in_time import outcome, point_in_time
from opskit.features.threads import threads

__all__ = [
    "Scan",
    "accuracy",
    "auc_difference",
    "calibration",
    "calibration_error",
    "error_and_omission",
    "gains",
    "outcome",
    "plans",
    "point_in_time",
    "scan",
    "threads",
]
