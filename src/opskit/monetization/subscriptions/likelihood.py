"""Likelihood of the shifted beta-geometric model from counts at each renewal, and the data that leave it open."""

from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, Any]

ALIKE = 500.0  # alpha + beta beyond which contracts cannot be told apart: polarization below 0.2%
ONCE = 1e-3  # alpha + beta below which all that ends does so at the first renewal


def likelihood(shape: "Vector", ended: "Vector", renewed: "Vector") -> "tuple[float, Vector, Vector]":
    """Log-likelihood with slope and curvature; at each renewal alpha / (alpha + beta + i) of those there end."""
    import numpy as np

    alpha, beta = shape
    i, there, total = np.arange(len(ended)), ended + renewed, ended.sum()
    value = total * np.log(alpha) + renewed @ np.log(beta + i) - there @ np.log(alpha + beta + i)
    shared, shared2 = (there / (alpha + beta + i)).sum(), (there / (alpha + beta + i) ** 2).sum()
    slope = np.array([total / alpha, (renewed / (beta + i)).sum()]) - shared
    own = np.array([total / alpha**2, (renewed / (beta + i) ** 2).sum()])
    return float(value), slope, shared2 - np.diag(own)


def maximize(ended: "Vector", renewed: "Vector") -> tuple[float, float]:
    """The best (alpha, beta), searched over their logarithms; at a bound where the likelihood runs away."""
    import numpy as np
    from scipy.optimize import minimize

    size = (ended + renewed).sum()

    def loss(logs: "Vector") -> "tuple[float, Vector]":
        shape = np.exp(logs)
        value, slope, _ = likelihood(shape, ended / size, renewed / size)
        return -value, -slope * shape

    churn = ended.sum() / size
    start = np.log([churn, 1 - churn]) + 1
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-15, 9), (-15, 9)], options=options)
    alpha, beta = np.exp(best.x)
    return float(alpha), float(beta)


def refuse(ended: "Vector", renewed: "Vector") -> None:
    """Data that leave alpha or beta open, each said in a sentence."""
    if not (ended + renewed).sum():
        raise OpskitError("no contract has come to its first renewal yet: nothing is known about renewing.")
    if not ended.sum():
        raise OpskitError("nobody has left yet: how readily contracts end cannot be estimated, only that it is seldom.")
    if not renewed.sum():
        raise OpskitError(
            "nobody has renewed: every contract ended at its first renewal, and no later one can be told."
        )
    if len(ended) < 2 or not (ended[1:] + renewed[1:]).sum():
        raise OpskitError(
            "no contract has come to its second renewal yet: whether retention rises with tenure cannot be told."
        )


def runaway(total: float, ended: "Vector", renewed: "Vector") -> str:
    """Why alpha + beta has no best value, in a sentence."""
    churn = 100 * ended.sum() / (ended + renewed).sum()
    if total >= ALIKE:
        return (
            "retention does not rise with tenure, so contracts cannot be told apart and alpha and beta run away; "
            f"one churn for all, {churn:.3g}% at every renewal, describes these data as well."
        )
    return (
        "whoever leaves does so at the first renewal and nobody later, so alpha and beta run to 0; follow them longer."
    )
