"""Who is likely to leave: one column, a logistic regression and gradient boosting, learnt earlier and tested later."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import features
from opskit.errors import check
from opskit.loyalty.churn.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from sklearn.pipeline import Pipeline

RULE, LOGISTIC, BOOSTING = "days since the last order", "logistic regression", "gradient boosting"
MODELS = (RULE, LOGISTIC, BOOSTING)
"""From the simplest to the most complex."""


class Comparison(NamedTuple):
    """The models on the test period, whose customers and outcomes none of them has seen."""

    tested: "pd.DataFrame"  # the panel's test rows, with one column of probabilities a model
    accuracy: "pd.DataFrame"  # model, measure, estimate, low, high, n
    differences: "pd.DataFrame"  # model, against, estimate, low, high, n: areas under the curve
    chosen: str
    fitted: "dict[str, Pipeline]"


def compare(found: Panel, *, confidence: float = 0.95, seed: int = 7) -> Comparison:
    """Fit the models at the earlier cut-offs and judge them at the last one whose outcome is known.

    Args:
        found: From `panel`.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the boosting and of the bootstrap.

    Returns:
        A Comparison. The chosen model is the simplest; a more complex one takes its place only when the whole interval
        of the difference between the areas under their curves lies above 0.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes that the time to come resembles the time learnt from. Settings are fixed beforehand, none is tuned on the
    test.
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    earlier, test = (found.rows[found.rows["period"] == name] for name in ("training", "test"))
    fitted = {name: _fit(name, earlier, found, seed) for name in MODELS}
    tested = test.assign(**{name: probability(model, test) for name, model in fitted.items()}).reset_index(drop=True)
    left = tested["left"].astype(bool)
    judged = [
        features.accuracy(tested[name], left, confidence=confidence, seed=seed).assign(model=name) for name in MODELS
    ]
    differences = [
        features.auc_difference(tested[more], tested[less], left, confidence=confidence).assign(
            model=more, against=less
        )
        for place, more in enumerate(MODELS)
        for less in MODELS[:place]
    ]
    table = pd.concat(differences, ignore_index=True)[["model", "against", "estimate", "low", "high", "n"]]
    accuracy = pd.concat(judged, ignore_index=True)[["model", "measure", "estimate", "low", "high", "n"]]
    return Comparison(tested, accuracy, table, _chosen(table), fitted)


def score(found: Panel, model: str, *, seed: int = 7) -> "pd.DataFrame":
    """Today's active customers with the probability of leaving.

    Args:
        found: From `panel`.
        model: One of MODELS. It is fitted again, in the same way, with the test period added to what is learnt from.
        seed: Of the boosting.

    Returns:
        The panel's rows of today, with probability.

    Raises:
        OpskitError: The model is unknown.
    """
    check(model, "model", among=MODELS)
    known, today = found.rows["period"] != "today", found.rows["period"] == "today"
    fitted = _fit(model, found.rows[known], found, seed)
    rows = found.rows[today]
    return rows.assign(probability=probability(fitted, rows)).reset_index(drop=True)


def _fit(name: str, rows: "pd.DataFrame", found: Panel, seed: int) -> "Pipeline":
    columns = ["days_since_last_order"] if name == RULE else [*found.behaviour, *found.attributes]
    texts = [column for column in columns if rows[column].dtype == "category"]
    numbers = [column for column in columns if column not in texts and rows[column].notna().any()]
    make = _boosting if name == BOOSTING else _logistic
    with features.threads(len(rows)):
        return make(numbers, texts, seed).fit(rows, rows["left"].astype(bool))


def probability(model: Any, rows: "pd.DataFrame") -> Any:
    """Probability of leaving by a fitted model, for each row."""
    with features.threads(len(rows)):
        return model.predict_proba(rows)[:, 1]


def _logistic(numbers: "Sequence[str]", texts: "Sequence[str]", seed: int) -> "Pipeline":
    """Missing numbers become the median with a flag; logarithms tame counts and amounts."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), FunctionTransformer(_logarithm), StandardScaler()
    )
    text = OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False)
    columns = ColumnTransformer([("numbers", number, list(numbers)), ("texts", text, list(texts))])
    return make_pipeline(columns, LogisticRegression(C=0.1, max_iter=1000, random_state=seed))


def _boosting(numbers: "Sequence[str]", texts: "Sequence[str]", seed: int) -> "Pipeline":
    """Shallow trees and a slow rate, as suits some hundred to some ten thousand customers; missing values as they are."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    columns = ColumnTransformer(
        [("columns", "passthrough", [*numbers, *texts])], verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=1.0,
        categorical_features="from_dtype",
        random_state=seed,
    )
    return make_pipeline(columns, model)


def _logarithm(values: Any) -> Any:
    import numpy as np

    return np.sign(values) * np.log1p(np.abs(values))


def _chosen(differences: "pd.DataFrame") -> str:
    best = RULE
    for name in MODELS[1:]:
        row = differences[(differences["model"] == name) & (differences["against"] == best)]
        if row["low"].iloc[0] > 0:
            best = name
    return best
