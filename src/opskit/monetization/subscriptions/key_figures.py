"""The page's key figures, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.subscriptions.recurring_revenue import Movements

_PLANS = 3  # the largest ones, in the headline and in decisions
_BASIS = {
    "model": "Value of a new contract",
    "at least": "Value of a new contract, at least",
    "unknown": "No value yet",
}
_KEPT = {
    "net_retention": ("Net revenue retention", "%"),  # may exceed 100%, so no share
    "gross_retention": ("Gross revenue retention", "share"),
    "logo_retention": ("Customers kept", "share"),
}


def key_figures(
    recurring: "Movements",
    kept: "pd.DataFrame",
    renewals: "pd.DataFrame",
    of_new: "pd.DataFrame",
    *,
    currency: str = "",
) -> "pd.DataFrame":
    """The page's headline: what recurs, what is kept over a year, first renewals and values of the largest plans.

    Args:
        recurring: Of `movements`.
        kept: Of `revenue_retention` over 12 months.
        renewals: Of `renewal_table`.
        of_new: Of `lifetime_value`.
        currency: Written after amounts.

    Returns:
        name, value, low, high, n, unit.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for _, month in recurring.by_month[recurring.by_month["complete"]].tail(1).iterrows():
        rows.append(("MRR at the last month end", month["closing"], None, None, month["customers"], currency))
    for _, rate in recurring.rates[recurring.rates["measure"] == "logo_churn"].tail(1).iterrows():
        rows.append(("Customers lost in the last whole month", *rate[["estimate", "low", "high", "n"]], "share"))
    for _, one in kept.iterrows():
        name, unit = _KEPT[str(one["measure"])]
        figures = one[["estimate", "low", "high"]] * (100 if unit == "%" else 1)
        rows.append((f"{name} over 12 months", *figures, one["n"], unit))
    for _, one in renewals[renewals["period"] == 1].head(_PLANS).iterrows():
        rows.append((f"Renew the first time, {one['plan']}", *one[["renewal_rate", "low", "high", "at_risk"]], "share"))
    for _, one in of_new.head(_PLANS).iterrows():
        figures = one[["value", "low", "high", "contracts"]]
        rows.append((f"{_BASIS[str(one['basis'])]}, {one['plan']}", *figures, currency))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def decisions(
    claims: "pd.DataFrame",
    renewals: "pd.DataFrame",
    of_new: "pd.DataFrame",
    compared: "pd.DataFrame",
    *,
    currency: str = "",
) -> list[str]:
    """What to do, in sentences computed from the numbers.

    Args:
        claims: Of `claims`.
        renewals: Of `renewal_table`.
        of_new: Of `lifetime_value`.
        compared: Of `compare_values`.
        currency: Written before amounts.

    Returns:
        What a contract may cost, where to work against leaving, who carries the revenue, how the largest plans compare.
    """
    later, _naive, grow = (claims.iloc[place] for place in range(3))
    return [*_spend(of_new, currency), _first_renewal(later, renewals), _revenue(grow), *_plans(compared)]


def _spend(of_new: "pd.DataFrame", currency: str) -> list[str]:
    modelled = of_new[(of_new["basis"] == "model") & of_new["value"].notna()].head(_PLANS)
    lines = [
        f"Pay at most **{plots.money(float(row['low']), currency)}** to win a {row['plan']} contract: its value is "
        f"{plots.money(float(row['value']), currency)}, but may be as low as that."
        for _, row in modelled.iterrows()
    ]
    return lines or [
        "No plan has a value by the model yet: pay for a contract no more than its **first payment** brings."
    ]


def _first_renewal(later: "pd.Series[Any]", renewals: "pd.DataFrame") -> str:
    first = renewals[renewals["period"] == 1]
    renewing = first["renewed"].sum() / first["at_risk"].sum()
    return {
        "holds": f"Work on the **first renewal**: {plots.percent(1 - renewing)} end there, "
        f"{plots.percent(1 - renewing - later['estimate'])} at a later one.",
        "does not hold": "Work on **every renewal** alike: later ones succeed no more often than the first.",
        "not enough data": "Whether the **first renewal** is the hardest cannot be told yet: treat all alike.",
    }[later["verdict"]]


def _revenue(grow: "pd.Series[Any]") -> str:
    kept = f"of what customers paid a year ago, **{plots.percent(grow['estimate'])}** is still paid"
    return {
        "holds": f"Look after those who are there first: {kept}, so revenue grows without new contracts.",
        "does not hold": f"Plan for new contracts to replace what goes before planning growth: {kept}.",
        "not enough data": "Whether those who are there carry the revenue cannot be told yet: it takes customers **a "
        "year** old.",
    }[grow["verdict"]]


def _plans(compared: "pd.DataFrame") -> list[str]:
    lines: list[str] = []
    for _, row in compared.head(1).iterrows():
        told = f"A {row['plan']} contract is worth **{row['ratio']:.2f} times** a {row['against']} one"
        interval = f"({row['low']:.2f} to {row['high']:.2f})"
        if row["low"] > 1:
            lines.append(f"{told} {interval}: test an offer that leads to it, with a group left alone.")
        elif row["high"] < 1:
            lines.append(f"{told} {interval}: do not push customers to it.")
        else:
            lines.append(f"{told} {interval}: their values cannot be told apart, so do not steer between them.")
    return lines
