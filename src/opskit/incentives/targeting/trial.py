"""One experiment as models need it: a row per customer with the arm, what was known before, and what came after."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import features, frames
from opskit.errors import TooLittleDataError, check
from opskit.incentives.experiment.design import arrivals, control_of, first_assignments, plan_of
from opskit.incentives.experiment.outcomes import STATUSES, in_window, orders_until

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("buyers", "orders", "revenue", "margin")
FEWEST = 30
"""Customers with their window behind them that an arm needs to be read at all."""
_AT = dt.date(2050, 1, 1)  # every assignment is moved to the end of this day, so that one look finds what was known
_WINDOWS = (90,)
_MOST_LEVELS = 30  # a text with more values is a name, not a trait


@dataclass(frozen=True)
class Trial:
    """An experiment with a control and one arm or more.

    Attributes:
        experiment: Its name.
        control: The arm that the others are compared with.
        arms: The others.
        planned: Planned share of every arm, together 1.
        planned_known: Whether the shares were given; else equal ones are assumed.
        unit_cost: Of each arm per customer treated, more than the control; nan: not given.
        rows: Customers of one arm whose window is over: customer_id, arm, outcomes, then features.
        features: Columns known at the assignment.
        counts: arm, status (used, window not over, in several variants), customers.
        as_of: Last day counted.
        window_days: Days, from the day of the assignment on, in which the outcome is counted.
        value_is: What margin rests on, in words.
    """

    experiment: str
    control: str
    arms: tuple[str, ...]
    planned: dict[str, float]
    planned_known: bool
    unit_cost: dict[str, float]
    rows: "pd.DataFrame"
    features: tuple[str, ...]
    counts: "pd.DataFrame"
    as_of: dt.date
    window_days: int
    value_is: str

    def size(self, arm: str) -> int:
        """Customers of an arm whose window is over."""
        return int((self.rows["arm"] == arm).sum())

    def unread(self) -> "Trial":
        """The same without a single customer: every table made from it is empty."""
        return replace(self, rows=self.rows.head(0))


def trial(
    assignments: Any,
    orders: Any,
    experiments: Any | None = None,
    *,
    as_of: dt.date,
    customers: Any | None = None,
    traits: Sequence[str] = (),
    experiment: str = "",
    control: str = "",
    window_days: int = 60,
) -> Trial:
    """What every customer of an experiment had done before it, and did in the window after it.

    Args:
        assignments: Any engine's frame with experiment, customer_id, variant, assigned_at; further numbers are taken as
            known before the assignment.
        orders: The same engine's frame with customer_id, ordered_at, revenue; optional refund and margin.
        experiments: The same engine's frame with experiment and variant; optional planned_share, unit_cost, price. None:
            equal shares are assumed.
        as_of: Last day to count, inclusive. Only customers whose window is over by then enter.
        customers: The same engine's frame with customer_id and the traits.
        traits: Columns of customers that were fixed before anybody was assigned, such as the channel of sign-up; those that
            are missing, the same for everybody, or as many as names, are left out.
        experiment: Its name; empty: of those that are about no price the one with most customers whose window is over.
        control: The arm to compare with; empty: the one called control, 对照 or the like, else the first by name.
        window_days: An order counts from the moment of the assignment to the end of the window_days-th day, the day of the
            assignment being the first.

    Returns:
        Trial. Features are `features.point_in_time` of orders before the moment of each customer's own assignment.

    Raises:
        OpskitError: There is no such experiment or arm, or a column is missing.
        TooLittleDataError: No experiment has two arms with 30 customers each whose window is over.

    Assumes traits are facts of before the assignment: a column that is overwritten later leaks.
    """
    check(window_days, "window_days", ge=1)
    arrived = arrivals(assignments, as_of=as_of)
    name = _named(arrived, experiments, experiment, as_of=as_of, window_days=window_days)
    mine = arrived[arrived["experiment"] == name]
    every = sorted(map(str, mine["variant"].unique()))
    first = control_of(every, control)
    people = _people(assignments, name, as_of)
    bought, value_is = orders_until(orders, as_of)
    after = frames.collect(in_window(people.join(bought, on="customer_id", how="left"), window_days, 1, False))
    status = _status(after, frames.day_number(as_of), window_days)
    counts = after.groupby(["variant", status.rename("status")]).size().reset_index(name="customers")
    rows = after[status == STATUSES[0]].rename(columns={"variant": "arm"})
    known = _known(assignments, orders, name, as_of, people)
    rows = rows[["customer_id", "arm", *OUTCOMES]].merge(known, on="customer_id", how="left")
    rows = _with_traits(rows, customers, traits).sort_values("customer_id", ignore_index=True)
    used = _usable(rows)
    arms = tuple(arm for arm in every if arm != first and (rows["arm"] == arm).sum() >= FEWEST)
    if not arms or (rows["arm"] == first).sum() < FEWEST:
        raise TooLittleDataError(
            f"{name}: {first} and another arm need {FEWEST} customers each whose {window_days} days are over on {as_of}; "
            f"there are {', '.join(f'{n} of {arm}' for arm, n in rows['arm'].value_counts().items()) or 'none'}. "
            "Wait, give fewer window_days, or name another experiment."
        )
    rows = rows[rows["arm"].isin([first, *arms])].reset_index(drop=True)
    share = float(rows["margin"].sum() / rows["revenue"].sum()) if rows["revenue"].sum() > 0 else float("nan")
    planned, given, cost = _plan(experiments, name, first, every)
    return Trial(
        name,
        first,
        arms,
        planned,
        given,
        {arm: cost[arm] for arm in arms},
        rows[["customer_id", "arm", *OUTCOMES, *used]],
        tuple(used),
        counts.rename(columns={"variant": "arm"}),
        as_of,
        window_days,
        value_is.format(share=share) if share == share else "Nobody bought anything in the window.",
    )


def _named(arrived: "pd.DataFrame", experiments: Any | None, given: str, *, as_of: dt.date, window_days: int) -> str:
    """The experiment asked for, or the largest that is about no price."""
    if given:
        check(given, "experiment", among=sorted(map(str, arrived["experiment"].unique())))
        return given
    priced: set[str] = set()
    if experiments is not None:
        lf = frames.lazy(experiments, "experiment", "variant", table="experiments")
        if "price" in lf.collect_schema().names():
            found = frames.collect(lf.filter(~nw.col("price").is_null()).select(nw.col("experiment").cast(nw.String)))
            priced = set(found["experiment"])
    over = arrived[~arrived["several"] & (arrived["day"] + window_days - 1 <= frames.day_number(as_of))]
    over = over[~over["experiment"].isin(priced)]
    sizes = over.groupby(["experiment", "variant"])["customers"].sum()
    sizes = sizes[sizes >= FEWEST].groupby("experiment").agg(["size", "sum"])
    ready = sizes[sizes["size"] > 1].sort_values("sum", ascending=False, kind="stable")
    if ready.empty:
        names = ", ".join(sorted(map(str, arrived["experiment"].unique())))
        raise TooLittleDataError(
            f"no experiment in assignments ({names or 'it is empty'}) has two arms with {FEWEST} customers each whose "
            f"{window_days} days are over on {as_of}. Wait, give fewer window_days, or name an experiment about a price."
        )
    return str(ready.index[0])


def _people(assignments: Any, name: str, as_of: dt.date) -> nw.LazyFrame[Any]:
    lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
    lf = lf.filter(nw.col("experiment").cast(nw.String) == name)
    return first_assignments(lf, as_of)


def _status(after: "pd.DataFrame", day: int, window_days: int) -> "pd.Series[Any]":
    several = after["variant"] != after["other"]
    waiting = after["day"] + window_days - 1 > day
    return several.map({True: STATUSES[2], False: STATUSES[0]}).mask(~several & waiting, STATUSES[1])


def _known(assignments: Any, orders: Any, name: str, as_of: dt.date, people: nw.LazyFrame[Any]) -> "pd.DataFrame":
    """What was known of each customer at the assignment: orders before that moment, and numbers of the assignments."""
    import pandas as pd

    lf = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    moment = nw.lit(dt.datetime.combine(_AT, dt.time()) + dt.timedelta(days=1))
    time = nw.col("ordered_at").cast(nw.Datetime("us"))
    assigned = nw.col("assigned_at").cast(nw.Datetime("us"))
    joined = lf.select("customer_id", "ordered_at", "revenue").join(
        people.select("customer_id", "assigned_at"), on="customer_id"
    )
    earlier = joined.filter(time < assigned).select(
        "customer_id", (moment - (assigned - time)).alias("ordered_at"), "revenue"
    )
    table = pd.DataFrame({"customer_id": pd.Series(dtype=object)})
    if frames.collect(earlier.select(nw.len().alias("n")))["n"].iloc[0]:
        table = as_known(frames.like(earlier, orders), as_of=_AT)
    known = _covariates(assignments, name, as_of)
    if not len(table):
        return known
    known = known.merge(table, on="customer_id", how="left")
    counts = [column for column in map(str, table) if column.endswith(("_before", "0d"))]
    return known.fillna(dict.fromkeys(counts, 0.0))


def as_known(orders: Any, *, as_of: dt.date) -> "pd.DataFrame":
    """What orders up to a day say about each customer; names tell orders before from those of the window.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day that may be looked at.
    """
    known = features.point_in_time(orders, as_of=as_of, windows_days=_WINDOWS)
    table = frames.collect(frames.lazy(known, table="features"))
    return table.rename(columns={"orders": "orders_before", "revenue": "revenue_before"})


def _covariates(assignments: Any, name: str, as_of: dt.date) -> "pd.DataFrame":
    """Every customer, with the mean of each further number of the assignments."""
    lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
    lf = lf.filter(nw.col("experiment").cast(nw.String) == name)
    keys = ("experiment", "customer_id", "variant", "assigned_at")
    numbers = [column for column, kind in lf.collect_schema().items() if column not in keys and kind.is_numeric()]
    own = [f"{column}_assigned" for column in numbers]
    cast = (nw.col(column).cast(nw.Float64).alias(name) for column, name in zip(numbers, own, strict=True))
    known = first_assignments(lf.select(*keys, *cast), as_of, *(nw.col(name).mean() for name in own))
    return frames.collect(known.select("customer_id", *own))


def _with_traits(rows: "pd.DataFrame", customers: Any | None, traits: Sequence[str]) -> "pd.DataFrame":
    if customers is None:
        return rows
    lf = frames.lazy(customers, "customer_id", table="customers")
    have = [name for name in traits if name in lf.collect_schema().names() and name not in rows]
    table = frames.collect(lf.select("customer_id", *have)).drop_duplicates("customer_id")
    return rows.merge(table, on="customer_id", how="left") if have else rows


def _usable(rows: "pd.DataFrame") -> list[str]:
    """Columns that vary; texts become categories in place, counts of those without orders 0."""
    import pandas as pd

    used: list[str] = []
    for column in map(str, rows.columns.drop(["customer_id", "arm", *OUTCOMES])):
        if not pd.api.types.is_numeric_dtype(rows[column]):
            rows[column] = rows[column].astype("string").fillna("none").astype("category")
        levels = rows[column].nunique(dropna=False)
        is_text = rows[column].dtype == "category"
        if levels > 1 and rows[column].notna().any() and not (is_text and levels > _MOST_LEVELS):
            used.append(column)
    return used


def _plan(
    experiments: Any | None, name: str, control: str, every: Sequence[str]
) -> tuple[dict[str, float], bool, dict[str, float]]:
    """Planned shares of all arms, whether they were given, and costs above the control's."""
    table = plan_of(experiments, name)
    shares = table["planned_share"].reindex(list(every))
    given = bool((shares > 0).all())
    cost = table["unit_cost"].reindex(list(every))
    base = float(cost[control]) if cost[control] == cost[control] else 0.0
    planned = {arm: float(shares[arm] / shares.sum()) if given else 1 / len(every) for arm in every}
    return planned, given, {arm: float(cost[arm]) - base for arm in every}
