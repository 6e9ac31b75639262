"""How fast customers bring customers: the share who came that way, K, and what it multiplies others by."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.referral.links import Links
from opskit.acquisition.referral.rates import brought_per

if TYPE_CHECKING:
    import pandas as pd

EVERYBODY, BOUGHT, NOT_BOUGHT = "everybody", "bought by then", "not bought by then"


def share_by_month(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of each month's new customers who came by referral.

    Args:
        found: From `links`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        month (its first day), complete (whether it was over by as_of), customers, referred, share, low, high; one row
        per month from the first to the last sign-up.

    Assumes new customers come independently of each other: where one inviter brings a crowd in a day, the interval of
    that month is too narrow.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    import pandas as pd

    joined = found.joined.assign(month=month_of(found.joined["day"]))
    counted = joined.assign(referred=joined["customers"].where(joined["referred"], 0))
    table = counted.groupby("month")[["customers", "referred"]].sum()
    table = table.reindex(pd.date_range(table.index.min(), table.index.max(), freq="MS", name="month"), fill_value=0)
    table = table.reset_index()
    table.insert(1, "complete", last_day_of(table["month"]) <= found.as_of)
    return _with_share(table, confidence)


def referred_share(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of new customers who came by referral, in all, in the last 365 days, and without the largest inviter's.

    Args:
        found: From `links`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        period, customers, referred, share, low, high. The third row leaves out everybody whom the one largest inviter
        brought: a share that hangs on one person is no channel.
    """
    import pandas as pd

    joined = found.joined
    rows = [("all", joined), ("last 365 days", joined[joined["day"] > found.as_of - 365])]
    counts = [
        (name, int(part["customers"].sum()), int(part.loc[part["referred"], "customers"].sum())) for name, part in rows
    ]
    largest = int(found.invited.dropna(subset="day")["inviter_id"].value_counts().max()) if len(found.invited) else 0
    counts.append(("all, without the largest inviter's", counts[0][1] - largest, counts[0][2] - largest))
    return _with_share(pd.DataFrame(counts, columns=["period", "customers", "referred"]), confidence)


def _with_share(table: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    low, high = stats.wilson(table["referred"], table["customers"], confidence=confidence)
    share = table["referred"] / table["customers"].where(table["customers"] > 0)
    return table.assign(share=share, low=low, high=high)


def k_factor(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """K: new customers brought per customer within so many days of the customer's own sign-up.

    Args:
        found: From `links`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row for everybody, for those who had ordered by the end of the window and for those who had not, and for
        each window: among, days, customers (signed up at least so many days before as_of), brought, k (brought /
        customers), low, high, inviters (who brought any), inviter_share (of the customers), inviter_low, inviter_high,
        per_inviter (brought / inviters); amplification (1 / (1 - k): what a hundred customers become, over a hundred,
        if every generation brings as many in as many days), amplification_low, amplification_high. All are nan where
        nobody has signed up long enough ago; amplification is where k, or its bound, is not below 1.

    Assumes the window says all: whoever comes later counts for a longer one. Those who had ordered chose to; that they
    bring more does not mean that an order makes people bring others.

    >>> import datetime as dt, pandas as pd
    >>> from opskit.acquisition.referral import links
    >>> people = pd.DataFrame({"customer_id": ["A", "B", "C"], "referrer_id": [None, "A", "A"]})
    >>> people["signed_up_at"] = pd.to_datetime(["2024-01-01", "2024-01-11", "2024-03-01"])
    >>> orders = pd.DataFrame({"customer_id": ["A"], "ordered_at": [pd.Timestamp("2024-01-05")], "revenue": [9.0]})
    >>> k_factor(links(orders, people, as_of=dt.date(2024, 3, 31)))[
    ...     ["among", "days", "customers", "brought", "k"]
    ... ].head(3).round(2)
           among  days  customers  brought     k
    0  everybody    30          3        1  0.33
    1  everybody    60          2        2  1.00
    2  everybody    90          1        2  2.00
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for among in (EVERYBODY, BOUGHT, NOT_BOUGHT):
        for days in found.days:
            old = found.joined[found.joined["day"] <= found.as_of - days]
            brought = found.invited[
                (found.invited["delay"] <= days) & (found.invited["inviter_day"] <= found.as_of - days)
            ]
            had = brought["inviter_first"] <= days
            bought, everybody = int(old[f"bought_{days}"].sum()), int(old["customers"].sum())
            part = {EVERYBODY: brought, BOUGHT: brought[had], NOT_BOUGHT: brought[~had]}[among]
            size = {EVERYBODY: everybody, BOUGHT: bought, NOT_BOUGHT: everybody - bought}[among]
            rows.append(
                {"among": among, "days": days, "customers": size} | brought_per(part, size, confidence=confidence)
            )
    table = pd.DataFrame(rows).rename(columns={"rate": "k"})
    size = table["customers"].where(table["customers"] > 0).astype(float)
    low, high = stats.wilson(table["inviters"], size, confidence=confidence)
    table = table.assign(inviter_share=table["inviters"] / size, inviter_low=low, inviter_high=high)
    table["per_inviter"] = table["brought"] / table["inviters"].where(table["inviters"] > 0)
    names = {"amplification": "k", "amplification_low": "low", "amplification_high": "high"}
    return table.assign(**{name: 1 / (1 - table[source].where(table[source] < 1)) for name, source in names.items()})


def k_by_month(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """K of each month's new customers; a window that is not over for all of them is missing, never 0.

    Args:
        found: From `links`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        month (of the inviter's sign-up), days, customers, brought (missing while the window runs), k, low, high.
    """
    import pandas as pd

    month, theirs = month_of(found.joined["day"]), month_of(found.invited["inviter_day"])
    sizes = found.joined.groupby(month)["customers"].sum()
    rows: list[dict[str, Any]] = []
    for start, size in sizes.items():
        mine = found.invited[theirs == start]
        for days in found.days:
            over = last_day_of(pd.Series([start])).iloc[0] + days <= found.as_of
            counted = brought_per(mine[mine["delay"] <= days], float(size) if over else 0.0, confidence=confidence)
            rows.append({"month": start, "days": days, "customers": size} | counted | {"over": over})
    table = pd.DataFrame(rows).rename(columns={"rate": "k"})
    table["brought"] = table["brought"].astype("Int64").where(table.pop("over"))
    return table[["month", "days", "customers", "brought", "k", "low", "high"]]


def month_of(days: "pd.Series[Any]") -> "pd.Series[Any]":
    """First day of the month in which days since 1970-01-01 lie; missing where they are."""
    import pandas as pd

    return pd.Series(pd.to_datetime(days, unit="D")).dt.to_period("M").dt.start_time


def last_day_of(months: "pd.Series[Any]") -> "pd.Series[Any]":
    """Last day of months given by a day in them, as days since 1970-01-01."""
    import pandas as pd

    return (months + pd.offsets.MonthEnd(0) - pd.Timestamp(0)).dt.days
