"""The models that learners are put together from: regularized regressions, and few shallow trees."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

BASES = ("linear", "boosting")
_FEW_SHALLOW_TREES: dict[str, Any] = {
    "max_iter": 30,
    "learning_rate": 0.1,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 40,
    "l2_regularization": 10.0,
    "categorical_features": "from_dtype",
}


def classifier(base: str, x: "pd.DataFrame", seed: int) -> Any:
    """A model of 0 and 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    if base == "linear":
        return _standardized(x, LogisticRegression(C=0.1, max_iter=1000, random_state=seed))
    return HistGradientBoostingClassifier(**_FEW_SHALLOW_TREES, random_state=seed)


def regressor(base: str, x: "pd.DataFrame", seed: int) -> Any:
    """A model of a number."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    if base == "linear":
        return _standardized(x, Ridge(alpha=100.0, random_state=seed))
    return HistGradientBoostingRegressor(**_FEW_SHALLOW_TREES, random_state=seed)


def _standardized(x: "pd.DataFrame", model: Any) -> "Pipeline":
    """Missing numbers become the median with a flag; logarithms tame counts and amounts."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    texts = [name for name in x if x[name].dtype == "category"]
    numbers = [name for name in x if name not in texts and x[name].notna().any()]
    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), FunctionTransformer(_logarithm), StandardScaler()
    )
    text = OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False)
    return make_pipeline(ColumnTransformer([("numbers", number, numbers), ("texts", text, texts)]), model)


def _logarithm(values: Any) -> Any:
    import numpy as np

    return np.sign(values) * np.log1p(np.abs(values))
