"""How large a test of frequency must be to see what it is made for."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("responses_per_message", "opt_outs_per_message")


def customers_needed(
    sums: "pd.DataFrame",
    *,
    few: float = 1,
    many: float = 4,
    test_weeks: float = 4,
    response_change: float = 0.2,
    opt_out_change: float = 1.0,
    power: float = 0.8,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Customers needed in each of two arms, one written to `few` and one `many` times a week.

    Args:
        sums: From `observed`: answers and opt-outs per message as they are.
        few: Messages a week of the gentler arm.
        many: Of the other one.
        test_weeks: How long it runs.
        response_change: Fall of answers per message that must not be missed, as a share.
        opt_out_change: Rise of opt-outs per message that must not be missed, as a share.
        power: Probability of seeing it.
        confidence: Of the interval that must leave out no difference.

    Returns:
        measure, now (per message), other (the change to be seen), customers_per_arm (missing where nothing happened
        so far or nobody knows).

    Raises:
        OpskitError: An option is out of range.

    Assumes an opt-out is once per customer, and that answers of one customer hang together as they do now.
    Source: normal approximation of two shares (statsmodels), messages times Kish's design effect.
    """
    import numpy as np
    import pandas as pd
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    check(few, "few", gt=0, lt=many)
    check(test_weeks, "test_weeks", gt=0)
    check(power, "power", gt=0, lt=1)
    check(response_change, "response_change", gt=0, lt=1)
    check(opt_out_change, "opt_out_change", gt=0)
    rows: list[tuple[Any, ...]] = []
    for measure, above, change in zip(
        NEEDED, ("responded", "opted_out"), (-response_change, opt_out_change), strict=True
    ):
        sent, happened = float(sums["messages"].sum()), float(sums[above].sum())
        now = happened / sent if sent else np.nan
        other = min(now * (1 + change), 1.0)
        if not 0 < now < 1 or not 0 < other < 1:
            rows.append((measure, now if now > 0 else np.nan, np.nan, np.nan))
            continue
        # The gentler arm has fewest messages: n1 of it against many / few times as many.
        solved = NormalIndPower().solve_power(
            effect_size=abs(proportion_effectsize(other, now)), power=power, alpha=1 - confidence, ratio=many / few
        )
        messages = float(np.ravel(solved)[0]) * (_design_effect(sums, above) if above == "responded" else 1.0)
        rows.append((measure, now, other, float(np.ceil(messages / (few * test_weeks)))))
    return pd.DataFrame(rows, columns=["measure", "now", "other", "customers_per_arm"])


def _design_effect(sums: "pd.DataFrame", above: str) -> float:
    """How many times the variance of a share of independent messages; at least once."""
    totals = sums.groupby("group")[["messages", above]].sum().reset_index()
    if len(totals) < 2:
        return 1.0
    found = stats.jackknife(totals, lambda all_of: (all_of[above] / all_of["messages"]).iloc[0], confidence=0.5)
    share, high = float(found["estimate"].iloc[0]), float(found["high"].iloc[0])
    from scipy.special import stdtrit

    error = (high - share) / stdtrit(len(totals) - 1, 0.75)
    return max(1.0, float(error**2 * totals["messages"].sum() / (share * (1 - share))))
