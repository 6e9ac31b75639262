"""A mixture of multinomials fitted by EM to counted patterns: every pattern once, with how many customers have it."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Matrix = np.ndarray[Any, Any]

_STARTS, _STEPS, _TOLERANCE = 6, 500, 1e-8
_PRIOR = 0.01  # orders of the average mix added to each group, so that no share is nothing
_RESAMPLES, _AGAIN = 60, 6


class Mixture(NamedTuple):
    """Groups with a share of the customers and a mix of kinds each."""

    shares: "Matrix"  # one per group
    mix: "Matrix"  # groups x kinds, rows adding up to 1
    log_likelihood: float

    def member(self, number: "Matrix") -> "Matrix":
        """Probability of each group (columns) for each pattern (rows)."""
        import numpy as np

        fit = np.log(self.shares) + number @ np.log(self.mix).T
        weight = np.exp(fit - fit.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)


def choice(
    number: "Matrix", weight: "Matrix", *, most: int, rng: "np.random.Generator"
) -> "tuple[pd.DataFrame, list[Mixture]]":
    """The best of several fits for each number of groups, and the criterion for each.

    Args:
        number: Patterns x kinds, orders.
        weight: Customers with each pattern.
        most: Largest number of groups.
        rng: Of the starts.

    Returns:
        k, bic (less that of one group); and the fits.
    """
    import numpy as np
    import pandas as pd

    fits = [best_of(number, weight, k, rng) for k in range(1, most + 1)]
    parameters = np.array([k * number.shape[1] - 1 for k in range(1, most + 1)])
    bic = parameters * np.log(weight.sum()) - 2 * np.array([one.log_likelihood for one in fits])
    return pd.DataFrame({"k": range(1, most + 1), "bic": bic - bic[0]}), fits


def best_of(number: "Matrix", weight: "Matrix", k: int, rng: "np.random.Generator", starts: int = _STARTS) -> Mixture:
    """EM from several random starts; the likeliest end counts."""
    import numpy as np

    base = weight @ number / (weight @ number).sum()
    begun = [
        Mixture(np.full(k, 1 / k), rng.dirichlet(5 * base + 0.3, size=k) * 0.99 + 0.01 * base, 0.0)
        for _ in range(starts if k > 1 else 1)
    ]
    return max((_fitted(number, weight, one) for one in begun), key=lambda one: one.log_likelihood)


def _fitted(number: "Matrix", weight: "Matrix", start: Mixture) -> Mixture:
    import numpy as np

    prior = _PRIOR * (weight @ number) / (weight @ number).sum()
    shares, mix, last, found = start.shares, start.mix, -np.inf, -np.inf
    for _ in range(_STEPS):
        fit = np.log(shares) + number @ np.log(mix).T
        top = fit.max(axis=1, keepdims=True)
        likelihood = np.exp(fit - top)
        whole = likelihood.sum(axis=1, keepdims=True)
        found = float(weight @ (np.log(whole) + top)[:, 0])
        if found - last < _TOLERANCE * abs(found):
            break
        last = found
        member = likelihood / whole * weight[:, None]
        shares = np.maximum(member.sum(axis=0) / weight.sum(), 1e-9)
        mix = member.T @ number + prior
        mix /= mix.sum(axis=1, keepdims=True)
    return Mixture(shares / shares.sum(), mix, found)


def largest_first(fit: Mixture) -> Mixture:
    """The same groups in order of size."""
    order = (-fit.shares).argsort(kind="stable")
    return Mixture(fit.shares[order], fit.mix[order], fit.log_likelihood)


def resampled(number: "Matrix", weight: "Matrix", fit: Mixture, rng: "np.random.Generator") -> list[Mixture]:
    """Fits to customers drawn anew, each begun at the fit, so that groups keep their places."""
    n = int(weight.sum())
    drawn = rng.multinomial(n, weight / weight.sum(), size=_RESAMPLES).astype(float)
    return [_fitted(number[some > 0], some[some > 0], fit) for some in drawn]


def stability(number: "Matrix", weight: "Matrix", fit: Mixture, rng: "np.random.Generator") -> float:
    """How alike everybody is split when the groups are found anew, from scratch, in customers drawn anew."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score

    every = np.repeat(np.arange(len(weight)), weight.astype(int))
    own = fit.member(number).argmax(axis=1)[every]
    found: list[float] = []
    for some in rng.multinomial(len(every), weight / weight.sum(), size=_AGAIN).astype(float):
        again = best_of(number[some > 0], some[some > 0], len(fit.shares), rng, 4)
        found.append(float(adjusted_rand_score(own, again.member(number).argmax(axis=1)[every])))
    return float(np.mean(found))
