"""How many of the open leads will still become customers, from what became of leads as old as they are."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.errors import check
from opskit.loyalty.journey.pipeline import LOST, NEVER, spells
from opskit.loyalty.journey.steps import STAGES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LEAST_PRECEDENTS = 10
_REPLICATES = 1000


def forecast(
    leads: Any,
    *,
    as_of: dt.date,
    horizon_days: int = 90,
    stages: Sequence[str] = STAGES,
    lost: str = LOST,
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """Conversions to expect from the open leads within a horizon.

    The chance of an open lead is the share of earlier leads that were at the same stage after as many days and became
    customers within the horizon from then on; only those count whose horizon is over.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at.
        as_of: Last day to count, inclusive; the horizon begins after it.
        horizon_days: Days to look ahead.
        stages: The stages in order; entering the last one is the conversion.
        lost: The stage that closes a lead without conversion.
        confidence: Coverage of the interval, between 0 and 1.
        seed: Of the simulated outcomes.

    Returns:
        A row per stage but the last, and ``all``: stage; open (leads); expected (conversions), low, high; precedents
        (leads seen at that stage for a day at least with the horizon over). Missing where fewer than 10 precedents are.

    Raises:
        OpskitError: An option is out of range, a column is missing, or no lead has entered a stage by as_of.

    Assumes leads of today fare as earlier ones did, whatever their channel. A lead older than any 10 precedents is given
    the chance at the last age that has them. The interval holds what is not known about the chances (earlier leads drawn
    anew) and the luck of the open leads themselves; it does not hold a change of the market.
    """
    import numpy as np
    import pandas as pd

    check(horizon_days, "horizon_days", ge=1)
    check(confidence, "confidence", gt=0, lt=1)
    stays = spells(leads, as_of=as_of, stages=stages, lost=lost).filter(nw.col("stage") < len(tuple(stages)) - 1)
    past, now = _precedents(stays, as_of, horizon_days), _open(stays, as_of)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    total, simulated = 0.0, np.zeros(_REPLICATES)
    for place, name in enumerate(tuple(stages)[:-1]):
        mine, waiting = past[past["stage"] == place], now[now["stage"] == place]
        expected, draws = _to_come(mine, waiting, rng)
        total, simulated = total + expected, simulated + draws
        counts = {"open": int(waiting["n"].sum()), "precedents": int(mine["n"].sum())}
        rows.append({"stage": name, **counts, "expected": expected, **_ends(expected, draws, confidence)})
    counts = {key: sum(row[key] for row in rows) for key in ("open", "precedents")}
    rows.append({"stage": "all", **counts, "expected": total, **_ends(total, simulated, confidence)})
    return pd.DataFrame(rows)[["stage", "open", "expected", "low", "high", "precedents"]]


def _precedents(stays: nw.LazyFrame[Any], as_of: dt.date, horizon_days: int) -> "pd.DataFrame":
    """Earlier stays by the last age at which they count and the first age from which the conversion is in the horizon."""
    here, whole = nw.col("entered"), frames.day_number(as_of) - horizon_days
    until = nw.min_horizontal(nw.col("left") - 1, nw.lit(whole).cast(nw.Int64)) - here
    # Whoever never converts has a first age beyond any other.
    since = nw.max_horizontal(nw.col("won") - horizon_days - here, nw.lit(0).cast(nw.Int64))
    return frames.collect(
        stays.select("stage", until.alias("until"), since.alias("since"))
        .filter(nw.col("until") >= 0)
        .group_by("stage", "until", "since")
        .agg(nw.len().alias("n"))
        .sort("stage", "until", "since")
    )


def _open(stays: nw.LazyFrame[Any], as_of: dt.date) -> "pd.DataFrame":
    age = nw.lit(frames.day_number(as_of)) - nw.col("entered")
    waiting = stays.filter(nw.col("left") == NEVER).select("stage", age.alias("age"))
    return frames.collect(waiting.group_by("stage", "age").agg(nw.len().alias("n")).sort("stage", "age"))


def _to_come(
    past: "pd.DataFrame", waiting: "pd.DataFrame", rng: "np.random.Generator"
) -> tuple[float, "np.ndarray[Any, Any]"]:
    """Expected conversions of a stage's open leads, and simulated ones."""
    import numpy as np

    if not len(waiting):
        return 0.0, np.zeros(_REPLICATES)
    if past["n"].sum() < _LEAST_PRECEDENTS:
        return np.nan, np.full(_REPLICATES, np.nan)
    n = past["n"].to_numpy(dtype=float)
    at_risk, converted = _by_age(past, n[None, :])
    oldest = int(np.flatnonzero(at_risk[0] >= _LEAST_PRECEDENTS)[-1])
    age = np.minimum(waiting["age"].to_numpy(), oldest)
    size = waiting["n"].to_numpy()
    chance = converted[0, age] / at_risk[0, age]
    # Each earlier lead counts Poisson(1) times: the bootstrap of counted rows.
    drawn_risk, drawn = _by_age(past, rng.poisson(n, size=(_REPLICATES, len(n))).astype(float))
    chances = drawn[:, age] / np.where(drawn_risk[:, age] > 0, drawn_risk[:, age], np.nan)
    chances = np.where(np.isnan(chances), chance, np.clip(chances, 0, 1))
    return float(chance @ size), rng.binomial(size, chances).sum(axis=1).astype(float)


