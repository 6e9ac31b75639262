"""Adopter classes: who came first, who came last, and what each was worth at the same age."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import check
from opskit.target_users.market.adoptions import adopters
from opskit.target_users.market.bass import Bass, adopted

if TYPE_CHECKING:
    import pandas as pd

CLASSES = ("innovator", "early adopter", "early majority", "late majority", "laggard")
RULES = ("rogers", "bass")
_ROGERS = (
    0.025,
    0.16,
    0.5,
    0.84,
    1.0,
)  # a normal curve cut at two and one standard deviations before and one after its mean
SO_FAR, EVER = "customers so far", "all who ever come"


class Classes(NamedTuple):
    """Adopter classes of the customers."""

    by_class: "pd.DataFrame"  # class, share, first_day, last_day, customers
    base: str  # SO_FAR or EVER: what the shares are shares of
    rule: str
    cuts: "dict[str, int]"  # last day of each class that is over, as days since 1970-01-01


def classes(
    *, customers: Any = None, orders: Any = None, as_of: dt.date, model: Bass | None = None, rule: str = "rogers"
) -> Classes:
    """Where one adopter class ends and the next begins.

    - ``rogers``: the first 2.5% are innovators, the next 13.5% early adopters, 34% early majority, 34% late majority,
      16% laggards, whatever the curve looks like.
    - ``bass``: cut where the fitted curve bends: the share p innovates, early adopters come until the curve rises most
      steeply, early majority until its peak, late majority until it falls most steeply, laggards after it.

    Args:
        customers: As for `adopters`.
        orders: As for `adopters`.
        as_of: Last day to count, inclusive.
        model: Fitted Bass curve of the months since the launch whose peak is past: the shares are then shares of all who ever come (m).
            None: shares of the customers so far, so that the classes say who was early among them and nothing about the
            market; only rogers can be had.
        rule: ``"rogers"`` or ``"bass"``.

    Returns:
        ``by_class``: class, share (where it ends, of the base, cumulated), first_day and last_day on which its customers came (missing where
        nobody did yet), customers. ``base``, ``rule``, and ``cuts`` for `assign`. Customers of one day are in one class,
        the class of the first of them.

    Raises:
        OpskitError: The rule is another one, bass is asked for without a model, or as `adopters`.

    Source: Rogers (1962), "Diffusion of innovations"; Mahajan, Muller & Srivastava (1990), "Determination of adopter
        categories by using innovation diffusion models".

    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=40)
    >>> orders = pd.DataFrame({"customer_id": range(40), "ordered_at": days})
    >>> classes(orders=orders, as_of=dt.date(2024, 12, 31)).by_class["customers"].tolist()
    [1, 6, 13, 14, 6]
    """
    import numpy as np
    import pandas as pd

    check(rule, "rule", among=RULES if model else RULES[:1])
    days = frames.lazy(adopters(customers=customers, orders=orders, as_of=as_of), "adopted_at", table="adopters")
    daily = frames.collect(days.group_by(frames.epoch_day("adopted_at").alias("day")).agg(nw.len().alias("n")))
    daily = daily.sort_values("day", ignore_index=True)
    total = int(daily["n"].sum())
    shares = _bass_shares(model) if model and rule == "bass" else np.array(_ROGERS)
    base = max(model.m_, total) if model else total
    before = (daily["n"].cumsum() - daily["n"]).to_numpy()  # place of the first who came on that day
    place = np.searchsorted(shares[:-1] * base, before, side="right")
    # A first customer stands before every cut, and a tiny base has cuts below one customer.
    rows = pd.DataFrame({"class": CLASSES, "share": shares})
    seen = (
        daily.assign(place=place)
        .groupby("place")
        .agg(first=("day", "min"), last=("day", "max"), customers=("n", "sum"))
    )
    seen = seen.reindex(range(len(CLASSES)))
    rows["first_day"], rows["last_day"] = (_dates(seen[name]) for name in ("first", "last"))
    rows["customers"] = seen["customers"].fillna(0).astype("int64").to_numpy()
    cuts = {name: int(last) for name, last in zip(CLASSES, seen["last"], strict=True) if last == last}
    return Classes(rows, EVER if model else SO_FAR, rule, cuts)


def assign(found: Classes, *, customers: Any = None, orders: Any = None, as_of: dt.date) -> Any:
    """Each customer's adopter class.

    Args:
        found: Of `classes`, for the same tables and day.
        customers: As for `adopters`.
        orders: As for `adopters`.
        as_of: Last day to count, inclusive.

    Returns:
        The same kind of frame as went in: customer_id, adopted_at, class.

    Raises:
        OpskitError: As `adopters`.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": range(40), "ordered_at": pd.date_range("2024-01-01", periods=40)})
    >>> given = {"orders": orders, "as_of": dt.date(2024, 12, 31)}
    >>> assign(classes(**given), **given)["class"].value_counts().tolist()
    [14, 13, 6, 6, 1]
    """
    native = adopters(customers=customers, orders=orders, as_of=as_of)
    lf, day = frames.lazy(native, "adopted_at", table="adopters"), frames.epoch_day("adopted_at")
    *early, last = found.cuts
    named: nw.Expr = nw.lit(last)
    for name in reversed(early):
        named = nw.when(day <= found.cuts[name]).then(nw.lit(name)).otherwise(named)
    return frames.like(lf.with_columns(named.alias("class")), native)


def class_value(
    assigned: Any, orders: Any, *, as_of: dt.date, days: int = 90, confidence: float = 0.95
) -> "pd.DataFrame":
    """What the customers of each class ordered in their first days, everybody at the same age.

    Args:
        assigned: Of `assign`.
        orders: The same engine's frame with customer_id, ordered_at and revenue; refund is taken off where it is there.
        as_of: Last day to count, inclusive.
        days: Length of the stretch from the day of adoption on; only customers observed that long count.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        class, customers (old enough), value (net revenue per customer in the stretch) with value_low and value_high,
        bought (share with an order in it) with bought_low and bought_high; missing where nobody is old enough. One row
        per class, whether or not anybody is in it.

    Raises:
        OpskitError: A column is missing or an option is out of range.

    Assumes nothing about why classes differ: who came early met another shop, another season and other channels.

    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": range(40), "ordered_at": pd.date_range("2024-01-01", periods=40), "revenue": 5.0}
    ... )
    >>> given = {"orders": orders, "as_of": dt.date(2024, 12, 31)}
    >>> class_value(assign(classes(**given), **given), orders, as_of=given["as_of"])["value"].tolist()
    [5.0, 5.0, 5.0, 5.0, 5.0]
    """
    import pandas as pd

    check(days, "days", ge=1)
    who = frames.lazy(assigned, "customer_id", "adopted_at", "class", table="assigned")
    bought = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    first = frames.epoch_day("adopted_at")
    old = who.select("customer_id", "class", first.alias("first")).filter(
        nw.col("first") + days - 1 <= frames.day_number(as_of)
    )
    net = nw.col("revenue")
    if "refund" in bought.collect_schema().names():
        net = net - nw.col("refund").fill_null(0)
    spent = bought.select("customer_id", frames.epoch_day("ordered_at").alias("day"), net.alias("net"))
    age = nw.col("day") - nw.col("first")
    within = nw.when((age >= 0) & (age < days))
    each = (
        old.join(spent, on="customer_id", how="left")
        .with_columns(
            within.then(nw.col("net")).otherwise(0.0).alias("net"), within.then(1).otherwise(0).alias("bought")
        )
        .group_by("customer_id", "class")
        .agg(nw.col("net").sum(), nw.col("bought").max())
    )
    sums = frames.collect(
        stats.assign_groups(each, ids=who)
        .group_by("class", "group")
        .agg(nw.len().alias("customers"), nw.col("net").sum(), nw.col("bought").sum())
    )
    table = pd.DataFrame({"class": CLASSES}).merge(_by_class(sums, confidence), on="class", how="left")
    return table.assign(customers=table["customers"].fillna(0).astype("int64"))


def _by_class(sums: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import numpy as np

    totals = sums.groupby("class")[["customers", "bought", "net"]].sum()
    # A few spend very much, so the mean is as skewed as its logarithm is not; without revenue there is no logarithm.
    logs = bool((totals["net"] > 0).all())

    def value(total: "pd.DataFrame") -> "pd.Series[float]":
        mean = total["net"] / total["customers"]
        return mean.transform(np.log) if logs else mean

    with np.errstate(divide="ignore", invalid="ignore"):
        spread = stats.jackknife(sums, value, keys=["class"], confidence=confidence)
    spread = spread.transform(np.exp) if logs else spread
    spread = spread.replace([0.0, np.inf], np.nan)
    low, high = stats.wilson(totals["bought"], totals["customers"], confidence=confidence)
    bounds = {"value_low": spread["low"], "value_high": spread["high"]}
    table = totals[["customers"]].assign(value=totals["net"] / totals["customers"], **bounds)
    return table.assign(bought=totals["bought"] / totals["customers"], bought_low=low, bought_high=high).reset_index()


def _bass_shares(model: Bass) -> Any:
    """Where the curve's classes end: p, its two bends and its peak, as shares of m."""
    import numpy as np

    rate = model.p_ + model.q_
    bend = np.log(2 + np.sqrt(3)) / rate
    times = np.maximum([model.peak_ - bend, model.peak_, model.peak_ + bend], 0.0)
    ends = [min(model.p_, 1.0), *adopted(times, model.p_, model.q_), 1.0]
    return np.maximum.accumulate(ends)


def _dates(days: "pd.Series[float]") -> Any:
    import pandas as pd

    return pd.to_datetime(days.to_numpy(), unit="D")
