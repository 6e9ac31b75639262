"""The page's key figures, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.level_system.audit import BROKEN, KEPT, UNKNOWN, YOURS
from opskit.incentives.level_system.costs import FIRST_STEP, ratios
from opskit.incentives.level_system.replay import Replay
from opskit.incentives.level_system.suitability import verdict

if TYPE_CHECKING:
    import pandas as pd

_REMEDIES = {
    "shows the core business": "let the core business earn more of the growth value, or other behaviours less",
    "input and output balanced": "give less, later or to fewer: raise thresholds or take out the dearest benefit",
    "experience and currency apart": "let nothing take growth value away: what is spent needs a name and a balance of its own",
    "users classified": "move thresholds until every level holds somebody, or take the empty level out",
    "extensible": "raise the top threshold or add a level above: too many have nowhere to go",
    "low entry": "lower the first threshold or let the first days earn more",
    "perceivable": "give each level something that the one below lacks",
    "worth wanting": "make the first step worth more to a member than it costs you: content, function, a gift",
    "cheating prevented": "cap a day or count only the first, for every behaviour that brings no money",
}


def key_figures(found: Replay, room: "pd.Series[Any]", *, confidence: float = 0.95) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        found: From `replay`.
        room: From `headroom`.
        confidence: Coverage of the intervals, between 0 and 1.
    """
    import pandas as pd

    table = ratios(found, confidence=confidence).set_index("figure")
    names, goals = found.design.names, found.design.goals
    rows: list[tuple[Any, ...]] = [(f"Members at {name}", *_row(table, f"at {name}")) for name in names]
    rows.append((f"Reach {names[1]} within {goals.first_step_days} days", *_row(table, FIRST_STEP)))
    rows.append(
        (
            "Fall a month, of members above the lowest level",
            *_row(table, "fall a month, of those above"),
        )
    )
    rows.append(
        (f"Of {names[-1]}, hold twice what it takes", room["share"], room["low"], room["high"], int(room["n"]), "share")
    )
    if found.growth.has_margin:
        rows.append(("Benefit cost, of margin", *_row(table, "cost over margin")))
    rows.append(("Benefit cost, of revenue", *_row(table, "cost over revenue")))
    rows.append(("Growth value from the core business", *_row(table, "earned by the core business")))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def _row(table: "pd.DataFrame", figure: str) -> tuple[Any, ...]:
    row: Any = table.loc[figure]
    return (row["estimate"], row["low"], row["high"], int(row["n"]), "share")


def decisions(suited: "pd.DataFrame", audited: "pd.DataFrame", compared: "pd.DataFrame", *, told: str) -> list[str]:
    """What to do, in words that follow from the figures.

    Args:
        suited: From `suitability`.
        audited: From `audit`.
        compared: From `compare`.
        told: How the second design differs, in words.
    """
    lines = [_of_suitability(suited)]
    kept = int((audited["verdict"] == KEPT).sum())
    broken = audited[audited["verdict"] == BROKEN]
    lines.append(
        f"The design keeps **{kept} of {len(audited)} principles**."
        if broken.empty
        else "Before launch, **mend what is broken**:"
    )
    lines += [f"**{str(name).capitalize()}** is broken: {_REMEDIES[name]}." for name in broken["principle"]]
    open_ones = audited.loc[audited["verdict"].isin([UNKNOWN, YOURS]), "principle"].tolist()
    if open_ones:
        lines.append(
            f"No figure decides yet about: {', '.join(open_ones)}. Judge yourself, with the questions beside them."
        )
    lines.append(_of_comparison(compared, told))
    lines.append(
        "Launch it for a random part of customers first: the replay holds behaviour fixed, and only a comparison by lot says "
        "what levels **change** (`incentives/experiment`)."
    )
    return lines


def _of_suitability(suited: "pd.DataFrame") -> str:
    told = verdict(suited)
    if (suited["verdict"] == "does not hold").any():
        return f"**Wait with levels.** {told} A plain thank-you costs less."
    return f"**Does it suit?** {told}"


def _of_comparison(compared: "pd.DataFrame", told: str) -> str:
    table = compared.set_index("figure")
    row: Any = table.loc["cost over margin" if "cost over margin" in table.index else "cost over revenue"]
    if row["difference"] != row["difference"]:
        return f"What {told} would cost cannot be told: there is no money to hold it against."
    if row["low"] != row["low"]:
        return (
            f"**{told.capitalize()}** would cost {plots.percent(row['other'])} instead of {plots.percent(row['one'])}; of so "
            "few customers no interval can be given."
        )
    span = f"{100 * row['low']:.2g} to {100 * row['high']:.2g}"
    if row["low"] > 0 or row["high"] < 0:
        way = "more" if row["difference"] > 0 else "less"
        return (
            f"**{told.capitalize()}** would cost {plots.percent(row['other'])} instead of {plots.percent(row['one'])}: "
            f"{abs(100 * row['difference']):.2g} points {way} ({span})."
        )
    return f"**{told.capitalize()}** would cost about the same ({span} points)."
