"""How long customers take from step to step, those still on the way counted as such."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import check
from opskit.loyalty.journey.funnel import Walk

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.25, 0.5, 0.75, 0.9)
_LEAST_FOLLOWED = 10  # beyond this few still followed a curve is one or two customers' luck
_MINUTES = 1440


class Waiting(NamedTuple):
    """Time from each step to the next."""

    times: "pd.DataFrame"  # step, n, went_on, share, q25, median, low, high, q75, q90 in days
    curves: "pd.DataFrame"  # step, days, at_risk, share, low, high


def waiting(walked: Walk, *, confidence: float = 0.95) -> Waiting:
    """Days from each step to the next, and the share that has gone on by each day.

    Args:
        walked: What `walk` gives.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``times``, a row per step after the first: step; n (customers at the step before, those whose window is still
        open included); went_on; share (gone on by the end of the curve); q25, median, low, high (of the median), q75, q90:
        days by which that part of those who go on within the window has done so; missing where nobody goes on.
        ``curves``: step, days since the step before, at_risk, share gone on by then, low, high; a curve ends where fewer
        than 10 are still followed.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes whoever is followed shorter, because the window or the data end, would go on like the others. Times are read
    to the minute.

    Source: Kaplan & Meier (1958); interval of the median from the share below it, Woodruff (1952).
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    counted = frames.collect(_gone(walked)), frames.collect(_still_there(walked))
    cells = pd.concat([part.assign(event=event) for part, event in zip(counted, (True, False), strict=True)])
    times: list[dict[str, float | str]] = []
    curves: list[pd.DataFrame] = []
    for place, name in enumerate(walked.steps[1:], start=1):
        mine = cells[cells["step"] == place]
        curve = (
            _curve(mine, confidence) if len(mine) else pd.DataFrame(columns=["days", "at_risk", "share", "low", "high"])
        )
        went_on = int(mine.loc[mine["event"], "n"].sum())
        times.append(
            {"step": name, "n": int(mine["n"].sum()), "went_on": went_on, **_quantiles(curve, went_on, confidence)}
        )
        curves.append(curve.assign(step=name))
    columns = ["step", "days", "at_risk", "share", "low", "high"]
    return Waiting(pd.DataFrame(times), pd.concat(curves, ignore_index=True)[columns])


def lasting(durations: "pd.DataFrame", confidence: float) -> tuple["pd.DataFrame", dict[str, float]]:
    """Curve and quantiles of durations in minutes: time, event and n (how many)."""
    curve = _curve(durations, confidence)
    return curve, _quantiles(curve, int(durations.loc[durations["event"], "n"].sum()), confidence)


def _gone(walked: Walk) -> nw.LazyFrame[Any]:
    minutes = (second("at") - second("before_at")) // 60
    arrived = walked.arrivals.filter(nw.col("step") > 0).select("step", minutes.alias("time"))
    return arrived.group_by("step", "time").agg(nw.len().alias("n"))


def _still_there(walked: Walk) -> nw.LazyFrame[Any]:
    """At a step without the next one, until the window or the data end."""
    next_step = walked.arrivals.with_columns((nw.col("step") + 1).alias("step"))
    end = (frames.day_number(walked.as_of) + 1) * 86_400
    window = second("started_at") + walked.window_days * 86_400
    followed = nw.when(window < end).then(window).otherwise(nw.lit(end)) - second("at")
    return (
        next_step.filter(nw.col("step") < len(walked.steps))
        .join(walked.arrivals.select("customer_id", "step"), on=["customer_id", "step"], how="anti")
        .select("step", (followed // 60).alias("time"))
        .group_by("step", "time")
        .agg(nw.len().alias("n"))
    )


def second(column: str) -> nw.Expr:
    """Seconds since 1970-01-01 of a timestamp column, on every engine."""
    time = nw.col(column).dt
    within = time.hour().cast(nw.Int64) * 3600 + time.minute().cast(nw.Int64) * 60 + time.second().cast(nw.Int64)
    return frames.epoch_day(column) * 86_400 + within


def _curve(durations: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import pandas as pd

    table = stats.survival(durations, confidence=confidence)
    censored = table["at_risk"].iloc[0] - table["at_risk"] - table["events"].cumsum().shift(fill_value=0)
    table = table[(table["at_risk"] >= _LEAST_FOLLOWED) | (censored == 0)]
    shares = {"share": 1 - table["survival"], "low": 1 - table["high"], "high": 1 - table["low"]}
    return pd.DataFrame({"days": table["time"] / _MINUTES, "at_risk": table["at_risk"], **shares}).reset_index(
        drop=True
    )


def _quantiles(curve: "pd.DataFrame", went_on: int, confidence: float) -> dict[str, float]:
    """Days by which so much of the share reached at the curve's end has been reached."""
    import numpy as np
    from scipy.special import ndtri

    final = float(curve["share"].iloc[-1]) if len(curve) else 0.0
    names = [*(f"q{q:.0%}"[:-1] for q in QUANTILES), "low", "high"]
    if not final > 0:
        return {
            "share": final if len(curve) else np.nan,
            **dict.fromkeys(["q25", "median", "low", "high", "q75", "q90"], np.nan),
        }
    apart = float(ndtri((1 + confidence) / 2)) * 0.5 / max(went_on, 1) ** 0.5
    wanted = np.clip([*QUANTILES, 0.5 - apart, 0.5 + apart], 0, 1)
    place = np.searchsorted(curve["share"].to_numpy(dtype=float), wanted * final - 1e-12)
    found = dict(zip(names, curve["days"].to_numpy(dtype=float)[np.minimum(place, len(curve) - 1)], strict=True))
    ordered = ("q25", "low", "high", "q75", "q90")
    return {"share": final, "median": float(found["q50"]), **{name: float(found[name]) for name in ordered}}
