"""What a month of membership leaves: extra margin of the orders, and the fee, less what the benefits cost."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, check, did_you_mean
from opskit.monetization.membership.effects import DAYS_A_MONTH, solve, window_sums
from opskit.monetization.membership.matching import Matched
from opskit.monetization.membership.panel import Panel

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    import pyarrow as pa

_OUTSIDE = -1  # stratum of the sums that belong to all members, matched or not


class Money(NamedTuple):
    """What a member-month leaves, and what could not be counted."""

    lines: "pd.DataFrame"  # item, estimate, low, high, n
    missing: list[str]  # a sentence for each part that the data lack


def money(
    panel: Panel,
    matched: Matched,
    *,
    as_of: "dt.date",
    bookings: Any = None,
    fee_stream: str = "",
    fee_months: int = 12,
    benefit_uses: Any = None,
    confidence: float = 0.95,
) -> Money:
    """Set the extra margin of a member-month against the fee it brings and the benefits it costs.

    Args:
        panel: From `panel`.
        matched: From `match`.
        as_of: Last day to count, inclusive.
        bookings: Any engine's frame with customer_id, booked_at, stream and amount; None where there is none.
        fee_stream: The stream that holds the membership's fee; empty: the membership is free.
        fee_months: Months that one payment of the fee covers.
        benefit_uses: Any engine's frame with customer_id, used_at and cost; None where there is none.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``lines``: extra margin, fee, cost of benefits (negative) and their sum, per member-month, with low, high and n
        (matched members, payments, members). ``missing``: what is not counted, and what would unlock it; without a margin
        there are no lines.

    Raises:
        OpskitError: An option is out of range, or there is no such stream.

    Assumes what `effects` does about the margin; that the fee is spread evenly over the months it covers; and that all
    costs of benefits are in the table.
    """
    import pandas as pd

    check(fee_months, "fee_months", ge=1)
    if not matched.has_margin:
        return Money(
            _lines([]), ["Orders have no margin: map it as [tables.orders.columns] margin to see whether it pays."]
        )
    missing: list[str] = []
    extra = _days(panel, as_of)
    extra = extra.merge(_fees(panel, bookings, fee_stream, as_of, missing), on="group", how="outer")
    extra = extra.merge(_costs(panel, benefit_uses, as_of, missing), on="group", how="outer").fillna(0.0)
    own = [name for name in extra.columns if name != "group"]
    wide = window_sums(matched, ("margin",))
    wide = pd.concat(
        [wide, extra.assign(stratum=_OUTSIDE, member=1), extra[["group"]].assign(stratum=_OUTSIDE, member=0)]
    )
    wide = wide.fillna(0.0)

    def statistic(totals: "pd.DataFrame") -> "pd.Series[Any]":
        sums = dict(zip(own, totals.loc[(_OUTSIDE, 1), own].to_numpy(dtype=float), strict=True))
        margin = solve(totals.drop(columns=own), ("margin",))["margin"]
        fee = sums["amount"] / sums["payments"] / fee_months if sums["payments"] else 0.0
        cost = -sums["cost"] / (sums["days"] / DAYS_A_MONTH) if sums["days"] else 0.0
        return pd.Series([margin, fee, cost, margin + fee + cost])

    found = stats.jackknife(wide, statistic, keys=["stratum", "member"], confidence=confidence)
    counts = [matched.members, int(extra["payments"].sum()), int(extra["users"].sum()), matched.members]
    items = ["extra margin of orders", "fee", "cost of benefits", "left"]
    lines = found.assign(item=items, n=counts)[["item", "estimate", "low", "high", "n"]]
    there = [True, bool(counts[1]), bool(counts[2]), True]
    return Money(lines[there].reset_index(drop=True), missing)


def _lines(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(rows, columns=["item", "estimate", "low", "high", "n"])


def _of_members(panel: Panel, sums: "pa.Table", **columns: nw.Expr) -> "pd.DataFrame":
    """Sums of members by jackknife group; a member without an order has none and is left out."""
    groups = frames.lazy(panel.months).group_by("customer_id").agg(nw.col("group").min())
    members = frames.lazy(panel.spells).group_by("customer_id").agg(nw.len().alias("_n"))
    joined = frames.lazy(sums).join(members, on="customer_id").join(groups, on="customer_id")
    return frames.collect(joined.group_by("group").agg(**columns)).sort_values("group", ignore_index=True)


def _days(panel: Panel, as_of: "dt.date") -> "pd.DataFrame":
    """Days of membership so far."""
    held = nw.min_horizontal(nw.col("end_day"), nw.lit(frames.day_number(as_of))) - nw.col("start_day") + 1
    table = frames.lazy(panel.spells).select("customer_id", held.alias("days")).collect("pyarrow").to_native()
    return _of_members(panel, table, days=nw.col("days").sum())


def _fees(panel: Panel, bookings: Any, stream: str, as_of: "dt.date", missing: list[str]) -> "pd.DataFrame":
    import pandas as pd

    nothing = pd.DataFrame({"group": pd.Series(dtype="int64"), "amount": 0.0, "payments": 0})
    if bookings is None or not stream:
        if stream:
            missing.append("The fee is not counted: add table bookings with its stream, or set fee_stream to ''.")
        return nothing
    lf = frames.lazy(bookings, "customer_id", "booked_at", "stream", "amount", table="bookings")
    streams = frames.collect(lf.group_by("stream").agg(nw.len().alias("n")))["stream"].dropna().astype(str).tolist()
    if stream not in streams:
        raise OpskitError(
            f"fee_stream == {stream!r}, must be one of {', '.join(map(repr, sorted(streams)))}, or empty for none."
            f"{did_you_mean(stream, streams)}"
        )
    paid = lf.filter(nw.col("stream") == stream, _by(lf, "booked_at", as_of)).group_by("customer_id")
    table = paid.agg(nw.col("amount").sum().alias("amount"), nw.len().alias("payments")).collect("pyarrow").to_native()
    return _of_members(panel, table, amount=nw.col("amount").sum(), payments=nw.col("payments").sum())


def _costs(panel: Panel, benefit_uses: Any, as_of: "dt.date", missing: list[str]) -> "pd.DataFrame":
    import pandas as pd

    nothing = pd.DataFrame({"group": pd.Series(dtype="int64"), "cost": 0.0, "users": 0})
    if benefit_uses is None or "cost" not in nw.from_native(benefit_uses).collect_schema().names():
        missing.append("What the benefits cost is not counted: add table benefit_uses with its column cost.")
        return nothing
    lf = frames.lazy(benefit_uses, "customer_id", "used_at", "cost", table="benefit_uses")
    used = lf.filter(_by(lf, "used_at", as_of)).group_by("customer_id").agg(nw.col("cost").sum())
    return _of_members(panel, used.collect("pyarrow").to_native(), cost=nw.col("cost").sum(), users=nw.len())


def _by(lf: nw.LazyFrame[Any], column: str, as_of: "dt.date") -> nw.Expr:
    return customers.on_or_before(lf, as_of, column)
