"""Monthly recurring revenue (MRR): what came, grew, shrank and left between month ends, and what is kept of it."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, check
from opskit.monetization.subscriptions.spells import spells

if TYPE_CHECKING:
    import pandas as pd

_UNIT = (
    1_000_000  # amounts are added as whole millionths, so that what a customer pays and stops paying cancels exactly
)
_KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
_GAINS = ("new", "reactivation", "expansion")


class Movements(NamedTuple):
    """Monthly recurring revenue month by month, and the rates that follow from it."""

    by_month: "pd.DataFrame"
    """month, complete, opening, the five movements, closing; customers, new_customers, reactivation_customers,
    churn_customers."""
    rates: "pd.DataFrame"
    """month, measure, estimate, low, high, n."""


def movements(
    subscriptions: Any,
    *,
    as_of: dt.date,
    gap_days: int = 7,
    default_billing_period: str = "month",
    confidence: float = 0.95,
) -> Movements:
    """Opening MRR, its movements and closing MRR of every month, by customer.

    Args:
        subscriptions: As in `spells.spells`.
        as_of: Last day to count, inclusive.
        gap_days: A pause of up to so many days is none.
        default_billing_period: Taken where billing_period is missing: month, quarter or year.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_month``: month (its first day); complete (as_of has reached its last day; the last month may be cut off);
        opening + new + reactivation + expansion - contraction - churn = closing, exactly, in money per month; customers
        paying at the end, and how many came, came back and left. ``rates``: month, measure (net_retention: opening MRR
        with expansion, contraction and churn over opening MRR; gross_retention: without expansion; logo_churn: customers
        lost over those at the opening), estimate, low, high, n customers at the opening; complete months with an
        opening only.

    Raises:
        OpskitError: As `spells.spells` does, the confidence is not between 0 and 1, or nobody ever pays at a month end.

    Assumes a price covers its billing period evenly: a yearly price counts a twelfth a month. What begins and ends
    between two month ends is not seen. A customer's first MRR is new, a later one after none is reactivation; several
    contracts of a customer add up, so that moving from one to another is no churn.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-10", "2024-02-05"])
    >>> rows = pd.DataFrame({"customer_id": [1, 2], "plan": ["a", "a"], "started_at": days, "price": [9.0, 9]})
    >>> rows["ended_at"] = pd.to_datetime(["2024-03-09", None])
    >>> found = movements(rows, as_of=dt.date(2024, 3, 31)).by_month
    >>> found[["opening", "new", "churn", "closing"]].values.tolist()
    [[0.0, 9.0, 0.0, 9.0], [9.0, 9.0, 0.0, 18.0], [18.0, 0.0, 9.0, 9.0]]
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    deltas = _deltas(subscriptions, as_of, gap_days, default_billing_period)
    cells = frames.collect(_grouped(_moved(deltas), subscriptions))
    if cells.empty:
        raise OpskitError(
            f"no month end finds a paying customer up to {as_of}: prices are 0, or spells lie between two."
        )
    months = range(int(cells["month"].min()), as_of.year * 12 + as_of.month)
    amount = cells.pivot_table(index="month", columns="kind", values="amount", aggfunc="sum", fill_value=0)
    count = cells.pivot_table(index="month", columns="kind", values="customers", aggfunc="sum", fill_value=0)
    amount, count = (part.reindex(index=months, columns=_KINDS, fill_value=0) for part in (amount, count))
    change = amount[list(_GAINS)].sum(axis=1) - amount["contraction"] - amount["churn"]
    closing = change.cumsum()
    came_and_went = count["new"] + count["reactivation"] - count["churn"]
    table = pd.DataFrame({"month": _first_days(months), "complete": True, "opening": (closing - change).to_numpy()})
    table.loc[table.index[-1], "complete"] = (as_of + dt.timedelta(days=1)).day == 1
    table = table.assign(**{kind: amount[kind].to_numpy() for kind in _KINDS}, closing=closing.to_numpy())
    money = ["opening", *_KINDS, "closing"]
    table[money] = table[money] / _UNIT
    table["customers"] = came_and_went.cumsum().to_numpy()
    for kind in ("new", "reactivation", "churn"):
        table[f"{kind}_customers"] = count[kind].to_numpy()
    return Movements(table, _rates(cells, table, confidence))


