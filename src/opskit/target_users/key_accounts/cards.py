"""One card per key account: what it earns, where it is going, who looks after it, when to look at it again."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers as people
from opskit import frames, plots
from opskit.target_users.key_accounts.ledger import Ledger, by_account

if TYPE_CHECKING:
    import pandas as pd

NOBODY, SEVERAL = "nobody", "several"
_SOON, _NEXT = 7, 30  # days to the next review, where something is wrong and where it may be going wrong
_HALVED = -0.5  # growth of profit from which an account is shrinking


def owners(found: Ledger, customers: Any = None) -> "pd.DataFrame":
    """Who is in charge of every account.

    Args:
        found: From `ledger`.
        customers: Any engine's frame with customer_id, and account_id and owner where they are there.

    Returns:
        account, owner (a name, ``nobody``, ``several`` where different ones are written beside its customers; ``not
        known`` where there is no column owner).
    """
    accounts = found.table[["account"]]
    if customers is None or "owner" not in frames.lazy(customers, table="customers").collect_schema().names():
        return accounts.assign(owner="not known")
    lf = frames.lazy(by_account(customers, customers), "customer_id", "owner", table="customers")
    named = lf.filter(~nw.col("owner").is_null()).select("customer_id", first=nw.col("owner"), last=nw.col("owner"))
    held = frames.collect(named.group_by("customer_id").agg(nw.col("first").min(), nw.col("last").max()))
    both = accounts.merge(held.rename(columns={"customer_id": "account"}), on="account", how="left")
    owner = both["first"].where(both["first"] == both["last"], SEVERAL).where(both["first"].notna(), NOBODY)
    return accounts.assign(owner=owner.to_numpy())


def cards(
    found: Ledger,
    listed: "pd.DataFrame",
    orders: Any,
    *,
    customers: Any = None,
    silent_after: float = 3.0,
) -> "pd.DataFrame":
    """The key accounts, each with everything a review needs.

    Args:
        found: From `ledger`.
        listed: From `key_accounts`.
        orders: The orders that the ledger was made from.
        customers: The same engine's frame with customer_id, and account_id and owner where they are there.
        silent_after: As in `customers.silence`.

    Returns:
        place, account, kind, customers, owner, profit (of the window), share, growth (against the window before; nan where it
        is not known), profit_life, revenue_life, served (share of all its revenue that serving costs), days_since_last_order,
        gap_days (its own mean gap), state (on time, late, silent), reason (why a review is due sooner), review_on (day),
        step (what to do).
    """
    review = found.periods.review_days
    day = found.periods.reviews[0]
    silent = people.silence(by_account(orders, customers), as_of=day, silent_after=silent_after)
    silent = silent.rename(columns={"customer_id": "account"}).astype({"account": str})
    life = found.table[["account", "profit_life", "revenue_life", "cost_to_serve_life"]]
    table = listed.merge(owners(found, customers), on="account").merge(life, on="account")
    table = table.merge(silent[["account", "days_since_last_order", "gap_days", "state"]], on="account", how="left")
    table["served"] = table.pop("cost_to_serve_life") / table["revenue_life"].where(table["revenue_life"] > 0)
    said = [_due(row, review) for row in table.to_dict("records")]
    columns = ("reason", "days", "step")
    table = table.assign(**{name: [one[at] for one in said] for at, name in enumerate(columns)})
    table["review_on"] = [day + dt.timedelta(int(days)) for days in table["days"]]
    table.insert(0, "place", range(1, len(table) + 1))
    first = [
        "place",
        "account",
        "kind",
        "customers",
        "owner",
        "profit",
        "share",
        "growth",
        "profit_life",
        "revenue_life",
    ]
    return table[[*first, "served", "days_since_last_order", "gap_days", "state", "reason", "review_on", "step"]]


def _due(row: dict[Any, Any], review_days: int) -> tuple[str, int, str]:
    """Why, in how many days, and what: the gravest reason decides."""
    if row["profit_life"] < 0:
        return "has lost money so far", min(_SOON, review_days), "agree on what service is free and what is charged"
    if row["state"] == "silent":
        said = f"no order for {row['days_since_last_order']:.0f} days, usual gap {row['gap_days']:.0f}"
        return said, min(_SOON, review_days), "call: has it gone elsewhere?"
    if row["owner"] == NOBODY:
        return "nobody is in charge", min(_SOON, review_days), "name one owner"
    if row["owner"] == SEVERAL:
        return "several are in charge", min(_NEXT, review_days), "agree on one owner"
    if row["growth"] <= _HALVED:
        return (
            f"profit {plots.percent(row['growth'])} in a window",
            min(_NEXT, review_days),
            "visit, and ask what changed",
        )
    if row["state"] == "late":
        said = f"no order for {row['days_since_last_order']:.0f} days, usual gap {row['gap_days']:.0f}"
        return said, min(_NEXT, review_days), "remind in person"
    return "", review_days, "plan the next window together"
