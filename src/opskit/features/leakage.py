"""Columns that know the outcome they are to predict."""

import datetime as dt
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError, check
from opskit.features.judge import placements
from opskit.features.threads import threads

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

FOLDS = 5
CLOSE_LOOKS = 3  # columns the model leans on most, which are left out one at a time
FEWEST = 25  # of each outcome, below which nothing can be told
MOST_LEVELS = 50  # a text column with more values than this is a name or an id


class Scan(NamedTuple):
    """What a leakage scan found."""

    columns: "pd.DataFrame"  # column, strength, low, high, filled, without, suspicious, reason
    model: float  # cross-validated area under the curve of a model of all columns
    examined: int  # customers looked at

    @property
    def suspicious(self) -> list[str]:
        """Columns to leave out until somebody can explain them, the most suspicious first."""
        return list(self.columns.loc[self.columns["suspicious"], "column"])


def scan(
    columns: "pd.DataFrame",
    outcome: "pd.Series[Any]",
    *,
    as_of: dt.date | None = None,
    plans: Collection[str] = (),
    seed: int = 7,
    margin: float = 0.05,
) -> Scan:
    """Name the columns that look as if they were filled in after the outcome was known.

    Four signs are looked for. A date after the cut-off cannot have been known. A column that is filled in for one
    outcome and empty for the other was written by what happened. A column without which a model of all columns falls
    clearly behind knows something that no behaviour shows, for honest columns share what they know. And columns that
    each alone beat a model of all the weaker ones, as copies of one leak do, are too good to be true.

    Args:
        columns: One row per customer, without the id: numbers, texts, flags and dates; missing values allowed.
        outcome: True or False for each row, in the same order.
        as_of: The cut-off, inclusive; without it dates are not checked against it.
        plans: Columns whose dates may lie after the cut-off, such as a due date; `plans` of this package finds them.
        seed: Of the folds.
        margin: By how much of the area under the curve models must differ beyond chance to count as clearly different.

    Returns:
        A Scan; ``columns``: column; strength (cross-validated area under the curve of the column alone, 0.5 to 1) with
        low and high; filled (the same of being filled in at all); without (the same of a model of all other columns;
        only for those the model leans on most); suspicious; reason. The most suspicious first.

    Raises:
        OpskitError: Lengths differ, or fewer than 25 customers have one of the outcomes.

    Assumes rows are customers, independent of each other. No sign is proof: a leak that is weak hides among honest
    columns, and a strong honest column is named when no other column knows anything. Somebody must look.

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> left = pd.Series(rng.random(400) < 0.4)
    >>> columns = pd.DataFrame(
    ...     {"visits": rng.poisson(np.where(left, 2, 4)), "closing_call": np.where(left, "yes", None)}
    ... )
    >>> scan(columns, left).suspicious
    ['closing_call']
    """
    import numpy as np

    check(margin, "margin", ge=0, lt=0.5)
    truth = _outcome(columns, outcome)
    numbers = {str(name): _number(columns[name]) for name in columns}
    after = {str(name): 0 if name in plans else _after(columns[name], as_of) for name in columns}
    everything = np.column_stack(list(numbers.values()))
    with threads(len(truth)):
        table = _alone(numbers, truth, seed)
        model, leaned_on = _model(everything, truth, seed)
        without: dict[str, float] = {}
        for place in leaned_on[:CLOSE_LOOKS] if len(numbers) > 1 else ():
            others = _out_of_fold(np.delete(everything, place, axis=1), truth, seed)
            without[list(numbers)[place]] = _strength(others, truth)
        apart = _stand_apart(table, numbers, truth, seed, margin)
    table["without"] = table["column"].map(without).astype(float)
    reasons = _reasons(table, after, model, margin, truth)
    for name in apart:
        reasons[name].append((1.0, "alone better than all weaker columns together"))
    return Scan(_ranked(table, reasons), model, len(truth))


