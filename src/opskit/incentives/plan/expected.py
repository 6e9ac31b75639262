"""What each row of the plan is expected to come to: people, cost, base, the effect that its hold-out can see."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import check
from opskit.incentives.experiment.measures import MEASURES, aggregates, metric
from opskit.incentives.plan.audience import Audience, counts
from opskit.incentives.plan.before import COUNTED
from opskit.incentives.plan.reached import HELD_OUT, KEPT_BACK, SENT, medium_key

if TYPE_CHECKING:
    import pandas as pd
    from tea_tasting.aggr import Aggregates

MEASURED = ("buyers", "orders", "revenue", "margin", "order_value")
"""What a row can be judged by: what `incentives/experiment` can read afterwards."""
_NAN = float("nan")


def expected(
    found: Audience,
    base: "pd.DataFrame",
    *,
    costs: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
    alpha: float = 0.05,
) -> "pd.DataFrame":
    """The figures of each row, beside each other.

    Args:
        found: From `audience`.
        base: From `before`.
        costs: Mean cost of a message by medium, from `message_costs`; a medium that is not there costs nothing.
        confidence: Coverage of the intervals, between 0 and 1.
        power: Chance of seeing the effect if it is there.
        alpha: Chance of seeing one where there is none.

    Returns:
        row, people, reachable (to be sent or held out), to_be_sent, held_out, kept_back, out_of_reach (share of people suppressed,
        opted out or without address); message_cost; cost_at_most (each of those sent uses the means); cost_each (per
        customer sent, by used_share); kpi, base, low, high (its mean per customer in kpi_days without the plan), n (customers it
        was seen on), hoped (the effect), visible (smallest effect that the hold-out shows, as a share of base), needed
        (customers for the hoped one at this hold-out); worth, worth_low, worth_high (contribution that the hoped effect
        brings per customer), pays_from (effect from which cost_each is earned back).

    Raises:
        OpskitError: An option is out of range.

    Assumes the means raises contribution in the proportion in which it raises the KPI, and variance stays as it is.

    Source: Wilson (1927) for shares, the normal mean for others; power as in `incentives.experiment.plan`, by tea-tasting.
    """
    import pandas as pd

    for name, value in (("confidence", confidence), ("power", power), ("alpha", alpha)):
        check(value, name, gt=0, lt=1)
    table = counts(found)
    rows = [
        _row(plan, counted, base.loc[at].to_dict() if at in base.index else None, costs or {}, confidence, power, alpha)
        for at, (plan, counted) in enumerate(zip(found.plan.to_dict("records"), table.to_dict("records"), strict=True))
    ]
    return pd.DataFrame(rows)


def _row(
    plan: Mapping[Any, Any],
    counted: Mapping[Any, Any],
    sums: Mapping[Any, Any] | None,
    costs: Mapping[str, float],
    confidence: float,
    power: float,
    alpha: float,
) -> dict[str, Any]:
    sent, aside, people = counted[SENT], counted[HELD_OUT], counted["people"]
    unreached = sum(counted[name] for name in KEPT_BACK[:3])
    message = plan["messages"] * costs.get(medium_key(plan["medium"]), 0.0)
    was = _aggregated(sums)
    each = message + plan["used_share"] * plan["unit_cost"]
    margin = _mean("margin", was, confidence)
    # A loss cannot be raised: where such customers bring nothing, an effect is worth nothing.
    worth = [max(plan["hoped_effect"] * value, 0.0) if value == value else _NAN for value in margin]
    measured = plan["kpi"] in MEASURED
    value, low, high = _mean(plan["kpi"], was, confidence) if measured else (_NAN, _NAN, _NAN)
    seen: dict[str, Any] = {
        "effect": plan["hoped_effect"],
        "sent": sent,
        "aside": aside,
        "power": power,
        "alpha": alpha,
    }
    visible, needed = _power(plan["kpi"], was, **seen) if measured else (_NAN, _NAN)
    return {
        "row": plan["row"],
        "people": people,
        "reachable": sent + aside,
        "to_be_sent": sent,
        "held_out": aside,
        "kept_back": people - sent - aside,
        "out_of_reach": unreached / people if people else _NAN,
        "message_cost": message,
        "cost_at_most": sent * (message + plan["unit_cost"]),
        "cost_each": each,
        "kpi": plan["kpi"],
        "base": value,
        "low": low,
        "high": high,
        "n": int(sums["customers"]) if sums is not None else 0,
        "hoped": plan["hoped_effect"],
        "visible": visible,
        "needed": needed,
        "worth": worth[0],
        "worth_low": worth[1],
        "worth_high": worth[2],
        "pays_from": each / margin[0] if margin[0] > 0 else _NAN,
    }


def interval(name: str, sums: Mapping[Any, Any] | None, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """The mean of a KPI per customer (order_value: per order) and its interval.

    Args:
        name: One of MEASURED.
        sums: A row of `before`; None: missing.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        OpskitError: The name is unknown, or the confidence out of range.
    """
    check(name, "name", among=MEASURED)
    check(confidence, "confidence", gt=0, lt=1)
    return _mean(name, _aggregated(sums), confidence)


def _aggregated(sums: Mapping[Any, Any] | None) -> "Aggregates | None":
    """None where there are too few customers for a spread."""
    import pandas as pd

    return aggregates(pd.Series(sums), COUNTED) if sums is not None and sums["customers"] >= 2 else None


def _mean(name: str, was: "Aggregates | None", confidence: float) -> tuple[float, float, float]:
    """Mean of a metric per customer, or per order, and its interval."""
    from scipy.special import ndtri

    if was is None:
        return _NAN, _NAN, _NAN
    measure, n = MEASURES[name], was.count()
    over = measure.denominator or None
    if over and not was.mean(over) > 0:
        return _NAN, _NAN, _NAN
    value = float(was.mean(measure.numerator)) / (float(was.mean(over)) if over else 1.0)
    if name == "buyers":
        low, high = stats.wilson(value * n, n, confidence=confidence)
        return value, min(float(low), value), max(float(high), value)
    half = float(ndtri((1 + confidence) / 2)) * (float(was.ratio_var(measure.numerator, over)) / n) ** 0.5
    return value, value - half, value + half


def _power(
    name: str, was: "Aggregates | None", *, effect: float, sent: int, aside: int, power: float, alpha: float
) -> tuple[float, float]:
    """Smallest effect seen with these two groups, and customers needed in both for the hoped one."""
    if was is None or not sent or not aside or sent + aside < 4:
        return _NAN, _NAN
    measure = MEASURES[name]
    parts = (measure.numerator, measure.denominator or None)
    if measure.denominator and not was.mean(measure.denominator) > 0:
        return _NAN, _NAN
    if not was.ratio_var(*parts) > 0 or not was.mean(measure.numerator) > 0:
        return _NAN, _NAN
    shape: dict[str, Any] = {"covariate": "none", "ratio": sent / aside, "alpha": alpha, "use_t": False, "power": power}
    seen = metric(name, COUNTED, n_obs=sent + aside, **shape)
    visible = float(seen.solve_power_from_aggregates(was, "rel_effect_size")[0].rel_effect_size)
    # With the normal approximation the effect seen falls with the root of the number of customers.
    return visible, (sent + aside) * (visible / effect) ** 2 if effect > 0 else _NAN