def _first_days(months: range) -> "pd.DatetimeIndex":
    import numpy as np
    import pandas as pd

    return pd.DatetimeIndex((np.array(months) - 1970 * 12).astype("datetime64[M]").astype("datetime64[s]"))


def _deltas(subscriptions: Any, as_of: dt.date, gap_days: int, default_billing_period: str) -> nw.LazyFrame[Any]:
    """Change of each customer's MRR between month ends, in millionths: customer_id, month, delta; active months only."""
    found = spells(subscriptions, as_of=as_of, gap_days=gap_days, default_billing_period=default_billing_period)
    paid = (nw.col("price") * _UNIT / nw.col("months")).round(0).cast(nw.Int64)
    starts = found.select("customer_id", (nw.col("start_place") // 32).alias("month"), paid.alias("delta"))
    over = found.filter(nw.col("until_day") <= frames.day_number(as_of))
    ends = over.select("customer_id", (nw.col("until_place") // 32).alias("month"), (-paid).alias("delta"))
    return (
        nw.concat([starts, ends])
        .group_by("customer_id", "month")
        .agg(nw.col("delta").sum())
        .with_columns(nw.col("delta").cast(nw.Int64))  # DuckDB adds integers up in a wider kind
        .filter(nw.col("delta") != 0)
    )


def _moved(deltas: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Each change with its kind: customer_id, month, kind, amount (never negative)."""
    closing, delta = nw.col("closing"), nw.col("delta")
    first = nw.col("month") == nw.col("since")
    kind = (
        nw.when(closing == 0)
        .then(nw.lit("churn"))
        .otherwise(
            nw.when(closing == delta)
            .then(nw.when(first).then(nw.lit("new")).otherwise(nw.lit("reactivation")))
            .otherwise(nw.when(delta > 0).then(nw.lit("expansion")).otherwise(nw.lit("contraction")))
        )
    )
    return deltas.with_columns(
        delta.cum_sum().over("customer_id", order_by="month").cast(nw.Int64).alias("closing"),
        nw.col("month").min().over("customer_id").alias("since"),
    ).select("customer_id", "month", kind.alias("kind"), delta.abs().alias("amount"))


def _grouped(moved: nw.LazyFrame[Any], subscriptions: Any) -> nw.LazyFrame[Any]:
    """Amounts and customers by group of customers, month and kind."""
    ids = frames.lazy(subscriptions, "customer_id", table="subscriptions")
    return (
        stats.assign_groups(moved, ids=ids)
        .group_by("group", "month", "kind")
        .agg(nw.col("amount").sum(), nw.len().alias("customers"))
    )


def _rates(cells: "pd.DataFrame", table: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    """Net and gross revenue retention and logo churn of each complete month, by leaving out groups of customers."""
    import numpy as np
    import pandas as pd

    month0 = int(cells["month"].min())
    groups = pd.RangeIndex(int(cells["group"].max()) + 1)
    index = pd.MultiIndex.from_product([range(month0, month0 + len(table)), groups], names=["month", "group"])
    amount, count = (
        cells.pivot(index=["month", "group"], columns="kind", values=values).reindex(index, columns=_KINDS).fillna(0.0)
        for values in ("amount", "customers")
    )
    change = amount[list(_GAINS)].sum(axis=1) - amount["contraction"] - amount["churn"]
    logos = count["new"] + count["reactivation"] - count["churn"]
    sums = amount[["expansion", "contraction", "churn"]].assign(
        opening=change.groupby("group").cumsum() - change,
        customers=logos.groupby("group").cumsum() - logos,
        lost=count["churn"],
    )
    sums = sums[sums.groupby("group")["customers"].transform("max") > 0].reset_index()  # groups without anybody
    whole = table["complete"].to_numpy() & (table["customers"].shift(fill_value=0) > 0).to_numpy()
    keep = [month0 + int(place) for place in np.flatnonzero(whole)]
    sums = sums[sums["month"].isin(keep)]
    if sums.empty:
        return pd.DataFrame(columns=["month", "measure", "estimate", "low", "high", "n"])
    found = stats.jackknife(sums, _kept, keys=["month"], confidence=confidence).reset_index()
    found.columns = ["place", "estimate", "low", "high"]
    at = np.tile(np.flatnonzero(whole), 3)
    measures = np.repeat(["net_retention", "gross_retention", "logo_churn"], len(keep))
    n = table["customers"].shift(fill_value=0).to_numpy()[at]
    share = measures != "net_retention"
    found = found.assign(month=table["month"].to_numpy()[at], measure=measures, n=n)
    found["low"] = found["low"].clip(lower=0)
    found["high"] = found["high"].where(~share, found["high"].clip(upper=1))
    return found[["month", "measure", "estimate", "low", "high", "n"]]


def _kept(total: "pd.DataFrame") -> "pd.Series[float]":
    import numpy as np
    import pandas as pd

    column = {name: total[name].to_numpy() for name in total}
    with np.errstate(divide="ignore", invalid="ignore"):
        gross = (column["opening"] - column["contraction"] - column["churn"]) / column["opening"]
        net = gross + column["expansion"] / column["opening"]
        lost = column["lost"] / column["customers"]
    return pd.Series(np.concatenate([net, gross, lost]))


def revenue_retention(
    subscriptions: Any,
    *,
    as_of: dt.date,
    months: int = 12,
    gap_days: int = 7,
    default_billing_period: str = "month",
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """What the customers of so many months ago pay now, over what they paid then.

    Args:
        subscriptions: As in `spells.spells`.
        as_of: Last day to count, inclusive; the last month end up to it is compared.
        months: Months between the two month ends.
        gap_days: A pause of up to so many days is none.
        default_billing_period: Taken where billing_period is missing: month, quarter or year.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        measure (net_retention, gross_retention: nobody counted above what they paid, logo_retention: share of customers
        who still pay), estimate, low, high, n customers at the earlier month end; missing where there were none.

    Raises:
        OpskitError: As `spells.spells` does, or an option is out of range.

    Assumes customers independent of each other. Who left in between and is back counts as kept.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-10", "2024-01-10"])
    >>> rows = pd.DataFrame({"customer_id": [1, 2], "plan": ["a", "a"], "started_at": days, "price": [9.0, 9]})
    >>> rows["ended_at"] = pd.to_datetime(["2024-03-09", None])
    >>> revenue_retention(rows, as_of=dt.date(2024, 3, 31), months=1)["estimate"].tolist()
    [0.5, 0.5, 0.5]
    """
    import pandas as pd

    check(months, "months", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    whole = (as_of + dt.timedelta(days=1)).day == 1
    last = as_of.year * 12 + as_of.month - 1 - (0 if whole else 1)
    delta = nw.col("delta")
    paid = [
        nw.when(nw.col("month") <= month).then(delta).otherwise(nw.lit(0)).alias(name)
        for month, name in ((last - months, "then"), (last, "now"))
    ]
    kept = nw.when(nw.col("now") < nw.col("then")).then(nw.col("now")).otherwise(nw.col("then"))
    payers = (
        _deltas(subscriptions, as_of, gap_days, default_billing_period)
        .with_columns(*paid)
        .group_by("customer_id")
        .agg(nw.col("then", "now").sum())
        .filter(nw.col("then") > 0)
        .with_columns(kept.alias("kept"), nw.when(nw.col("now") > 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias("stay"))
    )
    ids = frames.lazy(subscriptions, "customer_id", table="subscriptions")
    sums = frames.collect(
        stats.assign_groups(payers, ids=ids)
        .group_by("group")
        .agg(nw.col("then", "now", "kept", "stay").sum(), nw.len().alias("customers"))
    )
    names = ["net_retention", "gross_retention", "logo_retention"]
    if sums.empty:
        return pd.DataFrame({"measure": names, "estimate": None, "low": None, "high": None, "n": 0}).astype(
            dict.fromkeys(("estimate", "low", "high"), float)
        )
    found = stats.jackknife(sums, _still_paid, confidence=confidence)
    found["low"] = found["low"].clip(lower=0)
    found.loc[1:, "high"] = found.loc[1:, "high"].clip(upper=1)
    return pd.concat([pd.Series(names, name="measure"), found], axis=1).assign(n=int(sums["customers"].sum()))


def _still_paid(total: "pd.DataFrame") -> "pd.Series[float]":
    import pandas as pd

    row = total.iloc[0]
    return pd.Series([row["now"] / row["then"], row["kept"] / row["then"], row["stay"] / row["customers"]])
