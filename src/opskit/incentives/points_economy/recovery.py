"""The figures beside a truth that was planted, where there is one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.incentives.points_economy.breakage import Breakage
from opskit.incentives.points_economy.ledger import Ledger
from opskit.incentives.points_economy.suspects import Suspects
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd


def recovery(
    found: Ledger,
    broken: Breakage,
    listed: Suspects,
    periods: "pd.DataFrame | None" = None,
    *,
    accounts: int,
    truth: Mapping[str, Any],
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Figures that are planted in the sample shop or follow from it, estimated from the data, beside the truth.

    Args:
        found: From `ledger`.
        broken: From `breakage`.
        listed: From `suspects`.
        periods: The periods of `per_revenue`, where there are orders.
        accounts: How many accounts there are, those without points included.
        truth: ``truth`` of the dataset; empty for data without a planted truth.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        name (as in truth.json), estimate, low, high, truth, inside; empty without figures to compare.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    measures = broken.measures.set_index("measure")
    rows: list[tuple[Any, ...]] = []
    if broken.ultimate:
        for name, measure in (("ultimate_redemption_rate", "ultimate redemption rate"), ("breakage", "breakage")):
            rows.append((f"points.{name}", *measures.loc[measure, ["estimate", "low", "high"]]))
    moves = found.moves[found.moves["earned_day"].notna()]
    by = moves.assign(open=moves["points"].where(moves["way"] == "outstanding", 0.0)).groupby("group")
    sums = by[["points", "open"]].sum()
    share = float(sums["open"].sum() / sums["points"].sum())
    left = (sums["open"].sum() - sums["open"]) / (sums["points"].sum() - sums["points"])
    groups = len(sums)
    half = (
        stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt(left.var(ddof=0) * (groups - 1)) if groups > 1 else np.nan
    )
    rows.append(("points.outstanding_share", share, share - half, share + half))
    low, high = stats.wilson(len(listed.accounts), accounts, confidence=confidence)
    rows.append(("points.farming_share", len(listed.accounts) / accounts, float(low), float(high)))
    if periods is not None:
        rows.append(("points.earned_per_revenue", *periods.iloc[3][["per_revenue", "low", "high"]]))
    return beside_truth(pd.DataFrame(rows, columns=["name", "estimate", "low", "high"]), truth)
