"""The catalogue of benefits by what drives people: welfare, content, function; and which segment has none of a drive."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.incentives.plan.audience import Audience
from opskit.incentives.plan.reached import SENT
from opskit.incentives.plan.worksheet import DRIVES

if TYPE_CHECKING:
    import pandas as pd

UNTAGGED = "no drive named"


def catalogue(plan: "pd.DataFrame", benefit_uses: Any = None, *, as_of: dt.date) -> "pd.DataFrame":
    """Every benefit once: those that the plan offers and those that have been used.

    Args:
        plan: From `given_plan`.
        benefit_uses: Any engine's frame with customer_id, benefit, used_at; optional cost and drive. None: only the plan's.
        as_of: Last day to count, inclusive.

    Returns:
        drive, benefit, planned_for (segments), unit_cost (planned), uses, users, cost_per_use (of uses with a cost), last_used;
        uses are missing where nothing tells. By drive, then the most used first.

    Raises:
        OpskitError: A column is missing.
    """
    import pandas as pd

    drive = plan["drive"].where(plan["drive"] != "", UNTAGGED)
    planned = (
        plan.assign(drive=drive)
        .groupby(["drive", "means"], sort=False)
        .agg(planned_for=("segment", lambda names: ", ".join(dict.fromkeys(names))), unit_cost=("unit_cost", "mean"))
        .rename_axis(["drive", "benefit"])
    )
    if benefit_uses is None:
        used = pd.DataFrame(columns=["uses", "users", "cost_per_use", "last_used"], index=planned.index[:0])
    else:
        used = _used(benefit_uses, as_of)
    table = planned.join(used, how="outer").reset_index()
    table["planned_for"] = table["planned_for"].fillna("")
    table["_drive"] = table["drive"].map({name: place for place, name in enumerate((*DRIVES, UNTAGGED))})
    table = table.sort_values(["_drive", "uses", "benefit"], ascending=[True, False, True], ignore_index=True)
    columns = ["drive", "benefit", "planned_for", "unit_cost", "uses", "users", "cost_per_use", "last_used"]
    return table[columns].astype({"uses": float, "users": float, "cost_per_use": float})


def _used(benefit_uses: Any, as_of: dt.date) -> "pd.DataFrame":
    lf = frames.lazy(benefit_uses, "customer_id", "benefit", "used_at", table="benefit_uses")
    names = lf.collect_schema().names()
    lf = lf.filter(customers.on_or_before(lf, as_of, "used_at"))
    drive = nw.col("drive").fill_null(UNTAGGED) if "drive" in names else nw.lit(UNTAGGED)
    cost = nw.col("cost").cast(nw.Float64) if "cost" in names else nw.lit(None, dtype=nw.Float64)
    rows = lf.select(
        "customer_id", "benefit", frames.epoch_day("used_at").alias("day"), drive.alias("drive"), cost.alias("cost")
    )
    rows = rows.with_columns((~nw.col("cost").is_null()).cast(nw.Int64).alias("costed"))
    each = rows.group_by("drive", "benefit", "customer_id").agg(
        nw.len().alias("uses"), nw.col("cost").sum(), nw.col("costed").sum(), nw.col("day").max()
    )
    sums = (nw.col("uses").sum(), nw.col("cost").sum(), nw.col("costed").sum(), nw.col("day").max())
    table = frames.collect(each.group_by("drive", "benefit").agg(nw.len().alias("users"), *sums))
    table["cost_per_use"] = table["cost"] / table["costed"].where(table["costed"] > 0)
    table["last_used"] = [dt.date(1970, 1, 1) + dt.timedelta(days=int(day)) for day in table["day"]]
    return table.set_index(["drive", "benefit"])[["uses", "users", "cost_per_use", "last_used"]]


def drives(found: Audience) -> "pd.DataFrame":
    """What each segment is offered of each drive, and has used.

    Args:
        found: From `audience`.

    Returns:
        segment, drive, offered (means of its rows, "" for none), sent (customers who get them), used_by (share of the segment's
        customers who have used a benefit of the drive; missing where nothing tells), n (the segment's customers), gap (nothing
        is offered, and at most one in twenty has used any).
    """
    import pandas as pd

    plan = found.plan
    segment = found.people["place"].map(plan["segment"])
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(plan["segment"]):
        mine = found.people[segment == name]
        for drive in DRIVES:
            offered = plan[(plan["segment"] == name) & (plan["drive"] == drive)]
            sent = mine["place"].isin(list(offered.index)) & (mine["status"] == SENT)
            used = float((mine[drive] > 0).mean()) if drive in mine and len(mine) else float("nan")
            rows.append(
                {
                    "segment": name,
                    "drive": drive,
                    "offered": ", ".join(dict.fromkeys(offered["means"])),
                    "sent": int(sent.sum()),
                    "used_by": used,
                    "n": len(mine),
                    "gap": offered.empty and not used > _HARDLY_ANY,
                }
            )
    return pd.DataFrame(rows)


_HARDLY_ANY = 0.05
