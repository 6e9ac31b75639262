"""The page's key figures, the truth beside them, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.loyalty.core_users.components import Components
from opskit.loyalty.core_users.course import Persistence
from opskit.loyalty.core_users.tops import Spread

if TYPE_CHECKING:
    import pandas as pd

TOP = 0.05  # share of customers who are a component's top
_KNOWN_TOPS = {"value": "top 10%", "contribution": "top 10%", "influence": "top 1%"}  # whose share the truth gives


def recovery(found: Components, spreads: Spread, pairs: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Figures that follow from what is planted in the sample shop, estimated from the data.

    Args:
        found: From `components`.
        spreads: From `spread`, with the top shares that it has by default.
        pairs: From `overlap`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        name (as in truth.json), estimate, low, high, n.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for row in spreads.measures.to_dict("records"):
        if _KNOWN_TOPS[row["component"]] == row["measure"]:
            bounds = {name: row[name] for name in ("estimate", "low", "high", "n")}
            share = row["measure"].removesuffix("%").replace(" ", "_")
            rows.append({"name": f"core_users.{share}_percent.{row['component']}", **bounds})
    table, people = found.table, len(found.table)
    if "contribution" in found.measured:
        count = int((table["contribution"] > 0).sum())
        low, high = (float(bound) for bound in stats.wilson(count, people, confidence=confidence))
        name = "core_users.contributing_share"
        rows.append({"name": name, "estimate": count / people, "low": low, "high": high, "n": people})
    if found.referrals is not None and "influence" in found.measured:
        rows.append({"name": "core_users.invited_value_share", **_invited(found, confidence), "n": people})
    for row in pairs.to_dict("records"):
        pair = "_".join(sorted((row["first"], row["second"])))
        bounds = {"low": row["correlation_low"], "high": row["correlation_high"], "n": people}
        rows.append({"name": f"core_users.correlation.{pair}", "estimate": row["correlation"], **bounds})
    return pd.DataFrame(rows)


def _invited(found: Components, confidence: float) -> dict[str, float]:
    """Share of all value that comes from invited customers, with the interval of a ratio of means."""
    import numpy as np
    from scipy.special import ndtri

    assert found.referrals is not None
    value, came = found.table["value"].to_numpy(dtype=float), found.referrals.parent >= 0
    share = float(value[came].sum() / value.sum())
    error = float(np.std((came - share) * value) / value.mean() / np.sqrt(len(value)))
    half = float(ndtri((1 + confidence) / 2)) * error
    return {"estimate": share, "low": max(share - half, 0.0), "high": min(share + half, 1.0)}


def key_figures(
    spreads: Spread, held: "pd.DataFrame", lasting: Persistence, risk: "pd.DataFrame", pairs: "pd.DataFrame", size: int
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        spreads: From `spread`.
        held: From `dependency`; its row for the core's size counts.
        lasting: From `persistence`.
        risk: From `at_risk`.
        pairs: From `overlap`.
        size: Customers in the core.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    mine = held[held["top"] == size].set_index("held")
    told = {"own value": "Value held by the core", "both": "At most, with those they brought"}
    told |= {"contributions": "Contributions made by the core"}
    for name, words in told.items():
        if name in mine.index:
            rows.append((words, *mine.loc[name, ["share", "low", "high", "n"]], "share"))
    top = spreads.measures[spreads.measures["measure"] == f"top {100 * TOP:g}%"].set_index("component")
    rows += [
        (
            f"Top {100 * TOP:g}% of customers by {name}: share of it",
            *top.loc[name, ["estimate", "low", "high", "n"]],
            "share",
        )
        for name in top.index
    ]
    for row in pairs.to_dict("records"):
        words = f"Top by {row['first']} that is in the top by {row['second']}"
        rows.append((words, row["share"], row["low"], row["high"], row["n"], "share"))
    nothing = (float("nan"), float("nan"), float("nan"), 0)
    stay = (
        lasting.stayed.set_index("pick").loc["score", ["share", "low", "high", "n"]] if len(lasting.stayed) else nothing
    )
    rows.append(("Core of one period still core in the next", *stay, "share"))
    rows.append(("Core silent against their own rhythm", *risk.iloc[0][["silent_share", "low", "high", "n"]], "share"))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def decisions(
    found: Components,
    variants: "pd.DataFrame",
    held: "pd.DataFrame",
    lasting: Persistence,
    risk: "pd.DataFrame",
    pairs: "pd.DataFrame",
    listed: "pd.DataFrame",
) -> list[str]:
    """What to do, computed from the figures.

    Args:
        found: From `components`.
        variants: From `sensitivity`.
        held: From `dependency`, the core's size last.
        lasting: From `persistence`.
        risk: From `at_risk`.
        pairs: From `overlap`.
        listed: From `audience`.
    """
    size, urgent = len(listed), int(listed["state"].isin(["silent", "late"]).sum())
    own = held[held["top"] == size].set_index("held")["share"]
    lines = [
        f"Speak in person to the **{urgent} of {size}** core customers who are late or silent, the late ones "
        f"first: the core holds {plots.percent(own['own value'])} of all value."
        if urgent
        else f"None of the {size} core customers is late: **keep the contact**, there is nobody to win back."
    ]
    lines.append(_said_of_others(pairs))
    lines.append(_said_of_time(lasting))
    lines.append(_said_of_risk(risk))
    if len(found.measured) > 1:
        alone = variants.set_index("variant")["stay"].get("value alone", size)
        lines.append(
            f"Do not replace the score by a list of big spenders: **{size - alone} of {size}** would change."
            if alone < 0.9 * size
            else "A list of big spenders would do: the score picks nearly **the same customers**."
        )
    for name, why in found.reasons.items():
        lines.append(f"**{name.capitalize()}** is left out: {why}.")
    return lines


def _said_of_others(pairs: "pd.DataFrame") -> str:
    if pairs.empty:
        return "The core is picked by **value alone**: who contributes and who brings others cannot be seen in these tables."
    apart = [
        f"{row['first']} and {row['second']}"
        for row in pairs.to_dict("records")
        if row["verdict"] != "more than chance"
    ]
    if not apart:
        return "The tops are largely **the same people**: one programme can serve heavy spenders, contributors and inviters."
    return f"Run **separate programmes** where the tops are not the same people: {', '.join(apart)}."


def _said_of_time(lasting: Persistence) -> str:
    if lasting.stayed.empty:
        return "Pick the core **anew each quarter** until the data reach over two periods: how long it lasts cannot be told yet."
    row = lasting.stayed.iloc[0]
    share = f"{plots.percent(row['share'])} of one period's core were core in the next, {plots.percent(row['by_chance'])} by chance"
    if row["low"] > 0.5:
        return f"Give core status for a **whole period**: {share}."
    return f"Pick the core **anew each period** and promise nothing for life: {share}."


def _said_of_risk(risk: "pd.DataFrame") -> str:
    core, others = risk.iloc[0], risk.iloc[1]
    if not core["n"] or not others["n"]:
        return "Whether the core is falling silent **cannot be told**: too few have a rhythm of their own."
    figures = f"{plots.percent(core['silent_share'])} of the core are silent, {plots.percent(others['silent_share'])} of other buyers"
    if core["low"] > others["high"]:
        return f"**Find out why** the core is leaving faster than others: {figures}."
    if core["high"] < others["low"]:
        return f"The core holds **better** than others: {figures}. Look after those who wobble, change nothing for all."
    return f"Whether the core falls silent less often than others **cannot be told**: {figures}."
