"""Who brings them: how few, of what kind, and by name."""

from typing import TYPE_CHECKING, Any

from opskit.acquisition.referral.growth import EVERYBODY
from opskit.acquisition.referral.links import Links, whole
from opskit.acquisition.referral.rates import brought_per
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BANDS = (0, 30, 90, 180, 365)  # ages in days at which a new band begins
_MONTH = 30
NO_ORDER = "no order"
_POINTS = 200  # of the curve


def concentration(found: Links) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """How few customers bring how many of those brought.

    Args:
        found: From `links`.

    Returns:
        First the shares: inviters (the largest so many of all customers), share_of_customers, brought, share (of all
        brought); rows for the one largest, the 10 largest, 1% and 5% of customers, and all who brought any. Second the
        curve: share_of_customers (most first), share_brought.

    Assumes nothing, and therefore has no intervals: it says who brought those who came. The next large inviter may bring
    more than all of these, and no sample of customers without one knows of it.
    """
    import numpy as np
    import pandas as pd

    people = int(found.generations["customers"].sum())
    sizes = np.sort(np.unique(found.invited["inviter_id"].astype(str), return_counts=True)[1])[::-1]
    if not len(sizes):
        empty = pd.DataFrame({"share_of_customers": [0.0, 1.0], "share_brought": np.nan})
        return pd.DataFrame(columns=["inviters", "share_of_customers", "brought", "share"], dtype=float), empty
    cumulated = np.r_[0, sizes.cumsum()]
    looked_at = sorted({1, 10, round(0.01 * people), round(0.05 * people), len(sizes)} & set(range(1, len(sizes) + 1)))
    table = _first(cumulated, np.array(looked_at), people)
    spaced = np.unique(np.linspace(0, len(sizes), _POINTS).round().astype(int))
    curve = _first(cumulated, np.union1d(spaced, looked_at), people)[["share_of_customers", "share"]]
    return table, curve.set_axis(["share_of_customers", "share_brought"], axis=1)


def _first(cumulated: "np.ndarray[Any, Any]", inviters: "np.ndarray[Any, Any]", people: int) -> "pd.DataFrame":
    """What the first so many inviters brought, those who brought most first."""
    import pandas as pd

    brought = cumulated[inviters]
    table = pd.DataFrame({"inviters": inviters, "share_of_customers": inviters / people, "brought": brought})
    return table.assign(share=brought / cumulated[-1])


