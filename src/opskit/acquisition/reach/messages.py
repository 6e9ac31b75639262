"""Messages of one medium, one row each, with the opt-outs that followed."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd


def media(contacts: Any, *, as_of: dt.date) -> "pd.DataFrame":
    """Messages by medium and campaign, those held out left out; the look that comes before any other work.

    Args:
        contacts: Any engine's frame with customer_id, sent_at, medium; campaign and holdout where they are there.
        as_of: Last day to count, inclusive.

    Returns:
        medium, campaign (``""`` where unknown), messages, first_day, last_day; most messages first.

    Raises:
        OpskitError: A column is missing.
    """
    lf = _sent(contacts, as_of)
    counted = frames.collect(
        lf.group_by("medium", "campaign").agg(
            nw.len().alias("messages"), nw.col("day").min().alias("first_day"), nw.col("day").max().alias("last_day")
        )
    )
    for column in ("first_day", "last_day"):
        counted[column] = counted[column].astype("int64").astype("datetime64[D]").astype("datetime64[s]")
    return counted.sort_values(["messages", "medium", "campaign"], ascending=[False, True, True], ignore_index=True)


def messages(contacts: Any, suppressions: Any | None = None, *, as_of: dt.date, medium: str) -> nw.LazyFrame[Any]:
    """What was sent through one medium and what came of it.

    Args:
        contacts: Any engine's frame with customer_id, sent_at, medium, responded; opted_out, campaign, cost and holdout
            where they are there.
        suppressions: The same engine's frame with customer_id and since; medium where it is there. It tells who opted
            out where contacts do not say.
        as_of: Last day to count, inclusive.
        medium: The medium.

    Returns:
        A Narwhals lazy frame to aggregate: customer_id, campaign, day (days since 1970-01-01), messages (1; 0 on a row
        that only tells of an opt-out), responded and opted_out (1 or 0), cost (missing where unknown).

    Raises:
        OpskitError: A column is missing.
        TooLittleDataError: contacts do not say what was answered.
    """
    lf = _sent(contacts, as_of)
    if "responded" not in lf.collect_schema().names():
        raise TooLittleDataError(
            "contacts lacks 'responded', so nothing can tire. Say of each message whether it was answered or clicked: "
            "true or false."
        )
    lf = lf.filter(nw.col("medium") == medium)
    told = "opted_out" in lf.collect_schema().names()
    spent = nw.col("cost").cast(nw.Float64) if "cost" in lf.collect_schema().names() else nw.lit(None).cast(nw.Float64)
    rows = lf.select(
        "customer_id",
        "campaign",
        "day",
        nw.lit(1).cast(nw.Int64).alias("messages"),
        _one("responded").alias("responded"),
        (_one("opted_out") if told else nw.lit(0).cast(nw.Int64)).alias("opted_out"),
        spent.alias("cost"),
    )
    if told or suppressions is None:
        return rows
    out = frames.lazy(suppressions, "customer_id", "since", table="suppressions")
    out = out.filter(~nw.col("since").is_null(), customers.on_or_before(out, as_of, "since"))
    if "medium" in out.collect_schema().names():
        through = nw.col("medium").cast(nw.String).fill_null("")
        out = out.filter((through == medium) | (through == ""))
    zero = [nw.lit(0).cast(nw.Int64).alias(name) for name in ("messages", "responded")]
    out = out.select(
        "customer_id",
        nw.lit("").alias("campaign"),
        frames.epoch_day("since").alias("day"),
        *zero,
        nw.lit(1).cast(nw.Int64).alias("opted_out"),
        nw.lit(None).cast(nw.Float64).alias("cost"),
    )
    return nw.concat([rows, out])


def opt_outs_known(contacts: Any, suppressions: Any | None = None) -> bool:
    """Whether anything tells who opted out."""
    names = frames.lazy(contacts, table="contacts").collect_schema().names()
    return "opted_out" in names or (
        suppressions is not None and "since" in frames.lazy(suppressions, table="suppressions").collect_schema().names()
    )


def usual_medium(found: "pd.DataFrame", medium: str = "") -> str:
    """The medium asked for, or else the one with most messages.

    Args:
        found: From `media`, with at least one row.
        medium: A name; empty: the one with most messages.

    Raises:
        OpskitError: Nothing was sent through it.
    """
    totals = found.groupby("medium", sort=False)["messages"].sum()
    if medium:
        check(medium, "medium", among=sorted(totals.index))
        return medium
    return str(totals.sort_values(ascending=False, kind="stable").index[0])


def _sent(contacts: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Messages sent up to the day, with campaign (``""`` where unknown) and day."""
    frames.day_number(as_of)
    lf = frames.lazy(contacts, "customer_id", "sent_at", "medium", table="contacts")
    names = lf.collect_schema().names()
    there = customers.on_or_before(lf, as_of, "sent_at")
    if "holdout" in names:
        there &= ~nw.col("holdout").cast(nw.Boolean).fill_null(value=False)
    campaign = nw.col("campaign").cast(nw.String).fill_null("") if "campaign" in names else nw.lit("")
    return lf.filter(there).with_columns(
        nw.col("medium").cast(nw.String).fill_null("").alias("medium"),
        campaign.alias("campaign"),
        frames.epoch_day("sent_at").alias("day"),
    )


def _one(column: str) -> nw.Expr:
    return nw.when(nw.col(column).cast(nw.Boolean)).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
