"""Which drive moves which segment: every arm in every segment, corrected for how many are looked at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.errors import check
from opskit.incentives.targeting.differences import amount, difference
from opskit.incentives.targeting.trial import FEWEST, OUTCOMES, Trial

if TYPE_CHECKING:
    import pandas as pd


class Drives(NamedTuple):
    """Effects by segment, and whether they differ at all."""

    effects: "pd.DataFrame"  # by, segment, arm, control, treated, difference, low, high, p_value, p_corrected, n
    differ: "pd.DataFrame"  # by, arm, segments, statistic, p_value, p_corrected, smallest, largest


def drives(
    found: Trial, by: Sequence[str] = ("mean_order_value",), *, outcome: str = "buyers", confidence: float = 0.95
) -> Drives:
    """Effect of every arm in every segment, and a joint test per arm of whether segments differ.

    Args:
        found: From `trial`.
        by: Features to split by, one at a time: a number at its median (missing ones apart), a text by value.
        outcome: As in `scores`.
        confidence: Coverage of each interval; p-values are corrected (Holm) over all arms and segments, and those of the
            joint tests over all of these.

    Returns:
        Drives. Segments with fewer than 30 customers in an arm are left out of it; nothing where nothing may be read.

    Raises:
        OpskitError: A feature or outcome is unknown.

    Source: Cochran (1954), "The combination of estimates from different experiments", for the joint test; Holm (1979).
    """
    import pandas as pd

    check(outcome, "outcome", among=OUTCOMES)
    check(confidence, "confidence", gt=0, lt=1)
    rows, cells, joint = found.rows, list[dict[str, Any]](), list[dict[str, Any]]()
    for name in by:
        check(name, "by", among=found.features)
        segment = segment_of(rows[name])
        for arm in found.arms:
            mine = _of_arm(rows, segment, found, arm, outcome, confidence)
            cells += [{"by": name, "segment": key, "arm": arm, **row} for key, row in mine]
            joint += [{"by": name, "arm": arm, **_joint([row for _, row in mine], confidence)}] if len(mine) > 1 else []
    columns = ["by", "segment", "arm", "control", "treated", "difference", "low", "high", "p_value", "n"]
    effects = _holm(pd.DataFrame(cells, columns=columns))
    differ = _holm(
        pd.DataFrame(joint, columns=["by", "arm", "segments", "statistic", "p_value", "smallest", "largest"])
    )
    return Drives(effects, differ)


def segment_of(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """The segment of each customer, in words.

    >>> import pandas as pd
    >>> segment_of(pd.Series([1.0, 2.0, 3.0, None])).tolist()
    ['to 2', 'to 2', 'above 2', 'unknown']
    """
    if column.dtype == "category":
        return column.astype(str)
    middle = float(column.median()) if column.notna().any() else 0.0
    if not (column > middle).any():  # half of them or more have the largest value
        middle = float(column[column < middle].max()) if (column < middle).any() else middle
    text = plots.number(middle)
    words = (column > middle).map({True: f"above {text}", False: f"to {text}"})
    return words.where(column.notna(), "unknown")


def _of_arm(
    rows: "pd.DataFrame", segment: "pd.Series[Any]", found: Trial, arm: str, outcome: str, confidence: float
) -> list[tuple[str, dict[str, float]]]:
    told: list[tuple[str, dict[str, float]]] = []
    for key in sorted(segment.unique(), key=lambda word: (not str(word).startswith("to "), str(word))):
        inside = segment == key
        treated, control = (
            rows.loc[inside & (rows["arm"] == one), outcome].to_numpy(float) for one in (arm, found.control)
        )
        if min(len(treated), len(control)) >= FEWEST:
            row = difference(treated, control, confidence=confidence)
            told.append((str(key), {**row, "n": len(treated) + len(control)}))
    return told


def _joint(cells: "list[dict[str, float]]", confidence: float) -> dict[str, float]:
    """Whether the effects of several segments are more unlike than chance makes them."""
    import numpy as np
    from scipy.special import chdtrc, ndtri

    effect = np.array([cell["difference"] for cell in cells])
    error = np.array([cell["high"] - cell["low"] for cell in cells]) / (2 * float(ndtri((1 + confidence) / 2)))
    found = {"segments": len(cells), "smallest": float(effect.min()), "largest": float(effect.max())}
    if not (error > 0).all():
        return found | {"statistic": float("nan"), "p_value": float("nan")}
    weight = 1 / error**2
    statistic = float(weight @ (effect - weight @ effect / weight.sum()) ** 2)
    return found | {"statistic": statistic, "p_value": float(chdtrc(len(cells) - 1, statistic))}


def _holm(table: "pd.DataFrame") -> "pd.DataFrame":
    import numpy as np
    from statsmodels.stats.multitest import multipletests

    known = table["p_value"].notna().to_numpy()
    corrected = np.full(len(table), np.nan)
    if known.any():
        corrected[known] = multipletests(table.loc[known, "p_value"].astype(float), method="holm")[1]
    table.insert(table.columns.get_loc("p_value") + 1, "p_corrected", corrected)  # type: ignore[arg-type]
    return table


def drives_told(found: Drives, *, outcome: str = "buyers", alpha: float = 0.05) -> list[str]:
    """What the tests allow to say, a sentence per arm.

    Args:
        found: From `drives`.
        outcome: As in `drives`.
        alpha: Level of the corrected tests.
    """
    lines: list[str] = []
    for arm in dict.fromkeys(map(str, found.effects["arm"])):
        mine = found.effects[(found.effects["arm"] == arm) & (found.effects["p_corrected"] < alpha)]
        apart = found.differ[(found.differ["arm"] == arm) & (found.differ["p_corrected"] < alpha)]
        parts = [
            f"{'moves' if row['difference'] > 0 else 'puts off'} customers with {row['by']} {row['segment']}: "
            f"{amount(row, outcome)}"
            for _, row in mine.iterrows()
        ]
        if not parts and apart.empty:
            lines.append(f"**{arm}**: no difference shown in any segment; that is not *no difference*.")
            continue
        split = f"segments differ by {', '.join(apart['by'])}" if len(apart) else "that segments differ is not shown"
        lines.append(f"**{arm}** {'; '.join(parts) or 'is shown to move no single segment'}; {split}.")
    return lines
