"""Ship, do not ship, or not yet: from rules stated before the result, each with the figure that decided it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.incentives.experiment.arm_sizes import SUSPICIOUS, UNLIKE, believed
from opskit.incentives.experiment.measures import MEASURES
from opskit.incentives.experiment.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

SHIP, NOT_YET, DO_NOT_SHIP = "ship", "not yet", "do not ship"


class Verdict(NamedTuple):
    """What follows, and why."""

    answer: str  # ship, not yet, do not ship
    rules: "pd.DataFrame"  # rule, holds (yes, no, unknown, not read), figure
    net_worth: "pd.DataFrame"  # estimate, low, high (money per customer, the treatment's cost taken off), n


def net_worth(effects: "pd.DataFrame", *, worth: float, unit_cost: float) -> "pd.DataFrame":
    """What the treatment brings per customer less what it costs.

    Args:
        effects: From `effects`, the deciding metric first.
        worth: Money per unit of that metric, from `worth_per_unit`.
        unit_cost: Of the treatment per customer; nan counts as 0.

    Returns:
        estimate, low, high, n; money per customer.

    Assumes one more unit is worth what one is worth in the control. Where the worth is below 0 the ends change places.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"difference": [0.2], "low": [0.1], "high": [0.3], "n": [100]})
    >>> net_worth(table, worth=50, unit_cost=2)[["estimate", "low", "high"]].values.tolist()
    [[8.0, 3.0, 13.0]]
    """
    import pandas as pd

    row, cost = effects.iloc[0], unit_cost if unit_cost == unit_cost else 0.0
    low, high = sorted((row["low"] * worth - cost, row["high"] * worth - cost))
    return pd.DataFrame([{"estimate": row["difference"] * worth - cost, "low": low, "high": high, "n": row["n"]}])


def verdict(
    found: Outcomes,
    sizes: "pd.DataFrame",
    before: "pd.DataFrame",
    effects: "pd.DataFrame",
    guards: "pd.DataFrame",
    readings: "pd.DataFrame",
    *,
    smallest_effect: float = 0.2,
    worth: float,
    unit_cost: float,
    confidence: float = 0.95,
) -> Verdict:
    """All rules must hold to ship; one broken means do not ship; anything unknown means not yet, so not shipped.

    Args:
        found: From `outcomes`.
        sizes: From `sample_ratio`.
        before: From `balance`.
        effects: From `effects`, the deciding metric first.
        guards: From `guardrails`.
        readings: From `looks`, of the deciding metric.
        smallest_effect: Effect worth having, as a share of control.
        worth: Money per unit of the deciding metric.
        unit_cost: Of the treatment per customer; nan counts as 0.
        confidence: As everywhere.

    Returns:
        Verdict. With arms of unplanned sizes no other rule is read, and the answer is not yet: find the fault, test again.
    """
    import pandas as pd

    net = net_worth(effects, worth=worth, unit_cost=unit_cost)
    sound = believed(sizes)
    rules = [_sizes(sizes)]
    if sound:
        rules += [
            *_alike(before),
            _over(found, readings),
            _better(effects, smallest_effect, 1 - confidence),
            _pays(net),
        ]
        rules += [_guard(row) for _, row in guards.iterrows()]
    else:
        rules += [{"rule": rule, "holds": "not read", "figure": "–"} for rule in ("better", "worth its cost")]
        net[["estimate", "low", "high"]] = float("nan")
    answers = {rule["holds"] for rule in rules}
    answer = SHIP if answers == {"yes"} else DO_NOT_SHIP if sound and "no" in answers else NOT_YET
    return Verdict(answer, pd.DataFrame(rules), net)


def _sizes(sizes: "pd.DataFrame") -> dict[str, str]:
    row = sizes.iloc[0]
    figure = (
        f"{plots.percent(row['share'])} of {row['control'] + row['treatment']:,} in the treatment, planned "
        f"{plots.percent(row['planned_share'])}: p = {row['p_value']:.2g}, limit {SUSPICIOUS}"
    )
    return {"rule": "arms of the planned sizes", "holds": _told(believed(sizes)), "figure": figure}


def _alike(before: "pd.DataFrame") -> list[dict[str, str]]:
    """A rule only where anything was known before."""
    if before.empty:
        return []
    row = before.sort_values("p_corrected").iloc[0]
    figure = f"least alike in {row['known_before']}: p = {row['p_corrected']:.2g} (Holm), limit {UNLIKE}"
    holds = _told(bool(row["p_corrected"] >= UNLIKE))
    return [{"rule": "arms alike before", "holds": holds, "figure": figure}]


def _over(found: Outcomes, readings: "pd.DataFrame") -> dict[str, str]:
    used = sum(found.used(arm) for arm in (found.design.control, found.design.treatment))
    information = float(readings["information"].iloc[-1]) if len(readings) else float("nan")
    rule, over = "over as planned, or beyond the bound for early readings", information >= 1
    if over or information != information:
        figure = f"{used:,} customers, all windows over" if over else f"{used:,} customers: too few to be read"
        return {"rule": rule, "holds": "yes" if over else "unknown", "figure": figure}
    last = readings.iloc[-1]
    figure = f"{plots.percent(information)} of the customers to come, z = {last['z']:.2f}, bound {last['bound']:.2f}"
    return {"rule": rule, "holds": "yes" if last["crossed"] else "unknown", "figure": figure}


def _better(effects: "pd.DataFrame", smallest_effect: float, alpha: float) -> dict[str, str]:
    row = effects.iloc[0]
    worth_having = smallest_effect * row["control"]
    if row["low"] > 0 and row["p_corrected"] < alpha:
        holds = "yes"
    else:
        holds = "no" if row["high"] < worth_having else "unknown"
    figure = (
        f"{MEASURES[row['metric']].label}: {_signed(row['difference'], row['unit'])} ({_signed(row['low'], row['unit'])} to "
        f"{_signed(row['high'], row['unit'])}), p = {row['p_corrected']:.2g} corrected; worth having: "
        f"{_signed(worth_having, row['unit'])}"
    )
    return {"rule": "better in the deciding metric", "holds": holds, "figure": _clean(figure, row["difference"])}


def _pays(net: "pd.DataFrame") -> dict[str, str]:
    row = net.iloc[0]
    holds = "yes" if row["low"] > 0 else "no" if row["high"] < 0 else "unknown"
    figure = f"{_signed(row['estimate'], 'money')} per customer after its cost ({_signed(row['low'], 'money')} to {_signed(row['high'], 'money')})"
    return {"rule": "worth its cost", "holds": holds, "figure": _clean(figure, row["estimate"])}


def _guard(row: "pd.Series[Any]") -> dict[str, str]:
    unit = "share" if row["margin"] < 1 else "number"
    figure = f"harm at most {_signed(row['high'], unit)} at the interval's end, bearable {_signed(row['margin'], unit)}"
    return {"rule": f"guardrail: {row['label']}", "holds": row["holds"], "figure": _clean(figure, row["high"])}


def _told(holds: bool) -> str:
    return "yes" if holds else "no"


def _signed(value: float, unit: str) -> str:
    text = plots.percent(value) if unit == "share" else plots.number(value)
    return f"+{text}" if value > 0 else text


def _clean(figure: str, value: float) -> str:
    return figure if value == value else "cannot be told: the metric does not vary"
