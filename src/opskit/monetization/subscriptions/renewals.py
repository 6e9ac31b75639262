"""Renewal plan by plan: the model's fits, beside Kaplan-Meier, and tested on periods it has not seen."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import OpskitError, check
from opskit.monetization.subscriptions.shifted_beta_geometric import ShiftedBetaGeometric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_FOLLOWED = 10  # contracts at a renewal, below which it is one or two customers' luck
_DECISIONS = ["at_risk", "ended"]


class Fits(NamedTuple):
    """Models by group, and the groups without one."""

    models: dict[str, ShiftedBetaGeometric]
    params: "pd.DataFrame"  # the group, parameter, estimate, standard_error, low, high, n
    without: "pd.DataFrame"  # the group, contracts, why


def fit_groups(
    durations: "pd.DataFrame",
    *,
    by: str = "plan",
    min_contracts: int = 30,
    confidence: float = 0.95,
    seed: int = 7,
) -> Fits:
    """A shifted beta-geometric model of each plan, or of each value of an attribute.

    Args:
        durations: As `contracts.durations` gives them.
        by: Column whose values are kept apart.
        min_contracts: Groups with fewer contracts are not fitted.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the draws behind them.

    Returns:
        ``models`` by value of `by`, most contracts first; ``params``: their parameters with n contracts; ``without``:
        the other groups, contracts, and why there is no fit.

    Raises:
        OpskitError: A column is missing or an option out of range.

    >>> import pandas as pd
    >>> durations = pd.DataFrame({"plan": "basic", "time": [1, 2, 3], "event": [True, True, False], "n": [30, 12, 58]})
    >>> fit_groups(durations).params[["plan", "parameter", "n"]].head(1).values.tolist()
    [['basic', 'alpha', 100]]
    """
    import pandas as pd

    check(min_contracts, "min_contracts", ge=1)
    if by not in durations:
        raise OpskitError(f"durations lacks {by!r}; it has {', '.join(map(repr, durations.columns))}.")
    models: dict[str, ShiftedBetaGeometric] = {}
    params: list[pd.DataFrame] = []
    without: list[dict[str, Any]] = []
    for name, n in _sizes(durations, by).items():
        part = durations[durations[by] == name]
        try:
            if n < min_contracts:
                raise OpskitError(f"{n} contracts, fewer than the {min_contracts} asked for.")
            model = ShiftedBetaGeometric(confidence=confidence, seed=seed).fit(part)
        except OpskitError as why:
            without.append({by: str(name), "contracts": n, "why": str(why)})
            continue
        models[str(name)] = model
        params.append(model.params_.assign(**{by: str(name)}, n=n))
    columns = [by, "parameter", "estimate", "standard_error", "low", "high", "n"]
    table = pd.concat(params, ignore_index=True)[columns] if params else pd.DataFrame(columns=columns)
    return Fits(models, table, pd.DataFrame(without, columns=[by, "contracts", "why"]))


def _sizes(durations: "pd.DataFrame", by: str) -> dict[str, int]:
    """Contracts of each group, most first, ties by name."""
    sizes = durations.groupby(by)["n"].sum().rename("n").reset_index().sort_values(["n", by], ascending=[False, True])
    return {str(name): int(n) for name, n in zip(sizes[by], sizes["n"], strict=True)}


def renewal_table(durations: "pd.DataFrame", fits: Fits, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Survival and renewal as observed, beside the model where there is one.

    Args:
        durations: As `contracts.durations` gives them.
        fits: Of `fit_groups` by plan.
        confidence: Coverage of the observed figures' intervals.

    Returns:
        plan, period, at_risk (contracts whose renewal was due), renewed, renewal_rate, low, high (Wilson);
        survival, survival_low, survival_high (Kaplan-Meier); model_rate, model_rate_low, model_rate_high, model_survival,
        model_survival_low, model_survival_high, nan where there is no model.

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import numpy as np
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for name in _sizes(durations, "plan"):
        seen = _decisions(durations[durations["plan"] == name])
        if seen.empty:
            continue
        curve = stats.survival(durations[durations["plan"] == name], confidence=confidence)
        curve = curve.set_index("time")[["survival", "low", "high"]].reindex(range(int(seen["period"].max()) + 1))
        curve = (
            curve.ffill().loc[seen["period"]].add_prefix("survival_").rename(columns={"survival_survival": "survival"})
        )
        low, high = stats.wilson(seen["renewed"], seen["at_risk"], confidence=confidence)
        table = seen.drop(columns="ended").assign(renewal_rate=seen["renewed"] / seen["at_risk"], low=low, high=high)
        table = pd.concat([table, curve.reset_index(drop=True)], axis=1)
        model = fits.models.get(name)
        for kind, method in (("rate", "retention_rate"), ("survival", "survival")):
            columns = [f"model_{kind}", f"model_{kind}_low", f"model_{kind}_high"]
            table[columns] = getattr(model, method)(seen["period"]).iloc[:, 1:].to_numpy() if model else np.nan
        parts.append(table.assign(plan=name))
    if not parts:
        raise OpskitError("no contract has come to its first renewal yet: there is nothing to compare.")
    together = pd.concat(parts, ignore_index=True)
    return together[["plan", *(column for column in together if column != "plan")]]


def _decisions(durations: "pd.DataFrame") -> "pd.DataFrame":
    """What became of the contracts whose renewal was due: period (from 1), at_risk, ended, renewed."""
    import numpy as np
    import pandas as pd

    longest = int(durations["time"].max()) if len(durations) else 0
    periods = np.arange(1, longest + 1)
    ended = durations[durations["event"].astype(bool)].groupby("time")["n"].sum().reindex(periods, fill_value=0)
    there = durations.groupby("time")["n"].sum().reindex(periods, fill_value=0)[::-1].cumsum()[::-1]
    table = {"period": periods, "at_risk": there.to_numpy(), "ended": ended.to_numpy()}
    return pd.DataFrame(table).assign(renewed=(there - ended).to_numpy())


class Holdout(NamedTuple):
    """The model on periods that it has not seen."""

    by_period: "pd.DataFrame"  # plan, period, at_risk, ended, expected, low, high, constant_churn
    total: "pd.DataFrame"  # plan, split, at_risk, ended, expected, low, high, error, constant_churn, constant_error, inside
    without: "pd.DataFrame"  # plan, contracts, why


def holdout(
    durations: "pd.DataFrame",
    *,
    holdout_periods: int = 8,
    min_contracts: int = 30,
    confidence: float = 0.95,
    seed: int = 7,
) -> Holdout:
    """Fit each plan on the first renewals and predict who ends at the later ones.

    The last period is the last with 10 contracts at their renewal; the holdout_periods up to it are hidden from the fit.

    Args:
        durations: As `contracts.durations` gives them.
        holdout_periods: Renewals to hide; fewer where that would leave fewer than two to fit on.
        min_contracts: Plans with fewer contracts are left out.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the draws.

    Returns:
        ``by_period``: plan, period, at_risk, ended; expected, low, high (by the model: its uncertainty and chance);
        constant_churn (expected if the average churn of the fitted periods went on). ``total``: the same added up, split
        (last fitted period), error (expected / ended - 1, nan where nobody ended), constant_error, inside (whether the
        interval holds what happened). ``without``: plan, contracts, why.

    Raises:
        OpskitError: An option is out of range.

    Assumes the contracts of the later periods are those that began first; a change of customers over time shows here.
    """
    import pandas as pd

    check(holdout_periods, "holdout_periods", ge=1)
    rows, totals, without = ([] for _ in range(3))
    for name, n in _sizes(durations, "plan").items():
        part = durations[durations["plan"] == name]
        try:
            if n < min_contracts:
                raise OpskitError(f"{n} contracts, fewer than the {min_contracts} asked for.")
            table, drawn = _hidden(part, holdout_periods, ShiftedBetaGeometric(confidence=confidence, seed=seed))
        except OpskitError as why:
            without.append({"plan": name, "contracts": n, "why": str(why)})
            continue
        rows.append(table.assign(plan=name))
        totals.append(_total(rows[-1], drawn, (1 - confidence) / 2))
    columns = ["plan", "period", *_DECISIONS, "expected", "low", "high", "constant_churn"]
    summed = ["plan", "split", *columns[2:-1], "error", "constant_churn", "constant_error", "inside"]
    by_period = pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
    return Holdout(
        by_period,
        pd.DataFrame(totals, columns=summed),
        pd.DataFrame(without, columns=["plan", "contracts", "why"]),
    )


def _hidden(
    part: "pd.DataFrame", holdout_periods: int, model: ShiftedBetaGeometric
) -> "tuple[pd.DataFrame, np.ndarray[Any, Any]]":
    """One plan's hidden renewals with what the model, fitted on the others, expects; and draws of all ends together."""
    import numpy as np

    seen = _decisions(part)
    last = int((seen["at_risk"] >= _FOLLOWED).sum())
    if last < 3:
        raise OpskitError(f"fewer than three renewals with {_FOLLOWED} contracts: none can be hidden.")
    split = max(last - holdout_periods, 2)
    early = part.assign(event=part["event"] & (part["time"] <= split), time=part["time"].clip(upper=split))
    try:
        model.fit(early)
    except OpskitError as why:
        raise OpskitError(f"on the first {split} renewals: {why}") from why
    fitted, later = seen[seen["period"] <= split], seen[seen["period"].between(split + 1, last)]
    drawn = model.predict_ended(later["period"], later["at_risk"])
    tail = (1 - model.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    expected = later["at_risk"] * (1 - model.retention_rate(later["period"])["retention_rate"].to_numpy())
    constant = later["at_risk"] * fitted["ended"].sum() / fitted["at_risk"].sum()
    bounds = {"low": np.minimum(low, expected), "high": np.maximum(high, expected)}
    return later.assign(expected=expected, **bounds, constant_churn=constant), drawn.sum(axis=1)


def _total(table: "pd.DataFrame", drawn: Any, tail: float) -> dict[str, Any]:
    import numpy as np

    sums = {name: float(table[name].sum()) for name in (*_DECISIONS, "expected", "constant_churn")}
    low, high = np.quantile(drawn, [tail, 1 - tail])
    ended = sums["ended"] or np.nan
    return {
        "plan": table["plan"].iloc[0],
        "split": int(table["period"].min()) - 1,
        **sums,
        "low": min(low, sums["expected"]),
        "high": max(high, sums["expected"]),
        "error": sums["expected"] / ended - 1,
        "constant_error": sums["constant_churn"] / ended - 1,
        "inside": bool(low <= sums["ended"] <= high),
    }
