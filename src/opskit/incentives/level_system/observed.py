"""What the table of memberships says of levels that are there already: who is where, without saying why."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats

if TYPE_CHECKING:
    import pandas as pd


def observed(memberships: Any, *, as_of: dt.date, confidence: float = 0.95) -> "pd.DataFrame":
    """Members and spells at each level, as the books have them.

    Args:
        memberships: Any engine's frame with customer_id, level and started_at, and ended_at where spells end.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        level, members (with a spell that runs on the last day), share of all such, low, high, n (all members), customers (ever
        at the level), spells, ended; most members first.

    Assumes nothing about causes: who is at a high level bought much before any level was given.
    """
    lf = frames.lazy(memberships, "customer_id", "level", "started_at", table="memberships")
    lf = lf.filter(customers.on_or_before(lf, as_of, "started_at"), ~nw.col("customer_id").is_null())
    schema = lf.collect_schema()
    ends = "ended_at" in schema.names() and schema["ended_at"].is_temporal()
    over = customers.on_or_before(lf, as_of, "ended_at").fill_null(value=False) if ends else nw.lit(value=False)
    by_level = (
        lf.with_columns(over.cast(nw.Int64).alias("ended"), nw.lit(1).alias("one"))
        .group_by("customer_id", "level")
        .agg(nw.col("one", "ended").sum())
        .with_columns((nw.col("ended") < nw.col("one")).cast(nw.Int64).alias("running"), nw.lit(1).alias("customers"))
        .group_by("level")
        .agg(nw.col("running", "customers", "one", "ended").sum())
    )
    table = frames.collect(by_level).rename(columns={"running": "members", "one": "spells"})
    table = table.sort_values(["members", "level"], ascending=[False, True], ignore_index=True)
    n = int(table["members"].sum())
    low, high = stats.wilson(table["members"], [n] * len(table), confidence=confidence)
    share = table["members"] / n if n else float("nan")
    table = table.assign(share=share, low=low, high=high, n=n)
    return table[["level", "members", "share", "low", "high", "n", "customers", "spells", "ended"]]


def told(table: "pd.DataFrame") -> str:
    """What the books show of levels, in a sentence."""
    if len(table) < 2:
        names = ", ".join(map(repr, table["level"]))
        return (
            f"memberships hold one level, {names}: a plan, no ladder."
            if len(table)
            else "memberships hold no spell yet."
        )
    return (
        f"memberships hold {len(table)} levels. Who is high there bought much before: nothing here says that a level made "
        "anybody buy."
    )
