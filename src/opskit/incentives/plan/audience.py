"""The audience: every customer once, with the row that claims them, and either a message or the reason for none."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.errors import check
from opskit.incentives.plan.claims import claimed, rule_of, still_open, wanted
from opskit.incentives.plan.known import known
from opskit.incentives.plan.reached import HELD_OUT, KEPT_BACK, SENT, blocked
from opskit.incentives.plan.worksheet import DRIVES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

STATUSES = (SENT, HELD_OUT, *KEPT_BACK)
_KEPT = ("customer_id", "place", "fits", "reason", "sent_before", "stage", "tier", "value")


@dataclass(frozen=True)
class Audience:
    """Customers and what becomes of them.

    Attributes:
        plan: From `given_plan`.
        people: customer_id; place (of the row that claims the customer; -1: none); fits (a bit for each row that fits); status
            (to be sent, held out, or why it is kept back; "" in no row); sent_before; stage, tier, value as in `known`; segment
            (the customers' own, where it is known); uses of benefits by drive, where they are known. By customer_id.
        rows: Places of the rows that are not over.
        as_of: Day of the plan.
    """

    plan: "pd.DataFrame"
    people: "pd.DataFrame"
    rows: list[int]
    as_of: dt.date


def audience(
    plan: "pd.DataFrame",
    orders: Any,
    *,
    as_of: dt.date,
    interval_days: float = 30.0,
    people: Any = None,
    memberships: Any = None,
    contacts: Any = None,
    suppressions: Any = None,
    benefit_uses: Any = None,
    segments: "pd.DataFrame | None" = None,
    seed: int = 7,
) -> Audience:
    """Put every customer into the first row that fits, and say who gets its message.

    Args:
        plan: From `given_plan`.
        orders: Any engine's frame with customer_id, ordered_at and revenue; the other tables are of the same engine.
        as_of: Day of the plan, inclusive.
        interval_days: Natural interval, for the stages.
        people: The table customers, with the attributes that rules and addresses name.
        memberships: The table memberships, for the tier.
        contacts: The table contacts, for caps and opt-outs.
        suppressions: The table suppressions.
        benefit_uses: The table benefit_uses with customer_id, used_at and drive, for the catalogue.
        segments: A list of customer_id and segment from elsewhere, as pandas.
        seed: Of the hold-out: the same customer and seed give the same side.

    Returns:
        Audience. Held out are, of those whom nothing else keeps back, the row's share by a hash of customer_id and seed: it
        does not change with the order of rows, the engine or customers added, and who is held out for a share is so for any
        larger one.

    Raises:
        OpskitError: A rule or option is wrong, or a column is missing.

    Assumes messages still to be sent by plans outside this table are none.
    """
    rows = still_open(plan, as_of=as_of)
    given: dict[str, Any] = {"wanted": [*wanted(plan), "segment"], "interval_days": interval_days, "people": people}
    lf = known(orders, as_of=as_of, memberships=memberships, segments=segments, **given)
    lf = blocked(
        claimed(lf, plan, rows=rows), plan, as_of=as_of, rows=rows, contacts=contacts, suppressions=suppressions
    )
    lf, drives = _with_uses(lf, benefit_uses, as_of)
    more = [*(["segment"] if "segment" in lf.collect_schema().names() else []), *drives]
    table = frames.collect(lf.select(*_KEPT, *more)).sort_values("customer_id", ignore_index=True)
    return Audience(plan, _with_status(table, plan, seed), rows, as_of)


def _with_uses(lf: nw.LazyFrame[Any], uses: Any, as_of: dt.date) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Benefits used up to the day, counted by drive."""
    from opskit import customers

    if uses is None:
        return lf, []
    used = frames.lazy(uses, "customer_id", "used_at", table="benefit_uses")
    if "drive" not in used.collect_schema().names():
        return lf, []
    used = used.filter(customers.on_or_before(used, as_of, "used_at"), ~nw.col("customer_id").is_null())
    flags = [nw.when(nw.col("drive") == drive).then(1).otherwise(0).alias(drive) for drive in DRIVES]
    counts = used.select(nw.col("customer_id").cast(nw.String), *flags)
    counts = counts.group_by("customer_id").agg(nw.col(drive).sum() for drive in DRIVES)
    joined = lf.join(counts, on="customer_id", how="left")
    return joined.with_columns(nw.col(drive).fill_null(0).cast(nw.Int64) for drive in DRIVES), list(DRIVES)


def _with_status(table: "pd.DataFrame", plan: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    import numpy as np

    place, reason = table["place"].to_numpy(), table["reason"].to_numpy()
    share = np.append(plan["holdout"].to_numpy(dtype=float), 0.0)[place]  # -1, in no row, reads the 0 at the end
    aside = drawn(table["customer_id"], seed=seed) < share
    names = np.array(["", SENT, HELD_OUT, *KEPT_BACK], dtype=object)
    at = np.where(place < 0, 0, np.where(reason > 0, reason + 2, np.where(aside, 2, 1)))
    return table.drop(columns="reason").assign(status=names[at])


def drawn(customer_id: "pd.Series[Any]", *, seed: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """A number from 0 to below 1 for each customer, from nothing but the id as a text and the seed.

    Args:
        customer_id: The ids; a number counts as its digits.
        seed: A whole number from 0; another seed draws anew.

    Source: SipHash-2-4, Aumasson & Bernstein (2012), keyed by the seed's sixteen digits, as pandas computes it and mixes
        its bits.

    >>> import pandas as pd
    >>> drawn(pd.Series(["C1", "C2"]), seed=7).round(4).tolist()
    [0.0033, 0.819]
    """
    import numpy as np
    from pandas.util import hash_array

    check(seed, "seed", ge=0, lt=10**16)
    ids = np.asarray(customer_id.astype(str), dtype=object)
    hashed = hash_array(ids, hash_key=f"{seed:016d}", categorize=False)
    return (hashed >> np.uint64(11)) / 2.0**53


def counts(found: Audience) -> "pd.DataFrame":
    """What becomes of the customers of each row.

    Args:
        found: From `audience`.

    Returns:
        row, fit (whose rule is met), earlier (of these, claimed by an earlier row), people (who belong to it), and one column
        for each of STATUSES; they add up to people.
    """
    import numpy as np
    import pandas as pd

    people, mine = found.people, found.people["place"].to_numpy()
    bits = people["fits"].to_numpy()
    status = pd.crosstab(people["place"], people["status"]).reindex(columns=list(STATUSES), fill_value=0)
    rows = [
        {
            "row": row,
            "fit": int(np.count_nonzero(bits >> at & 1)),
            "earlier": int(np.count_nonzero((bits >> at & 1).astype(bool) & (mine != at))),
            "people": int(np.count_nonzero(mine == at)),
            **{name: int(status[name].get(at, 0)) for name in STATUSES},
        }
        for at, row in enumerate(found.plan["row"])
    ]
    return pd.DataFrame(rows)


def export(found: Audience, *, status: str = SENT, tags: Mapping[str, str] | None = None) -> "pd.DataFrame":
    """The list for the CRM: ids and what is done to them, never a name or an address.

    Args:
        found: From `audience`.
        status: Whom to list, one of STATUSES; "held out" is the list to keep aside.
        tags: Tag groups of the CRM (WeCom keeps tags in groups) and the column that names the tag; None: segment, goal and
            means.

    Returns:
        customer_id, segment, goal, stage, tier, action (the means), message, medium, messages, until, reason (the rule that was
        met), value (contribution of the last 365 days), experiment, held_out, and a column ``tag: group`` for each group. By
        row, then the most valuable first.

    Raises:
        OpskitError: The status is unknown, or a tag's column is not there.
    """
    check(status, "status", among=STATUSES)
    rows = found.plan.assign(reason=[rule_of(row) for row in found.plan.to_dict("records")])
    rows = rows.rename(columns={"means": "action"})
    named = ["segment", "goal", "action", "message", "medium", "messages", "until", "reason", "experiment"]
    people = found.people[found.people["status"] == status].sort_values(
        ["place", "value", "customer_id"], ascending=[True, False, True], ignore_index=True
    )
    table = people[["customer_id", "place", "stage", "tier", "value"]].join(rows[named], on="place")
    table = table.assign(held_out=status == HELD_OUT, messages=table["messages"].astype(int))
    first = ["customer_id", "segment", "goal", "stage", "tier", "action", "message", "medium", "messages", "until"]
    table = table[[*first, "reason", "value", "experiment", "held_out"]]
    groups = {"segment": "segment", "goal": "goal", "means": "action"} if tags is None else tags
    for group, column in groups.items():
        check(column, f"tags[{group!r}]", among=table.columns)
        table[f"tag: {group}"] = table[column]
    return table
