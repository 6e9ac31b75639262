"""What the treatment does: differences by metric with covariates, ratios, corrected p-values, and guardrails."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.incentives.experiment.measures import MEASURES, Measure, metric
from opskit.incentives.experiment.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd
    from tea_tasting.aggr import Aggregates

CORRECTIONS = ("holm", "benjamini-hochberg")
COVARIATES = ("before", "assignments", "none")
_FEWEST_TO_ADJUST = 20
"""Customers of each arm from which on a covariate is taken out."""
_FOUND = ("control", "treatment", "difference", "low", "high", "relative", "relative_low", "relative_high", "p_value")
_OF_TEA = (
    "control",
    "treatment",
    "effect_size",
    "effect_size_ci_lower",
    "effect_size_ci_upper",
    "rel_effect_size",
    "rel_effect_size_ci_lower",
    "rel_effect_size_ci_upper",
    "pvalue",
)
_NOTHING = dict.fromkeys(_FOUND, float("nan"))


def effects(
    found: Outcomes,
    metrics: Sequence[str],
    *,
    covariate: str = "before",
    correction: str = "holm",
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Treatment less control by metric, the first metric being the one that decides.

    Args:
        found: From `outcomes`.
        metrics: Names of `MEASURES`.
        covariate: "before": what the same customers did before the assignment takes out the noise it explains (CUPED);
            "assignments": the number that assignments bring; "none".
        correction: "holm" (no false alarm in any metric) or "benjamini-hochberg" (few among the alarms).
        confidence: Coverage of each interval; the level of the corrected test is 1 less it.

    Returns:
        metric, label, unit, control, treatment, difference, low, high, relative, relative_low, relative_high (of control),
        p_value, p_corrected, noise_removed (share of the variance that the covariate explains), n. Means of the arms are
        those at equal covariates. Missing where the metric does not vary.

    Raises:
        OpskitError: An option is unknown or out of range.

    Assumes customers were drawn by lot and do not influence each other, and enough of them for a normal mean.

    Source: tea-tasting; Welch's t-test, the delta method for ratios (Deng, Knoblich & Lu 2018), CUPED (Deng, Xu, Kohavi &
        Walker 2013), Holm (1979), Benjamini & Hochberg (1995).
    """
    import pandas as pd

    check(covariate, "covariate", among=COVARIATES)
    check(correction, "correction", among=CORRECTIONS)
    check(confidence, "confidence", gt=0, lt=1)
    control, treatment = found.arm(found.design.control), found.arm(found.design.treatment)
    rows = [
        {
            "metric": name,
            "label": MEASURES[name].label,
            "unit": MEASURES[name].unit,
            **_compared(name, found, control, treatment, covariate, confidence),
            "n": found.used(found.design.control) + found.used(found.design.treatment),
        }
        for name in metrics
    ]
    table = pd.DataFrame(rows)
    columns = ["metric", "label", "unit", *_FOUND, "p_corrected", "noise_removed", "n"]
    return table.assign(p_corrected=_corrected(table, correction, confidence))[columns]