def _by_age(
    past: "pd.DataFrame", weights: "np.ndarray[Any, Any]"
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Precedents at each age, and those of them that convert within the horizon; a row per row of weights."""
    import numpy as np

    until, since = past["until"].to_numpy(), past["since"].to_numpy()
    ages = int(until.max()) + 2
    steps, gains = np.zeros((ages, len(weights))), np.zeros((ages, len(weights)))
    np.add.at(steps, until, weights.T)
    hit = since <= until
    np.add.at(gains, since[hit], weights.T[hit])
    np.add.at(gains, until[hit] + 1, -weights.T[hit])
    return steps[::-1].cumsum(axis=0)[::-1].T, np.maximum(gains.cumsum(axis=0), 0).T


def _ends(expected: float, draws: "np.ndarray[Any, Any]", confidence: float) -> dict[str, float]:
    import numpy as np

    if np.isnan(draws).any():
        return {"low": np.nan, "high": np.nan}
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"low": min(float(low), expected), "high": max(float(high), expected)}


def holdout(
    leads: Any,
    *,
    as_of: dt.date,
    horizon_days: int = 90,
    looks: int = 4,
    stages: Sequence[str] = STAGES,
    lost: str = LOST,
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """What `forecast` would have said on earlier days, held against what came.

    Args:
        leads: Any engine's frame with lead_id, stage and entered_at.
        as_of: Last day to count, inclusive.
        horizon_days: Days to look ahead.
        looks: How many earlier days, each a horizon before the next.
        stages: The stages in order.
        lost: The stage that closes a lead without conversion.
        confidence: Coverage of the interval, between 0 and 1.
        seed: Of the simulated outcomes.

    Returns:
        A row per earlier day with open leads and a forecast, the latest first: day; open; expected, low, high; actual (conversions of
        those leads within the horizon); inside (whether the interval holds it).

    Raises:
        OpskitError: An option is out of range, a column is missing, or no lead has entered a stage by as_of.

    Assumes stages were written down when they were entered: rows added later would let the forecast see ahead.
    """
    import pandas as pd

    check(looks, "looks", ge=1)
    stays = spells(leads, as_of=as_of, stages=stages, lost=lost).filter(nw.col("stage") < len(tuple(stages)) - 1)
    first = frames.collect(stays.select(nw.col("entered").min().alias("day"), nw.len().alias("n")))["day"].iloc[0]
    rows: list[dict[str, Any]] = []
    for look in range(1, looks + 1):
        day = as_of - dt.timedelta(days=look * horizon_days)
        if frames.day_number(day) < first:
            break
        options: dict[str, Any] = {"horizon_days": horizon_days, "stages": stages, "lost": lost, "seed": seed}
        said = forecast(leads, as_of=day, confidence=confidence, **options).to_dict("records")[-1]
        if said["open"] and said["expected"] == said["expected"]:
            figures = {name: said[name] for name in ("open", "expected", "low", "high")}
            actual = _came(stays, frames.day_number(day), horizon_days)
            rows.append({"day": pd.Timestamp(day), **figures, "actual": actual})
    table = pd.DataFrame(rows, columns=["day", "open", "expected", "low", "high", "actual"])
    return table.assign(inside=table["actual"].between(table["low"], table["high"]))


def _came(stays: nw.LazyFrame[Any], day: int, horizon_days: int) -> int:
    open_then = (nw.col("entered") <= day) & (nw.col("left") > day)
    came = stays.filter(open_then, nw.col("won") > day, nw.col("won") <= day + horizon_days)
    return int(frames.collect(came.select(nw.col("lead_id").count().alias("n"), nw.col("won").max()))["n"].iloc[0])
