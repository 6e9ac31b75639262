"""A test of frequency: customers put by lot into arms that are written to more or less often."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.acquisition.reach.messages import messages
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

WEEK = 7
_SUMS = ("messages", "responded", "settled_messages", "settled_responded", "opted_out")
_BEFORE = ("messages_before", "responses_before", "orders_before")


@dataclass(frozen=True)
class Trial:
    """What happened to the customers of each arm, whatever was meant to happen to them.

    Attributes:
        arms: arm, messages_per_week (median of its customers), customers, began (mean day of entry), cost_per_message.
        people: arm, messages, responded, settled_messages, settled_responded, opted_out (0 or 1) and customers with
            just these: a few hundred rows that stand for every customer.
        before: arm, known_before, n, mean, variance.
        counts: what, customers (used, in several arms, not over).
        days: Followed for so many days from the first message, or from the day of the assignment.
        settle_days: Of these the first ones, in which what was sent before the test still tires.
        before_days: Looked back so many days.
        opt_outs_known: Whether anything tells who opted out.
        source: How arms were told, in words.
    """

    arms: "pd.DataFrame"
    people: "pd.DataFrame"
    before: "pd.DataFrame"
    counts: "pd.DataFrame"
    days: int
    settle_days: int
    before_days: int
    opt_outs_known: bool
    source: str

    @property
    def there(self) -> bool:
        """Whether two arms or more, unlike in messages a week, hold customers whose days are over."""
        return self.arms["messages_per_week"].nunique() > 1


def no_trial() -> Trial:
    """A test without arms, where the data hold none."""
    import pandas as pd

    empty = pd.DataFrame(columns=["arm", "messages_per_week", "customers", "began", "cost_per_message"])
    people = pd.DataFrame(columns=["arm", *_SUMS, "customers"])
    before = pd.DataFrame(columns=["arm", "known_before", "n", "mean", "variance"])
    counts = pd.DataFrame({"what": ["used", "in several arms", "not over"], "customers": 0})
    return Trial(empty, people, before, counts, days=28, settle_days=7, before_days=60, opt_outs_known=False, source="")


def trial(
    contacts: Any,
    *,
    as_of: dt.date,
    medium: str,
    arms: Sequence[str] = (),
    assignments: Any | None = None,
    experiment: str = "",
    orders: Any | None = None,
    suppressions: Any | None = None,
    test_days: int = 28,
    settle_days: int = 7,
    before_days: int = 60,
    opt_outs_known: bool = True,
) -> Trial:
    """Read a test of frequency from the data, in one of two ways.

    Customers of an experiment named in `assignments` are followed from the day of their assignment, written to or not.
    Else those who got a message of a campaign named in `arms` are followed from the first of these. All messages of the
    medium count, of any campaign: an arm is what customers were put into, not what they were sent.

    Args:
        contacts: Any engine's frame, as in `messages`.
        as_of: Last day to count, inclusive.
        medium: The medium.
        arms: Names of campaigns that are arms of one test, drawn by lot.
        assignments: The same engine's frame with experiment, customer_id, variant, assigned_at.
        experiment: Name of the experiment whose variants are the arms; empty: the campaigns are.
        orders: The same engine's frame with customer_id and ordered_at; for the check of the lot.
        suppressions: As in `messages`.
        test_days: Follow so many days.
        settle_days: The first of them, left out where the effect of a further message is measured.
        before_days: Days before the entry that the check of the lot looks at.
        opt_outs_known: Whether anything tells who opted out.

    Returns:
        Trial; without customers where there is no such test or its days are not over.

    Raises:
        OpskitError: A column is missing, an option is out of range, or there is no such experiment.

    Assumes the arms were drawn by lot: `balance` looks for signs that they were not. By campaign only those are seen
    who got a message; where the first one comes soon in every arm, that is everybody.
    """
    check(test_days, "test_days", ge=WEEK)
    check(settle_days, "settle_days", ge=0, lt=test_days)
    check(before_days, "before_days", ge=1)
    sent = messages(contacts, suppressions, as_of=as_of, medium=medium)
    entries, source = _entries(sent, as_of, arms, assignments, experiment)
    over = nw.col("entry") + test_days - 1 <= frames.day_number(as_of)
    known = entries.group_by("customer_id").agg(
        nw.col("arm").min(), nw.col("arm").max().alias("_other"), nw.col("entry").min()
    )
    status = (
        nw.when(nw.col("arm") != nw.col("_other"))
        .then(nw.lit("in several arms"))
        .when(over)
        .then(nw.lit("used"))
        .otherwise(nw.lit("not over"))
    )
    known = known.with_columns(status.alias("status"))
    counts = frames.collect(known.group_by("status").agg(nw.len().alias("customers")))
    used = known.filter(nw.col("status") == "used").select("customer_id", "arm", "entry")
    followed = _followed(used, sent, orders, test_days, settle_days, before_days)
    known_before = ["entry", *(_BEFORE if orders is not None else _BEFORE[:2])]
    cells = frames.collect(_alike(followed, known_before)).sort_values(["arm", *_SUMS], ignore_index=True)
    people = cells[["arm", *_SUMS, "customers"]]
    before, cost = _by_arm(cells, known_before)
    described = _arms(people, before, test_days).assign(cost_per_message=lambda table: table["arm"].map(cost))
    order = ["used", "in several arms", "not over"]
    table = counts.set_index("status")["customers"].reindex(order, fill_value=0).rename_axis("what").reset_index()
    return Trial(described, people, before, table, test_days, settle_days, before_days, opt_outs_known, source)


def experiments(assignments: Any | None) -> list[str]:
    """Names of the experiments in a table of assignments, none without one.

    Args:
        assignments: Any engine's frame with experiment; None: there is none.
    """
    if assignments is None:
        return []
    lf = frames.lazy(assignments, "experiment", table="assignments")
    return sorted(map(str, frames.collect(lf.group_by("experiment").agg(nw.len().alias("n")))["experiment"]))


def _entries(
    sent: nw.LazyFrame[Any], as_of: dt.date, arms: Sequence[str], assignments: Any, experiment: str
) -> tuple[nw.LazyFrame[Any], str]:
    """customer_id, arm, entry (day); and how they were told."""
    if experiment:
        if assignments is None:
            raise OpskitError(
                f"experiment == {experiment!r} needs table assignments. Add it, or leave experiment empty."
            )
        lf = frames.lazy(assignments, "experiment", "customer_id", "variant", "assigned_at", table="assignments")
        check(experiment, "experiment", among=experiments(assignments))
        lf = lf.filter(nw.col("experiment") == experiment, customers.on_or_before(lf, as_of, "assigned_at"))
        entry = frames.epoch_day("assigned_at").alias("entry")
        return lf.select(
            "customer_id", nw.col("variant").cast(nw.String).alias("arm"), entry
        ), f"experiment {experiment}"
    chosen = sent.filter(nw.col("campaign").is_in(list(arms)) if arms else nw.lit(value=False), nw.col("messages") == 1)
    return chosen.select("customer_id", nw.col("campaign").alias("arm"), nw.col("day").alias("entry")), "campaigns"


def _followed(
    used: nw.LazyFrame[Any], sent: nw.LazyFrame[Any], orders: Any, test_days: int, settle_days: int, before_days: int
) -> nw.LazyFrame[Any]:
    """One row per customer of the test: what was sent and came of it within the days, and what was known before."""
    since = nw.col("day") - nw.col("entry")
    within, settled = (since >= 0) & (since < test_days), (since >= settle_days) & (since < test_days)
    earlier = (since < 0) & (since >= -before_days)
    sums = {
        "messages": ("messages", within),
        "responded": ("responded", within),
        "settled_messages": ("messages", settled),
        "settled_responded": ("responded", settled),
        "messages_before": ("messages", earlier),
        "responses_before": ("responded", earlier),
        "opted_out": ("opted_out", within),
        "orders_before": ("orders", earlier),
        "priced": ("priced", within),
        "cost": ("cost", within),
    }
    # A left join keeps those assigned who never got anything.
    joined = used.join(_dated(sent, orders), on="customer_id", how="left")
    columns = [
        nw.when(when).then(nw.col(column)).otherwise(_zero(column)).alias(f"_{name}")
        for name, (column, when) in sums.items()
    ]
    return (
        joined.with_columns(*columns)
        .group_by("customer_id", "arm", "entry")
        .agg(*(nw.col(f"_{name}").max() if name == "opted_out" else nw.col(f"_{name}").sum() for name in sums))
        .select("arm", "entry", *(nw.col(f"_{name}").cast(_kind(name)).alias(name) for name in sums))
    )


def _dated(sent: nw.LazyFrame[Any], orders: Any) -> nw.LazyFrame[Any]:
    """Messages and orders by customer and day, as rows of one kind; priced says whether a message has a cost."""
    priced = ~nw.col("cost").is_null()
    rows = sent.select(
        *("customer_id", "day", "messages", "responded", "opted_out"),
        _zero("orders").alias("orders"),
        nw.when(priced).then(nw.col("cost")).otherwise(nw.lit(0.0)).alias("cost"),
        nw.when(priced).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64).alias("priced"),
    )
    if orders is None:
        return rows
    lf = frames.lazy(orders, "customer_id", "ordered_at")
    day, one = frames.epoch_day("ordered_at").alias("day"), nw.lit(1).cast(nw.Int64).alias("orders")
    nothing = {name: _zero(name).alias(name) for name in ("messages", "responded", "opted_out", "cost", "priced")}
    told = [nothing[name] for name in ("messages", "responded", "opted_out")]
    return nw.concat([rows, lf.select("customer_id", day, *told, one, nothing["cost"], nothing["priced"])])


def _kind(name: str) -> Any:
    return nw.Float64 if name == "cost" else nw.Int64


def _zero(name: str) -> nw.Expr:
    return nw.lit(0).cast(_kind(name))


def _alike(followed: nw.LazyFrame[Any], known_before: Sequence[str]) -> nw.LazyFrame[Any]:
    """Customers with just the same counts, with sums and sums of squares of what was known before."""
    numbers = [nw.col(name).cast(nw.Float64).alias(name) for name in known_before]
    squares = [(nw.col(name).cast(nw.Float64) * nw.col(name)).alias(f"{name}_squared") for name in known_before]
    summed = [*known_before, *(f"{name}_squared" for name in known_before), "priced", "cost"]
    rows = followed.select("arm", *_SUMS, "priced", "cost", *numbers, *squares)
    return rows.group_by("arm", *_SUMS).agg(nw.len().alias("customers"), nw.col(*summed).sum())


def _by_arm(cells: "pd.DataFrame", known_before: Sequence[str]) -> "tuple[pd.DataFrame, pd.Series[float]]":
    """n, mean and variance by arm of what was known before and of the day of entry; mean cost of a message by arm."""
    import pandas as pd

    sums = cells.drop(columns=list(_SUMS)).groupby("arm").sum().reset_index()
    n = sums["customers"]
    parts = [
        pd.DataFrame({"arm": sums["arm"], "known_before": name, "n": n, "mean": sums[name] / n}).assign(
            variance=((sums[f"{name}_squared"] - sums[name] ** 2 / n) / (n - 1).where(n > 1)).clip(lower=0)
        )
        for name in known_before
    ]
    by_arm = sums.set_index("arm")
    return pd.concat(parts, ignore_index=True), by_arm["cost"] / by_arm["priced"].where(by_arm["priced"] > 0)


def _arms(people: "pd.DataFrame", before: "pd.DataFrame", test_days: int) -> "pd.DataFrame":
    """Each arm's customers and the median of their messages a week, least messages first."""
    import numpy as np
    import pandas as pd

    entry = before[before["known_before"] == "entry"].set_index("arm")["mean"]
    rows: list[tuple[str, float, int, pd.Timestamp]] = []
    for arm, part in people.groupby("arm"):
        by_count = part.groupby("messages")["customers"].sum()
        middle = by_count.index[int(np.searchsorted(by_count.cumsum(), by_count.sum() / 2))]
        rows.append(
            (
                str(arm),
                float(middle) * WEEK / test_days,
                int(by_count.sum()),
                pd.Timestamp(float(entry[arm]), unit="D").floor("D"),
            )
        )
    table = pd.DataFrame(rows, columns=["arm", "messages_per_week", "customers", "began"])
    return table.sort_values(["messages_per_week", "arm"], ignore_index=True)
