"""Behavioural groups: whether there are any, how many, and who belongs to which."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.errors import TooLittleDataError, check
from opskit.features import threads
from opskit.target_users.segments.behaviour import SAMPLE, Scale, scale_of, scaled

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Matrix = np.ndarray[Any, Any]

FEWEST = 100  # customers below which no groups are looked for
_REFERENCES, _RESAMPLES, _STARTS = 10, 10, 5
_LEAST_SILHOUETTE, _LEAST_STABILITY = 0.25, 0.75
_PARTS = 1000


class Clusters:
    """Groups of customers who buy alike, by k-means on features made symmetric and robustly scaled.

    A number of groups is claimed only where three criteria agree to it: its gap lies clearly above that of one group, the
    silhouette is at least .25, and resampled customers are split the same way (adjusted Rand index at least .75). Of
    several such numbers it is the one that the gap statistic prefers, or else that of the best silhouette. Otherwise customers form one cloud, and any cut through it is a convenience.

    Attributes:
        k_: Groups found, 1 where there are none.
        verdict_: What the criteria say, in one sentence.
        choice_: k, gap, gap_error, silhouette, stability, bic (of a Gaussian mixture, less that of one group), chosen.
        sample_: The customers that were looked at, with their features and their cluster.
        scaled_: The same features on the scale.
        scale_: How each feature is brought to the scale.
        centres_: One row per cluster, on the scale.

    Args:
        k: Cut into so many groups whatever the criteria say; 0 lets them decide.
        most: Largest number of groups to try.
        seed: Of everything random.

    Source: MacQueen (1967) for k-means; Tibshirani, Walther & Hastie (2001) for the gap; Rousseeuw (1987) and Kaufman &
    Rousseeuw (1990) for the silhouette and its .25; Hubert & Arabie (1985) and Ben-Hur, Elisseeff & Guyon (2002) for
    agreement under resampling.
    """

    def __init__(self, *, k: int = 0, most: int = 6, seed: int = 7) -> None:
        check(k, "k", ge=0, le=20)
        check(most, "most", ge=2, le=20)
        self.k, self.most, self.seed = k, max(most, k), seed

    def fit(self, features: Any) -> "Clusters":
        """Look for groups among the customers of `behaviour`; of very many, among 20,000 picked by id.

        Raises:
            TooLittleDataError: Fewer than 100 customers, or no two features tell them apart.
        """
        import numpy as np

        table = _sample(features)
        if len(table) < FEWEST:
            raise TooLittleDataError(
                f"{len(table)} customers have bought often enough to have a way of buying, must be at least {FEWEST}."
            )
        self.scale_: Scale = scale_of(table)
        if len(self.scale_.steps) < 2:
            raise TooLittleDataError("Customers buy alike: no two features tell them apart.")
        numbers = frames.collect(frames.lazy(table, table="features").with_columns(*scaled(self.scale_)))
        x = numbers[list(self.scale_.steps.index)].to_numpy(dtype=float)
        with threads(len(x)):
            self.choice_, fits = _choice(x, self.most, np.random.default_rng(self.seed))
        self.k_ = self.k or _agreed(self.choice_)
        self.choice_["chosen"] = self.choice_["k"] == self.k_
        order = np.argsort(-np.bincount(fits[self.k_ - 1].labels_, minlength=self.k_), kind="stable")
        self.centres_ = fits[self.k_ - 1].cluster_centers_[order]
        cluster = np.argsort(order)[fits[self.k_ - 1].labels_] + 1
        self.sample_: pd.DataFrame = table.assign(cluster=cluster)
        self.scaled_: pd.DataFrame = numbers[list(self.scale_.steps.index)].assign(cluster=cluster)
        self.verdict_ = _verdict(self.choice_, self.k_, asked=self.k > 0)
        return self

    def predict(self, features: Any) -> Any:
        """The cluster of each customer, worked out in the engine.

        Args:
            features: From `behaviour`.

        Returns:
            The same kind of frame as went in: customer_id, cluster (1 is the largest).
        """
        lf = frames.lazy(features, "customer_id", *self.scale_.steps.index, table="features")
        near = [_nearness(centre, list(self.scale_.steps.index)) for centre in self.centres_]
        best = nw.max_horizontal(*(nw.col(f"near_{at}") for at in range(len(near))))
        cluster = nw.lit(len(near))
        for at in range(len(near) - 1, 0, -1):
            cluster = nw.when(nw.col(f"near_{at - 1}") >= best).then(nw.lit(at)).otherwise(cluster)
        lf = lf.with_columns(*scaled(self.scale_)).with_columns(
            *(one.alias(f"near_{at}") for at, one in enumerate(near))
        )
        return frames.like(lf.select("customer_id", cluster.cast(nw.Int64).alias("cluster")), features)


def _sample(features: Any) -> "pd.DataFrame":
    lf = frames.lazy(features, "customer_id", table="features")
    n = int(frames.collect(lf.select(nw.len().alias("n")))["n"].iloc[0])
    if n > SAMPLE:
        lf = stats.assign_groups(lf, groups=_PARTS).filter(nw.col("group") < _PARTS * SAMPLE // n).drop("group")
    return frames.collect(lf).sort_values("customer_id", ignore_index=True)


def _nearness(centre: "Matrix", names: list[str]) -> nw.Expr:
    """Largest for the nearest centre: the square of the customer's own place is the same for all."""
    total = nw.lit(-float((centre**2).sum()) / 2)
    for name, place in zip(names, centre, strict=True):
        total = total + nw.col(name) * float(place)
    return total


