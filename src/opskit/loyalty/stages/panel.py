"""Every customer's stage at every month's end, kept as the moves between stages."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, TooLittleDataError
from opskit.loyalty.stages.occasions import (
    LEVELS,
    STATES,
    advocacy,
    answers,
    ends,
    in_force,
    orders_by_month,
    signed_up,
)
from opskit.loyalty.stages.rules import STAGES, Rules

if TYPE_CHECKING:
    import pandas as pd

REASONS = ("", "fell silent", "answered less well", "answer too old", "no longer speaks for it")


class Panel(NamedTuple):
    """Moves between stages, counted: all that the readings of this package need."""

    moves: "pd.DataFrame"  # month, before, stage, reason, peak, entry, group, customers, revenue
    months: "pd.DatetimeIndex"  # first day of each month whose end is counted
    rules: Rules


def panel(
    orders: Any,
    *,
    as_of: dt.date,
    rules: Rules | None = None,
    **tables: Any,
) -> Panel:
    """Follow every customer's stage from month to month.

    A customer is there from the month of sign-up (of the first order, where that is earlier or there are no accounts).
    Only months that are over at as_of count, and each month's end looks at nothing later: whatever happens afterwards
    leaves it as it is.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.
        rules: The rules of the stages; the default ones if not given.
        **tables: Frames of the same engine, as far as there are: ``accounts`` with customer_id and signed_up_at;
            ``surveys`` as for `opskit.loyalty.journey.satisfaction`, with customer_id and answered_at, without which
            satisfaction and affection count order days; ``events`` with customer_id, event and occurred_at, without
            which loyalty counts order days.

    Returns:
        The panel. ``moves``: month (place in months), before and stage (places in STAGES; before is -1 in a customer's
        first month), reason (place in REASONS, of a fall), peak (highest stage before, where this one is higher, else
        -2), entry (the customer's first month, there only), group (of customers, for the intervals), customers and
        revenue (net of nothing, in that month). Whoever stays without a new order, answer or event has no row.

    Raises:
        TooLittleDataError: Fewer than two months are over.
        OpskitError: A column is missing, as_of is not a date or before the first order, or there are no rows.

    Assumes orders of one day are one occasion, and the orders reach back to the first ones: where they do not, old
    customers start at none.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-05", "2024-01-20", "2024-02-10"])
    >>> orders = pd.DataFrame({"customer_id": "A", "ordered_at": days, "revenue": 10.0})
    >>> found = panel(orders, as_of=dt.date(2024, 4, 30)).moves
    >>> [(row.month, row.before, row.stage) for row in found.itertuples()]
    [(0, -1, 1), (1, 1, 2), (2, 2, 0)]
    """
    import numpy as np
    import pandas as pd

    rules = rules or Rules()
    changes, last = _changes(orders, as_of, rules, tables)
    rises = nw.col("stage") > nw.col("peak")
    keys = ("month", "before", "stage", "reason", "peak", "entry", "group")
    counted = frames.collect(
        changes.with_columns(
            nw.when(rises).then(nw.col("peak")).otherwise(nw.lit(-2)).alias("peak"),
            nw.when(rises).then(nw.col("entry")).otherwise(nw.lit(-1)).alias("entry"),
        )
        .group_by(*keys)
        .agg(nw.len().alias("customers"), nw.col("revenue").sum())
    )
    moves = counted.sort_values(list(keys), ignore_index=True)
    first = int(moves["month"].min()) if len(moves) else last + 1
    if last - first < 1:
        raise TooLittleDataError(
            f"{last - first + 1} whole month(s) lie between the first order and {as_of}, and stages are compared "
            "from month to month: at least two are needed. Use a later as_of, or more data."
        )
    moves["month"] -= first
    moves["entry"] = moves["entry"].where(moves["entry"] < 0, moves["entry"] - first)
    starts = (np.arange(first, last + 1) - 1970 * 12).astype("datetime64[M]").astype("datetime64[ns]")
    return Panel(moves, pd.DatetimeIndex(starts), rules)


def current(orders: Any, *, as_of: dt.date, rules: Rules | None = None, **tables: Any) -> Any:
    """Each customer's stage at the end of the last month that is over, as a list to act on.

    Args:
        orders: As for `panel`.
        as_of: Last day to count, inclusive.
        rules: The rules of the stages; the default ones if not given.
        **tables: accounts, surveys and events as for `panel`.

    Returns:
        The same kind of frame as went in: customer_id, stage (its name), months (month-ends at that stage in a row).

    Raises:
        OpskitError: As for `panel`.
    """
    changes, last = _changes(orders, as_of, rules or Rules(), tables)
    moved = changes.filter(nw.col("stage") != nw.col("before"))
    moved = moved.with_columns((nw.col("month") * LEVELS + nw.col("stage")).alias("state"))
    latest = moved.group_by("customer_id").agg(nw.col("state").max())
    name = nw.lit(STAGES[0])
    for place, stage in enumerate(STAGES[1:], start=1):
        name = nw.when(nw.col("state") % LEVELS == place).then(nw.lit(stage)).otherwise(name)
    months = last - nw.col("state") // LEVELS + 1
    return frames.like(latest.select("customer_id", name.alias("stage"), months.alias("months")), orders)


def heard(
    orders: Any, *, as_of: dt.date, rules: Rules | None = None, confidence: float = 0.95, **tables: Any
) -> "pd.DataFrame":
    """What is known of how those in the habit feel: the stages above it are open only to those who answered.

    Args:
        orders: As for `panel`.
        as_of: Last day to count, inclusive.
        rules: The rules of the stages; the default ones if not given.
        confidence: Coverage of the intervals, between 0 and 1.
        **tables: accounts, surveys and events as for `panel`.

    Returns:
        feels (``no answer that counts``, ``not satisfied``, ``satisfied``, ``would recommend``), n (customers in the
        habit at the end of the last month), customers, share, low, high. No row without surveys.

    Raises:
        OpskitError: As for `panel`.
    """
    import pandas as pd

    columns = ["feels", "n", "customers", "share", "low", "high"]
    if tables.get("surveys") is None:
        return pd.DataFrame(columns=columns)
    months, _, last = _months(orders, as_of, rules or Rules(), tables)
    latest = months.filter(nw.col("month") <= last).group_by("customer_id").agg(nw.col(*STATES).max())
    known = in_force(latest.with_columns(nw.lit(last).cast(nw.Int64).alias("month"))).filter(nw.col("depth") >= 1)
    counted = frames.collect(known.group_by("told").agg(nw.len().alias("customers"))).set_index("told")["customers"]
    table = counted.reindex(range(4), fill_value=0).reset_index(drop=True)
    n = int(table.sum())
    low, high = stats.wilson(table, [n] * 4, confidence=confidence)
    names = ["no answer that counts", "not satisfied", "satisfied", "would recommend"]
    share = table / n if n else float("nan")
    return pd.DataFrame(dict(zip(columns, (names, n, table, share, low, high), strict=True)))


def _changes(orders: Any, as_of: dt.date, rules: Rules, tables: Mapping[str, Any]) -> tuple[nw.LazyFrame[Any], int]:
    """A row per customer and month in which something began or ended: her stage then, before, and at most before."""
    months, ids, last = _months(orders, as_of, rules, tables)
    asked, speaks = (tables.get(name) is not None for name in ("surveys", "events"))
    staged = _staged(months, asked=asked, speaks=speaks)
    there = staged.filter(nw.col("month") >= nw.col("entry"), nw.col("month") <= last)
    return stats.assign_groups(_compared(there), ids=ids), last


def _months(
    orders: Any, as_of: dt.date, rules: Rules, tables: Mapping[str, Any]
) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any], int]:
    """A row per customer and month in which something began or ended, the ids of those who can be there, the last month."""
    if unknown := set(tables) - {"accounts", "surveys", "events"}:
        raise OpskitError(f"tables == {sorted(unknown)!r}, must be among 'accounts', 'surveys', 'events'.")
    frames.day_number(as_of)
    tomorrow = as_of + dt.timedelta(days=1)
    last_day = dt.date(tomorrow.year, tomorrow.month, 1) - dt.timedelta(days=1)
    ordered = orders_by_month(orders, as_of, last_day, rules)
    rows = [ordered, ends(ordered, "order_state")]
    ids = [ordered.select("customer_id")]
    if (accounts := tables.get("accounts")) is not None:
        rows.append(signed_up(accounts, last_day))
        ids.append(rows[-1].select("customer_id"))
    if (surveys := tables.get("surveys")) is not None:
        given = answers(surveys, last_day, rules)
        rows += [given, ends(given, "answer_state")]
    if (events := tables.get("events")) is not None:
        said = advocacy(events, last_day, rules)
        rows += [said, ends(said, "speaks_until")]
    months = (
        nw.concat(rows)
        .group_by("customer_id", "month")
        .agg(nw.col(*STATES).max(), nw.col("revenue").sum(), nw.col("entry").min())
    )
    return months, nw.concat(ids), tomorrow.year * 12 + tomorrow.month - 2


def _staged(months: nw.LazyFrame[Any], *, asked: bool, speaks: bool) -> nw.LazyFrame[Any]:
    """The stage at each month's end, from the latest of each kind by then."""
    carried = months.with_columns(
        *(nw.col(name).cum_max().over("customer_id", order_by="month").alias(name) for name in STATES),
        nw.col("entry").min().over("customer_id").alias("entry"),
    )
    known = in_force(carried)
    happy, loves = (nw.col("told") >= least for least in (2, 3)) if asked else (nw.col("depth") >= k for k in (2, 3))
    loyal = (nw.col("speaks_until") > nw.col("month")) if speaks else (nw.col("depth") >= 4)
    stage = nw.when(nw.col("depth") < 1).then(nw.lit(0)).otherwise(
        nw.when(~happy).then(nw.lit(1)).otherwise(
            nw.when(~loves).then(nw.lit(2)).otherwise(nw.when(loyal).then(nw.lit(4)).otherwise(nw.lit(3)))
        )
    )  # fmt: skip
    return known.with_columns(stage.cast(nw.Int64).alias("stage"))


def _compared(there: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Each row with the stage before, the highest before, and, of a fall, the reason."""
    before = nw.col("stage").shift(1).over("customer_id", order_by="month")
    peak = nw.col("before").cum_max().over("customer_id", order_by="month")
    lost = nw.when(nw.col("depth") < 1).then(nw.lit(1)).otherwise(
        nw.when(nw.col("stage") == 3).then(nw.lit(4)).otherwise(
            nw.when(nw.col("told") >= 1).then(nw.lit(2)).otherwise(nw.lit(3))
        )
    )  # fmt: skip
    fell = nw.col("stage") < nw.col("before")
    return (
        there.with_columns(before.fill_null(-1).cast(nw.Int64).alias("before"))
        .with_columns(peak.alias("peak"), nw.when(fell).then(lost).otherwise(nw.lit(0)).alias("reason"))
        .select("customer_id", "month", "before", "stage", "reason", "peak", "entry", "revenue")
    )