def plans(columns: "pd.DataFrame", *, last_day: dt.date) -> list[str]:
    """Date columns that hold dates after the last day of the data: plans, not records of what happened.

    A record cannot lie in the future, a due date or an expiry can, and may have been known long before.

    Args:
        columns: One row per customer, all customers rather than those of one cut-off.
        last_day: Last day of the data, inclusive.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"changed": pd.to_datetime(["2025-03-01"]), "due": pd.to_datetime(["2026-02-01"])})
    >>> plans(table, last_day=dt.date(2025, 12, 31))
    ['due']
    """
    return [str(name) for name in columns if _after(columns[name], last_day)]


def _alone(numbers: "dict[str, np.ndarray[Any, Any]]", truth: "np.ndarray[Any, Any]", seed: int) -> "pd.DataFrame":
    """How well each column alone tells the outcomes apart, the best first."""
    import numpy as np
    import pandas as pd

    rows = [
        (
            name,
            _strength(_out_of_fold(values[:, None], truth, seed, single=True), truth),
            _strength(~np.isnan(values), truth),
        )
        for name, values in numbers.items()
    ]
    table = pd.DataFrame(rows, columns=["column", "strength", "filled"]).sort_values("strength", ascending=False)
    half = 1.96 * _standard_error(table["strength"].to_numpy(dtype=float), truth)
    table = table.assign(low=table["strength"] - half, high=np.minimum(table["strength"] + half, 1.0))
    return table.reset_index(drop=True)


