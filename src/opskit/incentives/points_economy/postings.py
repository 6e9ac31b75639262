"""The ledger as it came, brought into one form: which way each posting goes, when it counts, what was odd about it."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("expire", "earn", "reverse", "redeem")
"""Kinds of postings, in the order in which those of one moment are taken."""
EXPIRE, EARN, REVERSE, REDEEM = range(len(KINDS))
_TIES = ("expires", "number", "behaviour", "order_id", "amount")


class Postings(NamedTuple):
    """Postings in one form, still in the engine.

    Attributes:
        rows: customer_id; at, until (times; for what was earned until is when the rest of it lapses or the last day is
            over, for uses it is at); rank (place of the kind in KINDS); earned, used (points, one of them 0); lapses
            (1 when what is left of the lot expires up to as_of), expires and further columns that settle ties.
        ties: Columns that settle the order of postings of one moment after their rank.
        expiry: ``"computed"``: lots lapse at expires_at, postings of expiry are left aside. ``"posted"``: only those
            postings take points away. ``"never"``: neither is there.
        end: The first moment after as_of.
        in_order: Whether lots surely lapse in the order in which they were earned.
        validity_days: Longest time from earning to lapsing; missing where no lot says when it lapses.
        lasting_share: Share of earned points that never lapse.
        kinds: kind, postings, points, by kind as the ledger has it.
        handled: problem, postings, points, what_was_done.
    """

    rows: nw.LazyFrame[Any]
    ties: tuple[str, ...]
    expiry: str
    end: dt.datetime
    in_order: bool
    validity_days: float
    lasting_share: float
    kinds: "pd.DataFrame"
    handled: "pd.DataFrame"


def postings(points: Any, *, as_of: dt.date, validity_days: int = 0, expiry: str = "auto") -> Postings:
    """Bring a ledger into one form, whatever the sign of its uses.

    Where most uses are negative the sign counts: an earning below zero is points taken back, a use above zero is points
    given back, which make a new lot. Elsewhere the kind alone says which way a posting goes. Postings of one moment are
    taken in the order of KINDS, then: soonest to expire, posting_id, behaviour, order_id, fewest points; those equal in all
    are alike.

    Args:
        points: Any engine's frame with customer_id, posted_at, points and kind; expires_at, posting_id, behaviour and
            order_id are used where they are there.
        as_of: Last day to count, inclusive.
        validity_days: Points lapse so many days after they are earned, instead of at expires_at; 0: at expires_at.
        expiry: ``"computed"`` from expires_at, ``"posted"`` as the ledger's own postings say, or ``"auto"``: computed
            where any lot says when it expires.

    Returns:
        The postings and what was odd about them.

    Raises:
        OpskitError: An option is out of range, a column is missing, or no posting has a known kind.
    """
    check(expiry, "expiry", among=("auto", "computed", "posted"))
    check(validity_days, "validity_days", ge=0)
    frames.day_number(as_of)
    lf = frames.lazy(points, "customer_id", "posted_at", "points", "kind", table="points")
    lf = _seen(lf, as_of)
    counted = _counted(lf)
    if not counted.loc[counted["kind"].isin(KINDS), "postings"].sum():
        raise _no_postings(counted, as_of)
    uses = counted[counted["kind"].isin(["redeem", "expire", "reverse"])]
    signed = bool(uses["negative"].sum() > uses["positive"].sum())
    earned = counted[counted["kind"] == "earn"].sum(numeric_only=True)
    timed = bool(earned["postings"]) if validity_days else bool(earned["timed"])
    if expiry == "computed" and not timed:
        raise OpskitError(
            "expiry == 'computed', but no posting of kind earn has expires_at. Map it, give validity_days, or leave expiry out."
        )
    posted = bool(counted.loc[counted["kind"] == "expire", "postings"].sum())
    basis = "computed" if timed and expiry != "posted" else "posted" if posted else "never"
    end = dt.datetime.combine(as_of, dt.time()) + dt.timedelta(days=1)
    rows = _one_form(lf, signed, basis, validity_days, end)
    ties = tuple(name for name in _TIES if name in rows.collect_schema().names())
    life = _life(counted, basis, validity_days)
    return Postings(rows, ties, basis, end, *life, _totals(counted), _handled(counted, signed, basis))


def _seen(lf: nw.LazyFrame[Any], as_of: dt.date) -> nw.LazyFrame[Any]:
    seen = lf.filter(customers.on_or_before(lf, as_of, "posted_at"), ~nw.col("customer_id").is_null())
    return seen.filter(~nw.col("points").is_null()).with_columns(nw.col("points").cast(nw.Float64))


def _counted(lf: nw.LazyFrame[Any]) -> "pd.DataFrame":
    """By kind: postings, their points, how many of each sign, how many say when they lapse, and how long they live."""
    value, nothing = nw.col("points"), nw.lit(0.0)
    counts = {"negative": value < 0, "positive": value > 0}
    told = [_one_if(condition).alias(name) for name, condition in counts.items()]
    if "expires_at" in lf.collect_schema().names():
        lf = lf.with_columns(nw.col("expires_at").cast(nw.Datetime("us")).alias("lapse"))
        says = ~nw.col("lapse").is_null()
        clock = says & (nw.col("lapse") != frames.start_of(lf, "lapse"))
        # Whole numbers hold no missing value in pandas, so one that lapses at no time is filled before it is reckoned with.
        lf = lf.with_columns(
            nw.when(says).then(nw.col("lapse")).otherwise(nw.col("posted_at").cast(nw.Datetime("us"))).alias("filled")
        )
        days = nw.when(says).then(frames.epoch_day("filled") - frames.epoch_day("posted_at"))
        told += [_one_if(says).alias("timed"), _one_if(clock).alias("clock"), days.alias("life")]
        told.append(nw.when(says).then(value).otherwise(nothing).alias("lapsing"))
    else:
        told += [nw.lit(0).alias("timed"), nw.lit(0).alias("clock"), nw.lit(0).alias("life"), nothing.alias("lapsing")]
    found = frames.collect(
        lf.select("kind", "points", *told, nw.when(value < 0).then(-value).otherwise(nothing).alias("below"))
        .group_by("kind")
        .agg(
            nw.len().alias("postings"),
            nw.col("points", "below", "lapsing", "timed", "clock", *counts).sum(),
            nw.col("life").min().alias("shortest"),
            nw.col("life").max().alias("longest"),
        )
    )
    return found.sort_values("kind", ignore_index=True)


def _life(counted: "pd.DataFrame", basis: str, validity_days: int) -> tuple[bool, float, float]:
    """Whether lots lapse in order, how long they live at most, and the share of points that live for ever."""
    earned = counted[counted["kind"] == "earn"].sum(numeric_only=True)
    if basis != "computed":
        return True, float("nan"), 1.0
    if validity_days:
        return True, float(validity_days), 0.0
    alike = earned["shortest"] == earned["longest"] and not earned["clock"]
    lasting = 1 - earned["lapsing"] / earned["points"] if earned["points"] else float("nan")
    return bool(alike and earned["timed"] == earned["postings"]), float(earned["longest"]), float(lasting)


def _one_form(
    lf: nw.LazyFrame[Any], signed: bool, basis: str, validity_days: int, end: dt.datetime
) -> nw.LazyFrame[Any]:
    names = lf.collect_schema().names()
    rank = nw.lit(-1)
    for place, kind in enumerate(KINDS):
        rank = nw.when(nw.col("kind") == kind).then(nw.lit(place)).otherwise(rank)
    way = nw.when(nw.col("rank") == EARN).then(nw.lit(1.0)).otherwise(nw.lit(-1.0))
    amount = nw.col("points") * way if signed else nw.col("points").abs()
    lf = lf.with_columns(rank.alias("rank"), nw.col("posted_at").cast(nw.Datetime("us")).alias("at"))
    left_aside = nw.col("rank").is_in([-1, EXPIRE] if basis == "computed" else [-1])
    lf = lf.filter(~left_aside).with_columns(amount.alias("amount"))
    turned = nw.when(nw.col("rank") == EARN).then(nw.lit(REVERSE)).otherwise(nw.lit(EARN))
    rank = nw.when(nw.col("amount") < 0).then(turned).otherwise(nw.col("rank"))
    lf = lf.filter(nw.col("amount") != 0).with_columns(rank.alias("rank"), nw.col("amount").abs())
    lapse = _lapse(names, basis, validity_days)
    far = nw.lit(end).cast(nw.Datetime("us"))
    lots, amount, nothing = nw.col("rank") == EARN, nw.col("amount"), nw.lit(0.0)
    known = lots & ~lapse.is_null() if lapse is not None else None
    soon = nw.when(known & (lapse < far)).then(lapse).otherwise(far) if known is not None and lapse is not None else far
    ties = {"number": "posting_id", "behaviour": "behaviour", "order_id": "order_id"}
    said = [nw.col(own).cast(nw.String).fill_null("").alias(name) for name, own in ties.items() if own in names]
    # Left to itself an engine puts missing values first or last as it likes: here they are filled.
    never = nw.lit(dt.datetime(2262, 1, 1)).cast(nw.Datetime("us"))
    when = nw.when(known).then(lapse).otherwise(never) if known is not None else never
    return lf.select(
        "customer_id",
        "at",
        "rank",
        "amount",
        nw.when(lots).then(soon).otherwise(nw.col("at")).alias("until"),
        nw.when(lots).then(amount).otherwise(nothing).alias("earned"),
        nw.when(lots).then(nothing).otherwise(amount).alias("used"),
        _one_if(known & (lapse < far)).alias("lapses") if known is not None else nw.lit(0).alias("lapses"),
        when.alias("expires"),
        *said,
    )


def _lapse(names: list[str], basis: str, validity_days: int) -> nw.Expr | None:
    if basis != "computed":
        return None
    if validity_days:
        return nw.col("at") + nw.lit(dt.timedelta(days=validity_days))
    return nw.col("expires_at").cast(nw.Datetime("us")) if "expires_at" in names else None


def _one_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _totals(counted: "pd.DataFrame") -> "pd.DataFrame":
    known = counted[counted["kind"].isin(KINDS)]
    return known[["kind", "postings", "points"]].reset_index(drop=True)


def _handled(counted: "pd.DataFrame", signed: bool, basis: str) -> "pd.DataFrame":
    import pandas as pd

    unknown = counted[~counted["kind"].isin(KINDS)]
    uses = counted[counted["kind"].isin(["redeem", "expire", "reverse"])]
    earned, expired = (counted[counted["kind"] == kind].sum(numeric_only=True) for kind in ("earn", "expire"))
    named = ", ".join(map(str, unknown["kind"].head(3)))
    given_back = int(uses["positive"].sum()) if signed else 0
    rows: list[tuple[str, int, float, str]] = [
        (
            f"unknown kind{f' ({named})' if named else ''}",
            int(unknown["postings"].sum()),
            float(unknown["points"].sum()),
            "left out",
        ),
        (
            "earned below zero",
            int(earned["negative"]),
            float(earned["below"]),
            "counted as points taken back" if signed else "sign ignored: the kind says which way",
        ),
        (
            "used the other way",
            given_back,
            float((uses["points"] + uses["below"]).sum()) if signed else 0.0,
            "counted as points given back, a new lot",
        ),
        (
            "expiry posted, and computed too",
            int(expired["postings"]) if basis == "computed" else 0,
            abs(float(expired["points"])) if basis == "computed" else 0.0,
            "compared with what was computed, not counted twice",
        ),
    ]
    return pd.DataFrame(rows, columns=["problem", "postings", "points", "what_was_done"])


def _no_postings(counted: "pd.DataFrame", as_of: dt.date) -> OpskitError:
    if counted.empty:
        return TooLittleDataError(
            f"points has no posting up to {as_of}. Give a later as_of, or check what was left out."
        )
    named = ", ".join(map(repr, counted["kind"].head(5)))
    return OpskitError(
        f"points.kind holds {named}; it must be earn, redeem, expire or reverse. Correct the words at the source."
    )
