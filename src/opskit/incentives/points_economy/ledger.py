"""The ledger worked out: what became of every point earned, by customer and over all, and what the books say of expiry."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.incentives.points_economy.fifo import OUTSTANDING, OVERDRAWN, endings, settled
from opskit.incentives.points_economy.postings import EARN, EXPIRE, REDEEM, REVERSE, Postings, postings

if TYPE_CHECKING:
    import pandas as pd

WAYS = {REDEEM: "redeemed", EXPIRE: "expired", REVERSE: "reversed", OUTSTANDING: "outstanding", OVERDRAWN: "overdrawn"}
BELOW = 1e-6  # points


class Ledger(NamedTuple):
    """What became of every point up to a day.

    Attributes:
        moves: group (of customers, for intervals), earned_day, left_day (days since 1970-01-01), way (a value of WAYS),
            points. Outstanding points have the last day as left_day; overdrawn ones, which nobody has earned yet, have no
            earned_day.
        totals: earned, redeemed, expired, reversed, outstanding, overdrawn, in points; customers.
        kinds: kind, postings, points, as the ledger has them.
        handled: problem, postings, points, what_was_done.
        expiry: ``"computed"``, ``"posted"`` or ``"never"``, as `postings` found it.
        validity_days: Longest time from earning to lapsing among lots that lapse; missing where none says when.
        lasting_share: Share of earned points that never lapse.
        as_of: Last day counted.
    """

    moves: "pd.DataFrame"
    totals: "pd.Series[Any]"
    kinds: "pd.DataFrame"
    handled: "pd.DataFrame"
    expiry: str
    validity_days: float
    lasting_share: float
    as_of: dt.date


def ledger(points: Any, *, as_of: dt.date, validity_days: int = 0, expiry: str = "auto") -> Ledger:
    """Follow every point from earning to its end: first earned, first used, and never after it has lapsed.

    A use that finds too few points overdraws: the points earned next pay for it first.

    Args:
        points: Any engine's frame with customer_id, posted_at, points and kind; expires_at, posting_id, behaviour and
            order_id are used where they are there. Signs may be given or left to kind.
        as_of: Last day to count, inclusive.
        validity_days: Points lapse so many days after they are earned, instead of at expires_at; 0: at expires_at.
        expiry: As in `postings`.

    Returns:
        The moves and what they add up to: earned = redeemed + expired + reversed + outstanding; overdrawn points, used
        before they were earned, come on top.

    Raises:
        OpskitError: An option is out of range, a column is missing, or no posting has a known kind.

    Assumes reversals take the oldest points left, as uses do, and postings of one moment come in the order expire, earn,
    reverse, redeem.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"])
    >>> rows = {"customer_id": "A", "posted_at": days, "points": [100, 50, 120], "kind": ["earn", "earn", "redeem"]}
    >>> ledger(pd.DataFrame(rows), as_of=dt.date(2025, 12, 31)).totals[["earned", "redeemed", "outstanding"]].tolist()
    [150.0, 120.0, 30.0]
    """
    given = postings(points, as_of=as_of, validity_days=validity_days, expiry=expiry)
    grouped = given._replace(rows=stats.assign_groups(given.rows, ids=frames.lazy(points).select("customer_id")))
    moves = frames.collect(
        endings(grouped, "group").group_by("group", "earned_day", "left_day", "way").agg(nw.col("points").sum())
    ).sort_values(["group", "earned_day", "left_day", "way"], ignore_index=True)
    people = frames.collect(given.rows.group_by("customer_id").agg(nw.len().alias("n")).select(nw.len().alias("n")))
    return Ledger(
        _named(moves),
        _totals(moves, int(people["n"].iloc[0])),
        given.kinds,
        given.handled,
        given.expiry,
        given.validity_days,
        given.lasting_share,
        as_of,
    )


def _named(moves: "pd.DataFrame") -> "pd.DataFrame":
    known = moves["way"] != OVERDRAWN
    return moves.assign(way=moves["way"].map(WAYS), earned_day=moves["earned_day"].where(known))


def _totals(moves: "pd.DataFrame", customers: int) -> "pd.Series[Any]":
    import pandas as pd

    by = moves.groupby("way")["points"].sum()
    ends = {name: float(by.get(way, 0.0)) for way, name in WAYS.items()}
    # Every lot ends in full: what was used and not earned yet comes on top.
    earned = sum(ends.values()) - ends["overdrawn"]
    return pd.Series({"earned": earned, **ends, "customers": customers})


def balances(points: Any, *, as_of: dt.date, validity_days: int = 0, expiry: str = "auto") -> Any:
    """Each customer's account, as it closes.

    Args:
        points: As for `ledger`.
        as_of: Last day to count, inclusive.
        validity_days: As for `ledger`.
        expiry: As for `ledger`.

    Returns:
        The same kind of frame as went in: customer_id; earned, redeemed, expired, reversed, in points; outstanding (what
        the customer can still use, below 0 where more was used than earned); overdrafts (uses that found too few points)
        and overdrawn (points they lacked at that moment). Always earned = redeemed + expired + reversed + outstanding.

    Raises:
        OpskitError: As `ledger`.

    >>> import pandas as pd
    >>> rows = {"customer_id": "A", "posted_at": pd.to_datetime(["2025-01-01", "2025-02-01"]), "points": [100, 120]}
    >>> table = balances(pd.DataFrame({**rows, "kind": ["earn", "redeem"]}), as_of=dt.date(2025, 12, 31))
    >>> table[["earned", "redeemed", "outstanding", "overdrafts"]].values.tolist()
    [[100.0, 120.0, -20.0, 1.0]]
    """
    return frames.like(_accounts(postings(points, as_of=as_of, validity_days=validity_days, expiry=expiry)), points)


def _accounts(given: Postings) -> nw.LazyFrame[Any]:
    used, rank, nothing = nw.col("used"), nw.col("rank"), nw.lit(0.0)
    rest = nw.when(rank == EARN).then(nw.col("earned") - nw.col("d") + nw.col("d_before")).otherwise(nothing)
    lacked = nw.when(nw.col("U") - nw.col("d") < used).then(nw.col("U") - nw.col("d")).otherwise(used)
    over = (rank != EARN) & (nw.col("U") - nw.col("d") > BELOW)
    kinds = {"redeemed": REDEEM, "posted": EXPIRE, "reversed": REVERSE}
    return (
        settled(given)
        .with_columns(
            rest.alias("rest"),
            nw.when(over).then(lacked).otherwise(nothing).alias("overdrawn"),
            nw.when(over).then(nw.lit(1)).otherwise(nw.lit(0)).alias("overdrafts"),
            *(nw.when(rank == place).then(used).otherwise(nothing).alias(name) for name, place in kinds.items()),
        )
        .with_columns(nw.when(nw.col("lapses") == 1).then(nw.col("rest")).otherwise(nothing).alias("lapsed"))
        .group_by("customer_id")
        .agg(
            nw.col(
                "earned", "redeemed", "reversed", "posted", "lapsed", "rest", "used", "overdrafts", "overdrawn"
            ).sum(),
            nw.col("d").max(),
        )
        .select(
            "customer_id",
            "earned",
            "redeemed",
            (nw.col("posted") + nw.col("lapsed")).alias("expired"),
            "reversed",
            # From the lots, not from the other columns, so that the law of conservation can fail.
            (nw.col("rest") - nw.col("lapsed") - (nw.col("used") - nw.col("d"))).alias("outstanding"),
            nw.col("overdrafts").cast(nw.Int64),
            "overdrawn",
        )
    )


def expiry_check(points: Any, *, as_of: dt.date, validity_days: int = 0) -> "pd.DataFrame":
    """Expiry worked out from the lots beside the ledger's own postings of it, customer by customer.

    Args:
        points: As for `ledger`, with postings of kind expire and lots that say when they lapse.
        as_of: Last day to count, inclusive.
        validity_days: As for `ledger`.

    Returns:
        case (``agree``, ``too little posted``, ``too much posted``), customers, computed, posted, difference (posted -
        computed), in points; customers of whom neither has any are left out. Empty where only one of the two is known.

    Raises:
        OpskitError: As `ledger`.
    """
    import pandas as pd

    columns = ["case", "customers", "computed", "posted", "difference"]
    given = postings(points, as_of=as_of, validity_days=validity_days)
    if given.expiry != "computed" or "expire" not in set(given.kinds["kind"]):
        return pd.DataFrame(columns=columns)
    lf = frames.lazy(points, "customer_id", "posted_at", "points", "kind", table="points")
    known = _accounts(given).select("customer_id", "expired", nw.lit(0.0).alias("posted"))
    seen = lf.filter(nw.col("kind") == "expire", nw.col("posted_at") < given.end)
    said = seen.select(
        "customer_id", nw.lit(0.0).alias("expired"), nw.col("points").cast(nw.Float64).abs().alias("posted")
    )
    gap = nw.col("posted") - nw.col("expired")
    case = nw.when(gap < -BELOW).then(nw.lit(1)).otherwise(nw.when(gap > BELOW).then(nw.lit(2)).otherwise(nw.lit(0)))
    table = frames.collect(
        nw.concat([known, said])
        .group_by("customer_id")
        .agg(nw.col("expired", "posted").sum())
        .filter((nw.col("expired") > BELOW) | (nw.col("posted") > BELOW))
        .with_columns(case.alias("case"))
        .group_by("case")
        .agg(nw.len().alias("customers"), nw.col("expired", "posted").sum())
    ).set_index("case")
    table = table.reindex([0, 1, 2], fill_value=0).set_axis(["agree", "too little posted", "too much posted"])
    table = table.rename(columns={"expired": "computed"}).rename_axis("case").reset_index()
    return table.assign(difference=table["posted"] - table["computed"])[columns]
