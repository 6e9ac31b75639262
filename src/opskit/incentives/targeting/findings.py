"""The page's key figures, its decision, its choices varied, and its estimates beside the truth."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.targeting.audience import ASIDE, TREAT
from opskit.incentives.targeting.differences import amount, difference
from opskit.incentives.targeting.groups import DOG, PERSUADABLE
from opskit.incentives.targeting.learners import Scores, scores
from opskit.incentives.targeting.policy import Policy, pays, policy
from opskit.incentives.targeting.ranking import beats_random, ranking
from opskit.incentives.targeting.segments import Drives, drives, drives_told
from opskit.incentives.targeting.trial import Trial
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

TRUTH_WINDOW_DAYS = 60


def average(found: Trial, arm: str, outcome: str = "buyers", *, confidence: float = 0.95) -> dict[str, float]:
    """The arm's mean effect on everybody, from `differences.difference`, with n."""
    treated, control = (
        found.rows.loc[found.rows["arm"] == one, outcome].to_numpy(float) for one in (arm, found.control)
    )
    return {**difference(treated, control, confidence=confidence), "n": len(treated) + len(control)}


def key_figures(
    scored: Scores,
    sizes: "pd.DataFrame",
    ranked: "pd.DataFrame",
    sorted_: "pd.DataFrame",
    chosen: Policy,
    *,
    currency: str = "",
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The figures that the page stands for.

    Args:
        scored: From `scores`.
        sizes: From `sizes`.
        ranked: From `ranking`.
        sorted_: From `groups`.
        chosen: From `policy`.
        currency: Of money.
        confidence: Coverage of the intervals.

    Returns:
        name, value, low, high, n, unit; of an experiment that may not be read the share of the arm only.
    """
    import pandas as pd

    arm, money = scored.arm, currency or "money"
    of_arm = sizes[sizes["arm"] == arm].iloc[0]
    n = int(sizes["customers"].sum())
    rows: list[tuple[Any, ...]] = [(f"{arm}: share of the customers", *of_arm[["share", "low", "high"]], n, "share")]
    binary = scored.outcome == "buyers"
    unit, scale = ("points", 100) if binary else (scored.outcome, 1)
    for one in scored.trial.arms if len(scored.rows) else ():
        row = average(scored.trial, one, scored.outcome, confidence=confidence)
        rows.append(
            (f"{one}: mean effect", *(scale * row[end] for end in ("difference", "low", "high")), row["n"], unit)
        )
    for place, name in enumerate(("Qini", "Qini coefficient", "AUUC coefficient") if len(scored.rows) else ()):
        row = ranked.iloc[place]
        factor, of = (scale, unit) if place == 0 else (1, "")
        rows.append((f"{arm}: {name}", *(factor * row[end] for end in ("estimate", "low", "high")), row["n"], of))
    for group in (PERSUADABLE, DOG) if len(scored.rows) else ():
        row = sorted_[sorted_["group"] == group].iloc[0]
        rows.append((f"{arm}: {group}s", *row[["share", "share_low", "share_high"]], len(scored.rows), "share"))
        rows.append(
            (f"{arm}: effect on {group}s", *(scale * row[end] for end in ("difference", "low", "high")), row["n"], unit)
        )
    for _, row in chosen.value.iterrows() if len(scored.rows) else ():
        told = f"{arm}: best share against {row['against']}, per customer"
        rows.append((told, *row[["estimate", "low", "high", "n"]], money))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def decisions(
    scored: Scores,
    lot: str,
    ranked: "pd.DataFrame",
    sorted_: "pd.DataFrame",
    found: Drives,
    chosen: Policy,
    listed: "pd.DataFrame",
    *,
    currency: str = "",
    confidence: float = 0.95,
) -> list[str]:
    """What to do, in sentences computed from the tables.

    Args:
        scored: From `scores`.
        lot: From `lot.told`.
        ranked: From `ranking`.
        sorted_: From `groups`.
        found: From `drives`.
        chosen: From `policy`.
        listed: From `audience`.
        currency: Of money.
        confidence: As everywhere.

    Returns:
        One sentence a line, in Markdown.
    """
    if scored.rows.empty:
        return [lot, "Draw arms by lot, log the lot itself, and **test again**: until then nobody knows whom it moves."]
    lines = [_ranked(scored, ranked), *_value(scored, chosen, currency), *_groups(scored, sorted_)]
    lines += drives_told(found, outcome=scored.outcome, alpha=1 - confidence)
    treat = int(listed["action"].str.startswith(TREAT).sum())
    if treat:
        aside = int((listed["action"] == ASIDE).sum())
        lines.append(
            f"**Treat {treat} customers and hold out {aside}** as listed; compare the two before the next round."
        )
    return lines


def _ranked(scored: Scores, ranked: "pd.DataFrame") -> str:
    row = ranked.iloc[0]
    ends = f"Qini {amount(row, scored.outcome, of='estimate')} per customer above random"
    answer = beats_random(ranked)
    told = {
        "holds": f"**{scored.arm} does not move everybody alike**, and the ranking finds whom it moves ({ends}).",
        "does not hold": f"**Do not use this ranking of {scored.arm}**: it is worse than random ({ends}).",
    }
    just = " An interval that only just leaves 0 out is not enough: folds that score each other also agree by accident."
    return told.get(
        answer,
        f"**That the ranking of {scored.arm} beats random is not shown** ({ends}): target nobody by it."
        + (just if row["low"] > 0 or row["high"] < 0 else ""),
    )


def _value(scored: Scores, chosen: Policy, currency: str) -> list[str]:
    row = chosen.value.iloc[0]
    if row["low"] != row["low"]:
        return ["What a treatment is worth cannot be told: give `worth`, the money one more outcome brings."]
    texts = [plots.money(row[end], currency) for end in ("estimate", "low", "high")]
    ends = f"{texts[0]} per customer of the list, {texts[1]} to {texts[2]}"
    if not any(chosen.of_folds):
        return [f"**Treat nobody with {scored.arm}**: no share was found to pay."]
    if pays(chosen) != "holds":
        return [
            f"**No claim that {scored.arm} pays for any share** ({ends}): make no list; test more customers or a cheaper one."
        ]
    every = chosen.value.iloc[1]
    more = (
        "clearly more than treating everybody"
        if every["low"] > 0
        else "whether that is more than treating everybody is not shown"
    )
    return [f"**Treat the top {plots.percent(chosen.share)} with {scored.arm}**: earns {ends}; {more}."]


def _groups(scored: Scores, sorted_: "pd.DataFrame") -> list[str]:
    dogs = sorted_[sorted_["group"] == DOG].iloc[0]
    if not dogs["shown"]:
        return [f"That {scored.arm} puts anybody off is **not shown**; it is not excluded either."]
    return [
        f"**Leave the sleeping dogs alone**: customers like {plots.percent(dogs['share'])} of the list do less when treated, "
        f"{amount(dogs, scored.outcome)}."
    ]


def sensitivity(
    found: Trial,
    arm: str,
    *,
    worth: float,
    cost: float,
    outcome: str = "buyers",
    learner: str = "X",
    base: str = "boosting",
    seeds: Sequence[int] = (1,),
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The ranking and the policy with other parts, and with contribution itself in place of an outcome's worth.

    Args:
        found: From `trial`.
        arm: The treatment.
        worth: Money per unit of the outcome.
        cost: Money per customer treated.
        outcome: As in `scores`.
        learner: As in `scores`.
        base: As in `scores`.
        seeds: Of the parts.
        confidence: Coverage of the intervals.

    Returns:
        reading, qini, qini_low, qini_high (in units of the outcome), value, low, high (best share against nobody, money per
        customer), n.
    """
    import pandas as pd

    columns = ["reading", "qini", "qini_low", "qini_high", "value", "low", "high", "n"]
    options: dict[str, Any] = {"learner": learner, "base": base}
    readings = [(f"{outcome}, parts {seed}", outcome, worth, seed) for seed in seeds]
    readings += [("contribution itself", "margin", 1.0, seeds[0])] if outcome != "margin" else []
    rows: list[tuple[Any, ...]] = []
    for reading, name, each, seed in readings if len(found.rows) else ():
        scored = scores(found, arm, outcome=name, seed=seed, **options)
        row = ranking(scored, confidence=confidence, seed=seed).iloc[0]
        value = policy(scored, worth=each, cost=cost, confidence=confidence).value.iloc[0]
        rows.append((reading, *row[["estimate", "low", "high"]], *value[["estimate", "low", "high", "n"]]))
    return pd.DataFrame(rows, columns=columns)


def recovery(
    truth: Mapping[str, Any], scored: Scores, ranked: "pd.DataFrame", *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Each estimate that has a truth, beside it.

    Args:
        truth: Of the dataset; empty where nothing was planted.
        scored: From `scores`.
        ranked: From `ranking`.
        confidence: Coverage of the intervals.

    Returns:
        name (in truth.json), estimate, low, high, truth, inside; of the Qini the truth is that of the oracle, which no model
        reaches, so `inside` is empty there. Only where the window is that of the truth.
    """
    import pandas as pd

    found, rows = scored.trial, list[dict[str, Any]]()
    if len(scored.rows) and scored.outcome == "buyers" and found.window_days == TRUTH_WINDOW_DAYS:
        rows = [_of(average(found, arm, confidence=confidence), arm) for arm in found.arms]
        if "mean_order_value" in found.features:
            halves = drives(found, confidence=confidence).effects
            names = halves["segment"].str.startswith("to ").map({True: "small", False: "large"})
            rows += [_of(row, f"{row['arm']}.{name}") for name, (_, row) in zip(names, halves.iterrows(), strict=True)]
        rows.append(_of(ranked.iloc[0].rename({"estimate": "difference"}), f"{scored.arm}.oracle_qini"))
    beside = beside_truth(pd.DataFrame(rows, columns=["name", "estimate", "low", "high"]), truth)
    beside["inside"] = beside["inside"].where(~beside["name"].str.endswith("oracle_qini"), "")
    return beside[beside["truth"].notna()].reset_index(drop=True)


def _of(row: "Mapping[Any, Any] | pd.Series[Any]", name: str) -> dict[str, Any]:
    return {"name": f"targeting.{name}", "estimate": row["difference"], "low": row["low"], "high": row["high"]}
