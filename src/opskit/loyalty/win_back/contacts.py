"""What contacting changes: customers written to against those held out at random, in the same wave."""

import datetime as dt
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check
from opskit.loyalty.win_back.dormancy import LIMITS, TIERS, judged
from opskit.loyalty.win_back.rhythm import PurchaseRhythm

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_WAVE = ("wave_campaign", "wave_medium", "wave_day")
_KNOWN_BEFORE = ("days_since_last_order", "frequency", "p_return")
_BY = ("wave", "tier", "held_out", "group")
_MEASURES = ("contacted", "held_out", "difference", "log_ratio")
_SUMS = ("rows", "came", "value", "spent", *_KNOWN_BEFORE)


class Waves(NamedTuple):
    """Waves with a hold-out, as sums that every comparison is made of."""

    sums: "pd.DataFrame"  # wave, tier, held_out, group, and rows, came, value, spent and what was known before, summed
    counts: "pd.DataFrame"  # what, rows: used, and left out for which reason


def waves(
    orders: Any,
    contacts: Any,
    *,
    as_of: dt.date,
    window_days: int = 30,
    rhythm: PurchaseRhythm | None = None,
    limits: Sequence[float] = LIMITS,
    margin_share: float = 0.0,
) -> Waves:
    """Who came back within the window after a contact, and who did after being held out of it.

    A wave is what one campaign sent through one medium on one day. Only waves with both kinds of customer count, and
    only once their window is over.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        contacts: The same engine's frame with customer_id and sent_at; holdout, without which nothing can be compared;
            campaign, medium and cost where they are there. None: there are none.
        as_of: Last day to count, inclusive.
        window_days: Days after the contact within which an order counts.
        rhythm: Fitted to the orders; it says which tier a customer was in on the day of the wave.
        limits: Of the tiers, as in `dormancy`.
        margin_share: Of revenue; 0: as `customers.contribution` takes it.

    Returns:
        ``sums`` for `lift`, `balance` and `repayment`; ``counts``: what, rows (used; window not over; without a
        comparison in the wave; without an order before).

    Raises:
        OpskitError: A column is missing, an option is out of range, or there are no orders.

    Assumes the hold-out is random: `balance` looks for signs that it is not. Orders are known in full up to as_of.
    """
    import pandas as pd

    check(window_days, "window_days", ge=1)
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    nothing = pd.DataFrame(columns=[*_BY, *_SUMS])
    if contacts is None:
        return Waves(_complete(nothing, 0), _counts(0, nothing, nothing, 0))
    sent = _sent(contacts, as_of - dt.timedelta(days=window_days))
    total = int(frames.collect(frames.lazy(contacts, table="contacts").select(nw.len().alias("n")))["n"].iloc[0])
    known = frames.collect(sent.group_by(*_WAVE).agg(nw.len().alias("rows"), nw.col("held_out").sum()))
    both = known[(known["held_out"] > 0) & (known["held_out"] < known["rows"])].sort_values(["wave_day", *_WAVE[:2]])
    if both.empty:
        return Waves(_complete(nothing, 0), _counts(total, known, both, 0))
    named = frames.beside(sent, both[list(_WAVE)].assign(wave=range(len(both))))
    rows = _outcomes(lf, sent.join(named, on=list(_WAVE)), window_days, margin_share)
    rhythm = rhythm or PurchaseRhythm().fit(orders, as_of=as_of)
    tiers = judged(rows.with_columns(rhythm.alive(), nw.lit(1).alias("rows")), rhythm, window_days, limits)
    grouped = stats.assign_groups(tiers, ids=frames.lazy(contacts, table="contacts"))
    grouped = grouped.with_columns(nw.col(*_SUMS).cast(nw.Float64))
    sums = frames.collect(grouped.group_by("wave", "tier", "held_out", "group").agg(nw.col(*_SUMS).sum()))
    return Waves(_complete(sums, len(both)), _counts(total, known, both, int(sums["rows"].sum())))


def _counts(total: int, known: "pd.DataFrame", both: "pd.DataFrame", used: int) -> "pd.DataFrame":
    """Rows of contacts that are used, and those that are not for which reason."""
    import pandas as pd

    over, compared = int(known["rows"].sum()), int(both["rows"].sum())
    counts = {
        "used": used,
        "window not over": total - over,
        "no hold-out in the wave": over - compared,
        "no order before, or sent twice": compared - used,
    }
    return pd.DataFrame({"what": list(counts), "rows": list(counts.values())})


