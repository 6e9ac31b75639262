"""How many purchases a customer still makes: a sum of positive terms, with no hypergeometric function to go wrong.

While alive a customer would make N purchases within t, negative binomial over customers; each is followed by dropout
with probability p, beta over customers, independent of N. So the purchases really made, Y, reach j where N does and
j - 1 dropouts fail to happen:

    P(Y >= j) = P(N >= j) S(j - 1),    S(k) = E[(1 - p)^k] = B(a, b + k) / B(a, b)
    E[Y] = sum over n of P(N = n) C(n),    C(n) = S(0) + ... + S(n - 1)
    E[Y^2] = sum over n of P(N = n) D(n),  D(n) = 1 S(0) + 3 S(1) + ... + (2n - 1) S(n - 1)

Equal to the closed form of Fader, Hardie & Lee (2005), equations 9 and 10, whose hypergeometric series is this sum in
another order; that form loses all digits near a = 1 and overflows for busy customers.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_NEGLIGIBLE = 1e-13  # of the mean: what the terms left out may add up to
_MOST_TERMS = 2_000_000
_CHECK_EVERY = 16  # terms between two looks at which sums are complete


class Counts(NamedTuple):
    """First two moments of the number of purchases, one entry per case."""

    mean: "Vector"
    square: "Vector"


def moments(shape: "Vector", odds: "Vector", a: float, b: "Vector") -> Counts:
    """Mean and mean square of purchases of customers who are alive.

    Args:
        shape: Shape of the gamma distribution of rates: r + frequency.
        odds: Horizon over rate parameter: t / (alpha + T).
        a: Parameter of the beta distribution of dropout.
        b: The other one: b + frequency.
    """
    import numpy as np

    order = np.argsort(-odds, kind="stable")  # cases that need most terms first: the others drop off the end
    shape, z, b = shape[order], (odds / (1 + odds))[order], b[order]
    mean, square = np.zeros(len(z)), np.zeros(len(z))
    live = len(z)
    term, total, first, second = (np.full(len(z), start) for start in (1.0, 1.0, 0.0, 0.0))
    survive, reached, squares = np.ones(len(z)), np.zeros(len(z)), np.zeros(len(z))
    for n in range(_MOST_TERMS):
        part = slice(0, live)
        reached[part] += survive[part]
        squares[part] += (2 * n + 1) * survive[part]
        survive[part] *= (b[part] + n) / (a + b[part] + n)
        term[part] *= (shape[part] + n) / (n + 1) * z[part]
        total[part] += term[part]
        first[part] += term[part] * reached[part]
        second[part] += term[part] * squares[part]
        if n % _CHECK_EVERY == 0:
            live = _shrink(live, n, (term, total, first, second), shape, z)
            if not live:
                break
    else:
        raise OpskitError(
            "horizon_days is too long to count the purchases of the busiest customers. Use a shorter one."
        )
    mean[order], square[order] = first / total, second / total
    return Counts(mean, square)


def _shrink(live: int, n: int, sums: "tuple[Vector, ...]", shape: "Vector", z: "Vector") -> int:
    """How many leading cases still need terms; terms and sums that grow large are scaled down together."""
    import numpy as np

    term, total, _, second = (column[:live] for column in sums)
    scale = np.where(total > 1e200, 1e-200, 1.0)
    for column in sums:
        column[:live] *= scale
    ratio = (shape[:live] + n + 1) / (n + 2) * z[:live]
    # What follows is at most a geometric series, its terms weighted by up to n squared.
    left = term * (n + 2.0) ** 2 / np.maximum(1 - ratio, 1e-9) ** 3
    open_ = (ratio >= 1) | (left > _NEGLIGIBLE * np.maximum(second, 1e-300))
    return int(np.flatnonzero(open_)[-1]) + 1 if open_.any() else 0
