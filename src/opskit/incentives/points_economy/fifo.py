"""First earned, first used: which use, expiry or reversal took which earned points, exactly, inside the engine.

A customer's earned points are lots on a line of earned points, the uses are pieces of a line of used points. A lot takes
the uses that no earlier lot has taken, up to its size and up to the moment it lapses. With U the points used before a lot
lapses (or so far) and d the end of what lots up to it took, d = max(d before, min(d before + size, U)). Where lots lapse in
the order they were earned, that is a running minimum: d = A + min(0, smallest U - A so far), A being the points earned
so far: ordered windows and no join. Where a later lot lapses before an earlier one, the recursion itself is run in rounds:
the first lot of every such customer at once, then the second, and so on.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.incentives.points_economy.postings import EARN, EXPIRE, KINDS, Postings

if TYPE_CHECKING:
    import numpy as np

OUTSTANDING, OVERDRAWN = len(KINDS), len(KINDS) + 1
"""Two more ways for points to end, beside KINDS: still there, and used although nobody had earned them."""
TINY = 1e-6  # points; less than this is left over by sums of fractions
_NO_DAY, _NO_PLACE, _NO_LIMIT = 10**9, 2**60, 1e300  # stand for no row in a running minimum


def settled(given: Postings, *columns: str) -> nw.LazyFrame[Any]:
    """Every posting with the end of what the lots took.

    Args:
        given: From `postings`.
        columns: Further columns of its rows to keep.

    Returns:
        customer_id, at, until, rank, earned, used, lapses; place (in the customer's order of time); U (points used before
        the lot lapses; for a use: up to and with it); d (end of what lots earned by then took), d_before (the same before
        this posting).
    """
    arrival = ["at", "rank", *given.ties]
    # A lot lapses before anything else of the same moment.
    rows = given.rows.with_columns(
        nw.when(_lot()).then(nw.lit(-1)).otherwise(nw.col("rank")).alias("turn"), nw.lit(1).alias("one")
    ).with_columns(
        nw.col("used").cum_sum().over("customer_id", order_by=["until", "turn", *given.ties]).alias("U"),
        nw.col("earned").cum_sum().over("customer_id", order_by=arrival).alias("A"),
        nw.col("one").cum_sum().over("customer_id", order_by=arrival).cast(nw.Int64).alias("place"),
    )
    missing = nw.when(_lot()).then(nw.col("U") - nw.col("A")).otherwise(nw.lit(_NO_LIMIT))
    rows = rows.with_columns(missing.alias("missing")).with_columns(
        nw.col("missing").cum_min().over("customer_id", order_by="place").alias("least")
    )
    short = nw.when(nw.col("least") < 0).then(nw.col("least")).otherwise(nw.lit(0.0))
    rows = rows.with_columns((nw.col("A") + short).alias("d"))
    if not given.in_order and (odd := _lapse_out_of_order(given)) is not None:
        rows = _in_rounds(rows, odd)
    rows = rows.with_columns(
        nw.col("d").shift(1).over("customer_id", order_by="place").fill_null(0.0).alias("d_before")
    )
    kept = ("at", "until", "rank", "earned", "used", "lapses", "place", "U", "d", "d_before")
    return rows.select("customer_id", *kept, *columns)


def endings(given: Postings, *columns: str) -> nw.LazyFrame[Any]:
    """How every point ended: each row is a stretch of one lot that went one way.

    Args:
        given: From `postings`.
        columns: Further columns that are the same for all postings of a customer.

    Returns:
        customer_id; way (place in KINDS, OUTSTANDING or OVERDRAWN); earned_day, left_day (days since 1970-01-01; left_day
        of what is outstanding is the last day; earned_day of what was overdrawn and never earned is missing); points.
    """
    lot, far = _lot(), nw.lit(_NO_DAY)
    rows = settled(given, *columns).with_columns(
        nw.when(lot).then(nw.col("d")).otherwise(nw.col("U")).alias("x"),
        nw.when(lot).then(frames.epoch_day("at")).otherwise(far).alias("lot_day"),
        nw.when(lot).then(far).otherwise(frames.epoch_day("at")).alias("use_day"),
        nw.when(lot).then(nw.lit(_NO_PLACE)).otherwise(nw.col("place") * len(KINDS) + nw.col("rank")).alias("use"),
        nw.when(lot).then(nw.lit(0)).otherwise(nw.lit(1)).alias("after"),
        (frames.epoch_day("until") - nw.when(nw.col("lapses") == 1).then(nw.lit(0)).otherwise(nw.lit(1))).alias("end"),
    )
    along = {"order_by": ["x", "after", "place"]}
    rows = rows.with_columns(
        (nw.col("x") - nw.col("x").shift(1).over("customer_id", **along).fill_null(0.0)).alias("taken"),
        *(
            nw.col(name).cum_min(reverse=True).over("customer_id", **along).alias(f"next_{name}")
            for name in ("lot_day", "use_day", "use")
        ),
    )
    rest = nw.when(lot).then(nw.col("earned") - (nw.col("d") - nw.col("d_before"))).otherwise(nw.lit(0.0))
    way = nw.when(nw.col("next_lot_day") < far).then(nw.col("next_use") % len(KINDS)).otherwise(nw.lit(OVERDRAWN))
    stays = nw.when(nw.col("lapses") == 1).then(nw.lit(EXPIRE)).otherwise(nw.lit(OUTSTANDING))
    used = nw.col("part") == 0  # every row stands twice: for what was used since the row before, and for a lot's rest
    return (
        rows.join(_two_parts(given.rows), how="cross")
        .select(
            "customer_id",
            *columns,
            nw.when(used).then(way).otherwise(stays).cast(nw.Int64).alias("way"),
            nw.when(used).then(nw.col("next_lot_day")).otherwise(nw.col("lot_day")).alias("earned_day"),
            nw.when(used).then(nw.col("next_use_day")).otherwise(nw.col("end")).alias("left_day"),
            nw.when(used).then(nw.col("taken")).otherwise(rest).alias("points"),
        )
        .filter(nw.col("points") > TINY)
    )


def _lot() -> nw.Expr:
    return nw.col("rank") == EARN


def _two_parts(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    import pandas as pd

    return frames.beside(rows, pd.DataFrame({"part": [0, 1]}))


def _lapse_out_of_order(given: Postings) -> nw.LazyFrame[Any] | None:
    """Customers of whom a later lot lapses before an earlier one; None where there are none."""
    order = ["at", *given.ties]
    odd = (
        given.rows.filter(_lot())
        .with_columns(nw.col("until").shift(1).over("customer_id", order_by=order).alias("until_before"))
        .filter(nw.col("until") < nw.col("until_before"))
        .group_by("customer_id")
        .agg(nw.len().alias("lots"))
    )
    return odd if frames.collect(odd.select(nw.len().alias("n"))).iloc[0, 0] else None


def _in_rounds(rows: nw.LazyFrame[Any], odd: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The rows with d of those customers from the recursion itself."""
    lots = frames.collect(
        rows.filter(_lot()).join(odd, on="customer_id", how="semi").select("customer_id", "place", "earned", "U")
    ).sort_values(["customer_id", "place"], ignore_index=True)
    first = (lots["customer_id"] != lots["customer_id"].shift()).to_numpy()
    lots["d_exact"] = ends(first, lots["earned"].to_numpy(), lots["U"].to_numpy())
    exact = frames.beside(rows, lots[["customer_id", "place", "d_exact"]])
    d = nw.when(nw.col("d_exact").is_null()).then(nw.col("d")).otherwise(nw.col("d_exact"))
    return (
        rows.join(exact, on=["customer_id", "place"], how="left")
        .with_columns(nw.when(_lot()).then(d).otherwise(nw.lit(0.0)).alias("d"))
        .with_columns(nw.col("d").cum_max().over("customer_id", order_by="place").alias("d"))
    )


def ends(
    first: "np.ndarray[Any, Any]", size: "np.ndarray[Any, Any]", used: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, Any]":
    """End of what each lot took on the line of used points, all customers' first lots at once, then all second ones.

    Args:
        first: Whether a lot is its customer's first; lots of a customer stand together, in the order of earning.
        size: Points of the lot.
        used: Points that the customer used before the lot lapses.

    >>> import numpy as np
    >>> ends(np.array([True, False, True]), np.array([10.0, 5, 8]), np.array([12.0, 4, 3]))
    array([10., 10.,  3.])
    """
    import numpy as np

    begins = np.flatnonzero(first)
    customer = np.cumsum(first) - 1
    number = np.arange(len(first)) - begins[customer] if len(first) else np.empty(0, dtype=np.int64)
    by_round = np.argsort(number, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(number))])
    reached, d = np.zeros(len(begins)), np.zeros(len(first))
    for start, stop in pairwise(bounds):
        lots = by_round[start:stop]
        before = reached[customer[lots]]
        d[lots] = np.maximum(before, np.minimum(before + size[lots], used[lots]))
        reached[customer[lots]] = d[lots]
    return d