def _sent(contacts: Any, last_day: dt.date) -> nw.LazyFrame[Any]:
    """Contacts early enough to be judged, with the wave they belong to."""
    lf = frames.lazy(contacts, "customer_id", "sent_at", table="contacts")
    columns = lf.collect_schema().names()
    campaign, medium = (
        nw.col(name).fill_null("") if name in columns else nw.lit("") for name in ("campaign", "medium")
    )
    held_out = nw.col("holdout").fill_null(value=False).cast(nw.Int64) if "holdout" in columns else nw.lit(0)
    cost = nw.col("cost").cast(nw.Float64).fill_null(0.0) if "cost" in columns else nw.lit(0.0)
    return lf.filter(customers.on_or_before(lf, last_day, "sent_at")).select(
        "customer_id",
        nw.col("sent_at").cast(nw.Datetime("us")),
        campaign.alias("wave_campaign"),
        medium.alias("wave_medium"),
        frames.epoch_day("sent_at").alias("wave_day"),
        held_out.alias("held_out"),
        cost.alias("spent"),
    )


def _outcomes(
    lf: nw.LazyFrame[Any], sent: nw.LazyFrame[Any], window_days: int, margin_share: float
) -> nw.LazyFrame[Any]:
    """One row per customer and wave: the rhythm before it and what came within the window."""
    each, _ = customers.contribution(lf, margin_share)
    at = nw.col("ordered_at").cast(nw.Datetime("us"))
    days = (
        lf.select("customer_id", at.alias("at"), frames.epoch_day("ordered_at").alias("day"), each.alias("value"))
        .group_by("customer_id", "day")
        .agg(nw.col("at").min().alias("first_at"), nw.col("at").max().alias("last_at"), nw.col("value").sum())
    )
    by = ["customer_id", "sent_at", "wave", "wave_day", "held_out", "spent"]
    before = nw.col("first_at") <= nw.col("sent_at")
    ends = nw.col("sent_at") + dt.timedelta(days=window_days)
    within = (nw.col("last_at") > nw.col("sent_at")) & (nw.col("first_at") <= ends)
    columns = [
        before.cast(nw.Int64).alias("days_before"),
        nw.when(before).then(nw.col("day")).otherwise(None).alias("first"),
        nw.when(before).then(nw.col("day")).otherwise(None).alias("last"),
        within.cast(nw.Int64).alias("came"),
        nw.when(within).then(nw.col("value")).otherwise(nw.lit(0.0)).alias("value"),
    ]
    rows = (
        sent.join(days, on="customer_id")
        .with_columns(*columns)
        .group_by(*by)
        .agg(
            nw.col("days_before").sum(),
            nw.col("first").min(),
            nw.col("last").max(),
            nw.col("came").max(),
            nw.col("value").sum(),
        )
        .filter(nw.col("days_before") > 0)
    )
    return rows.with_columns(
        (nw.col("days_before").cast(nw.Int64) - 1).alias("frequency"),
        (nw.col("last") - nw.col("first")).cast(nw.Int64).alias("recency"),
        (nw.col("wave_day") - nw.col("last")).cast(nw.Int64).alias("days_since_last_order"),
    )


def _complete(sums: "pd.DataFrame", count: int) -> "pd.DataFrame":
    """Every combination of wave, tier and arm has a row, so that sums become arrays without a search."""
    import pandas as pd

    sums["tier"] = sums["tier"].map({name: place for place, name in enumerate(TIERS)})
    group = sums["group"].min() if len(sums) else 0
    grid = pd.MultiIndex.from_product([range(count), range(len(TIERS)), [0, 1], [group]], names=_BY).to_frame(
        index=False
    )
    whole = pd.concat([sums[[*_BY, *_SUMS]], grid.assign(**dict.fromkeys(_SUMS, 0.0))])
    return whole.astype(dict.fromkeys(_BY, "int64")).groupby(list(_BY), as_index=False).sum()