def guardrails(
    found: Outcomes, margins: Mapping[str, tuple[float, bool]], *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Whether what must not suffer suffers no more than is bearable.

    Args:
        found: From `outcomes`.
        margins: Bearable harm by metric and whether it is a share of control, from `measures.margins`.
        confidence: Coverage of the two-sided interval whose harmful end is held against the margin.

    Returns:
        metric, label, control, treatment, harm, low, high (difference in the bad direction, as a share of control where the
        margin is one), margin, holds ("yes": the whole interval lies below the margin; "no": above it; "unknown"), n. Not
        corrected: every guardrail has to hold, so several make shipping harder, not easier.

    Source: non-inferiority by confidence interval: Piaggio et al. (2012), "Reporting of noninferiority and equivalence
        randomized trials".
    """
    import pandas as pd

    control, treatment = found.arm(found.design.control), found.arm(found.design.treatment)
    rows: list[dict[str, Any]] = []
    for name, (margin, relative) in margins.items():
        row = _compared(name, found, control, treatment, "none", confidence)
        ends = ("relative", "relative_low", "relative_high") if relative else ("difference", "low", "high")
        value, low, high = (row[end] for end in ends)
        if MEASURES[name].higher_is_better:
            value, low, high = -value, -high, -low
        holds = "yes" if high < margin else "no" if low > margin else "unknown"
        of_arms = {
            "metric": name,
            "label": MEASURES[name].label,
            "control": row["control"],
            "treatment": row["treatment"],
        }
        n = found.used(found.design.control) + found.used(found.design.treatment)
        rows.append(of_arms | {"harm": value, "low": low, "high": high, "margin": margin, "holds": holds, "n": n})
    columns = ["metric", "label", "control", "treatment", "harm", "low", "high", "margin", "holds", "n"]
    return pd.DataFrame(rows, columns=columns)


def _compared(
    name: str,
    found: Outcomes,
    control: "Aggregates | None",
    treatment: "Aggregates | None",
    covariate: str,
    confidence: float,
) -> dict[str, float]:
    """One metric of both arms, missing where it does not vary."""
    measure = MEASURES[name]
    if control is None or treatment is None or not _varies(measure, control, treatment):
        return _NOTHING | {"noise_removed": float("nan")}
    usable = covariate if known_before(measure, control, treatment, covariate) else "none"
    one = metric(name, found.columns, covariate=usable, confidence_level=confidence)
    result = one.analyze_aggregates(control, treatment)
    row = {own: float(getattr(result, tea)) for own, tea in zip(_FOUND, _OF_TEA, strict=True)}
    if result.control <= 0 or result.treatment <= 0:  # a ratio to nothing, or from it, is no number
        row |= dict.fromkeys(("relative", "relative_low", "relative_high"), float("nan"))
    plain = metric(name, found.columns, covariate="none").analyze_aggregates(control, treatment)
    removed = 1 - (result.effect_size / result.statistic) ** 2 / (plain.effect_size / plain.statistic) ** 2
    return row | {"noise_removed": removed if usable != "none" and removed == removed else 0.0}


def _varies(measure: Measure, control: "Aggregates", treatment: "Aggregates") -> bool:
    if measure.denominator and not min(control.mean(measure.denominator), treatment.mean(measure.denominator)) > 0:
        return False
    parts = (measure.numerator, measure.denominator or None)
    return control.ratio_var(*parts) + treatment.ratio_var(*parts) > 0


def known_before(measure: Measure, control: "Aggregates", treatment: "Aggregates", covariate: str) -> bool:
    """Whether a covariate can be used: few customers it fits too well, and before a first order nothing is per order."""
    if min(control.count(), treatment.count()) < _FEWEST_TO_ADJUST:
        return False
    if covariate != "before" or not measure.known_before or not measure.denominator:
        return covariate != "none"
    column = f"{measure.denominator}_before"
    return min(control.mean(column), treatment.mean(column)) > 0


def _corrected(table: "pd.DataFrame", correction: str, confidence: float) -> "list[float]":
    """p-values corrected for how many metrics are read, by tea-tasting; a missing one counts for none."""
    import tea_tasting as tt
    from tea_tasting.experiment import ExperimentResult

    known = {str(name): p for name, p in zip(table["metric"], table["p_value"], strict=True) if p == p}
    if not known:
        return [float("nan")] * len(table)
    results = ExperimentResult({name: {"pvalue": p} for name, p in known.items()})
    if correction == "holm":
        adjusted = tt.adjust_fwer(results, alpha=1 - confidence, arbitrary_dependence=True, method="bonferroni")
    else:
        adjusted = tt.adjust_fdr(results, alpha=1 - confidence)
    by_name = {str(row["metric"]): float(str(row["pvalue_adj"])) for row in adjusted.to_dicts()}
    return [by_name.get(str(name), float("nan")) for name in table["metric"]]
