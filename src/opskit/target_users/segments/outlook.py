"""What segments tell of the time that follows: scored on one day, looked at in the days after it."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import features, frames, stats
from opskit.customers import on_or_before
from opskit.errors import TooLittleDataError, check
from opskit.target_users.segments import rules
from opskit.target_users.segments.rfm import MEASURES, scores

if TYPE_CHECKING:
    import pandas as pd


class Outlook(NamedTuple):
    """How many of each segment came back within the horizon."""

    scored_on: dt.date
    horizon_days: int
    segments: "pd.DataFrame"  # segment, n, active, rate, low, high, revenue, each, lift
    by_score: "pd.DataFrame"  # measure, score, n, active, rate, low, high
    order: "pd.DataFrame"  # claim, estimate, low, high, n, verdict


def outlook(orders: Any, *, as_of: dt.date, horizon_days: int = 90, bins: int = 5, confidence: float = 0.95) -> Outlook:
    """Score customers some days before the last one, and see who ordered in these days.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive; the scores are those of horizon_days before it.
        horizon_days: Days to look ahead.
        bins: As in `scores`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``segments``: segment, n (customers on the day of scoring), active (with an order in the horizon), rate, low,
        high; revenue of the horizon, each (per customer), lift (rate over that of everybody). ``by_score``: the same
        rate for each score of each measure. ``order``: for each measure and pair of measures how well the score orders
        customers by who comes back (area under the ROC curve, 0.5 is chance; difference of two), low, high, n, verdict.

    Raises:
        TooLittleDataError: No order lies before the horizon, or nobody or everybody came back in it.
        OpskitError: As `scores`.

    Assumes the horizon is like the days to come: one of a feast season says little of an ordinary one.

    Source: Wilson (1927) for rates; DeLong, DeLong & Clarke-Pearson (1988) for areas.
    """
    import pandas as pd

    check(horizon_days, "horizon_days", ge=1)
    day = as_of - dt.timedelta(days=horizon_days)
    came = frames.lazy(orders, "customer_id", "ordered_at", "revenue")
    first = frames.collect(came.select(on_or_before(came, day).cast(nw.Int64).sum().alias("n")))["n"].iloc[0]
    if not first > 0:
        raise TooLittleDataError(f"No order lies on or before {day}, {horizon_days} days before the last day.")
    came = came.filter(~on_or_before(came, day), on_or_before(came, as_of))
    came = came.select("customer_id", nw.col("revenue").cast(nw.Float64))
    came = came.group_by("customer_id").agg(nw.len().alias("orders"), nw.col("revenue").sum())
    found = scores(orders, as_of=day, bins=bins)
    scored = frames.lazy(found.customers).drop("revenue").join(came, on="customer_id", how="left")
    keys = ["segment", *(f"{name}_score" for name in MEASURES)]
    active = (~nw.col("orders").is_null()).cast(nw.Int64)
    cells = frames.collect(
        scored.with_columns(active.alias("active"), nw.col("revenue").fill_null(0.0))
        .group_by(*keys)
        .agg(nw.len().alias("n"), nw.col("active").sum(), nw.col("revenue").sum())
    )
    cells = cells.sort_values(keys, ignore_index=True)
    everybody = cells["active"].sum() / cells["n"].sum()
    if not 0 < everybody < 1:
        raise TooLittleDataError(f"{'Everybody' if everybody else 'Nobody'} came back: there is nothing to tell apart.")
    table = cells.groupby("segment")[["n", "active", "revenue"]].sum().reindex(rules.NAMES, fill_value=0)
    table = _with_rate(table, confidence).reset_index()
    some = table["n"].where(table["n"] > 0)
    table = table.assign(each=table["revenue"] / some, lift=table["rate"] / everybody)
    parts = [
        _with_rate(cells.groupby(f"{name}_score")[["n", "active"]].sum().rename_axis("score"), confidence)
        .reset_index()
        .assign(measure=name)
        for name in MEASURES
    ]
    columns = ["measure", "score", "n", "active", "rate", "low", "high"]
    by_score = pd.concat(parts, ignore_index=True)[columns]
    return Outlook(day, horizon_days, table, by_score, _order(cells, confidence))


def _with_rate(table: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    low, high = stats.wilson(table["active"], table["n"], confidence=confidence)
    return table.assign(rate=table["active"] / table["n"].where(table["n"] > 0), low=low, high=high)


def _order(cells: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    """Areas under the curve of each score and how they differ, from the counts of the cells."""
    import numpy as np
    import pandas as pd

    yes, no = cells["active"].to_numpy(), (cells["n"] - cells["active"]).to_numpy()
    outcome = np.repeat([True, False], [yes.sum(), no.sum()])
    score = {
        name: np.concatenate([np.repeat(cells[f"{name}_score"].to_numpy(), count) for count in (yes, no)])
        for name in MEASURES
    }
    rows: list[dict[str, Any]] = []
    for name in MEASURES:
        one = features.auc_difference(score[name], np.zeros(len(outcome)), outcome, confidence=confidence).iloc[0]
        area = {key: one[key] + 0.5 for key in ("estimate", "low", "high")}
        told = stats.verdict(area["low"], area["high"], at_least=0.5)
        rows.append({"claim": f"{name} tells who comes back", **area, "n": int(one["n"]), "verdict": told})
    for first, second in (("recency", "frequency"), ("recency", "money"), ("frequency", "money")):
        one = features.auc_difference(score[first], score[second], outcome, confidence=confidence).iloc[0]
        told = stats.verdict(one["low"], one["high"], at_least=0.0)
        claim = f"{first} tells more than {second}"
        rows.append({"claim": claim, **{key: one[key] for key in ("estimate", "low", "high", "n")}, "verdict": told})
    return pd.DataFrame(rows)
