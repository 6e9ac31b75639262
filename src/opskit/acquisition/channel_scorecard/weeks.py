"""Weekly sums behind every figure: each sum counts only weeks whose last sign-up is old enough for it."""

from typing import TYPE_CHECKING

from opskit.acquisition.channel_scorecard.cohorts import Cohorts
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

ALL = "all channels"
PAID = "channels with spend"
BLOCK_WEEKS = 4
_LEAST_BLOCKS = 8
_MONDAY = 3


def weekly(
    found: Cohorts, *, first_order_days: int = 30, margin_days: int = 90, whole_months: bool = False
) -> "pd.DataFrame":
    """Sums by channel, week and month of sign-up.

    Args:
        found: Of `cohorts`.
        first_order_days: A new customer is an account that orders within so many days of signing up.
        margin_days: Age up to which margin is added.
        whole_months: A week is old enough only when its whole month is, and a block is a week's place in its month.

    Returns:
        channel, week, month, group (block of weeks, to be left out together); signups; ripe_signups and won (new
        customers) of weeks old enough for first orders; spend, all_spend and costed_signups of days that spend covers;
        won_spend, won_all_spend and costed_won (their new customers) of those old enough; margin and margin_won (their
        new customers) of weeks of margin_days; margin_spend and costed_margin of those that spend covers; to_date
        (margin so far), to_come of covered weeks; back_N and old_N.

    Raises:
        OpskitError: An option is out of range.
    """
    import numpy as np

    check(first_order_days, "first_order_days", ge=0)
    check(margin_days, "margin_days", ge=0)
    keys = ["channel", "week", "month"]
    cells = found.cells
    costed = cells["costed"] == 1
    won = cells["first_orders"].where((cells["age"] <= first_order_days) & (cells["age"] >= 0), 0)
    earned = cells["margin"].where(cells["age"] <= margin_days, 0.0)
    returns = cells[[f"{name}_{days}" for name in ("back", "old") for days in found.return_days]]
    sums = returns.assign(
        signups=cells["accounts"],
        costed_signups=cells["accounts"].where(costed, 0),
        ripe_signups=cells["accounts"],
        won=won,
        costed_won=won.where(costed, 0),
        margin=earned,
        margin_won=won,
        costed_margin=earned.where(costed, 0.0),
        to_date=cells["margin"].where(costed, 0.0),
        to_come=cells["to_come"].where(costed, 0.0),
    )
    table = sums.groupby([cells[key] for key in keys]).sum()
    table = table.join(_spend_by_week(found), how="outer").fillna(0.0).sort_index().reset_index()
    table["won_spend"], table["won_all_spend"] = table["spend"], table["all_spend"]
    table["margin_spend"] = table["spend"]
    last = _last_days(table, whole_months)
    young = last + first_order_days > found.as_of
    table.loc[young, ["ripe_signups", "won", "costed_won", "won_spend", "won_all_spend"]] = 0
    young = last + max(first_order_days, margin_days) > found.as_of
    table.loc[young, ["margin", "margin_won", "costed_margin", "margin_spend"]] = 0
    if whole_months:
        for days in found.return_days:
            table.loc[last + days > found.as_of, [f"back_{days}", f"old_{days}"]] = 0
        weeks, size = table["week"] - table.groupby("month")["week"].transform("min"), 1
    else:
        weeks = table["week"] - table["week"].min()
        size = BLOCK_WEEKS if weeks.max() >= BLOCK_WEEKS * _LEAST_BLOCKS - 1 else 1
    return table.assign(group=(weeks // size).astype(np.int64))


def _last_days(table: "pd.DataFrame", whole_months: bool) -> "pd.Series[int]":
    """Last day of each row's month, or of its week within the month, in days since 1970-01-01."""
    import numpy as np

    following = (table["month"] + 1 - 1970 * 12).to_numpy().astype("datetime64[M]").astype("datetime64[D]")
    end_of_month = table["week"] * 0 + following.astype(np.int64) - 1
    return end_of_month if whole_months else end_of_month.clip(upper=7 * table["week"] - _MONDAY + 6)


def month_starts(month: "pd.Series[int]") -> "pd.DatetimeIndex":
    """First day of each month given as months since year 0."""
    import pandas as pd

    return pd.DatetimeIndex((month.to_numpy() - 1970 * 12).astype("datetime64[M]"))


def with_totals(table: "pd.DataFrame") -> "pd.DataFrame":
    """The same rows and, under names of their own, all channels together and those with acquisition spend."""
    import pandas as pd

    spent = table.groupby("channel")["spend"].transform("sum") > 0
    parts = [table, table.assign(channel=ALL)]
    if spent.any():
        parts.append(table[spent].assign(channel=PAID))
    return pd.concat(parts, ignore_index=True)


def _spend_by_week(found: Cohorts) -> "pd.DataFrame":
    daily = found.daily
    day = daily["day"].to_numpy().astype("datetime64[D]")
    keyed = daily.assign(
        week=(daily["day"] + _MONDAY) // 7,
        month=day.astype("datetime64[M]").astype("int64") + 1970 * 12,
        spend=daily["acquire"],
        all_spend=daily["every"],
    )
    return keyed.groupby(["channel", "week", "month"])[["spend", "all_spend"]].sum()
