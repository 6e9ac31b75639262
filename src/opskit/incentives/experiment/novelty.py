"""Whether the effect wears off: by week since the assignment, weeks that are not over missing."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import check
from opskit.incentives.experiment.design import Design, first_assignments
from opskit.incentives.experiment.outcomes import FEWEST

if TYPE_CHECKING:
    import pandas as pd

WEEK = 7


def by_week(
    assignments: Any, orders: Any, chosen: Design, *, as_of: dt.date, weeks: int = 8, confidence: float = 0.95
) -> "pd.DataFrame":
    """Orders per customer in each week since the assignment, treatment less control.

    Args:
        assignments: Any engine's frame with experiment, customer_id, variant, assigned_at.
        orders: The same engine's frame with customer_id and ordered_at.
        chosen: From `design`.
        as_of: Last day to count, inclusive.
        weeks: So many weeks; the first holds the day of the assignment and six more.
        confidence: Coverage of the intervals.

    Returns:
        week (1 is the first), control, treatment (orders per customer in the week), difference, low, high, n. A week holds
        customers for whom it is over; with fewer than two in an arm it is missing.

    Assumes later weeks are read on customers assigned earlier, who are like those assigned later.
    """
    import pandas as pd
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    check(weeks, "weeks", ge=1)
    day = frames.day_number(as_of)
    people = _people(assignments, chosen, as_of)
    arms = [chosen.control, chosen.treatment]
    counted = _counted(people, orders, as_of, weeks, day)
    sizes = frames.collect(people.group_by("variant", "day").agg(nw.len().alias("customers")))
    rows: list[dict[str, Any]] = []
    for week in range(1, weeks + 1):
        over = sizes[sizes["day"] + WEEK * week - 1 <= day].groupby("variant")["customers"].sum()
        row: dict[str, Any] = dict.fromkeys(("control", "treatment", "difference", "low", "high"), float("nan"))
        found: list[Aggregates] = []
        for arm in arms:
            n = int(over.get(arm, 0))
            sums = counted[(counted["variant"] == arm) & (counted["week"] == week)][["orders", "squares"]].sum()
            mean = float(sums["orders"]) / n if n else float("nan")
            variance = (float(sums["squares"]) - n * mean**2) / (n - 1) if n >= FEWEST else float("nan")
            found.append(Aggregates(n, {"orders": mean}, {"orders": variance}))
        n = sum(one.count() for one in found)
        if min(one.count() for one in found) >= FEWEST:
            row |= {"control": found[0].mean("orders"), "treatment": found[1].mean("orders")}
            row["difference"] = row["treatment"] - row["control"]
            if found[0].var("orders") + found[1].var("orders") > 0:
                result = tt.Mean("orders", confidence_level=confidence).analyze_aggregates(*found)
                row |= {"low": result.effect_size_ci_lower, "high": result.effect_size_ci_upper}
        rows.append({"week": week, **row, "n": n})
    return pd.DataFrame(rows)


def _people(assignments: Any, chosen: Design, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Customers of one arm: customer_id, variant, assigned_at, day."""
    lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
    lf = lf.filter(nw.col("experiment").cast(nw.String) == chosen.experiment)
    people = first_assignments(lf, as_of).filter(nw.col("variant") == nw.col("other"))
    people = people.filter(nw.col("variant").is_in([chosen.control, chosen.treatment]))
    return people.select("customer_id", "variant", "assigned_at", "day")


def _counted(people: nw.LazyFrame[Any], orders: Any, as_of: dt.date, weeks: int, day: int) -> "pd.DataFrame":
    """Orders and their squares per customer by variant and week that is over."""
    lf = frames.lazy(orders, "customer_id", "ordered_at")
    bought = lf.filter(customers.on_or_before(lf, as_of)).select(
        "customer_id", "ordered_at", frames.epoch_day("ordered_at").alias("bought")
    )
    # An order before the assignment must not lend its negative age to an integer division, which engines round apart.
    joined = people.join(bought, on="customer_id").filter(nw.col("ordered_at") >= nw.col("assigned_at"))
    week = ((nw.col("bought") - nw.col("day")) // WEEK + 1).alias("week")
    per_customer = (
        joined.with_columns(week).group_by("customer_id", "variant", "day", "week").agg(nw.len().alias("orders"))
    )
    inside = per_customer.filter(nw.col("week") <= weeks, nw.col("day") + WEEK * nw.col("week") - 1 <= day)
    counts = inside.with_columns((nw.col("orders") * nw.col("orders")).alias("squares"))
    return frames.collect(counts.group_by("variant", "week").agg(nw.col("orders").sum(), nw.col("squares").sum()))


def fading(table: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """The effect of the first week less the mean effect of the later ones: above 0 where it wears off.

    Args:
        table: From `by_week`.
        confidence: Coverage of the interval.

    Returns:
        estimate, low, high (orders per customer and week), weeks, n (customers of the first week); a row, its numbers missing
        with fewer than two weeks.

    Assumes a customer's weeks vary independently of each other, as purchases at a rate of one's own nearly do.
    """
    import pandas as pd
    from scipy.special import ndtri

    known = table.dropna(subset=["low", "high"])
    row = {"estimate": float("nan"), "low": float("nan"), "high": float("nan"), "weeks": len(known), "n": 0}
    if len(known) > 1 and known["week"].iloc[0] == 1:
        z = float(ndtri((1 + confidence) / 2))
        variance = ((known["high"] - known["low"]) / (2 * z)) ** 2
        later = known["difference"].iloc[1:]
        estimate = float(known["difference"].iloc[0] - later.mean())
        half = z * float(variance.iloc[0] + variance.iloc[1:].sum() / len(later) ** 2) ** 0.5
        row |= {"estimate": estimate, "low": estimate - half, "high": estimate + half, "n": int(known["n"].iloc[0])}
    return pd.DataFrame([row])
