"""The page's key figures, when not to use the score, and the decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.target_users.first_users.approach import tells
from opskit.target_users.first_users.beginnings import PROSPECTS, Setting
from opskit.target_users.first_users.figures import plain
from opskit.target_users.first_users.judged import ITSELF_AND_LEAKS, Judged
from opskit.target_users.first_users.panel import Panel
from opskit.target_users.first_users.profile import traits

if TYPE_CHECKING:
    import pandas as pd

FEW, MOST_UNSEEN, LEAST_KNOWN = 50, 0.2, 0.5
_SILENT_DAYS = 30


def key_figures(
    judged: Judged,
    profiled: "pd.DataFrame",
    apart: "pd.DataFrame",
    listed: "pd.DataFrame",
    waited: "pd.DataFrame | None" = None,
    *,
    found: Panel,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The figures for the top of the report.

    Args:
        judged: From `judge`.
        profiled: From `profile`.
        apart: From `opskit.features.calibration_error`, of the judge to believe.
        listed: From `audience`.
        waited: From `waiting`, for prospects.
        found: From `panel`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        name, value, low, high, n, unit, as `opskit.reports.headline` takes them.
    """
    import numpy as np
    import pandas as pd

    fair, naive = (
        judged.accuracy[judged.accuracy["judge"] == name].iloc[0] for name in (judged.judge, ITSELF_AND_LEAKS)
    )
    best, n = int(judged.rows["best"].sum()), len(judged.rows)
    low, high = stats.wilson([best], [n], confidence=confidence)
    nothing, known = (np.nan, np.nan), found.screening["column"].isin(list(found.rows)).sum()
    rows: list[tuple[Any, ...]] = [
        ("Accounts that became one of the best", best / n, low[0], high[0], n, "share"),
        ("Area under the curve on accounts not seen", *fair[["roc_auc", "low", "high", "n"]], ""),
        ("Area a first try would claim", *naive[["roc_auc", "low", "high", "n"]], ""),
        ("Lift of the top tenth", *fair[["lift", "lift_low", "lift_high"]], fair["best"], "times"),
        (
            "More of the best than predicted",
            *(100 * apart[["estimate", "low", "high"]].iloc[0]),
            apart["n"].iloc[0],
            "points",
        ),
        ("Columns that know too much", known - len(found.columns), *nothing, known, "columns"),
    ]
    for row in traits(profiled, most=3).to_dict("records"):
        name = f"Among the best, {plain(row['column'])}: {plain(row['value'])}"
        rows.append((name, row["index"], row["low"], row["high"], row["accounts"], "times"))
    if waited is not None:
        for row in waited[waited["days"] == _SILENT_DAYS].to_dict("records"):
            told = [row[name] for name in ("ordered_rate", "ordered_low", "ordered_high", "accounts")]
            rows.append((f"Order after {_SILENT_DAYS} days without one", *told, "share"))
    rows.append(
        ("Accounts to approach first", (listed["group"] == "approach").sum(), *nothing, len(listed), "accounts")
    )
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def cautions(judged: Judged, alike: "pd.DataFrame", apart: "pd.DataFrame") -> list[str]:
    """When not to use the score, or not as it is: one sentence a reason, none where there is none.

    Args:
        judged: From `judge`.
        alike: From `likeness`.
        apart: From `opskit.features.calibration_error`, of the judge to believe.
    """
    fair = judged.accuracy[judged.accuracy["judge"] == judged.judge].iloc[0]
    best, overall, found = int(judged.rows["best"].sum()), alike.iloc[-1], list[str]()
    if not tells(judged):
        found.append(
            f"The area under the curve lies between {fair['low']:.2f} and {fair['high']:.2f}: it may be chance. Do not use "
            "the score; ask more at sign-up, or wait for more of the best."
        )
    if best < FEW:
        found.append(
            f"Only {best} of the best to learn from: every figure is rough, and the ranking too. Ask {FEW} or more."
        )
    if overall["n"] and overall["unseen"] > MOST_UNSEEN:
        found.append(
            f"{plots.percent(overall['unseen'])} of those to be scored have something that nobody learnt from had: they are "
            "other people. Their scores are guesses."
        )
    if overall["n"] and overall["known_today"] < LEAST_KNOWN:
        found.append(
            f"Of {plots.percent(1 - overall['known_today'])} of those to be scored nothing is known: they get the average."
        )
    low, high = float(apart["low"].iloc[0]), float(apart["high"].iloc[0])
    if low > 0 or high < 0:
        kind = "More" if low > 0 else "Fewer"
        found.append(f"{kind} became one of the best than predicted: trust the order of the list, not the chances.")
    return found


def decisions(
    found: Setting,
    judged: Judged,
    profiled: "pd.DataFrame",
    listed: "pd.DataFrame",
    warnings: list[str],
    waited: "pd.DataFrame | None" = None,
) -> list[str]:
    """What to do, one sentence a line.

    Args:
        found: From `setting`.
        judged: From `judge`.
        profiled: From `profile`.
        listed: From `audience`.
        warnings: From `cautions`.
        waited: From `waiting`, for prospects.
    """
    said = _traits(profiled)
    if not tells(judged):
        return [f"**Do not rank by this score.** {warnings[0]}", said]
    fair = judged.accuracy[judged.accuracy["judge"] == judged.judge].iloc[0]
    aside = int((listed["group"] == "hold out").sum())
    who = "accounts without an order" if found.whom == PROSPECTS else "customers by their first weeks"
    act = (
        f"**Approach {len(listed) - aside} {who} first, and hold out {aside}**"
        if len(listed)
        else "**There is nobody to score today**"
    )
    lift = f"a top tenth like theirs held {fair['lift']:.1f} times its share of the best ({fair['lift_low']:.1f} to {fair['lift_high']:.1f})"
    lines = [f"{act}: {lift}.", said, *_soon(waited)]
    lines += [f"**Mind:** {warning}" for warning in warnings]
    return [
        *lines,
        "Likeness is resemblance, **not cause**: only the difference between approached and held out shows what approaching did.",
    ]


def _traits(profiled: "pd.DataFrame") -> str:
    over = traits(profiled, most=3)
    if over.empty:
        return "Nothing known at the beginning sets the best apart: **ask at sign-up** how the need is solved today, at what cost."
    told = [
        f"{plain(row['column'])}: {plain(row['value'])} ({row['index']:.1f} times)" for row in over.to_dict("records")
    ]
    return f"**Look for** {'; '.join(told)}: what the best said or were more often than everybody."


def _soon(waited: "pd.DataFrame | None") -> list[str]:
    """How fast the chance is used up, where it is known."""
    if waited is None or len(waited) < 2:
        return []
    last = waited.iloc[-1]
    rate, after = plots.percent(last["ordered_rate"]), f"{last['days']:.0f} days"
    if last["ordered_high"] >= waited["ordered_low"].iloc[0] / 2:
        return [f"Waiting costs little so far: after {after} without an order, {rate} still order."]
    still = f"only {rate} still order" if last["ordered"] else f"none of {last['accounts']:,.0f} still orders"
    return [f"**Approach them in the first days**: after {after} without an order, {still} by themselves."]
