"""Whom to approach first, why, and how far those to be scored resemble those learnt from at all."""

from typing import TYPE_CHECKING

from opskit.errors import check
from opskit.target_users.first_users.judged import Judged
from opskit.target_users.first_users.panel import Panel
from opskit.target_users.first_users.waiting import remaining

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("rank", "customer_id", "group", "chance", "times_average", "days_waiting", "reasons")


def audience(
    found: Panel,
    judged: Judged,
    waited: "pd.DataFrame | None" = None,
    *,
    share: float = 0.1,
    holdout_share: float = 0.2,
    seed: int = 7,
) -> "pd.DataFrame":
    """The accounts to approach first, those with the largest chance of becoming one of the best on top.

    Args:
        found: From `panel`.
        judged: From `judge`.
        waited: From `waiting`, for prospects: the chance at sign-up shrinks with the days without an order.
        share: Of the accounts to be scored.
        holdout_share: Of the list, not approached, drawn by lot, so that it can be seen what approaching does.
        seed: Of the draw.

    Returns:
        rank, customer_id, group ("approach", or "hold out": not to be approached), chance (of becoming one of the best when
        left alone), times_average (likeness: the chance at sign-up over that of an average account), days_waiting (since
        the beginning), reasons (what speaks most for the account; no more than three things). No personal data is in it.
        No rows where the judge cannot tell likeness from chance.

    Raises:
        OpskitError: An option is out of range.
    """
    import numpy as np

    check(share, "share", gt=0, le=1)
    check(holdout_share, "holdout_share", ge=0, lt=1)
    rows = found.rows[found.rows["candidate"]].reset_index(drop=True)
    if rows.empty or not tells(judged):
        return rows.reindex(columns=_COLUMNS).iloc[:0]
    chance = judged.model.predict_proba(rows)
    left = np.ones(len(rows)) if waited is None else remaining(waited, rows["age_days"]).to_numpy()
    table = rows[["customer_id"]].assign(
        chance=chance * left, times_average=chance / judged.model.share_, days_waiting=rows["age_days"].astype(int)
    )
    table = table.sort_values(["chance", "customer_id"], ascending=[False, True], kind="stable")
    table = table.head(max(round(share * len(rows)), 1))
    reasons = judged.model.reasons(rows.loc[table.index])
    aside = np.random.default_rng(seed).permutation(len(table)) < round(holdout_share * len(table))
    table = table.assign(
        rank=np.arange(1, len(table) + 1), group=np.where(aside, "hold out", "approach"), reasons=reasons
    )
    return table[list(_COLUMNS)].reset_index(drop=True)


def tells(judged: Judged) -> bool:
    """Whether likeness tells the best from the others better than chance, to the judge to believe."""
    row = judged.accuracy[judged.accuracy["judge"] == judged.judge].iloc[0]
    return bool(row["low"] > 0.5)


def likeness(found: Panel, judged: Judged) -> "pd.DataFrame":
    """Whether those to be scored are like those learnt from: what is known of them, and what was never seen before.

    Args:
        found: From `panel`.
        judged: From `judge`.

    Returns:
        A row per column learnt from, and "any of them" last: column, known_learnt and known_today (shares of the accounts
        learnt from, and to be scored, of which it is known), unseen (share of those to be scored with a value that no
        account learnt from has; numbers: below or above all of theirs), n (accounts to be scored). Of "any of them",
        known counts accounts of which at least one column is known.
    """
    import numpy as np
    import pandas as pd

    over = found.rows[found.rows["over"]]
    today = found.rows[found.rows["candidate"]]
    ids = {name for name, values in judged.model.bands_.values_.items() if not values}
    strange = np.zeros(len(today), dtype=bool)
    parts: list[tuple[str, float, float, float]] = []
    for name in found.columns:
        learnt, here = over[name], today[name]
        if pd.api.types.is_numeric_dtype(learnt):
            new = (here < learnt.min()) | (here > learnt.max())
        else:  # of names and ids only counts whether there is one, so that no value is new
            new = here.notna() & ~here.isin(learnt.dropna().unique()) & (name not in ids)
        strange |= new.to_numpy(dtype=bool)
        parts.append((name, learnt.notna().mean(), here.notna().mean(), float(new.mean())))
    known = [float(part[found.columns].notna().any(axis=1).mean()) for part in (over, today)]
    parts.append(("any of them", known[0], known[1], float(strange.mean()) if len(today) else float("nan")))
    table = pd.DataFrame(parts, columns=["column", "known_learnt", "known_today", "unseen"])
    return table.assign(n=len(today))
