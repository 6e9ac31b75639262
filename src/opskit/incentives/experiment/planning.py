"""Before a test: how many customers and weeks it takes, the effect it can see, and what waiting costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opskit.errors import TooLittleDataError, check
from opskit.incentives.experiment.effects import known_before
from opskit.incentives.experiment.measures import MEASURES, metric
from opskit.incentives.experiment.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd
    from tea_tasting.aggr import Aggregates

_WEEK = 7
USUAL_WEEKS = (2, 4, 8, 12, 26, 52)


@dataclass(frozen=True)
class Plan:
    """A test still to come, of customers like those of the control.

    Attributes:
        needed: smallest_effect (share of control), customers, weeks_recruiting, weeks_until_decision, power, alpha, per
            covariate ("with covariate", "without").
        by_weeks: weeks (of recruiting), customers, smallest_visible (effect seen with the power asked for, as a share of
            control), power (to see the effect worth having), weeks_until_decision, cost_if_better, cost_if_worse.
        baseline: Mean of the control.
        per_week: Customers who arrive a week.
        worth_per_unit: Money that one unit of the metric is worth.
    """

    needed: "pd.DataFrame"
    by_weeks: "pd.DataFrame"
    baseline: float
    per_week: float
    worth_per_unit: float


def arriving_per_week(found: Outcomes) -> float:
    """Customers assigned per week, from the first to the last assignment, both arms together."""
    from opskit import frames

    assigned = sum(found.assigned(arm) for arm in (found.design.control, found.design.treatment))
    day = found.days["day"]
    ends = found.design.ended_on
    last = frames.day_number(min(ends, found.as_of)) if ends else max(int(day.max()), int(day.min()))
    waiting = found.counts["status"].eq("window not over").any()
    last = frames.day_number(found.as_of) if waiting and not ends else last
    return assigned * _WEEK / max(last - int(day.min()) + 1, 1)


def worth_per_unit(found: Outcomes, name: str, *, given: float = 0.0) -> float:
    """Contribution that one unit of the metric brings, as in the control: a buyer's, an order's, a unit of revenue's.

    Args:
        found: From `outcomes`.
        name: The metric.
        given: Use this instead; 0: work it out.

    Returns:
        Money per unit; nan where the control bought nothing.
    """
    check(given, "worth_per_unit", ge=0)
    if given:
        return given
    days = found.days[found.days["variant"] == found.design.control]
    margin, revenue, orders, buyers = (float(days[c].sum()) for c in ("margin", "revenue", "orders", "buyers"))
    n = float(days["customers"].sum())
    over = {"buyers": buyers, "orders": orders, "revenue": revenue, "margin": margin, "order_value": revenue}[name]
    worth = margin / over if over > 0 else float("nan")
    return worth * orders / n if name == "order_value" else worth


def plan(
    found: Outcomes,
    name: str,
    *,
    smallest_effect: float = 0.2,
    power: float = 0.8,
    confidence: float = 0.95,
    covariate: str = "before",
    weeks: Sequence[int] = USUAL_WEEKS,
    worth: float = 0.0,
) -> Plan:
    """Size, duration and cost of a test among customers who arrive and buy like those of the control.

    Args:
        found: From `outcomes`: its control gives mean, variance and what the covariate explains.
        name: The metric.
        smallest_effect: Effect worth having, as a share of the control's mean.
        power: Chance of seeing it where it is there.
        confidence: 1 less the chance of seeing an effect where there is none.
        covariate: As in `effects`.
        weeks: Durations of recruiting to show.
        worth: Money that one unit of the metric is worth; 0: as in the control.

    Returns:
        Plan. Costs are of a treatment that is better (or worse) by the effect worth having: those who get the worse arm while
        the test recruits, and, where it is better, those who arrive without it until the last window is over.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: The control's metric does not vary, or is 0.

    Assumes the treatment leaves the variance as it is, arms as large as planned for this test, and arrivals as before.

    Source: power of a difference of means by tea-tasting, normal approximation, with the control's variance in both arms.
    """
    import pandas as pd

    check(smallest_effect, "smallest_effect", gt=0)
    check(power, "power", gt=0, lt=1)
    check(confidence, "confidence", gt=0, lt=1)
    control = found.arm(found.design.control)
    baseline = _mean(name, control)
    if control is None or not baseline > 0 or not control.ratio_var(*_parts(name)) > 0:
        raise TooLittleDataError(
            f"{MEASURES[name].label} of {found.design.control} is 0 or the same for everybody: no test can be planned from "
            "it. Give more window_days, or another metric."
        )
    covariate = covariate if known_before(MEASURES[name], control, control, covariate) else "none"
    share = found.design.planned[found.design.treatment]
    options = {"ratio": share / (1 - share), "alpha": 1 - confidence, "use_t": False}
    per_week, unit = arriving_per_week(found), worth_per_unit(found, name, given=worth)
    needed = pd.DataFrame(
        {"reading": told, **_needed(name, found, control, smallest_effect, power, used, options)}
        for told, used in (("with covariate", covariate), ("without", "none"))
    )
    needed["weeks_recruiting"] = needed["customers"] / per_week
    needed["weeks_until_decision"] = needed["weeks_recruiting"] + found.window_days / _WEEK
    by_weeks = pd.DataFrame(
        {"weeks": week, **_after(name, found, control, week * per_week, smallest_effect, power, covariate, options)}
        for week in weeks
    )
    costs = _costs(by_weeks, smallest_effect * baseline * unit, share, per_week, found.window_days / _WEEK)
    return Plan(needed.assign(power=power, alpha=1 - confidence), costs, baseline, per_week, unit)


def _costs(
    by_weeks: "pd.DataFrame", worth_of_each: float, share: float, per_week: float, window_weeks: float
) -> "pd.DataFrame":
    """What the worse arm costs while the test recruits, and waiting for its last window where the treatment is better."""
    n = by_weeks["customers"]
    return by_weeks.assign(
        weeks_until_decision=by_weeks["weeks"] + window_weeks,
        cost_if_better=worth_of_each * (n * (1 - share) + per_week * window_weeks),
        cost_if_worse=worth_of_each * n * share,
    )


def _parts(name: str) -> tuple[str, str | None]:
    return MEASURES[name].numerator, MEASURES[name].denominator or None


def _mean(name: str, control: "Aggregates | None") -> float:
    numerator, denominator = _parts(name)
    below = control.mean(denominator) if control else 0
    return float(control.mean(numerator)) / below if control and below > 0 else float("nan")


def _needed(
    name: str,
    found: Outcomes,
    control: "Aggregates",
    effect: float,
    power: float,
    covariate: str,
    options: dict[str, Any],
) -> dict[str, float]:
    """Customers of both arms together."""
    one = metric(name, found.columns, covariate=covariate, rel_effect_size=effect, power=power, **options)
    return {"smallest_effect": effect, "customers": one.solve_power_from_aggregates(control, "n_obs")[0].n_obs}


def _after(
    name: str,
    found: Outcomes,
    control: "Aggregates",
    customers: float,
    effect: float,
    power: float,
    covariate: str,
    options: dict[str, Any],
) -> dict[str, float]:
    """What a test of so many customers sees."""
    n = int(customers)
    row = {"customers": n, "smallest_visible": float("nan"), "power": float("nan")}
    if n < 4:  # no variance in one of the arms
        return row
    seen = metric(name, found.columns, covariate=covariate, n_obs=n, power=power, **options)
    held = metric(name, found.columns, covariate=covariate, n_obs=n, rel_effect_size=effect, **options)
    row["smallest_visible"] = seen.solve_power_from_aggregates(control, "rel_effect_size")[0].rel_effect_size
    row["power"] = held.solve_power_from_aggregates(control, "power")[0].power
    return row
