"""What came of messages by how many customers happened to get: the naive curve."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.acquisition.reach.messages import messages
from opskit.acquisition.reach.trial import WEEK
from opskit.errors import check

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

MEASURES = {
    "responses_per_message": ("responded", "messages"),
    "opt_outs_per_message": ("opted_out", "messages"),
    "responses_per_week": ("responded", "weeks"),
    "opted_out": ("opted_out", "customers"),
}
"""What is measured, as a ratio of two sums: answers and opt-outs per message, answers per customer and week, share of
customers who opted out within the days."""
_SUMS = ("messages", "responded", "opted_out", "customers")


def observed(
    contacts: Any,
    suppressions: Any | None = None,
    *,
    as_of: dt.date,
    medium: str,
    without: "Collection[str]" = (),
    window_days: int = 28,
    most_messages: int = 8,
    opt_outs_known: bool = True,
) -> "pd.DataFrame":
    """Sums by how many messages customers happened to get within blocks of days counted back from as_of.

    Args:
        contacts: Any engine's frame, as in `messages`.
        suppressions: As in `messages`.
        as_of: Last day to count, inclusive.
        medium: The medium.
        without: Campaigns to leave out: the arms of a test.
        window_days: Length of a block.
        most_messages: Customers with so many or more in a block are counted together.
        opt_outs_known: Whether anything tells who opted out.

    Returns:
        got (messages in the block, at most most_messages), group (of customers, for intervals), messages, responded,
        opted_out, customers (customer and block: who is there twice counts twice), weeks.

    Raises:
        OpskitError: A column is missing or an option is out of range.
    """
    check(window_days, "window_days", ge=WEEK)
    check(most_messages, "most_messages", ge=2)
    sent = messages(contacts, suppressions, as_of=as_of, medium=medium)
    if without:
        sent = sent.filter(~nw.col("campaign").is_in(list(without)))
    back = (frames.day_number(as_of) - nw.col("day")).cast(nw.Float64)  # in SQL // works its left side out five times
    block = (back / window_days).floor().cast(nw.Int64)
    each = (
        sent.with_columns(block.alias("block"))
        .group_by("customer_id", "block")
        .agg(nw.col("messages", "responded").sum(), nw.col("opted_out").max())
    )
    got = nw.when(nw.col("messages") > most_messages).then(most_messages).otherwise(nw.col("messages"))
    each = each.filter(nw.col("messages") > 0).with_columns(
        got.cast(nw.Int64).alias("got"), nw.lit(1).alias("customers")
    )
    grouped = stats.assign_groups(each, ids=frames.lazy(contacts, table="contacts"))
    sums = frames.collect(grouped.group_by("got", "group").agg(nw.col(*_SUMS).sum()))
    sums = sums.sort_values(["got", "group"], ignore_index=True)
    return _known(sums.assign(weeks=sums["customers"] * window_days / WEEK), opt_outs_known=opt_outs_known)


def observed_rates(sums: "pd.DataFrame", *, confidence: float = 0.95, min_customers: int = 100) -> "pd.DataFrame":
    """The naive curve: answers and opt-outs by how many messages customers happened to get.

    Args:
        sums: From `observed`.
        confidence: Coverage of the intervals, between 0 and 1.
        min_customers: Rows at the top with fewer customers are counted together with the row below.

    Returns:
        measure, messages_per_week (mean of the row), estimate, low, high, n (messages; customers for the measures that
        are per customer), one row per measure and number of messages.

    Assumes nothing of why some got more: who is active is written to more and answers more, and who opts out gets no more.
    """
    import numpy as np
    import pandas as pd

    pooled = _pooled(sums, min_customers)
    found: list[pd.DataFrame] = []
    for measure, (above, below) in MEASURES.items():
        if pooled.empty:
            continue
        table = stats.jackknife(
            pooled[["got", "group", above, below]],
            lambda totals, above=above, below=below: totals[above] / totals[below],
            keys=["got"],
            confidence=confidence,
        )
        totals = pooled.groupby("got")[[*_SUMS, "weeks"]].sum(min_count=1)
        n = totals["messages" if below == "messages" else "customers"]
        table["low"] = table["low"].clip(lower=0)
        # Opting out happens once; and groups without a single answer do not differ, which is no certainty.
        once = np.full(len(table), above == "opted_out") | (table["estimate"] == 0)
        bounds = np.stack(stats.wilson(totals[above], n, confidence=confidence), axis=1)
        bounds *= (n / totals[below]).to_numpy(dtype=float)[:, None]
        table.loc[once, ["low", "high"]] = np.where(np.isnan(bounds), np.nan, bounds)[once]
        per_week = (totals["messages"] / totals["weeks"]).to_numpy()
        found.append(table.assign(measure=measure, messages_per_week=per_week, n=n.to_numpy(dtype=int)))
    columns = ["measure", "messages_per_week", "estimate", "low", "high", "n"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _known(sums: "pd.DataFrame", *, opt_outs_known: bool) -> "pd.DataFrame":
    return sums if opt_outs_known else sums.assign(opted_out=float("nan"))


def _pooled(sums: "pd.DataFrame", min_customers: int) -> "pd.DataFrame":
    """Thin rows at the top moved into the one below; what is left at the bottom stays, however thin."""
    if sums.empty:
        return sums
    size = sums.groupby("got")["customers"].sum()
    top = size.index[-1]
    while len(size) > 1 and size.iloc[-1] < min_customers:
        size.iloc[-2] += size.iloc[-1]
        size = size.iloc[:-1]
        top = size.index[-1]
    by = [sums["got"].clip(upper=top), "group"]
    return sums.drop(columns="got").groupby(by).sum(min_count=1).reset_index()
