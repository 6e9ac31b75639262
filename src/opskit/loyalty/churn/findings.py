"""The page's key figures and its decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING

from opskit import plots, stats
from opskit.loyalty.churn.models import MODELS, Comparison

if TYPE_CHECKING:
    import pandas as pd


def key_figures(
    compared: Comparison,
    *,
    horizon_days: int,
    shares: "pd.DataFrame",
    apart: "pd.DataFrame",
    mistakes: "pd.DataFrame",
    net: "pd.DataFrame",
    today: int,
    currency: str = "",
) -> "pd.DataFrame":
    """The figures for the top of the report.

    Args:
        compared: From `compare`.
        horizon_days: Of the outcome.
        shares: From `left_shares`.
        apart: From `features.calibration_error`, of the chosen model.
        mistakes: From `features.error_and_omission`, at the threshold alone.
        net: From `expected_net_value`.
        today: Active customers today.
        currency: Of the amounts.

    Returns:
        name, value, low, high, n, unit, as `reports.headline` takes them.
    """
    import numpy as np
    import pandas as pd

    at, paid, areas = mistakes.iloc[0], net.iloc[0], compared.accuracy[compared.accuracy["measure"] == "roc_auc"]
    everybody, level = shares.iloc[0], apart.iloc[0]
    left, nothing = at["rightly"] + at["missed"], (np.nan, np.nan)
    rows = [
        (f"Active customers who left within {horizon_days} days", *everybody[["left", "low", "high", "customers"]], "share"),
        *((f"Area under the curve, {row[0]}", *row[1:], "") for row in areas[["model", "estimate", "low", "high", "n"]].to_numpy()),
        ("More left than predicted", *(100 * level[["estimate", "low", "high"]]), level["n"], "points"),
        ("Error rate at the threshold", *at[["error_rate", "error_low", "error_high"]], at["named"], "share"),
        ("Omission rate at the threshold", *at[["omission_rate", "omission_low", "omission_high"]], left, "share"),
        ("Customers to contact today", paid["n"], *nothing, today, "customers"),
        ("Expected net value of contacting them", *paid[["estimate", "low", "high"]], today, currency),
        ("Success share at which contacts just pay", *paid.filter(like="break_even"), paid["n"], "share"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def decisions(
    compared: Comparison,
    *,
    apart: "pd.DataFrame",
    net: "pd.DataFrame",
    size: "pd.DataFrame",
    success_share: float,
) -> list[str]:
    """What to do, one sentence a line.

    Args:
        compared: From `compare`.
        apart: From `features.calibration_error`, of the chosen model.
        net: From `expected_net_value`.
        size: From `smallest_effect`.
        success_share: As assumed.
    """
    simple, middle, complex_one = MODELS
    chosen = {
        simple: f"Rank by **{simple}**: as far as the test can see, no model tells better.",
        middle: f"Rank by **{middle}**: clearly better than {simple}; {complex_one} adds nothing that chance could not.",
        complex_one: f"Rank by **{complex_one}**: better than the simpler models by more than chance.",
    }[compared.chosen]
    low, high = float(apart["low"].iloc[0]), float(apart["high"].iloc[0])
    level = "**As many left as predicted**, as far as the test can tell: probabilities can be set against costs."
    if low > 0 or high < 0:
        kind = "More" if low > 0 else "Fewer"
        level = f"**{kind} left than predicted** in the test: trust the ranking, correct the level (the net value is corrected)."
    nature = "Likely to leave is **not** likely to be persuaded: let the experiment choose whom to contact (incentives/targeting)."
    return [chosen, level, *_action(net, size, success_share), nature]


def _action(net: "pd.DataFrame", size: "pd.DataFrame", success_share: float) -> list[str]:
    count, aside = int(net["n"].iloc[0]), int(size["held_out"].iloc[0])
    assumed = plots.percent(success_share)
    if not count:
        return [
            f"**Contact nobody**: at a success of {assumed} no contact is worth its cost.",
            "Look for a cheaper contact, or for evidence of a larger success, before building a programme.",
        ]
    worth = {
        "holds": "it pays",
        "does not hold": "it loses money",
        "not enough data": "whether it pays cannot be told",
    }[stats.verdict(float(net["low"].iloc[0]), float(net["high"].iloc[0]), at_least=0)]
    need, seen = plots.percent(float(net["break_even"].iloc[0])), float(size["detectable"].iloc[0])
    act = f"**Contact {count}** and hold out {aside}: if {assumed} of the leavers are kept, {worth}; {need} just pays."
    if not aside:
        return [act, "**Hold some out**: with everybody contacted, nobody will know what the contact did."]
    if seen <= float(net["break_even"].iloc[0]):
        return [act, f"The hold-out is large enough: it shows a success of **{plots.percent(seen)}** or more."]
    return [
        act,
        f"One round shows a success only from **{plots.percent(seen)}** on: add rounds together, or hold out more, until it shows {need}.",
    ]
