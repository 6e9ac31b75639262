"""Estimates beside the truth that was planted in a sample shop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def beside_truth(table: "pd.DataFrame", truth: Mapping[str, Any]) -> "pd.DataFrame":
    """The table with the truth of each figure, and whether its interval holds it.

    Args:
        table: name (as in truth.json), estimate, low, high, and any other columns.
        truth: ``truth`` of the dataset; empty for data without a planted truth.

    Returns:
        The table with truth (missing where nothing was planted) and inside (empty there, and where nothing is estimated).

    >>> import pandas as pd
    >>> table = pd.DataFrame({"name": ["k", "other"], "estimate": [1.0, 2], "low": [0.5, 1], "high": [1.5, 3]})
    >>> beside_truth(table, {"planted": {"k": {"value": 1.2}}})["inside"].tolist()
    [True, '']
    """
    known = {name: spec["value"] for part in ("planted", "derived") for name, spec in truth.get(part, {}).items()}
    beside = table.assign(truth=[float(known.get(name, "nan")) for name in table["name"]])
    inside = beside["truth"].between(beside["low"], beside["high"])
    return beside.assign(inside=inside.where(beside["truth"].notna() & beside["estimate"].notna(), ""))
