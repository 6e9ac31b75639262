"""Which touchpoints the overall answer goes along with."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import features, frames, stats
from opskit.loyalty.journey.satisfaction import SATISFIED_FROM, answered, numbers
from opskit.loyalty.stages.feedback import OVERALL, Survey, signs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_MOST_TOUCHPOINTS = 8
_FEWEST_EACH = 10  # promoters, and others, for each touchpoint
COLUMNS = ("touchpoint", "n", "satisfied", "satisfied_low", "satisfied_high", "log_odds", "low", "high", "points", "points_low", "points_high")  # fmt: skip


def drivers(survey: Survey, *, as_of: dt.date, confidence: float = 0.95) -> "pd.DataFrame":
    """How much more often customers recommend the shop with one star more for a touchpoint, the others being equal.

    A logistic regression of the promoters (of the satisfied, where there is no NPS) on the stars of all touchpoints and
    the quarter, with a slight penalty that keeps a touchpoint nobody disagrees about from running away.

    Args:
        survey: What `choose` gives; touchpoints are rated with ``csat``.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        The strongest first: touchpoint, n (answers that rate every touchpoint), satisfied (share of 4 and 5) with _low
        and _high; log_odds (per star), low, high; points (change of the share of promoters per star, on average),
        points_low, points_high. No row with fewer than ten promoters or ten others for each touchpoint.

    Raises:
        OpskitError: A column is missing, or as_of is not a date.

    Assumes the odds change by the same factor with each star. **What goes along with recommending need not cause it**: a
    customer in love with the shop gives every touchpoint a star more. Where promoters answer more often than others, the
    level of the answers misleads and these slopes do not.

    Source: logistic regression; slopes unharmed by who answers, Prentice & Pyke (1979), "Logistic disease incidence
    models and case-control studies". All answers of a customer are left out together for the intervals.
    """
    import numpy as np
    import pandas as pd

    cells, touchpoints = _patterns(survey, as_of)
    happy = cells.loc[cells["happy"], "n"].sum() if len(cells) else 0
    few = min(happy, cells["n"].sum() - happy) if len(cells) else 0
    if not touchpoints or few < _FEWEST_EACH * len(touchpoints):
        return pd.DataFrame(columns=list(COLUMNS))
    keys = ["happy", "quarter", *touchpoints]
    index = cells.groupby(keys).size().index.to_frame(index=False)
    stars = index[touchpoints].to_numpy(dtype=float)
    design = np.column_stack([stars, index["quarter"] - index["quarter"].mean()])
    outcome = index["happy"].to_numpy(dtype=bool)

    def fit(totals: "pd.DataFrame") -> "pd.Series[Any]":
        return pd.Series(_slopes(design, outcome, totals["n"].to_numpy(dtype=float), len(touchpoints)))

    with features.threads(len(index)):
        found = stats.jackknife(cells, fit, keys=keys, confidence=confidence).to_numpy()
    n = int(cells["n"].sum())
    satisfied = np.array([cells.loc[cells[name] >= SATISFIED_FROM, "n"].sum() for name in touchpoints])
    low, high = stats.wilson(satisfied, np.full(len(touchpoints), n), confidence=confidence)
    slopes, points = found[: len(touchpoints)], found[len(touchpoints) :]
    columns = (touchpoints, n, satisfied / n, low, high, *slopes.T, *points.T)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))).sort_values(
        "points", ascending=False, ignore_index=True
    )


def _slopes(design: "np.ndarray[Any, Any]", outcome: "np.ndarray[Any, Any]", n: "np.ndarray[Any, Any]", k: int) -> Any:
    """Log-odds per star, then the mean change of the chance per star."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8)
    chance = model.fit(design, outcome, sample_weight=n).predict_proba(design)[:, 1]
    slope = model.coef_[0, :k]
    return np.concatenate([slope, slope * np.average(chance * (1 - chance), weights=n)])


def _patterns(survey: Survey, as_of: dt.date) -> "tuple[pd.DataFrame, list[str]]":
    """Answers counted by their stars, the overall answer, the quarter and the group of customers."""
    import pandas as pd

    lf = answered(survey.rows, as_of)
    texts = frames.collect(lf.group_by("question", "touchpoint", "answer").agg(nw.len().alias("n")))
    texts = texts.sort_values(["question", "touchpoint", "answer"])
    rated = texts[(texts["question"] == "csat") & (texts["touchpoint"] != OVERALL)]
    counts = rated.groupby("touchpoint")["n"].sum().sort_values(ascending=False, kind="stable")
    touchpoints = sorted(map(str, counts.index[:_MOST_TOUCHPOINTS]))
    overall = texts[texts["question"] == survey.question]
    if survey.question == "csat":
        overall = overall[overall["touchpoint"] == OVERALL]
    if not touchpoints or overall.empty:
        return pd.DataFrame(), []
    stars = dict(zip(rated["answer"], numbers("csat", rated["answer"]), strict=True))
    sign = dict(zip(overall["answer"], signs(survey.question, overall["answer"]), strict=True))
    is_overall = (nw.col("question") == survey.question) & ~nw.col("touchpoint").is_in(touchpoints)
    columns = [
        _valued(stars, (nw.col("question") == "csat") & (nw.col("touchpoint") == name)).alias(f"stars_{place}")
        for place, name in enumerate(touchpoints)
    ]
    names = [f"stars_{place}" for place in range(len(touchpoints))]
    answers = (
        lf.select(
            "respondent_id", "customer_id", *columns, _valued(sign, is_overall).alias("sign"),
            (frames.month_index("answered_at") // 3).alias("quarter"),
        )
        .group_by("respondent_id", "customer_id")
        .agg(nw.col(*names, "sign", "quarter").max())
        .filter(*(nw.col(name) > 0 for name in names), nw.col("sign") > -2)
        .with_columns((nw.col("sign") > 0).alias("happy"))
    )  # fmt: skip
    keys = ["happy", "quarter", *names]
    cells = frames.collect(stats.assign_groups(answers).group_by(*keys, "group").agg(nw.len().alias("n")))
    cells = cells.sort_values([*keys, "group"], ignore_index=True)
    return cells.rename(columns=dict(zip(names, touchpoints, strict=True))), touchpoints


def _valued(value: dict[str, float], where: nw.Expr) -> nw.Expr:
    """The answer as a number where the condition holds; -9 elsewhere, below every answer."""
    found = nw.lit(-9.0)
    for text, number in value.items():
        if number == number:
            found = nw.when(where & (nw.col("answer") == text)).then(nw.lit(float(number))).otherwise(found)
    return found
