"""What referred customers are worth beside others, and what a referral may cost at most."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, plots, stats
from opskit.acquisition.referral.links import Links
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

    from opskit.dataset import Dataset

MEASURES = {"bought": "ordered at all", "orders": "orders", "value": "value"}
ANYWAY = (0.0, 0.25, 0.5, 0.75)  # shares of referred customers who would have come without a reward, to look at
_GROUPS = ("referred", "others", "difference", "adjusted")


def compare(found: Links, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What referred customers and others have done in their first days, and the difference between them.

    Args:
        found: From `links`; its value_days say how many days.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per measure (ordered at all: a share; orders and value: per customer, buyers or not): measure; referred,
        referred_low, referred_high; others, others_low, others_high; difference (referred - others), difference_low,
        difference_high; adjusted (the same between customers who signed up in one month), adjusted_low, adjusted_high;
        n_referred, n_others. Missing where one of the two is empty, or where no month has both.

    Assumes the difference is one between people, not an effect of the invitation: whoever is invited resembles the one
    who invites, and customers recommend a shop to those whom it suits. Customers of one inviter are kept together.

    Source: each month weighs n1 * n0 / (n1 + n0), as in a regression on the month of sign-up; delete-a-group jackknife,
    Kott (2001).
    """
    import numpy as np
    import pandas as pd

    cells = found.values
    sizes = cells.groupby("referred")["customers"].sum()
    counts = {"n_referred": int(sizes.get(True, 0)), "n_others": int(sizes.get(False, 0))}
    columns = [name + bound for name in _GROUPS for bound in ("", "_low", "_high")]
    if min(counts.values()) < 2:
        return pd.DataFrame(np.nan, range(len(MEASURES)), columns).assign(**counts, measure=list(MEASURES.values()))
    # Every month has a row for others and one for referred, so that leaving a group out never changes the shape.
    months, place = np.unique(cells["month"], return_inverse=True)
    names = ["group", "customers", *MEASURES]
    empty = pd.DataFrame(0.0, range(2 * len(months)), names).assign(
        cell=range(2 * len(months)), group=cells["group"].iloc[0]
    )
    sums = pd.concat([cells[names].assign(cell=2 * place + cells["referred"]), empty]).astype(float)
    table = stats.jackknife(sums, _differences, keys=["cell"], confidence=confidence)
    table.loc[:, "low":"high"] = table.loc[:, "low":"high"].where(table["estimate"].notna(), np.nan)
    wide = pd.DataFrame(table.to_numpy().reshape(len(MEASURES), len(columns)), columns=columns)
    shares = ["referred_low", "referred_high", "others_low", "others_high"]
    wide.loc[0, shares] = wide.loc[0, shares].clip(0, 1)
    return wide.assign(**counts, measure=list(MEASURES.values()))[["measure", *columns, *counts]]


def sheet(compared: "pd.DataFrame") -> "pd.DataFrame":
    """The table of `compare` to be read: each estimate with its interval in one cell.

    Args:
        compared: From `compare`.

    Returns:
        measure (index); referred, others, difference, adjusted, as text; n_referred, n_others.
    """
    import pandas as pd

    def cell(row: "dict[Any, Any]", name: str) -> str:
        value, low, high = (plots.number(row[name + bound]) for bound in ("", "_low", "_high"))
        return f"{value} ({low} to {high})"

    rows = [
        {"measure": row["measure"], **{name: cell(row, name) for name in _GROUPS}, "n_referred": row["n_referred"]}
        | {"n_others": row["n_others"]}
        for row in compared.to_dict("records")
    ]
    return pd.DataFrame(rows).set_index("measure")


def _differences(totals: "pd.DataFrame") -> "pd.Series[Any]":
    """Means of both, their difference, and the difference within months, for each measure."""
    import numpy as np
    import pandas as pd

    size = totals["customers"].to_numpy(dtype=float).reshape(-1, 2)  # month x (others, referred)
    rows: list[float] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(size[:, 0] * size[:, 1] / size.sum(axis=1))
        for name in MEASURES:
            amount = totals[name].to_numpy(dtype=float).reshape(-1, 2)
            others, referred = amount.sum(axis=0) / size.sum(axis=0)
            within = np.nan_to_num(np.diff(amount / size, axis=1)[:, 0])  # a month without both weighs nothing
            rows += [referred, others, referred - others, float((weight * within).sum() / weight.sum())]
    return pd.Series(rows)


