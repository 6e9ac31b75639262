"""Growth value from the tables: what each action earns after the caps, one row per customer and day."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import TooLittleDataError
from opskit.incentives.level_system.design import Design, Earn
from opskit.incentives.points_economy import given_rules, marked

if TYPE_CHECKING:
    import pandas as pd

_TIMES = {"orders": "ordered_at", "events": "occurred_at", "points": "posted_at"}
_NEARLY = 1e-6  # 0.1 x 30 must be 3 on every machine before it is cut to a whole number


class Growth(NamedTuple):
    """What customers earned, ready to be replayed.

    Attributes:
        days: A Narwhals lazy frame, worked out but on Spark: customer_id, group (of customers, for intervals), day (since 1970-01-01), month
            (calendar months since year 0), growth (value earned), core (of it by the core business), revenue and money
            (margin, or revenue without one), both after refunds.
        caps: behaviour, source, actions, growth (before caps), kept, kept_growth; source "missing" is not in the data.
        first_month: Month of the first action that counts.
        last_month: Last whole month; nothing later is read.
        last_day: Its last day.
        has_margin: Whether money is margin.
        told: What money is, in words.
    """

    days: nw.LazyFrame[Any]
    caps: "pd.DataFrame"
    first_month: int
    last_month: int
    last_day: dt.date
    has_margin: bool
    told: str


def growth(design: Design, orders: Any, events: Any = None, points: Any = None, *, as_of: dt.date) -> Growth:
    """Work out what each customer earned by day under the design's rules.

    Every action earns a whole number: what it would earn is cut down to one. Where the rules name a table or a behaviour
    that is not there, they earn nothing, and `caps` says so.

    Args:
        design: From `read` or `usual`.
        orders: Any engine's frame with customer_id, ordered_at and revenue; refund and margin where known.
        events: The same engine's frame with customer_id, event and occurred_at.
        points: The same engine's frame with customer_id, posted_at, points, kind and behaviour; only what was earned is
            read, as a log of behaviours.
        as_of: Last day to count, inclusive; a month that is not over then is left out.

    Returns:
        The days.

    Raises:
        OpskitError: A column is missing, or as_of is no date.
        TooLittleDataError: No whole month holds an action that counts.

    >>> import pandas as pd
    >>> from opskit.incentives.level_system.reading import read, template
    >>> when = pd.to_datetime(["2024-01-05", "2024-02-05"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A"], "ordered_at": when, "revenue": [10.9, 20.0]})
    >>> found = growth(read(template()), orders, as_of=dt.date(2024, 2, 29))
    >>> frames.collect(found.days.sort("day"))["growth"].tolist()
    [10, 20]
    """
    import pandas as pd

    tables = {"orders": orders, "events": events, "points": points}
    last_day = _last_whole_day(as_of)
    lf, first_order = customers.until(orders, "revenue", as_of=as_of)
    _, told = customers.contribution(lf)
    parts: list[nw.LazyFrame[Any]] = []
    rows: list[tuple[Any, ...]] = []
    rules = design.earn
    if all(rule.source != "orders" for rule in rules):
        rules = (*rules, Earn("order", "orders"))  # earns nothing, and brings the money
    for rule in rules:
        if tables[rule.source] is None:
            rows.append((rule.behaviour, "missing", 0, 0, 0, 0, float("nan")))
            continue
        part = _actions(tables[rule.source], rule, last_day)
        fenced = rule.daily_cap or rule.first_only or rule.repeat_minutes
        part = marked(part, _as_rules(rule)) if fenced else part.with_columns(nw.lit(-1).alias("gone"))
        rows.append((rule.behaviour, rule.source, *_counted(part)))
        parts.append(part.filter(nw.col("gone") == -1).select(*_KEPT))
    columns = ["behaviour", "source", "actions", "growth", "kept", "kept_growth", "first"]
    caps = pd.DataFrame(rows, columns=columns)
    first = caps.pop("first").min()
    if not caps["actions"].sum():
        first_day = dt.date.fromordinal(first_order + dt.date(1970, 1, 1).toordinal())
        raise TooLittleDataError(
            f"no month with an action that counts is over by {as_of}; orders begin on {first_day}. Use a later as_of."
        )
    known = "margin" in lf.collect_schema().names()
    return Growth(_by_day(parts), caps, int(first), _month(last_day), last_day, known, told)


_KEPT = ("customer_id", nw.col("epoch_day").alias("day"), "month", "growth", "core", "revenue", "money")


def _last_whole_day(as_of: dt.date) -> dt.date:
    frames.day_number(as_of)
    tomorrow = dt.date.fromordinal(as_of.toordinal() + 1)
    return as_of if tomorrow.day == 1 else dt.date.fromordinal(as_of.replace(day=1).toordinal() - 1)


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _actions(frame: Any, rule: Earn, last_day: dt.date) -> nw.LazyFrame[Any]:
    """One rule's actions with what each would earn: as `marked` reads them, and the day, month and money of each."""
    at = _TIMES[rule.source]
    lf = frames.lazy(frame, "customer_id", at, table=rule.source)
    names = lf.collect_schema().names()
    lf = lf.filter(customers.on_or_before(lf, last_day, at), ~nw.col("customer_id").is_null())
    revenue = money = nw.lit(0.0)
    if rule.source == "orders":
        paid = nw.col("revenue").cast(nw.Float64).fill_null(0.0)
        revenue = paid - nw.col("refund").cast(nw.Float64).fill_null(0.0) if "refund" in names else paid
        money, _ = customers.contribution(lf)
    elif rule.source == "events":
        frames.require_columns(names, ["event"], table="events")
        lf = lf.filter(nw.col("event") == rule.behaviour)
    else:
        frames.require_columns(names, ["behaviour", "kind"], table="points")
        lf = lf.filter(nw.col("behaviour") == rule.behaviour, nw.col("kind") == "earn")
    things = [nw.col(name).cast(nw.String).fill_null("") for name in ("order_id", "object_id") if name in names]
    kept = nw.when(revenue > 0).then(revenue).otherwise(nw.lit(0.0))
    earned = (rule.each + rule.per_revenue * kept + _NEARLY).floor().cast(nw.Int64)
    return lf.select(
        "customer_id",
        nw.col(at).cast(nw.Datetime("us")).alias("at"),
        nw.lit(rule.behaviour).alias("behaviour"),
        (nw.concat_str(things, separator=" ") if things else nw.lit("")).alias("object"),
        frames.epoch_day(at).alias("epoch_day"),  # `marked` has a day of its own
        frames.month_index(at).alias("month"),
        earned.alias("growth"),
        earned.alias("points"),
        (earned if rule.core else nw.lit(0).cast(nw.Int64)).alias("core"),
        revenue.cast(nw.Float64).alias("revenue"),
        money.cast(nw.Float64).alias("money"),
    )


def _as_rules(rule: Earn) -> "pd.DataFrame":
    """The rule's fences in the order in which `marked` puts them up, for its own behaviour."""
    import pandas as pd

    nan = float("nan")
    rows: list[tuple[Any, ...]] = []
    if rule.repeat_minutes:
        rows.append((rule.behaviour, "ignore_repeats", nan, rule.repeat_minutes, rule.per))
    if rule.first_only:
        rows.append((rule.behaviour, "first_only", nan, nan, rule.per))
    if rule.daily_cap:
        rows.append((rule.behaviour, "daily_cap", float(rule.daily_cap), nan, "customer"))
    return given_rules(pd.DataFrame(rows, columns=["behaviour", "rule", "at_most", "minutes", "per"]))


def _counted(part: nw.LazyFrame[Any]) -> tuple[Any, ...]:
    """Actions and growth value before and after the fences, and the first month."""
    kept = (nw.col("gone") == -1).cast(nw.Int64)
    row = frames.collect(
        part.select(
            kept.alias("kept"),
            "growth",
            (kept * nw.col("growth")).alias("kept_growth"),
            "month",
            nw.lit(1).alias("one"),
        ).select(nw.col("one", "growth", "kept", "kept_growth").sum(), nw.col("month").min())
    ).iloc[0]
    counts = (0 if row[name] != row[name] else int(row[name]) for name in ("one", "growth", "kept", "kept_growth"))
    return (*counts, float(row["month"]))


def _by_day(parts: list[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    rows = nw.concat(parts, how="vertical") if len(parts) > 1 else parts[0]
    sums = rows.group_by("customer_id", "day").agg(
        nw.col("month").max(), nw.col("growth", "core", "revenue", "money").sum()
    )
    whole = sums.with_columns(nw.col("growth", "core").cast(nw.Int64), nw.col("revenue", "money").cast(nw.Float64))
    grouped = stats.assign_groups(whole, ids=rows.select("customer_id"))
    if grouped.implementation.is_pyspark():
        return grouped
    # Every replay reads the days three times: worked out once, the caps and the tables behind them are out of the way.
    return frames.lazy(grouped.collect("pyarrow").to_native(), "customer_id")
