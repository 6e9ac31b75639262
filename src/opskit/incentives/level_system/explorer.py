"""Other thresholds tried on the histogram alone: as a table, and as sliders to drag."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.measures import at_thresholds

if TYPE_CHECKING:
    import pandas as pd

TIMES = (0.5, 0.8, 1.0, 1.25, 2.0)


def sensitivity(values: "pd.DataFrame", design: Design, months: "pd.DataFrame") -> "pd.DataFrame":
    """Shares at each level under other thresholds, and under the same ones a year ago.

    Args:
        values: From `histogram`.
        design: Its thresholds known.
        months: From `shares`.

    Returns:
        thresholds (in words), and the share of members at each level; missing where there was nobody a year ago.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for times in TIMES:
        moved = at_thresholds(values, design.at(apart([times * at for at in design.thresholds[1:]])))
        words = "as designed" if times == 1 else f"x {times:g}"
        rows.append({"thresholds": words, **dict(zip(moved["level"], moved["share"], strict=True))})
    year_ago = months["month"].max() - pd.DateOffset(years=1)
    before = months[months["month"] == year_ago].set_index("level")["share"]
    rows.append({"thresholds": "as designed, a year ago", **before.reindex(list(design.names)).to_dict()})
    return pd.DataFrame(rows)


def apart(thresholds: Sequence[float]) -> list[int]:
    """Whole thresholds in order, each above the one before, for a design to take.

    >>> apart([300, 100.4, 100])
    [100, 101, 300]
    """
    found: list[int] = []
    for threshold in sorted(thresholds):
        found.append(max(round(threshold), (found[-1] if found else 0) + 1))
    return found


def threshold_sliders(values: "pd.DataFrame", design: Design) -> list[Any]:
    """A slider for each level above the lowest, over round values that members hold."""
    import ipywidgets
    import numpy as np

    most = max(float(values["value"].max()), 2.0 * design.thresholds[-1], 2.0)
    grid = {int(float(f"{at:.2g}")) for at in np.geomspace(1, most, 120)}
    options = sorted(grid | set(design.thresholds[1:]))
    return [
        ipywidgets.SelectionSlider(options=options, value=at, description=name, continuous_update=False)
        for name, at in zip(design.names[1:], design.thresholds[1:], strict=True)
    ]
