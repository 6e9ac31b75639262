"""The page's key figures, its decision, its choices varied, and its estimates beside the truth."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.errors import TooLittleDataError
from opskit.incentives.experiment.design import Design
from opskit.incentives.experiment.effects import effects
from opskit.incentives.experiment.outcomes import Outcomes, outcomes
from opskit.incentives.experiment.planning import Plan
from opskit.incentives.experiment.verdict import DO_NOT_SHIP, NOT_YET, SHIP, Verdict
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

TRUTH_WINDOW_DAYS = 60
_UNITS = {"share": "points", "orders": "orders"}


def key_figures(
    found: Outcomes,
    sizes: "pd.DataFrame",
    effects: "pd.DataFrame",
    guards: "pd.DataFrame",
    result: Verdict,
    *,
    currency: str = "",
) -> "pd.DataFrame":
    """The figures that the page stands for.

    Args:
        found: From `outcomes`.
        sizes: From `sample_ratio`.
        effects: From `effects`; not shown where the arms are not of the planned sizes.
        guards: From `guardrails`; the same.
        result: From `verdict`.
        currency: Of money.

    Returns:
        name, value, low, high, n, unit. What must not be read, or cannot be told, is missing.
    """
    import pandas as pd

    name, readable = found.design.experiment, result.rules["holds"].iloc[0] == "yes"
    every = sizes.iloc[0]
    n = int(every["control"] + every["treatment"])
    rows: list[tuple[str, float, float, float, int, str]] = [
        (f"{name}: share in {found.design.treatment}", every["share"], every["low"], every["high"], n, "share")
    ]
    for _, row in effects.iterrows() if readable else ():
        unit = _UNITS.get(row["unit"], currency or "money")
        scale = 100 if unit == "points" else 1
        difference, low, high = (scale * row[part] for part in ("difference", "low", "high"))
        rows.append((f"{name}: {row['label']}, difference", difference, low, high, row["n"], unit))
    for _, row in guards.iterrows() if readable else ():
        harm, low, high = (100 * row[part] for part in ("harm", "low", "high"))
        rows.append((f"{name}: harm, {row['label']}", harm, low, high, row["n"], "points"))
    if readable:
        net = result.net_worth.iloc[0]
        worth = (net["estimate"], net["low"], net["high"], int(net["n"]), currency or "money")
        rows.append((f"{name}: worth per customer after its cost", *worth))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


_ANSWERS = {
    SHIP: "**Ship {treatment}**: every rule holds.",
    DO_NOT_SHIP: "**Do not ship {treatment}**: {rules}.",
    NOT_YET: "**Not yet: do not ship {treatment}** until it is known: {rules}.",
}


def decisions(found: Outcomes, result: Verdict, fade: "pd.DataFrame", planned: Plan) -> list[str]:
    """What to do, in sentences computed from the tables.

    Args:
        found: From `outcomes`.
        result: From `verdict`.
        fade: From `fading`.
        planned: From `plan`.

    Returns:
        One sentence a line, in Markdown.
    """
    wanted = "no" if result.answer == DO_NOT_SHIP else "unknown"
    rows = result.rules[result.rules["holds"] == wanted]
    told = "; ".join(f"{row['rule']} ({row['figure']})" for _, row in rows.iterrows())
    if result.rules["holds"].iloc[0] != "yes":
        row = result.rules.iloc[0]
        return [
            f"**Not yet: no result of {found.design.experiment} is read.** The arms are not of the planned sizes "
            f"({row['figure']}).",
            "Find where customers were lost: redirects, page loads, filters on one arm only, bots, a changed share. "
            "Then **test again**; those who are left are not to be compared.",
            *_planned(planned),
        ]
    lines = [_ANSWERS[result.answer].format(treatment=found.design.treatment, rules=told)]
    if result.answer == NOT_YET:
        lines.append("Let it run to its planned end; where that is past, **plan a larger test** of the same thing.")
    return [*lines, *_fading(fade), *_planned(planned)]


def _fading(fade: "pd.DataFrame") -> list[str]:
    low, high = fade[["low", "high"]].iloc[0]
    if low != low:
        return []
    if low > 0:
        return ["The effect **wears off** after the first week: judge it by the later weeks."]
    if high < 0:
        return ["The effect **grows** after the first week: customers need time to learn it."]
    return ["That the effect wears off **cannot be shown**: first week and later weeks differ no more than by chance."]


def _planned(planned: Plan) -> list[str]:
    row = planned.needed.iloc[0]
    return [
        f"A test of an effect of {plots.percent(row['smallest_effect'])} takes **{row['customers']:,.0f} customers**, "
        f"{plots.number(row['weeks_until_decision'])} weeks until the decision at {plots.number(planned.per_week)} a week: "
        + (
            "set the day before it begins."
            if row["weeks_until_decision"] <= 52
            else "too long; test something **larger**, with **more customers**, or a metric that varies less."
        )
    ]


def sensitivity(
    assignments: Any,
    orders: Any,
    chosen: Design,
    metrics: Sequence[str],
    *,
    as_of: dt.date,
    windows: Sequence[int] = (30, 60, 90),
    before_days: int = 180,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The deciding metric with other windows, with and without the covariate.

    Args:
        assignments: Any engine's frame, as in `outcomes`.
        orders: The same engine's frame.
        chosen: From `design`.
        metrics: Names of `MEASURES`; the first is read.
        as_of: Last day to count, inclusive.
        windows: Days of the outcome's window.
        before_days: As in `outcomes`.
        confidence: Coverage of the intervals.

    Returns:
        window_days, covariate, difference, low, high, relative, n; windows that are over for nobody are left out.
    """
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for window in sorted(set(windows)):
        try:
            found = outcomes(assignments, orders, chosen, as_of=as_of, window_days=window, before_days=before_days)
        except TooLittleDataError:
            continue
        for covariate in ("before", "none"):
            row = effects(found, metrics[:1], covariate=covariate, confidence=confidence)
            parts.append(row.assign(window_days=window, covariate=covariate))
    columns = ["metric", "window_days", "covariate", "difference", "low", "high", "relative", "n"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def recovery(
    truth: Mapping[str, Any], found: Outcomes, sizes: "pd.DataFrame", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Each estimate that has a truth, beside it, a mismatch of the arms' sizes included.

    Args:
        truth: Of the dataset; empty where nothing was planted.
        found: From `outcomes`.
        sizes: From `sample_ratio`.
        confidence: Coverage of the intervals.

    Returns:
        name (in truth.json), estimate, low, high, truth, inside; effects only where the window is that of the truth.
    """
    import pandas as pd

    experiment, every = found.design.experiment, sizes.iloc[0]
    rows = [(f"experiment.{experiment}.share", every["share"], every["low"], every["high"])]
    if found.window_days == TRUTH_WINDOW_DAYS:
        table = effects(found, ["buyers", "orders", "revenue"], covariate="before", confidence=confidence)
        rows += [
            (f"experiment.{experiment}.{row['metric']}", row["difference"], row["low"], row["high"])
            for _, row in table.iterrows()
        ]
        share = table.iloc[0]
        rows.append((f"{experiment}.uplift", share["relative"], share["relative_low"], share["relative_high"]))
    beside = beside_truth(pd.DataFrame(rows, columns=["name", "estimate", "low", "high"]), truth)
    return beside[beside["truth"].notna()].reset_index(drop=True)
