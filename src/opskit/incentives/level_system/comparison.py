"""Two designs on the same history, side by side."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import OpskitError
from opskit.incentives.level_system.costs import FIRST_STEP, known_ratios, sums
from opskit.incentives.level_system.replay import Replay

if TYPE_CHECKING:
    import pandas as pd


def compare(one: Replay, other: Replay, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What a second design would have done otherwise.

    Args:
        one: From `replay`.
        other: From `replay` of the same customers.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        figure, one, other, difference (other - one), low, high, n (members); shares at the levels that both have, share that
        reaches the first step in time, and the ratios of `ratios`. The same customers stand on both sides, so an interval is
        that of the difference (leaving out groups of customers on both sides at once), and much narrower than two apart.

    Raises:
        OpskitError: The two do not hold the same customers.
    """
    import numpy as np
    import pandas as pd

    left, right = sums(one).set_index("group"), sums(other).set_index("group")
    if not left["members"].equals(right["members"]):
        raise OpskitError(
            "the two designs do not count the same members: one earns for actions that the other leaves out. Let both name "
            "the same behaviours in [[earn]]."
        )
    pairs = _pairs(one, other)
    both = pd.concat([left.add_suffix("_one"), right.add_suffix("_other")], axis=1).reset_index()

    def sides(total: "pd.DataFrame") -> Any:
        row = total.iloc[0]
        values = [
            [row[f"{a}_{side}"] / row[f"{b}_{side}"] if row[f"{b}_{side}"] > 0 else np.nan for a, b in pairs.values()]
            for side in ("one", "other")
        ]
        return np.array(values)

    values = sides(both.drop(columns="group").sum().to_frame().T)
    found = stats.jackknife(both, lambda total: np.subtract(*sides(total)[::-1]), confidence=confidence)
    found = found.rename(columns={"estimate": "difference"})
    found.insert(0, "figure", list(pairs))
    found.insert(1, "one", values[0])
    found.insert(2, "other", values[1])
    return found.assign(n=int(left["members"].sum()))


def _pairs(one: Replay, other: Replay) -> dict[str, tuple[str, str]]:
    shared = [name for name in one.design.names if name in other.design.names]
    counted = {f"at {name}": (f"at_{name}", "members") for name in shared}
    return {**counted, FIRST_STEP: ("reached", "mature"), **known_ratios(one)}
