"""The scorecard: what each channel costs and what its accounts become, in all and by month of sign-up."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.channel_scorecard.cohorts import Cohorts
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID, month_starts, weekly, with_totals
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#          name: money or pure ratio, over, counted in n
RATIOS = {
    "cost_per_signup": ("spend", "costed_signups", "costed_signups"),
    "cac": ("won_spend", "costed_won", "costed_won"),
    "cac_all_spend": ("won_all_spend", "costed_won", "costed_won"),
    "margin": ("margin", "margin_won", "margin_won"),
    "recovered": ("costed_margin", "margin_spend", "margin_won"),
    "ltv_to_cac": ("lifetime", "spend", "costed_signups"),
}
COSTS = tuple(name for name in RATIOS if name != "margin")


def scorecard(
    found: Cohorts,
    *,
    first_order_days: int = 30,
    margin_days: int = 90,
    min_customers: int = 30,
    by_month: bool = False,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Cost and quality of every channel, each figure with its interval and what it rests on.

    Args:
        found: Of `cohorts`.
        first_order_days: A new customer is an account that orders within so many days of signing up.
        margin_days: Age up to which margin is added.
        min_customers: Rows with fewer new customers are marked small.
        by_month: A row per channel and month of sign-up instead of one per channel.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel (all channels, and those with spend, at the end; one without sign-ups and acquisition spend has no row),
        month with by_month; signups, spend (acquisition
        only), all_spend, customers (new ones, of weeks old enough), small; and with _low, _high and _n beside each:
        first_order_rate; cost_per_signup; cac (acquisition spend per new customer); cac_all_spend (repeat spend
        included); back_N (of first orders N days old or older, the share with another order within N days); margin (by
        margin_days, of the cohort, per new customer); recovered (that margin over the spend of the same weeks);
        ltv_to_cac (margin so far and forecast over spend; missing without a forecast). A figure is missing where
        nothing is old enough, nobody came, or no spend is booked: `sheet` says which.

    Raises:
        OpskitError: An option is out of range.

    Assumes spend is laid against the right days (the lag) and that the channel brought those it is credited with: CAC is
    an average, and where a channel takes credit for people who would have come anyway it is too low. Shares: Wilson's
    interval, customers independent. Money: blocks of four weeks are left out, spend and sign-ups together (single weeks
    within a month and where there are few), on the log scale where the interval lies above 0; weeks that differ in spend
    widen them.

    Source: Wilson (1927); Künsch (1989), "The jackknife and the bootstrap for general stationary observations".
    """
    import pandas as pd

    check(min_customers, "min_customers", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    ages = {"first_order_days": first_order_days, "margin_days": margin_days}
    table = with_totals(weekly(found, **ages, whole_months=by_month))
    table = table[table.groupby("channel")[["signups", "spend"]].transform("sum").sum(axis=1) > 0]
    table["lifetime"] = table["to_date"] + table["to_come"]
    keys = ["channel", "month"] if by_month else ["channel"]
    sums = table.drop(columns=["week", "month", "group"]).groupby([table[key] for key in keys]).sum()
    sums = sums.loc[_in_order(sums, table)]
    card = sums[["signups", "spend", "all_spend", "won"]].rename(columns={"won": "customers"})
    card = card.astype({"signups": "int64", "customers": "int64"})
    card["small"] = card["customers"] < min_customers
    shares = {"first_order_rate": ("won", "ripe_signups")} if found.has_signup else {}
    shares |= {f"back_{days}": (f"back_{days}", f"old_{days}") for days in found.return_days}
    for name, (successes, n) in shares.items():
        low, high = stats.wilson(sums[successes], sums[n], confidence=confidence)
        card[name] = (sums[successes] / sums[n].where(sums[n] > 0)).astype(float)
        card = card.assign(**{f"{name}_low": low, f"{name}_high": high, f"{name}_n": sums[n].astype("int64")})
    names = [name for name in RATIOS if name != "ltv_to_cac" or found.has_values]
    if not found.has_spend:
        names = ["margin"]
    card = card.join(_ratios(table, names, keys, confidence))
    card.loc[card["signups"] == 0, [f"{name}{end}" for name in names for end in ("", "_low", "_high")]] = float("nan")
    for name in names:
        card[f"{name}_n"] = sums[RATIOS[name][2]].astype("int64")
    card = card.reset_index()
    if by_month:
        card["month"] = month_starts(pd.Series(card["month"]))
    return card


def _in_order(sums: "pd.DataFrame", table: "pd.DataFrame") -> list[Any]:
    """Channels with most sign-ups first, the totals last."""
    size = table.groupby("channel")["signups"].sum().sort_values(ascending=False, kind="stable")
    names = [*(name for name in size.index if name not in (ALL, PAID)), ALL, PAID]
    place = {name: position for position, name in enumerate(names)}
    return sorted(sums.index, key=lambda key: (place[key[0]], key[1]) if isinstance(key, tuple) else place[key])


def _ratios(table: "pd.DataFrame", names: list[str], keys: list[str], confidence: float) -> "pd.DataFrame":
    """Ratios of sums by channel (and month) with jackknife intervals, costs on the log scale."""
    import numpy as np
    import pandas as pd

    columns = sorted({column for name in names for column in RATIOS[name][:2]})
    sums = table.groupby([*keys, "group"])[columns].sum().reset_index()
    logs = [name.startswith("c") for name in names]

    def ratios(totals: "pd.DataFrame") -> "pd.Series[float]":
        found = np.column_stack([ratio(totals[RATIOS[name][0]], totals[RATIOS[name][1]]) for name in names])
        with np.errstate(divide="ignore", invalid="ignore"):
            found[:, logs] = np.log(np.where(found[:, logs] > 0, found[:, logs], np.nan))
        return pd.Series(found.ravel())

    found = stats.jackknife(sums, ratios, keys=keys, confidence=confidence)
    values = found.to_numpy(dtype=float).reshape(-1, len(names), 3).copy()
    values[:, logs] = np.exp(values[:, logs])
    values[~np.isfinite(values)] = np.nan
    _on_log_scale(values, [not log for log in logs])
    values[np.isnan(values).any(axis=2), 1:] = np.nan
    ends = [f"{name}{suffix}" for name in names for suffix in ("", "_low", "_high")]
    index = table.groupby(keys[0] if len(keys) == 1 else keys)["signups"].sum().index
    return pd.DataFrame(values.reshape(len(index), -1), index=index, columns=ends)


def _on_log_scale(values: "np.ndarray[Any, Any]", columns: list[bool]) -> None:
    """Put intervals that lie wholly above 0 on the log scale, in place: few large orders skew sums to the right."""
    import numpy as np

    estimate, low, high = (values[:, columns, end] for end in range(3))
    positive = low > 0
    half = np.divide((high - low) / 2, estimate, out=np.zeros_like(estimate), where=positive)
    values[:, columns, 1] = np.where(positive, estimate * np.exp(-half), low)
    values[:, columns, 2] = np.where(positive, estimate * np.exp(half), high)


def ratio(over: "pd.Series[float]", under: "pd.Series[float]") -> "np.ndarray[Any, Any]":
    """One column over another, missing where the denominator is not positive."""
    import numpy as np

    below = under.to_numpy(dtype=float)
    return over.to_numpy(dtype=float) / np.where(below > 1e-9, below, np.nan)


def returns(card: "pd.DataFrame") -> dict[int, str]:
    """Columns of the scorecard with the share back within so many days, by the days."""
    names = (str(name).split("_") for name in card.columns)
    return {int(days[0]): f"back_{days[0]}" for head, *days in names if head == "back" and len(days) == 1}