def reward(found: Links, ds: "Dataset", *, channel: str = "referral", given: float = 0.0) -> "tuple[float, str]":
    """What is paid per referred sign-up, and the sentence that says how that is known.

    Args:
        found: From `links`.
        ds: The dataset; its spend is looked at where there is one and nothing is given.
        channel: The channel of ``spend`` on which rewards are booked.
        given: The reward, where it is known; 0: it is to be found in ``spend``.

    Returns:
        The amount given, else the spend on the channel per referred customer who signed up on the days it covers, nan
        where there is none; and the sentence.

    Raises:
        OpskitError: The amount given is negative.
    """
    check(given, "reward_per_signup", ge=0)
    if given:
        return given, "The reward per referred sign-up is the one given."
    unknown = "What a referral costs is not known: give reward_per_signup, or book rewards in a table spend"
    try:
        table = ds.spend
    except OpskitError as reason:  # there is none, or a filter that it cannot follow takes it away
        return float("nan"), f"{reason} {unknown}."
    lf = frames.lazy(table, "date", "channel", "spend", table="spend")
    lf = lf.filter(customers.on_or_before(lf, ds.as_of, "date"), nw.col("channel") == channel)
    rows = lf.select(frames.epoch_day("date").alias("day"), nw.col("spend").cast(nw.Float64))
    day = nw.col("day")
    booked = frames.collect(rows.select(day.min().alias("first"), day.max().alias("last"), nw.col("spend").sum())).iloc[
        0
    ]
    paid_for = found.joined[found.joined["referred"] & found.joined["day"].between(booked["first"], booked["last"])]
    n = int(paid_for["customers"].sum())
    if not n or not booked["spend"] > 0:
        return float("nan"), f"{unknown}; it has none on channel {channel!r} on days with a referred sign-up."
    return float(booked["spend"]) / n, (
        f"The reward is the spend booked on channel {channel!r} over the {n:,} referred sign-ups of the days it covers."
    )


def break_even(compared: "pd.DataFrame", *, reward: float = float("nan")) -> "pd.DataFrame":
    """What may be paid per referred sign-up before it costs more than it brings in the first days.

    Args:
        compared: From `compare`.
        reward: What is paid now; nan where that is not known.

    Returns:
        if_so (what would have happened without the reward), at_most, low, high (in the unit of value), reward, pays
        (``yes``, ``no``, ``cannot be told``: the interval against the reward; empty without one).

    Raises:
        OpskitError: The reward is negative.

    Assumes a customer who would have come anyway would have been worth the same, so that their reward buys nothing. How
    many those are no table of customers says: only rewards that some inviters are not offered do.
    """
    import pandas as pd

    if reward == reward:
        check(reward, "reward", ge=0)
    worth = compared.set_index("measure").loc["value"]
    whole = worth[["referred", "referred_low", "referred_high"]].to_numpy(dtype=float)
    rows: list[tuple[Any, ...]] = [
        (
            "nobody would have come anyway" if not anyway else f"{anyway:.0%} would have come anyway",
            *(1 - anyway) * whole,
        )
        for anyway in ANYWAY
    ]
    instead = worth[["adjusted", "adjusted_low", "adjusted_high"]]
    rows.append(("each takes the place of another new customer who costs nothing", *instead))
    table = pd.DataFrame(rows, columns=["if_so", "at_most", "low", "high"]).assign(reward=reward)
    told = {"holds": "yes", "does not hold": "no", "not enough data": "cannot be told"}
    verdicts = [
        told[stats.verdict(low, high, at_least=reward)] for low, high in zip(table["low"], table["high"], strict=True)
    ]
    return table.assign(pays=verdicts if reward == reward else "")


def anyway_at_most(compared: "pd.DataFrame", *, reward: float) -> dict[str, float]:
    """The largest share who would have come anyway at which the reward still pays: 1 - reward / value.

    Args:
        compared: From `compare`.
        reward: What is paid per referred sign-up.

    Returns:
        value, low, high, as shares (0 where even the first is not paid back); nan where either is not known.
    """
    worth = compared[compared["measure"] == "value"].iloc[0]
    names = {"value": "referred", "low": "referred_low", "high": "referred_high"}
    amounts = {name: float(worth[source]) for name, source in names.items()}
    return {
        name: max(1 - reward / amount, 0.0) if amount > 0 else (0.0 if amount == amount else amount)
        for name, amount in amounts.items()
    }