def lift(found: Waves, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What a contact adds to the probability of coming back, by tier on the day of the wave.

    Args:
        found: From `waves`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        tier (and ``"all"``), waves (with both arms), contacted, held_out (rows), came_contacted and came_held_out
        (shares, weighted as the waves are), p_return (expected of those held out by their rhythm alone), lift (their difference: comebacks added by a contact), low, high, ratio
        (came_contacted over came_held_out) with ratio_low and ratio_high. Missing where a tier was never compared.

    Source: Mantel & Haenszel (1959) weights, n1 n0 / (n1 + n0) of each wave, so that waves are compared within and not
    with each other; intervals leave out groups of customers (`stats.jackknife`), for many are in several waves.
    """
    import numpy as np
    import pandas as pd

    figures = _compared(found, ["came", "p_return"], confidence)
    n = _arrays(found.sums.groupby(list(_BY[:3]))[["rows"]].sum())[..., 0]
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(("all", *TIERS)):
        contacted, held_out, difference, log_ratio = (figures[name, "came", measure] for measure in _MEASURES)
        row: dict[str, Any] = {"tier": name, "waves": int((n[:, place].min(axis=1) > 0).sum())}
        row |= {"contacted": int(n[:, place, 0].sum()), "held_out": int(n[:, place, 1].sum())}
        row |= {"came_contacted": contacted[0], "came_held_out": held_out[0]}
        row |= {"p_return": figures[name, "p_return", "held_out"][0]}
        row |= dict(zip(("lift", "low", "high"), difference, strict=True))
        rows.append(row | dict(zip(("ratio", "ratio_low", "ratio_high"), np.exp(log_ratio), strict=True)))
    return pd.DataFrame(rows)


def balance(found: Waves, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What was known of both arms before the wave: where it differs, the hold-out was hardly random.

    Args:
        found: From `waves`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        known_before (days_since_last_order, days; frequency, order days after the first; p_return, probability),
        contacted and held_out (means), difference, low, high.
    """
    import pandas as pd

    figures = _compared(found, _KNOWN_BEFORE, confidence)
    rows: list[dict[str, Any]] = []
    for name in _KNOWN_BEFORE:
        contacted, held_out, difference, _ = (figures["all", name, measure] for measure in _MEASURES)
        row = {"known_before": name, "contacted": contacted[0], "held_out": held_out[0]}
        rows.append(row | dict(zip(("difference", "low", "high"), difference, strict=True)))
    return pd.DataFrame(rows)


def repayment(found: Waves, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What a contact cost and what it brought, measured against the hold-out.

    Args:
        found: From `waves`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per measure: cost_per_contact; value_per_contact (contribution added within the window);
        net_per_contact (value less cost); cost_per_comeback (cost over comebacks added: bounds are missing where the lift
        may be nothing, the figure itself where it is not above 0); estimate, low, high (in the currency), n contacts.
    """
    import numpy as np
    import pandas as pd

    sent = found.sums[found.sums["held_out"] == 0]
    contacts = int(sent["rows"].sum())
    each = float(sent["spent"].sum()) / contacts if contacts else np.nan
    figures = _compared(found, ["came", "value"], confidence)
    added, came = (figures["all", name, "difference"] for name in ("value", "came"))
    per = [each / came[0] if came[0] > 0 else np.nan]
    per += [each / came[2], each / came[1]] if came[1] > 0 else [np.nan, np.nan]
    rows = {
        "cost_per_contact": [each, np.nan, np.nan],
        "value_per_contact": list(added),
        "net_per_contact": [figure - each for figure in added],
        "cost_per_comeback": per,
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high"])
    return table.rename_axis("measure").reset_index().assign(n=contacts)


def _compared(
    found: Waves, columns: Sequence[str], confidence: float
) -> dict[tuple[str, str, str], tuple[float, float, float]]:
    """Estimate, low and high by tier, column and measure: means of both arms, their difference, log of their ratio."""
    import numpy as np
    import pandas as pd

    names = list(product(("all", *TIERS), columns, _MEASURES))

    def statistic(totals: "pd.DataFrame") -> "pd.Series[Any]":
        sums = _arrays(totals)
        n, y = sums[..., :1], sums[..., 1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(n.min(axis=2) > 0, n.prod(axis=2) / n.sum(axis=2), 0.0)
            mean = np.where(weight[:, :, None] > 0, y / n, 0.0)
            means = (weight[:, :, None] * mean).sum(axis=0) / weight.sum(axis=0)[:, None]
            ratio = np.log(np.where((means > 0).all(axis=1), means[:, 0] / means[:, 1], np.nan))
        by_measure = np.stack([means[:, 0], means[:, 1], means[:, 0] - means[:, 1], ratio], axis=-1)
        return pd.Series(by_measure.ravel())

    if not len(found.sums):
        return dict.fromkeys(names, (np.nan, np.nan, np.nan))
    sums = found.sums[[*_BY, "rows", *columns]]
    table = stats.jackknife(sums, statistic, keys=_BY[:3], confidence=confidence)
    return dict(zip(names, map(tuple, table.to_numpy(dtype=float)), strict=True))


def _arrays(totals: "pd.DataFrame") -> "Vector":
    """Sums as an array of wave, tier (all of them first), arm and column."""
    import numpy as np

    by_tier = totals.to_numpy(dtype=float).reshape(-1, len(TIERS), 2, totals.shape[1])
    return np.concatenate([by_tier.sum(axis=1, keepdims=True), by_tier], axis=1)