def _choice(x: "Matrix", most: int, rng: "np.random.Generator") -> "tuple[pd.DataFrame, list[Any]]":
    """Every criterion for each number of groups, and the fits."""
    import numpy as np
    import pandas as pd
    from sklearn.metrics import silhouette_score
    from sklearn.mixture import GaussianMixture

    ks = range(1, most + 1)
    fits = [_fit(x, k, rng, _STARTS) for k in ks]
    reference = [[np.log(_fit(cloud, k, rng, 1).inertia_) for k in ks] for cloud in _clouds(x, rng)]
    silhouette = [silhouette_score(x, fit.labels_, sample_size=min(len(x), 2000), random_state=0) for fit in fits[1:]]
    mixtures = [GaussianMixture(k, reg_covar=1e-3, random_state=0).fit(x[:5000]).bic(x[:5000]) for k in ks]
    table = {
        "k": list(ks),
        "gap": np.mean(reference, axis=0) - np.log([fit.inertia_ for fit in fits]),
        "gap_error": np.std(reference, axis=0) * np.sqrt(1 + 1 / _REFERENCES),
        "silhouette": [np.nan, *silhouette],
        "stability": [np.nan, *(_stability(x, fit, rng) for fit in fits[1:])],
        "bic": np.array(mixtures) - mixtures[0],
    }
    return pd.DataFrame(table), fits


def _fit(x: "Matrix", k: int, rng: "np.random.Generator", starts: int) -> Any:
    from sklearn.cluster import KMeans

    options: Any = {"n_init": starts}  # its type stubs know "auto" only
    return KMeans(k, **options, random_state=int(rng.integers(2**31))).fit(x)


def _clouds(x: "Matrix", rng: "np.random.Generator") -> "list[Matrix]":
    """Customers spread evenly over the box around the data, turned to its main axes: no groups at all."""
    import numpy as np

    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    turned = (x - x.mean(axis=0)) @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return [rng.uniform(low, high, size=turned.shape) for _ in range(_REFERENCES)]


def _stability(x: "Matrix", fit: Any, rng: "np.random.Generator") -> float:
    """How alike everybody is split when the groups are found in resampled customers."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score

    again = [_fit(x[rng.integers(len(x), size=len(x))], fit.n_clusters, rng, 2) for _ in range(_RESAMPLES)]
    return float(np.mean([adjusted_rand_score(fit.labels_, other.predict(x)) for other in again]))


def _preferred(table: "pd.DataFrame") -> int:
    """The smallest number of groups whose gap is no worse than the next one's, by its error."""
    for at in range(len(table) - 1):
        if table["gap"][at] >= table["gap"][at + 1] - table["gap_error"][at + 1]:
            return int(table["k"][at])
    return int(table["k"].iloc[-1])


def _agreed(table: "pd.DataFrame") -> int:
    """The number the gap prefers where the other criteria agree to it, else the one of the best silhouette they agree to.

    The gap's own rule stops at one group wherever a cut in two is a bad one, though three may be far better: so a number
    counts as well whose gap lies clearly above that of one group.
    """
    clear = table["gap"] - table["gap_error"] > table["gap"][0]
    good = table[clear & (table["silhouette"] >= _LEAST_SILHOUETTE) & (table["stability"] >= _LEAST_STABILITY)]
    if good.empty:
        return 1
    preferred = _preferred(table)
    if preferred in set(good["k"]):
        return preferred
    return int(good["k"].to_numpy()[good["silhouette"].to_numpy().argmax()])


def _verdict(table: "pd.DataFrame", k: int, *, asked: bool) -> str:
    gap = _preferred(table)
    best = table.iloc[1 + int(table["silhouette"].to_numpy()[1:].argmax())].to_dict()
    told = (
        f"the gap statistic prefers {gap}, the best silhouette is {best['silhouette']:.2f} (at {best['k']:.0f}; "
        f"{_LEAST_SILHOUETTE} is the least), and resampled customers are split alike to {best['stability']:.2f} there "
        f"({_LEAST_STABILITY} is the least)"
    )
    if asked and _agreed(table) != k:
        return f"Cut into {k} groups as asked; the criteria do not find them: {told}."
    if k == 1:
        return f"No groups: customers form one cloud, and any cut through it is a convenience; {told}."
    return f"{k} groups: {told}."
