"""Owned, paid and earned: who brings customers, what a credited order costs, and when owned traffic pays."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.acquisition.channel_scorecard.cohorts import Cohorts
from opskit.acquisition.channel_scorecard.scorecard import ratio
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

MEDIA = ("owned", "paid", "earned")
_MONDAY, _BLOCK_DAYS = 3, 28


class Touches(NamedTuple):
    """Touches and repeat spend of the last days, by media."""

    by_media: (
        "pd.DataFrame"  # media, touches, share, credited, credited_share, repeat_spend, cost_per_credited, low, high
    )
    sums: "pd.DataFrame"  # group, paid_spend, paid_credited, owned_spend, owned_credited
    days: int


def media_of(touchpoints: Any | None = None, *, stated: str = "") -> dict[str, str]:
    """Which channel is owned, paid or earned.

    Args:
        touchpoints: Any engine's frame with channel and media: a channel is what most of its touches are.
        stated: "channel=media" pairs, separated by commas; they go before what the touches say.

    Returns:
        The media of each channel; empty where neither says any.

    Raises:
        OpskitError: A pair cannot be read.

    >>> media_of(stated="wechat=owned, ads=paid")
    {'wechat': 'owned', 'ads': 'paid'}
    """
    found: dict[str, str] = {}
    if touchpoints is not None:
        lf = frames.lazy(touchpoints, "channel", table="touchpoints")
        if "media" in lf.collect_schema().names():
            named = lf.filter(~nw.col("media").is_null() & ~nw.col("channel").is_null())
            counts = frames.collect(named.group_by("channel", "media").agg(nw.len().alias("touches")))
            counts = counts.sort_values(["touches", "media"])
            found = {
                str(channel): str(media) for channel, media in zip(counts["channel"], counts["media"], strict=True)
            }
    for pair in filter(None, (part.strip() for part in stated.split(","))):
        channel, _, media = (part.strip() for part in pair.partition("="))
        if media not in MEDIA:
            raise OpskitError(
                f'media has {pair!r}, must be channel=media with one of {", ".join(MEDIA)}: "wechat=owned".'
            )
        found[channel] = media
    return found


def touches(
    touchpoints: Any,
    spend: Any | None,
    media: dict[str, str],
    *,
    as_of: dt.date,
    days: int = 365,
    confidence: float = 0.95,
) -> Touches:
    """What each kind of media did and cost over the last days, beyond winning accounts.

    Args:
        touchpoints: Any engine's frame with channel and touched_at; converted (last touch before an order) where it is
            there.
        spend: As in `spending`; only rows of purpose "retain" count. None: no cost.
        media: Of `media_of`.
        as_of: Last day to count, inclusive.
        days: How far back to look.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_media``: media, touches, share (of touches), credited (orders whose last touch it was), credited_share,
        repeat_spend, cost_per_credited (repeat spend over credited orders of the channels it is booked on), low, high; ``sums``: what `break_even` needs; ``days`` looked at.

    Raises:
        OpskitError: A column is missing or an option out of range.

    Assumes nothing about what a touch causes: the last touch takes the credit, also where the order was coming anyway.
    Blocks of four weeks are left out, spend and orders together.
    """
    import pandas as pd

    check(days, "days", ge=28)
    start = frames.day_number(as_of) - days
    counted = _touch_counts(touchpoints, as_of, start)
    spent = _repeat_spend(spend, as_of, start)
    table = pd.concat([counted, spent]).fillna(0.0)
    table["media"] = [media.get(channel, "(unknown)") for channel in table["channel"]]
    table["group"] = (table["day"] - start - 1) // _BLOCK_DAYS
    paying = table.groupby("channel")["spend"].transform("sum") > 0
    table["paid_for"] = table["credited"].where(paying, 0.0)
    sums = table.groupby(["media", "group"])[["touches", "credited", "paid_for", "spend"]].sum()
    every = pd.MultiIndex.from_product([sorted(table["media"].unique()), sorted(table["group"].unique())])
    sums = sums.reindex(every.set_names(["media", "group"]), fill_value=0.0).reset_index()
    cost = stats.jackknife(
        sums,
        lambda total: pd.Series(ratio(total["spend"].where(total["spend"] > 0), total["paid_for"]), total.index),
        keys=["media"],
        confidence=confidence,
    )
    total = sums.groupby("media")[["touches", "credited", "spend"]].sum()
    by_media = pd.DataFrame({"touches": total["touches"].astype(int), "share": _share(total["touches"])})
    by_media["credited"], by_media["credited_share"] = total["credited"].astype(int), _share(total["credited"])
    by_media["repeat_spend"] = total["spend"]
    by_media = by_media.assign(cost_per_credited=cost["estimate"], low=cost["low"].clip(lower=0), high=cost["high"])
    return Touches(by_media.reset_index(), _both_kinds(table[paying]), days)


def _share(part: "pd.Series[float]") -> "pd.Series[float]":
    whole = part.sum()
    return part / (whole if whole > 0 else float("nan"))


def _both_kinds(table: "pd.DataFrame") -> "pd.DataFrame":
    """Repeat spend and credited orders of paid and of owned channels that cost something, by block."""
    import pandas as pd

    parts = {
        f"{media}_{name}": table[table["media"] == media].groupby("group")[name].sum()
        for media in ("paid", "owned")
        for name in ("spend", "credited")
    }
    return pd.DataFrame(parts).fillna(0.0).rename_axis("group").reset_index()


def _touch_counts(touchpoints: Any, as_of: dt.date, start: int) -> "pd.DataFrame":
    lf = frames.lazy(touchpoints, "channel", "touched_at", table="touchpoints")
    known = "converted" in lf.collect_schema().names()
    credited = nw.when(nw.col("converted")).then(nw.lit(1)).otherwise(nw.lit(0)) if known else nw.lit(0)
    lf = lf.filter(customers.on_or_before(lf, as_of, "touched_at"))
    rows = lf.select(
        nw.col("channel").cast(nw.String).fill_null("(unknown)").alias("channel"),
        frames.epoch_day("touched_at").alias("day"),
        credited.alias("credited"),
    )
    counted = rows.filter(nw.col("day") > start).group_by("channel", "day")
    return frames.collect(counted.agg(nw.len().alias("touches"), nw.col("credited").sum()))


def _repeat_spend(spend: Any | None, as_of: dt.date, start: int) -> "pd.DataFrame":
    import pandas as pd

    nothing = pd.DataFrame({"channel": pd.Series(dtype=str), "day": pd.Series(dtype="int64"), "spend": 0.0})
    if spend is None:
        return nothing
    lf = frames.lazy(spend, "date", "channel", "spend", table="spend")
    if "purpose" not in lf.collect_schema().names():
        return nothing
    rows = (
        lf.filter(customers.on_or_before(lf, as_of, "date") & (nw.col("purpose") == "retain"))
        .select("channel", frames.epoch_day("date").alias("day"), nw.col("spend").cast(nw.Float64))
        .filter(nw.col("day") > start)
    )
    return frames.collect(rows.group_by("channel", "day").agg(nw.col("spend").sum()))


def break_even(
    found: Touches | None,
    cohorts: Cohorts,
    *,
    fixed_cost_per_month: float,
    costs_to_move: Sequence[float] = (),
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """How many customers must be moved to owned traffic so that it pays, at several costs of moving one.

    A moved customer's orders that a paid channel is credited with today are to come by owned messages: what is saved a
    year is the difference in cost per credited order times the paid-credited orders per customer.

    Args:
        found: Of `touches`; None: an empty table.
        cohorts: Of `cohorts`, for the number of customers.
        fixed_cost_per_month: What owned traffic costs whatever its size, such as an operator's time, beyond its messages.
        costs_to_move: One-off costs of moving a customer, such as a coupon for adding the shop's account; none: no cost,
            and a quarter, half and three quarters of what a moved customer saves a year.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        cost_to_move, saved (money a year per moved customer before the cost of moving),
        saved_low, saved_high, net (first year, after it), customers_needed (rounded up; missing where no number pays),
        needed_low, needed_high (missing: no number), customers (there are), pays ("yes", "no", "cannot be told": with
        all of them moved, by the interval). Empty where paid or owned channels have no repeat spend with credited orders.

    Raises:
        OpskitError: An option is negative.

    Assumes that the moved customers are like the average and that their orders are caused by the touch credited with
    them. Where an order would have come anyway the saving is real, but simply stopping the paid touch saves more.
    """
    import numpy as np
    import pandas as pd

    for cost in costs_to_move:
        check(cost, "costs_to_move", ge=0)
    check(fixed_cost_per_month, "fixed_cost_per_month", ge=0)
    there = int(cohorts.cells["first_orders"].sum())
    columns = [
        "cost_to_move",
        "saved",
        "saved_low",
        "saved_high",
        "net",
        "customers_needed",
        "needed_low",
        "needed_high",
    ]
    columns += ["customers", "pays"]
    if found is None:
        return pd.DataFrame(columns=columns)
    total = found.sums.sum()
    if not there or not total["paid_credited"] > 0 or not total["owned_credited"] > 0:
        return pd.DataFrame(columns=columns)

    def saved_a_year(totals: "pd.DataFrame") -> float:
        one = totals.iloc[0]
        owned = one["owned_spend"] / one["owned_credited"]
        return float((one["paid_spend"] - one["paid_credited"] * owned) / there * 365 / found.days)

    saved = stats.jackknife(found.sums, saved_a_year, confidence=confidence).iloc[0].to_numpy(dtype=float)
    rows: list[list[Any]] = []
    for cost in costs_to_move or [part * max(saved[0], 0.0) for part in (0.0, 0.25, 0.5, 0.75)]:
        net = saved - cost
        fixed = 12 * fixed_cost_per_month
        needed = np.array([np.ceil(fixed / one) if one > 0 else np.nan for one in net])
        pays = "yes" if net[1] * there > fixed else "no" if net[2] * there < fixed else "cannot be told"
        rows.append([cost, *saved, net[0], needed[0], needed[2], needed[1], there, pays])
    return pd.DataFrame(rows, columns=columns)
