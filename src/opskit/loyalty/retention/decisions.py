"""What to do about retention, in sentences computed from the tables."""

from typing import TYPE_CHECKING

from opskit import customers, plots, stats
from opskit.loyalty.retention.staying import ALL, Staying

if TYPE_CHECKING:
    import pandas as pd

_FIVE = {
    "holds": "Work for every order up to the **fifth**; after it the next one comes no more readily.",
    "does not hold": "Do not stop at the **fifth** order: after it the next one comes more readily still.",
    "not enough data": "Build no programme on the **fifth** order: whether it is a turning point cannot be told yet.",
}
_EARLY = {
    "holds": "Put most of the effort for the second order into the **first two months**: most of those that come, come then.",
    "does not hold": "Keep working for the second order **beyond two months**: most of those that come, come later.",
    "not enough data": "Spread the effort for the second order: whether **two months** decide cannot be told yet.",
}
_SCALE = {
    "holds": "More customers come than are lost: **winning more** pays while newer cohorts stay as long as older ones.",
    "does not hold": "More customers are lost than come: **mend the leak** before paying for more of them.",
    "not enough data": "Growth and loss **balance**, as far as the month can tell: mend the leak while winning customers.",
}


def decisions(
    claims: "pd.DataFrame", growth: "pd.DataFrame", rhythm: customers.Rhythm, staying: Staying, *, silence_days: int
) -> list[str]:
    """When to speak to a customer, whether to scale, which order and time to work for, and who stays.

    Args:
        claims: The claims of `repeat_probability`, `hazard` and `first_month`, in this order.
        growth: From `customers.growth_accounting`.
        rhythm: From `customers.rhythm`.
        staying: From `staying`.
        silence_days: The silence after which `staying` calls a customer lost.

    Returns:
        One sentence a line, in Markdown.
    """
    five, early, _, _, more = claims["verdict"]
    nature = "more often, but may be keen by nature" if more == "holds" else "no more often as yet"
    return [
        _wait(rhythm),
        _scale(growth),
        _FIVE[five],
        _EARLY[early],
        f"Test an offer for a **second order in the first month** with a control group: its buyers stay {nature}.",
        *_who_stays(staying, silence_days),
    ]


def _wait(rhythm: customers.Rhythm) -> str:
    days = float(rhythm.interval["estimate"].iloc[0])
    if days != days:
        return "When to speak to a customer again **cannot be told** yet: too few have come back."
    told = plots.number(days)
    return f"Speak to a customer again before **day {told}** after an order: half of those who return have done so by then."


def _scale(growth: "pd.DataFrame") -> str:
    whole = growth[growth["complete"]]
    low, high = whole[["quick_ratio_low", "quick_ratio_high"]].iloc[-1] if len(whole) else (float("nan"),) * 2
    return _SCALE[stats.verdict(low, high, at_least=1)]


def _who_stays(staying: Staying, silence_days: int) -> list[str]:
    """One sentence for each attribute whose values differ, one for all that do not."""
    lines: list[str] = []
    for attribute in staying.tests.loc[staying.tests["differs"], "attribute"]:
        groups = staying.groups[(staying.groups["attribute"] == attribute) & ~staying.groups["small"]]
        known = groups.dropna(subset="survival").sort_values("survival")
        if len(known) > 1:
            worst, best = known.iloc[0], known.iloc[-1]
            lines.append(
                f"Judge **{attribute}** by who stays: {plots.percent(best['survival'])} of {best['value']} have never been "
                f"silent for more than {silence_days} days by day {best['horizon_days']:.0f}, "
                f"{plots.percent(worst['survival'])} of {worst['value']}. What caused it, this cannot tell."
            )
    alike = staying.tests.loc[~staying.tests["differs"] & staying.tests["p"].notna(), "attribute"]
    if len(alike):
        lines.append(
            f"Make **no** difference by {' or '.join(alike)}: how long customers stay differs no more than by chance."
        )
    if not staying.groups.loc[staying.groups["attribute"] == ALL, "survival"].notna().any():
        lines.append("How long customers stay **cannot be told** yet: nobody has been followed long enough.")
    return lines
