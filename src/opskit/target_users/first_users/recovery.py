"""What the page finds beside what was planted."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.target_users.first_users.beginnings import PROSPECTS, Setting
from opskit.target_users.first_users.judged import FOLDED, Judged

if TYPE_CHECKING:
    import pandas as pd

_PLANTED_WINDOW_DAYS, _PLANTED_SHARE = 180, 0.2
_TRAITS = ("personal_shopper", "this_week", "surely")
_LANDMARKS_DAYS = (30, 60)


def recovery(
    found: Setting,
    judged: Judged,
    profiled: "pd.DataFrame",
    waited: "pd.DataFrame | None" = None,
    surveys: Any = None,
    *,
    best_share: float = _PLANTED_SHARE,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The estimates whose truth a sample shop knows, under the names of truth.json.

    Args:
        found: From `setting`.
        judged: From `judge`.
        profiled: From `profile`.
        waited: From `waiting`.
        surveys: Any engine's frame with question and answer, for the share that answers.
        best_share: As of `rule`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        name, estimate, low, high, n. The two of the oracle are bounds: a score can at best come near. No rows for another
        window or share, or for customers: other questions have other truths.
    """
    import pandas as pd

    columns = ["name", "estimate", "low", "high", "n"]
    planted = (PROSPECTS, _PLANTED_WINDOW_DAYS, _PLANTED_SHARE)
    if waited is None or (found.whom, found.window_days, best_share) != planted:
        return pd.DataFrame(columns=columns)
    best, n = int(judged.rows["best"].sum()), len(judged.rows)
    rows: list[tuple[Any, ...]] = [("first_users.best_share", *_share(best, n, confidence))]
    for row in profiled[profiled["value"].isin(_TRAITS)].to_dict("records"):
        told = [row[name] for name in ("index", "low", "high")]
        rows.append((f"first_users.index.{row['value']}", *told, row["accounts"]))
    for row in waited[waited["days"].isin(_LANDMARKS_DAYS)].to_dict("records"):
        told = [row[name] for name in ("ordered_rate", "ordered_low", "ordered_high", "accounts")]
        rows.append((f"first_users.ordered_after_{row['days']}_days", *told))
    fair = judged.accuracy[judged.accuracy["judge"] == FOLDED].iloc[0]
    rows.append(("first_users.oracle_auc", *fair[["roc_auc", "low", "high", "n"]]))
    rows.append(("first_users.oracle_lift", *fair[["lift", "lift_low", "lift_high", "best"]]))
    if surveys is not None:
        rows += _response(surveys, confidence)
    return pd.DataFrame(rows, columns=columns)


def _response(surveys: Any, confidence: float) -> list[tuple[Any, ...]]:
    form = frames.lazy(surveys, "question", "answer", table="surveys").filter(nw.col("question") == "workaround")
    counts = frames.collect(form.select(nw.len().alias("asked"), nw.col("answer").count().alias("given"))).iloc[0]
    return (
        [("first_users.response", *_share(int(counts["given"]), int(counts["asked"]), confidence))]
        if counts["asked"]
        else []
    )


def _share(count: int, n: int, confidence: float) -> tuple[float, float, float, int]:
    low, high = stats.wilson([count], [n], confidence=confidence)
    return count / n, float(low[0]), float(high[0]), n