def by_spending(found: Links, *, parts: int = 5, confidence: float = 0.95) -> "pd.DataFrame":
    """K within the first value_days, by what the inviter spent in the same days.

    Args:
        found: From `links`.
        parts: Classes of equally many buyers, from those who spent least to those who spent most.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        spent (``everybody``, ``no order``, then the classes by their bounds in whole units of currency), customers,
        brought, inviters, rate (K), low, high. Customers with the same whole amount stay together, so classes may be fewer or uneven.

    Assumes everybody here has had the same number of days, so that older customers do not seem the better inviters.
    Heavy spenders who bring more may do both because they like the shop.
    """
    import numpy as np
    import pandas as pd

    check(parts, "parts", ge=1)
    last = found.as_of - found.value_days
    brought = found.invited[(found.invited["delay"] <= found.value_days) & (found.invited["inviter_day"] <= last)]
    bought = brought["inviter_first"] <= found.value_days
    buyers = found.spending[found.spending["bought"] == 1].sort_values("spent")
    nobody = found.spending.loc[found.spending["bought"] == 0, "customers"].sum()
    everybody = int(found.spending["customers"].sum())
    whole_shop = brought_per(brought, everybody, confidence=confidence)
    rows: list[dict[str, Any]] = [{"spent": EVERYBODY, "customers": everybody, **whole_shop}]
    if nobody:
        counted = brought_per(brought[~bought], nobody, confidence=confidence)
        rows.append({"spent": NO_ORDER, "customers": int(nobody), **counted})
    spent, people = buyers["spent"].to_numpy(), buyers["customers"].to_numpy()
    place = np.ceil(parts * people.cumsum() / max(people.sum(), 1)).astype(int)
    theirs = whole(brought["inviter_spent"])
    for part in sorted(set(place.tolist())):
        inside = spent[place == part]
        mine = brought[bought & (theirs >= inside.min()) & (theirs <= inside.max())]
        size = int(people[place == part].sum())
        name = f"{inside.min():,} to {inside.max():,}"
        rows.append({"spent": name, "customers": size, **brought_per(mine, size, confidence=confidence)})
    columns = ["spent", "customers", "brought", "inviters", "rate", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def by_tenure(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Customers brought per 100 customers and 30 days, by how long the inviter has been there.

    Args:
        found: From `links`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        tenure (days since the inviter's sign-up), customer_months (of 30 days, lived through at that age by all
        customers), brought, inviters, rate (brought per 100 customer-months), low, high; nan where nobody is so old.

    Assumes a rate of its own for each age. Customers of different ages also lived in different times: where the shop
    has grown more than the number of invited, everybody's rate falls with time.
    """
    import pandas as pd

    lived = (found.as_of - found.joined["day"] + 1).to_numpy(dtype=float)
    size = found.joined["customers"].to_numpy(dtype=float)
    rows: list[dict[str, Any]] = []
    for start, end in zip(BANDS, (*BANDS[1:], float("inf")), strict=True):
        months = float((size * (lived.clip(max=end) - start).clip(min=0)).sum()) / _MONTH
        mine = found.invited[(found.invited["delay"] >= start) & (found.invited["delay"] < end)]
        counted = brought_per(mine, months, confidence=confidence)
        counted |= {column: 100 * counted[column] for column in ("rate", "low", "high")}
        name = f"{start} to {end - 1:.0f}" if end < float("inf") else f"{start} or more"
        rows.append({"tenure": name, "customer_months": months, **counted})
    return pd.DataFrame(rows)


def top_inviters(found: Links, *, top: int = 100) -> "pd.DataFrame":
    """The customers who brought most, to be thanked, asked, or looked at twice.

    Args:
        found: From `links`.
        top: How many to list.

    Returns:
        place, customer_id, brought (in person), brought_buyers (of these, with an order), below (customers in all
        generations under them), brought_value (of those in person, up to as_of), own_orders, own_value, known_days (days
        since sign-up), days_since_last (since the last one they brought signed up), busiest_day (most brought on one
        day), look (why to look at it before paying: those brought rarely order, or came on one day; else empty).

    Raises:
        OpskitError: top is less than 1.
    """
    check(top, "top", ge=1)
    rows = found.invited.assign(
        buyers=found.invited["orders"] > 0,
        one=1,
        below=found.invited["below"] + 1,
        busiest=found.invited.groupby(["inviter_id", "day"])["delay"].transform("size"),
    )
    sums = {"brought": ("one", "sum"), "brought_buyers": ("buyers", "sum"), "below": ("below", "sum")}
    sums |= {"brought_value": ("value", "sum"), "own_orders": ("inviter_orders", "first")}
    sums |= {"own_value": ("inviter_value", "first"), "joined": ("inviter_day", "first")}
    table = rows.groupby("inviter_id", as_index=False).agg(**sums, last=("day", "max"), busiest_day=("busiest", "max"))
    order = ["brought", "brought_value", "inviter_id"]
    table = table.sort_values(order, ascending=[False, False, True], ignore_index=True).head(top)
    table = table.rename(columns={"inviter_id": "customer_id"}).astype({"below": int, "own_orders": int})
    table["known_days"] = found.as_of - table.pop("joined")
    days_since = found.as_of - table.pop("last")
    buyers = float((found.invited["orders"] > 0).mean())
    table["look"] = [
        _look(int(n), int(bought), int(busiest), buyers)
        for n, bought, busiest in table[["brought", "brought_buyers", "busiest_day"]].itertuples(index=False, name=None)
    ]
    table["place"], table["days_since_last"] = range(1, len(table) + 1), days_since
    columns = ["place", "customer_id", "brought", "brought_buyers", "below", "brought_value", "own_orders", "own_value"]
    return table[[*columns, "known_days", "days_since_last", "busiest_day", "look"]]


def _look(brought: int, buyers: int, busiest: int, usual: float) -> str:
    """Whether accounts brought look as if made for the reward: so few buyers would be chance once in a thousand times."""
    from scipy.stats import binom

    if brought >= 5 and binom.cdf(buyers, brought, usual) < 0.001:
        return "few of them order"
    return "most came on one day" if brought >= 5 and busiest > brought / 2 else ""
