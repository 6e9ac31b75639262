"""Where a journey is read from: actions, else orders, else leads; and which steps it has."""

import datetime as dt
from typing import Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.dataset import Dataset
from opskit.errors import OpskitError, check

STEPS = ("visit", "sign_up", "log_in", "browse", "add_to_cart", "buy", "pay", "receive", "confirm", "review")
ORDER_STEPS = ("first order", "second order", "third order")
STAGES = ("lead", "mql", "sql", "customer")


class Source(NamedTuple):
    """Actions to follow, and how."""

    actions: Any  # customer_id, event, occurred_at: any engine's frame
    steps: tuple[str, ...]
    window_days: int
    table: str  # events, orders or leads
    stages: tuple[str, ...]  # of the leads; none where there are no leads, or none whose stages are known
    unlocks: str  # what other tables would add, in words


def source(
    ds: Dataset,
    *,
    steps: str = "",
    stages: str = "",
    window_days: int = 30,
    order_window_days: int = 180,
    lead_window_days: int = 120,
) -> Source:
    """The longest journey that a dataset can show: of its events, else of its orders, else of its leads.

    Args:
        ds: The dataset.
        steps: Names of the steps in order, separated by commas; empty: the known ones that occur.
        stages: Names of the stages of leads in order, separated by commas; empty: the known ones that occur.
        window_days: Conversion window of events.
        order_window_days: Conversion window from the first order on, where there are only orders.
        lead_window_days: Conversion window of leads, where there is nothing else.

    Returns:
        The actions, steps and window to give `walk`, the table they come from, the stages of the leads, and what other
        tables would add.

    Raises:
        OpskitError: None of the three tables is there, or fewer than two steps are.
    """
    passed, unlocks = _stages(ds, stages), _unlocks(ds)
    if "leads" in ds.tables and not passed:
        unlocks += f" The stages of the leads are none of {', '.join(STAGES)}: name them in order with stages."
    if "events" in ds.tables:
        chosen = _names(steps) or known_steps(ds.events, as_of=ds.as_of)
        return Source(ds.events, chosen, window_days, "events", passed, unlocks)
    if steps:
        raise OpskitError(
            f"steps == {steps!r}, but {ds.name} has no table events. Leave steps empty, or add the table."
        )
    if "orders" in ds.tables or not passed:
        actions = order_actions(ds.orders, as_of=ds.as_of)
        return Source(actions, ORDER_STEPS, order_window_days, "orders", passed, unlocks)
    return Source(lead_actions(ds.leads), passed, lead_window_days, "leads", passed, unlocks)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _stages(ds: Dataset, stages: str) -> tuple[str, ...]:
    if "leads" not in ds.tables:
        return ()
    seen = _seen(lead_actions(ds.leads), ds.as_of)
    return _names(stages) or (tuple(name for name in STAGES if name in seen) if STAGES[0] in seen else ())


def _unlocks(ds: Dataset) -> str:
    adds = {
        "events": "every step from the first visit on",
        "orders": "what a step is worth, and whether the satisfied order again",
        "customers": "the journey by channel or another attribute",
        "surveys": "satisfaction by touchpoint",
        "leads": "the pipeline and its forecast",
    }
    missing = [f"{name} ({adds[name]})" for name in adds if name not in ds.tables]
    return "Further tables would add: " + "; ".join(missing) + "." if missing else ""


def known_steps(events: Any, *, as_of: dt.date, among: tuple[str, ...] = STEPS) -> tuple[str, ...]:
    """Those of the usual steps that somebody took, in the usual order.

    Args:
        events: Any engine's frame with event and occurred_at.
        as_of: Last day to count, inclusive.
        among: The steps to look for, in order.

    Raises:
        OpskitError: Fewer than two of them occur.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"event": ["pay", "visit"], "occurred_at": pd.to_datetime(["2024-01-02", "2024-01-01"])})
    >>> known_steps(events, as_of=dt.date(2024, 1, 31))
    ('visit', 'pay')
    """
    seen = _seen(events, as_of)
    found = tuple(name for name in among if name in seen)
    if len(found) < 2:
        have = ", ".join(map(repr, seen[:12])) or f"nothing on or before {as_of}"
        raise OpskitError(
            f"events hold {len(found)} of the steps {', '.join(among)}; at least two are needed. They hold {have}: name "
            'the steps with steps = "…,…", or map the names in opskit.toml under [events].'
        )
    return found


def _seen(events: Any, as_of: dt.date) -> list[str]:
    """Names of what was done by then, the most frequent first."""
    frames.day_number(as_of)
    lf = frames.lazy(events, "event", "occurred_at", table="events")
    rows = lf.filter(customers.on_or_before(lf, as_of, "occurred_at")).group_by("event").agg(nw.len().alias("rows"))
    counts = frames.collect(rows).dropna().sort_values(["rows", "event"], ascending=[False, True])
    return counts["event"].tolist()


def order_actions(orders: Any, *, as_of: dt.date, steps: tuple[str, ...] = ORDER_STEPS) -> Any:
    """Orders as actions: each customer's first order days, named by their number.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        steps: A name for the first order day, the second, and so on.

    Returns:
        The same kind of frame: customer_id, event, occurred_at (the last order of that day).

    Raises:
        OpskitError: as_of is not a date or before the first order, a column is missing, or there are no rows.

    Assumes orders of one day are one occasion.
    """
    lf, _ = customers.until(orders, as_of=as_of)
    number = nw.col("one").cum_sum().over("customer_id", order_by="occurred_at")
    days = (
        lf.select("customer_id", "ordered_at", frames.start_of(lf, "ordered_at").alias("day"))
        .group_by("customer_id", "day")
        .agg(nw.col("ordered_at").max().alias("occurred_at"))
        .with_columns(nw.lit(1).alias("one"))
        .with_columns(number.cast(nw.Int64).alias("number"))
        .filter(nw.col("number") <= len(steps))
    )
    name = nw.lit(steps[-1])
    for place, step in enumerate(steps[:-1], start=1):
        name = nw.when(nw.col("number") == place).then(nw.lit(step)).otherwise(name)
    return frames.like(days.select("customer_id", name.alias("event"), "occurred_at"), orders)


def lead_actions(leads: Any) -> Any:
    """Leads as actions: the lead stands for the customer, a stage entered for an event.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at.

    Returns:
        The same kind of frame: customer_id (the lead), event (the stage), occurred_at, and channel where there is one.
    """
    lf = frames.lazy(leads, "lead_id", "stage", "entered_at", table="leads")
    channel = [name for name in ("channel",) if name in lf.collect_schema().names()]
    renamed = (nw.col("lead_id").alias("customer_id"), nw.col("stage").alias("event"))
    return frames.like(lf.select(*renamed, nw.col("entered_at").alias("occurred_at"), *channel), leads)


def check_steps(steps: tuple[str, ...]) -> None:
    """Refuse a journey that is none: fewer than two steps, or one named twice."""
    check(len(steps), "number of steps", ge=2)
    if len(set(steps)) < len(steps):
        raise OpskitError(f"steps == {', '.join(steps)}, must each be named once.")
