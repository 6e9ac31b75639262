"""The figures beside a truth that was planted, where there is one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def beside_truth(
    card: "pd.DataFrame",
    trend: "pd.DataFrame",
    truth: "dict[str, Any]",
    *,
    first_order_days: int = 30,
    margin_days: int = 90,
) -> "pd.DataFrame":
    """Estimates of `scorecard` and `cost_trend` with the planted value of each.

    Args:
        card: Of `scorecard`, by channel.
        trend: Of `cost_trend`.
        truth: ``Dataset.truth``; empty for real data.
        first_order_days: As given to `scorecard`.
        margin_days: As given to `scorecard`.

    Returns:
        channel, figure, estimate, low, high, truth (missing where none was planted), inside (whether the interval holds
        it; empty without a truth); figures without an estimate have no row.
    """
    import pandas as pd

    planted = {name: spec.get("value") for part in ("planted", "derived") for name, spec in truth.get(part, {}).items()}
    names = {
        "first_order_rate": f"first_order_within.{first_order_days}_days",
        "cost_per_signup": "cost_per_signup",
        "cac": "cac",
        "back_90": "second_order_within.90_days",
        "margin": f"margin_by_day_{margin_days}",
        "recovered": f"margin_over_spend_by_day_{margin_days}",
    }
    # Planted is the window of a new customer, too: with another one CAC is another figure.
    names["cac"] = "cac" if f"{names['first_order_rate']}.organic_search" in planted else ""
    parts = [
        card[["channel", name, f"{name}_low", f"{name}_high"]]
        .set_axis(["channel", "estimate", "low", "high"], axis=1)
        .assign(figure=name, name=prefix)
        for name, prefix in names.items()
        if name in card
    ]
    growth = trend.rename(columns={"per_month": "estimate"})
    parts.append(growth[["channel", "estimate", "low", "high"]].assign(figure="cost_growth", name="cost_growth"))
    table = pd.concat(parts).dropna(subset="estimate").reset_index(drop=True)
    names_in_truth = table.pop("name") + "." + table["channel"]
    table["truth"] = [planted.get(name, float("nan")) for name in names_in_truth]
    table["truth"] = table["truth"].astype(float)
    # A reward paid per sign-up has an interval of no width, met up to rounding.
    slack = 1e-6 * table["estimate"].abs()
    held = table["truth"].between(table["low"] - slack, table["high"] + slack)
    table["inside"] = held.where(table["truth"].notna(), "")
    if planted:
        table = table[table["truth"].notna()].reset_index(drop=True)
    return table[["channel", "figure", "estimate", "low", "high", "truth", "inside"]]
