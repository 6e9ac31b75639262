"""Models of each customer's effect, learnt from some customers of the lot and applied to the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opskit import features
from opskit.errors import TooLittleDataError, check
from opskit.incentives.targeting.bases import BASES, classifier, regressor
from opskit.incentives.targeting.trial import OUTCOMES, Trial

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, np.dtype[np.float64]]

LEARNERS = ("T", "X", "DR")
FEWEST = 10
"""Customers with and without the outcome that each arm needs."""


@dataclass(frozen=True)
class Scores:
    """One arm against the control, every customer scored by models that have not seen the customer.

    Attributes:
        trial: What it was made from.
        arm: The treatment.
        outcome: What counts.
        rows: customer_id; treated; outcome; fold; uplift (predicted); baseline (predicted without treatment); place (share
            of the fold with a lower predicted uplift, ties evenly: what customers are ranked by); effect (its mean over any
            customers chosen without their outcome is the mean effect on them).
    """

    trial: Trial
    arm: str
    outcome: str
    rows: "pd.DataFrame"


@dataclass(frozen=True)
class Fitted:
    """Models of the outcome with and without treatment, and of the effect."""

    columns: list[str]
    treated: Any
    untreated: Any
    second: Sequence[tuple[float, Any]]  # weights and models of the effect; none: the difference of the two others

    def outcomes(self, rows: "pd.DataFrame") -> "tuple[Floats, Floats]":
        """Predicted outcome with and without treatment."""
        return _predicted(self.treated, rows[self.columns]), _predicted(self.untreated, rows[self.columns])

    def uplift(self, rows: "pd.DataFrame") -> "Floats":
        """Predicted effect."""
        import numpy as np

        if not self.second:
            treated, untreated = self.outcomes(rows)
            return treated - untreated
        return np.sum([weight * model.predict(rows[self.columns]) for weight, model in self.second], axis=0)


def named(model: str) -> tuple[str, str]:
    """Learner and base of a model as it is written.

    Args:
        model: For instance "X boosting".

    Raises:
        OpskitError: One of the two is missing or unknown.

    >>> named("T linear")
    ('T', 'linear')
    """
    learner, _, base = model.strip().partition(" ")
    check(learner, "learner of model", among=LEARNERS)
    check(base.strip(), "base of model", among=BASES)
    return learner, base.strip()


def largest(trial: Trial) -> str:
    """The arm with most customers, the first by name among equals."""
    return max(sorted(trial.arms), key=trial.size)


def scores(
    trial: Trial,
    arm: str = "",
    *,
    outcome: str = "buyers",
    learner: str = "X",
    base: str = "boosting",
    folds: int = 5,
    seed: int = 7,
) -> Scores:
    """Predicted effect of an arm on each of its customers and those of the control, each left out of the learning.

    Args:
        trial: From `trial`.
        arm: The treatment; empty: the largest.
        outcome: "buyers", "orders", "revenue" or "margin".
        learner: "T" (the difference of two models), "X" (effects imputed in each arm by the other's model) or "DR" (doubly
            robust pseudo-outcomes).
        base: "linear" (regularized logistic and ridge regression) or "boosting" (few shallow trees).
        folds: Parts; each is scored by models learnt from the others.
        seed: Of the parts and the models.

    Returns:
        Scores.

    Raises:
        OpskitError: An option is unknown or out of range.
        TooLittleDataError: Fewer than 10 customers of an arm have the outcome, or have it not; or nothing was known before.

    Assumes customers were drawn by lot and do not influence each other. Customers are ranked within their part: models of
    different parts may differ in level, and a level that leans on who was left out would be no news about customers.

    Source: Künzel, Sekhon, Bickel & Yu (2019), "Metalearners for estimating heterogeneous treatment effects"; Kennedy
        (2023), "Towards optimal doubly robust estimation of heterogeneous causal effects".
    """
    import numpy as np

    arm = arm or largest(trial)
    check(arm, "arm", among=trial.arms)
    check(outcome, "outcome", among=OUTCOMES)
    check(learner, "learner", among=LEARNERS)
    check(base, "base", among=BASES)
    check(folds, "folds", ge=2)
    rows = trial.rows[trial.rows["arm"].isin([trial.control, arm])].reset_index(drop=True)
    y, treated = rows[outcome].to_numpy(float), (rows["arm"] == arm).to_numpy()
    part = np.zeros(len(rows), dtype=int)
    table = {name: np.zeros(len(rows)) for name in ("uplift", "baseline", "place", "effect")}
    if len(rows):
        _enough(trial, arm, y, treated)
        part = _parts(y, treated, folds, np.random.default_rng(seed))
    for fold in np.unique(part) if len(rows) else ():
        inside = part == fold
        fitted = fit(rows[~inside], trial.features, y[~inside], treated[~inside], learner=learner, base=base, seed=seed)
        one = _scored(fitted, rows[inside], y[inside], treated[inside], float(treated[~inside].mean()))
        for name, values in one.items():
            table[name][inside] = values
    columns = {"customer_id": rows["customer_id"], "treated": treated, "outcome": y, "fold": part}
    return Scores(trial, arm, outcome, _frame({**columns, **table}))


def fit(
    rows: "pd.DataFrame",
    names: Sequence[str],
    y: "Floats",
    treated: "np.ndarray[Any, np.dtype[np.bool_]]",
    *,
    learner: str = "X",
    base: str = "boosting",
    seed: int = 7,
) -> Fitted:
    """Models learnt from customers drawn by lot.

    Args:
        rows: Customers with their features.
        names: The features.
        y: The outcome of each.
        treated: Whether each was treated.
        learner: As in `scores`.
        base: As in `scores`.
        seed: Of the models.
    """
    import numpy as np

    x, columns = rows[list(names)], list(names)
    share, binary = float(treated.mean()), set(np.unique(y)) <= {0.0, 1.0}
    first = classifier if binary else regressor
    with features.threads(len(rows)):
        with_it, without = (
            first(base, x[arm], seed).fit(x[arm], _target(y[arm], binary)) for arm in (treated, ~treated)
        )
        if learner == "T":
            return Fitted(columns, with_it, without, ())
        if learner == "X":
            gained = y[treated] - _predicted(without, x[treated])
            missed = _predicted(with_it, x[~treated]) - y[~treated]
            of_treated = regressor(base, x[treated], seed).fit(x[treated], gained)
            of_others = regressor(base, x[~treated], seed).fit(x[~treated], missed)
            return Fitted(columns, with_it, without, ((1 - share, of_treated), (share, of_others)))
        pseudo = np.zeros(len(y))
        half = _parts(y, treated, 2, np.random.default_rng(seed)) == 0
        for inside in (half, ~half):
            other = ~inside
            models = [
                first(base, x[other & arm], seed).fit(x[other & arm], _target(y[other & arm], binary))
                for arm in (treated, ~treated)
            ]
            with_half, without_half = (_predicted(model, x[inside]) for model in models)
            pseudo[inside] = _effect(with_half, without_half, y[inside], treated[inside], share)
        return Fitted(columns, with_it, without, ((1.0, regressor(base, x, seed).fit(x, pseudo)),))


def by_likelihood(scores: Scores) -> Scores:
    """The same customers ranked as lists usually are: by how likely the outcome is anyway.

    Args:
        scores: From `scores`.
    """
    rank = scores.rows.groupby("fold")["baseline"].rank() - 0.5
    size = scores.rows.groupby("fold")["baseline"].transform("size")
    return replace(scores, rows=scores.rows.assign(place=rank / size))


def _scored(
    fitted: Fitted, rows: "pd.DataFrame", y: "Floats", treated: "np.ndarray[Any, Any]", share: float
) -> "dict[str, Floats]":
    from scipy.stats import rankdata

    with features.threads(len(rows)):
        with_it, without = fitted.outcomes(rows)
        uplift = fitted.uplift(rows)
    return {
        "uplift": uplift,
        "baseline": without,
        "place": (rankdata(uplift.round(12)) - 0.5) / len(rows),
        "effect": _effect(with_it, without, y, treated, share),
    }


def _effect(
    with_it: "Floats", without: "Floats", y: "Floats", treated: "np.ndarray[Any, Any]", share: float
) -> "Floats":
    """The doubly robust pseudo-outcome: what models say, corrected by how wrong they were on the customer."""
    import numpy as np

    return with_it - without + np.where(treated, (y - with_it) / share, -(y - without) / (1 - share))


def _parts(
    y: "Floats", treated: "np.ndarray[Any, Any]", folds: int, rng: "np.random.Generator"
) -> "np.ndarray[Any, Any]":
    """Parts by lot, each with the same share of treated and of those with the outcome."""
    import numpy as np

    part = np.zeros(len(y), dtype=int)
    offset = 0
    for arm in (True, False):
        for high in (True, False):
            place = np.flatnonzero((treated == arm) & ((y > 0) == high))
            part[rng.permutation(place)] = (offset + np.arange(len(place))) % folds
            offset += len(place)
    return part


def _enough(trial: Trial, arm: str, y: "Floats", treated: "np.ndarray[Any, Any]") -> None:
    if not trial.features:
        raise TooLittleDataError(
            f"{trial.experiment}: nothing was known before that tells customers apart, so nobody can be ranked. Give traits, "
            "or orders from before the experiment."
        )
    for name, of_arm in ((arm, treated), (trial.control, ~treated)):
        has = int((y[of_arm] > 0).sum())
        if min(has, int(of_arm.sum()) - has) < FEWEST:
            raise TooLittleDataError(
                f"{trial.experiment}: of {int(of_arm.sum())} customers of {name} {has} have the outcome; to learn whom it moves, "
                f"{FEWEST} with it and {FEWEST} without it are needed. Give more window_days, or another experiment."
            )


def _frame(columns: "dict[str, Any]") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(columns)


def _target(y: "Floats", binary: bool) -> Any:
    return y > 0 if binary else y


def _predicted(model: Any, x: "pd.DataFrame") -> "Floats":
    return model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else model.predict(x)
