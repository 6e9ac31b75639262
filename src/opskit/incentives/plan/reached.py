"""What keeps a message from a customer: suppressions, opt-outs, a missing address, and messages already sent."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames

if TYPE_CHECKING:
    import pandas as pd

SENT, HELD_OUT = "to be sent", "held out"
KEPT_BACK = ("suppressed", "opted out", "no address", "over the cap")
"""Why a customer gets no message, in the order in which it is asked; only the others are drawn for the hold-out."""


def medium_key(medium: str) -> str:
    """A medium as it is compared: without outer spaces, in lower case."""
    return medium.strip().lower()


def blocked(
    lf: nw.LazyFrame[Any],
    plan: "pd.DataFrame",
    *,
    as_of: dt.date,
    rows: Sequence[int],
    contacts: Any = None,
    suppressions: Any = None,
) -> nw.LazyFrame[Any]:
    """Customers with what keeps the message of their row from them.

    Args:
        lf: From `claimed`.
        plan: From `given_plan`.
        as_of: Day of the plan, inclusive.
        rows: As for `claimed`.
        contacts: The same engine's frame with customer_id, sent_at, medium; optional holdout, opted_out.
        suppressions: The same engine's frame with customer_id; optional medium (empty: all), since, until.

    Returns:
        The frame with reason: 0 for none, else the place in KEPT_BACK plus 1; and sent_before, messages already sent by the
        row's medium within its cap_days up to as_of.

    Raises:
        OpskitError: A column is missing.
    """
    media = list(dict.fromkeys(medium_key(plan["medium"].iloc[row]) for row in rows))
    spans = list(dict.fromkeys((medium_key(plan["medium"].iloc[r]), int(plan["cap_days"].iloc[r])) for r in rows))
    lf = _joined(lf, _suppressed(suppressions, media, as_of), [f"_suppressed_{at}" for at in range(len(media))])
    names = [*(f"_out_{at}" for at in range(len(media))), *(f"_sent_{at}" for at in range(len(spans)))]
    lf = _joined(lf, _written(contacts, media, spans, as_of), names)
    schema = lf.collect_schema()
    reason, before = nw.lit(0), nw.lit(0, dtype=nw.Int64)
    for at in reversed(rows):
        row = plan.iloc[at]
        key = medium_key(row["medium"])
        sent = nw.col(f"_sent_{spans.index((key, int(row['cap_days'])))}")
        why = nw.lit(0)
        if row["cap"] == row["cap"]:
            why = nw.when(sent + row["messages"] > row["cap"]).then(nw.lit(4)).otherwise(why)
        if row["address"] in schema:
            why = nw.when(_empty(row["address"], schema)).then(nw.lit(3)).otherwise(why)
        why = nw.when(nw.col(f"_out_{media.index(key)}") > 0).then(nw.lit(2)).otherwise(why)
        why = nw.when(nw.col(f"_suppressed_{media.index(key)}") > 0).then(nw.lit(1)).otherwise(why)
        reason = nw.when(nw.col("place") == at).then(why).otherwise(reason)
        before = nw.when(nw.col("place") == at).then(sent).otherwise(before)
    return lf.with_columns(
        (0 * nw.col("orders") + reason).cast(nw.Int64).alias("reason"),
        (0 * nw.col("orders") + before).cast(nw.Int64).alias("sent_before"),
    )


def _empty(column: str, schema: Any) -> nw.Expr:
    missing = nw.col(column).is_null()
    return missing | (nw.col(column).str.strip_chars() == "") if schema[column] == nw.String else missing


def _joined(lf: nw.LazyFrame[Any], counts: nw.LazyFrame[Any] | None, names: list[str]) -> nw.LazyFrame[Any]:
    if counts is None:
        return lf.with_columns((0 * nw.col("orders")).alias(name) for name in names)
    joined = lf.join(counts, on="customer_id", how="left")
    return joined.with_columns(nw.col(name).fill_null(0).cast(nw.Int64) for name in names)


def _suppressed(suppressions: Any, media: list[str], as_of: dt.date) -> nw.LazyFrame[Any] | None:
    """Suppressions in force on the day, counted by medium."""
    if suppressions is None:
        return None
    lf = customers.suppressed(suppressions, as_of=as_of)
    flags = [
        nw.when(nw.col("medium").is_in(["", medium])).then(1).otherwise(0).alias(f"_suppressed_{at}")
        for at, medium in enumerate(media)
    ]
    return _by_customer(lf, flags, [f"_suppressed_{at}" for at in range(len(media))])


def _written(contacts: Any, media: list[str], spans: list[tuple[str, int]], as_of: dt.date) -> nw.LazyFrame[Any] | None:
    """Opt-outs by medium, and messages sent by medium within so many days up to the day."""
    if contacts is None:
        return None
    lf = frames.lazy(contacts, "customer_id", "sent_at", "medium", table="contacts")
    columns = lf.collect_schema().names()
    lf = lf.filter(customers.on_or_before(lf, as_of, "sent_at"))
    key = nw.col("medium").cast(nw.String).str.strip_chars().str.to_lowercase()
    lf = lf.with_columns(key.alias("_medium"))
    sent = ~nw.col("holdout").fill_null(value=False) if "holdout" in columns else nw.col("_medium") == nw.col("_medium")
    out = nw.col("opted_out").fill_null(value=False) if "opted_out" in columns else nw.lit(1) == 0
    flags = [
        nw.when(out & (nw.col("_medium") == medium)).then(1).otherwise(0).alias(f"_out_{at}")
        for at, medium in enumerate(media)
    ]
    for at, (medium, days) in enumerate(spans):
        lately = ~customers.on_or_before(lf, as_of - dt.timedelta(days=days), "sent_at")
        flags.append(nw.when(sent & lately & (nw.col("_medium") == medium)).then(1).otherwise(0).alias(f"_sent_{at}"))
    names = [*(f"_out_{at}" for at in range(len(media))), *(f"_sent_{at}" for at in range(len(spans)))]
    return _by_customer(lf, flags, names)


def _by_customer(lf: nw.LazyFrame[Any], flags: list[nw.Expr], names: list[str]) -> nw.LazyFrame[Any]:
    rows = lf.filter(~nw.col("customer_id").is_null()).select(nw.col("customer_id").cast(nw.String), *flags)
    return rows.group_by("customer_id").agg(nw.col(name).sum() for name in names)
