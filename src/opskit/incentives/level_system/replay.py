"""History lived again under a design: who would have been at which level, month by month, and when each was first reached."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.growth import Growth

if TYPE_CHECKING:
    import pandas as pd

YEAR = 12
NOBODY = -1  # level of somebody with no action yet
FOREVER_DAYS = 10**6  # longer than any history
_CODES = 64  # more levels than any design has


class Replay(NamedTuple):
    """What a design would have done, as sums by group of customers.

    Attributes:
        design: The design, its thresholds known.
        moves: group, month (calendar months since year 0), before and level (place among the levels at the end of the
            month before and of this one; NOBODY before the first action that counts), n (members).
        spending: group, month, level (held when the month begins; 0 for newcomers), revenue after refunds; the last year.
        totals: group, members, growth, core, revenue, money; the last two of the last year.
        reached: group, level (place), time (days from the first action), event (whether it was reached), mature (whether
            the customer has been followed for the goal's first_step_days), n.
        horizon_days: Time to a level is followed so long: before growth value begins to lapse.
        growth: What went in.
    """

    design: Design
    moves: "pd.DataFrame"
    spending: "pd.DataFrame"
    totals: "pd.DataFrame"
    reached: "pd.DataFrame"
    horizon_days: int
    growth: Growth


def placed(design: Design, growth: Growth) -> Design:
    """The design with thresholds: those given, or those that would give the target shares on the last day.

    A threshold is the lowest value that no more than the wanted share of members has. Where many have the same value, fewer
    than wanted are above it.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> from opskit.incentives.level_system import growth as grown, read, template
    >>> when = pd.to_datetime(["2024-01-05"] * 100)
    >>> orders = pd.DataFrame(
    ...     {"customer_id": range(100), "ordered_at": when, "revenue": [float(x) for x in range(100)]}
    ... )
    >>> design = read(template())
    >>> placed(design, grown(design, orders, as_of=dt.date(2024, 1, 31))).thresholds
    (0, 70, 90, 98)
    """
    shares = [level.share for level in design.levels[1:] if level.share is not None]
    if not shares:
        return design
    values = histogram(design, growth)
    above = values["n"][::-1].cumsum()[::-1] / values["n"].sum()
    thresholds: list[int] = []
    for place in range(len(shares)):
        wanted = sum(shares[place:])
        fits = values["value"][above <= wanted + 1e-12]
        lowest = int(fits.iloc[0]) if len(fits) else int(values["value"].iloc[-1]) + 1
        thresholds.append(max(lowest, (thresholds[-1] if thresholds else 0) + 1))
    return design.at(thresholds)


def histogram(design: Design, growth: Growth) -> "pd.DataFrame":
    """How many members hold which growth value at the end of the last month: value, n; what the explorer works on."""
    last = growth.last_month
    months = range(max(last - design.keep_months, growth.first_month), last + 1)
    held = _values(design, growth, months).with_columns(_best([f"value_{month}" for month in months]).alias("value"))
    return frames.collect(held.group_by("value").agg(nw.len().alias("n"))).sort_values("value", ignore_index=True)


def replay(design: Design, growth: Growth, *, months: int = 24) -> Replay:
    """Live history again under a design.

    The level at the end of a month follows from the growth value of the design's window; with keep_months, from the best of
    so many month-ends before. A month's benefits are those of the level held when it begins.

    Args:
        design: From `read` or `usual`.
        growth: From `growth`, under the same rules for earning.
        months: How many of the last whole months to follow.

    Returns:
        Sums to read shares, moves, times and costs from.

    Raises:
        OpskitError: An option is out of range.

    Assumes customers would have done what they did. They would not quite: that is what levels are for.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> from opskit.incentives.level_system import growth as grown, read, template
    >>> when = pd.to_datetime(["2024-01-05", "2024-02-05", "2024-02-07"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": when, "revenue": [80.0, 80, 20]})
    >>> design = read(template()).at([100, 200, 300])
    >>> replay(design, grown(design, orders, as_of=dt.date(2024, 2, 29))).moves[["month", "before", "level", "n"]]
       month  before  level  n
    0  24288      -1      0  1
    1  24289      -1      0  1
    2  24289       0      1  1
    """
    check(months, "months", ge=1)
    design = placed(design, growth)
    first = max(growth.last_month - months + 1, growth.first_month)
    by_customer = _levels(design, growth, first)
    shown = range(first, growth.last_month + 1)
    names = {f"move_{month}": month for month in shown}
    codes = [((nw.col(f"level_{m - 1}") + 1) * _CODES + nw.col(f"level_{m}") + 1).alias(f"move_{m}") for m in shown]
    counted = frames.collect(
        by_customer.select("group", *codes)
        .unpivot(on=list(names), index=["group"], variable_name="move", value_name="code")
        .filter(nw.col("code") > 0)
        .group_by("group", "move", "code")
        .agg(nw.len().alias("n"))
    )
    moves = counted.assign(
        month=counted["move"].map(names), before=counted["code"] // _CODES - 1, level=counted["code"] % _CODES - 1
    )[["group", "month", "before", "level", "n"]].sort_values(["month", "before", "level", "group"], ignore_index=True)
    spending, totals = _money(by_customer, design, growth, first)
    horizon = 30 * (design.window_months - 1) if design.window_months else FOREVER_DAYS
    asked = design.goals.first_step_days
    if asked > horizon:
        raise OpskitError(
            f"goals first_step_days == {asked}, must be <= {horizon} with window_months == {design.window_months}: later, "
            "growth value has begun to lapse. Ask for fewer days, or widen the window."
        )
    reached = _reached(design, growth, horizon)
    return Replay(design, moves, spending, totals, reached, horizon, growth)


def _values(design: Design, growth: Growth, months: range, first: int | None = None) -> nw.LazyFrame[Any]:
    """Each customer's growth value in the window of each month, with the sums of the last year where `first` is given.

    One pass over the days: conditional sums are several times faster than customers x months with windows over them.
    """
    month, window = nw.col("month"), design.window_months

    def inside(name: str, begin: int, end: int) -> nw.Expr:
        return nw.when((month >= begin) & (month <= end)).then(nw.col(name)).otherwise(nw.lit(0))

    columns = {
        f"value_{end}": inside("growth", end - window + 1 if window else growth.first_month, end) for end in months
    }
    if first is not None:
        year = range(max(first, growth.last_month - YEAR + 1), growth.last_month + 1)
        columns |= {f"revenue_{at}": inside("revenue", at, at) for at in year}
        columns |= {"money_year": inside("money", year[0], year[-1])}
        columns |= {"growth_all": nw.col("growth"), "core_all": nw.col("core")}
    return (
        growth.days.with_columns(*(expression.alias(name) for name, expression in columns.items()))
        .group_by("customer_id", "group")
        .agg(nw.col("month").min().alias("first"), nw.col(*columns).sum())
        .with_columns(nw.col("first").cast(nw.Int64), nw.col(*(n for n in columns if n[0] in "vgc")).cast(nw.Int64))
    )


def _best(columns: list[str]) -> nw.Expr:
    return nw.max_horizontal(*columns) if len(columns) > 1 else nw.col(columns[0])


def _levels(design: Design, growth: Growth, first: int) -> nw.LazyFrame[Any]:
    """Each customer's level at the end of every month from the one before the first, with what `_money` sums."""
    begin = max(first - 1 - design.keep_months, growth.first_month - 1)
    values = _values(design, growth, range(begin, growth.last_month + 1), first)
    levels: list[nw.Expr] = []
    for month in range(first - 1, growth.last_month + 1):
        held = _best([f"value_{at}" for at in range(max(month - design.keep_months, begin), month + 1)])
        steps = [(held >= at).cast(nw.Int64) for at in design.thresholds[1:]]
        level = sum(steps[1:], steps[0])
        levels.append(
            nw.when(nw.col("first") <= month)
            .then(level)
            .otherwise(nw.lit(NOBODY))
            .cast(nw.Int64)
            .alias(f"level_{month}")
        )
    return values.with_columns(*levels)


def _money(
    by_customer: nw.LazyFrame[Any], design: Design, growth: Growth, first: int
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """What was spent in each month of the last year by level held when it begins, and the totals."""
    import pandas as pd

    year = range(max(first, growth.last_month - YEAR + 1), growth.last_month + 1)
    spent, names = [], {}
    for month in year:
        for place in range(len(design.levels)):
            held = nw.col(f"level_{month - 1}")
            here = held <= 0 if place == 0 else held == place
            name = f"spent_{month}_{place}"
            names[name] = (month, place)
            spent.append(nw.when(here).then(nw.col(f"revenue_{month}")).otherwise(nw.lit(0.0)).alias(name))
    kept = ("growth_all", "core_all", "money_year")
    sums = frames.collect(
        by_customer.select("group", *kept, nw.lit(1).alias("members"), *spent)
        .group_by("group")
        .agg(nw.col("members", *kept, *names).sum())
    ).sort_values("group", ignore_index=True)
    parts = [
        pd.DataFrame({"group": sums["group"], "month": month, "level": place, "revenue": sums[name].astype(float)})
        for name, (month, place) in names.items()
    ]
    spending = pd.concat(parts, ignore_index=True)
    totals = sums[["group", "members", *kept]].set_axis(["group", "members", "growth", "core", "money"], axis=1)
    totals["revenue"] = totals["group"].map(spending.groupby("group")["revenue"].sum())
    return spending, totals


def _reached(design: Design, growth: Growth, horizon_days: int) -> "pd.DataFrame":
    """Days from a customer's first action to the one that reached each level, or to the last day."""
    above = range(1, len(design.levels))
    end = frames.day_number(growth.last_day)
    total = nw.col("growth").cum_sum().over("customer_id", order_by="day").alias("total")
    far = nw.lit(10**7)
    by_customer = (
        growth.days.select("customer_id", "group", "day", "growth")
        .with_columns(total)
        .with_columns(
            *(
                nw.when(nw.col("total") >= design.thresholds[place])
                .then(nw.col("day"))
                .otherwise(far)
                .alias(f"at_{place}")
                for place in above
            )
        )
        .group_by("customer_id", "group")
        .agg(nw.col("day").min(), nw.col(*(f"at_{place}" for place in above)).min())
    )
    followed = nw.when(end - nw.col("day") < horizon_days).then(end - nw.col("day")).otherwise(nw.lit(horizon_days))
    wide = by_customer.select(
        "group",
        followed.cast(nw.Int64).alias("followed"),
        *((nw.col(f"at_{place}") - nw.col("day")).cast(nw.Int64).alias(f"at_{place}") for place in above),
    )
    steps = [f"at_{place}" for place in above]
    rows = wide.unpivot(on=steps, index=["group", "followed"], variable_name="step", value_name="days")
    event, asked = nw.col("days") <= nw.col("followed"), design.goals.first_step_days
    counted = frames.collect(
        rows.with_columns(
            event.alias("event"),
            (nw.col("followed") >= asked).alias("mature"),
            nw.when(event).then(nw.col("days")).otherwise(nw.col("followed")).alias("time"),
        )
        .group_by("group", "step", "time", "event", "mature")
        .agg(nw.len().alias("n"))
    )
    counted["level"] = counted.pop("step").str.removeprefix("at_").astype(int)
    keys = ["level", "time", "event", "mature", "group"]
    return counted[["group", "level", "time", "event", "mature", "n"]].sort_values(keys, ignore_index=True)
