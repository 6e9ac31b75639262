"""How much an account resembles, at its beginning, those who became the best: a small, explainable model."""

from typing import TYPE_CHECKING, Any

from opskit import features
from opskit.errors import check
from opskit.target_users.first_users.bands import UNKNOWN, Bands

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

FOLDS, REPEATS = 5, 4  # cross-fitting: each account is scored by models that have not seen it
STRENGTH = 0.05  # inverse of the penalty: fixed beforehand, never tuned on the accounts that judge
_TOP, _WORTH_TELLING = 3, 0.05  # reasons told for each account; log-odds below which something is no reason


class LookAlike:
    """Logistic regression with a ridge penalty on bands of columns: few weights, none of them wild.

    The penalty pulls every weight towards 0, so that a few dozen of the best are enough to learn from, and probabilities
    stay near the share of the best where the columns say nothing.

    Attributes:
        columns_: Columns learnt from.
        bands_: How they are cut.
        share_: Of the best among the accounts learnt from.
        weights_: column, value, accounts, weight (log-odds against an average account).

    Source: Hoerl and Kennard (1970) for the ridge; le Cessie and van Houwelingen (1992) for it in logistic regression.
    """

    columns_: list[str]
    bands_: Bands
    share_: float
    weights_: "pd.DataFrame"

    def fit(self, table: "pd.DataFrame", best: "Vector") -> "LookAlike":
        """Learn from accounts whose window is over.

        Args:
            table: One row per account: the columns to learn from.
            best: Whether each is among the best.
        """
        import numpy as np
        import pandas as pd

        self.columns_ = [str(name) for name in table]
        self.bands_ = Bands().fit(table)
        bands = self.bands_.transform(table)
        self._values = [(name, band) for name in self.columns_ for band in sorted(set(bands[name]))]
        flags, truth = self._flags(bands), np.asarray(best, dtype=bool)
        self.share_ = float(truth.mean())
        self._mean = flags.mean(axis=0)
        self._intercept, self._weight = _ridge(flags - self._mean, truth)
        names = pd.DataFrame(self._values, columns=["column", "value"])
        self.weights_ = names.assign(accounts=flags.sum(axis=0).astype(int), weight=self._weight)
        return self

    def predict_proba(self, table: "pd.DataFrame") -> "Vector":
        """Probability that each account becomes one of the best.

        Args:
            table: One row per account, the columns of `fit`.
        """
        from scipy.special import expit

        flags = self._flags(self.bands_.transform(table[self.columns_]))
        return expit(self._intercept + (flags - self._mean) @ self._weight)

    def reasons(self, table: "pd.DataFrame") -> list[str]:
        """What speaks most for each account, against an average one, in words; no more than three things.

        Args:
            table: One row per account, the columns of `fit`.
        """
        import numpy as np

        bands = self.bands_.transform(table[self.columns_])
        part = (self._flags(bands) - self._mean) * self._weight
        owners = np.array([column for column, _ in self._values], dtype=object)
        totals = np.column_stack([part[:, owners == name].sum(axis=1) for name in self.columns_])
        told = (bands.to_numpy() != UNKNOWN) & (totals > _WORTH_TELLING)
        best = np.argsort(-np.where(told, totals, -np.inf), axis=1, kind="stable")[:, :_TOP]
        words = bands.to_numpy()
        return [
            "; ".join(f"{self.columns_[place]}: {words[row, place]}" for place in order if told[row, place])
            for row, order in enumerate(best)
        ]

    def _flags(self, bands: "pd.DataFrame") -> "Vector":
        """One column of 0 and 1 for each band."""
        import numpy as np

        flags = [(bands[name] == band).to_numpy(dtype=float) for name, band in self._values]
        return np.column_stack(flags) if flags else np.zeros((len(bands), 0))


def cross_fitted(table: "pd.DataFrame", best: "Vector", *, seed: int = 7) -> "Vector":
    """Probability for each account by models that have not seen what became of it.

    Args:
        table: One row per account: the columns to learn from.
        best: Whether each is among the best.
        seed: Of the folds.

    Returns:
        The mean of four rounds of five folds, each holding as many of the best as the others.

    Raises:
        OpskitError: Fewer than five accounts are among the best, or among the others.
    """
    import numpy as np
    from scipy.special import expit
    from sklearn.model_selection import StratifiedKFold

    truth = np.asarray(best, dtype=bool)
    check(int(min(truth.sum(), (~truth).sum())), "accounts among the best, and among the others", ge=FOLDS)
    bands = Bands().fit(table).transform(table)  # looks at no outcome, so all accounts may say where to cut
    flags = np.column_stack(
        [(bands[name] == band).to_numpy(float) for name in bands for band in sorted(set(bands[name]))]
    )
    score = np.zeros(len(truth))
    for turn in range(REPEATS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed + turn)
        for learn, held_out in folds.split(score, truth):
            mean = flags[learn].mean(axis=0)
            intercept, weight = _ridge(flags[learn] - mean, truth[learn])
            score[held_out] += expit(intercept + (flags[held_out] - mean) @ weight) / REPEATS
    return score


def _ridge(flags: "Vector", truth: "Vector") -> "tuple[float, Vector]":
    from sklearn.linear_model import LogisticRegression

    with features.threads(len(flags)):
        model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(flags, truth)
    return float(model.intercept_[0]), model.coef_[0]
