"""Whether the arms were drawn by lot, as far as sizes and what was known before can tell; if not, nothing is read."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.incentives.experiment.arm_sizes import SUSPICIOUS, UNLIKE
from opskit.incentives.experiment.outcomes import STATUSES
from opskit.incentives.targeting.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


def sizes(found: Trial, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Customers of every arm against plan, those whose window is not over included.

    Args:
        found: From `trial`.
        confidence: Coverage of the intervals of the shares.

    Returns:
        arm, customers, planned_share, share, low, high, p_value (of all arms together, the same in every row).

    Source: Pearson's chi-square test; Wilson's interval.
    """
    import numpy as np
    from scipy.stats import chisquare

    once = found.counts[found.counts["status"] != STATUSES[2]]
    table = once.groupby("arm")["customers"].sum().reindex(list(found.planned), fill_value=0).reset_index()
    n, planned = int(table["customers"].sum()), np.array([found.planned[arm] for arm in table["arm"]])
    low, high = stats.wilson(table["customers"], np.full(len(table), n), confidence=confidence)
    p_value = float(chisquare(table["customers"], planned / planned.sum() * n).pvalue)
    return table.assign(planned_share=planned, share=table["customers"] / n, low=low, high=high, p_value=p_value)


def balance(found: Trial) -> "pd.DataFrame":
    """Whether what was known before the assignment is alike in all arms, as a lot makes it.

    Args:
        found: From `trial`.

    Returns:
        known_before, p_value, p_corrected (Holm), n; the least alike first.

    Source: Kruskal & Wallis (1952) for numbers, missing ones as the lowest; Pearson's chi-square for texts; Holm (1979).
    """
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    rows = [(name, _unlike(found.rows["arm"], found.rows[name])) for name in found.features]
    table = pd.DataFrame([row for row in rows if row[1] == row[1]], columns=["known_before", "p_value"])
    corrected = multipletests(table["p_value"], method="holm")[1] if len(table) else []
    table = table.assign(p_corrected=corrected, n=len(found.rows))
    return table.sort_values("p_value", kind="stable", ignore_index=True)


def _unlike(arm: "pd.Series[Any]", column: "pd.Series[Any]") -> float:
    """How rarely a lot makes arms this unlike; missing where the column is the same for all."""
    import pandas as pd
    from scipy.stats import contingency, kruskal

    if column.nunique(dropna=False) < 2:
        return float("nan")
    if column.dtype == "category":
        tested: Any = contingency.chi2_contingency(pd.crosstab(arm, column.astype(str)))
        return float(tested.pvalue)
    numbers = column.fillna(column.min() - 1)
    return float(kruskal(*(part for _, part in numbers.groupby(arm))).pvalue)


def believed(sizes: "pd.DataFrame", alike: "pd.DataFrame") -> bool:
    """Whether a result may be read: arms of the planned sizes, and alike before, as far as chance allows.

    Args:
        sizes: From `sizes`.
        alike: From `balance`.
    """
    return bool(sizes["p_value"].iloc[0] >= SUSPICIOUS) and not (alike["p_corrected"] < UNLIKE).any()


def told(found: Trial, sizes: "pd.DataFrame", alike: "pd.DataFrame") -> str:
    """The same in a sentence.

    Args:
        found: From `trial`.
        sizes: From `sizes`.
        alike: From `balance`.
    """
    p_value = float(sizes["p_value"].iloc[0])
    planned = "planned" if found.planned_known else "equal (no planned_share is given)"
    if p_value < SUSPICIOUS:
        return (
            f"**No claim about {found.experiment}**: the arms are not of the {planned} sizes (p = {p_value:.2g}, limit "
            f"{SUSPICIOUS}). Customers were lost, or no lot was drawn."
        )
    if len(alike) and alike["p_corrected"].iloc[0] < UNLIKE:
        row = alike.iloc[0]
        return (
            f"**No claim about {found.experiment}**: the arms were unlike before, most of all in {row['known_before']} "
            f"(p = {row['p_corrected']:.2g} after Holm, limit {UNLIKE}). A list that somebody chose is no lot."
        )
    return f"The arms of {found.experiment} are of the {planned} sizes (p = {p_value:.2g}) and alike before: it may be read."
