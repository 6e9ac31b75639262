"""Where each account stood at its beginning, and what it came to be worth."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import OpskitError, TooLittleDataError, check, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

PROSPECTS, CUSTOMERS = "prospects", "customers"
LANDMARKS_DAYS = (0, 7, 30, 60, 90)  # days without an order at which an account is looked at again
EARLIER = 0.7  # of the beginnings are learnt from when the later ones test
FEWEST = 10  # best customers, below which nothing can be learnt
KEYS = (
    "customer_id",
    "began",
    "age_days",
    "over",
    "first_days",
    "first_at",
    "ordered",
    "worth",
    "part",
    "best",
    "at_least",
    "candidate",
)
FEWEST_TO_SCORE = 20
_LONGEST_DAYS, _SHORTEST_DAYS = 180, 30


class Setting(NamedTuple):
    """Whom the score is for, and how long anybody is looked at."""

    whom: str  # prospects: accounts without an order, by what they said at sign-up; customers: by their first weeks
    window_days: int
    basis: str  # where these come from, in words


class Rule(NamedTuple):
    """Who counts as the best: a top share by worth, or those with an attribute."""

    best_share: float = 0.2  # of those who ordered within the window, by what they were worth in it
    attribute: str = ""  # column of customers; with value, in place of the share
    value: str = ""

    def __str__(self) -> str:
        """In words."""
        return f"{self.attribute} = {self.value}" if self.attribute else f"the best {self.best_share:.0%} of buyers"


def rule(best_share: float = 0.2, best: str = "") -> Rule:
    """The rule for the best customers.

    Args:
        best_share: Of those who ordered within the window, by contribution (revenue where there is no margin).
        best: "column=value" of customers in its place, such as "level=gold".

    Raises:
        OpskitError: The share is no share, or best is not spelled column=value.

    >>> str(rule(0.1)), str(rule(best="level=gold"))
    ('the best 10% of buyers', 'level = gold')
    """
    check(best_share, "best_share", gt=0, lt=1)
    if not best:
        return Rule(best_share)
    name, sign, value = (part.strip() for part in best.partition("="))
    if not (name and sign and value):
        raise OpskitError(f'best == {best!r}, must be a column of customers and its value: "level=gold".')
    return Rule(best_share, name, value)


def setting(orders: Any, accounts: Any = None, *, as_of: dt.date, whom: str = "", window_days: int = 0) -> Setting:
    """Choose whom the score is for, and how long anybody is looked at.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        accounts: The same engine's table of customers, prospects among them; without it, orders only.
        as_of: Last day to count, inclusive.
        whom: "prospects" or "customers"; empty: prospects, where there are 20 with a time of sign-up.
        window_days: How long after the beginning an account is looked at; 0: a quarter of the period that orders cover,
            from 30 to 180 days.

    Raises:
        OpskitError: An option is out of range, or there are no such prospects.
    """
    if whom:
        check(whom, "whom", among=(PROSPECTS, CUSTOMERS))
    check(window_days, "window_days", ge=0)
    known, first = customers.until(orders, "revenue", as_of=as_of)
    without, why = _prospects(known, accounts, as_of)
    if whom == PROSPECTS and without < FEWEST_TO_SCORE:
        raise TooLittleDataError(f'whom == "prospects", but {why}. Leave whom empty, or add accounts without an order.')
    chosen = whom or (PROSPECTS if without >= FEWEST_TO_SCORE else CUSTOMERS)
    covered = frames.day_number(as_of) - first + 1
    days = window_days or min(max(covered // 40 * 10, _SHORTEST_DAYS), _LONGEST_DAYS)
    told = f"{without:,} accounts without an order" if without >= FEWEST_TO_SCORE else why
    return Setting(chosen, int(days), told)


def _prospects(known: nw.LazyFrame[Any], accounts: Any, as_of: dt.date) -> tuple[int, str]:
    if accounts is None:
        return 0, "there is no table customers, so accounts without an order are not known"
    people = frames.lazy(accounts, "customer_id", table="customers")
    if "signed_up_at" not in people.collect_schema().names():
        return 0, "customers has no column signed_up_at, so it is not known since when an account is there"
    people = _accounts(people, as_of)
    buyers = known.group_by("customer_id").agg(nw.len().alias("orders"))
    joined = people.join(buyers, on="customer_id", how="left").select(nw.len().alias("n"), nw.col("orders").count())
    counts = frames.collect(joined).iloc[0]
    without = int(counts["n"] - counts["orders"])
    return without, f"customers has {without} accounts without an order, fewer than {FEWEST_TO_SCORE}"


def _accounts(people: nw.LazyFrame[Any], as_of: dt.date) -> nw.LazyFrame[Any]:
    """Each account with a time of sign-up, once."""
    there = people.filter(~nw.col("signed_up_at").is_null())
    seen = there.filter(customers.on_or_before(there, as_of, "signed_up_at"))
    return seen.group_by("customer_id").agg(nw.col("signed_up_at").min())


def beginnings(orders: Any, accounts: Any, found: Setting, best: Rule, *, as_of: dt.date) -> "pd.DataFrame":
    """Every account from its sign-up on: whether and when it ordered, what it was worth, whether it is one of the best.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin and refund are used where there.
        accounts: The same engine's table of customers with customer_id and signed_up_at.
        found: From `setting`, for prospects.
        best: From `rule`.
        as_of: Last day to count, inclusive.

    Returns:
        By sign-up, one row per account: customer_id, began (day), age_days, over (the window is over), first_days (from
        the beginning to the first order, missing without), first_at (its time), ordered (within the window), worth
        (contribution in it), part ("earlier", "later"; "today" where the window is not over), best (missing there),
        at_least (worth from which an account is among the best; missing for a rule by attribute), candidate (to be scored: no order so far), and for each landmark t: worth_{t} (contribution up to the end of the
        window that begins t days after sign-up).

    Raises:
        TooLittleDataError: Fewer than 10 accounts are among the best, or too many are worth the same.
        OpskitError: A column is missing.

    Assumes an order before sign-up belongs to the window: the account was there, its time of sign-up is wrong.
    """
    import pandas as pd

    known, _ = customers.until(orders, "revenue", as_of=as_of)
    value, _ = customers.contribution(known)
    people = _accounts(frames.lazy(accounts, "customer_id", "signed_up_at", table="customers"), as_of)
    bought = known.select("customer_id", "ordered_at", value.alias("value")).join(people, on="customer_id")
    bought = bought.with_columns((frames.epoch_day("ordered_at") - frames.epoch_day("signed_up_at")).alias("age"))
    zero = nw.lit(0.0)
    bought = bought.with_columns(
        *(
            nw.when(nw.col("age") < days + found.window_days)
            .then(nw.col("value"))
            .otherwise(zero)
            .alias(f"worth_{days}")
            for days in LANDMARKS_DAYS
        )
    )
    sums = bought.group_by("customer_id").agg(
        nw.col("age").min().alias("first_days"),
        nw.col("ordered_at").min().alias("first_at"),
        *(nw.col(f"worth_{days}").sum() for days in LANDMARKS_DAYS),
    )
    everybody = people.select("customer_id", frames.epoch_day("signed_up_at").alias("began"))
    rows = frames.collect(everybody).merge(frames.collect(sums), on="customer_id", how="left")
    rows = rows.sort_values(["began", "customer_id"], ignore_index=True)
    rows = rows.assign(age_days=frames.day_number(as_of) - rows["began"], began=pd.to_datetime(rows["began"], unit="D"))
    worth = [f"worth_{days}" for days in LANDMARKS_DAYS]
    rows[worth] = rows[worth].fillna(0.0)
    over = rows["age_days"] >= found.window_days - 1
    rows = rows.assign(over=over, ordered=rows["first_days"] < found.window_days, worth=rows["worth_0"])
    return labelled(rows, best, accounts).assign(candidate=rows["first_days"].isna())


def labelled(rows: "pd.DataFrame", best: Rule, accounts: Any = None) -> "pd.DataFrame":
    """The rows with part and best; how much the best are worth is read from the earlier beginnings alone.

    Args:
        rows: In order of beginning: customer_id, over, ordered, worth.
        best: From `rule`.
        accounts: Table of customers, for a rule by attribute.

    Raises:
        TooLittleDataError: Fewer than 10 are among the best, or too many are worth the same.
    """
    import numpy as np

    over, at_least = rows["over"].to_numpy(dtype=bool), float("nan")
    place = np.cumsum(over) - 1
    part = np.where(place < round(EARLIER * over.sum()), "earlier", "later")
    rows = rows.assign(part=np.where(over, part, "today"))
    buyers = rows.loc[(rows["part"] == "earlier") & rows["ordered"] & (rows["worth"] > 0), "worth"]
    if best.attribute:
        is_best = rows["customer_id"].isin(_with_attribute(accounts, best)) & rows["ordered"]
    else:
        at_least = float(buyers.quantile(1 - best.best_share)) if len(buyers) else float("inf")
        is_best = rows["ordered"] & (rows["worth"] >= at_least)
    count = int((is_best & over).sum())
    if count < FEWEST:
        raise TooLittleDataError(
            f"{count} of {int(over.sum())} accounts whose window is over are among the best ({best}); at least {FEWEST} "
            "must be, to learn from them. Use a larger best_share, a shorter window_days, or wait for more orders."
        )
    if (alike := float((buyers >= at_least).mean())) > min(1.0, 2 * best.best_share + 0.05):
        raise TooLittleDataError(
            f"best_share == {best.best_share}, but {alike:.0%} of the buyers are worth the same or more: worth does not "
            'tell them apart. Name the best by an attribute instead: best = "level=gold".'
        )
    told = is_best.astype("boolean").where(rows["over"])
    return rows.assign(best=told, at_least=at_least)


def parts(begun: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """How many accounts are learnt from, tested on, and still under way.

    Args:
        begun: From `beginnings` or `newcomers`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        part, accounts, from_day (of beginning), ordered (within the window), best, share (of the accounts, among
        the best) with low and high, to_score (of the part). What is not over yet has no share.
    """
    import pandas as pd

    grouped = begun.assign(best=begun["best"].astype("Float64")).groupby("part")
    table = grouped.agg(
        accounts=("customer_id", "size"),
        from_day=("began", "min"),
        ordered=("ordered", "sum"),
        best=("best", "sum"),
        to_score=("candidate", "sum"),
    )
    table = pd.DataFrame(table.reset_index())
    over = (table["part"] != "today").to_numpy()
    table["best"] = table["best"].astype(float).where(over)
    low, high = stats.wilson(table["best"], table["accounts"], confidence=confidence)
    table.insert(5, "share", table["best"] / table["accounts"])
    table.insert(6, "low", low)
    table.insert(7, "high", high)
    return table


def _with_attribute(accounts: Any, best: Rule) -> "pd.Series[Any]":
    """Ids of the customers for whom the rule holds."""
    if accounts is None:
        raise OpskitError(f'best == "{best.attribute}={best.value}", but there is no table customers to look in.')
    people = frames.lazy(accounts, "customer_id", best.attribute, table="customers")
    values = people.select("customer_id", nw.col(best.attribute).cast(nw.String).alias("value"))
    counted = frames.collect(values.group_by("value").agg(nw.len().alias("n")))["value"].dropna().tolist()
    if best.value not in counted:
        hint = did_you_mean(best.value, counted)
        raise OpskitError(f'best == "{best.attribute}={best.value}", but no customer has that value.{hint}')
    return frames.collect(values.filter(nw.col("value") == best.value))["customer_id"]
