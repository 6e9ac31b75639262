"""Who is treated tomorrow: today's customers like those of the trial, ranked, with some kept aside."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import features, frames, plots
from opskit.customers import suppressed
from opskit.errors import check
from opskit.incentives.targeting.learners import Scores, fit
from opskit.incentives.targeting.trial import as_known

if TYPE_CHECKING:
    import pandas as pd

TREAT, ASIDE, LEAVE = "treat", "hold out", "leave alone"


class Eligible(NamedTuple):
    """Today's customers who may be listed, and who may not."""

    rows: "pd.DataFrame"  # customer_id and what is known of each on the last day
    left_out: "pd.DataFrame"  # why, customers


def eligible(scores: Scores, orders: Any, *, customers: Any | None = None, suppressions: Any | None = None) -> Eligible:
    """Today's customers who are like those of the trial and may be contacted.

    Args:
        scores: From `scores`.
        orders: Any engine's frame with customer_id, ordered_at, revenue.
        customers: The same engine's frame with customer_id and the traits used; None: they are unknown.
        suppressions: The same engine's frame with customer_id; optional since and until. Who is in it today is left out.

    Returns:
        Eligible. Customers in whom any number lies beyond what the trial saw are left out, for models say nothing about them.
    """
    trial, names = scores.trial, _usable_today(scores)
    why = ["not like anybody in the trial", "not to be contacted"]
    if scores.rows.empty:
        return Eligible(trial.rows.head(0), _left_out(why, [0, 0]))
    now = _today(orders, customers, trial.rows, names, as_of=trial.as_of)
    like, blocked = _like(now, trial.rows, names), now["customer_id"].isin(_suppressed(suppressions, trial.as_of))
    counts = [int((~like).sum()), int((like & blocked).sum())]
    return Eligible(now[like & ~blocked].reset_index(drop=True), _left_out(why, counts))


def audience(
    scores: Scores,
    today: Eligible,
    *,
    share: float,
    learner: str = "X",
    base: str = "boosting",
    holdout_share: float = 0.1,
    seed: int = 7,
) -> "pd.DataFrame":
    """The list: today's customers ranked by the effect predicted, with some kept aside.

    Args:
        scores: From `scores`.
        today: From `eligible`.
        share: Of the list to be treated, from `policy`; 0: nobody, and no list.
        learner: As in `scores`.
        base: As in `scores`.
        holdout_share: Of those to be treated, kept aside by lot, so that the list itself can be judged.
        seed: Of the models and the lot.

    Returns:
        customer_id, predicted_uplift, rank, action (treat: the arm; hold out; leave alone), reason. The models are learnt
        again from all customers of the trial; nobody with a predicted loss is treated.

    Raises:
        OpskitError: An option is out of range.

    Assumes the next treatment is like the trial's.
    """
    import numpy as np
    import pandas as pd

    check(share, "share", ge=0, le=1)
    check(holdout_share, "holdout_share", ge=0, lt=1)
    if not share or today.rows.empty:
        return pd.DataFrame(columns=["customer_id", "predicted_uplift", "rank", "action", "reason"])
    learnt = scores.trial.rows.merge(scores.rows[["customer_id", "treated", "outcome"]], on="customer_id")
    outcome, treated = learnt["outcome"].to_numpy(float), learnt["treated"].to_numpy(bool)
    fitted = fit(learnt, _usable_today(scores), outcome, treated, learner=learner, base=base, seed=seed)
    with features.threads(len(learnt)):
        uplift = fitted.uplift(today.rows)
    table = today.rows[["customer_id"]].assign(predicted_uplift=uplift.round(6))
    table = table.sort_values(["predicted_uplift", "customer_id"], ascending=[False, True], ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    chosen = (table["rank"] <= int(share * len(table) + 1e-9)) & (table["predicted_uplift"] > 0)
    aside = chosen & (np.random.default_rng(seed).random(len(table)) < holdout_share)
    table["action"] = np.where(aside, ASIDE, np.where(chosen, f"{TREAT}: {scores.arm}", LEAVE))
    table["reason"] = [_reason(row, share, scores.outcome) for _, row in table.iterrows()]
    return table


def _usable_today(scores: Scores) -> list[str]:
    """Features that can be known of customers who are in no experiment."""
    return [name for name in scores.trial.features if not name.endswith("_assigned")]


def _left_out(why: list[str], counts: list[int]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({"why": why, "customers": counts})


def _today(
    orders: Any, customers: Any | None, learnt: "pd.DataFrame", names: Sequence[str], *, as_of: dt.date
) -> "pd.DataFrame":
    """Everybody who has ordered, with what is known of them on the last day."""
    import numpy as np
    import pandas as pd

    now = as_known(orders, as_of=as_of)
    wanted = [name for name in names if name not in now]
    if customers is not None and wanted:
        lf = frames.lazy(customers, "customer_id", *wanted, table="customers")
        traits = frames.collect(lf.select("customer_id", *wanted)).drop_duplicates("customer_id")
        now = now.merge(traits, on="customer_id", how="left")
    for name in names:
        if name not in now:
            now[name] = np.nan
        if learnt[name].dtype == "category":
            levels = learnt[name].cat.categories
            now[name] = pd.Categorical(now[name].astype("string").fillna("none"), categories=levels)
        else:
            now[name] = now[name].astype(float)
    return now


def _like(now: "pd.DataFrame", learnt: "pd.DataFrame", names: Sequence[str]) -> "pd.Series[Any]":
    """Whether every number lies within what the trial saw, and every text is one of its."""
    import pandas as pd

    like = pd.Series(True, index=now.index)
    for name in names:
        if learnt[name].dtype == "category":
            like &= now[name].notna()
            continue
        seen = now[name].between(learnt[name].min(), learnt[name].max())
        like &= (seen | now[name].isna()) if learnt[name].isna().any() else seen
    return like


def _suppressed(suppressions: Any | None, as_of: dt.date) -> "pd.Series[Any]":
    import pandas as pd

    if suppressions is None:
        return pd.Series(dtype=object)
    return frames.collect(suppressed(suppressions, as_of=as_of).select("customer_id"))["customer_id"]


def _reason(row: "pd.Series[Any]", share: float, outcome: str) -> str:
    scale, unit = (100, " points") if outcome == "buyers" else (1, f" {outcome}")
    number = f"{abs(scale * row['predicted_uplift']):.3g}{unit}"
    gain = f"predicted {number} more"
    if row["action"] == ASIDE:
        return f"{gain}; kept aside by lot to judge the list"
    if row["action"] == LEAVE:
        if row["predicted_uplift"] < 0:
            return f"predicted {number} less: may be put off"
        return f"{gain}: below the top {plots.percent(share)}"
    return f"{gain}: in the top {plots.percent(share)}"
