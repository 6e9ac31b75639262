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
    Flags = np.ndarray[Any, np.dtype[np.bool_]]

_NEGLIGIBLE = 1e-13  # of the mean square: what the terms left out may add up to
_MOST_TERMS = 2_000_000
_BLOCK = 64  # most terms worked out at once
_CELLS = 400_000  # most cases times terms worked out at once
_LARGE = 1e100  # sums beyond it are scaled down


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

    Raises:
        OpskitError: The horizon is so long that the sum does not end.
    """
    import numpy as np

    counts = Counts(np.zeros(len(shape)), np.zeros(len(shape)))
    case = np.arange(len(shape))
    one, none = np.ones(len(shape)), np.zeros(len(shape))
    # Of each case: P(N = n) up to a factor, S(n), C(n), D(n), and the sums of P, P C and P D so far.
    state = np.array([one, one, none, none, one, none, none])
    given = np.array([shape, odds / (1 + odds), b])
    n = 0
    while len(case):
        if n > _MOST_TERMS:
            raise OpskitError("horizon_days is too long to add up the busiest customers' purchases. Use a shorter one.")
        terms = int(np.clip(_CELLS // len(case), 4, _BLOCK))
        state, ended = _add(state, given, a, np.arange(n, n + terms, dtype=float))
        n += terms
        if ended.any():
            total, first, second = state[4:, ended]
            counts.mean[case[ended]], counts.square[case[ended]] = first / total, second / total
            case, state, given = case[~ended], state[:, ~ended], given[:, ~ended]
    return counts


def _add(state: "Vector", given: "Vector", a: float, n: "Vector") -> "tuple[Vector, Flags]":
    """The state after these terms, and which cases need no more."""
    import numpy as np

    probability, stays, once, twice, *sums = state[:, :, None]
    shape, z, b = given[:, :, None]
    probabilities = probability * np.cumprod((shape + n) / (n + 1) * z, axis=1)
    later = stays * np.cumprod((b + n) / (a + b + n), axis=1)
    now = np.concatenate([stays, later[:, :-1]], axis=1)
    once = once + np.cumsum(now, axis=1)
    twice = twice + np.cumsum((2 * n + 1) * now, axis=1)
    added = (probabilities, probabilities * once, probabilities * twice)
    totals = [before[:, 0] + more.sum(axis=1) for before, more in zip(sums, added, strict=True)]
    last = probabilities[:, -1]
    # What follows is less than a geometric series, weighted by up to n squared.
    ratio = (given[0] + n[-1] + 1) / (n[-1] + 2) * given[1]
    left = last * (n[-1] + 2.0) ** 2 / np.maximum(1 - ratio, 1e-9) ** 3
    ended = (ratio < 1) & (left <= _NEGLIGIBLE * totals[2])
    scale = np.where(totals[0] > _LARGE, 1 / _LARGE, 1.0)
    after = [scale * last, later[:, -1], once[:, -1], twice[:, -1], *(scale * total for total in totals)]
    return np.array(after), ended
