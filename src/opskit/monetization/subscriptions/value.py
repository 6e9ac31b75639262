"""Lifetime value of subscriptions by plan: what a new contract brings, and what those running now still will."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.subscriptions.renewals import Fits
    from opskit.monetization.subscriptions.shifted_beta_geometric import ShiftedBetaGeometric


class LifetimeValue(NamedTuple):
    """Margin still to come from contracts, discounted."""

    of_new: "pd.DataFrame"  # the group, months, contracts, price, basis, periods, value, low, high, naive_value
    by_tenure: "pd.DataFrame"  # the group, tenure_periods, running, price, periods, value, low, high, running_value
    running: "pd.DataFrame"  # the group, running, value, low, high: all contracts running now


def lifetime_value(
    durations: "pd.DataFrame",
    fits: "Fits",
    *,
    annual_discount_rate: float,
    margin_share: float,
    by: str = "plan",
    confidence: float = 0.95,
) -> LifetimeValue:
    """Discounted margin of a new contract, and of the contracts in each tenure, by plan.

    Args:
        durations: As `contracts.durations` gives them.
        fits: Of `renewals.fit_groups` with the same `by`.
        annual_discount_rate: Interest of a year.
        margin_share: Share of the price that is left after variable cost.
        by: Column whose values are kept apart.
        confidence: Of the intervals where there is no model; a model has its own.

    Returns:
        ``of_new``: the group, months (of a billing period), contracts, price (mean of what running contracts that began
        in it pay now), basis ("model", or "at least" where only the average renewal is known), periods (expected
        payments, the first included, discounted), value = periods * price * margin_share with low, high, and naive_value
        = price * margin_share / average churn, undiscounted; renewals_seen (how many were due). ``by_tenure``: tenure_periods paid so far, running, price,
        periods, value, low, high (a contract at the group's mean price, seen just before its next renewal) and
        running_value (all of them, at what they pay).
        ``running``: value of all running contracts of a group; low and high are sums of the bounds, as one model stands
        behind all of them.

    Raises:
        OpskitError: An option is out of range.

    Assumes prices and margin stay; the intervals hold what is unknown about renewal, not about prices. The "at least"
    basis lets everybody renew at the average rate seen for ever. Where contracts differ and are sorted, those left renew
    more readily, so that the value is larger.

    Source: Fader & Hardie (2010), "Customer-base valuation in a contractual setting".
    """
    import pandas as pd

    check(annual_discount_rate, "annual_discount_rate", gt=0)
    check(margin_share, "margin_share", gt=0, le=1)
    check(confidence, "confidence", gt=0, lt=1)
    new: list[dict[str, Any]] = []
    tenure: list[pd.DataFrame] = []
    totals: list[dict[str, Any]] = []
    sizes = durations.groupby(by)["n"].sum().sort_values(ascending=False, kind="stable")
    for name in sizes.index:
        part = durations[durations[by] == name]
        running = part["running"].sum()
        price = part["price"].sum() / running if running else float("nan")
        months = int(part["months"].max())
        discount = (1 + annual_discount_rate) ** (months / 12) - 1
        keys: dict[str, Any] = {by: str(name), "months": months, "contracts": int(sizes[name]), "price": price}
        model = fits.models.get(str(name))
        new.append(keys | _new(part, model, discount, price * margin_share, confidence))
        if model and running:
            rows = _tenures(part, model, discount, margin_share)
            tenure.append(rows.assign(**{by: str(name)}))
            sums = rows[["running_value", "running_low", "running_high"]].sum().to_list()
            totals.append(
                {by: str(name), "running": int(running), **dict(zip(("value", "low", "high"), sums, strict=True))}
            )
    columns = [by, "tenure_periods", "running", "price", "periods", "value", "low", "high", "running_value"]
    by_tenure = pd.concat(tenure, ignore_index=True)[columns] if tenure else pd.DataFrame(columns=columns)
    return LifetimeValue(
        pd.DataFrame(new), by_tenure, pd.DataFrame(totals, columns=[by, "running", "value", "low", "high"])
    )


def _new(
    part: "pd.DataFrame",
    model: "ShiftedBetaGeometric | None",
    discount: float,
    margin: float,
    confidence: float,
) -> dict[str, Any]:
    """A new contract: by the model, else by the average renewal rate as if it stayed."""
    import numpy as np

    ended = part.loc[part["event"].astype(bool), "n"].sum()
    due = (part["n"] * part["time"]).sum()  # each contract has come to as many renewals as its time
    churn = ended / due if due else np.nan
    naive = margin / churn if churn > 0 else np.nan
    if model:
        periods, low, high = model.expected_lifetime(discount_per_period=discount).iloc[0]
        basis = "model"
    elif not ended:  # nobody has left: no renewal rate below 1 is known
        periods, low, high, basis = np.nan, np.nan, np.nan, "unknown"
    else:
        bounds = stats.wilson([due - ended], [due], confidence=confidence)
        renewal = np.array([1 - churn, bounds[0][0], bounds[1][0]])
        periods, low, high = 1 / (1 - renewal / (1 + discount))
        basis = "at least"
    values = {"value": periods * margin, "low": low * margin, "high": high * margin}
    return {"basis": basis, "periods": periods, **values, "naive_value": naive, "renewals_seen": int(due)}


def _tenures(
    part: "pd.DataFrame", model: "ShiftedBetaGeometric", discount: float, margin_share: float
) -> "pd.DataFrame":
    """Running contracts by periods paid: after `time` renewals the period number time + 1 is running."""
    now = part[part["running"] > 0].groupby("time")[["running", "price"]].sum().reset_index()
    residual = model.expected_residual_lifetime(tenure_periods=now["time"] + 1, discount_per_period=discount)
    price = part["price"].sum() / part["running"].sum()  # one for all, so that the curve shows renewal and not prices
    table = residual.assign(running=now["running"], price=price)
    for name, source in (("value", "periods"), ("low", "low"), ("high", "high")):
        table[name] = table[source] * price * margin_share
    paid = now["price"] * margin_share  # what the contracts of this tenure really pay
    totals = {f"running_{name}": residual[name] * paid for name in ("low", "high")}
    return table.assign(running_value=residual["periods"] * paid, **totals)


def compare_values(of_new: "pd.DataFrame", *, by: str = "plan") -> "pd.DataFrame":
    """How many times the value of the first group's new contract each other group's is worth.

    Args:
        of_new: Of `lifetime_value`.
        by: The column that names the groups.

    Returns:
        the group, against (the first group with a model), ratio, low, high, n contracts of both; groups with a model only.

    Assumes the groups' contracts are independent of each other; bounds are combined on the scale of logarithms.

    >>> import pandas as pd
    >>> value = {"value": [100.0, 200], "low": [80.0, 160], "high": [125.0, 250]}
    >>> of_new = pd.DataFrame({"plan": ["a", "b"], "basis": "model", "contracts": [50, 60], **value})
    >>> compare_values(of_new).round(2).values.tolist()
    [['b', 'a', 2.0, 1.46, 2.74, 110]]
    """
    import numpy as np
    import pandas as pd

    known = of_new[of_new["basis"] == "model"].reset_index(drop=True)
    columns = [by, "against", "ratio", "low", "high", "n"]
    if len(known) < 2:
        return pd.DataFrame(columns=columns)
    first, others = known.iloc[0], known.iloc[1:]
    ratio = others["value"] / first["value"]
    low = np.hypot(np.log(others["value"] / others["low"]), np.log(first["high"] / first["value"]))
    high = np.hypot(np.log(others["high"] / others["value"]), np.log(first["value"] / first["low"]))
    bounds = {"low": ratio * np.exp(-low), "high": ratio * np.exp(high)}
    names = {
        by: others[by],
        "against": first[by],
        "ratio": ratio,
        **bounds,
        "n": others["contracts"] + first["contracts"],
    }
    return pd.DataFrame(names)[columns].reset_index(drop=True)
