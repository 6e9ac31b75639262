"""Spend by channel and what came, day by day: one scan of each table."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.acquisition.channel_scorecard import spending
from opskit.errors import MissingTableError, OpskitError, TooLittleDataError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from opskit.dataset import Dataset

SIGN_UPS, FIRST_ORDERS = "sign-ups", "first orders"
OUTCOMES = ("", SIGN_UPS, FIRST_ORDERS)
LEAST_DAYS = 26 * 7
_FOLLOWS = 0.98  # correlation of daily spend and daily sign-ups; advertising never comes near it
UNKNOWN = "(unknown)"


class Series(NamedTuple):
    """What was spent and what came on each day."""

    day: "NDArray[np.datetime64]"
    spend: "pd.DataFrame"  # a row per day, a column per channel with acquisition spend
    recorded: "pd.DataFrame"  # a row per day, a column per channel that outcomes are recorded with; empty without
    total: "NDArray[np.float64]"
    outcome: str
    notes: tuple[str, ...]
    paid_per_outcome: tuple[str, ...] = ()  # channels whose spend is a price times their sign-ups or outcomes


class Tables(NamedTuple):
    """The tables that the page uses beside spend; None where there is none."""

    orders: Any
    accounts: Any
    lift_tests: Any


def tables(ds: "Dataset") -> Tables:
    """The tables of a dataset beside spend.

    Raises:
        MissingTableError: There are neither customers with a date of sign-up nor orders.
    """
    found: dict[str, Any] = {}
    for name in ("orders", "customers", "lift_tests"):
        try:
            found[name] = getattr(ds, name)
        except OpskitError:
            found[name] = None
    if found["orders"] is None and not has(found["customers"], "signed_up_at"):
        raise MissingTableError(
            f"{ds.name} tells neither when customers signed up nor when they ordered: add signed_up_at to customers, or "
            "the table orders."
        )
    return Tables(found["orders"], found["customers"], found["lift_tests"])


def series(
    spend: Any, orders: Any = None, accounts: Any = None, *, as_of: dt.date, outcome: str = "", channels: str = ""
) -> Series:
    """Count sign-ups or first orders beside the acquisition spend of each day.

    Args:
        spend: As `channel_scorecard.spending` takes it: date, channel, spend; purpose where it is there.
        orders: Any engine's frame with customer_id and ordered_at; None where sign-ups are counted.
        accounts: The customers table, same engine: customer_id; signed_up_at to count sign-ups; channel to tell them apart.
        as_of: Last day to count, inclusive.
        outcome: "sign-ups" or "first orders"; empty: sign-ups where they have a date.
        channels: Channels to judge, comma-separated; empty: all with acquisition spend.

    Returns:
        One row per day that both tables cover; counts are whole numbers.

    Raises:
        OpskitError: A column is missing, or an option is out of range.
        MissingTableError: The table that has the outcome is not there.
        TooLittleDataError: Spend and outcomes share fewer than 182 days, or there is no acquisition spend.
    """
    import numpy as np

    check(outcome, "outcome", among=OUTCOMES)
    outcome = outcome or (SIGN_UPS if has(accounts, "signed_up_at") else FIRST_ORDERS)
    money = spending(spend, as_of=as_of)
    wide = money.daily.pivot_table(index="day", columns="channel", values="acquire", aggfunc="sum")
    wide = wide.loc[:, wide.sum() > 0]
    wide = wide[_chosen(channels, [str(name) for name in wide.columns])]
    counted = _counted(orders, accounts, outcome, as_of)
    if wide.empty or counted.empty:
        raise TooLittleDataError(f"there is no acquisition spend, or no {outcome}, up to {as_of}.")
    first = max(money.first_day, int(counted["day"].min()))
    last = min(money.last_day, int(counted["day"].max()))
    if last - first + 1 < LEAST_DAYS:
        raise TooLittleDataError(
            f"spend and {outcome} share {max(last - first + 1, 0)} days; a response curve needs {LEAST_DAYS} at least."
        )
    days = np.arange(first, last + 1)
    recorded = counted.pivot_table(index="day", columns="channel", values="n", aggfunc="sum")
    recorded = recorded.reindex(days).fillna(0.0).sort_index(axis=1)
    total = recorded.sum(axis=1).to_numpy(float)
    recorded = recorded.drop(columns=UNKNOWN, errors="ignore")
    notes = list(money.notes)
    if recorded.empty or not set(wide.columns) & set(recorded.columns):
        notes.append(
            f"No {outcome} are recorded with a channel that has spend: only their total can tell what spend does."
        )
    table = wide.reindex(days).fillna(0.0)
    rewarded = _following(table, recorded)
    if outcome == FIRST_ORDERS and has(accounts, "signed_up_at"):  # a reward for a sign-up goes before its first order
        joined = _counted(orders, accounts, SIGN_UPS, as_of).pivot_table(index="day", columns="channel", values="n")
        rewarded |= _following(table, joined.reindex(days).fillna(0.0))
    return Series(days.astype("datetime64[D]"), table, recorded, total, outcome, tuple(notes), tuple(sorted(rewarded)))


def _following(spend: "pd.DataFrame", came: "pd.DataFrame") -> set[str]:
    """Channels whose spend moves with what came day by day, as a commission or a reward does."""
    import numpy as np

    both = [str(name) for name in spend if name in came and came[name].std() > 0 and spend[name].std() > 0]
    return {name for name in both if float(np.corrcoef(spend[name], came[name])[0, 1]) > _FOLLOWS}


def _chosen(channels: str, have: list[str]) -> list[str]:
    wanted = [name.strip() for name in channels.split(",") if name.strip()]
    for name in wanted:
        check(name, "channels", among=have)
    return wanted or sorted(have)


def has(frame: Any, column: str) -> bool:
    """Whether there is such a table with such a column."""
    return frame is not None and column in nw.from_native(frame).collect_schema().names()


def _counted(orders: Any, accounts: Any, outcome: str, as_of: dt.date) -> "pd.DataFrame":
    """channel, day, n: outcomes by the channel that they are recorded with."""
    by_channel = has(accounts, "channel")
    channel = nw.col("channel").cast(nw.String).fill_null(UNKNOWN).alias("channel")
    channel = channel if by_channel else nw.lit(UNKNOWN).alias("channel")
    if outcome == SIGN_UPS:
        if not has(accounts, "signed_up_at"):
            raise MissingTableError("sign-ups need the table customers with signed_up_at. Count first orders instead.")
        lf = frames.lazy(accounts, "signed_up_at", table="customers").filter(~nw.col("signed_up_at").is_null())
        rows = lf.select(frames.epoch_day("signed_up_at").alias("day"), channel)
    else:
        if orders is None:
            raise MissingTableError("first orders need the table orders. Count sign-ups instead.")
        lf, _ = customers.until(orders, as_of=as_of)
        firsts = lf.group_by("customer_id").agg(nw.col("ordered_at").min())
        if by_channel:
            roster = frames.lazy(accounts, "customer_id", "channel", table="customers").select("customer_id", "channel")
            firsts = firsts.join(roster, on="customer_id", how="left")
        rows = firsts.select(frames.epoch_day("ordered_at").alias("day"), channel)
    table = frames.collect(rows.group_by("channel", "day").agg(nw.len().alias("n")))
    return table[table["day"] <= frames.day_number(as_of)]
