"""Which experiments the data hold, who was put into which arm when, and which one is read."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("control", "current", "holdout", "baseline", "a", "对照", "对照组", "控制组", "现价", "原版", "旧版")
_WEEK = 7


@dataclass(frozen=True)
class Design:
    """Two arms of one experiment, and what was planned.

    Attributes:
        experiment: Its name.
        control: The arm that the other is compared with.
        treatment: The other arm.
        planned: Planned share of each of the two, together 1.
        planned_known: Whether the shares were given; else equal ones are assumed.
        started_on: First day of the plan, or of an assignment.
        ended_on: Last day of recruiting by plan; None: not given.
        unit_cost: What the treatment costs per customer more than the control; nan: not given.
    """

    experiment: str
    control: str
    treatment: str
    planned: dict[str, float]
    planned_known: bool
    started_on: dt.date
    ended_on: dt.date | None
    unit_cost: float


def arrivals(assignments: Any, *, as_of: dt.date) -> "pd.DataFrame":
    """How many customers came into each arm of each experiment on which day.

    Args:
        assignments: Any engine's frame with experiment, customer_id, variant and assigned_at.
        as_of: Last day to count, inclusive.

    Returns:
        experiment, variant, day (days since 1970-01-01, of a customer's first assignment), several (whether the customer
        was put into several variants), customers.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"experiment": "gift", "customer_id": [1, 2, 2], "variant": ["a", "a", "b"]})
    >>> arrivals(rows.assign(assigned_at=pd.Timestamp("2025-03-01")), as_of=dt.date(2025, 3, 2))["customers"].tolist()
    [1, 1]
    """
    lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
    people = first_assignments(lf, as_of).with_columns((nw.col("variant") != nw.col("other")).alias("several"))
    counted = people.group_by("experiment", "variant", "day", "several").agg(nw.len().alias("customers"))
    return frames.collect(counted).sort_values(["experiment", "day", "variant", "several"], ignore_index=True)


def first_assignments(lf: nw.LazyFrame[Any], as_of: dt.date, *columns: nw.Expr) -> nw.LazyFrame[Any]:
    """A row per experiment and customer: first and last variant by name, first assignment and its day, further aggregates."""
    known = lf.filter(customers.on_or_before(lf, as_of, "assigned_at"))
    return (
        known.with_columns(nw.col("variant").cast(nw.String), nw.col("experiment").cast(nw.String))
        .group_by("experiment", "customer_id")
        .agg(nw.col("variant").min(), nw.col("variant").max().alias("other"), nw.col("assigned_at").min(), *columns)
        .with_columns(frames.epoch_day("assigned_at").alias("day"))
    )


def two_armed(arrived: "pd.DataFrame", *, as_of: dt.date, window_days: int) -> list[str]:
    """Experiments with two arms that both hold customers whose window is over, the one that began first first.

    Args:
        arrived: From `arrivals`.
        as_of: Last day to count, inclusive.
        window_days: Days, from the day of the assignment on, in which the outcome is counted.
    """
    over = arrived[~arrived["several"] & (arrived["day"] + window_days - 1 <= frames.day_number(as_of))]
    arms = arrived.groupby("experiment")["variant"].nunique()
    read = over.groupby("experiment")["variant"].nunique()
    begun = arrived.groupby("experiment")["day"].min()
    ready = [str(name) for name in arms.index if arms[name] == 2 and read.get(name, 0) == 2]
    return sorted(ready, key=lambda name: (begun[name], name))


def design(
    arrived: "pd.DataFrame",
    experiments: Any | None = None,
    *,
    as_of: dt.date,
    experiment: str = "",
    control: str = "",
    treatment: str = "",
    window_days: int = 60,
) -> Design:
    """The experiment to read, and its two arms.

    Args:
        arrived: From `arrivals`.
        experiments: Any engine's frame with experiment and variant; optional planned_share, unit_cost, started_at,
            ended_at. None: equal shares are assumed.
        as_of: Last day to count, inclusive.
        experiment: Its name; empty: the first with two arms in which customers' windows are over.
        control: The arm to compare with; empty: the one called control, current, 对照 or the like, else the first by name.
        treatment: The other arm; needed where there are more than two.
        window_days: As in `two_armed`.

    Raises:
        OpskitError: There is no such experiment or arm, or it has more than two arms and none is named.
        TooLittleDataError: No experiment has two arms with customers whose window is over.
    """
    names = sorted(map(str, arrived["experiment"].unique()))
    if experiment:
        check(experiment, "experiment", among=names)
    ready = [experiment] if experiment else two_armed(arrived, as_of=as_of, window_days=window_days)
    if not ready:
        raise TooLittleDataError(
            f"no experiment in assignments ({', '.join(names) or 'it is empty'}) has two arms with customers whose "
            f"{window_days} days are over on {as_of}. Wait, give fewer window_days, or name experiment and treatment."
        )
    name = ready[0]
    mine = arrived[arrived["experiment"] == name]
    arms = sorted(map(str, mine["variant"].unique()))
    first = control_of(arms, control)
    second = _treatment(name, [arm for arm in arms if arm != first], treatment)
    table = plan_of(experiments, name)
    shares = table["planned_share"].reindex([first, second])
    known = bool((shares > 0).all())
    total = float(shares.sum()) if known else 2.0
    cost = table["unit_cost"].reindex([first, second])
    began, ended = table["started_at"].min(), table["ended_at"].max()
    return Design(
        name,
        first,
        second,
        {arm: float(shares[arm]) / total if known else 0.5 for arm in (first, second)},
        known,
        began.date() if began == began else _date(int(mine["day"].min())),
        ended.date() if ended == ended else None,
        float(cost[second] - (cost[first] if cost[first] == cost[first] else 0.0)),
    )


def control_of(arms: list[str], given: str) -> str:
    """The arm to compare with: the one named, else the one called control or the like, else the first by name."""
    if given:
        check(given, "control", among=arms)
        return given
    return next((arm for arm in arms if arm.lower() in CONTROLS), arms[0])


def _treatment(name: str, others: list[str], given: str) -> str:
    if given:
        check(given, "treatment", among=others)
        return given
    if len(others) != 1:
        told = f"{name} has one arm only" if not others else f"{name} has several arms: {', '.join(others)}"
        raise OpskitError(
            f"{told}. Name one as treatment." if others else f"{told}: there is nothing to compare it with."
        )
    return others[0]


def plan_of(experiments: Any | None, name: str) -> "pd.DataFrame":
    """planned_share, unit_cost, started_at and ended_at by variant, missing where they are not given."""
    import pandas as pd

    columns = {"planned_share": float, "unit_cost": float, "started_at": "datetime64[us]", "ended_at": "datetime64[us]"}
    if experiments is None:
        return pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in columns.items()})
    lf = frames.lazy(experiments, "experiment", "variant", table="experiments")
    table = frames.collect(lf.filter(nw.col("experiment").cast(nw.String) == name))
    table = table.assign(**{column: None for column in columns if column not in table}).astype({"variant": str})
    return table.drop_duplicates("variant").set_index("variant")[list(columns)].astype(columns)


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)
