"""What to do about a membership, in sentences computed from the tables."""

from typing import TYPE_CHECKING

from opskit import plots, stats
from opskit.monetization.membership.difference import Difference
from opskit.monetization.membership.matching import Matched
from opskit.monetization.membership.money import Money

if TYPE_CHECKING:
    import pandas as pd


def decisions(
    answers: "pd.DataFrame",
    simple: Difference,
    matched: Matched,
    effects: "pd.DataFrame",
    money: Money,
    *,
    currency: str,
) -> list[str]:
    """What the comparison supports: the gap, the path before joining, the effect, whom it holds for, whether it pays.

    Args:
        answers: answer, estimate, low, high, believed; the naive one first, the matched one last.
        simple: From `aligned`.
        matched: From `match`.
        effects: From `effects`.
        money: From `money`.
        currency: Of the amounts.

    Returns:
        One sentence a line, in Markdown.
    """
    gap = plots.money(float(answers["estimate"].iloc[0]), currency)
    other_path = bool(simple.lead_p < 0.05)
    path = "already on another path" if other_path else "on no path that could be told from others"
    lines = [
        f"Do not report the **gap of {gap}** a month between members and others as what the membership brings: it selects.",
        f"Before joining, members were **{path}**: a plain before-and-after is no proof either way.",
        *_effect(effects, currency, believed=bool(answers["believed"].iloc[-1])),
        f"{plots.percent(matched.members / matched.at_risk)} of the members who can be followed have a comparable customer: "
        "the answer holds for **them**, and for nobody else.",
        _pays(money, currency),
    ]
    return [line for line in lines if line]


def _effect(effects: "pd.DataFrame", currency: str, *, believed: bool) -> list[str]:
    bounds = {str(name): (float(low), float(high)) for name, low, high in effects[["effect", "low", "high"]].to_numpy()}
    low, high = bounds["spend"]
    if low != low:
        return ["Whether the membership raises spend **cannot be told**: too few members and comparable customers."]
    ends = f"{plots.money(low, currency)} to {plots.money(high, currency)} per member-month"
    if not believed:
        return [f"Even matched members and controls differ before joining: **do not rely** on the effect ({ends})."]
    spend = {
        "holds": f"The membership **raises spend**, by {ends}, unless something unseen drives both joining and spending.",
        "does not hold": f"Members spend **less** than they would have ({ends}): look at what the membership gives away.",
        "not enough data": f"Whether the membership raises spend **cannot be told yet** ({ends}): "
        "wait for more members, or leave a group out of it by lot.",
    }[stats.verdict(low, high, at_least=0)]
    more = {
        "orders": "They come **more often** for it.",
        "typical order, relative": "Their **baskets are larger** for it.",
    }
    return [spend, *(words for name, words in more.items() if bounds[name][0] > 0)]


def _pays(money: Money, currency: str) -> str:
    missing = " ".join(money.missing)
    if money.lines.empty:
        return f"Whether it **pays** is not shown. {missing}"
    low, high = (float(money.lines[end].iloc[-1]) for end in ("low", "high"))
    if low != low:
        return f"Whether it **pays** cannot be told. {missing}".strip()
    ends = f"{plots.money(low, currency)} to {plots.money(high, currency)} per member-month"
    verdict = {
        "holds": f"It **leaves {ends}**{', before what is not counted' if missing else ''}.",
        "does not hold": f"It **costs more** than it leaves: {ends}.",
        "not enough data": f"Whether it **pays** cannot be told yet: {ends}.",
    }[stats.verdict(low, high, at_least=0)]
    return f"{verdict} {missing}".strip()