def _outcome(columns: "pd.DataFrame", outcome: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    truth = outcome.to_numpy(dtype=bool)
    if len(columns) != len(truth):
        raise OpskitError(f"columns has {len(columns)} rows and outcome {len(truth)}; they must be the same customers.")
    fewest = int(min(truth.sum(), (~truth).sum()))
    if fewest < FEWEST:
        raise OpskitError(
            f"one of the outcomes has {fewest} customers, must have {FEWEST} or more to find leaks. "
            "Use a longer outcome window or an earlier cut-off."
        )
    return truth


def _number(column: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    """The column as numbers: dates as days, texts by place in their sorted list, missing as nan."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column) or _holds_dates(column):
        moments = pd.to_datetime(column)
        return np.where(moments.isna(), np.nan, moments.astype("datetime64[s]").astype("int64") / 86_400)
    if pd.api.types.is_numeric_dtype(column):  # flags too
        return column.astype(float).to_numpy()
    codes, levels = pd.factorize(column.astype("string"), sort=True)
    if len(levels) > MOST_LEVELS:  # names and ids: only whether there is one
        return np.where(codes < 0, np.nan, 0.0)
    return np.where(codes < 0, np.nan, codes.astype(float))


def _holds_dates(column: "pd.Series[Any]") -> bool:
    there = column.dropna()
    return len(there) > 0 and isinstance(there.iloc[0], dt.date)


def _after(column: "pd.Series[Any]", as_of: dt.date | None) -> int:
    import pandas as pd

    if as_of is None or not (pd.api.types.is_datetime64_any_dtype(column) or _holds_dates(column)):
        return 0
    return int((pd.to_datetime(column) >= pd.Timestamp(as_of) + pd.Timedelta(days=1)).sum())


def _boosted(
    values: "np.ndarray[Any, Any]", truth: "np.ndarray[Any, Any]", seed: int
) -> "HistGradientBoostingClassifier":
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    filled = np.where(np.isnan(values).all(axis=0), 0.0, values)  # scikit-learn 1.9 cannot bin an empty column
    return HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=12, random_state=seed).fit(filled, truth)


def _folds(seed: int) -> "StratifiedKFold":
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed)


def _out_of_fold(
    values: "np.ndarray[Any, Any]", truth: "np.ndarray[Any, Any]", seed: int, *, single: bool = False
) -> "np.ndarray[Any, Any]":
    """Probabilities for customers the model has not seen."""
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    score = np.zeros(len(truth))
    if single and (np.isnan(values).all() or (values == values[0]).all()):
        return score  # else the folds' own shares would seem to tell something
    for known, held_out in _folds(seed).split(values, truth):  # three times as fast as cross_val_predict
        tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=10, random_state=seed)
        fit = tree.fit if single else partial(_boosted, seed=seed)
        model: Any = fit(values[known], truth[known])
        score[held_out] = model.predict_proba(values[held_out])[:, 1]
    return score


def _model(values: "np.ndarray[Any, Any]", truth: "np.ndarray[Any, Any]", seed: int) -> "tuple[float, list[int]]":
    """Strength of a model of all columns, and their places, those first whose shuffling hurts it most."""
    import numpy as np

    rng = np.random.default_rng(seed)
    score, shuffled = np.zeros(len(truth)), np.zeros((values.shape[1], len(truth)))
    for known, held_out in _folds(seed).split(values, truth):
        model = _boosted(values[known], truth[known], seed)
        score[held_out] = model.predict_proba(values[held_out])[:, 1]
        for place in range(values.shape[1]):
            changed = values[held_out].copy()
            changed[:, place] = rng.permutation(changed[:, place])
            shuffled[place, held_out] = model.predict_proba(changed)[:, 1]
    left = np.array([_strength(one, truth) for one in shuffled])
    return _strength(score, truth), [int(place) for place in np.argsort(left, kind="stable")]


def _strength(score: "np.ndarray[Any, Any]", truth: "np.ndarray[Any, Any]") -> float:
    area = float(placements(score, truth)[0].mean())
    return max(area, 1 - area)


def _standard_error(area: "np.ndarray[Any, Any]", truth: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Of the area under the curve: Hanley & McNeil (1982)."""
    import numpy as np

    yes, no = truth.sum(), (~truth).sum()
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (yes - 1) * (one - area**2) + (no - 1) * (two - area**2)
    return np.sqrt(variance / (yes * no))


def _reasons(
    table: "pd.DataFrame", after: dict[str, int], model: float, margin: float, truth: "np.ndarray[Any, Any]"
) -> dict[str, list[tuple[float, str]]]:
    """Per column what speaks against it, each with a weight."""
    import numpy as np

    reasons: dict[str, list[tuple[float, str]]] = {}
    chance = 2 * float(_standard_error(np.array([model]), truth)[0])
    rows: Any = table.to_dict("records")
    for row in rows:
        name, filled, without = row["column"], row["filled"], row["without"]
        found = reasons[name] = []
        if after[name]:
            found.append((3.0, f"{after[name]} dates lie after the cut-off"))
        if filled - 0.5 > 3 * margin and filled >= row["strength"] - margin:
            found.append((1 + filled, "filled in for one outcome and empty for the other"))
        if model - without > margin + chance:
            found.append((1 + model - without, f"without it the model falls from {model:.2f} to {without:.2f}"))
        if row["low"] > 1 - margin:
            found.append((1 + row["strength"], "alone tells the outcomes apart almost without error"))
    return reasons


def _stand_apart(
    table: "pd.DataFrame",
    numbers: "dict[str, np.ndarray[Any, Any]]",
    truth: "np.ndarray[Any, Any]",
    seed: int,
    margin: float,
) -> list[str]:
    """The strongest columns, if each of them alone beats a model of all the weaker ones."""
    import numpy as np

    names: list[str] = table["column"].tolist()
    strengths: list[float] = table["strength"].tolist()
    lows: list[float] = table["low"].tolist()
    for place in range(min(CLOSE_LOOKS, len(names) - 1)):
        low = lows[place]
        if low > strengths[place + 1] + margin:  # else the model cannot be weaker either, and need not be made
            weaker = np.column_stack([numbers[name] for name in names[place + 1 :]])
            if low > _strength(_out_of_fold(weaker, truth, seed), truth) + margin:
                return names[: place + 1]
    return []


def _ranked(table: "pd.DataFrame", reasons: dict[str, list[tuple[float, str]]]) -> "pd.DataFrame":
    names: list[str] = table["column"].tolist()
    weight = [max((one for one, _ in reasons[name]), default=0.0) for name in names]
    text = ["; ".join(text for _, text in reasons[name]) for name in names]
    judged = table.assign(suspicious=[one > 0 for one in weight], reason=text, weight=weight)
    judged = judged.sort_values(["weight", "strength"], ascending=False, kind="stable").reset_index(drop=True)
    return judged[["column", "strength", "low", "high", "filled", "without", "suspicious", "reason"]]
