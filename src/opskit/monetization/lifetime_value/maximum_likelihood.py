"""Maximum likelihood of positive parameters: the optimum, how sure it is, and a plain word where there is none."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

# Mean log-likelihood of a customer and its gradient, both in the logs of the parameters.
LogLikelihood = Callable[["Vector"], tuple[float, "Vector"]]

_LARGEST_LOG = 16.0  # a parameter beyond exp(16) times its scale has run away
_LARGEST_ERROR = 5.0  # standard error of a log: nothing is known of the parameter
_FAR, _NEAR = 0.5, 1e-7  # a Newton step, in logs: from no maximum at all, from one as good as reached
_STEP = 1e-4  # of a log, in differences of analytic gradients: error of order step squared


class Maximum(NamedTuple):
    """Where the likelihood is largest.

    Attributes:
        log_parameters: Logs of the estimates.
        covariance: Covariance of these logs, from the inverse of the observed information.
        log_likelihood: Mean of a customer.
    """

    log_parameters: "Vector"
    covariance: "Vector"
    log_likelihood: float


def maximize(
    log_likelihood: LogLikelihood,
    start: "Vector",
    customers: float,
    explain: Callable[["Vector"], str],
    rough: LogLikelihood | None = None,
) -> Maximum:
    """The maximum, polished by Newton's method, and its covariance.

    Args:
        log_likelihood: Mean of a customer and gradient, in logs of the parameters.
        start: Logs to begin with, on the scale of the data.
        customers: How many the mean is over.
        explain: Says what the parameters run away to mean, and what to do, where there is no maximum.
        rough: The same of a part of the customers, to come near at little cost.

    Raises:
        OpskitError: The likelihood has no maximum, or one so flat that nothing is known of a parameter.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    def cost(logs: "Vector") -> tuple[float, "Vector"]:
        value, gradient = log_likelihood(logs)
        return -value, -gradient

    # L-BFGS works on vectors of a few numbers, for which threads of the linear algebra only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        near = None if rough is None else _climb_from(rough, log_likelihood, start, customers)
        logs = _climb(log_likelihood, start) if near is None else near
        for _ in range(5):  # L-BFGS stops where the likelihood is flat to rounding; Newton's steps go to the top
            observed = information(cost, logs)
            if np.any(np.abs(logs - start) > _LARGEST_LOG - 1) or not _is_sure(observed, customers):
                break
            lowest, slope = cost(logs)
            step = np.linalg.solve(observed, slope)
            if not np.abs(step).max() < _FAR:
                break
            logs = logs - step
            if np.abs(step).max() < _NEAR:  # so near that the value is the same to the last digit
                return Maximum(logs, np.linalg.inv(observed) / customers, -lowest)
        raise OpskitError(explain(np.exp(logs)))


def _climb(log_likelihood: LogLikelihood, start: "Vector") -> "Vector":
    """L-BFGS within bounds around the start."""
    from scipy.optimize import minimize

    def cost(logs: "Vector") -> tuple[float, "Vector"]:
        value, gradient = log_likelihood(logs)
        return -value, -gradient

    bounds = [(centre - _LARGEST_LOG, centre + _LARGEST_LOG) for centre in start]
    options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-8, "maxcor": 20}
    return minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def _climb_from(
    rough: LogLikelihood, log_likelihood: LogLikelihood, start: "Vector", customers: float
) -> "Vector | None":
    """From the maximum of a part of the customers by steps of its curvature; None where that leads nowhere."""
    import numpy as np

    logs = _climb(rough, start)
    curvature = -information(rough, logs)
    if np.abs(logs - start).max() > _LARGEST_LOG / 2 or not _is_sure(curvature, customers):
        return None
    for _ in range(15):
        step = np.linalg.solve(curvature, log_likelihood(logs)[1])
        logs = logs + step
        if np.abs(step).max() < _NEAR:
            return logs
    return None


def information(cost: LogLikelihood, logs: "Vector") -> "Vector":
    """Second derivatives in the logs of the parameters, from differences of the analytic gradient."""
    import numpy as np

    steps = _STEP * np.eye(len(logs))
    rows = np.array([(cost(logs + step)[1] - cost(logs - step)[1]) / (2 * _STEP) for step in steps])
    return (rows + rows.T) / 2


def _is_sure(observed: "Vector", customers: float) -> bool:
    import numpy as np

    if not np.all(np.isfinite(observed)) or np.linalg.eigvalsh(observed)[0] <= 0:
        return False
    return bool(np.diag(np.linalg.inv(observed)).max() / customers < _LARGEST_ERROR**2)


def parameter_table(maximum: Maximum, names: Sequence[str], units: Sequence[str], confidence: float) -> "pd.DataFrame":
    """parameter, estimate, standard_error, low, high, unit; intervals are symmetric in the logs."""
    import numpy as np
    import pandas as pd

    estimate = np.exp(maximum.log_parameters)
    error = estimate * np.sqrt(np.diag(maximum.covariance))
    columns = {"parameter": list(names), "estimate": estimate, "standard_error": error}
    return pd.DataFrame({**columns, **bounds(estimate, error**2, confidence), "unit": list(units)})


def variance(figures: "Callable[[Vector], Vector]", logs: "Vector", covariance: "Vector") -> "Vector":
    """Variance of figures that follow from the parameters, by the delta method.

    Args:
        figures: A row of figures as a function of the logs of the parameters.
        logs: The estimates.
        covariance: Their covariance.
    """
    import numpy as np

    steps = 10 * _STEP * np.eye(len(logs))
    slopes = np.array([(figures(logs + step) - figures(logs - step)) / (20 * _STEP) for step in steps])
    return np.einsum("i...,ij,j...->...", slopes, covariance, slopes)


def bounds(estimate: "Vector", variance: "Vector", confidence: float) -> dict[str, "Vector"]:
    """Lower and upper bound of positive figures, symmetric in their logs."""
    import numpy as np
    from scipy.special import ndtri

    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.exp(ndtri((1 + confidence) / 2) * np.sqrt(variance) / estimate)
    return {
        "low": np.where(estimate == 0, 0.0, estimate / factor),
        "high": np.where(estimate == 0, 0.0, estimate * factor),
    }


def draws(maximum: Maximum, names: Sequence[str], n: int, rng: "np.random.Generator") -> "pd.DataFrame":
    """Parameters drawn from the asymptotic distribution of their logs, one row per draw."""
    import numpy as np
    import pandas as pd

    logs = rng.multivariate_normal(maximum.log_parameters, maximum.covariance, size=n, method="cholesky")
    return pd.DataFrame(np.exp(logs), columns=list(names))
